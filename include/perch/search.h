/* Search criteria (RFC 9051 6.4.4 and extensions) as a tree, for SEARCH, SORT and THREAD.
 *
 *   struct perch_search who[] = {
 *       perch_search_text(PERCH_SEARCH_FROM, "ann"),
 *       perch_search_text(PERCH_SEARCH_TO, "ann"),
 *   };
 *   struct perch_search all[] = {
 *       perch_search_key(PERCH_SEARCH_UNSEEN),
 *       perch_search_date(PERCH_SEARCH_SINCE, day),
 *       perch_search_list(PERCH_SEARCH_OR, who, 2),
 *   };
 *   struct perch_search criteria = perch_search_list(PERCH_SEARCH_AND, all, 3);
 *
 * sends UNSEEN SINCE 1-Nov-2026 OR FROM "ann" TO "ann". Nodes are plain values that point
 * at what the caller keeps until the command was started. Text is UTF-8; perch quotes it,
 * sends it as a literal and names the charset as needed, so that no text can become a
 * command. Criteria that say nothing (an empty list, an empty set, an empty raw text) or
 * nest more than 64 deep are PERCH_ECRITERIA and nothing is sent.
 * (IMAPClient: the criteria of search, sort, thread and gmail_search) */
#ifndef PERCH_SEARCH_H
#define PERCH_SEARCH_H

#include "perch/set.h"
#include "perch/types.h"

#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a key takes; the fields of struct perch_search it reads stand behind.
 *   LIST    list, nlist: criteria that must all match (AND, NOT), or one of them (OR)
 *   NONE    nothing
 *   TEXT    text
 *   HEADER  field, text ("": the field is there)
 *   LABEL   text, a Gmail label in UTF-8
 *   ATOM    text that must be an atom: a keyword, a filter's name, an object's id
 *   DATE    unix_s, of which the UTC day counts
 *   NUMBER  number
 *   MODSEQ  number, and optionally field ("/flags/\\seen") with text (priv, shared, all)
 *   SET     set
 *   RAW     text, sent as it is: 7-bit, any keys the server knows
 *
 * X(name, text on the wire, shape, extension that the server must have) */
#define PERCH_SEARCH_KEYS(X)                                                                       \
    X(AND, "", LIST, BASE)                                                                         \
    X(OR, "OR", LIST, BASE)                                                                        \
    X(NOT, "NOT", LIST, BASE)                                                                      \
    X(RAW, "", RAW, BASE)                                                                          \
    X(ALL, "ALL", NONE, BASE)                                                                      \
    X(ANSWERED, "ANSWERED", NONE, BASE)                                                            \
    X(DELETED, "DELETED", NONE, BASE)                                                              \
    X(DRAFT, "DRAFT", NONE, BASE)                                                                  \
    X(FLAGGED, "FLAGGED", NONE, BASE)                                                              \
    X(NEW, "NEW", NONE, BASE) /* NEW, OLD, RECENT: not in IMAP4rev2 */                             \
    X(OLD, "OLD", NONE, BASE)                                                                      \
    X(RECENT, "RECENT", NONE, BASE)                                                                \
    X(SEEN, "SEEN", NONE, BASE)                                                                    \
    X(UNANSWERED, "UNANSWERED", NONE, BASE)                                                        \
    X(UNDELETED, "UNDELETED", NONE, BASE)                                                          \
    X(UNDRAFT, "UNDRAFT", NONE, BASE)                                                              \
    X(UNFLAGGED, "UNFLAGGED", NONE, BASE)                                                          \
    X(UNSEEN, "UNSEEN", NONE, BASE)                                                                \
    X(BCC, "BCC", TEXT, BASE)                                                                      \
    X(BODY, "BODY", TEXT, BASE)                                                                    \
    X(CC, "CC", TEXT, BASE)                                                                        \
    X(FROM, "FROM", TEXT, BASE)                                                                    \
    X(SUBJECT, "SUBJECT", TEXT, BASE)                                                              \
    X(TEXT, "TEXT", TEXT, BASE)                                                                    \
    X(TO, "TO", TEXT, BASE)                                                                        \
    X(HEADER, "HEADER", HEADER, BASE)                                                              \
    X(KEYWORD, "KEYWORD", ATOM, BASE)                                                              \
    X(UNKEYWORD, "UNKEYWORD", ATOM, BASE)                                                          \
    X(BEFORE, "BEFORE", DATE, BASE)                                                                \
    X(ON, "ON", DATE, BASE)                                                                        \
    X(SINCE, "SINCE", DATE, BASE)                                                                  \
    X(SENTBEFORE, "SENTBEFORE", DATE, BASE)                                                        \
    X(SENTON, "SENTON", DATE, BASE)                                                                \
    X(SENTSINCE, "SENTSINCE", DATE, BASE)                                                          \
    X(LARGER, "LARGER", NUMBER, BASE)                                                              \
    X(SMALLER, "SMALLER", NUMBER, BASE)                                                            \
    X(SEQ, "", SET, BASE) /* sequence numbers */                                                   \
    X(UID, "UID", SET, BASE)                                                                       \
    X(RESULT, "$", NONE, SEARCHRES)   /* what was saved (RFC 5182) */                              \
    X(OLDER, "OLDER", NUMBER, WITHIN) /* seconds (RFC 5032) */                                     \
    X(YOUNGER, "YOUNGER", NUMBER, WITHIN)                                                          \
    X(MODSEQ, "MODSEQ", MODSEQ, CONDSTORE)                                                         \
    X(FILTER, "FILTER", ATOM, FILTERS)                                                             \
    X(SAVEDBEFORE, "SAVEDBEFORE", DATE, SAVEDATE)                                                  \
    X(SAVEDON, "SAVEDON", DATE, SAVEDATE)                                                          \
    X(SAVEDSINCE, "SAVEDSINCE", DATE, SAVEDATE)                                                    \
    X(SAVEDATESUPPORTED, "SAVEDATESUPPORTED", NONE, SAVEDATE)                                      \
    X(EMAILID, "EMAILID", ATOM, OBJECTID)                                                          \
    X(THREADID, "THREADID", ATOM, OBJECTID)                                                        \
    X(GM_RAW, "X-GM-RAW", TEXT, GMAIL)                                                             \
    X(GM_MSGID, "X-GM-MSGID", NUMBER, GMAIL)                                                       \
    X(GM_THRID, "X-GM-THRID", NUMBER, GMAIL)                                                       \
    X(GM_LABELS, "X-GM-LABELS", LABEL, GMAIL)

enum perch_search_id {
    PERCH_SEARCH_NONE = 0,
#define PERCH_SEARCH_ENUM(name, text, shape, need) PERCH_SEARCH_##name,
    PERCH_SEARCH_KEYS(PERCH_SEARCH_ENUM)
#undef PERCH_SEARCH_ENUM
};

/* Extensions that criteria need. X(name, bit, capability) */
#define PERCH_SEARCH_NEEDS(X)                                                                      \
    X(SEARCHRES, 0, "SEARCHRES")                                                                   \
    X(WITHIN, 1, "WITHIN")                                                                         \
    X(CONDSTORE, 2, "CONDSTORE")                                                                   \
    X(FILTERS, 3, "FILTERS")                                                                       \
    X(SAVEDATE, 4, "SAVEDATE")                                                                     \
    X(OBJECTID, 5, "OBJECTID")                                                                     \
    X(GMAIL, 6, "X-GM-EXT-1")                                                                      \
    X(FUZZY, 7, "SEARCH=FUZZY")

enum perch_search_need {
    PERCH_SEARCH_NEEDS_BASE = 0,
#define PERCH_SEARCH_NEED_ENUM(name, bit, capability) PERCH_SEARCH_NEEDS_##name = 1 << bit,
    PERCH_SEARCH_NEEDS(PERCH_SEARCH_NEED_ENUM)
#undef PERCH_SEARCH_NEED_ENUM
};

/* One criterion. Fields that its key does not take are ignored. The layout is fixed: nodes
 * stand in arrays of the caller. */
struct perch_search {
    enum perch_search_id key;
    bool fuzzy; /* FUZZY in front (RFC 6203) */
    struct perch_span text, field;
    uint64_t number;
    int64_t unix_s;
    const struct perch_set *set;
    const struct perch_search *list;
    size_t nlist;
};

static inline struct perch_search perch_search_key(enum perch_search_id key)
{
    struct perch_search s;

    memset(&s, 0, sizeof s);
    s.key = key;
    return s;
}

static inline struct perch_search perch_search_text(enum perch_search_id key, const char *text)
{
    struct perch_search s = perch_search_key(key);

    s.text.p = text;
    s.text.n = strlen(text);
    return s;
}

static inline struct perch_search perch_search_header(const char *field, const char *text)
{
    struct perch_search s = perch_search_text(PERCH_SEARCH_HEADER, text);

    s.field.p = field;
    s.field.n = strlen(field);
    return s;
}

static inline struct perch_search perch_search_date(enum perch_search_id key, int64_t unix_s)
{
    struct perch_search s = perch_search_key(key);

    s.unix_s = unix_s;
    return s;
}

static inline struct perch_search perch_search_number(enum perch_search_id key, uint64_t number)
{
    struct perch_search s = perch_search_key(key);

    s.number = number;
    return s;
}

static inline struct perch_search perch_search_set(enum perch_search_id key,
                                                   const struct perch_set *set)
{
    struct perch_search s = perch_search_key(key);

    s.set = set;
    return s;
}

/* PERCH_SEARCH_AND, OR, NOT over `n` criteria. NOT of several is NOT (a b c): messages
 * that do not match all of them. */
static inline struct perch_search perch_search_list(enum perch_search_id key,
                                                    const struct perch_search *list, size_t n)
{
    struct perch_search s = perch_search_key(key);

    s.list = list;
    s.nlist = n;
    return s;
}

/* What a server must advertise to take the criteria (enum perch_search_need), and the
 * capability's name of one of those bits ("" for none). */
PERCH_API uint32_t perch_search_needs(const struct perch_search *criteria);
PERCH_API const char *perch_search_need_name(enum perch_search_need one_bit);

#ifdef __cplusplus
}
#endif

#endif

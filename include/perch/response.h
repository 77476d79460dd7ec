/* Responses of an IMAP server, typed down to the leaf.
 *
 * Everything here is a view: spans point into the response's bytes or into its
 * arena and are valid until the callback that was given the response returns.
 * Arrays are pointer and count; a count of 0 may come with a NULL pointer.
 *
 * Numbers are as the server sent them; nothing was allocated by them. Text is raw
 * bytes unless a field says UTF-8; perch/text.h decodes. */
#ifndef PERCH_RESPONSE_H
#define PERCH_RESPONSE_H

#include "perch/error.h"
#include "perch/set.h"
#include "perch/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- names: enum, text and lookup from one list each ---- */

/* Response types. X(name, text) */
#define PERCH_RESP_TYPES(X)                                                                        \
    X(OK, "OK") X(NO, "NO") X(BAD, "BAD") X(BYE, "BYE") X(PREAUTH, "PREAUTH")                      \
    X(CAPABILITY, "CAPABILITY") X(ENABLED, "ENABLED") X(FLAGS, "FLAGS") X(LIST, "LIST")            \
    X(LSUB, "LSUB") X(XLIST, "XLIST") X(STATUS, "STATUS") X(NAMESPACE, "NAMESPACE")                \
    X(SEARCH, "SEARCH") X(ESEARCH, "ESEARCH") X(SORT, "SORT") X(THREAD, "THREAD")                  \
    X(EXISTS, "EXISTS") X(RECENT, "RECENT") X(EXPUNGE, "EXPUNGE") X(FETCH, "FETCH")                \
    X(UIDFETCH, "UIDFETCH") X(VANISHED, "VANISHED") X(ACL, "ACL")                                  \
    X(LISTRIGHTS, "LISTRIGHTS") X(MYRIGHTS, "MYRIGHTS") X(QUOTA, "QUOTA")                          \
    X(QUOTAROOT, "QUOTAROOT") X(METADATA, "METADATA") X(ID, "ID") X(LANGUAGE, "LANGUAGE")          \
    X(JMAPACCESS, "JMAPACCESS") X(OTHER, "")

enum perch_resp_type {
    PERCH_RESP_NONE = 0,
#define PERCH_RESP_ENUM(name, text) PERCH_RESP_##name,
    PERCH_RESP_TYPES(PERCH_RESP_ENUM)
#undef PERCH_RESP_ENUM
};

/* Response codes: RFC 9051, RFC 5530 and the extensions. X(name, text) */
#define PERCH_CODES(X)                                                                             \
    X(ALERT, "ALERT") X(ALREADYEXISTS, "ALREADYEXISTS") X(APPENDUID, "APPENDUID")                  \
    X(AUTHENTICATIONFAILED, "AUTHENTICATIONFAILED") X(AUTHORIZATIONFAILED, "AUTHORIZATIONFAILED")  \
    X(BADCHARSET, "BADCHARSET") X(BADCOMPARATOR, "BADCOMPARATOR") X(BADEVENT, "BADEVENT")          \
    X(BADURL, "BADURL") X(CANNOT, "CANNOT") X(CAPABILITY, "CAPABILITY")                            \
    X(CLIENTBUG, "CLIENTBUG") X(CLOSED, "CLOSED")                                                  \
    X(COMPRESSIONACTIVE, "COMPRESSIONACTIVE") X(CONTACTADMIN, "CONTACTADMIN")                      \
    X(COPYUID, "COPYUID") X(CORRUPTION, "CORRUPTION") X(EXPIRED, "EXPIRED")                        \
    X(EXPUNGEISSUED, "EXPUNGEISSUED") X(HASCHILDREN, "HASCHILDREN")                                \
    X(HIGHESTMODSEQ, "HIGHESTMODSEQ") X(INPROGRESS, "INPROGRESS") X(INUSE, "INUSE")                \
    X(JMAPACCESS, "JMAPACCESS") X(LIMIT, "LIMIT") X(MAILBOXID, "MAILBOXID")                        \
    X(MAXCONVERTMESSAGES, "MAXCONVERTMESSAGES") X(MESSAGELIMIT, "MESSAGELIMIT")                    \
    X(METADATA, "METADATA") X(MODIFIED, "MODIFIED") X(NOMODSEQ, "NOMODSEQ")                        \
    X(NONEXISTENT, "NONEXISTENT") X(NOPERM, "NOPERM") X(NOTIFICATIONOVERFLOW, "NOTIFICATIONOVERFLOW") \
    X(NOTSAVED, "NOTSAVED") X(NOUPDATE, "NOUPDATE") X(NOTEMPTY, "NOTEMPTY")                        \
    X(OVERQUOTA, "OVERQUOTA") X(PARSE, "PARSE") X(PERMANENTFLAGS, "PERMANENTFLAGS")                \
    X(PRIVACYREQUIRED, "PRIVACYREQUIRED") X(READ_ONLY, "READ-ONLY") X(READ_WRITE, "READ-WRITE")    \
    X(REFERRAL, "REFERRAL") X(SAVELIMIT, "SAVELIMIT") X(SERVERBUG, "SERVERBUG")                    \
    X(TOOBIG, "TOOBIG") X(TRYCREATE, "TRYCREATE") X(UIDNEXT, "UIDNEXT")                            \
    X(UIDNOTSTICKY, "UIDNOTSTICKY") X(UIDREQUIRED, "UIDREQUIRED") X(UIDVALIDITY, "UIDVALIDITY")    \
    X(UNAVAILABLE, "UNAVAILABLE") X(UNDEFINED_FILTER, "UNDEFINED-FILTER")                          \
    X(UNKNOWN_CTE, "UNKNOWN-CTE") X(UNSEEN, "UNSEEN") X(USEATTR, "USEATTR")                        \
    X(URLMECH, "URLMECH") X(OTHER, "")

enum perch_code {
    PERCH_CODE_NONE = 0,
#define PERCH_CODE_ENUM(name, text) PERCH_CODE_##name,
    PERCH_CODES(PERCH_CODE_ENUM)
#undef PERCH_CODE_ENUM
};

/* Flags with a meaning of their own. X(name, bit, text) */
#define PERCH_FLAGS(X)                                                                             \
    X(SEEN, 0, "\\Seen") X(ANSWERED, 1, "\\Answered") X(FLAGGED, 2, "\\Flagged")                   \
    X(DELETED, 3, "\\Deleted") X(DRAFT, 4, "\\Draft") X(RECENT, 5, "\\Recent")                     \
    X(FORWARDED, 6, "$Forwarded") X(MDNSENT, 7, "$MDNSent") X(JUNK, 8, "$Junk")                    \
    X(NOTJUNK, 9, "$NotJunk") X(PHISHING, 10, "$Phishing") X(IMPORTANT, 11, "$Important")

enum perch_flag {
#define PERCH_FLAG_ENUM(name, bit, text) PERCH_FLAG_##name = 1 << bit,
    PERCH_FLAGS(PERCH_FLAG_ENUM)
#undef PERCH_FLAG_ENUM
};

/* Mailbox attributes (LIST) and special uses. X(name, bit, text) */
#define PERCH_ATTRS(X)                                                                             \
    X(NOINFERIORS, 0, "\\Noinferiors") X(NOSELECT, 1, "\\Noselect") X(MARKED, 2, "\\Marked")       \
    X(UNMARKED, 3, "\\Unmarked") X(NONEXISTENT, 4, "\\NonExistent")                                \
    X(SUBSCRIBED, 5, "\\Subscribed") X(REMOTE, 6, "\\Remote")                                      \
    X(HASCHILDREN, 7, "\\HasChildren") X(HASNOCHILDREN, 8, "\\HasNoChildren")                      \
    X(ALL, 9, "\\All") X(ARCHIVE, 10, "\\Archive") X(DRAFTS, 11, "\\Drafts")                       \
    X(FLAGGED, 12, "\\Flagged") X(JUNK, 13, "\\Junk") X(SENT, 14, "\\Sent")                        \
    X(TRASH, 15, "\\Trash") X(IMPORTANT, 16, "\\Important") X(INBOX, 17, "\\Inbox")                \
    X(MEMOS, 18, "\\Memos") X(SCHEDULED, 19, "\\Scheduled") X(SNOOZED, 20, "\\Snoozed")

enum perch_attr {
#define PERCH_ATTR_ENUM(name, bit, text) PERCH_ATTR_##name = 1 << bit,
    PERCH_ATTRS(PERCH_ATTR_ENUM)
#undef PERCH_ATTR_ENUM
};

/* The text of a value, "" for none and OTHER. Static. */
PERCH_API const char *perch_resp_type_name(enum perch_resp_type type);
PERCH_API const char *perch_code_name(enum perch_code code);
PERCH_API const char *perch_flag_name(enum perch_flag one_bit);
PERCH_API const char *perch_attr_name(enum perch_attr one_bit);

/* The value of a text, case-insensitively; 0 if unknown. */
PERCH_API uint32_t perch_flag_bit(struct perch_span name);
PERCH_API uint32_t perch_attr_bit(struct perch_span name);

/* ---- leaves ---- */

/* Flags, keywords or mailbox attributes: every name as the server wrote it, and a
 * bit for each that is known. */
struct perch_names {
    uint32_t bits;
    const struct perch_span *v;
    size_t n;
    bool star; /* "\*" was among them (PERMANENTFLAGS): new keywords may be made */
};

/* A mailbox name as on the wire and in UTF-8. `exact`: encoding utf8 gives raw. */
struct perch_name {
    struct perch_span raw;
    struct perch_span utf8;
    bool exact;
};

/* RFC 9051 7.5.2, ENVELOPE. A group starts with host.p == NULL and mailbox its name,
 * and ends with host.p == NULL and mailbox.p == NULL. */
struct perch_address {
    struct perch_span name, adl, mailbox, host;
};

struct perch_addresses {
    const struct perch_address *v;
    size_t n;
};

struct perch_envelope {
    struct perch_span date, subject; /* raw; perch_date_parse, perch_rfc2047_decode */
    struct perch_addresses from, sender, reply_to, to, cc, bcc;
    struct perch_span in_reply_to, message_id;
};

struct perch_param {
    struct perch_span name, value;
};

enum perch_body_kind { PERCH_BODY_BASIC = 0, PERCH_BODY_TEXT, PERCH_BODY_MESSAGE, PERCH_BODY_MULTIPART };

/* BODY and BODYSTRUCTURE (RFC 9051 7.5.2). Fields that the server left out are NIL
 * or 0; `extended` says that extension data was there. */
struct perch_body {
    enum perch_body_kind kind;
    bool extended;
    struct perch_span type, subtype;
    const struct perch_param *params;
    size_t nparams;
    struct perch_span id, description, encoding;
    uint64_t size;  /* octets as encoded */
    uint64_t lines; /* TEXT and MESSAGE */
    const struct perch_envelope *envelope; /* MESSAGE */
    const struct perch_body *const *parts; /* MULTIPART: its parts; MESSAGE: the one body */
    size_t nparts;
    struct perch_span md5;
    struct perch_span disposition; /* "attachment"; NIL if none */
    const struct perch_param *disposition_params;
    size_t ndisposition_params;
    const struct perch_span *languages;
    size_t nlanguages;
    struct perch_span location;
};

/* BODY[section]<origin>, RFC822*, BINARY[section]. */
struct perch_section {
    struct perch_span item;    /* as the server named it: BODY[HEADER.FIELDS (a b)]<0> */
    struct perch_span section; /* between the brackets; "" for BODY[] */
    bool binary;               /* BINARY[...], literal8 or not */
    bool partial;              /* <origin> was there */
    bool streamed;             /* its bytes went past the row; data.p is NULL */
    uint64_t origin;
    uint64_t size;          /* octets, also when streamed */
    struct perch_span data; /* p == NULL: NIL or streamed */
};

/* ---- FETCH ---- */

/* Items of a FETCH row that were present. */
enum perch_fetch_item {
    PERCH_ITEM_UID = 1 << 0,
    PERCH_ITEM_FLAGS = 1 << 1,
    PERCH_ITEM_MODSEQ = 1 << 2,
    PERCH_ITEM_INTERNALDATE = 1 << 3,
    PERCH_ITEM_SIZE = 1 << 4,
    PERCH_ITEM_ENVELOPE = 1 << 5,
    PERCH_ITEM_BODY = 1 << 6,          /* BODY without extension data */
    PERCH_ITEM_BODYSTRUCTURE = 1 << 7,
    PERCH_ITEM_EMAILID = 1 << 8,
    PERCH_ITEM_THREADID = 1 << 9,
    PERCH_ITEM_SAVEDATE = 1 << 10,
    PERCH_ITEM_PREVIEW = 1 << 11,
    PERCH_ITEM_GM_MSGID = 1 << 12,
    PERCH_ITEM_GM_THRID = 1 << 13,
    PERCH_ITEM_GM_LABELS = 1 << 14,
    PERCH_ITEM_SECTIONS = 1 << 15,
    PERCH_ITEM_BINARY_SIZES = 1 << 16
};

struct perch_binary_size {
    struct perch_span section;
    uint64_t size;
};

/* An item that this version does not know, one balanced value, raw. */
struct perch_other_item {
    struct perch_span name, value;
};

struct perch_fetch {
    uint32_t seq; /* 0 in a UIDFETCH (RFC 9586) */
    uint32_t uid; /* 0 unless PERCH_ITEM_UID */
    uint32_t have; /* enum perch_fetch_item */
    struct perch_names flags;
    uint64_t modseq;
    struct perch_span internaldate; /* raw, NIL possible */
    struct perch_time internal_time;
    uint64_t size;
    const struct perch_envelope *envelope;
    const struct perch_body *body; /* of BODYSTRUCTURE, else of BODY */
    const struct perch_section *sections;
    size_t nsections;
    const struct perch_binary_size *binary_sizes;
    size_t nbinary_sizes;
    struct perch_span emailid, threadid; /* NIL possible */
    struct perch_span savedate;          /* raw, NIL possible */
    struct perch_time save_time;
    struct perch_span preview; /* UTF-8 by the RFC, bytes in fact; NIL possible */
    uint64_t gm_msgid, gm_thrid;
    struct perch_names gm_labels; /* raw, modified UTF-7 */
    const struct perch_other_item *others;
    size_t nothers;
};

/* ---- status responses ---- */

struct perch_uid_pair_code { /* COPYUID: source and destination; APPENDUID: destination only */
    uint32_t uidvalidity;
    struct perch_set source, dest;
    bool paired; /* both count the same and ascend: the n-th of one became the n-th of the other */
};

/* OK, NO, BAD, BYE, PREAUTH, tagged or not. */
struct perch_status_resp {
    enum perch_code code;        /* PERCH_CODE_NONE: there was no [CODE] */
    struct perch_span code_name; /* as written */
    struct perch_span code_args; /* raw, behind the name and a blank */
    struct perch_span text;      /* behind the code */
    union {
        uint64_t number; /* UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ SAVELIMIT ... */
        struct perch_names names; /* CAPABILITY, PERMANENTFLAGS, BADCHARSET, BADEVENT */
        struct perch_set set;     /* MODIFIED */
        struct perch_uid_pair_code uids; /* APPENDUID, COPYUID */
        struct perch_span id;            /* MAILBOXID without its parentheses; a filter's name */
        struct perch_span url;           /* REFERRAL, BADURL, JMAPACCESS */
        struct {                         /* INPROGRESS (RFC 9585) */
            struct perch_span tag;
            bool has_done, has_goal;
            uint64_t done, goal;
        } progress;
        struct { /* METADATA (RFC 5464 4.2): LONGENTRIES n, MAXSIZE n, TOOMANY, NOPRIVATE */
            struct perch_span word;
            uint64_t number;
        } metadata;
        struct { /* MESSAGELIMIT (RFC 9738): the limit, and the first UID left undone */
            uint64_t limit;
            uint32_t uid;
        } limit;
    } u;
};

/* ---- mailboxes ---- */

struct perch_list_resp {
    struct perch_names attrs;
    char delimiter; /* 0 for NIL */
    struct perch_name mailbox;
    struct perch_name oldname; /* OLDNAME; utf8.p == NULL if absent */
    const struct perch_span *childinfo; /* CHILDINFO */
    size_t nchildinfo;
    struct perch_span extended; /* all extension data, raw; NIL if absent */
};

enum perch_status_item {
    PERCH_STATUS_MESSAGES = 1 << 0,
    PERCH_STATUS_RECENT = 1 << 1,
    PERCH_STATUS_UIDNEXT = 1 << 2,
    PERCH_STATUS_UIDVALIDITY = 1 << 3,
    PERCH_STATUS_UNSEEN = 1 << 4,
    PERCH_STATUS_HIGHESTMODSEQ = 1 << 5,
    PERCH_STATUS_SIZE = 1 << 6,
    PERCH_STATUS_DELETED = 1 << 7,
    PERCH_STATUS_DELETED_STORAGE = 1 << 8,
    PERCH_STATUS_APPENDLIMIT = 1 << 9, /* has no value when NIL: then appendlimit is UINT64_MAX */
    PERCH_STATUS_MAILBOXID = 1 << 10
};

struct perch_mailbox_status {
    struct perch_name mailbox;
    uint32_t have; /* enum perch_status_item */
    uint64_t messages, recent, unseen, size, deleted, deleted_storage, appendlimit;
    uint64_t highestmodseq;
    uint32_t uidnext, uidvalidity;
    struct perch_span mailboxid;
    const struct perch_other_item *others;
    size_t nothers;
};

struct perch_namespace {
    struct perch_name prefix;
    char delimiter;              /* 0 for NIL */
    struct perch_span extension; /* raw; NIL if absent */
};

struct perch_namespace_resp { /* personal, other users', shared; n == 0 also for NIL */
    struct {
        const struct perch_namespace *v;
        size_t n;
    } kind[3];
};

/* ---- searching ---- */

struct perch_search_resp { /* SEARCH; SORT keeps the order of the server in `order` */
    struct perch_set set;
    uint64_t modseq;       /* 0: none given */
    const uint32_t *order; /* SORT only */
    size_t norder;
};

struct perch_partial { /* RFC 9394; negative counts from the end */
    int64_t first, last;
    bool negative;
    struct perch_set set; /* n == 0 for NIL */
};

enum perch_esearch_item {
    PERCH_ESEARCH_MIN = 1 << 0,
    PERCH_ESEARCH_MAX = 1 << 1,
    PERCH_ESEARCH_ALL = 1 << 2,
    PERCH_ESEARCH_COUNT = 1 << 3,
    PERCH_ESEARCH_MODSEQ = 1 << 4,
    PERCH_ESEARCH_PARTIAL = 1 << 5,
    PERCH_ESEARCH_UPDATES = 1 << 6 /* ADDTO or REMOVEFROM (RFC 5267) */
};

struct perch_context_update { /* ADDTO and REMOVEFROM: a position and a set, in order */
    bool add;
    uint32_t position; /* 0: the server keeps no order */
    struct perch_set set;
    const uint32_t *order; /* the numbers in the server's order */
    size_t norder;
};

struct perch_esearch_resp {
    struct perch_span tag; /* NIL if the response named none */
    bool uid;
    struct perch_name mailbox; /* MULTISEARCH (RFC 7377); utf8.p == NULL if absent */
    uint32_t uidvalidity;      /* with mailbox */
    uint32_t have;             /* enum perch_esearch_item */
    uint32_t min, max;
    uint64_t count, modseq;
    struct perch_set all;
    const uint32_t *order; /* ESORT: ALL in the server's order; NULL if not asked for */
    size_t norder;
    struct perch_partial partial;
    const struct perch_context_update *updates;
    size_t nupdates;
    const struct perch_other_item *others;
    size_t nothers;
};

/* THREAD (RFC 5256), as a flat list in pre-order: a node's children follow it with
 * depth + 1. number 0 is a missing parent. */
struct perch_thread_node {
    uint32_t number;
    uint32_t depth;
};

struct perch_thread_resp {
    const struct perch_thread_node *v;
    size_t n;
};

/* ---- the rest ---- */

struct perch_vanished_resp {
    bool earlier;
    struct perch_set uids;
};

struct perch_acl_entry {
    struct perch_span identifier, rights;
};

struct perch_acl_resp {
    struct perch_name mailbox;
    const struct perch_acl_entry *v;
    size_t n;
};

struct perch_rights_resp { /* LISTRIGHTS and MYRIGHTS */
    struct perch_name mailbox;
    struct perch_span identifier; /* LISTRIGHTS */
    struct perch_span rights;     /* MYRIGHTS; LISTRIGHTS: those always granted */
    const struct perch_span *optional; /* LISTRIGHTS: groups that come together */
    size_t noptional;
};

struct perch_quota_resource {
    struct perch_span name;
    uint64_t usage, limit;
};

struct perch_quota_resp {
    struct perch_span root;
    const struct perch_quota_resource *v;
    size_t n;
};

struct perch_quotaroot_resp {
    struct perch_name mailbox;
    const struct perch_span *roots;
    size_t nroots;
};

struct perch_metadata_entry {
    struct perch_span name;
    struct perch_span value; /* NIL: there is none */
    bool has_value;          /* false in a bare list of changed names */
};

struct perch_metadata_resp {
    struct perch_name mailbox; /* "" is the server */
    const struct perch_metadata_entry *v;
    size_t n;
};

struct perch_id_resp {
    const struct perch_param *v; /* value may be NIL */
    size_t n;
};

/* ---- one response ---- */

enum perch_resp_kind { PERCH_UNTAGGED = 1, PERCH_TAGGED, PERCH_CONTINUATION };

struct perch_resp {
    enum perch_resp_kind kind;
    enum perch_resp_type type; /* NONE for a continuation */
    struct perch_span raw;     /* all bytes without the last line end */
    struct perch_span tag;     /* of a tagged response */
    struct perch_span word;    /* the type as the server wrote it, also when OTHER */
    uint64_t number;           /* EXISTS, RECENT, EXPUNGE; of OTHER if one stood before it */
    union {
        struct perch_status_resp status; /* OK NO BAD BYE PREAUTH; a continuation's text too */
        struct perch_names names;        /* CAPABILITY ENABLED FLAGS LANGUAGE */
        struct perch_list_resp list;     /* LIST LSUB XLIST */
        struct perch_mailbox_status mailbox_status;
        struct perch_namespace_resp namespaces;
        struct perch_search_resp search; /* SEARCH SORT */
        struct perch_esearch_resp esearch;
        struct perch_thread_resp thread;
        struct perch_fetch fetch; /* FETCH UIDFETCH */
        struct perch_vanished_resp vanished;
        struct perch_acl_resp acl;
        struct perch_rights_resp rights;
        struct perch_quota_resp quota;
        struct perch_quotaroot_resp quotaroot;
        struct perch_metadata_resp metadata;
        struct perch_id_resp id;
        struct perch_span url; /* JMAPACCESS (RFC 9698) */
    } u;
};

/* ---- the reader: bytes in, responses out; no session, no state ---- */

/* Limits on what a server may send. 0 in a field takes its default. Each is tested
 * at limit - 1, limit and limit + 1. */
struct perch_limits {
    size_t size;               /* sizeof(struct perch_limits) */
    size_t line;               /* bytes of a response without its literals: 1 MiB; SEARCH, SORT,
                                  ESEARCH, THREAD and VANISHED are exempt up to `response` */
    size_t literal;            /* a literal that is not a body: 256 KiB */
    uint64_t body;             /* a body literal: 64 MiB */
    size_t inline_literal;     /* body literals above this are streamed where somebody takes
                                  them so: 64 KiB */
    size_t response;           /* one response with all it holds inline: 16 MiB; bodies above
                                  inline_literal that are kept in it count as `body`, together */
    uint32_t depth;            /* parentheses: 64 */
    uint32_t tokens;           /* tokens of one response: 262,144; not the numbers of SEARCH,
                                  SORT and THREAD */
    uint32_t ranges;           /* ranges in one set as written: 65,536; not of SEARCH and SORT */
};

#define PERCH_LIMITS_INIT {.size = sizeof(struct perch_limits)}

/* What a server does otherwise than its RFC says and perch understands all the same.
 * A bit each; X(name, bit, what it is). The tolerant default is all of them. */
#define PERCH_QUIRKS(X)                                                                            \
    X(BARE_LF, 0, "a line ends in LF alone")                                                       \
    X(BLANKS, 1, "additional blanks, or none where one belongs")                                   \
    X(QUOTING, 2, "a quoted string with bare quotes inside")                                       \
    X(NIL_FORM, 3, "NIL, () or \"\" where another of them belongs, nil in lower case")             \
    X(NUMBER_FORM, 4, "a number that is negative, in exponent form or missing")                    \
    X(LITERAL_FORM, 5, "{n+} from a server, a blank behind the brace, a count that is wrong")      \
    X(SHORT_LIST, 6, "ENVELOPE, BODYSTRUCTURE or an address with fields missing or left over")     \
    X(PARENS, 7, "parentheses missing or doubled")                                                 \
    X(CODE_FORM, 8, "a response code that does not fit its grammar")                               \
    X(NAME_FORM, 9, "a mailbox name unquoted, with blanks, or not as an astring")                  \
    X(FLAG_FORM, 10, "a flag that is no flag: quoted, empty, with brackets")                       \
    X(DATE_FORM, 11, "a date that does not fit its grammar")                                       \
    X(SET_FORM, 12, "a set with stray commas, a descending or zero range")                         \
    X(EMPTY_TEXT, 13, "a status response without text, a bare \"+\"")                            \
    X(LINE_FORM, 14, "a line that is no response but is understood as one")                        \
    X(ADDRESS_FORM, 15, "an address with its fields mixed up or a placeholder host")

enum perch_quirk {
#define PERCH_QUIRK_ENUM(name, bit, what) PERCH_QUIRK_##name = 1 << bit,
    PERCH_QUIRKS(PERCH_QUIRK_ENUM)
#undef PERCH_QUIRK_ENUM
};

PERCH_API const char *perch_quirk_name(enum perch_quirk one_bit);

/* Called for each complete response, each malformed one, each kind of quirk tolerated in
 * a response (before the response, with the offset of its first). Any may be NULL. */
struct perch_reader_hooks {
    size_t size; /* sizeof(struct perch_reader_hooks) */
    void (*on_response)(const struct perch_resp *resp, void *user);
    /* The bytes of a response that made no sense, and the offset inside them. The
     * next response follows as if nothing had been. */
    void (*on_malformed)(struct perch_span raw, size_t offset, const char *reason, void *user);
    void (*on_quirk)(enum perch_quirk quirk, size_t offset, void *user);
    /* A body literal above inline_literal: begin with its size and the response up to
     * and including "{n}", then its bytes in pieces, then on_response with
     * `streamed` set in the section. */
    void (*on_body_begin)(struct perch_span so_far, uint64_t size, void *user);
    void (*on_body_data)(const uint8_t *data, size_t len, void *user);
};

struct perch_reader_options {
    size_t size;                /* sizeof(struct perch_reader_options) */
    struct perch_limits limits; /* PERCH_LIMITS_INIT for the defaults */
    uint32_t strict;            /* quirks (enum perch_quirk) that are refused; ~0u: all */
    bool utf8;                  /* UTF8=ACCEPT is on: mailbox names are UTF-8 */
};

#define PERCH_READER_OPTIONS_INIT                                                                  \
    {.size = sizeof(struct perch_reader_options), .limits = PERCH_LIMITS_INIT}

typedef struct perch_reader perch_reader;

/* `options` may be NULL. NULL when out of memory. */
PERCH_API perch_reader *perch_reader_new(const struct perch_reader_options *options,
                                         const struct perch_reader_hooks *hooks, void *user);
PERCH_API void perch_reader_free(perch_reader *r);

/* Takes all of `data`; incomplete responses are kept inside. Hooks run here and may
 * not free the reader. 0, or a negative code after which nothing more is read:
 * PERCH_ELIMIT (a response past its depth, tokens or ranges is reported malformed
 * before), PERCH_EPROTO (a literal whose size cannot be known), PERCH_ENOMEM. */
PERCH_API int perch_reader_feed(perch_reader *r, const void *data, size_t len);

/* End of the stream: bytes of an unfinished response are reported malformed. */
PERCH_API int perch_reader_finish(perch_reader *r);

/* Where the response at hand begins in the stream, counted from the first byte ever fed;
 * for use in hooks, and after a failure. */
PERCH_API uint64_t perch_reader_offset(const perch_reader *r);

/* What was kept of a response that is not whole, without body literals that streamed past;
 * after a failure, up to the end of what was fed. Empty if all lies in the bytes that were
 * fed last. Valid until the next call. */
PERCH_API struct perch_span perch_reader_pending(const perch_reader *r);

PERCH_API const struct perch_error *perch_reader_error(const perch_reader *r);

#ifdef __cplusplus
}
#endif

#endif

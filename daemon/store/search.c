/* Words in subjects and addresses, newest message first.
 *
 * The rows are read in order of date and tested here, so that a search with a limit ends
 * when it has enough. Words and text are folded by the Unicode tables of the C.UTF-8
 * locale. A row is tested twice: first its JSON as it lies there, which is fast and lets
 * most rows go; what passes is parsed and looked at field by field. */
#include "store/reader.h"

#include "base/ascii.h"
#include "base/buf.h"

#include <jansson.h>
#include <locale.h>
#include <wctype.h>

struct search {
    locale_t locale;         /* 0: only ASCII is caseless */
    struct perch_buf *words; /* folded */
    struct perch_buf *quick; /* the same as they stand inside JSON */
    size_t n;
    struct perch_buf text; /* scratch */
};

/* ---- folding ---- */

/* Appends; bytes that are not UTF-8 stay as they are. No lower case letter takes more than
 * twice the bytes of its upper case one (U+023A: two and three). */
static void fold(struct perch_buf *out, const char *text, size_t len, locale_t locale)
{
    const uint8_t *p = (const uint8_t *)text;
    uint8_t *room = perch_buf_room(out, len * 2), *to = room;

    for (size_t i = 0, n; room && i < len; i += n) {
        uint32_t code;

        n = p[i] < 0x80 ? 1 : perch_utf8_seq(p + i, len - i, &code);
        if (n > 1 && locale) {
            to += perch_utf8_put((uint32_t)towlower_l((wint_t)code, locale), to);
            continue;
        }
        n += n == 0;
        for (size_t k = 0; k < n; k++)
            *to++ = (uint8_t)perch_lower(p[i + k]); /* leaves what is not ASCII */
    }
    if (room)
        perch_buf_commit(out, (size_t)(to - room));
}

static bool contains(const struct perch_buf *text, const struct perch_buf *word)
{
    return word->len == 0 ||
           memmem(perch_buf_data(text), text->len, perch_buf_data(word), word->len);
}

/* A word inside a JSON string: its quotes and backslashes are escaped there. A control
 * character has several forms; what stands before it will do for the quick test. */
static void quote_word(struct perch_buf *out, const struct perch_buf *word)
{
    const uint8_t *p = perch_buf_data(word);

    for (size_t i = 0; i < word->len && p[i] >= 0x20; i++) {
        if (p[i] == '"' || p[i] == '\\')
            perch_buf_addc(out, '\\');
        perch_buf_addc(out, (char)p[i]);
    }
}

static void search_done(struct search *s)
{
    for (size_t i = 0; s->words && i < s->n; i++)
        perch_buf_done(&s->words[i]);
    for (size_t i = 0; s->quick && i < s->n; i++)
        perch_buf_done(&s->quick[i]);
    perch_free(s->words);
    perch_free(s->quick);
    perch_buf_done(&s->text);
    if (s->locale)
        freelocale(s->locale);
}

static bool search_init(struct search *s, const char *const *words, size_t n)
{
    bool ok = true;

    *s = (struct search){
        .locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0),
        .words = perch_calloc(n, sizeof *s->words),
        .quick = perch_calloc(n, sizeof *s->quick),
        .n = n,
    };
    if (!s->words || !s->quick)
        return false;
    for (size_t i = 0; i < n; i++) {
        fold(&s->words[i], words[i], strlen(words[i]), s->locale);
        quote_word(&s->quick[i], &s->words[i]);
        ok = ok && !s->words[i].failed && !s->quick[i].failed;
    }
    return ok;
}

/* ---- one row ---- */

static void fold_string(struct search *s, const json_t *string)
{
    if (!json_is_string(string))
        return;
    fold(&s->text, json_string_value(string), json_string_length(string), s->locale);
    perch_buf_addc(&s->text, '\n'); /* no word reaches from one field into the next */
}

static void fold_addresses(struct search *s, const json_t *list)
{
    size_t i;
    json_t *address;

    json_array_foreach(list, i, address)
    {
        fold_string(s, json_object_get(address, "name"));
        fold_string(s, json_object_get(address, "address"));
    }
}

static bool all_words(const struct search *s, const struct perch_buf *words)
{
    for (size_t i = 0; i < s->n; i++)
        if (!contains(&s->text, &words[i]))
            return false;
    return true;
}

/* 1 it matches, 0 it does not, -1 out of memory. */
static int row_matches(struct search *s, const char *envelope)
{
    static const char *const lists[] = {"from", "sender", "reply_to", "to", "cc", "bcc"};
    json_t *fields;

    if (s->n == 0)
        return 1;
    if (!envelope)
        return 0;
    perch_buf_clear(&s->text);
    fold(&s->text, envelope, strlen(envelope), s->locale);
    if (!s->text.failed && !all_words(s, s->quick))
        return 0;
    fields = json_loads(envelope, 0, NULL);
    perch_buf_clear(&s->text);
    fold_string(s, json_object_get(fields, "subject"));
    for (size_t i = 0; i < PERCH_COUNT(lists); i++)
        fold_addresses(s, json_object_get(fields, lists[i]));
    json_decref(fields);
    return s->text.failed ? -1 : all_words(s, s->words);
}

/* ---- all rows ---- */

/* Columns: ref key name uid flags envelope internaldate size. */
static struct db_rows search_query(struct store_reader *r, const char *account)
{
    if (account)
        return DB_ROWS(&r->db,
                       "SELECT e.ref, a.key, b.name, e.uid, m.flags, e.envelope, e.internaldate,"
                       " e.size FROM envelopes e JOIN mailboxes b ON b.id = e.mailbox"
                       " JOIN accounts a ON a.id = b.account"
                       " JOIN messages m ON m.mailbox = e.mailbox AND m.uid = e.uid"
                       " WHERE b.gone = 0 AND a.key = ?1"
                       " ORDER BY e.internaldate DESC, e.ref DESC",
                       db_text(account));
    return DB_ROWS(&r->db,
                   "SELECT e.ref, a.key, b.name, e.uid, m.flags, e.envelope, e.internaldate,"
                   " e.size FROM envelopes e JOIN mailboxes b ON b.id = e.mailbox"
                   " JOIN accounts a ON a.id = b.account"
                   " JOIN messages m ON m.mailbox = e.mailbox AND m.uid = e.uid"
                   " WHERE b.gone = 0 ORDER BY e.internaldate DESC, e.ref DESC");
}

static void hit_read(struct db_rows *rows, struct perch_arena *a, struct store_hit *ret)
{
    *ret = (struct store_hit){
        .ref = db_col_int(rows, 0),
        .account = db_col_text(rows, 1, a),
        .mailbox = db_col_text(rows, 2, a),
        .uid = (uint32_t)db_col_int(rows, 3),
        .flags = db_col_text(rows, 4, a),
        .envelope = db_col_text(rows, 5, a),
        .internaldate = db_col_null(rows, 6) ? INT64_MIN : db_col_int(rows, 6),
        .size = (uint64_t)db_col_int(rows, 7),
    };
}

int store_read_search(struct store_reader *r, const char *const *words, size_t nwords,
                      const char *account, size_t limit,
                      int (*each)(const struct store_hit *hit, void *user), void *user)
{
    struct search s;
    bool ready = search_init(&s, words, nwords);
    struct db_rows rows = search_query(r, account);
    size_t found = 0;
    int rc = 0;

    if (!ready)
        reader_out_of_memory(&rows);
    while (rc == 0 && (limit == 0 || found < limit) && db_next(&rows)) {
        int match = row_matches(&s, db_col_peek(&rows, 5));
        struct store_hit hit;

        if (match < 0)
            reader_out_of_memory(&rows);
        if (match <= 0)
            continue;
        perch_arena_reset(&r->arena);
        hit_read(&rows, &r->arena, &hit);
        if (!rows.failed) {
            found++;
            rc = each(&hit, user);
        }
    }
    search_done(&s);
    return reader_end(r, &rows, rc);
}

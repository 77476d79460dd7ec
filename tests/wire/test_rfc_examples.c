/* Every example response of the RFCs (tests/fixtures/rfc_examples.txt) is understood: as
 * what it is, without a complaint unless the RFC itself errs, and alone. */
#include "support/feed.h"
#include "support/perch_test.h"
#include "support/read.h"
#include "support/show.h"

#include "base/buf.h"

#include <stdlib.h>

/* Responses that perch has no type for; they are handed out raw. */
static const char *const others[] = {"COMPARATOR", "CONVERSION", "CONVERTED", "XPIG-LATIN"};

struct example {
    struct perch_span where;
    bool no_response; /* "| reason" */
    struct perch_buf in;
    struct perch_buf quirks; /* "~BLANKS ~PARENS " */
};

struct seen {
    unsigned responses, malformed;
    enum perch_resp_kind kind;
    enum perch_resp_type type;
    char word[32], tag[32];
    struct perch_buf quirks;
};

static void copy_span(char *to, size_t size, struct perch_span s)
{
    (void)snprintf(to, size, "%.*s", (int)s.n, s.n ? s.p : "");
}

static void on_response(const struct perch_resp *resp, void *user)
{
    struct seen *s = user;

    s->responses++;
    s->kind = resp->kind;
    s->type = resp->type;
    copy_span(s->word, sizeof s->word, resp->word);
    copy_span(s->tag, sizeof s->tag, resp->tag);
}

static void on_malformed(struct perch_span raw, size_t offset, const char *reason, void *user)
{
    struct seen *s = user;

    (void)raw;
    (void)offset;
    (void)reason;
    s->malformed++;
}

static void on_quirk(enum perch_quirk quirk, size_t offset, void *user)
{
    struct seen *s = user;

    (void)offset;
    perch_buf_addf(&s->quirks, "~%s ", perch_show_quirk(quirk));
}

static int feed_reader(const void *data, size_t len, void *user)
{
    return perch_reader_feed(user, data, len);
}

static struct seen read_example(struct example *e, unsigned way)
{
    static const struct perch_reader_hooks hooks = {.size = sizeof hooks,
                                                    .on_response = on_response,
                                                    .on_malformed = on_malformed,
                                                    .on_quirk = on_quirk};
    struct seen seen = {.quirks = PERCH_BUF_INIT};
    perch_reader *r = perch_reader_new(NULL, &hooks, &seen);

    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    ASSERT_INT(perch_feed(way, perch_buf_data(&e->in), e->in.len, feed_reader, r), 0);
    ASSERT_INT(perch_reader_finish(r), 0);
    perch_reader_free(r);
    return seen;
}

/* What the line itself says it is. */
static bool is_as_written(const struct seen *s, struct perch_span line)
{
    struct perch_span first = perch_span_cut(&line, ' '), word;
    bool known = false;

    if (perch_span_eq(first, PERCH_SPAN("+")))
        return s->kind == PERCH_CONTINUATION;
    if (!perch_span_eq(first, PERCH_SPAN("*")))
        return s->kind == PERCH_TAGGED && perch_span_eq(first, perch_span_of(s->tag));
    for (size_t i = 0; i < PERCH_COUNT(others); i++)
        known = known || strcmp(s->word, others[i]) == 0;
    word = perch_span_cut(&line, ' ');
    if (word.n > 0 && *word.p >= '0' && *word.p <= '9')
        word = perch_span_cut(&line, ' ');
    return s->kind == PERCH_UNTAGGED && known == (s->type == PERCH_RESP_OTHER) &&
           perch_span_ieqs(perch_span_trim(word), s->word);
}

static void check(struct example *e)
{
    struct perch_span line = perch_buf_span(&e->in);

    line.n = (size_t)((const char *)memchr(line.p, '\r', line.n) - line.p);
    for (unsigned way = 0; way < 3; way++) {
        struct seen s = read_example(e, way);

        if (!e->no_response && (s.responses != 1 || s.malformed > 0 || !is_as_written(&s, line)))
            FAIL_ROW("RFC %.*s: %u responses, %u malformed, as \"%s\": %.*s", (int)e->where.n,
                     e->where.p, s.responses, s.malformed, s.word, (int)line.n, line.p);
        if (!e->no_response &&
            !perch_span_eq(perch_buf_span(&s.quirks), perch_buf_span(&e->quirks)))
            FAIL_ROW("RFC %.*s: quirks %s: %.*s", (int)e->where.n, e->where.p,
                     perch_buf_cstr(&s.quirks), (int)line.n, line.p);
        perch_buf_done(&s.quirks);
    }
}

/* "RFC 5819, 3 ~BLANKS" or "RFC 2177, 3 | elided". */
static void begin(struct example *e, struct perch_span header)
{
    perch_buf_clear(&e->in);
    perch_buf_clear(&e->quirks);
    e->where = header;
    e->no_response = memchr(header.p, '|', header.n) != NULL;
    while (header.p) {
        struct perch_span word = perch_span_cut(&header, ' ');

        if (word.n > 0 && *word.p == '~') {
            perch_buf_addspan(&e->quirks, word);
            perch_buf_addc(&e->quirks, ' ');
        }
    }
}

static struct perch_buf slurp(const char *path)
{
    struct perch_buf text = PERCH_BUF_INIT;
    FILE *f = fopen(path, "rb");

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    for (int ch; (ch = getc(f)) != EOF;)
        perch_buf_addc(&text, (char)ch);
    (void)fclose(f);
    return text;
}

static void test_every_example_is_understood(void)
{
    struct perch_buf text = slurp(PERCH_FIXTURES "/rfc_examples.txt");
    const char *rows = strstr(perch_buf_cstr(&text), "\n---\n");
    struct perch_span rest = perch_span_of(rows ? rows + 5 : "");
    struct example e = {.in = PERCH_BUF_INIT, .quirks = PERCH_BUF_INIT};
    unsigned examples = 0, exceptions = 0;

    while (rest.p && rest.n > 0) {
        struct perch_span line = perch_span_cut(&rest, '\n');

        if (line.n > 2 && memcmp(line.p, "@ ", 2) == 0) {
            if (e.in.len > 0)
                check(&e);
            begin(&e, (struct perch_span){line.p + 2, line.n - 2});
            examples++;
            exceptions += e.no_response;
        } else {
            perch_buf_addspan(&e.in, line);
            perch_buf_adds(&e.in, "\r\n");
        }
    }
    check(&e);
    ASSERT_INT(examples, 1143);
    ASSERT_INT(exceptions, 43);
    perch_buf_done(&e.in);
    perch_buf_done(&e.quirks);
    perch_buf_done(&text);
}

PERCH_SUITE("wire/rfc_examples") = {
    PERCH_TEST(test_every_example_is_understood),
    PERCH_END,
};

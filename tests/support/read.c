#include "support/read.h"

#include "support/feed.h"
#include "support/perch_test.h"
#include "support/show.h"

#include "base/buf.h"

#include <stdlib.h>

struct log {
    struct perch_buf out;
    perch_reader *reader;
    uint64_t body; /* octets of the streamed body still to come */
};

static void on_response(const struct perch_resp *resp, void *user)
{
    struct log *l = user;

    perch_show_resp(&l->out, resp);
    perch_buf_addc(&l->out, '\n');
}

static void on_malformed(struct perch_span raw, size_t offset, const char *reason, void *user)
{
    struct log *l = user;

    CU_ASSERT(offset <= raw.n);
    CU_ASSERT(reason && *reason);
    perch_buf_addf(&l->out, "!%zu\n", offset);
}

static void on_quirk(enum perch_quirk quirk, size_t offset, void *user)
{
    struct log *l = user;

    (void)offset;
    perch_buf_addf(&l->out, "~%s ", perch_show_quirk(quirk));
}

static void on_body_begin(struct perch_span so_far, uint64_t size, void *user)
{
    struct log *l = user;

    CU_ASSERT(so_far.n > 0 && so_far.p[so_far.n - 1] == '\n');
    CU_ASSERT(l->body == 0);
    l->body = size;
    perch_buf_addf(&l->out, "body %llu\n", (unsigned long long)size);
}

static void on_body_data(const uint8_t *data, size_t len, void *user)
{
    struct log *l = user;

    (void)data;
    CU_ASSERT(len > 0 && len <= l->body);
    l->body -= len;
}

static int feed_reader(const void *data, size_t len, void *user)
{
    struct log *l = user;

    return perch_reader_feed(l->reader, data, len);
}

char *perch_read_log(const void *in, size_t len, const struct perch_reader_options *options,
                     unsigned way, bool finish)
{
    static const struct perch_reader_hooks hooks = {.size = sizeof hooks,
                                                    .on_response = on_response,
                                                    .on_malformed = on_malformed,
                                                    .on_quirk = on_quirk,
                                                    .on_body_begin = on_body_begin,
                                                    .on_body_data = on_body_data};
    struct log l = {.out = PERCH_BUF_INIT};
    char *text;
    int rc;

    l.reader = perch_reader_new(options, &hooks, &l);
    CU_ASSERT_PTR_NOT_NULL_FATAL(l.reader);
    rc = perch_feed(way, in, len, feed_reader, &l);
    if (rc == 0 && finish)
        rc = perch_reader_finish(l.reader);
    if (rc != 0)
        perch_buf_addf(&l.out, "error %s\n", perch_err_name(rc));
    perch_reader_free(l.reader);
    if (l.out.len > 0)
        perch_buf_truncate(&l.out, l.out.len - 1);
    text = strdup(perch_buf_cstr(&l.out));
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    perch_buf_done(&l.out);
    return text;
}

/* The row's log with the sentinel's line behind it, unless framing was lost. */
static bool row_is(const char *have, const char *want)
{
    static const char sentinel[] = "\nEXISTS 9";
    size_t n = strlen(want);

    if (strncmp(have, want, n) != 0)
        return false;
    return strcmp(have + n, sentinel) == 0 || (strstr(want, "error ") && have[n] == '\0');
}

void perch_check_rows(const struct perch_row *rows, size_t n,
                      const struct perch_reader_options *options, const char *file, int line)
{
    for (size_t i = 0; i < n; i++) {
        struct perch_buf in = PERCH_BUF_INIT;

        perch_buf_adds(&in, rows[i].in);
        perch_buf_adds(&in, "\r\n* 9 EXISTS\r\n");
        for (unsigned way = 0; way < PERCH_FEED_WAYS; way++) {
            char *have = perch_read_log(perch_buf_data(&in), in.len, options, way, false);

            if (!row_is(have, rows[i].want)) {
                perch_fail_row(file, line, "row %zu (%s): %s\n      have %s\n      want %s", i,
                               perch_feed_name(way), rows[i].in, have, rows[i].want);
                way = PERCH_FEED_WAYS;
            }
            free(have);
        }
        perch_buf_done(&in);
    }
}

/* A large message goes out in constant memory, and no faster than it is taken. */
#include "support/perch_test.h"
#include "support/transcript.h"

#include "session/session.h"

#include "perch/change.h"

#define OUT_MAX ((size_t)64 << 10)

struct flow {
    struct transcript *t;
    uint64_t read, sent;
    uint64_t most;   /* bytes of the source that were read and not yet sent */
    uint64_t told;   /* by on_progress */
    uint64_t sum_in; /* of all bytes, weighted by their place */
    uint64_t sum_out;
};

static uint64_t weigh(uint64_t at, uint8_t byte)
{
    return (at % 1000003 + 1) * byte;
}

static ssize_t give(void *user, uint8_t *to, size_t max)
{
    struct flow *f = user;

    for (size_t i = 0; i < max; i++) {
        to[i] = (uint8_t)((f->read + i) * 31 >> 3);
        f->sum_in += weigh(f->read + i, to[i]);
    }
    f->read += max;
    if (f->read - f->sent > f->most)
        f->most = f->read - f->sent;
    return (ssize_t)max;
}

static void on_progress(perch_op *op, uint64_t sent, uint64_t total, void *user)
{
    struct transcript_token *token = user;
    struct flow *f = token->t->user;

    (void)op;
    CU_ASSERT(sent > f->told && sent <= total);
    f->told = sent;
}

/* Takes output in pieces of odd sizes, up to `size` bytes of the source. */
static void drain(struct flow *f, perch_op *op, uint64_t size)
{
    size_t arena = op->arena.used, most = 0;

    for (size_t piece = 1; f->sent < size; piece = piece * 5 % 70001 + 1) {
        struct perch_span out = perch_session_output(f->t->s);
        size_t n = out.n < piece ? out.n : piece;

        CU_ASSERT_FATAL(n > 0);
        n = size - f->sent < n ? (size_t)(size - f->sent) : n;
        most = out.n > most ? out.n : most;
        for (size_t i = 0; i < n; i++)
            f->sum_out += weigh(f->sent + i, (uint8_t)out.p[i]);
        f->sent += n;
        perch_session_sent(f->t->s, n);
        if (op->arena.used != arena || f->t->s->out.cap > 4 * OUT_MAX)
            FAIL_ROW("after %llu bytes the arena holds %zu and the output %zu",
                     (unsigned long long)f->sent, op->arena.used, f->t->s->out.cap);
    }
    CU_ASSERT(most <= OUT_MAX + 2); /* the CRLF behind it */
}

static void upload(struct transcript *t, uint64_t size)
{
    struct flow f = {.t = t};
    struct perch_append_message m = {.source = {.size = size, .read = give, .user = &f}};
    struct perch_append_args args = PERCH_APPEND_ARGS_INIT;
    char want[64], end[64];
    perch_op *op = NULL;

    t->user = &f;
    transcript_login(t, "IMAP4rev1");
    args.mailbox = PERCH_SPAN("x");
    args.messages = &m;
    args.nmessages = 1;
    args.on_progress = on_progress;
    transcript_started(
        t, perch_append_start(t->s, &args, transcript_done, transcript_token(t, "a"), &op));
    (void)snprintf(want, sizeof want, "C: <1> APPEND \"x\" {%llu}\n", (unsigned long long)size);
    transcript_play(t, want);
    t->hold = true;
    ASSERT_INT(f.read, 0);
    CU_ASSERT(perch_session_feed(t->s, (const uint8_t *)"+ go\r\n", 6) == 6);
    drain(&f, op, size);
    t->hold = false;
    (void)snprintf(end, sizeof end, "C: \nS: <1> OK [APPENDUID 1 9] done\n");
    transcript_play(t, end);
    CU_ASSERT(f.most <= OUT_MAX);
    ASSERT_INT(f.told, size);
    CU_ASSERT(f.read == size && f.sum_in == f.sum_out);
    transcript_expect(t, "done a ok\n");
}

static void play_large(struct transcript *t)
{
    upload(t, t->cut == TRANSCRIPT_WHOLE ? (uint64_t)64 << 20 : (uint64_t)1 << 20);
}

static void test_64_mib_go_out_in_constant_memory_byte_for_byte(void)
{
    transcript_run(NULL, play_large);
}

/* What the network does not take is not read. */
static void play_stalled(struct transcript *t)
{
    struct flow f = {.t = t};
    struct perch_append_message m = {
        .source = {.size = (uint64_t)2 << 30, .read = give, .user = &f}};
    struct perch_append_args args = PERCH_APPEND_ARGS_INIT;

    transcript_login(t, "IMAP4rev1 LITERAL+");
    args.mailbox = PERCH_SPAN("x");
    args.messages = &m;
    args.nmessages = 1;
    t->hold = true;
    transcript_started(
        t, perch_append_start(t->s, &args, transcript_done, transcript_token(t, "a"), NULL));
    for (int i = 0; i < 100; i++)
        (void)perch_session_output(t->s);
    CU_ASSERT(f.read > 0 && f.read <= OUT_MAX);
    perch_session_free(t->s);
    t->s = NULL;
    CU_ASSERT(f.read <= OUT_MAX);
    transcript_expect(t, "done a PERCH_ECANCELLED\n");
}

static void test_nothing_is_read_that_is_not_taken(void)
{
    transcript_run(NULL, play_stalled);
}

PERCH_SUITE("session/change_large") = {
    PERCH_TEST(test_64_mib_go_out_in_constant_memory_byte_for_byte),
    PERCH_TEST(test_nothing_is_read_that_is_not_taken),
    PERCH_END,
};

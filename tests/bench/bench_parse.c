/* Parsing the answers to a fetch of very many messages, beside a floor and, where they are
 * installed, libetpan and Python's imaplib, in one run.
 *
 *     bench_parse [MESSAGES]     100,000 by default
 *
 * Two streams, made here from one seed: `UID FLAGS MODSEQ`, and `UID FLAGS INTERNALDATE
 * RFC822.SIZE ENVELOPE BODYSTRUCTURE` with varied content. Everything lies in memory; times
 * are CPU time of this process, the best of three. "allocated" counts the bytes of every
 * malloc, calloc and realloc in the process, libetpan's too. */
#include "perch/response.h"

#include "base/buf.h"
#include "base/mem.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifdef PERCH_BENCH_ETPAN
#include <libetpan/libetpan.h>
#endif

#define CHUNK  ((size_t)64 * 1024) /* what one recv would bring */
#define ROUNDS 3

/* ---- allocations, counted ---- */

static uint64_t allocated;

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

PERCH_API void *malloc(size_t n)
{
    allocated += n;
    return __libc_malloc(n);
}

PERCH_API void *calloc(size_t n, size_t size)
{
    allocated += n * size;
    return __libc_calloc(n, size);
}

PERCH_API void *realloc(void *p, size_t n)
{
    allocated += n;
    return __libc_realloc(p, n);
}

/* ---- the streams ---- */

static uint32_t seed = 20261123;

static uint32_t below(uint32_t n)
{
    seed = seed * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)(seed >> 8) * n) >> 24);
}

#define PICK(table) ((table)[below(PERCH_COUNT(table))])

static const char *const words[] = {"meeting", "invoice", "Re:",    "report", "lunch",
                                    "on",      "Friday",  "update", "the",    "quarterly",
                                    "numbers", "for",     "review", "draft",  "question about"};
static const char *const names[] = {
    "Ada Lovelace", "Grace Hopper",  "Edsger W. Dijkstra", "=?utf-8?q?J=C3=BCrgen?= Falk",
    "support",      "Barbara Liskov"};
static const char *const boxes[] = {"ada", "grace.hopper", "edsger", "no-reply", "sales+eu", "b"};
static const char *const hosts[] = {"example.org", "mail.example.com", "lists.example.net", "a.io"};
static const char *const flags[] = {
    "\\Seen", "", "\\Seen \\Answered", "\\Flagged", "\\Seen $Forwarded", "$label1 NonJunk"};

static void address(struct perch_buf *b)
{
    const char *name = below(4) ? PICK(names) : NULL;

    perch_buf_adds(b, name ? "(\"" : "(NIL");
    if (name) {
        perch_buf_adds(b, name);
        perch_buf_addc(b, '"');
    }
    perch_buf_addf(b, " NIL \"%s\" \"%s\")", PICK(boxes), PICK(hosts));
}

static void addresses(struct perch_buf *b, uint32_t n)
{
    perch_buf_adds(b, n ? " (" : " NIL");
    for (uint32_t i = 0; i < n; i++)
        address(b);
    perch_buf_adds(b, n ? ")" : "");
}

static void envelope(struct perch_buf *b, uint32_t i)
{
    perch_buf_addf(b, "(\"%02u Nov 2026 %02u:%02u:%02u +0100\" \"", 1 + i % 28, i % 24, i % 60,
                   i * 7 % 60);
    for (uint32_t n = 2 + below(9); n > 0; n--)
        perch_buf_addf(b, "%s ", PICK(words));
    perch_buf_addf(b, below(12) ? "%u\"" : "\\\"%u\\\"\"", i);
    addresses(b, 1);
    addresses(b, 1);
    addresses(b, 1);
    addresses(b, 1 + below(4));
    addresses(b, below(3) ? 0 : below(5));
    addresses(b, 0);
    if (below(2))
        perch_buf_addf(b, " \"<%08x.%u@%s>\"", seed, i, PICK(hosts));
    else
        perch_buf_adds(b, " NIL");
    perch_buf_addf(b, " \"<%08x.%08x.%u@%s>\")", seed, i * 2654435761u, i, PICK(hosts));
}

static void text_part(struct perch_buf *b, const char *subtype)
{
    perch_buf_addf(b,
                   "(\"TEXT\" \"%s\" (\"CHARSET\" \"UTF-8\") NIL NIL \"QUOTED-PRINTABLE\" %u %u "
                   "NIL NIL NIL NIL)",
                   subtype, 200 + below(9000), 5 + below(300));
}

static void file_part(struct perch_buf *b)
{
    perch_buf_addf(b,
                   "(\"APPLICATION\" \"PDF\" (\"NAME\" \"%s %u.pdf\") \"<part%u@%s>\" NIL "
                   "\"BASE64\" %u NIL (\"ATTACHMENT\" (\"FILENAME\" \"%s %u.pdf\")) NIL NIL)",
                   PICK(words), below(100), below(9), PICK(hosts), 10000 + below(4000000),
                   PICK(words), below(100));
}

static void boundary(struct perch_buf *b, const char *subtype)
{
    perch_buf_addf(b, " \"%s\" (\"BOUNDARY\" \"----=_Part_%u_%08x\") NIL NIL NIL)", subtype,
                   below(10000), seed);
}

static void structure(struct perch_buf *b)
{
    uint32_t shape = below(5);

    if (shape == 0) {
        text_part(b, "PLAIN");
        return;
    }
    perch_buf_addc(b, '(');
    if (shape >= 2)
        perch_buf_addc(b, '(');
    text_part(b, "PLAIN");
    text_part(b, "HTML");
    boundary(b, "ALTERNATIVE");
    if (shape < 2)
        return;
    for (uint32_t n = shape - 1; n > 0; n--)
        file_part(b);
    boundary(b, "MIXED");
}

static struct perch_buf flags_stream(uint32_t messages)
{
    struct perch_buf b = PERCH_BUF_INIT;

    for (uint32_t i = 1; i <= messages; i++)
        perch_buf_addf(&b, "* %u FETCH (UID %u FLAGS (%s) MODSEQ (%u))\r\n", i, 3 * i + 1000,
                       PICK(flags), 5000000 + 7 * i);
    return b;
}

static struct perch_buf envelope_stream(uint32_t messages)
{
    struct perch_buf b = PERCH_BUF_INIT;

    for (uint32_t i = 1; i <= messages; i++) {
        perch_buf_addf(&b,
                       "* %u FETCH (UID %u FLAGS (%s) INTERNALDATE \"%02u-Nov-2026 %02u:%02u:00 "
                       "+0100\" RFC822.SIZE %u ENVELOPE ",
                       i, 3 * i + 1000, PICK(flags), 1 + i % 28, i % 24, i % 60,
                       1000 + below(5000000));
        envelope(&b, i);
        perch_buf_adds(&b, " BODYSTRUCTURE ");
        structure(&b);
        perch_buf_adds(&b, ")\r\n");
    }
    return b;
}

/* ---- who reads them; each returns how many messages it met ---- */

/* Nothing can read lines and look at less. */
static uint64_t run_memchr(const struct perch_buf *in)
{
    const char *p = (const char *)in->p, *end = p + in->len;
    uint64_t n = 0;

    for (; p < end && (p = memchr(p, '\n', (size_t)(end - p))); p++)
        n++;
    return n;
}

/* What one would write for this stream alone: tokens found, nothing kept. */
static volatile uint64_t scanned;

static uint64_t run_hand(const struct perch_buf *in)
{
    const char *p = (const char *)in->p, *end = p + in->len;
    uint64_t n = 0, sum = 0, number = 0;

    while (p < end) {
        char ch = *p++;

        if (ch == '"') {
            for (; (p = memchr(p, '"', (size_t)(end - p))) && p[-1] == '\\'; p++)
                ;
            if (!p)
                break;
            p++;
        } else if (ch >= '0' && ch <= '9') {
            number = number * 10 + (uint64_t)(ch - '0');
        } else {
            sum += number + (ch == '(');
            number = 0;
            n += ch == '\n';
        }
    }
    scanned = sum;
    return n;
}

struct tally {
    uint64_t messages, sum;
};

static void on_response(const struct perch_resp *r, void *user)
{
    struct tally *t = user;
    const struct perch_fetch *f = &r->u.fetch;

    t->messages++;
    t->sum += f->uid + f->flags.bits + f->modseq + f->size;
    if (f->envelope)
        t->sum += f->envelope->subject.n + f->envelope->to.n;
    if (f->body)
        t->sum += f->body->nparts;
}

static uint64_t run_perch(const struct perch_buf *in)
{
    struct perch_reader_hooks hooks = {.size = sizeof hooks, .on_response = on_response};
    struct tally t = {0};
    perch_reader *r = perch_reader_new(NULL, &hooks, &t);
    int rc = r ? 0 : PERCH_ENOMEM;

    for (size_t at = 0; at < in->len && rc == 0; at += CHUNK)
        rc = perch_reader_feed(r, in->p + at, in->len - at < CHUNK ? in->len - at : CHUNK);
    perch_reader_free(r);
    scanned = t.sum;
    return rc == 0 ? t.messages : 0;
}

#ifdef PERCH_BENCH_ETPAN

struct canned {
    struct perch_buf head;
    const struct perch_buf *body;
    size_t at;
};

static size_t serve(const struct perch_buf *from, size_t at, void *to, size_t n)
{
    if (at >= from->len)
        return 0;
    if (n > from->len - at)
        n = from->len - at;
    memcpy(to, from->p + at, n);
    return n;
}

/* Greeting, the stream, and the end of the first command. */
static ssize_t canned_read(mailstream_low *low, void *to, size_t n)
{
    static const char end[] = "1 OK done\r\n";
    struct canned *c = low->data;
    struct perch_buf tail = {.p = (uint8_t *)(uintptr_t)end, .len = sizeof end - 1};
    size_t got = serve(&c->head, c->at, to, n);

    if (got == 0)
        got = serve(c->body, c->at - c->head.len, to, n < CHUNK ? n : CHUNK);
    if (got == 0)
        got = serve(&tail, c->at - c->head.len - c->body->len, to, n);
    c->at += got;
    return (ssize_t)got;
}

static ssize_t canned_write(mailstream_low *low, const void *data, size_t n)
{
    (void)low;
    (void)data;
    return (ssize_t)n;
}

static int canned_close(mailstream_low *low)
{
    (void)low;
    return 0;
}

static int canned_fd(mailstream_low *low)
{
    (void)low;
    return -1;
}

static void canned_free(mailstream_low *low)
{
    free(low);
}

static void on_etpan(struct mailimap_msg_att *att, void *user)
{
    struct tally *t = user;

    (void)att;
    t->messages++;
}

/* Without these libetpan does not call its handler. */
static void on_progress(size_t current, size_t maximum, void *user)
{
    (void)current;
    (void)maximum;
    (void)user;
}

static uint64_t run_etpan_mode(const struct perch_buf *in, bool handler, bool envelopes)
{
    static mailstream_low_driver driver = {.mailstream_read = canned_read,
                                           .mailstream_write = canned_write,
                                           .mailstream_close = canned_close,
                                           .mailstream_get_fd = canned_fd,
                                           .mailstream_free = canned_free};
    struct canned c = {.head = PERCH_BUF_INIT, .body = in};
    struct tally t = {0};
    mailstream_low *low = mailstream_low_new(&c, &driver);
    mailimap *imap = mailimap_new(0, NULL);
    struct mailimap_fetch_type *type = mailimap_fetch_type_new_fetch_att_list_empty();
    clist *result = NULL;

    perch_buf_adds(&c.head, "* OK ready\r\n");
    mailimap_fetch_type_new_fetch_att_list_add(type, mailimap_fetch_att_new_uid());
    if (envelopes)
        mailimap_fetch_type_new_fetch_att_list_add(type, mailimap_fetch_att_new_envelope());
    if (mailimap_connect(imap, mailstream_new(low, CHUNK)) == MAILIMAP_NO_ERROR_NON_AUTHENTICATED) {
        struct mailimap_set *set = mailimap_set_new_interval(1, 0);

        imap->imap_state = MAILIMAP_STATE_SELECTED;
        imap->imap_selection_info = mailimap_selection_info_new();
        if (handler) {
            mailimap_set_progress_callback(imap, on_progress, on_progress, NULL);
            mailimap_set_msg_att_handler(imap, on_etpan, &t);
        }
        if (mailimap_uid_fetch(imap, set, type, &result) == MAILIMAP_NO_ERROR && !handler)
            for (clistiter *i = clist_begin(result); i; i = clist_next(i))
                t.messages++;
        mailimap_set_free(set);
        if (result)
            mailimap_fetch_list_free(result);
    }
    mailimap_fetch_type_free(type);
    mailimap_free(imap);
    perch_buf_done(&c.head);
    return t.messages;
}

static bool with_envelopes;

static uint64_t run_etpan_handler(const struct perch_buf *in)
{
    return run_etpan_mode(in, true, with_envelopes);
}

static uint64_t run_etpan_list(const struct perch_buf *in)
{
    return run_etpan_mode(in, false, with_envelopes);
}

#endif

/* ---- the table ---- */

static double cpu_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void show_row(const char *who, double s, uint64_t messages, size_t bytes, double per_message)
{
    printf("  %-28s %8.4f %9.0f %12.0f", who, s, (double)bytes / s / 1e6, (double)messages / s);
    if (per_message < 0)
        printf(" %12s\n", "-");
    else
        printf(" %12.1f\n", per_message);
    fflush(stdout);
}

/* The best of some rounds; how many bytes were allocated in the last. */
static double row(const char *who, uint64_t (*run)(const struct perch_buf *),
                  const struct perch_buf *in, uint32_t messages)
{
    double best = 1e9;
    uint64_t got = 0, before = 0;

    for (int i = 0; i < ROUNDS; i++) {
        double start = cpu_seconds(), took;

        before = allocated;
        got = run(in);
        took = cpu_seconds() - start;
        best = took < best ? took : best;
    }
    before = allocated - before;
    if (got != messages)
        printf("  %-28s met %llu messages of %u\n", who, (unsigned long long)got, messages);
    else
        show_row(who, best, messages, in->len, (double)before / messages);
    return best;
}

/* imaplib in a process of its own, from a file; it tells its CPU time. */
static void imaplib_row(const struct perch_buf *in, uint32_t messages)
{
    char path[] = "/tmp/perch-bench-XXXXXX", command[600];
    int fd = mkstemp(path);
    double s = 0;
    FILE *f;

    if (fd < 0 || write(fd, in->p, in->len) != (ssize_t)in->len)
        return;
    (void)snprintf(command, sizeof command, "python3 -B %s %s 2>/dev/null",
                   PERCH_BENCH_DIR "/imaplib_fetch.py", path);
    f = popen(command, "r");
    if (f && fread(command, 1, 32, f) > 0)
        s = strtod(command, NULL);
    if (f && pclose(f) == 0 && s > 0)
        show_row("Python imaplib, no parsing", s, messages, in->len, -1);
    (void)unlink(path);
    (void)close(fd);
}

static void table(const char *title, const struct perch_buf *in, uint32_t messages)
{
    double floor, hand, perch;

    printf("%s: %u messages, %.1f MB\n  %-28s %8s %9s %12s %12s\n", title, messages,
           (double)in->len / 1e6, "", "CPU s", "MB/s", "messages/s", "B alloc/msg");
    floor = row("memchr over the lines", run_memchr, in, messages);
    hand = row("hand scan, nothing kept", run_hand, in, messages);
    perch = row("perch", run_perch, in, messages);
#ifdef PERCH_BENCH_ETPAN
    double handler = row("libetpan, handler", run_etpan_handler, in, messages);
    double list = row("libetpan, collected", run_etpan_list, in, messages);

    printf("  libetpan / perch: handler %.1f, collected %.1f\n", handler / perch, list / perch);
#endif
    imaplib_row(in, messages);
    printf("  perch / hand scan: %.2f, perch / memchr: %.1f\n\n", perch / hand, perch / floor);
}

int main(int argc, char **argv)
{
    uint32_t messages = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 100000;
    struct perch_buf in = flags_stream(messages);

    table("UID FLAGS MODSEQ", &in, messages);
    perch_buf_done(&in);
    in = envelope_stream(messages);
#ifdef PERCH_BENCH_ETPAN
    with_envelopes = true;
#endif
    table("UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE", &in, messages);
    perch_buf_done(&in);
    return 0;
}

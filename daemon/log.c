/* A record is built in one buffer and leaves in one call: lines of two processes on the same
 * stderr do not mix, and nothing a server sent can begin a second one. */
#include "log.h"

#include "base/ascii.h"
#include "base/buf.h"
#include "base/clock.h"

#if PERCH_HAVE_SYSTEMD
#include <systemd/sd-journal.h>
#endif

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TEXT_MAX 1024

static enum log_level log_threshold = LOG_LEVEL_INFO;
static const char *log_process;

static const char *const level_names[] = {"error", "warn", "info", "debug"};

void log_set_level(enum log_level level)
{
    log_threshold = level;
}

void log_set_process(const char *name)
{
    log_process = name;
}

/* Moves the cursor, changes the direction of the text or ends a line somewhere. */
static bool is_disruptive(uint32_t c)
{
    return (c >= 0x7f && c < 0xa0) || c == 0x061c || c == 0x200e || c == 0x200f ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

void log_escape(struct perch_buf *out, const char *text, size_t len)
{
    const uint8_t *p = (const uint8_t *)text, *end = p + len;

    while (p < end) {
        uint32_t code;
        size_t n = perch_utf8_seq(p, (size_t)(end - p), &code);

        if (n == 0 || (n == 1 && perch_is_ctl(*p))) {
            perch_buf_addf(out, "\\x%02X", *p);
            n = 1;
        } else if (is_disruptive(code)) {
            perch_buf_addf(out, code < 0x100 ? "\\x%02" PRIX32 : "\\u{%04" PRIX32 "}", code);
        } else {
            perch_buf_add(out, p, n);
        }
        p += n;
    }
}

/* The text as a record shows it: cut at a character's border, then escaped. */
static void add_text(struct perch_buf *out, const char *text, int len)
{
    size_t n = len < 0 ? 0 : (size_t)len;
    bool cut = n >= TEXT_MAX;

    if (cut) {
        n = TEXT_MAX - 1;
        while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
            n--;
    }
    log_escape(out, text, n);
    if (cut)
        perch_buf_adds(out, " [cut]");
}

static void add_time(struct perch_buf *out)
{
    int64_t ms = perch_clock_wall_ms();
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;

    if (!gmtime_r(&seconds, &tm))
        return;
    perch_buf_addf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ ", tm.tm_year + 1900, tm.tm_mon + 1,
                   tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(ms % 1000));
}

#if PERCH_HAVE_SYSTEMD
/* systemd names the device and inode of the stream that it connected to the journal. */
static bool stderr_is_journal(void)
{
    static int known = -1;
    char have[64];
    const char *want = getenv("JOURNAL_STREAM");
    struct stat st;

    if (known >= 0)
        return known;
    known = 0;
    if (want && fstat(STDERR_FILENO, &st) == 0) {
        (void)snprintf(have, sizeof have, "%" PRIuMAX ":%" PRIuMAX, (uintmax_t)st.st_dev,
                       (uintmax_t)st.st_ino);
        known = strcmp(have, want) == 0;
    }
    return known;
}

static void send_journal(enum log_level level, const char *account, const char *text)
{
    static const int priorities[] = {3, 4, 6, 7}; /* syslog's err, warning, info, debug */

    (void)sd_journal_send("MESSAGE=%s%s%s", account ? account : "", account ? ": " : "", text,
                          "PRIORITY=%d", priorities[level], "PERCH_PROCESS=%s",
                          log_process ? log_process : "runner", "PERCH_ACCOUNT=%s",
                          account ? account : "", NULL);
}
#endif

void log_at(enum log_level level, const char *account, const char *fmt, ...)
{
    struct perch_buf line = PERCH_BUF_INIT;
    char text[TEXT_MAX + 4]; /* room to see that there was more, and where its character ends */
    va_list ap;
    int len;

    if (level > log_threshold)
        return;
    va_start(ap, fmt);
    len = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
#if PERCH_HAVE_SYSTEMD
    if (stderr_is_journal()) {
        add_text(&line, text, len);
        send_journal(level, account, perch_buf_cstr(&line) ? perch_buf_cstr(&line) : "");
        perch_buf_done(&line);
        return;
    }
#endif
    add_time(&line);
    perch_buf_adds(&line, level_names[level]);
    perch_buf_addc(&line, ' ');
    if (log_process)
        perch_buf_addf(&line, "%s: ", log_process);
    if (account) {
        log_escape(&line, account, strlen(account));
        perch_buf_adds(&line, ": ");
    }
    add_text(&line, text, len);
    perch_buf_addc(&line, '\n');
    if (write(STDERR_FILENO, perch_buf_data(&line), line.len) < 0) {
        /* nobody can be told */
    }
    perch_buf_done(&line);
}

/* The daemon's log: one line a record on stderr, what came from a server escaped. An
 * error is logged once, at the place that decides what happens next. */
#ifndef PERCHD_LOG_H
#define PERCHD_LOG_H

#include <stddef.h>

struct perch_buf;

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_set_level(enum log_level level);

/* Put in front of each line: "engine"; NULL for the main process. */
void log_set_process(const char *name);

/* `account` may be NULL. The text is cut at 1 KiB; C0, C1, ESC and bidi controls in it
 * become \xNN or \u{NNNN}. */
void log_at(enum log_level level, const char *account, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Appends text so that a log or a terminal can show it: controls as above, bytes that are
 * not UTF-8 as \xNN. */
void log_escape(struct perch_buf *out, const char *text, size_t len);

#define log_error(account, ...) log_at(LOG_LEVEL_ERROR, account, __VA_ARGS__)
#define log_warn(account, ...)  log_at(LOG_LEVEL_WARN, account, __VA_ARGS__)
#define log_info(account, ...)  log_at(LOG_LEVEL_INFO, account, __VA_ARGS__)
#define log_debug(account, ...) log_at(LOG_LEVEL_DEBUG, account, __VA_ARGS__)

#endif

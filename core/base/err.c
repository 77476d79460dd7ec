/* The text of an error may hold anything a server sent: it is made one line of valid UTF-8
 * without control characters here, once, so that no log, JSON or terminal has to. */
#include "base/err.h"

#include "base/ascii.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *perch_err_class(int code)
{
    switch (code) {
    case PERCH_OK:
        return "ok";
#define PERCH_ERR_CLASS(name, value, class_)                                                       \
    case value:                                                                                    \
        return class_;
        PERCH_ERRORS(PERCH_ERR_CLASS)
#undef PERCH_ERR_CLASS
    }
    return "unknown";
}

const char *perch_err_name(int code)
{
    switch (code) {
    case PERCH_OK:
        return "PERCH_OK";
#define PERCH_ERR_NAME(name, value, class_)                                                        \
    case value:                                                                                    \
        return "PERCH_" #name;
        PERCH_ERRORS(PERCH_ERR_NAME)
#undef PERCH_ERR_NAME
    }
    return "unknown";
}

/* Drops the first bytes of a character whose last ones did not fit. */
static size_t cut_at_border(const uint8_t *p, size_t n)
{
    size_t start = n;
    uint32_t code;

    while (start > 0 && n - start < 3 && (p[start - 1] & 0xc0) == 0x80)
        start--;
    if (start == 0 || p[start - 1] < 0xc0)
        return n;
    start--;
    return perch_utf8_seq(p + start, n - start, &code) ? n : start;
}

static void make_printable(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n;) {
        uint32_t code = 0;
        size_t len = perch_utf8_seq(p + i, n - i, &code);

        if (len == 0)
            len = 1;
        if (len <= 2 && (code < 0x20 || (code >= 0x7f && code < 0xa0)))
            memset(p + i, '?', len); /* C0, DEL, C1, or (code 0) no UTF-8 */
        i += len;
    }
}

int perch_error_set(struct perch_error *e, int code, enum perch_radius radius,
                    enum perch_remedy remedy, const char *reason, const char *fmt, ...)
{
    char text[PERCH_ERROR_TEXT]; /* not e->text: an argument may point into it */
    va_list ap;
    size_t n;
    int want;

    if (!e)
        return code;
    va_start(ap, fmt);
    want = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    n = want < 0 ? 0 : strnlen(text, sizeof text - 1);
    if (want > 0 && (size_t)want > n)
        n = cut_at_border((const uint8_t *)text, n);
    make_printable((uint8_t *)text, n);
    text[n] = '\0';
    *e = (struct perch_error){
        .code = code,
        .radius = radius,
        .remedy = remedy,
        .reason = reason ? reason : perch_err_class(code),
    };
    memcpy(e->text, text, n + 1);
    return code;
}

void perch_error_clear(struct perch_error *e)
{
    *e = (struct perch_error){0};
}

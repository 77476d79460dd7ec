/* How wide text is on a terminal. The C library knows the width of every character of
 * Unicode, but only under a UTF-8 locale: C.UTF-8, which glibc always has, is borrowed for
 * the question, so that the answer is the same under LC_ALL=C. */
#include "cli/output.h"

#include "base/ascii.h"

#include <locale.h>
#include <wchar.h>

static locale_t utf8_locale(void)
{
    static locale_t made;
    static bool tried;

    if (!tried)
        made = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    tried = true;
    return made;
}

/* How many bytes of `text` fit `limit` columns, and the columns that they take. */
static size_t measure(struct perch_span text, size_t limit, size_t *ret_width)
{
    locale_t utf8 = utf8_locale();
    locale_t old = utf8 ? uselocale(utf8) : (locale_t)0;
    size_t at = 0, width = 0;

    while (at < text.n) {
        uint32_t code = 0;
        size_t len = perch_utf8_seq((const uint8_t *)text.p + at, text.n - at, &code);
        int one = len && utf8 ? wcwidth((wchar_t)code) : 1;

        if (one < 0) /* a control: not printed by us, never trusted to be narrow */
            one = 1;
        if (width + (size_t)one > limit)
            break;
        width += (size_t)one;
        at += len ? len : 1;
    }
    if (utf8)
        (void)uselocale(old);
    *ret_width = width;
    return at;
}

size_t text_width(struct perch_span text)
{
    size_t width;

    (void)measure(text, SIZE_MAX, &width);
    return width;
}

struct perch_span text_cut(struct perch_span text, size_t width)
{
    size_t got;

    text.n = measure(text, width, &got);
    return text;
}

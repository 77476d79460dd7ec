/* Parameters of a parsed MIME structure (RFC 2231): `name*=charset'lang'%XX`, the same cut into
 * `name*0*`, `name*1`, ..., and what is written in their stead: RFC 2047 in a plain value. Of
 * several forms of one name the extended one is meant for those who can read it. */
#include "wire/charset.h"
#include "wire/rfc2047.h"

#include "perch/error.h"
#include "perch/text.h"

#include "base/ascii.h"
#include "base/num.h"
#include "base/span.h"

#define SECTIONS_MAX 256 /* of one value; a file name takes five */

struct section {
    const struct perch_param *param; /* NULL: missing */
    bool extended;                   /* its value has %XX */
};

struct forms {
    const struct perch_param *plain, *extended;
    struct section sections[SECTIONS_MAX];
};

/* Sorts one parameter in, if it is a form of `name`. */
static void sort_in(struct forms *f, const struct perch_param *param, struct perch_span name)
{
    struct perch_span rest = param->name;
    uint64_t number;
    bool extended;

    if (rest.n < name.n || !perch_span_ieq((struct perch_span){rest.p, name.n}, name))
        return;
    rest = (struct perch_span){rest.p + name.n, rest.n - name.n};
    if (rest.n == 0) {
        f->plain = f->plain ? f->plain : param;
        return;
    }
    if (rest.p[0] != '*')
        return;
    rest = (struct perch_span){rest.p + 1, rest.n - 1};
    if (rest.n == 0) {
        f->extended = f->extended ? f->extended : param;
        return;
    }
    extended = rest.p[rest.n - 1] == '*';
    rest.n -= extended;
    if (perch_num_u64(rest, SECTIONS_MAX - 1, &number) && !f->sections[number].param)
        f->sections[number] = (struct section){param, extended};
}

static void append_percent(struct perch_buf *out, struct perch_span s)
{
    for (size_t i = 0; i < s.n; i++) {
        int high = i + 2 < s.n && s.p[i] == '%' ? perch_hex_value((unsigned char)s.p[i + 1]) : -1;
        int low = high < 0 ? -1 : perch_hex_value((unsigned char)s.p[i + 2]);

        if (low < 0) {
            perch_buf_addc(out, s.p[i]);
            continue;
        }
        perch_buf_addc(out, (char)(high << 4 | low));
        i += 2;
    }
}

/* Takes "charset'language'" off the front; without it the charset stays unknown. */
static struct perch_span cut_charset(struct perch_span *value)
{
    struct perch_span rest = *value, charset = perch_span_cut(&rest, '\'');

    if (!rest.p)
        return (struct perch_span){NULL, 0};
    (void)perch_span_cut(&rest, '\'');
    if (!rest.p)
        return (struct perch_span){NULL, 0};
    *value = rest;
    return charset;
}

static void append_in_charset(struct perch_buf *out, struct perch_span bytes,
                              struct perch_span charset)
{
    struct perch_charset c = PERCH_CHARSET_INIT;

    if (perch_charset_open(&c, charset))
        perch_charset_append(out, &c, bytes);
    else
        perch_charset_append_raw(out, bytes);
    perch_charset_close(&c);
    perch_text_make_one_line(out, 0);
}

/* The sections of one value, joined as bytes, since a character may be cut too. */
static void append_sections(struct perch_buf *out, const struct section *sections, size_t n)
{
    struct perch_buf bytes = PERCH_BUF_INIT;
    struct perch_span charset = {NULL, 0};

    for (size_t i = 0; i < n && sections[i].param; i++) {
        struct perch_span value = sections[i].param->value;

        if (i == 0 && sections[i].extended)
            charset = cut_charset(&value);
        if (sections[i].extended)
            append_percent(&bytes, value);
        else
            perch_buf_addspan(&bytes, value);
    }
    if (sections[0].extended)
        append_in_charset(out, perch_buf_span(&bytes), charset);
    else
        (void)perch_rfc2047_append(out, perch_buf_span(&bytes));
    if (bytes.failed)
        out->failed = true;
    perch_buf_done(&bytes);
}

static bool append_best(struct perch_buf *out, const struct forms *f)
{
    if (f->extended)
        append_sections(out, &(struct section){f->extended, true}, 1);
    else if (f->sections[0].param)
        append_sections(out, f->sections, SECTIONS_MAX);
    else if (f->plain)
        (void)perch_rfc2047_append(out, f->plain->value);
    else
        return false;
    return true;
}

int perch_param_decode(const struct perch_param *params, size_t nparams, const char *name,
                       char **ret_utf8, size_t *ret_len)
{
    struct forms f = {0};
    struct perch_buf out = PERCH_BUF_INIT;
    char *utf8 = NULL;
    size_t len = 0;

    for (size_t i = 0; i < nparams; i++)
        sort_in(&f, &params[i], perch_span_of(name));
    if (append_best(&out, &f)) {
        utf8 = perch_buf_take(&out, &len);
        if (!utf8)
            return PERCH_ENOMEM;
    }
    *ret_utf8 = utf8;
    *ret_len = len;
    return PERCH_OK;
}

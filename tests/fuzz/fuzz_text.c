/* Text to and from UTF-8. The whole input goes through every function of perch/text.h and
 * base64:
 *  - what comes out is valid UTF-8 within the bounds the header gives;
 *  - a mailbox name is exact if and only if encoding gives it back; any UTF-8 survives
 *    encoding and decoding, and is printable ASCII in between;
 *  - a date that was read is the same after writing and reading it again;
 *  - base64 of anything decodes to it, and what strict decoding takes, lax decoding takes alike. */
#include "fuzz.h"

#include "perch/error.h"
#include "perch/text.h"

#include "base/ascii.h"
#include "base/b64.h"
#include "base/err.h"
#include "base/span.h"

static void check_text(const char *utf8, size_t len)
{
    FUZZ_CHECK(utf8);
    FUZZ_CHECK(utf8[len] == '\0');
    FUZZ_CHECK(perch_utf8_valid(utf8, len));
}

static void check_line(const char *utf8, size_t len)
{
    check_text(utf8, len);
    FUZZ_CHECK(strlen(utf8) == len); /* no NUL inside */
    FUZZ_CHECK(!strpbrk(utf8, "\r\n"));
}

static void check_mutf7_decode(struct perch_span name)
{
    char *utf8 = NULL, *again = NULL;
    size_t len = 0, again_len = 0;
    bool exact = false;

    FUZZ_CHECK(perch_mutf7_decode(name, &utf8, &len, &exact) == PERCH_OK);
    check_text(utf8, len);
    FUZZ_CHECK(len <= 3 * name.n); /* U+FFFD for a byte is the most */
    FUZZ_CHECK(perch_mutf7_encode((struct perch_span){utf8, len}, &again, &again_len) == PERCH_OK);
    FUZZ_CHECK(exact == perch_span_eq((struct perch_span){again, again_len}, name));
    perch_text_free(utf8);
    perch_text_free(again);
}

static void check_mutf7_encode(struct perch_span utf8)
{
    char *name = NULL, *back = NULL;
    size_t len = 0, back_len = 0;
    bool exact = false;
    int ret = perch_mutf7_encode(utf8, &name, &len);

    FUZZ_CHECK(ret == (perch_utf8_valid(utf8.p, utf8.n) ? PERCH_OK : PERCH_EINVAL));
    if (ret)
        return;
    for (size_t i = 0; i < len; i++)
        FUZZ_CHECK(name[i] >= 0x20 && name[i] <= 0x7e);
    FUZZ_CHECK(perch_mutf7_decode((struct perch_span){name, len}, &back, &back_len, &exact) == 0);
    FUZZ_CHECK(exact && perch_span_eq((struct perch_span){back, back_len}, utf8));
    perch_text_free(name);
    perch_text_free(back);
}

static void check_header(struct perch_span value)
{
    char *utf8 = NULL;
    size_t len = 0;
    bool truncated = false;

    FUZZ_CHECK(perch_rfc2047_decode(value, &utf8, &len, &truncated) == PERCH_OK);
    check_line(utf8, len);
    FUZZ_CHECK(len <= 65536 && (!truncated || len >= 65533));
    perch_text_free(utf8);
}

static void check_same_time(struct perch_time a, struct perch_time b)
{
    FUZZ_CHECK(a.valid == b.valid && a.unix_s == b.unix_s && a.offset_min == b.offset_min &&
               a.offset_known == b.offset_known);
}

static void check_date(struct perch_time t)
{
    char internal[PERCH_INTERNALDATE_SIZE], iso[PERCH_ISO_SIZE];

    if (!t.valid) {
        check_same_time(t, (struct perch_time){0});
        return;
    }
    FUZZ_CHECK(t.offset_min > -1440 && t.offset_min < 1440);
    perch_iso_format(t.unix_s, iso);
    FUZZ_CHECK(strlen(iso) == strlen("2026-11-22T23:58:31Z"));
    perch_internaldate_format(t, internal);
    FUZZ_CHECK(strlen(internal) == PERCH_INTERNALDATE_SIZE - 1);
    /* A zone may carry a date out of years that four digits can write. */
    if (t.unix_s < INT64_C(-62135510400) || t.unix_s > INT64_C(253402214400))
        return;
    check_same_time(perch_internaldate_parse(perch_span_of(internal)), t);
    check_same_time(perch_date_parse(perch_span_of(internal)), t);
    FUZZ_CHECK(perch_date_parse(perch_span_of(iso)).unix_s == t.unix_s);
}

static void check_base64(struct perch_span s)
{
    struct perch_buf coded = PERCH_BUF_INIT, strict = PERCH_BUF_INIT, lax = PERCH_BUF_INIT;

    perch_b64_encode(&coded, s.p, s.n);
    FUZZ_CHECK(perch_b64_decode(&strict, perch_buf_data(&coded), coded.len));
    FUZZ_CHECK(perch_span_eq(perch_buf_span(&strict), s));
    perch_buf_clear(&strict);
    perch_b64_decode_lax(&lax, s.p, s.n);
    FUZZ_CHECK(lax.len <= s.n);
    if (perch_b64_decode(&strict, s.p, s.n))
        FUZZ_CHECK(perch_span_eq(perch_buf_span(&strict), perch_buf_span(&lax)));
    else
        FUZZ_CHECK(strict.len == 0);
    perch_buf_done(&coded);
    perch_buf_done(&strict);
    perch_buf_done(&lax);
}

/* "charset\nbytes" */
static void check_charset(struct fuzz_input in)
{
    struct perch_span charset = fuzz_until(&in, '\n');
    struct perch_span bytes = fuzz_run(&in, in.n);
    char *utf8 = NULL;
    size_t len = 0;

    if (perch_charset_decode(bytes, charset, &utf8, &len))
        return;
    check_text(utf8, len);
    FUZZ_CHECK(len <= 4 * bytes.n + 16);
    perch_text_free(utf8);
}

/* Lines "name=value". */
static void check_params(struct fuzz_input in)
{
    struct perch_param params[8];
    size_t n = 0;
    char *utf8 = NULL;
    size_t len = 0;

    for (; in.n > 0 && n < 8; n++) {
        struct perch_span value = fuzz_until(&in, '\n');

        params[n].name = perch_span_cut(&value, '=');
        params[n].value = value;
    }
    FUZZ_CHECK(perch_param_decode(params, n, "name", &utf8, &len) == PERCH_OK);
    if (utf8)
        check_line(utf8, len);
    perch_text_free(utf8);
}

/* Lines "name|mailbox|host", where "-" is NIL. */
static struct perch_span field_of(struct perch_span *line)
{
    struct perch_span field = perch_span_cut(line, '|');

    return perch_span_eq(field, PERCH_SPAN("-")) ? (struct perch_span){NULL, 0} : field;
}

static void check_addresses(struct fuzz_input in)
{
    struct perch_address a[16];
    size_t n = 0;
    char *utf8 = NULL;
    size_t len = 0;

    for (; in.n > 0 && n < 16; n++) {
        struct perch_span line = fuzz_until(&in, '\n');

        a[n] = (struct perch_address){.name = field_of(&line)};
        a[n].mailbox = field_of(&line);
        a[n].host = field_of(&line);
    }
    FUZZ_CHECK(perch_addresses_format(a, n, &utf8, &len) == PERCH_OK);
    check_line(utf8, len);
    perch_text_free(utf8);
}

static void check_error_text(struct perch_span s)
{
    struct perch_error e;

    (void)perch_error_set(&e, PERCH_ENO, PERCH_HITS_OP, PERCH_TRY_NOW, NULL, "%.*s",
                          s.n < 1000 ? (int)s.n : 1000, s.p ? s.p : "");
    check_line(e.text, strlen(e.text));
    for (size_t i = 0; e.text[i]; i++)
        FUZZ_CHECK(!perch_is_ctl((unsigned char)e.text[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    struct perch_span s = {(const char *)data, size};

    check_mutf7_decode(s);
    check_mutf7_encode(s);
    check_header(s);
    check_date(perch_date_parse(s));
    check_date(perch_internaldate_parse(s));
    check_base64(s);
    check_charset(in);
    check_params(in);
    check_addresses(in);
    check_error_text(s);
    return 0;
}

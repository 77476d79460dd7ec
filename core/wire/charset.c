/* The sender of a mail names its charset, so a hostile one chooses which of glibc's converters
 * runs: only those in the table do, which is what real mail uses. UTF-8, ASCII and
 * windows-1252 are done here and need no converter at all.
 *
 * Like every browser, ISO-8859-1 is read as windows-1252, GB2312 as GB18030, Shift_JIS and
 * EUC-KR as their Windows forms: senders write those names for these charsets. */
#include "wire/charset.h"

#include "perch/error.h"
#include "perch/text.h"

#include "base/ascii.h"
#include "base/mem.h"
#include "base/span.h"

#include <errno.h>
#include <iconv.h>

#define NAME_MAX_LEN 32 /* letters and digits of the longest name below, and then some */

struct perch_charset_row {
    const char *name;  /* letters and digits of the name, in lower case */
    const char *iconv; /* NULL: done here */
    void (*append)(struct perch_buf *out, struct perch_span bytes);
};

/* ---- the charsets done here ---- */

static void append_unknown(struct perch_buf *out)
{
    perch_buf_adds(out, PERCH_UTF8_UNKNOWN);
}

static size_t ascii_length(struct perch_span s)
{
    size_t n = 0;

    while (n < s.n && (unsigned char)s.p[n] < 0x80)
        n++;
    return n;
}

static void append_utf8(struct perch_buf *out, struct perch_span s)
{
    if (perch_utf8_valid(s.p, s.n)) {
        perch_buf_addspan(out, s);
        return;
    }
    for (size_t i = 0; i < s.n;) {
        uint32_t code;
        size_t n = perch_utf8_seq((const uint8_t *)s.p + i, s.n - i, &code);

        if (n > 0)
            perch_buf_add(out, s.p + i, n);
        else
            append_unknown(out);
        i += n > 0 ? n : 1;
    }
}

/* What 0x80 to 0x9f are in windows-1252; 0xa0 and up are as in Unicode. */
static const uint16_t windows_1252[32] = {
    0x20ac, 0xfffd, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0xfffd, 0x017d, 0xfffd, 0xfffd, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0xfffd, 0x017e, 0x0178,
};

static void append_bytewise(struct perch_buf *out, struct perch_span s, bool eight_bit)
{
    while (s.n > 0) {
        size_t n = ascii_length(s);
        uint8_t utf8[4], c;

        perch_buf_add(out, s.p, n);
        if (n == s.n)
            break;
        c = (uint8_t)s.p[n];
        if (eight_bit)
            perch_buf_add(out, utf8, perch_utf8_put(c < 0xa0 ? windows_1252[c - 0x80] : c, utf8));
        else
            append_unknown(out);
        s = (struct perch_span){s.p + n + 1, s.n - n - 1};
    }
}

static void append_ascii(struct perch_buf *out, struct perch_span s)
{
    append_bytewise(out, s, false);
}

static void append_1252(struct perch_buf *out, struct perch_span s)
{
    append_bytewise(out, s, true);
}

void perch_charset_append_raw(struct perch_buf *out, struct perch_span s)
{
    if (perch_utf8_valid(s.p, s.n))
        perch_buf_addspan(out, s);
    else
        append_1252(out, s);
}

/* ---- the table ---- */

#define ROW(name, iconv_name)                                                                      \
    {                                                                                              \
        name, iconv_name, NULL                                                                     \
    }

static const struct perch_charset_row rows[] = {
    {"utf8", NULL, append_utf8},
    {"usascii", NULL, append_ascii},
    {"ascii", NULL, append_ascii},
    {"ansix341968", NULL, append_ascii},
    {"iso646us", NULL, append_ascii},
    {"iso88591", NULL, append_1252},
    {"iso885911987", NULL, append_1252},
    {"latin1", NULL, append_1252},
    {"windows1252", NULL, append_1252},
    {"cp1252", NULL, append_1252},
    {"unknown8bit", NULL, perch_charset_append_raw}, /* RFC 1428 */
    {"xunknown", NULL, perch_charset_append_raw},
    {"default", NULL, perch_charset_append_raw},
    ROW("iso88592", "ISO-8859-2"),
    ROW("latin2", "ISO-8859-2"),
    ROW("iso88593", "ISO-8859-3"),
    ROW("iso88594", "ISO-8859-4"),
    ROW("iso88595", "ISO-8859-5"),
    ROW("iso88596", "ISO-8859-6"),
    ROW("iso88596e", "ISO-8859-6"),
    ROW("iso88596i", "ISO-8859-6"),
    ROW("iso88597", "ISO-8859-7"),
    ROW("iso88598", "ISO-8859-8"),
    ROW("iso88598e", "ISO-8859-8"),
    ROW("iso88598i", "ISO-8859-8"),
    ROW("iso88599", "ISO-8859-9"),
    ROW("latin5", "ISO-8859-9"),
    ROW("iso885910", "ISO-8859-10"),
    ROW("iso885911", "CP874"),
    ROW("iso885913", "ISO-8859-13"),
    ROW("iso885914", "ISO-8859-14"),
    ROW("iso885915", "ISO-8859-15"),
    ROW("latin9", "ISO-8859-15"),
    ROW("iso885916", "ISO-8859-16"),
    ROW("windows1250", "CP1250"),
    ROW("cp1250", "CP1250"),
    ROW("windows1251", "CP1251"),
    ROW("cp1251", "CP1251"),
    ROW("windows1253", "CP1253"),
    ROW("cp1253", "CP1253"),
    ROW("windows1254", "CP1254"),
    ROW("cp1254", "CP1254"),
    ROW("windows1255", "CP1255"),
    ROW("cp1255", "CP1255"),
    ROW("windows1256", "CP1256"),
    ROW("cp1256", "CP1256"),
    ROW("windows1257", "CP1257"),
    ROW("cp1257", "CP1257"),
    ROW("windows1258", "CP1258"),
    ROW("cp1258", "CP1258"),
    ROW("windows874", "CP874"),
    ROW("cp874", "CP874"),
    ROW("tis620", "CP874"),
    ROW("koi8r", "KOI8-R"),
    ROW("koi8u", "KOI8-U"),
    ROW("koi8ru", "KOI8-RU"),
    ROW("ibm437", "CP437"),
    ROW("cp437", "CP437"),
    ROW("ibm850", "CP850"),
    ROW("cp850", "CP850"),
    ROW("ibm852", "CP852"),
    ROW("cp852", "CP852"),
    ROW("ibm855", "CP855"),
    ROW("cp855", "CP855"),
    ROW("ibm858", "CP858"),
    ROW("cp858", "CP858"),
    ROW("ibm866", "CP866"),
    ROW("cp866", "CP866"),
    ROW("macintosh", "MACINTOSH"),
    ROW("xmacroman", "MACINTOSH"),
    ROW("xmaccyrillic", "MAC-CYRILLIC"),
    ROW("armscii8", "ARMSCII-8"),
    ROW("viscii", "VISCII"),
    ROW("tcvn", "TCVN"),
    ROW("shiftjis", "CP932"),
    ROW("sjis", "CP932"),
    ROW("xsjis", "CP932"),
    ROW("mskanji", "CP932"),
    ROW("windows31j", "CP932"),
    ROW("cp932", "CP932"),
    ROW("eucjp", "EUC-JP-MS"),
    ROW("xeucjp", "EUC-JP-MS"),
    ROW("iso2022jp", "ISO-2022-JP"),
    ROW("iso2022jp1", "ISO-2022-JP-2"),
    ROW("iso2022jp2", "ISO-2022-JP-2"),
    ROW("euckr", "UHC"),
    ROW("ksc5601", "UHC"),
    ROW("ksc56011987", "UHC"),
    ROW("ksc56011989", "UHC"),
    ROW("windows949", "UHC"),
    ROW("cp949", "UHC"),
    ROW("uhc", "UHC"),
    ROW("iso2022kr", "ISO-2022-KR"),
    ROW("gb2312", "GB18030"),
    ROW("gb231280", "GB18030"),
    ROW("euccn", "GB18030"),
    ROW("gbk", "GB18030"),
    ROW("xgbk", "GB18030"),
    ROW("cp936", "GB18030"),
    ROW("windows936", "GB18030"),
    ROW("gb18030", "GB18030"),
    ROW("big5", "CP950"),
    ROW("cnbig5", "CP950"),
    ROW("cp950", "CP950"),
    ROW("big5hkscs", "BIG5-HKSCS"),
    ROW("euctw", "EUC-TW"),
    ROW("utf7", "UTF-7"),
    ROW("unicode11utf7", "UTF-7"),
    ROW("utf16", "UTF-16"),
    ROW("utf16be", "UTF-16BE"),
    ROW("utf16le", "UTF-16LE"),
    ROW("utf32", "UTF-32"),
    ROW("utf32be", "UTF-32BE"),
    ROW("utf32le", "UTF-32LE"),
};

/* "ISO_8859-15*de" is "iso885915". */
static const struct perch_charset_row *find_row(struct perch_span name)
{
    char key[NAME_MAX_LEN + 1];
    size_t n = 0;

    for (size_t i = 0; i < name.n && name.p[i] != '*'; i++) {
        unsigned char c = (unsigned char)name.p[i];

        if (!perch_is_alnum(c))
            continue;
        if (n == NAME_MAX_LEN)
            return NULL;
        key[n++] = (char)perch_lower(c);
    }
    key[n] = '\0';
    for (size_t i = 0; i < PERCH_COUNT(rows); i++)
        if (strcmp(rows[i].name, key) == 0)
            return &rows[i];
    return NULL;
}

void perch_charset_close(struct perch_charset *c)
{
    if (c->row && c->row->iconv)
        (void)iconv_close(c->cd);
    *c = (struct perch_charset)PERCH_CHARSET_INIT;
}

bool perch_charset_is(const struct perch_charset *c, struct perch_span name)
{
    return c->row && c->row == find_row(name);
}

bool perch_charset_open(struct perch_charset *c, struct perch_span name)
{
    const struct perch_charset_row *row = find_row(name);
    void *cd = NULL;

    if (row && row == c->row)
        return true;
    perch_charset_close(c);
    if (!row)
        return false;
    if (row->iconv) {
        cd = iconv_open("UTF-8", row->iconv);
        if (cd == (iconv_t)-1) /* this system has no such converter */
            return false;
    }
    *c = (struct perch_charset){row, cd};
    return true;
}

/* ---- converting ---- */

static void append_iconv(struct perch_buf *out, iconv_t cd, struct perch_span bytes)
{
    char *in = (char *)bytes.p; /* iconv's interface; it does not write there */
    size_t left = bytes.n;

    (void)iconv(cd, NULL, NULL, NULL, NULL);
    for (bool flush = false; !flush || left > 0;) {
        char chunk[1024], *to = chunk;
        size_t room = sizeof chunk, ret;
        bool stuck;

        flush = left == 0;
        ret = flush ? iconv(cd, NULL, NULL, &to, &room) : iconv(cd, &in, &left, &to, &room);
        stuck = ret == (size_t)-1 && errno != E2BIG && left > 0;
        /* Whole characters by iconv's contract, valid ones by ours. */
        append_utf8(out, (struct perch_span){chunk, (size_t)(to - chunk)});
        if (!stuck)
            continue;
        append_unknown(out);
        in++;
        left--;
    }
}

void perch_charset_append(struct perch_buf *out, struct perch_charset *c, struct perch_span bytes)
{
    if (c->row->append)
        c->row->append(out, bytes);
    else
        append_iconv(out, c->cd, bytes);
}

int perch_charset_decode(struct perch_span bytes, struct perch_span charset, char **ret_utf8,
                         size_t *ret_len)
{
    struct perch_charset c = PERCH_CHARSET_INIT;
    struct perch_buf out = PERCH_BUF_INIT;
    char *utf8;

    if (!perch_charset_open(&c, charset))
        return PERCH_EINVAL;
    perch_charset_append(&out, &c, bytes);
    perch_charset_close(&c);
    utf8 = perch_buf_take(&out, ret_len);
    if (!utf8)
        return PERCH_ENOMEM;
    *ret_utf8 = utf8;
    return PERCH_OK;
}

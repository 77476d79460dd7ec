/* Tables made by the X-lists. A row is found by a key of its length and one letter, so
 * that a look-up compares small integers and then, nearly always, one text. */
#include "wire/names.h"

#include "base/ascii.h"
#include "base/mem.h"
#include "base/span.h"

struct name {
    uint16_t key;
    uint32_t value;
    const char *text;
};

/* Flags and attributes begin with a backslash or dollar sign: their second byte tells
 * more than their first. "" (OTHER) gets a key that no text has. */
#define LETTER(text, i) ((text)[sizeof(text) > 1 ? (i) : 0] | 0x20)
#define KEY(text, i)    ((uint16_t)((sizeof(text) - 1) << 8 | (uint8_t)LETTER(text, i)))

#define TYPE_ROW(id, text)       {KEY(text, 0), PERCH_RESP_##id, text},
#define CODE_ROW(id, text)       {KEY(text, 0), PERCH_CODE_##id, text},
#define FLAG_ROW(id, bit, text)  {KEY(text, 1), PERCH_FLAG_##id, text},
#define ATTR_ROW(id, bit, text)  {KEY(text, 1), PERCH_ATTR_##id, text},
#define QUIRK_ROW(id, bit, what) {0, PERCH_QUIRK_##id, what},

static const struct name types[] = {PERCH_RESP_TYPES(TYPE_ROW)};
static const struct name codes[] = {PERCH_CODES(CODE_ROW)};
static const struct name flags[] = {PERCH_FLAGS(FLAG_ROW)};
/* The last three are XLIST's, of before RFC 6154 named them otherwise. */
static const struct name attrs[] = {
    PERCH_ATTRS(ATTR_ROW) ATTR_ROW(ALL, 0, "\\AllMail") ATTR_ROW(JUNK, 0, "\\Spam")
        ATTR_ROW(FLAGGED, 0, "\\Starred")};
static const struct name quirks[] = {PERCH_QUIRKS(QUIRK_ROW)};

static uint32_t find(const struct name *rows, size_t n, struct perch_span s, size_t letter)
{
    uint16_t key;

    if (s.n <= letter || s.n > UINT8_MAX)
        return 0;
    key = (uint16_t)(s.n << 8 | (uint8_t)(s.p[letter] | 0x20));
    for (size_t i = 0; i < n; i++)
        if (rows[i].key == key &&
            (memcmp(s.p, rows[i].text, s.n) == 0 || perch_span_ieqs(s, rows[i].text)))
            return rows[i].value;
    return 0;
}

static const char *text_of(const struct name *rows, size_t n, uint32_t value)
{
    for (size_t i = 0; i < n; i++)
        if (rows[i].value == value)
            return rows[i].text;
    return "";
}

enum perch_resp_type perch_resp_type_find(struct perch_span word)
{
    uint32_t type = find(types, PERCH_COUNT(types), word, 0);

    return type ? (enum perch_resp_type)type : PERCH_RESP_OTHER;
}

enum perch_code perch_code_find(struct perch_span word)
{
    uint32_t code = find(codes, PERCH_COUNT(codes), word, 0);

    return code ? (enum perch_code)code : PERCH_CODE_OTHER;
}

uint32_t perch_flag_bit(struct perch_span name)
{
    return find(flags, PERCH_COUNT(flags), name, 1);
}

uint32_t perch_attr_bit(struct perch_span name)
{
    return find(attrs, PERCH_COUNT(attrs), name, 1);
}

const char *perch_resp_type_name(enum perch_resp_type type)
{
    return text_of(types, PERCH_COUNT(types), type);
}

const char *perch_code_name(enum perch_code code)
{
    return text_of(codes, PERCH_COUNT(codes), code);
}

const char *perch_flag_name(enum perch_flag one_bit)
{
    return text_of(flags, PERCH_COUNT(flags), one_bit);
}

const char *perch_attr_name(enum perch_attr one_bit)
{
    return text_of(attrs, PERCH_COUNT(attrs), one_bit);
}

const char *perch_quirk_name(enum perch_quirk one_bit)
{
    return text_of(quirks, PERCH_COUNT(quirks), one_bit);
}

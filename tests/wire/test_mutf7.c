#include "support/failmem.h"
#include "support/perch_test.h"

#include "perch/error.h"
#include "perch/text.h"

#include "base/ascii.h"
#include "base/buf.h"

struct decoded {
    char *utf8;
    size_t len;
    bool exact;
};

static struct decoded decode(struct perch_span name)
{
    struct decoded d = {NULL, 0, false};

    CU_ASSERT_EQUAL_FATAL(perch_mutf7_decode(name, &d.utf8, &d.len, &d.exact), PERCH_OK);
    CU_ASSERT(perch_utf8_valid(d.utf8, d.len));
    CU_ASSERT_EQUAL(d.utf8[d.len], '\0');
    return d;
}

/* Names that encoding writes, and that therefore travel both ways. */
static void test_names_there_and_back(void)
{
    static const struct {
        const char *utf8, *name;
    } t[] = {
        {"", ""},
        {"INBOX", "INBOX"},
        {"a b/c.d~e\\f\"g*%", "a b/c.d~e\\f\"g*%"},
        {"+", "+"},
        {"&", "&-"},
        {"&&", "&-&-"},
        {"Tom & Jerry", "Tom &- Jerry"},
        {"~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", /* the RFC's
                                                                                       */
         "~peter/mail/&U,BTFw-/&ZeVnLIqe-"},
        {"\xe5\x8f\xb0\xe5\x8c\x97\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", "&U,BTF2XlZyyKng-"},
        {"Entw\xc3\xbcrfe", "Entw&APw-rfe"},
        {"Gel\xc3\xb6scht", "Gel&APY-scht"},
        {"\xc3\xa9t\xc3\xa9", "&AOk-t&AOk-"},
        {"\xe2\x98\xba!", "&Jjo-!"},
        {"&\xc3\xa4&", "&-&AOQ-&-"},
        {"\xf0\x9f\x90\x9f", "&2D3cHw-"}, /* U+1F41F, a surrogate pair */
        {"a\xf0\x9f\x90\x9f"
         "b",
         "a&2D3cHw-b"},
        {"\xf4\x8f\xbf\xbf", "&2,,f,w-"}, /* U+10FFFF */
        {"\x7f", "&AH8-"},
        {"\t", "&AAk-"},
        {"a\r\nb", "a&AA0ACg-b"},
        {"\xef\xbf\xbf", "&,,8-"},
        {"\xd0\x9e\xd1\x82\xd0\xbf", "&BB4EQgQ,-"},
    };

    for (size_t i = 0; i < PERCH_COUNT(t); i++) {
        struct decoded d = decode(perch_span_of(t[i].name));
        char *name = NULL;
        size_t len = 0;

        if (strcmp(d.utf8, t[i].utf8) != 0 || !d.exact)
            FAIL_ROW("\"%s\" read as \"%s\", exact %d", t[i].name, d.utf8, d.exact);
        ASSERT_INT(perch_mutf7_encode(perch_span_of(t[i].utf8), &name, &len), PERCH_OK);
        ASSERT_STR(name, t[i].name);
        ASSERT_INT(len, strlen(t[i].name));
        perch_text_free(d.utf8);
        perch_text_free(name);
    }
}

/* What encoding would not write: read as well as may be, and said to be inexact. */
static void test_odd_names_are_read_but_not_exact(void)
{
    static const struct {
        const char *name, *utf8;
    } t[] = {
        {"&", "&"},
        {"a&", "a&"},
        {"&&-", "&&"},
        {"&Jjo!", "&Jjo!"},       /* no shift back: copied */
        {"&Jjo", "\xe2\x98\xba"}, /* left open at the end: read */
        {"&AGE-", "&AGE-"},       /* printable ASCII in a shift */
        {"&U,BTFw-&ZeVnLIqe-", "\xe5\x8f\xb0\xe5\x8c\x97\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"},
        {"&A-", "&A-"},           /* six bits are no unit */
        {"&AAAA-", "&AAAA-"},     /* a unit and eight bits */
        {"&AOR-", "&AOR-"},       /* padding that is not zero */
        {"&2D0-", "&2D0-"},       /* half a pair */
        {"&3B8-", "&3B8-"},       /* the other half */
        {"&2D0AYQ-", "&2D0AYQ-"}, /* a high half with a letter behind it */
        {"& -", "& -"},
        {"&AEkATgBCAE8AWA-", "&AEkATgBCAE8AWA-"}, /* INBOX in disguise */
        {"&ACY-", "&ACY-"},
        {"&ACA-", "&ACA-"}, /* a blank and a tilde, the ends of what is printable */
        {"&AH4-", "&AH4-"},
        {"caf\xc3\xa9", "caf\xc3\xa9"}, /* raw UTF-8 */
        {"caf\xe9", "caf\xef\xbf\xbd"}, /* raw latin-1 */
        {"\xff\xfe", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"a\tb", "a\tb"},
        {"&AOQ/-", "&AOQ/-"}, /* "/" is no digit here */
    };

    for (size_t i = 0; i < PERCH_COUNT(t); i++) {
        struct decoded d = decode(perch_span_of(t[i].name));

        if (strcmp(d.utf8, t[i].utf8) != 0 || d.exact)
            FAIL_ROW("\"%s\" read as \"%s\", exact %d", t[i].name, d.utf8, d.exact);
        perch_text_free(d.utf8);
    }
}

static void test_nul_inside_a_name(void)
{
    struct decoded d;
    char *name = NULL;
    size_t len;

    ASSERT_INT(perch_mutf7_encode(PERCH_SPAN("a\0b"), &name, &len), PERCH_OK);
    ASSERT_STR(name, "a&AAA-b");
    d = decode(perch_span_of(name));
    CU_ASSERT(d.exact && d.len == 3 && memcmp(d.utf8, "a\0b", 3) == 0);
    perch_text_free(d.utf8);
    perch_text_free(name);
    d = decode((struct perch_span){NULL, 0});
    CU_ASSERT(d.len == 0 && d.exact);
    perch_text_free(d.utf8);
}

/* A megabyte of what could make a decoder look twice; the test's time limit is the judge. */
static void test_long_names_take_linear_time(void)
{
    static const char *const pieces[] = {"&",         "&-",   "&A",    "&U,BTFw-/", "AAAA",
                                         "\xc3\xa4z", "\xff", "&2D0-", "&Jjo!"};

    for (size_t i = 0; i < PERCH_COUNT(pieces); i++) {
        struct perch_buf b = PERCH_BUF_INIT;
        struct decoded d;

        perch_buf_addc(&b, '&');
        while (b.len < (1u << 20))
            perch_buf_adds(&b, pieces[i]);
        d = decode(perch_buf_span(&b));
        CU_ASSERT(d.len <= 3 * b.len);
        perch_text_free(d.utf8);
        perch_buf_done(&b);
    }
}

static void compare_listed(const struct perch_resp *resp, void *user)
{
    struct decoded d = decode(resp->u.list.mailbox.raw);
    unsigned *listed = user;

    (*listed)++;
    ASSERT_SPAN(resp->u.list.mailbox.utf8, d.utf8);
    if (resp->u.list.mailbox.exact != d.exact)
        FAIL_ROW("\"%s\" listed as exact %d", d.utf8, !d.exact);
    perch_text_free(d.utf8);
}

/* The parser does not decode names that are plain; it has to agree on which are. */
static void test_a_listed_name_reads_the_same(void)
{
    static const char listing[] = "* LIST () \"/\" INBOX\r\n"
                                  "* LIST () \"/\" \"a\tb\"\r\n"
                                  "* LIST () \"/\" \"a\x7f"
                                  "b\"\r\n"
                                  "* LIST () \"/\" \"Tom &- Jerry\"\r\n"
                                  "* LIST () \"/\" \"a & b\"\r\n"
                                  "* LIST () \"/\" \"caf\xc3\xa9\"\r\n";
    struct perch_reader_hooks hooks = {.size = sizeof hooks, .on_response = compare_listed};
    unsigned listed = 0;
    perch_reader *r = perch_reader_new(NULL, &hooks, &listed);

    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    ASSERT_INT(perch_reader_feed(r, listing, sizeof listing - 1), PERCH_OK);
    ASSERT_INT(listed, 6);
    perch_reader_free(r);
}

static void test_invalid_utf8_is_refused(void)
{
    static const char *const bad[] = {"\xff", "a\xc3", "\xed\xa0\x80", "x\xc0\x80", "\xc3\xa4\x80"};
    char *name = NULL;
    size_t len;

    for (size_t i = 0; i < PERCH_COUNT(bad); i++)
        if (perch_mutf7_encode(perch_span_of(bad[i]), &name, &len) != PERCH_EINVAL)
            FAIL_ROW("row %zu was encoded", i);
    CU_ASSERT_PTR_NULL(name);
}

/* Every code point alone and between letters. */
static void test_every_code_point_travels(void)
{
    for (uint32_t code = 0; code <= 0x10ffff; code += code < 0x3000 ? 1 : 61) {
        uint8_t utf8[6] = "x";
        size_t n, len;
        char *name = NULL;
        struct decoded d;

        if (code >= 0xd800 && code <= 0xdfff)
            continue;
        n = 1 + perch_utf8_put(code, utf8 + 1);
        utf8[n++] = 'y';
        CU_ASSERT_EQUAL_FATAL(perch_mutf7_encode((struct perch_span){(char *)utf8, n}, &name, &len),
                              PERCH_OK);
        d = decode((struct perch_span){name, len});
        if (!d.exact || d.len != n || memcmp(d.utf8, utf8, n) != 0)
            FAIL_ROW("U+%04X as \"%s\"", code, name);
        perch_text_free(d.utf8);
        perch_text_free(name);
    }
}

static int decode_and_encode(void *user)
{
    char *utf8 = NULL, *name = NULL;
    size_t len;
    bool exact;
    int ret = perch_mutf7_decode(PERCH_SPAN("&U,BTFw-/&ZeVnLIqe-"), &utf8, &len, &exact);

    (void)user;
    if (!ret)
        ret = perch_mutf7_encode((struct perch_span){utf8, len}, &name, &len);
    perch_text_free(utf8);
    perch_text_free(name);
    return ret;
}

static void test_refused_memory(void)
{
    CU_ASSERT(perch_failmem(decode_and_encode, NULL) >= 3);
}

PERCH_SUITE("wire/mutf7") = {
    PERCH_TEST(test_names_there_and_back),
    PERCH_TEST(test_odd_names_are_read_but_not_exact),
    PERCH_TEST(test_nul_inside_a_name),
    PERCH_TEST(test_long_names_take_linear_time),
    PERCH_TEST(test_a_listed_name_reads_the_same),
    PERCH_TEST(test_invalid_utf8_is_refused),
    PERCH_TEST(test_every_code_point_travels),
    PERCH_TEST(test_refused_memory),
    PERCH_END,
};

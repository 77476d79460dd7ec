#include "net/host.h"

#include "support/perch_test.h"

static void test_names_are_told_from_addresses(void)
{
    static const struct {
        const char *host;
        size_t want;
    } rows[] = {
        {"127.0.0.1", 4}, {"::1", 16},       {"2001:db8::25", 16}, {"mail.example.org", 0},
        {"127.1", 0},     {"0x7f.0.0.1", 0}, {"[::1]", 0},         {"", 0},
        {"1.2.3.4.5", 0},
    };
    uint8_t address[16];

    for (size_t i = 0; i < PERCH_COUNT(rows); i++)
        if (perch_host_address(rows[i].host, address) != rows[i].want)
            FAIL_ROW("%s", rows[i].host);
}

static void test_loopback_is_told_by_address(void)
{
    static const struct {
        const char *address;
        bool want;
    } rows[] = {
        {"127.0.0.1", true},
        {"127.255.255.254", true},
        {"128.0.0.1", false},
        {"10.0.0.127", false},
        {"0.0.0.0", false},
        {"::1", true},
        {"::", false},
        {"::2", false},
        {"1::1", false},
        {"::ffff:127.0.0.1", true},
        {"::ffff:192.0.2.1", false},
        {"::127.0.0.1", false},
        {"fe80::1", false},
    };
    uint8_t address[16];

    for (size_t i = 0; i < PERCH_COUNT(rows); i++) {
        size_t n = perch_host_address(rows[i].address, address);

        if (n == 0 || perch_host_loopback(address, n) != rows[i].want)
            FAIL_ROW("%s", rows[i].address);
    }
    CU_ASSERT_FALSE(perch_host_loopback(address, 0));
}

static void test_only_what_dns_can_hold_is_a_host(void)
{
    static const char l63[] = "a234567890123456789012345678901234567890123456789012345678901bc";
    static const struct {
        const char *host;
        bool want;
    } rows[] = {
        {"mail.example.org", true},
        {"localhost", true},
        {"example.org.", true},
        {"_imaps.example", true},
        {"::1", true},
        {"192.0.2.7", true},
        {l63, true},
        {"", false},
        {".", false},
        {"a..b", false},
        {".a", false},
        {"a b", false},
        {"evil\r\n.example", false},
        {"b\xc3\xbc.de", false},
        {"*.example.org", false},
        {"[::1]", false},
    };
    char longer[65];

    (void)snprintf(longer, sizeof longer, "%sx", l63);
    CU_ASSERT_FALSE(perch_host_valid(longer));
    for (size_t i = 0; i < PERCH_COUNT(rows); i++)
        if (perch_host_valid(rows[i].host) != rows[i].want)
            FAIL_ROW("%s", rows[i].host);
}

static void test_a_pattern_covers_names_as_rfc_9525_says(void)
{
    static const struct {
        const char *host, *pattern;
        bool want;
    } rows[] = {
        {"mail.example.org", "mail.example.org", true},
        {"mail.example.org", "MAIL.Example.ORG", true},
        {"mail.example.org.", "mail.example.org", true},
        {"mail.example.org", "*.example.org", true},
        {"mail.example.org", "example.org", false},
        {"example.org", "*.example.org", false},
        {"a.b.example.org", "*.example.org", false},
        {"example.org", "*.org", false}, /* a wildcard over a registry */
        {"mail.example.org", "*", false},
        {"mail.example.org", "*.", false},
        {"mail.example.org", "*.*.org", false},
        {"mail.example.org", "mail.*.org", false},
        {"mail.example.org", "m*.example.org", false},
        {"mail.example.org", "*il.example.org", false},
        {"mail.example.org", "", false},
        {"mail.example.org", "mail.example.org.", false},
        {"127.0.0.1", "127.0.0.1", false}, /* addresses have a kind of name of their own */
        {"127.0.0.1", "*.0.0.1", false},
        {"localhost", "localhost", true},
        {"xn--bcher-kva.example", "*.example", false},
        {"xn--bcher-kva.mail.example", "*.mail.example", true},
    };

    for (size_t i = 0; i < PERCH_COUNT(rows); i++)
        if (perch_host_matches(rows[i].host, perch_span_of(rows[i].pattern)) != rows[i].want)
            FAIL_ROW("%s / %s", rows[i].host, rows[i].pattern);
}

static void test_a_nul_inside_a_pattern_covers_nothing(void)
{
    struct perch_span cut = PERCH_SPAN("mail.example.org\0.evil.example");
    struct perch_span tail = PERCH_SPAN("mail.example.org\0");

    CU_ASSERT_FALSE(perch_host_matches("mail.example.org", cut));
    CU_ASSERT_FALSE(perch_host_matches("mail.example.org", tail));
}

PERCH_SUITE("net/host") = {
    PERCH_TEST(test_names_are_told_from_addresses),
    PERCH_TEST(test_loopback_is_told_by_address),
    PERCH_TEST(test_only_what_dns_can_hold_is_a_host),
    PERCH_TEST(test_a_pattern_covers_names_as_rfc_9525_says),
    PERCH_TEST(test_a_nul_inside_a_pattern_covers_nothing),
    PERCH_END,
};

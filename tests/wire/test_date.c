#include "support/perch_test.h"

#include "perch/text.h"

#include "wire/date.h"

#define UNKNOWN INT16_MIN /* no offset, or one that says nothing */

struct row {
    const char *text;
    const char *utc; /* NULL: no date */
    int offset;
};

static void check(const struct row *r, struct perch_time t)
{
    char iso[PERCH_ISO_SIZE] = "";

    if (t.valid)
        perch_iso_format(t.unix_s, iso);
    if (t.valid != (r->utc != NULL) || strcmp(iso, r->utc ? r->utc : "") != 0) {
        FAIL_ROW("\"%s\": %s, want %s", r->text, t.valid ? iso : "none", r->utc ? r->utc : "none");
        return;
    }
    if (!t.valid)
        return;
    if (t.offset_known != (r->offset != UNKNOWN) ||
        t.offset_min != (r->offset == UNKNOWN ? 0 : r->offset))
        FAIL_ROW("\"%s\": offset %d, known %d", r->text, t.offset_min, t.offset_known);
}

static void test_header_dates(void)
{
    static const struct row t[] = {
        {"Fri, 21 Nov 1997 09:55:06 -0600", "1997-11-21T15:55:06Z", -360},
        {"Fri, 21 Nov 1997 09:55:06 -0600 (CST)", "1997-11-21T15:55:06Z", -360},
        {"21 Nov 1997 09:55:06 -0600", "1997-11-21T15:55:06Z", -360},
        {"Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", NULL, 0},
        {"Fri,21 Nov 1997 09:55:06 +0530", "1997-11-21T04:25:06Z", 330},
        {"Fri 21 Nov 1997 09:55:06 +0000", "1997-11-21T09:55:06Z", 0},
        {"Friday, 21 November 1997 09:55:06 GMT", "1997-11-21T09:55:06Z", 0},
        {"fri, 21 nov 1997 09:55:06 gmt", "1997-11-21T09:55:06Z", 0},
        {"Thu, 21 Dec 00 16:01:07 +0000", "2000-12-21T16:01:07Z", 0},
        {"1 Jan 68 00:00:00 +0000", "2068-01-01T00:00:00Z", 0},
        {"1 Jan 69 00:00:00 +0000", "1969-01-01T00:00:00Z", 0},
        {"1 Jan 100 00:00:00 +0000", "2000-01-01T00:00:00Z", 0}, /* three digits */
        {"21 Nov 1997 09:55 +0000", "1997-11-21T09:55:00Z", 0},
        {"21 Nov 1997 09:55 -0600", "1997-11-21T15:55:00Z", -360},
        {"21 Nov 1997 09.55.06 +0100", "1997-11-21T08:55:06Z", 60},
        {"21 Nov 1997 9.55 +0100", "1997-11-21T08:55:00Z", 60},
        {"21 Nov 1997 09:55:06 -0000", "1997-11-21T09:55:06Z", UNKNOWN},
        {"21 Nov 1997 09:55:06", "1997-11-21T09:55:06Z", UNKNOWN},
        {"21 Nov 1997 09:55:06 0200", "1997-11-21T07:55:06Z", 120},
        {"21 Nov 1997 09:55:06 EST", "1997-11-21T14:55:06Z", -300},
        {"21 Nov 1997 09:55:06 pdt", "1997-11-21T16:55:06Z", -420},
        {"21 Nov 1997 09:55:06 CEST", "1997-11-21T07:55:06Z", 120},
        {"21 Nov 1997 09:55:06 Z", "1997-11-21T09:55:06Z", 0},
        {"21 Nov 1997 09:55:06 UT", "1997-11-21T09:55:06Z", 0},
        {"21 Nov 1997 09:55:06 XYZ", "1997-11-21T09:55:06Z", UNKNOWN},
        {"21 Nov 1997 09:55:06 K", "1997-11-21T09:55:06Z", UNKNOWN}, /* military */
        {"21 Nov 1997 09:55:06 GMT+0100", "1997-11-21T08:55:06Z", 60},
        {"21 Nov 1997 09:55:06 GMT +0100", "1997-11-21T08:55:06Z", 60},
        {"21 Nov 1997 09:55:06 +01:00", "1997-11-21T08:55:06Z", 60},
        {"21 Nov 1997 09:55:06 -8", "1997-11-21T17:55:06Z", -480},
        {"21 Nov 1997 09:55:06 +9999", "1997-11-21T09:55:06Z", UNKNOWN},
        {"21 Nov 1997 09:55:06 +0160", "1997-11-21T09:55:06Z", UNKNOWN},
        {"21 Nov 1997 09:55:06 -0600 CST", "1997-11-21T15:55:06Z", -360},
        {"21 Nov 1997 09:55:06.789 +0000", "1997-11-21T09:55:06Z", 0},
        {"21 Nov 1997 11:55:06 PM +0000", "1997-11-21T23:55:06Z", 0},
        {"21 Nov 1997 12:55:06 AM +0000", "1997-11-21T00:55:06Z", 0},
        {"21 Nov 1997 12:55:06 PM +0000", "1997-11-21T12:55:06Z", 0},
        {"Fri Nov 21 09:55:06 1997", "1997-11-21T09:55:06Z", UNKNOWN}, /* asctime() */
        {"Fri Nov  1 09:55:06 1997", "1997-11-01T09:55:06Z", UNKNOWN},
        {"Fri Nov 21 09:55:06 EST 1997", "1997-11-21T14:55:06Z", -300},
        {"Nov 21, 1997 09:55:06 -0600", "1997-11-21T15:55:06Z", -360},
        {"21-Nov-97 09:55:06 -0600", "1997-11-21T15:55:06Z", -360},
        {"1997-11-21T09:55:06Z", "1997-11-21T09:55:06Z", 0},
        {"1997-11-21 09:55:06 -06:00", "1997-11-21T15:55:06Z", -360},
        {"21 Nov 1997", "1997-11-21T00:00:00Z", UNKNOWN},
        {"21 Nov 1997 -0600", "1997-11-21T06:00:00Z", -360},
        {"21 Sept 1997 01:02:03 +0000", "1997-09-21T01:02:03Z", 0},
        {"21 Mai 1997 01:02:03 +0000", NULL, 0},
        {"(a (nested \\) one)) 21 Nov 1997 (x) 09:55:06 (y) +0000 (z", "1997-11-21T09:55:06Z", 0},
        {"  21   Nov\t1997\r\n 09:55:06\r\n +0000  ", "1997-11-21T09:55:06Z", 0}, /* folded */
        {"29 Feb 2000 00:00:00 +0000", "2000-02-29T00:00:00Z", 0},
        {"29 Feb 1900 00:00:00 +0000", NULL, 0},
        {"29 Feb 2023 00:00:00 +0000", NULL, 0},
        {"31 Apr 2023 00:00:00 +0000", NULL, 0},
        {"32 Jan 2023 00:00:00 +0000", NULL, 0},
        {"0 Jan 2023 00:00:00 +0000", NULL, 0},
        {"1 Jan 0000 00:00:00 +0000", NULL, 0},
        {"31 Dec 1998 23:59:60 +0000", "1999-01-01T00:00:00Z", 0}, /* a leap second */
        {"1 Jan 2023 24:00:00 +0000", NULL, 0},
        {"1 Jan 2023 23:60:00 +0000", NULL, 0},
        {"1 Jan 2023 23:59:61 +0000", NULL, 0},
        {"1 Jan 2023 23:590:00 +0000", NULL, 0},
        {"1 Jan 20233 00:00:00 +0000", NULL, 0},
        {"1 Jan 99999999999999999999 00:00:00 +0000", NULL, 0},
        {"1 2 Jan 2023 99 00:00:00", NULL, 0},
        {"Jan 2023 00:00:00 +0000", NULL, 0},
        {"1 2023 00:00:00 +0000", NULL, 0},
        {"11/21/1997 09:55", NULL, 0},
        {"31 Dec 9999 23:59:59 -2359", "9999-12-31T23:59:59Z", -1439}, /* clamped in writing */
        {"yesterday", NULL, 0},
        {"", NULL, 0},
        {"(", NULL, 0},
        {"\\", NULL, 0},
        {"\xff\xfe\x80", NULL, 0},
    };

    for (size_t i = 0; i < PERCH_COUNT(t); i++)
        check(&t[i], perch_date_parse(perch_span_of(t[i].text)));
    CU_ASSERT_FALSE(perch_date_parse((struct perch_span){NULL, 0}).valid);
}

static void test_internaldates(void)
{
    static const struct row t[] = {
        {"17-Jul-1996 02:44:25 -0700", "1996-07-17T09:44:25Z", -420},
        {"17-JUL-1996 02:44:25 +0000", "1996-07-17T02:44:25Z", 0},
        {" 7-Jul-1996 02:44:25 -0700", "1996-07-07T09:44:25Z", -420},
        {"7-Jul-1996 02:44:25 -0700", "1996-07-07T09:44:25Z", -420},
        {"07-Jul-1996 02:44:25 -0000", "1996-07-07T02:44:25Z", UNKNOWN},
        {"17-Jul-1996 02:44:25 0700", "1996-07-16T19:44:25Z", 420},
        {"17-Jul-1996 02:44:25 GMT", "1996-07-17T02:44:25Z", 0},
        {"17-Jul-1996 02.44.25 -0700", "1996-07-17T09:44:25Z", -420},
        {"17-Jul-96 02:44:25 -0700", "1996-07-17T09:44:25Z", -420},
        {"17-Jul-1996 02:44:25", "1996-07-17T02:44:25Z", UNKNOWN},
        {"17-Jul-1996", "1996-07-17T00:00:00Z", UNKNOWN},
        {"01-Jan-1970 00:00:00 +0000", "1970-01-01T00:00:00Z", 0},
        {"01-Jan-1969 00:00:00 +0000", "1969-01-01T00:00:00Z", 0},
        {"00-Jan-0000 00:00:00 +0000", NULL, 0}, /* Domino */
        {"31-Feb-2020 00:00:00 +0000", NULL, 0},
        {"17-Jux-1996 02:44:25 -0700", NULL, 0},
        {"17-Jul-1996 02:44:25 -9999", "1996-07-17T02:44:25Z", UNKNOWN},
        {"17-Jul-1996 02:44:xx -0700", NULL, 0},
        {"NIL", NULL, 0},
        {"", NULL, 0},
    };

    for (size_t i = 0; i < PERCH_COUNT(t); i++)
        check(&t[i], perch_internaldate_parse(perch_span_of(t[i].text)));
}

static void test_writing(void)
{
    static const struct {
        int64_t unix_s;
        int offset;
        const char *internal, *iso, *day;
    } t[] = {
        {0, 0, " 1-Jan-1970 00:00:00 +0000", "1970-01-01T00:00:00Z", "1-Jan-1970"},
        {-1, 0, "31-Dec-1969 23:59:59 +0000", "1969-12-31T23:59:59Z", "31-Dec-1969"},
        {837596665, -420, "17-Jul-1996 02:44:25 -0700", "1996-07-17T09:44:25Z", "17-Jul-1996"},
        {951782399, 330, "29-Feb-2000 05:29:59 +0530", "2000-02-28T23:59:59Z", "28-Feb-2000"},
        {951782400, 0, "29-Feb-2000 00:00:00 +0000", "2000-02-29T00:00:00Z", "29-Feb-2000"},
        {951868800, 0, " 1-Mar-2000 00:00:00 +0000", "2000-03-01T00:00:00Z", "1-Mar-2000"},
        {253402300799, 0, "31-Dec-9999 23:59:59 +0000", "9999-12-31T23:59:59Z", "31-Dec-9999"},
        {253402300800, 0, "31-Dec-9999 23:59:59 +0000", "9999-12-31T23:59:59Z", "31-Dec-9999"},
        {INT64_MAX, 720, "31-Dec-9999 23:59:59 +1200", "9999-12-31T23:59:59Z", "31-Dec-9999"},
        {INT64_MIN, -720, " 1-Jan-0000 00:00:00 -1200", "0000-01-01T00:00:00Z", "1-Jan-0000"},
        {0, 1440, " 1-Jan-1970 00:00:00 +0000", "1970-01-01T00:00:00Z", "1-Jan-1970"},
    };

    for (size_t i = 0; i < PERCH_COUNT(t); i++) {
        char internal[PERCH_INTERNALDATE_SIZE], iso[PERCH_ISO_SIZE], day[PERCH_DAY_SIZE];

        perch_internaldate_format((struct perch_time){.unix_s = t[i].unix_s,
                                                      .offset_min = (int16_t)t[i].offset,
                                                      .valid = true,
                                                      .offset_known = true},
                                  internal);
        ASSERT_STR(internal, t[i].internal);
        perch_iso_format(t[i].unix_s, iso);
        ASSERT_STR(iso, t[i].iso);
        perch_day_format(t[i].unix_s, day);
        ASSERT_STR(day, t[i].day);
    }
}

/* A day at a time over four centuries and more, against a calendar that only counts. */
static void test_the_calendar_counts_right(void)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = 1599, month = 1, day = 1;
    int64_t unix_s = INT64_C(-11707632000); /* 1599-01-01, 371 years of 365 days and 90 leap days */

    for (int i = 0; i < 150000; i++, unix_s += 86400) {
        char iso[PERCH_ISO_SIZE], want[64];
        bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

        (void)snprintf(want, sizeof want, "%04d-%02d-%02dT00:00:00Z", year, month, day);
        perch_iso_format(unix_s, iso);
        if (strcmp(iso, want) != 0) {
            FAIL_ROW("%s, want %s", iso, want);
            break;
        }
        if (perch_date_parse(perch_span_of(want)).unix_s != unix_s) {
            FAIL_ROW("%s read wrongly", want);
            break;
        }
        if (++day > lengths[month - 1] + (leap && month == 2)) {
            day = 1;
            if (++month > 12) {
                month = 1;
                year++;
            }
        }
    }
}

static void test_written_dates_read_the_same(void)
{
    for (int offset = -1439; offset < 1440; offset += 7)
        for (int known = 0; known < 2; known++) {
            struct perch_time t = {.unix_s = INT64_C(1000000007) * (offset + 1500) / 17,
                                   .offset_min = known ? (int16_t)offset : 0,
                                   .valid = true,
                                   .offset_known = known};
            char text[PERCH_INTERNALDATE_SIZE];
            struct perch_time back;

            perch_internaldate_format(t, text);
            back = perch_internaldate_parse(perch_span_of(text));
            if (!back.valid || back.unix_s != t.unix_s || back.offset_min != t.offset_min ||
                back.offset_known != t.offset_known)
                FAIL_ROW("\"%s\"", text);
        }
}

PERCH_SUITE("wire/date") = {
    PERCH_TEST(test_header_dates),
    PERCH_TEST(test_internaldates),
    PERCH_TEST(test_writing),
    PERCH_TEST(test_the_calendar_counts_right),
    PERCH_TEST(test_written_dates_read_the_same),
    PERCH_END,
};

/* Dates, by the proleptic Gregorian calendar and never by the locale or the machine's zone.
 *
 * Reading is one scanner for every form: the parts of a date (day, month name, year, time,
 * zone) are recognised by what they look like, in whatever order they come, so that
 * RFC 5322, INTERNALDATE, asctime() and ISO 8601 need no grammar of their own. A part that
 * fits nowhere makes the whole no date. INTERNALDATE as the RFC writes it, which a mailbox
 * has a hundred thousand times, goes by a path of its own. */
#include "wire/date.h"

#include "perch/text.h"

#include "base/ascii.h"
#include "base/num.h"
#include "base/span.h"

#include <stdio.h>

#define DAY_S  86400
#define OLDEST INT64_C(-62167219200) /* 0000-01-01T00:00:00Z */
#define NEWEST INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

static const char *const month_names[12] = {"January",   "February", "March",    "April",
                                            "May",       "June",     "July",     "August",
                                            "September", "October",  "November", "December"};
static const char *const day_names[7] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                         "Friday", "Saturday", "Sunday"};

/* ---- the calendar ---- */

struct civil {
    int year, month, day; /* month and day from 1 */
    int hour, minute, second;
};

/* Days since 1970-01-01. The year is counted from March, so that the leap day is its last;
 * 719468 is the number of days from 0000-03-01 to 1970-01-01. */
static int64_t days_of(int year, int month, int day)
{
    int64_t y = month > 2 ? year : year - 1;
    int64_t era = (y >= 0 ? y : y - 399) / 400, in_era = y - era * 400;
    int64_t in_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

    return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719468;
}

static struct civil civil_of(int64_t unix_s)
{
    int64_t t = unix_s < OLDEST ? OLDEST : unix_s > NEWEST ? NEWEST : unix_s;
    int64_t since = t - OLDEST; /* never negative from here on */
    int64_t days = since / DAY_S - 60 + 146097, rest = since % DAY_S; /* from -0400-03-01 */
    int64_t era = days / 146097, in_era = days % 146097;
    int64_t year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    int64_t in_year = in_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * in_year + 2) / 153; /* 0 is March */
    struct civil c = {
        .month = (int)(month < 10 ? month + 3 : month - 9),
        .day = (int)(in_year - (153 * month + 2) / 5 + 1),
        .hour = (int)(rest / 3600),
        .minute = (int)(rest / 60 % 60),
        .second = (int)(rest % 60),
    };

    c.year = (int)(year + (era - 1) * 400 + (c.month <= 2));
    return c;
}

static bool civil_valid(const struct civil *c)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = c->year % 4 == 0 && (c->year % 100 != 0 || c->year % 400 == 0);

    if (c->year < 1 || c->year > 9999 || c->month < 1 || c->month > 12 || c->day < 1)
        return false;
    if (c->day > lengths[c->month - 1] + (leap && c->month == 2))
        return false;
    return c->hour <= 23 && c->minute <= 59 && c->second <= 60; /* 60: a leap second */
}

static struct perch_time time_of(const struct civil *c, int offset_min, bool offset_known)
{
    int64_t day_s = c->hour * 3600 + c->minute * 60 + c->second;

    return (struct perch_time){
        .unix_s = days_of(c->year, c->month, c->day) * DAY_S + day_s - offset_min * 60,
        .offset_min = (int16_t)offset_min,
        .valid = true,
        .offset_known = offset_known,
    };
}

/* ---- writing ---- */

void perch_day_format(int64_t unix_s, char out[PERCH_DAY_SIZE])
{
    struct civil c = civil_of(unix_s);

    (void)snprintf(out, PERCH_DAY_SIZE, "%d-%.3s-%04d", c.day, month_names[c.month - 1], c.year);
}

void perch_internaldate_format(struct perch_time t, char out[PERCH_INTERNALDATE_SIZE])
{
    int offset = t.offset_min > -1440 && t.offset_min < 1440 ? t.offset_min : 0;
    int64_t utc = t.unix_s < OLDEST ? OLDEST : t.unix_s > NEWEST ? NEWEST : t.unix_s;
    struct civil c = civil_of(utc + offset * 60);
    unsigned zone = (unsigned)(offset < 0 ? -offset : offset);

    (void)snprintf(out, PERCH_INTERNALDATE_SIZE, "%2d-%.3s-%04d %02d:%02d:%02d %c%02u%02u", c.day,
                   month_names[c.month - 1], c.year, c.hour, c.minute, c.second,
                   offset < 0 || !t.offset_known ? '-' : '+', zone / 60 % 24, zone % 60);
}

void perch_iso_format(int64_t unix_s, char out[PERCH_ISO_SIZE])
{
    struct civil c = civil_of(unix_s);

    (void)snprintf(out, PERCH_ISO_SIZE, "%04d-%02d-%02dT%02d:%02d:%02dZ", c.year, c.month, c.day,
                   c.hour, c.minute, c.second);
}

/* ---- reading any form ---- */

enum zone_state {
    ZONE_NONE = 0,
    ZONE_UTC,    /* by name: a number may follow ("GMT+0100") */
    ZONE_KNOWN,  /* an offset that counts */
    ZONE_UNKNOWN /* "-0000", or a name that nobody knows */
};

struct date_scan {
    const char *p, *end;
    struct civil c;
    bool has_year, has_time, bad;
    enum zone_state zone;
    int offset_min;
};

static int peek(const struct date_scan *d, size_t ahead)
{
    return (size_t)(d->end - d->p) > ahead ? (unsigned char)d->p[ahead] : -1;
}

/* A run of digits: its value (or -1 if it has more than nine) and its length. */
static int scan_number(struct date_scan *d, int *ret_len)
{
    const char *start = d->p;
    uint64_t value;
    bool fits = perch_num_scan(&d->p, d->end, 999999999, &value);

    while (perch_is_digit(peek(d, 0)))
        d->p++;
    *ret_len = (int)(d->p - start);
    return fits ? (int)value : -1;
}

/* Behind a "(": nested, with quoted pairs. One that is left open goes to the end. */
static void skip_comment(struct date_scan *d)
{
    int depth = 1;

    for (; d->p < d->end && depth > 0; d->p++) {
        if (*d->p == '\\' && d->end - d->p > 1)
            d->p++;
        else if (*d->p == '(')
            depth++;
        else if (*d->p == ')')
            depth--;
    }
}

static void set_zone(struct date_scan *d, int sign, int value, int len)
{
    int hours = len <= 2 ? value : value / 100, minutes = len <= 2 ? 0 : value % 100;

    if (value < 0 || hours > 23 || minutes > 59 || (sign < 0 && value == 0)) {
        d->zone = ZONE_UNKNOWN;
        d->offset_min = 0;
        return;
    }
    d->zone = ZONE_KNOWN;
    d->offset_min = sign * (hours * 60 + minutes);
}

/* "+0100", "-6", "+01:00"; the sign is at d->p. */
static void scan_zone(struct date_scan *d)
{
    int sign = *d->p++ == '-' ? -1 : 1, len, len2;
    int value = scan_number(d, &len);

    if (len <= 2 && peek(d, 0) == ':' && perch_is_digit(peek(d, 1))) {
        d->p++;
        value = value * 100 + scan_number(d, &len2) % 100;
        len = 4;
    }
    if (d->zone == ZONE_NONE || d->zone == ZONE_UTC)
        set_zone(d, sign, value, len);
}

/* Behind the hour: ":mm", ":mm:ss", ":mm:ss.fff", with dots as well. */
static void scan_time(struct date_scan *d, int hour)
{
    int len, part[2] = {0, 0};

    for (int i = 0; i < 2; i++) {
        if ((peek(d, 0) != ':' && peek(d, 0) != '.') || !perch_is_digit(peek(d, 1)))
            break;
        d->p++;
        part[i] = scan_number(d, &len);
        if (len > 2)
            d->bad = true;
    }
    if (peek(d, 0) == '.' && perch_is_digit(peek(d, 1))) {
        d->p++;
        (void)scan_number(d, &len); /* parts of a second */
    }
    if (peek(d, 0) == ':')
        d->bad = true;
    d->has_time = true;
    d->c.hour = hour;
    d->c.minute = part[0];
    d->c.second = part[1];
}

static void take_year(struct date_scan *d, int value, int len)
{
    if (len == 2)
        value += value <= 68 ? 2000 : 1900;
    else if (len == 3)
        value += 1900; /* RFC 5322 4.3 */
    d->has_year = true;
    d->c.year = value;
}

/* A number that is no time: in the order of what may still be missing. */
static void take_number(struct date_scan *d, int value, int len)
{
    if (!d->has_year && (len == 3 || len == 4))
        take_year(d, value, len);
    else if (d->has_year && d->c.month == 0 && len <= 2) /* 1997-11-21 */
        d->c.month = value;
    else if (d->c.day == 0 && len <= 2)
        d->c.day = value > 0 ? value : 99; /* a day 0 is no missing day */
    else if (!d->has_year && len == 2)
        take_year(d, value, len);
    else if (d->has_time && d->zone == ZONE_NONE && len == 4)
        set_zone(d, 1, value, len);
    else
        d->bad = true;
}

static void scan_digits(struct date_scan *d)
{
    int len, value = scan_number(d, &len), next = peek(d, 0);

    if (!d->has_time && len <= 2 && (next == ':' || next == '.') && perch_is_digit(peek(d, 1)))
        scan_time(d, value);
    else
        take_number(d, value, len);
}

/* 1 and up for the name that `word` (three letters or more of it) begins, 0 for none. */
static int find_name(struct perch_span word, const char *const *names, int n)
{
    for (int i = 0; i < n && word.n >= 3; i++) {
        struct perch_span name = perch_span_of(names[i]);

        if (word.n > name.n)
            continue;
        name.n = word.n;
        if (perch_span_ieq(word, name))
            return i + 1;
    }
    return 0;
}

static void take_zone_name(struct date_scan *d, struct perch_span word)
{
    /* Only names that mean one thing: no IST, no AST. */
    static const struct {
        const char *name;
        int hours;
    } zones[] = {
        {"UT", 0},    {"UTC", 0},   {"GMT", 0},   {"Z", 0},     {"EST", -5}, {"EDT", -4},
        {"CST", -6},  {"CDT", -5},  {"MST", -7},  {"MDT", -6},  {"PST", -8}, {"PDT", -7},
        {"AKST", -9}, {"AKDT", -8}, {"HST", -10}, {"WET", 0},   {"WEST", 1}, {"BST", 1},
        {"CET", 1},   {"CEST", 2},  {"MET", 1},   {"MEST", 2},  {"EET", 2},  {"EEST", 3},
        {"MSK", 3},   {"SAST", 2},  {"HKT", 8},   {"SGT", 8},   {"JST", 9},  {"KST", 9},
        {"AEST", 10}, {"AEDT", 11}, {"NZST", 12}, {"NZDT", 13},
    };

    d->zone = ZONE_UNKNOWN;
    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++) {
        if (!perch_span_ieqs(word, zones[i].name))
            continue;
        d->zone = i < 4 ? ZONE_UTC : ZONE_KNOWN;
        d->offset_min = zones[i].hours * 60;
    }
}

static void scan_word(struct date_scan *d)
{
    struct perch_span word = {d->p, 0};
    int month;

    while (perch_is_alpha(peek(d, 0))) {
        d->p++;
        word.n++;
    }
    month = d->c.month == 0 ? find_name(word, month_names, 12) : 0;
    if (month > 0)
        d->c.month = month;
    else if (find_name(word, day_names, 7) > 0 || !d->has_time)
        return; /* a week day, the T of ISO 8601, words before the date */
    else if (perch_span_ieqs(word, "PM"))
        d->c.hour += d->c.hour < 12 ? 12 : 0;
    else if (perch_span_ieqs(word, "AM"))
        d->c.hour = d->c.hour == 12 ? 0 : d->c.hour;
    else if (d->zone == ZONE_NONE)
        take_zone_name(d, word);
}

static void scan_part(struct date_scan *d)
{
    int c = peek(d, 0);
    bool zone_may_come = d->has_time || (d->has_year && d->c.month > 0 && d->c.day > 0);

    if (perch_is_digit(c))
        scan_digits(d);
    else if (perch_is_alpha(c))
        scan_word(d);
    else if ((c == '+' || c == '-') && perch_is_digit(peek(d, 1)) && zone_may_come)
        scan_zone(d);
    else if (d->p++, c == '(')
        skip_comment(d);
}

struct perch_time perch_date_parse(struct perch_span header_date)
{
    struct date_scan d = {.p = header_date.p, .end = header_date.p};

    if (header_date.n > 0)
        d.end += header_date.n;
    while (d.p < d.end && !d.bad)
        scan_part(&d);
    if (d.bad || !d.has_year || !civil_valid(&d.c))
        return (struct perch_time){0};
    return time_of(&d.c, d.offset_min, d.zone == ZONE_UTC || d.zone == ZONE_KNOWN);
}

/* ---- reading INTERNALDATE ---- */

/* Two digits at s.p + at, the first of which may be a blank if `pad`; -1 if not. */
static int two_digits(struct perch_span s, size_t at, bool pad)
{
    int tens = pad && s.p[at] == ' ' ? '0' : s.p[at], ones = s.p[at + 1];

    return perch_is_digit(tens) && perch_is_digit(ones) ? (tens - '0') * 10 + ones - '0' : -1;
}

/* "17-Jul-1996 02:44:25 -0700" to the letter. */
static bool internaldate_exact(struct perch_span s, struct perch_time *ret)
{
    static const char shape[] = "..-...-.... ..:..:.. .....";
    int century, years, zone_hours, zone_minutes, offset;
    struct civil c;

    if (s.n != sizeof shape - 1)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (shape[i] != '.' && shape[i] != s.p[i])
            return false;
    c = (struct civil){
        .month = find_name((struct perch_span){s.p + 3, 3}, month_names, 12),
        .day = two_digits(s, 0, true),
        .hour = two_digits(s, 12, false),
        .minute = two_digits(s, 15, false),
        .second = two_digits(s, 18, false),
    };
    century = two_digits(s, 7, false);
    years = two_digits(s, 9, false);
    zone_hours = two_digits(s, 22, false);
    zone_minutes = two_digits(s, 24, false);
    c.year = century * 100 + years;
    if (century < 0 || years < 0 || c.hour < 0 || c.minute < 0 || c.second < 0 || zone_hours < 0 ||
        zone_hours > 23 || zone_minutes < 0 || zone_minutes > 59 || !civil_valid(&c))
        return false;
    if (s.p[21] != '+' && s.p[21] != '-')
        return false;
    offset = (zone_hours * 60 + zone_minutes) * (s.p[21] == '-' ? -1 : 1);
    *ret = time_of(&c, offset, offset != 0 || s.p[21] == '+');
    return true;
}

struct perch_time perch_internaldate_parse(struct perch_span text)
{
    struct perch_time t;

    return internaldate_exact(text, &t) ? t : perch_date_parse(text);
}

/* Address lists as people read them. Servers write a group as an address without a host, its
 * members, and an address of nothing (RFC 9051 7.5.2). Gmail and others leave hosts out of
 * ordinary addresses, so one opens a group only if an end is still to come. */
#include "wire/rfc2047.h"

#include "perch/error.h"
#include "perch/text.h"

#include "base/span.h"

#include <string.h>

static bool is_end(const struct perch_address *a)
{
    return !a->host.p && !a->mailbox.p;
}

/* Names that would read as something else next to an address. */
static bool needs_quotes(struct perch_span name)
{
    for (size_t i = 0; i < name.n; i++)
        if (strchr("()<>[]:;@\\,\"", name.p[i]))
            return true;
    return false;
}

static void append_name(struct perch_buf *out, struct perch_span raw)
{
    struct perch_buf name = PERCH_BUF_INIT;
    struct perch_span s;

    (void)perch_rfc2047_append(&name, raw);
    s = perch_buf_span(&name);
    if (needs_quotes(s)) {
        perch_buf_addc(out, '"');
        for (size_t i = 0; i < s.n; i++) {
            if (s.p[i] == '"' || s.p[i] == '\\')
                perch_buf_addc(out, '\\');
            perch_buf_addc(out, s.p[i]);
        }
        perch_buf_addc(out, '"');
    } else {
        perch_buf_addspan(out, s);
    }
    if (name.failed)
        out->failed = true;
    perch_buf_done(&name);
}

static void append_box(struct perch_buf *out, const struct perch_address *a)
{
    perch_text_append_line(out, a->mailbox);
    if (a->mailbox.n > 0 && a->host.n > 0)
        perch_buf_addc(out, '@');
    perch_text_append_line(out, a->host);
}

static void append_address(struct perch_buf *out, const struct perch_address *a)
{
    bool box = a->mailbox.n > 0 || a->host.n > 0;

    if (a->name.n == 0) {
        append_box(out, a);
        return;
    }
    append_name(out, a->name);
    if (!box)
        return;
    perch_buf_adds(out, " <");
    append_box(out, a);
    perch_buf_addc(out, '>');
}

static bool is_empty(const struct perch_address *a)
{
    return a->name.n == 0 && a->mailbox.n == 0 && a->host.n == 0;
}

static void append_list(struct perch_buf *out, const struct perch_address *a, size_t n)
{
    const char *separator = "";
    bool in_group = false;
    size_t ends = 0;

    for (size_t i = 0; i < n; i++)
        ends += is_end(&a[i]);
    for (size_t i = 0; i < n; i++) {
        ends -= is_end(&a[i]);
        if (in_group && is_end(&a[i])) {
            perch_buf_addc(out, ';');
            in_group = false;
            separator = ", ";
        } else if (!in_group && !a[i].host.p && a[i].mailbox.p && ends > 0) {
            perch_buf_adds(out, separator);
            append_name(out, a[i].mailbox);
            perch_buf_addc(out, ':');
            in_group = true;
            separator = " ";
        } else if (!is_empty(&a[i])) {
            perch_buf_adds(out, separator);
            append_address(out, &a[i]);
            separator = ", ";
        }
    }
}

int perch_addresses_format(const struct perch_address *a, size_t n, char **ret_utf8,
                           size_t *ret_len)
{
    struct perch_buf out = PERCH_BUF_INIT;
    char *utf8;

    append_list(&out, a, n);
    utf8 = perch_buf_take(&out, ret_len);
    if (!utf8)
        return PERCH_ENOMEM;
    *ret_utf8 = utf8;
    return PERCH_OK;
}

/* One table says what may be named and whose text it is; one loop takes an argument apart, for
 * the checks at load and for the filling in alike, so that the two cannot differ. */
#include "hooks/template.h"

#include "base/mem.h"
#include "base/span.h"

#include <string.h>

static const struct {
    const char *name;
    enum placeholder_class class;
} placeholders[] = {
    {"id", PLACEHOLDER_OURS},
    {"seq", PLACEHOLDER_OURS},
    {"time", PLACEHOLDER_OURS},
    {"kind", PLACEHOLDER_OURS},
    {"live", PLACEHOLDER_OURS},
    {"attempt", PLACEHOLDER_OURS},
    {"account", PLACEHOLDER_OURS}, /* the configuration's own key */
    {"event", PLACEHOLDER_JSON},
    {"mailbox", PLACEHOLDER_SERVER},
    {"mailbox.name", PLACEHOLDER_SERVER},
    {"mailbox.role", PLACEHOLDER_SERVER},
    {"mailbox.uidvalidity", PLACEHOLDER_NULLABLE},
    {"uid", PLACEHOLDER_NULLABLE},
    {"modseq", PLACEHOLDER_NULLABLE},
    {"size", PLACEHOLDER_NULLABLE},
    {"internaldate", PLACEHOLDER_NULLABLE},
    {"date", PLACEHOLDER_NULLABLE},
    {"emailid", PLACEHOLDER_SERVER},
    {"threadid", PLACEHOLDER_SERVER},
    {"flags", PLACEHOLDER_SERVER}, /* a keyword may be `-rf` */
    {"flags.old", PLACEHOLDER_SERVER},
    {"flags.new", PLACEHOLDER_SERVER},
    {"flags.added", PLACEHOLDER_SERVER},
    {"flags.removed", PLACEHOLDER_SERVER},
    {"from", PLACEHOLDER_SERVER},
    {"from.name", PLACEHOLDER_SERVER},
    {"from.address", PLACEHOLDER_SERVER},
    {"sender", PLACEHOLDER_SERVER},
    {"sender.name", PLACEHOLDER_SERVER},
    {"sender.address", PLACEHOLDER_SERVER},
    {"reply_to", PLACEHOLDER_SERVER},
    {"reply_to.name", PLACEHOLDER_SERVER},
    {"reply_to.address", PLACEHOLDER_SERVER},
    {"to", PLACEHOLDER_SERVER},
    {"to.name", PLACEHOLDER_SERVER},
    {"to.address", PLACEHOLDER_SERVER},
    {"cc", PLACEHOLDER_SERVER},
    {"cc.name", PLACEHOLDER_SERVER},
    {"cc.address", PLACEHOLDER_SERVER},
    {"bcc", PLACEHOLDER_SERVER},
    {"bcc.name", PLACEHOLDER_SERVER},
    {"bcc.address", PLACEHOLDER_SERVER},
    {"subject", PLACEHOLDER_SERVER},
    {"message_id", PLACEHOLDER_SERVER},
    {"in_reply_to", PLACEHOLDER_SERVER},
    {"list_id", PLACEHOLDER_SERVER},
    {"old_name", PLACEHOLDER_SERVER},
    {"error.class", PLACEHOLDER_NULLABLE},
    {"error.reason", PLACEHOLDER_NULLABLE},
    {"error.text", PLACEHOLDER_SERVER},
    {"reason", PLACEHOLDER_NULLABLE},
    {"matched", PLACEHOLDER_NULLABLE},
    {"new", PLACEHOLDER_NULLABLE},
    {"gone", PLACEHOLDER_NULLABLE},
    {"count", PLACEHOLDER_BATCH},
    {"attachments", PLACEHOLDER_REFUSED},
    {"moved", PLACEHOLDER_REFUSED},
};

const char *template_name(size_t n, const void *unused)
{
    (void)unused;
    return n < PERCH_COUNT(placeholders) ? placeholders[n].name : NULL;
}

static enum placeholder_class class_of(struct perch_span name)
{
    for (size_t i = 0; i < PERCH_COUNT(placeholders); i++)
        if (perch_span_eq(name, perch_span_of(placeholders[i].name)))
            return placeholders[i].class;
    return PLACEHOLDER_UNKNOWN;
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || c == '_';
}

/* The length of `{name}` at p, 0 if it is not one. */
static size_t placeholder_length(const char *p)
{
    const char *at = p + 1;

    for (;;) {
        if (!is_name_char(*at))
            return 0;
        while (is_name_char(*at))
            at++;
        if (*at == '}')
            return (size_t)(at + 1 - p);
        if (*at++ != '.')
            return 0;
    }
}

static bool is_doubled_brace(const char *p)
{
    return (p[0] == '{' || p[0] == '}') && p[1] == p[0];
}

bool template_next(const char **p, struct template_piece *ret_piece)
{
    const char *from = *p, *at = from;
    size_t n;

    if (*from == '\0')
        return false;
    if (is_doubled_brace(from)) {
        *p = from + 2;
        *ret_piece = (struct template_piece){.text = {from, 1}};
        return true;
    }
    n = *from == '{' ? placeholder_length(from) : 0;
    if (n > 0) {
        struct perch_span name = {from + 1, n - 2};

        *p = from + n;
        *ret_piece = (struct template_piece){name, class_of(name), true};
        return true;
    }
    do
        at++;
    while (*at != '\0' && !is_doubled_brace(at) && !(*at == '{' && placeholder_length(at) > 0));
    *p = at;
    *ret_piece = (struct template_piece){.text = {from, (size_t)(at - from)}};
    return true;
}

bool template_begins_with_server_text(const char *arg)
{
    struct template_piece piece;

    while (template_next(&arg, &piece)) {
        if (!piece.placeholder || piece.class == PLACEHOLDER_OURS ||
            piece.class == PLACEHOLDER_JSON)
            return false;
        if (piece.class == PLACEHOLDER_SERVER)
            return true;
    }
    return false;
}

bool template_has_server_text(const char *arg)
{
    struct template_piece piece;

    while (template_next(&arg, &piece))
        if (piece.class == PLACEHOLDER_SERVER || piece.class == PLACEHOLDER_JSON)
            return true;
    return false;
}

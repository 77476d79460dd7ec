/* Capabilities. The names are kept as the server wrote them; what perch itself asks about
 * is a bit each, so that asking costs nothing. */
#include "session/caps.h"

#include "base/mem.h"
#include "base/num.h"
#include "base/span.h"

_Static_assert(PERCH_CAP_COUNT <= 64, "a capability is a bit of a uint64_t");

static const char *const known[] = {
#define NAME(name, text) [PERCH_CAP_##name] = text,
    PERCH_CAPS(NAME)
#undef NAME
};

#define BIT(name) ((uint64_t)1 << PERCH_CAP_##name)

/* What one capability says about others. */
static const struct {
    enum perch_cap cap;
    uint64_t implies;
} implied[] = {
    /* RFC 9051, appendix E. BINARY is not here: literal8 in APPEND is not part of it. */
    {PERCH_CAP_IMAP4REV2,
     BIT(NAMESPACE) | BIT(UNSELECT) | BIT(UIDPLUS) | BIT(ESEARCH) | BIT(SEARCHRES) | BIT(ENABLE) |
         BIT(IDLE) | BIT(SASL_IR) | BIT(LIST_EXTENDED) | BIT(LIST_STATUS) | BIT(MOVE) |
         BIT(LITERAL_MINUS) | BIT(SPECIAL_USE) | BIT(CHILDREN) | BIT(STATUS_SIZE)},
    {PERCH_CAP_QRESYNC, BIT(CONDSTORE) | BIT(ENABLE)}, /* RFC 7162 3.2.3 */
    {PERCH_CAP_UTF8_ONLY, BIT(UTF8_ACCEPT)},           /* RFC 9755 section 6 */
};

void perch_caps_init(struct perch_caps *c)
{
    *c = (struct perch_caps){0};
    perch_arena_init(&c->arena, 1024);
}

void perch_caps_done(struct perch_caps *c)
{
    perch_arena_done(&c->arena);
}

void perch_caps_forget(struct perch_caps *c)
{
    perch_arena_reset(&c->arena);
    c->names = NULL;
    c->n = 0;
    c->bits = 0;
    c->known = false;
}

enum perch_cap perch_cap_by_name(struct perch_span name)
{
    for (size_t i = 0; i < PERCH_COUNT(known); i++)
        if (perch_span_ieqs(name, known[i]))
            return (enum perch_cap)i;
    return PERCH_CAP_COUNT;
}

const char *perch_cap_name(enum perch_cap cap)
{
    return known[cap];
}

int perch_caps_set(struct perch_caps *c, const struct perch_names *names)
{
    perch_caps_forget(c);
    c->names = perch_arena_array(&c->arena, names->n + 1, sizeof *c->names);
    if (!c->names)
        return PERCH_ENOMEM;
    for (size_t i = 0; i < names->n; i++) {
        enum perch_cap cap = perch_cap_by_name(names->v[i]);

        c->names[i] = perch_arena_strndup(&c->arena, names->v[i].p, names->v[i].n);
        if (!c->names[i]) {
            perch_caps_forget(c);
            return PERCH_ENOMEM;
        }
        if (cap < PERCH_CAP_COUNT)
            c->bits |= perch_cap_bit(cap);
    }
    for (size_t i = 0; i < PERCH_COUNT(implied); i++)
        if (c->bits & perch_cap_bit(implied[i].cap))
            c->bits |= implied[i].implies;
    c->n = names->n;
    c->known = true;
    return 0;
}

bool perch_caps_has(const struct perch_caps *c, const char *name)
{
    enum perch_cap cap = perch_cap_by_name(perch_span_of(name));

    if (cap < PERCH_CAP_COUNT)
        return c->bits & perch_cap_bit(cap);
    for (size_t i = 0; i < c->n; i++)
        if (perch_span_ieqs(perch_span_of(c->names[i]), name))
            return true;
    return false;
}

uint64_t perch_caps_append_limit(const struct perch_caps *c)
{
    uint64_t limit = UINT64_MAX;

    for (size_t i = 0; i < c->n; i++) {
        struct perch_span value = perch_span_of(c->names[i]);
        struct perch_span name = perch_span_cut(&value, '=');

        if (perch_span_ieqs(name, "APPENDLIMIT") && value.p)
            (void)perch_num_u64(value, UINT64_MAX, &limit);
    }
    return limit;
}

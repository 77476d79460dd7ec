#include "base/span.h"

#include "base/ascii.h"

static bool bytes_ieq(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (perch_lower((unsigned char)a[i]) != perch_lower((unsigned char)b[i]))
            return false;
    return true;
}

bool perch_span_ieq(struct perch_span a, struct perch_span b)
{
    return a.n == b.n && bytes_ieq(a.p, b.p, a.n);
}

bool perch_span_ieqs(struct perch_span a, const char *s)
{
    return perch_span_ieq(a, perch_span_of(s));
}

bool perch_span_istarts(struct perch_span a, const char *prefix)
{
    size_t n = strlen(prefix);

    return a.n >= n && bytes_ieq(a.p, prefix, n);
}

int perch_span_cmp(struct perch_span a, struct perch_span b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n > 0 ? memcmp(a.p, b.p, n) : 0;

    return order ? order : (a.n > b.n) - (a.n < b.n);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct perch_span perch_span_trim(struct perch_span s)
{
    while (s.n > 0 && is_blank(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

struct perch_span perch_span_cut(struct perch_span *s, char sep)
{
    struct perch_span part = *s;
    const char *at = s->n > 0 ? memchr(s->p, sep, s->n) : NULL;

    if (!at) {
        *s = (struct perch_span){NULL, 0};
        return part;
    }
    part.n = (size_t)(at - s->p);
    s->p = at + 1;
    s->n -= part.n + 1;
    return part;
}

/* A table of mechanisms, and libgsasl behind it. */
#include "sasl/sasl.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/span.h"

#include <gsasl.h>

#include <stdio.h>
#include <string.h>

/* ---- which ---- */

/* A password goes by AUTHENTICATE or as a quoted string, never as a literal: a server that
 * refuses the literal would be sent the password as a command. What can be quoted are 7-bit
 * characters without line ends. */
static bool is_quotable(struct perch_span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '\r' || s.p[i] == '\n' || (unsigned char)s.p[i] >= 0x80)
            return false;
    return true;
}

static bool fits_login(const struct perch_sasl_creds *creds)
{
    return !creds->authzid.p && is_quotable(creds->user) && is_quotable(creds->password);
}

static const struct perch_sasl_mech mechs[] = {
    {.name = "PLAIN", .client_first = true, .responses = 1},
    {.name = "LOGIN-COMMAND", .is_command = true, .fits = fits_login},
};

static const struct perch_sasl_mech *mech_by_name(const char *name)
{
    for (size_t i = 0; i < PERCH_COUNT(mechs); i++)
        if (perch_span_ieqs(perch_span_of(name), mechs[i].name))
            return &mechs[i];
    return NULL;
}

static bool is_offered(const struct perch_sasl_mech *mech, perch_sasl_offer_fn *offers,
                       const void *user)
{
    char capability[64];

    if (mech->is_command)
        return !offers(user, "LOGINDISABLED");
    (void)snprintf(capability, sizeof capability, "AUTH=%s", mech->name);
    return offers(user, capability);
}

const struct perch_sasl_mech *perch_sasl_choose(const char *const *names, size_t n,
                                                const struct perch_sasl_creds *creds,
                                                perch_sasl_offer_fn *offers, const void *user,
                                                struct perch_error *e)
{
    size_t count = names ? n : PERCH_COUNT(mechs);

    for (size_t i = 0; i < count; i++) {
        const struct perch_sasl_mech *mech = names ? mech_by_name(names[i]) : &mechs[i];

        if (mech && is_offered(mech, offers, user) && (!mech->fits || mech->fits(creds)))
            return mech;
    }
    perch_error_set(e, PERCH_EAUTH, PERCH_HITS_ACCOUNT, PERCH_ASK_USER, "no-mech",
                    "the server offers no way to log in that is allowed here and fits the "
                    "user name and password");
    return NULL;
}

/* ---- one exchange ---- */

struct perch_sasl {
    const struct perch_sasl_mech *mech;
    Gsasl *context;
    Gsasl_session *session;
    unsigned said; /* messages of ours */
    bool done;
};

void perch_sasl_free(perch_sasl *x)
{
    if (!x)
        return;
    if (x->session)
        gsasl_finish(x->session);
    if (x->context)
        gsasl_done(x->context);
    perch_free(x);
}

static int fail(struct perch_error *e, const perch_sasl *x, int code, const char *what)
{
    return perch_error_set(e, code, PERCH_HITS_CONNECTION,
                           code == PERCH_ENOMEM ? PERCH_TRY_LATER : PERCH_ASK_USER, "sasl",
                           "%s: %s", x->mech->name, what);
}

static int set_property(perch_sasl *x, Gsasl_property property, struct perch_span value)
{
    char *copy;
    int rc;

    if (!value.p)
        return GSASL_OK;
    copy = perch_memdup0(value.p, value.n);
    if (!copy)
        return GSASL_MALLOC_ERROR;
    rc = gsasl_property_set(x->session, property, copy);
    perch_wipe(copy, value.n);
    perch_free(copy);
    return rc;
}

static int begin(perch_sasl *x, const struct perch_sasl_creds *creds)
{
    int rc = gsasl_init(&x->context);

    if (rc == GSASL_OK)
        rc = gsasl_client_start(x->context, x->mech->name, &x->session);
    if (rc == GSASL_OK)
        rc = set_property(x, GSASL_AUTHID, creds->user);
    if (rc == GSASL_OK)
        rc = set_property(x, GSASL_PASSWORD, creds->password);
    if (rc == GSASL_OK)
        rc = set_property(x, GSASL_AUTHZID, creds->authzid);
    return rc;
}

perch_sasl *perch_sasl_new(const struct perch_sasl_mech *mech, const struct perch_sasl_creds *creds,
                           struct perch_error *e)
{
    perch_sasl *x = perch_calloc(1, sizeof *x);
    int rc;

    if (!x) {
        perch_error_set(e, PERCH_ENOMEM, PERCH_HITS_OP, PERCH_TRY_LATER, NULL, "out of memory");
        return NULL;
    }
    x->mech = mech;
    rc = begin(x, creds);
    if (rc == GSASL_OK)
        return x;
    (void)fail(e, x, rc == GSASL_MALLOC_ERROR ? PERCH_ENOMEM : PERCH_EAUTH, gsasl_strerror(rc));
    perch_sasl_free(x);
    return NULL;
}

int perch_sasl_step(perch_sasl *x, struct perch_span challenge, struct perch_buf *response,
                    struct perch_error *e)
{
    char *out = NULL;
    size_t n = 0;
    int rc;

    if (x->said == x->mech->responses)
        return fail(e, x, PERCH_EPROTO, "the server asks for more than there is to say");
    x->said++;
    rc = gsasl_step(x->session, challenge.p ? challenge.p : "", challenge.n, &out, &n);
    if (rc == GSASL_OK || rc == GSASL_NEEDS_MORE) {
        x->done = rc == GSASL_OK;
        perch_buf_add(response, out, n);
    }
    if (out)
        perch_wipe(out, n);
    gsasl_free(out);
    if (rc == GSASL_MALLOC_ERROR || response->failed)
        return fail(e, x, PERCH_ENOMEM, "out of memory");
    if (rc != GSASL_OK && rc != GSASL_NEEDS_MORE)
        return fail(e, x, PERCH_EPROTO, gsasl_strerror(rc));
    return 0;
}

bool perch_sasl_done(const perch_sasl *x)
{
    return x->done;
}

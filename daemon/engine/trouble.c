#include "engine/trouble.h"

#include "engine/liveness.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

/* The first row that fits: code, and reason unless it is NULL. */
static const struct {
    int code;
    const char *reason;
    const char *fix;
} fixes[] = {
    {PERCH_EAUTH, "no-mech", "name a mechanism that the server offers in `auth:`"},
    {PERCH_EAUTH, NULL, "check `user:` and `password:`"},
    {PERCH_ETOKEN, NULL, "check `user:` and the token"},
    {PERCH_ERESOLVE, NULL, "check `host:` and the network"},
    {PERCH_ECONNECT, NULL, "check `host:`, `port:` and the network"},
    {PERCH_ECERTIFICATE, "cert-unknown-ca",
     "name the PEM file of its authority (CA) in `tls: {ca: FILE}`"},
    {PERCH_ECERTIFICATE, "cert-self-signed",
     "name the PEM file of its authority (CA) in `tls: {ca: FILE}`"},
    {PERCH_ECERTIFICATE, "cert-host", "use the name of the certificate as `host:`"},
    {PERCH_ECERTIFICATE, "cert-expired", "the server's operator has to renew it"},
    {PERCH_ECERTIFICATE, NULL, "check `host:` and `tls: {ca: FILE}`"},
    {PERCH_ETLS, NULL, "check `port:` and `tls: {mode: implicit | starttls}`"},
    {PERCH_EGREETING, NULL, "check `port:` and `tls: {mode: implicit | starttls}`"},
    {PERCH_ESTARTTLS, NULL, "check `port:` and `tls: {mode: implicit | starttls}`"},
};

static const char *fix_of(const struct perch_error *why)
{
    if (why->code == PERCH_EAUTH && !liveness_refused(why))
        return NULL; /* the server is busy: nothing is wrong with the password */
    for (size_t i = 0; i < PERCH_COUNT(fixes); i++) {
        if (fixes[i].code != why->code)
            continue;
        if (!fixes[i].reason || (why->reason && strcmp(fixes[i].reason, why->reason) == 0))
            return fixes[i].fix;
    }
    return NULL;
}

/* What went wrong on this side of the wire is not the server's. */
static bool is_ours(const struct perch_error *why)
{
    static const char *const reasons[] = {"memory", NO_SECRET, "store"};

    for (size_t i = 0; i < PERCH_COUNT(reasons); i++)
        if (why->reason && strcmp(why->reason, reasons[i]) == 0)
            return true;
    return false;
}

struct trouble *trouble_new(const struct config_account *account, const struct perch_error *why)
{
    const char *fix = fix_of(why);
    size_t size = strlen(account->host) + strlen(why->text) + (fix ? strlen(fix) : 0) + 32;
    struct trouble *t = perch_malloc(sizeof *t + size);

    if (!t)
        return NULL;
    t->class = perch_err_class(why->code);
    t->reason = why->reason ? why->reason : "";
    if (is_ours(why))
        (void)snprintf(t->text, size, "%s", why->text);
    else
        (void)snprintf(t->text, size, "%s:%u: %s%s%s%s", account->host, account->port, why->text,
                       fix ? " (" : "", fix ? fix : "", fix ? ")" : "");
    return t;
}

bool trouble_same(const struct trouble *a, const struct trouble *b)
{
    if (!a || !b)
        return a == b;
    return strcmp(a->class, b->class) == 0 && strcmp(a->reason, b->reason) == 0;
}

json_t *trouble_json(const struct trouble *t)
{
    return json_pack("{s:s, s:s, s:s}", "class", t->class, "reason", t->reason, "text", t->text);
}

/* Providers whose IMAP server is not `imap.DOMAIN`. */
#include "config/build.h"

#include "base/mem.h"
#include "base/span.h"

static const struct {
    const char *domain, *host;
} providers[] = {
    {"aol.com", "imap.aol.com"},
    {"disroot.org", "disroot.org"},
    {"fastmail.com", "imap.fastmail.com"},
    {"fastmail.fm", "imap.fastmail.com"},
    {"freenet.de", "mx.freenet.de"},
    {"gmail.com", "imap.gmail.com"},
    {"gmx.at", "imap.gmx.net"},
    {"gmx.ch", "imap.gmx.net"},
    {"gmx.com", "imap.gmx.com"},
    {"gmx.de", "imap.gmx.net"},
    {"gmx.net", "imap.gmx.net"},
    {"googlemail.com", "imap.gmail.com"},
    {"hotmail.com", "outlook.office365.com"},
    {"icloud.com", "imap.mail.me.com"},
    {"live.com", "outlook.office365.com"},
    {"mac.com", "imap.mail.me.com"},
    {"me.com", "imap.mail.me.com"},
    {"msn.com", "outlook.office365.com"},
    {"office365.com", "outlook.office365.com"},
    {"outlook.com", "outlook.office365.com"},
    {"posteo.de", "posteo.de"},
    {"posteo.net", "posteo.de"},
    {"riseup.net", "mail.riseup.net"},
    {"rocketmail.com", "imap.mail.yahoo.com"},
    {"t-online.de", "secureimap.t-online.de"},
    {"web.de", "imap.web.de"},
    {"yahoo.co.uk", "imap.mail.yahoo.com"},
    {"yahoo.com", "imap.mail.yahoo.com"},
    {"yahoo.de", "imap.mail.yahoo.com"},
    {"yahoo.fr", "imap.mail.yahoo.com"},
    {"yandex.com", "imap.yandex.com"},
    {"yandex.ru", "imap.yandex.ru"},
    {"ymail.com", "imap.mail.yahoo.com"},
};

const char *config_provider_host(const char *domain)
{
    struct perch_span d = perch_span_of(domain);

    for (size_t i = 0; i < PERCH_COUNT(providers); i++)
        if (perch_span_ieqs(d, providers[i].domain))
            return providers[i].host;
    return NULL;
}

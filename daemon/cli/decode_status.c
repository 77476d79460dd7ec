/* The codes of status responses. */
#include "cli/decode.h"

static void uid_pair(struct decoder *d, const struct perch_status_resp *s)
{
    jw_open(&d->w, '{');
    decode_number_at(d, "uidvalidity", true, s->u.uids.uidvalidity);
    if (s->code == PERCH_CODE_COPYUID)
        decode_set_at(d, "source", true, &s->u.uids.source);
    decode_set_at(d, s->code == PERCH_CODE_COPYUID ? "dest" : "uids", true, &s->u.uids.dest);
    jw_close(&d->w, '}');
}

static void progress(struct decoder *d, const struct perch_status_resp *s)
{
    jw_open(&d->w, '{');
    decode_text_at(d, "tag", s->u.progress.tag);
    decode_number_at(d, "done", s->u.progress.has_done, s->u.progress.done);
    decode_number_at(d, "goal", s->u.progress.has_goal, s->u.progress.goal);
    jw_close(&d->w, '}');
}

/* LONGENTRIES and MAXSIZE have a number, TOOMANY and NOPRIVATE have none. */
static void metadata(struct decoder *d, const struct perch_status_resp *s)
{
    struct perch_span word = s->u.metadata.word;

    jw_open(&d->w, '{');
    decode_text_at(d, "word", word);
    decode_number_at(d, "number", s->code_args.n > word.n, s->u.metadata.number);
    jw_close(&d->w, '}');
}

static void message_limit(struct decoder *d, const struct perch_status_resp *s)
{
    jw_open(&d->w, '{');
    decode_number_at(d, "limit", true, s->u.limit.limit);
    decode_number_at(d, "uid", s->u.limit.uid != 0, s->u.limit.uid);
    jw_close(&d->w, '}');
}

static void value(struct decoder *d, const struct perch_status_resp *s)
{
    switch (s->code) {
    case PERCH_CODE_UIDNEXT:
    case PERCH_CODE_UIDVALIDITY:
    case PERCH_CODE_UNSEEN:
    case PERCH_CODE_HIGHESTMODSEQ:
    case PERCH_CODE_SAVELIMIT:
    case PERCH_CODE_MAXCONVERTMESSAGES:
        jw_uint(&d->w, s->u.number);
        return;
    case PERCH_CODE_CAPABILITY:
    case PERCH_CODE_PERMANENTFLAGS:
    case PERCH_CODE_BADCHARSET:
    case PERCH_CODE_BADEVENT:
        decode_names(d, &s->u.names);
        return;
    case PERCH_CODE_APPENDUID:
    case PERCH_CODE_COPYUID:
        uid_pair(d, s);
        return;
    case PERCH_CODE_MODIFIED:
        decode_set(d, &s->u.set);
        return;
    case PERCH_CODE_MAILBOXID:
    case PERCH_CODE_NOUPDATE:
    case PERCH_CODE_UNDEFINED_FILTER:
        decode_text(d, s->u.id);
        return;
    case PERCH_CODE_REFERRAL:
    case PERCH_CODE_BADURL:
    case PERCH_CODE_JMAPACCESS:
        decode_text(d, s->u.url);
        return;
    case PERCH_CODE_INPROGRESS:
        progress(d, s);
        return;
    case PERCH_CODE_METADATA:
        metadata(d, s);
        return;
    case PERCH_CODE_MESSAGELIMIT:
        message_limit(d, s);
        return;
    default: /* without arguments by its RFC, or unknown */
        decode_text(d, s->code_args);
        return;
    }
}

void decode_code(struct decoder *d, const struct perch_status_resp *s)
{
    if (s->code == PERCH_CODE_NONE) {
        jw_null(&d->w);
        return;
    }
    jw_open(&d->w, '{');
    jw_key(&d->w, "name");
    decode_upper(d, s->code_name);
    jw_key(&d->w, "value");
    value(d, s);
    jw_close(&d->w, '}');
}

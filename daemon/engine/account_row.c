/* What the store holds of an account itself: its row, and the events that are of no mailbox. */
#include "engine/account.h"

#include "log.h"

#include "base/clock.h"
#include "base/mem.h"

#include <string.h>

bool account_emission(const struct account *account, const struct mailbox *m, struct perch_arena *a,
                      struct emission *e)
{
    const char *key = account->cfg->key;
    struct route_mailbox where;

    if (m)
        where = (struct route_mailbox){m->name, m->delimiter, account->prefix, m->role};
    e->account = perch_arena_strndup(a, key, strlen(key));
    e->account_id = account->id;
    e->generation = account->host->config->generation;
    e->now_ms = perch_clock_wall_ms();
    return e->account && routes_make(account->host->config, account->cfg, m ? &where : NULL, a,
                                     &e->routes, &e->nroutes) == 0;
}

/* An event, or the look-up of the row. */
struct account_job {
    struct job job;
    struct perch_arena arena, out;
    struct emission emission;
    enum event_kind kind;
    json_t *more;
    const char *key, *user, *host; /* OPENING */
    int64_t id;
    bool first_ever;
};

static void free_account_job(struct job *job)
{
    struct account_job *j = (struct account_job *)job;

    json_decref(j->more);
    perch_arena_done(&j->out);
    perch_arena_done(&j->arena);
    perch_free(j);
}

static struct account_job *account_job_new(const struct account *a)
{
    struct account_job *j = perch_calloc(1, sizeof *j);

    if (!j)
        return NULL;
    perch_arena_init(&j->arena, 0);
    perch_arena_init(&j->out, 0);
    j->job.emission = &j->emission;
    j->job.free = free_account_job;
    if (!account_emission(a, NULL, &j->arena, &j->emission)) {
        free_account_job(&j->job);
        return NULL;
    }
    j->emission.arena = &j->out;
    return j;
}

static int emit_of_account(struct store_tx *tx, struct account_job *j, enum event_kind kind)
{
    struct event ev = {
        .kind = kind,
        .live = kind != EVENT_RESET, /* which is found at the start */
        .internaldate = INT64_MIN,
        .flags = {.old_flags = "", .new_flags = ""},
        .more = j->more,
    };

    return emit_event(tx, &j->emission, &ev, NULL, NULL);
}

static int run_event(struct store_tx *tx, struct job *job)
{
    struct account_job *j = (struct account_job *)job;

    j->emission.first = NULL;
    j->emission.last = NULL;
    return emit_of_account(tx, j, j->kind);
}

static bool event_done(struct job *job, int rc)
{
    if (rc < 0)
        account_store_failed(job->account, rc);
    return false;
}

void account_emit(struct account *a, enum event_kind kind, const struct trouble *why)
{
    struct account_job *j = account_job_new(a);

    if (!j) {
        log_error(a->cfg->key, "out of memory: no %s event", event_kind_name(kind));
        return;
    }
    j->kind = kind;
    if (why)
        j->more = json_pack("{s:o}", "error", trouble_json(why));
    j->job.run = run_event;
    j->job.done = event_done;
    flow_submit(a, &j->job);
}

/* ---- its row ---- */

static int note_mailbox(const struct store_mailbox *m, void *user)
{
    (void)m;
    *(bool *)user = false;
    return 0;
}

static int run_open(struct store_tx *tx, struct job *job)
{
    struct account_job *j = (struct account_job *)job;
    struct store_account row;
    bool anew = false;

    j->emission.first = NULL;
    j->emission.last = NULL;
    if (store_account_open(tx, j->key, j->user, j->host, &row, &j->out, &anew) < 0)
        return -1;
    j->id = j->emission.account_id = row.id;
    j->first_ever = true;
    if (store_mailboxes_each(tx, row.id, &j->out, note_mailbox, &j->first_ever) < 0)
        return -1;
    if (!anew)
        return 0;
    if (json_object_set_new(j->more, "gone", json_integer((json_int_t)row.forgotten)) != 0)
        return -1;
    return emit_of_account(tx, j, EVENT_RESET);
}

static bool open_done(struct job *job, int rc)
{
    struct account *a = job->account;
    const struct account_job *j = (const struct account_job *)job;

    if (rc < 0) {
        account_store_failed(a, rc);
        return false;
    }
    if (a->state != ACCOUNT_OPENING)
        return false;
    a->id = j->id;
    a->first_ever = j->first_ever;
    account_queue(a);
    return false;
}

static struct account_job *open_job_new(const struct account *a)
{
    struct account_job *j = account_job_new(a);

    if (!j)
        return NULL;
    j->key = j->emission.account;
    j->user = perch_arena_strndup(&j->arena, a->cfg->user, strlen(a->cfg->user));
    j->host = perch_arena_strndup(&j->arena, a->cfg->host, strlen(a->cfg->host));
    j->more =
        json_pack("{s:s, s:i, s:i, s:i}", "reason", "account", "matched", 0, "new", 0, "gone", 0);
    j->job.run = run_open;
    j->job.done = open_done;
    if (j->user && j->host && j->more)
        return j;
    free_account_job(&j->job);
    return NULL;
}

void account_open(struct account *a)
{
    struct account_job *j = open_job_new(a);

    account_goto(a, ACCOUNT_OPENING);
    if (j)
        flow_submit(a, &j->job);
    else
        account_no_memory(a);
}

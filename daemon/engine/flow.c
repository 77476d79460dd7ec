#include "engine/flow.h"

#include "engine/account.h"
#include "engine/delta.h"
#include "engine/sync.h"

#include "base/clock.h"
#include "base/mem.h"

static void start_next(struct account *a);

static void release(struct job *job)
{
    struct account *a = job->account;

    job->free(job);
    account_unref(a);
}

/* On the loop: the job is durable, or it never was. */
static void on_done(int rc, void *arg)
{
    struct job *job = arg;
    struct account *a = job->account;

    a->flow.running = NULL;
    if (rc == 0 && job->emission)
        a->host->publish(job->emission, a->host->user);
    if (a->gone) {
        release(job); /* and the account with it, if that was its last job */
        return;
    }
    if (job->done(job, rc))
        perch_list_push_front(&a->flow.waiting, &job->link);
    else
        release(job);
    start_next(a);
    account_wake(a);
}

static int run_job(struct store_tx *tx, void *arg)
{
    struct job *job = arg;

    return job->run(tx, job);
}

static void start_next(struct account *a)
{
    struct job *job = PERCH_LIST_FIRST(&a->flow.waiting, struct job, link);

    if (!job || a->flow.running)
        return;
    perch_unlink(&job->link);
    a->flow.running = job;
    if (store_submit(a->host->store, job->lane, run_job, on_done, job) == 0)
        return;
    a->flow.running = NULL;
    release(job);
    a->host->store_broke(a->host->user);
}

void flow_init(struct flow *f)
{
    perch_list_init(&f->waiting);
}

void flow_submit(struct account *a, struct job *job)
{
    job->account = account_ref(a);
    perch_list_add(&a->flow.waiting, &job->link);
    start_next(a);
}

bool flow_idle(const struct account *a)
{
    return !a->flow.running && perch_list_empty(&a->flow.waiting);
}

void flow_drop(struct account *a)
{
    PERCH_LIST_EACH(&a->flow.waiting, struct job, link, job) {
        perch_unlink(&job->link);
        release(job);
    }
}

/* ---- change sets ---- */

struct change_job {
    struct job job;
    struct change_set *set;
};

static int run_changes(struct store_tx *tx, struct job *job)
{
    return delta_run(tx, ((struct change_job *)job)->set);
}

static bool changes_done(struct job *job, int rc)
{
    struct account *a = job->account;
    struct change_set *set = ((struct change_job *)job)->set;
    struct mailbox *m = account_mailbox_by_id(a, set->mailbox);

    if (rc < 0) {
        account_store_failed(a, rc);
        return false;
    }
    if (set->more)
        return true;
    a->last_sync = perch_clock_ms();
    if (m) {
        m->known.messages += (uint64_t)set->messages;
        sync_missing(a, m, &set->missing);
    }
    return false;
}

static void free_changes(struct job *job)
{
    change_free(((struct change_job *)job)->set);
    perch_free(job);
}

void flow_submit_changes(struct account *a, struct change_set *set)
{
    struct change_job *job = perch_calloc(1, sizeof *job);

    if (!job) {
        change_free(set);
        account_no_memory(a);
        return;
    }
    job->set = set;
    job->job = (struct job){
        .lane = set->has_below || set->begin ? STORE_BULK : STORE_LIVE,
        .emission = &set->emission,
        .run = run_changes,
        .done = changes_done,
        .free = free_changes,
    };
    flow_submit(a, &job->job);
}

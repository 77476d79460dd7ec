/* The loop puts requests into one list, the thread puts batches into another; an eventfd wakes
 * the loop. Only the thread touches the reader. */
#include "control/replay.h"

#include "log.h"
#include "store/store.h"

#include "base/list.h"
#include "base/mem.h"

#include <event2/event.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define BATCH_ROWS  ((size_t)64)
#define BATCH_BYTES ((size_t)256 * 1024)

struct request {
    struct perch_link link;
    int64_t since_seq, since_ms;
    size_t rows;
    struct replay_batch batch;
};

struct replay {
    char *state;
    replay_done_fn *done;
    void *user;
    int wake; /* eventfd: batches are ready */
    struct event *event;
    bool started;
    pthread_t thread;
    pthread_mutex_t lock; /* for what follows */
    pthread_cond_t asked;
    struct perch_list requests, answers;
    bool stopping;
};

static void free_request(struct request *q)
{
    perch_buf_done(&q->batch.lines);
    perch_free(q);
}

/* ---- the thread ---- */

static int add_event(const struct store_event_row *row, void *user)
{
    struct request *q = user;

    perch_buf_adds(&q->batch.lines, row->json);
    perch_buf_addc(&q->batch.lines, '\n');
    q->batch.last_seq = row->seq;
    q->rows++;
    q->batch.more = q->rows == BATCH_ROWS || q->batch.lines.len >= BATCH_BYTES;
    return q->batch.more;
}

/* The reader stays open between requests; one that failed is opened anew. */
static void read_batch(struct replay *r, struct request *q, struct store_reader **reader)
{
    const struct store_event_filter filter = {
        .since_seq = q->since_seq,
        .since_time_ms = q->since_ms,
        .kind = -1,
        .limit = BATCH_ROWS,
    };
    struct store_error error;

    q->batch.failed = true;
    if (!*reader && store_reader_open(r->state, reader, &error) != 0) {
        *reader = NULL;
        log_error(NULL, "control socket: cannot replay events: %s", error.text);
        return;
    }
    if (store_read_events(*reader, &filter, add_event, q) < 0) {
        log_error(NULL, "control socket: cannot replay events: %s", store_reader_error(*reader));
        store_reader_close(*reader);
        *reader = NULL;
        return;
    }
    q->batch.failed = q->batch.lines.failed;
}

static struct request *next_request(struct replay *r)
{
    struct request *q;

    (void)pthread_mutex_lock(&r->lock);
    while (!r->stopping && perch_list_empty(&r->requests))
        (void)pthread_cond_wait(&r->asked, &r->lock);
    q = r->stopping ? NULL : PERCH_LIST_FIRST(&r->requests, struct request, link);
    if (q)
        perch_unlink(&q->link);
    (void)pthread_mutex_unlock(&r->lock);
    return q;
}

static void *run(void *arg)
{
    struct replay *r = arg;
    struct store_reader *reader = NULL;
    struct request *q;

    while ((q = next_request(r))) {
        read_batch(r, q, &reader);
        (void)pthread_mutex_lock(&r->lock);
        perch_list_add(&r->answers, &q->link);
        (void)pthread_mutex_unlock(&r->lock);
        (void)eventfd_write(r->wake, 1);
    }
    store_reader_close(reader);
    return NULL;
}

/* ---- the loop ---- */

static struct request *next_answer(struct replay *r)
{
    struct request *q;

    (void)pthread_mutex_lock(&r->lock);
    q = PERCH_LIST_FIRST(&r->answers, struct request, link);
    if (q)
        perch_unlink(&q->link);
    (void)pthread_mutex_unlock(&r->lock);
    return q;
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct replay *r = arg;
    struct request *q;
    eventfd_t count;

    (void)what;
    (void)eventfd_read(fd, &count);
    while ((q = next_answer(r))) {
        r->done(&q->batch, r->user);
        free_request(q);
    }
}

struct replay *replay_new(struct event_base *base, const char *state, replay_done_fn *done,
                          void *user)
{
    struct replay *r = perch_calloc(1, sizeof *r);

    if (!r)
        return NULL;
    r->done = done;
    r->user = user;
    (void)pthread_mutex_init(&r->lock, NULL);
    (void)pthread_cond_init(&r->asked, NULL);
    perch_list_init(&r->requests);
    perch_list_init(&r->answers);
    r->state = perch_strdup(state);
    r->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (r->wake >= 0)
        r->event = event_new(base, r->wake, EV_READ | EV_PERSIST, on_wake, r);
    if (r->state && r->event && event_add(r->event, NULL) == 0)
        return r;
    replay_free(r);
    return NULL;
}

static void free_list(struct perch_list *list)
{
    PERCH_LIST_EACH(list, struct request, link, q) {
        free_request(q);
    }
}

void replay_free(struct replay *r)
{
    if (!r)
        return;
    (void)pthread_mutex_lock(&r->lock);
    r->stopping = true;
    (void)pthread_cond_signal(&r->asked);
    (void)pthread_mutex_unlock(&r->lock);
    if (r->started)
        (void)pthread_join(r->thread, NULL);
    free_list(&r->requests);
    free_list(&r->answers);
    if (r->event)
        event_free(r->event);
    if (r->wake >= 0)
        (void)close(r->wake);
    (void)pthread_cond_destroy(&r->asked);
    (void)pthread_mutex_destroy(&r->lock);
    perch_free(r->state);
    perch_free(r);
}

bool replay_ask(struct replay *r, uint64_t client, int64_t since_seq, int64_t since_ms)
{
    struct request *q;

    if (!r->started)
        r->started = pthread_create(&r->thread, NULL, run, r) == 0;
    q = r->started ? perch_calloc(1, sizeof *q) : NULL;
    if (!q)
        return false;
    q->since_seq = since_seq;
    q->since_ms = since_ms;
    q->batch.client = client;
    q->batch.last_seq = since_seq;
    (void)pthread_mutex_lock(&r->lock);
    perch_list_add(&r->requests, &q->link);
    (void)pthread_cond_signal(&r->asked);
    (void)pthread_mutex_unlock(&r->lock);
    return true;
}

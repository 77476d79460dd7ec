/* Lines: their items, their turn, their place. */
#include "hooks/outbox_internal.h"

#include "base/mem.h"

#include <string.h>

/* ---- items ---- */

struct item *outbox_item_new(int64_t seq, const char *json)
{
    size_t size = strlen(json) + 1;
    struct item *it = perch_malloc(sizeof *it + size);

    if (!it)
        return NULL;
    *it = (struct item){.seq = seq, .size = size};
    memcpy(it->json, json, size);
    return it;
}

struct item *outbox_item_of(const struct store_delivery *d)
{
    struct item *it = outbox_item_new(d->seq, d->json);

    if (!it)
        return NULL;
    it->attempts = d->attempts;
    it->created_ms = d->created_ms;
    it->failed_ms = d->failed_ms;
    it->next_ms = d->next_ms;
    return it;
}

struct item *outbox_line_first(const struct line *l)
{
    return PERCH_LIST_FIRST(&l->items, struct item, link);
}

void outbox_line_append(struct line *l, struct item *it)
{
    perch_list_add(&l->items, &it->link);
    l->nitems++;
    l->last_seq = it->seq;
    l->o->memory += it->size;
}

struct item *outbox_line_shift(struct line *l)
{
    struct item *it = outbox_line_first(l);

    perch_unlink(&it->link);
    l->nitems--;
    l->o->memory -= it->size;
    return it;
}

void outbox_items_free(struct perch_list *items)
{
    PERCH_LIST_EACH(items, struct item, link, it) {
        perch_unlink(&it->link);
        perch_free(it);
    }
}

/* ---- lines ---- */

struct line *outbox_line_new(struct outbox *o, const char *hook_name, int64_t account,
                             int64_t mailbox)
{
    size_t size = strlen(hook_name) + 1;
    struct line *l = perch_calloc(1, sizeof *l + size);

    if (!l)
        return NULL;
    l->o = l->task.o = o;
    l->account = account;
    l->mailbox = mailbox;
    l->wake_ms = INT64_MAX;
    perch_list_init(&l->items);
    perch_list_init(&l->found);
    memcpy(l->hook_name, hook_name, size);
    return l;
}

void outbox_line_free(struct line *l)
{
    while (outbox_line_first(l))
        perch_free(outbox_line_shift(l));
    outbox_items_free(&l->found);
    perch_unlink(&l->link);
    perch_unlink(&l->turn);
    perch_unlink(&l->place);
    perch_unlink(&l->task.link);
    if (l->beside)
        l->o->nbeside--;
    perch_free(l->what);
    perch_free(l);
}

void outbox_lines_free(struct perch_list *lines)
{
    PERCH_LIST_EACH(lines, struct line, link, l) {
        outbox_line_free(l);
    }
}

static struct perch_list *bucket_of(struct outbox *o, unsigned hook, int64_t account,
                                    int64_t mailbox)
{
    uint64_t h = (uint64_t)mailbox * 0x9e3779b97f4a7c15u;

    h ^= ((uint64_t)account << 32) + hook;
    h *= 0x9e3779b97f4a7c15u;
    return &o->buckets[(h >> 32) % LINE_BUCKETS];
}

struct line *outbox_line_get(struct outbox *o, unsigned hook, int64_t account, int64_t mailbox)
{
    struct perch_list *bucket = bucket_of(o, hook, account, mailbox);
    struct line *l;

    PERCH_LIST_EACH(bucket, struct line, link, known) {
        if (known->hook == hook && known->account == account && known->mailbox == mailbox)
            return known;
    }
    l = outbox_line_new(o, o->config->hooks[hook].name, account, mailbox);
    if (!l)
        return NULL;
    l->hook = hook;
    perch_list_add(bucket, &l->link);
    return l;
}

void outbox_line_set_beside(struct line *l)
{
    l->beside = true;
    l->o->nbeside++;
    perch_list_add(&l->o->beside, &l->link);
}

static void queue_update(struct outbox *o, struct queue *q)
{
    bool may = !perch_list_empty(&q->ready) && q->busy < o->share;

    if (may && !perch_linked(&q->link))
        perch_list_add(&o->queues, &q->link);
    else if (!may)
        perch_unlink(&q->link);
}

void outbox_line_goto(struct line *l, enum line_state next)
{
    struct outbox *o = l->o;
    struct queue *q = &o->queue[l->hook];
    bool had_place = l->state >= LINE_READING, has_place = next >= LINE_READING;

    perch_unlink(&l->turn);
    perch_unlink(&l->place);
    if (has_place)
        perch_list_add(&o->places, &l->place);
    l->state = next;
    o->busy = o->busy - had_place + has_place;
    q->busy = q->busy - had_place + has_place;
    if (next == LINE_READY) {
        perch_list_add(&q->ready, &l->turn);
    } else if (l->wake_ms != INT64_MAX && (next == LINE_HELD || next == LINE_RUNNING)) {
        perch_list_add(&o->sleepers, &l->turn);
        outbox_look_at(o, l->wake_ms);
    }
    queue_update(o, q);
}

void outbox_line_next(struct line *l)
{
    l->run = 0;
    l->wake_ms = INT64_MAX;
    if (l->nitems > 0 || l->behind) {
        outbox_line_goto(l, LINE_READY);
    } else {
        outbox_line_goto(l, LINE_IDLE);
        outbox_line_free(l);
    }
}

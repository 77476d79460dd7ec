#include "engine/listing.h"

#include "engine/watch.h"
#include "log.h"

#include "base/mem.h"
#include "base/span.h"
#include "perch/commands.h"

#include <stdlib.h>

#define ABSENCES_MAX 2     /* one LIST may be short for a moment */
#define LISTED_MAX   50000 /* beyond it nobody reads mail, but a server may want our time */
#define CHUNK        500   /* mailboxes of one transaction: others wait for it */

/* A row of LIST. */
struct listed {
    struct perch_span raw;
    const char *name;
    const char *role; /* static */
    char delimiter;
    bool selectable;
    bool chosen;
    const struct route *routes; /* of its events */
    size_t nroutes;
    struct store_mailbox row; /* filled on the store's thread; id 0: not there */
    int64_t messages;
};

/* A STATUS that came with LIST; it may come before its mailbox's row. */
struct told {
    struct perch_span raw;
    struct plan_answer status;
};

struct key {
    struct perch_span raw;
    size_t at; /* in listing.v */
};

struct listing {
    struct job job;
    struct perch_arena arena, out;
    struct emission emission;
    struct listed *v; /* in the order of the server */
    size_t n, cap;
    struct key *keys; /* of the first nkeys of v, by name */
    size_t nkeys;
    struct told *told; /* by name, once all have come */
    size_t ntold, told_cap;
    unsigned connection; /* account.connection that it is of */
    bool first_ever;
    bool live;       /* not the first one of the connection */
    bool failed;     /* out of memory on the way */
    bool over;       /* more than LISTED_MAX */
    size_t taken_up; /* of v, by the store's thread */
};

/* ---- gathering ---- */

static void free_listing(struct listing *l)
{
    if (!l)
        return;
    perch_free(l->v);
    perch_free(l->keys);
    perch_free(l->told);
    perch_arena_done(&l->out);
    perch_arena_done(&l->arena);
    perch_free(l);
}

void listing_drop(struct account *a)
{
    free_listing(perch_take(a->listing));
}

/* INBOX has no case (RFC 9051 5.1); one that a server lists twice is one. */
static struct perch_span canonical_name(struct perch_span raw)
{
    return perch_span_ieqs(raw, "INBOX") ? PERCH_SPAN("INBOX") : raw;
}

/* `v` with room for one more behind its `n`; NULL when out of memory, `v` is as it was then. */
static void *grow(void *v, size_t n, size_t *cap, size_t size)
{
    size_t more = *cap ? *cap * 2 : 16;

    if (n < *cap)
        return v;
    v = perch_reallocarray(v, more, size);
    if (v)
        *cap = more;
    return v;
}

static bool add_listed(struct listing *l, const struct listed *item)
{
    struct listed *v = grow(l->v, l->n, &l->cap, sizeof *v);

    if (!v)
        return false;
    l->v = v;
    v[l->n++] = *item;
    return true;
}

static bool copy_listed(struct listing *l, const struct perch_list_resp *row)
{
    struct listed item = {
        .role = mailbox_role(row->attrs.bits),
        .delimiter = row->delimiter,
        .selectable = !(row->attrs.bits & (PERCH_ATTR_NOSELECT | PERCH_ATTR_NONEXISTENT)),
    };
    struct perch_span name = row->mailbox.utf8;

    if (perch_arena_dup(&l->arena, canonical_name(row->mailbox.raw), &item.raw))
        return false;
    if (perch_span_ieqs(name, "INBOX"))
        name = PERCH_SPAN("INBOX");
    item.name = perch_arena_strndup(&l->arena, name.p, name.n);
    return item.name && add_listed(l, &item);
}

static void on_list(perch_op *op, const struct perch_list_resp *row, void *user)
{
    struct listing *l = ((struct account *)user)->listing;

    (void)op;
    if (l->n >= LISTED_MAX)
        l->over = true;
    else if (!copy_listed(l, row))
        l->failed = true;
}

static struct plan_answer answer_of(const struct perch_mailbox_status *s)
{
    return (struct plan_answer){
        .uidvalidity = s->uidvalidity,
        .uidnext = s->uidnext,
        .highestmodseq = s->highestmodseq,
        .messages = s->messages,
    };
}

static bool add_told(struct listing *l, const struct perch_mailbox_status *row)
{
    struct told *v = grow(l->told, l->ntold, &l->told_cap, sizeof *v);

    if (!v)
        return false;
    l->told = v;
    v[l->ntold].status = answer_of(row);
    if (perch_arena_dup(&l->arena, canonical_name(row->mailbox.raw), &v[l->ntold].raw))
        return false;
    l->ntold++;
    return true;
}

static void on_list_status(perch_op *op, const struct perch_mailbox_status *row, void *user)
{
    struct listing *l = ((struct account *)user)->listing;

    (void)op;
    if (l->ntold >= LISTED_MAX)
        l->over = true;
    else if (!add_told(l, row))
        l->failed = true;
}

/* ---- what is watched ---- */

/* There is a personal prefix when everything but INBOX lies below INBOX. */
static const char *find_prefix(const struct listing *l)
{
    const char *prefix = NULL;

    for (size_t i = 0; i < l->n; i++) {
        const char *name = l->v[i].name;

        if (strcmp(name, "INBOX") == 0)
            continue;
        if (l->v[i].delimiter == '.' && strncmp(name, "INBOX.", 6) == 0)
            prefix = "INBOX.";
        else if (l->v[i].delimiter == '/' && strncmp(name, "INBOX/", 6) == 0)
            prefix = "INBOX/";
        else
            return "";
    }
    return prefix ? prefix : "";
}

/* For struct key and struct told, which begin with the name. */
static int by_name(const void *a, const void *b)
{
    return perch_span_cmp(*(const struct perch_span *)a, *(const struct perch_span *)b);
}

/* Of two rows with one name the first counts. False when out of memory. */
static bool index_names(struct listing *l)
{
    size_t kept = 0;

    l->keys = perch_reallocarray(NULL, l->n, sizeof *l->keys);
    if (!l->keys)
        return false;
    for (size_t i = 0; i < l->n; i++)
        l->keys[i] = (struct key){l->v[i].raw, i};
    qsort(l->keys, l->n, sizeof *l->keys, by_name);
    for (size_t i = 0; i < l->n; i++) {
        if (kept && perch_span_eq(l->keys[kept - 1].raw, l->keys[i].raw))
            l->v[l->keys[i].at].selectable = l->v[l->keys[i].at].chosen = false;
        else
            l->keys[kept++] = l->keys[i];
    }
    l->nkeys = kept;
    return true;
}

static const struct listed *listed_of(const struct listing *l, struct perch_span raw)
{
    struct key key = {.raw = raw};
    const struct key *found = bsearch(&key, l->keys, l->nkeys, sizeof *l->keys, by_name);

    return found && l->v[found->at].selectable ? &l->v[found->at] : NULL;
}

/* ---- on the store's thread ---- */

static int say_created(struct store_tx *tx, struct listing *l, const struct listed *item)
{
    struct event ev = {
        .kind = EVENT_MAILBOX_CREATED,
        .live = l->live,
        .internaldate = INT64_MIN,
        .flags = {.old_flags = "", .new_flags = ""},
    };

    if (l->first_ever || !item->chosen)
        return 0;
    l->emission.routes = item->routes;
    l->emission.nroutes = item->nroutes;
    return emit_event(tx, &l->emission, &ev, &item->row, NULL);
}

static int make_row(struct store_tx *tx, struct listing *l, struct listed *item)
{
    item->row = (struct store_mailbox){
        .account = l->emission.account_id,
        .raw = item->raw,
        .name = item->name,
        .delimiter = item->delimiter,
        .role = item->role,
        .gone = !item->chosen,
    };
    if (store_mailbox_put(tx, &item->row) < 0)
        return -1;
    return say_created(tx, l, item);
}

static int update_row(struct store_tx *tx, struct listing *l, struct listed *item)
{
    struct store_mailbox *row = &item->row;
    bool again = row->sync == STORE_SYNC_DELETED;

    if (!again && row->gone == !item->chosen && row->delimiter == item->delimiter &&
        perch_same_text(row->role, item->role) && perch_same_text(row->name, item->name))
        return 0;
    row->gone = !item->chosen;
    row->delimiter = item->delimiter;
    row->role = item->role;
    row->name = item->name;
    if (again)
        row->sync = STORE_SYNC_NONE;
    if (store_mailbox_put(tx, row) < 0)
        return -1;
    return again ? say_created(tx, l, item) : 0;
}

static int take_up(struct store_tx *tx, struct listing *l, struct listed *item)
{
    int found = store_mailbox_find(tx, l->emission.account_id, item->raw, &l->arena, &item->row);

    if (found < 0 || (found ? update_row(tx, l, item) : make_row(tx, l, item)) < 0)
        return -1;
    if (item->chosen)
        item->messages = store_message_count(tx, item->row.id);
    return item->messages < 0 ? -1 : 0;
}

/* A watched mailbox that this LIST leaves out. It is kept, until another LIST agrees. */
static int find_absentee(const struct store_mailbox *row, void *user)
{
    struct listing *l = user;
    struct listed item = {.row = *row, .raw = row->raw, .name = row->name};

    if (row->gone || listed_of(l, row->raw))
        return 0;
    return add_listed(l, &item) ? 0 : -1;
}

/* The next chunk. The first LIST ever is one transaction, whatever its size: the half of it
 * would make news of the other half. */
static int run_listing(struct store_tx *tx, struct job *job)
{
    struct listing *l = (struct listing *)job;
    size_t end = l->first_ever || l->n - l->taken_up < CHUNK ? l->n : l->taken_up + CHUNK;

    l->emission.first = NULL;
    l->emission.last = NULL;
    for (; l->taken_up < end; l->taken_up++)
        if (l->v[l->taken_up].selectable && take_up(tx, l, &l->v[l->taken_up]) < 0)
            return -1;
    if (l->taken_up < l->n)
        return 0;
    if (store_mailboxes_each(tx, l->emission.account_id, &l->arena, find_absentee, l) != 0)
        return -1;
    l->taken_up = l->n; /* absentees stand behind */
    return 0;
}

/* ---- back on the loop ---- */

static void insert(struct account *a, struct mailbox *m)
{
    if (perch_span_eq(m->raw, PERCH_SPAN("INBOX")))
        perch_list_push_front(&a->mailboxes, &m->link);
    else
        perch_list_add(&a->mailboxes, &m->link);
}

static int by_id(const void *pa, const void *pb)
{
    const struct mailbox *a = *(struct mailbox *const *)pa, *b = *(struct mailbox *const *)pb;

    return a->id < b->id ? -1 : a->id > b->id;
}

/* The mailboxes that are watched already, by id. NULL when out of memory. */
static struct mailbox **watched_by_id(const struct account *a, size_t *ret_n)
{
    struct mailbox **v;
    size_t n = 0;

    PERCH_LIST_EACH(&a->mailboxes, struct mailbox, link, counted)
        n += counted != NULL;
    v = perch_reallocarray(NULL, n, sizeof *v);
    if (!v)
        return NULL;
    *ret_n = n;
    n = 0;
    PERCH_LIST_EACH(&a->mailboxes, struct mailbox, link, m)
        v[n++] = m;
    qsort(v, *ret_n, sizeof *v, by_id);
    return v;
}

static struct mailbox *find_watched(struct mailbox *const *v, size_t n, int64_t id)
{
    struct mailbox sought = {.id = id};
    struct mailbox *key = &sought;
    struct mailbox *const *found = bsearch(&key, v, n, sizeof *v, by_id);

    return found ? *found : NULL;
}

/* `m`: the mailbox if it is watched already. */
static bool adopt(struct account *a, const struct listed *item, struct mailbox *m)
{
    if (m) {
        m->role = item->role;
        return true;
    }
    m = mailbox_new(&item->row, item->role, item->messages);
    if (!m)
        return false;
    m->dirty = true;
    m->compare = !item->row.highestmodseq; /* no STATUS can tell that its flags are the same */
    m->absences = !item->selectable;
    insert(a, m);
    return true;
}

/* Each id is in the listing once, so that what is adopted here is never sought here. */
static bool adopt_all(struct account *a, const struct listing *l)
{
    size_t n = 0;
    auto_free struct mailbox **watched = watched_by_id(a, &n);

    if (!watched)
        return false;
    for (size_t i = 0; i < l->n; i++) {
        const struct listed *item = &l->v[i];
        bool absent = !item->selectable && item->row.id;

        if ((item->chosen || absent) && !adopt(a, item, find_watched(watched, n, item->row.id)))
            return false;
    }
    return true;
}

static void compare_status(struct account *a, struct mailbox *m, const struct plan_answer *status)
{
    m->told_uidnext = status->uidnext;
    if (a->sync.box == m)
        return; /* it is told by pushes, and STATUS may be behind them */
    m->dirty = m->compare || !plan_nothing_new(&m->known, status);
    m->met = m->met || !m->dirty;
}

static void compare_all(struct account *a, const struct listing *l)
{
    PERCH_LIST_EACH(&a->mailboxes, struct mailbox, link, m) {
        struct told key = {.raw = m->raw};
        const struct told *told =
            l->ntold ? bsearch(&key, l->told, l->ntold, sizeof *l->told, by_name) : NULL;

        if (told)
            compare_status(a, m, &told->status);
    }
}

static bool listing_stored(struct job *job, int rc)
{
    struct account *a = job->account;
    struct listing *l = (struct listing *)job;

    if (rc < 0) {
        account_store_failed(a, rc);
        return false;
    }
    if (!account_connected(a) || l->connection != a->connection)
        return false;
    if (l->taken_up < l->n)
        return true;
    a->first_ever = false;
    if (!adopt_all(a, l)) {
        account_no_memory(a);
        return false;
    }
    if (perch_list_empty(&a->mailboxes))
        log_warn(a->cfg->key, "`mailboxes:` chooses none of the %zu mailboxes there are", l->n);
    compare_all(a, l);
    watch_answered(a);
    return false;
}

static void free_job(struct job *job)
{
    free_listing((struct listing *)job);
}

static bool fill_emission(const struct account *a, struct listing *l)
{
    if (!account_emission(a, NULL, &l->arena, &l->emission))
        return false;
    l->emission.arena = &l->out;
    for (size_t i = 0; i < l->n; i++) {
        struct listed *item = &l->v[i];
        struct route_mailbox where = {item->name, item->delimiter, a->prefix, item->role};

        if (item->chosen && routes_make(a->host->config, a->cfg, &where, &l->arena, &item->routes,
                                        &item->nroutes) < 0)
            return false;
    }
    return true;
}

/* To the store, which may know better. Takes the listing. */
static bool submit(struct account *a, struct listing *l)
{
    if (!fill_emission(a, l)) {
        free_listing(l);
        return false;
    }
    l->connection = a->connection;
    l->first_ever = a->first_ever;
    l->live = a->state != ACCOUNT_LISTING;
    l->job = (struct job){
        .lane = STORE_LIVE,
        .emission = &l->emission,
        .run = run_listing,
        .done = listing_stored,
        .free = free_job,
    };
    flow_submit(a, &l->job);
    return true;
}

/* ---- LIST ---- */

/* Two LISTs agree: it is gone, with all that is known of it. */
static bool say_deleted(struct account *a, struct mailbox *m)
{
    struct change_set *set = change_new();

    if (!set || !account_emission(a, m, &set->arena, &set->emission)) {
        change_free(set);
        return false;
    }
    set->mailbox = m->id;
    set->begin = CHANGE_DELETED;
    set->live = true;
    flow_submit_changes(a, set);
    perch_unlink(&m->link);
    mailbox_free(m);
    return true;
}

static bool count_absences(struct account *a, const struct listing *l, size_t *ret_known)
{
    *ret_known = 0;
    PERCH_LIST_EACH(&a->mailboxes, struct mailbox, link, m) {
        const struct listed *item = listed_of(l, m->raw);

        if (item) {
            m->absences = 0;
            *ret_known += item->chosen;
        } else if (++m->absences >= ABSENCES_MAX && a->sync.box != m && !say_deleted(a, m)) {
            return false;
        }
    }
    return true;
}

static bool look_at(struct account *a, struct listing *l)
{
    size_t known, chosen = 0;

    if (l->failed || !index_names(l))
        return false;
    if (l->ntold)
        qsort(l->told, l->ntold, sizeof *l->told, by_name);
    a->prefix = find_prefix(l);
    for (size_t i = 0; i < l->n; i++) {
        struct listed *item = &l->v[i];

        item->chosen = item->selectable && mailbox_chosen(a->cfg->mailboxes, item->name,
                                                          item->delimiter, a->prefix, item->role);
        chosen += item->chosen;
    }
    if (!count_absences(a, l, &known))
        return false;
    if (a->state == ACCOUNT_LISTING || known < chosen)
        return submit(a, perch_take(a->listing));
    compare_all(a, l);
    listing_drop(a);
    watch_answered(a);
    return true;
}

static void on_listed(perch_op *op, void *user)
{
    struct account *a = user;
    bool no;

    if (!account_op_ok(a, op, &no)) {
        if (no)
            account_fail(a, perch_op_error(op));
    } else if (a->listing->over) {
        account_fail_text(a, PERCH_ELIMIT, "limit", "LIST names more mailboxes than perch follows");
    } else if (!a->listing->n) {
        /* A server that names nothing at all is not right: nobody loses a mailbox over it. */
        account_fail_text(a, PERCH_EPROTO, "no-mailboxes", "LIST names no mailbox");
    } else if (!look_at(a, a->listing)) {
        account_no_memory(a);
    }
}

#define STATUS_ITEMS (PERCH_STATUS_MESSAGES | PERCH_STATUS_UIDNEXT | PERCH_STATUS_UIDVALIDITY)

static uint32_t status_items(const struct account *a)
{
    return STATUS_ITEMS |
           (perch_session_can(a->session, PERCH_CAP_CONDSTORE) ? PERCH_STATUS_HIGHESTMODSEQ : 0u);
}

bool listing_has_status(const struct account *a)
{
    return perch_session_can(a->session, PERCH_CAP_LIST_STATUS);
}

void listing_start(struct account *a)
{
    struct perch_list_args args = PERCH_LIST_ARGS_INIT;

    listing_drop(a);
    a->listing = perch_calloc(1, sizeof *a->listing);
    if (!a->listing) {
        account_no_memory(a);
        return;
    }
    perch_arena_init(&a->listing->arena, 0);
    perch_arena_init(&a->listing->out, 0);
    args.pattern = PERCH_SPAN("*");
    args.returns = PERCH_LIST_RETURN_SPECIAL_USE;
    args.status_items = listing_has_status(a) ? status_items(a) : 0;
    args.on_list = on_list;
    args.on_status = on_list_status;
    if (perch_list_start(a->session, &args, on_listed, a, NULL) < 0)
        account_fail(a, perch_session_error(a->session));
}

/* ---- STATUS ---- */

static void on_status(perch_op *op, void *user)
{
    struct account *a = user;
    const struct perch_mailbox_status *const *rows;
    size_t n;
    bool no;

    if (!account_op_ok(a, op, &no) && !no)
        return;
    n = no ? 0 : perch_op_statuses(op, &rows); /* a NO is LIST's business */
    for (size_t i = 0; i < n; i++) {
        struct plan_answer status = answer_of(rows[i]);
        struct mailbox *m = account_mailbox_by_raw(a, canonical_name(rows[i]->mailbox.raw));

        if (m)
            compare_status(a, m, &status);
    }
    watch_answered(a);
}

void listing_status(struct account *a, const struct mailbox *m)
{
    if (perch_status_start(a->session, m->raw, true, status_items(a), on_status, a, NULL) < 0)
        account_fail(a, perch_session_error(a->session));
}

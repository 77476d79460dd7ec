/* Clients of the control socket.
 *
 * The one rule: the loop never waits. What a client is owed lies in its bufferevent's output;
 * past OUTPUT_HIGH a client's requests are not read and a follower's events are not queued,
 * until the client has read. A follower is LIVE (committed events go to it as they come),
 * READING (the replay thread has its request) or BEHIND (its output is full). It becomes LIVE
 * only when a read has come back that was asked for after the last event that it was not
 * given; so there is neither a gap nor a twin between replay and live. */
#include "control/control.h"

#include "control/replay.h"
#include "log.h"

#include "base/list.h"
#include "base/mem.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS_MAX 16
#define REQUEST_MAX ((size_t)64 * 1024) /* a line without its end */
#define OUTPUT_HIGH ((size_t)256 * 1024)
#define OUTPUT_LOW  ((size_t)64 * 1024)

/* For a client that does not follow: to ask, and to read its answer. */
static const struct timeval patience = {.tv_sec = 60};

enum follow { FOLLOW_OFF, FOLLOW_READING, FOLLOW_BEHIND, FOLLOW_LIVE };

struct client {
    struct perch_link link;
    struct control *control;
    uint64_t id;
    struct bufferevent *bev;
    enum follow follow;
    int64_t sent_seq;  /* every event up to it was given, or is older than since_ms */
    int64_t asked_seq; /* control.last_seq when the read at hand was asked for */
    int64_t since_ms;
    bool closing; /* nothing more is read; it goes when its output is empty */
};

struct control {
    struct event_base *base;
    int fd;
    struct event *listener, *again;
    struct replay *replay;
    struct control_hooks hooks;
    void *user;
    struct perch_list clients;
    unsigned nclients;
    uint64_t last_id;
    int64_t last_seq; /* of the last event committed while we watched */
};

/* ---- answers ---- */

static void free_client(struct client *cl)
{
    perch_unlink(&cl->link);
    cl->control->nclients--;
    bufferevent_free(cl->bev);
    perch_free(cl);
}

static size_t owed(const struct client *cl)
{
    return evbuffer_get_length(bufferevent_get_output(cl->bev));
}

/* After this the client is gone as soon as it has what it is owed, or when its patience ends. */
static void close_client(struct client *cl)
{
    cl->closing = true;
    cl->follow = FOLLOW_OFF;
    (void)bufferevent_disable(cl->bev, EV_READ);
    (void)bufferevent_set_timeouts(cl->bev, &patience, &patience);
    bufferevent_setwatermark(cl->bev, EV_WRITE, 0, 0);
}

/* All of it or, when memory is short, the end: a follower that missed something must notice. */
static void send_bytes(struct client *cl, const void *p, size_t n)
{
    struct evbuffer *out = bufferevent_get_output(cl->bev);

    if (evbuffer_add(out, p, n) != 0)
        close_client(cl);
}

static void send_line(struct client *cl, const char *text)
{
    send_bytes(cl, text, strlen(text));
    if (!cl->closing)
        send_bytes(cl, "\n", 1);
}

/* Takes the reference. */
static void send_json(struct client *cl, json_t *value)
{
    auto_free char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;

    json_decref(value);
    send_line(cl, text ? text : "{\"ok\":false,\"error\":\"out of memory\"}");
}

static void refuse(struct client *cl, const char *why)
{
    send_json(cl, json_pack("{s:b, s:s}", "ok", 0, "error", why));
}

/* ---- following ---- */

static void ask_replay(struct client *cl)
{
    cl->follow = FOLLOW_READING;
    cl->asked_seq = cl->control->last_seq;
    if (replay_ask(cl->control->replay, cl->id, cl->sent_seq, cl->since_ms))
        return;
    refuse(cl, "out of memory");
    close_client(cl);
}

/* A read came back, or there is room again. */
static void go_on(struct client *cl)
{
    if (owed(cl) >= OUTPUT_HIGH)
        cl->follow = FOLLOW_BEHIND;
    else
        ask_replay(cl);
}

static struct client *find_client(struct control *c, uint64_t id)
{
    PERCH_LIST_EACH(&c->clients, struct client, link, cl) {
        if (cl->id == id)
            return cl;
    }
    return NULL;
}

static void on_batch(const struct replay_batch *b, void *user)
{
    struct client *cl = find_client(user, b->client);

    if (!cl || cl->follow != FOLLOW_READING)
        return;
    if (b->failed) {
        refuse(cl, "the event log cannot be read");
        close_client(cl);
        return;
    }
    if (b->lines.len > 0)
        send_bytes(cl, perch_buf_data(&b->lines), b->lines.len);
    if (cl->closing)
        return;
    cl->sent_seq = b->last_seq;
    if (!b->more && cl->asked_seq > cl->sent_seq)
        cl->sent_seq = cl->asked_seq; /* older than since_ms */
    if (b->more || cl->control->last_seq > cl->sent_seq)
        go_on(cl);
    else
        cl->follow = FOLLOW_LIVE;
}

void control_event(struct control *c, int64_t seq, const char *json)
{
    c->last_seq = seq;
    PERCH_LIST_EACH(&c->clients, struct client, link, cl) {
        if (cl->follow != FOLLOW_LIVE || seq <= cl->sent_seq)
            continue;
        if (owed(cl) >= OUTPUT_HIGH) {
            cl->follow = FOLLOW_BEHIND;
            continue;
        }
        send_line(cl, json);
        cl->sent_seq = seq;
    }
}

/* A whole number not below 0; false if it is anything else. An absent one is fine. */
static bool optional_number(const json_t *request, const char *key, int64_t *ret)
{
    const json_t *value = json_object_get(request, key);

    if (!value)
        return true;
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *ret = json_integer_value(value);
    return true;
}

/* ---- requests ---- */

static void cmd_status(struct client *cl, const json_t *request)
{
    struct control *c = cl->control;
    json_t *status = c->hooks.status(c->user);
    json_t *answer = json_pack("{s:b}", "ok", 1);

    (void)request;
    if (!status || json_object_update(answer, status) != 0) {
        json_decref(answer);
        answer = NULL;
    }
    json_decref(status);
    send_json(cl, answer);
}

static void cmd_follow(struct client *cl, const json_t *request)
{
    int64_t seq = -1, ms = 0;

    if (cl->follow != FOLLOW_OFF) {
        refuse(cl, "this client follows already");
        return;
    }
    if (!optional_number(request, "since", &seq) || !optional_number(request, "since_time", &ms)) {
        refuse(cl, "since and since_time are whole numbers from 0 on");
        return;
    }
    send_line(cl, "{\"ok\":true}");
    (void)bufferevent_set_timeouts(cl->bev, NULL, NULL);
    cl->since_ms = ms;
    if (seq < 0 && ms == 0) {
        cl->sent_seq = cl->control->last_seq;
        cl->follow = FOLLOW_LIVE;
    } else {
        cl->sent_seq = seq < 0 ? 0 : seq;
        ask_replay(cl);
    }
}

static const struct {
    const char *name;
    void (*run)(struct client *cl, const json_t *request);
} commands[] = {
    {"status", cmd_status},
    {"follow", cmd_follow},
};

static void handle_line(struct client *cl, const char *line, size_t n)
{
    json_t *request = json_loadb(line, n, JSON_REJECT_DUPLICATES, NULL);
    const char *name = json_string_value(json_object_get(request, "cmd"));
    bool known = false;

    if (!json_is_object(request))
        refuse(cl, "a request is one JSON object on one line");
    else if (!name)
        refuse(cl, "a request needs \"cmd\"");
    for (size_t i = 0; name && i < PERCH_COUNT(commands); i++) {
        if (strcmp(commands[i].name, name) == 0) {
            commands[i].run(cl, request);
            known = true;
        }
    }
    if (name && !known)
        refuse(cl, "unknown cmd; there are status and follow");
    json_decref(request);
}

/* One line, or a complaint about one that is too long. False when there is none yet. */
static bool take_line(struct client *cl, struct evbuffer *in)
{
    size_t n;
    char *line = evbuffer_readln(in, &n, EVBUFFER_EOL_LF);

    if (!line && evbuffer_get_length(in) <= REQUEST_MAX)
        return false;
    if (line && n <= REQUEST_MAX) {
        handle_line(cl, line, n);
    } else {
        refuse(cl, "a line is at most 64 KiB");
        close_client(cl);
    }
    free(line);
    return true;
}

/* Reading stops, not only waits, while the output is full: libevent calls on_read again and
 * again for input that is at its high mark. */
static void handle_input(struct client *cl)
{
    struct evbuffer *in = bufferevent_get_input(cl->bev);
    bool full = false;

    while (!cl->closing && !(full = owed(cl) >= OUTPUT_HIGH) && take_line(cl, in))
        ;
    if (cl->closing || full)
        (void)bufferevent_disable(cl->bev, EV_READ);
    else
        (void)bufferevent_enable(cl->bev, EV_READ);
}

/* ---- libevent's callbacks ---- */

static void on_read(struct bufferevent *bev, void *arg)
{
    (void)bev;
    handle_input(arg);
}

/* The output is down to its low mark, which is 0 when the client is closing. */
static void on_write(struct bufferevent *bev, void *arg)
{
    struct client *cl = arg;

    (void)bev;
    if (cl->closing) {
        free_client(cl);
        return;
    }
    if (cl->follow == FOLLOW_BEHIND)
        ask_replay(cl);
    handle_input(cl);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    struct client *cl = arg;

    (void)bev;
    if ((what & BEV_EVENT_EOF) && !cl->closing && owed(cl) > 0)
        close_client(cl);
    else
        free_client(cl);
}

/* ---- accepting ---- */

static bool is_allowed(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof peer;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
        return false;
    return peer.uid == geteuid() || peer.uid == 0;
}

static void turn_away(int fd, const char *answer)
{
    (void)send(fd, answer, strlen(answer), MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)close(fd);
}

static void add_client(struct control *c, int fd)
{
    struct client *cl = perch_calloc(1, sizeof *cl);

    if (cl)
        cl->bev = bufferevent_socket_new(c->base, fd, BEV_OPT_CLOSE_ON_FREE);
    if (!cl || !cl->bev) {
        turn_away(fd, "{\"ok\":false,\"error\":\"out of memory\"}\n");
        perch_free(cl);
        return;
    }
    cl->control = c;
    cl->id = ++c->last_id;
    perch_list_add(&c->clients, &cl->link);
    c->nclients++;
    bufferevent_setcb(cl->bev, on_read, on_write, on_event, cl);
    bufferevent_setwatermark(cl->bev, EV_READ, 0, REQUEST_MAX + 1);
    bufferevent_setwatermark(cl->bev, EV_WRITE, OUTPUT_LOW, 0);
    (void)bufferevent_set_timeouts(cl->bev, &patience, &patience);
    (void)bufferevent_enable(cl->bev, EV_READ | EV_WRITE);
}

static void take_client(struct control *c, int fd)
{
    if (!is_allowed(fd))
        turn_away(fd, "{\"ok\":false,\"error\":\"this daemon serves its own user and root\"}\n");
    else if (c->nclients == CLIENTS_MAX)
        turn_away(fd, "{\"ok\":false,\"error\":\"there are 16 clients already\"}\n");
    else
        add_client(c, fd);
}

/* Without descriptors the listener would stay readable and turn the loop into a spin: it rests
 * for a second. */
static void on_accept(evutil_socket_t listen_fd, short what, void *arg)
{
    static const struct timeval rest = {.tv_sec = 1};
    struct control *c = arg;
    int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    (void)what;
    if (fd >= 0) {
        take_client(c, fd);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
        log_warn(NULL, "control socket: cannot accept a client: %m");
        (void)event_del(c->listener);
        (void)event_add(c->again, &rest);
    }
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
    struct control *c = arg;

    (void)fd;
    (void)what;
    (void)event_add(c->listener, NULL);
}

struct control *control_new(struct event_base *base, int listen_fd, const char *state,
                            const struct control_hooks *hooks, void *user)
{
    struct control *c = perch_calloc(1, sizeof *c);

    if (!c) {
        (void)close(listen_fd);
        return NULL;
    }
    c->base = base;
    c->fd = listen_fd;
    c->hooks = *hooks;
    c->user = user;
    perch_list_init(&c->clients);
    c->replay = replay_new(base, state, on_batch, c);
    c->listener = event_new(base, listen_fd, EV_READ | EV_PERSIST, on_accept, c);
    c->again = evtimer_new(base, on_again, c);
    if (c->replay && c->listener && c->again && evutil_make_socket_nonblocking(listen_fd) == 0 &&
        event_add(c->listener, NULL) == 0)
        return c;
    control_free(c);
    return NULL;
}

void control_free(struct control *c)
{
    if (!c)
        return;
    PERCH_LIST_EACH(&c->clients, struct client, link, cl) {
        free_client(cl);
    }
    replay_free(c->replay);
    if (c->listener)
        event_free(c->listener);
    if (c->again)
        event_free(c->again);
    (void)close(c->fd);
    perch_free(c);
}

/* A message is eight bytes of header and a JSON object. They are read into one buffer and
 * handed over one at a time; descriptors arrive with the first byte of the message that
 * announces one and wait in a short queue. What cannot be written at once stays queued, in
 * order, until the peer reads.
 *
 * The buffers wipe what they let go of, since a message may hold a password. */
#include "ipc/channel.h"

#include "base/buf.h"
#include "base/list.h"
#include "base/mem.h"

#include <event2/event.h>

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_SIZE  65536
#define TURN_READS 8 /* then the loop serves others */
#define FDS_MAX    4 /* announced ones arrive one by one */

struct header {
    uint32_t length; /* of the JSON text */
    uint8_t type;
    uint8_t fds; /* 0 or 1 */
    uint16_t zero;
};

struct outgoing {
    struct perch_link link;
    struct perch_buf bytes;
    int fd; /* goes with the first byte; -1: none, or gone */
};

struct ipc_channel {
    struct event *readable, *writable;
    int fd;
    struct ipc_hooks hooks;
    void *user;
    struct perch_buf in;
    int fds[FDS_MAX];
    size_t nfds;
    struct perch_list out;
    size_t pending;
    bool deaf;    /* the peer does not read any more: writing is over */
    bool calling; /* inside a hook */
    bool doomed;  /* freed inside it */
};

/* ---- JSON memory ---- */

static void *json_alloc(size_t n)
{
    return malloc(n);
}

static void json_wipe_free(void *p)
{
    if (p)
        perch_wipe(p, malloc_usable_size(p));
    free(p);
}

void ipc_wipe_freed_json(void)
{
    json_set_alloc_funcs(json_alloc, json_wipe_free);
}

/* ---- life ---- */

static void outgoing_free(struct outgoing *o)
{
    perch_unlink(&o->link);
    if (o->fd >= 0)
        (void)close(o->fd);
    perch_buf_done(&o->bytes);
    perch_free(o);
}

static void drop_outgoing(struct ipc_channel *ch)
{
    PERCH_LIST_EACH(&ch->out, struct outgoing, link, o)
        outgoing_free(o);
    ch->pending = 0;
}

static void channel_destroy(struct ipc_channel *ch)
{
    drop_outgoing(ch);
    while (ch->nfds > 0)
        (void)close(ch->fds[--ch->nfds]);
    if (ch->readable)
        event_free(ch->readable);
    if (ch->writable)
        event_free(ch->writable);
    perch_buf_done(&ch->in);
    (void)close(ch->fd);
    perch_free(ch);
}

void ipc_free(struct ipc_channel *ch)
{
    if (!ch)
        return;
    if (ch->calling)
        ch->doomed = true;
    else
        channel_destroy(ch);
}

/* Around each hook: false when it freed the channel. */
static bool hook_left(struct ipc_channel *ch)
{
    ch->calling = false;
    if (!ch->doomed)
        return true;
    channel_destroy(ch);
    return false;
}

static void channel_close(struct ipc_channel *ch, const char *why)
{
    (void)event_del(ch->readable);
    (void)event_del(ch->writable);
    ch->deaf = true;
    drop_outgoing(ch);
    ch->calling = true;
    ch->hooks.on_closed(ch, why, ch->user);
    (void)hook_left(ch);
}

/* ---- out ---- */

static ssize_t write_some(const struct ipc_channel *ch, struct outgoing *o)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec iov = {perch_buf_data(&o->bytes), o->bytes.len};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

    if (o->fd >= 0) {
        m.msg_control = control.room;
        m.msg_controllen = sizeof control.room;
        control.align.cmsg_level = SOL_SOCKET;
        control.align.cmsg_type = SCM_RIGHTS;
        control.align.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.align), &o->fd, sizeof o->fd);
    }
    return sendmsg(ch->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* A peer that is gone shows itself to the reader too: only the reader closes. */
static void flush(struct ipc_channel *ch)
{
    struct outgoing *o;

    while ((o = PERCH_LIST_FIRST(&ch->out, struct outgoing, link)) != NULL) {
        ssize_t n = write_some(ch, o);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)) {
            (void)event_add(ch->writable, NULL);
            return;
        }
        if (n < 0) {
            ch->deaf = true;
            drop_outgoing(ch);
            return;
        }
        if (o->fd >= 0) {
            (void)close(o->fd);
            o->fd = -1;
        }
        ch->pending -= (size_t)n;
        if ((size_t)n < o->bytes.len)
            perch_buf_consume(&o->bytes, (size_t)n);
        else
            outgoing_free(o);
    }
}

static void on_writable(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    flush(user);
}

static int add_text(const char *text, size_t n, void *buf)
{
    perch_buf_add(buf, text, n);
    return ((struct perch_buf *)buf)->failed ? -1 : 0;
}

static bool fill(struct outgoing *o, enum ipc_type type, const json_t *body)
{
    struct header h = {.type = (uint8_t)type, .fds = o->fd >= 0};

    o->bytes.max = sizeof h + IPC_MESSAGE_MAX;
    perch_buf_add(&o->bytes, &h, sizeof h);
    if (json_dump_callback(body, add_text, &o->bytes, JSON_COMPACT) != 0)
        return false;
    h.length = (uint32_t)(o->bytes.len - sizeof h);
    memcpy(perch_buf_data(&o->bytes), &h, sizeof h);
    return true;
}

int ipc_send(struct ipc_channel *ch, enum ipc_type type, json_t *body, int fd, bool secret)
{
    struct outgoing *o = body && !ch->deaf ? perch_calloc(1, sizeof *o) : NULL;
    bool idle = perch_list_empty(&ch->out), filled = false;

    if (o) {
        o->bytes.secret = secret;
        o->fd = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : -1;
        filled = (fd < 0 || o->fd >= 0) && fill(o, type, body);
    }
    json_decref(body);
    if (!filled) {
        if (o)
            outgoing_free(o);
        errno = ch->deaf ? EPIPE : ENOBUFS;
        return -1;
    }
    perch_list_add(&ch->out, &o->link);
    ch->pending += o->bytes.len;
    if (idle)
        flush(ch);
    return 0;
}

size_t ipc_pending(const struct ipc_channel *ch)
{
    return ch->pending;
}

/* ---- in ---- */

/* False when there were more than announced ones can be. */
static bool take_fds(struct ipc_channel *ch, struct msghdr *m)
{
    bool fits = !(m->msg_flags & MSG_CTRUNC);

    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        int fd;

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t at = 0; CMSG_LEN(at + sizeof fd) <= c->cmsg_len; at += sizeof fd) {
            memcpy(&fd, CMSG_DATA(c) + at, sizeof fd);
            if (ch->nfds < FDS_MAX) {
                ch->fds[ch->nfds++] = fd;
            } else {
                (void)close(fd);
                fits = false;
            }
        }
    }
    return fits;
}

static int take_fd(struct ipc_channel *ch)
{
    int fd = ch->fds[0];

    ch->nfds--;
    memmove(ch->fds, ch->fds + 1, ch->nfds * sizeof ch->fds[0]);
    return fd;
}

static const char *check_header(const struct ipc_channel *ch, const struct header *h)
{
    if (h->length < 2 || h->length > IPC_MESSAGE_MAX)
        return "a message with an impossible length";
    if (h->type == IPC_NONE || h->type >= IPC_TYPE_COUNT || h->zero != 0)
        return "a message of an unknown type";
    if (h->fds > 1 || ch->nfds < h->fds)
        return "a message without its descriptor";
    return NULL;
}

enum step { STEP_AGAIN, STEP_DRY, STEP_GONE };

/* Hands one complete message over. */
static enum step next_message(struct ipc_channel *ch)
{
    struct header h;
    const char *why;
    json_t *body;
    int fd;

    if (ch->in.len < sizeof h)
        return STEP_DRY;
    memcpy(&h, perch_buf_data(&ch->in), sizeof h);
    why = check_header(ch, &h);
    if (!why && ch->in.len < sizeof h + h.length)
        return STEP_DRY;
    body = why ? NULL
               : json_loadb((const char *)perch_buf_data(&ch->in) + sizeof h, h.length,
                            JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    if (!json_is_object(body)) {
        json_decref(body);
        channel_close(ch, why ? why : "a message that is no JSON object");
        return STEP_GONE;
    }
    fd = h.fds ? take_fd(ch) : -1;
    if (h.type == IPC_SECRET)
        perch_wipe(perch_buf_data(&ch->in), sizeof h + h.length);
    perch_buf_consume(&ch->in, sizeof h + h.length);
    ch->calling = true;
    ch->hooks.on_message(ch, (enum ipc_type)h.type, body, fd, ch->user);
    json_decref(body);
    return hook_left(ch) ? STEP_AGAIN : STEP_GONE;
}

static ssize_t read_some(struct ipc_channel *ch, bool *ret_fits)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int) * FDS_MAX)];
    } control;
    struct iovec iov = {perch_buf_room(&ch->in, READ_SIZE), READ_SIZE};
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = control.room,
                       .msg_controllen = sizeof control.room};
    ssize_t n;

    *ret_fits = true;
    if (!iov.iov_base) {
        errno = ENOMEM;
        return -1;
    }
    do
        n = recvmsg(ch->fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n > 0) {
        perch_buf_commit(&ch->in, (size_t)n);
        *ret_fits = take_fds(ch, &m);
    }
    return n;
}

static void on_readable(evutil_socket_t fd, short what, void *user)
{
    struct ipc_channel *ch = user;

    (void)fd;
    (void)what;
    for (int i = 0; i < TURN_READS; i++) {
        bool fits;
        enum step step = STEP_AGAIN;
        ssize_t n = read_some(ch, &fits);

        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            break;
        if (n <= 0 || !fits) {
            channel_close(ch, n == 0  ? "end of file"
                              : n < 0 ? strerror(errno)
                                      : "too many descriptors");
            return;
        }
        while (step == STEP_AGAIN)
            step = next_message(ch);
        if (step == STEP_GONE)
            return;
    }
    perch_buf_shrink(&ch->in);
}

struct ipc_channel *ipc_new(struct event_base *base, int fd, const struct ipc_hooks *hooks,
                            void *user)
{
    struct ipc_channel *ch = perch_calloc(1, sizeof *ch);

    if (!ch) {
        (void)close(fd);
        return NULL;
    }
    ch->fd = fd;
    ch->hooks = *hooks;
    ch->user = user;
    ch->in.secret = true;
    perch_list_init(&ch->out);
    ch->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, ch);
    ch->writable = event_new(base, fd, EV_WRITE, on_writable, ch);
    if (!ch->readable || !ch->writable || evutil_make_socket_nonblocking(fd) != 0 ||
        event_add(ch->readable, NULL) != 0) {
        channel_destroy(ch);
        return NULL;
    }
    return ch;
}

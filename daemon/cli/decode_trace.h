/* A stream that may be a trace: lines "S: ..." of the server among lines "C: ..." of the
 * client. The first three bytes decide. Of a trace only the server's bytes come through, each
 * line with the CR LF that it had on the wire. */
#ifndef PERCHD_CLI_DECODE_TRACE_H
#define PERCHD_CLI_DECODE_TRACE_H

#include <stdbool.h>
#include <stddef.h>

typedef bool trace_sink(const char *p, size_t n, void *user);

#define TRACE_HEAD 3

struct trace {
    trace_sink *sink; /* false: stop */
    void *user;
    enum { TRACE_UNKNOWN, TRACE_RAW, TRACE_AT_HEAD, TRACE_SERVER, TRACE_OTHER } state;
    char head[TRACE_HEAD]; /* of the stream, later of each line */
    size_t nhead;
    bool cr; /* the last byte of a server's line so far */
};

#define TRACE_INIT(sink_, user_)                                                                   \
    {                                                                                              \
        .sink = (sink_), .user = (user_)                                                           \
    }

/* False as soon as the sink said so. */
bool trace_feed(struct trace *t, const char *p, size_t n);
bool trace_finish(struct trace *t); /* the stream has ended */

#endif

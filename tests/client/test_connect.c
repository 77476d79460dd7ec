/* Getting to a session: TLS, STARTTLS and what an enemy on the wire can do about it
 * (SECURITY groups A and B), deadlines, and ends at every byte. */
#include "client/fixture.h"

#define GREETING "* OK [CAPABILITY IMAP4rev1] ready\r\n"

static const struct server_step implicit[] = {
    {SERVER_TLS, NULL},        {SERVER_SAY, GREETING}, {SERVER_EXPECT, "NOOP"},
    {SERVER_SAY, "%t OK\r\n"}, {SERVER_END, NULL},
};
static const struct server_step starttls[] = {
    {SERVER_SAY, GREETING}, {SERVER_EXPECT, "STARTTLS"}, {SERVER_SAY, "%t OK go\r\n"},
    {SERVER_TLS, NULL},     {SERVER_EXPECT, "NOOP"},     {SERVER_SAY, "%t OK\r\n"},
    {SERVER_END, NULL},
};
static const struct server_step clear[] = {
    {SERVER_SAY, GREETING},
    {SERVER_EXPECT, "NOOP"},
    {SERVER_SAY, "%t OK\r\n"},
    {SERVER_END, NULL},
};

/* Connects, runs a NOOP and stops; true if all of it went well. */
static void check_works(const struct server_options *so, const struct server_step *steps,
                        enum perch_tls_mode tls, const char *description)
{
    struct fixture f;

    fixture_start(&f, so, steps, tls, NULL);
    CU_ASSERT_PTR_NULL(perch_client_session(f.c));
    ASSERT_STR(perch_client_describe(f.c), "");
    if (fixture_connect(&f) != 0)
        FAIL_ROW("%s", f.connect_error.text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(perch_client_session(f.c));
    if (strncmp(perch_client_describe(f.c), description, strlen(description)) != 0)
        FAIL_ROW("%s", perch_client_describe(f.c));
    ASSERT_INT(perch_noop_start(perch_client_session(f.c), fixture_done, &f, NULL), 0);
    CU_ASSERT(loop_until(f.base, &f.done));
    ASSERT_INT(f.done_code, 0);
    CU_ASSERT(server_finished(f.server));
    CU_ASSERT(perch_client_bytes_in(f.c) > 0 && perch_client_bytes_out(f.c) > 0);
    CU_ASSERT(perch_client_last_heard(f.c) > 0);
    ASSERT_INT(perch_client_error(f.c)->code, 0);
    perch_client_close(f.c);
    loop_settle(f.base);
    CU_ASSERT(server_saw_end(f.server));
    ASSERT_INT(f.connects, 1);
    ASSERT_INT(f.closes, 0); /* who closes need not be told */
    fixture_stop(&f);
}

static void test_each_way_to_a_session_works(void)
{
    static const size_t chunks[] = {0, 1};

    for (size_t i = 0; i < PERCH_COUNT(chunks); i++) {
        struct server_options so = {.chunk = chunks[i]};

        check_works(&so, implicit, PERCH_TLS_IMPLICIT, "TLS1.3 ");
        check_works(&so, starttls, PERCH_TLS_STARTTLS, "TLS1.3 ");
        check_works(&so, clear, PERCH_TLS_NONE, "no TLS");
    }
}

static void test_an_address_is_dialled_and_verified(void)
{
    struct server_options so = {.listen = true};
    struct fixture f;
    char want[32];

    fixture_start(&f, &so, implicit, PERCH_TLS_IMPLICIT, NULL);
    ASSERT_INT(fixture_connect(&f), 0);
    (void)snprintf(want, sizeof want, " 127.0.0.1:%u", server_port(f.server));
    CU_ASSERT_PTR_NOT_NULL(strstr(perch_client_describe(f.c), want));
    ASSERT_INT(perch_client_connect_start(f.c, fixture_connected, &f), PERCH_ESTATE);
    fixture_stop(&f);
}

static void test_a_bad_certificate_ends_it(void)
{
    static const enum perch_tls_mode modes[] = {PERCH_TLS_IMPLICIT, PERCH_TLS_STARTTLS};

    for (size_t i = 0; i < PERCH_COUNT(modes); i++) {
        struct server_options so = {.cert = CERT_EXPIRED};
        struct fixture f;

        fixture_start(&f, &so, i ? starttls : implicit, modes[i], NULL);
        ASSERT_INT(fixture_connect(&f), PERCH_ECERTIFICATE);
        ASSERT_STR(f.connect_error.reason, "cert-expired");
        ASSERT_STR(perch_client_error(f.c)->reason, "cert-expired");
        loop_settle(f.base);
        CU_ASSERT(server_saw_end(f.server));
        ASSERT_INT(f.connects, 1);
        ASSERT_INT(f.closes, 0);
        fixture_stop(&f);
    }
}

static void test_unverified_and_another_name_are_options(void)
{
    struct perch_client_options unverified = PERCH_CLIENT_OPTIONS_INIT, named = unverified;
    struct server_options self_signed = {.cert = CERT_SELF_SIGNED};
    struct server_options other = {.cert = CERT_WRONG_HOST};
    struct fixture f;

    unverified.tls_unverified = true;
    fixture_start(&f, &self_signed, implicit, PERCH_TLS_IMPLICIT, &unverified);
    ASSERT_INT(fixture_connect(&f), 0);
    fixture_stop(&f);

    named.tls_name = "imap.other.example";
    fixture_start(&f, &other, implicit, PERCH_TLS_IMPLICIT, &named);
    ASSERT_INT(fixture_connect(&f), 0);
    fixture_stop(&f);
}

/* ---- STARTTLS under attack ---- */

/* Nothing but what may be said in clear was said, and no session came of it. */
static void check_attack(const struct server_step *steps, size_t row, int code, const char *reason)
{
    struct perch_client_options o = PERCH_CLIENT_OPTIONS_INIT;
    struct fixture f;
    const char *got;

    o.command_timeout = 60;
    fixture_start(&f, NULL, steps, PERCH_TLS_STARTTLS, &o);
    (void)fixture_connect(&f);
    if (f.connect_error.code != code || (reason && strcmp(f.connect_error.reason, reason) != 0))
        FAIL_ROW("row %zu: %d %s: %s", row, f.connect_error.code, f.connect_error.reason,
                 f.connect_error.text);
    got = server_got(f.server);
    if (strstr(got, "CAPABILITY") || strstr(got, "LOGIN") || strstr(got, "AUTHENTICATE"))
        FAIL_ROW("row %zu: went on in clear: %s", row, got);
    ASSERT_INT(f.connects, 1);
    ASSERT_INT(f.events, 0);
    fixture_stop(&f);
}

static void test_bytes_in_clear_behind_the_ok_are_an_injection(void)
{
    static const char *const injected[] = {
        "%t OK go\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n", /* A3 */
        "%t OK go\r\n* BYE\r\n",
        "%t OK go\r\n* OK [ALERT] call me\r\n",
        "%t OK go\r\n* CAPABILITY AUTH=PLA", /* A4 */
        "%t OK go\r\n\r\n",
    };

    for (size_t i = 0; i < PERCH_COUNT(injected); i++) {
        const struct server_step steps[] = {
            {SERVER_SAY, "* OK hi\r\n"}, {SERVER_EXPECT, "STARTTLS"}, {SERVER_SAY, injected[i]},
            {SERVER_TLS, NULL},          {SERVER_END, NULL},
        };

        check_attack(steps, i, PERCH_ESTARTTLS, "starttls-injection");
    }
}

static void test_bytes_in_clear_that_come_later_are_one_too(void)
{
    static const struct server_step late[] = {
        /* A5: our ClientHello is under way already */
        {SERVER_SAY, "* OK hi\r\n"}, {SERVER_EXPECT, "STARTTLS"}, {SERVER_SAY, "%t OK go\r\n"},
        {SERVER_HEAR, NULL},         {SERVER_SAY, "* OK x\r\n"},  {SERVER_END, NULL},
    };

    check_attack(late, 0, PERCH_ESTARTTLS, "starttls-injection");
}

static void test_starttls_refused_or_ignored_is_the_end(void)
{
    static const struct {
        const char *answer;
        int code;
    } rows[] = {
        /* A1 */
        {"%t BAD x\r\n", PERCH_ESTARTTLS},
        {"%t NO x\r\n", PERCH_ESTARTTLS},
        {"+ go\r\n", PERCH_EPROTO},
        {"%t HMM x\r\n", PERCH_EPROTO},
        {"", PERCH_ETIMEOUT},
    };

    for (size_t i = 0; i < PERCH_COUNT(rows); i++) {
        const struct server_step steps[] = {
            {SERVER_SAY, "* OK hi\r\n"},
            {SERVER_EXPECT, "STARTTLS"},
            {SERVER_SAY, rows[i].answer},
            {SERVER_END, NULL},
        };

        check_attack(steps, i, rows[i].code, NULL);
    }
}

static void test_a_failed_handshake_is_not_forgiven(void)
{
    static const struct server_step garbage[] = {
        /* A15 */
        {SERVER_SAY, "* OK hi\r\n"},
        {SERVER_EXPECT, "STARTTLS"},
        {SERVER_SAY, "%t OK go\r\n"},
        {SERVER_HEAR, NULL},
        {SERVER_SAY, "\x16\x03\x03\xff\xff garbage garbage garbage"},
        {SERVER_END, NULL},
    };

    check_attack(garbage, 0, PERCH_ETLS, "tls-handshake");
}

static void test_preauth_in_clear_is_no_way_around_tls(void)
{
    struct perch_client_options o = PERCH_CLIENT_OPTIONS_INIT;
    static const struct server_step steps[] = {
        {SERVER_SAY, "* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n"},
        {SERVER_END, NULL},
    };
    struct fixture f;

    for (int allowed = 0; allowed < 2; allowed++) {
        o.allow_preauth = allowed;
        fixture_start(&f, NULL, steps, PERCH_TLS_STARTTLS, &o);
        ASSERT_INT(fixture_connect(&f), PERCH_EGREETING);
        ASSERT_STR(f.connect_error.reason, "preauth");
        ASSERT_STR(server_got(f.server), "");
        fixture_stop(&f);
    }
}

/* ---- greetings ---- */

static void test_no_greeting_no_session(void)
{
    static const struct {
        const char *say;
        int code;
    } rows[] = {
        {"* BYE too many connections\r\n", PERCH_EGREETING},
        {"XYZ OK x\r\n", PERCH_EGREETING},
        {"* NO x\r\n", PERCH_EGREETING},
    };

    for (size_t i = 0; i < PERCH_COUNT(rows); i++) {
        const struct server_step steps[] = {{SERVER_SAY, rows[i].say}, {SERVER_END, NULL}};
        struct fixture f;

        fixture_start(&f, NULL, steps, PERCH_TLS_NONE, NULL);
        if (fixture_connect(&f) != rows[i].code)
            FAIL_ROW("%s: %d %s", rows[i].say, f.connect_error.code, f.connect_error.text);
        ASSERT_INT(f.closes, 0);
        fixture_stop(&f);
    }
}

/* ---- deadlines ---- */

static void test_silence_ends_at_each_phase(void)
{
    static const struct server_step deaf[] = {
        {SERVER_HEAR, NULL}, {SERVER_STALL, NULL}, {SERVER_END, NULL}};
    static const struct server_step mute[] = {
        {SERVER_TLS, NULL}, {SERVER_STALL, NULL}, {SERVER_END, NULL}};
    static const struct server_step no_handshake[] = {
        {SERVER_SAY, "* OK hi\r\n"}, {SERVER_EXPECT, "STARTTLS"}, {SERVER_SAY, "%t OK go\r\n"},
        {SERVER_HEAR, NULL},         {SERVER_STALL, NULL},        {SERVER_END, NULL},
    };
    static const struct {
        const struct server_step *steps;
        enum perch_tls_mode tls;
        size_t stall_at;
        int code;
        const char *reason;
    } rows[] = {
        {deaf, PERCH_TLS_IMPLICIT, 0, PERCH_ETIMEOUT, "tls-timeout"},
        {implicit, PERCH_TLS_IMPLICIT, 200, PERCH_ETIMEOUT, "tls-timeout"},
        {no_handshake, PERCH_TLS_STARTTLS, 0, PERCH_ETIMEOUT, "tls-timeout"},
        {mute, PERCH_TLS_IMPLICIT, 0, PERCH_EGREETING, "timeout"},
        {clear, PERCH_TLS_NONE, 7, PERCH_EGREETING, "timeout"},
    };

    for (size_t i = 0; i < PERCH_COUNT(rows); i++) {
        struct perch_client_options o = PERCH_CLIENT_OPTIONS_INIT;
        struct server_options so = {.stall_at = rows[i].stall_at};
        struct fixture f;

        o.tls_timeout = 40;
        o.greeting_timeout = 40;
        fixture_start(&f, &so, rows[i].steps, rows[i].tls, &o);
        (void)fixture_connect(&f);
        if (f.connect_error.code != rows[i].code ||
            strcmp(f.connect_error.reason, rows[i].reason) != 0)
            FAIL_ROW("row %zu: %d %s: %s", i, f.connect_error.code, f.connect_error.reason,
                     f.connect_error.text);
        fixture_stop(&f);
    }
}

/* B10: the deadline is one for the whole handshake, however the bytes drip. */
static void test_a_trickled_handshake_ends_at_its_deadline(void)
{
    struct perch_client_options o = PERCH_CLIENT_OPTIONS_INIT;
    struct server_options so = {.chunk = 1};
    struct fixture f;

    o.tls_timeout = 1; /* far less than a thousand turns of the loop take */
    fixture_start(&f, &so, implicit, PERCH_TLS_IMPLICIT, &o);
    ASSERT_INT(fixture_connect(&f), PERCH_ETIMEOUT);
    ASSERT_STR(f.connect_error.reason, "tls-timeout");
    fixture_stop(&f);
}

static void test_an_unanswered_command_ends_the_connection(void)
{
    static const struct server_step steps[] = {{SERVER_SAY, "* OK hi\r\n"}, {SERVER_END, NULL}};
    struct perch_client_options o = PERCH_CLIENT_OPTIONS_INIT;
    struct fixture f;

    o.command_timeout = 40;
    fixture_start(&f, NULL, steps, PERCH_TLS_NONE, &o);
    ASSERT_INT(fixture_connect(&f), 0);
    ASSERT_INT(perch_noop_start(perch_client_session(f.c), fixture_done, &f, NULL), 0);
    CU_ASSERT(loop_until(f.base, &f.closed));
    ASSERT_INT(f.done_code, PERCH_ETIMEOUT);
    ASSERT_INT(f.close_error.code, PERCH_ETIMEOUT);
    ASSERT_INT(f.dones, 1);
    ASSERT_INT(f.closes, 1);
    fixture_stop(&f);
}

/* ---- ends ---- */

static void start_noop(struct fixture *f)
{
    if (f->connect_error.code == 0)
        ASSERT_INT(perch_noop_start(perch_client_session(f->c), fixture_done, f, NULL), 0);
}

/* However the wire ends, connect's done runs once; on_closed runs once if it was open; the
 * op completes once. */
static void check_cut(enum perch_tls_mode tls, const struct server_step *steps, size_t at)
{
    struct server_options so = {.cut_at = at, .chunk = 64};
    bool open;
    struct fixture f;

    fixture_start(&f, &so, steps, tls, NULL);
    f.in_connected = start_noop;
    open = fixture_connect(&f) == 0;
    if (open)
        (void)loop_until(f.base, &f.closed);
    loop_settle(f.base);
    if (f.connects != 1 || f.closes != open || f.dones != open)
        FAIL_ROW("cut at %zu: %u connects, %u closes, %u dones", at, f.connects, f.closes, f.dones);
    if (perch_client_error(f.c)->code >= 0 || !perch_client_error(f.c)->text[0])
        FAIL_ROW("cut at %zu: no error", at);
    fixture_stop(&f);
}

static void test_a_cut_at_any_byte_ends_everything_once(void)
{
    static const struct server_step session[] = {
        {SERVER_SAY, GREETING}, {SERVER_EXPECT, "NOOP"}, {SERVER_SAY, "* OK one\r\n%t OK\r\n"},
        {SERVER_CUT, NULL},     {SERVER_END, NULL},
    };
    static const struct server_step secure[] = {
        {SERVER_TLS, NULL},      {SERVER_SAY, GREETING},
        {SERVER_EXPECT, "NOOP"}, {SERVER_SAY, "* OK one\r\n%t OK\r\n"},
        {SERVER_CUT, NULL},      {SERVER_END, NULL},
    };

    for (size_t at = 1; at < strlen(GREETING) + 25; at++)
        check_cut(PERCH_TLS_NONE, session, at);
    for (size_t at = 1; at < 1100; at += 1 + at % 13)
        check_cut(PERCH_TLS_IMPLICIT, secure, at);
}

static void test_a_reset_keeps_its_words(void)
{
    static const struct server_step steps[] = {
        {SERVER_SAY, GREETING}, {SERVER_EXPECT, "NOOP"}, {SERVER_RESET, NULL}, {SERVER_END, NULL}};
    struct server_options so = {.listen = true};
    struct fixture f;

    fixture_start(&f, &so, steps, PERCH_TLS_NONE, NULL);
    f.in_connected = start_noop;
    ASSERT_INT(fixture_connect(&f), 0);
    CU_ASSERT(loop_until(f.base, &f.closed));
    ASSERT_INT(f.close_error.code, PERCH_ECLOSED);
    ASSERT_STR(f.close_error.reason, "reset");
    CU_ASSERT_PTR_NOT_NULL(strstr(f.close_error.text, "Connection reset by peer"));
    ASSERT_INT(f.done_code, PERCH_ECLOSED);
    ASSERT_INT(f.dones, 1);
    fixture_stop(&f);
}

static void test_a_refused_port_is_told_once(void)
{
    struct perch_client_options o = PERCH_CLIENT_OPTIONS_INIT;
    struct server_options so = {.listen = true};
    struct fixture f;

    fixture_start(&f, &so, clear, PERCH_TLS_NONE, &o);
    server_free(f.server); /* the port is closed now */
    f.server = NULL;
    ASSERT_INT(fixture_connect(&f), PERCH_ECONNECT);
    ASSERT_INT(f.closes, 0);
    CU_ASSERT_PTR_NULL(perch_client_session(f.c));
    fixture_stop(&f);
}

/* ---- closing and freeing, from everywhere ---- */

static void free_client(struct fixture *f)
{
    perch_client_free(f->c);
    f->c = NULL;
}

static void close_client(struct fixture *f)
{
    perch_client_close(f->c);
}

static void test_the_client_may_be_freed_or_closed_in_any_callback(void)
{
    static const struct server_step stays[] = {
        {SERVER_SAY, GREETING},
        {SERVER_EXPECT, "NOOP"},
        {SERVER_SAY, "* OK one\r\n* OK two\r\n%t OK\r\n* OK three\r\n"},
        {SERVER_END, NULL},
    };
    static const struct server_step goes[] = {
        {SERVER_SAY, GREETING}, {SERVER_EXPECT, "NOOP"}, {SERVER_SAY, "%t OK\r\n"},
        {SERVER_CUT, NULL},     {SERVER_END, NULL},
    };
    static void (*const acts[])(struct fixture *) = {free_client, close_client};

    for (size_t act = 0; act < PERCH_COUNT(acts); act++)
        for (int where = 0; where < 4; where++) {
            struct fixture f;

            fixture_start(&f, NULL, where == 3 ? goes : stays, PERCH_TLS_NONE, NULL);
            f.in_connected = where == 0 ? acts[act] : NULL;
            CU_ASSERT_EQUAL_FATAL(perch_client_connect_start(f.c, fixture_connected, &f), 0);
            CU_ASSERT(loop_until(f.base, &f.over));
            f.in_event = where == 1 ? acts[act] : NULL;
            f.in_done = where == 2 ? acts[act] : NULL;
            f.in_closed = where == 3 ? acts[act] : NULL;
            if (where > 0) {
                ASSERT_INT(perch_noop_start(perch_client_session(f.c), fixture_done, &f, NULL), 0);
                CU_ASSERT(loop_until(f.base, where == 3 ? &f.closed : &f.done));
            }
            loop_settle(f.base);
            ASSERT_INT(f.connects, 1);
            ASSERT_INT(f.dones, where > 0);
            ASSERT_INT(f.closes, where == 3);
            if (where == 1)
                ASSERT_INT(f.done_code, PERCH_ECANCELLED);
            CU_ASSERT(server_saw_end(f.server) || where == 3);
            fixture_stop(&f);
        }
}

/* Outside the client's own frames the session's stand above the callback: its STARTTLS, which
 * is still to be completed, must not reach for the client that is gone. */
static void test_freeing_in_a_callback_that_the_caller_caused(void)
{
    static const struct server_step silent[] = {
        {SERVER_SAY, GREETING}, {SERVER_EXPECT, "STARTTLS"}, {SERVER_END, NULL}};
    static void (*const acts[])(struct fixture *) = {free_client, close_client};

    for (size_t act = 0; act < PERCH_COUNT(acts); act++) {
        struct fixture f;
        perch_op *op;

        fixture_start(&f, NULL, silent, PERCH_TLS_STARTTLS, NULL);
        ASSERT_INT(perch_client_connect_start(f.c, fixture_connected, &f), 0);
        loop_settle(f.base);
        CU_ASSERT(server_finished(f.server));
        ASSERT_INT(perch_noop_start(perch_client_session(f.c), fixture_done, &f, &op), 0);
        f.in_done = acts[act];
        perch_op_cancel(op);
        ASSERT_INT(f.dones, 1);
        ASSERT_INT(f.done_code, PERCH_ECANCELLED);
        ASSERT_INT(f.connects, 1);
        ASSERT_INT(f.connect_error.code, PERCH_ECANCELLED);
        ASSERT_INT(f.closes, 0);
        fixture_stop(&f);
    }
}

static void test_freeing_while_it_connects_cancels(void)
{
    static const struct server_step silent[] = {{SERVER_END, NULL}};

    for (int turns = 0; turns < 4; turns++) {
        struct fixture f;

        fixture_start(&f, NULL, silent, turns % 2 ? PERCH_TLS_NONE : PERCH_TLS_IMPLICIT, NULL);
        ASSERT_INT(perch_client_connect_start(f.c, fixture_connected, &f), 0);
        for (int i = 0; i < turns; i++)
            (void)event_base_loop(f.base, EVLOOP_NONBLOCK);
        free_client(&f);
        ASSERT_INT(f.connects, 1);
        ASSERT_INT(f.connect_error.code, PERCH_ECANCELLED);
        fixture_stop(&f);
    }
}

static void test_a_client_that_never_connected_is_freed_with_its_fd(void)
{
    static const struct server_step silent[] = {{SERVER_END, NULL}};
    struct fixture f;

    fixture_start(&f, NULL, silent, PERCH_TLS_NONE, NULL);
    free_client(&f);
    loop_settle(f.base);
    CU_ASSERT(server_saw_end(f.server));
    ASSERT_INT(f.connects + f.closes, 0);
    fixture_stop(&f);
    perch_client_free(NULL);
}

/* ---- options ---- */

static void test_bad_options_are_refused_with_words(void)
{
    static const struct {
        const char *host, *tls_name, *words;
        int tls;
    } rows[] = {
        {NULL, NULL, "no host", PERCH_TLS_IMPLICIT},
        {"", NULL, "host is neither", PERCH_TLS_IMPLICIT},
        {"b\xc3\xbc.example", NULL, "host is neither", PERCH_TLS_IMPLICIT},
        {"mail.example.org\r\n", NULL, "host is neither", PERCH_TLS_IMPLICIT},
        {CERT_HOST, "*", "tls_name is neither", PERCH_TLS_IMPLICIT},
        {CERT_HOST, NULL, "perch_tls_mode", 7},
    };
    const struct perch_client_hooks unsized = {.on_event = fixture_event};
    struct perch_client_options zeroed, good = PERCH_CLIENT_OPTIONS_INIT;
    struct perch_error e = {0};

    for (size_t i = 0; i < PERCH_COUNT(rows); i++) {
        struct perch_client_options o = PERCH_CLIENT_OPTIONS_INIT;

        e = (struct perch_error){0};
        o.host = rows[i].host;
        o.tls_name = rows[i].tls_name;
        o.tls = (enum perch_tls_mode)rows[i].tls;
        CU_ASSERT_PTR_NULL(perch_client_new(NULL, &o, NULL, NULL, &e));
        CU_ASSERT_PTR_NULL(perch_client_new(NULL, &o, NULL, NULL, NULL));
        if (e.code != PERCH_EINVAL || !strstr(e.text, rows[i].words))
            FAIL_ROW("row %zu: %d %s", i, e.code, e.text);
    }
    memset(&zeroed, 0, sizeof zeroed);
    zeroed.host = CERT_HOST;
    CU_ASSERT_PTR_NULL(perch_client_new(NULL, &zeroed, NULL, NULL, NULL));
    CU_ASSERT_PTR_NULL(perch_client_new(NULL, NULL, NULL, NULL, NULL));
    good.host = CERT_HOST;
    CU_ASSERT_PTR_NULL(perch_client_new(NULL, &good, &unsized, NULL, &e));
    ASSERT_INT(e.code, PERCH_EINVAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(e.text, "hooks"));
}

PERCH_SUITE("client/connect") = {
    PERCH_TEST(test_each_way_to_a_session_works),
    PERCH_TEST(test_an_address_is_dialled_and_verified),
    PERCH_TEST(test_a_bad_certificate_ends_it),
    PERCH_TEST(test_unverified_and_another_name_are_options),
    PERCH_TEST(test_bytes_in_clear_behind_the_ok_are_an_injection),
    PERCH_TEST(test_bytes_in_clear_that_come_later_are_one_too),
    PERCH_TEST(test_starttls_refused_or_ignored_is_the_end),
    PERCH_TEST(test_a_failed_handshake_is_not_forgiven),
    PERCH_TEST(test_preauth_in_clear_is_no_way_around_tls),
    PERCH_TEST(test_no_greeting_no_session),
    PERCH_TEST(test_silence_ends_at_each_phase),
    PERCH_TEST(test_a_trickled_handshake_ends_at_its_deadline),
    PERCH_TEST(test_an_unanswered_command_ends_the_connection),
    PERCH_TEST(test_a_cut_at_any_byte_ends_everything_once),
    PERCH_TEST(test_a_reset_keeps_its_words),
    PERCH_TEST(test_a_refused_port_is_told_once),
    PERCH_TEST(test_the_client_may_be_freed_or_closed_in_any_callback),
    PERCH_TEST(test_freeing_in_a_callback_that_the_caller_caused),
    PERCH_TEST(test_freeing_while_it_connects_cancels),
    PERCH_TEST(test_a_client_that_never_connected_is_freed_with_its_fd),
    PERCH_TEST(test_bad_options_are_refused_with_words),
    PERCH_END,
};

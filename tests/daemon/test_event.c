/* Events: ids, flags, JSON. Rows come from the wire through the public reader. */
#include "support/failmem.h"
#include "support/perch_test.h"

#include "hooks/event.h"

#include "base/buf.h"

#include <stdlib.h>

static struct perch_arena arena;

/* ---- ids: the wanted ones were computed with Python's hashlib from event.h's layout ---- */

static void test_an_id_is_what_its_header_says(void)
{
    static const struct {
        struct event_identity i;
        const char *want;
    } cases[] = {
        {{"work", {"INBOX", 5}, 1239278212, 1339, EVENT_NEW, ""}, "e1-v3hbfy57dwgez6cfbkjbxgas5s"},
        {{"work", {"INBOX", 5}, 1239278212, 1339, EVENT_FLAGS, "90211"},
         "e1-fw2ncphhtxi7uypv4fetbkdlmt"},
        {{"work", {"Entw&APw-rfe", 12}, 4294967295u, 4294967295u, EVENT_DELETED, ""},
         "e1-7gawinoddyrsbcfsqy3vocoztv"},
        {{"me@example.org", {NULL, 0}, 0, 0, EVENT_CONNECTED, "17"},
         "e1-ycz7m2ulw32b36k2z6eeqrdnm2"},
        {{"work", {"\xe4\0b", 3}, 1, 2, EVENT_MOVED, "Archive17"}, "e1-k6edhn6d4nn5idjgijpn5dyfg7"},
        /* the lengths keep neighbours apart */
        {{"ab", {"c", 1}, 1, 2, EVENT_NEW, ""}, "e1-hsmjexism4y34uumzdgqphnake"},
        {{"a", {"bc", 2}, 1, 2, EVENT_NEW, ""}, "e1-kqxw5jummkypcdt3p2jlmntdwh"},
    };

    for (size_t i = 0; i < PERCH_COUNT(cases); i++) {
        char id[EVENT_ID_SIZE];

        event_id(&cases[i].i, id);
        ASSERT_STR(id, cases[i].want);
    }
}

/* ---- flags ---- */

static char *canonical(const struct perch_span *v, size_t n)
{
    struct perch_names names = {.v = v, .n = n};

    return event_flags_canonical(&names, &arena);
}

/* `words` are flags as the server wrote them, one blank between. */
static char *canonical_of(const char *words)
{
    struct perch_span v[16], rest = perch_span_of(words);
    size_t n = 0;

    while (rest.n > 0)
        v[n++] = perch_span_cut(&rest, ' ');
    return canonical(v, n);
}

static void test_flags_have_one_form(void)
{
    static const struct {
        const char *in, *want;
    } cases[] = {
        {"", ""},
        {"\\Seen", "\\Seen"},
        {"\\SEEN \\seen \\Seen", "\\Seen"},
        {"\\Recent", ""},
        {"\\recent \\Flagged", "\\Flagged"},
        {"zebra \\Seen Apple \\Answered", "\\Answered \\Seen Apple zebra"},
        {"$forwarded $MDNSENT $junk", "$Forwarded $Junk $MDNSent"},
        {"\\XOwn Zed ^hat aaa", "\\XOwn Zed ^hat aaa"}, /* a backslash sorts in front */
        {"Foo foo Foo", "Foo foo"},
        {"\\ ok", "ok"},
        {"gr\xc3\xbcn bad\xff", "gr\xc3\xbcn"},
        {"a\x01"
         "b \x7f tab\tbed",
         ""},
    };

    perch_arena_init(&arena, 0);
    for (size_t i = 0; i < PERCH_COUNT(cases); i++)
        ASSERT_STR(canonical_of(cases[i].in), cases[i].want);
    perch_arena_done(&arena);
}

static void test_a_flag_has_128_bytes_at_most(void)
{
    char name[130];
    char *kept;

    perch_arena_init(&arena, 0);
    memset(name, 'k', sizeof name);
    for (size_t n = 127; n <= 129; n++) {
        struct perch_span one = {name, n};

        kept = canonical(&one, 1);
        ASSERT_INT(strlen(kept), n <= 128 ? n : 0);
    }
    kept = canonical((struct perch_span[]){{"with blank", 10}, {"", 0}, {NULL, 0}}, 3);
    ASSERT_STR(kept, "");
    perch_arena_done(&arena);
}

static void test_256_flags_are_kept_and_the_system_flags_among_them(void)
{
    static char names[10000][8];
    static struct perch_span v[10001];
    char *kept;
    size_t n = 1;

    perch_arena_init(&arena, 0);
    for (size_t i = 0; i < 10000; i++) {
        (void)snprintf(names[i], sizeof names[i], "k%05zu", 9999 - i);
        v[i] = perch_span_of(names[i]);
    }
    v[10000] = PERCH_SPAN("\\Seen");
    kept = canonical(v, 10001);
    for (const char *p = kept; *p; p++)
        n += *p == ' ';
    ASSERT_INT(n, 256);
    CU_ASSERT_EQUAL(strncmp(kept, "\\Seen k00000 k00001 ", 20), 0);
    ASSERT_STR(strrchr(kept, ' '), " k00254"); /* whatever the server's order was */
    perch_arena_done(&arena);
}

/* ---- envelopes ---- */

static char *envelope;

static void on_response(const struct perch_resp *resp, void *user)
{
    (void)user;
    if (resp->type == PERCH_RESP_FETCH)
        envelope = event_envelope_json(&resp->u.fetch, &arena);
}

/* The envelope of a FETCH response as a server sends it, without the line end. */
static json_t *envelope_of(const char *line, size_t len)
{
    struct perch_reader_hooks hooks = {.size = sizeof hooks, .on_response = on_response};
    perch_reader *r = perch_reader_new(NULL, &hooks, NULL);
    json_t *json;

    envelope = NULL;
    perch_arena_init(&arena, 0);
    ASSERT_INT(perch_reader_feed(r, line, len), 0);
    ASSERT_INT(perch_reader_feed(r, "\r\n", 2), 0);
    perch_reader_free(r);
    CU_ASSERT_PTR_NOT_NULL_FATAL(envelope);
    CU_ASSERT_PTR_NULL(strchr(envelope, '\n'));
    json = json_loads(envelope, 0, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(json);
    perch_arena_done(&arena);
    return json;
}

static json_t *envelope_of_text(const char *line)
{
    return envelope_of(line, strlen(line));
}

/* The value at `key` as compact JSON equals `want`. */
static void assert_value(const json_t *object, const char *key, const char *want)
{
    char *have = json_dumps(json_object_get(object, key), JSON_COMPACT | JSON_ENCODE_ANY);

    if (!have || strcmp(have, want) != 0)
        FAIL_ROW("%s is %s, want %s", key, have ? have : "(absent)", want);
    free(have);
}

static void test_an_envelope_is_decoded(void)
{
    json_t *e =
        envelope_of_text("* 1 FETCH (UID 7 ENVELOPE (\"Sun, 22 Nov 2026 15:58:30 -0800\""
                         " \"=?UTF-8?Q?Gr=C3=BC=C3=9Fe?=\""
                         " ((\"=?ISO-8859-1?Q?Anna_M=FCller?=\" NIL \"anna\" \"example.org\"))"
                         " ((NIL NIL \"s\" \"example.org\")) ((\"\" NIL \"r\" \"example.org\"))"
                         " ((NIL NIL \"a\" \"x.example\")(NIL NIL \"b\" \"y.example\")) NIL NIL"
                         " \" <parent@example.org>\" \"<id@example.org>\"))");

    assert_value(e, "from", "[{\"name\":\"Anna M\xc3\xbcller\",\"address\":\"anna@example.org\"}]");
    assert_value(e, "sender", "[{\"name\":null,\"address\":\"s@example.org\"}]");
    assert_value(e, "reply_to", "[{\"name\":\"\",\"address\":\"r@example.org\"}]");
    assert_value(e, "to",
                 "[{\"name\":null,\"address\":\"a@x.example\"},"
                 "{\"name\":null,\"address\":\"b@y.example\"}]");
    assert_value(e, "cc", "[]");
    assert_value(e, "bcc", "[]");
    assert_value(e, "subject",
                 "\"Gr\xc3\xbc\xc3\x9f"
                 "e\"");
    assert_value(e, "date", "\"2026-11-22T23:58:30Z\"");
    assert_value(e, "message_id", "\"<id@example.org>\"");
    assert_value(e, "in_reply_to", "\"<parent@example.org>\"");
    assert_value(e, "list_id", "null");
    assert_value(e, "attachments", "[]");
    ASSERT_INT(json_object_size(e), 12);
    json_decref(e);
}

static void test_what_is_not_there_is_null_or_empty(void)
{
    json_t *e =
        envelope_of_text("* 1 FETCH (UID 7 ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL))");
    json_t *without = envelope_of_text("* 1 FETCH (UID 7 FLAGS ())");

    CU_ASSERT_TRUE(json_equal(e, without));
    assert_value(e, "from", "[]");
    assert_value(e, "subject", "null");
    assert_value(e, "date", "null");
    assert_value(e, "message_id", "null");
    json_decref(e);
    e = envelope_of_text("* 1 FETCH (UID 7 ENVELOPE (\"no date\" \"\" () () () () () () NIL NIL))");
    assert_value(e, "date", "null");
    assert_value(e, "subject", "\"\"");
    json_decref(e);
    json_decref(without);
}

static void test_groups_are_flattened_and_local_users_are_not_groups(void)
{
    json_t *e = envelope_of_text(
        "* 1 FETCH (UID 7 ENVELOPE (NIL NIL ((NIL NIL \"root\" NIL)) NIL NIL"
        " ((NIL NIL \"A Group\" NIL)(\"Ed\" NIL \"ed\" \"x.example\")(NIL NIL NIL NIL)"
        "(NIL NIL \"joe\" \"\")(NIL NIL \"undisclosed\" NIL)(NIL NIL NIL NIL))"
        " NIL NIL NIL NIL))");

    assert_value(e, "from", "[{\"name\":null,\"address\":\"root\"}]");
    assert_value(e, "to",
                 "[{\"name\":\"Ed\",\"address\":\"ed@x.example\"},"
                 "{\"name\":null,\"address\":\"joe\"}]");
    json_decref(e);
}

static void test_no_byte_that_is_not_utf8_leaves(void)
{
    json_t *e = envelope_of_text(
        "* 1 FETCH (UID 7 ENVELOPE (NIL \"caf\xe9\" ((\"\xff\xfe\" NIL \"\xc3(\" \"\xed\xa0\x80\"))"
        " NIL NIL NIL NIL NIL \"\x80<\" \"<\xf4\x90\x80\x80>\"))");
    const char *from;

    assert_value(e, "subject", "\"caf\xc3\xa9\""); /* raw 8-bit is windows-1252 */
    from = json_string_value(
        json_object_get(json_array_get(json_object_get(e, "from"), 0), "address"));
    ASSERT_STR(from, "\xef\xbf\xbd(@\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    assert_value(e, "in_reply_to", "\"\xef\xbf\xbd<\"");
    assert_value(e, "message_id", "\"<\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd>\"");
    json_decref(e);
}

static void test_control_characters_stay_inside_one_line(void)
{
    json_t *e = envelope_of_text(
        "* 1 FETCH (UID 7 ENVELOPE (NIL \"=?utf-8?Q?a=0Ab=00c=1B[0m?=\" NIL NIL NIL NIL NIL NIL"
        " NIL NIL))");
    const char *subject = json_string_value(json_object_get(e, "subject"));

    CU_ASSERT_PTR_NOT_NULL_FATAL(subject);
    CU_ASSERT_PTR_NOT_NULL(strchr(subject, 'c')); /* a NUL did not end it */
    json_decref(e);
}

static void test_attachments_are_what_has_a_name_or_says_so(void)
{
    json_t *e = envelope_of_text(
        "* 1 FETCH (UID 7 BODYSTRUCTURE ("
        "((\"TEXT\" \"PLAIN\" (\"CHARSET\" \"utf-8\") NIL NIL \"7BIT\" 10 1 NIL NIL NIL NIL)"
        "(\"TEXT\" \"HTML\" NIL NIL NIL \"7BIT\" 20 1 NIL (\"INLINE\" NIL) NIL NIL)"
        " \"ALTERNATIVE\" (\"BOUNDARY\" \"b\") NIL NIL NIL)"
        "(\"APPLICATION\" \"PDF\" NIL NIL NIL \"BASE64\" 1234 NIL"
        " (\"ATTACHMENT\" (\"FILENAME*\" \"utf-8''%C3%A4.pdf\")) NIL NIL)"
        "(\"IMAGE\" \"PNG\" (\"NAME\" \"=?utf-8?Q?=C3=B6.png?=\") NIL NIL \"BASE64\" 99 NIL NIL NIL"
        " NIL)"
        "(\"APPLICATION\" \"X-thing\" NIL NIL NIL \"BASE64\" 5 NIL (\"attachment\" NIL) NIL NIL)"
        " \"MIXED\" (\"BOUNDARY\" \"c\") NIL NIL NIL))");

    assert_value(e, "attachments",
                 "[{\"name\":\"\xc3\xa4.pdf\",\"type\":\"application/pdf\",\"size\":1234},"
                 "{\"name\":\"\xc3\xb6.png\",\"type\":\"image/png\",\"size\":99},"
                 "{\"name\":null,\"type\":\"application/x-thing\",\"size\":5}]");
    json_decref(e);
}

static void test_an_attached_message_is_one_attachment(void)
{
    json_t *e =
        envelope_of_text("* 1 FETCH (UID 7 BODYSTRUCTURE ("
                         "(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 10 1)"
                         "(\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 300"
                         " (NIL \"inner\" NIL NIL NIL NIL NIL NIL NIL NIL)"
                         " (\"APPLICATION\" \"ZIP\" (\"NAME\" \"in.zip\") NIL NIL \"BASE64\" 77) 8)"
                         " \"MIXED\"))");

    assert_value(e, "attachments", "[{\"name\":null,\"type\":\"message/rfc822\",\"size\":300}]");
    json_decref(e);
}

static void test_the_list_id_comes_from_the_headers_that_were_asked_for(void)
{
    static const struct {
        const char *headers, *want;
    } cases[] = {
        {"List-Id: Perch <dev.lists.example.org>\r\n\r\n", "\"dev.lists.example.org\""},
        {"LIST-ID:<a.b>\r\n\r\n", "\"a.b\""},
        {"Subject: x <y>\r\nlist-id: \"Long\r\n Name\"\r\n\t<c.d>\r\nTo: <e.f>\r\n\r\n", "\"c.d\""},
        {"List-Id: bare.example\r\n\r\n", "\"bare.example\""},
        {"List-Id:\r\n\r\n", "null"},
        {"X-List-Id: <no.no>\r\n\r\n", "null"},
        {"\r\n", "null"},
    };

    for (size_t i = 0; i < PERCH_COUNT(cases); i++) {
        char line[512];
        json_t *e;

        (void)snprintf(line, sizeof line,
                       "* 1 FETCH (UID 7 BODY[HEADER.FIELDS (List-Id)] {%zu}\r\n%s)",
                       strlen(cases[i].headers), cases[i].headers);
        e = envelope_of_text(line);
        assert_value(e, "list_id", cases[i].want);
        json_decref(e);
    }
}

static void test_ten_thousand_recipients_are_all_there(void)
{
    struct perch_buf line = PERCH_BUF_INIT;
    json_t *e;

    perch_buf_adds(&line, "* 1 FETCH (UID 7 ENVELOPE (NIL NIL NIL NIL NIL (");
    for (unsigned i = 0; i < 10000; i++)
        perch_buf_addf(&line, "(NIL NIL \"user%06u\" \"example.org\")", i);
    perch_buf_adds(&line, ") NIL NIL NIL NIL))");
    e = envelope_of((const char *)perch_buf_data(&line), line.len);
    ASSERT_INT(json_array_size(json_object_get(e, "to")), 10000);
    json_decref(e);
    perch_buf_done(&line);
}

static void test_lists_end_at_a_mebibyte(void)
{
    static char name[200001];
    struct perch_buf line = PERCH_BUF_INIT;
    json_t *e;

    memset(name, 'x', sizeof name - 1);
    perch_buf_adds(&line, "* 1 FETCH (UID 7 ENVELOPE (NIL \"s\" NIL NIL NIL (");
    for (unsigned i = 0; i < 10; i++)
        perch_buf_addf(&line, "({200000}\r\n%s NIL \"u\" \"h\")", name);
    perch_buf_adds(&line, ") ((NIL NIL \"c\" \"h\")) NIL NIL NIL))");
    e = envelope_of((const char *)perch_buf_data(&line), line.len);
    ASSERT_INT(json_array_size(json_object_get(e, "to")), 5);
    assert_value(e, "cc", "[]");
    assert_value(e, "subject", "\"s\"");
    json_decref(e);
    perch_buf_done(&line);
}

/* ---- the whole event ---- */

static struct event the_example(void)
{
    return (struct event){
        .id = "e1-v3hbfy57dwgez6cfbkjbxgas5s",
        .seq = 1042,
        .time_ms = 1795391912123,
        .kind = EVENT_NEW,
        .live = true,
        .account = "work",
        .has_mailbox = true,
        .mailbox = "Lists/dev",
        .uidvalidity = 1239278212,
        .uid = 1339,
        .modseq = 90210,
        .has_message = true,
        .size = 4821,
        .internaldate = 1795391911,
        .flags = {"", "\\Flagged"},
        .envelope =
            "{\"from\":[{\"name\":\"Anna M\xc3\xbcller\",\"address\":\"anna@example.org\"}],"
            "\"sender\":[],\"reply_to\":[],\"to\":[],\"cc\":[],\"bcc\":[],"
            "\"subject\":\"Gr\xc3\xbc\xc3\x9f"
            "e\",\"date\":\"2026-11-22T23:58:30Z\","
            "\"message_id\":\"<x>\",\"in_reply_to\":null,\"list_id\":null,"
            "\"attachments\":[{\"name\":\"a.pdf\",\"type\":\"application/pdf\","
            "\"size\":1234}]}",
    };
}

static void assert_event(const struct event *e, const char *want)
{
    perch_arena_init(&arena, 0);
    ASSERT_STR(event_json(e, &arena), want);
    perch_arena_done(&arena);
}

static void test_an_event_is_written_as_the_contract_shows(void)
{
    struct event e = the_example();

    assert_event(
        &e, "{\"id\":\"e1-v3hbfy57dwgez6cfbkjbxgas5s\",\"seq\":1042,"
            "\"time\":\"2026-11-22T23:58:32.123Z\",\"kind\":\"new\",\"live\":true,\"attempt\":1,"
            "\"account\":\"work\","
            "\"mailbox\":{\"name\":\"Lists/dev\",\"role\":null,\"uidvalidity\":1239278212},"
            "\"uid\":1339,\"modseq\":90210,\"emailid\":null,\"threadid\":null,\"size\":4821,"
            "\"internaldate\":\"2026-11-22T23:58:31Z\","
            "\"flags\":{\"old\":[],\"new\":[\"\\\\Flagged\"],\"added\":[\"\\\\Flagged\"],"
            "\"removed\":[]},"
            "\"from\":[{\"name\":\"Anna M\xc3\xbcller\",\"address\":\"anna@example.org\"}],"
            "\"sender\":[],\"reply_to\":[],\"to\":[],\"cc\":[],\"bcc\":[],"
            "\"subject\":\"Gr\xc3\xbc\xc3\x9f"
            "e\",\"date\":\"2026-11-22T23:58:30Z\","
            "\"message_id\":\"<x>\",\"in_reply_to\":null,\"list_id\":null,"
            "\"attachments\":[{\"name\":\"a.pdf\",\"type\":\"application/pdf\",\"size\":1234}],"
            "\"moved\":null}");
}

static void test_an_account_event_has_all_keys_too(void)
{
    json_t *more = json_pack("{s:{s:s, s:s, s:s}}", "error", "class", "auth", "reason", "no-mech",
                             "text", "no");
    struct event e = {
        .id = "e1-x", .seq = 1, .kind = EVENT_AUTH_ERROR, .account = "work", .more = more};

    assert_event(&e, "{\"id\":\"e1-x\",\"seq\":1,\"time\":\"1970-01-01T00:00:00.000Z\","
                     "\"kind\":\"auth-error\",\"live\":false,\"attempt\":1,\"account\":\"work\","
                     "\"mailbox\":null,\"uid\":null,\"modseq\":null,\"emailid\":null,"
                     "\"threadid\":null,\"size\":null,\"internaldate\":null,"
                     "\"flags\":{\"old\":[],\"new\":[],\"added\":[],\"removed\":[]},"
                     "\"from\":[],\"sender\":[],\"reply_to\":[],\"to\":[],\"cc\":[],\"bcc\":[],"
                     "\"subject\":null,\"date\":null,\"message_id\":null,\"in_reply_to\":null,"
                     "\"list_id\":null,\"attachments\":[],\"moved\":null,"
                     "\"error\":{\"class\":\"auth\",\"reason\":\"no-mech\",\"text\":\"no\"}}");
    json_decref(more);
}

static void test_a_mailbox_of_unknown_uidvalidity_says_null(void)
{
    struct event e = the_example();
    json_t *json;

    perch_arena_init(&arena, 0);
    e.uidvalidity = 0;
    json = json_loads(event_json(&e, &arena), 0, NULL);
    assert_value(json, "mailbox", "{\"name\":\"Lists/dev\",\"role\":null,\"uidvalidity\":null}");
    json_decref(json);
    perch_arena_done(&arena);
}

static void test_flags_tell_what_came_and_what_went(void)
{
    static const struct {
        const char *was, *is, *want;
    } cases[] = {
        {"", "", "{\"old\":[],\"new\":[],\"added\":[],\"removed\":[]}"},
        {"\\Seen a", "\\Flagged a",
         "{\"old\":[\"\\\\Seen\",\"a\"],\"new\":[\"\\\\Flagged\",\"a\"],"
         "\"added\":[\"\\\\Flagged\"],\"removed\":[\"\\\\Seen\"]}"},
        {"ab", "a abc",
         "{\"old\":[\"ab\"],\"new\":[\"a\",\"abc\"],\"added\":[\"a\",\"abc\"],"
         "\"removed\":[\"ab\"]}"},
    };

    perch_arena_init(&arena, 0);
    for (size_t i = 0; i < PERCH_COUNT(cases); i++) {
        struct event e = the_example();
        json_t *json;

        e.flags = (struct event_flags){cases[i].was, cases[i].is};
        json = json_loads(event_json(&e, &arena), 0, NULL);
        assert_value(json, "flags", cases[i].want);
        json_decref(json);
    }
    perch_arena_done(&arena);
}

static void test_a_date_that_was_not_told_is_null_and_one_before_1970_is_right(void)
{
    struct event e = the_example();
    json_t *json;

    perch_arena_init(&arena, 0);
    e.internaldate = INT64_MIN;
    e.time_ms = -1;
    json = json_loads(event_json(&e, &arena), 0, NULL);
    assert_value(json, "internaldate", "null");
    assert_value(json, "time", "\"1969-12-31T23:59:59.999Z\"");
    json_decref(json);
    perch_arena_done(&arena);
}

static void test_bytes_that_are_not_utf8_never_leave_an_event(void)
{
    struct event e = the_example();
    json_t *json;

    perch_arena_init(&arena, 0);
    e.mailbox = "Lists/\xfc";
    e.role = "\\J\xff";
    e.emailid = "\x80";
    json = json_loads(event_json(&e, &arena), 0, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(json);
    assert_value(json, "emailid", "\"\xef\xbf\xbd\"");
    assert_value(json_object_get(json, "mailbox"), "name", "\"Lists/\xef\xbf\xbd\"");
    json_decref(json);
    e.envelope = "no JSON";
    CU_ASSERT_PTR_NULL(event_json(&e, &arena));
    perch_arena_done(&arena);
}

/* ---- without memory ---- */

static const char *line_to_read;

static void on_row(const struct perch_resp *resp, void *user)
{
    struct event e = the_example();
    char *flags, *json;

    flags = event_flags_canonical(&resp->u.fetch.flags, &arena);
    e.flags.new_flags = flags;
    e.envelope = event_envelope_json(&resp->u.fetch, &arena);
    json = flags && e.envelope ? event_json(&e, &arena) : NULL;
    *(int *)user = json ? PERCH_OK : PERCH_ENOMEM;
}

static int read_row(void *user)
{
    struct perch_reader_hooks hooks = {.size = sizeof hooks, .on_response = on_row};
    int result = PERCH_ENOMEM;
    perch_reader *r = perch_reader_new(NULL, &hooks, &result);

    (void)user;
    perch_arena_init(&arena, 0);
    if (r && perch_reader_feed(r, line_to_read, strlen(line_to_read)) < 0)
        result = PERCH_ENOMEM;
    perch_reader_free(r);
    perch_arena_done(&arena);
    return result;
}

static void test_every_allocation_may_fail(void)
{
    line_to_read =
        "* 1 FETCH (UID 7 FLAGS (\\Seen a b) ENVELOPE (\"Sun, 22 Nov 2026 15:58:30 -0800\""
        " \"=?UTF-8?Q?Gr=C3=BC=C3=9Fe?= \xff\" ((\"A\" NIL \"a\" \"x.example\"))"
        " NIL NIL NIL NIL NIL NIL \"<id@x>\")"
        " BODYSTRUCTURE (\"APPLICATION\" \"PDF\" (\"NAME\" \"a.pdf\") NIL NIL"
        " \"BASE64\" 9 NIL NIL NIL NIL))\r\n";
    json_set_alloc_funcs(perch_malloc, perch_free);
    CU_ASSERT(perch_failmem(read_row, NULL) > 50);
    json_set_alloc_funcs(malloc, free);
}

PERCH_SUITE("daemon/event") = {
    PERCH_TEST(test_an_id_is_what_its_header_says),
    PERCH_TEST(test_flags_have_one_form),
    PERCH_TEST(test_a_flag_has_128_bytes_at_most),
    PERCH_TEST(test_256_flags_are_kept_and_the_system_flags_among_them),
    PERCH_TEST(test_an_envelope_is_decoded),
    PERCH_TEST(test_what_is_not_there_is_null_or_empty),
    PERCH_TEST(test_groups_are_flattened_and_local_users_are_not_groups),
    PERCH_TEST(test_no_byte_that_is_not_utf8_leaves),
    PERCH_TEST(test_control_characters_stay_inside_one_line),
    PERCH_TEST(test_attachments_are_what_has_a_name_or_says_so),
    PERCH_TEST(test_an_attached_message_is_one_attachment),
    PERCH_TEST(test_the_list_id_comes_from_the_headers_that_were_asked_for),
    PERCH_TEST(test_ten_thousand_recipients_are_all_there),
    PERCH_TEST(test_lists_end_at_a_mebibyte),
    PERCH_TEST(test_an_event_is_written_as_the_contract_shows),
    PERCH_TEST(test_an_account_event_has_all_keys_too),
    PERCH_TEST(test_a_mailbox_of_unknown_uidvalidity_says_null),
    PERCH_TEST(test_flags_tell_what_came_and_what_went),
    PERCH_TEST(test_a_date_that_was_not_told_is_null_and_one_before_1970_is_right),
    PERCH_TEST(test_bytes_that_are_not_utf8_never_leave_an_event),
    PERCH_TEST(test_every_allocation_may_fail),
    PERCH_END,
};

/* ACL, QUOTA, METADATA, LANGUAGE. */
#include "support/perch_test.h"
#include "support/transcript.h"

#include "perch/admin.h"

/* ---- access rights ---- */

typedef int acl_start(perch_session *s, const struct perch_acl_args *args, perch_done_fn *done,
                      void *user, perch_op **ret_op);

static int acl(struct transcript *t, acl_start *how, const char *label, struct perch_acl_args args)
{
    args.size = sizeof args;
    return how(t->s, &args, transcript_done, transcript_token(t, label), NULL);
}

static void note_acl(struct transcript_token *token, perch_op *op)
{
    const struct perch_acl_resp *a = perch_op_acl(op);

    for (size_t i = 0; a && i < a->n; i++)
        transcript_note(token->t, "%.*s has %.*s", (int)a->v[i].identifier.n, a->v[i].identifier.p,
                        (int)a->v[i].rights.n, a->v[i].rights.p);
    if (!a)
        transcript_note(token->t, "no acl");
}

static void note_rights(struct transcript_token *token, perch_op *op)
{
    const struct perch_rights_resp *r = perch_op_rights(op);

    transcript_note(token->t, "rights %.*s and %zu groups", (int)r->rights.n, r->rights.p,
                    r->noptional);
}

static void play_acl(struct transcript *t)
{
    const struct perch_acl_args who = {.mailbox = PERCH_SPAN("gr\xc3\xbcn"),
                                       .identifier = PERCH_SPAN("-j\xc3\xb6 \"x\"")};
    const struct perch_acl_args inbox = {.mailbox = PERCH_SPAN("INBOX")};

    transcript_login(t, "IMAP4rev1 ACL");
    transcript_started(t, acl(t, perch_getacl_start, "a", inbox));
    t->tokens[t->ntokens - 1].on_done = note_acl;
    transcript_started(t, acl(t, perch_getacl_start, "b", who));
    t->tokens[t->ntokens - 1].on_done = note_acl;
    transcript_started(t, acl(t, perch_myrights_start, "c", inbox));
    t->tokens[t->ntokens - 1].on_done = note_rights;
    transcript_play(t, "C: <1> GETACL \"INBOX\"\n"
                       "C: <2> GETACL \"gr&APw-n\"\n"
                       "C: <3> MYRIGHTS \"INBOX\"\n"
                       "S: * ACL \"gr&APw-n\"\n"
                       "S: * ACL inbox Fred rwipslxetad \"-j\" w\n"
                       "S: <1> OK\n"
                       "S: <2> OK\n"
                       "S: * MYRIGHTS INBOX rwiptsldaex\n"
                       "S: <3> OK\n");
    transcript_expect(t, "event OTHER op GETACL\n"
                         "event OTHER op GETACL\n"
                         "done a ok\n"
                         "Fred has rwipslxetad\n"
                         "-j has w\n"
                         "done b ok\n"
                         "event OTHER op MYRIGHTS\n"
                         "done c ok\n"
                         "rights rwiptsldaex and 0 groups\n");
    transcript_started(t, acl(t, perch_listrights_start, "d", who));
    t->tokens[t->ntokens - 1].on_done = note_rights;
    transcript_play(t, "C: <4> LISTRIGHTS \"gr&APw-n\" {8}\n"
                       "S: + go\n"
                       "C: -j\xc3\xb6 \"x\"\n"
                       "S: * LISTRIGHTS gr&APw-n j la r swicdkxte\n"
                       "S: <4> OK\n");
    transcript_expect(t, "event OTHER op LISTRIGHTS\n"
                         "done d ok\n"
                         "rights la and 2 groups\n");
}

static void test_rights_are_read(void)
{
    transcript_run(NULL, play_acl);
}

static void play_setacl(struct transcript *t)
{
    struct perch_acl_args args = {.mailbox = PERCH_SPAN("&AGE-"),
                                  .raw_name = true,
                                  .identifier = PERCH_SPAN("ann"),
                                  .rights = PERCH_SPAN("lrs")};

    transcript_login(t, "IMAP4rev1 ACL");
    transcript_started(t, acl(t, perch_setacl_start, "a", args));
    args.mode = PERCH_ACL_ADD;
    transcript_started(t, acl(t, perch_setacl_start, "b", args));
    args.mode = PERCH_ACL_REMOVE;
    transcript_started(t, acl(t, perch_setacl_start, "c", args));
    args.mode = PERCH_ACL_SET;
    args.rights = PERCH_SPAN("");
    transcript_started(t, acl(t, perch_setacl_start, "d", args));
    transcript_started(t, acl(t, perch_deleteacl_start, "e", args));
    transcript_play(t, "C: <1> SETACL \"&AGE-\" \"ann\" \"lrs\"\n"
                       "C: <2> SETACL \"&AGE-\" \"ann\" \"+lrs\"\n"
                       "C: <3> SETACL \"&AGE-\" \"ann\" \"-lrs\"\n"
                       "C: <4> SETACL \"&AGE-\" \"ann\" \"\"\n"
                       "C: <5> DELETEACL \"&AGE-\" \"ann\"\n"
                       "S: <1> OK\n"
                       "S: <2> NO [NOPERM] no\n"
                       "S: <3> BAD what\n"
                       "S: <4> OK\n"
                       "S: <5> OK\n");
    transcript_expect(t, "done a ok\n"
                         "done b PERCH_ENO\n"
                         "done c PERCH_EBAD\n"
                         "done d ok\n"
                         "done e ok\n");
    args.mode = PERCH_ACL_ADD;
    transcript_refused(t, acl(t, perch_setacl_start, "none", args), PERCH_EINVAL);
    args.rights = PERCH_SPAN("lR");
    transcript_refused(t, acl(t, perch_setacl_start, "case", args), PERCH_EINVAL);
    args.identifier.n = 0;
    transcript_refused(t, acl(t, perch_deleteacl_start, "nobody", args), PERCH_EINVAL);
    args.mailbox.n = 0;
    transcript_refused(t, acl(t, perch_getacl_start, "nothing", args), PERCH_EINVAL);
}

static void play_no_acl(struct transcript *t)
{
    const struct perch_acl_args args = {.mailbox = PERCH_SPAN("x"), .identifier = PERCH_SPAN("y")};

    transcript_login(t, "IMAP4rev1");
    transcript_refused(t, acl(t, perch_getacl_start, "a", args), PERCH_ECAPABILITY);
    transcript_refused(t, acl(t, perch_setacl_start, "b", args), PERCH_ECAPABILITY);
    transcript_refused(t, acl(t, perch_deleteacl_start, "c", args), PERCH_ECAPABILITY);
    transcript_refused(t, acl(t, perch_listrights_start, "d", args), PERCH_ECAPABILITY);
    transcript_refused(t, acl(t, perch_myrights_start, "e", args), PERCH_ECAPABILITY);
}

static void test_rights_are_changed(void)
{
    transcript_run(NULL, play_setacl);
    transcript_run(NULL, play_no_acl);
}

/* ---- quotas ---- */

static void note_quotas(struct transcript_token *token, perch_op *op)
{
    const struct perch_quotaroot_resp *roots = perch_op_quotaroot(op);
    const struct perch_quota_resp *const *rows;
    size_t n = perch_op_quotas(op, &rows);

    if (roots)
        transcript_note(token->t, "%zu roots", roots->nroots);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < rows[i]->n; k++)
            transcript_note(token->t, "\"%.*s\" %.*s %llu of %llu", (int)rows[i]->root.n,
                            rows[i]->root.p, (int)rows[i]->v[k].name.n, rows[i]->v[k].name.p,
                            (unsigned long long)rows[i]->v[k].usage,
                            (unsigned long long)rows[i]->v[k].limit);
}

static void play_quota(struct transcript *t)
{
    const struct perch_quota_limit limits[] = {{"STORAGE", 512}, {"MESSAGE", UINT64_MAX}};
    perch_op **none = NULL;

    transcript_login(t, "IMAP4rev1 QUOTA");
    transcript_started(t, perch_getquota_start(t->s, PERCH_SPAN("!partition/\"sda4\""),
                                               transcript_done, transcript_token(t, "a"), none));
    t->tokens[t->ntokens - 1].on_done = note_quotas;
    transcript_started(t,
                       perch_getquotaroot_start(t->s, PERCH_SPAN("gr\xc3\xbcn"), false,
                                                transcript_done, transcript_token(t, "b"), none));
    t->tokens[t->ntokens - 1].on_done = note_quotas;
    transcript_started(t, perch_setquota_start(t->s, PERCH_SPAN(""), limits, 2, transcript_done,
                                               transcript_token(t, "c"), none));
    t->tokens[t->ntokens - 1].on_done = note_quotas;
    transcript_started(t, perch_setquota_start(t->s, PERCH_SPAN(""), NULL, 0, transcript_done,
                                               transcript_token(t, "d"), none));
    transcript_play(t, "C: <1> GETQUOTA \"!partition/\\\\\"sda4\\\\\"\"\n"
                       "S: * QUOTA other (STORAGE 1 2)\n"
                       "S: * QUOTA \"!partition/\\\\\"sda4\\\\\"\" (STORAGE 104 10923847 X 0 9)\n"
                       "S: <1> OK\n"
                       "C: <2> GETQUOTAROOT \"gr&APw-n\"\n"
                       "S: * QUOTAROOT gr&APw-n \"\" b\n"
                       "S: * QUOTA \"\" (STORAGE 10 512)\n"
                       "S: * QUOTA b (MESSAGE 3 4)\n"
                       "S: <2> OK\n"
                       "C: <3> SETQUOTA \"\" (STORAGE 512 MESSAGE 18446744073709551615)\n"
                       "S: * QUOTA \"\" (STORAGE 10 512)\n"
                       "S: <3> OK\n"
                       "C: <4> SETQUOTA \"\" ()\n"
                       "S: <4> NO [NOPERM] no\n");
    transcript_expect(t, "event OTHER\n"
                         "event OTHER op GETQUOTA\n"
                         "done a ok\n"
                         "\"!partition/\"sda4\"\" STORAGE 104 of 10923847\n"
                         "\"!partition/\"sda4\"\" X 0 of 9\n"
                         "event OTHER op GETQUOTAROOT\n"
                         "event OTHER op GETQUOTAROOT\n"
                         "event OTHER op GETQUOTAROOT\n"
                         "done b ok\n"
                         "2 roots\n"
                         "\"\" STORAGE 10 of 512\n"
                         "\"b\" MESSAGE 3 of 4\n"
                         "event OTHER op SETQUOTA\n"
                         "done c ok\n"
                         "\"\" STORAGE 10 of 512\n"
                         "done d PERCH_ENO\n");
}

static void play_no_quota(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1");
    transcript_refused(
        t,
        perch_getquota_start(t->s, PERCH_SPAN(""), transcript_done, transcript_token(t, "a"), NULL),
        PERCH_ECAPABILITY);
    transcript_refused(t,
                       perch_getquotaroot_start(t->s, PERCH_SPAN("x"), false, transcript_done,
                                                transcript_token(t, "b"), NULL),
                       PERCH_ECAPABILITY);
}

static void play_quota_not_set(struct transcript *t)
{
    const struct perch_quota_limit odd = {"two words", 1};

    transcript_login(t, "IMAP4rev1 QUOTA QUOTA=RES-STORAGE");
    transcript_refused(t,
                       perch_setquota_start(t->s, PERCH_SPAN(""), NULL, 0, transcript_done,
                                            transcript_token(t, "a"), NULL),
                       PERCH_ECAPABILITY);
    transcript_play(t, "S: * CAPABILITY IMAP4rev1 QUOTA QUOTA=RES-STORAGE QUOTASET\n");
    transcript_refused(t,
                       perch_setquota_start(t->s, PERCH_SPAN(""), &odd, 1, transcript_done,
                                            transcript_token(t, "b"), NULL),
                       PERCH_EINVAL);
    transcript_started(t, perch_setquota_start(t->s, PERCH_SPAN("r"), NULL, 0, transcript_done,
                                               transcript_token(t, "c"), NULL));
    transcript_play(t, "C: <1> SETQUOTA \"r\" ()\n"
                       "S: <1> OK\n");
}

static void test_quotas(void)
{
    transcript_run(NULL, play_quota);
    transcript_run(NULL, play_no_quota);
    transcript_run(NULL, play_quota_not_set);
}

/* ---- annotations ---- */

static const char *const entries[] = {"/shared/comment", "/private/vendor/x y"};

static int get(struct transcript *t, const char *label, struct perch_getmetadata_args args)
{
    args.size = sizeof args;
    if (!args.entries) {
        args.entries = entries;
        args.nentries = PERCH_COUNT(entries);
    }
    return perch_getmetadata_start(t->s, &args, transcript_done, transcript_token(t, label), NULL);
}

static void note_metadata(struct transcript_token *token, perch_op *op)
{
    const struct perch_status_resp *status = perch_op_status(op);
    const struct perch_metadata_resp *const *rows;
    size_t n = perch_op_metadata(op, &rows);

    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < rows[i]->n; k++)
            transcript_note(token->t, "%.*s %.*s = %.*s%s", (int)rows[i]->mailbox.utf8.n,
                            rows[i]->mailbox.utf8.p, (int)rows[i]->v[k].name.n,
                            rows[i]->v[k].name.p, (int)rows[i]->v[k].value.n,
                            rows[i]->v[k].value.p ? rows[i]->v[k].value.p : "",
                            rows[i]->v[k].value.p ? "" : "NIL");
    if (status && status->code == PERCH_CODE_METADATA)
        transcript_note(token->t, "%.*s %llu", (int)status->u.metadata.word.n,
                        status->u.metadata.word.p, (unsigned long long)status->u.metadata.number);
}

static void play_getmetadata(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1 METADATA");
    transcript_started(
        t, get(t, "a", (struct perch_getmetadata_args){.mailbox = PERCH_SPAN("gr\xc3\xbcn")}));
    t->tokens[t->ntokens - 1].on_done = note_metadata;
    transcript_started(t, get(t, "b",
                              (struct perch_getmetadata_args){
                                  .maxsize = 1024, .depth = PERCH_METADATA_DEPTH_INFINITY}));
    t->tokens[t->ntokens - 1].on_done = note_metadata;
    transcript_play(t, "C: <1> GETMETADATA \"gr&APw-n\" (\"/shared/comment\" "
                       "\"/private/vendor/x y\")\n"
                       "C: <2> GETMETADATA (MAXSIZE 1024 DEPTH infinity) \"\" "
                       "(\"/shared/comment\" \"/private/vendor/x y\")\n"
                       "S: * METADATA gr&APw-n /shared/comment\n"
                       "S: * METADATA \"\" (/shared/comment \"for all\")\n"
                       "S: * METADATA gr&APw-n (/shared/comment {3}\n"
                       "S: a\"b \"/private/vendor/x y\" NIL)\n"
                       "S: <1> OK\n"
                       "S: <2> OK [METADATA LONGENTRIES 2199] done\n");
    transcript_expect(t, "event METADATA\n"
                         "event METADATA op GETMETADATA\n"
                         "event METADATA op GETMETADATA\n"
                         "done a ok\n"
                         "gr\xc3\xbcn /shared/comment = a\"b\n"
                         "gr\xc3\xbcn /private/vendor/x y = NIL\n"
                         "done b ok\n"
                         " /shared/comment = for all\n"
                         "LONGENTRIES 2199\n");
    transcript_started(t, get(t, "c",
                              (struct perch_getmetadata_args){.mailbox = PERCH_SPAN("x"),
                                                              .entries = entries,
                                                              .nentries = 1,
                                                              .depth = PERCH_METADATA_DEPTH_1}));
    transcript_play(t, "C: <3> GETMETADATA (DEPTH 1) \"x\" (\"/shared/comment\")\n"
                       "S: <3> NO [NONEXISTENT] none\n");
    transcript_expect(t, "done c PERCH_ENO\n");
}

static void test_annotations_are_read(void)
{
    transcript_run(NULL, play_getmetadata);
}

static int set(struct transcript *t, const char *label, const char *mailbox,
               const struct perch_metadata_value *values, size_t n)
{
    struct perch_setmetadata_args args = PERCH_SETMETADATA_ARGS_INIT;

    args.mailbox = perch_span_of(mailbox);
    args.values = values;
    args.nvalues = n;
    return perch_setmetadata_start(t->s, &args, transcript_done, transcript_token(t, label), NULL);
}

static void play_setmetadata(struct transcript *t)
{
    const struct perch_metadata_value some[] = {{"/shared/comment", PERCH_SPAN("a \"b\"")},
                                                {"/private/comment", {NULL, 0}},
                                                {"/private/empty", PERCH_SPAN("")}};
    const struct perch_metadata_value binary = {"/private/x", PERCH_SPAN("a\0\r\n")};
    const struct perch_metadata_value lines = {"/private/x", PERCH_SPAN("a\r\nb")};

    transcript_login(t, "IMAP4rev1 METADATA");
    transcript_started(t, set(t, "a", "INBOX", some, PERCH_COUNT(some)));
    transcript_started(t, set(t, "b", "", &binary, 1));
    transcript_play(t, "C: <1> SETMETADATA \"INBOX\" (\"/shared/comment\" \"a \\\\\"b\\\\\"\" "
                       "\"/private/comment\" NIL \"/private/empty\" \"\")\n"
                       "C: <2> SETMETADATA \"\" (\"/private/x\" ~{4}\n"
                       "S: <1> OK\n"
                       "S: + go\n"
                       "C: a\\0\\r\\n)\n"
                       "S: <2> NO [METADATA TOOMANY] no\n");
    transcript_expect(t, "done a ok\n"
                         "done b PERCH_ENO\n");
    transcript_started(t, set(t, "c", "x", &lines, 1));
    transcript_play(t, "C: <3> SETMETADATA \"x\" (\"/private/x\" {4}\n"
                       "S: + go\n"
                       "C: a\\r\\nb)\n"
                       "S: <3> BAD what\n");
    transcript_expect(t, "done c PERCH_EBAD\n");
}

static void test_annotations_are_set_removed_and_any_bytes(void)
{
    transcript_run(NULL, play_setmetadata);
}

static void play_metadata_refused(struct transcript *t)
{
    static const char *const odd[] = {
        "comment", "/", "/private/", "/private//x", "/a*", "/a%", "/\xc3\xbc", "/a\r\nb", ""};

    transcript_login(t, "IMAP4rev1 METADATA");
    for (size_t i = 0; i < PERCH_COUNT(odd); i++)
        transcript_refused(
            t, get(t, odd[i], (struct perch_getmetadata_args){.entries = &odd[i], .nentries = 1}),
            PERCH_EINVAL);
    transcript_refused(t, get(t, "none", (struct perch_getmetadata_args){.entries = odd}),
                       PERCH_EINVAL);
    transcript_refused(t, set(t, "nothing", "x", NULL, 0), PERCH_EINVAL);
}

static void play_server_only(struct transcript *t)
{
    const struct perch_metadata_value value = {"/shared/admin", PERCH_SPAN("x")};

    transcript_login(t, "IMAP4rev1 METADATA-SERVER");
    transcript_refused(t, get(t, "a", (struct perch_getmetadata_args){.mailbox = PERCH_SPAN("x")}),
                       PERCH_ECAPABILITY);
    transcript_refused(t, set(t, "b", "x", &value, 1), PERCH_ECAPABILITY);
    transcript_started(t, set(t, "c", "", &value, 1));
    transcript_play(t, "C: <1> SETMETADATA \"\" (\"/shared/admin\" \"x\")\n"
                       "S: <1> OK\n");
}

static void test_annotations_that_cannot_be_are_refused(void)
{
    transcript_run(NULL, play_metadata_refused);
    transcript_run(NULL, play_server_only);
}

/* ---- language ---- */

static void note_languages(struct transcript_token *token, perch_op *op)
{
    const struct perch_names *l = perch_op_languages(op);

    for (size_t i = 0; l && i < l->n; i++)
        transcript_note(token->t, "%.*s", (int)l->v[i].n, l->v[i].p);
    if (!l)
        transcript_note(token->t, "no language");
}

static void play_language(struct transcript *t)
{
    static const char *const wanted[] = {"de-*", "default"};

    transcript_login(t, "IMAP4rev1 LANGUAGE");
    transcript_started(
        t, perch_language_start(t->s, NULL, 0, transcript_done, transcript_token(t, "a"), NULL));
    t->tokens[t->ntokens - 1].on_done = note_languages;
    transcript_started(
        t, perch_language_start(t->s, wanted, 2, transcript_done, transcript_token(t, "b"), NULL));
    t->tokens[t->ntokens - 1].on_done = note_languages;
    transcript_started(t,
                       perch_noop_start(t->s, transcript_done, transcript_token(t, "noop"), NULL));
    transcript_play(t, "C: <1> LANGUAGE\n"
                       "S: * LANGUAGE (EN \"DE\" i-default)\n"
                       "S: <1> OK\n"
                       "C: <2> LANGUAGE \"de-*\" \"default\"\n"
                       "S: <2> NO keine\n"
                       "C: <3> NOOP\n"
                       "S: <3> OK\n");
    transcript_expect(t, "event OTHER op LANGUAGE\n"
                         "done a ok\n"
                         "EN\n"
                         "DE\n"
                         "i-default\n"
                         "done b PERCH_ENO\n"
                         "no language\n"
                         "done noop ok\n");
}

static void play_no_language(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1");
    transcript_refused(
        t, perch_language_start(t->s, NULL, 0, transcript_done, transcript_token(t, "a"), NULL),
        PERCH_ECAPABILITY);
}

static void test_LANGUAGE(void)
{
    transcript_run(NULL, play_language);
    transcript_run(NULL, play_no_language);
}

PERCH_SUITE("session/admin") = {
    PERCH_TEST(test_rights_are_read),
    PERCH_TEST(test_rights_are_changed),
    PERCH_TEST(test_quotas),
    PERCH_TEST(test_annotations_are_read),
    PERCH_TEST(test_annotations_are_set_removed_and_any_bytes),
    PERCH_TEST(test_annotations_that_cannot_be_are_refused),
    PERCH_TEST(test_LANGUAGE),
    PERCH_END,
};

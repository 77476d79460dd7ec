/* SEARCH. */
#include "support/perch_test.h"
#include "support/transcript.h"

#include "perch/search.h"

static struct perch_search seen(void)
{
    return perch_search_key(PERCH_SEARCH_SEEN);
}

static void start(struct transcript *t, const char *label, struct perch_search criteria,
                  struct perch_search_args args)
{
    args.size = sizeof args;
    args.criteria = &criteria;
    transcript_started(
        t, perch_search_start(t->s, &args, transcript_done, transcript_token(t, label), NULL));
}

static void note_result(struct transcript_token *token, perch_op *op)
{
    const struct perch_search_result *r = perch_op_search(op);
    char all[128];

    (void)perch_set_format(&r->all, all, sizeof all);
    transcript_note(token->t, "%s all %s count %llu min %u max %u modseq %llu%s", token->label, all,
                    (unsigned long long)r->count, r->min, r->max, (unsigned long long)r->modseq,
                    r->emulated ? " emulated" : "");
}

static void note_it(struct transcript *t)
{
    t->tokens[t->ntokens - 1].on_done = note_result;
}

/* ---- ESEARCH ---- */

static void play_esearch(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1 ESEARCH");
    transcript_select(t, 9);
    start(t, "a", seen(), (struct perch_search_args){0});
    note_it(t);
    transcript_play(t, "C: <1> UID SEARCH RETURN (ALL) SEEN\n"
                       "S: * ESEARCH (TAG \"<1>\") UID ALL 2:4294967295 MODSEQ 7\n"
                       "S: <1> OK\n");
    start(t, "b", seen(), (struct perch_search_args){.count = true, .min = true});
    note_it(t);
    transcript_play(t, "C: <2> UID SEARCH RETURN (MIN COUNT) SEEN\n"
                       "S: * ESEARCH (TAG \"<2>\") UID MIN 4 COUNT 17\n"
                       "S: <2> OK\n");
    start(t, "c", seen(), (struct perch_search_args){.count = true, .max = true});
    note_it(t);
    transcript_play(t, "C: <3> UID SEARCH RETURN (MAX COUNT) SEEN\n"
                       "S: * ESEARCH (TAG \"<3>\") UID COUNT 1 MAX 8\n"
                       "S: <3> OK\n");
    transcript_expect(t, "event SEARCH op UID SEARCH\n"
                         "done a ok\n"
                         "a all 2:4294967295 count 4294967294 min 2 max 4294967295 modseq 7\n"
                         "event SEARCH op UID SEARCH\n"
                         "done b ok\n"
                         "b all  count 17 min 4 max 0 modseq 0\n"
                         "event SEARCH op UID SEARCH\n"
                         "done c ok\n"
                         "c all  count 1 min 0 max 8 modseq 0\n");
}

static void test_ESEARCH_where_the_server_has_it(void)
{
    transcript_run(NULL, play_esearch);
}

static void play_cyrus(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1 ESEARCH");
    transcript_select(t, 9);
    start(t, "a", seen(), (struct perch_search_args){.count = true});
    note_it(t);
    transcript_play(t, "C: <1> UID SEARCH RETURN (COUNT) SEEN\n"
                       "S: * SEARCH 3 1 2 9\n"
                       "S: <1> OK\n");
    transcript_expect(t, "event SEARCH op UID SEARCH\n"
                         "done a ok\n"
                         "a all 1:3,9 count 4 min 1 max 9 modseq 0 emulated\n");
}

static void test_SEARCH_in_answer_to_RETURN(void)
{
    transcript_run(NULL, play_cyrus);
}

static void play_other_tag(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1 ESEARCH");
    transcript_select(t, 9);
    start(t, "a", seen(), (struct perch_search_args){0});
    note_it(t);
    transcript_play(t, "C: <1> UID SEARCH RETURN (ALL) SEEN\n"
                       "S: * ESEARCH (TAG \"zz\") UID ALL 1:9\n"
                       "S: * ESEARCH (TAG \"<1>\") UID\n"
                       "S: <1> OK\n"
                       "S: * SEARCH 1\n");
    transcript_expect(t, "event MALFORMED: an answer to a search that nobody asked for\n"
                         "event SEARCH op UID SEARCH\n"
                         "done a ok\n"
                         "a all  count 0 min 0 max 0 modseq 0\n"
                         "event MALFORMED: an answer to a search that nobody asked for\n");
}

static void test_ESEARCH_of_another_tag_is_nobodys(void)
{
    transcript_run(NULL, play_other_tag);
}

/* ---- SEARCH ---- */

static void play_search(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1 CONDSTORE");
    transcript_select(t, 9);
    start(t, "a", seen(), (struct perch_search_args){.seq = true, .max = true});
    note_it(t);
    transcript_play(t, "C: <1> SEARCH SEEN\n"
                       "S: * SEARCH 2 5 6 (MODSEQ 917162500)\n"
                       "S: <1> OK\n");
    start(t, "b", seen(), (struct perch_search_args){0});
    note_it(t);
    transcript_play(t, "C: <2> UID SEARCH SEEN\n"
                       "S: * SEARCH\n"
                       "S: <2> OK\n");
    transcript_expect(t, "event SEARCH op SEARCH\n"
                         "done a ok\n"
                         "a all 2,5:6 count 3 min 2 max 6 modseq 917162500 emulated\n"
                         "event SEARCH op UID SEARCH\n"
                         "done b ok\n"
                         "b all  count 0 min 0 max 0 modseq 0 emulated\n");
    start(t, "c", seen(), (struct perch_search_args){0});
    note_it(t);
    transcript_play(t, "C: <3> UID SEARCH SEEN\n"
                       "S: * ESEARCH (TAG \"<3>\") UID ALL 4\n"
                       "S: <3> OK\n");
    transcript_expect(t, "event SEARCH op UID SEARCH\n"
                         "done c ok\n"
                         "c all 4 count 1 min 4 max 4 modseq 0\n");
}

static void test_SEARCH_elsewhere_and_counting_here(void)
{
    transcript_run(NULL, play_search);
}

static void play_criteria(struct transcript *t)
{
    struct perch_search who[] = {perch_search_text(PERCH_SEARCH_FROM, "ann"),
                                 perch_search_text(PERCH_SEARCH_SUBJECT, "gr\xc3\xbc\xc3\x9f")};
    struct perch_range range = {4, 7};
    struct perch_set set = {.r = &range, .n = 1};
    struct perch_search all[2];

    all[0] = perch_search_list(PERCH_SEARCH_OR, who, 2);
    all[1] = perch_search_set(PERCH_SEARCH_UID, &set);
    transcript_login(t, "IMAP4rev1");
    transcript_select(t, 9);
    t->hold = true;
    start(t, "a", perch_search_list(PERCH_SEARCH_AND, all, 2), (struct perch_search_args){0});
    /* the op keeps copies */
    memset(who, 0, sizeof who);
    memset(all, 0, sizeof all);
    range = (struct perch_range){1, 1};
    t->hold = false;
    transcript_play(t, "C: <1> UID SEARCH CHARSET UTF-8 OR FROM \"ann\" SUBJECT {6}\n"
                       "S: + go\n"
                       "C: gr\xc3\xbc\xc3\x9f UID 4:7\n"
                       "S: * SEARCH 4\n"
                       "S: <1> OK\n");
}

static void test_criteria_are_copied_and_wait_for_their_literals(void)
{
    transcript_run(NULL, play_criteria);
}

static void play_pieces(struct transcript *t)
{
    struct perch_buf script = PERCH_BUF_INIT;

    transcript_login(t, "IMAP4rev1");
    transcript_select(t, 9);
    start(t, "a", seen(), (struct perch_search_args){0});
    note_it(t);
    transcript_play(t, "C: <1> UID SEARCH SEEN\n"
                       "S: * SEARCH 4 2\n"
                       "S: * SEARCH 3 9\n"
                       "S: <1> OK\n");
    transcript_expect(t, "event SEARCH op UID SEARCH\n"
                         "event SEARCH op UID SEARCH\n"
                         "done a ok\n"
                         "a all 2:4,9 count 4 min 2 max 9 modseq 0 emulated\n");
    start(t, "b", seen(), (struct perch_search_args){0});
    for (int i = 1; i <= 1001; i++)
        perch_buf_addf(&script, "S: * SEARCH %d\n", i);
    perch_buf_adds(&script, "S: <2> OK\n");
    transcript_play(t, "C: <2> UID SEARCH SEEN\n");
    transcript_play(t, perch_buf_cstr(&script));
    CU_ASSERT(strstr(perch_buf_cstr(&t->log), "done b PERCH_ELIMIT\n") != NULL);
    perch_buf_done(&script);
}

static void test_an_answer_in_pieces_up_to_a_limit(void)
{
    transcript_run(NULL, play_pieces);
}

/* ---- failures ---- */

static void play_bad(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1");
    transcript_select(t, 9);
    start(t, "a", perch_search_text(PERCH_SEARCH_RAW, "FOO"), (struct perch_search_args){0});
    transcript_play(t, "C: <1> UID SEARCH FOO\n"
                       "S: <1> BAD what\n");
    start(t, "b", seen(), (struct perch_search_args){0});
    transcript_play(t, "C: <2> UID SEARCH SEEN\n"
                       "S: <2> NO [BADCHARSET (US-ASCII)] no\n");
    transcript_expect(t, "done a PERCH_ECRITERIA\n"
                         "done b PERCH_ENO\n");
}

static void test_BAD_is_about_the_criteria(void)
{
    transcript_run(NULL, play_bad);
}

static void play_refused(struct transcript *t)
{
    struct perch_search nothing = perch_search_list(PERCH_SEARCH_AND, NULL, 0);
    struct perch_search fuzzy = perch_search_number(PERCH_SEARCH_YOUNGER, 60);
    struct perch_search_args args = PERCH_SEARCH_ARGS_INIT;

    transcript_login(t, "IMAP4rev1");
    transcript_select(t, 9);
    transcript_refused(
        t, perch_search_start(t->s, &args, transcript_done, transcript_token(t, "none"), NULL),
        PERCH_ECRITERIA);
    args.criteria = &nothing;
    transcript_refused(
        t, perch_search_start(t->s, &args, transcript_done, transcript_token(t, "empty"), NULL),
        PERCH_ECRITERIA);
    args.criteria = &fuzzy;
    transcript_refused(
        t, perch_search_start(t->s, &args, transcript_done, transcript_token(t, "WITHIN"), NULL),
        PERCH_ECAPABILITY);
}

static void test_criteria_that_cannot_be_asked_are_refused(void)
{
    transcript_run(NULL, play_refused);
}

PERCH_SUITE("session/search") = {
    PERCH_TEST(test_ESEARCH_where_the_server_has_it),
    PERCH_TEST(test_SEARCH_in_answer_to_RETURN),
    PERCH_TEST(test_ESEARCH_of_another_tag_is_nobodys),
    PERCH_TEST(test_SEARCH_elsewhere_and_counting_here),
    PERCH_TEST(test_an_answer_in_pieces_up_to_a_limit),
    PERCH_TEST(test_criteria_are_copied_and_wait_for_their_literals),
    PERCH_TEST(test_BAD_is_about_the_criteria),
    PERCH_TEST(test_criteria_that_cannot_be_asked_are_refused),
    PERCH_END,
};

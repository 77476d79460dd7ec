/* SORT, THREAD. */
#include "support/perch_test.h"
#include "support/transcript.h"

#include "perch/order.h"

static const struct perch_sort_key by_date = {PERCH_SORT_DATE, false};

static void begin(struct transcript *t, const char *capabilities)
{
    transcript_login(t, capabilities);
    transcript_select(t, 99);
}

/* ---- SORT ---- */

static int sort(struct transcript *t, const char *label, struct perch_sort_args args)
{
    args.size = sizeof args;
    if (!args.keys) {
        args.keys = &by_date;
        args.nkeys = 1;
    }
    return perch_sort_start(t->s, &args, transcript_done, transcript_token(t, label), NULL);
}

static void note_order(struct transcript_token *token, perch_op *op)
{
    const struct perch_sort_result *r = perch_op_sort(op);
    struct perch_buf text = PERCH_BUF_INIT;

    for (size_t i = 0; i < r->norder; i++)
        perch_buf_addf(&text, "%u ", r->order[i]);
    transcript_note(token->t, "%scount %llu first %u last %u modseq %llu%s", perch_buf_cstr(&text),
                    (unsigned long long)r->count, r->first, r->last, (unsigned long long)r->modseq,
                    r->emulated ? " emulated" : "");
    perch_buf_done(&text);
}

static void note_it(struct transcript *t)
{
    t->tokens[t->ntokens - 1].on_done = note_order;
}

static void play_sort(struct transcript *t)
{
    const struct perch_sort_key keys[] = {{PERCH_SORT_SUBJECT, false}, {PERCH_SORT_DATE, true},
                                          {PERCH_SORT_ARRIVAL, false}, {PERCH_SORT_CC, true},
                                          {PERCH_SORT_FROM, false},    {PERCH_SORT_SIZE, false},
                                          {PERCH_SORT_TO, false}};
    struct perch_search who[] = {perch_search_text(PERCH_SEARCH_FROM, "smith \"x\""),
                                 perch_search_key(PERCH_SEARCH_UNSEEN)};
    const struct perch_search both = perch_search_list(PERCH_SEARCH_AND, who, 2);

    begin(t, "IMAP4rev1 SORT");
    transcript_started(
        t, sort(t, "a",
                (struct perch_sort_args){
                    .keys = keys, .nkeys = PERCH_COUNT(keys), .criteria = &both, .seq = true}));
    note_it(t);
    transcript_play(t, "C: <1> SORT (SUBJECT REVERSE DATE ARRIVAL REVERSE CC FROM SIZE TO) UTF-8 "
                       "FROM \"smith \\\\\"x\\\\\"\" UNSEEN\n"
                       "S: * SORT 5 3 4 1 2\n"
                       "S: <1> OK\n");
    transcript_started(t, sort(t, "b", (struct perch_sort_args){0}));
    note_it(t);
    transcript_play(t, "C: <2> UID SORT (DATE) UTF-8 ALL\n"
                       "S: * SORT 4294967295 7 (MODSEQ 12)\n"
                       "S: * SORT 8\n"
                       "S: <2> OK\n");
    transcript_started(t, sort(t, "c", (struct perch_sort_args){.last = true}));
    note_it(t);
    transcript_play(t, "C: <3> UID SORT (DATE) UTF-8 ALL\n"
                       "S: * SORT\n"
                       "S: <3> OK\n");
    transcript_expect(t, "event SEARCH op SORT\n"
                         "done a ok\n"
                         "5 3 4 1 2 count 5 first 5 last 2 modseq 0 emulated\n"
                         "event SEARCH op UID SORT\n"
                         "event SEARCH op UID SORT\n"
                         "done b ok\n"
                         "4294967295 7 8 count 3 first 4294967295 last 8 modseq 12 emulated\n"
                         "event SEARCH op UID SORT\n"
                         "done c ok\n"
                         "count 0 first 0 last 0 modseq 0 emulated\n");
}

static void test_SORT_keeps_the_order_of_the_server(void)
{
    transcript_run(NULL, play_sort);
}

static void play_esort(struct transcript *t)
{
    begin(t, "IMAP4rev1 SORT ESORT");
    transcript_started(
        t, sort(t, "a", (struct perch_sort_args){.first = true, .last = true, .count = true}));
    note_it(t);
    transcript_play(t, "C: <1> UID SORT RETURN (MIN MAX COUNT) (DATE) UTF-8 ALL\n"
                       "S: * ESEARCH (TAG \"zz\") UID COUNT 1\n"
                       "S: * ESEARCH (TAG \"<1>\") UID MIN 17 MAX 4 COUNT 9 MODSEQ 3\n"
                       "S: <1> OK\n");
    transcript_started(t, sort(t, "b", (struct perch_sort_args){.all = true, .count = true}));
    note_it(t);
    transcript_play(t, "C: <2> UID SORT (DATE) UTF-8 ALL\n"
                       "S: * SORT 3 2\n"
                       "S: <2> OK\n");
    transcript_expect(t, "event MALFORMED: an answer to a search that nobody asked for\n"
                         "event SEARCH op UID SORT\n"
                         "done a ok\n"
                         "count 9 first 17 last 4 modseq 3\n"
                         "event SEARCH op UID SORT\n"
                         "done b ok\n"
                         "3 2 count 2 first 3 last 2 modseq 0 emulated\n");
}

static void test_ESORT_tells_what_does_not_need_the_order(void)
{
    transcript_run(NULL, play_esort);
}

static void play_display(struct transcript *t)
{
    const struct perch_sort_key keys[] = {{PERCH_SORT_DISPLAYFROM, false},
                                          {PERCH_SORT_DISPLAYTO, true}};
    const struct perch_sort_args args = {.keys = keys, .nkeys = 2};

    begin(t, "IMAP4rev1 SORT SORT=DISPLAY");
    transcript_started(t, sort(t, "a", args));
    transcript_play(t, "C: <1> UID SORT (DISPLAYFROM REVERSE DISPLAYTO) UTF-8 ALL\n"
                       "S: <1> NO [BADCHARSET (US-ASCII)] no\n");
    transcript_started(t, sort(t, "b", args));
    transcript_play(t, "C: <2> UID SORT (DISPLAYFROM REVERSE DISPLAYTO) UTF-8 ALL\n"
                       "S: <2> BAD what\n");
    transcript_expect(t, "done a PERCH_ENO\n"
                         "done b PERCH_ECRITERIA\n");
}

static void play_no_display(struct transcript *t)
{
    const struct perch_sort_key display = {PERCH_SORT_DISPLAYTO, false};

    begin(t, "IMAP4rev1 SORT");
    transcript_refused(t, sort(t, "a", (struct perch_sort_args){.keys = &display, .nkeys = 1}),
                       PERCH_ECAPABILITY);
}

static void test_display_keys(void)
{
    transcript_run(NULL, play_display);
    transcript_run(NULL, play_no_display);
}

static void play_literal(struct transcript *t)
{
    struct perch_search subject = perch_search_text(PERCH_SEARCH_SUBJECT, "gr\xc3\xbc\xc3\x9f");

    begin(t, "IMAP4rev1 SORT THREAD=REFERENCES");
    t->hold = true;
    transcript_started(t, sort(t, "a", (struct perch_sort_args){.criteria = &subject}));
    subject = perch_search_key(PERCH_SEARCH_ALL); /* the op keeps a copy */
    t->hold = false;
    transcript_play(t, "C: <1> UID SORT (DATE) UTF-8 SUBJECT {6}\n"
                       "S: + go\n"
                       "C: gr\xc3\xbc\xc3\x9f\n"
                       "S: <1> OK\n");
}

static void test_text_of_the_criteria_is_a_literal_and_copied(void)
{
    transcript_run(NULL, play_literal);
}

static void play_pipeline(struct transcript *t)
{
    struct perch_search_args search = PERCH_SEARCH_ARGS_INIT;
    struct perch_search all = perch_search_key(PERCH_SEARCH_ALL);

    search.criteria = &all;
    begin(t, "IMAP4rev1 SORT");
    transcript_started(t, sort(t, "a", (struct perch_sort_args){0}));
    transcript_started(
        t, perch_search_start(t->s, &search, transcript_done, transcript_token(t, "b"), NULL));
    transcript_play(t, "C: <1> UID SORT (DATE) UTF-8 ALL\n"
                       "S: * SORT 1\n"
                       "S: <1> OK\n"
                       "C: <2> UID SEARCH ALL\n"
                       "S: * SEARCH 1\n"
                       "S: <2> OK\n");
}

static void test_a_search_waits_for_a_sort(void)
{
    transcript_run(NULL, play_pipeline);
}

static void play_sort_refused(struct transcript *t)
{
    const struct perch_sort_key none = {PERCH_SORT_NONE, false};
    const struct perch_search nothing = perch_search_list(PERCH_SEARCH_AND, NULL, 0);
    const struct perch_search within = perch_search_number(PERCH_SEARCH_YOUNGER, 60);
    struct perch_sort_args empty = PERCH_SORT_ARGS_INIT;

    begin(t, "IMAP4rev1 SORT");
    transcript_refused(
        t, perch_sort_start(t->s, &empty, transcript_done, transcript_token(t, "no keys"), NULL),
        PERCH_EINVAL);
    transcript_refused(t, sort(t, "none", (struct perch_sort_args){.keys = &none, .nkeys = 1}),
                       PERCH_EINVAL);
    transcript_refused(t, sort(t, "empty", (struct perch_sort_args){.criteria = &nothing}),
                       PERCH_ECRITERIA);
    transcript_refused(t, sort(t, "WITHIN", (struct perch_sort_args){.criteria = &within}),
                       PERCH_ECAPABILITY);
}

static void play_no_sort(struct transcript *t)
{
    begin(t, "IMAP4rev1 THREAD=REFERENCES");
    transcript_refused(t, sort(t, "a", (struct perch_sort_args){0}), PERCH_ECAPABILITY);
}

static void play_no_mailbox(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1 SORT");
    transcript_refused(t, sort(t, "a", (struct perch_sort_args){0}), PERCH_ESTATE);
}

static void test_SORT_that_cannot_be_asked_is_refused(void)
{
    transcript_run(NULL, play_sort_refused);
    transcript_run(NULL, play_no_sort);
    transcript_run(NULL, play_no_mailbox);
}

/* ---- THREAD ---- */

static int thread(struct transcript *t, const char *label, struct perch_thread_args args)
{
    args.size = sizeof args;
    return perch_thread_start(t->s, &args, transcript_done, transcript_token(t, label), NULL);
}

static void note_threads(struct transcript_token *token, perch_op *op)
{
    const struct perch_thread_resp *r = perch_op_threads(op);

    for (size_t i = 0; i < r->n; i++)
        transcript_note(token->t, "%*s%u", (int)r->v[i].depth, "", r->v[i].number);
}

static void play_thread(struct transcript *t)
{
    const struct perch_search unseen = perch_search_key(PERCH_SEARCH_UNSEEN);

    begin(t, "IMAP4rev1 THREAD=ORDEREDSUBJECT THREAD=REFERENCES");
    transcript_started(t, thread(t, "a", (struct perch_thread_args){.criteria = &unseen}));
    t->tokens[t->ntokens - 1].on_done = note_threads;
    transcript_play(t, "C: <1> UID THREAD REFERENCES UTF-8 UNSEEN\n"
                       "S: * THREAD (2)(3 6 (4 23)(44 7))\n"
                       "S: * THREAD ((5)(8))\n"
                       "S: <1> OK\n");
    transcript_started(
        t, thread(t, "b", (struct perch_thread_args){.algorithm = "ORDEREDSUBJECT", .seq = true}));
    transcript_play(t, "C: <2> THREAD ORDEREDSUBJECT UTF-8 ALL\n"
                       "S: <2> BAD what\n");
    transcript_expect(t, "event SEARCH op UID THREAD\n"
                         "event SEARCH op UID THREAD\n"
                         "done a ok\n"
                         "2\n"
                         "3\n"
                         " 6\n"
                         "  4\n"
                         "   23\n"
                         "  44\n"
                         "   7\n"
                         "0\n"
                         " 5\n"
                         " 8\n"
                         "done b PERCH_ECRITERIA\n");
    transcript_refused(t, thread(t, "c", (struct perch_thread_args){.algorithm = "REFS"}),
                       PERCH_ECAPABILITY);
    transcript_refused(t, thread(t, "d", (struct perch_thread_args){.algorithm = ""}),
                       PERCH_ECAPABILITY);
}

static void test_THREAD_by_an_advertised_algorithm(void)
{
    transcript_run(NULL, play_thread);
}

PERCH_SUITE("session/order") = {
    PERCH_TEST(test_SORT_keeps_the_order_of_the_server),
    PERCH_TEST(test_ESORT_tells_what_does_not_need_the_order),
    PERCH_TEST(test_display_keys),
    PERCH_TEST(test_text_of_the_criteria_is_a_literal_and_copied),
    PERCH_TEST(test_a_search_waits_for_a_sort),
    PERCH_TEST(test_SORT_that_cannot_be_asked_is_refused),
    PERCH_TEST(test_THREAD_by_an_advertised_algorithm),
    PERCH_END,
};

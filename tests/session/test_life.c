/* A connection from greeting to logout. */
#include "support/perch_test.h"
#include "support/transcript.h"

static void play_noop(struct transcript *t)
{
    transcript_play(t, "S: * OK hi\n");
    transcript_started(t,
                       perch_noop_start(t->s, transcript_done, transcript_token(t, "noop"), NULL));
    transcript_play(t, "C: <1> NOOP\n"
                       "S: <1> OK done\n");
    transcript_expect(t, "state not-authenticated\n"
                         "done noop ok\n");
}

static void test_noop(void)
{
    transcript_run(NULL, play_noop);
}

PERCH_SUITE("session/life") = {
    PERCH_TEST(test_noop),
    PERCH_END,
};

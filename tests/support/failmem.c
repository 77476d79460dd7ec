#include "support/failmem.h"

#include "support/perch_test.h"

#include "perch/error.h"

#include <stdbool.h>

struct failmem {
    unsigned at;   /* the allocation to refuse, counted from 1 */
    unsigned seen; /* so far */
    bool for_good; /* and all behind it */
};

static int failmem_gate(void *user)
{
    struct failmem *f = user;

    f->seen++;
    return f->for_good ? f->seen < f->at : f->seen != f->at;
}

static unsigned failmem_sweep(int (*run)(void *user), void *user, bool for_good)
{
    for (unsigned at = 1;; at++) {
        struct failmem f = {.at = at, .for_good = for_good};
        int ret;

        perch_mem_set_gate(failmem_gate, &f);
        ret = run(user);
        perch_mem_set_gate(NULL, NULL);
        if (f.seen < at) {
            ASSERT_INT(ret, PERCH_OK);
            return at - 1;
        }
        if (ret != PERCH_OK && ret != PERCH_ENOMEM)
            FAIL_ROW("allocation %u refused: %d", at, ret);
    }
}

unsigned perch_failmem(int (*run)(void *user), void *user)
{
    (void)failmem_sweep(run, user, true);
    return failmem_sweep(run, user, false);
}

/* Failing allocations: every place that asks for memory is refused once. */
#ifndef PERCH_FAILMEM_H
#define PERCH_FAILMEM_H

/* Runs `run` with its first allocation refused, then its second, ... until it gets
 * through without one; and all of it again with every later allocation refused too.
 * A run ends in 0, or in PERCH_ENOMEM with nothing left behind (the sanitizers see
 * leaks); anything else fails the test. Returns how many allocations `run` makes. */
unsigned perch_failmem(int (*run)(void *user), void *user);

#endif

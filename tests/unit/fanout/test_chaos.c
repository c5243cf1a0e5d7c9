#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chaos.h"
#include "unit.h"
#include "valgrind.h"

/*
 * Thousands of random lives. A failure names its seed; `test_fanout_chaos SEED` plays it again.
 */

enum { SEEDS = 1500, STEPS = 400 };

static uint64_t first_seed = 1;
static uint64_t seeds;
static char failure[64]; /* what to say should this life fail */

static void say_seed(int signal_number)
{
    (void)signal_number;
    (void)!write(STDERR_FILENO, failure, strlen(failure));
}

static void test_lives(void **state)
{
    struct chaos_totals totals = {0};

    (void)state;
    for (uint64_t seed = first_seed; seed < first_seed + seeds; seed++) {
        struct choices c = {.seed = seed * UINT64_C(0x9e3779b97f4a7c15)};

        (void)snprintf(failure, sizeof(failure), "fan-out failed with seed %llu\n",
                       (unsigned long long)seed);
        chaos_run(&c, STEPS, &totals);
    }
    printf("compared %llu, heard %llu, lags %llu, told of %llu skipped, fatal %llu\n",
           (unsigned long long)totals.compared, (unsigned long long)totals.heard,
           (unsigned long long)totals.lags, (unsigned long long)totals.told,
           (unsigned long long)totals.fatal);
    if (seeds >= portion_of(SEEDS)) {
        /* A test that compares little would find little. */
        assert_true(totals.compared > 100 * seeds);
        assert_true(totals.lags > seeds / 10 && totals.told > seeds && totals.fatal > 0);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lives)};

    seeds = portion_of(SEEDS);
    if (argc > 1) {
        first_seed = strtoull(argv[1], NULL, 10);
        seeds = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    }
    (void)signal(SIGABRT, say_seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

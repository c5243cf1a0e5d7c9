/*
 * The simulator: seeded lives of clients against the real hub and real fan-out.
 *
 *   sim [--seeds FROM-TO] [--events N] [--lossy] [--trace]
 *
 * Each seed is one life: a gateway with 1, 2 or 4 virtual reactors, clients that come, speak,
 * stall and vanish, queues that are late and sockets that take a few bytes at a time. All that
 * anybody hears is compared with a model. A difference prints the seed; `--seeds N-N` replays it.
 * With --lossy some allocations fail; then nothing is compared, but nothing may crash, leak, or
 * stay behind at the end. With --trace all that is said and heard is printed.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults.h"
#include "life.h"

static const char *const event_names[EVENT_COUNT] = {"connect", "send",  "abort", "close",
                                                     "stall",   "room",  "up",    "end-turn",
                                                     "down",    "flush", "tick",  "reload"};

static uint64_t current_seed;

static void on_abort(void)
{
    (void)fflush(stdout);
    fprintf(stderr, "sim: replay with --seeds %llu-%llu\n", (unsigned long long)current_seed,
            (unsigned long long)current_seed);
}

/* "FROM-TO" */
static bool read_range(const char *text, unsigned long long *ret_from, unsigned long long *ret_to)
{
    char *end;

    *ret_from = strtoull(text, &end, 10);
    if (end == text || *end != '-') {
        return false;
    }
    text = end + 1;
    *ret_to = strtoull(text, &end, 10);
    return end != text && *end == '\0';
}

static void report(const struct totals *t, uint64_t lives, uint64_t events)
{
    printf("%llu lives of %llu events; %llu things heard and compared, %llu of them compressed; "
           "%llu times told of %llu skipped broadcasts; %llu clients put out by reloads, %llu with "
           "their tokens\nevents:",
           (unsigned long long)lives, (unsigned long long)events, (unsigned long long)t->checks,
           (unsigned long long)t->packed, (unsigned long long)t->slow,
           (unsigned long long)t->slow_skipped, (unsigned long long)t->put_out,
           (unsigned long long)t->ran_out);
    for (int i = 0; i < EVENT_COUNT; i++) {
        printf(" %s %llu", event_names[i], (unsigned long long)t->events[i]);
    }
    printf("\nrequests: %llu, tried again %llu, answers late %llu, from strangers %llu; ended:",
           (unsigned long long)t->requests, (unsigned long long)t->tried_again,
           (unsigned long long)t->answers_late, (unsigned long long)t->answers_stray);
    for (unsigned i = 0; i < HUB_REQUEST_ENDS; i++) {
        printf(" %s %llu", hub_request_end_name(i), (unsigned long long)t->requests_ended[i]);
    }
    printf("\n");
}

int main(int argc, char **argv)
{
    unsigned long long from = 1;
    unsigned long long to = 100;
    unsigned long long events = 10000;
    bool lossy = false;
    struct totals totals = {0};

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--lossy") == 0) {
            lossy = true;
        } else if (strcmp(argv[i], "--trace") == 0) {
            life_trace = true;
        } else if (i + 1 < argc && strcmp(argv[i], "--events") == 0) {
            events = strtoull(argv[++i], NULL, 10);
        } else if (i + 1 < argc && strcmp(argv[i], "--seeds") == 0 &&
                   read_range(argv[++i], &from, &to)) {
            continue;
        } else {
            fprintf(stderr, "usage: sim [--seeds FROM-TO] [--events N] [--lossy] [--trace]\n");
            return 2;
        }
    }
    fault_on_abort(on_abort);
    for (uint64_t seed = from; seed <= to; seed++) {
        current_seed = seed;
        life_live(seed, events, lossy, &totals);
    }
    report(&totals, to - from + 1, events);
    return 0;
}

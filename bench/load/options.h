#ifndef PARLEY_BENCH_OPTIONS_H
#define PARLEY_BENCH_OPTIONS_H

/* The command line of parley-bench: flags and words are in cli/bench_flags.h. */

#include "load.h"

#include "cli/args.h"

enum { BENCH_MAX_RUNS = 16 };

enum bench_action { BENCH_RUN, BENCH_PLOT, BENCH_PRINT_TEMPLATE };

struct bench_list {
    uint32_t values[BENCH_MAX_RUNS];
    unsigned count;
};

struct bench_options {
    enum bench_action action;
    struct load_options load; /* of the first run; borrows from the arguments and from here */
    struct dialect dialect;   /* owned */
    struct buf token;         /* owned */
    struct bench_list clients;
    struct bench_list sessions;
    uint32_t window;       /* as given; 0 for what is usual */
    uint32_t usual_window; /* of a closed loop; 0: by the clients */
    bool json;
    const char *svg;
};

/*
 * Reads the arguments. Returns whether to go on; if not, *ret_code is what to end with, and a
 * sentence is on stderr, or help on stdout. bench_options_fini is due in any case.
 */
bool bench_options_read(struct bench_options *b, const char *const *arguments,
                        enum cli_exit *ret_code);
void bench_options_fini(struct bench_options *b);

/* How many runs there are: one for each value of a list. */
unsigned bench_run_count(const struct bench_options *b);
/* What one of them does. Returns false, with a sentence on stderr, when it cannot be. */
bool bench_run_options(const struct bench_options *b, unsigned run, struct load_options *ret_load);

#endif

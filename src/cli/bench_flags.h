#ifndef PARLEY_CLI_BENCH_FLAGS_H
#define PARLEY_CLI_BENCH_FLAGS_H

/*
 * What `parley bench` takes. The program itself is parley-bench, which stands beside parley and
 * reads its arguments by these tables; parley knows them for help, completion and the references.
 */

#include "cli/command.h"

/* In the order of bench_flags. */
enum bench_flag {
    BENCH_URL,
    BENCH_TOKEN_FILE,
    BENCH_DIALECT,
    BENCH_TEMPLATE,
    BENCH_PID,
    BENCH_CLIENTS,
    BENCH_SESSIONS,
    BENCH_JOINS,
    BENCH_AGENTS,
    BENCH_WINDOW,
    BENCH_RATE,
    BENCH_SIZE,
    BENCH_SECONDS,
    BENCH_WARMUP,
    BENCH_MESSAGES,
    BENCH_PAUSE,
    BENCH_DEFLATE,
    BENCH_LABEL,
    BENCH_JSON,
    BENCH_SVG,
    BENCH_FLAG_COUNT
};

extern const struct flag bench_flags[];
extern const struct word bench_words[];
extern const char bench_synopsis[], bench_examples[], bench_about[];

#endif

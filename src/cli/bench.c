#include "cli/bench_flags.h"
#include "cli/beside.h"

static enum cli_exit run_bench(struct args *args)
{
    return beside_run("parley-bench", args);
}

const struct command command_bench = {
    .name = "bench",
    .summary = "put a load on a gateway and see what it costs",
    .synopsis = bench_synopsis,
    .examples = bench_examples,
    .about = bench_about,
    .flags = bench_flags,
    .words = bench_words,
    .run = run_bench,
};

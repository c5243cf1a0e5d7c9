#include "cli/beside.h"
#include "cli/bridge_flags.h"

static enum cli_exit run_bridge(struct args *args)
{
    return beside_run("parley-bridge", args);
}

const struct command command_bridge = {
    .name = "bridge",
    .summary = "join chat rooms of Matrix.org to an agent",
    .synopsis = bridge_synopsis,
    .examples = bridge_examples,
    .about = bridge_about,
    .flags = bridge_flags,
    .run = run_bridge,
};

#include "cli/bridge_flags.h"

const struct flag bridge_flags[] = {
    [BRIDGE_CONFIG] = {"--config", "FILE",
                       "read the options from this file; else from the first that is there"},
    [BRIDGE_CHECK] = {"--check", NULL, "say whether all would work, line by line, and end"},
    [BRIDGE_ONCE] = {"--once", NULL, "sync once, answer what has come, and end"},
    [BRIDGE_SET] = {"--set", "KEY=VALUE", "any option; docs/bridge-configuration.md lists them"},
    {0},
};

const char bridge_synopsis[] = "[--config FILE] [--check] [--once] [--set KEY=VALUE]...";

const char bridge_examples[] = "  % bridge --config bridge.yaml --check\n"
                               "  % bridge --config bridge.yaml\n"
                               "  % bridge --config bridge.yaml --set log.level=debug\n";

const char bridge_about[] =
    "Joins rooms of Matrix.org chat to an agent: a person writes in a room, the agent answers\n"
    "there, every message once and in order, whatever is restarted in between. It runs until\n"
    "SIGTERM or SIGINT (^C); SIGHUP has it read its configuration again. Options come from flags\n"
    "(--set), else from the environment (PARLEY_BRIDGE_SECTION__KEY), else from a file (--config,\n"
    "$PARLEY_BRIDGE_CONFIG, ./bridge.yaml, ~/.config/parley/bridge.yaml,\n"
    "/etc/parley/bridge.yaml), else they have their defaults. The program is parley-bridge,\n"
    "beside this one. Exit codes: 69 homeserver or agent away (--check, --once), 77 refused by\n"
    "the homeserver, 78 a wrong setting or a file that is missing.\n";

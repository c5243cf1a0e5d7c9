#include <stdio.h>

#include "cli/args.h"
#include "cli/standard.h"

int main(int argc, char **argv)
{
    if (!standard_hold()) {
        return CLI_FAILED;
    }
    if (argc > 0 && argv[0][0] != '\0') {
        program_path = argv[0];
    }
    if (argc < 2) {
        command_print_overview(stderr);
        return CLI_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "-h") == 0 || strcmp(name, "--help") == 0) {
        name = command_help.name;
    } else if (strcmp(name, "--version") == 0) {
        name = command_version.name;
    }
    const struct command *command = command_find(name);
    if (command == NULL) {
        return CLI_USAGE;
    }
    struct args args = {.command = command, .rest = (const char *const *)(argv + 2)};
    int code = (int)command->run(&args);
    if (code == CLI_OK && (fflush(stdout) != 0 || ferror(stdout))) {
        complain("the answer could not be written to stdout");
        return CLI_FAILED;
    }
    return code;
}

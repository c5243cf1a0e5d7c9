#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "cli/args.h"

/*
 * A program may be started without stdin, stdout or stderr. Then the next files would get their
 * numbers, and what is said would go into a socket. What stands in for them takes and gives
 * nothing, so that writing fails as it should. Returns whether all three are open.
 */
static bool hold_standard_files(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
            open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd) {
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    if (!hold_standard_files()) {
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

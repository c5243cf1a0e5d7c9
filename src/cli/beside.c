#include "cli/beside.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MAX_PATH = PATH_MAX + 64 };

/* Our own directory with this name behind it. Where we are cannot be told: the name alone. */
static void find(const char *name, char ret_path[MAX_PATH])
{
    char own[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", own, sizeof(own));
    while (len > 0 && own[len - 1] != '/') {
        len--;
    }
    (void)snprintf(ret_path, MAX_PATH, "%.*s%s", len > 0 ? (int)len : 0, own, name);
}

/* Whether help is asked for before the end of the flags. */
static bool asks_for_help(const char *const *rest)
{
    for (; *rest != NULL && strcmp(*rest, "--") != 0; rest++) {
        if (strcmp(*rest, "--help") == 0 || strcmp(*rest, "-h") == 0) {
            return true;
        }
    }
    return false;
}

enum cli_exit beside_run(const char *name, struct args *args)
{
    char path[MAX_PATH];
    size_t count = 0;

    if (asks_for_help(args->rest)) {
        command_print_help(args->command);
        return CLI_OK;
    }
    while (args->rest[count] != NULL) {
        count++;
    }
    char **arguments = calloc(count + 2, sizeof(*arguments));
    if (arguments == NULL) {
        complain("there is not enough memory to start %s", name);
        return CLI_FAILED;
    }
    arguments[0] = (char *)(uintptr_t)program_path;
    memcpy(arguments + 1, args->rest, count * sizeof(*arguments));
    find(name, path);
    (void)execv(path, arguments);
    complain("%s cannot be started: %s; it is installed together with this program, and "
             "script/build builds both",
             path, strerror(errno));
    free((void *)arguments);
    return CLI_UNAVAILABLE;
}

#include <unistd.h>

#include "cli/args.h"
#include "cli/secret.h"
#include "crypto/password.h"

enum { MAX_TALK = 1024 };

static enum cli_exit print_hash(struct str password)
{
    struct buf hash;

    if (!password_valid(password)) {
        complain("a password is UTF-8 text without control characters");
        return CLI_FAILED;
    }
    buf_init(&hash, PASSWORD_ENCODED_MAX);
    bool ok = password_hash(password, &hash);
    if (ok) {
        (void)printf("%.*s\n", STR_ARG(buf_str(&hash)));
    } else {
        complain("the password could not be hashed; that takes 64 MiB of memory");
    }
    buf_fini(&hash);
    if (ok && isatty(STDOUT_FILENO)) {
        (void)fprintf(stderr, "\nThis goes into the gateway's configuration, auth.password_hash. "
                              "Nobody can come in by it alone.\n");
    }
    return ok ? CLI_OK : CLI_FAILED;
}

static enum cli_exit hash_password(void)
{
    struct secret password;
    struct buf error;

    buf_init(&error, MAX_TALK);
    bool ok = secret_read(&password, STDIN_FILENO, "Password", true, &error);
    enum cli_exit code = CLI_FAILED;
    if (ok) {
        code = print_hash(secret_str(&password));
        secret_wipe(&password);
    } else {
        complain("no password: %.*s", STR_ARG(buf_str(&error)));
    }
    buf_fini(&error);
    return code;
}

static enum cli_exit run_password(struct args *args)
{
    const char *value;
    bool asked = false;
    int taken;

    while ((taken = args_next(args, &value)) != ARGS_END) {
        if (taken != ARGS_OPERAND) {
            return args_exit(taken);
        }
        if (asked && strcmp(value, "-") == 0) {
            continue; /* standard input, where it reads in any case */
        }
        if (asked || strcmp(value, "hash") != 0) {
            /* It may be the password itself, so it is not repeated. */
            complain("password does one thing: %s password hash, with the password on standard "
                     "input",
                     program_path);
            return CLI_USAGE;
        }
        asked = true;
    }
    if (!asked) {
        complain("say what to do: %s password hash", program_path);
        return CLI_USAGE;
    }
    return hash_password();
}

static const struct flag flags[] = {{0}};

static const struct word words[] = {{"hash", "what stands for a password in the configuration"},
                                    {0}};

const struct command command_password = {
    .name = "password",
    .summary = "make the hash of a password",
    .synopsis = "hash",
    .examples = "  % password hash\n"
                "  % password hash < password.txt\n",
    .about =
        "Reads a password from standard input, or asks for it twice on a terminal, and prints\n"
        "its argon2id hash for the gateway's configuration (auth.password_hash).\n",
    .words = words,
    .flags = flags,
    .run = run_password,
};

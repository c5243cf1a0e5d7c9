#include <stdio.h>

#include "cli/command.h"

/*
 * A program of the build, which is not installed: it writes what the table of commands says as the
 * sources of manual pages (for scdoc) and as docs/commands.md. parley-bridge(8) is one command's,
 * and goes on with a text that is written by hand.
 */

static const struct {
    enum cli_exit code;
    const char *meaning;
} exits[] = {
    {CLI_OK, "all went well"},
    {CLI_FAILED, "it failed, or something was refused or found to be wrong"},
    {CLI_USAGE, "the command line is wrong"},
    {CLI_UNAVAILABLE,
     "no gateway is there, or it has gone; or nobody who can do what was asked for"},
    {CLI_TRY_AGAIN, "the gateway is busy, full or stopping; try again"},
    {CLI_PROTOCOL, "the other side is no gateway, or not one that is understood"},
    {CLI_REFUSED, "the gateway refuses: no credential, a wrong one, or one that may not do this"},
    {CLI_CONFIG, "a setting is wrong, or the port is taken"},
    {CLI_INTERRUPTED, "`call` was interrupted (Ctrl-C)"},
};

static const struct {
    const char *name;
    const char *meaning;
} variables[] = {
    {"PARLEY_URL", "the gateway that commands ask; see `--url`"},
    {"PARLEY_TOKEN", "the credential that they give it; see `--token-file`"},
    {"SSL_CERT_FILE",
     "whom commands believe in when they ask a gateway by TLS, in PEM, in place of those that the "
     "machine does; `SSL_CERT_DIR` too"},
    {"PARLEY_CONFIG", "the file of options of `parley serve`; see `--config`"},
    {"PARLEY_SECTION__KEY", "an option of `parley serve`: `PARLEY_LISTEN__PORT` is listen.port"},
    {"PARLEY_BRIDGE_CONFIG", "the file of options of `parley bridge`; see `--config`"},
    {"PARLEY_BRIDGE_SECTION__KEY",
     "an option of `parley bridge`: `PARLEY_BRIDGE_MATRIX__SERVER` is matrix.server"},
    {"NO_COLOR", "when it is set, nothing is in colour"},
};

static const char client_text[] =
    "Commands that ask a gateway find it by --url, else by the variable PARLEY_URL, else at\n"
    "http://127.0.0.1:8765. With https:// or wss:// they want a certificate that this machine "
    "believes\n"
    "and that is for the name or the address; SSL_CERT_FILE names another file of authorities, or "
    "the\n"
    "certificate itself where that is signed by nobody else. A credential is the first line of the "
    "file that --token-file names (-\n"
    "is standard input), else the variable PARLEY_TOKEN. It is never the value of a flag, which\n"
    "everybody on the machine could read. Data goes to standard output, talk to standard error.\n"
    "Tables are in colour on a terminal only, and not when NO_COLOR is set; with --json there is\n"
    "one JSON object on a line.\n";

/* Prints text with a backslash before each of these characters. */
static void print_escaped(const char *text, const char *specials)
{
    for (; *text != '\0'; text++) {
        if (strchr(specials, *text) != NULL) {
            (void)putchar('\\');
        }
        (void)putchar(*text);
    }
}

/* --- Markdown --------------------------------------------------------------------------------- */

static void markdown_row(const char *left, const char *value, const char *right)
{
    (void)printf("| `");
    print_escaped(left, "|");
    if (value != NULL) {
        (void)putchar(' ');
        print_escaped(value, "|");
    }
    (void)printf("` | ");
    print_escaped(right, "|*_<");
    (void)printf(" |\n");
}

static void markdown_command(const struct command *command)
{
    (void)printf("\n## parley %s\n\n```sh\n", command->name);
    command_print_examples(command);
    (void)printf("```\n\n`parley %s%s%s`\n\n", command->name,
                 command->synopsis[0] != '\0' ? " " : "", command->synopsis);
    print_escaped(command->about, "*_<");
    if (command->words != NULL) {
        (void)printf("\n| | |\n|---|---|\n");
        for (const struct word *word = command->words; word->name != NULL; word++) {
            markdown_row(word->name, NULL, word->help);
        }
    }
    if (command->flags[0].name != NULL) {
        (void)printf("\n| Flag | |\n|---|---|\n");
        for (const struct flag *flag = command->flags; flag->name != NULL; flag++) {
            markdown_row(flag->name, flag->value, flag->help);
        }
    }
}

static void print_markdown(void)
{
    (void)printf("<!-- Made of the program's table of commands (src/cli) by commands-reference; "
                 "do not edit. -->\n\n"
                 "# Commands\n\n%s\n"
                 "| Exit code | |\n|---|---|\n",
                 client_text);
    for (size_t i = 0; i < sizeof(exits) / sizeof(exits[0]); i++) {
        (void)printf("| %d | %s |\n", (int)exits[i].code, exits[i].meaning);
    }
    for (size_t i = 0; command_table[i] != NULL; i++) {
        markdown_command(command_table[i]);
    }
}

/* --- the manual page, in scdoc(5) ------------------------------------------------------------- */

/* What scdoc gives a meaning to. */
static const char scdoc_specials[] = "\\_*[]|<>#~";

/* Prints text, and what stands between backquotes in bold. */
static void print_scdoc(const char *text)
{
    for (; *text != '\0'; text++) {
        if (strchr(scdoc_specials, *text) != NULL) {
            (void)putchar('\\');
        }
        (void)putchar(*text == '`' ? '*' : *text);
    }
}

static void manual_item(const char *name, const char *value, const char *help)
{
    (void)printf("\n*");
    print_scdoc(name);
    (void)printf("*");
    if (value != NULL) {
        (void)putchar(' ');
        print_scdoc(value);
    }
    (void)printf("\n\t");
    print_scdoc(help);
    (void)printf("\n");
}

static void manual_command(const struct command *command)
{
    (void)printf("\n## parley %s\n\n```\n", command->name);
    command_print_examples(command);
    (void)printf("```\n\n*parley %s* ", command->name);
    print_scdoc(command->synopsis);
    (void)printf("\n\n");
    print_scdoc(command->about);
    for (const struct word *word = command->words; word != NULL && word->name != NULL; word++) {
        manual_item(word->name, NULL, word->help);
    }
    for (const struct flag *flag = command->flags; flag->name != NULL; flag++) {
        manual_item(flag->name, flag->value, flag->help);
    }
}

static void print_manual(void)
{
    (void)printf(
        "parley(1)\n\n"
        "# NAME\n\nparley - a gateway where agents, browsers and bots meet\n\n"
        "# SYNOPSIS\n\n*parley* COMMAND ...\n\n"
        "# DESCRIPTION\n\n"
        "*parley serve* runs a gateway; the other commands watch it, talk through it, run it, or\n"
        "make what it needs. Options of the gateway are in *parley.yaml*(5). *parley help* "
        "COMMAND\n"
        "prints what stands here about one of them.\n\n");
    print_scdoc(client_text);
    (void)printf("\n# COMMANDS\n");
    for (size_t i = 0; command_table[i] != NULL; i++) {
        manual_command(command_table[i]);
    }
    (void)printf("\n# EXIT STATUS\n");
    for (size_t i = 0; i < sizeof(exits) / sizeof(exits[0]); i++) {
        char code[16];
        (void)snprintf(code, sizeof(code), "%d", (int)exits[i].code);
        manual_item(code, NULL, exits[i].meaning);
    }
    (void)printf("\n# ENVIRONMENT\n");
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
        manual_item(variables[i].name, NULL, variables[i].meaning);
    }
    (void)printf("\n# SEE ALSO\n\n*parley.yaml*(5), *parley-bridge*(8), *parley-bridge.yaml*(5)\n");
}

static bool print_file(const char *path)
{
    FILE *file = fopen(path, "r");

    if (file == NULL) {
        return false;
    }
    for (int c = getc(file); c != EOF; c = getc(file)) {
        (void)putchar(c);
    }
    bool is_whole = ferror(file) == 0;
    return fclose(file) == 0 && is_whole;
}

static bool print_bridge_manual(const char *rest)
{
    (void)printf("parley-bridge(8)\n\n"
                 "# NAME\n\nparley-bridge - %s\n\n"
                 "# SYNOPSIS\n\n*parley bridge* ",
                 command_bridge.summary);
    print_scdoc(command_bridge.synopsis);
    (void)printf("++\n*parley-bridge* ");
    print_scdoc(command_bridge.synopsis);
    (void)printf("\n\n# DESCRIPTION\n\n");
    print_scdoc(command_bridge.about);
    (void)printf("\n# OPTIONS\n");
    for (const struct flag *flag = command_bridge.flags; flag->name != NULL; flag++) {
        manual_item(flag->name, flag->value, flag->help);
    }
    (void)putchar('\n');
    return print_file(rest);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "markdown") == 0) {
        print_markdown();
    } else if (argc == 2 && strcmp(argv[1], "manual") == 0) {
        print_manual();
    } else if (argc == 3 && strcmp(argv[1], "bridge-manual") == 0) {
        if (!print_bridge_manual(argv[2])) {
            (void)fprintf(stderr, "%s cannot be read\n", argv[2]);
            return CLI_FAILED;
        }
    } else {
        (void)fprintf(stderr, "usage: commands-reference markdown|manual|bridge-manual REST\n");
        return CLI_USAGE;
    }
    return fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
}

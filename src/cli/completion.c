#include <stdio.h>

#include "cli/args.h"

/*
 * Scripts that complete the words of a command line, for three shells; each is written out from the
 * table of commands, so that it knows what this program knows.
 */

static const struct flag no_flags[] = {{0}};

static const struct word words[] = {
    {"bash", "for ~/.bashrc: source <(parley completion bash)"},
    {"zsh", "for a file _parley in a directory of fpath"},
    {"fish", "for ~/.config/fish/completions/parley.fish"},
    {0},
};

enum { BASH, ZSH, FISH };

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

/* Prints text for the inside of single quotes, after such escaping. */
static void print_quoted(const char *text, const char *specials)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            (void)fputs("'\\''", stdout);
        } else {
            const char one[] = {*text, '\0'};
            print_escaped(one, specials);
        }
    }
}

static bool takes_file(const struct flag *flag)
{
    return flag->value != NULL &&
           (strcmp(flag->value, "FILE") == 0 || strcmp(flag->value, "PATH") == 0);
}

/* "world|gateway": one of these. */
static bool takes_choice(const struct flag *flag)
{
    return flag->value != NULL && strchr(flag->value, '|') != NULL;
}

static void print_choices(const struct flag *flag)
{
    for (const char *at = flag->value; *at != '\0'; at++) {
        (void)putchar(*at == '|' ? ' ' : *at);
    }
}

/* The i-th word that can be the first operand of a command; false behind the last. */
static bool word_of(const struct command *command, size_t i, struct word *ret_word)
{
    if (command == &command_help) {
        if (command_table[i] == NULL) {
            return false;
        }
        *ret_word = (struct word){command_table[i]->name, command_table[i]->summary};
        return true;
    }
    if (command->words == NULL || command->words[i].name == NULL) {
        return false;
    }
    *ret_word = command->words[i];
    return true;
}

/* --- bash ------------------------------------------------------------------------------------- */

static void print_bash_command(const struct command *command)
{
    struct word word;

    (void)printf("    %s)\n        case $prev in\n", command->name);
    for (const struct flag *flag = command->flags; flag->name != NULL; flag++) {
        if (flag->value == NULL) {
            continue;
        }
        (void)printf("        %s)", flag->name);
        if (takes_file(flag)) {
            (void)printf(" COMPREPLY=($(compgen -f -- \"$cur\"));");
        } else if (takes_choice(flag)) {
            (void)printf(" COMPREPLY=($(compgen -W '");
            print_choices(flag);
            (void)printf("' -- \"$cur\"));");
        }
        (void)printf(" return ;;\n");
    }
    (void)printf("        esac\n        flags='--help");
    for (const struct flag *flag = command->flags; flag->name != NULL; flag++) {
        (void)printf(" %s", flag->name);
    }
    (void)printf("'\n        words='");
    for (size_t i = 0; word_of(command, i, &word); i++) {
        (void)printf("%s%s", i > 0 ? " " : "", word.name);
    }
    (void)printf("' ;;\n");
}

static void print_bash(void)
{
    (void)printf("# Completion of parley for bash, made by `parley completion bash`.\n"
                 "_parley()\n"
                 "{\n"
                 "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
                 "    local flags= words=\n"
                 "    COMPREPLY=()\n"
                 "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
                 "        flags='--help --version'\n"
                 "        words='");
    for (size_t i = 0; command_table[i] != NULL; i++) {
        (void)printf("%s%s", i > 0 ? " " : "", command_table[i]->name);
    }
    (void)printf("'\n    else\n    case ${COMP_WORDS[1]} in\n");
    for (size_t i = 0; command_table[i] != NULL; i++) {
        print_bash_command(command_table[i]);
    }
    (void)printf("    esac\n"
                 "    fi\n"
                 "    case $cur in\n"
                 "    -*) words=$flags ;;\n"
                 "    *) [ -n \"$words\" ] || words=$flags ;;\n"
                 "    esac\n"
                 "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
                 "}\n"
                 "complete -F _parley parley\n");
}

/* --- zsh -------------------------------------------------------------------------------------- */

/* '--name[help]:VALUE:action' */
static void print_zsh_flag(const struct flag *flag)
{
    (void)printf(" \\\n            '%s[", flag->name);
    print_quoted(flag->help, "[]:\\");
    (void)printf("]");
    if (flag->value != NULL) {
        (void)printf(":");
        print_quoted(flag->value, ":\\");
        (void)printf(":");
        if (takes_file(flag)) {
            (void)printf("_files");
        } else if (takes_choice(flag)) {
            (void)printf("(");
            print_choices(flag);
            (void)printf(")");
        }
    }
    (void)printf("'");
}

static void print_zsh_command(const struct command *command)
{
    struct word word;

    (void)printf("    %s)\n        _arguments '--help[what %s does]'", command->name,
                 command->name);
    for (const struct flag *flag = command->flags; flag->name != NULL; flag++) {
        print_zsh_flag(flag);
    }
    for (size_t i = 0; word_of(command, i, &word); i++) {
        (void)printf("%s%s", i == 0 ? " \\\n            '1:what:(" : " ", word.name);
    }
    (void)printf("%s ;;\n", word_of(command, 0, &word) ? ")'" : "");
}

static void print_zsh(void)
{
    (void)printf("#compdef parley\n"
                 "# Completion of parley for zsh, made by `parley completion zsh`.\n"
                 "_parley()\n"
                 "{\n"
                 "    local -a commands\n"
                 "    if (( CURRENT == 2 )); then\n"
                 "        commands=(\n");
    for (size_t i = 0; command_table[i] != NULL; i++) {
        (void)printf("            '%s:", command_table[i]->name);
        print_quoted(command_table[i]->summary, ":\\");
        (void)printf("'\n");
    }
    (void)printf("        )\n"
                 "        _describe -t commands command commands\n"
                 "        return\n"
                 "    fi\n"
                 "    shift words\n"
                 "    (( CURRENT-- ))\n"
                 "    case $words[1] in\n");
    for (size_t i = 0; command_table[i] != NULL; i++) {
        print_zsh_command(command_table[i]);
    }
    (void)printf("    esac\n"
                 "}\n"
                 "if [ \"$funcstack[1]\" = _parley ]; then\n"
                 "    _parley \"$@\"\n"
                 "else\n"
                 "    compdef _parley parley\n"
                 "fi\n");
}

/* --- fish ------------------------------------------------------------------------------------- */

static void print_fish_line(const char *command, const char *what, const char *help)
{
    (void)printf("complete -c parley -n '__fish_seen_subcommand_from %s' %s -d '", command, what);
    print_escaped(help, "'\\");
    (void)printf("'\n");
}

static void print_fish_command(const struct command *command)
{
    struct word word;
    char what[256];

    (void)printf("complete -c parley -n __fish_use_subcommand -a %s -d '", command->name);
    print_escaped(command->summary, "'\\");
    (void)printf("'\n");
    for (size_t i = 0; word_of(command, i, &word); i++) {
        (void)snprintf(what, sizeof(what), "-a %s", word.name);
        print_fish_line(command->name, what, word.help);
    }
    for (const struct flag *flag = command->flags; flag->name != NULL; flag++) {
        (void)snprintf(what, sizeof(what), "-l %s%s", flag->name + 2,
                       flag->value == NULL ? ""
                       : takes_file(flag)  ? " -r -F"
                                           : " -x");
        if (takes_choice(flag)) {
            size_t len = strlen(what);
            (void)snprintf(what + len, sizeof(what) - len, " -a '%s'", flag->value);
            for (char *bar = what + len; (bar = strchr(bar, '|')) != NULL;) {
                *bar = ' ';
            }
        }
        print_fish_line(command->name, what, flag->help);
    }
    print_fish_line(command->name, "-l help", "what this command does");
}

static void print_fish(void)
{
    (void)printf("# Completion of parley for fish, made by `parley completion fish`.\n"
                 "complete -c parley -f\n");
    for (size_t i = 0; command_table[i] != NULL; i++) {
        print_fish_command(command_table[i]);
    }
}

/* --- the command ------------------------------------------------------------------------------ */

static enum cli_exit run_completion(struct args *args)
{
    static void (*const scripts[])(void) = {
        [BASH] = print_bash, [ZSH] = print_zsh, [FISH] = print_fish};
    const char *shell = NULL;
    enum cli_exit code;

    if (!args_read(args, NULL, &shell, 1, &code)) {
        return code;
    }
    int which = args_word(args->command, shell);
    if (which < 0) {
        return CLI_USAGE;
    }
    scripts[which]();
    return CLI_OK;
}

const struct command command_completion = {
    .name = "completion",
    .summary = "let a shell complete what you type",
    .synopsis = "SHELL",
    .examples = "  source <(% completion bash)\n"
                "  % completion zsh > ~/.zfunc/_parley\n"
                "  % completion fish > ~/.config/fish/completions/parley.fish\n",
    .about = "Prints a script for a shell, by which it completes commands, their flags and what\n"
             "these take.\n",
    .flags = no_flags,
    .words = words,
    .run = run_completion,
};

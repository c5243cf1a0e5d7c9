#include "cli/command.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/printable.h"

enum { MAX_SENTENCE = 4096 };

const char *program_path = "parley";

void complain(const char *format, ...)
{
    struct buf sentence, line;
    va_list args;
    char text[MAX_SENTENCE];

    va_start(args, format);
    int len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    buf_init(&sentence, MAX_SENTENCE * 4);
    buf_init(&line, MAX_SENTENCE * 4);
    printable_append(&sentence, str_make(text, strnlen(text, len < 0 ? 0 : sizeof(text))));
    buf_printf(&line, "parley: %.*s\n", STR_ARG(buf_str(&sentence)));
    (void)fwrite(line.data, 1, line.len, stderr);
    buf_fini(&line);
    buf_fini(&sentence);
}

/* The examples of a command have % where the path of the program goes. */
void command_print_examples(const struct command *command)
{
    for (const char *at = command->examples; *at != '\0'; at++) {
        if (at[0] == '%') {
            (void)fputs(program_path, stdout);
        } else {
            (void)putchar(*at);
        }
    }
}

enum { NARROWEST = 12, WIDEST = 32 };

/* "--port N" */
static int flag_text(const struct flag *flag, char *out, size_t cap)
{
    return snprintf(out, cap, "%s%s%s", flag->name, flag->value != NULL ? " " : "",
                    flag->value != NULL ? flag->value : "");
}

static void print_flags(const struct command *command)
{
    char left[64];
    int width = NARROWEST;

    for (const struct flag *flag = command->flags; flag->name != NULL; flag++) {
        int len = flag_text(flag, left, sizeof(left));
        if (len > width) {
            width = len < WIDEST ? len : WIDEST;
        }
    }
    for (const struct flag *flag = command->flags; flag->name != NULL; flag++) {
        (void)flag_text(flag, left, sizeof(left));
        (void)printf("  %-*s  %s\n", width, left, flag->help);
    }
}

void command_print_help(const struct command *command)
{
    (void)printf("examples:\n");
    command_print_examples(command);
    (void)printf("\nusage: %s %s %s\n\n%s", program_path, command->name, command->synopsis,
                 command->about);
    if (command->words != NULL) {
        (void)printf("\n%s:\n", command->name);
        for (const struct word *word = command->words; word->name != NULL; word++) {
            (void)printf("  %-*s  %s\n", NARROWEST, word->name, word->help);
        }
    }
    if (command->flags[0].name != NULL) {
        (void)printf("\nflags:\n");
        print_flags(command);
    }
}

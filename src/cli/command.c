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
static void print_examples(const char *examples)
{
    for (const char *at = examples; *at != '\0'; at++) {
        if (at[0] == '%') {
            (void)fputs(program_path, stdout);
        } else {
            (void)putchar(*at);
        }
    }
}

void command_print_help(const struct command *command)
{
    (void)printf("examples:\n");
    print_examples(command->examples);
    (void)printf("\nusage: %s %s %s\n\n%s", program_path, command->name, command->synopsis,
                 command->about);
    if (command->flags[0].name != NULL) {
        (void)printf("\nflags:\n");
    }
    for (const struct flag *flag = command->flags; flag->name != NULL; flag++) {
        char left[64];
        (void)snprintf(left, sizeof(left), "%s %s", flag->name,
                       flag->value != NULL ? flag->value : "");
        (void)printf("  %-22s %s\n", left, flag->help);
    }
}

#ifndef PARLEY_CLI_COMMAND_H
#define PARLEY_CLI_COMMAND_H

/*
 * A command of the program: what it is called, what it takes, what it does. The table of commands
 * is in commands.c; help, the parsing of arguments, completion, the manual page and the reference
 * come from these structs. Data goes to stdout, talk to stderr.
 */

#include <stdio.h>

#include "base/buf.h"

/* Exit codes; those from 69 on are of sysexits.h. */
enum cli_exit {
    CLI_OK = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
    CLI_UNAVAILABLE = 69, /* no gateway, or it has gone; nobody who can do what is asked for */
    CLI_TRY_AGAIN = 75,   /* too slow, too full, stopping */
    CLI_PROTOCOL = 76,    /* the other side is no gateway, or not one that we understand */
    CLI_REFUSED = 77,
    CLI_CONFIG = 78,       /* a wrong setting, or the port is taken */
    CLI_INTERRUPTED = 130, /* by SIGINT: 128 and the number of the signal */
};

struct flag {
    const char *name;  /* "--port" */
    const char *value; /* what it takes, as help says it: "N", "a|b"; NULL for nothing */
    const char *help;
};

/* One of the things that a command can do, or can be asked about: its first operand. */
struct word {
    const char *name; /* "check" */
    const char *help; /* a few words */
};

struct args;

struct command {
    const char *name;
    const char *summary;      /* a few words */
    const char *synopsis;     /* what stands behind the name: "[--to ID] TYPE [JSON]" */
    const char *examples;     /* whole lines, indented */
    const char *about;        /* whole lines: more that one has to know; "" for nothing */
    const struct flag *flags; /* ended by one without a name */
    const struct word *words; /* ended by one without a name; NULL: the first operand is free */
    enum cli_exit (*run)(struct args *args);
};

/* All of them, in the order of help; ends in NULL. */
extern const struct command *const command_table[];

extern const struct command command_serve, command_bridge, command_status, command_agents,
    command_clients, command_sessions, command_tail, command_send, command_call, command_agent,
    command_explain, command_kick, command_drain, command_ticket, command_token, command_password,
    command_jwt, command_config, command_doctor, command_bench, command_protocol,
    command_completion, command_help, command_version;

/* The command of this name, or NULL: then a sentence with the nearest one is on stderr. */
const struct command *command_find(const char *name);

/* The path that the program was started with: what a person can type to start it again. */
extern const char *program_path;

/* What there is. */
void command_print_overview(FILE *out);
/* The examples of a command, whole lines, to stdout. */
void command_print_examples(const struct command *command);
/* Help on one command, to stdout. */
void command_print_help(const struct command *command);

/* A sentence for stderr, in the name of the program; escapes what cannot be printed. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A warning for each of whole lines. */
void complain_lines(struct str lines);

#endif

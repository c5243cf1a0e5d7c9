#ifndef PARLEY_CLI_API_H
#define PARLEY_CLI_API_H

/* Asking a gateway by its HTTP API, and showing what it knows. */

#include <time.h>

#include "cli/address.h"
#include "json/writer.h"

enum { API_MAX_ANSWER = 64 * 1024 * 1024 };

/*
 * Asks the gateway that the flags mean for `path`: GET, or with a JSON text to send along, POST.
 * CLI_OK: `answer`, an empty buffer, is the JSON object that it answered with success. Else a
 * sentence is on stderr.
 */
enum cli_exit api_ask(const struct address_flags *flags, struct str path, struct str json,
                      struct buf *answer);

/* A member of a question, unless the flag that says it was not given (NULL). */
void api_write_text(struct json_writer *w, struct str key, const char *text);

/* Prints text, or says that stdout takes none. */
enum cli_exit api_print(const struct buf *out);
/* Prints raw JSON on a line of its own, with what a terminal would act upon escaped for one. */
enum cli_exit api_print_json(struct str raw);

/* A list that the gateway answers with, and how its table looks. */
struct listing {
    const char *member;        /* of the answer: "agents" */
    const char *nothing;       /* what an empty list says: "no agents" */
    const char *const *titles; /* NULL-terminated */
    void (*row)(struct buf *rows, struct str element, time_t now); /* all cells of a row */
};

/* Appends the table, or what stands for an empty one, and how many did not fit into the answer. */
void listing_append(struct buf *out, const struct listing *listing, struct str answer);
/*
 * Asks for `path`, page after page (the member `next` of an answer is the parameter `after` of the
 * next question), and prints the list: a table, or with `json` one object a line.
 */
enum cli_exit listing_show(const struct listing *listing, const struct address_flags *flags,
                           struct str path, bool json);

#endif

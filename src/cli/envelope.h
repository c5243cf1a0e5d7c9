#ifndef PARLEY_CLI_ENVELOPE_H
#define PARLEY_CLI_ENVELOPE_H

/*
 * The gateway dialect, as commands speak it: every message is an envelope
 * {type, id, sessionId?, payload, timestamp, replyTo?}.
 */

#include "cli/command.h"
#include "json/writer.h"

enum { ENVELOPE_MAX_ID = 256 }; /* of a request */

/* A message that came; all raw, empty where there is nothing. Borrows from its text. */
struct envelope {
    struct str text;
    struct str type; /* a string */
    struct str id;
    struct str session;
    struct str reply_to;
    struct str payload;
};

/* Returns false when the text is no message of this dialect. */
bool envelope_read(struct str text, struct envelope *ret_envelope);
/* Whether it is of this type; whether it answers the message of this id. */
bool envelope_is(const struct envelope *e, struct str type);
bool envelope_answers(const struct envelope *e, struct str id);

/* Begins a message in `out`; the caller writes members of its payload; then its end. */
void envelope_open(struct json_writer *w, struct buf *out, const char *type, struct str id);
/* A whole one: `session` and `target` may be empty, `payload` is raw. */
void envelope_write(struct buf *out, struct str type, struct str id, struct str session,
                    struct str target, struct str payload);
/* `reply_to`: a raw string, or empty. */
void envelope_close(struct json_writer *w, struct str reply_to);
/* The same for one client or agent alone; `target` is its id, or empty. */
void envelope_close_to(struct json_writer *w, struct str target, struct str reply_to);

/*
 * The exit code for an error {code, message, details}, and what it says, with the next step:
 * "NO_AGENT: nobody can do that". Both take a raw value that may be anything.
 */
enum cli_exit envelope_error_exit(struct str error);
void envelope_append_error(struct buf *out, struct str error);

#endif

#ifndef PARLEY_CLI_PRINT_H
#define PARLEY_CLI_PRINT_H

/*
 * What people see: messages on one line each, times, durations. Whatever others have sent is
 * escaped before it reaches a terminal.
 */

#include <time.h>

#include "base/buf.h"

/* Whether a stream is a terminal that is to be coloured (NO_COLOR is not set, TERM not dumb). */
bool print_in_colour(int fd);

/* Appends "10:14:02", local time. */
void print_clock(struct buf *out, time_t now);
/* Appends "4s", "3m 12s", "5h 2m", "9d 3h". */
void print_duration(struct buf *out, uint64_t seconds);

/*
 * Appends when something began, local time: "10:14:02" when that is less than a day ago, else
 * "2026-11-28".
 */
void print_since(struct buf *out, time_t since, time_t now);

/* A raw JSON number without its fraction; 0 for anything else. */
uint64_t print_whole(struct str raw);

/* A raw JSON string as text, or any other JSON without its white space; escaped for people. */
void print_value(struct buf *out, struct str raw);

/* What an error {code, message, details} says: "FORBIDDEN: no such grant (grant:publish)". */
void print_refusal(struct buf *out, struct str error);
/*
 * The same for an error about a message that was sent. It leaves to its details which member is
 * wrong: "... (data.types: expected an array, found the number 7)".
 */
void print_message_refusal(struct buf *out, struct str error);

/*
 * A message as people want to see it, without the line's end: one of a world, one of the gateway
 * dialect.
 */
void print_world_message(struct buf *out, struct str message, time_t now, bool colour);
void print_envelope(struct buf *out, struct str message, time_t now, bool colour);
/* Whom an envelope is from, or about: a raw string, or empty. Borrowed from it. */
struct str print_envelope_source(struct str message, struct str payload);
/*
 * The same as the JSON that it is, on one line. With `terminal`, what a terminal would act upon is
 * written as \u escapes, which mean the same.
 */
void print_raw_message(struct buf *out, struct str message, bool terminal);

#endif

#ifndef PARLEY_CLI_LOG_H
#define PARLEY_CLI_LOG_H

/*
 * Log lines on stderr: key=value pairs, or JSON objects, one a line, written in one piece so that
 * threads do not tear each other's. Each has a stable event id. No value is trusted: what is not
 * plain is quoted and escaped. Nobody gives this module a credential. The hub writes here, so a
 * reader of the log that has stopped must not stop it: lines that find no room are lost, and
 * counted in the next one that does (`lost_lines`). And a peer must not fill the disk: an event
 * that comes too often is left out, and counted in its next line (`left_out`); only not on level
 * debug, where who asks for it wants all of it.
 */

#include "base/buf.h"
#include "cli/log_limit.h"

/* Of a line; the words of log.level, and the values of the hub's enum log_level. */
enum { LEVEL_DEBUG, LEVEL_INFO, LEVEL_WARNING, LEVEL_ERROR };

enum log_style {
    LOG_AS_TEXT,
    LOG_AS_JSON,
    LOG_FOR_PEOPLE, /* on a terminal: what is wrong, and nothing else */
};

struct log_sink {
    int fd;
    enum log_style style;
    unsigned level; /* the least that is written */
    uint64_t lost;  /* lines since the last one that was written */
    struct log_limit limit;
};

/*
 * Writes a line. `event` is a literal: docs/operation.md has them all. `client` is the id it is
 * about, or empty. `details` is "key=value key=value", as log_add makes it: a value is bare,
 * without spaces, or a JSON string.
 */
void log_write(struct log_sink *sink, unsigned level, const char *event, struct str client,
               struct str details);

/* Appends a pair to details, with a space between pairs. */
void log_add(struct buf *details, const char *key, struct str value);
void log_add_uint(struct buf *details, const char *key, uint64_t value);

#endif

#ifndef PARLEY_REST_BODY_H
#define PARLEY_REST_BODY_H

/*
 * The JSON bodies of requests, read by a table: which members there are, of which kind, how long.
 * What the table does not have is refused, with the path of the member; so a misspelt grant is an
 * error and not a grant that is missing.
 */

#include "rest/call.h"

enum { BODY_MEMBERS = 8, BODY_SESSION_SIZE = 6 + CALL_MAX_PARAMETER }; /* of one table, at most */

enum body_kind {
    BODY_TEXT,     /* a string of 1 to `max` bytes without control characters */
    BODY_COUNT,    /* a whole number from 1 to `max` */
    BODY_FLAG,     /* true or false */
    BODY_OBJECT,   /* an object, kept as it stands */
    BODY_PATTERNS, /* an array of patterns, or a string with '|' between them: see base/grants.h */
};

struct body_member {
    struct str name;
    uint8_t kind; /* enum body_kind */
    bool required;
    uint32_t max; /* of BODY_TEXT and BODY_COUNT */
};

struct body_value {
    bool given;
    bool flag;
    uint64_t number;
    struct str text; /* unescaped; of BODY_OBJECT raw; of BODY_PATTERNS with '|' between them */
};

/*
 * Reads the body of a call; an empty one is an object without members. `ret_values` has a place for
 * each of the `count` members (at most BODY_MEMBERS); `texts` is an empty buffer, into which they
 * point. Returns false when the call has been refused.
 */
bool body_read(struct call *call, const struct body_member *members, size_t count,
               struct body_value *ret_values, struct buf *texts);

/* The session of a world of this name, of at most CALL_MAX_PARAMETER bytes: "world:NAME". */
struct str body_session_of_world(struct str world, char buffer[BODY_SESSION_SIZE]);

#endif

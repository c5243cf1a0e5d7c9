#ifndef PARLEY_BASE_ERROR_H
#define PARLEY_BASE_ERROR_H

/*
 * The error codes that clients can meet, and what is known of each. The codes, their texts and
 * their HTTP statuses come from schema/errors.toml.
 */

#include "errors.gen.h"

struct error_info {
    const char *code;  /* as on the wire: "PARSE_ERROR"; never NULL */
    int http_status;   /* of an HTTP answer with this code */
    const char *cause; /* a sentence for the error reference */
    const char *fix;   /* a sentence that says what to do */
};

extern const struct error_info error_table[ERROR_COUNT];

#endif

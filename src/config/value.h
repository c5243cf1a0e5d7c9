#ifndef PARLEY_CONFIG_VALUE_H
#define PARLEY_CONFIG_VALUE_H

/* Reading the value of an option from text. */

#include "config/options.h"

enum value_status {
    VALUE_OK,
    VALUE_WRONG,   /* not of the option's kind */
    VALUE_NO_UNIT, /* a duration without a unit */
    VALUE_RANGE,   /* of the kind, but out of its range */
};

/*
 * Reads `text` as the option's kind wants it. *ret_number is the number, the bytes, the
 * milliseconds, the index of the word or how many elements a list has; 0 for other text.
 * `bare` lets a duration be without a unit: then it is milliseconds.
 */
enum value_status value_read(const struct option *option, struct str text, bool bare,
                             uint64_t *ret_number);

#endif

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
 * `foreign`, under a synonym, the words of other programs are taken as well: a duration without a
 * unit is milliseconds, true and false are on and off.
 */
enum value_status value_read(const struct option *option, struct str text, bool foreign,
                             uint64_t *ret_number);

#endif

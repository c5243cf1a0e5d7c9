#ifndef PARLEY_PROTO_NUMBER_H
#define PARLEY_PROTO_NUMBER_H

/*
 * Numbers between JSON (RFC 8259 section 6) and C, whatever the locale: the nearest double, and the
 * shortest text that leads back to it.
 */

#include "base/buf.h"

enum number_status { NUMBER_OK, NUMBER_TOO_LARGE, NUMBER_NOT_WHOLE };

/* The double nearest to a valid JSON number; NUMBER_TOO_LARGE when there is no finite one. */
enum number_status number_read(struct str raw, double *ret_value);
/*
 * A valid JSON number that is whole, however it is spelled (2, 2.0, 20e-1). One that int64_t can
 * hold is read exactly; a number with a fraction too small for a double counts as whole.
 */
enum number_status number_read_integer(struct str raw, int64_t *ret_value);

/* Appends a finite number. */
void number_write(struct buf *out, double value);

#endif

#ifndef PARLEY_JSON_POINTER_H
#define PARLEY_JSON_POINTER_H

/* JSON pointers (RFC 6901) into text that was found valid before, as for json/reader.h. */

#include "base/str.h"

/* Whether this is a pointer: empty, or each part begins with '/', and '~' stands for 0 or 1. */
bool json_pointer_valid(struct str pointer);
/* The value that it points to, raw; borrows from `value`. Empty: there is none. */
struct str json_point(struct str value, struct str pointer);

#endif

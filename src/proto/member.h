#ifndef PARLEY_PROTO_MEMBER_H
#define PARLEY_PROTO_MEMBER_H

/* A member of a message as it is written, for those who pass it on or keep it. */

#include "proto/table.h"

/*
 * The raw value of a member in the text of a message of this type, which was checked before; empty
 * when it is not there. `name` is the first name of a field of the table, of the message itself or
 * of its body; where both have such a field, that of the body counts when the other is not there.
 * Borrows from the text.
 */
struct str member_raw(const struct parley_message_info *info, struct str text, struct str name);

#endif

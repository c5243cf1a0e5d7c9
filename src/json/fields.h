#ifndef PARLEY_JSON_FIELDS_H
#define PARLEY_JSON_FIELDS_H

/*
 * Taking objects apart by a list of the names that they may have. As json/reader.h, for text that
 * was found valid before; values are raw and borrow from it.
 */

#include "base/buf.h"

enum json_fields {
    JSON_FIELDS_READ,
    JSON_FIELDS_UNKNOWN, /* a member is none of the list */
    JSON_FIELDS_TWICE,   /* a member stands twice */
};

/*
 * Writes the value of each of the `count` names to `ret_raws`, empty where there is none. When it
 * does not return JSON_FIELDS_READ, *ret_key is the raw key of the first member that is wrong.
 */
enum json_fields json_read_fields(struct str object, const struct str *names, size_t count,
                                  struct str *ret_raws, struct str *ret_key);
/*
 * Appends the strings of an array, unescaped, with `separator` between them. Returns false, with
 * some of them appended, when the value is no array or an element is no string, empty, or has the
 * separator in it.
 */
bool json_join_strings(struct str array, char separator, struct buf *out);

#endif

#ifndef PARLEY_JSON_READER_H
#define PARLEY_JSON_READER_H

/*
 * Reading a value out of JSON text that has been scanned and found valid (wire_scan, or
 * json_valid). Nothing here checks the grammar again, and nothing but json_unescape allocates.
 * Giving it text that was not validated is a programming error: it never reads past the text, and
 * every walk ends, but what it finds is undefined.
 *
 * A value is "raw" when it is the bytes as they stand in the text: a string with its quotes, an
 * object with its braces. All results borrow from the text that was given.
 */

#include "base/buf.h"
#include "base/str.h"

enum json_kind {
    JSON_NONE,
    JSON_NULL,
    JSON_BOOL,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

/*
 * Whether the text (< 4 GiB) is one JSON value, whole, in UTF-8, at most WIRE_MAX_DEPTH deep:
 * exactly what wire_scan accepts or calls WIRE_NOT_OBJECT, or finds fault with for its members.
 */
bool json_valid(struct str text);

/* The kind of a value (enum json_kind) by its first byte; JSON_NONE for any that no value has. */
extern const uint8_t json_kind_by_byte[UINT8_MAX + 1];
/* By its first byte behind white space; JSON_NONE for empty text. */
enum json_kind json_kind_of(struct str value);

/* Walks the members of an object or the elements of an array. */
struct json_iter {
    const char *at;
    const char *end;
};

/* Starts on a raw value; a value that is neither object nor array has no members. */
struct json_iter json_iter_of(struct str value);
/* The next member: key raw (with quotes), value raw. Returns false at the end. */
bool json_next_member(struct json_iter *it, struct str *ret_key, struct str *ret_value);
/* The next element, raw. Returns false at the end. */
bool json_next_element(struct json_iter *it, struct str *ret_value);
/* The value of the first member called `name`; empty when there is none, or it is no object. */
struct str json_get(struct str object, struct str name);

/*
 * A raw string (with quotes) as text. json_string_plain gives the text between the quotes when
 * there is no escape in it, else returns false; it also returns false for a value that is no
 * string. json_unescape appends the text unescaped (out of room: out->failed), and nothing for a
 * value that is no string. The text may contain NUL. A lone surrogate, which valid text cannot
 * have here, becomes U+FFFD.
 */
bool json_string_plain(struct str raw, struct str *ret_text);
void json_unescape(struct str raw, struct buf *out);
/*
 * Unescapes into a fixed buffer. Returns the length the whole text has; at most `cap` bytes of it
 * are written, so a result above `cap` means it was cut (in the middle of a character, perhaps).
 */
size_t json_unescape_to(struct str raw, char *out, size_t cap);
/* Whether two raw strings are the same text after unescaping. */
bool json_string_equal(struct str raw, struct str other_raw);
/* Whether a raw value is a string and, after unescaping, this text. */
bool json_string_is(struct str raw, struct str text);

#endif

#ifndef PARLEY_JSON_WRITER_H
#define PARLEY_JSON_WRITER_H

/*
 * Writes one JSON value by appending to a buffer; commas come by themselves. Misuse (a key in an
 * array, an end without a begin, a second value at the top, more than 63 open brackets) is a
 * programming error and asserted. Running out of room shows as buf.failed, once, at the end. The
 * output is UTF-8 with escapes only where RFC 8259 needs them, without white space.
 */

#include "base/buf.h"

#include <assert.h>

/* Inlined, for most keys are literals: what has to be known of them the compiler works out. */
#define JSON_INLINE static inline __attribute__((always_inline))

struct json_writer {
    struct buf *out;     /* borrowed */
    uint64_t has_member; /* bit d: something was written at depth d */
    uint64_t in_object;  /* bit d: depth d is an object */
    unsigned depth;      /* open brackets */
    bool after_key;      /* a value must come */
};

/* Starts a value behind what is in `out`, which is borrowed. */
void json_writer_init(struct json_writer *w, struct buf *out);
void json_begin_object(struct json_writer *w);
void json_end_object(struct json_writer *w);
void json_begin_array(struct json_writer *w);
void json_end_array(struct json_writer *w);
/* A key, as json_string; the next call writes its value. */
JSON_INLINE void json_key(struct json_writer *w, struct str key);

void json_string(struct json_writer *w, struct str text); /* invalid UTF-8 becomes U+FFFD */
void json_uint(struct json_writer *w, uint64_t value);
void json_int(struct json_writer *w, int64_t value);
void json_bool(struct json_writer *w, bool value);
void json_null(struct json_writer *w);
/* Milliseconds as seconds with a fraction of three digits: 1700000000123 -> 1700000000.123 */
void json_seconds(struct json_writer *w, uint64_t ms);
/* Raw JSON that is known to be valid; with an empty `raw`, null. */
void json_raw(struct json_writer *w, struct str raw);

/* Raw members of the object being written, without its braces: "a":1,"b":2. Not empty. */
void json_raw_members(struct json_writer *w, struct str raw);

/* key and value in one. */
JSON_INLINE void json_key_string(struct json_writer *w, struct str key, struct str text)
{
    json_key(w, key);
    json_string(w, text);
}

JSON_INLINE void json_key_uint(struct json_writer *w, struct str key, uint64_t value)
{
    json_key(w, key);
    json_uint(w, value);
}

JSON_INLINE void json_key_bool(struct json_writer *w, struct str key, bool value)
{
    json_key(w, key);
    json_bool(w, value);
}

JSON_INLINE void json_key_raw(struct json_writer *w, struct str key, struct str raw)
{
    json_key(w, key);
    json_raw(w, raw);
}

/* --- inside ----------------------------------------------------------------------------------- */

static inline uint64_t json_depth_bit(const struct json_writer *w)
{
    return (uint64_t)1 << w->depth;
}

/* Any key. */
void json_key_text(struct json_writer *w, struct str key);

/* Whether there is a letter at `i`, or nothing. */
static inline bool json_key_letter(struct str key, size_t i)
{
    return i >= key.len || (key.ptr[i] >= 'a' && key.ptr[i] <= 'z') ||
           (key.ptr[i] >= 'A' && key.ptr[i] <= 'Z') || key.ptr[i] == '_';
}

static inline bool json_key_letters(struct str key, size_t i)
{
    return json_key_letter(key, i) && json_key_letter(key, i + 1) && json_key_letter(key, i + 2) &&
           json_key_letter(key, i + 3);
}

/* A few letters, written as they stand. There is no loop, so of a literal the compiler knows it. */
static inline bool json_key_is_name(struct str key)
{
    return key.len <= 16 && json_key_letters(key, 0) && json_key_letters(key, 4) &&
           json_key_letters(key, 8) && json_key_letters(key, 12);
}

/* A key comes. Whether it is the first of its object. */
static inline bool json_key_begin(struct json_writer *w)
{
    bool is_first = (w->has_member & json_depth_bit(w)) == 0;

    assert((w->in_object & json_depth_bit(w)) != 0 && !w->after_key);
    w->has_member |= json_depth_bit(w);
    w->after_key = true;
    return is_first;
}

/* A key that json_key_is_name. */
static inline void json_key_name(struct json_writer *w, struct str name)
{
    bool is_first = json_key_begin(w);
    struct buf *out = w->out;

    if (buf_reserve(out, name.len + 4 - is_first)) {
        char *at = out->data + out->len;
        *at = ',';
        at += !is_first;
        *at = '"';
        memcpy(at + 1, name.ptr, name.len);
        at[name.len + 1] = '"';
        at[name.len + 2] = ':';
        out->len = (size_t)(at + name.len + 3 - out->data);
    }
}

JSON_INLINE void json_key(struct json_writer *w, struct str key)
{
    bool is_name = json_key_is_name(key);

    if (__builtin_constant_p(is_name) && is_name) {
        json_key_name(w, key);
    } else {
        json_key_text(w, key);
    }
}

#endif

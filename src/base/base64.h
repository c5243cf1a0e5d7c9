#ifndef PARLEY_BASE_BASE64_H
#define PARLEY_BASE_BASE64_H

/* Base64 with padding, RFC 4648 section 4; and, for reading, base64url without (section 5). */

#include "base/str.h"

/* Bytes that `len` bytes become, without a NUL. */
static inline size_t base64_encoded_size(size_t len)
{
    return (len + 2) / 3 * 4;
}

/* Writes exactly base64_encoded_size(len) characters, no NUL. */
void base64_encode(const void *bytes, size_t len, char *ret_text);

/*
 * Strict: canonical padding, no other characters, unused bits zero. `ret_bytes` has room for
 * text.len / 4 * 3. Returns false, and may have written, when the text is anything else.
 */
bool base64_decode(struct str text, uint8_t *ret_bytes, size_t *ret_len);

/*
 * The same for base64url without padding, as JSON Web Signatures have it (RFC 7515 section 2).
 * `ret_bytes` has room for text.len * 3 / 4.
 */
bool base64url_decode(struct str text, uint8_t *ret_bytes, size_t *ret_len);

#endif

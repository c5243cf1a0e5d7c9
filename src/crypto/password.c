#include "crypto/password.h"

#include <argon2.h>
#include <assert.h>
#include <errno.h>
#include <sys/random.h>

#include "base/base64.h"
#include "base/utf8.h"

/* What a new hash is made with: the second choice of RFC 9106 section 4, in one lane. */
enum { NEW_KIB = 65536, NEW_PASSES = 3, NEW_LANES = 1, NEW_SALT = 16, NEW_HASH = 32 };

enum { MIN_SALT = 8, MIN_HASH = 16, MAX_BYTES = 64 /* of salt and hash */ };

bool password_valid(struct str password)
{
    if (password.len == 0 || password.len > PASSWORD_MAX) {
        return false;
    }
    for (size_t i = 0; i < password.len; i++) {
        unsigned char c = (unsigned char)password.ptr[i];
        if (c < ' ' || c == 0x7f) {
            return false;
        }
    }
    return utf8_valid(password.ptr, password.len);
}

bool password_hash(struct str password, struct buf *out)
{
    uint8_t salt[NEW_SALT];
    char encoded[PASSWORD_ENCODED_MAX];
    ssize_t got;

    assert(password_valid(password));
    do {
        got = getrandom(salt, sizeof(salt), 0);
    } while (got < 0 && errno == EINTR);
    if (got != sizeof(salt) ||
        argon2id_hash_encoded(NEW_PASSES, NEW_KIB, NEW_LANES, password.ptr, password.len, salt,
                              sizeof(salt), NEW_HASH, encoded, sizeof(encoded)) != ARGON2_OK) {
        return false;
    }
    buf_append_str(out, str_from_z(encoded));
    return !out->failed;
}

/* --- reading a hash ----------------------------------------------------------------------------
 */

/* Takes `expected` off the front of `*rest`. */
static bool take_text(struct str *rest, struct str expected)
{
    if (!str_starts_with(*rest, expected)) {
        return false;
    }
    *rest = str_slice(*rest, expected.len, rest->len);
    return true;
}

/* Takes a number up to `end`, and that; no sign, no leading zero. */
static bool take_number(struct str *rest, char end, uint64_t max, uint64_t *ret_value)
{
    size_t len = str_find(*rest, end);
    struct str digits = str_slice(*rest, 0, len);

    if (len == rest->len || !str_to_uint(digits, max, ret_value) || digits.ptr[0] == '0') {
        return false;
    }
    *rest = str_slice(*rest, len + 1, rest->len);
    return true;
}

/* Whether a text is base64 without its padding of `min` to MAX_BYTES bytes. */
static bool is_bytes(struct str text, size_t min)
{
    char padded[(MAX_BYTES + 2) / 3 * 4];
    uint8_t bytes[sizeof(padded) / 4 * 3];
    size_t len;

    if (text.len > sizeof(padded) || str_find(text, '=') < text.len) {
        return false;
    }
    memset(padded, '=', sizeof(padded));
    memcpy(padded, text.ptr, text.len);
    return base64_decode(str_make(padded, (text.len + 3) / 4 * 4), bytes, &len) && len >= min &&
           len <= MAX_BYTES;
}

bool password_encoded_valid(struct str encoded)
{
    uint64_t kib, passes, lanes;

    if (encoded.len >= PASSWORD_ENCODED_MAX || !take_text(&encoded, STR("$argon2id$v=19$m=")) ||
        !take_number(&encoded, ',', PASSWORD_MAX_KIB, &kib) || !take_text(&encoded, STR("t=")) ||
        !take_number(&encoded, ',', PASSWORD_MAX_PASSES, &passes) ||
        !take_text(&encoded, STR("p=")) ||
        !take_number(&encoded, '$', PASSWORD_MAX_LANES, &lanes) || kib < 8 * lanes) {
        return false;
    }
    size_t dollar = str_find(encoded, '$');
    return dollar < encoded.len && is_bytes(str_slice(encoded, 0, dollar), MIN_SALT) &&
           is_bytes(str_slice(encoded, dollar + 1, encoded.len), MIN_HASH);
}

bool password_verify(struct str encoded, struct str password)
{
    char text[PASSWORD_ENCODED_MAX];

    if (!password_encoded_valid(encoded) || !password_valid(password)) {
        return false;
    }
    memcpy(text, encoded.ptr, encoded.len);
    text[encoded.len] = '\0';
    return argon2id_verify(text, password.ptr, password.len) == ARGON2_OK;
}

#include "crypto/jwt.h"

#include <stdlib.h>

#include "base/base64.h"
#include "crypto/jwt_claims.h"
#include "json/reader.h"

const char *jwt_reason_word(enum jwt_reason reason)
{
    static const char *const words[JWT_REASONS] = {
        [JWT_MALFORMED] = "malformed",
        [JWT_UNKNOWN_KEY] = "unknown_key",
        [JWT_BAD_SIGNATURE] = "bad_signature",
        [JWT_WRONG_ISSUER] = "wrong_issuer",
        [JWT_WRONG_AUDIENCE] = "wrong_audience",
        [JWT_EXPIRED] = "expired",
        [JWT_NOT_YET] = "not_yet",
        [JWT_BAD_CLAIMS] = "bad_claims",
        [JWT_NO_MEMORY] = "no_memory",
    };

    return words[reason];
}

static bool refuse(struct jwt_refusal *ret_why, enum jwt_reason reason, const char *what)
{
    *ret_why = (struct jwt_refusal){reason, what};
    return false;
}

/* The parts of a token, as they are written; `signed_text` is the first two with their dot. */
struct parts {
    struct str header, payload, signature, signed_text;
};

/* RFC 7515 section 3.1. What stands in the parts is not looked at. */
static bool split(struct str token, struct parts *ret_parts)
{
    size_t first = str_find(token, '.');
    struct str rest = str_slice(token, first + 1, token.len);
    size_t second = str_find(rest, '.');

    if (first == token.len || second == rest.len) {
        return false;
    }
    *ret_parts = (struct parts){
        .header = str_slice(token, 0, first),
        .payload = str_slice(rest, 0, second),
        .signature = str_slice(rest, second + 1, rest.len),
        .signed_text = str_slice(token, 0, first + 1 + second),
    };
    return str_find(ret_parts->signature, '.') == ret_parts->signature.len;
}

/* --- the header ------------------------------------------------------------------------------- */

/* What is read of it, and behind that what refuses it. */
enum member { ALG, KID, TYP, FORBIDDEN, MEMBERS = 11 };

/*
 * The forbidden ones would have a token bring its own key (RFC 8725 section 3.10), or mean
 * extensions (RFC 7515 section 4.1.11, RFC 7797), compression and encryption that nobody here does.
 */
static const char *const member_names[MEMBERS] = {
    "alg", "kid", "typ", "jku", "jwk", "x5u", "x5c", "crit", "b64", "zip", "enc",
};

/*
 * What the token says to be (RFC 8725 section 3.11): nothing, a token, or an access token (RFC
 * 9068). Others are signed by the same issuers for other ends.
 */
static bool is_our_type(struct str raw)
{
    char text[32];
    size_t len = json_unescape_to(raw, text, sizeof(text));
    struct str type = str_make(text, len <= sizeof(text) ? len : 0);
    struct str media = STR("application/");

    if (str_equal_nocase(str_slice(type, 0, media.len), media)) {
        type = str_slice(type, media.len, type.len);
    }
    return raw.len == 0 || str_equal_nocase(type, STR("JWT")) ||
           str_equal_nocase(type, STR("at+jwt"));
}

struct header {
    enum key_algorithm algorithm; /* KEY_ALGORITHMS: none of those that there are */
    struct str kid;               /* raw; empty when there is none */
};

static bool read_header(struct str text, struct header *ret_header, struct jwt_refusal *ret_why)
{
    struct str values[MEMBERS];
    char name[16];
    size_t others;

    if (!json_valid(text) || json_kind_of(text) != JSON_OBJECT) {
        return refuse(ret_why, JWT_MALFORMED, "header");
    }
    const char *twice = jwt_members(text, member_names, MEMBERS, values, &others);
    if (twice != NULL) {
        return refuse(ret_why, JWT_MALFORMED, twice);
    }
    for (size_t i = FORBIDDEN; i < MEMBERS; i++) {
        if (values[i].len > 0) {
            return refuse(ret_why, JWT_MALFORMED, member_names[i]);
        }
    }
    if (json_kind_of(values[ALG]) != JSON_STRING) {
        return refuse(ret_why, JWT_MALFORMED, "alg");
    }
    if (values[KID].len > 0 && json_kind_of(values[KID]) != JSON_STRING) {
        return refuse(ret_why, JWT_MALFORMED, "kid");
    }
    if (!is_our_type(values[TYP])) {
        return refuse(ret_why, JWT_MALFORMED, "typ");
    }
    size_t len = json_unescape_to(values[ALG], name, sizeof(name));
    ret_header->algorithm = key_algorithm_find(str_make(name, len <= sizeof(name) ? len : 0));
    ret_header->kid = values[KID];
    return true;
}

/* --- the whole -------------------------------------------------------------------------------- */

static bool may_have_signed(const struct jwt_key *key, const struct header *header)
{
    return key->algorithm == header->algorithm &&
           (header->kid.len == 0 || json_string_is(header->kid, key->kid));
}

/* What is known of a token while the keys are tried. */
struct trial {
    const struct parts *parts;
    uint8_t signature[JWT_MAX_SIGNATURE];
    size_t signature_len;
    char *room; /* for the payload */
    uint64_t now_ms;
    const struct jwt_rules *rules;
};

/* Whether a key has signed it and what it says is right. */
static bool try_key(const struct trial *t, const struct jwt_key *key, struct jwt_claims *ret_claims,
                    struct jwt_refusal *ret_why)
{
    size_t len;

    switch (jwt_key_check(key, t->parts->signed_text, t->signature, t->signature_len)) {
    case JWT_SIGNATURE_RIGHT:
        break;
    case JWT_SIGNATURE_WRONG:
        return refuse(ret_why, JWT_BAD_SIGNATURE, "signature");
    case JWT_SIGNATURE_NO_MEMORY:
        return refuse(ret_why, JWT_NO_MEMORY, "signature");
    }
    if (!base64url_decode(t->parts->payload, (uint8_t *)t->room, &len)) {
        return refuse(ret_why, JWT_MALFORMED, "payload");
    }
    return jwt_claims_read(str_make(t->room, len), key, t->now_ms, t->rules, ret_claims, ret_why);
}

/*
 * A kid need not be unique among issuers, and a token need not have one: so every key is tried that
 * may have signed, until one has whose issuer the token names. The last reason that comes of a
 * right signature is the one that is told.
 */
static bool try_keys(const struct jwt_keys *keys, const struct header *header,
                     const struct trial *trial, struct jwt_claims *ret_claims,
                     struct jwt_refusal *ret_why)
{
    struct jwt_refusal why, told = {JWT_UNKNOWN_KEY, "alg"};

    for (size_t i = 0; i < keys->count; i++) {
        if (!may_have_signed(&keys->keys[i], header)) {
            if (keys->keys[i].algorithm == header->algorithm && told.reason == JWT_UNKNOWN_KEY) {
                told.what = "kid";
            }
            continue;
        }
        if (try_key(trial, &keys->keys[i], ret_claims, &why)) {
            return true;
        }
        if (why.reason != JWT_BAD_SIGNATURE || told.reason == JWT_UNKNOWN_KEY) {
            told = why;
        }
        if (why.reason != JWT_BAD_SIGNATURE && why.reason != JWT_WRONG_ISSUER) {
            break;
        }
    }
    *ret_why = told;
    return false;
}

static bool verify_parts(const struct jwt_keys *keys, struct trial *trial,
                         struct jwt_claims *ret_claims, struct jwt_refusal *ret_why)
{
    const struct parts *parts = trial->parts;
    struct header header;
    size_t len;

    if (!base64url_decode(parts->header, (uint8_t *)trial->room, &len)) {
        return refuse(ret_why, JWT_MALFORMED, "header");
    }
    if (!read_header(str_make(trial->room, len), &header, ret_why)) {
        return false;
    }
    /* One that is longer than any can be has no room to be decoded into. */
    if (parts->signature.len > (sizeof(trial->signature) * 4 + 2) / 3) {
        return refuse(ret_why, JWT_BAD_SIGNATURE, "signature");
    }
    if (!base64url_decode(parts->signature, trial->signature, &trial->signature_len)) {
        return refuse(ret_why, JWT_MALFORMED, "signature");
    }
    trial->room += len; /* the kid lies before it */
    return try_keys(keys, &header, trial, ret_claims, ret_why);
}

bool jwt_verify(const struct jwt_keys *keys, struct str token, uint64_t now_ms,
                const struct jwt_rules *rules, struct jwt_claims *ret_claims,
                struct jwt_refusal *ret_why)
{
    struct parts parts;

    if (token.len > JWT_MAX || !split(token, &parts)) {
        return refuse(ret_why, JWT_MALFORMED, "parts");
    }
    /* Each part is shorter when it is decoded. */
    char *room = malloc(token.len);
    if (room == NULL) {
        return refuse(ret_why, JWT_NO_MEMORY, "token");
    }
    struct trial trial = {.parts = &parts, .room = room, .now_ms = now_ms, .rules = rules};
    bool ok = verify_parts(keys, &trial, ret_claims, ret_why);
    free(room);
    return ok;
}

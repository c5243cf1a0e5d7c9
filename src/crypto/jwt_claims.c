#include "crypto/jwt_claims.h"

#include <assert.h>
#include <stdlib.h>

#include "base/printable.h"
#include "crypto/token.h"
#include "json/reader.h"

enum claim { ISS, AUD, EXP, NBF, IAT, SUB, PARLEY, CLAIMS };

static const char *const claim_names[CLAIMS] = {"iss", "aud", "exp", "nbf", "iat", "sub", "parley"};

enum grant { PUBLISH, SESSIONS, ACT_AS, BROADCAST, ADMIN, AGENT_ID, GRANTS };

static const char *const grant_names[GRANTS] = {
    "publish", "sessions", "act_as", "broadcast", "admin", "agent_id",
};
/* As they are called in a refusal. */
static const char *const grant_paths[GRANTS] = {
    "parley.publish",   "parley.sessions", "parley.act_as",
    "parley.broadcast", "parley.admin",    "parley.agent_id",
};

static const uint64_t last_second = 253402300799; /* of the year 9999 */

static bool refuse(struct jwt_refusal *ret_why, enum jwt_reason reason, const char *what)
{
    *ret_why = (struct jwt_refusal){reason, what};
    return false;
}

const char *jwt_members(struct str object, const char *const *names, size_t count,
                        struct str *ret_values, size_t *ret_others)
{
    struct json_iter it = json_iter_of(object);

    *ret_others = 0;
    for (size_t i = 0; i < count; i++) {
        ret_values[i] = STR("");
    }
    for (struct str key, value; json_next_member(&it, &key, &value);) {
        size_t i = 0;
        while (i < count && !json_string_is(key, str_from_z(names[i]))) {
            i++;
        }
        if (i == count) {
            *ret_others += 1;
        } else if (ret_values[i].len > 0) {
            return names[i];
        } else {
            ret_values[i] = value;
        }
    }
    return NULL;
}

/* --- times ------------------------------------------------------------------------------------ */

/*
 * A NumericDate (RFC 7519 section 2) in milliseconds: digits, perhaps with a fraction; no sign and
 * no exponent, which no date needs, and no later year than 9999, so that nothing added to it
 * overflows.
 */
static bool read_date(struct str raw, uint64_t *ret_ms)
{
    size_t dot = str_find(raw, '.');
    uint64_t seconds, digit, ms = 0, unit = 100;

    if (!str_to_uint(str_slice(raw, 0, dot), last_second, &seconds)) {
        return false;
    }
    for (size_t i = dot + 1; i < raw.len; i++, unit /= 10) {
        if (!str_to_uint(str_slice(raw, i, i + 1), 9, &digit)) {
            return false;
        }
        ms += digit * unit;
    }
    *ret_ms = seconds * 1000 + ms;
    return true;
}

static bool check_times(const struct str values[CLAIMS], uint64_t now_ms,
                        const struct jwt_rules *rules, uint64_t *ret_expires_at_ms,
                        struct jwt_refusal *ret_why)
{
    uint64_t times[CLAIMS] = {0};

    for (unsigned i = EXP; i <= IAT; i++) {
        bool is_absent = values[i].len == 0 && i != EXP;
        if (!is_absent && !read_date(values[i], &times[i])) {
            return refuse(ret_why, JWT_BAD_CLAIMS, claim_names[i]);
        }
    }
    if (now_ms >= times[EXP] + rules->leeway_ms) {
        return refuse(ret_why, JWT_EXPIRED, "exp");
    }
    if (times[NBF] > now_ms + rules->leeway_ms) {
        return refuse(ret_why, JWT_NOT_YET, "nbf");
    }
    if (times[IAT] > times[EXP]) {
        return refuse(ret_why, JWT_BAD_CLAIMS, "iat");
    }
    *ret_expires_at_ms = times[EXP] + rules->leeway_ms;
    return true;
}

/* --- who and for whom ------------------------------------------------------------------------- */

static bool check_audience(struct str raw, struct str wanted, struct jwt_refusal *ret_why)
{
    bool found = wanted.len == 0 && raw.len == 0;
    enum json_kind kind = json_kind_of(raw);

    if (kind == JSON_STRING) {
        found = wanted.len > 0 && json_string_is(raw, wanted);
    } else if (kind == JSON_ARRAY) {
        struct json_iter it = json_iter_of(raw);
        for (struct str element; json_next_element(&it, &element);) {
            if (json_kind_of(element) != JSON_STRING) {
                return refuse(ret_why, JWT_BAD_CLAIMS, "aud");
            }
            found = found || (wanted.len > 0 && json_string_is(element, wanted));
        }
    } else if (kind != JSON_NONE) {
        return refuse(ret_why, JWT_BAD_CLAIMS, "aud");
    }
    return found || refuse(ret_why, JWT_WRONG_AUDIENCE, "aud");
}

/* Whether all of a text is as a terminal and a log may have it. */
static bool is_printable(struct str text, bool *ret_failed)
{
    struct buf printed;

    buf_init(&printed, (size_t)4 * JWT_MAX_SUBJECT);
    printable_append(&printed, text);
    bool same = str_equal(buf_str(&printed), text);
    *ret_failed = printed.failed;
    buf_fini(&printed);
    return same;
}

/*
 * The texts of claims are unescaped into one buffer that has room for all from the start: nothing
 * is longer than it is written.
 */
static struct str take_text(struct buf *texts, struct str raw)
{
    size_t from = texts->len;

    json_unescape(raw, texts);
    return str_make(texts->data + from, texts->len - from);
}

static struct str copy_text(struct buf *texts, struct str text)
{
    size_t from = texts->len;

    buf_append_str(texts, text);
    return str_make(texts->data + from, text.len);
}

static bool take_subject(struct str raw, struct buf *texts, struct str *ret_subject,
                         struct jwt_refusal *ret_why)
{
    struct str subject = take_text(texts, raw);
    bool failed = false;

    /* What is no string has no text. */
    if (subject.len == 0 || subject.len > JWT_MAX_SUBJECT || !is_printable(subject, &failed)) {
        return refuse(ret_why, failed ? JWT_NO_MEMORY : JWT_BAD_CLAIMS, "sub");
    }
    *ret_subject = subject;
    return true;
}

/* --- what it grants --------------------------------------------------------------------------- */

/* Patterns in one string, or each in one of an array, which become one text. */
static bool take_patterns(struct str raw, struct buf *texts, struct str *ret_patterns)
{
    size_t from = texts->len;

    if (json_kind_of(raw) == JSON_STRING) {
        json_unescape(raw, texts);
    } else if (json_kind_of(raw) == JSON_ARRAY) {
        struct json_iter it = json_iter_of(raw);
        for (struct str element; json_next_element(&it, &element);) {
            if (texts->len > from) {
                buf_append_char(texts, '|');
            }
            size_t before = texts->len;
            json_unescape(element, texts); /* nothing, when it is no string */
            if (texts->len == before) {
                return false;
            }
        }
    } else {
        return false;
    }
    *ret_patterns = str_make(texts->data + from, texts->len - from);
    return grants_valid(*ret_patterns);
}

static bool take_bool(struct str raw, bool *ret_value)
{
    *ret_value = str_equal(raw, STR("true"));
    return *ret_value || str_equal(raw, STR("false"));
}

static bool take_grant(enum grant grant, struct str raw, struct buf *texts,
                       struct jwt_claims *claims)
{
    switch (grant) {
    case PUBLISH:
        return take_patterns(raw, texts, &claims->grants.publish);
    case SESSIONS:
        return take_patterns(raw, texts, &claims->grants.sessions);
    case ACT_AS:
        return take_patterns(raw, texts, &claims->grants.act_as);
    case BROADCAST:
        return take_bool(raw, &claims->grants.broadcast);
    case ADMIN:
        return take_bool(raw, &claims->grants.admin);
    case AGENT_ID:
        claims->agent_id = take_text(texts, raw);
        return token_agent_valid(claims->agent_id);
    case GRANTS:
        break;
    }
    return false;
}

static bool take_grants(struct str raw, struct buf *texts, struct jwt_claims *claims,
                        struct jwt_refusal *ret_why)
{
    struct str values[GRANTS];
    size_t others;

    if (raw.len == 0) {
        return true;
    }
    if (json_kind_of(raw) != JSON_OBJECT ||
        jwt_members(raw, grant_names, GRANTS, values, &others) != NULL || others > 0) {
        return refuse(ret_why, JWT_BAD_CLAIMS, "parley");
    }
    for (unsigned i = 0; i < GRANTS; i++) {
        if (values[i].len > 0 && !take_grant((enum grant)i, values[i], texts, claims)) {
            return refuse(ret_why, JWT_BAD_CLAIMS, grant_paths[i]);
        }
    }
    return true;
}

/* --- the whole -------------------------------------------------------------------------------- */

static bool read_all(const struct str values[CLAIMS], const struct jwt_key *key, uint64_t now_ms,
                     const struct jwt_rules *rules, struct buf *texts, struct jwt_claims *claims,
                     struct jwt_refusal *ret_why)
{
    if (!json_string_is(values[ISS], key->issuer)) {
        return refuse(ret_why, JWT_WRONG_ISSUER, "iss");
    }
    claims->issuer = copy_text(texts, key->issuer);
    claims->kid = copy_text(texts, key->kid);
    memcpy(claims->key_id, key->id, sizeof(claims->key_id));
    return check_audience(values[AUD], rules->audience, ret_why) &&
           check_times(values, now_ms, rules, &claims->expires_at_ms, ret_why) &&
           take_subject(values[SUB], texts, &claims->subject, ret_why) &&
           take_grants(values[PARLEY], texts, claims, ret_why);
}

bool jwt_claims_read(struct str payload, const struct jwt_key *key, uint64_t now_ms,
                     const struct jwt_rules *rules, struct jwt_claims *ret_claims,
                     struct jwt_refusal *ret_why)
{
    struct jwt_claims claims = {.agent_id = STR("")};
    struct str values[CLAIMS];
    struct buf texts;
    size_t others;

    if (!json_valid(payload) || json_kind_of(payload) != JSON_OBJECT) {
        return refuse(ret_why, JWT_BAD_CLAIMS, "payload");
    }
    const char *twice = jwt_members(payload, claim_names, CLAIMS, values, &others);
    if (twice != NULL) {
        return refuse(ret_why, JWT_BAD_CLAIMS, twice);
    }
    size_t room = payload.len + key->issuer.len + key->kid.len;
    buf_init(&texts, room);
    if (!buf_reserve(&texts, room)) {
        return refuse(ret_why, JWT_NO_MEMORY, "payload");
    }
    if (!read_all(values, key, now_ms, rules, &texts, &claims, ret_why)) {
        buf_fini(&texts);
        return false;
    }
    assert(!texts.failed);
    claims.texts = texts.data;
    *ret_claims = claims;
    return true;
}

void jwt_claims_identify(const struct jwt_claims *claims, uint8_t ret_identity[DIGEST_BYTES])
{
    uint8_t both[2 * DIGEST_BYTES];

    digest_sha256(claims->issuer.ptr, claims->issuer.len, both);
    digest_sha256(claims->subject.ptr, claims->subject.len, both + DIGEST_BYTES);
    digest_sha256(both, sizeof(both), ret_identity);
}

void jwt_claims_fini(struct jwt_claims *claims)
{
    if (claims != NULL) {
        free(claims->texts);
        *claims = (struct jwt_claims){.texts = NULL};
    }
}

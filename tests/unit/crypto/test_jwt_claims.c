#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "jwt_rig.h"

#define HS256     "{\"alg\":\"HS256\"}"
#define ISS       "\"iss\":\"" RIG_ISSUER "\""
#define SUB       "\"sub\":\"kitchen\""
#define EXP       "\"exp\":1700000100"
#define AND(more) "{" ISS "," SUB "," EXP "," more "}"

/* There is none while it is set. */
static bool famine;

void *__wrap_malloc(size_t size);
void *__real_malloc(size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__real_realloc(void *old, size_t size);

void *__wrap_malloc(size_t size)
{
    return famine ? NULL : __real_malloc(size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return famine ? NULL : __real_realloc(old, size);
}

/* Signs a payload by HS256. */
static void sign(struct rig *r, struct str payload, struct buf *out)
{
    rig_sign(r, KEY_HS256, STR(HS256), payload, out);
}

/* --- claims that are not what they should be -------------------------------------------------- */

static void claims(void **state)
{
    static const struct {
        const char *payload;
        enum jwt_reason reason;
        const char *what;
    } cases[] = {
        {"", JWT_BAD_CLAIMS, "payload"},
        {"null", JWT_BAD_CLAIMS, "payload"},
        {"[]", JWT_BAD_CLAIMS, "payload"},
        {"{" ISS "," SUB "," EXP, JWT_BAD_CLAIMS, "payload"},
        {"{" ISS "," SUB "," EXP "}x", JWT_BAD_CLAIMS, "payload"},
        {"{" ISS "," SUB "," EXP ",\"x\":\"\xff\"}", JWT_BAD_CLAIMS, "payload"},
        {"{" ISS "," SUB "," EXP ",\"x\":\"\\ud800\"}", JWT_BAD_CLAIMS, "payload"},
        {"{" ISS "," SUB "," EXP ",\"x\":NaN}", JWT_BAD_CLAIMS, "payload"},
        /* iss */
        {"{}", JWT_WRONG_ISSUER, "iss"},
        {"{" SUB "," EXP "}", JWT_WRONG_ISSUER, "iss"},
        {"{\"iss\":\"" RIG_ISSUER "/\"," SUB "," EXP "}", JWT_WRONG_ISSUER, "iss"},
        {"{\"iss\":\"https://id.exampl\"," SUB "," EXP "}", JWT_WRONG_ISSUER, "iss"},
        {"{\"iss\":\"HTTPS://id.example\"," SUB "," EXP "}", JWT_WRONG_ISSUER, "iss"},
        {"{\"iss\":\"" RIG_ISSUER "\\u0000\"," SUB "," EXP "}", JWT_WRONG_ISSUER, "iss"},
        {"{\"iss\":[\"" RIG_ISSUER "\"]," SUB "," EXP "}", JWT_WRONG_ISSUER, "iss"},
        {"{\"iss\":null," SUB "," EXP "}", JWT_WRONG_ISSUER, "iss"},
        /* exp */
        {"{" ISS "," SUB "}", JWT_BAD_CLAIMS, "exp"},
        {"{" ISS "," SUB ",\"exp\":null}", JWT_BAD_CLAIMS, "exp"},
        {"{" ISS "," SUB ",\"exp\":\"1700000100\"}", JWT_BAD_CLAIMS, "exp"},
        {"{" ISS "," SUB ",\"exp\":\"\"}", JWT_BAD_CLAIMS, "exp"},
        {"{" ISS "," SUB ",\"exp\":true}", JWT_BAD_CLAIMS, "exp"},
        {"{" ISS "," SUB ",\"exp\":[1700000100]}", JWT_BAD_CLAIMS, "exp"},
        {"{" ISS "," SUB ",\"exp\":{}}", JWT_BAD_CLAIMS, "exp"},
        {"{" ISS "," SUB ",\"exp\":-1}", JWT_BAD_CLAIMS, "exp"},
        {"{" ISS "," SUB ",\"exp\":-0}", JWT_BAD_CLAIMS, "exp"},
        {"{" ISS "," SUB ",\"exp\":1e300}", JWT_BAD_CLAIMS, "exp"},
        {"{" ISS "," SUB ",\"exp\":17E9}", JWT_BAD_CLAIMS, "exp"},
        {"{" ISS "," SUB ",\"exp\":1700000100.5e0}", JWT_BAD_CLAIMS, "exp"},
        {"{" ISS "," SUB ",\"exp\":253402300800}", JWT_BAD_CLAIMS, "exp"},
        {"{" ISS "," SUB ",\"exp\":18446744073709551615}", JWT_BAD_CLAIMS, "exp"},
        {"{" ISS "," SUB ",\"exp\":18446744073709551617}", JWT_BAD_CLAIMS, "exp"},
        {"{" ISS "," SUB ",\"exp\":99999999999999999999999999999999999999999}", JWT_BAD_CLAIMS,
         "exp"},
        {"{" ISS "," SUB "," EXP ",\"exp\":1800000000}", JWT_BAD_CLAIMS, "exp"},
        {"{" ISS "," SUB ",\"exp\":0}", JWT_EXPIRED, "exp"},
        {"{" ISS "," SUB ",\"exp\":1699999000}", JWT_EXPIRED, "exp"},
        {"{" ISS "," SUB ",\"EXP\":1700000100}", JWT_BAD_CLAIMS, "exp"},
        /* nbf, iat */
        {AND("\"nbf\":1700000061"), JWT_NOT_YET, "nbf"},
        {AND("\"nbf\":253402300799"), JWT_NOT_YET, "nbf"},
        {AND("\"nbf\":\"0\""), JWT_BAD_CLAIMS, "nbf"},
        {AND("\"nbf\":null"), JWT_BAD_CLAIMS, "nbf"},
        {AND("\"nbf\":-5"), JWT_BAD_CLAIMS, "nbf"},
        {AND("\"nbf\":1,\"nbf\":2"), JWT_BAD_CLAIMS, "nbf"},
        {AND("\"iat\":\"now\""), JWT_BAD_CLAIMS, "iat"},
        {AND("\"iat\":1700000101"), JWT_BAD_CLAIMS, "iat"},
        {AND("\"iat\":1,\"iat\":1"), JWT_BAD_CLAIMS, "iat"},
        /* sub */
        {"{" ISS "," EXP "}", JWT_BAD_CLAIMS, "sub"},
        {"{" ISS "," EXP ",\"sub\":\"\"}", JWT_BAD_CLAIMS, "sub"},
        {"{" ISS "," EXP ",\"sub\":1}", JWT_BAD_CLAIMS, "sub"},
        {"{" ISS "," EXP ",\"sub\":null}", JWT_BAD_CLAIMS, "sub"},
        {"{" ISS "," EXP ",\"sub\":[\"a\"]}", JWT_BAD_CLAIMS, "sub"},
        {"{" ISS "," EXP ",\"sub\":\"a\",\"sub\":\"a\"}", JWT_BAD_CLAIMS, "sub"},
        {"{" ISS "," EXP ",\"sub\":\"a\\u0000b\"}", JWT_BAD_CLAIMS, "sub"},
        {"{" ISS "," EXP ",\"sub\":\"a\\nb\"}", JWT_BAD_CLAIMS, "sub"},
        {"{" ISS "," EXP ",\"sub\":\"\\u001b[2J\"}", JWT_BAD_CLAIMS, "sub"},
        {"{" ISS "," EXP ",\"sub\":\"\\u007f\"}", JWT_BAD_CLAIMS, "sub"},
        {"{" ISS "," EXP ",\"sub\":\"\xc2\x85\"}", JWT_BAD_CLAIMS, "sub"},
        {"{" ISS "," EXP ",\"sub\":\"admin\\u202e\"}", JWT_BAD_CLAIMS, "sub"},
        {"{" ISS "," EXP ",\"sub\":\"\xe2\x80\xa8\"}", JWT_BAD_CLAIMS, "sub"},
        /* aud, where none is configured */
        {AND("\"aud\":\"somebody\""), JWT_WRONG_AUDIENCE, "aud"},
        {AND("\"aud\":\"\""), JWT_WRONG_AUDIENCE, "aud"},
        {AND("\"aud\":[]"), JWT_WRONG_AUDIENCE, "aud"},
        {AND("\"aud\":null"), JWT_BAD_CLAIMS, "aud"},
        /* parley */
        {AND("\"parley\":null"), JWT_BAD_CLAIMS, "parley"},
        {AND("\"parley\":true"), JWT_BAD_CLAIMS, "parley"},
        {AND("\"parley\":\"*\""), JWT_BAD_CLAIMS, "parley"},
        {AND("\"parley\":[\"*\"]"), JWT_BAD_CLAIMS, "parley"},
        {AND("\"parley\":{\"publsh\":\"*\"}"), JWT_BAD_CLAIMS, "parley"},
        {AND("\"parley\":{\"Admin\":true}"), JWT_BAD_CLAIMS, "parley"},
        {AND("\"parley\":{\"admin\":false,\"admin\":true}"), JWT_BAD_CLAIMS, "parley"},
        {AND("\"parley\":{},\"parley\":{\"admin\":true}"), JWT_BAD_CLAIMS, "parley"},
        {AND("\"parley\":{\"admin\":\"true\"}"), JWT_BAD_CLAIMS, "parley.admin"},
        {AND("\"parley\":{\"admin\":1}"), JWT_BAD_CLAIMS, "parley.admin"},
        {AND("\"parley\":{\"admin\":null}"), JWT_BAD_CLAIMS, "parley.admin"},
        {AND("\"parley\":{\"broadcast\":[]}"), JWT_BAD_CLAIMS, "parley.broadcast"},
        {AND("\"parley\":{\"publish\":null}"), JWT_BAD_CLAIMS, "parley.publish"},
        {AND("\"parley\":{\"publish\":true}"), JWT_BAD_CLAIMS, "parley.publish"},
        {AND("\"parley\":{\"publish\":{\"a\":\"*\"}}"), JWT_BAD_CLAIMS, "parley.publish"},
        {AND("\"parley\":{\"publish\":\"a||b\"}"), JWT_BAD_CLAIMS, "parley.publish"},
        {AND("\"parley\":{\"publish\":\"|\"}"), JWT_BAD_CLAIMS, "parley.publish"},
        {AND("\"parley\":{\"publish\":\"a b\"}"), JWT_BAD_CLAIMS, "parley.publish"},
        {AND("\"parley\":{\"publish\":\"a\\u0000*\"}"), JWT_BAD_CLAIMS, "parley.publish"},
        {AND("\"parley\":{\"publish\":[\"a\",\"\"]}"), JWT_BAD_CLAIMS, "parley.publish"},
        {AND("\"parley\":{\"publish\":[\"\",\"*\"]}"), JWT_BAD_CLAIMS, "parley.publish"},
        {AND("\"parley\":{\"publish\":[1]}"), JWT_BAD_CLAIMS, "parley.publish"},
        {AND("\"parley\":{\"publish\":[[\"*\"]]}"), JWT_BAD_CLAIMS, "parley.publish"},
        {AND("\"parley\":{\"sessions\":[\"a|\"]}"), JWT_BAD_CLAIMS, "parley.sessions"},
        {AND("\"parley\":{\"act_as\":\"\\t\"}"), JWT_BAD_CLAIMS, "parley.act_as"},
        {AND("\"parley\":{\"agent_id\":\"\"}"), JWT_BAD_CLAIMS, "parley.agent_id"},
        {AND("\"parley\":{\"agent_id\":\"a b\"}"), JWT_BAD_CLAIMS, "parley.agent_id"},
        {AND("\"parley\":{\"agent_id\":null}"), JWT_BAD_CLAIMS, "parley.agent_id"},
        {AND("\"parley\":{\"agent_id\":[\"a\"]}"), JWT_BAD_CLAIMS, "parley.agent_id"},
        {AND("\"parley\":{\"agent_id\":\"\xc3\xa4\"}"), JWT_BAD_CLAIMS, "parley.agent_id"},
    };
    struct rig *r = *state;
    struct buf token;

    buf_init(&token, JWT_MAX);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        sign(r, str_from_z(cases[i].payload), &token);
        rig_expect_refused(r, buf_str(&token), cases[i].reason, cases[i].what);
    }
    /* A byte that is no part of a text. */
    sign(r, str_make("{" ISS "," SUB "," EXP "}\0", sizeof("{" ISS "," SUB "," EXP "}")), &token);
    rig_expect_refused(r, buf_str(&token), JWT_BAD_CLAIMS, "payload");
    buf_fini(&token);
}

/* Nothing of a payload counts, right or wrong, while its signature is not right. */
static void not_before_the_signature(void **state)
{
    static const char *const payloads[] = {"", "{}", "[", "{" ISS "," SUB ",\"exp\":0}",
                                           AND("\"parley\":{\"admin\":true}")};
    struct rig *r = *state;
    struct buf token;

    buf_init(&token, JWT_MAX);
    for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
        buf_clear(&token);
        rig_encode(&token, STR(HS256));
        buf_append_char(&token, '.');
        rig_encode(&token, str_from_z(payloads[i]));
        rig_sign_secret(STR("another secret, of somebody else"), &token);
        rig_expect_refused(r, buf_str(&token), JWT_BAD_SIGNATURE, "signature");
    }
    buf_fini(&token);
}

static void longest_subject(void **state)
{
    struct rig *r = *state;
    char payload[1024], subject[JWT_MAX_SUBJECT + 2];
    struct buf token;

    buf_init(&token, JWT_MAX);
    for (int len = JWT_MAX_SUBJECT; len <= JWT_MAX_SUBJECT + 1; len++) {
        memset(subject, 's', sizeof(subject));
        subject[len] = '\0';
        (void)snprintf(payload, sizeof(payload), "{%s,%s,\"sub\":\"%s\"}", ISS, EXP, subject);
        sign(r, str_from_z(payload), &token);
        assert_int_equal(rig_verify(r, buf_str(&token)), len == JWT_MAX_SUBJECT);
    }
    buf_fini(&token);
}

static void longest_patterns(void **state)
{
    struct rig *r = *state;
    struct buf payload, token;

    buf_init(&payload, JWT_MAX);
    buf_init(&token, JWT_MAX);
    for (unsigned extra = 0; extra < 2; extra++) {
        buf_clear(&payload);
        buf_append_str(&payload, STR("{" ISS "," SUB "," EXP ",\"parley\":{\"act_as\":[\"a"));
        for (unsigned i = 1; i < GRANTS_MAX_TEXT / 2; i++) {
            buf_append_str(&payload, STR("\",\"a"));
        }
        buf_append_str(&payload, extra == 0 ? STR("a\"]}}") : STR("aa\"]}}"));
        sign(r, buf_str(&payload), &token);
        assert_int_equal(rig_verify(r, buf_str(&token)), extra == 0);
    }
    buf_fini(&payload);
    buf_fini(&token);
}

/* --- times ------------------------------------------------------------------------------------ */

static void edges_of_time(void **state)
{
    static const struct {
        uint64_t leeway_ms;
        int64_t after_exp_ms;
        bool is_taken;
    } ends[] = {
        {60000, 0, true},        {60000, 1000, true},   {60000, 59999, true},
        {60000, 60000, false},   {60000, 60001, false}, {0, -1, true},
        {0, 0, false},           {0, 1000, false},      {300000, 299999, true},
        {300000, 300000, false},
    };
    static const struct {
        uint64_t leeway_ms;
        int64_t before_nbf_ms;
        bool is_taken;
    } beginnings[] = {
        {60000, 0, true}, {60000, 60000, true}, {60000, 60001, false}, {0, 0, true}, {0, 1, false},
    };
    const int64_t exp_ms = 1700000100000, nbf_ms = 1700000000500;
    struct rig *r = *state;
    struct buf token;

    buf_init(&token, JWT_MAX);
    sign(r, STR(AND("\"nbf\":1700000000.5")), &token);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        r->rules.leeway_ms = ends[i].leeway_ms;
        bool ok = rig_verify_at(r, buf_str(&token), (uint64_t)(exp_ms + ends[i].after_exp_ms));
        assert_int_equal(ok, ends[i].is_taken);
        if (ok) {
            assert_int_equal(r->claims.expires_at_ms, exp_ms + (int64_t)ends[i].leeway_ms);
        } else {
            assert_int_equal(r->why.reason, JWT_EXPIRED);
        }
    }
    for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++) {
        r->rules.leeway_ms = beginnings[i].leeway_ms;
        bool ok =
            rig_verify_at(r, buf_str(&token), (uint64_t)(nbf_ms - beginnings[i].before_nbf_ms));
        assert_int_equal(ok, beginnings[i].is_taken);
        assert_true(ok || r->why.reason == JWT_NOT_YET);
    }
    r->rules.leeway_ms = RIG_LEEWAY_MS;
    buf_fini(&token);
}

static void fractions_of_a_second(void **state)
{
    static const struct {
        const char *exp;
        uint64_t ms;
    } cases[] = {
        {"1700000100.5", 1700000100500},
        {"1700000100.25", 1700000100250},
        {"1700000100.0019999999999999999999999", 1700000100001},
        {"1700000100.999", 1700000100999},
        {"253402300799.999", 253402300799999},
    };
    struct rig *r = *state;
    struct buf token;
    char payload[256];

    buf_init(&token, JWT_MAX);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void)snprintf(payload, sizeof(payload), "{%s,%s,\"exp\":%s}", ISS, SUB, cases[i].exp);
        sign(r, str_from_z(payload), &token);
        assert_true(rig_verify(r, buf_str(&token)));
        assert_int_equal(r->claims.expires_at_ms, cases[i].ms + RIG_LEEWAY_MS);
    }
    buf_fini(&token);
}

/* --- for whom, and by whom -------------------------------------------------------------------- */

static void audiences(void **state)
{
    static const struct {
        const char *aud;
        bool is_taken;
        enum jwt_reason reason;
    } cases[] = {
        {"\"aud\":\"us\"", true, 0},
        {"\"aud\":[\"us\"]", true, 0},
        {"\"aud\":[\"you\",\"\\u0075s\"]", true, 0},
        {"\"aud\":[\"us\",\"us\"]", true, 0},
        {"\"x\":\"us\"", false, JWT_WRONG_AUDIENCE},
        {"\"aud\":\"you\"", false, JWT_WRONG_AUDIENCE},
        {"\"aud\":\"us \"", false, JWT_WRONG_AUDIENCE},
        {"\"aud\":\"US\"", false, JWT_WRONG_AUDIENCE},
        {"\"aud\":\"u\"", false, JWT_WRONG_AUDIENCE},
        {"\"aud\":\"\"", false, JWT_WRONG_AUDIENCE},
        {"\"aud\":[]", false, JWT_WRONG_AUDIENCE},
        {"\"aud\":[\"you\",\"they\"]", false, JWT_WRONG_AUDIENCE},
        {"\"aud\":null", false, JWT_BAD_CLAIMS},
        {"\"aud\":{\"us\":1}", false, JWT_BAD_CLAIMS},
        {"\"aud\":1", false, JWT_BAD_CLAIMS},
        {"\"aud\":[\"us\",1]", false, JWT_BAD_CLAIMS},
        {"\"aud\":[[\"us\"]]", false, JWT_BAD_CLAIMS},
        {"\"aud\":\"you\",\"aud\":\"us\"", false, JWT_BAD_CLAIMS},
    };
    struct rig *r = *state;
    struct buf token;
    char payload[256];

    buf_init(&token, JWT_MAX);
    r->rules.audience = STR("us");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void)snprintf(payload, sizeof(payload), "{%s,%s,%s,%s}", ISS, SUB, EXP, cases[i].aud);
        sign(r, str_from_z(payload), &token);
        if (cases[i].is_taken) {
            assert_true(rig_verify(r, buf_str(&token)));
        } else {
            rig_expect_refused(r, buf_str(&token), cases[i].reason, "aud");
        }
    }
    r->rules.audience = STR("");
    buf_fini(&token);
}

#define SECRET_B "another secret, of somebody else"

/* Signs as `issuer` with a secret, under a kid or without one. */
static void sign_as(const char *issuer, struct str secret, const char *kid, struct buf *out)
{
    char text[512];

    buf_clear(out);
    (void)snprintf(text, sizeof(text), kid == NULL ? HS256 : "{\"alg\":\"HS256\",\"kid\":\"%s\"}",
                   kid);
    rig_encode(out, str_from_z(text));
    buf_append_char(out, '.');
    (void)snprintf(text, sizeof(text), "{\"iss\":\"%s\",%s,%s}", issuer, SUB, EXP);
    rig_encode(out, str_from_z(text));
    rig_sign_secret(secret, out);
}

/* Two issuers with a kid in common, and two keys of one of them. */
static void several_issuers(void **state)
{
    static const struct {
        const char *issuer;
        struct str secret;
        const char *kid;
        int key; /* which is found; negative: none, for the reason */
        enum jwt_reason reason;
    } cases[] = {
        {"a", {RIG_SECRET, 32}, "1", 0, 0},
        {"b", {SECRET_B, 32}, "1", 1, 0},
        {"a", {SECRET_B, 32}, "2", 2, 0},
        {"a", {RIG_SECRET, 32}, NULL, 0, 0},
        {"b", {SECRET_B, 32}, NULL, 1, 0},
        /* The first key that has signed speaks for another; a later one does for this. */
        {"a", {SECRET_B, 32}, NULL, 2, 0},
        {"b", {RIG_SECRET, 32}, "1", -1, JWT_WRONG_ISSUER},
        {"a", {SECRET_B, 32}, "1", -1, JWT_WRONG_ISSUER},
        {"b", {SECRET_B, 32}, "2", -1, JWT_WRONG_ISSUER},
        {"c", {SECRET_B, 32}, NULL, -1, JWT_WRONG_ISSUER},
        {"a", {RIG_SECRET, 32}, "2", -1, JWT_BAD_SIGNATURE},
        {"a", {"a third one, that is of nobody at all", 37}, NULL, -1, JWT_BAD_SIGNATURE},
        {"a", {RIG_SECRET, 32}, "3", -1, JWT_UNKNOWN_KEY},
    };
    struct rig *r = *state;
    struct jwt_keys own = r->keys;
    struct buf token;

    buf_init(&token, JWT_MAX);
    jwt_keys_init(&r->keys);
    (void)rig_write(r, "b", STR(SECRET_B));
    assert_true(rig_add(r, &r->keys, "HS256", "hs256", "iss=a kid=1"));
    assert_true(rig_add(r, &r->keys, "HS256", "b", "iss=b kid=1"));
    assert_true(rig_add(r, &r->keys, "HS256", "b", "iss=a kid=2"));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        sign_as(cases[i].issuer, cases[i].secret, cases[i].kid, &token);
        bool ok = rig_verify(r, buf_str(&token));
        assert_int_equal(ok, cases[i].key >= 0);
        if (ok) {
            const struct jwt_key *key = &r->keys.keys[cases[i].key];
            assert_true(digest_equal(r->claims.key_id, key->id));
            assert_true(str_equal(r->claims.issuer, str_from_z(cases[i].issuer)));
            assert_true(str_equal(r->claims.kid, key->kid));
        } else {
            assert_int_equal(r->why.reason, cases[i].reason);
        }
    }
    jwt_keys_fini(&r->keys);
    r->keys = own;
    buf_fini(&token);
}

/* Nobody is taken for somebody else: of another issuer, of another name, nor without memory. */
static void identities(void **state)
{
    static const struct jwt_claims people[] = {
        {.issuer = {"a", 1}, .subject = {"kitchen", 7}},
        {.issuer = {"a", 1}, .subject = {"stage", 5}},
        {.issuer = {"b", 1}, .subject = {"kitchen", 7}},
        {.issuer = {"ak", 2}, .subject = {"itchen", 6}},
    };
    enum { COUNT = sizeof(people) / sizeof(people[0]) };
    uint8_t with[COUNT][DIGEST_BYTES], without[COUNT][DIGEST_BYTES];

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        jwt_claims_identify(&people[i], with[i]);
        famine = true;
        jwt_claims_identify(&people[i], without[i]);
        famine = false;
        assert_true(digest_equal(with[i], without[i]));
        for (size_t j = 0; j < i; j++) {
            assert_false(digest_equal(with[i], with[j]));
        }
    }
}

static void words(void **state)
{
    static const char *const expected[JWT_REASONS] = {
        "malformed", "unknown_key", "bad_signature", "wrong_issuer", "wrong_audience",
        "expired",   "not_yet",     "bad_claims",    "no_memory",
    };

    (void)state;
    for (unsigned i = 0; i < JWT_REASONS; i++) {
        assert_string_equal(jwt_reason_word((enum jwt_reason)i), expected[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(claims),          cmocka_unit_test(not_before_the_signature),
        cmocka_unit_test(longest_subject), cmocka_unit_test(longest_patterns),
        cmocka_unit_test(edges_of_time),   cmocka_unit_test(fractions_of_a_second),
        cmocka_unit_test(audiences),       cmocka_unit_test(several_issuers),
        cmocka_unit_test(identities),      cmocka_unit_test(words),
    };

    return cmocka_run_group_tests(tests, rig_set_up, rig_tear_down);
}

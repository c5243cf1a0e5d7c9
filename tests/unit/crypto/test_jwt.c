#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "jwt_rig.h"

#define WHO       "\"iss\":\"" RIG_ISSUER "\",\"sub\":\"kitchen\""
#define GOOD      "{" WHO ",\"exp\":1700000100}"
#define HS256     "{\"alg\":\"HS256\"}"
#define AND(more) "{" WHO ",\"exp\":1700000100," more "}"

static struct str header_of(enum key_algorithm algorithm)
{
    static const char *const headers[KEY_ALGORITHMS] = {
        HS256, "{\"alg\":\"RS256\"}", "{\"alg\":\"ES256\"}", "{\"alg\":\"EdDSA\"}"};

    return str_from_z(headers[algorithm]);
}

/* --- what is accepted ------------------------------------------------------------------------- */

static void every_algorithm(void **state)
{
    struct rig *r = *state;
    struct buf token;

    buf_init(&token, JWT_MAX);
    for (unsigned i = 0; i < KEY_ALGORITHMS; i++) {
        rig_sign(r, (enum key_algorithm)i, header_of((enum key_algorithm)i), STR(GOOD), &token);
        assert_true(rig_verify(r, buf_str(&token)));
        assert_true(str_equal(r->claims.subject, STR("kitchen")));
        assert_true(str_equal(r->claims.issuer, STR(RIG_ISSUER)));
        assert_int_equal(r->claims.expires_at_ms, 1700000100000 + RIG_LEEWAY_MS);
        assert_true(digest_equal(r->claims.key_id, r->keys.keys[i].id));
        assert_int_equal(r->claims.agent_id.len + r->claims.kid.len, 0);
        /* Nothing is granted that is not said. */
        assert_true(grants_within(&r->claims.grants, &(struct grants){.publish = STR("")}));
    }
    buf_fini(&token);
}

/* Whatever is changed of a token, it is not the same token. */
static void any_bit_flipped(void **state)
{
    struct rig *r = *state;
    struct buf token;

    buf_init(&token, JWT_MAX);
    for (unsigned i = 0; i < KEY_ALGORITHMS; i++) {
        rig_sign(r, (enum key_algorithm)i, header_of((enum key_algorithm)i), STR(GOOD), &token);
        for (size_t bit = 0; bit < token.len * 8; bit++) {
            token.data[bit / 8] = (char)(token.data[bit / 8] ^ (1 << bit % 8));
            assert_false(rig_verify(r, buf_str(&token)));
            assert_in_range(r->why.reason, JWT_MALFORMED, JWT_BAD_SIGNATURE);
            token.data[bit / 8] = (char)(token.data[bit / 8] ^ (1 << bit % 8));
        }
        assert_true(rig_verify(r, buf_str(&token)));
    }
    buf_fini(&token);
}

static void any_part_cut(void **state)
{
    struct rig *r = *state;
    struct buf token;

    buf_init(&token, JWT_MAX);
    rig_sign(r, KEY_HS256, STR(HS256), STR(GOOD), &token);
    for (size_t i = 0; i < token.len; i++) {
        assert_false(rig_verify(r, str_slice(buf_str(&token), 0, i)));
        if (i > 0) {
            assert_false(rig_verify(r, str_slice(buf_str(&token), i, token.len)));
        }
    }
    buf_fini(&token);
}

static void grants_of_a_token(void **state)
{
    struct rig *r = *state;
    struct buf token;

    buf_init(&token, JWT_MAX);
    rig_sign(
        r, KEY_HS256, STR(HS256),
        STR(AND(
            "\"parley\":{\"publish\":[\"bark\",\"scene_*\"],\"sessions\":\"world:main|\\u0061\","
            "\"act_as\":[],\"broadcast\":true,\"admin\":false,\"agent_id\":\"lamp:1\"}")),
        &token);
    assert_true(rig_verify(r, buf_str(&token)));
    assert_true(str_equal(r->claims.grants.publish, STR("bark|scene_*")));
    assert_true(str_equal(r->claims.grants.sessions, STR("world:main|a")));
    assert_int_equal(r->claims.grants.act_as.len, 0);
    assert_true(r->claims.grants.broadcast);
    assert_false(r->claims.grants.admin);
    assert_true(str_equal(r->claims.agent_id, STR("lamp:1")));
    buf_fini(&token);
}

/* Payloads that are taken, each for a reason of its own. */
static void payloads_that_are_taken(void **state)
{
    static const char *const payloads[] = {
        " {" WHO " , \"exp\" : 1700000100 } ",
        "{" WHO ",\"e\\u0078p\":1700000100}",
        "{" WHO ",\"exp\":1700000000.5}",
        "{" WHO ",\"exp\":253402300799}",
        AND("\"parley\":{}"),
        AND("\"nbf\":1700000000,\"iat\":1700000000.25"),
        /* The clock of the issuer is ahead. */
        AND("\"iat\":1700000090"),
        AND("\"jti\":1,\"jti\":2,\"scope\":{\"exp\":\"x\",\"exp\":null}"),
        "{\"iss\":\"" RIG_ISSUER "\",\"sub\":\"K\\u00fcche \\ud83d\\ude00\",\"exp\":1700000100}",
    };
    struct rig *r = *state;
    struct buf token;

    buf_init(&token, JWT_MAX);
    for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
        rig_sign(r, KEY_HS256, STR(HS256), str_from_z(payloads[i]), &token);
        if (!rig_verify(r, buf_str(&token))) {
            fail_msg("%s: %s (%s)", payloads[i], jwt_reason_word(r->why.reason), r->why.what);
        }
    }
    buf_fini(&token);
}

/* --- headers ---------------------------------------------------------------------------------- */

/* Headers of tokens that are signed well by HS256; RFC 8725 sections 2.1, 2.6, 2.7, 3.1, 3.10. */
static void headers(void **state)
{
    static const struct {
        const char *header;
        enum jwt_reason reason;
        const char *what; /* NULL: it is taken */
    } cases[] = {
        {"{\"alg\":\"HS256\",\"typ\":\"JWT\"}", 0, NULL},
        {"{\"typ\":\"jwt\",\"alg\":\"HS256\",\"x\":{\"alg\":1,\"alg\":2}}", 0, NULL},
        {"{\"alg\":\"HS256\",\"typ\":\"at+jwt\",\"x5t\":\"abc\"}", 0, NULL},
        {"{\"alg\":\"HS256\",\"typ\":\"application/at+JWT\"}", 0, NULL},
        {"{\"\\u0061lg\":\"HS\\u0032\\u00356\"}", 0, NULL},
        {"{\"alg\":\"HS256\",\"kid\":\"\"}", 0, NULL},
        {"{\"alg\":\"none\"}", JWT_UNKNOWN_KEY, "alg"},
        {"{\"alg\":\"None\"}", JWT_UNKNOWN_KEY, "alg"},
        {"{\"alg\":\"nOnE\"}", JWT_UNKNOWN_KEY, "alg"},
        {"{\"alg\":\"\"}", JWT_UNKNOWN_KEY, "alg"},
        {"{\"alg\":\"hs256\"}", JWT_UNKNOWN_KEY, "alg"},
        {"{\"alg\":\"HS256 \"}", JWT_UNKNOWN_KEY, "alg"},
        {"{\"alg\":\"HS256\\u0000\"}", JWT_UNKNOWN_KEY, "alg"},
        {"{\"alg\":\"HS256HS256HS256HS256\"}", JWT_UNKNOWN_KEY, "alg"},
        {"{\"alg\":\"HS384\"}", JWT_UNKNOWN_KEY, "alg"},
        {"{\"alg\":\"PS256\"}", JWT_UNKNOWN_KEY, "alg"},
        {"{\"alg\":\"ES256K\"}", JWT_UNKNOWN_KEY, "alg"},
        {"{\"alg\":\"Ed25519\"}", JWT_UNKNOWN_KEY, "alg"},
        {"{\"alg\":\"RS256\"}", JWT_BAD_SIGNATURE, "signature"},
        {"{\"alg\":\"ES256\"}", JWT_BAD_SIGNATURE, "signature"},
        {"{\"alg\":\"EdDSA\"}", JWT_BAD_SIGNATURE, "signature"},
        {"{\"alg\":\"HS256\",\"kid\":\"1\"}", JWT_UNKNOWN_KEY, "kid"},
        {"{\"alg\":\"HS256\",\"kid\":\"../../../../dev/null\"}", JWT_UNKNOWN_KEY, "kid"},
        {"{\"alg\":\"HS256\",\"kid\":\"' UNION SELECT 'key\"}", JWT_UNKNOWN_KEY, "kid"},
        {"{\"alg\":\"HS256\",\"kid\":\"|id; sleep 9\"}", JWT_UNKNOWN_KEY, "kid"},
        {"{\"alg\":\"HS256\",\"kid\":\"\\u0000\"}", JWT_UNKNOWN_KEY, "kid"},
        {"{\"alg\":\"HS256\",\"kid\":1}", JWT_MALFORMED, "kid"},
        {"{\"alg\":\"HS256\",\"kid\":null}", JWT_MALFORMED, "kid"},
        {"{\"alg\":\"HS256\",\"kid\":[\"\"]}", JWT_MALFORMED, "kid"},
        {"{}", JWT_MALFORMED, "alg"},
        {"{\"typ\":\"JWT\"}", JWT_MALFORMED, "alg"},
        {"{\"alg\":null}", JWT_MALFORMED, "alg"},
        {"{\"alg\":[\"HS256\"]}", JWT_MALFORMED, "alg"},
        {"{\"alg\":256}", JWT_MALFORMED, "alg"},
        {"{\"alg\":\"none\",\"alg\":\"HS256\"}", JWT_MALFORMED, "alg"},
        {"{\"alg\":\"HS256\",\"\\u0061lg\":\"HS256\"}", JWT_MALFORMED, "alg"},
        {"{\"alg\":\"HS256\",\"kid\":\"\",\"kid\":\"\"}", JWT_MALFORMED, "kid"},
        {"{\"alg\":\"HS256\",\"typ\":\"logout+jwt\"}", JWT_MALFORMED, "typ"},
        {"{\"alg\":\"HS256\",\"typ\":\"\"}", JWT_MALFORMED, "typ"},
        {"{\"alg\":\"HS256\",\"typ\":1}", JWT_MALFORMED, "typ"},
        {"{\"alg\":\"HS256\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AAAA\"}}", JWT_MALFORMED, "jwk"},
        {"{\"alg\":\"HS256\",\"jku\":\"https://evil.example/k\"}", JWT_MALFORMED, "jku"},
        {"{\"alg\":\"HS256\",\"x5u\":\"http://127.0.0.1/\"}", JWT_MALFORMED, "x5u"},
        {"{\"alg\":\"HS256\",\"x5c\":[\"AAAA\"]}", JWT_MALFORMED, "x5c"},
        {"{\"alg\":\"HS256\",\"crit\":[\"exp\"]}", JWT_MALFORMED, "crit"},
        {"{\"alg\":\"HS256\",\"crit\":[]}", JWT_MALFORMED, "crit"},
        {"{\"alg\":\"HS256\",\"\\u0063rit\":null}", JWT_MALFORMED, "crit"},
        {"{\"alg\":\"HS256\",\"b64\":false}", JWT_MALFORMED, "b64"},
        {"{\"alg\":\"HS256\",\"zip\":\"DEF\"}", JWT_MALFORMED, "zip"},
        {"{\"alg\":\"HS256\",\"enc\":\"A128GCM\"}", JWT_MALFORMED, "enc"},
        {"", JWT_MALFORMED, "header"},
        {"null", JWT_MALFORMED, "header"},
        {"[\"alg\",\"HS256\"]", JWT_MALFORMED, "header"},
        {"\"HS256\"", JWT_MALFORMED, "header"},
        {"{\"alg\":\"HS256\"", JWT_MALFORMED, "header"},
        {"{\"alg\":\"HS256\"}}", JWT_MALFORMED, "header"},
        {"{\"alg\":\"HS256\",}", JWT_MALFORMED, "header"},
        {"{'alg':'HS256'}", JWT_MALFORMED, "header"},
        {"\xef\xbb\xbf{\"alg\":\"HS256\"}", JWT_MALFORMED, "header"},
        {"{\"alg\":\"HS256\",\"x\":\"\xff\"}", JWT_MALFORMED, "header"},
    };
    struct rig *r = *state;
    struct buf token;

    buf_init(&token, JWT_MAX);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        rig_sign(r, KEY_HS256, str_from_z(cases[i].header), STR(GOOD), &token);
        if (cases[i].what != NULL) {
            rig_expect_refused(r, buf_str(&token), cases[i].reason, cases[i].what);
        } else if (!rig_verify(r, buf_str(&token))) {
            fail_msg("%s: %s (%s)", cases[i].header, jwt_reason_word(r->why.reason), r->why.what);
        }
    }
    buf_fini(&token);
}

/* RFC 8725 section 2.1: the public key, which everybody knows, as the secret of HS256. */
static void a_public_key_as_secret(void **state)
{
    struct rig *r = *state;
    struct buf pem, token;

    buf_init(&pem, 10000);
    buf_init(&token, JWT_MAX);
    for (unsigned i = KEY_RS256; i < KEY_ALGORITHMS; i++) {
        buf_clear(&pem);
        rig_public_key(r->pairs[i], &pem);
        for (unsigned claimed = 0; claimed < KEY_ALGORITHMS; claimed++) {
            buf_clear(&token);
            rig_encode(&token, header_of((enum key_algorithm)claimed));
            buf_append_char(&token, '.');
            rig_encode(&token, STR(GOOD));
            rig_sign_secret(buf_str(&pem), &token);
            rig_expect_refused(r, buf_str(&token), JWT_BAD_SIGNATURE, "signature");
        }
    }
    buf_fini(&pem);
    buf_fini(&token);
}

/* One key's signature under the name of another's algorithm. */
static void algorithms_confused(void **state)
{
    struct rig *r = *state;
    struct buf token;

    buf_init(&token, JWT_MAX);
    for (unsigned i = 0; i < KEY_ALGORITHMS; i++) {
        for (unsigned claimed = 0; claimed < KEY_ALGORITHMS; claimed++) {
            rig_sign(r, (enum key_algorithm)i, header_of((enum key_algorithm)claimed), STR(GOOD),
                     &token);
            if (i != claimed) {
                rig_expect_refused(r, buf_str(&token), JWT_BAD_SIGNATURE, "signature");
            }
        }
    }
    buf_fini(&token);
}

/* --- parts ------------------------------------------------------------------------------------ */

#define H_NONE  "eyJhbGciOiJub25lIn0"                         /* {"alg":"none"} */
#define H_HS256 "eyJhbGciOiJIUzI1NiJ9"                        /* {"alg":"HS256"} */
#define H_ES256 "eyJhbGciOiJFUzI1NiJ9"                        /* {"alg":"ES256"} */
#define EMPTY   "e30"                                         /* {} */
#define ZEROS   "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" /* 32 bytes */

static void shapes(void **state)
{
    static const struct {
        const char *token;
        enum jwt_reason reason;
        const char *what;
    } cases[] = {
        {"", JWT_MALFORMED, "parts"},
        {".", JWT_MALFORMED, "parts"},
        {"..", JWT_MALFORMED, "header"},
        {"...", JWT_MALFORMED, "parts"},
        {H_HS256, JWT_MALFORMED, "parts"},
        {H_HS256 "." EMPTY, JWT_MALFORMED, "parts"},
        {H_HS256 "." EMPTY ".a.b", JWT_MALFORMED, "parts"},
        {H_HS256 ".a.b.c.d", JWT_MALFORMED, "parts"}, /* encrypted (RFC 7516) */
        {H_NONE "." EMPTY ".", JWT_UNKNOWN_KEY, "alg"},
        {H_NONE "." EMPTY "." ZEROS, JWT_UNKNOWN_KEY, "alg"},
        {H_HS256 "." EMPTY ".", JWT_BAD_SIGNATURE, "signature"},
        {H_HS256 ".." ZEROS, JWT_BAD_SIGNATURE, "signature"},
        {H_HS256 "." EMPTY "." ZEROS, JWT_BAD_SIGNATURE, "signature"},
        {H_ES256 "." EMPTY ".", JWT_BAD_SIGNATURE, "signature"},
        {H_HS256 "=." EMPTY "." ZEROS, JWT_MALFORMED, "header"},
        {" " H_HS256 "." EMPTY "." ZEROS, JWT_MALFORMED, "header"},
        {H_HS256 "\n." EMPTY "." ZEROS, JWT_MALFORMED, "header"},
        {H_HS256 "." EMPTY "." ZEROS "=", JWT_MALFORMED, "signature"},
        {H_HS256 "." EMPTY "." ZEROS " ", JWT_MALFORMED, "signature"},
        {H_HS256 "." EMPTY "." ZEROS "\n", JWT_MALFORMED, "signature"},
        {H_HS256 "." EMPTY ".AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB", JWT_MALFORMED,
         "signature"},
        {"Bearer " H_HS256 "." EMPTY "." ZEROS, JWT_MALFORMED, "header"},
        {"{\"alg\":\"HS256\"}." EMPTY "." ZEROS, JWT_MALFORMED, "header"},
    };
    struct rig *r = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        rig_expect_refused(r, str_from_z(cases[i].token), cases[i].reason, cases[i].what);
    }
    rig_expect_refused(r, str_make(H_HS256 "\0." EMPTY "." ZEROS, 70), JWT_MALFORMED, "header");
}

/* Numbers that are none of a signature, which some libraries took for any (CVE-2022-21449). */
static void numbers_of_nothing(void **state)
{
    struct rig *r = *state;
    struct buf token;

    buf_init(&token, JWT_MAX);
    for (unsigned i = 0; i < 4; i++) {
        char numbers[64] = {0};
        numbers[31] = (char)(i & 1);
        numbers[63] = (char)(i >> 1);
        buf_clear(&token);
        buf_append_str(&token, STR(H_ES256 "." EMPTY "."));
        rig_encode(&token, str_make(numbers, sizeof(numbers)));
        rig_expect_refused(r, buf_str(&token), JWT_BAD_SIGNATURE, "signature");
    }
    buf_fini(&token);
}

/* It is signed well, but not written in the one way there is. */
static void payloads_not_in_base64url(void **state)
{
    static const char *const payloads[] = {"e31", "e30=", "e3", "e", "e30 ", "e30\n", "e+/0", "{}"};
    struct rig *r = *state;
    struct buf token;

    buf_init(&token, JWT_MAX);
    for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
        buf_clear(&token);
        buf_printf(&token, "%s.%s", H_HS256, payloads[i]);
        rig_sign_text(r, KEY_HS256, &token);
        rig_expect_refused(r, buf_str(&token), JWT_MALFORMED, "payload");
    }
    buf_fini(&token);
}

static void lengths(void **state)
{
    struct rig *r = *state;
    struct buf payload, token;

    buf_init(&payload, JWT_MAX);
    buf_init(&token, (size_t)2 * JWT_MAX);
    /* The longest token, of this header and a signature of 43 characters, and one more. */
    size_t room = (JWT_MAX - (sizeof(H_HS256) - 1) - 45) * 3 / 4;
    buf_append_str(&payload, STR(GOOD));
    while (payload.len < room) {
        buf_append_char(&payload, ' ');
    }
    rig_sign(r, KEY_HS256, STR(HS256), buf_str(&payload), &token);
    assert_in_range(token.len, JWT_MAX - 1, JWT_MAX);
    assert_true(rig_verify(r, buf_str(&token)));
    buf_append_str(&payload, STR("  "));
    rig_sign(r, KEY_HS256, STR(HS256), buf_str(&payload), &token);
    assert_in_range(token.len, JWT_MAX + 1, JWT_MAX + 3);
    rig_expect_refused(r, buf_str(&token), JWT_MALFORMED, "parts");
    /* Signatures about as long as the longest. */
    for (size_t len = JWT_MAX_SIGNATURE - 2; len < JWT_MAX_SIGNATURE + 3; len++) {
        char signature[JWT_MAX_SIGNATURE + 3] = {0};
        buf_clear(&token);
        buf_append_str(&token, STR("eyJhbGciOiJSUzI1NiJ9." EMPTY "."));
        rig_encode(&token, str_make(signature, len));
        rig_expect_refused(r, buf_str(&token), JWT_BAD_SIGNATURE, "signature");
    }
    buf_fini(&payload);
    buf_fini(&token);
}

static void depth(void **state)
{
    struct rig *r = *state;
    struct buf payload, token;

    buf_init(&payload, JWT_MAX);
    buf_init(&token, JWT_MAX);
    for (int levels = 63; levels < 10000; levels = levels == 63 ? 64 : levels * 5) {
        buf_clear(&payload);
        buf_append_str(&payload, STR("{" WHO ",\"exp\":1700000100,\"x\":"));
        for (int i = 0; i < levels && i < 5000; i++) {
            buf_append_char(&payload, '[');
        }
        for (int i = 0; i < levels && i < 5000; i++) {
            buf_append_char(&payload, ']');
        }
        buf_append_char(&payload, '}');
        rig_sign(r, KEY_HS256, STR(HS256), buf_str(&payload), &token);
        if (levels == 63) {
            assert_true(rig_verify(r, buf_str(&token)));
        } else {
            rig_expect_refused(r, buf_str(&token), JWT_BAD_CLAIMS, "payload");
        }
    }
    buf_fini(&payload);
    buf_fini(&token);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_algorithm),
        cmocka_unit_test(any_bit_flipped),
        cmocka_unit_test(any_part_cut),
        cmocka_unit_test(grants_of_a_token),
        cmocka_unit_test(payloads_that_are_taken),
        cmocka_unit_test(headers),
        cmocka_unit_test(a_public_key_as_secret),
        cmocka_unit_test(algorithms_confused),
        cmocka_unit_test(shapes),
        cmocka_unit_test(numbers_of_nothing),
        cmocka_unit_test(payloads_not_in_base64url),
        cmocka_unit_test(lengths),
        cmocka_unit_test(depth),
    };

    return cmocka_run_group_tests(tests, rig_set_up, rig_tear_down);
}

#include "unit.h"

#include <stdio.h>
#include <sys/stat.h>

#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include "base/base64.h"
#include "jwt_rig.h"

/* --- published vectors ------------------------------------------------------------------------ */

/* The payload of RFC 7515 appendix A: of "joe", until 1300819380, without a subject. */
#define JOE                                                                                        \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnV"  \
    "lfQ"

static const struct vector {
    const char *algorithm;
    const char *key;
    const char *text; /* what is signed */
    const char *signature;
} vectors[] = {
    /* RFC 7515, A.1 */
    {"HS256",
     "\x03\x23\x35\x4b\x2b\x0f\xa5\xbc\x83\x7e\x06\x65\x77\x7b\xa6\x8f\x5a\xb3\x28\xe6\xf0\x54\xc9"
     "\x28\xa9\x0f\x84\xb2\xd2\x50\x2e\xbf\xd3\xfb\x5a\x92\xd2\x06\x47\xef\x96\x8a\xb4\xc3\x77\x62"
     "\x3d\x22\x3d\x2e\x21\x72\x05\x2e\x4f\x08\xc0\xcd\x9a\xf5\x67\xd0\x80\xa3",
     "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." JOE,
     "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"},
    /* A.2 */
    {"RS256",
     "-----BEGIN PUBLIC KEY-----\n"
     "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAofgWCuLjybRlzo0tZWJj\n"
     "NiuSfb4p4fAkd/wWJcyQoTbji9k0l8W26mPddxHmfHQp+Vaw+4qPCJrcS2mJPMEz\n"
     "P1Pt0Bm4d4QlL+yRT+SFd2lZS+pCgNMsD1W/YpRPEwOWvG6b32690r2jZ47soMZo\n"
     "9wGzjb/7OMg0LOL+bSf63kpaSHSXndS5z5rexMdbBYUsLA9e+KXBdQOS+UTo7WTB\n"
     "EMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6/I5IhlJH7aGhyxX\n"
     "FvUK+DWNmoudF8NAco9/h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXp\n"
     "oQIDAQAB\n"
     "-----END PUBLIC KEY-----\n",
     "eyJhbGciOiJSUzI1NiJ9." JOE,
     "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5"
     "jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb"
     "1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QO"
     "YEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"},
    /* A.3 */
    {"ES256",
     "-----BEGIN PUBLIC KEY-----\n"
     "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n"
     "6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
     "-----END PUBLIC KEY-----\n",
     "eyJhbGciOiJFUzI1NiJ9." JOE,
     "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"},
    /* RFC 8037, A.4 */
    {"EdDSA",
     "-----BEGIN PUBLIC KEY-----\n"
     "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
     "-----END PUBLIC KEY-----\n",
     "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
     "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"},
};

enum { VECTORS = sizeof(vectors) / sizeof(vectors[0]) };

static void published_vectors(void **state)
{
    struct rig *r = *state;

    for (size_t i = 0; i < VECTORS; i++) {
        const struct vector *v = &vectors[i];
        uint8_t signature[JWT_MAX_SIGNATURE + 1] = {0};
        struct jwt_keys keys;
        size_t len;
        jwt_keys_init(&keys);
        (void)rig_write(r, "vector", str_from_z(v->key));
        assert_true(rig_add(r, &keys, v->algorithm, "vector", "iss=joe"));
        assert_true(base64url_decode(str_from_z(v->signature), signature, &len));
        struct str text = str_from_z(v->text);
        assert_int_equal(jwt_key_check(&keys.keys[0], text, signature, len), JWT_SIGNATURE_RIGHT);
        for (size_t bit = 0; bit < len * 8; bit++) {
            signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(jwt_key_check(&keys.keys[0], text, signature, len),
                             JWT_SIGNATURE_WRONG);
            signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        for (size_t shorter = 0; shorter < len; shorter++) {
            assert_int_equal(jwt_key_check(&keys.keys[0], text, signature, shorter),
                             JWT_SIGNATURE_WRONG);
        }
        signature[len] = 0;
        assert_int_equal(jwt_key_check(&keys.keys[0], text, signature, len + 1),
                         JWT_SIGNATURE_WRONG);
        text.len--;
        assert_int_equal(jwt_key_check(&keys.keys[0], text, signature, len), JWT_SIGNATURE_WRONG);
        jwt_keys_fini(&keys);
    }
}

/* The same as whole tokens: it is their claims that refuse them, after the signature. */
static void published_tokens(void **state)
{
    static const struct {
        enum jwt_reason before, after; /* their exp */
    } expected[VECTORS] = {
        {JWT_BAD_CLAIMS, JWT_EXPIRED},
        {JWT_BAD_CLAIMS, JWT_EXPIRED},
        {JWT_BAD_CLAIMS, JWT_EXPIRED},
        {JWT_BAD_CLAIMS, JWT_BAD_CLAIMS}, /* no JSON */
    };
    struct rig *r = *state;

    for (size_t i = 0; i < VECTORS; i++) {
        char token[1000];
        const uint64_t exp_ms = 1300819380000;
        struct jwt_keys own = r->keys;
        jwt_keys_init(&r->keys);
        (void)rig_write(r, "vector", str_from_z(vectors[i].key));
        assert_true(rig_add(r, &r->keys, vectors[i].algorithm, "vector", "iss=joe"));
        (void)snprintf(token, sizeof(token), "%s.%s", vectors[i].text, vectors[i].signature);
        assert_false(rig_verify_at(r, str_from_z(token), exp_ms + RIG_LEEWAY_MS - 1));
        assert_int_equal(r->why.reason, expected[i].before);
        assert_false(rig_verify_at(r, str_from_z(token), exp_ms + RIG_LEEWAY_MS));
        assert_int_equal(r->why.reason, expected[i].after);
        jwt_keys_fini(&r->keys);
        r->keys = own;
    }
}

/* --- key files -------------------------------------------------------------------------------- */

static void expect_unfit(struct rig *r, const char *algorithm, struct str content, const char *said)
{
    struct jwt_keys keys;

    jwt_keys_init(&keys);
    (void)rig_write(r, "unfit", content);
    assert_false(rig_add(r, &keys, algorithm, "unfit", "iss=me"));
    buf_append_char(&r->error, '\0');
    if (strstr(r->error.data, said) == NULL || strstr(r->error.data, "s3cret") != NULL) {
        fail_msg("%s: %s", said, r->error.data);
    }
    assert_int_equal(keys.count, 0);
    jwt_keys_fini(&keys);
}

static void unfit_secrets(void **state)
{
    struct rig *r = *state;
    struct buf big;

    expect_unfit(r, "HS256", STR(""), "shorter than 32 bytes");
    expect_unfit(r, "HS256", STR("s3cret"), "shorter than 32 bytes");
    expect_unfit(r, "HS256", STR("0123456789abcdef0123456789abcde\n"), "shorter than 32 bytes");
    expect_unfit(r, "HS256", STR("0123456789abcdef0123456789abcde\r\n"), "shorter than 32 bytes");
    /* What everybody may know would be the secret then. */
    for (size_t i = 1; i < VECTORS; i++) {
        expect_unfit(r, "HS256", str_from_z(vectors[i].key),
                     "this is a key or a certificate in PEM");
    }
    buf_init(&big, JWT_MAX_KEY_FILE + 1);
    while (!big.failed) {
        buf_append_char(&big, 'x');
    }
    expect_unfit(r, "HS256", buf_str(&big), "longer than a key can be");
    expect_unfit(r, "ES256", buf_str(&big), "longer than a key can be");
    buf_fini(&big);
}

/* A text ends before its line's end; bytes are taken to the last. */
static void ends_of_secrets(void **state)
{
    static const struct str contents[] = {
        {RIG_SECRET "\n", 33},
        {RIG_SECRET "\r\n", 34},
        {"\x01" RIG_SECRET "\n", 34},
        {RIG_SECRET "\n\n", 34},
    };
    static const size_t lengths[] = {32, 32, 34, 34};
    struct rig *r = *state;

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct jwt_keys keys;
        jwt_keys_init(&keys);
        (void)rig_write(r, "secret", contents[i]);
        assert_true(rig_add(r, &keys, "HS256", "secret", "iss=me"));
        assert_int_equal(keys.keys[0].secret_len, lengths[i]);
        assert_memory_equal(keys.keys[0].secret, contents[i].ptr, lengths[i]);
        assert_int_equal(r->warnings.len, 0);
        jwt_keys_fini(&keys);
    }
}

static void the_mode_of_a_secret(void **state)
{
    struct rig *r = *state;
    struct jwt_keys keys;

    jwt_keys_init(&keys);
    assert_int_equal(chmod(rig_write(r, "open", STR(RIG_SECRET)), 0644), 0);
    assert_true(rig_add(r, &keys, "HS256", "open", "iss=me"));
    assert_non_null(memmem(r->warnings.data, r->warnings.len, "chmod 600", 9));
    jwt_keys_fini(&keys);
}

static void expect_unfit_pair(struct rig *r, const char *algorithm, EVP_PKEY *pair,
                              const char *said)
{
    struct buf pem;

    assert_non_null(pair);
    buf_init(&pem, 10000);
    rig_public_key(pair, &pem);
    expect_unfit(r, algorithm, buf_str(&pem), said);
    buf_fini(&pem);
}

static void unfit_public_keys(void **state)
{
    struct rig *r = *state;
    EVP_PKEY *small = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
    EVP_PKEY *other_curve = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
    EVP_PKEY *bitcoin = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "secp256k1");
    EVP_PKEY *ed448 = EVP_PKEY_Q_keygen(NULL, NULL, "ED448");

    expect_unfit(r, "RS256", STR(""), "no public key in PEM");
    expect_unfit(r, "RS256", STR("s3cret"), "no public key in PEM");
    expect_unfit(r, "RS256", str_from_z(vectors[2].key), "no RSA key");
    expect_unfit(r, "RS256", str_from_z(vectors[3].key), "no RSA key");
    expect_unfit(r, "ES256", str_from_z(vectors[1].key), "no key of the curve P-256");
    expect_unfit(r, "ES256", str_from_z(vectors[3].key), "no key of the curve P-256");
    expect_unfit(r, "EdDSA", str_from_z(vectors[1].key), "no Ed25519 key");
    expect_unfit(r, "EdDSA", str_from_z(vectors[2].key), "no Ed25519 key");
    expect_unfit_pair(r, "RS256", small, "less than 2048 bits");
    expect_unfit_pair(r, "ES256", other_curve, "no key of the curve P-256");
    expect_unfit_pair(r, "ES256", bitcoin, "no key of the curve P-256");
    expect_unfit_pair(r, "EdDSA", ed448, "no Ed25519 key");
    EVP_PKEY_free(small);
    EVP_PKEY_free(other_curve);
    EVP_PKEY_free(bitcoin);
    EVP_PKEY_free(ed448);
}

/* A public key of numbers that nobody has made: an odd modulus of so many bits, and an exponent. */
static EVP_PKEY *rsa_of(int bits, unsigned exponent)
{
    BIGNUM *n = BN_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    EVP_PKEY *key = NULL;

    assert_int_equal(BN_set_bit(n, bits - 1) & BN_set_bit(n, 0), 1);
    assert_int_equal(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n), 1);
    assert_int_equal(OSSL_PARAM_BLD_push_uint(builder, OSSL_PKEY_PARAM_RSA_E, exponent), 1);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
    assert_int_equal(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    EVP_PKEY_CTX_free(ctx);
    BN_free(n);
    return key;
}

static void numbers_that_are_no_key(void **state)
{
    static const struct {
        int bits;
        unsigned exponent;
        const char *said;
    } cases[] = {
        {2047, 65537, "less than 2048 bits"},
        {4097, 65537, "more than 4096 bits"},
        {2048, 1, "this key is broken"}, /* every signature would be right that is its own digest */
        {2048, 65536, "this key is broken"},
    };
    struct rig *r = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        EVP_PKEY *key = rsa_of(cases[i].bits, cases[i].exponent);
        expect_unfit_pair(r, "RS256", key, cases[i].said);
        EVP_PKEY_free(key);
    }
}

/* Whoever can verify could sign then. */
static void a_private_key(void **state)
{
    struct rig *r = *state;
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;

    assert_int_equal(PEM_write_bio_PrivateKey(bio, r->pairs[KEY_EDDSA], NULL, NULL, 0, NULL, NULL),
                     1);
    long len = BIO_get_mem_data(bio, &text);
    expect_unfit(r, "EdDSA", str_make(text, (size_t)len), "no public key in PEM");
    BIO_free(bio);
}

static void more_than_one_key(void **state)
{
    struct rig *r = *state;
    struct buf two;

    buf_init(&two, 10000);
    buf_append_str(&two, str_from_z(vectors[3].key));
    buf_append_str(&two, STR("\n \t\n"));
    (void)rig_write(r, "one", buf_str(&two));
    struct jwt_keys keys;
    jwt_keys_init(&keys);
    assert_true(rig_add(r, &keys, "EdDSA", "one", "iss=me"));
    jwt_keys_fini(&keys);
    buf_append_str(&two, str_from_z(vectors[3].key));
    expect_unfit(r, "EdDSA", buf_str(&two), "more than one key");
    buf_fini(&two);
}

/* --- lines ------------------------------------------------------------------------------------ */

static void lines_that_are_refused(void **state)
{
    static const struct {
        const char *line;
        const char *said;
    } cases[] = {
        {"none /dev/null iss=me", "does not begin with one of HS256"},
        {"HS256 /dev/null", "does not say whose tokens"},
        {"HS256 /dev/null iss=me", "/dev/null: the secret is shorter"},
        {"HS256 /nowhere/at/all iss=me", "/nowhere/at/all: cannot be opened: "},
        {"HS256 / iss=me", "/: cannot be read: "},
    };
    struct rig *r = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        buf_clear(&r->error);
        assert_false(
            jwt_keys_add(&r->keys, str_from_z(cases[i].line), STR(""), &r->warnings, &r->error));
        buf_append_char(&r->error, '\0');
        assert_non_null(strstr(r->error.data, cases[i].said));
        assert_int_equal(r->keys.count, KEY_ALGORITHMS);
    }
}

static void a_list_of_lines(void **state)
{
    struct rig *r = *state;
    struct jwt_keys keys;
    char list[512];

    jwt_keys_init(&keys);
    buf_clear(&r->error);
    (void)snprintf(list, sizeof(list), "HS256 %s/hs256 kid=1, HS256 %s/hs256 kid=2 iss=you,",
                   r->directory, r->directory);
    assert_true(jwt_keys_add_list(&keys, str_from_z(list), STR("me"), &r->warnings, &r->error));
    assert_int_equal(keys.count, 2);
    assert_true(str_equal(keys.keys[0].issuer, STR("me")));
    assert_true(str_equal(keys.keys[0].kid, STR("1")));
    assert_true(str_equal(keys.keys[1].issuer, STR("you")));
    /* The same material under another name is another key, and keeps its id. */
    assert_false(digest_equal(keys.keys[0].id, keys.keys[1].id));
    struct jwt_keys again;
    jwt_keys_init(&again);
    assert_true(jwt_keys_add_list(&again, str_from_z(list), STR("me"), &r->warnings, &r->error));
    assert_true(digest_equal(keys.keys[0].id, again.keys[0].id));
    jwt_keys_fini(&again);
    /* There already, in all that tells keys apart. */
    assert_false(rig_add(r, &keys, "HS256", "hs256", "kid=1 iss=me"));
    assert_true(rig_add(r, &keys, "HS256", "hs256", "kid=1 iss=they"));
    jwt_keys_fini(&keys);
}

static void too_many_keys(void **state)
{
    struct rig *r = *state;
    struct jwt_keys keys;
    char rest[32];

    jwt_keys_init(&keys);
    for (unsigned i = 0; i <= KEY_LINE_MAX_KEYS; i++) {
        (void)snprintf(rest, sizeof(rest), "iss=me kid=%u", i);
        assert_int_equal(rig_add(r, &keys, "HS256", "hs256", rest), i < KEY_LINE_MAX_KEYS);
    }
    assert_int_equal(keys.count, KEY_LINE_MAX_KEYS);
    jwt_keys_fini(&keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors),       cmocka_unit_test(published_tokens),
        cmocka_unit_test(unfit_secrets),           cmocka_unit_test(ends_of_secrets),
        cmocka_unit_test(the_mode_of_a_secret),    cmocka_unit_test(unfit_public_keys),
        cmocka_unit_test(numbers_that_are_no_key), cmocka_unit_test(a_private_key),
        cmocka_unit_test(more_than_one_key),       cmocka_unit_test(lines_that_are_refused),
        cmocka_unit_test(a_list_of_lines),         cmocka_unit_test(too_many_keys),
    };

    return cmocka_run_group_tests(tests, rig_set_up, rig_tear_down);
}

#include "unit.h"

#include <stdio.h>

#include "crypto/password.h"

static bool verify(const char *encoded, const char *password)
{
    return password_verify(str_from_z(encoded), str_from_z(password));
}

static bool encoded_valid(const char *encoded)
{
    return password_encoded_valid(str_from_z(encoded));
}

/* Vectors of the reference implementation for argon2id, version 19. */
static void test_vectors(void **state)
{
    static const struct {
        const char *password, *encoded;
    } vectors[] = {
        {"password", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$"
                     "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"},
        {"password", "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$"
                     "bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"},
        {"password", "$argon2id$v=19$m=65536,t=1,p=1$c29tZXNhbHQ$"
                     "9qWtwbpyPd3vm1rB1GThgPzZ3/ydHL92zKL+15XZypg"},
        {"differentpassword", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$"
                              "C4TWUs9rDEvq7w3+J4umqA32aWKB1+DSiRuBfYxFj94"},
        {"password", "$argon2id$v=19$m=65536,t=2,p=1$ZGlmZnNhbHQ$"
                     "vfMrBczELrFdWP0ZsfhWsRPaHppYdP3MVEMIVlqoFBw"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        assert_true(verify(vectors[i].encoded, vectors[i].password));
        assert_false(verify(vectors[i].encoded, "passwore"));
    }
}

static void test_hash(void **state)
{
    struct buf first, second;

    (void)state;
    buf_init(&first, PASSWORD_ENCODED_MAX);
    buf_init(&second, PASSWORD_ENCODED_MAX);
    assert_true(password_hash(STR("correct horse"), &first));
    assert_true(password_hash(STR("correct horse"), &second));
    assert_true(str_starts_with(buf_str(&first), STR("$argon2id$v=19$m=65536,t=3,p=1$")));
    assert_true(password_encoded_valid(buf_str(&first)));
    assert_false(str_equal(buf_str(&first), buf_str(&second))); /* a salt of its own */
    assert_true(password_verify(buf_str(&first), STR("correct horse")));
    assert_false(password_verify(buf_str(&first), STR("correct horsE")));
    assert_false(password_verify(buf_str(&first), STR("correct horse ")));
    assert_false(password_verify(buf_str(&first), STR("")));
    buf_fini(&first);
    buf_fini(&second);

    buf_init(&first, 20); /* no room for a hash */
    assert_false(password_hash(STR("correct horse"), &first));
    buf_fini(&first);
}

static void test_password_valid(void **state)
{
    static char long_one[PASSWORD_MAX + 1];

    (void)state;
    memset(long_one, 'x', sizeof(long_one));
    assert_true(password_valid(str_make(long_one, PASSWORD_MAX)));
    assert_false(password_valid(str_make(long_one, PASSWORD_MAX + 1)));
    assert_true(password_valid(STR("p")));
    assert_true(password_valid(STR("Gr\xc3\xbc\xc3\x9f"
                                   "e, 2 dich!")));
    assert_false(password_valid(STR("")));
    assert_false(password_valid(STR("a\nb")));
    assert_false(password_valid(STR("a\0b")));
    assert_false(password_valid(STR("a\x7f")));
    assert_false(password_valid(STR("\xff\xfe")));
}

#define SALT "c29tZXNhbHQ"
#define HASH "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"

static void test_bounds(void **state)
{
    (void)state;
    assert_true(encoded_valid("$argon2id$v=19$m=1048576,t=64,p=16$" SALT "$" HASH));
    assert_false(encoded_valid("$argon2id$v=19$m=1048577,t=64,p=16$" SALT "$" HASH));
    assert_false(encoded_valid("$argon2id$v=19$m=1048576,t=65,p=16$" SALT "$" HASH));
    assert_false(encoded_valid("$argon2id$v=19$m=1048576,t=64,p=17$" SALT "$" HASH));
    assert_false(encoded_valid("$argon2id$v=19$m=4294967552,t=1,p=1$" SALT "$" HASH));
    assert_true(encoded_valid("$argon2id$v=19$m=16,t=1,p=2$" SALT "$" HASH));
    assert_false(encoded_valid("$argon2id$v=19$m=15,t=1,p=2$" SALT "$" HASH));
    assert_false(encoded_valid("$argon2id$v=19$m=0,t=1,p=1$" SALT "$" HASH));
    assert_false(encoded_valid("$argon2id$v=19$m=256,t=0,p=1$" SALT "$" HASH));
    assert_false(encoded_valid("$argon2id$v=19$m=256,t=1,p=0$" SALT "$" HASH));
    /* What is out of bounds is not computed: this would want 4 TiB, and fail by its time limit. */
    assert_false(verify("$argon2id$v=19$m=4294967295,t=4294967295,p=1$" SALT "$" HASH, "password"));
}

static void test_wrong_shapes(void **state)
{
    static const char *const wrong[] = {
        "",
        "password",
        "$argon2i$v=19$m=256,t=2,p=1$" SALT "$" HASH,
        "$argon2d$v=19$m=256,t=2,p=1$" SALT "$" HASH,
        "$argon2id$v=16$m=256,t=2,p=1$" SALT "$" HASH,
        "$argon2id$m=256,t=2,p=1$" SALT "$" HASH,
        "argon2id$v=19$m=256,t=2,p=1$" SALT "$" HASH,
        "$argon2id$v=19$t=2,m=256,p=1$" SALT "$" HASH,
        "$argon2id$v=19$m=+256,t=2,p=1$" SALT "$" HASH,
        "$argon2id$v=19$m=0256,t=2,p=1$" SALT "$" HASH,
        "$argon2id$v=19$m=256,t=2,p=1,keyid=x$" SALT "$" HASH,
        "$argon2id$v=19$m=256,t=2,p=1$" SALT,
        "$argon2id$v=19$m=256,t=2,p=1$" SALT "$",
        "$argon2id$v=19$m=256,t=2,p=1$$" HASH,
        "$argon2id$v=19$m=256,t=2,p=1$" SALT "==$" HASH,
        "$argon2id$v=19$m=256,t=2,p=1$" SALT "$" HASH "=",
        "$argon2id$v=19$m=256,t=2,p=1$" SALT "$" HASH "$",
        "$argon2id$v=19$m=256,t=2,p=1$" SALT "$" HASH " ",
        "$argon2id$v=19$m=256,t=2,p=1$c29tc2Fs$" HASH,                      /* 6 bytes of salt */
        "$argon2id$v=19$m=256,t=2,p=1$" SALT "$nf65EOgLrQMR/uIPnA4r",       /* 15 bytes of hash */
        "$argon2id$v=19$m=256,t=2,p=1$" SALT "$nf65EOgLrQMR/uIPnA4rEsF5h7", /* bits left over */
        "$2b$12$abcdefghijklmnopqrstuuN1M3fyRsbAcmQ5uMEGVmd1nKrcOM4XO",
    };
    static const char good[] = "$argon2id$v=19$m=256,t=2,p=1$" SALT "$" HASH;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(encoded_valid(wrong[i]));
    }
    assert_true(encoded_valid(good));
    for (size_t len = 0; len < sizeof(good) - 40; len++) {
        assert_false(password_encoded_valid(str_make(good, len)));
    }
}

/* The longest that is valid fits; one byte more of salt or hash does not. */
static void test_longest(void **state)
{
    static const char head[] = "$argon2id$v=19$m=1048576,t=64,p=16$";
    char text[400];
    char six[87];

    (void)state;
    memset(six, 'A', sizeof(six) - 1);
    six[86] = '\0';
    int len = snprintf(text, sizeof(text), "%s%s$%s", head, six, six);
    assert_true(len > 0 && len < PASSWORD_ENCODED_MAX);
    assert_true(encoded_valid(text));
    (void)snprintf(text, sizeof(text), "%s%sA$%s", head, six, six);
    assert_false(encoded_valid(text));
    (void)snprintf(text, sizeof(text), "%s%s$%sA", head, six, six);
    assert_false(encoded_valid(text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_password_valid), cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_wrong_shapes),   cmocka_unit_test(test_longest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "unit.h"

#include "base/key_line.h"

static void test_right(void **state)
{
    struct key_line key;

    (void)state;
    assert_null(key_line_parse(STR("HS256 /a"), &key));
    assert_int_equal(key.algorithm, KEY_HS256);
    assert_true(str_equal(key.file, STR("/a")));
    assert_int_equal(key.kid.len + key.issuer.len, 0);
    assert_null(key_line_parse(STR(" EdDSA\t/a=b  iss=https://a?b=c kid=k=1 "), &key));
    assert_int_equal(key.algorithm, KEY_EDDSA);
    assert_true(str_equal(key.file, STR("/a=b")));
    assert_true(str_equal(key.kid, STR("k=1")));
    assert_true(str_equal(key.issuer, STR("https://a?b=c")));
}

static void test_wrong(void **state)
{
    static const struct {
        const char *line;
        const char *said;
    } cases[] = {
        {"", "does not begin with one of HS256"},
        {" \t", "does not begin with one of HS256"},
        {"none /a", "does not begin with one of HS256"},
        {"hs256 /a", "does not begin with one of HS256"},
        {"HS512 /a", "does not begin with one of HS256"},
        {"RS256", "names no file"},
        {"RS256 a.pem", "relative path"},
        {"RS256 kid=1 /a", "relative path"},
        {"RS256 /a kid=", "neither kid=KID"},
        {"RS256 /a kid=1 kid=2", "there twice"},
        {"RS256 /a iss=1 iss=1", "there twice"},
        {"RS256 /a /b", "neither kid=KID"},
        {"RS256 /a aud=x", "neither kid=KID"},
        {"RS256 /a\x01", "control character"},
    };
    struct key_line key = {.algorithm = KEY_ALGORITHMS};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *said = key_line_parse(str_from_z(cases[i].line), &key);
        assert_non_null(said);
        assert_non_null(strstr(said, cases[i].said));
    }
    assert_non_null(key_line_parse(STR("HS256 /a\0b"), &key));
    assert_int_equal(key.algorithm, KEY_ALGORITHMS);
}

static void test_lengths(void **state)
{
    char line[400] = "HS256 /a kid=";
    struct key_line key;

    (void)state;
    memset(line + 13, 'k', KEY_LINE_MAX_KID + 1);
    assert_null(key_line_parse(str_make(line, 13 + KEY_LINE_MAX_KID), &key));
    assert_non_null(key_line_parse(str_make(line, 14 + KEY_LINE_MAX_KID), &key));
    memcpy(line + 9, "iss=", 4);
    memset(line + 13, 'i', KEY_LINE_MAX_ISSUER + 1);
    assert_null(key_line_parse(str_make(line, 13 + KEY_LINE_MAX_ISSUER), &key));
    assert_non_null(key_line_parse(str_make(line, 14 + KEY_LINE_MAX_ISSUER), &key));
}

static void test_names(void **state)
{
    (void)state;
    for (unsigned i = 0; i < KEY_ALGORITHMS; i++) {
        assert_int_equal(key_algorithm_find(key_algorithm_name((enum key_algorithm)i)), i);
    }
    assert_int_equal(key_algorithm_find(STR("none")), KEY_ALGORITHMS);
    assert_int_equal(key_algorithm_find(STR("")), KEY_ALGORITHMS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right),
        cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

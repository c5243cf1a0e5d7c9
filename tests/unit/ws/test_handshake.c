#include "unit.h"

#include "ws/ws.h"

static void check_accept(struct str key, const char *expected)
{
    char accept[WS_ACCEPT_SIZE + 1];

    accept[WS_ACCEPT_SIZE] = '\0';
    ws_accept_key(key, accept);
    assert_string_equal(accept, expected);
}

/* The example of 1.3, and keys whose accept key was made with another implementation. */
static void test_accept_key(void **state)
{
    (void)state;
    check_accept(STR("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    check_accept(STR("AAAAAAAAAAAAAAAAAAAAAA=="), "ICX+Yqv66kxgM0FcWaLWlFLwTAI=");
    check_accept(STR("/////////////////////w=="), "XXpj4jYzLM2yUE0C7TIgMwTQh2g=");
    check_accept(STR("x3JJHMbDL1EzLkh9GBhXDw=="), "HSmrc0sMlYUkAGmm5OPpG2HaGWk=");
}

static void test_key_valid(void **state)
{
    (void)state;
    assert_true(ws_key_valid(STR("dGhlIHNhbXBsZSBub25jZQ==")));
    assert_true(ws_key_valid(STR("AAAAAAAAAAAAAAAAAAAAAA==")));
    assert_true(ws_key_valid(STR("+/+/+/+/+/+/+/+/+/+/+w==")));
}

static void test_key_invalid(void **state)
{
    static const struct str keys[] = {
        {"", 0},
        {NULL, 0},
        {"AAAAAAAAAAAAAAAAAAAA", 20},           /* 15 bytes */
        {"AAAAAAAAAAAAAAAAAAAAAAA=", 24},       /* 17 */
        {"AAAAAAAAAAAAAAAAAAAAAAAA", 24},       /* 18 */
        {"AAAAAAAAAAAAAAAAAAAAAAAAAAA=", 28},   /* 20 */
        {"AAAAAAAAAAAAAAAAAAAAAA", 22},         /* padding left out */
        {"AAAAAAAAAAAAAAAAAAAAAA=", 23},        /* half of it */
        {"AAAAAAAAAAAAAAAAAAAAA===", 24},       /* too much of it */
        {"AAAAAAAAAAAAAAAAAAAAAB==", 24},       /* unused bits set */
        {"AAAAAAAAAAAAAAAAAAAAAA==A", 25},      /* something behind it */
        {" AAAAAAAAAAAAAAAAAAAAAA==", 25},      /* or in front */
        {"AAAAAAAAAAA AAAAAAAAAA==", 24},       /* or inside */
        {"AAAAAAAAAA==AAAAAAAAAA==", 24},       /* padding inside */
        {"----------------------==", 24},       /* the alphabet of RFC 4648 section 5 */
        {"AAAAAAAAAA\0AAAAAAAAAAA==", 24},      /* NUL */
        {"AAAAAAAAAAAAAAAAAAAA\xc3\xa9==", 24}, /* not ASCII */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (ws_key_valid(keys[i])) {
            fail_msg("key %zu is taken for valid", i);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accept_key),
        cmocka_unit_test(test_key_valid),
        cmocka_unit_test(test_key_invalid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <stdio.h>

#include "unit.h"

#include "base/buf.h"
#include "proto/capability.h"

static void test_has(void **state)
{
    static const char object[] = "{\"chat\":true,\"streaming\":false,\"tools\":[\"grep\",\"tools:"
                                 "sed\",7],\"modes\":[\"dream\"],"
                                 "\"custom\":{\"yes\":true,\"no\":false,\"null\":null,\"zero\":0,"
                                 "\"naught\":-0.00e7,\"half\":0.5,"
                                 "\"empty\":\"\",\"word\":\"x\",\"list\":[],\"ten\":10}}";
    static const struct {
        const char *capabilities;
        const char *name;
        bool has;
    } cases[] = {
        {object, "chat", true},
        {object, "streaming", false},
        {object, "grep", true},
        {object, "tools:grep", true},
        {object, "tools:sed", true},
        {object, "modes:grep", false},
        {object, "dream", true},
        {object, "modes:dream", true},
        {object, "tools:dream", false},
        {object, "yes", true},
        {object, "no", false},
        {object, "null", false},
        {object, "zero", false},
        {object, "naught", false},
        {object, "half", true},
        {object, "ten", true},
        {object, "empty", false},
        {object, "word", true},
        {object, "list", true},
        {object, "", false},
        {object, "custom", false},
        {"[\"chat\",\"grep\"]", "chat", true},
        {"[\"chat\",\"grep\"]", "tools:grep", true},
        {"[\"chat\",\"grep\"]", "sed", false},
        {"[\"\\u0067rep\"]", "grep", true},
        {"{\"chat\":\"true\"}", "chat", false},
        {"{\"custom\":[\"a\"],\"tools\":{\"a\":1}}", "a", false},
        {"null", "chat", false},
        {"[]", "", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (capability_has(str_from_z(cases[i].capabilities), str_from_z(cases[i].name)) !=
            cases[i].has) {
            fail_msg("%s: %s", cases[i].name, cases[i].capabilities);
        }
    }
}

static bool note(void *ctx, struct str prefix, struct str name)
{
    struct buf *b = ctx;

    buf_printf(b, "%.*s%.*s ", STR_ARG(prefix), STR_ARG(name));
    return name.len != 4; /* "stop" */
}

static void test_each(void **state)
{
    static const struct {
        const char *capabilities;
        const char *names;
        bool whole;
    } cases[] = {
        {"{\"custom\":{\"fly\":1,\"swim\":0},\"modes\":[\"m\"],\"tools\":[\"t\",7,\"\\u0074u\"],"
         "\"streaming\":true,\"chat\":false}",
         "streaming tools:t tools:tu modes:m fly ", true},
        {"[\"a\",\"b\"]", "tools:a tools:b ", true},
        {"[\"a\",\"stop\",\"b\"]", "tools:a tools:stop ", false},
        {"{\"chat\":true,\"tools\":[\"b\"]}", "chat ", false},
        {"null", "", true},
        {"{}", "", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf b;
        buf_init(&b, 200);
        assert_int_equal(capability_each(str_from_z(cases[i].capabilities), note, &b),
                         cases[i].whole);
        assert_int_equal(b.len, strlen(cases[i].names));
        assert_memory_equal(b.data != NULL ? b.data : "", cases[i].names, b.len);
        buf_fini(&b);
    }
}

static void test_each_long(void **state)
{
    char text[CAPABILITY_NAME_MAX + 16];

    (void)state;
    for (int len = CAPABILITY_NAME_MAX; len <= CAPABILITY_NAME_MAX + 1; len++) {
        struct buf b;
        buf_init(&b, 600);
        (void)snprintf(text, sizeof(text), "[\"%0*d\"]", len, 0);
        assert_true(capability_each(str_from_z(text), note, &b));
        assert_int_equal(b.len, len == CAPABILITY_NAME_MAX ? len + 7 : 0);
        buf_fini(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_has), cmocka_unit_test(test_each),
                                       cmocka_unit_test(test_each_long)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "unit.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_has)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

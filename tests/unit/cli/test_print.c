#include "unit.h"

#include "cli/print.h"

static void expect_text(struct buf *out, const char *text)
{
    buf_append_char(out, '\0');
    assert_string_equal(out->data, text);
    buf_clear(out);
}

static void test_times(void **state)
{
    static const struct {
        uint64_t seconds;
        const char *text;
    } cases[] = {
        {0, "0s"},         {59, "59s"},          {60, "1m 0s"},      {192, "3m 12s"},
        {3599, "59m 59s"}, {3600, "1h 0m"},      {86399, "23h 59m"}, {86400, "1d 0h"},
        {90000, "1d 1h"},  {8640000, "100d 0h"},
    };
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        print_duration(&out, cases[i].seconds);
        expect_text(&out, cases[i].text);
    }
    print_clock(&out, 36842);
    expect_text(&out, "10:14:02");
    buf_fini(&out);
}

static void test_messages(void **state)
{
    static const struct {
        const char *message;
        const char *line;
    } cases[] = {
        {"{\"type\":\"bark\",\"agent_id\":\"timmy\",\"data\":{\"text\":\"hi \\n there\"}}",
         "00:00:00  bark          timmy       hi \\n there"},
        {"{\"type\":\"bark\",\"agentId\":\"timmy\",\"data\":{ \"n\" : [1, \"a b\"] }}",
         "00:00:00  bark          timmy       n=[1,\"a b\"]"},
        {"{\"type\":\"system_status\",\"agent_id\":null,\"data\":{},\"ts\":1,\"up\":true}",
         "00:00:00  system_status -           up=true"},
        {"{\"type\":\"a_type_that_is_longer\",\"data\":{\"q\":\"\\\"\\\\\"}}",
         "00:00:00  a_type_that_is_longer -           q=\"\\"},
        {"{\"type\":\"x\\u001b[2J\",\"agent_id\":\"a\\u0007\",\"data\":{\"text\":\"\\u009b1m\"}}",
         "00:00:00  x\\x1b[2J      a\\x07       \\u009b1m"},
        {"{\"type\":\"agent_joined\",\"agent_id\":\"tim\",\"role\":\"r\",\"data\":{\"agent_id\":"
         "\"tim\","
         "\"role\":\"r\",\"name\":\"Tim\"}}",
         "00:00:00  agent_joined  tim         role=r name=Tim"},
        {"no \033 json", "00:00:00  no \\x1b json"},
        {"{\"type\":7}", "00:00:00  7             -           "},
    };
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        print_world_message(&out, str_from_z(cases[i].message), 0, false);
        expect_text(&out, cases[i].line);
    }
    print_world_message(&out, STR("{\"type\":\"bark\",\"data\":1}"), 0, true);
    assert_non_null(memmem(out.data, out.len, "\033[0m", 4));
    buf_fini(&out);
}

static void test_envelopes(void **state)
{
    static const struct {
        const char *message;
        const char *line;
    } cases[] = {
        {"{\"type\":\"note\",\"id\":\"a\",\"sessionId\":\"den\",\"payload\":{\"text\":"
         "\"hi\\u001b\"},"
         "\"timestamp\":1,\"source\":\"tim\"}",
         "00:00:00  note          tim         hi\\x1b"},
        {"{\"type\":\"chat\",\"payload\":{\"message\":\"hi\",\"n\":0.10},\"source\":\"tim\"}",
         "00:00:00  chat          tim         message=hi n=0.10"},
        {"{\"type\":\"presence\",\"payload\":{\"deviceId\":\"desk\",\"status\":\"online\"}}",
         "00:00:00  presence      desk        deviceId=desk status=online"},
        {"{\"type\":\"bark\",\"payload\":{\"type\":\"bark\",\"agent_id\":\"tim\",\"data\":"
         "{\"text\":\"woof\"}},\"source\":\"tim\"}",
         "00:00:00  bark          tim         woof"},
        {"{\"type\":\"note\",\"payload\":[1, 2]}", "00:00:00  note          -           [1,2]"},
        {"{\"type\":\"note\"}", "00:00:00  note          -           "},
        {"no json", "00:00:00  no json"},
    };
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        print_envelope(&out, str_from_z(cases[i].message), 0, false);
        expect_text(&out, cases[i].line);
    }
    buf_fini(&out);
}

static void test_json(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    print_raw_message(&out, STR("{\"a\":\n\"\xc2\x9b\x7f\xc3\xbc\"}"), true);
    expect_text(&out, "{\"a\": \"\\u009b\\u007f\xc3\xbc\"}");
    print_raw_message(&out, STR("\033]0;no JSON\a\t\x9b"), true);
    expect_text(&out, "\\u001b]0;no JSON\\u0007\t\x9b");
    print_raw_message(&out, STR("{\"a\":\r\n\"\xc2\x9b\x7f\"}"), false);
    expect_text(&out, "{\"a\":  \"\xc2\x9b\x7f\"}");
    buf_fini(&out);
}

static void expect_since(time_t since, time_t now, const char *text)
{
    struct buf out;

    buf_init(&out, 64);
    print_since(&out, since, now);
    assert_true(str_equal(buf_str(&out), str_from_z(text)));
    buf_fini(&out);
}

static void test_since(void **state)
{
    (void)state;
    expect_since(3661, 3661, "01:01:01");
    expect_since(0, 86399, "00:00:00");
    expect_since(0, 86400, "1970-01-01");
    expect_since(86400, 0, "1970-01-02");
    expect_since(5, 0, "00:00:05");
}

static void test_whole(void **state)
{
    (void)state;
    assert_int_equal(print_whole(STR("12")), 12);
    assert_int_equal(print_whole(STR("1700000000.9")), 1700000000);
    assert_int_equal(print_whole(STR("-1")), 0);
    assert_int_equal(print_whole(STR("\"12\"")), 0);
    assert_int_equal(print_whole(STR("")), 0);
    assert_int_equal(print_whole(STR("1000000000000000000000000000000000000000")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times),     cmocka_unit_test(test_messages),
        cmocka_unit_test(test_envelopes), cmocka_unit_test(test_json),
        cmocka_unit_test(test_since),     cmocka_unit_test(test_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

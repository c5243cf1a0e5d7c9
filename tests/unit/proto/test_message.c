#include "engine.h"
#include "proto/borrow.h"

/* The n-th allocation from now on fails; 0: none does. */
static unsigned fail_at;

void *__real_malloc(size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *old, size_t size);

static bool fails_now(void)
{
    return fail_at > 0 && --fail_at == 0;
}

void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails_now() ? NULL : __real_realloc(old, size);
}

static bool is_text(struct parley_string value, const char *text)
{
    return value.is == PARLEY_SET && value.len == strlen(text) &&
           memcmp(value.ptr, text, value.len) == 0;
}

/* The message stands on its own: the text it came from is gone. */
static bool decode_bark(struct parley_bark *bark, const char *text, struct parley_problem *problem)
{
    char *copy = sample_copy(text, strlen(text));
    bool ok = parley_bark_from_json(bark, copy, strlen(text), problem);

    memset(copy, '?', strlen(text));
    free(copy);
    return ok;
}

static void decoded(void **state)
{
    struct parley_bark bark;

    (void)state;
    parley_bark_init(&bark);
    assert_int_equal(bark.data.is, PARLEY_SET);
    assert_true(decode_bark(
        &bark,
        "{\"type\":\"bark\",\"agent_id\":null,\"data\":{\"text\":\"a\\u00e4\\\"\",\"emotion\":"
        "\"glad\",\"ttl_seconds\":2.50},\"ts\":1700000000.123}",
        NULL));
    assert_int_equal(bark.agent_id.is, PARLEY_NULL);
    assert_int_equal(bark.target_id.is, PARLEY_ABSENT);
    assert_true(is_text(bark.data.text, "a\xc3\xa4\""));
    assert_true(is_text(bark.data.emotion, "glad"));
    assert_int_equal(bark.data.animation.is, PARLEY_ABSENT);
    assert_true(bark.data.ttl_seconds.value == 2.5);
    assert_true(bark.ts.is == PARLEY_SET && bark.ts.value == 1700000000.123);
    assert_int_equal(bark.more.count + bark.data.more.count, 0);
    parley_bark_fini(&bark);
    parley_bark_fini(&bark);
    parley_message_fini(&parley_bark_info, NULL);
}

static void every_kind(void **state)
{
    static const char text[] =
        "{\"type\":\"hello_ok\",\"id\":\"m\",\"payload\":{\"paired\":true,\"uptime\":5,"
        "\"stateVersion\":7,"
        "\"presence\":[{\"deviceId\":\"d\",\"role\":\"node\",\"connectedAt\":1},"
        "{\"deviceId\":\"e\",\"role\":\"control\",\"connectedAt\":2,\"x\":[]}],"
        "\"health\":{\"status\":\"ok\",\"checkedAt\":3},\"authRequired\":false,\"protocolVersion\":"
        "2,"
        "\"protocolCompatible\":true,\"server\":{\"version\":\"v\",\"connId\":\"c\"},"
        "\"capabilities\":{\"methods\":[\"auth\",\"ch\\u0061t\"]},\"limits\":{ \"n\" : 1 "
        "}},\"timestamp\":9}";
    struct parley_hello_ok hello;

    (void)state;
    parley_hello_ok_init(&hello);
    assert_true(parley_hello_ok_from_json(&hello, text, sizeof(text) - 1, NULL));
    assert_true(hello.payload.paired.value && !hello.payload.auth_required.value);
    assert_int_equal(hello.payload.state_version.value, 7);
    assert_int_equal(hello.payload.presence.count, 2);
    assert_true(is_text(hello.payload.presence.items[1].device_id, "e"));
    assert_int_equal(hello.payload.presence.items[1].more.count, 1);
    assert_memory_equal(hello.payload.presence.items[1].more.items[0].ptr, "\"x\":[]", 6);
    assert_true(is_text(hello.payload.server.conn_id, "c"));
    assert_int_equal(hello.payload.capabilities.methods.count, 2);
    assert_int_equal(hello.payload.capabilities.methods.items[1].len, 4);
    assert_memory_equal(hello.payload.capabilities.methods.items[1].ptr, "chat", 4);
    assert_int_equal(hello.payload.limits.len, strlen("{ \"n\" : 1 }"));
    parley_hello_ok_fini(&hello);
}

/* Decoded and encoded again, the text is this. */
static void expect_round_trip(const char *text, const char *expected)
{
    enum parley_type type = PARLEY_TYPE_NONE;
    char *out = NULL;
    size_t len = 0;

    assert_true(parley_check(PARLEY_WORLD, PARLEY_STRICT, text, strlen(text), &type, NULL));
    const struct parley_message_info *info = parley_type_info(type);
    void *message = malloc(parley_type_size(type));
    assert_non_null(message);
    parley_message_init(info, message);
    assert_true(parley_message_from_json(info, message, PARLEY_STRICT, text, strlen(text), NULL));
    assert_true(parley_message_to_json(info, message, &out, &len, NULL));
    assert_string_equal(out, expected);
    assert_int_equal(len, strlen(expected));
    parley_message_fini(info, message);
    free(message);
    free(out);
}

static void round_trips(void **state)
{
    static const char bark[] =
        "{\"type\":\"bark\",\"agent_id\":\"a\",\"data\":{\"text\":\"x\",\"n\":1E2,\"m\":0.10,"
        "\"l\":123456789012345678901234567890,\"k\": {\"a\" : [1e999]}},\"ts\":1.5,\"new\":-0.0}";
    static const char ack[] = "{\"type\":\"connection_ack\",\"agent_id\":\"gateway\",\"data\":{"
                              "\"client_id\":\"c\",\"agents\":"
                              "[{\"agent_id\":\"a\",\"x\":1},{\"agent_id\":\"b\",\"role\":\"r\"}],"
                              "\"limits\":{\"b\":1,\"a\":2}},"
                              "\"ts\":1,\"agentId\":\"gateway\"}";

    (void)state;
    expect_round_trip(bark, bark);
    expect_round_trip(ack, ack);
    expect_round_trip("{\"type\":\"ping\"}", "{\"type\":\"ping\"}");
    expect_round_trip(
        "{\"ts\":1.50,\"data\":{\"progress\":1E-1,\"status\":\"fail\\u0065d\",\"task_id\":"
        "\"\\u0041\"},\"agentId\":null,\"type\":\"task_update\"}",
        "{\"type\":\"task_update\",\"agent_id\":null,\"data\":{\"task_id\":\"A\",\"status\":"
        "\"failed\",\"progress\":0.1},\"ts\":1.5}");
    expect_round_trip(
        "{\"type\":\"agent_state\",\"agent_id\":\"a\",\"data\":{\"status\":\"x\"},\"ts\":1}",
        "{\"type\":\"agent_state\",\"agent_id\":\"a\",\"data\":{\"state\":\"x\"},\"ts\":1}");
}

static void another_type(void **state)
{
    struct parley_problem problem;
    struct parley_bark bark;

    (void)state;
    parley_bark_init(&bark);
    assert_false(decode_bark(&bark, "{\"type\":\"thought\"}", &problem));
    assert_int_equal(problem.fault, PARLEY_OTHER_TYPE);
    assert_string_equal(problem.expected, "bark");
    assert_int_equal(bark.data.is, PARLEY_SET);
    assert_null(bark.memory);
}

/* A message that is decoded into again forgets all that was in it. */
static void decoded_twice(void **state)
{
    struct parley_bark bark;

    (void)state;
    parley_bark_init(&bark);
    assert_true(decode_bark(
        &bark,
        "{\"type\":\"bark\",\"agent_id\":\"a\",\"data\":{\"text\":\"x\",\"emotion\":\"e\"},"
        "\"ts\":1,\"y\":1}",
        NULL));
    assert_int_equal(bark.more.count, 1);
    assert_true(decode_bark(
        &bark, "{\"type\":\"bark\",\"agent_id\":\"b\",\"data\":{\"text\":\"z\"},\"ts\":1}", NULL));
    assert_int_equal(bark.more.count, 0);
    assert_int_equal(bark.data.emotion.is, PARLEY_ABSENT);
    assert_false(decode_bark(&bark, "{\"type\":\"bark\"}", NULL));
    assert_int_equal(bark.agent_id.is, PARLEY_ABSENT);
    parley_bark_fini(&bark);
}

static void validated(void **state)
{
    struct parley_problem problem;
    struct parley_bark bark;
    char *text = NULL;
    size_t len = 0;

    (void)state;
    parley_bark_init(&bark);
    assert_false(parley_bark_validate(&bark, &problem));
    assert_string_equal(problem.path, "agent_id");
    bark.agent_id = parley_string_z("timmy");
    bark.ts = parley_number(1.25);
    assert_false(parley_bark_validate(&bark, &problem));
    assert_string_equal(problem.path, "data.text");
    bark.data.text = parley_string_z("hello");
    bark.data.ttl_seconds = parley_number(-1);
    assert_false(parley_bark_to_json(&bark, &text, &len, &problem));
    assert_int_equal(problem.fault, PARLEY_OUT_OF_RANGE);
    assert_null(text);
    bark.data.ttl_seconds.is = PARLEY_ABSENT;
    assert_true(parley_bark_validate(&bark, &problem));
    assert_true(parley_bark_to_json(&bark, &text, &len, NULL));
    assert_string_equal(
        text,
        "{\"type\":\"bark\",\"agent_id\":\"timmy\",\"data\":{\"text\":\"hello\"},\"ts\":1.25}");
    free(text);
    parley_bark_fini(&bark);
}

/* Whichever allocation fails, the message is refused for that and nothing is lost. */
static void memory_is_short(void **state)
{
    static const char text[] =
        "{\"type\":\"connection_ack\",\"agent_id\":\"g\",\"data\":{\"client_id\":\"\\u0063\","
        "\"agents\":"
        "[{\"agent_id\":\"a\"}],\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,"
        "\"i\":1,"
        "\"\\u006a\":1,\"k\":1.5,\"l\":1,\"m\":1,\"n\":1,\"o\":1,\"p\":1,\"q\":1},\"ts\":0.1}";
    struct parley_connection_ack ack;
    struct parley_problem problem;
    bool ok = false;
    unsigned n = 0;

    (void)state;
    parley_connection_ack_init(&ack);
    while (!ok) {
        char *out = NULL;
        size_t len = 0;
        problem.fault = PARLEY_FINE;
        fail_at = ++n;
        ok = parley_connection_ack_from_json(&ack, text, sizeof(text) - 1, &problem) &&
             parley_connection_ack_to_json(&ack, &out, &len, &problem);
        ok = ok && fail_at > 0;
        assert_true(ok || problem.fault == PARLEY_NO_MEMORY);
        fail_at = 0;
        free(out);
    }
    assert_true(n > 5);
    parley_connection_ack_fini(&ack);
}

static bool borrow_bark(struct parley_bark *bark, const char *text, struct parley_problem *problem)
{
    return message_borrow(&parley_bark_info, bark, PARLEY_RECEIVED, str_from_z(text), problem);
}

static void borrowed(void **state)
{
    static const char plain[] = "{\"type\":\"bark\",\"data\":{\"text\":\"hello\"}}";
    struct parley_problem problem;
    struct parley_bark bark;

    (void)state;
    parley_bark_init(&bark);
    fail_at = 1; /* it needs no memory */
    assert_true(borrow_bark(&bark, plain, &problem));
    fail_at = 0;
    assert_ptr_equal(bark.data.text.ptr, strstr(plain, "hello"));
    assert_int_equal(bark.data.text.len, 5);
    assert_true(borrow_bark(
        &bark, "{\"type\":\"bark\",\"data\":{\"text\":\"h\\u00e4\"},\"more\":[1]}", &problem));
    assert_true(is_text(bark.data.text, "h\xc3\xa4"));
    assert_int_equal(bark.more.count, 1);
    /* What was decoded before is gone, and what is refused leaves nothing. */
    assert_false(borrow_bark(&bark, "{\"type\":\"bark\",\"data\":{\"text\":7}}", &problem));
    assert_int_equal(problem.fault, PARLEY_WRONG_KIND);
    assert_int_equal(problem.position, 30);
    assert_int_equal(bark.data.text.is, PARLEY_ABSENT);
    assert_int_equal(bark.data.is, PARLEY_SET);
    assert_null(bark.memory);
    fail_at = 1;
    assert_false(borrow_bark(&bark, "{\"type\":\"bark\",\"data\":{\"text\":\"\\n\"}}", &problem));
    assert_int_equal(problem.fault, PARLEY_NO_MEMORY);
    fail_at = 0;
    parley_bark_fini(&bark);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoded),         cmocka_unit_test(every_kind),
        cmocka_unit_test(round_trips),     cmocka_unit_test(another_type),
        cmocka_unit_test(decoded_twice),   cmocka_unit_test(validated),
        cmocka_unit_test(memory_is_short), cmocka_unit_test(borrowed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "engine.h"

/* The message of a type with one member in its data. */
static const char *with(const char *type, const char *data)
{
    static char text[4096];

    (void)snprintf(text, sizeof(text),
                   "{\"type\":\"%s\",\"agent_id\":\"a\",\"data\":{%s},\"ts\":1}", type, data);
    return text;
}

static void kinds(void **state)
{
    static const char *const values[] = {"null", "true", "1", "1.5", "\"x\"", "[]", "{}"};
    static const struct {
        const char *member;
        const char *before;
        unsigned taken; /* bit i: values[i] is */
    } members[] = {
        {"mood", "agent_state\0\"state\":\"x\"", 1 << 4},
        {"current_task", "agent_state\0\"state\":\"x\"", 1 << 0 | 1 << 4},
        {"energy", "agent_state\0\"state\":\"x\"", 1 << 2},
        {"ttl_seconds", "bark\0\"text\":\"x\"", 1 << 2 | 1 << 3},
        {"count", "visitor_state\0\"event\":\"x\"", 1 << 2},
        {"details", "error\0\"code\":\"x\",\"message\":\"x\"", 1 << 6},
        {"agents", "connection_ack\0\"client_id\":\"x\"", 1 << 5},
        {"unknown", "bark\0\"text\":\"x\"", 0x7f},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        const char *type = members[i].before, *before = type + strlen(type) + 1;
        for (size_t j = 0; j < sizeof(values) / sizeof(values[0]); j++) {
            char data[256], path[64];
            (void)snprintf(data, sizeof(data), "%s,\"%s\":%s", before, members[i].member,
                           values[j]);
            (void)snprintf(path, sizeof(path), "data.%s", members[i].member);
            if ((members[i].taken >> j & 1) != 0) {
                accept(with(type, data));
            } else {
                refuse(with(type, data), PARLEY_WRONG_KIND + (j == 3 && i == 2), path, NULL);
            }
        }
    }
}

static void ranges(void **state)
{
    (void)state;
    accept(with("memory_flash", "\"memory_id\":\"x\",\"content\":\"x\",\"score\":0"));
    accept(with("memory_flash", "\"memory_id\":\"x\",\"content\":\"x\",\"score\":-0.0"));
    accept(with("memory_flash", "\"memory_id\":\"x\",\"content\":\"x\",\"score\":1.0"));
    refuse(with("memory_flash", "\"memory_id\":\"x\",\"content\":\"x\",\"score\":1.0000001"),
           PARLEY_OUT_OF_RANGE, "data.score", NULL);
    refuse(with("memory_flash", "\"memory_id\":\"x\",\"content\":\"x\",\"score\":-1e-9"),
           PARLEY_OUT_OF_RANGE, "data.score", NULL);
    refuse(with("bark", "\"text\":\"x\",\"ttl_seconds\":1e999"), PARLEY_OUT_OF_RANGE,
           "data.ttl_seconds", NULL);
}

static void integers(void **state)
{
    (void)state;
    accept(with("visitor_state", "\"event\":\"x\",\"count\":2.0"));
    accept(with("visitor_state", "\"event\":\"x\",\"count\":9223372036854775807"));
    refuse(with("visitor_state", "\"event\":\"x\",\"count\":-1"), PARLEY_OUT_OF_RANGE, "data.count",
           NULL);
    refuse(with("visitor_state", "\"event\":\"x\",\"count\":2.5"), PARLEY_WRONG_KIND, "data.count",
           NULL);
    refuse(with("visitor_state", "\"event\":\"x\",\"count\":9223372036854775808"),
           PARLEY_OUT_OF_RANGE, "data.count", NULL);
}

static void words(void **state)
{
    (void)state;
    accept(with("task_update", "\"task_id\":\"x\",\"status\":\"in_progress\""));
    accept(with("task_update", "\"task_id\":\"x\",\"status\":\"in\\u005fprogress\""));
    refuse(with("task_update", "\"task_id\":\"x\",\"status\":\"\""), PARLEY_WRONG_WORD,
           "data.status", NULL);
    refuse(with("task_update", "\"task_id\":\"x\",\"status\":\"Pending\""), PARLEY_WRONG_WORD,
           "data.status", NULL);
    refuse(with("task_update", "\"task_id\":\"x\",\"status\":\"pendin\""), PARLEY_WRONG_WORD,
           "data.status", NULL);
}

/* A bark whose emotion is `piece` so often. */
static const char *emotion(const char *piece, size_t count)
{
    static char data[8192];
    size_t len = (size_t)snprintf(data, sizeof(data),
                                  "{\"type\":\"bark\",\"agent_id\":null,\"ts\":1,"
                                  "\"data\":{\"text\":\"x\",\"emotion\":\"");

    for (; count > 0; count--) {
        len += (size_t)snprintf(data + len, sizeof(data) - len, "%s", piece);
    }
    (void)snprintf(data + len, sizeof(data) - len, "\"}}");
    return data;
}

/* Lengths are in characters, however they are spelled. */
static void lengths(void **state)
{
    static const char *const pieces[] = {
        "a", "\xc3\xa4", "\xf0\x9f\x98\x80", "\\n", "\\u00e4", "\\ud83d\\ude00", "\\\\"};

    (void)state;
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        accept(emotion(pieces[i], 256));
        refuse(emotion(pieces[i], 257), PARLEY_WRONG_LENGTH, "data.emotion", NULL);
    }
}

static void arrays(void **state)
{
    char text[5000] = "{\"type\":\"subscribe\",\"types\":[\"x\"";
    size_t len = strlen(text);

    (void)state;
    accept("{\"type\":\"subscribe\",\"types\":[]}");
    refuse("{\"type\":\"subscribe\",\"types\":[\"a\",{}]}", PARLEY_WRONG_KIND, "types[1]",
           "{\"type\":\"subscribe\",\"types\":[\"a\",^");
    for (int i = 1; i < 1024; i++, len += 4) {
        memcpy(text + len, ",\"x\"", 4);
    }
    memcpy(text + len, "]}", 3);
    accept(text);
    memcpy(text + len, ",\"x\"]}", 7);
    refuse(text, PARLEY_WRONG_LENGTH, "types", NULL);
}

/* An array of strings in place of capabilities is an object with these tools, and is written as
 * one. */
static void array_in_place_of_an_object(void **state)
{
    static const char text[] =
        "{\"type\":\"agent_register\",\"agent_id\":\"a\",\"capabilities\":[\"chat\",\"\\u0070\"]}";
    static const char with_object[] = "{\"type\":\"agent_register\",\"agent_id\":\"a\","
                                      "\"capabilities\":{\"tools\":[\"chat\",\"p\"]}}";
    struct parley_agent_register m;
    struct parley_problem problem;
    char *written;
    size_t len;

    (void)state;
    parley_agent_register_init(&m);
    assert_true(parley_agent_register_from_json(&m, text, strlen(text), NULL));
    assert_int_equal(m.capabilities.is, PARLEY_SET);
    assert_int_equal(m.capabilities.chat.is, PARLEY_ABSENT);
    assert_int_equal(m.capabilities.tools.is, PARLEY_SET);
    assert_int_equal(m.capabilities.tools.count, 2);
    assert_memory_equal(m.capabilities.tools.items[1].ptr, "p", 1);
    assert_true(parley_agent_register_to_json(&m, &written, &len, NULL));
    assert_string_equal(written, with_object);
    free(written);
    parley_agent_register_fini(&m);
    refuse("{\"type\":\"agent_register\",\"agent_id\":\"a\",\"capabilities\":[\"chat\",7]}",
           PARLEY_WRONG_KIND, "capabilities[1]",
           "{\"type\":\"agent_register\",\"agent_id\":\"a\",\"capabilities\":[\"chat\",^");
    assert_false(check_copy(PARLEY_WORLD, PARLEY_STRICT,
                            "{\"type\":\"agent_register\",\"agent_id\":\"a\",\"capabilities\":7}",
                            &problem));
    assert_string_equal(problem.expected, "an object or an array of strings or null");
}

static void free_objects_in_arrays(void **state)
{
    struct parley_problem problem;

    (void)state;
    assert_true(check_copy(
        PARLEY_GATEWAY, PARLEY_STRICT,
        "{\"type\":\"sync_state\",\"id\":\"1\",\"payload\":{\"clients\":[{},{\"a\":1}]}}", NULL));
    assert_false(check_copy(
        PARLEY_GATEWAY, PARLEY_STRICT,
        "{\"type\":\"sync_state\",\"id\":\"1\",\"payload\":{\"clients\":[{},1]}}", &problem));
    assert_string_equal(problem.path, "payload.clients[1]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds),
        cmocka_unit_test(ranges),
        cmocka_unit_test(integers),
        cmocka_unit_test(words),
        cmocka_unit_test(lengths),
        cmocka_unit_test(arrays),
        cmocka_unit_test(array_in_place_of_an_object),
        cmocka_unit_test(free_objects_in_arrays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

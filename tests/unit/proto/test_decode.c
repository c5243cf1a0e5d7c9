#include "engine.h"

/* What stands around the data of a bark. */
#define BARK(data) "{\"type\":\"bark\",\"agent_id\":\"a\",\"data\":" data ",\"ts\":1}"

static void envelopes(void **state)
{
    (void)state;
    accept("{\"type\":\"bark\",\"agent_id\":null,\"data\":{\"text\":\"\"},\"ts\":1e3}");
    accept(" {\"ts\":1 , \"data\":{\"text\":\"x\"}, \"agentId\":\"a\", "
           "\"t\\u0079pe\":\"b\\u0061rk\"}\n");
    refuse("{\"agent_id\":null,\"data\":{\"text\":\"\"},\"ts\":1}", PARLEY_MISSING, "type", "^");
    refuse("{\"type\":\"bark\",\"data\":{\"text\":\"\"},\"ts\":1}", PARLEY_MISSING, "agent_id",
           "^");
    refuse("{\"type\":\"bark\",\"agent_id\":null,\"ts\":1}", PARLEY_MISSING, "data", "^");
    refuse("{\"type\":\"bark\",\"agent_id\":null,\"data\":{\"text\":\"\"}}", PARLEY_MISSING, "ts",
           "^");
    refuse("{\"type\":7,\"agent_id\":null,\"data\":{\"text\":\"\"},\"ts\":1}", PARLEY_WRONG_KIND,
           "type", "        ^");
    refuse("{\"type\":\"nope\"}", PARLEY_UNKNOWN_TYPE, "type", "        ^");
    refuse("{\"type\":\"\"}", PARLEY_UNKNOWN_TYPE, "type", NULL);
}

static void members(void **state)
{
    (void)state;
    accept(BARK("{\"text\":\"x\"}"));
    accept(BARK("{\"new\":[{}],\"text\":\"x\",\"other\":1e999}"));
    refuse(BARK("{}"), PARLEY_MISSING, "data.text", BARK("^"));
    refuse(BARK("{\"text\":null}"), PARLEY_WRONG_KIND, "data.text", BARK("{\"text\":^"));
    refuse(BARK("[]"), PARLEY_WRONG_KIND, "data", NULL);
}

static void duplicates(void **state)
{
    (void)state;
    refuse(BARK("{\"text\":\"x\",\"text\":\"x\"}"), PARLEY_DUPLICATE, "data.text",
           "{\"type\":\"bark\",\"agent_id\":\"a\",\"data\":{\"text\":\"x\",^");
    refuse(BARK("{\"text\":\"x\",\"t\\u0065xt\":\"x\"}"), PARLEY_DUPLICATE, "data.text", NULL);
    refuse(BARK("{\"text\":\"x\",\"n\":1,\"\\u006e\":1}"), PARLEY_DUPLICATE, "data.n", NULL);
    refuse("{\"type\":\"ping\",\"type\":\"ping\"}", PARLEY_DUPLICATE, "type",
           "{\"type\":\"ping\",^");
    refuse("{\"type\":\"ping\",\"a\":1,\"b\":2,\"a\":1}", PARLEY_DUPLICATE, "a", NULL);
}

/* More members than the few that need no memory of their own. */
static void many_members(void **state)
{
    char text[8192] = "{\"type\":\"ping\"";
    size_t len = strlen(text);

    (void)state;
    for (int i = 0; i < 300; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, ",\"k%d\":%d", i * 7 % 300, i);
    }
    memcpy(text + len, "}", 2);
    accept(text);
    memcpy(text + len, ",\"k123\":0}", 11);
    refuse(text, PARLEY_DUPLICATE, "k123", NULL);
}

enum { TEXT_CAP = 1024 };

/* The text goes on differently behind its first `len` bytes. */
static void end_with(char text[TEXT_CAP], size_t len, const char *end)
{
    snprintf(text + len, TEXT_CAP - len, "%s", end);
}

/* Appends `count` members, "k0":0 and so on, with a comma before each but the first. */
static void append_members(char text[TEXT_CAP], int count)
{
    for (int i = 0; i < count; i++) {
        size_t len = strlen(text);
        snprintf(text + len, TEXT_CAP - len, "%s\"k%d\":0", i > 0 ? "," : "", i);
    }
}

/* The data of a message is read whether it has few members or many. */
static void data_of_any_size(void **state)
{
    (void)state;
    for (int count = 1; count < 40; count++) {
        char text[TEXT_CAP] = "{\"type\":\"bark\",\"agent_id\":\"a\",\"data\":{";
        append_members(text, count);
        size_t len = strlen(text);
        end_with(text, len, ",\"text\":\"x\"},\"ts\":1}");
        accept(text);
        end_with(text, len, ",\"text\":1},\"ts\":1}");
        refuse(text, PARLEY_WRONG_KIND, "data.text", NULL);
        end_with(text, len, ",\"text\":\"x\",\"\\u006b0\":0},\"ts\":1}");
        refuse(text, PARLEY_DUPLICATE, "data.k0", NULL);
        end_with(text, len, "},\"ts\":1}");
        refuse(text, PARLEY_MISSING, "data.text", NULL);
    }
}

/* What other objects of the message have, few members or many, is not the data's. */
static void objects_beside_the_data(void **state)
{
    (void)state;
    for (int count = 0; count < 80; count++) {
        char text[TEXT_CAP] = "{\"type\":\"bark\",\"agent_id\":\"a\",\"x\":{\"text\":\"x\"";
        end_with(text, strlen(text), count / 2 > 0 ? "," : "");
        append_members(text, count / 2);
        end_with(text, strlen(text), count % 2 > 0 ? "}" : "},\"y\":{}");
        size_t len = strlen(text);
        end_with(text, len, ",\"data\":{\"text\":\"x\"},\"z\":{\"text\":7},\"ts\":1}");
        accept(text);
        end_with(text, len, ",\"data\":{},\"z\":{\"text\":\"x\"},\"ts\":1}");
        refuse(text, PARLEY_MISSING, "data.text", NULL);
        end_with(text, len, ",\"data\":{\"text\":7},\"ts\":1}");
        refuse(text, PARLEY_WRONG_KIND, "data.text", NULL);
    }
}

/* Objects and arrays are counted in and behind the data as everywhere. */
static void depth_around_the_data(void **state)
{
    char opened[65], closed[65], text[256];
    struct parley_problem problem;

    (void)state;
    memset(opened, '[', sizeof(opened));
    memset(closed, ']', sizeof(closed));
    for (int depth = 60; depth <= 64; depth++) {
        /* In the data, which is the second level, and behind it. */
        snprintf(text, sizeof(text), BARK("{\"text\":\"\",\"x\":%.*s%.*s}"), depth, opened, depth,
                 closed);
        assert_int_equal(check_copy(PARLEY_WORLD, PARLEY_STRICT, text, &problem), depth <= 62);
        assert_true(depth <= 62 || problem.fault == PARLEY_TOO_DEEP);
        assert_true(depth <= 62 || problem.position == (size_t)(strchr(text, '[') - text) + 62);
        snprintf(text, sizeof(text),
                 "{\"type\":\"bark\",\"agent_id\":\"a\",\"data\":{\"text\":\"\"},"
                 "\"ts\":1,\"x\":%.*s%.*s}",
                 depth, opened, depth, closed);
        assert_int_equal(check_copy(PARLEY_WORLD, PARLEY_STRICT, text, &problem), depth <= 63);
        assert_true(depth <= 63 || problem.fault == PARLEY_TOO_DEEP);
    }
}

static void other_names(void **state)
{
#define STATE(data) "{\"type\":\"agent_state\",\"agent_id\":\"a\",\"data\":" data ",\"ts\":1}"
    (void)state;
    accept(STATE("{\"status\":\"x\"}"));
    accept(STATE("{\"status\":\"x\",\"state\":\"y\"}"));
    refuse(STATE("{\"status\":5}"), PARLEY_WRONG_KIND, "data.status", NULL);
    refuse(STATE("{\"status\":5,\"state\":\"y\"}"), PARLEY_WRONG_KIND, "data.status", NULL);
    refuse(STATE("{\"status\":\"x\",\"state\":5}"), PARLEY_WRONG_KIND, "data.state", NULL);
    refuse(STATE("{\"status\":\"x\",\"status\":\"x\"}"), PARLEY_DUPLICATE, "data.status", NULL);
#undef STATE
}

static void one_value_under_two_names(void **state)
{
#define PING(members) "{\"type\":\"ping\"," members "}"
    (void)state;
    accept(PING("\"agent_id\":\"a\",\"agentId\":\"a\""));
    accept(PING("\"agentId\":\"\\u0061\",\"agent_id\":\"a\""));
    accept(PING("\"agent_id\":null,\"agentId\":null"));
    refuse(PING("\"agent_id\":\"a\",\"agentId\":\"b\""), PARLEY_DUPLICATE, "agentId", NULL);
    refuse(PING("\"agent_id\":\"a\",\"agentId\":null"), PARLEY_DUPLICATE, "agentId", NULL);
    refuse(PING("\"agent_id\":\"a\",\"agentId\":1"), PARLEY_WRONG_KIND, "agentId", NULL);
    refuse(PING("\"target_id\":\"a\",\"targetId\":\"b\""), PARLEY_DUPLICATE, "targetId", NULL);
#undef PING
}

static void objects_inside(void **state)
{
#define ACK(agents)                                                                                \
    "{\"type\":\"connection_ack\",\"agent_id\":\"gateway\",\"data\":{\"client_id\":\"c\","         \
    "\"agents\":" agents "},\"ts\":1}"
    (void)state;
    accept(ACK("[]"));
    accept(ACK("[{\"agent_id\":\"a\"},{\"agentId\":\"b\",\"role\":\"r\",\"x\":1}]"));
    refuse(ACK("[{\"agent_id\":\"a\"},{\"role\":\"r\"}]"), PARLEY_MISSING,
           "data.agents[1].agent_id", NULL);
    refuse(ACK("[{\"agent_id\":\"a\"},null]"), PARLEY_WRONG_KIND, "data.agents[1]", NULL);
    refuse(ACK("[{\"agent_id\":\"a\",\"role\":1}]"), PARLEY_WRONG_KIND, "data.agents[0].role",
           NULL);
    refuse(ACK("{}"), PARLEY_WRONG_KIND, "data.agents", NULL);
#undef ACK
}

static void what_is_received(void **state)
{
    static const char *const taken[] = {"{\"type\":\"bark\",\"data\":{\"text\":\"x\"}}",
                                        "{\"type\":\"agent_move\"}",
                                        "{\"type\":\"agent_move\",\"data\":{}}"};
    struct parley_problem problem;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_true(check_copy(PARLEY_WORLD, PARLEY_RECEIVED, taken[i], NULL));
        assert_false(check_copy(PARLEY_WORLD, PARLEY_STRICT, taken[i], NULL));
    }
    assert_false(check_copy(PARLEY_WORLD, PARLEY_RECEIVED, "{\"type\":\"bark\"}", &problem));
    assert_string_equal(problem.path, "data.text");
    assert_int_equal(problem.fault, PARLEY_MISSING);
    assert_false(check_copy(PARLEY_WORLD, PARLEY_RECEIVED, "{\"type\":\"agent_move\",\"data\":7}",
                            &problem));
    assert_string_equal(problem.path, "data");
}

static void the_gateway_dialect(void **state)
{
    struct parley_problem problem;

    (void)state;
    assert_true(
        check_copy(PARLEY_GATEWAY, PARLEY_STRICT, "{\"type\":\"ping\",\"id\":\"1\"}", NULL));
    assert_true(check_copy(PARLEY_GATEWAY, PARLEY_STRICT,
                           "{\"type\":\"presence\",\"id\":\"1\",\"payload\":{\"deviceId\":\"d\","
                           "\"status\":\"away\"},\"timestamp\":1}",
                           NULL));
    assert_false(
        check_copy(PARLEY_GATEWAY, PARLEY_STRICT, "{\"type\":\"ping\",\"id\":\"\"}", &problem));
    assert_string_equal(problem.path, "id");
    assert_int_equal(problem.fault, PARLEY_WRONG_LENGTH);
    assert_false(check_copy(PARLEY_GATEWAY, PARLEY_STRICT, "{\"type\":\"presence\",\"id\":\"1\"}",
                            &problem));
    assert_string_equal(problem.path, "payload");
    assert_int_equal(problem.fault, PARLEY_MISSING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(envelopes),
        cmocka_unit_test(members),
        cmocka_unit_test(duplicates),
        cmocka_unit_test(many_members),
        cmocka_unit_test(data_of_any_size),
        cmocka_unit_test(objects_beside_the_data),
        cmocka_unit_test(depth_around_the_data),
        cmocka_unit_test(other_names),
        cmocka_unit_test(one_value_under_two_names),
        cmocka_unit_test(objects_inside),
        cmocka_unit_test(what_is_received),
        cmocka_unit_test(the_gateway_dialect),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

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
        cmocka_unit_test(envelopes),           cmocka_unit_test(members),
        cmocka_unit_test(duplicates),          cmocka_unit_test(many_members),
        cmocka_unit_test(other_names),         cmocka_unit_test(one_value_under_two_names),
        cmocka_unit_test(objects_inside),      cmocka_unit_test(what_is_received),
        cmocka_unit_test(the_gateway_dialect),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "unit.h"

#include "agent_rig.h"

static void a_session_is_opened_asked_and_polled(void **state)
{
    struct agent_rig r;

    (void)state;
    rig_init(&r, &agent_aiagent);
    assert_true(rig_ask(&r, 7, NULL));
    assert_string_equal(rig_open(&r)->url, "http://agent:1/api/sessions");
    assert_string_equal(rig_open(&r)->method, "POST");
    assert_string_equal(rig_open(&r)->body, "{\"name\":\"matrix:r\"}");
    assert_string_equal(rig_open(&r)->bearer, "sesame");
    rig_answer(&r, 201, "{\"id\":\"s/1 ?\"}");
    rig_expect(&r, "reachable\nsession 7 s/1 ?\n");
    rig_pass(&r, 0);
    assert_string_equal(rig_open(&r)->url, "http://agent:1/api/sessions/s%2F1%20%3F/messages");
    assert_string_equal(rig_open(&r)->body, "{\"content\":\"q\",\"idempotency_key\":\"k\\\"1\"}");
    rig_answer(&r, 200, "{\"message_id\":12}");
    rig_pass(&r, 0);
    assert_string_equal(rig_open(&r)->method, "GET");
    assert_string_equal(rig_open(&r)->url,
                        "http://agent:1/api/sessions/s%2F1%20%3F/messages?after=12");
    rig_answer(&r, 200, "{\"status\":\"running\",\"messages\":[]}");
    assert_int_equal(rig_open_count(&r), 0);
    assert_int_equal(r.adapter->deadline(r.agent), r.now_ms + 500);
    rig_pass(&r, 500);
    rig_answer(
        &r, 200,
        "{\"status\":\"running\",\"messages\":[{\"role\":\"assistant\",\"content\":\"a\"}]}");
    rig_expect(&r, "answering 7 a\n");
    rig_pass(&r, 500);
    rig_answer(
        &r, 200,
        "{\"status\":\"done\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"},"
        "{\"role\":\"assistant\",\"content\":\"a\"},{\"role\":\"tool\",\"content\":\"y\"},"
        "{\"role\":\"assistant\",\"content\":\"b\"},{\"role\":\"assistant\",\"content\":null}]}");
    rig_expect(&r, "answered 7 well a\n\nb | \n");
    rig_fini(&r);
}

static void a_session_that_is_there_is_used(void **state)
{
    struct agent_rig r;

    (void)state;
    rig_init(&r, &agent_aiagent);
    assert_true(rig_ask(&r, 1, ".."));
    assert_string_equal(rig_open(&r)->url, "http://agent:1/api/sessions/../messages");
    rig_answer(&r, 404, "");
    rig_expect(&r, "reachable\nanswered 1 refused  | it knows no such session or model\n");
    rig_fini(&r);
}

/* Every step that fails is done again, with the same key. */
static void each_step_is_tried_again(void **state)
{
    struct agent_rig r;

    (void)state;
    rig_init(&r, &agent_aiagent);
    assert_true(rig_ask(&r, 1, NULL));
    rig_answer(&r, 500, "");
    rig_pass(&r, 250);
    rig_answer(&r, 200, "{\"id\":\"s\"}");
    rig_pass(&r, 0);
    rig_respond(&r, &(struct http_response){.error = HTTP_CUT, .retry_after_ms = -1});
    rig_pass(&r, 250);
    assert_string_equal(rig_open(&r)->body, "{\"content\":\"q\",\"idempotency_key\":\"k\\\"1\"}");
    rig_answer(&r, 200, "{\"message_id\":\"m\"}");
    rig_pass(&r, 0);
    rig_answer(&r, 502, "");
    rig_pass(&r, 250);
    rig_answer(&r, 200,
               "{\"status\":\"done\",\"messages\":[{\"role\":\"assistant\",\"content\":\"a\"}]}");
    rig_expect(
        &r, "away it has a fault of its own\nreachable\nsession 1 s\naway it ended the connection\n"
            "reachable\naway it has a fault of its own\nreachable\nanswered 1 well a | \n");
    rig_fini(&r);
}

static void what_is_no_answer_is_told(void **state)
{
    static const struct {
        const char *body;
        const char *record;
    } cases[] = {
        {"x", "reachable\nanswered 1 broken  | its answer is no JSON\n"},
        {"{}", "reachable\nanswered 1 broken  | it does not say whether it is done\n"},
        {"[]", "reachable\nanswered 1 broken  | it does not say whether it is done\n"},
        {"{\"status\":\"done\"}", "reachable\nanswered 1 broken  | it said nothing\n"},
        {"{\"status\":\"done\",\"messages\":{\"a\":{\"role\":\"assistant\",\"content\":\"b\"}}}",
         "reachable\nanswered 1 broken  | it said nothing\n"},
        {"{\"status\":\"error\",\"error\":\"http://secret\"}",
         "reachable\nanswered 1 broken  | it says that it has failed\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct agent_rig r;
        rig_init(&r, &agent_aiagent);
        assert_true(rig_ask(&r, 1, "s"));
        rig_answer(&r, 200, "{\"message_id\":\"m\"}");
        rig_pass(&r, 0);
        rig_answer(&r, 200, cases[i].body);
        rig_expect(&r, cases[i].record);
        rig_fini(&r);
    }
}

static void ids_are_needed(void **state)
{
    static const char *const bodies[] = {"{}", "{\"id\":\"\",\"message_id\":\"\"}",
                                         "{\"id\":null,\"message_id\":{}}", "7"};

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct agent_rig r;
        rig_init(&r, &agent_aiagent);
        assert_true(rig_ask(&r, 1, NULL));
        rig_answer(&r, 200, bodies[i]);
        rig_expect(&r, "reachable\nanswered 1 broken  | it gave the session no id\n");
        assert_true(rig_ask(&r, 2, "s"));
        rig_answer(&r, 200, bodies[i]);
        rig_expect(&r, "answered 2 broken  | it gave the question no id\n");
        rig_fini(&r);
    }
}

/* What is kept of a session has to be of use for its next question. */
static void ids_have_a_most(void **state)
{
    struct agent_rig r;
    char body[1200], session[21901];

    (void)state;
    rig_init(&r, &agent_aiagent);
    (void)str_format(body, sizeof(body), "{\"id\":\"%01025d\"}", 7);
    assert_true(rig_ask(&r, 1, NULL));
    rig_answer(&r, 200, body);
    rig_expect(&r, "reachable\nanswered 1 broken  | it gave the session no id\n");
    (void)str_format(body, sizeof(body), "{\"message_id\":\"%01025d\"}", 7);
    assert_true(rig_ask(&r, 1, "s"));
    rig_answer(&r, 200, body);
    rig_expect(&r, "answered 1 broken  | it gave the question no id\n");
    assert_true(rig_ask(&r, 2, NULL));
    (void)str_format(body, sizeof(body), "{\"id\":\"%01024d\"}", 7);
    rig_answer(&r, 200, body);
    buf_append_char(&r.record, '\0');
    assert_memory_equal(r.record.data, "session 2 000", 13);
    buf_clear(&r.record);
    r.adapter->stop(r.agent, 2);
    /* One of an earlier version that has kept a longer one is refused, when the bridge listens. */
    memset(session, '/', 21900);
    session[21900] = '\0';
    assert_true(rig_ask(&r, 3, session));
    rig_expect(&r, "");
    assert_int_equal(r.adapter->deadline(r.agent), r.now_ms);
    rig_pass(&r, 0);
    rig_expect(&r, "answered 3 refused  | the ids that it gave are too long\n");
    rig_fini(&r);
}

static void an_answer_has_a_most_and_a_deadline(void **state)
{
    struct agent_rig r;
    char body[256];

    (void)state;
    rig_init(&r, &agent_aiagent);
    assert_true(rig_ask(&r, 1, "s"));
    rig_answer(&r, 200, "{\"message_id\":\"m\"}");
    rig_pass(&r, 0);
    (void)str_format(
        body, sizeof(body),
        "{\"status\":\"done\",\"messages\":[{\"role\":\"assistant\",\"content\":\"%0101d\"}]}", 7);
    rig_answer(&r, 200, body);
    rig_expect(&r, "reachable\nanswered 1 broken  | its answer is too long\n");
    assert_true(rig_ask(&r, 2, "s"));
    rig_answer(&r, 200, "{\"message_id\":\"m\"}");
    rig_pass(&r, 0);
    rig_answer(&r, 200, "{\"status\":\"running\"}");
    rig_pass(&r, 60000);
    rig_expect(&r, "answered 2 timeout  | \n");
    rig_fini(&r);
}

static void a_probe_opens_no_session(void **state)
{
    struct agent_rig r;

    (void)state;
    rig_init(&r, &agent_aiagent);
    r.adapter->probe(r.agent);
    assert_string_equal(rig_open(&r)->method, "GET");
    rig_answer(&r, 405, "");
    rig_expect(&r, "reachable\n");
    rig_fini(&r);
}

/* Whoever says too much is there. */
static void a_long_answer_to_a_probe_is_one(void **state)
{
    struct agent_rig r;

    (void)state;
    rig_init(&r, &agent_aiagent);
    r.adapter->probe(r.agent);
    rig_respond(&r, &(struct http_response){.error = HTTP_TOO_LARGE, .status = 200});
    rig_expect(&r, "reachable\n");
    r.adapter->probe(r.agent);
    rig_respond(&r, &(struct http_response){.error = HTTP_TOO_LARGE, .status = 500});
    rig_expect(&r, "away its answer is too long\n");
    rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_is_opened_asked_and_polled),
        cmocka_unit_test(a_session_that_is_there_is_used),
        cmocka_unit_test(each_step_is_tried_again),
        cmocka_unit_test(what_is_no_answer_is_told),
        cmocka_unit_test(ids_are_needed),
        cmocka_unit_test(ids_have_a_most),
        cmocka_unit_test(an_answer_has_a_most_and_a_deadline),
        cmocka_unit_test(a_probe_opens_no_session),
        cmocka_unit_test(a_long_answer_to_a_probe_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "unit.h"

#include "agent_rig.h"
#include "json/reader.h"

static void event(struct agent_rig *r, const char *content)
{
    char text[256];

    (void)str_format(text, sizeof(text),
                     "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%s\"}}]}\n\n",
                     content);
    rig_part(r, text);
}

static const struct http_response ended = {.status = 200, .retry_after_ms = -1};

static void a_stream_is_an_answer(void **state)
{
    struct agent_rig r;

    (void)state;
    rig_init(&r, &agent_openai);
    assert_true(rig_ask(&r, 7, NULL));
    struct http_call *call = rig_open(&r);
    assert_string_equal(call->method, "POST");
    assert_string_equal(call->url, "http://agent:1/v1/chat/completions");
    assert_string_equal(call->bearer, "sesame");
    assert_string_equal(
        call->body,
        "{\"model\":\"m1\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"a\"},"
        "{\"role\":\"assistant\",\"content\":\"b\"},{\"role\":\"user\",\"content\":\"q\"}]}");
    event(&r, "He");
    event(&r, "llo");
    rig_expect(&r, "answering 7 He\nanswering 7 Hello\n");
    rig_part(&r, "data: [DONE]\n\n");
    rig_expect(&r, "answered 7 well Hello | \n");
    /* Its request may end by itself; not for ever. */
    assert_int_equal(rig_open_count(&r), 1);
    rig_pass(&r, 1000);
    assert_int_equal(rig_open_count(&r), 0);
    rig_fini(&r);
}

/* Time goes on while the loop waits: what fails then is tried for as long as at other times. */
static void it_fails_behind_a_long_wait(void **state)
{
    struct agent_rig r;

    (void)state;
    rig_init(&r, &agent_openai);
    assert_true(rig_ask(&r, 1, NULL));
    r.now_ms += 25000;
    agent_openai.clock(r.agent, (struct bridge_time){.mono_ms = r.now_ms});
    rig_answer(&r, 503, "");
    rig_pass(&r, 249);
    assert_int_equal(rig_open_count(&r), 0);
    for (unsigned i = 0; i < 3; i++) {
        rig_pass(&r, 4000);
        rig_answer(&r, 503, "");
    }
    rig_expect(&r, "away it has a fault of its own\n");
    rig_pass(&r, 4000);
    rig_answer(&r, 503, "");
    rig_expect(&r, "answered 1 away  | it has a fault of its own\n");
    rig_fini(&r);
}

static void it_may_end_in_other_ways(void **state)
{
    struct agent_rig r;

    (void)state;
    rig_init(&r, &agent_openai);
    assert_true(rig_ask(&r, 1, NULL));
    event(&r, "a");
    rig_respond(&r, &ended);
    rig_expect(&r, "answering 1 a\nreachable\nanswered 1 well a | \n");
    assert_true(rig_ask(&r, 2, NULL));
    rig_part(
        &r, "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n");
    rig_expect(&r, "answered 2 well a | \n");
    rig_respond(&r, &ended);
    assert_true(rig_ask(&r, 3, NULL));
    rig_part(&r, "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"\"}]}");
    rig_respond(&r, &ended);
    rig_expect(&r, "answered 3 well a | \n");
    assert_true(rig_ask(&r, 4, NULL));
    rig_part(&r, "data: [DONE]\n\n");
    rig_respond(&r, &ended);
    rig_expect(&r, "answered 4 broken  | it said nothing\n");
    rig_fini(&r);
}

static void oddities_say_nothing(void **state)
{
    static const char *const odd[] = {
        "\xef\xbb\xbf: hello\r\n\r\n",
        "data: {\"choices\":null}\n\n",
        "data: {\"choices\":[]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":null}}]}\n\n",
        "data: {\"choices\":[{\"delta\":null}]}\n\n",
        "data: {\"choices\":[7]}\n\n",
        "data: {\"choices\":{\"a\":{}}}\n\n",
        "data: not json\n\n",
        "data: {\"error\":null}\n\n",
        "data: 7\n\n",
        "data\n\n",
    };
    struct agent_rig r;

    (void)state;
    rig_init(&r, &agent_openai);
    assert_true(rig_ask(&r, 1, NULL));
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        rig_part(&r, odd[i]);
        rig_expect(&r, "");
    }
    event(&r, "a");
    rig_respond(&r, &ended);
    rig_expect(&r, "answering 1 a\nreachable\nanswered 1 well a | \n");
    rig_fini(&r);
}

static void one_object_is_an_answer(void **state)
{
    struct agent_rig r;

    (void)state;
    rig_init(&r, &agent_openai);
    assert_true(rig_ask(&r, 1, NULL));
    rig_part(&r, " \n{\"choices\":[{\"message\":{\"content\":");
    rig_part(&r, "\"a\"}}]}");
    rig_respond(&r, &ended);
    rig_expect(&r, "reachable\nanswered 1 well a | \n");
    assert_true(rig_ask(&r, 2, NULL));
    rig_part(&r, "{\"error\":{\"message\":\"secret\"}}");
    rig_respond(&r, &ended);
    rig_expect(&r, "answered 2 broken  | it broke off with an error\n");
    rig_fini(&r);
}

static void an_error_ends_a_stream(void **state)
{
    struct agent_rig r;

    (void)state;
    rig_init(&r, &agent_openai);
    assert_true(rig_ask(&r, 1, NULL));
    event(&r, "a");
    rig_part(&r, "data: {\"error\":{\"message\":\"http://secret\"}}\n\n");
    rig_expect(&r, "answering 1 a\nanswered 1 broken a | it broke off with an error\n");
    assert_int_equal(rig_open_count(&r), 0);
    assert_true(rig_ask(&r, 2, NULL));
    event(&r, "a");
    rig_respond(&r, &(struct http_response){.error = HTTP_CUT, .retry_after_ms = -1});
    rig_expect(&r, "answering 2 a\naway it ended the connection\n"
                   "answered 2 broken a | it ended the connection\n");
    rig_fini(&r);
}

static void an_answer_has_a_most(void **state)
{
    struct agent_rig r;

    (void)state;
    rig_init(&r, &agent_openai);
    assert_true(rig_ask(&r, 1, NULL));
    for (int i = 0; i < 10; i++) {
        event(&r, "0123456789");
    }
    buf_clear(&r.record);
    event(&r, "x");
    rig_expect(&r,
               "answered 1 broken "
               "01234567890123456789012345678901234567890123456789012345678901234567890123456789"
               "01234567890123456789 | its answer is too long\n");
    assert_int_equal(rig_open_count(&r), 0);
    rig_fini(&r);
}

static void what_can_pass_is_tried_again(void **state)
{
    struct agent_rig r;

    (void)state;
    rig_init(&r, &agent_openai);
    assert_true(rig_ask(&r, 1, NULL));
    rig_answer(&r, 503, "no");
    rig_expect(&r, "away it has a fault of its own\n");
    assert_int_equal(rig_open_count(&r), 0);
    assert_int_equal(r.adapter->deadline(r.agent), r.now_ms + 250);
    rig_pass(&r, 249);
    assert_int_equal(rig_open_count(&r), 0);
    rig_pass(&r, 1);
    rig_respond(&r, &(struct http_response){.status = 429, .retry_after_ms = 3000});
    rig_expect(&r, "reachable\n");
    rig_pass(&r, 2999);
    assert_int_equal(rig_open_count(&r), 0);
    rig_pass(&r, 1);
    /* A stream that was cut before its first text begins anew. */
    rig_part(&r, "data: {\"choices\":");
    rig_respond(&r, &(struct http_response){.error = HTTP_CUT, .retry_after_ms = -1});
    rig_pass(&r, 4000);
    rig_part(&r, "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n");
    rig_respond(&r, &ended);
    rig_expect(&r,
               "away it ended the connection\nanswering 1 a\nreachable\nanswered 1 well a | \n");
    rig_fini(&r);
}

static void it_is_not_tried_for_ever(void **state)
{
    struct agent_rig r;
    uint64_t start;

    (void)state;
    rig_init(&r, &agent_openai);
    start = r.now_ms;
    assert_true(rig_ask(&r, 1, NULL));
    size_t tries = 0;
    while (rig_open_count(&r) > 0) {
        rig_respond(&r, &(struct http_response){.error = HTTP_UNREACHABLE, .retry_after_ms = -1});
        tries++;
        uint64_t due = r.adapter->deadline(r.agent);
        if (due != UINT64_MAX) {
            rig_pass(&r, due - r.now_ms);
        }
    }
    rig_expect(&r, "away nobody answers there\nanswered 1 away  | nobody answers there\n");
    assert_in_range(tries, 5, 12);
    assert_in_range(r.now_ms - start, 10000, 20000);
    rig_fini(&r);
}

static void what_cannot_pass_is_told_at_once(void **state)
{
    static const struct {
        struct http_response response;
        const char *record;
    } cases[] = {
        {{.status = 401},
         "away it does not accept the key of this bridge\n"
         "answered 1 refused  | it does not accept the key of this bridge\n"},
        {{.status = 400, .body = {"http://x", 8}},
         "reachable\nanswered 1 refused  | it refused the request\n"},
        {{.status = 404}, "reachable\nanswered 1 refused  | it knows no such session or model\n"},
        {{.status = 302}, "reachable\nanswered 1 refused  | it refused the request\n"},
        {{.error = HTTP_TLS},
         "away its certificate is not to be believed\nanswered 1 away  | its certificate is not to "
         "be believed\n"},
        {{.error = HTTP_TOO_LARGE}, "reachable\nanswered 1 broken  | its answer is too long\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct agent_rig r;
        rig_init(&r, &agent_openai);
        assert_true(rig_ask(&r, 1, NULL));
        rig_respond(&r, &cases[i].response);
        rig_expect(&r, cases[i].record);
        rig_fini(&r);
    }
}

static void a_turn_has_a_deadline(void **state)
{
    struct agent_rig r;

    (void)state;
    rig_init(&r, &agent_openai);
    assert_true(rig_ask(&r, 1, NULL));
    event(&r, "a");
    assert_int_equal(r.adapter->deadline(r.agent), r.now_ms + 60000);
    rig_pass(&r, 59999);
    rig_expect(&r, "answering 1 a\n");
    rig_pass(&r, 1);
    rig_expect(&r, "answered 1 timeout a | \n");
    assert_int_equal(rig_open_count(&r), 0);
    assert_int_equal(r.adapter->deadline(r.agent), UINT64_MAX);
    rig_fini(&r);
}

static void a_stopped_turn_is_heard_no_more(void **state)
{
    struct agent_rig r;

    (void)state;
    rig_init(&r, &agent_openai);
    assert_true(rig_ask(&r, 1, NULL));
    assert_true(rig_ask(&r, 2, NULL));
    r.adapter->stop(r.agent, 1);
    r.adapter->stop(r.agent, 3);
    event(&r, "a");
    rig_respond(&r, &ended);
    rig_expect(&r, "answering 2 a\nreachable\nanswered 2 well a | \n");
    rig_fini(&r);
}

static void a_probe_opens_no_turn(void **state)
{
    struct agent_rig r;

    (void)state;
    rig_init(&r, &agent_openai);
    r.adapter->probe(r.agent);
    r.adapter->probe(r.agent);
    assert_string_equal(rig_open(&r)->url, "http://agent:1/v1/models");
    rig_answer(&r, 404, "");
    rig_expect(&r, "reachable\n");
    r.adapter->probe(r.agent);
    rig_answer(&r, 200, "");
    rig_expect(&r, "reachable\n");
    r.adapter->probe(r.agent);
    rig_answer(&r, 403, "");
    rig_expect(&r, "away it does not accept the key of this bridge\n");
    r.adapter->probe(r.agent);
    rig_fini(&r);
}

static void memory_may_be_short(void **state)
{
    struct agent_rig r;

    (void)state;
    rig_init(&r, &agent_openai);
    r.http.fails = 1;
    assert_false(rig_ask(&r, 1, NULL));
    rig_expect(&r, "");
    assert_true(rig_ask(&r, 2, NULL));
    rig_answer(&r, 500, "");
    r.http.fails = 1;
    rig_pass(&r, 250);
    rig_pass(&r, 500);
    event(&r, "a");
    rig_respond(&r, &ended);
    rig_expect(&r,
               "away it has a fault of its own\nanswering 2 a\nreachable\nanswered 2 well a | \n");
    rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_is_an_answer),
        cmocka_unit_test(it_may_end_in_other_ways),
        cmocka_unit_test(it_fails_behind_a_long_wait),
        cmocka_unit_test(oddities_say_nothing),
        cmocka_unit_test(one_object_is_an_answer),
        cmocka_unit_test(an_error_ends_a_stream),
        cmocka_unit_test(an_answer_has_a_most),
        cmocka_unit_test(what_can_pass_is_tried_again),
        cmocka_unit_test(it_is_not_tried_for_ever),
        cmocka_unit_test(what_cannot_pass_is_told_at_once),
        cmocka_unit_test(a_turn_has_a_deadline),
        cmocka_unit_test(a_stopped_turn_is_heard_no_more),
        cmocka_unit_test(a_probe_opens_no_turn),
        cmocka_unit_test(memory_may_be_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

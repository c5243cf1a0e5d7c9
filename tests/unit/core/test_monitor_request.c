#include "errand.h"

/* monitor, and what is said of requests: each thing once, with the bytes that its receiver gets. */

struct scene {
    struct room *r;
    int boss, agent, asker;
};

static void watch(struct room *r, int client, const char *filter)
{
    room_say(r, client, "{\"type\":\"monitor\",\"id\":\"m\",\"payload\":{%s}}", filter);
    room_expect(r, client, "{\"type\":\"monitor\",\"payload\":{\"watching\":true}}");
}

static struct scene scene_new(bool worlds, const char *filter)
{
    struct scene s = {.r = room_new(NULL)};

    s.boss = room_control(s.r);
    s.agent = worlds ? agent_of_world(s.r, "pi", "grep") : agent_of(s.r, "pi", "grep", 1);
    s.asker = worlds ? room_join(s.r, "attic") : room_control(s.r);
    watch(s.r, s.boss, filter);
    return s;
}

static const char *name_of(const struct scene *s, int client)
{
    return client == s->agent ? "pi" : s->r->clients[client].id;
}

/* What a client hears next has been copied next, from `source`; returns what it was. */
static const char *expect_copied(const struct scene *s, const char *source, int to)
{
    char around[300];
    const char *heard = room_next(s->r, to), *copy = room_next(s->r, s->boss);
    bool is_world = s->r->clients[to].conn->dialect == DIALECT_WORLD;

    assert_non_null(heard);
    assert_non_null(copy);
    assert_non_null(strstr(copy, "{\"type\":\"monitor\","));
    const char *message = strstr(copy, heard);
    assert_non_null(message);
    (void)snprintf(around, sizeof(around),
                   ",\"dialect\":\"%s\",\"source\":\"%s\",\"target\":\"%s\",\"at\":",
                   is_world ? "world" : "gateway", source, name_of(s, to));
    assert_memory_equal(message + strlen(heard), around, strlen(around));
    return heard;
}

static void expect_no_more(const struct scene *s)
{
    for (int i = 0; i < s->r->count; i++) {
        room_expect_nothing(s->r, i);
    }
}

static struct given given_in(const char *text)
{
    struct given given;

    assert_int_equal(sscanf(strstr(text, "\"id\":\""), "\"id\":\"%63[^\"]\"", given.id), 1);
    return given;
}

/* Asked by the scene's asker, in its dialect. */
static struct given ask_agent(const struct scene *s, const char *id)
{
    bool is_world = s->r->clients[s->asker].conn->dialect == DIALECT_WORLD;

    room_say(s->r, s->asker,
             "{\"type\":\"route_request\",\"id\":\"%s\",\"%s\":{\"capability\":\"grep\","
             "\"request\":{\"n\":0.10}}}",
             id, is_world ? "data" : "payload");
    return given_in(expect_copied(s, name_of(s, s->asker), s->agent));
}

static void answer_it(const struct scene *s, struct given given, bool done)
{
    bool is_world = s->r->clients[s->agent].conn->dialect == DIALECT_WORLD;

    room_say(s->r, s->agent,
             "{\"type\":\"route_response\",\"id\":\"a\",\"%s\":{\"requestId\":\"%s\",\"ok\":true,"
             "\"result\":1E2,\"done\":%s}}",
             is_world ? "data" : "payload", given.id, done ? "true" : "false");
}

static void test_answers(void **state)
{
    (void)state;
    for (int worlds = 0; worlds < 2; worlds++) {
        struct scene s = scene_new(worlds == 1, "");
        struct given given = ask_agent(&s, "q");
        answer_it(&s, given, false);
        (void)expect_copied(&s, "pi", s.asker);
        answer_it(&s, given, true);
        (void)expect_copied(&s, "pi", s.asker);
        answer_it(&s, given, true); /* late: nobody hears it */
        expect_no_more(&s);
        room_free(s.r);
    }
}

/* Cancelled, too late, and given up by going: the agent's notice and the asker's, each once. */
static void test_ends(void **state)
{
    (void)state;
    for (int worlds = 0; worlds < 2; worlds++) {
        const char *member = worlds == 1 ? "data" : "payload";
        struct scene s = scene_new(worlds == 1, "");
        const char *asker = name_of(&s, s.asker);
        (void)ask_agent(&s, "q");
        room_say(s.r, s.asker,
                 "{\"type\":\"route_cancel\",\"id\":\"x\",\"%s\":{\"requestId\":\"q\"}}", member);
        assert_non_null(strstr(expect_copied(&s, asker, s.agent), "route_cancel"));
        assert_non_null(strstr(expect_copied(&s, "gateway", s.asker), "ROUTE_CANCELLED"));
        (void)ask_agent(&s, "q");
        room_advance(s.r, 30000);
        assert_non_null(strstr(expect_copied(&s, asker, s.agent), "route_cancel"));
        assert_non_null(strstr(expect_copied(&s, "gateway", s.asker), "ROUTE_TIMEOUT"));
        (void)ask_agent(&s, "q");
        room_abort(s.r, s.asker);
        assert_non_null(strstr(expect_copied(&s, asker, s.agent), "route_cancel"));
        expect_no_more(&s);
        room_free(s.r);
    }
}

/* An agent that goes: another one is tried, and when it goes too, that was that. */
static void test_fail_over(void **state)
{
    struct scene s = scene_new(false, "");

    (void)state;
    (void)ask_agent(&s, "q");
    int other = agent_of(s.r, "po", "grep", 1);
    room_abort(s.r, s.agent);
    room_expect(s.r, other, "{\"type\":\"route_request\"}");
    room_expect(s.r, s.boss,
                "{\"type\":\"monitor\",\"payload\":{\"message\":{\"type\":\"route_request\"},"
                "\"target\":\"po\"}}");
    room_abort(s.r, other);
    assert_non_null(strstr(expect_copied(&s, "gateway", s.asker), "AGENT_GONE"));
    expect_no_more(&s);
    room_free(s.r);
}

static void test_chat(void **state)
{
    struct room *r = room_new(NULL);
    struct scene s = {.r = r, .boss = room_control(r)};

    (void)state;
    s.agent = agent_of(r, "pi", "chat", 1);
    s.asker = room_control(r);
    watch(r, s.boss, "");
    room_say(r, s.asker, "{\"type\":\"chat\",\"id\":\"q\",\"payload\":{\"message\":\"hi\"}}");
    struct given given = given_in(expect_copied(&s, name_of(&s, s.asker), s.agent));
    room_say(r, s.agent,
             "{\"type\":\"chat_stream\",\"id\":\"a\",\"replyTo\":\"%s\",\"payload\":{\"content\":"
             "\"h\",\"done\":false,\"index\":0}}",
             given.id);
    (void)expect_copied(&s, "pi", s.asker);
    room_say(r, s.agent,
             "{\"type\":\"error\",\"id\":\"b\",\"replyTo\":\"%s\",\"payload\":{\"code\":\"X\"}}",
             given.id);
    (void)expect_copied(&s, "pi", s.asker);
    expect_no_more(&s);
    room_free(r);
}

/* Who watches and asks himself hears the gateway's word on it once, the agent's like anybody's. */
static void test_own_request(void **state)
{
    struct room *r = room_new(NULL);
    int agent = agent_of(r, "pi", "grep", 1), boss = room_control(r);

    (void)state;
    watch(r, boss, "");
    ask(r, boss, "q", FOR_GREP);
    struct given given = take(r, agent);
    room_expect(r, boss, "{\"type\":\"monitor\",\"payload\":{\"target\":\"pi\"}}");
    answer(r, agent, given, false);
    room_expect(r, boss, "{\"type\":\"monitor\",\"payload\":{\"source\":\"pi\"}}");
    expect_answer(r, boss, "q", "pi", false);
    room_advance(r, 30000);
    expect_cancel(r, agent, given);
    room_expect(r, boss,
                "{\"type\":\"monitor\",\"payload\":{\"message\":{\"type\":\"route_cancel\"}}}");
    expect_end(r, boss, "q", "ROUTE_TIMEOUT");
    ask(r, boss, "q", ",\"capability\":\"none\""); /* refused: it is not passed on */
    room_expect(r, boss, "{\"type\":\"error\",\"payload\":{\"code\":\"NO_AGENT\"}}");
    room_expect_nothing(r, boss);
    room_free(r);
}

static void test_filters(void **state)
{
    /* What is copied of: the request, its answer, its cancel, its end. */
    struct scene s = scene_new(false, "\"types\":[]");
    char by_asker[64];
    (void)snprintf(by_asker, sizeof(by_asker), "\"from\":\"%s\"", name_of(&s, s.asker));
    const struct {
        const char *filter;
        const char *types[5];
    } rows[] = {
        {"", {"route_request", "route_response", "route_cancel", "error"}},
        {"\"types\":[\"route_re*\"]", {"route_request", "route_response"}},
        {"\"types\":[\"error\"]", {"error"}},
        {"\"from\":\"pi\"", {"route_response"}},
        {by_asker, {"route_request", "route_cancel"}},
        {"\"from\":\"gateway\"", {"error"}},
        {"\"sessions\":[\"den\"]", {NULL}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        watch(s.r, s.boss, rows[i].filter);
        ask(s.r, s.asker, "q", FOR_GREP);
        struct given given = take(s.r, s.agent);
        answer(s.r, s.agent, given, false);
        room_advance(s.r, 30000);
        for (const char *const *type = rows[i].types; *type != NULL; type++) {
            char pattern[128];
            (void)snprintf(pattern, sizeof(pattern),
                           "{\"type\":\"monitor\",\"payload\":{\"message\":{\"type\":\"%s\"}}}",
                           *type);
            room_expect(s.r, s.boss, pattern);
        }
        room_expect_nothing(s.r, s.boss);
        while (room_next(s.r, s.agent) != NULL) {
        }
    }
    room_free(s.r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),     cmocka_unit_test(test_ends),
        cmocka_unit_test(test_fail_over),   cmocka_unit_test(test_chat),
        cmocka_unit_test(test_own_request), cmocka_unit_test(test_filters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

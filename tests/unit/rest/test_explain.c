#include "unit.h"

#include <stdio.h>

#include "desk.h"

static const char path[] = "/api/gateway/explain";

static void test_verdicts(void **state)
{
    static const struct {
        const char *body;
        const char *verdict; /* as they are written */
        const char *receivers;
        const char *session;
        const char *target;
        const char *details;
    } cases[] = {
        {"\"message\":{\"type\":\"bark\"}", "\"delivered\"", "3", "\"world:main\"", "", "{}"},
        {"\"world\":\"main\",\"message\":{\"type\":\"bark\"}", "\"delivered\"", "3",
         "\"world:main\"", "", "{}"},
        {"\"session\":\"world:main\",\"dialect\":\"world\",\"message\":{\"type\":\"bark\"}",
         "\"delivered\"", "3", "\"world:main\"", "", "{}"},
        {"\"as\":\"tim\",\"message\":{\"type\":\"bark\"}", "\"delivered\"", "2", "\"world:main\"",
         "", "{}"},
        {"\"as\":\"tim\",\"message\":{\"type\":\"bark\",\"target_id\":\"tim\"}", "\"delivered\"",
         "1", "", "\"tim\"", "{}"},
        {"\"as\":\"tim\",\"message\":{\"type\":\"ping\"}", "\"answered\"", "0", "", "", "{}"},
        {"\"message\":{\"type\":\"agent_joined\"}", "\"FORBIDDEN\"", "0", "", "",
         "{\"rule\":\"gateway_types\",\"type\":\"agent_joined\"}"},
        {"\"world\":\"nowhere\",\"message\":{\"type\":\"bark\"}", "\"SESSION_NOT_FOUND\"", "0", "",
         "", "{\"path\":\"session\"}"},
        {"\"message\":{\"type\":\"bark\",\"target_id\":\"x\"}", "\"TARGET_NOT_FOUND\"", "0", "", "",
         "{\"target_id\":\"x\"}"},
        {"\"message\":{}", "\"INVALID_MESSAGE\"", "0", "", "", "{\"path\":\"type\"}"},
    };
    struct desk d;
    char body[256];

    (void)state;
    desk_begin(&d);
    (void)desk_client(&d, "{\"type\":\"agent_register\",\"agentId\":\"tim\"}");
    (void)desk_client(&d, "");
    (void)desk_client(&d, "");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void)snprintf(body, sizeof(body), "{%s}", cases[i].body);
        struct str answer = desk_post(&d, 200, path, "", body);
        expect_member(answer, "verdict", cases[i].verdict);
        expect_member(answer, "receivers", cases[i].receivers);
        expect_member(answer, "session", cases[i].session);
        expect_member(answer, "target", cases[i].target);
        expect_member(answer, "details", cases[i].details);
        bool refused = strstr("\"delivered\" \"answered\"", cases[i].verdict) == NULL;
        assert_int_equal(json_get(answer, STR("message")).len > 2, refused);
    }
    desk_end(&d);
}

static void test_questions(void **state)
{
    static const struct {
        const char *body;
        int status;
        const char *code;
        const char *details;
    } cases[] = {
        {"{}", 400, "INVALID_MESSAGE",
         "{\"path\":\"message\",\"expected\":\"an object\",\"found\":\"nothing\"}"},
        {"{\"message\":{},\"dialect\":\"latin\"}", 400, "INVALID_MESSAGE",
         "{\"path\":\"dialect\"}"},
        {"{\"message\":{},\"dialect\":\"gateway\"}", 400, "INVALID_MESSAGE", "{\"path\":\"as\"}"},
        {"{\"message\":{},\"as\":\"tim\",\"world\":\"main\"}", 400, "INVALID_MESSAGE",
         "{\"path\":\"as\"}"},
        {"{\"message\":{},\"session\":\"world:main\",\"world\":\"main\"}", 400, "INVALID_MESSAGE",
         "{\"path\":\"world\"}"},
        {"{\"message\":{},\"as\":\"nobody\"}", 404, "TARGET_NOT_FOUND", "{\"path\":\"as\"}"},
        {"{\"message\":{},\"as\":\"tim\",\"dialect\":\"gateway\"}", 400, "INVALID_MESSAGE",
         "{\"path\":\"dialect\"}"},
    };
    struct desk d;

    (void)state;
    desk_begin(&d);
    (void)desk_client(&d, "{\"type\":\"agent_register\",\"agentId\":\"tim\"}");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        expect_error(desk_post(&d, cases[i].status, path, "", cases[i].body), cases[i].code,
                     cases[i].details);
    }
    desk_end(&d);
}

/* One who is no administrator learns what he may send, and nothing of the clients of others. */
static void test_guest(void **state)
{
    struct desk d;

    (void)state;
    desk_begin(&d);
    desk_lock(&d);
    struct evidence evidence = {.near = true, .kind = CREDENTIAL_BEARER, .credential = STR("root")};
    (void)desk_client_from(&d, "{\"type\":\"agent_register\",\"agentId\":\"tim\"}", &evidence);
    d.token = STR("guest");
    expect_member(desk_post(&d, 200, path, "", "{\"message\":{\"type\":\"bark\"}}"), "verdict",
                  "\"delivered\"");
    expect_member(desk_post(&d, 200, path, "", "{\"message\":{\"type\":\"thought\"}}"), "details",
                  "{\"rule\":\"grant:publish\"}");
    expect_member(desk_post(&d, 200, path, "", "{\"world\":\"x\",\"message\":{\"type\":\"bark\"}}"),
                  "details", "{\"rule\":\"grant:sessions\"}");
    expect_error(desk_post(&d, 404, path, "", "{\"as\":\"tim\",\"message\":{\"type\":\"bark\"}}"),
                 "TARGET_NOT_FOUND", "{\"path\":\"as\"}");
    desk_end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_questions),
        cmocka_unit_test(test_guest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "unit.h"

#include <stdio.h>

#include "desk.h"

/* Who asks, what for, and what they are answered; written by hand, not made from the table. */
enum { NOBODY, WRONG, GUEST, ROOT, ASKERS };
static const char *const tokens[ASKERS] = {"", "n0tone", "guest", "root"};

static const struct {
    const char *method;
    const char *path;
    int expected[ASKERS];
} verdicts[] = {
    {"GET", "/", {200, 200, 200, 200}},
    {"GET", "/web/parley.css", {200, 200, 200, 200}},
    {"GET", "/web/parley.js", {200, 200, 200, 200}},
    {"GET", "/web/icon.svg", {200, 200, 200, 200}},
    {"GET", "/health", {200, 200, 200, 200}},
    {"GET", "/healthz", {200, 200, 200, 200}},
    {"GET", "/readyz", {200, 200, 200, 200}},
    {"GET", "/nothing", {404, 404, 404, 404}},
    {"GET", "/metrics", {401, 401, 200, 200}},
    {"GET", "/api/gateway/status", {200, 401, 200, 200}},
    {"GET", "/api/gateway/agents", {401, 401, 200, 200}},
    {"GET", "/api/gateway/sessions", {401, 401, 200, 200}},
    {"GET", "/api/gateway/clients", {401, 401, 403, 200}},
    {"GET", "/api/gateway/clients/tim", {401, 401, 403, 200}},
    {"POST", "/api/gateway/clients/nobody/kick", {401, 401, 403, 404}},
    {"POST", "/api/gateway/tickets", {401, 401, 403, 201}},
    {"POST", "/api/gateway/publish", {401, 401, 403, 400}},
    {"POST", "/api/gateway/explain", {401, 401, 400, 400}},
    {"POST", "/api/gateway/drain", {401, 401, 403, 202}},
};

static struct str ask_as(struct desk *d, int status, const char *token, const char *method,
                         const char *path)
{
    char request[256];

    d->token = str_from_z(token);
    (void)snprintf(request, sizeof(request),
                   "%s %s HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\r\n", method,
                   path);
    return desk_ask(d, status, request);
}

static void test_verdicts(void **state)
{
    struct desk d;

    (void)state;
    desk_begin(&d);
    (void)desk_client(&d, "{\"type\":\"agent_register\",\"agentId\":\"tim\"}");
    desk_lock(&d);
    /* The connection without a credential is closed; an agent with one takes its place. */
    struct evidence evidence = {.near = true, .kind = CREDENTIAL_BEARER, .credential = STR("root")};
    (void)desk_client_from(&d, "{\"type\":\"agent_register\",\"agentId\":\"tim\"}", &evidence);
    for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
        for (unsigned who = 0; who < ASKERS; who++) {
            int expected = verdicts[i].expected[who];
            struct str body =
                ask_as(&d, expected, tokens[who], verdicts[i].method, verdicts[i].path);
            if (expected == 401) {
                expect_error(body, who == NOBODY ? "AUTH_REQUIRED" : "AUTH_FAILED", "{}");
                expect_text(desk_field(&d, "WWW-Authenticate"), "Bearer");
            } else if (expected == 403) {
                expect_error(body, "FORBIDDEN", "{\"rule\":\"grant:admin\"}");
                expect_text(desk_field(&d, "WWW-Authenticate"), "");
            }
            assert_false(has_text(buf_str(&d.answer), tokens[WRONG]));
        }
    }
    desk_end(&d);
}

/* A stranger sees how many there are, and not who. */
static void test_counts_only(void **state)
{
    struct desk d;

    (void)state;
    desk_begin(&d);
    desk_lock(&d);
    struct evidence evidence = {.near = true, .kind = CREDENTIAL_BEARER, .credential = STR("root")};
    (void)desk_client_from(&d, "{\"type\":\"agent_register\",\"agentId\":\"secretive\"}",
                           &evidence);
    struct str body = desk_get(&d, 200, "/api/gateway/status");
    expect_member(body, "total", "1");
    expect_member(body, "connections", "1");
    expect_member(body, "agents", "");
    assert_false(has_text(body, "secretive"));
    d.token = STR("guest");
    assert_true(has_text(desk_get(&d, 200, "/api/gateway/status"), "secretive"));
    desk_end(&d);
}

static void test_public_metrics(void **state)
{
    struct desk d;

    (void)state;
    desk_begin(&d);
    desk_lock(&d);
    (void)desk_get(&d, 401, "/metrics");
    d.rest.public_metrics = true;
    (void)desk_get(&d, 200, "/metrics");
    d.token = STR("wrong");
    (void)desk_get(&d, 200, "/metrics");
    desk_end(&d);
}

/* Tokens of the machine itself are exempt from the limiter, those from elsewhere are not. */
static void test_locked_out(void **state)
{
    struct desk d;

    (void)state;
    desk_begin(&d);
    desk_lock(&d);
    d.far = true;
    d.token = STR("wrong");
    for (unsigned i = 0; i < 10; i++) {
        expect_error(desk_get(&d, 401, "/api/gateway/agents"), "AUTH_FAILED", "{}");
    }
    d.token = STR("root");
    expect_error(desk_get(&d, 429, "/api/gateway/agents"), "RATE_LIMITED",
                 "{\"retry_after_ms\":300000}");
    expect_text(desk_field(&d, "Retry-After"), "300");
    desk_wait(&d, 1);
    (void)desk_get(&d, 429, "/api/gateway/status");
    expect_text(desk_field(&d, "Retry-After"), "300");
    (void)desk_get(&d, 200, "/health");
    desk_wait(&d, 300000);
    (void)desk_get(&d, 200, "/api/gateway/agents");
    desk_end(&d);
}

static void test_without_authentication(void **state)
{
    struct desk d;

    (void)state;
    desk_begin(&d);
    d.token = STR("whatever");
    (void)desk_get(&d, 200, "/api/gateway/clients");
    d.far = true;
    (void)desk_get(&d, 200, "/api/gateway/agents");
    expect_error(desk_get(&d, 403, "/api/gateway/clients"), "FORBIDDEN",
                 "{\"rule\":\"grant:admin\"}");
    desk_end(&d);
}

/* A password takes its time; the answer comes when it has been checked. */
static void test_password(void **state)
{
    struct desk d;

    (void)state;
    desk_begin(&d);
    desk_lock_by_password(&d);
    d.token = STR("open");
    expect_member(desk_get(&d, 200, "/api/gateway/clients"), "total", "0");
    assert_true(d.job != 0);
    d.token = STR("shut");
    expect_error(desk_get(&d, 401, "/api/gateway/clients"), "AUTH_FAILED", "{}");
    d.job = 0;
    (void)desk_get(&d, 200, "/health");
    assert_int_equal(d.job, 0);
    desk_end(&d);
}

static void test_media_types(void **state)
{
    static const struct {
        const char *field;
        int status;
    } cases[] = {
        {"", 415},
        {"Content-Type: text/plain\r\n", 415},
        {"Content-Type: application/x-www-form-urlencoded\r\n", 415},
        {"Content-Type: application/jsonx\r\n", 415},
        {"Content-Type: Application/JSON ; charset=utf-8\r\n", 202},
        {"Content-Type: application/json\r\n", 202},
    };
    struct desk d;
    char request[256];

    (void)state;
    desk_begin(&d);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void)snprintf(request, sizeof(request),
                       "POST /api/gateway/drain HTTP/1.1\r\nHost: a\r\n%s\r\n", cases[i].field);
        struct str body = desk_ask(&d, cases[i].status, request);
        if (cases[i].status == 415) {
            expect_error(body, "UNSUPPORTED_MEDIA_TYPE", "{}");
        }
    }
    desk_end(&d);
}

static void test_body_limits(void **state)
{
    static char body[16 * 1024 + 2];
    struct desk d;

    (void)state;
    desk_begin(&d);
    memset(body, ' ', sizeof(body) - 1);
    memcpy(body, "{}", 2);
    body[16 * 1024] = '\0';
    (void)desk_post(&d, 202, "/api/gateway/drain", "", body);
    body[16 * 1024] = ' ';
    expect_error(desk_post(&d, 413, "/api/gateway/drain", "", body), "MESSAGE_TOO_LARGE",
                 "{\"limit_bytes\":16384}");
    expect_error(desk_ask(&d, 413, "GET /health HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"),
                 "MESSAGE_TOO_LARGE", "{\"limit_bytes\":0}");
    desk_end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_counts_only),
        cmocka_unit_test(test_public_metrics),
        cmocka_unit_test(test_locked_out),
        cmocka_unit_test(test_without_authentication),
        cmocka_unit_test(test_password),
        cmocka_unit_test(test_media_types),
        cmocka_unit_test(test_body_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

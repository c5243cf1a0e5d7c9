#include "unit.h"

#include <stdio.h>

#include "desk.h"

static void test_health(void **state)
{
    static const char *const paths[] = {"/health", "/healthz?x=1"};
    struct desk d;

    (void)state;
    desk_begin(&d);
    (void)desk_client(&d, "{\"type\":\"agent_register\",\"agentId\":\"tim\"}");
    for (size_t i = 0; i < 2; i++) {
        struct str body = desk_get(&d, 200, paths[i]);
        expect_member(body, "status", "\"ok\"");
        expect_member(body, "service", "\"parley\"");
        expect_member(body, "timestamp", "1700000003623");
        expect_member(body, "clients", "1");
        expect_member(body, "sessions", "1");
    }
    desk_end(&d);
}

static void test_ready(void **state)
{
    struct desk d;

    (void)state;
    desk_begin(&d);
    expect_member(desk_get(&d, 200, "/readyz"), "status", "\"ready\"");
    hub_drain(d.hub, 1000);
    expect_member(desk_get(&d, 503, "/readyz"), "status", "\"draining\"");
    expect_member(desk_get(&d, 200, "/health"), "status", "\"ok\"");
    expect_member(desk_get(&d, 200, "/api/gateway/status"), "status", "\"draining\"");
    desk_end(&d);
}

static void test_status(void **state)
{
    struct desk d;
    struct str agent, body;

    (void)state;
    desk_begin(&d);
    (void)desk_client(
        &d, "{\"type\":\"agent_register\",\"agentId\":\"tim\",\"role\":\"guide\",\"name\":"
            "\"T\\u0069m\",\"capabilities\":[ \"chat\" ]}");
    (void)desk_client(&d, "{\"type\":\"agent_register\",\"agentId\":\"tom\"}");
    body = desk_get(&d, 200, "/api/gateway/status");
    expect_member(body, "status", "\"ok\"");
    expect_member(body, "version", "\"1.2\\\"3\"");
    expect_member(body, "uptime_seconds", "3.500");
    expect_member(body, "started_at", "1700000000.123");
    expect_member(body, "connections", "2");
    expect_member(body, "total", "2");
    expect_member(body, "messages", "{\"received\":2,\"delivered\":201,\"dropped\":6}");
    expect_member(body, "world_paths", "[\"/ws/matrix\"]");
    struct json_iter it = json_iter_of(json_get(body, STR("agents")));
    assert_true(json_next_element(&it, &agent));
    expect_member(agent, "agent_id", "\"tim\"");
    expect_member(agent, "agentId", "\"tim\"");
    expect_member(agent, "name", "\"Tim\"");
    expect_member(agent, "role", "\"guide\"");
    expect_member(agent, "type", "\"custom\"");
    expect_member(agent, "capabilities", "[ \"chat\" ]");
    expect_member(agent, "connected_at", "1700000003.623");
    assert_true(json_next_element(&it, &agent));
    expect_member(agent, "name", "\"tom\"");
    expect_member(agent, "role", "\"agent\"");
    expect_member(agent, "capabilities", "[]");
    assert_false(json_next_element(&it, &agent));
    desk_end(&d);
}

/* Every path of the table is answered to one of its methods, and refused to another with Allow. */
static void test_every_path(void **state)
{
    struct desk d;
    size_t count = 0;

    (void)state;
    desk_begin(&d);
    (void)desk_client(&d, "{\"type\":\"agent_register\",\"agentId\":\"tim\"}");
    for (; rest_path(count).path.len > 0; count++) {
        struct rest_path at = rest_path(count);
        bool reads = (at.methods >> HTTP_GET & 1) != 0;
        char request[256];
        (void)snprintf(request, sizeof(request), "PUT %.*s%s%.*s HTTP/1.1\r\nHost: a\r\n\r\n",
                       STR_ARG(at.path), at.has_parameter ? "tim" : "", STR_ARG(at.suffix));
        expect_error(desk_ask(&d, 405, request), "METHOD_NOT_ALLOWED", "{}");
        expect_text(desk_field(&d, "Allow"), reads ? "GET, HEAD" : "POST");
        if (reads) {
            memcpy(request, "GET", 3);
            assert_true(desk_ask(&d, 200, request).len > 0);
            assert_false(d.closes);
            char head[300];
            (void)snprintf(head, sizeof(head), "HEAD%s", request + 3);
            assert_int_equal(desk_ask(&d, 200, head).len, 0);
            assert_true(d.head.content_length > 0);
        }
    }
    assert_int_equal(count, 18);
    desk_end(&d);
}

static void test_unknown_paths(void **state)
{
    static const char *const paths[] = {
        "/no",
        "/health/",
        "/api/gateway/",
        "/api/gateway/clients/",
        "/web/",
        "/api/gateway/clients/a/b",
        "/api/gateway/clients//kick",
        "/api/gateway/clients/a/kick/",
        "//",
        "/api/gateway/clients/a/kicks",
    };
    struct desk d;

    (void)state;
    desk_begin(&d);
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct str body = desk_get(&d, 404, paths[i]);
        char details[128];
        (void)snprintf(details, sizeof(details), "{\"path\":\"%s\"}", paths[i]);
        expect_error(body, "NOT_FOUND", details);
    }
    desk_end(&d);
}

static void test_connections(void **state)
{
    struct desk d;

    (void)state;
    desk_begin(&d);
    (void)desk_ask(&d, 200, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_true(d.closes);
    (void)desk_ask(&d, 200, "GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
    assert_false(d.closes);
    (void)desk_ask(&d, 200, "GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    assert_true(d.closes);
    desk_end(&d);
}

/* --- the page --------------------------------------------------------------------------------- */

static void test_front_page(void **state)
{
    static const struct {
        const char *fields;
        bool html;
    } cases[] = {
        {"", false},
        {"Accept: */*\r\n", false},
        {"Accept: text/html\r\n", true},
        {"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n", true},
        {"Accept: text/plain\r\nAccept: TEXT/HTML;q=0.1\r\n", true},
        {"Accept: text/htmlx, application/json\r\n", false},
    };
    struct desk d;
    char request[256];

    (void)state;
    desk_begin(&d);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void)snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n",
                       cases[i].fields);
        struct str body = desk_ask(&d, 200, request);
        assert_int_equal(has_text(body, "<!doctype html>"), cases[i].html);
        assert_int_equal(has_text(body, "This is Parley 1.2\"3"), !cases[i].html);
        assert_true(has_text(body, "/ws/matrix"));
        expect_text(desk_field(&d, "Vary"), "Accept");
        expect_text(http_value(&d.head, d.answer.data, HTTP_CONTENT_TYPE),
                    cases[i].html ? "text/html; charset=utf-8" : "text/plain; charset=utf-8");
    }
    desk_end(&d);
}

static void test_assets(void **state)
{
    static const char *const paths[][2] = {
        {"/web/parley.css", "text/css; charset=utf-8"},
        {"/web/parley.js", "text/javascript; charset=utf-8"},
        {"/web/icon.svg", "image/svg+xml"},
    };
    struct desk d;

    (void)state;
    desk_begin(&d);
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        char request[256];
        assert_true(desk_get(&d, 200, paths[i][0]).len > 100);
        expect_text(http_value(&d.head, d.answer.data, HTTP_CONTENT_TYPE), paths[i][1]);
        expect_text(desk_field(&d, "Cache-Control"), "no-cache");
        expect_text(desk_field(&d, "X-Content-Type-Options"), "nosniff");
        expect_text(desk_field(&d, "Referrer-Policy"), "no-referrer");
        assert_true(has_text(desk_field(&d, "Content-Security-Policy"), "default-src 'none'"));
        assert_true(has_text(desk_field(&d, "Content-Security-Policy"), "frame-ancestors 'none'"));
        struct str tag = desk_field(&d, "ETag");
        assert_int_equal(tag.len, 18);
        (void)snprintf(request, sizeof(request),
                       "GET %s HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"old\", W/%.*s\r\n\r\n",
                       paths[i][0], STR_ARG(tag));
        (void)desk_ask(&d, 304, request);
        assert_int_equal(desk_field(&d, "ETag").len, 18);
        (void)snprintf(request, sizeof(request),
                       "GET %s HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"old\"\r\n\r\n", paths[i][0]);
        assert_true(desk_ask(&d, 200, request).len > 100);
    }
    desk_end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_health),        cmocka_unit_test(test_ready),
        cmocka_unit_test(test_status),        cmocka_unit_test(test_every_path),
        cmocka_unit_test(test_unknown_paths), cmocka_unit_test(test_connections),
        cmocka_unit_test(test_front_page),    cmocka_unit_test(test_assets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

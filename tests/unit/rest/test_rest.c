#include "unit.h"

#include <stdio.h>

#include "http/head.h"
#include "rest/metrics.h"
#include "rest/rest.h"
#include "json/reader.h"

/* A hub with two reactors that nobody runs, and the interface to it. */
struct fixture {
    struct hub *hub;
    struct rest rest;
    struct buf out;
};

static const struct str world_paths[] = {{"/ws/matrix", 10}};

/* Different every time, and the same in every run. */
static void give_random(void *owner, void *bytes, size_t len)
{
    static uint8_t next;
    uint8_t *at = bytes;

    (void)owner;
    for (size_t i = 0; i < len; i++) {
        at[i] = next++;
    }
}

static void give_figures(void *owner, unsigned reactor, struct rest_figures *ret_figures)
{
    (void)owner;
    *ret_figures = (struct rest_figures){
        .connections = 10 + reactor, .delivered = 100 + reactor, .skipped = 3};
}

static void begin(struct fixture *f)
{
    struct hub_settings settings;
    struct hub_ports ports = {.random = give_random};

    hub_settings_init(&settings);
    settings.reactors = 2;
    settings.version = "1.2\"3";
    f->hub = hub_new(&settings, &ports, (struct hub_time){1000, 1700000000123});
    assert_non_null(f->hub);
    hub_tick(f->hub, (struct hub_time){4500, 1700000003623});
    f->rest =
        (struct rest){.world_paths = world_paths, .world_path_count = 1, .figures = give_figures};
    buf_init(&f->out, 1024 * 1024);
}

static void end(struct fixture *f)
{
    buf_fini(&f->out);
    hub_free(f->hub);
}

/* An agent of the world, as a reactor reports it. */
static void add_agent(struct fixture *f, uint32_t slot, const char *registration)
{
    struct up_batch *batch = up_batch_new();
    uint64_t conn = conn_make(0, 1, slot);
    struct str text = str_from_z(registration);

    assert_non_null(batch);
    struct evidence evidence = {.near = true};
    assert_non_null(up_batch_add_asking(batch, UP_OPENED, conn, &evidence, STR("")));
    struct up *item = up_batch_add(batch, UP_MESSAGE, conn, text);
    assert_non_null(item);
    wire_scan(text.ptr, text.len, WIRE_WORLD, &item->wire);
    hub_receive(f->hub, batch);
    hub_end_turn(f->hub);
    up_batch_free(batch);
}

/* Asks, and parses the answer. Returns its body; *ret_close is what rest_answer says. */
static struct str ask(struct fixture *f, const char *request, int status, bool *ret_close)
{
    struct http_head head;
    const char *reason;

    buf_clear(&f->out);
    *ret_close = rest_answer(&f->rest, f->hub, str_from_z(request), strlen(request), &f->out);
    assert_false(f->out.failed);
    http_response_init(&head);
    int len = http_parse_head(&head, f->out.data, f->out.len, &reason);
    assert_true(len > 0);
    assert_int_equal(head.status, status);
    assert_int_equal(head.connection_close, *ret_close);
    struct str body = str_slice(buf_str(&f->out), (size_t)len, f->out.len);
    if (strncmp(request, "HEAD", 4) != 0) {
        assert_int_equal(head.content_length, body.len);
    }
    return body;
}

static struct str get_json(struct fixture *f, const char *request, int status)
{
    bool close;
    struct str body = ask(f, request, status, &close);

    assert_true(json_valid(body));
    return body;
}

static void expect_member(struct str object, const char *name, const char *raw)
{
    struct str value = json_get(object, str_from_z(name));

    assert_int_equal(value.len, strlen(raw));
    assert_memory_equal(value.ptr, raw, value.len);
}

static void test_health(void **state)
{
    static const char *const requests[] = {
        "GET /health HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /healthz?x=1 HTTP/1.1\r\nHost: a\r\n\r\n",
    };
    struct fixture f;

    (void)state;
    begin(&f);
    add_agent(&f, 1, "{\"type\":\"agent_register\",\"agentId\":\"tim\"}");
    for (size_t i = 0; i < 2; i++) {
        struct str body = get_json(&f, requests[i], 200);
        expect_member(body, "status", "\"ok\"");
        expect_member(body, "service", "\"parley\"");
        expect_member(body, "timestamp", "1700000003623");
        expect_member(body, "clients", "1");
        expect_member(body, "sessions", "1");
    }
    end(&f);
}

static void test_ready(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f);
    expect_member(get_json(&f, "GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n", 200), "status",
                  "\"ready\"");
    hub_drain(f.hub, 1000);
    expect_member(get_json(&f, "GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n", 503), "status",
                  "\"draining\"");
    expect_member(get_json(&f, "GET /health HTTP/1.1\r\nHost: a\r\n\r\n", 200), "status", "\"ok\"");
    end(&f);
}

static void test_status(void **state)
{
    struct fixture f;
    struct str agent, body;

    (void)state;
    begin(&f);
    add_agent(&f, 1,
              "{\"type\":\"agent_register\",\"agentId\":\"tim\",\"role\":\"guide\",\"name\":"
              "\"T\\u0069m\",\"capabilities\":[ \"chat\" ],\"type_\":1}");
    add_agent(&f, 2, "{\"type\":\"agent_register\",\"agentId\":\"tom\"}");
    body = get_json(&f, "GET /api/gateway/status HTTP/1.1\r\nHost: a\r\n\r\n", 200);
    expect_member(body, "status", "\"ok\"");
    expect_member(body, "version", "\"1.2\\\"3\"");
    expect_member(body, "uptime_seconds", "3.500");
    expect_member(body, "started_at", "1700000000.123");
    expect_member(body, "connections", "2");
    expect_member(body, "total", "2");
    expect_member(body, "messages", "{\"received\":2,\"delivered\":201,\"dropped\":6}");
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
    end(&f);
}

static void test_metrics(void **state)
{
    struct fixture f;
    bool close;
    char line[128];

    (void)state;
    begin(&f);
    struct str body = ask(&f, "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", 200, &close);
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        const struct metric_info *info = &metric_table[i];
        int len =
            snprintf(line, sizeof(line), "# TYPE %s %s\n%s", info->name, info->type, info->name);
        assert_non_null(memmem(body.ptr, body.len, line, (size_t)len));
        assert_int_equal(strcmp(info->type, "counter") == 0, strstr(info->name, "_total") != NULL);
    }
    static const char *const samples[] = {
        "\nparley_build_info{version=\"1.2\\\"3\"} 1\n",
        "\nparley_uptime_seconds 3.500\n",
        "\nparley_reactor_connections{reactor=\"1\"} 11\n",
        "\nparley_messages_dropped_total{reactor=\"0\"} 3\n",
        "\nparley_errors_sent_total{code=\"PARSE_ERROR\"} 0\n",
    };
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        assert_non_null(memmem(body.ptr, body.len, samples[i], strlen(samples[i])));
    }
    assert_int_equal(body.ptr[body.len - 1], '\n');
    end(&f);
}

static void test_label(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 64);
    metric_append_label(&out, STR("a\"b\\c\nd"));
    assert_true(str_equal(buf_str(&out), STR("a\\\"b\\\\c\\nd")));
    buf_fini(&out);
}

static void test_every_path(void **state)
{
    struct fixture f;
    char request[128];
    size_t count = 0;
    bool close;

    (void)state;
    begin(&f);
    for (; rest_path(count).len > 0; count++) {
        struct str path = rest_path(count);
        (void)snprintf(request, sizeof(request), "GET %.*s HTTP/1.1\r\nHost: a\r\n\r\n",
                       STR_ARG(path));
        assert_true(ask(&f, request, 200, &close).len > 0);
        assert_false(close);
        (void)snprintf(request, sizeof(request), "HEAD %.*s HTTP/1.1\r\nHost: a\r\n\r\n",
                       STR_ARG(path));
        assert_int_equal(ask(&f, request, 200, &close).len, 0);
    }
    assert_int_equal(count, 6);
    end(&f);
}

static void test_connections(void **state)
{
    struct fixture f;
    bool close;

    (void)state;
    begin(&f);
    (void)ask(&f, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200, &close);
    assert_true(close);
    (void)ask(&f, "GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", 200, &close);
    assert_true(close);
    struct str error =
        json_get(get_json(&f, "GET /no HTTP/1.1\r\nHost: a\r\n\r\n", 404), STR("error"));
    expect_member(error, "code", "\"NOT_FOUND\"");
    expect_member(error, "details", "{\"path\":\"/no\"}");
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_health),      cmocka_unit_test(test_ready),
        cmocka_unit_test(test_status),      cmocka_unit_test(test_metrics),
        cmocka_unit_test(test_label),       cmocka_unit_test(test_every_path),
        cmocka_unit_test(test_connections),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "every_way.h"

static const char *const spellings[HTTP_FIELD_COUNT] = {
    [HTTP_HOST] = "Host",
    [HTTP_CONNECTION] = "Connection",
    [HTTP_UPGRADE] = "Upgrade",
    [HTTP_ORIGIN] = "Origin",
    [HTTP_AUTHORIZATION] = "Authorization",
    [HTTP_ACCEPT] = "Accept",
    [HTTP_IF_NONE_MATCH] = "If-None-Match",
    [HTTP_CONTENT_LENGTH] = "Content-Length",
    [HTTP_CONTENT_TYPE] = "Content-Type",
    [HTTP_TRANSFER_ENCODING] = "Transfer-Encoding",
    [HTTP_EXPECT] = "Expect",
    [HTTP_USER_AGENT] = "User-Agent",
    [HTTP_FORWARDED] = "Forwarded",
    [HTTP_X_FORWARDED_FOR] = "X-Forwarded-For",
    [HTTP_X_FORWARDED_PROTO] = "X-Forwarded-Proto",
    [HTTP_X_FORWARDED_HOST] = "X-Forwarded-Host",
    [HTTP_X_REAL_IP] = "X-Real-IP",
    [HTTP_VIA] = "Via",
    [HTTP_IDEMPOTENCY_KEY] = "Idempotency-Key",
    [HTTP_WS_KEY] = "Sec-WebSocket-Key",
    [HTTP_WS_VERSION] = "Sec-WebSocket-Version",
    [HTTP_WS_PROTOCOL] = "Sec-WebSocket-Protocol",
    [HTTP_WS_EXTENSIONS] = "Sec-WebSocket-Extensions",
    [HTTP_WS_ACCEPT] = "Sec-WebSocket-Accept",
};

static const char *value_for(int field)
{
    return field == HTTP_CONTENT_LENGTH ? "8" : field == HTTP_TRANSFER_ENCODING ? "chunked" : "v";
}

/* Sets each letter of `name` to one case. */
static void set_case(char *name, bool upper)
{
    for (; *name != '\0'; name++) {
        if ((*name | 0x20) >= 'a' && (*name | 0x20) <= 'z') {
            *name = (char)(upper ? *name & ~0x20 : *name | 0x20);
        }
    }
}

static void expect_field(const char *name, int field)
{
    char text[128];
    struct http_head h;

    snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\n%s: \t%s \r\n\r\n", name, value_for(field));
    parse_ok(true, text, &h);
    assert_int_equal(h.present, field < HTTP_FIELD_COUNT ? 1u << field : 0);
    if (field < HTTP_FIELD_COUNT) {
        assert_true(http_has(&h, (enum http_field)field));
        assert_str(http_value(&h, text, (enum http_field)field), value_for(field));
    }
}

static void test_every_name(void **state)
{
    (void)state;
    for (int field = 0; field < HTTP_FIELD_COUNT; field++) {
        char name[32];
        expect_field(spellings[field], field);
        snprintf(name, sizeof(name), "%s", spellings[field]);
        set_case(name, true);
        expect_field(name, field);
        set_case(name, false);
        expect_field(name, field);
    }
}

/* One byte more, one less, or another in any place makes another name. */
static void test_near_names(void **state)
{
    (void)state;
    for (int field = 0; field < HTTP_FIELD_COUNT; field++) {
        char name[32];
        size_t len = strlen(spellings[field]);
        snprintf(name, sizeof(name), "%sx", spellings[field]);
        expect_field(name, HTTP_FIELD_COUNT);
        name[len - 1] = '\0';
        expect_field(name, HTTP_FIELD_COUNT);
        for (size_t i = 0; i < len; i++) {
            snprintf(name, sizeof(name), "%s", spellings[field]);
            name[i] = name[i] == '_' ? '~' : '_';
            expect_field(name, HTTP_FIELD_COUNT);
        }
    }
}

static void test_browser_upgrade(void **state)
{
    static const char text[] =
        "GET /ws?room=1 HTTP/1.1\r\n"
        "Host: localhost:8765\r\n"
        "Connection: keep-alive, Upgrade\r\n"
        "Pragma: no-cache\r\n"
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n"
        "Upgrade: WebSocket\r\n"
        "Origin: http://localhost:3000\r\n"
        "Sec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Protocol: parley, parley.bearer.abc\r\n"
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";
    struct http_head h;

    (void)state;
    parse_ok(false, text, &h);
    assert_true(h.upgrade_websocket);
    assert_false(h.connection_close);
    assert_false(h.has_body);
    assert_int_equal(h.repeated, 0);
    assert_str(http_path(&h, text), "/ws");
    assert_str(http_query(&h, text), "room=1");
    assert_str(http_value(&h, text, HTTP_HOST), "localhost:8765");
    assert_str(http_value(&h, text, HTTP_ORIGIN), "http://localhost:3000");
    assert_str(http_value(&h, text, HTTP_WS_KEY), "dGhlIHNhbXBsZSBub25jZQ==");
    assert_str(http_value(&h, text, HTTP_AUTHORIZATION), "");
    assert_false(http_has(&h, HTTP_AUTHORIZATION));
}

struct meaning {
    bool response;
    const char *text;
    bool upgrade, close, has_body, chunked, until_close;
    uint64_t content_length;
};

#define GET(lines)   "GET / HTTP/1.1\r\nHost: a\r\n" lines "\r\n"
#define GET_0(lines) "GET / HTTP/1.0\r\n" lines "\r\n"
#define OK(lines)    "HTTP/1.1 200 OK\r\n" lines "\r\n"

static void test_meanings(void **state)
{
    static const struct meaning cases[] = {
        {.text = GET("")},
        {.text = GET("Connection: close\r\n"), .close = true},
        {.text = GET("Connection: x, CLOSE ,y\r\n"), .close = true},
        {.text = GET("Connection: closed\r\n")},
        {.text = GET("Connection: keep-alive, close\r\n"), .close = true},
        {.text = GET("Connection: keep-alive\r\nConnection: close\r\n"), .close = true},
        {.text = GET_0(""), .close = true},
        {.text = GET_0("Connection: Keep-Alive\r\n")},
        {.text = GET_0("Connection: keep-alive, close\r\n"), .close = true},
        {.text = GET("Connection: upgrade\r\nUpgrade: websocket\r\n"), .upgrade = true},
        {.text = GET("Upgrade: h2c, websocket\r\nConnection: Upgrade\r\n"), .upgrade = true},
        {.text = GET("Connection: a\r\nConnection: upgrade\r\nUpgrade: b\r\n"
                     "Upgrade: WEBSOCKET\r\n"),
         .upgrade = true},
        {.text = GET("Upgrade: websocket\r\n")},
        {.text = GET("Connection: upgrade\r\n")},
        {.text = GET("Connection: websocket\r\nUpgrade: upgrade\r\n")},
        {.text = GET("Connection: upgrade\r\nUpgrade: websocket/13\r\n")},
        {.text = GET("Connection: \"upgrade\"\r\nUpgrade: websocket\r\n")},
        {.text = GET_0("Connection: upgrade, keep-alive\r\nUpgrade: websocket\r\n")},
        {.text = GET("Content-Length: 0\r\n")},
        {.text = GET("Content-Length: 12\r\n"), .has_body = true, .content_length = 12},
        {.text = GET("Transfer-Encoding: Chunked\r\n"), .has_body = true, .chunked = true},
        {true, OK(""), .until_close = true},
        {true, OK("Content-Length: 0\r\n"), .has_body = false},
        {true, OK("Content-Length: 3\r\n"), .has_body = true, .content_length = 3},
        {true, OK("Transfer-Encoding: chunked\r\n"), .has_body = true, .chunked = true},
        {true, "HTTP/1.0 200 OK\r\n\r\n", .close = true, .until_close = true},
        {true, "HTTP/1.1 204 No\r\n\r\n", .close = false},
        {true, "HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n", .has_body = false},
        {true, "HTTP/1.1 304 No\r\nContent-Length: 9\r\n\r\n", .content_length = 9},
        {true, "HTTP/1.1 100 Go\r\n\r\n", .close = false},
        {true, "HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
         .upgrade = true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct meaning *m = &cases[i];
        struct http_head h;
        parse_ok(m->response, m->text, &h);
        if (h.upgrade_websocket != m->upgrade || h.connection_close != m->close ||
            h.has_body != m->has_body || h.chunked != m->chunked ||
            h.until_close != m->until_close || h.content_length != m->content_length) {
            fail_msg("means something else: %s", m->text);
        }
    }
}

static void test_repeated_lists(void **state)
{
    static const enum http_field lists[] = {
        HTTP_CONNECTION,
        HTTP_UPGRADE,
        HTTP_WS_PROTOCOL,
        HTTP_WS_EXTENSIONS,
        HTTP_FORWARDED,
        HTTP_X_FORWARDED_FOR,
        HTTP_X_FORWARDED_PROTO,
        HTTP_X_FORWARDED_HOST,
        HTTP_X_REAL_IP,
        HTTP_VIA,
        HTTP_ACCEPT,
        HTTP_IF_NONE_MATCH,
    };
    uint32_t all = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        all |= 1u << lists[i];
    }
    for (int field = 0; field < HTTP_FIELD_COUNT; field++) {
        char text[128];
        struct http_head h;
        const char *reason = NULL;
        snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\n%s: %s\r\n%s: %s\r\n\r\n",
                 spellings[field], value_for(field), spellings[field], value_for(field));
        int result = parse_every_way(true, text, strlen(text), 1, &h, &reason);
        if ((all >> field & 1) != 0) {
            assert_int_equal(result, strlen(text));
            assert_int_equal(h.repeated, 1u << field);
        } else {
            assert_int_equal(result, -400);
        }
    }
}

static void test_next_value(void **state)
{
    static const char text[] = "\r\nGET /X-Forwarded-For: HTTP/1.1\r\n"
                               "X-Forwarded-For: 1\r\n"
                               "Host: a\r\n"
                               "X-Forwarded-Fo: no\r\n"
                               "x-forwarded-for:\t2, 3 \r\n"
                               "X-FORWARDED-FOR:\r\n\r\nX-Forwarded-For: body\r\n";
    struct http_head h;
    struct str value;
    const char *reason;
    size_t at = 0;

    (void)state;
    http_request_init(&h);
    assert_true(http_parse_head(&h, text, sizeof(text) - 1, &reason) > 0);
    assert_int_equal(h.repeated, 1u << HTTP_X_FORWARDED_FOR);
    assert_str(http_value(&h, text, HTTP_X_FORWARDED_FOR), "1");
    assert_true(http_next_value(&h, text, HTTP_X_FORWARDED_FOR, &at, &value));
    assert_str(value, "1");
    assert_true(http_next_value(&h, text, HTTP_X_FORWARDED_FOR, &at, &value));
    assert_str(value, "2, 3");
    assert_true(http_next_value(&h, text, HTTP_X_FORWARDED_FOR, &at, &value));
    assert_str(value, "");
    assert_false(http_next_value(&h, text, HTTP_X_FORWARDED_FOR, &at, &value));
    at = 0;
    assert_false(http_next_value(&h, text, HTTP_ORIGIN, &at, &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_name),      cmocka_unit_test(test_near_names),
        cmocka_unit_test(test_browser_upgrade), cmocka_unit_test(test_meanings),
        cmocka_unit_test(test_repeated_lists),  cmocka_unit_test(test_next_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

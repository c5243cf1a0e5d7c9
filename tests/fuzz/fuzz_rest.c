/*
 * Requests to the HTTP interface of a hub with agents in it. The first byte says who asks, the rest
 * is the request; a request that begins with '\n' is a body for each path that takes one. Whatever
 * comes, there is one answer: a whole HTTP response, of a known status, whose JSON is JSON, and
 * whose error has its three members.
 */

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/access.h"
#include "http/head.h"
#include "rest/rest.h"
#include "json/reader.h"

enum { AGENTS = 5, ASKER = 77, MOST = 8192 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const registrations[AGENTS] = {
    "{\"type\":\"agent_register\",\"agentId\":\"a\",\"capabilities\":[\"chat\",\"grep\"]}",
    "{\"type\":\"agent_register\",\"agentId\":\"b\",\"name\":\"<b>\\u0000\\\"\"}",
    "{\"type\":\"agent_register\",\"agentId\":\"c.d\",\"capabilities\":{\"chat\":true,\"tools\":["
    "\"x\"],"
    "\"custom\":{\"k\":-0.0}}}",
    "{\"type\":\"agent_register\",\"agentId\":\"d@e:f\",\"role\":\"guide\"}",
    "{\"type\":\"subscribe\",\"types\":[\"bark\"]}",
};

/* --- ports ------------------------------------------------------------------------------------ */

static void give_random(void *owner, void *bytes, size_t len)
{
    static uint32_t next;

    (void)owner;
    for (size_t i = 0; i < len; i++) {
        ((uint8_t *)bytes)[i] = (uint8_t)(next++ & 0xff);
    }
}

static void give_digest(void *owner, struct str secret, uint8_t ret_digest[32])
{
    (void)owner;
    memset(ret_digest, 0, 32);
    memcpy(ret_digest, secret.ptr, secret.len < 32 ? secret.len : 32);
}

static const struct histogram nothing;

static void give_figures(void *owner, unsigned reactor, struct rest_figures *ret_figures)
{
    (void)owner;
    (void)reactor;
    *ret_figures = (struct rest_figures){.loop_lag = &nothing, .route = &nothing};
}

static void take_stop(void *owner)
{
    hub_drain(*(struct hub **)owner, 1000);
}

/* --- the hub ---------------------------------------------------------------------------------- */

static void add_agent(struct hub *hub, uint32_t slot)
{
    struct up_batch *batch = up_batch_new();
    struct str text = str_from_z(registrations[slot]);
    struct evidence evidence = {.near = true,
                                .kind = CREDENTIAL_BEARER,
                                .credential = STR("root"),
                                .world = slot == 3 ? STR("attic") : STR("")};

    assert(batch != NULL);
    (void)up_batch_add_asking(batch, UP_OPENED, conn_make(0, 1, slot), &evidence, STR(""));
    struct up *item = up_batch_add(batch, UP_MESSAGE, conn_make(0, 1, slot), text);
    assert(item != NULL);
    wire_scan(text.ptr, text.len, WIRE_WORLD, &item->wire);
    hub_receive(hub, batch);
    hub_end_turn(hub);
    up_batch_free(batch);
}

static struct hub *make_hub(bool locked)
{
    struct hub_settings settings;
    struct hub_ports ports = {.random = give_random, .digest = give_digest};
    struct hub_credential credentials[] = {
        {.digest = "root", .name = STR("root"), .grants = GRANTS_ALL},
        {.digest = "guest", .name = STR("guest"), .grants = {.sessions = STR("world:main")}},
    };
    struct hub_access access = {.mode = HUB_AUTH_TOKEN, .credentials = credentials, .count = 2};

    hub_settings_init(&settings);
    settings.version = "0";
    struct hub *hub = hub_new(&settings, &ports, (struct hub_time){1000, 1700000000123});
    if (hub == NULL || (locked && !hub_set_access(hub, &access))) {
        abort();
    }
    for (uint32_t i = 0; i < AGENTS; i++) {
        add_agent(hub, i);
    }
    return hub;
}

/* --- answers ---------------------------------------------------------------------------------- */

static void check_error(struct str body)
{
    struct str error = json_get(body, STR("error"));

    assert(json_kind_of(json_get(error, STR("code"))) == JSON_STRING);
    assert(json_get(error, STR("message")).len > 2);
    assert(json_kind_of(json_get(error, STR("details"))) == JSON_OBJECT);
}

static void check_answer(struct str answer, bool to_head)
{
    struct http_head head;
    const char *reason;

    http_response_init(&head);
    int len = http_parse_head(&head, answer.ptr, answer.len, &reason);
    assert(len > 0);
    assert(strcmp(http_reason(head.status), "Unknown") != 0);
    struct str body = str_slice(answer, (size_t)len, answer.len);
    if (to_head || head.status == 304) {
        assert(body.len == 0);
        return;
    }
    assert(head.content_length == body.len);
    if (str_equal(http_value(&head, answer.ptr, HTTP_CONTENT_TYPE), STR("application/json"))) {
        assert(json_valid(body));
        if (head.status >= 400 && head.status != 503) {
            check_error(body);
        }
    }
}

static void check_answers(struct hub *hub, bool to_head)
{
    struct down_batch *empty = down_batch_new();
    struct buf answer;
    unsigned ends = 0;

    assert(empty != NULL);
    struct down_batch *batch = hub_take_down(hub, 0, empty);
    buf_init(&answer, 64 * 1024 * 1024);
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct down *item = &batch->items[i];
        if (item->kind == DOWN_FRAME && item->conn == conn_make(0, 1, ASKER)) {
            buf_append(&answer, item->segment->data + item->off, item->len);
            ends += (item->flags & DOWN_LAST) != 0;
        }
    }
    assert(ends == 1);
    check_answer(buf_str(&answer), to_head);
    buf_fini(&answer);
    down_batch_free(batch);
}

/* --- requests --------------------------------------------------------------------------------- */

static void ask(const struct rest *rest, struct hub *hub, uint8_t who, struct str request)
{
    static const struct str tokens[] = {{"", 0}, {"root", 4}, {"guest", 5}, {"wrong", 5}};
    struct str token = tokens[who % 4];
    struct evidence evidence = {.near = (who & 4) == 0,
                                .kind = token.len > 0 ? CREDENTIAL_BEARER : CREDENTIAL_NONE,
                                .credential = token};
    struct http_head head;
    const char *reason;

    http_request_init(&head);
    int len = http_parse_head(&head, request.ptr, request.len, &reason);
    if (len > 0) {
        rest_handle(rest, hub, conn_make(0, 1, ASKER), &evidence, request, (size_t)len);
        check_answers(hub, head.method == HTTP_HEAD);
    }
}

/* Once more with the same key is a replay, or refused. */
static void post_everywhere(const struct rest *rest, struct hub *hub, uint8_t who, struct str body)
{
    static const char *const paths[] = {"publish", "publish", "tickets", "clients/a/kick", "drain"};
    struct buf request;

    buf_init(&request, MOST + 512);
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        buf_clear(&request);
        buf_printf(&request,
                   "POST /api/gateway/%s HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                   "Idempotency-Key: k\r\nContent-Length: %zu\r\n\r\n",
                   paths[i], body.len);
        buf_append_str(&request, body);
        ask(rest, hub, who, buf_str(&request));
    }
    buf_fini(&request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct str world_paths[] = {{"/ws/matrix", 10}};

    if (size < 2 || size > MOST) {
        return 0;
    }
    struct hub *hub = make_hub((data[0] & 8) != 0);
    struct rest rest = {.world_paths = world_paths,
                        .world_path_count = 1,
                        .gateway_path = STR("/ws"),
                        .public_metrics = (data[0] & 16) != 0,
                        .state = rest_state_new(),
                        .owner = &hub,
                        .figures = give_figures,
                        .stop = take_stop};
    struct str rest_of = str_make((const char *)data + 1, size - 1);

    if (rest.state == NULL) {
        abort();
    }
    if (rest_of.ptr[0] == '\n') {
        post_everywhere(&rest, hub, data[0], str_slice(rest_of, 1, rest_of.len));
    } else {
        ask(&rest, hub, data[0], rest_of);
    }
    rest_state_free(rest.state);
    hub_free(hub);
    return 0;
}

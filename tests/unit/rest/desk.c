#include "unit.h"

#include <stdio.h>

#include "desk.h"

static const struct str world_paths[] = {{"/ws/matrix", 10}};

/* --- ports ------------------------------------------------------------------------------------ */

/* Different every time, and the same in every run. */
static void give_random(void *owner, void *bytes, size_t len)
{
    static uint64_t state = 1;
    uint8_t *at = bytes;

    (void)owner;
    for (size_t i = 0; i < len; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        at[i] = (uint8_t)(state >> 56);
    }
}

/* What is short is its own digest. */
static void give_digest(void *owner, struct str secret, uint8_t ret_digest[32])
{
    (void)owner;
    assert_true(secret.len <= 32);
    memset(ret_digest, 0, 32);
    memcpy(ret_digest, secret.ptr, secret.len);
}

static bool verify(void *owner, struct str token, void *ctx,
                   void (*take)(void *ctx, const struct hub_claims *claims))
{
    const struct desk *d = owner;
    const struct hub_claims claims = {
        .key = "key", .name = token, .grants = GRANTS_ALL, .expires_ms = d->brief_until_ms};

    if (!str_equal(token, STR("brief")) || d->now.wall_ms >= d->brief_until_ms) {
        return false;
    }
    take(ctx, &claims);
    return true;
}

static bool take_password(void *owner, uint64_t job, struct str password)
{
    struct desk *d = owner;

    assert_int_equal(password.len, 4);
    d->job = job;
    return true;
}

static void take_judged(void *owner, uint64_t conn, const struct hub_asker *asker,
                        struct str request, size_t head_len)
{
    struct desk *d = owner;

    rest_judged(&d->rest, d->hub, conn, asker, request, head_len);
}

static const struct histogram lag = {.classes = {[0] = 2, [2] = 1, [14] = 4}, .sum_us = 1500007};

static void give_figures(void *owner, unsigned reactor, struct rest_figures *ret_figures)
{
    (void)owner;
    *ret_figures = (struct rest_figures){.connections = 10 + reactor,
                                         .delivered = 100 + reactor,
                                         .skipped = 3,
                                         .too_big = 5,
                                         .queue_bytes = 77,
                                         .loop_lag = &lag,
                                         .route = &lag};
}

static void take_stop(void *owner)
{
    struct desk *d = owner;

    d->stops++;
}

/* --- lifecycle -------------------------------------------------------------------------------- */

void desk_begin(struct desk *d)
{
    struct hub_settings settings;
    struct hub_ports ports = {.owner = d,
                              .random = give_random,
                              .digest = give_digest,
                              .verify = verify,
                              .check_password = take_password,
                              .judged = take_judged};

    *d = (struct desk){.now = {1000, 1700000000123}};
    hub_settings_init(&settings);
    settings.max_pause_ms = UINT64_MAX; /* desk_wait is a leap */
    settings.reactors = 2;
    settings.version = "1.2\"3";
    settings.max_message_bytes = 2000;
    d->hub = hub_new(&settings, &ports, d->now);
    assert_non_null(d->hub);
    d->rest = (struct rest){.world_paths = world_paths,
                            .world_path_count = 1,
                            .gateway_path = STR("/ws"),
                            .state = rest_state_new(),
                            .owner = d,
                            .figures = give_figures,
                            .stop = take_stop};
    assert_non_null(d->rest.state);
    buf_init(&d->answer, 4 * 1024 * 1024);
    desk_wait(d, 3500);
}

void desk_lock(struct desk *d)
{
    struct hub_credential credentials[] = {
        {.digest = "root", .name = STR("root"), .grants = GRANTS_ALL},
        {.digest = "guest",
         .name = STR("guest"),
         .grants = {.publish = STR("bark"), .sessions = STR("world:main")}},
        {.digest = "chief",
         .name = STR("chief"),
         .grants = {.publish = STR("bark"), .sessions = STR("world:main"), .admin = true}},
    };
    struct hub_access access = {.mode = HUB_AUTH_TOKEN, .credentials = credentials, .count = 3};

    assert_true(hub_set_access(d->hub, &access));
}

void desk_lock_by_keys(struct desk *d)
{
    uint8_t keys[][DIGEST_SIZE] = {"key"};
    struct hub_access access = {.mode = HUB_AUTH_JWT, .keys = keys, .key_count = 1};

    assert_true(hub_set_access(d->hub, &access));
    d->brief_until_ms = d->now.wall_ms + 10000;
}

void desk_lock_by_password(struct desk *d)
{
    struct hub_access access = {.mode = HUB_AUTH_PASSWORD, .password_id = "open"};

    assert_true(hub_set_access(d->hub, &access));
}

void desk_end(struct desk *d)
{
    buf_fini(&d->answer);
    rest_state_free(d->rest.state);
    hub_free(d->hub);
}

void desk_wait(struct desk *d, uint64_t ms)
{
    d->now.mono_ms += ms;
    d->now.wall_ms += ms;
    hub_tick(d->hub, d->now);
}

/* --- clients ---------------------------------------------------------------------------------- */

/* The hub has a turn with what is in the batch, which is freed. */
static void take(struct desk *d, struct up_batch *batch)
{
    hub_receive(d->hub, batch);
    hub_end_turn(d->hub);
    up_batch_free(batch);
}

uint64_t desk_client_from(struct desk *d, const char *registration, const struct evidence *evidence)
{
    struct up_batch *batch = up_batch_new();
    uint64_t conn = conn_make(0, 1, d->next_slot++);
    struct str text = str_from_z(registration);

    assert_non_null(batch);
    assert_non_null(up_batch_add_asking(batch, UP_OPENED, conn, evidence, STR("")));
    if (text.len > 0) {
        struct up *item = up_batch_add(batch, UP_MESSAGE, conn, text);
        assert_non_null(item);
        wire_scan(text.ptr, text.len, WIRE_WORLD, &item->wire);
    }
    take(d, batch);
    return conn;
}

uint64_t desk_client(struct desk *d, const char *registration)
{
    struct evidence evidence = {.address = {[10] = 0xff, 0xff, 127, 0, 0, 1},
                                .near = true,
                                .user_agent = STR("test/\"1\"")};

    return desk_client_from(d, registration, &evidence);
}

uint64_t desk_control(struct desk *d)
{
    struct evidence evidence = {.near = true};
    struct up_batch *batch = up_batch_new();
    uint64_t conn = conn_make(0, 1, d->next_slot++);

    assert_non_null(batch);
    struct up *item = up_batch_add_asking(batch, UP_OPENED, conn, &evidence, STR(""));
    assert_non_null(item);
    item->dialect = DIALECT_GATEWAY;
    take(d, batch);
    return conn;
}

void desk_say(struct desk *d, uint64_t conn, const char *text)
{
    struct up_batch *batch = up_batch_new();
    struct str message = str_from_z(text);

    assert_non_null(batch);
    struct up *item = up_batch_add(batch, UP_MESSAGE, conn, message);
    assert_non_null(item);
    wire_scan(message.ptr, message.len, WIRE_GATEWAY, &item->wire);
    take(d, batch);
}

void desk_leave(struct desk *d, uint64_t conn)
{
    struct up_batch *batch = up_batch_new();

    assert_non_null(batch);
    assert_non_null(up_batch_add(batch, UP_CLOSED, conn, STR("")));
    take(d, batch);
}

/* --- requests --------------------------------------------------------------------------------- */

enum { ASKER_SLOT = 5000 };

/* Collects what the hub was given for the asker. */
static void collect(struct desk *d)
{
    struct down_batch *empty = down_batch_new();
    uint64_t conn = conn_make(1, 1, ASKER_SLOT);

    assert_non_null(empty);
    struct down_batch *batch = hub_take_down(d->hub, 1, empty);
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct down *item = &batch->items[i];
        if (item->kind == DOWN_FRAME && item->conn == conn) {
            buf_append(&d->answer, item->segment->data + item->off, item->len);
            d->answered = d->answered || (item->flags & DOWN_LAST) != 0;
            d->closes = (item->flags & DOWN_DISCONNECT) != 0;
        }
    }
    down_batch_free(batch);
}

static void take_answer(struct desk *d, int status, bool to_head)
{
    const char *reason;

    http_response_init(&d->head);
    int len = http_parse_head(&d->head, d->answer.data, d->answer.len, &reason);
    assert_true(len > 0);
    d->body = str_slice(buf_str(&d->answer), (size_t)len, d->answer.len);
    if (d->head.status != status) {
        fail_msg("%d and not %d: %.*s", d->head.status, status, STR_ARG(d->body));
    }
    assert_int_equal(d->head.connection_close, d->closes);
    if (status == 304) {
        assert_false(http_has(&d->head, HTTP_CONTENT_LENGTH));
        assert_int_equal(d->body.len, 0);
    } else if (!to_head) {
        assert_int_equal(d->head.content_length, d->body.len);
    }
}

struct str desk_ask(struct desk *d, int status, const char *request)
{
    struct str text = str_from_z(request);
    const char *end = strstr(request, "\r\n\r\n");
    struct evidence evidence = {.near = !d->far,
                                .kind = d->token.len > 0 ? CREDENTIAL_BEARER : CREDENTIAL_NONE,
                                .credential = d->token};

    assert_non_null(end);
    buf_clear(&d->answer);
    d->answered = false;
    rest_handle(&d->rest, d->hub, conn_make(1, 1, ASKER_SLOT), &evidence, text,
                (size_t)(end + 4 - request));
    collect(d);
    if (!d->answered && d->job != 0) {
        hub_password_checked(d->hub, d->job, str_equal(d->token, STR("open")));
        collect(d);
    }
    assert_true(d->answered);
    take_answer(d, status, str_starts_with(text, STR("HEAD")));
    return d->body;
}

struct str desk_get(struct desk *d, int status, const char *path)
{
    char request[512];

    (void)snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);
    return desk_ask(d, status, request);
}

struct str desk_post(struct desk *d, int status, const char *path, const char *fields,
                     const char *body)
{
    char request[32 * 1024];
    int len = snprintf(request, sizeof(request),
                       "POST %s HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                       "Content-Length: %zu\r\n%s\r\n%s",
                       path, strlen(body), fields, body);

    assert_true(len > 0 && (size_t)len < sizeof(request));
    return desk_ask(d, status, request);
}

struct str desk_field(const struct desk *d, const char *name)
{
    char line[64];
    int len = snprintf(line, sizeof(line), "\r\n%s: ", name);
    const char *at = memmem(d->answer.data, d->answer.len, line, (size_t)len);

    if (at == NULL) {
        return STR("");
    }
    struct str rest =
        str_make(at + len, (size_t)(d->answer.data + d->answer.len - at) - (size_t)len);
    return str_slice(rest, 0, str_find(rest, '\r'));
}

/* --- expectations ----------------------------------------------------------------------------- */

void expect_text(struct str text, const char *expected)
{
    if (!str_equal(text, str_from_z(expected))) {
        fail_msg("%.*s and not %s", STR_ARG(text), expected);
    }
}

void expect_member(struct str object, const char *name, const char *raw)
{
    expect_text(json_get(object, str_from_z(name)), raw);
}

void expect_error(struct str body, const char *code, const char *details)
{
    struct str error = json_get(body, STR("error"));
    struct str text;

    assert_true(json_valid(body));
    assert_true(json_string_plain(json_get(error, STR("code")), &text));
    expect_text(text, code);
    assert_true(json_get(error, STR("message")).len > 10);
    if (details != NULL) {
        expect_member(error, "details", details);
    }
}

bool has_text(struct str text, const char *part)
{
    return memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

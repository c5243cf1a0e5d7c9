#include "unit.h"

#include <stdio.h>

#include "desk.h"
#include "rest/replay.h"

static const char path[] = "/api/gateway/publish";
static const char bark[] =
    "{\"dialect\":\"world\",\"world\":\"main\",\"message\":{\"type\":\"bark\","
    "\"data\":{\"text\":\"a\"}}}";

/* What the clients on reactor 0 were told: how many frames had this in them. */
static unsigned count_frames(struct desk *d, const char *part)
{
    struct down_batch *batch = hub_take_down(d->hub, 0, down_batch_new());
    unsigned count = 0;

    for (uint32_t i = 0; i < batch->count; i++) {
        const struct down *item = &batch->items[i];
        count += item->kind == DOWN_FRAME &&
                 has_text(str_make(item->segment->data + item->off, item->len), part);
    }
    down_batch_free(batch);
    return count;
}

static void test_receivers(void **state)
{
    static const struct {
        const char *whom;
        int status;
        unsigned heard;
        const char *delivered;
    } cases[] = {
        {"\"world\":\"main\"", 202, 3, "3"},
        {"\"session\":\"world:main\"", 202, 3, "3"},
        {"\"target\":\"tim\"", 202, 1, "1"},
        {"\"target\":\"nobody\"", 404, 0, ""},
        {"\"target\":\"tim\",\"world\":\"main\"", 400, 0, ""},
        {"\"dialect\":\"world\"", 400, 0, ""},
    };
    struct desk d;
    char body[256];

    (void)state;
    desk_begin(&d);
    (void)desk_client(&d, "{\"type\":\"agent_register\",\"agentId\":\"tim\"}");
    (void)desk_client(&d, "");
    (void)desk_client(&d, "");
    (void)count_frames(&d, "");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void)snprintf(body, sizeof(body), "{%s,\"message\":{\"type\":\"bark\", \"n\":1.50}}",
                       cases[i].whom);
        expect_member(desk_post(&d, cases[i].status, path, "", body), "delivered",
                      cases[i].delivered);
        hub_end_turn(d.hub);
        assert_int_equal(count_frames(&d, "{\"type\":\"bark\", \"n\":1.50}"), cases[i].heard);
    }
    desk_end(&d);
}

static void test_refusals(void **state)
{
    static const struct {
        const char *body;
        int status;
        const char *code;
    } cases[] = {
        {"{\"dialect\":\"gateway\",\"world\":\"main\",\"message\":{\"type\":\"chat\"}}", 400,
         "INVALID_MESSAGE"},
        {"{\"dialect\":\"x\",\"world\":\"main\",\"message\":{\"type\":\"chat\"}}", 400,
         "INVALID_MESSAGE"},
        {"{\"world\":\"main\"}", 400, "INVALID_MESSAGE"},
        {"{\"world\":\"main\",\"message\":[]}", 400, "INVALID_MESSAGE"},
        {"{\"world\":\"main\",\"message\":{}}", 400, "INVALID_MESSAGE"},
        {"{\"world\":\"main\",\"message\":{\"type\":\"pong\"}}", 403, "FORBIDDEN"},
    };
    struct desk d;

    (void)state;
    desk_begin(&d);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        expect_error(desk_post(&d, cases[i].status, path, "", cases[i].body), cases[i].code, NULL);
    }
    assert_true(has_text(desk_post(&d, 400, path, "", cases[0].body), "gateway dialect"));
    assert_false(has_text(d.body, "does not have"));
    assert_true(has_text(d.body, "leave `dialect` out"));
    desk_end(&d);
}

/* Sessions of the hub itself are not there: what goes to everybody needs the grant `broadcast`. */
static void test_hidden_sessions(void **state)
{
    const struct hub_credential chief = {
        .digest = "chief",
        .name = STR("chief"),
        .grants = {.publish = STR("*"), .sessions = STR("*"), .admin = true}};
    const struct hub_access access = {.mode = HUB_AUTH_TOKEN, .credentials = &chief, .count = 1};
    static const char body[] = "{\"session\":\"$everybody\",\"message\":{\"type\":\"bark\"}}";
    struct desk d;

    (void)state;
    desk_begin(&d);
    (void)desk_control(&d);
    expect_error(desk_post(&d, 404, path, "", body), "SESSION_NOT_FOUND", "{\"path\":\"session\"}");
    assert_true(hub_set_access(d.hub, &access));
    d.token = STR("chief");
    expect_error(desk_post(&d, 404, path, "", body), "SESSION_NOT_FOUND", "{\"path\":\"session\"}");
    expect_member(desk_post(&d, 200, "/api/gateway/explain", "", body), "verdict",
                  "\"SESSION_NOT_FOUND\"");
    desk_end(&d);
}

/* An administrator's grants are looked at all the same. */
static void test_grants(void **state)
{
    struct desk d;

    (void)state;
    desk_begin(&d);
    desk_lock(&d);
    d.token = STR("chief");
    (void)desk_post(&d, 202, path, "", bark);
    expect_error(
        desk_post(&d, 403, path, "", "{\"world\":\"main\",\"message\":{\"type\":\"thought\"}}"),
        "FORBIDDEN", NULL);
    expect_error(
        desk_post(&d, 403, path, "", "{\"world\":\"attic\",\"message\":{\"type\":\"bark\"}}"),
        "FORBIDDEN", NULL);
    desk_end(&d);
}

static void test_length(void **state)
{
    struct desk d;
    char body[8192];

    (void)state;
    desk_begin(&d);
    (void)snprintf(body, sizeof(body),
                   "{\"world\":\"main\",\"message\":{\"type\":\"bark\",\"x\":\"%0*d\"}}", 2000 - 22,
                   0);
    (void)desk_post(&d, 202, path, "", body);
    (void)snprintf(body, sizeof(body),
                   "{\"world\":\"main\",\"message\":{\"type\":\"bark\",\"x\":\"%0*d\"}}", 2000 - 21,
                   0);
    expect_error(desk_post(&d, 413, path, "", body), "MESSAGE_TOO_LARGE", "{\"path\":\"message\"}");
    (void)snprintf(body, sizeof(body), "%*s", 2000 + 4096 + 1, "{}");
    expect_error(desk_post(&d, 413, path, "", body), "MESSAGE_TOO_LARGE", "{\"limit_bytes\":6096}");
    desk_end(&d);
}

static void test_replays(void **state)
{
    struct desk d;

    (void)state;
    desk_begin(&d);
    (void)desk_client(&d, "");
    expect_text(desk_post(&d, 202, path, "Idempotency-Key: one\r\n", bark), "{\"delivered\":1}");
    expect_text(desk_field(&d, "Idempotency-Replayed"), "");
    (void)desk_client(&d, "");
    (void)count_frames(&d, "");
    expect_text(desk_post(&d, 202, path, "Idempotency-Key: one\r\n", bark), "{\"delivered\":1}");
    expect_text(desk_field(&d, "Idempotency-Replayed"), "true");
    assert_int_equal(count_frames(&d, "bark"), 0);
    expect_error(desk_post(&d, 409, path, "Idempotency-Key: one\r\n",
                           "{\"world\":\"main\",\"message\":{\"type\":\"bark\"}}"),
                 "CONFLICT", "{\"field\":\"Idempotency-Key\"}");
    expect_text(desk_post(&d, 202, path, "Idempotency-Key: two\r\n", bark), "{\"delivered\":2}");
    expect_text(desk_post(&d, 202, path, "", bark), "{\"delivered\":2}");
    desk_wait(&d, REPLAY_MS);
    /* It is done again; by now nobody is there any more, for want of a sign of life. */
    expect_text(desk_post(&d, 202, path, "Idempotency-Key: one\r\n", bark), "{\"delivered\":0}");
    expect_text(desk_field(&d, "Idempotency-Replayed"), "");
    desk_end(&d);
}

/* A key is its owner's: nobody can ask what another one published. */
static void test_owners(void **state)
{
    struct desk d;

    (void)state;
    desk_begin(&d);
    desk_lock(&d);
    d.token = STR("root");
    (void)desk_post(&d, 202, path, "Idempotency-Key: one\r\n", bark);
    d.token = STR("chief");
    (void)desk_post(&d, 202, path, "Idempotency-Key: one\r\n", bark);
    expect_text(desk_field(&d, "Idempotency-Replayed"), "");
    (void)desk_post(&d, 202, path, "Idempotency-Key: one\r\n", bark);
    expect_text(desk_field(&d, "Idempotency-Replayed"), "true");
    desk_end(&d);
}

/* What was refused was not done, and may be tried again with the same key. */
static void test_failures_are_forgotten(void **state)
{
    static const char body[] = "{\"target\":\"tim\",\"message\":{\"type\":\"bark\"}}";
    struct desk d;

    (void)state;
    desk_begin(&d);
    expect_error(desk_post(&d, 404, path, "Idempotency-Key: one\r\n", body), "TARGET_NOT_FOUND",
                 NULL);
    (void)desk_client(&d, "{\"type\":\"agent_register\",\"agentId\":\"tim\"}");
    expect_text(desk_post(&d, 202, path, "Idempotency-Key: one\r\n", body), "{\"delivered\":1}");
    expect_text(desk_field(&d, "Idempotency-Replayed"), "");
    desk_end(&d);
}

static void test_keys(void **state)
{
    static const struct {
        const char *key;
        int pad;
        int status;
    } cases[] = {
        {"", 0, 400},     {"a b", 0, 400}, {"\xc3\xa9", 0, 400}, {"a\tb", 0, 400},
        {"!~\"", 0, 202}, {"", 128, 202},  {"", 129, 400},
    };
    struct desk d;
    char field[256];

    (void)state;
    desk_begin(&d);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (cases[i].pad > 0) {
            (void)snprintf(field, sizeof(field), "Idempotency-Key: %0*d\r\n", cases[i].pad, 0);
        } else {
            (void)snprintf(field, sizeof(field), "Idempotency-Key: %s\r\n", cases[i].key);
        }
        struct str body = desk_post(&d, cases[i].status, path, field, bark);
        if (cases[i].status == 400) {
            expect_error(body, "INVALID_MESSAGE", "{\"field\":\"Idempotency-Key\"}");
        }
    }
    desk_end(&d);
}

static void test_too_many_keys(void **state)
{
    struct desk d;
    char field[64];

    (void)state;
    desk_begin(&d);
    for (unsigned i = 0; i < REPLAY_MAX; i++) {
        (void)snprintf(field, sizeof(field), "Idempotency-Key: %u\r\n", i);
        (void)desk_post(&d, 202, path, field, bark);
    }
    expect_error(desk_post(&d, 503, path, "Idempotency-Key: x\r\n", bark), "LIMIT_REACHED",
                 "{\"limit\":\"idempotency_keys\"}");
    (void)desk_post(&d, 202, path, "Idempotency-Key: 0\r\n", bark);
    expect_text(desk_field(&d, "Idempotency-Replayed"), "true");
    assert_true(has_text(desk_get(&d, 200, "/metrics"), "\nparley_idempotency_keys 10000\n"));
    desk_wait(&d, REPLAY_MS);
    (void)desk_post(&d, 202, path, "Idempotency-Key: x\r\n", bark);
    desk_end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_receivers), cmocka_unit_test(test_hidden_sessions),
        cmocka_unit_test(test_refusals),  cmocka_unit_test(test_grants),
        cmocka_unit_test(test_length),    cmocka_unit_test(test_replays),
        cmocka_unit_test(test_owners),    cmocka_unit_test(test_failures_are_forgotten),
        cmocka_unit_test(test_keys),      cmocka_unit_test(test_too_many_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * A life of the homeserver's client in which one allocation finds no memory, each one in turn: it
 * goes on, or says that it cannot, and in either case nothing is told twice or left out.
 */

#include "home_rig.h"

#include <stdio.h>
#include <stdlib.h>

/* The linker puts these before the allocator. */
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);

static unsigned until; /* the allocation that fails, counted down; 0: none does */
static bool has_failed;

static bool fails(void)
{
    has_failed |= until == 1;
    return until > 0 && --until == 0;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    return fails() ? NULL : __real_realloc(p, size);
}

#define TEXT(id, body)                                                                             \
    "{\"type\":\"m.room.message\",\"event_id\":\"" id "\",\"sender\":\"@ann:x\",\"content\":{"     \
    "\"msgtype\":\"m.text\",\"body\":\"" body "\"}}"
#define GAP                                                                                        \
    "{\"next_batch\":\"s2\",\"rooms\":{\"join\":{\"!r:x\":{\"timeline\":{\"limited\":true,"        \
    "\"prev_batch\":\"t9\",\"events\":[" TEXT("$2", "b\\n") "]}}}}}"

/* Answers whatever is open, as a server would. */
static bool serve(struct home_rig *r)
{
    static const struct {
        const char *part;
        const char *body;
    } answers[] = {
        {"/client/versions", VERSIONS_OK},
        {"/login", LOGIN_OK},
        {"/refresh", "{\"access_token\":\"at2\",\"refresh_token\":\"rt2\"}"},
        {"/messages", "{\"chunk\":[" TEXT("$1", "a\\n") "]}"},
        {"/send/", "{\"event_id\":\"$s\"}"},
        {"/join/", "{\"room_id\":\"!r:x\"}"},
        {"/typing/", "{}"},
        {"since=s1", GAP},
    };

    for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
        struct http_call *call = fake_find(r->http, answers[i].part);
        if (call != NULL) {
            fake_answer(call, 200, answers[i].body);
            return true;
        }
    }
    return false;
}

static bool act(struct home_rig *r, enum bridge_action_kind kind)
{
    struct bridge_action action = {.kind = kind,
                                   .room = STR("!r:x"),
                                   .type = STR("m.room.message"),
                                   .txn_id = STR("t1"),
                                   .content = STR("{}")};

    return homeserver_act(r->home, &action);
}

static void reserve(struct buf *b)
{
    assert_true(buf_reserve(b, 1 << 14));
}

/* Returns whether the allocation was reached. */
static bool live(unsigned nth)
{
    static const enum bridge_action_kind kinds[] = {ACT_SEND, ACT_JOIN, ACT_TYPING};
    struct home_rig r;
    bool refused = false;

    rig_setup(&r, "https://hs", "{\"password\":\"pw\"}");
    reserve(&r.lines);
    reserve(&r.logs);
    until = nth;
    has_failed = false;
    homeserver_start(r.home, STR("s1"));
    for (int i = 0; i < 40; i++) {
        rig_tick(&r, serve(&r) ? 0 : 1000);
        for (size_t k = 0; i == 5 && k < sizeof(kinds) / sizeof(*kinds); k++) {
            refused |= !act(&r, kinds[k]);
        }
    }
    bool was_reached = has_failed;
    until = 0;
    buf_append_char(&r.lines, '\0');
    buf_append_char(&r.logs, '\0');
    if (r.fault == HOMESERVER_NO_MEMORY || r.fault == HOMESERVER_CONFIG) {
        assert_null(strstr(r.lines.data, "synced s2"));
    } else {
        assert_int_equal(r.fault, HOMESERVER_FINE);
        const char *heard = strstr(r.lines.data, "message !r:x a\n");
        assert_non_null(heard);
        assert_null(strstr(heard + 1, "message !r:x a\n"));
        assert_non_null(strstr(heard, "message !r:x b\n\nsynced s2\n"));
        assert_true(refused || strstr(r.lines.data, "sent 0 $s 0\n") != NULL);
        assert_true(refused || strstr(r.lines.data, "join !r:x \n") != NULL);
    }
    rig_teardown(&r);
    return was_reached;
}

static void test_each_allocation(void **state)
{
    unsigned nth = 1;

    (void)state;
    while (live(nth)) {
        nth++;
    }
    assert_true(nth > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <stdlib.h>
#include <string.h>

#include "fanout/command.h"
#include "sample.h"
#include "unit.h"

static void test_handles(void **state)
{
    uint64_t conn = conn_make(15, 0xfffffff1, 0x89abcdef);

    (void)state;
    assert_int_equal(conn_reactor(conn), 15);
    assert_int_equal(conn_generation(conn), 0xfffff1);
    assert_int_equal(conn_slot(conn), 0x89abcdef);
    assert_true(conn_make(1, 2, 3) != conn_make(1, 3, 3));
    assert_true(conn_make(MAX_REACTORS - 1, 0xffffff, UINT32_MAX) != NO_CONN);
}

static void test_up(void **state)
{
    struct up_batch *b = up_batch_new();

    (void)state;
    assert_non_null(b);
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 10000; i++) {
            char text[4];
            memcpy(text, &i, sizeof(i));
            struct up *item = up_batch_add(b, UP_MESSAGE, i, str_make(text, i % 5));
            assert_non_null(item);
            assert_int_equal(item->len, i % 5);
        }
        assert_int_equal(b->count, 10000);
        assert_int_equal(up_batch_size(b), 20000 + 10000 * sizeof(struct up));
        for (uint32_t i = 0; i < b->count; i++) {
            struct str text = up_text(b, &b->items[i]);
            assert_int_equal(b->items[i].conn, i);
            assert_int_equal(text.len, i % 5);
            assert_memory_equal(text.ptr, &i, text.len < 4 ? text.len : 4);
        }
        up_batch_clear(b);
        assert_int_equal(b->count, 0);
        assert_int_equal(b->text.len, 0);
    }
    up_batch_free(b);
    up_batch_free(NULL);
}

static void test_runs(void **state)
{
    static const uint64_t from[] = {5, 5, 5, 6, 5, 7, 7};
    static const uint32_t runs[] = {1, 1, 1, 2, 3, 4, 4};
    struct up_batch *b = up_batch_new();

    (void)state;
    for (int times = 0; times < 2; times++) {
        assert_int_equal(b->runs, 0);
        for (size_t i = 0; i < sizeof(from) / sizeof(from[0]); i++) {
            assert_non_null(up_batch_add(b, UP_MESSAGE, from[i], STR("x")));
            assert_int_equal(b->runs, runs[i]);
        }
        up_batch_clear(b);
    }
    up_batch_free(b);
}

static void test_evidence(void **state)
{
    struct evidence in = {.address = {1, [15] = 9},
                          .near = true,
                          .kind = CREDENTIAL_TICKET,
                          .credential = STR("s3cret"),
                          .world = STR("lab"),
                          .user_agent = STR("curl/8")};
    struct up_batch *b = up_batch_new();
    struct evidence out;
    struct str rest;

    (void)state;
    assert_non_null(b);
    assert_non_null(up_batch_add(b, UP_MESSAGE, 1, STR("before")));
    struct up *item = up_batch_add_asking(b, UP_REQUEST, 2, &in, STR("GET / HTTP/1.1"));
    assert_non_null(item);
    assert_non_null(up_batch_add_asking(b, UP_OPENED, 3, &(struct evidence){0}, STR("")));
    evidence_unpack(up_text(b, &b->items[1]), &out, &rest);
    assert_memory_equal(out.address, in.address, sizeof(in.address));
    assert_true(out.near);
    assert_false(out.is_unix);
    assert_int_equal(out.kind, CREDENTIAL_TICKET);
    assert_true(str_equal(out.credential, in.credential));
    assert_true(str_equal(out.world, in.world));
    assert_true(str_equal(out.user_agent, in.user_agent));
    assert_true(str_equal(rest, STR("GET / HTTP/1.1")));
    evidence_unpack(up_text(b, &b->items[2]), &out, &rest);
    assert_false(out.near);
    assert_int_equal(out.credential.len + out.world.len + out.user_agent.len + rest.len, 0);

    /* A cleared batch keeps its memory, and in it nothing that may be a credential. */
    const char *text = b->text.data;
    size_t len = b->text.len;
    up_batch_clear(b);
    assert_ptr_equal(b->text.data, text);
    assert_memory_equal(text, "before", 6);
    for (size_t i = 6; i < len; i++) {
        assert_int_equal(text[i], 0);
    }
    up_batch_free(b);
}

/* A reference for each segment, however often it is mentioned, until the batch is cleared. */
static void test_down_refers(void **state)
{
    struct down_batch *b = down_batch_new();
    struct segment *s[6];

    (void)state;
    assert_non_null(b);
    for (int i = 0; i < 6; i++) {
        s[i] = segment_new(10, 0);
        assert_non_null(s[i]);
    }
    for (int i = 0; i < 600; i++) {
        assert_true(down_batch_add(
            b, &(struct down){.kind = DOWN_FRAME, .conn = (uint64_t)i, .segment = s[i / 100]}));
    }
    assert_true(down_batch_add(b, &(struct down){.kind = DOWN_ACCEPT}));
    assert_int_equal(b->count, 601);
    assert_int_equal(b->segment_count, 6);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(atomic_load(&s[i]->refs), 2);
    }
    for (uint64_t i = 0; i < 600; i++) {
        assert_int_equal(b->items[i].conn, i);
    }
    down_batch_clear(b);
    assert_int_equal(b->count, 0);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(atomic_load(&s[i]->refs), 1);
        segment_unref(s[i]);
    }
    down_batch_free(b);
    down_batch_free(NULL);
}

/* A filter that nobody took is freed with the batch: a leak checker would see it. */
static void test_down_frees_filters(void **state)
{
    struct down_batch *b = down_batch_new();
    struct str pattern = STR("bark");

    (void)state;
    assert_non_null(b);
    assert_true(
        down_batch_add(b, &(struct down){.kind = DOWN_FILTER, .filter = filter_new(&pattern, 1)}));
    assert_true(down_batch_add(b, &(struct down){.kind = DOWN_FILTER}));
    down_batch_free(b);
}

struct thing {
    struct shared shared;
    int *freed;
};

static void free_thing(struct shared *s)
{
    ++*((struct thing *)(void *)s)->freed;
}

/* A policy goes with the batch that nobody took it from, and with its last user. */
static void test_shared(void **state)
{
    struct down_batch *b = down_batch_new();
    int freed = 0;
    struct thing thing = {.freed = &freed};

    (void)state;
    assert_non_null(b);
    shared_init(&thing.shared, free_thing);
    assert_true(down_batch_add(
        b, &(struct down){.kind = DOWN_POLICY, .policy = shared_ref(&thing.shared)}));
    assert_true(down_batch_add(b, &(struct down){.kind = DOWN_POLICY}));
    shared_unref(&thing.shared);
    assert_int_equal(freed, 0);
    down_batch_free(b);
    assert_int_equal(freed, 1);
    shared_unref(NULL);
}

static void test_reserve(void **state)
{
    struct down_batch *b = down_batch_new();

    (void)state;
    assert_non_null(b);
    assert_true(down_batch_reserve(b, 1000));
    const struct down *items = b->items;
    for (int i = 0; i < 1000; i++) {
        assert_true(down_batch_add(b, &(struct down){.kind = DOWN_SPOKE}));
    }
    assert_ptr_equal(b->items, items);
    down_batch_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handles),
        cmocka_unit_test(test_up),
        cmocka_unit_test(test_runs),
        cmocka_unit_test(test_evidence),
        cmocka_unit_test(test_shared),
        cmocka_unit_test(test_down_refers),
        cmocka_unit_test(test_down_frees_filters),
        cmocka_unit_test(test_reserve),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "unit.h"

#include "rest/replay.h"

static const uint8_t secret[32] = "any thirty-two bytes will do";

static void test_life(void **state)
{
    struct replays r;
    struct replay *one, *two, *again;

    (void)state;
    replays_init(&r, secret);
    assert_int_equal(replay_find(&r, STR("me"), STR("k"), STR("body"), 1000, &one), REPLAY_NEW);
    one->delivered = 7;
    assert_int_equal(replay_find(&r, STR("me"), STR("k"), STR("body"), 1001, &again), REPLAY_AGAIN);
    assert_int_equal(again->delivered, 7);
    assert_int_equal(replay_find(&r, STR("me"), STR("k"), STR("other"), 1001, &again),
                     REPLAY_OTHER);
    /* Neither another's key, nor one that is the same with its owner's name before it. */
    assert_int_equal(replay_find(&r, STR("you"), STR("k"), STR("body"), 1001, &two), REPLAY_NEW);
    assert_int_equal(replay_find(&r, STR("m"), STR("ek"), STR("body"), 1001, &two), REPLAY_NEW);
    assert_int_equal(replay_find(&r, STR(""), STR("mek"), STR("body"), 1001, &two), REPLAY_NEW);
    assert_int_equal(slab_count(&r.slab), 4);
    /* The first runs out to the millisecond, the others one later. */
    assert_int_equal(
        replay_find(&r, STR("me"), STR("k"), STR("body"), 1000 + REPLAY_MS - 1, &again),
        REPLAY_AGAIN);
    assert_int_equal(replay_find(&r, STR("me"), STR("k"), STR("other"), 1000 + REPLAY_MS, &again),
                     REPLAY_NEW);
    assert_int_equal(slab_count(&r.slab), 4);
    assert_int_equal(replay_find(&r, STR("x"), STR("x"), STR("x"), 1001 + REPLAY_MS, &again),
                     REPLAY_NEW);
    assert_int_equal(slab_count(&r.slab), 2);
    replays_fini(&r);
}

static void test_forget(void **state)
{
    struct replays r;
    struct replay *one;

    (void)state;
    replays_init(&r, secret);
    assert_int_equal(replay_find(&r, STR("me"), STR("k"), STR("a"), 1, &one), REPLAY_NEW);
    replay_forget(&r, one);
    assert_int_equal(slab_count(&r.slab), 0);
    assert_int_equal(replay_find(&r, STR("me"), STR("k"), STR("b"), 2, &one), REPLAY_NEW);
    replays_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_forget),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "unit.h"

#include "plan.h"

static char error[LOAD_ERROR_SIZE];

static struct plan make(enum load_mode mode, uint32_t clients, uint32_t sessions, uint32_t joins)
{
    struct load_options o = {.mode = mode,
                             .clients = clients,
                             .sessions = sessions,
                             .joins = joins,
                             .agents = 3,
                             .prefix = "bench"};
    struct plan p;
    assert_true(plan_init(&p, &o, error));
    return p;
}

static void test_counts(void **state)
{
    (void)state;
    assert_int_equal(make(LOAD_FANOUT, 100, 1, 1).clients, 101);
    assert_int_equal(make(LOAD_STALLED, 100, 1, 1).clients, 102);
    assert_int_equal(make(LOAD_PAIRS, 100, 1, 1).clients, 100);
    assert_int_equal(make(LOAD_REQUESTS, 100, 1, 1).clients, 103);
    assert_int_equal(make(LOAD_IDLE, 100, 0, 1).clients, 100);
    assert_int_equal(make(LOAD_CHAT, 3, 10000, 1).clients, 30000);
    assert_int_equal(make(LOAD_CHAT, 3, 10000, 10).clients, 3000);
    assert_int_equal(make(LOAD_IDLE, 3, 10000, 10).clients, 3000);
}

/* Ten sessions of three, each client in five of them: two blocks. */
static void test_sessions(void **state)
{
    struct plan p = make(LOAD_CHAT, 3, 10, 5);
    unsigned members[10] = {0};
    (void)state;
    assert_int_equal(p.blocks, 2);
    for (uint32_t client = 0; client < p.clients; client++) {
        for (uint32_t join = 0; join < p.joins; join++) {
            uint32_t session = plan_session(&p, client, join);
            assert_true(session < 10);
            members[session]++;
        }
    }
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(members[i], 3);
    }
    assert_int_equal(plan_hearers(&p), 2);
}

static void test_peers(void **state)
{
    struct plan pairs = make(LOAD_PAIRS, 4, 1, 1);
    struct plan requests = make(LOAD_REQUESTS, 5, 1, 1);
    (void)state;
    assert_int_equal(plan_peer(&pairs, 2), 3);
    assert_int_equal(plan_peer(&pairs, 3), 2);
    assert_int_equal(plan_peer(&requests, 3), 0); /* clients 0 to 2 are the agents */
    assert_int_equal(plan_peer(&requests, 5), 2);
    assert_int_equal(plan_peer(&requests, 6), 0);
}

static void test_too_many(void **state)
{
    struct load_options o = {
        .mode = LOAD_CHAT, .clients = 1000, .sessions = 1000, .joins = 1, .prefix = "bench"};
    struct plan p;
    (void)state;
    assert_false(plan_init(&p, &o, error));
    assert_non_null(strstr(error, "1000000 connections"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_sessions),
        cmocka_unit_test(test_peers),
        cmocka_unit_test(test_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

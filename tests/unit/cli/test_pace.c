#include <string.h>

#include "cli/pace.h"
#include "unit.h"

/* What goes out under a gateway's limits.rate. */

enum { SPAN_MS = 20000, SECOND_MS = 1000 };

/* Sends as fast as it may for a while; how many messages went out in each millisecond. */
static unsigned send_all(uint64_t rate, unsigned sent[SPAN_MS])
{
    struct pace p;
    unsigned count = 0;

    memset(sent, 0, SPAN_MS * sizeof(sent[0]));
    sent[0] = 2;
    pace_init(&p, rate, 2, 0);
    for (int64_t now = 0; now < SPAN_MS;) {
        if (pace_take(&p, now)) {
            sent[now]++;
            count++;
        } else {
            assert_true(pace_due(&p) > now);
            now = pace_due(&p);
        }
    }
    return count;
}

/* However the gateway's seconds lie, none has more than it takes, and few have much less. */
static void test_no_second_has_more(void **state)
{
    static const uint64_t rates[] = {1, 2, 3, 4, 5, 7, 10, 50, 999, 1000, 12345};
    static unsigned sent[SPAN_MS];

    (void)state;
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        unsigned count = send_all(rates[i], sent), window = 0;
        for (int at = 0; at < SPAN_MS; at++) {
            window += sent[at] - (at >= SECOND_MS ? sent[at - SECOND_MS] : 0);
            if (rates[i] >= 2) { /* what was sent before anything was known are two already */
                assert_true(window <= rates[i]);
            }
        }
        assert_true(count >= rates[i] * (SPAN_MS / SECOND_MS) * 6 / 10 - 2);
    }
}

static void test_no_limit(void **state)
{
    struct pace p;

    (void)state;
    pace_init(&p, 0, 0, 0);
    for (int i = 0; i < 100000; i++) {
        assert_true(pace_take(&p, 0));
    }
}

/* After a long silence no more goes at once than before. */
static void test_silence_is_not_saved_up(void **state)
{
    struct pace p;
    unsigned count = 0;

    (void)state;
    pace_init(&p, 1000000, 0, 0);
    int64_t now = (int64_t)10 * 365 * 24 * 3600 * 1000;
    while (pace_take(&p, now)) {
        count++;
    }
    assert_int_equal(count, 333333);
}

/* When the gateway has dropped something nothing goes out before its next second. */
static void test_held(void **state)
{
    struct pace p;

    (void)state;
    pace_init(&p, 0, 0, 0);
    pace_hold(&p, 30, 1700);
    for (int64_t now = 1000; now < 1700; now += 100) {
        assert_false(pace_take(&p, now));
        assert_in_range(pace_due(&p), 1701, 1752);
    }
    assert_true(pace_take(&p, pace_due(&p)));
    assert_false(pace_take(&p, 1760));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_second_has_more),
        cmocka_unit_test(test_no_limit),
        cmocka_unit_test(test_silence_is_not_saved_up),
        cmocka_unit_test(test_held),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

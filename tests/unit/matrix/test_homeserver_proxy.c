/* What a proxy before the homeserver answers to a send, in its place. */

#include "home_rig.h"

#include <stdio.h>

#define SENT "{\"event_id\":\"$1\"}"

/* Answers what is sent in this way for so long, or until it is not sent any more. */
static void answer_for(struct home_rig *r, uint64_t ms, unsigned status, const char *body)
{
    uint64_t end = r->now_ms + ms;

    while (fake_count(r->http, "t7") == 1 && r->now_ms < end) {
        rig_answer(r, "t7", status, body);
        if (fake_count(r->http, "/send/") == 0) {
            rig_tick_to_deadline(r, 60000);
        }
    }
}

static unsigned count_logs(struct home_rig *r, const char *part)
{
    unsigned count = 0;

    buf_append_char(&r->logs, '\0');
    for (const char *at = r->logs.data; (at = strstr(at, part)) != NULL; at++) {
        count++;
    }
    r->logs.len--;
    return count;
}

/* What stands before the server refuses it: for a while it may be mended, and then the room goes
 * on. */
static void test_what_does_not_pass(void **state)
{
    static const struct {
        unsigned status;
        const char *body;
    } answers[] = {
        {403, "<html>"}, {404, ""}, {405, "{}"},          {414, "<html>"},
        {302, ""},       {401, ""}, {200, "<html>login"}, {403, "{\"errcode\":\"a b\"}"}};
    struct home_rig r;
    char line[64];

    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
        rig_ready(&r, "s1");
        rig_send(&r, "!r:x", 7);
        rig_send(&r, "!r:x", 8);
        rig_send(&r, "!q:x", 9);
        rig_answer(&r, "t9", 200, SENT);
        uint64_t start = r.now_ms;
        answer_for(&r, 599000, answers[i].status, answers[i].body);
        rig_assert_lines(&r, "sent 9 $1 0\n");
        assert_int_equal(count_logs(&r, "send_stuck !r:x "), 1);
        assert_int_equal(count_logs(&r, "send_lost"), 0);
        answer_for(&r, 100000, answers[i].status, answers[i].body);
        assert_in_range(r.now_ms - start, 600000, 660000);
        (void)snprintf(line, sizeof(line), "sent 7 HTTP_%u 0\n", answers[i].status);
        rig_assert_lines(&r, line);
        assert_int_equal(count_logs(&r, "send_lost !r:x tries="), 1);
        (void)snprintf(line, sizeof(line), "status=%u look=", answers[i].status);
        assert_int_equal(count_logs(&r, line), 2);
        /* The next one of the room. */
        rig_answer(&r, "t8", 200, SENT);
        rig_assert_lines(&r, "sent 8 $1 0\n");
        rig_teardown(&r);
    }
}

/* While the server is away, or something else is wrong, nothing is lost. */
static void test_what_passes_late(void **state)
{
    struct home_rig r;

    (void)state;
    rig_ready(&r, "s1");
    rig_send(&r, "!r:x", 7);
    rig_answer(&r, "/sync", 403, "<html>");
    rig_assert_lines(&r, "fault 1\n");
    for (unsigned i = 0; i < 80; i++) {
        if (fake_count(r.http, "/sync") == 1) {
            rig_answer(&r, "/sync", 403, "<html>");
        }
        if (fake_count(r.http, "/send/") == 1) {
            rig_answer(&r, "/send/", 403, "<html>");
        }
        rig_tick_to_deadline(&r, 60000);
    }
    assert_true(r.now_ms > 1000000 + 1800000);
    rig_assert_lines(&r, "");
    /* When it is back the time counts anew. */
    while (fake_count(r.http, "/sync") == 0) {
        rig_tick_to_deadline(&r, 60000);
    }
    rig_answer(&r, "/sync", 200, "{\"next_batch\":\"s2\"}");
    answer_for(&r, 500000, 403, "<html>");
    rig_answer(&r, "t7", 502, "<html>");
    rig_tick_to_deadline(&r, 60000);
    answer_for(&r, 500000, 403, "<html>");
    rig_assert_lines(&r, "synced s2\nfault 0\n");
    rig_answer(&r, "t7", 200, SENT);
    rig_assert_lines(&r, "sent 7 $1 0\n");
    assert_int_equal(count_logs(&r, "send_lost"), 0);
    rig_teardown(&r);
}

/* A proxy takes less than the server: smaller pieces pass, waiting does not help. */
static void test_too_large_for_a_proxy(void **state)
{
    struct home_rig r;

    (void)state;
    rig_ready(&r, "s1");
    rig_send(&r, "!r:x", 7);
    rig_answer(&r, "/send/", 413, "<html>");
    rig_send(&r, "!r:x", 8);
    rig_answer(&r, "/send/", 413, "{\"errcode\":\"M_UNKNOWN\"}");
    rig_assert_lines(&r, "sent 7 M_TOO_LARGE 0\nsent 8 M_TOO_LARGE 0\n");
    rig_teardown(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_does_not_pass),
        cmocka_unit_test(test_what_passes_late),
        cmocka_unit_test(test_too_large_for_a_proxy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

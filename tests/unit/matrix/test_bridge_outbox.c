#include "unit.h"

#include "rig.h"

static struct rig *talking(void)
{
    struct rig *r = rig_new();

    rig_join(r, "!a:here");
    return r;
}

static void test_one_at_a_time(void **state)
{
    struct rig *r = talking();

    (void)state;
    rig_join(r, "!b:here");
    rig_say(r, "/stop");
    uint64_t first = r->last_send;
    rig_say(r, "/sessions");
    rig_say_in(r, "!b:here", "", "@ann:here", "/stop");
    const char *lines = rig_lines(r);
    assert_has(lines, "send !a:here");
    assert_has(lines, "send !b:here");
    assert_lacks(lines, "There is no session");
    bridge_sent(r->b, &(struct bridge_sent){.send = 999, .event_id = STR("$x")});
    rig_settle(r);
    assert_string_equal(rig_lines(r), "");
    bridge_sent(r->b, &(struct bridge_sent){.send = first, .event_id = STR("$x")});
    rig_settle(r);
    assert_has(rig_lines(r), "There is no session");
    rig_free(r);
}

static void test_ids_are_reserved(void **state)
{
    struct rig *r = talking();
    char key[24];

    (void)state;
    rig_say(r, "/stop");
    (void)snprintf(key, sizeof(key), "%llu", (unsigned long long)r->last_send);
    assert_has(rig_value(r, TABLE_SEND, key), r->last_txn);
    assert_int_equal(strlen(r->last_txn), TXN_ID_SIZE - 1);
    rig_sent(r, "$m");
    assert_null(rig_value(r, TABLE_SEND, key));
    rig_free(r);
}

/* Each piece has an id of its own, and after a kill the same piece goes by the same id. */
static void test_pieces_after_a_kill(void **state)
{
    struct rig *r = talking();
    char *text = calloc(40001, 1);
    char txn[TXN_ID_SIZE], *content = NULL;

    (void)state;
    assert_non_null(text);
    for (int i = 0; i < 40000; i++) {
        text[i] = (char)('a' + i / 1600);
    }
    rig_say(r, "much, please");
    rig_answer(r, text);
    for (unsigned i = 0; i < 3; i++) {
        memcpy(txn, r->last_txn, sizeof(txn));
        content = strdup(r->last_content);
        assert_non_null(content);
        r->settings.max_message_bytes = 30000 + i;
        rig_again(r);
        assert_string_equal(r->last_txn, txn);
        assert_string_equal(r->last_content, content);
        free(content);
        rig_sent(r, "$m");
        if (rig_counts(r).sends_waiting == 0) {
            break;
        }
        assert_string_not_equal(r->last_txn, txn);
        assert_has(r->last_content, "\"reply_to\":\"\"");
    }
    free(text);
    rig_free(r);
}

static void test_too_large_for_the_server(void **state)
{
    struct rig *r = talking();
    char text[2001];

    (void)state;
    memset(text, 'x', 2000);
    text[2000] = '\0';
    rig_say(r, "much, please");
    rig_answer(r, text);
    size_t before = strlen(r->last_content);
    char txn[TXN_ID_SIZE];
    memcpy(txn, r->last_txn, sizeof(txn));
    for (int i = 0; i < 4; i++) {
        rig_refused(r, "M_TOO_LARGE");
    }
    /* 15904 bytes, halved four times: the event that was refused is none, so the id is a new one.
     */
    assert_true(strlen(r->last_content) < before);
    assert_string_not_equal(r->last_txn, txn);
    assert_has(r->last_content, "\"reply_to\":\"$1\"");
    rig_sent(r, "$m");
    assert_int_equal(rig_counts(r).sends_waiting, 1);
    rig_sent(r, "$m");
    rig_sent(r, "$m");
    assert_int_equal(rig_counts(r).sends_waiting, 0);
    assert_int_equal(rig_counts(r).refused_sends_total, 4);
    /* It ends, even when nothing is small enough. */
    rig_say(r, "much, please");
    rig_answer(r, text);
    for (int i = 0; i < 20; i++) {
        rig_refused(r, "M_TOO_LARGE");
    }
    assert_int_equal(rig_counts(r).sends_waiting, 0);
    /* It was not for its size then: the next one is tried whole. */
    rig_say(r, "much, please");
    rig_answer(r, text);
    assert_int_equal(strlen(r->last_content), before);
    rig_free(r);
}

static void test_forbidden(void **state)
{
    struct rig *r = talking();

    (void)state;
    rig_say(r, "/stop");
    rig_say(r, "/sessions");
    (void)rig_lines(r);
    rig_refused(r, "M_FORBIDDEN");
    assert_has(r->logged, "bridge_send_refused !a:here error=M_FORBIDDEN");
    assert_has(rig_lines(r), "There is no session");
    rig_free(r);
}

/* The first part of an answer stands in the room as $m1, and the rest is to be said by an edit. */
static void begin_edit(struct rig *r)
{
    rig_say(r, "why?");
    rig_answering(r, "because");
    rig_pass(r, 500);
    rig_sent(r, "$m1");
    rig_answer(r, "because of this");
}

static void test_an_edit_that_is_not_taken(void **state)
{
    struct rig *r = talking();

    (void)state;
    begin_edit(r);
    assert_has(r->last_content, "\"replaces\":\"$m1\"");
    rig_refused(r, "M_NOT_FOUND");
    assert_has(r->last_content, "\"body\":\"because of this\"");
    assert_has(r->last_content, "\"replaces\":\"\"");
    rig_refused(r, "M_NOT_FOUND");
    assert_int_equal(rig_counts(r).sends_waiting, 0);
    rig_free(r);
}

/* What other bridges know an answer by; the part of it and its edits have it, too. */
static void test_answers_say_whose_they_are(void **state)
{
    struct rig *r = talking();

    (void)state;
    rig_say(r, "why?");
    rig_answering(r, "because");
    rig_pass(r, 500);
    assert_has(r->last_content, "\"answers\":\"@bot:here\"");
    rig_sent(r, "$m1");
    rig_answer(r, "because of this");
    assert_has(r->last_content, "\"answers\":\"@bot:here\"");
    rig_sent(r, "$m2");
    rig_say(r, "/stop");
    assert_has(r->last_content, "\"answers\":\"\"");
    rig_free(r);
}

/* It has held up the room for long enough. */
static void test_an_edit_that_a_proxy_refuses(void **state)
{
    struct rig *r = talking();

    (void)state;
    begin_edit(r);
    rig_refused(r, "HTTP_403");
    assert_has(r->logged, "bridge_send_refused !a:here error=HTTP_403");
    assert_int_equal(rig_counts(r).sends_waiting, 0);
    rig_free(r);
}

/* A room that does not keep up with its messages begins no turns; the others do. */
static void test_a_room_that_is_slow(void **state)
{
    struct rig *r = talking();

    (void)state;
    for (int i = 0; i < 64; i++) {
        rig_say(r, "/stop");
    }
    rig_say(r, "and?");
    rig_join(r, "!b:here");
    rig_say_in(r, "!b:here", "", "@ann:here", "here?");
    const char *lines = rig_lines(r);
    assert_lacks(lines, "ask 'and?'");
    assert_has(lines, "ask 'here?'");
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_at_a_time),
        cmocka_unit_test(test_ids_are_reserved),
        cmocka_unit_test(test_pieces_after_a_kill),
        cmocka_unit_test(test_too_large_for_the_server),
        cmocka_unit_test(test_forbidden),
        cmocka_unit_test(test_an_edit_that_is_not_taken),
        cmocka_unit_test(test_an_edit_that_a_proxy_refuses),
        cmocka_unit_test(test_answers_say_whose_they_are),
        cmocka_unit_test(test_a_room_that_is_slow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

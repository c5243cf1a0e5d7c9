#include "unit.h"

#include "../core/famine.h"
#include "rig.h"

/* Restoring, rows, settings; and running out of memory at every allocation. */

static bool restore(struct rig *r, enum bridge_table table, const char *key, const char *value,
                    const char *sentence)
{
    struct bridge_ports ports = rig_ports(r);
    struct bridge *b = bridge_new(&r->settings, &ports, r->now);
    struct buf error;
    struct bridge_row room = {
        .table = TABLE_ROOM, .key = STR("!a:here"), .value = STR("{\"joined\":true}")};
    struct bridge_row row = {.table = table, .key = str_from_z(key), .value = str_from_z(value)};

    buf_init(&error, 1000);
    assert_non_null(b);
    assert_true(bridge_restore(b, &room, &error));
    bool ok = bridge_restore(b, &row, &error);
    buf_append_char(&error, '\0');
    if (sentence != NULL) {
        assert_has(error.data, sentence);
    }
    if (!ok) {
        assert_false(bridge_settle(b));
    }
    buf_fini(&error);
    bridge_free(b);
    return ok;
}

static void test_rows_that_are_none(void **state)
{
    struct rig *r = rig_new();

    (void)state;
    assert_true(restore(r, TABLE_SYNC, "sync", "{\"next_batch\":\"s\",\"newer\":[1]}", NULL));
    assert_false(restore(r, TABLE_SYNC, "other", "{}", "its key is none of ours"));
    assert_false(restore(r, BRIDGE_TABLES, "x", "{}", "its key is none of ours"));
    assert_false(restore(r, TABLE_ROOM, "", "{}", "its key is none of ours"));
    assert_false(restore(r, TABLE_TURN, "x", "{}", "its key is no number"));
    assert_false(restore(r, TABLE_ROOM, "!b:here", "[]", "no JSON object"));
    assert_false(restore(r, TABLE_ROOM, "!b:here", "{\"name\"", "no JSON object"));
    assert_false(restore(r, TABLE_ROOM, "!b:here", "{\"name\":1}", "name"));
    assert_false(restore(r, TABLE_ROOM, "!b:here", "{\"joined\":1}", "joined"));
    assert_false(restore(r, TABLE_ROOM, "!b:here", "{\"session_count\":-1}", "session_count"));
    assert_false(restore(r, TABLE_ROOM, "!a:here", "{}", "there twice"));
    assert_false(restore(r, TABLE_TALK, "!b:here\n", "{\"room_id\":\"!b:here\"}", "is missing"));
    assert_false(restore(r, TABLE_SESSION, "1", "{\"room_id\":\"!b:here\"}", "is missing"));
    assert_false(restore(r, TABLE_SESSION, "1", "{\"history\":{}}", "history"));
    assert_false(restore(r, TABLE_QUESTION, "$1", "{\"state\":1}", "is missing"));
    assert_false(restore(r, TABLE_QUESTION, "$1", "{\"state\":9}", "state"));
    assert_true(restore(r, TABLE_QUESTION, "$1", "{}", NULL));
    assert_false(restore(r, TABLE_TURN, "1", "{\"question_id\":\"$1\"}", "is missing"));
    assert_false(restore(r, TABLE_SEND, "1", "{\"room_id\":\"!b:here\"}", "is missing"));
    assert_false(restore(r, TABLE_SEND, "1", "{\"role\":77}", "role"));
    rig_free(r);
}

static void test_next_batch(void **state)
{
    struct rig *r = rig_new();

    (void)state;
    assert_int_equal(bridge_next_batch(r->b).len, 0);
    bridge_synced(r->b, STR("s1"));
    bridge_synced(r->b, STR(""));
    rig_settle(r);
    rig_again(r);
    assert_true(str_equal(bridge_next_batch(r->b), STR("s1")));
    rig_free(r);
}

static void test_reload(void **state)
{
    struct rig *r = rig_new();
    struct str admins[] = {STR("@ann:here")};

    (void)state;
    rig_join(r, "!a:here");
    r->settings.admins = admins;
    r->settings.user_id = STR("@somebody:else");
    assert_true(bridge_reload(r->b, &r->settings));
    admins[0] = STR("@nobody:here");
    rig_say(r, "/rooms");
    assert_has(rig_lines(r), "`!a:here`");
    rig_say_in(r, "!a:here", "", "@bot:here", "still my own");
    assert_lacks(rig_lines(r), "ask");
    rig_free(r);
}

/* Numbers go on where they were, so that nothing old is taken for something new. */
static void test_numbers(void **state)
{
    struct rig *r = rig_new();

    (void)state;
    rig_join(r, "!a:here");
    rig_say(r, "one");
    uint64_t turn = r->last_turn;
    rig_again(r);
    assert_int_equal(r->last_turn, turn);
    rig_say_in(r, "!a:here", "$t", "@ann:here", "two");
    assert_true(r->last_turn > turn);
    rig_free(r);
}

/* A life in which everything happens once; false as soon as a step cannot be settled. */
static bool live(struct rig *r)
{
    static const char *const said[] = {"one",     "two",       "/new_session x", "/retry",
                                       "/status", "/sessions", "/model m",       "/help"};
    char id[16];

    bridge_matrix_event(r->b,
                        &(struct bridge_event){.kind = MATRIX_JOINED, .room = STR("!a:here")});
    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
        (void)snprintf(id, sizeof(id), "$%zu", i);
        bridge_matrix_event(r->b, &(struct bridge_event){.kind = MATRIX_MESSAGE,
                                                         .room = STR("!a:here"),
                                                         .event_id = str_from_z(id),
                                                         .sender = STR("@ann:here"),
                                                         .body = str_from_z(said[i])});
    }
    bridge_synced(r->b, STR("s1"));
    if (!bridge_settle(r->b)) {
        return false;
    }
    bridge_session_opened(r->b, 1, STR("s"));
    bridge_answering(r->b, 1, STR("so far"));
    r->now.mono_ms += 1000;
    bridge_tick(r->b, r->now);
    bridge_sent(r->b, &(struct bridge_sent){.send = 1, .event_id = STR("$m")});
    bridge_answered(r->b, 1, STR("whole"), FAILURE_NONE, STR(""));
    if (!bridge_settle(r->b)) {
        return false;
    }
    bridge_answered(r->b, 2, STR(""), FAILURE_AWAY, STR("down"));
    bridge_matrix_event(r->b,
                        &(struct bridge_event){.kind = MATRIX_ENCRYPTED, .room = STR("!a:here")});
    return bridge_settle(r->b);
}

static bool fits_save(void *owner, const struct bridge_row *row)
{
    (void)owner;
    (void)row;
    return true;
}

static bool fits_act(void *owner, const struct bridge_action *action)
{
    (void)owner;
    (void)action;
    return true;
}

static void with_history(struct bridge_settings *s)
{
    s->history_bytes = 1000;
}

static void test_every_allocation(void **state)
{
    struct rig *r = rig_new_with(with_history);
    struct bridge_ports ports = rig_ports(r);
    unsigned failed = 0;

    (void)state;
    bridge_free(r->b);
    ports.save = fits_save;
    ports.act = fits_act;
    for (int after = 0;; after++) {
        famine_after = after;
        r->b = bridge_new(&r->settings, &ports, r->now);
        bool ok = r->b != NULL;
        if (ok) {
            bridge_start(r->b);
            ok = live(r);
        }
        bool all = famine_after >= 0;
        famine_after = -1;
        if (r->b != NULL && !ok) {
            /* Nothing more comes of it. */
            assert_false(bridge_settle(r->b));
        }
        bridge_free(r->b);
        failed += !ok;
        if (all) {
            assert_true(ok);
            break;
        }
        assert_false(ok);
    }
    assert_true(failed > 100);
    r->b = NULL;
    rig_free(r);
}

/* A row that there is no memory for is not called wrong: the next start may find some. */
static void test_restoring_without_memory(void **state)
{
    struct rig *r = rig_new();
    struct bridge_ports ports = rig_ports(r);
    struct bridge_row row = {
        .table = TABLE_ROOM, .key = STR("!a:here"), .value = STR("{\"name\":\"n\"}")};
    unsigned failed = 0;
    bool ok = false;

    (void)state;
    while (!ok) {
        struct bridge *b = bridge_new(&r->settings, &ports, r->now);
        struct buf error;
        assert_non_null(b);
        buf_init(&error, 1000);
        famine_after = (int)failed;
        ok = bridge_restore(b, &row, &error);
        famine_after = -1;
        assert_int_equal(error.len, 0);
        failed += !ok;
        buf_fini(&error);
        bridge_free(b);
    }
    assert_true(failed > 2);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_that_are_none),
        cmocka_unit_test(test_next_batch),
        cmocka_unit_test(test_reload),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_every_allocation),
        cmocka_unit_test(test_restoring_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

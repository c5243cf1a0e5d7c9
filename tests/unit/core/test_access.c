#include <stdio.h>

#include "core/admin.h"
#include "core/job.h"
#include "core/stranger.h"
#include "room.h"
#include "unit.h"

/*
 * Who may come in, and what they may do. The tokens of these tests: the text is the name.
 */
static struct hub_credential credential(const char *name, struct grants grants)
{
    struct hub_credential c = {.name = str_from_z(name), .agent_id = STR(""), .grants = grants};

    virtual_digest(c.name, c.digest);
    return c;
}

static const struct grants usual = {.publish = {"*", 1}, .sessions = {"*", 1}, .act_as = {"", 0}};

static void set(struct room *r, enum hub_auth_mode mode, const struct hub_credential *list,
                size_t count)
{
    struct hub_access access = {.mode = mode, .credentials = list, .count = count};

    virtual_digest(STR("the hash of the password"), access.password_id);
    assert_true(hub_set_access(r->v.hub, &access));
    virtual_settle(&r->v);
}

/* Token "kit" with the usual grants, "boss" with all. */
static struct room *room_with_tokens(void)
{
    struct room *r = room_new(NULL);
    struct hub_credential list[] = {credential("kit", usual), credential("boss", GRANTS_ALL)};

    set(r, HUB_AUTH_TOKEN, list, 2);
    return r;
}

/* From elsewhere: 192.0.2.`last`. */
static struct evidence from(uint8_t last, enum credential_kind kind, const char *secret)
{
    return (struct evidence){.address = {[10] = 0xff, 0xff, 192, 0, 2, last},
                             .kind = (uint8_t)kind,
                             .credential = str_from_z(secret),
                             .user_agent = STR("test/1")};
}

static int knock(struct room *r, const struct evidence *evidence)
{
    int client = room_knock(r, evidence);

    if (client >= 0) {
        room_expect(r, client, "{\"type\":\"connection_ack\"}");
    }
    return client;
}

static int come(struct room *r, const char *token)
{
    struct evidence e = from(1, CREDENTIAL_BEARER, token);
    int client = knock(r, &e);

    assert_true(client >= 0);
    return client;
}

static int stranger(struct room *r, uint8_t last)
{
    struct evidence e = from(last, CREDENTIAL_NONE, "");
    int client = knock(r, &e);

    assert_true(client >= 0);
    return client;
}

static struct hub_counts counts(const struct room *r)
{
    struct hub_counts c;

    hub_counts(r->v.hub, &c);
    return c;
}

static enum error_code why(const struct room *r)
{
    return r->clients[r->count - 1].why;
}

/* --- the function that decides ---------------------------------------------------------------- */

static void test_verdicts(void **state)
{
    struct room *r = room_new(NULL);
    struct hub_credential list[] = {
        credential("none", (struct grants){0}),
        credential("barker",
                   (struct grants){.publish = STR("bark|scene_*"), .sessions = STR("world:main")}),
        credential("actor", (struct grants){.act_as = STR("bot-*")}),
        credential("bound", (struct grants){0}),
        credential("both", (struct grants){.act_as = STR("bot-*")}),
        credential("caller", (struct grants){.broadcast = true}),
        credential("chief", (struct grants){.admin = true}),
        credential("all", GRANTS_ALL),
    };
    enum { NONE, BARKER, ACTOR, BOUND, BOTH, CALLER, CHIEF, ALL, PRINCIPALS };
    list[BOUND].agent_id = STR("timmy");
    list[BOTH].agent_id = STR("timmy");
    /* Written by hand: one letter a principal, in the order above; y: it may. */
    static const struct {
        enum hub_action action;
        const char *object;
        const char *verdicts;
    } table[] = {
        {MAY_ENTER, "world:main", "nynnnnny"},  {MAY_ENTER, "world:lab", "nnnnnnny"},
        {MAY_ENTER, "world:main2", "nnnnnnny"}, {MAY_ENTER, "", "nnnnnnny"},
        {MAY_PUBLISH, "bark", "nynnnnny"},      {MAY_PUBLISH, "barks", "nnnnnnny"},
        {MAY_PUBLISH, "scene_add", "nynnnnny"}, {MAY_PUBLISH, "thought", "nnnnnnny"},
        {MAY_REGISTER, "timmy", "yynyyyyy"},    {MAY_REGISTER, "bot-1", "yyynyyyy"},
        {MAY_REGISTER, "other", "yynnnyyy"},    {MAY_SPEAK_AS, "bot-1", "nnynynny"},
        {MAY_SPEAK_AS, "timmy", "nnnnnnny"},    {MAY_SPEAK_AS, "other", "nnnnnnny"},
        {MAY_BROADCAST, "", "nnnnnyny"},        {MAY_ADMIN, "", "nnnnnnyy"},
    };
    uint32_t principals[PRINCIPALS];

    (void)state;
    set(r, HUB_AUTH_TOKEN, list, PRINCIPALS);
    for (int i = 0; i < PRINCIPALS; i++) {
        struct hub_asker asker;
        struct evidence e = {.near = true, .kind = CREDENTIAL_BEARER, .credential = list[i].name};
        assert_true(hub_judge(r->v.hub, 1, &e, STR(""), 0, &asker));
        assert_int_equal(asker.refused, ERROR_NONE);
        principals[i] = asker.principal;
    }
    for (size_t row = 0; row < sizeof(table) / sizeof(table[0]); row++) {
        struct str object = str_from_z(table[row].object);
        for (int i = 0; i < PRINCIPALS; i++) {
            struct hub_verdict v = hub_may(r->v.hub, principals[i], table[row].action, object);
            if ((v.code == ERROR_NONE) != (table[row].verdicts[i] == 'y')) {
                fail_msg("row %zu, %.*s", row, STR_ARG(list[i].name));
            }
            assert_true(v.code == ERROR_NONE || v.code == ERROR_FORBIDDEN);
            assert_non_null(v.rule);
        }
        assert_int_equal(hub_may(r->v.hub, HUB_NOBODY, table[row].action, object).code,
                         ERROR_AUTH_REQUIRED);
    }
    room_free(r);
}

/* --- at the door ------------------------------------------------------------------------------ */

static void test_tokens(void **state)
{
    struct room *r = room_with_tokens();
    struct evidence e = from(1, CREDENTIAL_BEARER, "wrong");

    (void)state;
    assert_int_equal(knock(r, &e), ROOM_REFUSED);
    assert_int_equal(why(r), ERROR_AUTH_FAILED);
    assert_int_equal(counts(r).auth_failures[AUTH_FAILURE_TOKEN], 1);
    e.credential = STR("");
    assert_int_equal(knock(r, &e), ROOM_REFUSED);
    int kit = come(r, "kit");
    assert_false(r->clients[kit].conn->stranger);
    struct hub_client_view view;
    assert_true(hub_find_client(r->v.hub, str_from_z(r->clients[kit].id), &view));
    assert_true(view.authenticated);
    assert_true(str_equal(view.user_id, STR("kit")));
    assert_true(str_equal(view.user_agent, STR("test/1")));
    assert_int_equal(view.address[15], 1);
    room_free(r);
}

static void test_worlds(void **state)
{
    struct room *r = room_new(NULL);
    struct grants lab = usual;
    struct evidence e = from(1, CREDENTIAL_BEARER, "kit");

    (void)state;
    lab.sessions = STR("world:lab");
    struct hub_credential one = credential("kit", lab);
    set(r, HUB_AUTH_TOKEN, &one, 1);
    assert_int_equal(knock(r, &e), ROOM_REFUSED);
    assert_int_equal(why(r), ERROR_FORBIDDEN);
    assert_int_equal(counts(r).sessions, 1); /* nothing was made for it */
    e.world = STR("lab");
    assert_true(knock(r, &e) >= 0);
    /* A stranger is told once it has a name, and has to go. */
    int late = stranger(r, 2);
    room_say(r, late, "{\"type\":\"agent_register\",\"agentId\":\"a\",\"token\":\"kit\"}");
    room_expect_error(r, late, "FORBIDDEN");
    room_expect_close(r, late, 4403, "the credential does not grant this world");
    room_free(r);
}

static void test_strangers(void **state)
{
    struct room *r = room_with_tokens();
    int kit = come(r, "kit");
    struct evidence e = from(2, CREDENTIAL_NONE, "");
    int late = room_knock(r, &e);

    (void)state;
    room_expect(r, late,
                "{\"type\":\"connection_ack\",\"data\":{\"auth_required\":true,\"agents\":[],"
                "\"total\":0,\"client_id\":\"*\"}}");
    assert_true(r->clients[late].conn->stranger);
    room_say(r, kit, "{\"type\":\"bark\",\"data\":{\"text\":\"hi\"}}");
    room_expect_nothing(r, late);
    room_say(r, late, "{\"type\":\"ping\"}");
    room_expect_text(r, late, "{\"type\":\"pong\"}");
    room_say(r, late, "{\"type\":\"bark\",\"data\":{\"text\":\"hi\"}}");
    room_expect_error(r, late, "AUTH_REQUIRED");
    room_expect_nothing(r, kit);
    /* Nothing is delivered to it either. */
    room_say(r, kit, "{\"type\":\"bark\",\"target_id\":\"%s\"}", r->clients[late].id);
    room_expect_error(r, kit, "TARGET_NOT_FOUND");
    room_say(r, late, "{\"type\":\"agent_register\",\"agentId\":\"late\",\"token\":\"wrong\"}");
    room_expect_error(r, late, "AUTH_FAILED");
    room_say(r, late, "{\"type\":\"agent_register\",\"agentId\":\"late\",\"token\":\"k\\u0069t\"}");
    room_expect(r, late, "{\"type\":\"connection_ack\",\"data\":{\"agent_id\":\"late\"}}");
    assert_false(r->clients[late].conn->stranger);
    const char *joined = room_next(r, kit);
    assert_non_null(joined);
    assert_non_null(strstr(joined, "agent_joined"));
    assert_null(strstr(joined, "token"));
    room_say(r, late, "{\"type\":\"bark\"}");
    room_expect_text(r, kit, "{\"type\":\"bark\"}");
    room_free(r);
}

static void test_failures(void **state)
{
    static const char *const wrong[] = {
        "{\"type\":\"subscribe\"}",
        "not json",
        "[]",
        "{\"type\":\"agent_register\",\"agentId\":\"a\"}",
        "{\"type\":\"agent_register\",\"agentId\":\"a\",\"token\":7}",
    };
    struct room *r = room_with_tokens();
    int late = stranger(r, 2);

    (void)state;
    for (int i = 0; i < STRANGER_FAILURES; i++) {
        assert_non_null(r->clients[late].conn);
        room_say(r, late, "%s", wrong[i]);
        room_expect_error(r, late, "AUTH_REQUIRED");
    }
    room_expect_close(r, late, 4401, "not authenticated: connect again with a valid credential");
    assert_int_equal(counts(r).auth_failures[AUTH_FAILURE_MISSING], 5);
    room_free(r);
}

static void test_deadline(void **state)
{
    struct room *r = room_with_tokens();
    int late = stranger(r, 2);
    int done = stranger(r, 3);

    (void)state;
    room_say(r, done, "{\"type\":\"agent_register\",\"agentId\":\"d\",\"token\":\"kit\"}");
    room_expect(r, done, "{\"type\":\"connection_ack\"}");
    room_advance(r, STRANGER_MS - 100);
    assert_non_null(r->clients[late].conn);
    room_advance(r, 100);
    room_expect_close(r, late, 4401, "not authenticated in time: connect again with a credential");
    assert_non_null(r->clients[done].conn);
    assert_int_equal(counts(r).auth_failures[AUTH_FAILURE_TIMEOUT], 1);
    room_free(r);
}

/* A registration that is wrong is refused as one, when the token was right. */
static void test_right_token_wrong_id(void **state)
{
    struct room *r = room_with_tokens();
    int late = stranger(r, 2);

    (void)state;
    room_say(r, late, "{\"type\":\"agent_register\",\"agentId\":\"a b\",\"token\":\"kit\"}");
    room_expect_error(r, late, "INVALID_MESSAGE");
    assert_false(r->clients[late].conn->stranger);
    room_register(r, late, "ab");
    room_free(r);
}

/* --- the limiter ------------------------------------------------------------------------------ */

static void test_limiter(void **state)
{
    struct room *r = room_with_tokens();
    struct evidence e = from(9, CREDENTIAL_BEARER, "wrong"),
                    right = from(9, CREDENTIAL_BEARER, "kit");
    struct evidence other = from(10, CREDENTIAL_BEARER, "wrong");

    (void)state;
    for (int i = 0; i < 10; i++) {
        /* What is right costs nothing. */
        int client = knock(r, &right);
        room_abort(r, client);
        assert_int_equal(knock(r, &e), ROOM_REFUSED);
        assert_int_equal(why(r), ERROR_AUTH_FAILED);
    }
    assert_int_equal(knock(r, &right), ROOM_REFUSED);
    assert_int_equal(why(r), ERROR_RATE_LIMITED);
    assert_int_equal(counts(r).auth_failures[AUTH_FAILURE_LOCKED_OUT], 1);
    assert_int_equal(knock(r, &other), ROOM_REFUSED);
    assert_int_equal(why(r), ERROR_AUTH_FAILED);
    /* Who is near tries as often as he likes, and is let in. */
    right.near = true;
    assert_true(knock(r, &right) >= 0);
    right.near = false;
    room_advance(r, 5 * 60 * 1000 - 100);
    assert_int_equal(knock(r, &right), ROOM_REFUSED);
    room_advance(r, 100);
    assert_true(knock(r, &right) >= 0);
    room_free(r);
}

static void test_limiter_forgets(void **state)
{
    struct room *r = room_with_tokens();
    struct evidence e = from(9, CREDENTIAL_BEARER, "wrong");

    (void)state;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 9; i++) {
            assert_int_equal(knock(r, &e), ROOM_REFUSED);
            assert_int_equal(why(r), ERROR_AUTH_FAILED);
        }
        room_advance(r, 60 * 1000);
    }
    room_free(r);
}

/* --- passwords -------------------------------------------------------------------------------- */

static struct room *room_with_password(void)
{
    struct room *r = room_new(NULL);
    struct hub_credential kit = credential("kit", usual);

    set(r, HUB_AUTH_PASSWORD, &kit, 1);
    return r;
}

static void test_password_at_the_door(void **state)
{
    struct room *r = room_with_password();
    struct evidence e = from(1, CREDENTIAL_BEARER, "open sesame");

    (void)state;
    assert_int_equal(room_knock(r, &e), ROOM_WAITS);
    assert_int_equal(r->v.job_count, 1);
    assert_string_equal(r->v.passwords[0], "open sesame");
    assert_int_equal(counts(r).passwords_waiting, 1);
    virtual_check(&r->v, false);
    assert_int_equal(room_knocked(r), ROOM_REFUSED);
    assert_int_equal(why(r), ERROR_AUTH_FAILED);
    assert_int_equal(room_knock(r, &e), ROOM_WAITS);
    virtual_check(&r->v, true);
    int client = room_knocked(r);
    assert_true(client >= 0);
    struct hub_client_view view;
    assert_true(hub_find_client(r->v.hub, str_from_z(r->clients[client].id), &view));
    assert_true(str_equal(view.user_id, STR("password")));
    /* A token is still one, and is not checked as a password. */
    come(r, "kit");
    assert_int_equal(r->v.job_count, 0);
    room_free(r);
}

static void test_password_of_one_who_goes(void **state)
{
    struct room *r = room_with_password();
    struct evidence e = from(1, CREDENTIAL_BEARER, "open sesame");

    (void)state;
    assert_int_equal(room_knock(r, &e), ROOM_WAITS);
    room_abort(r, r->count - 1);
    assert_int_equal(counts(r).passwords_waiting, 0);
    virtual_check(&r->v, true);
    virtual_settle(&r->v);
    assert_int_equal(counts(r).clients, 0);
    int late = stranger(r, 2);
    room_say(r, late, "{\"type\":\"agent_register\",\"agentId\":\"a\",\"password\":\"x\"}");
    room_abort(r, late);
    virtual_check(&r->v, true);
    virtual_settle(&r->v);
    assert_int_equal(counts(r).clients, 0);
    room_free(r);
}

static void test_password_in_a_message(void **state)
{
    struct room *r = room_with_password();
    int kit = come(r, "kit");
    int late = stranger(r, 2);

    (void)state;
    room_say(r, late, "{\"type\":\"agent_register\",\"agentId\":\"a\",\"password\":\"sesame\"}");
    assert_true(r->clients[late].conn->paused);
    /* What it sends meanwhile waits, in order; a bark among it would have been a failure. */
    for (int i = 0; i < 8; i++) {
        room_say(r, late, "{\"type\":\"bark\",\"n\":%d}", i);
    }
    room_say(r, late, "{\"type\":\"ping\"}");
    room_expect_nothing(r, late);
    room_advance(r, STRANGER_MS + 1000); /* nor does time run out */
    virtual_check(&r->v, true);
    virtual_settle(&r->v);
    assert_false(r->clients[late].conn->paused);
    assert_false(r->clients[late].conn->stranger);
    room_expect(r, late, "{\"type\":\"connection_ack\",\"data\":{\"agent_id\":\"a\"}}");
    room_expect_text(r, late, "{\"type\":\"pong\"}");
    room_expect(r, kit, "{\"type\":\"agent_joined\"}");
    for (int i = 0; i < 8; i++) {
        char text[64];
        (void)snprintf(text, sizeof(text), "{\"type\":\"bark\",\"n\":%d}", i);
        room_expect_text(r, kit, text);
    }
    room_free(r);
}

static void test_wrong_passwords(void **state)
{
    struct room *r = room_with_password();
    int late = stranger(r, 2);

    (void)state;
    /* All at once: each is checked after the other, and the fifth ends it. */
    for (int i = 0; i < STRANGER_FAILURES; i++) {
        room_say(r, late, "{\"type\":\"agent_register\",\"agentId\":\"a\",\"password\":\"%d\"}", i);
    }
    for (int i = 0; i < STRANGER_FAILURES; i++) {
        assert_int_equal(r->v.job_count, 1);
        assert_int_equal(r->v.passwords[0][0], '0' + i);
        virtual_check(&r->v, false);
        virtual_settle(&r->v);
        room_expect_error(r, late, "AUTH_FAILED");
    }
    room_expect_close(r, late, 4401, "not authenticated: connect again with a valid credential");
    room_free(r);
}

static void test_too_much_while_waiting(void **state)
{
    struct room *r = room_with_password();
    int late = stranger(r, 2);
    char long_one[4000];

    (void)state;
    memset(long_one, ' ', sizeof(long_one));
    memcpy(long_one, "{}", 2);
    room_say(r, late, "{\"type\":\"agent_register\",\"agentId\":\"a\",\"password\":\"x\"}");
    for (int i = 0; i < STRANGER_HELD / 4000 + 1 && r->clients[late].conn != NULL; i++) {
        room_say_bytes(r, late, str_make(long_one, sizeof(long_one)));
    }
    room_expect_close(r, late, 1008,
                      "too much was sent before agent_register was answered: wait for it");
    virtual_check(&r->v, true);
    room_free(r);
}

/* There are so many places; who finds none is told when to come again, and is charged nothing. */
static void test_too_many_passwords(void **state)
{
    struct room *r = room_with_password();

    (void)state;
    for (uint8_t i = 0; i < HUB_JOBS; i++) {
        struct evidence e = from(i, CREDENTIAL_BEARER, "sesame");
        assert_int_equal(room_knock(r, &e), ROOM_WAITS);
    }
    for (int i = 0; i < 20; i++) {
        struct evidence e = from(100, CREDENTIAL_BEARER, "sesame");
        assert_int_equal(room_knock(r, &e), ROOM_REFUSED);
        assert_int_equal(why(r), ERROR_RATE_LIMITED);
    }
    assert_int_equal(counts(r).limits_hit[LIMIT_PASSWORDS], 20);
    assert_int_equal(counts(r).auth_failures[AUTH_FAILURE_LOCKED_OUT], 0);
    while (r->v.job_count > 0) {
        virtual_check(&r->v, true);
    }
    virtual_settle(&r->v);
    assert_int_equal(counts(r).clients, HUB_JOBS);
    room_free(r);
}

/* --- taking over an id ------------------------------------------------------------------------ */

static void test_taken(void **state)
{
    struct room *r = room_with_tokens();
    int kit = come(r, "kit"), again = come(r, "kit"), boss = come(r, "boss");

    (void)state;
    room_register(r, kit, "timmy");
    room_expect(r, again, "{\"type\":\"agent_joined\"}");
    room_expect(r, boss, "{\"type\":\"agent_joined\"}");
    room_say(r, boss, "{\"type\":\"agent_register\",\"agentId\":\"timmy\"}");
    room_expect_error(r, boss, "AGENT_ID_TAKEN");
    room_register(r, again, "timmy");
    room_expect_close(r, kit, 4409, "replaced by a newer connection of the same agent");
    room_free(r);
}

static void test_bound_agent(void **state)
{
    struct room *r = room_new(NULL);
    struct hub_credential one = credential("bot", usual);

    (void)state;
    one.agent_id = STR("timmy");
    set(r, HUB_AUTH_TOKEN, &one, 1);
    int bot = come(r, "bot");
    room_say(r, bot, "{\"type\":\"agent_register\",\"agentId\":\"tom\"}");
    room_expect(r, bot,
                "{\"type\":\"error\",\"data\":{\"code\":\"FORBIDDEN\",\"details\":"
                "{\"rule\":\"grant:agent_id\"}}}");
    room_register(r, bot, "timmy");
    room_free(r);
}

/* --- grants on the way ------------------------------------------------------------------------ */

static void test_publish_grant(void **state)
{
    struct room *r = room_new(NULL);
    struct grants g = usual;
    char long_type[400];

    (void)state;
    g.publish = STR("bark|scene_*");
    struct hub_credential list[] = {credential("kit", g), credential("boss", GRANTS_ALL)};
    set(r, HUB_AUTH_TOKEN, list, 2);
    int kit = come(r, "kit"), boss = come(r, "boss");
    room_say(r, kit, "{\"type\":\"bark\"}");
    room_expect_text(r, boss, "{\"type\":\"bark\"}");
    room_say(r, kit, "{\"type\":\"thought\"}");
    room_expect(r, kit,
                "{\"type\":\"error\",\"data\":{\"code\":\"FORBIDDEN\",\"details\":"
                "{\"rule\":\"grant:publish\"}}}");
    room_say(r, kit, "{\"type\":\"thought\",\"target_id\":\"%s\"}", r->clients[boss].id);
    room_expect_error(r, kit, "FORBIDDEN");
    room_expect_nothing(r, boss);
    /* Of a long name only the beginning is kept, so it is not compared. */
    memset(long_type, 'x', sizeof(long_type));
    room_say(r, kit, "{\"type\":\"scene_%.300s\"}", long_type);
    room_expect_error(r, kit, "FORBIDDEN");
    room_say(r, boss, "{\"type\":\"scene_%.300s\"}", long_type);
    assert_non_null(room_next(r, kit));
    room_free(r);
}

static void test_other_worlds(void **state)
{
    struct room *r = room_new(NULL);
    struct grants g = usual;

    (void)state;
    g.sessions = STR("world:main");
    struct hub_credential list[] = {credential("kit", g), credential("boss", GRANTS_ALL)};
    set(r, HUB_AUTH_TOKEN, list, 2);
    int kit = come(r, "kit");
    struct evidence e = from(1, CREDENTIAL_BEARER, "boss");
    e.world = STR("lab");
    int lab = knock(r, &e);
    room_say(r, kit, "{\"type\":\"bark\",\"target_id\":\"%s\"}", r->clients[lab].id);
    room_expect_error(r, kit, "TARGET_NOT_FOUND");
    room_say(r, lab, "{\"type\":\"bark\",\"target_id\":\"%s\"}", r->clients[kit].id);
    assert_non_null(room_next(r, kit));
    room_free(r);
}

static void test_act_as(void **state)
{
    struct hub_settings s;
    struct grants g = usual;

    (void)state;
    hub_settings_init(&s);
    s.verify_sender = true;
    struct room *r = room_new(&s);
    g.act_as = STR("bot-*|kit");
    struct hub_credential list[] = {credential("kit", g), credential("boss", usual)};
    set(r, HUB_AUTH_TOKEN, list, 2);
    int kit = come(r, "kit"), boss = come(r, "boss");
    room_say(r, kit, "{\"type\":\"bark\",\"agent_id\":\"bot-7\"}");
    assert_non_null(room_next(r, boss));
    room_say(r, kit, "{\"type\":\"bark\",\"agent_id\":\"boss\"}");
    room_expect_error(r, kit, "SENDER_MISMATCH");
    room_say(r, boss, "{\"type\":\"bark\",\"agent_id\":\"bot-7\"}");
    room_expect_error(r, boss, "SENDER_MISMATCH");
    room_free(r);
}

/* --- a new configuration ---------------------------------------------------------------------- */

static void test_withdrawn(void **state)
{
    struct room *r = room_with_tokens();
    int kit = come(r, "kit"), boss = come(r, "boss");
    struct hub_credential only = credential("boss", GRANTS_ALL);
    struct evidence e = from(1, CREDENTIAL_BEARER, "kit");

    (void)state;
    room_register(r, kit, "timmy");
    room_expect(r, boss, "{\"type\":\"agent_joined\"}");
    set(r, HUB_AUTH_TOKEN, &only, 1);
    room_expect_close(r, kit, 4401, "the credential was withdrawn: authenticate with another one");
    room_expect(r, boss, "{\"type\":\"agent_left\"}");
    assert_int_equal(knock(r, &e), ROOM_REFUSED);
    room_say(r, boss, "{\"type\":\"ping\"}");
    room_expect_text(r, boss, "{\"type\":\"pong\"}");
    room_free(r);
}

static void test_regranted(void **state)
{
    struct room *r = room_with_tokens();
    int kit = come(r, "kit"), boss = come(r, "boss");
    struct grants less = {.publish = STR("bark"), .sessions = STR("world:main")};
    struct grants elsewhere = {.publish = STR("bark"), .sessions = STR("world:lab")};
    struct hub_credential list[] = {credential("kit", less), credential("boss", GRANTS_ALL)};

    (void)state;
    room_say(r, kit, "{\"type\":\"thought\"}");
    assert_non_null(room_next(r, boss));
    set(r, HUB_AUTH_TOKEN, list, 2);
    room_say(r, kit, "{\"type\":\"thought\"}");
    room_expect_error(r, kit, "FORBIDDEN");
    room_say(r, kit, "{\"type\":\"bark\"}");
    assert_non_null(room_next(r, boss));
    list[0].grants = elsewhere;
    set(r, HUB_AUTH_TOKEN, list, 2);
    room_expect_close(r, kit, 4403, "the credential no longer grants this: see its grants");
    room_free(r);
}

static void test_modes(void **state)
{
    struct room *r = room_new(NULL);
    int early = room_join(r, "");
    struct hub_credential kit = credential("kit", usual);

    (void)state;
    set(r, HUB_AUTH_TOKEN, &kit, 1);
    room_expect_close(r, early, 4401,
                      "the credential was withdrawn: authenticate with another one");
    int client = come(r, "kit"), late = stranger(r, 2);
    set(r, HUB_AUTH_NONE, NULL, 0);
    assert_non_null(r->clients[client].conn);
    /* The stranger is let in, and greeted by its world. */
    room_expect(r, late, "{\"type\":\"connection_ack\",\"data\":{\"world\":\"main\"}}");
    room_say(r, late, "{\"type\":\"bark\"}");
    room_expect_text(r, client, "{\"type\":\"bark\"}");
    set(r, HUB_AUTH_PASSWORD, NULL, 0);
    assert_null(r->clients[client].conn);
    assert_null(r->clients[late].conn);
    room_free(r);
}

/* --- tickets ---------------------------------------------------------------------------------- */

static uint32_t principal_of(struct room *r, const char *token)
{
    struct evidence e = {.near = true, .kind = CREDENTIAL_BEARER, .credential = str_from_z(token)};
    struct hub_asker asker;

    assert_true(hub_judge(r->v.hub, 1, &e, STR(""), 0, &asker));
    assert_int_equal(asker.refused, ERROR_NONE);
    return asker.principal;
}

static void test_tickets(void **state)
{
    struct room *r = room_with_tokens();
    struct hub_ticket_request request = {.grants = usual, .ttl_ms = 60000};
    char ticket[TICKET_SIZE + 1] = "";
    struct evidence e = from(5, CREDENTIAL_TICKET, ticket);

    (void)state;
    assert_int_equal(hub_ticket_new(r->v.hub, principal_of(r, "kit"), &request, ticket),
                     ERROR_NONE);
    assert_int_equal(counts(r).tickets, 1);
    e.credential = str_from_z(ticket);
    int client = knock(r, &e);
    assert_true(client >= 0);
    struct hub_client_view view;
    assert_true(hub_find_client(r->v.hub, str_from_z(r->clients[client].id), &view));
    assert_true(str_equal(view.user_id, STR("kit")));
    /* Once. */
    assert_int_equal(knock(r, &e), ROOM_REFUSED);
    assert_int_equal(counts(r).auth_failures[AUTH_FAILURE_TICKET], 1);
    assert_int_equal(counts(r).tickets, 0);
    /* Not for long. */
    request.ttl_ms = 1000;
    assert_int_equal(hub_ticket_new(r->v.hub, principal_of(r, "kit"), &request, ticket),
                     ERROR_NONE);
    room_advance(r, 1000);
    assert_int_equal(counts(r).tickets, 0);
    assert_int_equal(knock(r, &e), ROOM_REFUSED);
    /* Not for more than the maker may. */
    request.grants = GRANTS_ALL;
    assert_int_equal(hub_ticket_new(r->v.hub, principal_of(r, "kit"), &request, ticket),
                     ERROR_FORBIDDEN);
    request.ttl_ms = TICKET_MAX_MS + 1;
    assert_int_equal(hub_ticket_new(r->v.hub, principal_of(r, "boss"), &request, ticket),
                     ERROR_FORBIDDEN);
    /* A bearer is no ticket, and the other way round. */
    request.ttl_ms = 1000;
    assert_int_equal(hub_ticket_new(r->v.hub, principal_of(r, "boss"), &request, ticket),
                     ERROR_NONE);
    e.kind = CREDENTIAL_BEARER;
    assert_int_equal(knock(r, &e), ROOM_REFUSED);
    e = from(5, CREDENTIAL_TICKET, "boss");
    assert_int_equal(knock(r, &e), ROOM_REFUSED);
    room_free(r);
}

/* What a maker's ticket opened is shut with the maker. */
static void test_ticket_of_one_withdrawn(void **state)
{
    struct room *r = room_with_tokens();
    struct hub_ticket_request request = {.grants = usual, .ttl_ms = 60000};
    struct hub_credential only = credential("boss", GRANTS_ALL);
    char used[TICKET_SIZE + 1] = "", unused[TICKET_SIZE + 1] = "";
    struct evidence e = from(5, CREDENTIAL_TICKET, used);

    (void)state;
    assert_int_equal(hub_ticket_new(r->v.hub, principal_of(r, "kit"), &request, used), ERROR_NONE);
    assert_int_equal(hub_ticket_new(r->v.hub, principal_of(r, "kit"), &request, unused),
                     ERROR_NONE);
    e.credential = str_from_z(used);
    int client = knock(r, &e);
    assert_true(client >= 0);
    set(r, HUB_AUTH_TOKEN, &only, 1);
    assert_int_equal(r->clients[client].close_code, 4401);
    assert_int_equal(counts(r).tickets, 0);
    e.credential = str_from_z(unused);
    assert_int_equal(knock(r, &e), ROOM_REFUSED);
    room_free(r);
}

static void test_ticket_for_an_agent(void **state)
{
    struct room *r = room_with_tokens();
    struct hub_ticket_request request = {
        .grants = usual, .agent_id = STR("timmy"), .ttl_ms = 60000};
    int clients[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        char ticket[TICKET_SIZE + 1] = "";
        assert_int_equal(hub_ticket_new(r->v.hub, principal_of(r, "boss"), &request, ticket),
                         ERROR_NONE);
        struct evidence e = from(5, CREDENTIAL_TICKET, ticket);
        clients[i] = knock(r, &e);
        assert_true(clients[i] >= 0);
    }
    room_say(r, clients[0], "{\"type\":\"agent_register\",\"agentId\":\"tom\"}");
    room_expect_error(r, clients[0], "FORBIDDEN");
    room_register(r, clients[0], "timmy");
    room_expect(r, clients[1], "{\"type\":\"agent_joined\"}");
    room_register(r, clients[1], "timmy"); /* the same agent, come again with its next ticket */
    assert_int_equal(r->clients[clients[0]].close_code, 4409);
    room_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_worlds),
        cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_right_token_wrong_id),
        cmocka_unit_test(test_limiter),
        cmocka_unit_test(test_limiter_forgets),
        cmocka_unit_test(test_password_at_the_door),
        cmocka_unit_test(test_password_of_one_who_goes),
        cmocka_unit_test(test_password_in_a_message),
        cmocka_unit_test(test_wrong_passwords),
        cmocka_unit_test(test_too_much_while_waiting),
        cmocka_unit_test(test_too_many_passwords),
        cmocka_unit_test(test_taken),
        cmocka_unit_test(test_bound_agent),
        cmocka_unit_test(test_publish_grant),
        cmocka_unit_test(test_other_worlds),
        cmocka_unit_test(test_act_as),
        cmocka_unit_test(test_withdrawn),
        cmocka_unit_test(test_regranted),
        cmocka_unit_test(test_modes),
        cmocka_unit_test(test_tickets),
        cmocka_unit_test(test_ticket_of_one_withdrawn),
        cmocka_unit_test(test_ticket_for_an_agent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "core/admin.h"
#include "core/stranger.h"
#include "door.h"

/* Who may come in, and what they may do. */

/* Wrapped: what a look at grants costs is how often there is one, whatever a clock says. */
static uint32_t looks;
static size_t patterns_bytes; /* in all looks */

bool __wrap_grants_match(struct str patterns, struct str name);
bool __real_grants_match(struct str patterns, struct str name);

bool __wrap_grants_match(struct str patterns, struct str name)
{
    looks++;
    patterns_bytes += patterns.len;
    return __real_grants_match(patterns, name);
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

/* Ten failures are the end of it, also for whoever waits until the minute is over. */
static void test_limiter_locks_at_the_tenth(void **state)
{
    struct room *r = room_with_tokens();
    struct evidence e = from(9, CREDENTIAL_BEARER, "wrong");

    (void)state;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(knock(r, &e), ROOM_REFUSED);
        assert_int_equal(why(r), ERROR_AUTH_FAILED);
    }
    room_advance(r, 60 * 1000);
    assert_int_equal(knock(r, &e), ROOM_REFUSED);
    assert_int_equal(why(r), ERROR_RATE_LIMITED);
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

/* NO_AGENT lists what agents can whom the asker reaches; it does not look at all of the others. */
static void test_agents_of_other_worlds(void **state)
{
    enum { AGENTS = 90, NAMES = 200 };
    struct room *r = room_new(NULL);
    struct grants g = usual;
    char registration[8192] = "";
    struct evidence e = from(1, CREDENTIAL_BEARER, "boss");

    (void)state;
    g.sessions = STR("world:main");
    struct hub_credential list[] = {credential("kit", g), credential("boss", GRANTS_ALL)};
    set(r, HUB_AUTH_TOKEN, list, 2);
    for (int i = 0; i < NAMES; i++) {
        size_t len = strlen(registration);
        (void)snprintf(registration + len, sizeof(registration) - len, ",\"c%d\"", i);
    }
    e.world = STR("lab");
    for (int i = 0; i < AGENTS; i++) {
        int lab = knock(r, &e);
        room_say(r, lab, "{\"type\":\"agent_register\",\"agentId\":\"a%d\",\"capabilities\":[%s]}",
                 i, registration + 1);
    }
    int kit = come(r, "kit"), near = come(r, "kit");
    room_say(r, near,
             "{\"type\":\"agent_register\",\"agentId\":\"near\",\"capabilities\":[\"own\"]}");
    room_expect(r, kit, "{\"type\":\"agent_joined\"}");
    looks = 0;
    room_say(
        r, kit,
        "{\"type\":\"route_request\",\"id\":\"q\",\"data\":{\"capability\":\"no\",\"request\":1}}");
    room_expect(r, kit,
                "{\"data\":{\"code\":\"NO_AGENT\",\"details\":{\"capabilities\":[\"own\"]}}}");
    assert_in_range(looks, 1, 5000);
    room_free(r);
}

static void write_name(void *ctx, const struct hub_session_view *session)
{
    buf_append_str(ctx, session->name);
    buf_append_char(ctx, ' ');
}

/* What a principal is shown of the sessions, and how many there are of them for him. */
static void expect_sessions_from(struct room *r, const char *token, const char *start,
                                 uint32_t limit, const char *names, uint32_t total)
{
    uint32_t principal = principal_of(r, token);
    struct buf have;

    buf_init(&have, 1000);
    assert_int_equal(
        total, hub_each_session(r->v.hub, principal, str_from_z(start), limit, write_name, &have));
    buf_append_char(&have, '\0');
    assert_string_equal(names, have.data);
    buf_fini(&have);
}

static void expect_sessions(struct room *r, const char *token, uint32_t limit, const char *names,
                            uint32_t total)
{
    expect_sessions_from(r, token, "", limit, names, total);
}

/* Nobody looks at those that a grant does not name, nor behind the last that is shown. */
static void test_lists_of_sessions(void **state)
{
    enum { WORLDS = 50 };
    struct room *r = room_new(NULL);
    struct grants g = usual, wide = usual, both = usual;
    struct evidence e = from(1, CREDENTIAL_BEARER, "boss");
    char name[16];

    (void)state;
    g.sessions = STR("world:main|world:w3|world:none|world:w3|world:w7|world:w");
    wide.sessions = STR("world:w4*|world:w49");
    both.sessions = STR("world:main|world:w3|world:w41|world:w4*|world:w9|world:w4|world:w10|world:"
                        "w11|world:w12|world:w13|world:w14|world:w15|world:w16|world:none");
    struct hub_credential list[] = {credential("kit", g), credential("wide", wide),
                                    credential("both", both), credential("boss", GRANTS_ALL)};
    set(r, HUB_AUTH_TOKEN, list, 4);
    for (int i = 0; i < WORLDS; i++) {
        (void)snprintf(name, sizeof(name), "w%d", i);
        e.world = str_from_z(name);
        (void)knock(r, &e);
    }
    looks = 0;
    expect_sessions(r, "kit", 100, "world:main world:w3 world:w7 ", 3);
    expect_sessions(r, "kit", 2, "world:main world:w3 ", 3);
    expect_sessions(r, "kit", 0, "", 3);
    expect_sessions(r, "boss", 2, "world:main world:w0 ", WORLDS + 1);
    assert_in_range(looks, 0, 12);
    expect_sessions(r, "wide", 3, "world:w4 world:w40 world:w41 ", 11);
    /* Of a grant with names and patterns, only these are matched against all there are. */
    patterns_bytes = 0;
    expect_sessions(r, "both", 14,
                    "world:w4 world:w40 world:w41 world:w42 world:w43 world:w44 world:w45 "
                    "world:w46 world:w47 world:w48 world:w49 world:main world:w3 world:w9 ",
                    21);
    assert_in_range(patterns_bytes, 0, (WORLDS + 1) * strlen("world:w4*"));
    expect_sessions_from(r, "kit", "world:w3", 2, "world:w3 world:w7 ", 3);
    expect_sessions_from(r, "boss", "world:w47", 9, "world:w47 world:w48 world:w49 ", WORLDS + 1);
    expect_sessions_from(r, "wide", "world:w48", 9, "world:w48 world:w49 ", 11);
    /* What is not there, or not for him. */
    expect_sessions_from(r, "kit", "world:w4", 2, "", 3);
    expect_sessions_from(r, "boss", "world:none", 2, "", WORLDS + 1);
    expect_sessions_from(r, "boss", "$everybody", 2, "", WORLDS + 1);
    expect_sessions_from(r, "wide", "world:w3", 9, "", 11);
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
        cmocka_unit_test(test_limiter_locks_at_the_tenth),
        cmocka_unit_test(test_taken),
        cmocka_unit_test(test_bound_agent),
        cmocka_unit_test(test_publish_grant),
        cmocka_unit_test(test_other_worlds),
        cmocka_unit_test(test_agents_of_other_worlds),
        cmocka_unit_test(test_lists_of_sessions),
        cmocka_unit_test(test_act_as),
        cmocka_unit_test(test_withdrawn),
        cmocka_unit_test(test_regranted),
        cmocka_unit_test(test_modes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

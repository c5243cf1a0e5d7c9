#include "unit.h"

#include <string.h>

#include "gateway/setup.h"

/* Sources of flags alone: "key=value", ended by NULL. */
static struct setup *load(const char *const *pairs, const struct config *running, bool exposed)
{
    struct config_flag flags[16];
    struct config_sources sources = {.flags = flags};
    struct setup_source source = {.sources = &sources, .running = running, .exposed = exposed};

    while (pairs[sources.flag_count] != NULL) {
        flags[sources.flag_count] =
            (struct config_flag){.name = "--set", .value = pairs[sources.flag_count]};
        sources.flag_count++;
    }
    struct setup *s = setup_load(&source);
    assert_non_null(s);
    return s;
}

static void expect_error(struct setup *s, const char *word)
{
    assert_true(s->error.len > 0);
    buf_append_char(&s->error, '\0');
    assert_non_null(strstr(s->error.data, word));
    setup_free(s);
}

static void test_defaults(void **state)
{
    const char *const none[] = {NULL};
    struct setup *s = load(none, NULL, false);
    struct hub_settings hub;

    (void)state;
    assert_int_equal(0, s->error.len);
    assert_int_equal(HUB_AUTH_NONE, s->access.mode);
    assert_null(s->password);
    assert_true(s->policy->check_host);
    assert_false(s->policy->wants_credential);
    assert_int_equal(3, s->policy->origin_count);
    hub_settings_init(&hub);
    setup_hub_settings(s, &hub);
    assert_false(hub.verify_sender);
    assert_int_equal(1000, hub.max_clients_per_address);
    assert_int_equal(0, hub.max_rate);
    assert_true(hub.max_memory > 0);
    setup_free(s);
    setup_free(NULL);
}

#define DIGEST "sha256:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static void test_tokens(void **state)
{
    const char *const pairs[] = {"auth.mode=token",
                                 ("auth.tokens=" DIGEST " kitchen agent_id=timmy publish=bark"),
                                 "limits.memory=32MiB", "limits.rate=7", NULL};
    struct setup *s = load(pairs, NULL, true);
    struct hub_settings hub;

    (void)state;
    assert_int_equal(0, s->error.len);
    assert_int_equal(HUB_AUTH_TOKEN, s->access.mode);
    assert_int_equal(1, s->access.count);
    const struct hub_credential *c = &s->access.credentials[0];
    assert_int_equal(31, c->digest[31]);
    assert_true(str_equal(c->name, STR("kitchen")));
    assert_true(str_equal(c->agent_id, STR("timmy")));
    assert_true(str_equal(c->grants.publish, STR("bark")));
    assert_false(c->grants.admin);
    assert_false(s->policy->check_host);
    assert_true(s->policy->wants_credential);
    hub_settings_init(&hub);
    setup_hub_settings(s, &hub);
    assert_true(hub.verify_sender); /* world.identity: auto */
    assert_int_equal(32 << 20, hub.max_memory);
    assert_int_equal(7, hub.max_rate);
    setup_free(s);
}

/* What tells one password from another is the digest of its hash. */
static void test_password(void **state)
{
    static const char *const hashes[] = {
        "auth.password_hash=$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "auth.password_hash=$argon2id$v=19$m=64,t=1,p=1$b3RoZXJzYWx0$"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    struct setup *s[2];

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        const char *const pairs[] = {"auth.mode=password", hashes[i], NULL};
        s[i] = load(pairs, NULL, false);
        assert_int_equal(0, s[i]->error.len);
        assert_int_equal(HUB_AUTH_PASSWORD, s[i]->access.mode);
        assert_string_equal(strchr(hashes[i], '=') + 1, s[i]->password);
    }
    assert_memory_not_equal(s[0]->access.password_id, s[1]->access.password_id, DIGEST_SIZE);
    setup_free(s[0]);
    setup_free(s[1]);
}

static void expect_origin(const char *url, const char *origin)
{
    const char *const pairs[] = {"origins=", url, NULL};
    struct setup *s = load(pairs, NULL, false);

    assert_int_equal(0, s->error.len);
    assert_int_equal(1, s->policy->origin_count);
    assert_true(str_equal(s->policy->origins[0], str_from_z(origin)));
    setup_free(s);
}

static void test_public_url(void **state)
{
    (void)state;
    expect_origin("listen.public_url=https://parley.example.org", "https://parley.example.org");
    expect_origin("listen.public_url=http://parley.example.org:81/a/b",
                  "http://parley.example.org:81");
    expect_origin("listen.public_url=wss://parley.example.org/ws", "https://parley.example.org");
    expect_origin("listen.public_url=ws://[::1]:9/", "http://[::1]:9");
}

/* Options that need a restart keep their values, and what they ask for is asked again. */
static void test_running(void **state)
{
    const char *const before[] = {"listen.bind=all", "auth.mode=token",
                                  ("auth.tokens=" DIGEST " kitchen"), "threads=2", NULL};
    const char *const after[] = {"listen.port=1", "auth.mode=token",
                                 ("auth.tokens=" DIGEST " cellar"), "threads=3", NULL};
    const char *const open[] = {"listen.bind=loopback", NULL};
    struct setup *first = load(before, NULL, false);
    struct setup *next = load(after, &first->config, false);

    (void)state;
    assert_int_equal(0, next->error.len);
    assert_true(str_equal(buf_str(&next->restart), STR("listen.port,listen.bind,threads")));
    assert_int_equal(8765, config_number(&next->config, OPTION_LISTEN_PORT));
    assert_string_equal("all", config_text(&next->config, OPTION_LISTEN_BIND));
    assert_int_equal(2, config_number(&next->config, OPTION_THREADS));
    assert_true(str_equal(next->access.credentials[0].name, STR("cellar")));
    setup_free(next);
    expect_error(load(open, &first->config, false), "listen.bind");
    setup_free(first);
}

static void test_exposed(void **state)
{
    const char *const none[] = {NULL};
    const char *const anonymous[] = {"auth.allow_anonymous=true", NULL};

    (void)state;
    expect_error(load(none, NULL, true), "auth.mode");
    struct setup *s = load(anonymous, NULL, true);
    assert_int_equal(0, s->error.len);
    setup_free(s);
}

static void test_wrong(void **state)
{
    const char *const file[] = {"auth.mode=token", "auth.token_file=/nowhere/tokens", NULL};
    const char *const unused[] = {"auth.token_file=/nowhere/tokens", NULL};
    const char *const line[] = {"auth.mode=token", "auth.tokens=sha256:12 kitchen", NULL};

    (void)state;
    expect_error(load(file, NULL, false), "/nowhere/tokens");
    expect_error(load(line, NULL, false), "auth.tokens");
    /* A file that no mode asks for is not read, but said to be without use. */
    struct setup *s = load(unused, NULL, false);
    assert_int_equal(0, s->error.len);
    assert_true(s->warnings.len > 0);
    setup_free(s);
}

/* Who embeds the gateway may look at credentials where the configuration knows of none. */
static void test_host_checks(void **state)
{
    struct config_sources sources = {0};
    struct setup_source source = {.sources = &sources, .host_checks = true};

    (void)state;
    struct setup *s = setup_load(&source);
    assert_non_null(s);
    assert_int_equal(0, s->error.len);
    assert_true(s->policy->wants_credential);
    setup_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults), cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_password), cmocka_unit_test(test_public_url),
        cmocka_unit_test(test_running),  cmocka_unit_test(test_exposed),
        cmocka_unit_test(test_wrong),    cmocka_unit_test(test_host_checks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "unit.h"

#include <stdio.h>

#include "settings.h"

/* Reads an environment of one variable. */
static bool read_one(struct config *c, const char *variable, struct buf *error)
{
    char text[512];
    char *environment[] = {text, NULL};

    (void)snprintf(text, sizeof(text), "%s", variable);
    return config_read_environment(c, environment, error);
}

static void test_each_key(void **state)
{
    static const struct {
        enum option_id id;
        const char *variable;
        const char *text;
    } cases[] = {
        {OPTION_LISTEN_PORT, "PARLEY_LISTEN__PORT=9", "9"},
        {OPTION_LISTEN_BIND, "PARLEY_LISTEN__BIND=::1", "::1"},
        {OPTION_LISTEN_UNIX, "PARLEY_LISTEN__UNIX=/a=b", "/a=b"},
        {OPTION_LISTEN_WORLD_PATHS, "PARLEY_LISTEN__WORLD_PATHS=/a, /b", "/a, /b"},
        {OPTION_LISTEN_ECHO_PATH, "PARLEY_LISTEN__ECHO_PATH=/e", "/e"},
        {OPTION_LISTEN_STATUS_PORT, "PARLEY_LISTEN__STATUS_PORT=10", "10"},
        {OPTION_LISTEN_HOSTS, "PARLEY_LISTEN__HOSTS=a,b", "a,b"},
        {OPTION_LISTEN_PUBLIC_URL, "PARLEY_LISTEN__PUBLIC_URL=https://a", "https://a"},
        {OPTION_LISTEN_TLS_CERT, "PARLEY_LISTEN__TLS_CERT=/c.pem", "/c.pem"},
        {OPTION_LISTEN_TLS_KEY, "PARLEY_LISTEN__TLS_KEY=/k.pem", "/k.pem"},
        {OPTION_AUTH_MODE, "PARLEY_AUTH__MODE=token", "token"},
        {OPTION_AUTH_ALLOW_ANONYMOUS, "PARLEY_AUTH__ALLOW_ANONYMOUS=true", "true"},
        {OPTION_AUTH_TOKEN_FILE, "PARLEY_AUTH__TOKEN_FILE=tokens", "tokens"},
        {OPTION_AUTH_TOKENS, "PARLEY_AUTH__TOKENS=sha256:00 a", "sha256:00 a"},
        {OPTION_AUTH_PASSWORD_HASH, "PARLEY_AUTH__PASSWORD_HASH=$argon2id$", "$argon2id$"},
        {OPTION_AUTH_JWT_KEYS, "PARLEY_AUTH__JWT__KEYS=HS256 /k", "HS256 /k"},
        {OPTION_AUTH_JWT_ISSUER, "PARLEY_AUTH__JWT__ISSUER=me", "me"},
        {OPTION_AUTH_JWT_AUDIENCE, "PARLEY_AUTH__JWT__AUDIENCE=us", "us"},
        {OPTION_AUTH_JWT_LEEWAY, "PARLEY_AUTH__JWT__LEEWAY=5s", "5s"},
        {OPTION_ORIGINS, "PARLEY_ORIGINS=*", "*"},
        {OPTION_TRUSTED_PROXIES, "PARLEY_TRUSTED_PROXIES=10.0.0.1", "10.0.0.1"},
        {OPTION_LIMITS_MESSAGE_BYTES, "PARLEY_LIMITS__MESSAGE_BYTES=2KiB", "2KiB"},
        {OPTION_LIMITS_FRAME_BYTES, "PARLEY_LIMITS__FRAME_BYTES=3KiB", "3KiB"},
        {OPTION_LIMITS_SEND_QUEUE_BYTES, "PARLEY_LIMITS__SEND_QUEUE_BYTES=4MiB", "4MiB"},
        {OPTION_LIMITS_CLIENTS, "PARLEY_LIMITS__CLIENTS=5", "5"},
        {OPTION_LIMITS_CLIENTS_PER_ADDRESS, "PARLEY_LIMITS__CLIENTS_PER_ADDRESS=2", "2"},
        {OPTION_LIMITS_RATE, "PARLEY_LIMITS__RATE=100", "100"},
        {OPTION_LIMITS_MEMORY, "PARLEY_LIMITS__MEMORY=64MiB", "64MiB"},
        {OPTION_HEARTBEAT_INTERVAL, "PARLEY_HEARTBEAT__INTERVAL=6s", "6s"},
        {OPTION_HEARTBEAT_TIMEOUT, "PARLEY_HEARTBEAT__TIMEOUT=7s", "7s"},
        {OPTION_LISTEN_GATEWAY_PATH, "PARLEY_LISTEN__GATEWAY_PATH=/g", "/g"},
        {OPTION_AGENTS_REQUEST_TIMEOUT, "PARLEY_AGENTS__REQUEST_TIMEOUT=1m", "1m"},
        {OPTION_AGENTS_MAX_QUEUE, "PARLEY_AGENTS__MAX_QUEUE=0", "0"},
        {OPTION_AGENTS_REMEMBER, "PARLEY_AGENTS__REMEMBER=2h", "2h"},
        {OPTION_GATEWAY_MAX_CLIENTS_PER_SESSION, "PARLEY_GATEWAY__MAX_CLIENTS_PER_SESSION=3", "3"},
        {OPTION_COMPRESSION, "PARLEY_COMPRESSION=on", "on"},
        {OPTION_SLOW_CLIENT, "PARLEY_SLOW_CLIENT=close", "close"},
        {OPTION_WORLD_VALIDATION, "PARLEY_WORLD__VALIDATION=known", "known"},
        {OPTION_WORLD_IDENTITY, "PARLEY_WORLD__IDENTITY=verify", "verify"},
        {OPTION_THREADS, "PARLEY_THREADS=8", "8"},
        {OPTION_DRAIN, "PARLEY_DRAIN=9s", "9s"},
        {OPTION_LOG_LEVEL, "PARLEY_LOG__LEVEL=debug", "debug"},
        {OPTION_LOG_FORMAT, "PARLEY_LOG__FORMAT=json", "json"},
        {OPTION_SPIN, "PARLEY_SPIN=off", "off"},
        {OPTION_SANDBOX, "PARLEY_SANDBOX=off", "off"},
        {OPTION_METRICS_PUBLIC, "PARLEY_METRICS__PUBLIC=true", "true"},
    };
    _Static_assert(sizeof(cases) / sizeof(cases[0]) == OPTION_COUNT, "each option has a case");
    struct config c;
    struct buf error;

    (void)state;
    buf_init(&error, CONFIG_MAX_ERROR);
    assert_true(config_init(&c));
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        assert_int_equal(c.values[cases[i].id].origin, CONFIG_DEFAULT);
        assert_true(read_one(&c, cases[i].variable, &error));
        assert_string_equal(config_text(&c, cases[i].id), cases[i].text);
        assert_int_equal(c.values[cases[i].id].origin, CONFIG_ENVIRONMENT);
    }
    config_fini(&c);
    buf_fini(&error);
}

static void test_errors(void **state)
{
    static const struct {
        const char *variable;
        const char *said;
    } cases[] = {
        {"PARLEY_LISTEN__PORT=x", "PARLEY_LISTEN__PORT: listen.port: \"x\" is not allowed; it "
                                  "takes a number from 0 to 65535 (default 8765)"},
        {"PARLEY_LISTEN__PROT=1",
         "PARLEY_LISTEN__PROT: listen.prot is no option; did you mean listen.port?"},
        {"PARLEY_GATEWAY__LABEL__MAX=1",
         "PARLEY_GATEWAY__LABEL__MAX: gateway.label.max is no option"},
        {"PARLEY_AUTH__JWT__KEY=x",
         "PARLEY_AUTH__JWT__KEY: auth.jwt.key is no option; did you mean auth.jwt.keys?"},
        {"PARLEY_AUTH__TOKEN=s3cret",
         "PARLEY_AUTH__TOKEN: auth.token: a secret is never the value of an option; write it into "
         "a file and name that with `--token-file FILE`"},
        {"PARLEY_THREDS=2", "PARLEY_THREDS: threds is no option; did you mean threads?"},
    };
    struct config c;
    struct buf error;

    (void)state;
    buf_init(&error, CONFIG_MAX_ERROR);
    assert_true(config_init(&c));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_false(read_one(&c, cases[i].variable, &error));
        expect_error(&error, cases[i].said);
    }
    config_fini(&c);
    buf_fini(&error);
}

static void test_not_ours(void **state)
{
    static const char *const variables[] = {
        "PARLEY_URL=http://127.0.0.1:1",
        "PARLEY_TOKEN=secret",
        "PARLEY_CONFIG=/x",
        "PARLEY_PASSWORD=secret",
        "PARLEY_PORT=tcp://10.0.0.1:80",
        "PARLEY_HOST=all",
        "PARLEY_SERVICE_HOST=10.0.0.1",
        "PARLEY_=1",
        "PARLEY_THREADS",
        "PATH=/bin",
        "LISTEN__PORT=1",
        "parley_threads=2",
    };
    char longest[400];
    struct config c;
    struct buf error;

    (void)state;
    buf_init(&error, CONFIG_MAX_ERROR);
    assert_true(config_init(&c));
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
        assert_true(read_one(&c, variables[i], &error));
    }
    memset(longest, 'A', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    memcpy(longest, "PARLEY_A__", 10);
    memcpy(longest + sizeof(longest) - 3, "=1", 2);
    assert_true(read_one(&c, longest, &error));
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        assert_int_equal(c.values[i].origin, CONFIG_DEFAULT);
    }
    assert_int_equal(error.len, 0);
    config_fini(&c);
    buf_fini(&error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_key),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_not_ours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/printable.h"
#include "settings.h"

/* One for each option, in the order of the table: a value that is allowed, and one that is not. */
static const struct sample {
    const char *key;
    const char *fallback;
    uint64_t fallback_number;
    const char *right;
    uint64_t right_number;
    const char *wrong;
} samples[] = {
    {"listen.port", "8765", 8765, "0", 0, "65536"},
    {"listen.bind", "loopback", 0, "::1", 0, "a\tb"},
    {"listen.unix", "", 0, "/run/parley.sock", 0, "/run\n"},
    {"listen.world_paths", "/ws/matrix,/ws/agents,/ws/world-state,/api/world/ws", 4, "/w", 1, ""},
    {"listen.gateway_path", "/ws", 0, "/gateway", 0, "/w\x01"},
    {"listen.echo_path", "", 0, "/echo", 0, "/e\x01"},
    {"listen.status_port", "0", 0, "65535", 65535, "-1"},
    {"listen.hosts", "", 0, "a.example, b.example", 2, "a,,b"},
    {"listen.public_url", "", 0, "https://parley.example.org", 0, "\x7f"},
    {"listen.tls_cert", "", 0, "/etc/parley/cert.pem", 0, "/c\n"},
    {"listen.tls_key", "", 0, "/etc/parley/key.pem", 0, "\x7f"},
    {"auth.mode", "none", 0, "jwt", 3, "oauth"},
    {"auth.allow_anonymous", "false", 0, "true", 1, "yes"},
    {"auth.token_file", "", 0, "/etc/parley/tokens", 0, "\xff"},
    {"auth.tokens", "", 0, "sha256:00 kitchen", 1, ",s3cret"},
    {"auth.password_hash", "", 0, "$argon2id$v=19$m=65536,t=3,p=1$c2FsdA$aGFzaA", 0, "\ts3cret"},
    {"auth.jwt.keys", "", 0, "EdDSA /k.pem,HS256 /s", 2, "a,,b"},
    {"auth.jwt.issuer", "", 0, "https://id.example.org", 0, "\x7f"},
    {"auth.jwt.audience", "", 0, "parley", 0, "\xff"},
    {"auth.jwt.leeway", "60s", 60000, "0s", 0, "301s"},
    {"origins", "http://localhost:*,http://127.0.0.1:*,http://[::1]:*", 3, "", 0, ","},
    {"trusted_proxies", "", 0, "10.0.0.0/8", 1, "10.0.0.1,,"},
    {"limits.message_bytes", "1MiB", 1048576, "64KiB", 65536, "1023"},
    {"limits.frame_bytes", "10MiB", 10485760, "1GiB", 1073741824, "1025MiB"},
    {"limits.send_queue_bytes", "2MiB", 2097152, "70000", 70000, "2mb"},
    {"limits.clients", "100000", 100000, "1", 1, "0"},
    {"limits.clients_per_address", "1000", 1000, "1000000", 1000000, "1000001"},
    {"limits.rate", "0", 0, "50", 50, "50/s"},
    {"limits.memory", "auto", 0, "1GiB", 1073741824, "15MiB"},
    {"heartbeat.interval", "30s", 30000, "100ms", 100, "30"},
    {"heartbeat.timeout", "60s", 60000, "2m", 120000, "25h"},
    {"slow_client", "drop", 0, "close", 1, "Close"},
    {"compression", "off", 0, "on", 1, "yes"},
    {"agents.request_timeout", "30s", 30000, "1m", 60000, "30"},
    {"agents.max_queue", "1000", 1000, "0", 0, "-1"},
    {"agents.remember", "24h", 86400000, "2h", 7200000, "721h"},
    {"gateway.max_clients_per_session", "0", 0, "10", 10, "1000001"},
    {"world.validation", "off", 0, "strict", 2, "on"},
    {"world.identity", "auto", 0, "verify", 2, "check"},
    {"threads", "auto", 0, "16", 16, "0"},
    {"spin", "auto", 0, "off", 1, "on"},
    {"drain", "10s", 10000, "0s", 0, "-1s"},
    {"log.level", "info", 1, "error", 3, "loud"},
    {"log.format", "auto", 0, "json", 2, "xml"},
    {"sandbox", "auto", 0, "off", 1, "on"},
    {"metrics.public", "false", 0, "true", 1, "TRUE"},
};

enum { SAMPLES = sizeof(samples) / sizeof(samples[0]) };

static void expect_set(const struct config *c, size_t id, const char *text, uint64_t number)
{
    assert_string_equal(config_text(c, (enum option_id)id), text);
    assert_int_equal(config_number(c, (enum option_id)id), number);
}

static void test_defaults(void **state)
{
    struct config c;

    (void)state;
    assert_int_equal(SAMPLES, OPTION_COUNT);
    assert_true(config_init(&c));
    for (size_t i = 0; i < SAMPLES; i++) {
        assert_string_equal(option_table[i].key, samples[i].key);
        expect_set(&c, i, samples[i].fallback, samples[i].fallback_number);
        assert_int_equal(c.values[i].origin, CONFIG_DEFAULT);
    }
    config_fini(&c);
}

static void test_each_right(void **state)
{
    struct config c;
    struct buf error;
    char text[256];

    (void)state;
    buf_init(&error, CONFIG_MAX_ERROR);
    for (size_t i = 0; i < SAMPLES; i++) {
        assert_true(config_init(&c));
        assert_true(set_flag(&c, samples[i].key, samples[i].right));
        expect_set(&c, i, samples[i].right, samples[i].right_number);
        config_fini(&c);

        assert_true(config_init(&c));
        (void)snprintf(text, sizeof(text), "%s=%s", samples[i].key, samples[i].right);
        assert_true(config_set_pair(&c, str_from_z(text), &error));
        expect_set(&c, i, samples[i].right, samples[i].right_number);
        for (size_t other = 0; other < SAMPLES; other++) {
            if (other != i) {
                expect_set(&c, other, samples[other].fallback, samples[other].fallback_number);
            }
        }
        config_fini(&c);
    }
    buf_fini(&error);
}

static void test_each_wrong(void **state)
{
    struct config c;
    struct buf error;

    (void)state;
    buf_init(&error, CONFIG_MAX_ERROR);
    assert_true(config_init(&c));
    for (size_t i = 0; i < SAMPLES; i++) {
        const struct sample *s = &samples[i];
        assert_false(
            config_set(&c, str_from_z(s->key), str_from_z(s->wrong), CONFIG_FLAG, "here", &error));
        assert_non_null(memmem(error.data, error.len, s->key, strlen(s->key)));
        if (option_table[i].secret) {
            assert_null(memmem(error.data, error.len, "s3cret", 6));
        } else {
            struct buf shown;
            buf_init(&shown, CONFIG_MAX_ERROR);
            printable_append(&shown, str_from_z(s->wrong));
            assert_true(shown.len == 0 ||
                        memmem(error.data, error.len, shown.data, shown.len) != NULL);
            buf_fini(&shown);
        }
        assert_non_null(memmem(error.data, error.len, "it takes ", 9));
        buf_clear(&error);
        expect_set(&c, i, s->fallback, s->fallback_number);
    }
    /* A path with a NUL would be another one. */
    assert_false(config_set(&c, STR("listen.unix"), STR("/a\0b"), CONFIG_FLAG, "here", &error));
    config_fini(&c);
    buf_fini(&error);
}

static void test_sentences(void **state)
{
    static const struct {
        const char *pair;
        const char *said;
    } cases[] = {
        {"listen.port=abc", "--set: listen.port: \"abc\" is not allowed; it takes a number from 0 "
                            "to 65535 (default 8765)"},
        {"listen.port=70000", "--set: listen.port: \"70000\" is out of range; it takes a number "
                              "from 0 to 65535 (default 8765)"},
        {"listen.port=99999999999999999999999",
         "--set: listen.port: \"99999999999999999999999\" is out of range; it takes a number from "
         "0 to 65535 (default 8765)"},
        {"heartbeat.interval=30",
         "--set: heartbeat.interval: \"30\" is a duration without its unit (ms, s, m, h); it takes "
         "a duration from 100ms to 1h (default 30s)"},
        {"threads=many", "--set: threads: \"many\" is not allowed; it takes a number from 1 to 16 "
                         "or auto (default auto)"},
        {"log.level=\033[0m", "--set: log.level: \"\\x1b[0m\" is not allowed; it takes debug, "
                              "info, warning or error (default info)"},
        {"listen.prot=1", "--set: listen.prot is no option; did you mean listen.port?"},
        {"message_byte=1", "--set: message_byte is no option; did you mean limits.message_bytes?"},
        {"wholly.unlike=1", "--set: wholly.unlike is no option"},
        {"spin=on", "--set: spin: \"on\" is not allowed; it takes auto or off (default auto)"},
        {"compression=true",
         "--set: compression: \"true\" is not allowed; it takes off or on (default off)"},
        {"skipLocalPairing=true",
         "--set: skipLocalPairing: it is no option of Parley: every client gives a token instead "
         "(set auth.mode to token)"},
        {"token=s3cret", "--set: token: a secret is never the value of an option; write it into a "
                         "file and name that with `--token-file FILE`"},
        {"authPassword=s3cret",
         "--set: authPassword: a secret is never the value of an option; set auth.mode to "
         "password and auth.password_hash to what `parley password hash` prints"},
        {"authEnabled=true",
         "--set: authEnabled: say how: set auth.mode to token or password, or to none"},
        {"auth.password_hash=\ts3cret",
         "--set: auth.password_hash: what it is set to is not allowed; it takes text"},
        {"origins=a,,b",
         "--set: origins: \"a,,b\" is not allowed; it takes a list of 0 to 64 elements, separated "
         "by commas (default http://localhost:*,http://127.0.0.1:*,http://[::1]:*)"},
        {"listen.world_paths=",
         "--set: listen.world_paths: \"\" is out of range; it takes a list of 1 to 16 elements, "
         "separated by commas (default "
         "/ws/matrix,/ws/agents,/ws/world-state,/api/world/ws)"},
        {"metrics.public=1", "--set: metrics.public: \"1\" is not allowed; it takes false or true "
                             "(default false)"},
        {"limits.memory=1MiB", "--set: limits.memory: \"1MiB\" is out of range; it takes a size "
                               "from 16MiB to 1024GiB or auto (default auto)"},
        {"threads", "--set: \"threads\" is not KEY=VALUE"},
    };
    struct config c;
    struct buf error;

    (void)state;
    buf_init(&error, CONFIG_MAX_ERROR);
    assert_true(config_init(&c));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_false(config_set_pair(&c, str_from_z(cases[i].pair), &error));
        expect_error(&error, cases[i].said);
    }
    config_fini(&c);
    buf_fini(&error);
}

static void test_synonyms(void **state)
{
    struct config c;

    (void)state;
    assert_true(config_init(&c));
    assert_true(set_flag(&c, "pingIntervalMs", "5000"));
    expect_set(&c, OPTION_HEARTBEAT_INTERVAL, "5000", 5000);
    assert_true(set_flag(&c, "clientTimeout", "20s"));
    expect_set(&c, OPTION_HEARTBEAT_TIMEOUT, "20s", 20000);
    assert_true(set_flag(&c, "maxPayload", "2097152"));
    expect_set(&c, OPTION_LIMITS_FRAME_BYTES, "2097152", 2097152);
    assert_true(set_flag(&c, "host", "::1"));
    expect_set(&c, OPTION_LISTEN_BIND, "::1", 0);
    assert_true(set_flag(&c, "authMode", "token"));
    expect_set(&c, OPTION_AUTH_MODE, "token", 1);
    assert_true(set_flag(&c, "corsOrigins", "*"));
    expect_set(&c, OPTION_ORIGINS, "*", 1);
    assert_true(set_flag(&c, "trustedProxies", "::1"));
    expect_set(&c, OPTION_TRUSTED_PROXIES, "::1", 1);
    assert_true(set_flag(&c, "perMessageDeflate", "true"));
    expect_set(&c, OPTION_COMPRESSION, "on", COMPRESSION_ON);
    assert_true(set_flag(&c, "perMessageDeflate", "false"));
    expect_set(&c, OPTION_COMPRESSION, "off", COMPRESSION_OFF);
    assert_false(set_flag(&c, "pingintervalms", "5000"));
    assert_false(set_flag(&c, "authMode", "true"));
    assert_false(set_flag(&c, "pingIntervalMs", "99"));
    config_fini(&c);
}

static void test_origins(void **state)
{
    struct config c;
    struct buf error;

    (void)state;
    buf_init(&error, CONFIG_MAX_ERROR);
    assert_true(config_init(&c));
    assert_true(set_flag(&c, "threads", "2"));
    assert_true(config_set(&c, STR("threads"), STR("3"), CONFIG_ENVIRONMENT, "X", &error));
    expect_set(&c, OPTION_THREADS, "2", 2);
    assert_int_equal(c.values[OPTION_THREADS].origin, CONFIG_FLAG);
    assert_true(set_flag(&c, "threads", "4"));
    expect_set(&c, OPTION_THREADS, "4", 4);
    /* What would not count is still checked. */
    assert_false(config_set(&c, STR("threads"), STR("x"), CONFIG_ENVIRONMENT, "X", &error));
    config_fini(&c);
    buf_fini(&error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),   cmocka_unit_test(test_each_right),
        cmocka_unit_test(test_each_wrong), cmocka_unit_test(test_sentences),
        cmocka_unit_test(test_synonyms),   cmocka_unit_test(test_origins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

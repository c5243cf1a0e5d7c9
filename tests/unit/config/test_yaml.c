#include "unit.h"

#include <stdlib.h>

#include "sample.h"
#include "settings.h"

/* Reads a text as /etc/f.yaml; it lies where a sanitizer sees a read behind its end. */
static bool read_bytes(struct config *c, struct str text, struct buf *error)
{
    char *copy = sample_copy(text.ptr, text.len);
    bool ok = config_read_text(c, str_make(copy, text.len), "f.yaml", "/etc/p", error);

    free(copy);
    assert_int_equal(ok, error->len == 0);
    return ok;
}

static bool read_into(struct config *c, const char *text, struct buf *error)
{
    return read_bytes(c, str_from_z(text), error);
}

/* Asserts that a text is refused with this sentence. */
static void expect_refused(struct str text, const char *said)
{
    struct config c;
    struct buf error;

    buf_init(&error, CONFIG_MAX_ERROR);
    assert_true(config_init(&c));
    assert_false(read_bytes(&c, text, &error));
    expect_error(&error, said);
    config_fini(&c);
    buf_fini(&error);
}

/* Each key in a file: as it is right, and as it is wrong. */
static const struct sample {
    enum option_id id;
    const char *right;
    const char *text;
    uint64_t number;
    const char *wrong;
    const char *said; /* behind FILE:LINE: KEY: */
} samples[] = {
    {OPTION_LISTEN_PORT, "9000", "9000", 9000, "65536",
     "\"65536\" is out of range; it takes a number from 0 to 65535 (default 8765)"},
    {OPTION_LISTEN_BIND, "'::1'", "::1", 0, "[loopback]",
     "a list is not allowed; it takes text (default loopback)"},
    {OPTION_LISTEN_UNIX, "run/p.sock", "/etc/p/run/p.sock", 0, "{}",
     "a mapping is not allowed; it takes a path"},
    {OPTION_LISTEN_WORLD_PATHS, "[/a, /b]", "/a,/b", 2, "[]",
     "\"\" is out of range; it takes a list of 1 to 16 elements, separated by commas (default "
     "/ws/matrix,/ws/agents,/ws/world-state,/api/world/ws)"},
    {OPTION_LISTEN_GATEWAY_PATH, "/g", "/g", 0, "[/g]",
     "a list is not allowed; it takes text (default /ws)"},
    {OPTION_LISTEN_ECHO_PATH, "/e", "/e", 0, "{}", "a mapping is not allowed; it takes text"},
    {OPTION_LISTEN_STATUS_PORT, "8766", "8766", 8766, "'8766'",
     "text in quotes is not allowed; it takes a number from 0 to 65535 (default 0)"},
    {OPTION_LISTEN_HOSTS, "[a, 'b']", "a,b", 2, "[a, [b]]",
     "an element that is no text is not allowed; it takes a list of 0 to 64 elements, separated by "
     "commas"},
    {OPTION_LISTEN_PUBLIC_URL, "https://a", "https://a", 0, "~", "it has no value; it takes text"},
    {OPTION_LISTEN_TLS_CERT, "/c.pem", "/c.pem", 0, "\"a\\nb\"",
     "\"a\\nb\" is not allowed; it takes a path"},
    {OPTION_LISTEN_TLS_KEY, "/k.pem", "/k.pem", 0, "[]", "a list is not allowed; it takes a path"},
    {OPTION_AUTH_MODE, "token", "token", 1, "oauth",
     "\"oauth\" is not allowed; it takes none, token, password or jwt (default none)"},
    {OPTION_AUTH_ALLOW_ANONYMOUS, "true", "true", 1, "\"true\"",
     "text in quotes is not allowed; it takes false or true (default false)"},
    {OPTION_AUTH_TOKEN_FILE, "/t", "/t", 0, "\"a\\nb\"",
     "\"a\\nb\" is not allowed; it takes a path"},
    {OPTION_AUTH_TOKENS, "[sha256:00 a publish=x|y, sha256:01 b]",
     "sha256:00 a publish=x|y,sha256:01 b", 2, "['s3cret, x']",
     "an element with a comma is not allowed; it takes a list of 0 to 1000 elements, separated by "
     "commas"},
    {OPTION_AUTH_PASSWORD_HASH, "$argon2id$v=19$x", "$argon2id$v=19$x", 0, "\"s3cret\\t\"",
     "what it is set to is not allowed; it takes text"},
    {OPTION_AUTH_JWT_KEYS, "[HS256 /k, EdDSA /l kid=1]", "HS256 /k,EdDSA /l kid=1", 2, "{}",
     "a mapping is not allowed; it takes a list of 0 to 16 elements, separated by commas"},
    {OPTION_AUTH_JWT_ISSUER, "https://id.example", "https://id.example", 0, "[]",
     "a list is not allowed; it takes text"},
    {OPTION_AUTH_JWT_AUDIENCE, "parley", "parley", 0, "~", "it has no value; it takes text"},
    {OPTION_AUTH_JWT_LEEWAY, "0s", "0s", 0, "60",
     "\"60\" is a duration without its unit (ms, s, m, h); it takes a duration from 0s to 5m "
     "(default 60s)"},
    {OPTION_ORIGINS, "[]", "", 0, "['']",
     "an empty element is not allowed; it takes a list of 0 to 64 elements, separated by commas "
     "(default http://localhost:*,http://127.0.0.1:*,http://[::1]:*)"},
    {OPTION_TRUSTED_PROXIES, "10.0.0.1, ::1", "10.0.0.1, ::1", 2, "null",
     "it has no value; it takes a list of 0 to 64 elements, separated by commas"},
    {OPTION_LIMITS_MESSAGE_BYTES, "65536", "65536", 65536, "1KB",
     "\"1KB\" is not allowed; it takes a size from 1KiB to 256MiB (default 1MiB)"},
    {OPTION_LIMITS_FRAME_BYTES, "'2MiB'", "2MiB", 2097152, "2GiB",
     "\"2GiB\" is out of range; it takes a size from 1KiB to 1GiB (default 10MiB)"},
    {OPTION_LIMITS_SEND_QUEUE_BYTES, "64KiB", "64KiB", 65536, "1.5MiB",
     "\"1.5MiB\" is not allowed; it takes a size from 64KiB to 1GiB (default 2MiB)"},
    {OPTION_LIMITS_CLIENTS, "1", "1", 1, "1e3",
     "\"1e3\" is not allowed; it takes a number from 1 to 1000000 (default 100000)"},
    {OPTION_LIMITS_CLIENTS_PER_ADDRESS, "2", "2", 2, "0",
     "\"0\" is out of range; it takes a number from 1 to 1000000 (default 1000)"},
    {OPTION_LIMITS_RATE, "100", "100", 100, "-1",
     "\"-1\" is not allowed; it takes a number from 0 to 1000000 (default 0)"},
    {OPTION_LIMITS_MEMORY, "auto", "auto", 0, "1MiB",
     "\"1MiB\" is out of range; it takes a size from 16MiB to 1024GiB or auto (default auto)"},
    {OPTION_HEARTBEAT_INTERVAL, "5s", "5s", 5000, "5",
     "\"5\" is a duration without its unit (ms, s, m, h); it takes a duration from 100ms to 1h "
     "(default 30s)"},
    {OPTION_HEARTBEAT_TIMEOUT, "2m", "2m", 120000, "25h",
     "\"25h\" is out of range; it takes a duration from 200ms to 24h (default 60s)"},
    {OPTION_AGENTS_REQUEST_TIMEOUT, "1m", "1m", 60000, "10ms",
     "\"10ms\" is out of range; it takes a duration from 100ms to 24h (default 30s)"},
    {OPTION_AGENTS_MAX_QUEUE, "0", "0", 0, "1000001",
     "\"1000001\" is out of range; it takes a number from 0 to 1000000 (default 1000)"},
    {OPTION_AGENTS_REMEMBER, "2h", "2h", 7200000, "721h",
     "\"721h\" is out of range; it takes a duration from 0s to 720h (default 24h)"},
    {OPTION_GATEWAY_MAX_CLIENTS_PER_SESSION, "10", "10", 10, "1000001",
     "\"1000001\" is out of range; it takes a number from 0 to 1000000 (default 0)"},
    {OPTION_SLOW_CLIENT, "close", "close", 1, "[drop]",
     "a list is not allowed; it takes drop or close (default drop)"},
    {OPTION_COMPRESSION, "on", "on", 1, "gzip",
     "\"gzip\" is not allowed; it takes off or on (default off)"},
    {OPTION_WORLD_VALIDATION, "off", "off", 0, "true",
     "\"true\" is not allowed; it takes off, known or strict (default off)"},
    {OPTION_WORLD_IDENTITY, "'verify'", "verify", 2, "yes",
     "\"yes\" is not allowed; it takes auto, trust or verify (default auto)"},
    {OPTION_THREADS, "\"auto\"", "auto", 0, "17",
     "\"17\" is out of range; it takes a number from 1 to 16 or auto (default auto)"},
    {OPTION_DRAIN, "0s", "0s", 0, "61m",
     "\"61m\" is out of range; it takes a duration from 0s to 1h (default 10s)"},
    {OPTION_LOG_LEVEL, "error", "error", 3, "Error",
     "\"Error\" is not allowed; it takes debug, info, warning or error (default info)"},
    {OPTION_LOG_FORMAT, "json", "json", 2, "{a: b}",
     "a mapping is not allowed; it takes auto, text or json (default auto)"},
    {OPTION_SPIN, "off", "off", 1, "yes",
     "\"yes\" is not allowed; it takes auto or off (default auto)"},
    {OPTION_SANDBOX, "off", "off", 1, "yes",
     "\"yes\" is not allowed; it takes auto or off (default auto)"},
    {OPTION_METRICS_PUBLIC, "true", "true", 1, "on",
     "\"on\" is not allowed; it takes false or true (default false)"},
};
_Static_assert(sizeof(samples) / sizeof(samples[0]) == OPTION_COUNT, "each option has a sample");

/* Writes `value` under a key, dotted or nested. */
static void write_entry(struct buf *out, enum option_id id, const char *value, bool nested)
{
    struct str key = str_from_z(option_table[id].key);
    size_t dot = str_find(key, '.');

    buf_clear(out);
    if (nested && dot < key.len) {
        buf_printf(out, "{%.*s: {%s: %s}}\n", (int)dot, key.ptr, key.ptr + dot + 1, value);
    } else {
        buf_printf(out, "%s: %s\n", key.ptr, value);
    }
}

static void test_each_right(void **state)
{
    struct config c;
    struct buf text, error;

    (void)state;
    buf_init(&text, CONFIG_MAX_ERROR);
    buf_init(&error, CONFIG_MAX_ERROR);
    for (size_t i = 0; i < 2 * OPTION_COUNT; i++) {
        const struct sample *s = &samples[i / 2];
        write_entry(&text, s->id, s->right, i % 2 == 0);
        assert_true(config_init(&c));
        assert_true(read_bytes(&c, buf_str(&text), &error));
        assert_string_equal(config_text(&c, s->id), s->text);
        assert_int_equal(config_number(&c, s->id), s->number);
        assert_string_equal(c.file, "f.yaml");
        for (size_t other = 0; other < OPTION_COUNT; other++) {
            assert_int_equal(c.values[other].origin, other == s->id ? CONFIG_FILE : CONFIG_DEFAULT);
            assert_int_equal(c.values[other].line, other == s->id);
        }
        config_fini(&c);
    }
    buf_fini(&text);
    buf_fini(&error);
}

static void test_each_wrong(void **state)
{
    struct buf text, said;

    (void)state;
    buf_init(&text, CONFIG_MAX_ERROR);
    buf_init(&said, CONFIG_MAX_ERROR);
    for (size_t i = 0; i < 2 * OPTION_COUNT; i++) {
        const struct sample *s = &samples[i / 2];
        buf_clear(&said);
        buf_printf(&said, "f.yaml:1: %s: %s", option_table[s->id].key, s->said);
        buf_append_char(&said, '\0');
        write_entry(&text, s->id, s->wrong, i % 2 == 0);
        expect_refused(buf_str(&text), said.data);
    }
    buf_fini(&text);
    buf_fini(&said);
}

static void test_forms(void **state)
{
    struct config c;
    struct buf error;

    (void)state;
    buf_init(&error, CONFIG_MAX_ERROR);
    assert_true(config_init(&c));
    assert_true(read_into(&c,
                          "\xef\xbb\xbf# with a mark of the byte order\n"
                          "%YAML 1.1\n---\n"
                          "listen:\n  port: 9000   # why\n  hosts:\n  - a\n  - b\n"
                          "heartbeat:\n  # interval: 1s\n"
                          "pingIntervalMs: 5000\nlog.level: \"debug\"\nlog: {format: text}\n...\n",
                          &error));
    assert_int_equal(config_number(&c, OPTION_LISTEN_PORT), 9000);
    assert_int_equal(c.values[OPTION_LISTEN_PORT].line, 5);
    assert_string_equal(config_text(&c, OPTION_LISTEN_HOSTS), "a,b");
    assert_int_equal(c.values[OPTION_LISTEN_HOSTS].line, 6);
    assert_int_equal(config_number(&c, OPTION_HEARTBEAT_INTERVAL), 5000);
    assert_int_equal(config_number(&c, OPTION_LOG_LEVEL), LOG_LEVEL_DEBUG);
    assert_int_equal(config_number(&c, OPTION_LOG_FORMAT), LOG_FORMAT_TEXT);
    config_fini(&c);

    assert_true(config_init(&c));
    assert_true(read_into(&c,
                          "{\n\t\"listen\": {\"port\": 9000, \"unix\": \"\\/run\\/\\u00e4\"},\n"
                          "\t\"origins\": [\"https://a\", \"https://b\"],\r\n"
                          "\t\"auth.allow_anonymous\": true\n}\n",
                          &error));
    assert_int_equal(config_number(&c, OPTION_LISTEN_PORT), 9000);
    assert_string_equal(config_text(&c, OPTION_LISTEN_UNIX), "/run/\xc3\xa4");
    assert_string_equal(config_text(&c, OPTION_ORIGINS), "https://a,https://b");
    assert_int_equal(config_number(&c, OPTION_AUTH_ALLOW_ANONYMOUS), 1);
    config_fini(&c);
    buf_fini(&error);
}

static void test_nothing(void **state)
{
    static const char *const texts[] = {"",    "\n",   "# all of it\n", "---\n",
                                        "~\n", "{}\n", "null ",         "---\n...\n"};
    struct config c;
    struct buf error;

    (void)state;
    buf_init(&error, CONFIG_MAX_ERROR);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_true(config_init(&c));
        if (!read_into(&c, texts[i], &error)) {
            fail_msg("%s is refused: %.*s", texts[i], STR_ARG(buf_str(&error)));
        }
        for (size_t id = 0; id < OPTION_COUNT; id++) {
            assert_int_equal(c.values[id].origin, CONFIG_DEFAULT);
        }
        config_fini(&c);
    }
    buf_fini(&error);
}

#define EXTRAS                                                                                     \
    "anchors (&), aliases (*) and tags (!) are not taken; write the value itself, in quotes when " \
    "it begins with one of these"

static void test_keys(void **state)
{
    static const struct {
        const char *text;
        const char *said;
    } cases[] = {
        {"listen:\n  prot: 1\n", "f.yaml:2: listen.prot is no option; did you mean listen.port?"},
        {"\n\nprot: 1\n", "f.yaml:3: prot is no option; did you mean listen.port?"},
        {"wholly: {unlike: 1}\n", "f.yaml:1: wholly is no option"},
        {"auth: {jwt: {isuer: x}}\n",
         "f.yaml:1: auth.jwt.isuer is no option; did you mean auth.jwt.issuer?"},
        {"auth:\n  token: s3cret\n",
         "f.yaml:2: auth.token: a secret is never the value of an option; write it into a file and "
         "name that with `--token-file FILE`"},
        {"listen: 8765\n", "f.yaml:1: listen: it is a section and takes a mapping of keys like "
                           "listen.port"},
        {"limits: [a]\n", "f.yaml:1: limits: it is a section and takes a mapping of keys like "
                          "limits.message_bytes"},
        {"drain: 1s\ndrain: 2s\n",
         "f.yaml:2: drain: it is there twice; the first one is on line 1"},
        {"listen: {port: 1}\nlisten.port: 2\n",
         "f.yaml:2: listen.port: it is there twice; the first one is on line 1"},
        {"listen:\n  port: 1\nlisten:\n  unix: a\n",
         "f.yaml:3: listen: it is there twice; the first one is on line 1"},
        {"host: all\nlisten: {bind: all}\n",
         "f.yaml:2: listen.bind: it is there twice; the first one is on line 1"},
        {"[a]: 1\n", "f.yaml:1: a key has to be text"},
        {"{\"\": 1}\n", "f.yaml:1: a key has to be text"},
        {"listen: {\"\": 1}\n", "f.yaml:1: a key has to be text"},
        {"? {a: b}\n: 1\n", "f.yaml:1: a key has to be text"},
        {"- listen.port: 1\n", "f.yaml:1: a configuration is a mapping: lines like `listen.port: "
                               "8765`"},
        {"listen.port\n", "f.yaml:1: a configuration is a mapping: lines like `listen.port: 8765`"},
        {"listen.port:\n", "f.yaml:1: listen.port: it has no value; it takes a number from 0 to "
                           "65535 (default 8765)"},
        {"\"a\\nb\\e[0m\": 1\n", "f.yaml:1: a\\nb\\x1b[0m is no option"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        expect_refused(str_from_z(cases[i].text), cases[i].said);
    }
}

static void test_oddities(void **state)
{
    const struct {
        struct str text;
        const char *said;
    } cases[] = {
        {STR("listen:\n  bind: &a all\n"), "f.yaml:2: " EXTRAS},
        {STR("drain: *a\n"), "f.yaml:1: " EXTRAS},
        {STR("drain: !!str 1s\n"), "f.yaml:1: " EXTRAS},
        {STR("drain: ! 1s\n"), "f.yaml:1: " EXTRAS},
        {STR("!!map {drain: 1s}\n"), "f.yaml:1: " EXTRAS},
        {STR("origins: &a [x]\n"), "f.yaml:1: " EXTRAS},
        {STR("*a : 1\n"), "f.yaml:1: " EXTRAS},
        {STR("<<: {drain: 1s}\n"), "f.yaml:1: << is no option"},
        {STR("drain: 1s\n---\ndrain: 2s\n"),
         "f.yaml:2: a second document begins here; a configuration is one"},
        {STR("listen:\n\tport: 1\n"),
         "f.yaml:2: this is not YAML: found character that cannot start any token while scanning "
         "for the next token; indent with spaces, not with tabs"},
        {STR("listen: {port: 1\n"), "f.yaml:2: this is not YAML: did not find expected ',' or '}' "
                                    "while parsing a flow mapping"},
        {STR("drain: \"1s\n"), "f.yaml:2: this is not YAML: found unexpected end of stream while "
                               "scanning a quoted scalar"},
        {STR("drain: 1s\nx: \0\n"), "f.yaml:2: this is not YAML: control characters are not "
                                    "allowed"},
        {STR("drain: 1s\n\n\x7f"), "f.yaml:3: this is not YAML: control characters are not "
                                   "allowed"},
        {STR("drain: \xff"), "f.yaml:1: this is not YAML: invalid leading UTF-8 octet"},
        {STR("drain: \xc3"), "f.yaml:1: this is not YAML: incomplete UTF-8 octet sequence"},
        {STR("\xff\xfe"
             "d\0"),
         "f.yaml:1: this is not YAML: invalid leading UTF-8 octet"},
        {STR("{\"drain\": \"\\ud83d\\ude00\"}"),
         "f.yaml:1: this is not YAML: found invalid Unicode character escape code while parsing a "
         "quoted scalar"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        expect_refused(cases[i].text, cases[i].said);
    }
}

/* What is large costs no more than its size, and nesting ends where it begins. */
static void test_large(void **state)
{
    struct config c;
    struct buf text, error;

    (void)state;
    buf_init(&text, CONFIG_MAX_FILE);
    buf_init(&error, CONFIG_MAX_ERROR);
    while (text.len < 500000) {
        buf_append_char(&text, '[');
    }
    expect_refused(buf_str(&text),
                   "f.yaml:1: a configuration is a mapping: lines like `listen.port: 8765`");
    buf_clear(&text);
    while (text.len < 500000) {
        buf_append_str(&text, STR("{listen: "));
    }
    expect_refused(buf_str(&text),
                   "f.yaml:1: listen.listen is no option; did you mean listen.hosts?");
    buf_clear(&text);
    buf_append_str(&text, STR("listen.unix: \""));
    while (text.len < 500000) {
        buf_append_char(&text, 'x');
    }
    buf_append_char(&text, '"');
    assert_true(config_init(&c));
    assert_true(read_bytes(&c, buf_str(&text), &error));
    config_fini(&c);
    memcpy(text.data, "listen.port: \"", 14);
    text.data[13] = '_';
    text.len--;
    assert_true(config_init(&c));
    assert_false(read_bytes(&c, buf_str(&text), &error));
    assert_true(error.len < 300);
    config_fini(&c);
    buf_clear(&text);
    while (text.len < 1000) {
        buf_append_char(&text, 'k');
    }
    buf_append_str(&text, STR(": 1"));
    expect_refused(buf_str(&text), "f.yaml:1: this key is longer than any");
    buf_fini(&text);
    buf_fini(&error);
}

/* What stands above the file stays; a path is relative to the file only when it is from there. */
static void test_origins(void **state)
{
    struct config c;
    struct buf error;

    (void)state;
    buf_init(&error, CONFIG_MAX_ERROR);
    assert_true(config_init(&c));
    assert_true(config_set(&c, STR("threads"), STR("3"), CONFIG_ENVIRONMENT, "X", &error));
    assert_true(set_flag(&c, "listen.unix", "a.sock"));
    assert_true(read_into(&c, "threads: 2\nlisten.unix: b.sock\nauth.token_file: t\n", &error));
    assert_string_equal(config_text(&c, OPTION_THREADS), "3");
    assert_string_equal(config_text(&c, OPTION_LISTEN_UNIX), "a.sock");
    assert_string_equal(config_text(&c, OPTION_AUTH_TOKEN_FILE), "/etc/p/t");
    assert_true(config_set(&c, STR("drain"), STR("1s"), CONFIG_FILE, "X", &error));
    assert_true(config_set(&c, STR("drain"), STR("2s"), CONFIG_DEFAULT, "X", &error));
    assert_string_equal(config_text(&c, OPTION_DRAIN), "1s");
    /* What would not count is still checked. */
    assert_false(read_into(&c, "threads: x\n", &error));
    config_fini(&c);
    buf_fini(&error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_right), cmocka_unit_test(test_each_wrong),
        cmocka_unit_test(test_forms),      cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_keys),       cmocka_unit_test(test_oddities),
        cmocka_unit_test(test_large),      cmocka_unit_test(test_origins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "settings.h"

/* A directory of its own, in which each test runs. */
static int enter(void **state)
{
    char *path = strdup("/tmp/parley-config-XXXXXX");

    *state = path;
    return path == NULL || mkdtemp(path) == NULL || chdir(path) != 0;
}

static int leave(void **state)
{
    static const char *const files[] = {"parley.yaml", "big.yaml", "pipe", "sub/parley/parley.yaml",
                                        ".config/parley/parley.yaml"};
    static const char *const directories[] = {"sub/parley", "sub", ".config/parley", ".config"};

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        (void)unlink(files[i]);
    }
    for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
        (void)rmdir(directories[i]);
    }
    int failed = chdir("/") != 0 || rmdir(*state) != 0;
    free(*state);
    return failed;
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Loads and checks; *ret_said, which is emptied first, gets the error or the warnings. */
static bool load(struct config *c, const struct config_sources *sources, struct buf *ret_said)
{
    struct buf warnings;

    buf_clear(ret_said);
    buf_init(&warnings, CONFIG_MAX_ERROR);
    bool ok = config_load(c, sources, &warnings, ret_said);
    assert_int_equal(ok, ret_said->len == 0);
    buf_append_str(ret_said, buf_str(&warnings));
    buf_fini(&warnings);
    return ok;
}

static void expect_text(const struct config *c, enum option_id id, const char *text,
                        enum config_origin origin)
{
    assert_string_equal(config_text(c, id), text);
    assert_int_equal(c->values[id].origin, origin);
}

static void test_order(void **state)
{
    char *environment[] = {(char[]){"PARLEY_LISTEN__PORT=2"}, (char[]){"PARLEY_THREADS=2"},
                           (char[]){"PARLEY_CONFIG=f.yaml"}, NULL};
    const struct config_flag flags[] = {{"--port", "listen.port", "1"},
                                        {"--set", NULL, "drain=1s"}};
    struct config_sources sources = {
        .file = "parley.yaml", .environment = environment, .flags = flags, .flag_count = 2};
    struct config c;
    struct buf said;

    (void)state;
    buf_init(&said, CONFIG_MAX_ERROR);
    write_file("parley.yaml", "listen.port: 3\nthreads: 3\ndrain: 3s\nlog.level: error\n");
    assert_true(load(&c, &sources, &said));
    expect_text(&c, OPTION_LISTEN_PORT, "1", CONFIG_FLAG);
    expect_text(&c, OPTION_DRAIN, "1s", CONFIG_FLAG);
    expect_text(&c, OPTION_THREADS, "2", CONFIG_ENVIRONMENT);
    expect_text(&c, OPTION_LOG_LEVEL, "error", CONFIG_FILE);
    expect_text(&c, OPTION_LOG_FORMAT, "auto", CONFIG_DEFAULT);
    assert_string_equal(c.file, "parley.yaml");
    assert_int_equal(said.len, 0);
    config_fini(&c);
    /* A file that says something wrong is refused even where it would not count. */
    write_file("parley.yaml", "listen.port: x\n");
    assert_false(load(&c, &sources, &said));
    expect_error(&said,
                 "parley.yaml:1: listen.port: \"x\" is not allowed; it takes a number from 0 "
                 "to 65535 (default 8765)");
    config_fini(&c);
    buf_fini(&said);
}

/* Every source can be what is wrong, and a rule between values names the line. */
static void test_refusals(void **state)
{
    char *environment[] = {(char[]){"PARLEY_DRAIN=x"}, NULL};
    const struct config_flag port = {"--port", "listen.port", "x"};
    const struct config_flag set = {"--set", NULL, "x"};
    struct config c;
    struct buf said;

    (void)state;
    buf_init(&said, CONFIG_MAX_ERROR);
    assert_false(load(&c, &(struct config_sources){.flags = &port, .flag_count = 1}, &said));
    expect_error(&said, "--port: listen.port: \"x\" is not allowed; it takes a number from 0 to "
                        "65535 (default 8765)");
    config_fini(&c);
    assert_false(load(&c, &(struct config_sources){.flags = &set, .flag_count = 1}, &said));
    expect_error(&said, "--set: \"x\" is not KEY=VALUE");
    config_fini(&c);
    assert_false(load(&c, &(struct config_sources){.environment = environment}, &said));
    expect_error(&said, "PARLEY_DRAIN: drain: \"x\" is not allowed; it takes a duration from 0s to "
                        "1h (default 10s)");
    config_fini(&c);
    write_file("parley.yaml", "drain: 1s\nlisten:\n  bind: nowhere\n");
    assert_false(load(&c, &(struct config_sources){.file = "parley.yaml"}, &said));
    expect_error(&said, "parley.yaml:3: listen.bind: \"nowhere\" is no address; it takes loopback, "
                        "all, or an IPv4 or IPv6 address");
    config_fini(&c);
    write_file("parley.yaml", "\norigins: ['*']\nauth: {mode: token, token_file: t}\n");
    assert_true(load(&c, &(struct config_sources){.file = "parley.yaml"}, &said));
    expect_error(&said,
                 "parley.yaml:2: origins: \"*\" lets the pages of every site connect with the "
                 "credentials that they get hold of; list the sites instead\n");
    config_fini(&c);
    write_file("parley.yaml", "heartbeat: {interval: 1h}\n");
    assert_false(config_load(&c, &(struct config_sources){.file = "parley.yaml"}, NULL, &said));
    expect_error(&said, "heartbeat.interval (1h) must be shorter than heartbeat.timeout (60s)");
    config_fini(&c);
    buf_fini(&said);
}

static void expect_unreadable(const char *path, const char *said)
{
    struct config c;
    struct buf error;

    buf_init(&error, CONFIG_MAX_ERROR);
    assert_false(load(&c, &(struct config_sources){.file = path}, &error));
    expect_error(&error, said);
    config_fini(&c);
    buf_fini(&error);
}

static void test_unreadable(void **state)
{
    struct config c;
    struct buf said;
    int fd = open("big.yaml", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    (void)state;
    expect_unreadable("none.yaml",
                      "none.yaml: there is no such file; name another with --config FILE");
    expect_unreadable(".", ".: it cannot be read: Is a directory; mend that, or name another "
                           "with --config FILE");
    expect_unreadable("", ": there is no such file; name another with --config FILE");
    assert_int_equal(mkfifo("pipe", 0600), 0);
    expect_unreadable("pipe",
                      "pipe: it is no file but a pipe or socket, which cannot be read again "
                      "at a reload; name a file with --config FILE");
    expect_unreadable("/dev/zero",
                      "/dev/zero: it is longer than a configuration may be (1024 KiB)");
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, CONFIG_MAX_FILE + 1), 0);
    expect_unreadable("big.yaml", "big.yaml: it is longer than a configuration may be (1024 KiB)");
    assert_int_equal(ftruncate(fd, CONFIG_MAX_FILE), 0);
    expect_unreadable("big.yaml",
                      "big.yaml:1: this is not YAML: control characters are not allowed");
    assert_int_equal(close(fd), 0);
    buf_init(&said, CONFIG_MAX_ERROR);
    assert_true(load(&c, &(struct config_sources){.file = "/dev/null"}, &said));
    config_fini(&c);
    buf_fini(&said);
}

/* A NULL-terminated environment of up to three variables; `found` is the path, "" for none. */
static void expect_found(char *const environment[4], const char *found)
{
    struct buf path;

    buf_init(&path, 4096);
    config_find_file(environment, &path);
    /* The machine may have one. */
    if (found[0] == '\0' && access("/etc/parley/parley.yaml", F_OK) == 0) {
        found = "/etc/parley/parley.yaml";
    }
    assert_string_equal(path.len > 0 ? path.data : "", found);
    buf_fini(&path);
}

/* What was found once has to be found again; without that, one may have come. */
static void test_finding_again(void **state)
{
    char base[128], path[256], another[512];
    struct config c;
    struct buf said;

    (void)snprintf(base, sizeof(base), "XDG_CONFIG_HOME=%s/sub", (const char *)*state);
    (void)snprintf(path, sizeof(path), "%s/sub/parley/parley.yaml", (const char *)*state);
    struct config_sources sources = {.environment = (char *[]){base, NULL}};
    buf_init(&said, CONFIG_MAX_ERROR);
    assert_int_equal(mkdir("sub", 0700) | mkdir("sub/parley", 0700), 0);
    write_file("parley.yaml", "threads: 2\n");
    assert_true(load(&c, &sources, &said));
    config_fini(&c);
    sources.found = "parley.yaml";
    assert_true(load(&c, &sources, &said));
    expect_text(&c, OPTION_THREADS, "2", CONFIG_FILE);
    config_fini(&c);
    assert_int_equal(rename("parley.yaml", path), 0);
    assert_false(load(&c, &sources, &said));
    (void)snprintf(
        another, sizeof(another),
        "parley.yaml: the running configuration came from this file, and now %s is found "
        "instead; take that away, or restart to go on with it",
        path);
    expect_error(&said, another);
    config_fini(&c);
    sources.file = path; /* one that is named is not looked for */
    assert_true(load(&c, &sources, &said));
    config_fini(&c);
    sources.file = NULL;
    assert_int_equal(unlink(path), 0);
    /* The machine may have one. */
    if (access("/etc/parley/parley.yaml", F_OK) != 0) {
        assert_false(load(&c, &sources, &said));
        expect_error(&said, "parley.yaml: the running configuration came from this file, which is "
                            "not found any more; put it back, or restart to go on without it");
        config_fini(&c);
    }
    buf_fini(&said);
}

static void test_finding(void **state)
{
    char base[128], home[128], xdg_path[256], home_path[256];
    char *const nothing[4] = {(char[]){"PATH=/bin"}};

    (void)snprintf(base, sizeof(base), "XDG_CONFIG_HOME=%s/sub", (const char *)*state);
    (void)snprintf(home, sizeof(home), "HOME=%s", (const char *)*state);
    (void)snprintf(xdg_path, sizeof(xdg_path), "%s/sub/parley/parley.yaml", (const char *)*state);
    (void)snprintf(home_path, sizeof(home_path), "%s/.config/parley/parley.yaml",
                   (const char *)*state);
    expect_found(nothing, "");
    expect_found((char *[4]){home, base}, "");
    assert_int_equal(mkdir("sub", 0700) | mkdir("sub/parley", 0700), 0);
    assert_int_equal(mkdir(".config", 0700) | mkdir(".config/parley", 0700), 0);
    write_file(xdg_path, "");
    write_file(home_path, "");
    expect_found((char *[4]){home, base}, xdg_path);
    expect_found((char *[4]){home}, home_path);
    expect_found((char *[4]){home, (char[]){"XDG_CONFIG_HOME=sub"}}, home_path);
    expect_found((char *[4]){home, (char[]){"XDG_CONFIG_HOME="}}, home_path);
    write_file("parley.yaml", "");
    expect_found((char *[4]){home, base}, "parley.yaml");
    expect_found((char *[4]){home, base, (char[]){"PARLEY_CONFIG=x"}}, "x");
    expect_found((char *[4]){(char[]){"PARLEY_CONFIG="}}, "parley.yaml");
}

/* For root nothing is closed. */
static void become(uid_t user)
{
    assert_int_equal(setresuid(user, user, (uid_t)-1), 0);
}

static void test_closed_directories(void **state)
{
    const bool is_root = geteuid() == 0;
    char home[128], path[256];
    char *const environment[4] = {home};

    (void)snprintf(home, sizeof(home), "HOME=%s/sub", (const char *)*state);
    (void)snprintf(path, sizeof(path), "%s/sub/.config/parley/parley.yaml", (const char *)*state);
    assert_int_equal(mkdir("sub", 0), 0);
    assert_int_equal(chmod(".", 0755), 0);
    if (is_root) {
        become(65534);
    }
    expect_found(environment, path);
    if (is_root) {
        become(0);
    }
    /* The directory that it is started in is another matter. */
    assert_int_equal(chmod("sub", 0755), 0);
    assert_int_equal(chdir("sub"), 0);
    assert_int_equal(chmod(".", 0), 0);
    if (is_root) {
        become(65534);
    }
    expect_found((char *[4]){NULL}, "");
    if (is_root) {
        become(0);
    }
    assert_int_equal(chmod(*state, 0700), 0);
    assert_int_equal(chdir(*state), 0);
}

static void test_loading_what_is_found(void **state)
{
    char *environment[] = {(char[]){"PARLEY_CONFIG=none.yaml"}, NULL};
    char *nothing[] = {NULL};
    char path[256];
    struct config c;
    struct buf said;

    buf_init(&said, CONFIG_MAX_ERROR);
    write_file("parley.yaml", "auth: {mode: token, token_file: keys/tokens}\n");
    assert_true(load(&c, &(struct config_sources){.environment = nothing}, &said));
    assert_string_equal(c.file, "parley.yaml");
    /* Below the file's directory, wherever the program goes. */
    (void)snprintf(path, sizeof(path), "%s/keys/tokens", (const char *)*state);
    assert_string_equal(config_text(&c, OPTION_AUTH_TOKEN_FILE), path);
    config_fini(&c);
    (void)snprintf(path, sizeof(path), "%s/parley.yaml", (const char *)*state);
    assert_true(load(&c, &(struct config_sources){.file = path}, &said));
    (void)snprintf(path, sizeof(path), "%s/keys/tokens", (const char *)*state);
    assert_string_equal(config_text(&c, OPTION_AUTH_TOKEN_FILE), path);
    config_fini(&c);
    assert_false(load(&c, &(struct config_sources){.environment = environment}, &said));
    expect_error(&said, "none.yaml: there is no such file; name another with --config FILE");
    config_fini(&c);
    /* Without an environment nothing is looked for. */
    assert_true(load(&c, &(struct config_sources){0}, &said));
    assert_null(c.file);
    config_fini(&c);
    buf_fini(&said);
}

static void test_shared_secret(void **state)
{
    const struct config_flag flags[] = {{"--set", NULL, "auth.mode=none"}};
    struct config_sources sources = {.has_shared_secret = true};
    struct config c;
    struct buf said;

    (void)state;
    buf_init(&said, CONFIG_MAX_ERROR);
    assert_true(load(&c, &sources, &said));
    expect_text(&c, OPTION_AUTH_MODE, "token", CONFIG_FLAG);
    config_fini(&c);
    sources.flags = flags;
    sources.flag_count = 1;
    assert_true(load(&c, &sources, &said));
    expect_text(&c, OPTION_AUTH_MODE, "none", CONFIG_FLAG);
    config_fini(&c);
    buf_fini(&said);
}

static void test_changes(void **state)
{
    const struct config_flag before_flags[] = {{"--set", NULL, "origins=a://b, c://d"},
                                               {"--set", NULL, "limits.message_bytes=1024KiB"}};
    const struct config_flag after_flags[] = {{"--set", NULL, "origins=a://b,c://d"},
                                              {"--set", NULL, "listen.port=1"},
                                              {"--set", NULL, "auth.token_file=t"},
                                              {"--set", NULL, "trusted_proxies=::1"},
                                              {"--set", NULL, "drain=9s"}};
    struct config_change changes[OPTION_COUNT];
    struct config before, after;
    struct buf said;

    (void)state;
    buf_init(&said, CONFIG_MAX_ERROR);
    assert_true(
        load(&before, &(struct config_sources){.flags = before_flags, .flag_count = 2}, &said));
    assert_int_equal(config_changes(&before, &before, changes), 0);
    assert_true(
        load(&after, &(struct config_sources){.flags = after_flags, .flag_count = 5}, &said));
    assert_int_equal(config_changes(&before, &after, changes), 4);
    assert_int_equal(changes[0].id, OPTION_LISTEN_PORT);
    assert_false(changes[0].reloadable);
    assert_int_equal(changes[1].id, OPTION_AUTH_TOKEN_FILE);
    assert_true(changes[1].reloadable);
    assert_int_equal(changes[2].id, OPTION_TRUSTED_PROXIES);
    assert_int_equal(changes[3].id, OPTION_DRAIN);
    assert_true(changes[3].reloadable);
    config_fini(&before);
    config_fini(&after);
    buf_fini(&said);
}

static unsigned count_files(void)
{
    unsigned count = 0;

    for (int fd = 0; fd < 64; fd++) {
        count += fcntl(fd, F_GETFD) >= 0;
    }
    return count;
}

/* A broken file in between leaves what is in force as it is, and nothing open. */
static void test_reloads(void **state)
{
    static const char *const texts[] = {"drain: 1s\n", "drain: 2s\norigins: [a://b]\n",
                                        "drain: [\n", "drain: x\n"};
    struct config current, next;
    struct config_change changes[OPTION_COUNT];
    struct config_sources sources = {.file = "parley.yaml"};
    struct buf said;
    unsigned files = count_files();

    (void)state;
    buf_init(&said, CONFIG_MAX_ERROR);
    write_file("parley.yaml", "drain: 9s\n");
    assert_true(load(&current, &sources, &said));
    for (unsigned i = 0; i < 1000; i++) {
        write_file("parley.yaml", texts[i % 4]);
        bool ok = load(&next, &sources, &said);
        assert_int_equal(ok, i % 4 < 2);
        if (ok) {
            assert_int_equal(config_changes(&current, &next, changes), i == 0 ? 1 : 2);
            config_fini(&current);
            current = next;
        } else {
            config_fini(&next);
        }
        assert_string_equal(config_text(&current, OPTION_DRAIN), i % 4 == 0 ? "1s" : "2s");
    }
    assert_int_equal(count_files(), files);
    config_fini(&current);
    buf_fini(&said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_order, enter, leave),
        cmocka_unit_test_setup_teardown(test_refusals, enter, leave),
        cmocka_unit_test_setup_teardown(test_unreadable, enter, leave),
        cmocka_unit_test_setup_teardown(test_finding, enter, leave),
        cmocka_unit_test_setup_teardown(test_finding_again, enter, leave),
        cmocka_unit_test_setup_teardown(test_closed_directories, enter, leave),
        cmocka_unit_test_setup_teardown(test_loading_what_is_found, enter, leave),
        cmocka_unit_test_setup_teardown(test_shared_secret, enter, leave),
        cmocka_unit_test_setup_teardown(test_changes, enter, leave),
        cmocka_unit_test_setup_teardown(test_reloads, enter, leave),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

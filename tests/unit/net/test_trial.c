#include "unit.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/peer.h"
#include "net/trial.h"

static const struct route routes[] = {{.path = {"/", 1}, .methods = 1u << HTTP_GET}};

/* The status that a GET of "/" with these fields is refused with, or 0. */
static int judge(const char *fields, const struct trial_rules *rules)
{
    char text[512];
    struct http_head head;
    struct trial t;
    const char *reason;
    size_t len = (size_t)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n%s\r\n", fields);

    http_request_init(&head);
    assert_int_equal(len, http_parse_head(&head, text, len, &reason));
    trial_init(&t, &head, text);
    return trial_judge(&t, rules) ? 0 : t.refusal.status;
}

static const struct {
    const char *fields;
    int with_local; /* refused with, where 192.0.2.1 was called */
    int without;
} cases[] = {
    {"Host: localhost\r\n", 0, 0},
    {"Host: ours.example:80\r\n", 0, 0},
    {"Host: 127.9.9.9\r\n", 0, 0},
    {"Host: 192.0.2.1\r\n", 0, 421},
    {"Host: 192.0.2.1:8765\r\n", 0, 421},
    {"Host: [::ffff:192.0.2.1]:8765\r\n", 0, 421},
    {"Host: [::ffff:c000:201]\r\n", 0, 421},
    {"Host: 192.0.2.2\r\n", 421, 421},
    {"Host: 192.0.2.1.evil.example\r\n", 421, 421},
    {"Host: 3221225985\r\n", 421, 421},
    {"Host: 192.0.2.01\r\n", 421, 421},
    {"Host: [2001:db8::1]\r\n", 421, 421},
    {"Host: [::192.0.2.1]\r\n", 421, 421},
    {"Host: evil.example\r\n", 421, 421},
    {"Host: evil.example\r\nOrigin: http://evil.example\r\n", 403, 403},
    {"Host: localhost\r\nOrigin: http://localhost:1\r\n", 0, 0},
    {"Host: localhost\r\nOrigin: http://ours.example\r\n", 403, 403},
};

static void test_hosts(void **state)
{
    static const uint8_t local[16] = {[10] = 0xff, 0xff, 192, 0, 2, 1};
    struct net_policy_source source;
    struct buf error;

    (void)state;
    net_policy_source_init(&source);
    source.hosts = STR("ours.example");
    buf_init(&error, 0);
    struct net_policy *policy = net_policy_new(&source, &error);
    assert_non_null(policy);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct trial_rules rules = {
            .policy = policy, .routes = routes, .route_count = 1, .check_host = true};
        int without = judge(cases[i].fields, &rules);
        rules.local = local;
        int with_local = judge(cases[i].fields, &rules);
        if (without != cases[i].without || with_local != cases[i].with_local) {
            fail_msg("%s: %d, %d", cases[i].fields, with_local, without);
        }
        /* A proxy that names another host makes every Host wrong, but no Origin right. */
        rules.foreign_host = true;
        assert_int_equal(without == 403 ? 403 : 421, judge(cases[i].fields, &rules));
        /* The Origin counts also where the Host does not. */
        rules.check_host = false;
        assert_int_equal(without == 403 ? 403 : 0, judge(cases[i].fields, &rules));
    }
    net_policy_unref(policy);
}

/* The status that a POST with this field is refused with, or 0. */
static int judge_post(const char *field, const struct trial_rules *rules, struct trial *t)
{
    static char text[512];
    static struct http_head head;
    const char *reason;
    size_t len = (size_t)snprintf(text, sizeof(text),
                                  "POST / HTTP/1.1\r\nHost: localhost\r\n"
                                  "Content-Type: application/json\r\n%s\r\n\r\n",
                                  field);

    http_request_init(&head);
    assert_int_equal(len, http_parse_head(&head, text, len, &reason));
    trial_init(t, &head, text);
    return trial_judge(t, rules) ? 0 : t->refusal.status;
}

/* Who shows no credential where one is wanted has no long body, wherever others may have one. */
static void test_bodies_of_strangers(void **state)
{
    static const struct {
        const char *field;
        int status; /* for a stranger */
    } posts[] = {
        {"Content-Length: 16384", 0},
        {"Content-Length: 16385", 401},
        {"Transfer-Encoding: chunked", 401},
        {"Content-Length: 100001", 413},
        {"Content-Length: 16385\r\nExpect: 100-continue", 401},
    };
    static const struct route post = {.path = {"/", 1}, .methods = 1u << HTTP_POST};
    struct net_policy_source source;
    struct trial t;
    struct buf error;

    (void)state;
    buf_init(&error, 0);
    for (unsigned bits = 0; bits < 4; bits++) {
        net_policy_source_init(&source);
        source.wants_credential = (bits & 1) != 0;
        struct net_policy *policy = net_policy_new(&source, &error);
        assert_non_null(policy);
        struct trial_rules rules = {.policy = policy,
                                    .routes = &post,
                                    .route_count = 1,
                                    .max_body = 100000,
                                    .shows_none = (bits & 2) != 0};
        for (size_t i = 0; i < sizeof(posts) / sizeof(posts[0]); i++) {
            int expected = bits == 3 || posts[i].status == 413 ? posts[i].status : 0;
            assert_int_equal(expected, judge_post(posts[i].field, &rules, &t));
            assert_true(expected != 401 || (t.refusal.code == ERROR_AUTH_REQUIRED &&
                                            strstr(t.fields, "WWW-Authenticate: Bearer") != NULL));
        }
        /* Where nobody has a long one, chunks end in time. */
        rules.max_body = TRIAL_STRANGER_BODY;
        assert_int_equal(0, judge_post("Transfer-Encoding: chunked", &rules, &t));
        net_policy_unref(policy);
    }
}

static void test_ends_of_sockets(void **state)
{
    static const uint8_t v4_loopback[16] = {[10] = 0xff, 0xff, 127, 0, 0, 1};
    static const uint8_t none[16] = {0};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(to);
    uint8_t own[16];
    struct peer peer;
    int ends[2];

    (void)state;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(0, bind(listener, (struct sockaddr *)&to, sizeof(to)));
    assert_int_equal(0, listen(listener, 1));
    assert_int_equal(0, getsockname(listener, (struct sockaddr *)&to, &size));
    peer_find(fd, &peer); /* nobody is there yet */
    assert_false(peer.is_local);
    assert_memory_equal(none, peer.address, 16);
    assert_int_equal(0, connect(fd, (struct sockaddr *)&to, sizeof(to)));
    peer_find(fd, &peer);
    assert_true(peer.is_local);
    assert_memory_equal(v4_loopback, peer.address, 16);
    assert_true(peer_find_own(fd, own));
    assert_memory_equal(v4_loopback, own, 16);
    close(listener);
    close(fd);
    peer_find(fd, &peer);
    assert_false(peer.is_local);
    assert_false(peer_find_own(fd, own));

    assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    peer_find(ends[0], &peer);
    assert_true(peer.is_local);
    assert_memory_equal(none, peer.address, 16);
    assert_false(peer_find_own(ends[0], own));
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_bodies_of_strangers),
        cmocka_unit_test(test_ends_of_sockets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

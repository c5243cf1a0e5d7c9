/* Who asks: first as a pure function of a head, then through a reactor. */

#include "rig.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/asking.h"

#define LONG_64   "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-."
#define LONG_256  LONG_64 LONG_64 LONG_64 LONG_64
#define LONG_1024 LONG_256 LONG_256 LONG_256 LONG_256
#define WS        "Upgrade: websocket\r\nConnection: Upgrade\r\n"

static const struct {
    const char *target;
    const char *fields;
    int kind;               /* -1: refused */
    const char *credential; /* that is found */
    const char *secret;     /* that must be gone from the head; "" for none */
} cases[] = {
    {"/", "", CREDENTIAL_NONE, "", ""},
    {"/", "Authorization: Bearer abc\r\n", CREDENTIAL_BEARER, "abc", "abc"},
    {"/", "authorization:bEARER   a b  \r\n", CREDENTIAL_BEARER, "a b", "a b"},
    {"/", "Authorization: Bearer p\xc3\xa4ss/w+rd==\r\n", CREDENTIAL_BEARER,
     "p\xc3\xa4ss/w+rd==", "w+rd"},
    {"/", "Authorization: Bearer " LONG_1024 "\r\n", CREDENTIAL_BEARER, LONG_1024, LONG_64},
    {"/", "Authorization: Bearer\r\n", -1, "", ""},
    {"/", "Authorization: Bearer a\tb\r\n", -1, "", "a\tb"},
    {"/", "Authorization: Bearer\tabc\r\n", -1, "", "abc"},
    {"/", "Authorization:\r\n", -1, "", ""},
    {"/", "Authorization: Basic dTpw\r\n", CREDENTIAL_NONE, "", "dTpw"},
    {"/", "Authorization: Bearerabc\r\n", CREDENTIAL_NONE, "", "abc"},
    {"/?token=abc", "", CREDENTIAL_BEARER, "abc", "abc"},
    {"/?a=b&token=aZ0._~-&c=d", "", CREDENTIAL_BEARER, "aZ0._~-", "aZ0"},
    {"/?token=abc&token=def", "", CREDENTIAL_BEARER, "abc", "def"},
    {"/?token=abc&token=def", "", CREDENTIAL_BEARER, "abc", "abc"},
    {"/?ticket=abc", "", CREDENTIAL_TICKET, "abc", "abc"},
    {"/?token=def&ticket=abc", "", CREDENTIAL_TICKET, "abc", "def"},
    {"/?token=", "", CREDENTIAL_NONE, "", ""},
    {"/?token", "", CREDENTIAL_NONE, "", ""},
    {"/?token=&token=abc", "", CREDENTIAL_BEARER, "abc", "abc"},
    {"/?Token=abc", "", CREDENTIAL_NONE, "", ""},
    {"/?token=a%62c", "", -1, "", "a%62c"},
    {"/?token=a/c", "", -1, "", "a/c"},
    {"/?ticket=a+c", "", -1, "", "a+c"},
    {"/?ticket=ok&token=a/c", "", CREDENTIAL_TICKET, "ok", "a/c"},
    {"/?token=def", "Authorization: Bearer abc\r\n", CREDENTIAL_BEARER, "abc", "def"},
    {"/?token=def", "Authorization: Basic abc\r\n", CREDENTIAL_BEARER, "def", "abc"},
    {"/", WS "Sec-WebSocket-Protocol: parley.bearer.abc\r\n", CREDENTIAL_BEARER, "abc", "abc"},
    {"/", WS "Sec-WebSocket-Protocol: parley\r\nSec-WebSocket-Protocol: x, parley.bearer.abc\r\n",
     CREDENTIAL_BEARER, "abc", "abc"},
    {"/", WS "Sec-WebSocket-Protocol: parley.bearer.abc, parley.bearer.def\r\n", CREDENTIAL_BEARER,
     "abc", "def"},
    {"/", WS "Sec-WebSocket-Protocol: parley.bearer.\r\n", -1, "", ""},
    {"/", WS "Sec-WebSocket-Protocol: parley.bearer.a!c\r\n", -1, "", "a!c"},
    {"/", WS "Sec-WebSocket-Protocol: Parley.Bearer.abc\r\n", CREDENTIAL_NONE, "", ""},
    {"/", "Sec-WebSocket-Protocol: parley.bearer.abc\r\n", CREDENTIAL_NONE, "", "abc"},
    {"/?token=def", WS "Sec-WebSocket-Protocol: parley.bearer.abc\r\n", CREDENTIAL_BEARER, "abc",
     "def"},
    {"/?token=def", WS "Sec-WebSocket-Protocol: parley.bearer.xyz\r\nAuthorization: Bearer abc\r\n",
     CREDENTIAL_BEARER, "abc", "xyz"},
};

static size_t parse(struct http_head *head, char *text, size_t cap, const char *target,
                    const char *fields)
{
    const char *reason = "";
    size_t len =
        (size_t)snprintf(text, cap, "GET %s HTTP/1.1\r\nHost: ours\r\n%s\r\n", target, fields);

    http_request_init(head);
    assert_int_equal(len, http_parse_head(head, text, len, &reason));
    return len;
}

static struct net_policy *make_policy(const char *proxies)
{
    struct net_policy_source source;
    struct buf error;

    buf_init(&error, 1000);
    net_policy_source_init(&source);
    source.proxies = str_from_z(proxies);
    struct net_policy *policy = net_policy_new(&source, &error);
    assert_non_null(policy);
    return policy;
}

/* One as long as can be, and one longer. */
static void test_longest(void **state)
{
    struct net_policy *policy = make_policy("");
    const struct peer peer = {.is_local = true};
    char field[ASKING_MAX_CREDENTIAL + 64], text[ASKING_MAX_CREDENTIAL + 1024];

    (void)state;
    for (size_t extra = 0; extra < 2; extra++) {
        char secret[ASKING_MAX_CREDENTIAL + 1];
        struct http_head head;
        struct asking a;
        int len = ASKING_MAX_CREDENTIAL + (int)extra;
        memset(secret, 's', sizeof(secret));
        (void)snprintf(field, sizeof(field), "Authorization: Bearer %.*s\r\n", len, secret);
        parse(&head, text, sizeof(text), "/", field);
        asking_read(&a, &head, text, &peer, policy);
        assert_int_equal(a.wrong != NULL, extra);
        assert_true(extra > 0 || a.evidence.credential.len == (size_t)len);
        asking_wipe(&a);
    }
    net_policy_unref(policy);
}

static void test_credentials(void **state)
{
    struct net_policy *policy = make_policy("");
    const struct peer peer = {.is_local = true};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[8192];
        struct http_head head, again;
        struct asking a;
        const char *reason;
        size_t len = parse(&head, text, sizeof(text), cases[i].target, cases[i].fields);
        asking_read(&a, &head, text, &peer, policy);
        if ((a.wrong != NULL) != (cases[i].kind < 0) ||
            (a.wrong == NULL && a.evidence.kind != cases[i].kind) ||
            !str_equal(a.evidence.credential, str_from_z(cases[i].credential))) {
            fail_msg("%s %s: %s, %d", cases[i].target, cases[i].fields,
                     a.wrong != NULL ? a.wrong : "taken", a.evidence.kind);
        }
        if (cases[i].secret[0] != '\0') {
            assert_null(memmem(text, len, cases[i].secret, strlen(cases[i].secret)));
        }
        /* The head is one still, and says the same. */
        http_request_init(&again);
        assert_int_equal(len, http_parse_head(&again, text, len, &reason));
        assert_memory_equal(&head.target, &again.target, sizeof(head.target));
        assert_int_equal(head.present, again.present);
        asking_wipe(&a);
        assert_int_equal(0, a.credential[0]);
    }
    net_policy_unref(policy);
}

static void test_user_agent(void **state)
{
    struct net_policy *policy = make_policy("");
    const struct peer peer = {.is_local = false};
    char text[8192];
    struct http_head head;
    struct asking a;

    (void)state;
    parse(&head, text, sizeof(text), "/",
          "User-Agent: a\tb\xc3\xa9"
          "c/1 (x)\r\n");
    asking_read(&a, &head, text, &peer, policy);
    assert_true(str_equal(STR("a?b??c/1 (x)"), a.evidence.user_agent));
    parse(&head, text, sizeof(text), "/", "User-Agent: " LONG_256 "x\r\n");
    asking_read(&a, &head, text, &peer, policy);
    assert_true(str_equal(STR(LONG_256), a.evidence.user_agent));
    parse(&head, text, sizeof(text), "/", "");
    asking_read(&a, &head, text, &peer, policy);
    assert_int_equal(0, a.evidence.user_agent.len);
    net_policy_unref(policy);
}

static const struct {
    const char *peer;
    const char *fields;
    const char *caller; /* NULL: refused */
    bool near;
    bool foreign;
} callers[] = {
    {"127.0.0.1", "", "127.0.0.1", true, false},
    {"::1", "", "::1", true, false},
    {"192.0.2.1", "", "192.0.2.1", false, false},
    {"10.0.0.1", "", "10.0.0.1", false, false},
    /* Nobody trusts these, however they are spelt; but they speak for somebody. */
    {"127.0.0.1", "X-Forwarded-For: 1.2.3.4\r\n", "127.0.0.1", false, false},
    {"127.0.0.1", "X-Forwarded-For: %%%\r\n", "127.0.0.1", false, false},
    {"127.0.0.1", "Forwarded: for=127.0.0.1\r\n", "127.0.0.1", false, false},
    {"127.0.0.1", "X-Forwarded-Host: evil.example\r\n", "127.0.0.1", false, false},
    {"127.0.0.1", "X-Real-IP: 1.2.3.4\r\n", "127.0.0.1", false, false},
    {"127.0.0.1", "Via: 1.1 proxy\r\n", "127.0.0.1", false, false},
    {"192.0.2.1", "X-Forwarded-For: 127.0.0.1\r\n", "192.0.2.1", false, false},
    /* A trusted one. What it says never brings anybody near. */
    {"10.0.0.1", "X-Forwarded-For: 192.0.2.7\r\n", "192.0.2.7", false, false},
    {"10.0.0.1", "X-Forwarded-For: 127.0.0.1\r\n", "127.0.0.1", false, false},
    {"10.0.0.1", "Forwarded: for=192.0.2.7;host=evil.example\r\n", "192.0.2.7", false, true},
    {"10.0.0.1", "X-Real-IP: 1.2.3.4\r\n", "10.0.0.1", false, false},
    {"10.0.0.1", "X-Forwarded-For: %%%\r\n", NULL, false, false},
    {"10.0.0.1", "X-Forwarded-For: 1.2.3.4\r\nForwarded: for=1.2.3.5\r\n", NULL, false, false},
};

static void test_callers(void **state)
{
    struct net_policy *policy = make_policy("10.0.0.0/8");

    (void)state;
    for (size_t i = 0; i < sizeof(callers) / sizeof(callers[0]); i++) {
        char text[1024];
        struct http_head head;
        struct asking a;
        struct peer peer;
        uint8_t caller[16];
        parse(&head, text, sizeof(text), "/", callers[i].fields);
        assert_true(http_address_parse(str_from_z(callers[i].peer), peer.address));
        peer.is_local = http_address_is_loopback(peer.address);
        asking_read(&a, &head, text, &peer, policy);
        assert_int_equal(callers[i].caller == NULL, a.wrong != NULL);
        if (a.wrong == NULL) {
            assert_true(http_address_parse(str_from_z(callers[i].caller), caller));
            assert_memory_equal(caller, a.evidence.address, 16);
            assert_int_equal(callers[i].near, a.evidence.near);
            assert_int_equal(callers[i].foreign, a.foreign_host);
        }
    }
    net_policy_unref(policy);
}

/* --- through a reactor ------------------------------------------------------------------------ */

static int connect_tcp(const struct listener *l)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(l->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(0, connect(fd, (struct sockaddr *)&to, sizeof(to)));
    return fd;
}

static void await_request(struct rig *g)
{
    while (g->log.len == 0) {
        reactor_wait(g->r, 1000);
        rig_turn(g);
    }
}

static void test_peer_of_a_socket(void **state)
{
    static const uint8_t loopback[16] = {[10] = 0xff, 0xff, 127, 0, 0, 1};
    static const uint8_t none[16] = {0};
    struct rig *g = *state;
    int fd = connect_tcp(&g->door[0]);

    rig_send(fd, STR("GET /status HTTP/1.1\r\nHost: 127.0.0.1:1\r\nUser-Agent: me\r\n\r\n"));
    await_request(g);
    assert_memory_equal(loopback, g->asked.address, 16);
    assert_true(g->asked.near);
    assert_false(g->asked.is_unix);
    assert_true(str_equal(STR("me"), g->asked.user_agent));
    close(fd);
    rig_settle(g);
    buf_clear(&g->log);

    fd = rig_connect(g);
    rig_send(fd, STR("GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    rig_settle(g);
    assert_memory_equal(none, g->asked.address, 16);
    assert_true(g->asked.near);
    close(fd);
    rig_settle(g);
    buf_clear(&g->log);
}

/* The credential comes up beside the request, at every split, and not in it. */
static void test_request_with_body(void **state)
{
    static const char *const bodies[] = {"Content-Length: 2\r\n\r\nhi",
                                         "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"};
    struct rig *g = *state;

    for (size_t i = 0; i < 2; i++) {
        char text[512];
        size_t len = (size_t)snprintf(
            text, sizeof(text),
            "POST /status?token=query HTTP/1.1\r\nHost: localhost\r\nUser-Agent: me\r\n"
            "Authorization: Bearer hidden\r\nContent-Type: application/json\r\n%s",
            bodies[i]);
        for (size_t cut = 0; cut < len; cut++) {
            int fd = rig_connect(g);
            rig_send(fd, str_make(text, cut));
            rig_settle(g);
            rig_send(fd, str_make(text + cut, len - cut));
            rig_settle(g);
            assert_int_equal(CREDENTIAL_BEARER, g->asked.kind);
            assert_true(str_equal(STR("hidden"), g->asked.credential));
            assert_true(str_equal(STR("me"), g->asked.user_agent));
            assert_null(memmem(g->request.ptr, g->request.len, "hidden", 6));
            assert_null(memmem(g->request.ptr, g->request.len, "query", 5));
            assert_memory_equal("hi", g->request.ptr + g->request.len - 2, 2);
            close(fd);
            rig_settle(g);
            g->asked = (struct evidence){.kind = CREDENTIAL_NONE};
            buf_clear(&g->log);
        }
    }
}

#define SHAKE                                                                                      \
    "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"         \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"

/* "parley" is selected when it is offered; a token never comes back. */
static void test_subprotocols(void **state)
{
    struct rig *g = *state;
    int fd = rig_connect(g);

    rig_send(fd, STR(SHAKE "Sec-WebSocket-Protocol: parley.bearer.abc, parley\r\n\r\n"));
    rig_settle(g);
    assert_true(str_equal(STR("abc"), g->asked.credential));
    rig_expect_bytes(fd, STR(SWITCHING "\r\nSec-WebSocket-Protocol: parley\r\n\r\n\x81\x02hi"),
                     false);
    close(fd);
    fd = rig_connect(g);
    rig_send(fd, STR(SHAKE "Sec-WebSocket-Protocol: parley.bearer.abc\r\n\r\n"));
    rig_settle(g);
    assert_true(str_equal(STR("abc"), g->asked.credential));
    rig_expect_bytes(fd, STR(SWITCHING "\r\n\r\n\x81\x02hi"), false);
    close(fd);
    rig_settle(g);
    buf_clear(&g->log);
}

static void test_refusals_say_what_to_do(void **state)
{
    static const struct {
        const char *request;
        const char *answer;
        const char *says;
    } refused[] = {
        {"GET /status?token=a/b HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 400",
         "Authorization: Bearer"},
        {"GET /status HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer\r\n\r\n", "HTTP/1.1 400",
         "followed by a space and a token"},
        {"GET /status HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer a\r\n"
         "Authorization: Bearer a\r\n\r\n",
         "HTTP/1.1 400", "two lines"},
        /* The origin comes first. */
        {"GET /status?token=a/b HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil\r\n\r\n",
         "HTTP/1.1 403", "the option origins"},
        {"GET /status HTTP/1.1\r\nHost: evil.example\r\n\r\n", "HTTP/1.1 421", "listen.hosts"},
        {"GET /status HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n", "HTTP/1.1 421", "listen.hosts"},
        {"POST /status HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 415",
         "Content-Type: application/json"},
        {"POST /status HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n"
         "Content-Length: 2\r\n\r\n{}",
         "HTTP/1.1 415", "Content-Type: application/json"},
        {"POST /status HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/jsonx\r\n\r\n",
         "HTTP/1.1 415", "Content-Type: application/json"},
    };
    struct rig *g = *state;

    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        char have[2048];
        bool ended;
        int fd = rig_connect(g);
        rig_send(fd, str_from_z(refused[i].request));
        rig_settle(g);
        rig_expect(g, "");
        (void)rig_read(fd, have, sizeof(have), &ended);
        assert_memory_equal(refused[i].answer, have, strlen(refused[i].answer));
        if (strstr(have, refused[i].says) == NULL) {
            fail_msg("\"%s\" does not say \"%s\"", have, refused[i].says);
        }
        close(fd);
        rig_settle(g);
    }
}

static void test_json_types(void **state)
{
    static const char *const types[] = {"application/json", "Application/JSON",
                                        "application/json ; charset=utf-8", "application/json;x"};
    struct rig *g = *state;

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        char text[256];
        int fd = rig_connect(g);
        (void)snprintf(text, sizeof(text),
                       "POST /status HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\n\r\n",
                       types[i]);
        rig_send(fd, str_from_z(text));
        rig_settle(g);
        assert_memory_equal("R:", g->log.data, 2);
        buf_clear(&g->log);
        close(fd);
        rig_settle(g);
    }
}

/* A policy that comes later holds for the connections that are there. */
static void test_policy_replaced(void **state)
{
    struct rig *g = *state;
    struct net_policy_source before = g->policy;
    const struct str request = STR("GET /status HTTP/1.1\r\nHost: ours.example\r\n"
                                   "Origin: https://ours.example\r\n"
                                   "X-Forwarded-For: 192.0.2.1\r\n\r\n");
    static const uint8_t caller[16] = {[10] = 0xff, 0xff, 192, 0, 2, 1};
    char have[1024];
    bool ended;
    int fd = connect_tcp(&g->door[0]);

    rig_send(fd, STR("GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    await_request(g);
    assert_true(g->asked.near);
    buf_clear(&g->log);
    g->policy.hosts = STR("ours.example");
    g->policy.origins = STR("https://ours.example");
    g->policy.proxies = STR("127.0.0.0/8");
    rig_say_policy(g);
    rig_settle(g);
    rig_send(fd, request);
    await_request(g);
    assert_memory_equal(caller, g->asked.address, 16);
    assert_false(g->asked.near);
    buf_clear(&g->log);
    close(fd);
    g->policy = before;
    rig_say_policy(g);
    rig_settle(g);
    fd = rig_connect(g);
    rig_send(fd, request);
    rig_settle(g);
    rig_expect(g, "");
    (void)rig_read(fd, have, sizeof(have), &ended);
    assert_memory_equal("HTTP/1.1 403", have, 12);
    close(fd);
    rig_settle(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_longest),
        cmocka_unit_test(test_credentials),
        cmocka_unit_test(test_user_agent),
        cmocka_unit_test(test_callers),
        cmocka_unit_test_setup_teardown(test_peer_of_a_socket, rig_setup, rig_teardown_empty),
        cmocka_unit_test_setup_teardown(test_request_with_body, rig_setup, rig_teardown_empty),
        cmocka_unit_test_setup_teardown(test_subprotocols, rig_setup, rig_teardown_empty),
        cmocka_unit_test_setup_teardown(test_refusals_say_what_to_do, rig_setup,
                                        rig_teardown_empty),
        cmocka_unit_test_setup_teardown(test_json_types, rig_setup, rig_teardown_empty),
        cmocka_unit_test_setup_teardown(test_policy_replaced, rig_setup, rig_teardown_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

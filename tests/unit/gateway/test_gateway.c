#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/internal.h"
#include "http/head.h"

static const struct route routes[] = {
    {.path = {"/ws/matrix", 10}, .is_websocket = true, .dialect = DIALECT_WORLD},
    {.path = {"/health", 7}, .methods = 1u << HTTP_GET},
};

#define HANDSHAKE                                                                                  \
    "GET /ws/matrix HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"  \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

static void answer(void *owner, struct hub *hub, uint64_t conn, const struct evidence *evidence,
                   struct str request, size_t head_len)
{
    (void)owner;
    assert_true(evidence->near);
    assert_int_equal(request.len, head_len);
    hub_respond(hub, conn, STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), true, true);
}

static struct gateway_settings settings_for(unsigned threads)
{
    struct gateway_settings s;

    gateway_settings_init(&s);
    s.reactor.routes = routes;
    s.reactor.route_count = sizeof(routes) / sizeof(routes[0]);
    s.hub.version = "test";
    s.threads = threads;
    s.port = 0;
    s.drain_ms = 0;
    s.request = answer;
    return s;
}

static struct gateway *make(unsigned threads)
{
    struct gateway_settings s = settings_for(threads);
    struct gateway *g;
    enum gateway_part part;

    assert_int_equal(0, gateway_new(&s, &g, &part));
    return g;
}

static int connect_to(const struct gateway *g)
{
    size_t count;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(gateway_listeners(g, &count)[0].port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(0, connect(fd, (struct sockaddr *)&address, sizeof(address)));
    return fd;
}

static void say(int fd, struct str bytes)
{
    assert_int_equal(bytes.len, send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL));
}

/* Reads until `wanted` has been heard. */
static void hear(int fd, const char *wanted)
{
    char have[8192];
    size_t len = 0;

    do {
        ssize_t got = recv(fd, have + len, sizeof(have) - 1 - len, 0);
        assert_true(got > 0);
        len += (size_t)got;
        have[len] = '\0';
        /* Frame headers hold NULs. */
        for (size_t i = 0; i < len; i++) {
            have[i] = have[i] == '\0' ? '.' : have[i];
        }
    } while (strstr(have, wanted) == NULL);
}

static void say_message(int fd, const char *text)
{
    static const uint8_t no_mask[4] = {0, 0, 0, 0};
    char frame[256];
    size_t len = ws_write_masked_header(frame, WS_TEXT, strlen(text), no_mask);

    memcpy(frame + len, text, strlen(text));
    say(fd, str_make(frame, len + strlen(text)));
}

static void *run(void *g)
{
    assert_int_equal(0, gateway_run(g));
    return NULL;
}

enum { CLIENTS = 24 };

static void meet(unsigned threads)
{
    struct gateway *g = make(threads);
    pthread_t thread;
    int fds[CLIENTS];

    assert_int_equal(0, pthread_create(&thread, NULL, run, g));
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = connect_to(g);
        say(fds[i], STR(HANDSHAKE));
        hear(fds[i], "\"connection_ack\"");
    }
    say_message(fds[0], "{\"type\":\"bark\",\"n\":1}");
    say_message(fds[0], "{\"type\":\"bark\",\"n\":2}");
    for (int i = 1; i < CLIENTS; i++) {
        hear(fds[i], "{\"type\":\"bark\",\"n\":2}");
    }
    int http = connect_to(g);
    say(http, STR("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    hear(http, "\r\n\r\nok");
    close(http);
    gateway_stop(g);
    for (int i = 0; i < CLIENTS; i++) {
        hear(fds[i], "\x03\xe9"); /* 1001 */
        close(fds[i]);
    }
    assert_int_equal(0, pthread_join(thread, NULL));
    uint64_t accepted = 0;
    for (unsigned i = 0; i < threads; i++) {
        accepted += metric_read(&gateway_metrics(g, i)->accepted);
    }
    assert_int_equal(CLIENTS + 1, accepted);
    gateway_free(g);
}

static void test_one_thread(void **state)
{
    (void)state;
    meet(1);
}

static void test_threads(void **state)
{
    (void)state;
    meet(2);
    meet(4);
}

static void test_stopped_before_it_runs(void **state)
{
    (void)state;
    for (unsigned threads = 1; threads <= 2; threads++) {
        struct gateway *g = make(threads);
        gateway_stop(g);
        assert_int_equal(0, gateway_run(g));
        gateway_free(g);
    }
}

/* Two in one process. */
static void test_taken_port(void **state)
{
    struct gateway *g = make(1);
    struct gateway *other = NULL;
    struct gateway_settings s;
    enum gateway_part part;
    size_t count;

    (void)state;
    gateway_settings_init(&s);
    s.hub.version = "test";
    s.port = gateway_listeners(g, &count)[0].port;
    assert_int_equal(-EADDRINUSE, gateway_new(&s, &other, &part));
    assert_int_equal(GATEWAY_TCP, part);
    s.bind = NULL;
    s.unix_path = "/nowhere/at/all";
    assert_int_equal(-ENOENT, gateway_new(&s, &other, &part));
    assert_int_equal(GATEWAY_UNIX, part);
    assert_null(other);
    gateway_free(g);
}

/* --- reloads, passwords, the watchdog --------------------------------------------------------- */

/* What the gateway told its owner, who can hold the worker at a gate. */
static struct owner {
    pthread_mutex_t mutex;
    pthread_cond_t news;
    bool gate_closed;
    unsigned at_gate; /* times that somebody came to it */
    unsigned loads;
    unsigned applied;
    unsigned dropped;
    unsigned alive;
    unsigned phase_count;
    enum gateway_phase phases[64];
} owner = {.mutex = PTHREAD_MUTEX_INITIALIZER, .news = PTHREAD_COND_INITIALIZER};

static void count(unsigned *what)
{
    pthread_mutex_lock(&owner.mutex);
    (*what)++;
    pthread_cond_broadcast(&owner.news);
    pthread_mutex_unlock(&owner.mutex);
}

static void wait_count(const unsigned *what, unsigned n)
{
    pthread_mutex_lock(&owner.mutex);
    while (*what < n) {
        pthread_cond_wait(&owner.news, &owner.mutex);
    }
    pthread_mutex_unlock(&owner.mutex);
}

static void set_gate(bool closed)
{
    pthread_mutex_lock(&owner.mutex);
    owner.gate_closed = closed;
    pthread_cond_broadcast(&owner.news);
    pthread_mutex_unlock(&owner.mutex);
}

static void pass_gate(void)
{
    pthread_mutex_lock(&owner.mutex);
    owner.at_gate++;
    pthread_cond_broadcast(&owner.news);
    while (owner.gate_closed) {
        pthread_cond_wait(&owner.news, &owner.mutex);
    }
    pthread_mutex_unlock(&owner.mutex);
}

static void *load(void *o)
{
    pass_gate();
    count(&owner.loads);
    return o;
}

static void apply(void *o, struct hub *hub, void *plan)
{
    assert_ptr_equal(o, plan);
    assert_non_null(hub);
    count(&owner.applied);
}

static void drop(void *o, void *plan)
{
    assert_ptr_equal(o, plan);
    count(&owner.dropped);
}

static void note_phase(void *o, enum gateway_phase phase)
{
    (void)o;
    if (owner.phase_count < sizeof(owner.phases) / sizeof(owner.phases[0])) {
        owner.phases[owner.phase_count] = phase;
    }
    count(&owner.phase_count);
}

static void note_alive(void *o)
{
    (void)o;
    count(&owner.alive);
}

static bool verify(const char *hash, struct str password)
{
    pass_gate();
    return str_equal(str_from_z(hash), password);
}

static struct gateway *make_owned(unsigned threads)
{
    struct gateway_settings s = settings_for(threads);
    struct gateway *g;
    enum gateway_part part;

    owner.gate_closed = false;
    owner.at_gate = owner.loads = owner.applied = owner.dropped = owner.alive = 0;
    owner.phase_count = 0;
    s.owner = &owner;
    s.reload_load = load;
    s.reload_apply = apply;
    s.reload_drop = drop;
    s.phase = note_phase;
    s.alive = note_alive;
    s.alive_ms = 1;
    s.verify_password = verify;
    assert_int_equal(0, gateway_new(&s, &g, &part));
    return g;
}

static void end(struct gateway *g, pthread_t thread)
{
    gateway_stop(g);
    assert_int_equal(0, pthread_join(thread, NULL));
    gateway_free(g);
}

static void reload(unsigned threads)
{
    struct gateway *g = make_owned(threads);
    pthread_t thread;

    gateway_reload(g); /* before it runs */
    assert_int_equal(0, pthread_create(&thread, NULL, run, g));
    wait_count(&owner.applied, 1);
    set_gate(true);
    gateway_reload(g);
    wait_count(&owner.at_gate, 2);
    for (int i = 0; i < 5; i++) {
        gateway_reload(g); /* while one is under way: one more is enough for all of them */
    }
    set_gate(false);
    wait_count(&owner.applied, 3);
    /* The last phase is told behind the last apply. */
    wait_count(&owner.phase_count, 7);
    end(g, thread);
    assert_int_equal(3, owner.loads);
    assert_int_equal(3, owner.applied);
    assert_int_equal(0, owner.dropped);
    static const enum gateway_phase phases[] = {
        GATEWAY_SERVING, GATEWAY_RELOADING, GATEWAY_SERVING, GATEWAY_RELOADING,
        GATEWAY_SERVING, GATEWAY_RELOADING, GATEWAY_SERVING, GATEWAY_STOPPING};
    assert_int_equal(8, owner.phase_count);
    assert_memory_equal(phases, owner.phases, sizeof(phases));
}

static void test_reload(void **state)
{
    (void)state;
    reload(1);
    reload(2);
}

/* What was loaded and not applied is given back; while it stops it does not begin another. */
static void stop_in_reload(unsigned threads)
{
    struct gateway *g = make_owned(threads);
    pthread_t thread;

    set_gate(true);
    gateway_reload(g);
    assert_int_equal(0, pthread_create(&thread, NULL, run, g));
    wait_count(&owner.at_gate, 1);
    gateway_stop(g);
    assert_int_equal(0, pthread_join(thread, NULL));
    gateway_reload(g);
    set_gate(false);
    gateway_free(g);
    assert_int_equal(1, owner.loads);
    assert_int_equal(1, owner.applied + owner.dropped);
    assert_int_equal(GATEWAY_STOPPING, owner.phases[owner.phase_count - 1]);
}

static void test_stop_in_reload(void **state)
{
    (void)state;
    stop_in_reload(1);
    stop_in_reload(2);
}

static int register_with(struct gateway *g, const char *message)
{
    int fd = connect_to(g);

    say(fd, STR(HANDSHAKE));
    hear(fd, "\"connection_ack\"");
    say_message(fd, message);
    return fd;
}

static void check_passwords(unsigned threads)
{
    struct gateway *g = make_owned(threads);
    struct hub_access access = {.mode = HUB_AUTH_PASSWORD};
    pthread_t thread;

    assert_true(gateway_set_password(g, "sesame"));
    assert_true(hub_set_access(gateway_hub(g), &access));
    assert_int_equal(0, pthread_create(&thread, NULL, run, g));
    set_gate(true);
    int right =
        register_with(g, "{\"type\":\"agent_register\",\"agentId\":\"a\",\"password\":\"sesame\"}");
    wait_count(&owner.at_gate, 1);
    /* Meanwhile everybody else is served. */
    int wrong =
        register_with(g, "{\"type\":\"agent_register\",\"agentId\":\"b\",\"password\":\"guess\"}");
    set_gate(false);
    hear(right, "\"agent_id\":\"a\"");
    hear(wrong, "AUTH_FAILED");
    close(right);
    close(wrong);
    /* Stopped while one is being checked. */
    set_gate(true);
    int last =
        register_with(g, "{\"type\":\"agent_register\",\"agentId\":\"c\",\"password\":\"sesame\"}");
    wait_count(&owner.at_gate, 3);
    gateway_stop(g);
    gateway_stop(g);
    assert_int_equal(0, pthread_join(thread, NULL));
    set_gate(false);
    gateway_free(g);
    close(last);
}

static void test_passwords(void **state)
{
    (void)state;
    check_passwords(1);
    check_passwords(2);
}

static void test_alive(void **state)
{
    (void)state;
    for (unsigned threads = 1; threads <= 2; threads++) {
        struct gateway *g = make_owned(threads);
        pthread_t thread;
        assert_int_equal(0, pthread_create(&thread, NULL, run, g));
        wait_count(&owner.alive, 3);
        end(g, thread);
    }
}

/* A reactor that has stopped turning is noticed, though the hub goes on. */
static void test_stuck_reactor(void **state)
{
    struct gateway *g = make_owned(2);
    struct hub_time now = clock_now();

    (void)state;
    for (unsigned round = 1; round <= 2; round++) {
        now.mono_ms += 1000;
        assert_true(turn_end(g, now));
        metric_add(&g->queues[0].turns, 1);
        now.mono_ms += 1000;
        assert_true(turn_end(g, now));
        assert_int_equal(round - 1, owner.alive);
        metric_add(&g->queues[1].turns, 1);
        now.mono_ms += 1000;
        assert_true(turn_end(g, now));
        assert_int_equal(round, owner.alive);
    }
    gateway_free(g);
}

/* --- turns of the hub ------------------------------------------------------------------------- */

enum { REQUESTS = 6, LONG_ANSWER = 512 * 1024 }; /* two fill a turn */

/* Whose requests were answered, in that order. */
static struct buf answered;

static void answer_at_length(void *o, struct hub *hub, uint64_t conn,
                             const struct evidence *evidence, struct str request, size_t head_len)
{
    static char text[LONG_ANSWER];

    (void)o;
    (void)evidence;
    (void)request;
    (void)head_len;
    buf_append_char(&answered, (char)('0' + conn_reactor(conn)));
    hub_respond(hub, conn, str_make(text, sizeof(text)), true, false);
}

static void give_requests(struct gateway *g, unsigned reactor, unsigned count)
{
    struct exchange x = {.full = up_batch_new()};
    struct evidence evidence = {.near = true};

    assert_non_null(x.full);
    for (unsigned i = 0; i < count; i++) {
        assert_non_null(up_batch_add_asking(x.full, UP_REQUEST, conn_make(reactor, 1, i), &evidence,
                                            STR("GET / HTTP/1.1\r\n\r\n")));
    }
    queue_exchange(&g->queues[reactor], &x);
    up_batch_free(x.spare);
}

/* One whose clients ask for much has no turn twice while another one has none. */
static void test_reactors_take_turns(void **state)
{
    (void)state;
    for (unsigned greedy = 0; greedy < 2; greedy++) {
        struct gateway_settings s = settings_for(2);
        struct gateway *g;
        enum gateway_part part;
        s.request = answer_at_length;
        s.hub.turn_output = 2 * LONG_ANSWER;
        assert_int_equal(0, gateway_new(&s, &g, &part));
        buf_init(&answered, SIZE_MAX);
        give_requests(g, greedy, REQUESTS);
        assert_true(threads_step(g, false));
        give_requests(g, 1 - greedy, 1);
        for (int i = 0; i < REQUESTS; i++) {
            assert_true(threads_step(g, false));
        }
        buf_append_char(&answered, '\0');
        assert_string_equal(greedy == 0 ? "0010000" : "1101111", answered.data);
        buf_fini(&answered);
        gateway_free(g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_thread),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_stopped_before_it_runs),
        cmocka_unit_test(test_taken_port),
        cmocka_unit_test(test_reload),
        cmocka_unit_test(test_stop_in_reload),
        cmocka_unit_test(test_passwords),
        cmocka_unit_test(test_alive),
        cmocka_unit_test(test_stuck_reactor),
        cmocka_unit_test(test_reactors_take_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

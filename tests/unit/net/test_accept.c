#include "rig.h"
#include "valgrind.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/connection.h"

static int setup(void **state)
{
    static struct rig g;

    rig_settings(&g);
    g.settings.max_connections = 4;
    rig_start(&g);
    *state = &g;
    return 0;
}

static int connect_tcp(const struct rig *g)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(g->door[0].port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(0, connect(fd, (struct sockaddr *)&address, sizeof(address)));
    return fd;
}

/* Turns until the socket has something for the client, be it the end. */
static void turn_until_readable(struct rig *g, int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    while (poll(&p, 1, 0) == 0) {
        reactor_wait(g->r, 100);
        rig_turn(g);
    }
}

static void expect_greeting(struct rig *g, int fd)
{
    char have[256];

    rig_send(fd, STR(HANDSHAKE));
    turn_until_readable(g, fd);
    ssize_t got = recv(fd, have, sizeof(have), 0);
    assert_true(got > 12);
    assert_memory_equal("HTTP/1.1 101", have, 12);
}

static void test_tcp_client(void **state)
{
    struct rig *g = *state;
    int fd = connect_tcp(g);

    expect_greeting(g, fd);
    assert_int_equal(1, g->r->metrics.accepted);
    close(fd);
    while (g->r->metrics.connections > 0) {
        reactor_wait(g->r, 100);
        rig_turn(g);
    }
    rig_settle(g);
    rig_expect(g, "O: F:0 C");
}

static void test_too_many(void **state)
{
    struct rig *g = *state;
    int fds[5];
    char have[256];
    bool ended;

    for (int i = 0; i < 5; i++) {
        fds[i] = rig_connect(g);
    }
    assert_int_equal(4, g->r->metrics.connections);
    assert_int_equal(1, g->r->metrics.turned_away);
    (void)rig_read(fds[4], have, sizeof(have), &ended);
    assert_memory_equal("HTTP/1.1 503", have, 12);
    assert_true(ended);
    for (int i = 0; i < 5; i++) {
        close(fds[i]);
    }
    rig_settle(g);
    assert_int_equal(0, g->r->metrics.connections);
}

/* Who has been let in, and who has yet to get an answer, never has to go; who is silent has. */
static void test_the_silent_make_room(void **state)
{
    struct rig *g = *state;
    char have[256];
    bool ended;

    int open = rig_open(g);
    int silent = rig_connect(g);
    int half = rig_connect(g);
    int asks = rig_connect(g);
    rig_send(half, STR("POST /status HTTP/1.1\r\nHost: localhost\r\n"
                       "Content-Type: application/json\r\nContent-Length: 9\r\n\r\nhalf"));
    g->mute = true;
    rig_send(asks, STR("GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    rig_settle(g);
    rig_advance(g, ROOM_MS - TICK_MS);
    int early = rig_connect(g);
    rig_expect_answer(early, "HTTP/1.1 503");
    assert_int_equal(0, g->r->metrics.displaced);
    rig_advance(g, TICK_MS);
    g->mute = false;
    int newcomer = rig_open(g);
    assert_int_equal(2, g->r->metrics.displaced);
    assert_int_equal(1, g->r->metrics.turned_away);
    assert_int_equal(3, g->r->metrics.connections);
    int gone[] = {silent, half};
    for (int i = 0; i < 2; i++) {
        rig_expect_answer(gone[i], "HTTP/1.1 503");
    }
    rig_send_frame(open, 0x81, STR("alive"));
    rig_settle(g);
    rig_expect_bytes(open,
                     STR("\x81\x05"
                         "alive"),
                     false);
    assert_int_equal(0, rig_read(asks, have, sizeof(have), &ended));
    assert_false(ended);
    close(open);
    close(silent);
    close(half);
    close(asks);
    close(early);
    close(newcomer);
}

/* Between two requests there is nothing to be answered: it would be taken for the next answer. */
static void test_the_idle_make_room_without_a_word(void **state)
{
    struct rig *g = *state;
    char have[1024];
    bool ended;
    int fds[4];

    for (int i = 0; i < 4; i++) {
        fds[i] = rig_connect(g);
        rig_send(fds[i], STR("GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        rig_settle(g);
        assert_true(rig_read(fds[i], have, sizeof(have), &ended) > 0);
        assert_false(ended);
    }
    rig_advance(g, ROOM_MS);
    int newcomer = rig_open(g);
    assert_int_equal(4, g->r->metrics.displaced);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(0, rig_read(fds[i], have, sizeof(have), &ended));
        assert_true(ended);
        close(fds[i]);
    }
    close(newcomer);
}

/* Of a flood so many go at a time as are needed, and it is not looked for more than once a tick. */
static void test_room_is_made_a_slice_at_a_time(void **state)
{
    struct rig *g = *state;
    enum { MANY = ROOM_SLICE + 10 };
    int fds[MANY];

    slab_fini(&g->r->connections);
    slab_init(&g->r->connections, sizeof(struct connection), MANY);
    for (int i = 0; i < MANY; i++) {
        fds[i] = rig_connect(g);
    }
    rig_advance(g, ROOM_MS);
    assert_true(connection_make_room(g->r));
    assert_int_equal(ROOM_SLICE, g->r->metrics.displaced);
    assert_true(connection_make_room(g->r));
    assert_int_equal(MANY, g->r->metrics.displaced);
    int late = rig_connect(g);
    rig_advance(g, 0);
    assert_false(connection_make_room(g->r));
    rig_advance(g, ROOM_MS);
    assert_true(connection_make_room(g->r));
    assert_int_equal(MANY + 1, g->r->metrics.displaced);
    for (int i = 0; i < MANY; i++) {
        close(fds[i]);
    }
    close(late);
}

/* Descriptors end below `fd`; -1: they do no more. */
static bool limit_files(int fd)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return false;
    }
    limit.rlim_cur = fd < 0 ? limit.rlim_max : (rlim_t)fd;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

/* Says what failed. */
static int run_out_of_files(struct rig *g)
{
    char have[64];
    int waiting[3];

    int old = rig_open(g);
    int free_fd = dup(0);
    for (int i = 0; i < 3; i++) {
        waiting[i] = connect_tcp(g);
        rig_send(waiting[i], STR(HANDSHAKE));
    }
    close(free_fd);
    /* The next descriptor would be free_fd; it is above the limit now. */
    if (!limit_files(free_fd)) {
        return 2;
    }
    for (int i = 0; i < 3; i++) {
        turn_until_readable(g, waiting[i]);
        if (recv(waiting[i], have, sizeof(have), 0) > 0) {
            return 3;
        }
    }
    if (g->r->metrics.out_of_files != 3) {
        return 4;
    }
    /* Nothing is left to do: it does not spin. */
    reactor_wait(g->r, 0);
    if (reactor_busy(g->r)) {
        return 5;
    }
    rig_send_frame(old, 0x81, STR("alive"));
    rig_settle(g);
    rig_expect_bytes(old,
                     STR("\x81\x05"
                         "alive"),
                     false);
    if (!limit_files(-1)) {
        return 6;
    }
    int fd = connect_tcp(g);
    expect_greeting(g, fd);
    return 0;
}

/* One who has been silent for long goes; then there is nobody any more who might. */
static int run_out_of_files_among_the_silent(struct rig *g)
{
    char have[64];
    int waiting[2];

    int silent = rig_connect(g);
    rig_advance(g, ROOM_MS);
    int free_fd = dup(0);
    for (int i = 0; i < 2; i++) {
        waiting[i] = connect_tcp(g);
        rig_send(waiting[i], STR(HANDSHAKE));
    }
    close(free_fd);
    if (!limit_files(free_fd)) {
        return 1;
    }
    for (int i = 0; i < 2; i++) {
        turn_until_readable(g, waiting[i]);
        if ((recv(waiting[i], have, sizeof(have), 0) > 0) != (i == 0)) {
            return 2;
        }
    }
    if (recv(silent, have, sizeof(have), 0) < 12 || memcmp(have, "HTTP/1.1 503", 12) != 0) {
        return 3;
    }
    if (g->r->metrics.displaced != 1 || g->r->metrics.out_of_files != 1) {
        return 4;
    }
    return 0;
}

/* In a process of its own, for the limit is the process's. */
static void run_apart(struct rig *g, int (*run)(struct rig *))
{
    int status = -1;

    /* There an accept beyond the limit first takes the connection, and then closes it. */
    if (under_valgrind()) {
        skip();
    }
    pid_t child = fork();
    if (child == 0) {
        _exit(run(g));
    }
    assert_true(child > 0);
    assert_int_equal(child, waitpid(child, &status, 0));
    assert_true(WIFEXITED(status));
    assert_int_equal(0, WEXITSTATUS(status));
}

static void test_out_of_files(void **state)
{
    run_apart(*state, run_out_of_files);
}

static void test_out_of_files_among_the_silent(void **state)
{
    run_apart(*state, run_out_of_files_among_the_silent);
}

static bool hand_over(void *owner, unsigned reactor, int fd, unsigned door)
{
    int *ret_fd = owner;

    assert_int_equal(0, reactor);
    assert_true(door < 2);
    if (*ret_fd >= 0) {
        return false;
    }
    *ret_fd = fd;
    return true;
}

static void test_hand_over(void **state)
{
    struct rig *g = *state;
    int handed = -1;

    g->r->ports = (struct reactor_ports){.owner = &handed, .hand_over = hand_over};
    int first = connect_tcp(g);
    rig_send(first, STR(HANDSHAKE));
    while (handed < 0) {
        reactor_wait(g->r, 100);
        rig_turn(g);
    }
    assert_int_equal(1, g->r->metrics.handed_over);
    assert_int_equal(0, g->r->metrics.connections);
    /* The second one stays, and the first one can be adopted like any. */
    int second = connect_tcp(g);
    expect_greeting(g, second);
    reactor_adopt(g->r, handed, 0);
    turn_until_readable(g, first);
    assert_int_equal(2, g->r->metrics.connections);
    close(first);
    close(second);
    while (g->r->metrics.connections > 0) {
        reactor_wait(g->r, 100);
        rig_turn(g);
    }
    g->r->ports.hand_over = NULL;
}

static void test_doors_closed(void **state)
{
    struct rig *g = *state;
    int idle = rig_connect(g);
    int open = rig_open(g);
    bool ended;
    char have[64];

    reactor_close_doors(g->r);
    rig_settle(g);
    (void)rig_read(idle, have, sizeof(have), &ended);
    assert_false(ended);
    reactor_close_idle(g->r);
    rig_settle(g);
    (void)rig_read(idle, have, sizeof(have), &ended);
    assert_true(ended);
    rig_expect_bytes(open, STR(""), false);
    int fd = connect_tcp(g);
    rig_send(fd, STR(HANDSHAKE));
    rig_advance(g, 1000);
    assert_int_equal(1, g->r->metrics.connections);
    close(fd);
    close(open);
    close(idle);
}

/* Another reactor may have accepted somebody before it closed its own doors. */
static void test_adopted_behind_the_end(void **state)
{
    struct rig *g = *state;
    int ends[2];

    reactor_close_doors(g->r);
    reactor_close_idle(g->r);
    int silent = rig_connect(g);
    assert_int_equal(0, g->r->metrics.connections);
    rig_expect_bytes(silent, STR(""), true);
    assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends));
    rig_send(ends[0], STR("GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    reactor_adopt(g->r, ends[1], 0);
    rig_settle(g);
    rig_expect(g, "R:41/");
    rig_expect_bytes(ends[0], STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), true);
    close(silent);
    close(ends[0]);
    rig_settle(g);
}

/* Of two doors that were shut only one can be watched at first; then both can. */
static void test_doors_open_one_by_one(void **state)
{
    static struct listener more[2];
    struct rig *g = *state;
    int count = listener_open_loopback(0, more);

    assert_true(count > 0);
    int fd = more[0].fd;
    assert_true(reactor_add_door(g->r, &more[0]));
    for (unsigned i = 0; i < g->r->door_count; i++) {
        assert_int_equal(0, epoll_ctl(g->r->epoll, EPOLL_CTL_DEL, g->r->doors[i]->fd, NULL));
    }
    g->r->doors_shut = true;
    more[0].fd = -1;
    rig_advance(g, 100);
    assert_true(g->r->doors_shut);
    int client = connect_tcp(g);
    expect_greeting(g, client);
    more[0].fd = fd;
    rig_advance(g, 100);
    assert_false(g->r->doors_shut);
    assert_int_equal(-1, epoll_ctl(g->r->epoll, EPOLL_CTL_ADD, fd, &(struct epoll_event){0}));
    assert_int_equal(EEXIST, errno);
    close(client);
    for (int i = 0; i < count; i++) {
        listener_close(&more[i]);
    }
}

/* The kernel said that somebody waits; before that was dealt with, the doors were closed. */
static void test_event_from_before_the_doors_closed(void **state)
{
    struct rig *g = *state;
    int fd = connect_tcp(g);

    rig_send(fd, STR(HANDSHAKE));
    while (g->r->event_count == 0) {
        reactor_wait(g->r, 100);
    }
    reactor_close_doors(g->r);
    rig_settle(g);
    assert_int_equal(0, g->r->metrics.accepted);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tcp_client, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_too_many, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_the_silent_make_room, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_the_idle_make_room_without_a_word, setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(test_room_is_made_a_slice_at_a_time, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_out_of_files, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_out_of_files_among_the_silent, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_hand_over, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_doors_closed, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_adopted_behind_the_end, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_doors_open_one_by_one, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_event_from_before_the_doors_closed, setup,
                                        rig_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

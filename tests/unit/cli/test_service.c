#include "unit.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/service.h"

static void set_number(const char *name, long value)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%ld", value);
    assert_int_equal(0, setenv(name, text, 1));
}

static void init(struct service *s)
{
    struct buf error;

    buf_init(&error, 1024);
    assert_true(service_init(s, &error));
    assert_int_equal(0, error.len);
    buf_fini(&error);
}

/* A manager's socket at `address`, of which the first byte is 0 for the abstract namespace. */
static int listen_at(const char *address, size_t len)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    memcpy(at.sun_path, address, len);
    assert_int_equal(0, bind(fd, (struct sockaddr *)&at,
                             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)));
    return fd;
}

static void expect_told(int fd, const char *start)
{
    char text[256];
    ssize_t len = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

    assert_true(len > 0);
    text[len] = '\0';
    assert_memory_equal(start, text, strlen(start));
}

static void test_nobody(void **state)
{
    struct service s;

    (void)state;
    init(&s);
    service_tell(&s, "READY=1");
    service_tell_reloading(&s);
    assert_int_equal(0, s.watchdog_ms);
    assert_int_equal(0, s.socket_count);
    service_fini(&s);
    service_fini(&s);
    service_fini(NULL);
}

static void talk(const char *variable, const char *address, size_t len)
{
    struct service s;
    int manager = listen_at(address, len);

    assert_int_equal(0, setenv("NOTIFY_SOCKET", variable, 1));
    init(&s);
    assert_null(getenv("NOTIFY_SOCKET"));
    service_tell(&s, "READY=1\nSTATUS=here");
    expect_told(manager, "READY=1\nSTATUS=here");
    service_tell_reloading(&s);
    expect_told(manager, "RELOADING=1\nMONOTONIC_USEC=");
    close(manager);
    service_tell(&s, "STOPPING=1"); /* who has gone is told nothing */
    service_fini(&s);
}

static void test_manager(void **state)
{
    char path[64], abstract[64];

    (void)state;
    (void)snprintf(path, sizeof(path), "/tmp/parley-notify-%d", (int)getpid());
    talk(path, path, strlen(path) + 1);
    assert_int_equal(0, unlink(path));
    (void)snprintf(abstract, sizeof(abstract), "@parley-notify-%d", (int)getpid());
    char address[64];
    memcpy(address, abstract, sizeof(address));
    address[0] = '\0';
    talk(abstract, address, strlen(abstract));
}

static void test_no_address(void **state)
{
    static const char *const wrong[] = {"", "relative", "@", "vsock:2:1234", NULL};
    struct service s;

    (void)state;
    for (size_t i = 0; wrong[i] != NULL; i++) {
        assert_int_equal(0, setenv("NOTIFY_SOCKET", wrong[i], 1));
        init(&s);
        assert_int_equal(-1, s.fd);
        service_fini(&s);
    }
    char longest[200];
    memset(longest, 'a', sizeof(longest));
    longest[0] = '/';
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(0, setenv("NOTIFY_SOCKET", longest, 1));
    init(&s);
    assert_int_equal(-1, s.fd);
    service_fini(&s);
}

static uint64_t watchdog(void)
{
    struct service s;

    init(&s);
    assert_null(getenv("WATCHDOG_USEC"));
    service_fini(&s);
    return s.watchdog_ms;
}

static void test_watchdog(void **state)
{
    (void)state;
    set_number("WATCHDOG_USEC", 30000000);
    assert_int_equal(15000, watchdog());
    set_number("WATCHDOG_USEC", 30000000);
    set_number("WATCHDOG_PID", getpid());
    assert_int_equal(15000, watchdog());
    set_number("WATCHDOG_USEC", 30000000);
    set_number("WATCHDOG_PID", getpid() + 1);
    assert_int_equal(0, watchdog());
    set_number("WATCHDOG_USEC", 1);
    assert_int_equal(1, watchdog());
    set_number("WATCHDOG_USEC", 0);
    assert_int_equal(0, watchdog());
    assert_int_equal(0, setenv("WATCHDOG_USEC", "soon", 1));
    assert_int_equal(0, watchdog());
}

static void give(long count, long pid, const char *names)
{
    set_number("LISTEN_FDS", count);
    set_number("LISTEN_PID", pid);
    assert_int_equal(0, setenv("LISTEN_FDNAMES", names, 1));
}

/* Puts a listening socket at descriptor 3. */
static void listen_at_first(uint32_t address)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(0, bind(fd, (struct sockaddr *)&at, sizeof(at)));
    assert_int_equal(0, listen(fd, 1));
    if (fd != 3) {
        assert_int_equal(3, dup2(fd, 3));
        close(fd);
    }
}

static void test_sockets(void **state)
{
    struct service s;

    (void)state;
    listen_at_first(INADDR_LOOPBACK);
    assert_int_equal(4, dup2(3, 4));
    give(2, getpid(), "parley.socket:status");
    init(&s);
    assert_null(getenv("LISTEN_FDS"));
    assert_null(getenv("LISTEN_PID"));
    assert_null(getenv("LISTEN_FDNAMES"));
    assert_int_equal(2, s.socket_count);
    assert_int_equal(3, s.sockets[0].fd);
    assert_false(s.sockets[0].status_only);
    assert_true(s.sockets[1].status_only);
    assert_int_equal(FD_CLOEXEC, fcntl(4, F_GETFD));
    assert_true((fcntl(4, F_GETFL) & O_NONBLOCK) != 0);
    service_forget_sockets(&s);
    service_fini(&s);
    assert_true(fcntl(4, F_GETFD) >= 0);
    give(2, getpid(), "");
    init(&s);
    service_fini(&s);
    assert_int_equal(-1, fcntl(4, F_GETFD));
    listen_at_first(INADDR_LOOPBACK);
    /* What is meant for another process is left alone. */
    give(1, getpid() + 1, "");
    init(&s);
    assert_int_equal(0, s.socket_count);
    assert_true(fcntl(3, F_GETFD) >= 0);
    service_fini(&s);
    close(3);
}

static bool exposed(void)
{
    struct service s;

    give(1, getpid(), "");
    init(&s);
    bool is = s.sockets[0].exposed;
    service_fini(&s); /* which closes it */
    return is;
}

static void test_exposed(void **state)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr_un local = {.sun_family = AF_UNIX};

    (void)state;
    listen_at_first(INADDR_LOOPBACK);
    assert_false(exposed());
    listen_at_first(0x7f010203);
    assert_false(exposed());
    listen_at_first(INADDR_ANY);
    assert_true(exposed());
    assert_int_equal(3, socket(AF_UNIX, SOCK_STREAM, 0));
    assert_int_equal(0, bind(3, (struct sockaddr *)&local, sizeof(sa_family_t)));
    assert_int_equal(0, listen(3, 1));
    assert_false(exposed());
    if (socket(AF_INET6, SOCK_STREAM, 0) == 3 &&
        bind(3, (struct sockaddr *)&six, sizeof(six)) == 0) {
        assert_int_equal(0, listen(3, 1));
        assert_false(exposed());
    }
    close(3);
}

static void expect_refused(const char *word)
{
    struct service s;
    struct buf error;

    buf_init(&error, 1024);
    assert_false(service_init(&s, &error));
    buf_append_char(&error, '\0');
    assert_non_null(strstr(error.data, word));
    buf_fini(&error);
    service_fini(&s);
}

static void test_wrong_sockets(void **state)
{
    (void)state;
    give(SERVICE_SOCKETS + 1, getpid(), "");
    expect_refused("7 sockets");
    close(3);
    give(1, getpid(), "");
    expect_refused("descriptor 3"); /* which is not open */
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_int_equal(3, fd == 3 ? 3 : dup2(fd, 3));
    give(1, getpid(), "");
    expect_refused("ListenStream=");
    close(3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody),        cmocka_unit_test(test_manager),
        cmocka_unit_test(test_no_address),    cmocka_unit_test(test_watchdog),
        cmocka_unit_test(test_sockets),       cmocka_unit_test(test_exposed),
        cmocka_unit_test(test_wrong_sockets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

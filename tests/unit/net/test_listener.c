#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/listener.h"

static int connect_v4(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

static void test_loopback_on_one_port(void **state)
{
    struct listener l[2];
    struct sockaddr_in6 address;
    socklen_t size = sizeof(address);

    (void)state;
    int count = listener_open_loopback(0, l);
    assert_true(count == 1 || count == 2);
    assert_true(l[0].port > 0);
    assert_string_equal("127.0.0.1", l[0].address);
    if (count == 2) {
        assert_int_equal(l[0].port, l[1].port);
        assert_string_equal("::1", l[1].address);
        assert_int_equal(0, getsockname(l[1].fd, (struct sockaddr *)&address, &size));
        assert_int_equal(l[1].port, ntohs(address.sin6_port));
    }
    int fd = connect_v4(l[0].port);
    assert_true(fd >= 0);
    close(fd);
    for (int i = 0; i < count; i++) {
        listener_close(&l[i]);
        listener_close(&l[i]);
    }
    assert_int_equal(-ECONNREFUSED, connect_v4(l[0].port));
}

static void test_taken_port(void **state)
{
    struct listener l[2];
    struct listener other[2];

    (void)state;
    int count = listener_open_loopback(0, l);
    assert_true(count > 0);
    assert_int_equal(-EADDRINUSE, listener_open_loopback(l[0].port, other));
    /* The port of IPv6 alone is enough. */
    listener_close(&l[0]);
    if (count == 2) {
        assert_int_equal(-EADDRINUSE, listener_open_loopback(l[0].port, other));
        listener_close(&l[1]);
    }
    int again = listener_open_loopback(l[0].port, other);
    assert_int_equal(count, again);
    for (int i = 0; i < again; i++) {
        listener_close(&other[i]);
    }
}

static void test_accepted_sockets_inherit(void **state)
{
    struct listener l[2];
    int on = 0;
    socklen_t size = sizeof(on);

    (void)state;
    int count = listener_open_loopback(0, l);
    int client = connect_v4(l[0].port);
    assert_int_equal(1, send(client, "x", 1, 0));
    int fd;
    do {
        fd = accept4(l[0].fd, NULL, NULL, SOCK_CLOEXEC);
    } while (fd < 0 && errno == EAGAIN);
    assert_true(fd >= 0);
    assert_int_equal(0, getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &size));
    assert_int_equal(1, on);
    assert_int_equal(0, getsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &on, &size));
    assert_int_equal(256 * 1024, on);
    close(fd);
    close(client);
    for (int i = 0; i < count; i++) {
        listener_close(&l[i]);
    }
}

static char directory[] = "/tmp/parley-unit-XXXXXX";
static char path[64];

static int make_directory(void **state)
{
    (void)state;
    if (mkdtemp(directory) == NULL) {
        return -1;
    }
    (void)snprintf(path, sizeof(path), "%s/socket", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(directory);
}

static void test_unix(void **state)
{
    struct listener l;
    struct listener other;
    struct stat about;

    (void)state;
    assert_int_equal(0, listener_open_unix(path, &l));
    assert_true(l.is_unix);
    assert_string_equal(path, l.address);
    assert_int_equal(0, lstat(path, &about));
    assert_int_equal(S_IFSOCK | 0600, about.st_mode);
    assert_int_equal(-EADDRINUSE, listener_open_unix(path, &other));
    listener_close(&l);
    assert_int_equal(-1, lstat(path, &about));
}

static void test_unix_stale(void **state)
{
    struct listener l;

    (void)state;
    assert_int_equal(0, listener_open_unix(path, &l));
    /* As after a crash: nobody listens, the file is there. */
    close(l.fd);
    assert_int_equal(0, listener_open_unix(path, &l));
    listener_close(&l);
}

static void test_unix_keeps_what_is_not_its_own(void **state)
{
    struct listener l;
    struct listener next;
    struct stat about;

    (void)state;
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fclose(file);
    assert_int_equal(-EEXIST, listener_open_unix(path, &l));
    assert_int_equal(0, unlink(path));

    assert_int_equal(0, listener_open_unix(path, &l));
    assert_int_equal(0, unlink(path));
    assert_int_equal(0, listener_open_unix(path, &next));
    listener_close(&l);
    assert_int_equal(0, lstat(path, &about));
    listener_close(&next);
}

static void test_unix_path_too_long(void **state)
{
    struct listener l;
    char long_path[200];

    (void)state;
    memset(long_path, 'x', sizeof(long_path) - 1);
    long_path[sizeof(long_path) - 1] = '\0';
    assert_int_equal(-ENAMETOOLONG, listener_open_unix(long_path, &l));
    assert_int_equal(-ENAMETOOLONG, listener_open_unix("", &l));
}

/* --- all addresses, or one ----------------------------------------------------------------------
 */

static int connect_v6(uint16_t port)
{
    struct sockaddr_in6 address = {
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_loopback};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

static void expect_open(int fd)
{
    assert_true(fd >= 0);
    close(fd);
}

static void test_all_addresses(void **state)
{
    struct listener l, other;

    (void)state;
    assert_int_equal(0, listener_open_any(NULL, 0, &l));
    assert_true(l.port > 0);
    expect_open(connect_v4(l.port));
    if (strcmp(l.address, "::") == 0) {
        expect_open(connect_v6(l.port));
    } else {
        assert_string_equal("0.0.0.0", l.address);
    }
    assert_int_equal(-EADDRINUSE, listener_open_any(NULL, l.port, &other));
    assert_int_equal(-EADDRINUSE, listener_open_any("127.0.0.1", l.port, &other));
    listener_close(&l);
}

static void test_one_address(void **state)
{
    static const struct {
        const char *address;
        int error;
    } bad[] = {
        {"192.0.2.1", -EADDRNOTAVAIL},
        {"2001:db8::1", -EADDRNOTAVAIL},
        {"localhost", -EINVAL},
        {"127.0.0.1:80", -EINVAL},
        {"[::1]", -EINVAL},
        {"", -EINVAL},
        {"127.0.0.256", -EINVAL},
        {"fe80::1%no-such-interface", -EINVAL},
    };
    struct listener l;

    (void)state;
    assert_int_equal(0, listener_open_any("127.0.0.1", 0, &l));
    assert_string_equal("127.0.0.1", l.address);
    expect_open(connect_v4(l.port));
    assert_true(connect_v6(l.port) < 0);
    listener_close(&l);
    if (listener_open_any("::1", 0, &l) == 0) {
        assert_string_equal("::1", l.address);
        expect_open(connect_v6(l.port));
        assert_int_equal(-ECONNREFUSED, connect_v4(l.port));
        listener_close(&l);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int error = listener_open_any(bad[i].address, 0, &l);
        if (error != bad[i].error && error != -EAFNOSUPPORT) {
            fail_msg("%s: %s", bad[i].address, strerror(-error));
        }
    }
}

/* --- machines that lack one version of the protocol, or permission ------------------------------
 */

int __real_bind(int fd, const struct sockaddr *address, socklen_t size);
int __wrap_bind(int fd, const struct sockaddr *address, socklen_t size);

static int refused_family; /* binds of this fail */
static int refused_error;

int __wrap_bind(int fd, const struct sockaddr *address, socklen_t size)
{
    if (address->sa_family == refused_family) {
        errno = refused_error;
        return -1;
    }
    return __real_bind(fd, address, size);
}

static void test_one_version_is_enough(void **state)
{
    static const int missing[] = {EAFNOSUPPORT, EADDRNOTAVAIL};
    struct listener l[2];

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        refused_error = missing[i];
        refused_family = AF_INET6;
        assert_int_equal(1, listener_open_loopback(0, l));
        assert_string_equal("127.0.0.1", l[0].address);
        listener_close(&l[0]);
        assert_int_equal(0, listener_open_any(NULL, 0, l));
        assert_string_equal("0.0.0.0", l[0].address);
        listener_close(&l[0]);
        refused_family = AF_INET;
        assert_int_equal(1, listener_open_loopback(0, l));
        assert_string_equal("::1", l[0].address);
        assert_true(l[0].port > 0);
        listener_close(&l[0]);
    }
    refused_error = EACCES;
    assert_int_equal(-EACCES, listener_open_loopback(0, l));
    assert_int_equal(-EACCES, listener_open_any("127.0.0.1", 80, l));
    refused_family = AF_INET6;
    assert_int_equal(-EACCES, listener_open_loopback(0, l));
    assert_int_equal(-EACCES, listener_open_any(NULL, 80, l));
    refused_family = AF_UNSPEC;
}

/* --- sockets that are passed --------------------------------------------------------------------
 */

static int listen_plainly(const struct sockaddr *address, socklen_t size)
{
    int fd = socket(address->sa_family, SOCK_STREAM, 0);

    assert_int_equal(0, bind(fd, address, size));
    assert_int_equal(0, listen(fd, 5));
    return fd;
}

static void test_adopt_tcp(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = listen_plainly((struct sockaddr *)&address, sizeof(address));
    struct listener l;
    int on = 0;
    socklen_t size = sizeof(on);

    (void)state;
    assert_int_equal(0, listener_adopt(fd, &l));
    assert_int_equal(fd, l.fd);
    assert_false(l.is_unix);
    assert_string_equal("127.0.0.1", l.address);
    expect_open(connect_v4(l.port));
    assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    assert_int_equal(FD_CLOEXEC, fcntl(fd, F_GETFD));
    assert_int_equal(0, getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &size));
    assert_int_equal(1, on);
    listener_close(&l);
    assert_int_equal(-EBADF, listener_adopt(fd, &l));
}

static void test_adopt_unix(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct listener l;
    struct stat about;

    (void)state;
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    int fd = listen_plainly((struct sockaddr *)&address, sizeof(address));
    assert_int_equal(0, listener_adopt(fd, &l));
    assert_true(l.is_unix);
    assert_string_equal(path, l.address);
    listener_close(&l);
    assert_int_equal(0, lstat(path, &about));
    assert_int_equal(0, unlink(path));

    /* A path that fills its room, and a name that is no path. */
    memset(address.sun_path, 'x', sizeof(address.sun_path));
    address.sun_path[0] = '\0';
    fd = listen_plainly((struct sockaddr *)&address, sizeof(address));
    assert_int_equal(0, listener_adopt(fd, &l));
    assert_int_equal(sizeof(address.sun_path), strlen(l.address));
    assert_memory_equal("@xx", l.address, 3);
    listener_close(&l);
}

static void test_adopt_refuses(void **state)
{
    struct listener l;
    int ends[2];
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    (void)state;
    assert_int_equal(-EINVAL, listener_adopt(fd, &l)); /* it does not listen */
    close(fd);
    fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(-EINVAL, listener_adopt(fd, &l));
    close(fd);
    assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    assert_int_equal(-EINVAL, listener_adopt(ends[0], &l));
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(0, pipe(ends));
    assert_int_equal(-ENOTSOCK, listener_adopt(ends[0], &l));
    assert_int_equal(0, fcntl(ends[0], F_GETFL) & O_NONBLOCK);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loopback_on_one_port),
        cmocka_unit_test(test_taken_port),
        cmocka_unit_test(test_accepted_sockets_inherit),
        cmocka_unit_test(test_all_addresses),
        cmocka_unit_test(test_one_address),
        cmocka_unit_test(test_one_version_is_enough),
        cmocka_unit_test(test_adopt_tcp),
        cmocka_unit_test(test_adopt_unix),
        cmocka_unit_test(test_adopt_refuses),
        cmocka_unit_test(test_unix),
        cmocka_unit_test(test_unix_stale),
        cmocka_unit_test(test_unix_keeps_what_is_not_its_own),
        cmocka_unit_test(test_unix_path_too_long),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}

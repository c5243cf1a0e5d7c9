#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loopback_on_one_port),
        cmocka_unit_test(test_taken_port),
        cmocka_unit_test(test_accepted_sockets_inherit),
        cmocka_unit_test(test_unix),
        cmocka_unit_test(test_unix_stale),
        cmocka_unit_test(test_unix_keeps_what_is_not_its_own),
        cmocka_unit_test(test_unix_path_too_long),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}

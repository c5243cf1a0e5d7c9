#include "unit.h"
#include "valgrind.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "matrix/health.h"

static bool ready(void *owner, struct buf *why)
{
    (void)owner;
    (void)why;
    return true;
}

static void metrics(void *owner, struct buf *out)
{
    (void)owner;
    (void)out;
}

static struct health *listening(void)
{
    const struct health_ports ports = {NULL, ready, metrics};
    struct buf error;

    buf_init(&error, 1000);
    struct health *h = health_new(STR("127.0.0.1:0"), &ports, &error);
    buf_fini(&error);
    assert_non_null(h);
    return h;
}

static int knock(const struct health *h)
{
    struct http_watch watches[HEALTH_WATCHES];
    struct sockaddr_in address;
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    (void)health_watch(h, watches);
    assert_int_equal(getsockname(watches[0].fd, (struct sockaddr *)&address, &len), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, len), 0);
    return fd;
}

/* One turn of the loop; returns how many visitors there are then. */
static size_t turn(struct health *h, uint64_t now_ms, int wait_ms, bool *ret_woke)
{
    struct http_watch watches[HEALTH_WATCHES];
    size_t count = health_watch(h, watches);
    struct pollfd p = {.fd = watches[0].fd, .events = watches[0].events};

    *ret_woke = poll(&p, 1, wait_ms) > 0;
    watches[0].revents = p.revents;
    health_ready(h, watches, count, now_ms);
    return health_watch(h, watches) - 1;
}

/* Who cannot be let in for want of a descriptor does not keep the loop awake, and is let in later.
 */
static void test_no_descriptors(void **state)
{
    (void)state;
    if (under_valgrind()) {
        skip(); /* it emulates RLIMIT_NOFILE */
    }
    struct health *h = listening();
    int fd = knock(h);
    struct rlimit before, none;
    bool woke;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = (rlim_t)fd + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(turn(h, 1000, -1, &woke), 0);
    assert_true(woke);
    assert_int_equal(turn(h, 1000, 0, &woke), 0);
    assert_false(woke);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(health_deadline(h), 2000);
    assert_int_equal(turn(h, 2000, 0, &woke), 0);
    assert_int_equal(health_deadline(h), UINT64_MAX);
    assert_int_equal(turn(h, 2000, -1, &woke), 1);
    (void)close(fd);
    health_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_descriptors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

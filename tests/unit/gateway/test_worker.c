#include "unit.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "gateway/worker.h"

/* A verify that waits at a gate, so that the test decides what happens while it is under way. */
static struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t news;
    bool closed;
    unsigned inside;
    unsigned entered;
} gate = {.mutex = PTHREAD_MUTEX_INITIALIZER, .news = PTHREAD_COND_INITIALIZER};

static int wake_fd;
static atomic_uint loads;

static void pass_gate(void)
{
    pthread_mutex_lock(&gate.mutex);
    gate.inside++;
    gate.entered++;
    pthread_cond_broadcast(&gate.news);
    while (gate.closed) {
        pthread_cond_wait(&gate.news, &gate.mutex);
    }
    gate.inside--;
    pthread_mutex_unlock(&gate.mutex);
}

static void set_gate(bool closed)
{
    pthread_mutex_lock(&gate.mutex);
    gate.closed = closed;
    pthread_cond_broadcast(&gate.news);
    pthread_mutex_unlock(&gate.mutex);
}

/* Waits until somebody has come to the closed gate for the nth time. */
static void wait_entered(unsigned n)
{
    pthread_mutex_lock(&gate.mutex);
    while (gate.entered < n) {
        pthread_cond_wait(&gate.news, &gate.mutex);
    }
    pthread_mutex_unlock(&gate.mutex);
}

static bool verify(const char *hash, struct str password)
{
    pass_gate();
    return str_equal(str_from_z(hash), password);
}

static void *load(void *owner)
{
    pass_gate();
    atomic_fetch_add(&loads, 1);
    return owner;
}

static void wake(void *owner)
{
    const uint64_t one = 1;

    (void)owner;
    assert_int_equal(sizeof(one), write(wake_fd, &one, sizeof(one)));
}

static struct worker *make(void)
{
    struct worker_ports ports = {.owner = &gate, .verify = verify, .load = load, .wake = wake};
    struct worker *w = worker_new(&ports);

    gate.closed = false;
    gate.entered = 0;
    wake_fd = eventfd(0, EFD_CLOEXEC);
    assert_non_null(w);
    return w;
}

static void *end(struct worker *w)
{
    void *loaded = worker_free(w);

    close(wake_fd);
    return loaded;
}

static void wait_result(void)
{
    uint64_t count;

    assert_int_equal(sizeof(count), read(wake_fd, &count, sizeof(count)));
}

/* The next verdict, waited for. */
static void expect_verdict(struct worker *w, uint64_t job, bool right)
{
    uint64_t got;
    bool verdict;

    while (!worker_take_verdict(w, &got, &verdict)) {
        wait_result();
    }
    assert_int_equal(job, got);
    assert_int_equal(right, verdict);
}

static void test_verdicts(void **state)
{
    struct worker *w = make();

    (void)state;
    assert_true(worker_check(w, 1, STR("anything"))); /* while none is set */
    expect_verdict(w, 1, false);
    assert_true(worker_set_password(w, "secret"));
    assert_true(worker_check(w, 2, STR("secret")));
    assert_true(worker_check(w, 3, STR("guess")));
    assert_true(worker_check(w, 4, STR("")));
    expect_verdict(w, 2, true);
    expect_verdict(w, 3, false);
    expect_verdict(w, 4, false);
    assert_null(end(w));
}

static void test_nothing_to_do(void **state)
{
    uint64_t job;
    bool right;
    void *loaded;
    struct worker *w = make();

    (void)state;
    assert_true(worker_set_password(w, "secret"));
    assert_false(worker_take_verdict(w, &job, &right));
    assert_false(worker_take_load(w, &loaded));
    assert_null(end(w));
    assert_null(worker_free(NULL));
}

static void test_full(void **state)
{
    struct worker *w = make();

    (void)state;
    assert_true(worker_set_password(w, "7"));
    set_gate(true);
    for (unsigned i = 0; i < WORKER_PASSWORDS; i++) {
        char text[8];
        (void)snprintf(text, sizeof(text), "%u", i);
        assert_true(worker_check(w, i, str_from_z(text)));
    }
    assert_false(worker_check(w, 99, STR("7")));
    set_gate(false);
    expect_verdict(w, 0, false);
    assert_true(worker_check(w, 100, STR("7")));
    for (unsigned i = 1; i < WORKER_PASSWORDS; i++) {
        expect_verdict(w, i, i == 7);
    }
    expect_verdict(w, 100, true);
    assert_null(end(w));
}

/* The one under way, and one that is done and not taken, are judged by what is set meanwhile. */
static void test_stale_verdicts(void **state)
{
    struct worker *w = make();

    (void)state;
    assert_true(worker_set_password(w, "old"));
    assert_true(worker_check(w, 1, STR("old")));
    assert_true(worker_check(w, 2, STR("new")));
    wait_result();
    wait_entered(2);
    set_gate(true);
    assert_true(worker_check(w, 3, STR("new")));
    assert_true(worker_check(w, 4, STR("old")));
    wait_entered(3);
    assert_true(worker_set_password(w, "new"));
    set_gate(false);
    expect_verdict(w, 1, false);
    expect_verdict(w, 2, true);
    expect_verdict(w, 3, true);
    expect_verdict(w, 4, false);
    assert_true(worker_check(w, 5, STR("new")));
    assert_true(worker_set_password(w, NULL));
    expect_verdict(w, 5, false);
    assert_null(end(w));
}

static void test_load_goes_first(void **state)
{
    struct worker *w = make();
    void *loaded = NULL;
    uint64_t job;
    bool right;

    (void)state;
    assert_true(worker_set_password(w, "x"));
    set_gate(true);
    assert_true(worker_check(w, 1, STR("x")));
    wait_entered(1);
    assert_true(worker_check(w, 2, STR("x")));
    assert_true(worker_load(w));
    assert_false(worker_take_load(w, &loaded));
    set_gate(false);
    expect_verdict(w, 1, true);
    while (!worker_take_load(w, &loaded)) {
        assert_false(worker_take_verdict(w, &job, &right));
        wait_result();
    }
    assert_ptr_equal(&gate, loaded);
    expect_verdict(w, 2, true);
    assert_true(worker_load(w));
    while (!worker_take_load(w, &loaded)) {
        wait_result();
    }
    assert_null(end(w));
}

static void *open_gate(void *arg)
{
    (void)arg;
    set_gate(false);
    return NULL;
}

/* What is under way is waited for, what waits is not done, and a load is given back. */
static void test_freed_while_busy(void **state)
{
    pthread_t thread;
    struct worker *w = make();

    (void)state;
    assert_true(worker_set_password(w, "x"));
    set_gate(true);
    assert_true(worker_check(w, 1, STR("x")));
    assert_true(worker_check(w, 2, STR("x")));
    wait_entered(1);
    assert_int_equal(0, pthread_create(&thread, NULL, open_gate, NULL));
    assert_null(end(w));
    assert_int_equal(0, pthread_join(thread, NULL));
    assert_int_equal(0, gate.inside);

    w = make();
    unsigned before = atomic_load(&loads);
    assert_true(worker_load(w));
    wait_result();
    assert_ptr_equal(&gate, end(w));
    assert_int_equal(before + 1, atomic_load(&loads));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_nothing_to_do),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_stale_verdicts),
        cmocka_unit_test(test_load_goes_first),
        cmocka_unit_test(test_freed_while_busy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

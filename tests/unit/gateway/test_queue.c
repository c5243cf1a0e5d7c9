#include "unit.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "gateway/queue.h"

static struct up_batch *make_up(uint64_t conn)
{
    struct up_batch *b = up_batch_new();

    assert_non_null(b);
    assert_non_null(up_batch_add(b, UP_MESSAGE, conn, STR("text")));
    return b;
}

static struct down_batch *make_down(uint64_t conn)
{
    struct down_batch *b = down_batch_new();

    assert_non_null(b);
    assert_true(down_batch_add(b, &(struct down){.kind = DOWN_CLOSE, .conn = conn}));
    return b;
}

static void test_order_and_return(void **state)
{
    struct queue q;
    struct exchange x = {.full = NULL};

    (void)state;
    assert_true(queue_init(&q));
    assert_null(queue_take_up(&q, NULL));
    for (uint64_t i = 1; i <= 3; i++) {
        x.full = make_up(i);
        queue_exchange(&q, &x);
        assert_null(x.full);
        assert_null(x.spare);
    }
    struct up_batch *list = queue_take_up(&q, NULL);
    assert_int_equal(1, list->items[0].conn);
    assert_int_equal(2, list->next->items[0].conn);
    assert_int_equal(3, list->next->next->items[0].conn);
    assert_null(list->next->next->next);
    struct up_batch *first = list;
    for (struct up_batch *b = list; b != NULL; b = b->next) {
        up_batch_clear(b);
    }
    assert_null(queue_take_up(&q, list));
    /* They come back one at a time. */
    queue_exchange(&q, &x);
    assert_non_null(x.spare);
    assert_ptr_not_equal(first, x.spare);
    struct up_batch *kept = x.spare;
    queue_exchange(&q, &x);
    assert_ptr_equal(kept, x.spare);

    assert_null(queue_send_down(&q, make_down(4)));
    assert_null(queue_send_down(&q, make_down(5)));
    queue_exchange(&q, &x);
    assert_int_equal(4, x.down->items[0].conn);
    assert_int_equal(5, x.down->next->items[0].conn);
    assert_null(x.down->next->next);
    x.used = x.down;
    down_batch_clear(x.used);
    down_batch_clear(x.used->next);
    queue_exchange(&q, &x);
    assert_null(x.down);
    up_batch_free(x.spare);
    struct down_batch *spare = queue_send_down(&q, make_down(6));
    assert_non_null(spare);
    down_batch_free(spare);
    queue_fini(&q);
}

static void test_sockets(void **state)
{
    struct queue q;
    struct exchange x = {.full = NULL};

    (void)state;
    assert_true(queue_init(&q));
    for (unsigned i = 0; i < QUEUE_SOCKETS; i++) {
        assert_true(queue_give_socket(&q, (struct moved_socket){.fd = dup(0), .door = i % 2}));
    }
    assert_false(queue_give_socket(&q, (struct moved_socket){.fd = 0, .door = 0}));
    assert_true(atomic_load(&q.has_down));
    queue_exchange(&q, &x);
    assert_int_equal(QUEUE_SOCKETS, x.socket_count);
    assert_int_equal(1, x.sockets[1].door);
    for (unsigned i = 0; i < QUEUE_SOCKETS; i++) {
        assert_int_equal(0, close(x.sockets[i].fd));
    }
    assert_true(queue_give_socket(&q, (struct moved_socket){.fd = dup(0), .door = 0}));
    queue_fini(&q); /* and closes it */
}

static void test_sleeper(void **state)
{
    struct sleeper s = {false};

    (void)state;
    assert_false(sleeper_must_wake(&s));
    sleeper_lie_down(&s);
    assert_true(sleeper_must_wake(&s));
    assert_false(sleeper_must_wake(&s));
    sleeper_lie_down(&s);
    sleeper_rise(&s);
    assert_false(sleeper_must_wake(&s));
}

/*
 * Two threads that sleep without a time limit whenever there is nothing for them: a wake-up that
 * gets lost hangs the test. The reactor sends numbers, the hub sends each back.
 */
enum { ROUNDS = 20000, AHEAD = 3 };

struct duel {
    struct queue q;
    struct sleeper hub;
    int hub_fd;
    int reactor_fd;
};

static void wake(int fd)
{
    const uint64_t one = 1;

    assert_int_equal(sizeof(one), write(fd, &one, sizeof(one)));
}

static void wait_for(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    uint64_t count;

    assert_int_equal(1, poll(&p, 1, -1));
    assert_int_equal(sizeof(count), read(fd, &count, sizeof(count)));
}

static void *run_hub(void *arg)
{
    struct duel *d = arg;
    struct up_batch *used = NULL;
    struct down_batch *empty = NULL;

    for (uint64_t next = 0; next < ROUNDS;) {
        struct up_batch *list = queue_take_up(&d->q, used);
        used = list;
        if (list == NULL) {
            sleeper_lie_down(&d->hub);
            if (!atomic_load(&d->q.has_up)) {
                wait_for(d->hub_fd);
            }
            sleeper_rise(&d->hub);
            continue;
        }
        for (struct up_batch *b = list; b != NULL; b = b->next) {
            assert_int_equal(next, b->items[0].conn);
            struct down_batch *answer = empty != NULL ? empty : down_batch_new();
            assert_true(down_batch_add(answer, &(struct down){.kind = DOWN_CLOSE, .conn = next}));
            empty = queue_send_down(&d->q, answer);
            if (sleeper_must_wake(&d->q.reactor)) {
                wake(d->reactor_fd);
            }
            next++;
            up_batch_clear(b);
        }
    }
    down_batch_free(empty);
    (void)queue_take_up(&d->q, used);
    return NULL;
}

static void play_reactor(struct duel *d)
{
    struct exchange x = {.full = NULL};
    uint64_t sent = 0;
    uint64_t heard = 0;

    while (heard < ROUNDS) {
        bool talks = sent < ROUNDS && sent < heard + AHEAD;
        if (talks) {
            x.full = x.spare != NULL ? x.spare : up_batch_new();
            x.spare = NULL;
            assert_non_null(up_batch_add(x.full, UP_ALIVE, sent++, STR("")));
        } else {
            sleeper_lie_down(&d->q.reactor);
            if (!atomic_load(&d->q.has_down)) {
                wait_for(d->reactor_fd);
            }
            sleeper_rise(&d->q.reactor);
        }
        queue_exchange(&d->q, &x);
        if (talks && sleeper_must_wake(&d->hub)) {
            wake(d->hub_fd);
        }
        for (struct down_batch *b = x.down; b != NULL; b = b->next) {
            assert_int_equal(heard++, b->items[0].conn);
            down_batch_clear(b);
        }
        x.used = x.down;
    }
    queue_exchange(&d->q, &x);
    up_batch_free(x.spare);
}

static void test_no_wake_up_is_lost(void **state)
{
    struct duel d = {.hub = {false}};
    pthread_t hub;

    (void)state;
    assert_true(queue_init(&d.q));
    d.hub_fd = eventfd(0, EFD_CLOEXEC);
    d.reactor_fd = eventfd(0, EFD_CLOEXEC);
    assert_int_equal(0, pthread_create(&hub, NULL, run_hub, &d));
    play_reactor(&d);
    assert_int_equal(0, pthread_join(hub, NULL));
    queue_fini(&d.q);
    close(d.hub_fd);
    close(d.reactor_fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_and_return),
        cmocka_unit_test(test_sockets),
        cmocka_unit_test(test_sleeper),
        cmocka_unit_test(test_no_wake_up_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

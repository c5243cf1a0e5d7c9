#include "gateway/queue.h"

#include <unistd.h>

bool queue_init(struct queue *q)
{
    *q = (struct queue){.up = NULL};
    q->up_end = &q->up;
    q->down_end = &q->down;
    return pthread_mutex_init(&q->mutex, NULL) == 0;
}

static void free_ups(struct up_batch *list)
{
    while (list != NULL) {
        struct up_batch *next = list->next;
        up_batch_free(list);
        list = next;
    }
}

static void free_downs(struct down_batch *list)
{
    while (list != NULL) {
        struct down_batch *next = list->next;
        down_batch_free(list);
        list = next;
    }
}

void queue_fini(struct queue *q)
{
    free_ups(q->up);
    free_ups(q->spare_up);
    free_downs(q->down);
    free_downs(q->spare_down);
    for (unsigned i = 0; i < q->socket_count; i++) {
        close(q->sockets[i].fd);
    }
    pthread_mutex_destroy(&q->mutex);
}

/* Keeps some of a list of empty batches; returns the others, for the caller to free. */
static struct up_batch *keep_ups(struct queue *q, struct up_batch *list)
{
    while (list != NULL && q->spare_up_count < QUEUE_SPARES) {
        struct up_batch *next = list->next;
        list->next = q->spare_up;
        q->spare_up = list;
        q->spare_up_count++;
        list = next;
    }
    return list;
}

static struct down_batch *keep_downs(struct queue *q, struct down_batch *list)
{
    while (list != NULL && q->spare_down_count < QUEUE_SPARES) {
        struct down_batch *next = list->next;
        list->next = q->spare_down;
        q->spare_down = list;
        q->spare_down_count++;
        list = next;
    }
    return list;
}

static void take_sockets(struct queue *q, struct exchange *x)
{
    x->socket_count = q->socket_count;
    for (unsigned i = 0; i < x->socket_count; i++) {
        x->sockets[i] = q->sockets[i];
    }
    q->socket_count = 0;
}

void queue_exchange(struct queue *q, struct exchange *x)
{
    pthread_mutex_lock(&q->mutex);
    if (x->full != NULL) {
        x->full->next = NULL;
        *q->up_end = x->full;
        q->up_end = &x->full->next;
        atomic_store(&q->has_up, true);
    }
    if (x->spare == NULL && q->spare_up != NULL) {
        x->spare = q->spare_up;
        q->spare_up = x->spare->next;
        q->spare_up_count--;
    }
    x->down = q->down;
    q->down = NULL;
    q->down_end = &q->down;
    struct down_batch *surplus = keep_downs(q, x->used);
    take_sockets(q, x);
    atomic_store(&q->has_down, false);
    pthread_mutex_unlock(&q->mutex);
    x->full = NULL;
    x->used = NULL;
    free_downs(surplus);
}

bool queue_give_socket(struct queue *q, struct moved_socket socket)
{
    pthread_mutex_lock(&q->mutex);
    unsigned count = q->socket_count;
    if (count < QUEUE_SOCKETS) {
        q->sockets[count] = socket;
        q->socket_count = count + 1;
        atomic_store(&q->has_down, true);
    }
    pthread_mutex_unlock(&q->mutex);
    return count < QUEUE_SOCKETS;
}

struct up_batch *queue_take_up(struct queue *q, struct up_batch *used)
{
    if (used == NULL && !atomic_load(&q->has_up)) {
        return NULL;
    }
    pthread_mutex_lock(&q->mutex);
    struct up_batch *full = q->up;
    q->up = NULL;
    q->up_end = &q->up;
    struct up_batch *surplus = keep_ups(q, used);
    atomic_store(&q->has_up, false);
    pthread_mutex_unlock(&q->mutex);
    free_ups(surplus);
    return full;
}

struct down_batch *queue_send_down(struct queue *q, struct down_batch *full)
{
    pthread_mutex_lock(&q->mutex);
    full->next = NULL;
    *q->down_end = full;
    q->down_end = &full->next;
    struct down_batch *spare = q->spare_down;
    if (spare != NULL) {
        q->spare_down = spare->next;
        q->spare_down_count--;
    }
    atomic_store(&q->has_down, true);
    pthread_mutex_unlock(&q->mutex);
    return spare;
}

#include "gateway/worker.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/shared.h"
#include "gateway/thread.h"

/* A stored hash, counted: one that is being used may be replaced meanwhile. */
struct stored {
    struct shared shared;
    char hash[];
};

struct password {
    uint64_t job;
    char *text; /* owned; NULL once it is taken */
    size_t len;
    bool right;
};

enum load { LOAD_NONE, LOAD_WANTED, LOAD_UNDER_WAY, LOAD_DONE };

struct worker {
    struct worker_ports ports;
    pthread_t thread;
    bool started; /* only who hands jobs in looks at it */
    pthread_mutex_t mutex;
    pthread_cond_t news;
    /* All below under the mutex. */
    bool stop;
    struct stored *stored; /* NULL: no password is right */
    uint64_t generation;   /* of `stored` */
    struct password passwords[WORKER_PASSWORDS];
    uint64_t taken; /* these three only grow, but for `done`; an index is one modulo the size */
    uint64_t done;
    uint64_t added;
    enum load load;
    void *loaded; /* LOAD_DONE */
};

static void free_stored(struct shared *shared)
{
    free(shared);
}

static struct password *at(struct worker *w, uint64_t i)
{
    return &w->passwords[i % WORKER_PASSWORDS];
}

static void wipe(struct password *p)
{
    if (p->text != NULL) {
        explicit_bzero(p->text, p->len);
        free(p->text);
        p->text = NULL;
    }
}

static void *come_and_go(void *arg)
{
    return arg;
}

/*
 * When the C library makes a thread, it binds functions of the loader at their first use, and for
 * that the vector registers are put on the stack, where they stay. What was copied last stands in
 * them: by the time when the worker is wanted, perhaps a password. So two threads come before, one
 * with a new stack and one with the stack that it leaves, for which other functions are bound.
 */
static void bind_threads(void)
{
    pthread_t thread;

    for (int i = 0; i < 2 && thread_start(&thread, come_and_go, NULL) == 0; i++) {
        (void)pthread_join(thread, NULL);
    }
}

struct worker *worker_new(const struct worker_ports *ports)
{
    struct worker *w = calloc(1, sizeof(*w));

    if (w == NULL) {
        return NULL;
    }
    w->ports = *ports;
    bind_threads();
    if (pthread_mutex_init(&w->mutex, NULL) != 0) {
        free(w);
        return NULL;
    }
    if (pthread_cond_init(&w->news, NULL) != 0) {
        (void)pthread_mutex_destroy(&w->mutex);
        free(w);
        return NULL;
    }
    return w;
}

void *worker_free(struct worker *w)
{
    if (w == NULL) {
        return NULL;
    }
    if (w->started) {
        (void)pthread_mutex_lock(&w->mutex);
        w->stop = true;
        (void)pthread_cond_signal(&w->news);
        (void)pthread_mutex_unlock(&w->mutex);
        (void)pthread_join(w->thread, NULL);
    }
    for (uint64_t i = w->taken; i < w->added; i++) {
        wipe(at(w, i));
    }
    if (w->stored != NULL) {
        shared_unref(&w->stored->shared);
    }
    void *loaded = w->loaded;
    (void)pthread_cond_destroy(&w->news);
    (void)pthread_mutex_destroy(&w->mutex);
    free(w);
    return loaded;
}

/* --- the thread ------------------------------------------------------------------------------- */

/* Both are called with the mutex locked, and let go of it while they work. */

static void load(struct worker *w)
{
    w->load = LOAD_UNDER_WAY;
    (void)pthread_mutex_unlock(&w->mutex);
    void *loaded = w->ports.load(w->ports.owner);
    (void)pthread_mutex_lock(&w->mutex);
    w->loaded = loaded;
    w->load = LOAD_DONE;
}

/* The password stays where it is: nobody takes one that is not done, and `added` is behind it. */
static void check_next(struct worker *w)
{
    struct password *p = at(w, w->done);
    struct stored *stored = w->stored;
    uint64_t generation = w->generation;
    bool right = false;

    if (stored != NULL) {
        (void)shared_ref(&stored->shared);
        (void)pthread_mutex_unlock(&w->mutex);
        right = w->ports.verify(stored->hash, str_make(p->text, p->len));
        (void)pthread_mutex_lock(&w->mutex);
        shared_unref(&stored->shared);
    }
    if (w->generation == generation) {
        p->right = right;
        w->done++;
    }
}

static void *run(void *arg)
{
    struct worker *w = arg;

    (void)pthread_mutex_lock(&w->mutex);
    while (!w->stop) {
        if (w->load == LOAD_WANTED) {
            load(w);
        } else if (w->done < w->added) {
            check_next(w);
        } else {
            (void)pthread_cond_wait(&w->news, &w->mutex);
            continue;
        }
        (void)pthread_mutex_unlock(&w->mutex);
        w->ports.wake(w->ports.owner);
        (void)pthread_mutex_lock(&w->mutex);
    }
    (void)pthread_mutex_unlock(&w->mutex);
    return NULL;
}

/* --- who hands jobs in ------------------------------------------------------------------------ */

static bool has_thread(struct worker *w)
{
    if (!w->started) {
        w->started = thread_start(&w->thread, run, w) == 0;
    }
    return w->started;
}

bool worker_set_password(struct worker *w, const char *hash)
{
    struct stored *stored = NULL;

    if (hash != NULL) {
        size_t size = strlen(hash) + 1;
        stored = malloc(sizeof(*stored) + size);
        if (stored == NULL) {
            return false;
        }
        shared_init(&stored->shared, free_stored);
        memcpy(stored->hash, hash, size);
    }
    (void)pthread_mutex_lock(&w->mutex);
    struct stored *before = w->stored;
    w->stored = stored;
    w->generation++;
    w->done = w->taken;
    (void)pthread_cond_signal(&w->news);
    (void)pthread_mutex_unlock(&w->mutex);
    if (before != NULL) {
        shared_unref(&before->shared);
    }
    return true;
}

bool worker_check(struct worker *w, uint64_t job, struct str password)
{
    char *text = malloc(password.len + 1);

    if (text == NULL || !has_thread(w)) {
        free(text);
        return false;
    }
    if (password.len > 0) {
        memcpy(text, password.ptr, password.len);
    }
    struct password p = {.job = job, .text = text, .len = password.len};
    (void)pthread_mutex_lock(&w->mutex);
    bool fits = w->added - w->taken < WORKER_PASSWORDS;
    if (fits) {
        *at(w, w->added++) = p;
        (void)pthread_cond_signal(&w->news);
    }
    (void)pthread_mutex_unlock(&w->mutex);
    if (!fits) {
        wipe(&p);
    }
    return fits;
}

bool worker_take_verdict(struct worker *w, uint64_t *ret_job, bool *ret_right)
{
    (void)pthread_mutex_lock(&w->mutex);
    bool found = w->taken < w->done;
    if (found) {
        struct password *p = at(w, w->taken++);
        *ret_job = p->job;
        *ret_right = p->right;
        wipe(p);
    }
    (void)pthread_mutex_unlock(&w->mutex);
    return found;
}

bool worker_load(struct worker *w)
{
    if (!has_thread(w)) {
        return false;
    }
    (void)pthread_mutex_lock(&w->mutex);
    assert(w->load == LOAD_NONE);
    w->load = LOAD_WANTED;
    (void)pthread_cond_signal(&w->news);
    (void)pthread_mutex_unlock(&w->mutex);
    return true;
}

bool worker_take_load(struct worker *w, void **ret_loaded)
{
    (void)pthread_mutex_lock(&w->mutex);
    bool found = w->load == LOAD_DONE;
    if (found) {
        *ret_loaded = w->loaded;
        w->loaded = NULL;
        w->load = LOAD_NONE;
    }
    (void)pthread_mutex_unlock(&w->mutex);
    return found;
}

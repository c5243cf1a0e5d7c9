/*
 * A gateway whose credentials somebody else knows: a directory, asked over a network, say. Here it
 * is a thread that takes its time, so that the answer comes later; the gateway goes on meanwhile.
 *
 *     login [PORT]
 *
 * The tokens are NAME.secret: whoever shows `ann.secret` is `ann`, and may register the agent
 * `ann`. `root.secret` may everything. All others are refused.
 */

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <parley/parley.h>

enum { NAME_SIZE = 64 };

/* A question to the directory, and its answer. */
struct lookup {
    uint64_t login;
    char name[NAME_SIZE]; /* empty: nobody */
};

static struct parley *running;
static atomic_uint lookups; /* under way */

static void on_signal(int number)
{
    (void)number;
    parley_stop(running); /* may be called here. NOLINT(bugprone-signal-handler,cert-sig30-c) */
}

/* Back where the gateway runs. */
static void decide(struct parley *p, void *ctx)
{
    struct lookup *l = ctx;
    bool is_root = strcmp(l->name, "root") == 0;
    struct parley_identity who = {
        .name = parley_text(l->name),
        .agent_id = parley_text(is_root ? "" : l->name),
        .publish = parley_text("*"),
        .sessions = parley_text("*"),
        .act_as = parley_text(is_root ? "*" : ""),
        .broadcast = is_root,
        .admin = is_root,
    };

    /* Who asked may have gone meanwhile: PARLEY_NOT_FOUND, and nothing is to be done. */
    if (l->name[0] == '\0' || parley_accept(p, l->login, &who) == PARLEY_INVALID) {
        (void)parley_refuse(p, l->login);
    }
    free(l);
}

/* The directory, in a thread of its own. */
static void *look_up(void *ctx)
{
    struct lookup *l = ctx;
    struct timespec a_while = {0, 20 * 1000 * 1000};

    (void)nanosleep(&a_while, NULL);
    if (parley_post(running, decide, l) != PARLEY_OK) {
        free(l); /* the login is refused in time */
    }
    lookups--;
    return NULL;
}

/* The name in NAME.secret, or nothing. */
static void read_token(struct parley_text token, char name[NAME_SIZE])
{
    static const char ending[] = ".secret";
    size_t len = sizeof(ending) - 1;

    name[0] = '\0';
    if (token.len > len && token.len - len < NAME_SIZE &&
        memcmp(token.ptr + token.len - len, ending, len) == 0) {
        memcpy(name, token.ptr, token.len - len);
        name[token.len - len] = '\0';
    }
}

static void on_login(struct parley *p, const struct parley_login *login, void *ctx)
{
    struct lookup *l = calloc(1, sizeof(*l));
    pthread_t thread;

    (void)ctx;
    if (l != NULL) {
        l->login = login->id;
        read_token(login->secret, l->name);
    }
    lookups++;
    if (l == NULL || pthread_create(&thread, NULL, look_up, l) != 0) {
        lookups--;
        (void)parley_refuse(p, login->id); /* now, which is as good as later */
        free(l);
        return;
    }
    (void)pthread_detach(thread);
}

static void on_started(struct parley *p, void *ctx)
{
    (void)ctx;
    printf("ws://127.0.0.1:%u/ws\n", (unsigned)parley_port(p));
    (void)fflush(stdout);
}

int main(int argc, char **argv)
{
    static const struct parley_events events = {.started = on_started};
    struct parley_options *options = parley_options_new();
    char *error = NULL;

    if (options == NULL ||
        parley_options_set(options, "listen.port", argc > 1 ? argv[1] : "8765") != PARLEY_OK) {
        return 1;
    }
    parley_options_events(options, &events, NULL);
    parley_options_authenticate(options, on_login, NULL);
    running = parley_new(options, &error);
    parley_options_free(options);
    if (running == NULL) {
        (void)fprintf(stderr, "login: %s\n", error != NULL ? error : "out of memory");
        free(error);
        return 1;
    }
    (void)signal(SIGTERM, on_signal);
    (void)signal(SIGINT, on_signal);
    int code = parley_run(running) == PARLEY_OK ? 0 : 1;
    while (lookups > 0) { /* they post to it still */
        (void)sched_yield();
    }
    parley_free(running);
    return code;
}

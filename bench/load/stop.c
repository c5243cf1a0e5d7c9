#include "special.h"

#include "traffic.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* A delivery is late when it comes so long after its message was due. */
static const uint64_t late_ns = UINT64_C(10000000);

/* The server goes on whatever happens to us. */
static volatile sig_atomic_t stopped_pid;

static void let_go_on(int number)
{
    pid_t pid = (pid_t)stopped_pid;
    if (pid > 0) {
        (void)kill(pid, SIGCONT);
    }
    _exit(128 + number);
}

/*
 *            stop_at             go_on_at
 *   WAITING ---------> STOPPED -----------> OVER
 */
enum stop_state { STOP_WAITING, STOP_STOPPED, STOP_OVER };

struct stopper {
    enum stop_state state;
    pid_t pid;
    uint64_t pause_ns;
    uint64_t until_ns;   /* when the next state is due */
    uint64_t go_on_ns;   /* when the server went on */
    uint64_t lag_ns;     /* the greatest delay of a delivery since it was stopped */
    uint64_t late_at_ns; /* when the last late one came */
};

static void change_state(struct stopper *s)
{
    if (s->state == STOP_WAITING) {
        stopped_pid = s->pid;
        (void)kill(s->pid, SIGSTOP);
        s->state = STOP_STOPPED;
        s->until_ns = gauge_now_ns() + s->pause_ns;
    } else {
        (void)kill(s->pid, SIGCONT);
        stopped_pid = 0;
        s->state = STOP_OVER;
        s->until_ns = UINT64_MAX;
        s->go_on_ns = gauge_now_ns();
    }
}

static uint64_t on_turn(void *context, uint64_t now_ns)
{
    struct stopper *s = context;
    if (now_ns >= s->until_ns) {
        change_state(s);
    }
    return s->until_ns;
}

static void on_delivery(void *context, uint64_t now_ns, uint64_t took_ns)
{
    struct stopper *s = context;
    if (s->state == STOP_WAITING) {
        return;
    }
    if (took_ns > s->lag_ns) {
        s->lag_ns = took_ns;
    }
    if (took_ns > late_ns) {
        s->late_at_ns = now_ns;
    }
}

static bool run(struct traffic *t, struct stopper *s)
{
    const struct load_options *o = t->options;
    t->on_turn = on_turn;
    t->on_delivery = on_delivery;
    t->context = s;
    double before = o->messages != 0 ? (double)o->messages / o->rate : o->seconds;
    s->until_ns = gauge_now_ns() + (uint64_t)((o->warmup_seconds + before / 3) * 1e9);
    bool ok = traffic_measure(t);
    if (s->state != STOP_OVER) {
        (void)kill(s->pid, SIGCONT);
        return ok && swarm_fail(&t->swarm, "the load ended before the server was stopped and "
                                           "went on; give it more --seconds");
    }
    t->result.lag_ns = s->lag_ns;
    t->result.recovered_ns = s->late_at_ns > s->go_on_ns ? s->late_at_ns - s->go_on_ns : 0;
    return ok;
}

bool stop_run(const struct load_options *o, struct load_result *ret_result, char *error)
{
    struct traffic *t = calloc(1, sizeof(*t));
    struct stopper s = {.pid = o->pid, .pause_ns = (uint64_t)o->pause_ms * 1000000u};
    struct sigaction action = {.sa_handler = let_go_on};
    if (t == NULL || kill(o->pid, 0) != 0) {
        (void)snprintf(error, LOAD_ERROR_SIZE, "--pid is no process that we may stop");
        free(t);
        return false;
    }
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGHUP, &action, NULL);
    bool ok = traffic_init(t, o) && run(t, &s);
    *ret_result = t->result;
    memcpy(error, t->error, LOAD_ERROR_SIZE);
    traffic_fini(t);
    free(t);
    return ok;
}

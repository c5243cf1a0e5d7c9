#include "special.h"

#include "traffic.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    PROBES_A_SECOND = 500,
    CROWD_NICE = 10,
};

/* What the crowd tells at its end. */
struct crowd_report {
    bool ok;
    struct load_result result;
    char error[LOAD_ERROR_SIZE];
};

struct crowd {
    pid_t pid;
    int stop; /* closing it ends the crowd */
    int news; /* a byte when it is there, at the end a struct crowd_report */
};

static bool write_all(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;
    while (len > 0) {
        ssize_t written = write(fd, at, len);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        at += written > 0 ? written : 0;
        len -= written > 0 ? (size_t)written : 0;
    }
    return true;
}

static bool read_all(int fd, void *bytes, size_t len)
{
    char *at = bytes;
    while (len > 0) {
        ssize_t got = read(fd, at, len);
        if (got == 0 || (got < 0 && errno != EINTR)) {
            return false;
        }
        at += got > 0 ? got : 0;
        len -= got > 0 ? (size_t)got : 0;
    }
    return true;
}

/* The fan-out, until it is told to stop. Never returns. */
static void be_crowd(const struct load_options *o, int stop, int news)
{
    struct load_options own = *o;
    struct crowd_report report = {0};
    struct traffic *t = calloc(1, sizeof(*t));
    own.mode = LOAD_FANOUT;
    own.pid = 0;
    own.warmup_seconds = 0;
    own.messages = UINT32_MAX;
    own.stop_fd = stop;
    (void)setpriority(PRIO_PROCESS, 0, CROWD_NICE);
    if (t != NULL) {
        report.ok = traffic_init(t, &own) && write_all(news, "+", 1) && traffic_measure(t);
        report.result = t->result;
        memcpy(report.error, t->error, sizeof(report.error));
    }
    (void)write_all(news, "-", 1);
    (void)write_all(news, &report, sizeof(report));
    _exit(0);
}

static bool start_crowd(struct crowd *c, const struct load_options *o, char *error)
{
    int stop[2], news[2];
    if (pipe(stop) != 0) {
        (void)snprintf(error, LOAD_ERROR_SIZE, "no pipe: %s", strerror(errno));
        return false;
    }
    if (pipe(news) != 0 || (c->pid = fork()) < 0) {
        (void)snprintf(error, LOAD_ERROR_SIZE, "no process for the crowd: %s", strerror(errno));
        close(stop[0]);
        close(stop[1]);
        return false;
    }
    if (c->pid == 0) {
        close(stop[1]);
        close(news[0]);
        be_crowd(o, stop[0], news[1]);
    }
    close(stop[0]);
    close(news[1]);
    c->stop = stop[1];
    c->news = news[0];
    return true;
}

/* Takes what the crowd says at its end. */
static bool end_crowd(struct crowd *c, bool running, struct crowd_report *report)
{
    char mark = '-';
    bool ok = (!running || read_all(c->news, &mark, 1)) && mark == '-' &&
              read_all(c->news, report, sizeof(*report));
    close(c->news);
    (void)waitpid(c->pid, NULL, 0);
    return ok;
}

/*
 * On their CPU the probe goes before the crowd, or what is measured is how long the crowd reads:
 * before everything, where the system allows us that, and else by the crowd's own niceness.
 */
static void go_first(void)
{
    const struct sched_param priority = {.sched_priority = 1};
    (void)sched_setscheduler(0, SCHED_FIFO, &priority);
}

/* The pair, in a session of its own. */
static bool run_probe(const struct load_options *o, struct load_result *ret_result, char *error)
{
    struct load_options own = *o;
    own.mode = LOAD_PAIRS;
    own.clients = 2;
    own.rate = PROBES_A_SECOND;
    own.prefix = "probe";
    own.first_session = LOAD_MAX_CLIENTS;
    go_first();
    return traffic_run(&own, ret_result, error);
}

static void add_crowd(struct load_result *result, const struct load_result *crowd)
{
    result->probed = result->deliveries;
    result->messages += crowd->messages;
    result->deliveries += crowd->deliveries;
    result->wrong += crowd->wrong;
    result->missing += crowd->missing;
    result->others += crowd->others;
}

bool probe_run(const struct load_options *o, struct load_result *ret_result, char *error)
{
    struct crowd crowd;
    struct crowd_report report = {0};
    char mark = '-';
    if (!start_crowd(&crowd, o, error)) {
        return false;
    }
    bool running = read_all(crowd.news, &mark, 1) && mark == '+';
    bool ok = running && run_probe(o, ret_result, error);
    close(crowd.stop);
    bool told = end_crowd(&crowd, running, &report);
    if (!told || !report.ok) {
        (void)snprintf(error, LOAD_ERROR_SIZE, "the crowd: %.200s",
                       told ? report.error : "its process has ended");
        return false;
    }
    add_crowd(ret_result, &report.result);
    return ok;
}

#include "cli/agent.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "cli/print.h"
#include "cli/socket.h"
#include "json/reader.h"

enum { MAX_TEXT = 4096, MAX_REQUEST = REMOTE_MAX_MESSAGE };

static const char too_much[] = "the program printed more than the gateway takes in one message";

bool errands_init(struct agent *a)
{
    size_t count = (size_t)a->options.concurrency * 2;

    a->errands = calloc(count, sizeof(*a->errands));
    a->errand_count = a->errands != NULL ? count : 0;
    return a->errands != NULL;
}

/* --- the states ------------------------------------------------------------------------------- */

static void errand_fini(struct errand *errand)
{
    child_fini(&errand->child);
    output_fini(&errand->output);
    buf_fini(&errand->id);
    buf_fini(&errand->capability);
    buf_fini(&errand->source);
    buf_fini(&errand->request);
}

/* All changes of state, by the table in agent.h. */
static void errand_become(struct errand *errand, enum errand_state state, int64_t deadline)
{
    errand->state = state;
    errand->deadline = deadline;
    if (state == ERRAND_FREE) {
        errand_fini(errand);
    } else if (state == ERRAND_STOPPING) {
        child_signal(&errand->child, SIGTERM);
    }
}

void errands_fini(struct agent *a)
{
    for (size_t i = 0; i < a->errand_count; i++) {
        if (a->errands[i].state != ERRAND_FREE) {
            errand_become(&a->errands[i], ERRAND_FREE, SOCKET_FOREVER);
        }
    }
    free(a->errands);
    a->errands = NULL;
}

/* It is over for the asker; what runs is ended. */
static void errand_stop(struct errand *errand)
{
    if (errand->state == ERRAND_RUNNING) {
        errand_become(errand, ERRAND_STOPPING, socket_now_ms() + AGENT_KILL_MS);
    } else if (errand->state == ERRAND_WAITING) {
        errand_become(errand, ERRAND_FREE, SOCKET_FOREVER);
    }
}

static void errand_fail(struct agent *a, struct errand *errand, const char *code,
                        const char *sentence)
{
    const struct failure failure = {.code = code, .sentence = str_from_z(sentence)};

    answer_failure(a, errand, &failure);
    errand_stop(errand);
}

size_t errands_open(const struct agent *a)
{
    size_t count = 0;

    for (size_t i = 0; i < a->errand_count; i++) {
        count += a->errands[i].state != ERRAND_FREE;
    }
    return count;
}

size_t errands_running(const struct agent *a)
{
    size_t count = 0;

    for (size_t i = 0; i < a->errand_count; i++) {
        count += a->errands[i].state == ERRAND_RUNNING || a->errands[i].state == ERRAND_STOPPING;
    }
    return count;
}

/* --- coming and going ------------------------------------------------------------------------- */

static struct errand *find_free(struct agent *a)
{
    for (size_t i = 0; i < a->errand_count; i++) {
        if (a->errands[i].state == ERRAND_FREE) {
            return &a->errands[i];
        }
    }
    return NULL;
}

static size_t longest_answer(const struct agent *a)
{
    return a->max_frame > AGENT_ENVELOPE_BYTES ? a->max_frame - AGENT_ENVELOPE_BYTES : 0;
}

void errand_accept(struct agent *a, const struct envelope *e, bool chat, struct str request)
{
    struct errand *errand = find_free(a);
    struct errand none = {.chat = chat};
    bool full = errand == NULL;

    errand = full ? &none : errand;
    /* What it has chosen somebody for has the gateway's deadline; nobody else can give it one. */
    *errand = (struct errand){.chat = chat,
                              .is_direct = chat && json_get(e->text, STR("deadline")).len == 0,
                              .number = a->requests++};
    child_init(&errand->child);
    output_init(&errand->output, longest_answer(a));
    buf_init(&errand->id, MAX_TEXT);
    buf_append_str(&errand->id, e->id);
    program_keep_text(&errand->source, json_get(e->text, STR("source")));
    program_keep_text(&errand->capability,
                      chat ? STR("\"chat\"") : json_get(e->payload, STR("capability")));
    buf_init(&errand->request, MAX_REQUEST);
    print_raw_message(&errand->request, request, false);
    buf_append_char(&errand->request, '\n');
    errand_become(errand, ERRAND_WAITING, SOCKET_FOREVER);
    if (full && errand->is_direct && link_holds_back(a)) {
        /* Whoever likes may send these, faster than they can be refused. */
        errand_become(errand, ERRAND_FREE, SOCKET_FOREVER);
    } else if (full || errand->request.failed || errand->id.failed) {
        errand_fail(a, errand, "LIMIT_REACHED", "the agent has more requests than it asked for");
    }
}

void errand_cancel(struct agent *a, struct str id)
{
    for (size_t i = 0; i < a->errand_count; i++) {
        struct errand *errand = &a->errands[i];
        if (errand->state != ERRAND_FREE && json_string_equal(buf_str(&errand->id), id)) {
            errand_stop(errand);
        }
    }
}

void errand_dropped(struct agent *a, uint64_t number)
{
    for (size_t i = 0; i < a->errand_count; i++) {
        struct errand *errand = &a->errands[i];
        if (errand->state == ERRAND_RUNNING && errand->number == number) {
            errand_fail(a, errand, "HANDLER_ERROR",
                        "a part of the answer is lost: it was above the gateway's limits.rate");
        }
    }
}

void errands_drop(struct agent *a)
{
    for (size_t i = 0; i < a->errand_count; i++) {
        errand_stop(&a->errands[i]);
    }
}

/* --- starting --------------------------------------------------------------------------------- */

static void errand_start(struct agent *a, struct errand *errand, int64_t now)
{
    struct buf error;

    buf_init(&error, MAX_TEXT);
    if (program_start(a, errand, &error)) {
        buf_fini(&errand->request);
        errand_become(errand, ERRAND_RUNNING,
                      a->options.timeout_ms > 0 ? now + a->options.timeout_ms : SOCKET_FOREVER);
        child_give(&errand->child);
    } else {
        const struct failure failure = {.code = "HANDLER_ERROR", .sentence = buf_str(&error)};
        answer_failure(a, errand, &failure);
        complain("%.*s", STR_ARG(buf_str(&error)));
        errand_become(errand, ERRAND_FREE, SOCKET_FOREVER);
    }
    buf_fini(&error);
}

/* --- running ---------------------------------------------------------------------------------- */

/* Its program has ended, and all that it printed is here: it waits for the gateway alone. */
static bool is_whole(const struct agent *a, const struct errand *errand)
{
    return errand->state == ERRAND_RUNNING && !a->options.stream && errand->child.pid == 0 &&
           errand->child.out < 0;
}

/* The program has ended, and all that it printed is here. */
static void errand_answer(struct agent *a, struct errand *errand)
{
    int status = errand->child.status;
    struct str whole = output_whole(&errand->output);

    program_pass_turn(a, errand);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        const struct failure failure = {
            .code = "HANDLER_ERROR",
            .sentence = WIFEXITED(status) ? STR("the program failed")
                                          : STR("the program was ended by a signal"),
            .ended = errand,
        };
        answer_failure(a, errand, &failure);
    } else if (!answer_end(a, errand, a->options.stream ? NULL : &whole)) {
        errand_fail(a, errand, "HANDLER_ERROR", too_much);
    }
    errand_become(errand, ERRAND_FREE, SOCKET_FOREVER);
}

void errands_stop(struct agent *a, bool at_once, const char *code, const char *sentence)
{
    for (size_t i = 0; i < a->errand_count; i++) {
        struct errand *errand = &a->errands[i];
        if (is_whole(a, errand)) {
            if (at_once) {
                errand_answer(a, errand);
            }
        } else if (errand->state == ERRAND_RUNNING || errand->state == ERRAND_WAITING) {
            errand_fail(a, errand, code, sentence);
        }
    }
}

void errand_pump(struct agent *a, struct errand *errand)
{
    if (errand->state == ERRAND_RUNNING || errand->state == ERRAND_STOPPING) {
        child_give(&errand->child);
    }
    if (errand->state == ERRAND_RUNNING) {
        enum heard heard = program_hear(a, errand);
        if (heard == HEARD_TOO_MUCH) {
            errand_fail(a, errand, "HANDLER_ERROR", too_much);
        } else if (heard == HEARD_ALL && errand->child.pid == 0 && !link_holds_back(a)) {
            errand_answer(a, errand);
        }
    } else if (errand->state == ERRAND_STOPPING) {
        program_pass(errand);
    }
}

static void errand_turn(struct agent *a, struct errand *errand, int64_t now, bool ended)
{
    if (errand->state != ERRAND_RUNNING && errand->state != ERRAND_STOPPING) {
        return;
    }
    bool resumes = errand->resume_at > 0 && now >= errand->resume_at;
    bool has_ended = errand->child.pid == 0 || (ended && child_reap(&errand->child));
    if (has_ended && errand->state == ERRAND_RUNNING) {
        errand->deadline = SOCKET_FOREVER; /* what it printed may have to wait */
    }
    if (has_ended || resumes) {
        errand_pump(a, errand);
    }
    if (errand->state == ERRAND_STOPPING && errand->child.pid == 0) {
        errand_become(errand, ERRAND_FREE, SOCKET_FOREVER);
    } else if (errand->state == ERRAND_RUNNING && now >= errand->deadline) {
        errand_fail(a, errand, "HANDLER_ERROR", "the program took longer than it may");
    } else if (errand->state == ERRAND_STOPPING && now >= errand->deadline) {
        child_signal(&errand->child, SIGKILL);
        errand->deadline = SOCKET_FOREVER;
    }
}

static struct errand *next_waiting(struct agent *a)
{
    struct errand *next = NULL;

    for (size_t i = 0; i < a->errand_count; i++) {
        struct errand *errand = &a->errands[i];
        if (errand->state == ERRAND_WAITING && (next == NULL || errand->number < next->number)) {
            next = errand;
        }
    }
    return next;
}

void errands_turn(struct agent *a, int64_t now, bool ended)
{
    struct errand *next;
    size_t first = a->first_errand;

    for (size_t i = 0; i < a->errand_count; i++) {
        errand_turn(a, &a->errands[(first + i) % a->errand_count], now, ended);
    }
    while (errands_running(a) < a->options.concurrency && (next = next_waiting(a)) != NULL) {
        errand_start(a, next, now);
    }
}

int64_t errands_deadline(const struct agent *a)
{
    int64_t next = SOCKET_FOREVER;

    for (size_t i = 0; i < a->errand_count; i++) {
        const struct errand *errand = &a->errands[i];
        if (errand->state == ERRAND_RUNNING && errand->child.pid == 0 &&
            program_may_speak(a, errand)) {
            /* It has ended, and the rest of what it printed can be read on at once. */
            return 0;
        }
        if (errand->state == ERRAND_RUNNING && errand->resume_at > 0 && link_has_room(a)) {
            next = errand->resume_at < next ? errand->resume_at : next;
        }
        if (errand->state != ERRAND_FREE && errand->deadline < next) {
            next = errand->deadline;
        }
    }
    return next;
}

#include "matrix/agent_http.h"

#include <stdlib.h>

#include "json/reader.h"

enum {
    LINGER_MS = 1000, /* for a request whose turn is over */
    PROBE_MS = 10000,
    SLACK_MS = 1000, /* the deadline of a turn comes before that of its request */
    MAX_FIELD = 1024 * 1024,
};

/* --- whether it is there ---------------------------------------------------------------------- */

static void reach(struct agent *a, bool is_reachable, const char *sentence)
{
    if (a->reached != (int)is_reachable) {
        a->reached = is_reachable;
        a->ports.reachable(a->ports.owner, is_reachable, sentence);
    }
}

/* What a response means, for people; NULL: it is a success. */
static const char *sentence_of(const struct http_response *response)
{
    if (response->error == HTTP_NO_MEMORY) {
        return "the bridge is out of memory";
    }
    if (response->error == HTTP_TLS) {
        return "its certificate is not to be believed";
    }
    if (response->error == HTTP_CUT) {
        return "it ended the connection";
    }
    if (response->error == HTTP_TIMEOUT) {
        return "it does not answer";
    }
    if (response->error == HTTP_TOO_LARGE) {
        return "its answer is too long";
    }
    if (response->error == HTTP_UNREACHABLE) {
        return "nobody answers there";
    }
    switch (response->status) {
    case 401:
    case 403:
        return "it does not accept the key of this bridge";
    case 404:
        return "it knows no such session or model";
    case 429:
        return "it has too much to do";
    default:
        return response->status / 100 == 2   ? NULL
               : response->status / 100 == 5 ? "it has a fault of its own"
                                             : "it refused the request";
    }
}

/* Whether doing it again may help. */
static bool can_pass(const struct http_response *response)
{
    return response->error == HTTP_UNREACHABLE || response->error == HTTP_CUT ||
           response->error == HTTP_TIMEOUT || response->error == HTTP_NO_MEMORY ||
           (response->error == HTTP_OK && (response->status / 100 == 5 || response->status == 429 ||
                                           response->status == 408 || response->status == 425));
}

/* Also by an answer that refuses, or is too long to be read: whoever says it is there. The key is
 * not for people to mend. */
static void learn(struct agent *a, const struct http_response *response)
{
    const char *sentence = sentence_of(response);
    bool is_away = (response->error != HTTP_OK && response->error != HTTP_TOO_LARGE) ||
                   response->status / 100 == 5 || response->status == 401 ||
                   response->status == 403;

    if (response->error != HTTP_NO_MEMORY) {
        reach(a, !is_away, is_away && sentence != NULL ? sentence : "");
    }
}

/* --- turns ------------------------------------------------------------------------------------ */

static void free_turn(struct agent_turn *t)
{
    struct buf *const bufs[] = {&t->key,     &t->name,       &t->session, &t->model, &t->question,
                                &t->history, &t->message_id, &t->text,    &t->body};

    list_remove(&t->link);
    if (t->call != NULL) {
        http_cancel(t->call);
    }
    for (size_t i = 0; i < sizeof(bufs) / sizeof(bufs[0]); i++) {
        buf_fini(bufs[i]);
    }
    sse_fini(&t->sse);
    free(t);
}

static bool fill(struct agent_turn *t, const struct bridge_action *action)
{
    const struct agent_settings *s = &t->agent->settings;
    const struct {
        struct buf *to;
        struct str from;
    } copies[] = {
        {&t->key, action->idempotency_key},
        {&t->name, action->session_name},
        {&t->session, action->session_id},
        {&t->model, action->model.len > 0 ? action->model : s->model},
        {&t->question, action->question},
        {&t->history, action->history},
    };

    for (size_t i = 0; i < sizeof(copies) / sizeof(copies[0]); i++) {
        buf_init(copies[i].to, copies[i].from.len);
        buf_append_str(copies[i].to, copies[i].from);
        if (copies[i].to->failed) {
            return false;
        }
    }
    buf_init(&t->message_id, AGENT_MAX_SMALL);
    buf_init(&t->text, s->max_answer_bytes);
    buf_init(&t->body, s->max_answer_bytes + MAX_FIELD);
    return true;
}

bool agent_http_ask(struct agent *a, const struct bridge_action *action)
{
    struct agent_turn *t = calloc(1, sizeof(*t));

    if (t == NULL) {
        return false;
    }
    list_append(&a->turns, &t->link);
    t->agent = a;
    t->turn = action->turn;
    t->deadline_ms = a->now_ms + a->settings.timeout_ms;
    t->due_ms = UINT64_MAX;
    if (!fill(t, action) || !a->kind->step(t)) {
        free_turn(t);
        return false;
    }
    return true;
}

void agent_http_stop(struct agent *a, uint64_t turn)
{
    list_each_safe(link, &a->turns) {
        struct agent_turn *t = list_entry(link, struct agent_turn, link);
        if (t->turn == turn && !t->over) {
            free_turn(t);
        }
    }
}

void agent_end(struct agent_turn *t, enum bridge_failure failure, const char *sentence)
{
    struct agent *a = t->agent;

    t->over = true;
    t->due_ms = a->now_ms + LINGER_MS;
    a->ports.answered(a->ports.owner, t->turn, buf_str(&t->text), failure, str_from_z(sentence));
    if (t->call == NULL) {
        free_turn(t);
    }
}

void agent_next(struct agent_turn *t, int step, uint64_t wait_ms)
{
    t->step = step;
    t->failures = 0;
    t->failed_ms = 0;
    t->due_ms = t->agent->now_ms + wait_ms;
}

void agent_again(struct agent_turn *t, const char *sentence, int64_t wait_ms)
{
    uint64_t now = t->agent->now_ms;
    uint64_t wait = agent_backoff(t->failures);

    if (t->failures++ == 0) {
        t->failed_ms = now;
    }
    t->trouble = sentence;
    if (wait_ms > 0) {
        wait = (uint64_t)wait_ms;
    }
    if (now + wait >= t->failed_ms + AGENT_AWAY_MS || now + wait >= t->deadline_ms) {
        agent_end(t, FAILURE_AWAY, sentence);
        return;
    }
    t->due_ms = now + wait;
}

/* --- requests --------------------------------------------------------------------------------- */

static void judge(struct agent_turn *t, const struct http_response *response)
{
    const char *sentence = sentence_of(response);

    if (sentence == NULL) {
        t->agent->kind->take(t, response);
    } else if (t->text.len > 0 && t->finished) {
        agent_end(t, FAILURE_NONE, "");
    } else if (t->text.len > 0 && t->streams) {
        agent_end(t, response->error == HTTP_TIMEOUT ? FAILURE_TIMEOUT : FAILURE_BROKEN, sentence);
    } else if (can_pass(response)) {
        agent_again(t, sentence, response->retry_after_ms);
    } else {
        agent_end(t,
                  response->error == HTTP_OK    ? FAILURE_REFUSED
                  : response->error == HTTP_TLS ? FAILURE_AWAY
                                                : FAILURE_BROKEN,
                  sentence);
    }
}

static void end_request(void *owner, const struct http_response *response)
{
    struct agent_turn *t = owner;

    t->call = NULL;
    learn(t->agent, response);
    if (t->over) {
        free_turn(t);
    } else {
        judge(t, response);
    }
}

bool agent_send(struct agent_turn *t, struct str path, const struct buf *body,
                void (*part)(void *owner, struct str bytes))
{
    struct agent *a = t->agent;
    struct buf url;
    uint64_t left = t->deadline_ms > a->now_ms ? t->deadline_ms - a->now_ms : 0;

    buf_init(&url, AGENT_MAX_SMALL);
    buf_append_str(&url, a->settings.base_url);
    buf_append_str(&url, path);
    t->due_ms = UINT64_MAX;
    if (!url.failed && (body == NULL || !body->failed)) {
        t->call = http_start(
            a->http, &(struct http_request){
                         .method = body != NULL ? "POST" : "GET",
                         .url = buf_str(&url),
                         .bearer = a->settings.api_key,
                         .content_type = body != NULL ? STR("application/json") : STR(""),
                         .body = body != NULL ? buf_str(body) : STR(""),
                         .timeout_ms = left + SLACK_MS,
                         .max_body = part != NULL ? 32 * a->settings.max_answer_bytes + MAX_FIELD
                                                  : a->settings.max_answer_bytes + MAX_FIELD,
                         .owner = t,
                         .part = part,
                         .done = end_request,
                     });
    }
    buf_fini(&url);
    return t->call != NULL;
}

/* --- the rest of the adapter ------------------------------------------------------------------ */

struct agent *agent_http_new(const struct agent_http *kind, const struct agent_settings *settings,
                             const struct agent_ports *ports, struct http_client *http,
                             struct bridge_time now)
{
    struct agent *a = calloc(1, sizeof(*a));

    if (a == NULL) {
        return NULL;
    }
    *a = (struct agent){
        .kind = kind, .ports = *ports, .http = http, .now_ms = now.mono_ms, .reached = -1};
    list_init(&a->turns);
    if (!agent_settings_keep(&a->settings, settings, &a->texts)) {
        agent_http_free(a);
        return NULL;
    }
    return a;
}

void agent_http_free(struct agent *a)
{
    if (a == NULL) {
        return;
    }
    while (!list_empty(&a->turns)) {
        free_turn(list_entry(a->turns.next, struct agent_turn, link));
    }
    if (a->probe != NULL) {
        http_cancel(a->probe);
    }
    buf_fini(&a->texts);
    free(a);
}

/* The deadline of a turn that was in trouble is the end of that trouble. */
static void run_out(struct agent_turn *t)
{
    if (t->call != NULL) {
        http_cancel(t->call);
        t->call = NULL;
    }
    if (t->failures > 0) {
        agent_end(t, FAILURE_AWAY, t->trouble);
    } else {
        agent_end(t, FAILURE_TIMEOUT, "");
    }
}

void agent_http_tick(struct agent *a, struct bridge_time now)
{
    a->now_ms = now.mono_ms;
    list_each_safe(link, &a->turns) {
        struct agent_turn *t = list_entry(link, struct agent_turn, link);
        if (t->over && t->due_ms <= a->now_ms) {
            free_turn(t);
        } else if (!t->over && t->deadline_ms <= a->now_ms) {
            run_out(t);
        } else if (!t->over && t->due_ms <= a->now_ms && !a->kind->step(t)) {
            agent_again(t, "the bridge is out of memory", -1);
        }
    }
}

void agent_http_clock(struct agent *a, struct bridge_time now)
{
    a->now_ms = now.mono_ms;
}

uint64_t agent_http_deadline(const struct agent *a)
{
    uint64_t first = UINT64_MAX;

    list_each(link, &a->turns) {
        const struct agent_turn *t = list_entry(link, struct agent_turn, link);
        uint64_t due = t->over || t->due_ms < t->deadline_ms ? t->due_ms : t->deadline_ms;
        first = due < first ? due : first;
    }
    return first;
}

struct http_watch agent_http_watch(const struct agent *a)
{
    (void)a;
    return (struct http_watch){.fd = -1};
}

void agent_http_ready(struct agent *a, short revents)
{
    (void)a;
    (void)revents;
}

static void end_probe(void *owner, const struct http_response *response)
{
    struct agent *a = owner;

    a->probe = NULL;
    a->reached = -1;
    learn(a, response);
}

void agent_http_probe(struct agent *a)
{
    struct buf url;

    if (a->probe != NULL) {
        return;
    }
    buf_init(&url, AGENT_MAX_SMALL);
    buf_append_str(&url, a->settings.base_url);
    buf_append_str(&url, a->kind->probe_path(a));
    if (!url.failed) {
        a->probe = http_start(a->http, &(struct http_request){.method = "GET",
                                                              .url = buf_str(&url),
                                                              .bearer = a->settings.api_key,
                                                              .timeout_ms = PROBE_MS,
                                                              .max_body = MAX_FIELD,
                                                              .owner = a,
                                                              .done = end_probe});
    }
    buf_fini(&url);
}

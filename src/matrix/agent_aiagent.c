/*
 * Sessions and messages over HTTP, polled:
 *
 *   step     request                       next
 *   CREATE   POST create_path {name}       ASK, when there is no session yet
 *   ASK      POST ask_path {content, key}  POLL; the key makes doing it twice harmless
 *   POLL     GET poll_path                 POLL again while it is running; else the end
 *   REFUSE   none                          the end: the path is too long to be asked for
 *
 * The answer is what the agent has said since: all texts of its own, in their order.
 */
#include "matrix/agent_http.h"
#include "matrix/homeserver_internal.h"
#include "json/pointer.h"
#include "json/reader.h"
#include "json/writer.h"

enum step { STEP_CREATE, STEP_ASK, STEP_POLL, STEP_REFUSE };
enum {
    MAX_REQUEST = 16 * 1024 * 1024,
    MAX_ID = 1024,                  /* that the agent gives */
    MAX_PATH = AGENT_MAX_SMALL / 2, /* the rest of the URL is the base */
};

/* --- requests --------------------------------------------------------------------------------- */

static bool take_word(struct str *rest, struct str word)
{
    if (!str_starts_with(*rest, word)) {
        return false;
    }
    *rest = str_slice(*rest, word.len, rest->len);
    return true;
}

/* A path with its names filled in; whatever an id is made of, it stays one part of the path. */
static void fill_path(struct buf *out, struct str path, const struct agent_turn *t)
{
    while (path.len > 0) {
        if (take_word(&path, STR("{session}"))) {
            url_append_part(out, buf_str(&t->session));
        } else if (take_word(&path, STR("{message}"))) {
            url_append_part(out, buf_str(&t->message_id));
        } else {
            buf_append_char(out, path.ptr[0]);
            path = str_slice(path, 1, path.len);
        }
    }
}

static void write_body(struct agent_turn *t, struct buf *out)
{
    const struct agent_paths *p = &t->agent->settings.paths;
    struct json_writer w;

    json_writer_init(&w, out);
    json_begin_object(&w);
    if (t->step == STEP_CREATE) {
        json_key_string(&w, p->name_field, buf_str(&t->name));
    } else {
        json_key_string(&w, p->content_field, buf_str(&t->question));
        json_key_string(&w, p->key_field, buf_str(&t->key));
    }
    json_end_object(&w);
}

static bool step(struct agent_turn *t)
{
    const struct agent_paths *p = &t->agent->settings.paths;
    const struct str paths[] = {p->create_path, p->ask_path, p->poll_path};
    struct buf path, body;

    if (t->step == STEP_CREATE && t->session.len > 0) {
        t->step = STEP_ASK;
    }
    if (t->step == STEP_REFUSE) {
        agent_end(t, FAILURE_REFUSED, "the ids that it gave are too long");
        return true;
    }
    buf_init(&path, MAX_PATH);
    buf_init(&body, MAX_REQUEST);
    fill_path(&path, paths[t->step], t);
    if (t->step != STEP_POLL) {
        write_body(t, &body);
    }
    bool ok = true;
    if (path.failed) {
        /* An id that was kept long ago, perhaps: were this no memory, each start would end so. */
        agent_next(t, STEP_REFUSE, 0);
    } else {
        ok = agent_send(t, buf_str(&path), t->step != STEP_POLL ? &body : NULL, NULL);
    }
    buf_fini(&path);
    buf_fini(&body);
    return ok;
}

/* --- responses -------------------------------------------------------------------------------- */

/* An id is a string or a number; whatever it is, it is not empty, and fits into a path. */
static bool take_id(struct str body, struct str pointer, struct buf *out)
{
    struct str raw = json_point(body, pointer);

    buf_fini(out);
    buf_init(out, MAX_ID);
    if (json_kind_of(raw) == JSON_NUMBER) {
        buf_append_str(out, raw);
    } else {
        json_unescape(raw, out);
    }
    return out->len > 0 && !out->failed;
}

static void take_messages(struct agent_turn *t, struct str messages)
{
    struct json_iter it = json_iter_of(messages);
    struct str message;

    buf_clear(&t->text);
    if (json_kind_of(messages) != JSON_ARRAY) {
        return;
    }
    while (json_next_element(&it, &message)) {
        struct str content = json_get(message, STR("content"));
        if (json_string_is(json_get(message, STR("role")), STR("assistant")) &&
            json_kind_of(content) == JSON_STRING) {
            buf_append_str(&t->text, t->text.len > 0 ? STR("\n\n") : STR(""));
            json_unescape(content, &t->text);
        }
    }
}

static void take_poll(struct agent_turn *t, struct str body)
{
    const struct agent_settings *s = &t->agent->settings;
    struct str status = json_point(body, s->paths.poll_status);
    size_t before = t->text.len;

    take_messages(t, json_point(body, s->paths.poll_messages));
    if (t->text.failed) {
        agent_end(t, FAILURE_BROKEN, "its answer is too long");
    } else if (json_string_is(status, STR("running"))) {
        agent_next(t, STEP_POLL, s->poll_interval_ms);
        if (t->text.len != before && t->text.len > 0) {
            t->agent->ports.answering(t->agent->ports.owner, t->turn, buf_str(&t->text));
        }
    } else if (json_string_is(status, STR("error"))) {
        agent_end(t, FAILURE_BROKEN, "it says that it has failed");
    } else if (!json_string_is(status, STR("done"))) {
        agent_end(t, FAILURE_BROKEN, "it does not say whether it is done");
    } else {
        agent_end(t, t->text.len > 0 ? FAILURE_NONE : FAILURE_BROKEN,
                  t->text.len > 0 ? "" : "it said nothing");
    }
}

static void take(struct agent_turn *t, const struct http_response *response)
{
    const struct agent_ports *ports = &t->agent->ports;
    const struct agent_paths *p = &t->agent->settings.paths;

    if (!json_valid(response->body)) {
        agent_end(t, FAILURE_BROKEN, "its answer is no JSON");
    } else if (t->step == STEP_POLL) {
        take_poll(t, response->body);
    } else if (t->step == STEP_ASK) {
        if (take_id(response->body, p->ask_id, &t->message_id)) {
            agent_next(t, STEP_POLL, 0);
        } else {
            agent_end(t, FAILURE_BROKEN, "it gave the question no id");
        }
    } else if (take_id(response->body, p->create_id, &t->session)) {
        ports->session_opened(ports->owner, t->turn, buf_str(&t->session));
        agent_next(t, STEP_ASK, 0);
    } else {
        agent_end(t, FAILURE_BROKEN, "it gave the session no id");
    }
}

static struct str probe_path(const struct agent *a)
{
    return a->settings.paths.create_path;
}

static struct agent *aiagent_new(const struct agent_settings *settings,
                                 const struct agent_ports *ports, struct http_client *http,
                                 struct bridge_time now)
{
    static const struct agent_http kind = {step, take, probe_path};

    return agent_http_new(&kind, settings, ports, http, now);
}

const struct agent_adapter agent_aiagent = {
    .name = "aiagent",
    .keeps_history = true,
    .new = aiagent_new,
    .free = agent_http_free,
    .ask = agent_http_ask,
    .stop = agent_http_stop,
    .tick = agent_http_tick,
    .clock = agent_http_clock,
    .deadline = agent_http_deadline,
    .watch = agent_http_watch,
    .ready = agent_http_ready,
    .probe = agent_http_probe,
};

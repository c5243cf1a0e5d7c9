/*
 * POST /v1/chat/completions with a stream of server-sent events. The bridge keeps the history, so a
 * turn is one request, and one that failed before its first text is made once more.
 *
 * A stream has ended well with [DONE], with a finish_reason, or with the regular end of the
 * response when there was text. An answer that is one JSON object and no stream is taken too.
 */
#include "matrix/agent_http.h"
#include "json/reader.h"
#include "json/writer.h"

enum { MAX_EVENT = 1024 * 1024, MAX_REQUEST = 64 * 1024 * 1024 };

/* The text of a choice, under the name by which its kind of answer has it. */
static void take_choice(struct agent_turn *t, struct str choice, struct str name)
{
    struct str content = json_get(json_get(choice, name), STR("content"));

    json_unescape(content, &t->text);
    t->finished |= json_get(choice, STR("finish_reason")).len > 2 &&
                   json_kind_of(json_get(choice, STR("finish_reason"))) == JSON_STRING;
}

static void take_object(struct agent_turn *t, struct str object, struct str name)
{
    enum json_kind error = json_kind_of(json_get(object, STR("error")));
    struct json_iter choices = json_iter_of(json_get(object, STR("choices")));
    struct str choice;

    t->broken |= error != JSON_NONE && error != JSON_NULL;
    /* Only one was asked for. */
    if (json_kind_of(json_get(object, STR("choices"))) == JSON_ARRAY &&
        json_next_element(&choices, &choice)) {
        take_choice(t, choice, name);
    }
}

static void take_event(void *owner, struct str type, struct str data)
{
    struct agent_turn *t = owner;

    (void)type;
    if (t->finished || t->broken) {
        return;
    }
    if (str_equal(str_trim(data), STR("[DONE]"))) {
        t->finished = true;
    } else if (json_valid(data)) {
        take_object(t, data, STR("delta"));
    }
}

/* --- the request ------------------------------------------------------------------------------ */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* What begins with a brace is an object, and no line of a stream. */
static struct str begin(struct agent_turn *t, struct str bytes)
{
    while (!t->heard && bytes.len > 0 && is_space(bytes.ptr[0])) {
        bytes = str_slice(bytes, 1, bytes.len);
    }
    if (!t->heard && bytes.len > 0) {
        t->heard = true;
        t->streams = bytes.ptr[0] != '{';
    }
    return bytes;
}

/* What a piece of the stream has brought. */
static void hear(struct agent_turn *t, bool ok, size_t before)
{
    if (!ok || t->text.failed || t->broken) {
        http_cancel(t->call);
        t->call = NULL;
        agent_end(t, FAILURE_BROKEN,
                  t->broken ? "it broke off with an error" : "its answer is too long");
    } else if (t->finished && t->text.len > 0) {
        agent_end(t, FAILURE_NONE, "");
    } else if (t->text.len > before) {
        t->agent->ports.answering(t->agent->ports.owner, t->turn, buf_str(&t->text));
    }
}

static void take_part(void *owner, struct str bytes)
{
    struct agent_turn *t = owner;
    size_t before = t->text.len;

    bytes = begin(t, bytes);
    if (t->over) {
        return;
    }
    if (!t->streams) {
        buf_append_str(&t->body, bytes);
    } else {
        bool ok = sse_feed(&t->sse, bytes);
        hear(t, ok, before);
    }
}

static void write_request(struct agent_turn *t, struct buf *out)
{
    struct json_iter history = json_iter_of(buf_str(&t->history));
    struct json_writer w;
    struct str message;

    json_writer_init(&w, out);
    json_begin_object(&w);
    json_key_string(&w, STR("model"), buf_str(&t->model));
    json_key_bool(&w, STR("stream"), true);
    json_key(&w, STR("messages"));
    json_begin_array(&w);
    while (json_next_element(&history, &message)) {
        json_raw(&w, message);
    }
    json_begin_object(&w);
    json_key_string(&w, STR("role"), STR("user"));
    json_key_string(&w, STR("content"), buf_str(&t->question));
    json_end_object(&w);
    json_end_array(&w);
    json_end_object(&w);
}

static bool step(struct agent_turn *t)
{
    struct buf body;

    sse_fini(&t->sse);
    sse_init(&t->sse, MAX_EVENT + t->agent->settings.max_answer_bytes, take_event, t);
    buf_clear(&t->body);
    t->heard = t->streams = t->finished = false;
    buf_init(&body, MAX_REQUEST);
    write_request(t, &body);
    bool ok = agent_send(t, STR("/v1/chat/completions"), &body, take_part);
    buf_fini(&body);
    return ok;
}

/* It has ended regularly. */
static void take(struct agent_turn *t, const struct http_response *response)
{
    (void)response;
    bool ok = t->streams ? sse_end(&t->sse) : !t->body.failed;
    if (!t->streams && ok && json_valid(buf_str(&t->body))) {
        take_object(t, buf_str(&t->body), STR("message"));
    }
    if (t->broken) {
        agent_end(t, FAILURE_BROKEN, "it broke off with an error");
    } else if (!ok || t->text.failed) {
        agent_end(t, FAILURE_BROKEN, "its answer is too long");
    } else if (t->text.len == 0) {
        agent_end(t, FAILURE_BROKEN, "it said nothing");
    } else {
        agent_end(t, FAILURE_NONE, "");
    }
}

static struct str probe_path(const struct agent *a)
{
    (void)a;
    return STR("/v1/models");
}

static struct agent *openai_new(const struct agent_settings *settings,
                                const struct agent_ports *ports, struct http_client *http,
                                struct bridge_time now)
{
    static const struct agent_http kind = {step, take, probe_path};

    return agent_http_new(&kind, settings, ports, http, now);
}

const struct agent_adapter agent_openai = {
    .name = "openai",
    .new = openai_new,
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

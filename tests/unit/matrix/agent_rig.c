#include "unit.h"

#include "agent_rig.h"

#include <stdlib.h>

const struct agent_paths agent_rig_paths = {
    .create_path = {"/api/sessions", 13},
    .create_id = {"/id", 3},
    .ask_path = {"/api/sessions/{session}/messages", 32},
    .ask_id = {"/message_id", 11},
    .poll_path = {"/api/sessions/{session}/messages?after={message}", 48},
    .poll_status = {"/status", 7},
    .poll_messages = {"/messages", 9},
    .name_field = {"name", 4},
    .content_field = {"content", 7},
    .key_field = {"idempotency_key", 15},
};

/* --- http.h ----------------------------------------------------------------------------------- */

static void copy(char *to, size_t cap, struct str from)
{
    assert_true(from.len < cap);
    if (from.len > 0) {
        memcpy(to, from.ptr, from.len);
    }
    to[from.len] = '\0';
}

struct http_call *http_start(struct http_client *c, const struct http_request *request)
{
    if (c->fails > 0) {
        c->fails--;
        return NULL;
    }
    assert_true(c->count < RIG_CALLS);
    struct http_call *call = &c->calls[c->count++];
    copy(call->method, sizeof(call->method), str_from_z(request->method));
    copy(call->url, sizeof(call->url), request->url);
    copy(call->bearer, sizeof(call->bearer), request->bearer);
    copy(call->body, sizeof(call->body), request->body);
    call->client = c;
    call->owner = request->owner;
    call->part = request->part;
    call->done = request->done;
    call->is_open = true;
    return call;
}

void http_cancel(struct http_call *call)
{
    assert_true(call->is_open);
    call->is_open = false;
}

/* --- the bridge ------------------------------------------------------------------------------- */

static void opened(void *owner, uint64_t turn, struct str session_id)
{
    struct agent_rig *r = owner;

    buf_printf(&r->record, "session %d %.*s\n", (int)turn, STR_ARG(session_id));
}

static void answering(void *owner, uint64_t turn, struct str text)
{
    struct agent_rig *r = owner;

    buf_printf(&r->record, "answering %d %.*s\n", (int)turn, STR_ARG(text));
}

static void answered(void *owner, uint64_t turn, struct str text, enum bridge_failure failure,
                     struct str error)
{
    static const char *const names[] = {"well", "away", "timeout", "refused", "broken"};
    struct agent_rig *r = owner;

    buf_printf(&r->record, "answered %d %s %.*s | %.*s\n", (int)turn, names[failure], STR_ARG(text),
               STR_ARG(error));
}

static void reachable(void *owner, bool is_reachable, const char *sentence)
{
    struct agent_rig *r = owner;

    buf_printf(&r->record, "%s%s%s\n", is_reachable ? "reachable" : "away",
               sentence[0] != '\0' ? " " : "", sentence);
}

static void write_log(void *owner, unsigned level, const char *event, struct str about,
                      struct str details)
{
    (void)owner;
    (void)level;
    (void)event;
    (void)about;
    (void)details;
}

void rig_init(struct agent_rig *r, const struct agent_adapter *adapter)
{
    const struct agent_settings settings = {
        .base_url = STR("http://agent:1/"),
        .api_key = STR("sesame"),
        .model = STR("m1"),
        .timeout_ms = 60000,
        .poll_interval_ms = 500,
        .max_answer_bytes = 100,
        .paths = agent_rig_paths,
    };
    const struct agent_ports ports = {r, opened, answering, answered, reachable, write_log};

    *r = (struct agent_rig){.adapter = adapter, .now_ms = 1000};
    buf_init(&r->record, 100000);
    r->agent =
        adapter->new (&settings, &ports, &r->http, (struct bridge_time){.mono_ms = r->now_ms});
    assert_non_null(r->agent);
}

void rig_fini(struct agent_rig *r)
{
    r->adapter->free(r->agent);
    assert_int_equal(rig_open_count(r), 0);
    buf_fini(&r->record);
}

bool rig_ask(struct agent_rig *r, uint64_t turn, const char *session)
{
    const struct bridge_action action = {
        .kind = ACT_ASK,
        .turn = turn,
        .idempotency_key = STR("k\"1"),
        .session_name = STR("matrix:r"),
        .session_id = str_from_z(session),
        .question = STR("q"),
        .history = STR(
            "[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"b\"}]"),
    };

    return r->adapter->ask(r->agent, &action);
}

void rig_pass(struct agent_rig *r, uint64_t ms)
{
    r->now_ms += ms;
    r->adapter->tick(r->agent, (struct bridge_time){.mono_ms = r->now_ms});
}

size_t rig_open_count(const struct agent_rig *r)
{
    size_t count = 0;

    for (size_t i = 0; i < r->http.count; i++) {
        count += r->http.calls[i].is_open;
    }
    return count;
}

struct http_call *rig_open(struct agent_rig *r)
{
    assert_int_equal(rig_open_count(r), 1);
    for (size_t i = 0;; i++) {
        if (r->http.calls[i].is_open) {
            return &r->http.calls[i];
        }
    }
}

void rig_respond(struct agent_rig *r, const struct http_response *response)
{
    struct http_call *call = rig_open(r);

    call->is_open = false;
    call->done(call->owner, response);
}

void rig_answer(struct agent_rig *r, unsigned status, const char *body)
{
    rig_respond(
        r, &(struct http_response){
               .status = status, .body = str_from_z(body), .retry_after_ms = -1, .date_ms = -1});
}

void rig_part(struct agent_rig *r, const char *bytes)
{
    struct http_call *call = rig_open(r);

    call->part(call->owner, str_from_z(bytes));
}

void rig_expect(struct agent_rig *r, const char *record)
{
    buf_append_char(&r->record, '\0');
    assert_string_equal(r->record.data, record);
    buf_clear(&r->record);
}

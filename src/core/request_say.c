#include "core/control.h"
#include "core/request.h"

/*
 * What the gateway says of requests, to agents and to askers, in the dialect of whoever hears it.
 * What they have said to each other keeps its bytes.
 */

struct str request_id(const struct request *r, char buffer[MESSAGE_ID_SIZE])
{
    return message_id(buffer, r->number, r->made_ms);
}

static struct str agent_name(const struct hub *hub, const struct request *r)
{
    return agent_id(agent_at(hub, r->agent));
}

/* Its asker, by the name of its client: also one that has gone. */
static struct str asker_name(const struct hub *hub, const struct request *r,
                             char buffer[CLIENT_ID_SIZE])
{
    const struct client gone = {.id = r->asker_id};

    return r->asker != SLAB_NONE ? client_name(hub, r->asker, buffer)
                                 : client_id_str(&gone, buffer);
}

/* --- those who watch -------------------------------------------------------------------------- */

/* The frame that was made; empty: there is no memory for it. */
static struct str scratch_text(const struct hub *hub)
{
    return hub->scratch.failed ? STR("") : buf_str(&hub->scratch);
}

/* What is said to its agent, in the scratch buffer. */
static void note_to_agent(struct hub *hub, const struct request *r, const char *raw_type)
{
    char buffer[CLIENT_ID_SIZE];

    if (hub->watch.monitor_count == 0) {
        return;
    }
    struct speech speech = {
        .dialect = agent_at(hub, r->agent)->dialect,
        .text = scratch_text(hub),
        .type = str_from_z(raw_type),
        .source = asker_name(hub, r, buffer),
    };

    if (speech.text.len > 0) {
        monitor_note(hub, r->asker, &speech, agent_name(hub, r));
    }
}

/* What its agent says to its asker; empty: there is no memory for it. */
static void note_to_asker(struct hub *hub, const struct request *r, struct str raw_type,
                          struct str text)
{
    char buffer[CLIENT_ID_SIZE];

    if (hub->watch.monitor_count == 0) {
        return;
    }
    struct speech speech = {
        .dialect = client_at(hub, r->asker)->dialect,
        .text = text,
        .type = raw_type,
        .source = agent_name(hub, r),
    };

    if (text.len > 0) {
        monitor_note(hub, agent_at(hub, r->agent)->client, &speech, asker_name(hub, r, buffer));
    }
}

/* How it ended, as the gateway has told its asker: one who watches has that already. */
static void note_end(struct hub *hub, const struct request *r)
{
    char buffer[CLIENT_ID_SIZE];
    struct speech speech = {
        .dialect = client_at(hub, r->asker)->dialect,
        .text = scratch_text(hub),
        .type = STR("\"error\""),
        .source = STR("gateway"),
    };

    if (hub->watch.monitor_count > 0 && speech.text.len > 0) {
        monitor_copy(hub, SLAB_NONE, &speech, asker_name(hub, r, buffer), r->asker);
    }
}

/* --- to agents -------------------------------------------------------------------------------- */

/* What the agent is asked, as the value of `payload` or `data`. */
static void write_question(struct json_writer *w, const struct request *r)
{
    json_begin_object(w);
    if (r->wanted.len > 0) {
        json_key_string(w, STR("capability"), r->wanted);
    }
    json_key_raw(w, STR("request"), str_make(r->body, r->body_len));
    if (r->stream >= 0) {
        json_key_bool(w, STR("stream"), r->stream > 0);
    }
    json_end_object(w);
}

/* The deadline by the clock on the wall, as it is now. */
static uint64_t deadline_of(const struct hub *hub, const struct request *r)
{
    return hub->now.wall_ms + r->deadline_ms - hub->now.mono_ms;
}

static void write_to_gateway(struct hub *hub, const struct request *r, struct str type,
                             struct str source)
{
    char id[MESSAGE_ID_SIZE];
    struct json_writer w;

    json_writer_init(&w, hub_scratch(hub));
    json_begin_object(&w);
    json_key_string(&w, STR("type"), type);
    json_key_raw(&w, STR("id"), request_id(r, id));
    json_key(&w, STR("payload"));
    if (r->answers == KIND_CHAT) {
        json_raw(&w, str_make(r->body, r->body_len));
    } else {
        write_question(&w, r);
    }
    json_key_uint(&w, STR("timestamp"), hub->now.wall_ms);
    json_key_string(&w, STR("source"), source);
    json_key_uint(&w, STR("deadline"), deadline_of(hub, r));
    json_end_object(&w);
}

static void write_to_world(struct hub *hub, const struct request *r, struct str type,
                           struct str source)
{
    char id[MESSAGE_ID_SIZE];
    struct json_writer w;

    message_begin(hub, &w, type, source);
    json_key_raw(&w, STR("id"), request_id(r, id));
    if (r->answers == KIND_CHAT) {
        speech_write_data(&w, str_make(r->body, r->body_len));
    } else {
        json_key(&w, STR("data"));
        write_question(&w, r);
    }
    json_key_uint(&w, STR("deadline"), deadline_of(hub, r));
    (void)message_end(hub, &w);
}

void say_request(struct hub *hub, const struct request *r)
{
    const struct agent *a = agent_at(hub, r->agent);
    struct str type = r->answers == KIND_CHAT ? STR("chat") : STR("route_request");
    char buffer[CLIENT_ID_SIZE];
    struct str source = client_name(hub, r->asker, buffer);

    if (a->dialect == DIALECT_GATEWAY) {
        write_to_gateway(hub, r, type, source);
    } else {
        write_to_world(hub, r, type, source);
    }
    note_to_agent(hub, r, r->answers == KIND_CHAT ? "\"chat\"" : "\"route_request\"");
    client_send_scratch(hub, a->client);
}

void say_cancel(struct hub *hub, const struct request *r)
{
    const struct agent *a = agent_at(hub, r->agent);
    char id[MESSAGE_ID_SIZE];
    struct json_writer w;

    if (a->dialect == DIALECT_GATEWAY) {
        control_open(hub, &w, "route_cancel", STR(""));
        json_key_raw(&w, STR("requestId"), request_id(r, id));
        (void)control_close(hub, &w, false);
    } else {
        message_begin(hub, &w, STR("route_cancel"), STR("gateway"));
        json_key(&w, STR("data"));
        json_begin_object(&w);
        json_key_raw(&w, STR("requestId"), request_id(r, id));
        json_end_object(&w);
        (void)message_end(hub, &w);
    }
    note_to_agent(hub, r, "\"route_cancel\"");
    client_send_scratch(hub, a->client);
}

/* --- to askers -------------------------------------------------------------------------------- */

static void write_answer(struct json_writer *w, const struct request *r,
                         const struct answer *answer, struct str agent)
{
    json_begin_object(w);
    json_key_raw(w, STR("requestId"), r->own_id);
    json_key_bool(w, STR("ok"), answer->ok);
    if (answer->result.len > 0) {
        json_key_raw(w, STR("result"), answer->result);
    }
    if (answer->error.len > 0) {
        json_key_raw(w, STR("error"), answer->error);
    }
    json_key_bool(w, STR("done"), answer->done);
    json_key_string(w, STR("agentId"), agent);
    json_end_object(w);
}

void say_answer(struct hub *hub, const struct request *r, const struct answer *answer)
{
    struct str agent = agent_name(hub, r);
    struct json_writer w;

    if (client_at(hub, r->asker)->dialect == DIALECT_GATEWAY) {
        control_begin(hub, &w, hub_scratch(hub), STR("\"route_response\""));
        json_key(&w, STR("payload"));
        write_answer(&w, r, answer, agent);
        json_key_uint(&w, STR("timestamp"), hub->now.wall_ms);
        json_key_raw(&w, STR("replyTo"), r->own_id);
        json_key_string(&w, STR("source"), agent);
        json_end_object(&w);
    } else {
        message_begin(hub, &w, STR("route_response"), agent);
        json_key(&w, STR("data"));
        write_answer(&w, r, answer, agent);
        json_key_raw(&w, STR("replyTo"), r->own_id);
        (void)message_end(hub, &w);
    }
    note_to_asker(hub, r, STR("\"route_response\""), scratch_text(hub));
    client_send_scratch(hub, r->asker);
}

/* In the dialect of worlds, where `type` is that of the agent's message. */
static void write_message_to_world(struct hub *hub, const struct request *r,
                                   const struct envelope *e)
{
    struct str agent = agent_name(hub, r);
    struct json_writer w;

    json_writer_init(&w, hub_scratch(hub));
    json_begin_object(&w);
    json_key_raw(&w, STR("type"), e->type);
    json_key_string(&w, STR("agent_id"), agent);
    json_key_string(&w, STR("agentId"), agent);
    speech_write_data(&w, e->payload);
    json_key_raw(&w, STR("replyTo"), r->own_id);
    (void)message_end(hub, &w);
}

void say_message(struct hub *hub, const struct request *r, const struct envelope *e)
{
    struct envelope own = *e;
    char fresh[MESSAGE_ID_SIZE];

    if (client_at(hub, r->asker)->dialect == DIALECT_WORLD) {
        write_message_to_world(hub, r, e);
        note_to_asker(hub, r, e->type, scratch_text(hub));
        client_send_scratch(hub, r->asker);
        return;
    }
    own.session = STR("");
    own.reply_to = r->own_id;
    if (own.id.len == 0) {
        own.id = message_id(fresh, ++hub->frame_count, hub->now.wall_ms);
    }
    struct str text = envelope_relay(hub, &own, agent_name(hub, r));
    note_to_asker(hub, r, e->type, text);
    if (text.len == 0) {
        client_lose(hub, client_at(hub, r->asker)->conn);
    } else {
        client_send(hub, r->asker, text, 0);
    }
}

void say_end(struct hub *hub, const struct request *r, enum request_event event)
{
    static const struct {
        enum error_code code;
        const char *message;
    } ends[HUB_REQUEST_ENDS] = {
        [EVENT_TIMEOUT] = {ERROR_ROUTE_TIMEOUT,
                           "Nobody has answered to the end in time; ask again, with a longer "
                           "`timeoutMs`."},
        [EVENT_CANCELLED] = {ERROR_ROUTE_CANCELLED, "You have taken this request back."},
        [EVENT_AGENT_GONE] = {ERROR_AGENT_GONE,
                              "The agent has gone before it had answered to the end, and there is "
                              "no other one to try; ask again."},
    };
    struct str before = hub->at_hand;

    if (r->asker == SLAB_NONE || ends[event].code == ERROR_NONE) {
        return;
    }
    hub->at_hand = r->own_id;
    client_error(hub, r->asker, ends[event].code, ends[event].message, "{\"requestId\":%.*s}",
                 STR_ARG(r->own_id));
    note_end(hub, r);
    hub->at_hand = before;
}

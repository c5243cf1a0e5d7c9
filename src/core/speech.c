#include "core/speech.h"

#include "core/internal.h"
#include "json/reader.h"

const char *dialect_name(unsigned dialect)
{
    static const char *const names[DIALECT_COUNT] = {"world", "gateway"};

    return names[dialect];
}

struct str message_id(char buffer[MESSAGE_ID_SIZE], uint64_t number, uint64_t made_ms)
{
    static const char head[] = "\"msg-";
    char *at = buffer + sizeof(head) - 1;

    memcpy(buffer, head, sizeof(head) - 1);
    at = str_write_uint(at, number);
    *at++ = '-';
    at = str_write_uint(at, made_ms);
    *at++ = '"';
    return str_make(buffer, (size_t)(at - buffer));
}

/* {"type":T,"id":"msg-N-MS" — what every frame of the gateway dialect that we make begins with. */
void control_begin(struct hub *hub, struct json_writer *w, struct buf *out, struct str raw_type)
{
    char id[MESSAGE_ID_SIZE];

    json_writer_init(w, out);
    json_begin_object(w);
    json_key_raw(w, STR("type"), raw_type);
    json_key_raw(w, STR("id"), message_id(id, ++hub->frame_count, hub->now.wall_ms));
}

static void to_gateway(struct hub *hub, const struct speech *s, struct buf *out)
{
    struct json_writer w;

    control_begin(hub, &w, out, s->type);
    if (s->session.len > 0) {
        json_key_string(&w, STR("sessionId"), s->session);
    }
    json_key_raw(&w, STR("payload"), s->text);
    json_key_uint(&w, STR("timestamp"), hub->now.wall_ms);
    json_key_string(&w, STR("source"), s->source);
    json_end_object(&w);
}

void speech_write_data(struct json_writer *w, struct str payload)
{
    json_key(w, STR("data"));
    if (payload.len > 0 && json_kind_of(payload) == JSON_OBJECT) {
        json_raw(w, payload);
        return;
    }
    json_begin_object(w);
    if (payload.len > 0) {
        json_key_raw(w, STR("value"), payload);
    }
    json_end_object(w);
}

static void to_world(struct hub *hub, const struct speech *s, struct buf *out)
{
    struct json_writer w;

    json_writer_init(&w, out);
    json_begin_object(&w);
    json_key_raw(&w, STR("type"), s->type);
    json_key_string(&w, STR("agent_id"), s->source);
    json_key_string(&w, STR("agentId"), s->source);
    speech_write_data(&w, s->payload);
    json_key(&w, STR("ts"));
    json_seconds(&w, hub->now.wall_ms);
    json_end_object(&w);
}

static struct str result_of(const struct buf *b)
{
    return b->failed ? STR("") : buf_str(b);
}

struct str speech_in(struct hub *hub, struct speech *s, enum dialect dialect)
{
    if (dialect == s->dialect) {
        return s->text;
    }
    if (!s->made) {
        struct buf *out = hub_emptied(&hub->converted);
        if (dialect == DIALECT_GATEWAY) {
            to_gateway(hub, s, out);
        } else {
            to_world(hub, s, out);
        }
        s->made = true;
    }
    return result_of(&hub->converted);
}

struct str envelope_relay(struct hub *hub, const struct envelope *e, struct str source)
{
    struct buf *out = hub_emptied(&hub->relayed);
    struct json_writer w;

    json_writer_init(&w, out);
    json_begin_object(&w);
    json_key_raw(&w, STR("type"), e->type);
    json_key_raw(&w, STR("id"), e->id);
    if (e->session.len > 0) {
        json_key_raw(&w, STR("sessionId"), e->session);
    }
    json_key_raw(&w, STR("payload"), e->payload.len > 0 ? e->payload : STR("{}"));
    json_key(&w, STR("timestamp"));
    if (e->timestamp.len > 0) {
        json_raw(&w, e->timestamp);
    } else {
        json_uint(&w, hub->now.wall_ms);
    }
    json_key_string(&w, STR("source"), source);
    if (e->reply_to.len > 0) {
        json_key_raw(&w, STR("replyTo"), e->reply_to);
    }
    json_end_object(&w);
    return result_of(out);
}

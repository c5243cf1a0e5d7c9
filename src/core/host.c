#include "core/host.h"

#include <stdlib.h>

#include "core/internal.h"
#include "core/relay.h"

/* --- events ----------------------------------------------------------------------------------- */

enum { EVENT_TEXTS_MAX = 64 * 1024 * 1024, EVENTS_KEPT = 1024 };

/* An event that waits: its texts stand in host.texts, one behind the other. */
struct host_record {
    struct hub_event event; /* of the texts, the lengths alone hold */
    size_t off;
};

void host_fini(struct hub *hub)
{
    free(hub->host.records);
    buf_fini(&hub->host.texts);
}

static struct host_record *grow(struct host *h)
{
    if (h->count == h->cap) {
        uint32_t cap = h->cap == 0 ? 16 : h->cap * 2;
        struct host_record *records = realloc(h->records, cap * sizeof(*records));
        if (records == NULL) {
            return NULL;
        }
        h->records = records;
        h->cap = cap;
    }
    return &h->records[h->count];
}

/* Whether it could be kept. */
static bool keep(struct host *h, const struct hub_event *event)
{
    struct host_record *record = grow(h);
    size_t off = h->texts.len;

    if (record == NULL) {
        return false;
    }
    buf_append_str(&h->texts, event->client);
    buf_append_str(&h->texts, event->session);
    buf_append_str(&h->texts, event->agent);
    buf_append_str(&h->texts, event->text);
    if (h->texts.failed) {
        h->texts.failed = false;
        h->texts.len = off;
        return false;
    }
    *record = (struct host_record){.event = *event, .off = off};
    h->count++;
    return true;
}

void host_note(struct hub *hub, const struct hub_event *event)
{
    struct host *h = &hub->host;

    if (hub->ports.event == NULL) {
        return;
    }
    if (h->texts.max == 0) {
        buf_init(&h->texts, EVENT_TEXTS_MAX);
    }
    /* What is lost is told where it is missing, so it has to be kept before what follows. */
    if (h->lost > 0 && keep(h, &(struct hub_event){.kind = HUB_EVENTS_LOST, .count = h->lost})) {
        h->lost = 0;
    }
    if (h->lost > 0 || !keep(h, event)) {
        h->lost++;
    }
}

void host_note_client(struct hub *hub, enum hub_event_kind kind, uint32_t client, uint16_t code,
                      struct str text)
{
    char id[CLIENT_ID_SIZE];

    if (hub->ports.event != NULL) {
        host_note(hub, &(struct hub_event){.kind = kind,
                                           .client = client_id_str(client_at(hub, client), id),
                                           .code = code,
                                           .text = text});
    }
}

void host_note_error(struct hub *hub, uint32_t client, enum error_code code)
{
    char id[CLIENT_ID_SIZE];

    if (hub->ports.event != NULL) {
        host_note(hub, &(struct hub_event){.kind = HUB_ERROR_SENT,
                                           .client = client_id_str(client_at(hub, client), id),
                                           .error = code});
    }
}

void host_note_member(struct hub *hub, enum hub_event_kind kind, uint32_t session, uint32_t client)
{
    char id[CLIENT_ID_SIZE];

    if (hub->ports.event != NULL && !session_at(hub, session)->hidden) {
        host_note(hub, &(struct hub_event){.kind = kind,
                                           .client = client_id_str(client_at(hub, client), id),
                                           .session = session_name(session_at(hub, session))});
    }
}

static void note_agent(struct hub *hub, enum state_op op, uint32_t index)
{
    const struct agent *a = agent_at(hub, index);
    char id[CLIENT_ID_SIZE];
    struct hub_event event = {
        .kind = op == STATE_ADDED     ? HUB_AGENT_REGISTERED
                : op == STATE_REMOVED ? HUB_AGENT_UNREGISTERED
                                      : HUB_AGENT_CHANGED,
        .agent = agent_id(a),
        .status = op == STATE_REMOVED ? HUB_AGENT_OFFLINE : agent_status(a),
    };

    if (agent_is_online(a)) {
        event.client = client_id_str(client_at(hub, a->client), id);
    }
    host_note(hub, &event);
}

void host_note_state(struct hub *hub, enum state_kind kind, enum state_op op, uint32_t index)
{
    if (kind == STATE_AGENT) {
        note_agent(hub, op, index);
    } else if (kind == STATE_SESSION && op != STATE_CHANGED) {
        host_note(hub, &(struct hub_event){.kind = op == STATE_ADDED ? HUB_SESSION_CREATED
                                                                     : HUB_SESSION_ENDED,
                                           .session = session_name(session_at(hub, index))});
    }
}

void hub_note_log(struct hub *hub, enum log_level level, const char *line, struct str client,
                  struct str details)
{
    host_note(
        hub,
        &(struct hub_event){
            .kind = HUB_LOG_LINE, .level = level, .line = line, .client = client, .text = details});
}

static struct str next_text(const char **at, struct str text)
{
    struct str here = str_make(*at, text.len);

    *at += text.len;
    return here;
}

/*
 * What the host does in answer makes more events, which wait for their turn: so what is told now is
 * taken away first.
 */
static void tell_some(struct hub *hub)
{
    struct host now = hub->host;

    hub->host = (struct host){.lost = now.lost};
    for (uint32_t i = 0; i < now.count; i++) {
        struct hub_event event = now.records[i].event;
        const char *at = now.texts.data + now.records[i].off;
        event.client = next_text(&at, event.client);
        event.session = next_text(&at, event.session);
        event.agent = next_text(&at, event.agent);
        event.text = next_text(&at, event.text);
        hub->ports.event(hub->ports.owner, &event);
    }
    if (hub->host.cap == 0 && now.cap <= EVENTS_KEPT) {
        now.count = 0;
        now.lost = hub->host.lost;
        buf_clear(&now.texts);
        hub->host = now;
    } else {
        free(now.records);
        buf_fini(&now.texts);
    }
}

void hub_tell_host(struct hub *hub)
{
    if (hub->ports.event == NULL) {
        return;
    }
    while (hub->host.count > 0) {
        tell_some(hub);
    }
    if (hub->host.lost > 0) {
        struct hub_event lost = {.kind = HUB_EVENTS_LOST, .count = hub->host.lost};
        hub->host.lost = 0;
        hub->ports.event(hub->ports.owner, &lost);
    }
}

/* --- messages --------------------------------------------------------------------------------- */

static int ask(struct hub *hub, const struct sender *sender, const struct wire *w, struct str text,
               const struct type_name *type)
{
    bool is_world = sender->dialect == DIALECT_WORLD;
    char id[CLIENT_ID_SIZE];
    struct hub_heard heard = {
        .client = client_id_str(client_at(hub, sender->client), id),
        .dialect = sender->dialect,
        .type = str_make(type->text, type->len < TYPE_TEXT_MAX ? type->len : TYPE_TEXT_MAX),
        .text = text,
        .id = is_world ? STR("") : wire_raw(w, text.ptr, WIRE_ID),
        .payload = is_world ? STR("") : wire_raw(w, text.ptr, WIRE_PAYLOAD),
        .session = is_world ? STR("") : wire_raw(w, text.ptr, WIRE_SESSION_ID),
    };

    return hub->ports.hear(hub->ports.owner, &heard);
}

bool host_hears(struct hub *hub, struct sender *sender, const struct wire *w, struct str text,
                const struct type_name *type)
{
    struct str at_hand = hub->at_hand;
    uint32_t client = sender->client;

    if (hub->ports.hear == NULL || sender->dry != NULL || client == SLAB_NONE) {
        return false;
    }
    hub->at_hand = STR(""); /* what the host says on its own is no answer to this */
    int verdict = ask(hub, sender, w, text, type);
    hub->at_hand = at_hand;
    /* It may have closed the client, and used what was reserved for the message. */
    if (client_at(hub, client)->state != CLIENT_OPEN) {
        return true;
    }
    if (!hub_reserve(hub)) {
        client_lose(hub, client_at(hub, client)->conn);
        return true;
    }
    if (verdict == HUB_FAILED) {
        client_error(hub, client, ERROR_HANDLER_ERROR,
                     "The program that handles this type failed; try again, or tell who runs it.",
                     "%s", "");
    }
    return verdict != HUB_HEARD;
}

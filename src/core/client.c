#include <assert.h>
#include <stdlib.h>

#include "core/control.h"
#include "core/internal.h"
#include "core/request.h"
#include "core/stranger.h"

/* --- ids -------------------------------------------------------------------------------------- */

/*
 * 64 bits as 13 letters of base32 (the alphabet of RFC 4648, lower case), most significant first:
 * the first letter stands for 4 bits, each of the others for 5.
 */
void client_id_text(const struct client *c, char ret_text[CLIENT_ID_SIZE])
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";

    ret_text[0] = 'c';
    ret_text[1] = '-';
    for (int i = 0; i < 13; i++) {
        ret_text[2 + i] = letters[c->id >> (60 - 5 * i) & 31];
    }
}

struct str client_id_str(const struct client *c, char buffer[CLIENT_ID_SIZE])
{
    client_id_text(c, buffer);
    return str_make(buffer, CLIENT_ID_SIZE);
}

struct str client_name(const struct hub *hub, uint32_t client, char buffer[CLIENT_ID_SIZE])
{
    const struct client *c = client_at(hub, client);

    return c->agent != SLAB_NONE ? agent_id(agent_at(hub, c->agent)) : client_id_str(c, buffer);
}

static uint32_t letter_value(char c)
{
    if (c >= 'a' && c <= 'z') {
        return (uint32_t)(c - 'a');
    }
    return c >= '2' && c <= '7' ? (uint32_t)(c - '2') + 26 : 32;
}

uint32_t client_find_id(const struct hub *hub, struct str id)
{
    uint64_t value = 0;

    if (id.len != CLIENT_ID_SIZE || id.ptr[0] != 'c' || id.ptr[1] != '-') {
        return SLAB_NONE;
    }
    for (int i = 0; i < 13; i++) {
        uint32_t letter = letter_value(id.ptr[2 + i]);
        if (letter > (i == 0 ? 15u : 31u)) {
            return SLAB_NONE;
        }
        value = value << 5 | letter;
    }
    return map_find(&hub->clients_by_id, value, &value);
}

uint32_t client_find(const struct hub *hub, struct str id)
{
    uint32_t agent = agent_find(hub, id);

    return agent != SLAB_NONE ? agent_at(hub, agent)->client : client_find_id(hub, id);
}

/* --- open and gone ---------------------------------------------------------------------------- */

static bool remember_slot(struct hub *hub, uint64_t conn, uint32_t client)
{
    enum { MORE_SLOTS = 1024 }; /* twice as many would leave up to half of them to nobody */
    unsigned r = conn_reactor(conn);
    uint32_t slot = conn_slot(conn);

    if (slot >= hub->slot_cap[r]) {
        uint32_t cap = (slot / MORE_SLOTS + 1) * MORE_SLOTS;
        uint32_t *slots = realloc(hub->client_by_slot[r], cap * sizeof(*slots));
        if (slots == NULL) {
            return false;
        }
        memset(slots + hub->slot_cap[r], 0xff, (cap - hub->slot_cap[r]) * sizeof(*slots));
        hub->client_by_slot[r] = slots;
        hub->slot_cap[r] = cap;
    }
    hub->client_by_slot[r][slot] = client;
    return true;
}

/* Unless the slot has a newer client: a connection's end may be dealt with late. */
static void forget_slot(struct hub *hub, uint64_t conn, uint32_t client)
{
    uint32_t *slot = &hub->client_by_slot[conn_reactor(conn)][conn_slot(conn)];

    if (*slot == client) {
        *slot = SLAB_NONE;
    }
}

uint32_t client_find_conn(const struct hub *hub, uint64_t conn)
{
    unsigned r = conn_reactor(conn);
    uint32_t slot = conn_slot(conn);

    if (slot >= hub->slot_cap[r] || hub->client_by_slot[r][slot] == SLAB_NONE) {
        return SLAB_NONE;
    }
    uint32_t index = hub->client_by_slot[r][slot];
    return client_at(hub, index)->conn == conn ? index : SLAB_NONE;
}

uint32_t client_new(struct hub *hub, uint64_t conn, enum dialect dialect,
                    const struct evidence *evidence)
{
    uint32_t index;
    struct client *c = slab_acquire(&hub->clients, &index);

    if (c == NULL) {
        return SLAB_NONE;
    }
    do {
        hub->ports.random(hub->ports.owner, &c->id, sizeof(c->id));
    } while (map_find(&hub->clients_by_id, c->id, &c->id) != MAP_NONE);
    if (!remember_slot(hub, conn, index)) {
        slab_release(&hub->clients, index);
        return SLAB_NONE;
    }
    if (!map_insert(&hub->clients_by_id, c->id, index)) {
        forget_slot(hub, conn, index);
        slab_release(&hub->clients, index);
        return SLAB_NONE;
    }
    c->conn = conn;
    c->principal = HUB_NOBODY;
    c->agent = SLAB_NONE;
    c->asker = SLAB_NONE;
    c->members = SLAB_NONE;
    c->near = evidence->near;
    c->is_unix = evidence->is_unix;
    c->packs = evidence->packs;
    memcpy(c->address, evidence->address, sizeof(c->address));
    c->user_agent = label_get(&hub->user_agents, evidence->user_agent);
    c->since = (uint32_t)((hub->now.mono_ms - hub->started.mono_ms) / 100);
    c->dialect = dialect;
    c->state = CLIENT_OPEN;
    heartbeat_heard(hub, c);
    hub->counts.clients++;
    hub->counts.clients_by_dialect[dialect]++;
    return index;
}

/* A frame that must not be skipped could not be kept: the client cannot stay. */
static void lose(struct hub *hub, struct client *c)
{
    hub->counts.out_of_memory++;
    c->lost = true;
    hub->some_lost = true;
}

void client_forget_own(struct client *c)
{
    if (c->dialect == DIALECT_GATEWAY) {
        device_free(c->device);
        c->device = NULL;
    } else {
        filter_free(c->filter);
        c->filter = NULL;
    }
}

/*
 * Leaves its sessions, one after the other, since it may be in many; those who stay in them are
 * told. False: there is no memory for the next one, and the next tick goes on.
 */
static bool leave_sessions(struct hub *hub, uint32_t client)
{
    struct client *c = client_at(hub, client);

    while (c->members != SLAB_NONE) {
        uint32_t session = member_at(hub, c->members)->session;
        if (!hub_reserve(hub)) {
            lose(hub, c);
            return false;
        }
        if (c->dialect == DIALECT_GATEWAY && !session_at(hub, session)->hidden) {
            presence_announce(hub, session, client, "offline");
        }
        (void)session_leave_next(hub, client);
    }
    return true;
}

void client_gone(struct hub *hub, uint32_t client)
{
    struct client *c = client_at(hub, client);
    bool was_noted = c->noted;

    hub_log(hub, LOG_DEBUG, "client_gone", client, "%s", "");
    state_changed(hub, STATE_CLIENT, STATE_REMOVED, client);
    c->state = CLIENT_FREE; /* its reactor has forgotten it */
    world_leave(hub, client, false);
    requests_lose_asker(hub, client);
    if (!leave_sessions(hub, client)) {
        c->state = CLIENT_CLOSING;
        c->gone = true;
        return;
    }
    if (was_noted) {
        host_note_client(hub, HUB_CLIENT_DISCONNECTED, client, HUB_NO_CLOSE,
                         STR("the connection was lost"));
    }
    if (c->principal == HUB_NOBODY) {
        stranger_end(hub, c->stranger);
    } else {
        client_forget_own(c);
        principal_release(&hub->principals, c->principal);
    }
    address_leave(&hub->addresses, c->address);
    label_release(&hub->user_agents, c->user_agent);
    map_remove(&hub->clients_by_id, c->id, client);
    forget_slot(hub, c->conn, client);
    hub->counts.clients--;
    hub->counts.clients_by_dialect[c->dialect]--;
    slab_release(&hub->clients, client);
}

void client_greet(struct hub *hub, uint32_t client)
{
    if (client_at(hub, client)->dialect == DIALECT_GATEWAY) {
        control_greet(hub, client);
    } else {
        world_greet(hub, client);
    }
}

uint64_t client_connected_ms(const struct hub *hub, const struct client *c)
{
    return hub->started.wall_ms + (uint64_t)c->since * 100;
}

bool client_mark(struct hub *hub, uint32_t client, uint32_t round)
{
    if (client >= hub->mark_cap) {
        uint32_t cap = slab_limit(&hub->clients) + 1024;
        uint32_t *marks = realloc(hub->marks, cap * sizeof(*marks));
        if (marks == NULL) {
            return false;
        }
        memset(marks + hub->mark_cap, 0, (cap - hub->mark_cap) * sizeof(*marks));
        hub->marks = marks;
        hub->mark_cap = cap;
    }
    bool first = hub->marks[client] != round;
    hub->marks[client] = round;
    return first;
}

void client_set_principal(struct hub *hub, uint32_t client, uint32_t principal)
{
    struct client *c = client_at(hub, client);

    if (c->principal == principal) {
        return;
    }
    principal_use(&hub->principals, principal);
    principal_release(&hub->principals, c->principal);
    c->principal = principal;
    state_changed(hub, STATE_CLIENT, STATE_CHANGED, client);
}

/* --- what is said to one client --------------------------------------------------------------- */

static void send_frame(struct hub *hub, struct client *c, struct down *frame)
{
    frame->kind = DOWN_FRAME;
    frame->conn = c->conn;
    frame->seq = hub_next_seq(hub);
    frame->segment = hub->turn.segment;
    hub_tell(hub, conn_reactor(c->conn), frame);
}

void client_lose(struct hub *hub, uint64_t conn)
{
    uint32_t client = client_find_conn(hub, conn);

    if (client != SLAB_NONE) {
        lose(hub, client_at(hub, client));
    }
}

void client_send(struct hub *hub, uint32_t client, struct str payload, uint8_t flags)
{
    struct client *c = client_at(hub, client);
    struct down frame = {.flags = flags};

    if (c->state != CLIENT_OPEN || c->lost) { /* nothing comes behind what is missing */
        return;
    }
    if (turn_frame(&hub->turn, payload, &frame.off, &frame.len)) {
        send_frame(hub, c, &frame);
    } else {
        lose(hub, c);
    }
}

bool client_send_each(struct hub *hub, const uint32_t *clients, uint32_t count,
                      const struct buf *payload)
{
    struct down frame = {0};
    bool ok = !payload->failed && hub_reserve_besides(hub, count) &&
              turn_frame(&hub->turn, buf_str(payload), &frame.off, &frame.len);

    for (uint32_t i = 0; i < count; i++) {
        struct client *c = client_at(hub, clients[i]);
        if (!ok) {
            lose(hub, c);
        } else if (c->state == CLIENT_OPEN) {
            send_frame(hub, c, &frame);
        }
    }
    return ok;
}

void client_tell(struct hub *hub, uint32_t client, struct speech *speech, uint8_t flags)
{
    struct client *c = client_at(hub, client);
    struct str text = speech_in(hub, speech, (enum dialect)c->dialect);

    if (text.len == 0) {
        lose(hub, c);
    } else {
        client_send(hub, client, text, flags);
    }
}

void client_send_scratch(struct hub *hub, uint32_t client)
{
    if (hub->scratch.failed) {
        lose(hub, client_at(hub, client));
    } else {
        client_send(hub, client, buf_str(&hub->scratch), 0);
    }
}

void client_ping(struct hub *hub, uint32_t client)
{
    struct down frame = {0};

    /* Without memory there is no ping; silence decides without it. */
    if (turn_ping(&hub->turn, &frame.off, &frame.len)) {
        send_frame(hub, client_at(hub, client), &frame);
    }
}

void client_close(struct hub *hub, uint32_t client, uint16_t code, struct str reason)
{
    struct client *c = client_at(hub, client);
    struct down item = {.kind = DOWN_CLOSE, .code = code, .conn = c->conn};

    if (c->state != CLIENT_OPEN) {
        return;
    }
    bool was_noted = c->noted;
    hub_log(hub, LOG_DEBUG, "client_closed", client, "code=%u reason=\"%.*s\"", code,
            STR_ARG(reason));
    state_changed(hub, STATE_CLIENT, STATE_REMOVED, client);
    c->state = CLIENT_CLOSING;
    if (c->principal == HUB_NOBODY) {
        stranger_end(hub, c->stranger);
    }
    world_leave(hub, client, false);
    requests_lose_asker(hub, client);
    (void)leave_sessions(hub, client); /* what is left then is left when it has gone */
    /* Only now: until a command mentions it, what is said in between may end the bytes' segment. */
    char *at = reason.len > 0 ? turn_extend(&hub->turn, reason.len, &item.off) : NULL;
    if (at != NULL) {
        memcpy(at, reason.ptr, reason.len);
        item.segment = hub->turn.segment;
        item.len = (uint32_t)reason.len;
    }
    item.seq = hub_next_seq(hub);
    hub_tell(hub, conn_reactor(c->conn), &item);
    hub_count_close(hub, code);
    if (was_noted) {
        host_note_client(hub, HUB_CLIENT_DISCONNECTED, client, code, reason);
    }
}

/* --- slow clients ----------------------------------------------------------------------------- */

void client_lagged(struct hub *hub, uint32_t client)
{
    struct client *c = client_at(hub, client);

    c->lagging = true;
    hub_log(hub, LOG_WARNING, "client_lagged", client, "policy=%s",
            hub->settings.close_slow_clients ? "close" : "drop");
    if (hub->settings.close_slow_clients) {
        client_close(hub, client, CLOSE_TRY_LATER,
                     STR("too slow: read faster, or connect again later"));
    }
}

void client_room(struct hub *hub, uint32_t client)
{
    struct client *c = client_at(hub, client);
    struct down item = {.kind = DOWN_RESUME, .conn = c->conn};
    size_t mark;

    if (c->state != CLIENT_OPEN || !c->lagging) {
        return;
    }
    struct buf *b = message_slow(hub, (enum dialect)c->dialect, &mark);
    if (b->failed || !turn_frame(&hub->turn, buf_str(b), &item.off, &item.len) ||
        !session_rejoin(hub, client)) {
        lose(hub, c);
        return;
    }
    /* The mark is counted from the start of the frame, header included. */
    item.mark = (uint32_t)(item.len - b->len + mark);
    item.segment = hub->turn.segment;
    c->lagging = false;
    item.seq = hub_next_seq(hub);
    hub_tell(hub, conn_reactor(c->conn), &item);
    if (c->dialect == DIALECT_GATEWAY) {
        meeting_send_list(hub, client);
    } else {
        message_ack(hub, client, true);
        client_send_scratch(hub, client);
    }
    hub_log(hub, LOG_INFO, "client_resumed", client, "%s", "");
}

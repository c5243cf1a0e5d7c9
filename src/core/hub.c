#include "core/hub.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>

#include "core/control.h"
#include "core/gate.h"
#include "core/internal.h"
#include "core/request.h"
#include "core/stranger.h"

enum {
    SCRATCH_MAX = 64 * 1024 * 1024, /* what a frame has beside a message: a roster of the largest
                                       registrations */
    SERVER_MAX = 256,
    MAX_AGENTS = 1u << 24,
};

void hub_settings_init(struct hub_settings *s)
{
    *s = (struct hub_settings){
        .reactors = 1,
        .version = "parley",
        .max_clients = 1000000,
        .max_sessions = 100000,
        .max_message_bytes = 1024 * 1024,
        .max_frame_bytes = 10 * 1024 * 1024,
        .max_send_queue_bytes = 2 * 1024 * 1024,
        .max_registration_bytes = 16 * 1024,
        .max_filter_patterns = FILTER_MAX_PATTERNS,
        .max_clients_per_address = 1000,
        .heartbeat_interval_ms = 30000,
        .heartbeat_timeout_ms = 60000,
        .max_pause_ms = 500,
        .remember_ms = 24 * 3600 * 1000,
        .max_remembered = 10000,
        .max_queue = 1000,
        .max_companions = 65536,
        .turn_output = 1024 * 1024,
        .request_timeout_ms = 30000,
    };
}

/* --- maps ------------------------------------------------------------------------------------- */

static uint64_t hash_client(const void *owner, uint32_t index)
{
    return client_at(owner, index)->id; /* random already */
}

static bool client_is(const void *owner, uint32_t index, const void *key)
{
    return client_at(owner, index)->id == *(const uint64_t *)key;
}

static uint64_t hash_agent(const void *owner, uint32_t index)
{
    const struct hub *hub = owner;
    const struct agent *a = agent_at(hub, index);

    return hash_bytes(hub->secret, a->id, a->id_len);
}

static bool agent_is(const void *owner, uint32_t index, const void *key)
{
    return str_equal(agent_id(agent_at(owner, index)), *(const struct str *)key);
}

static uint64_t hash_session(const void *owner, uint32_t index)
{
    const struct hub *hub = owner;
    const struct session *s = session_at(hub, index);

    return hash_bytes(hub->secret, s->name, s->name_len);
}

static bool session_is(const void *owner, uint32_t index, const void *key)
{
    return str_equal(session_name(session_at(owner, index)), *(const struct str *)key);
}

static const struct map_type clients_map = {.hash = hash_client, .equal = client_is};
static const struct map_type agents_map = {.hash = hash_agent, .equal = agent_is};
static const struct map_type sessions_map = {.hash = hash_session, .equal = session_is};

/* --- life ------------------------------------------------------------------------------------- */

static bool init(struct hub *hub)
{
    for (unsigned r = 0; r < hub->settings.reactors; r++) {
        hub->down[r] = down_batch_new();
        if (hub->down[r] == NULL) {
            return false;
        }
    }
    if (!types_init(hub) || !jobs_init(hub) || !principals_init(&hub->principals, hub->secret) ||
        !hub_reserve(hub) || hub->server.failed) {
        return false;
    }
    uint32_t main_world = session_new(hub, STR("world:main"));
    if (main_world == SLAB_NONE) {
        return false;
    }
    session_at(hub, main_world)->permanent = true;
    hub->everybody = session_new(hub, STR("$everybody")); /* no client can name it */
    if (hub->everybody == SLAB_NONE) {
        return false;
    }
    session_at(hub, hub->everybody)->permanent = true;
    session_at(hub, hub->everybody)->hidden = true;
    list_remove(&session_at(hub, hub->everybody)->link);
    hub->counts.sessions--;
    return true;
}

/* How long a frame may be. */
static size_t scratch_max(const struct hub_settings *s)
{
    return SCRATCH_MAX + (size_t)s->max_message_bytes;
}

struct hub *hub_new(const struct hub_settings *settings, const struct hub_ports *ports,
                    struct hub_time now)
{
    struct hub *hub = calloc(1, sizeof(*hub));

    assert(settings->reactors >= 1 && settings->reactors <= MAX_REACTORS);
    assert(settings->max_filter_patterns <= FILTER_MAX_PATTERNS);
    if (hub == NULL) {
        return NULL;
    }
    hub->settings = *settings;
    hub->ports = *ports;
    hub->now = now;
    hub->started = now;
    hub->awake_ms = now.mono_ms;
    hub->last_sweep_ms = now.mono_ms;
    ports->random(ports->owner, hub->secret, sizeof(hub->secret));
    hub->number_secret = hash_bytes(hub->secret, "number", strlen("number"));
    slab_init(&hub->clients, sizeof(struct client), settings->max_clients);
    slab_init(&hub->agents, sizeof(struct agent), MAX_AGENTS);
    slab_init(&hub->sessions, sizeof(struct session), settings->max_sessions + HIDDEN_SESSIONS);
    slab_init(&hub->members, sizeof(struct member), SLAB_NONE - 1);
    map_init(&hub->clients_by_id, &clients_map, hub);
    map_init(&hub->agents_by_id, &agents_map, hub);
    map_init(&hub->sessions_by_name, &sessions_map, hub);
    list_init(&hub->sessions_in_order);
    list_init(&hub->agents_in_order);
    packer_init(&hub->packer);
    list_init(&hub->agents_offline);
    capabilities_init(hub);
    requests_init(hub);
    list_init(&hub->strangers);
    list_init(&hub->devices);
    limiter_init(&hub->limiter, hub->secret);
    address_counts_init(&hub->addresses, hub->secret);
    labels_init(&hub->user_agents, hub->secret);
    tickets_init(hub);
    hub->asking = SLAB_NONE;
    list_init(&hub->logs);
    list_init(&hub->advanced);
    buf_init(&hub->scratch, scratch_max(settings));
    buf_init(&hub->converted, scratch_max(settings));
    buf_init(&hub->relayed, scratch_max(settings));
    watch_init(hub);
    buf_init(&hub->server, SERVER_MAX);
    buf_printf(&hub->server, "parley/%s", settings->version);
    if (!init(hub)) {
        hub_free(hub);
        return NULL;
    }
    return hub;
}

void hub_reload(struct hub *hub, const struct hub_settings *settings)
{
    struct hub_settings now = *settings;

    assert(settings->max_filter_patterns <= FILTER_MAX_PATTERNS);
    now.reactors = hub->settings.reactors;
    now.version = hub->settings.version;
    now.max_sessions = hub->settings.max_sessions;
    now.max_registration_bytes = hub->settings.max_registration_bytes;
    hub->settings = now;
    hub->clients.max = now.max_clients;
    hub->scratch.max = hub->converted.max = hub->relayed.max = scratch_max(&now);
    session_forget_rosters(hub); /* how long they are is one of the settings */
}

bool hub_tell_policy(struct hub *hub, struct shared *policy)
{
    if (!hub_reserve(hub)) {
        return false;
    }
    for (unsigned r = 0; r < hub->settings.reactors; r++) {
        hub_tell(hub, r, &(struct down){.kind = DOWN_POLICY, .policy = shared_ref(policy)});
    }
    return true;
}

static void free_clients(struct hub *hub)
{
    for (uint32_t i = 0; i < slab_limit(&hub->clients); i++) {
        struct client *c = client_at(hub, i);
        if (c->state != CLIENT_FREE && c->principal != HUB_NOBODY) {
            client_forget_own(c);
        }
    }
    list_each_safe(stranger, &hub->strangers) {
        stranger_end(hub, list_entry(stranger, struct stranger, link));
    }
    agents_fini(hub);
    requests_fini(hub);
    capabilities_fini(hub);
}

void hub_free(struct hub *hub)
{
    if (hub == NULL) {
        return;
    }
    free_clients(hub);
    jobs_fini(hub);
    host_fini(hub);
    tickets_fini(hub);
    principals_fini(&hub->principals);
    labels_fini(&hub->user_agents);
    address_counts_fini(&hub->addresses);
    limiter_fini(&hub->limiter);
    session_fini(hub);
    turn_fini(&hub->turn);
    packer_fini(&hub->packer);
    for (unsigned r = 0; r < MAX_REACTORS; r++) {
        down_batch_free(hub->down[r]);
        free(hub->client_by_slot[r]);
    }
    types_fini(hub); /* behind all that may hold a segment, whose entries have types */
    map_fini(&hub->clients_by_id);
    map_fini(&hub->agents_by_id);
    map_fini(&hub->sessions_by_name);
    slab_fini(&hub->clients);
    slab_fini(&hub->agents);
    slab_fini(&hub->sessions);
    slab_fini(&hub->members);
    buf_fini(&hub->scratch);
    watch_fini(hub);
    free(hub->marks);
    buf_fini(&hub->converted);
    buf_fini(&hub->relayed);
    buf_fini(&hub->server);
    free(hub);
}

/* --- what the other files need ---------------------------------------------------------------- */

bool hub_reserve_besides(struct hub *hub, uint32_t count)
{
    for (unsigned r = 0; r < hub->settings.reactors; r++) {
        if (!down_batch_reserve(hub->down[r], RESERVED_COMMANDS + count)) {
            return false;
        }
    }
    return true;
}

bool hub_reserve(struct hub *hub)
{
    return hub_reserve_besides(hub, 0);
}

void hub_tell(struct hub *hub, unsigned reactor, const struct down *item)
{
    bool added = down_batch_add(hub->down[reactor], item);

    assert(added); /* hub_reserve made room for it */
    (void)added;
}

struct buf *hub_emptied(struct buf *b)
{
    if (b->cap > SCRATCH_KEPT) {
        buf_fini(b);
    }
    buf_clear(b);
    return b;
}

struct buf *hub_scratch(struct hub *hub)
{
    return hub_emptied(&hub->scratch);
}

void hub_log(const struct hub *hub, enum log_level level, const char *event, uint32_t client,
             const char *format, ...)
{
    char details[512];
    char id[CLIENT_ID_SIZE];
    struct str name = {NULL, 0};
    va_list args;

    if (hub->ports.log == NULL) {
        return;
    }
    va_start(args, format);
    bool cut; /* a log line may be */
    struct str text = str_vformat(details, sizeof(details), &cut, format, args);
    va_end(args);
    if (client != SLAB_NONE) {
        name = client_id_str(client_at(hub, client), id);
    }
    hub->ports.log(hub->ports.owner, level, event, name, text);
}

static const uint16_t close_codes[HUB_CLOSE_CODES] = {1000, 1001, 1002, 1003, 1007, 1008, 1009,
                                                      1011, 1013, 4401, 4403, 4408, 4409, 0};

uint16_t hub_close_code(unsigned i)
{
    assert(i < HUB_CLOSE_CODES);
    return close_codes[i];
}

void hub_count_close(struct hub *hub, uint16_t code)
{
    unsigned i = 0;

    while (i < HUB_CLOSE_CODES - 1 && close_codes[i] != code) {
        i++;
    }
    hub->counts.closed_by_code[i]++;
}

/* --- turns ------------------------------------------------------------------------------------ */

static void take_message(struct hub *hub, uint32_t client, const struct up *item, struct str text)
{
    hub->counts.messages_received++;
    hub->counts.bytes_received += text.len;
    if (!rate_allows(hub, client, &item->wire, text)) {
        return;
    }
    if (client_at(hub, client)->principal == HUB_NOBODY) {
        stranger_message(hub, client, item, text);
    } else if (client_at(hub, client)->dialect == DIALECT_GATEWAY) {
        control_message(hub, client, item, text);
    } else {
        world_message(hub, client, item, text);
    }
}

void client_receive(struct hub *hub, uint32_t client, const struct up *item, struct str text)
{
    struct client *c = client_at(hub, client);

    if (stranger_holds(hub, client, item, text)) {
        return;
    }
    if (item->kind != UP_LAGGED) {
        heartbeat_heard(hub, c); /* that one is the reactor's word, and no sign of life */
    }
    switch (item->kind) {
    case UP_MESSAGE:
        take_message(hub, client, item, text);
        break;
    case UP_TOO_BIG:
        hub->counts.messages_received++;
        client_error(hub, client, ERROR_MESSAGE_TOO_LARGE,
                     "The message is larger than limits.message_bytes; send less in one message.",
                     "{\"limit\":\"message_bytes\",\"max\":%llu,\"size\":%llu}",
                     (unsigned long long)hub->settings.max_message_bytes,
                     (unsigned long long)item->size);
        break;
    case UP_FAILED:
        client_close(hub, client, item->code, text);
        break;
    case UP_LAGGED:
        client_lagged(hub, client);
        break;
    case UP_ROOM:
        c->dropped += (uint32_t)item->size;
        client_room(hub, client);
        break;
    default:
        break; /* UP_ALIVE has done its work; UP_REQUEST is not for the core */
    }
}

void hub_receive_one(struct hub *hub, const struct up_batch *batch, const struct up *item)
{
    struct str text = up_text(batch, item);
    uint32_t client = client_find_conn(hub, item->conn);

    if (item->kind == UP_CLOSED && client == SLAB_NONE) {
        /* It was refused, or waits for a verdict, of which nobody would get the good. */
        job_cancel(hub, item->conn);
        return;
    }
    /*
     * Without memory for the commands that may come of it, an event is lost. That must not happen
     * to UP_CLOSED, so the client is marked, and the next tick does it; by then its place may be
     * another's, and a verdict would find nobody.
     */
    if (!hub_reserve(hub)) {
        hub->counts.out_of_memory++;
        if (item->kind == UP_CLOSED) {
            job_cancel(hub, item->conn);
        }
        if (client != SLAB_NONE) {
            struct client *c = client_at(hub, client);
            c->lost = true;
            c->gone = c->gone || item->kind == UP_CLOSED;
            hub->some_lost = true;
        }
        return;
    }
    if (item->kind == UP_OPENED) {
        struct evidence evidence;
        evidence_unpack(text, &evidence, &text);
        client_open(hub, item->conn, item->dialect, &evidence);
    } else if (client == SLAB_NONE) {
        return; /* it was refused since */
    } else if (item->kind == UP_CLOSED) {
        client_gone(hub, client);
    } else if (client_at(hub, client)->state == CLIENT_OPEN && !client_at(hub, client)->lost) {
        /* What comes behind an event that was lost would be taken for the whole. */
        client_receive(hub, client, item, text);
    }
    requests_settle(hub);
    hub_tell_host(hub);
}

void hub_receive(struct hub *hub, const struct up_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        hub_receive_one(hub, batch, &batch->items[i]);
    }
}

/* Clients to whom something was not said for want of memory cannot stay. */
static void close_lost(struct hub *hub)
{
    if (!hub->some_lost) {
        return;
    }
    hub->some_lost = false;
    for (uint32_t i = 0; i < slab_limit(&hub->clients); i++) {
        struct client *c = client_at(hub, i);
        if (c->state == CLIENT_FREE || !c->lost) {
            continue;
        }
        if (!hub_reserve(hub)) {
            hub->some_lost = true;
            return;
        }
        if (c->gone) {
            client_gone(hub, i);
        } else {
            client_close(hub, i, CLOSE_TRY_LATER,
                         STR("the gateway is out of memory: connect again later"));
        }
    }
}

void hub_set_time(struct hub *hub, struct hub_time now)
{
    /* Silence is a difference of times; one read a moment earlier must not make it negative. */
    if (now.mono_ms >= hub->now.mono_ms) {
        uint64_t passed = now.mono_ms - hub->now.mono_ms;
        if (passed > hub->settings.max_pause_ms) {
            hub->pause.at_ms = hub->awake_ms;
            hub->pause.ms = passed - hub->settings.max_pause_ms;
            passed = hub->settings.max_pause_ms;
        }
        hub->awake_ms += passed;
        hub->now = now;
    }
}

void hub_tick(struct hub *hub, struct hub_time now)
{
    hub_set_time(hub, now);
    close_lost(hub);
    heartbeat_tick(hub);
    strangers_tick(hub);
    tickets_tick(hub);
    jobs_tick(hub);
    memory_tick(hub);
    requests_settle(hub);
    agents_tick(hub);
    drain_tick(hub);
    session_tick(hub);
}

uint64_t hub_turn_output(const struct hub *hub)
{
    return hub->turn.made + hub->logged;
}

bool hub_turn_full(const struct hub *hub)
{
    return hub_turn_output(hub) >= hub->settings.turn_output;
}

void hub_end_turn(struct hub *hub)
{
    access_forget_asker(hub);
    requests_end_turn(hub);
    hub_tell_host(hub);
    hub->turn.made = 0;
    hub->logged = 0;
    session_announce(hub);
}

struct down_batch *hub_take_down(struct hub *hub, unsigned reactor, struct down_batch *empty)
{
    struct down_batch *full = hub->down[reactor];

    assert(reactor < hub->settings.reactors && empty->count == 0);
    hub->down[reactor] = empty;
    return full;
}

bool hub_down_pending(const struct hub *hub, unsigned reactor)
{
    return hub->down[reactor]->count > 0;
}

void hub_respond(struct hub *hub, uint64_t conn, struct str bytes, bool last, bool disconnect)
{
    struct down item = {.kind = DOWN_FRAME, .conn = conn, .len = (uint32_t)bytes.len};

    assert(bytes.len > 0);
    item.flags = (uint8_t)((last ? DOWN_LAST : 0) | (disconnect ? DOWN_DISCONNECT : 0));
    char *at = hub_reserve(hub) ? turn_extend(&hub->turn, bytes.len, &item.off) : NULL;
    if (at == NULL) {
        hub->counts.out_of_memory++;
        return; /* the connection's own timer ends it */
    }
    memcpy(at, bytes.ptr, bytes.len);
    item.segment = hub->turn.segment;
    item.seq = hub_next_seq(hub);
    hub_tell(hub, conn_reactor(conn), &item);
}

void hub_hide_response(struct hub *hub)
{
    if (hub->turn.segment != NULL) {
        hub->turn.segment->secret = true;
        turn_fini(&hub->turn); /* nothing more goes into it, so it ends with its readers */
    }
}

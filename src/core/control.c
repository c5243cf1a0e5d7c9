#include "core/control.h"

#include <stdlib.h>

#include "core/gate.h"
#include "core/request.h"
#include "core/stranger.h"
#include "json/reader.h"

/* --- frames ----------------------------------------------------------------------------------- */

void control_open(struct hub *hub, struct json_writer *w, const char *type, struct str session)
{
    char raw_type[64];

    control_begin(hub, w, hub_scratch(hub), str_format(raw_type, sizeof(raw_type), "\"%s\"", type));
    if (session.len > 0) {
        json_key_string(w, STR("sessionId"), session);
    }
    json_key(w, STR("payload"));
    json_begin_object(w);
}

struct buf *control_close(struct hub *hub, struct json_writer *w, bool reply)
{
    json_end_object(w);
    json_key_uint(w, STR("timestamp"), hub->now.wall_ms);
    if (reply && hub->at_hand.len > 0) {
        json_key_raw(w, STR("replyTo"), hub->at_hand);
    }
    json_end_object(w);
    return w->out;
}

void control_answer(struct hub *hub, uint32_t client, struct json_writer *w)
{
    (void)control_close(hub, w, true);
    client_send_scratch(hub, client);
}

struct buf *control_error(struct hub *hub, enum error_code code, struct str message,
                          struct str details)
{
    struct json_writer w;

    control_open(hub, &w, "error", STR(""));
    json_key_string(&w, STR("code"), str_from_z(error_table[code].code));
    json_key_string(&w, STR("message"), message);
    json_key_raw(&w, STR("details"), details.len > 0 ? details : STR("{}"));
    return control_close(hub, &w, true);
}

/* --- devices ---------------------------------------------------------------------------------- */

void device_free(struct device *d)
{
    if (d != NULL) {
        list_remove(&d->link);
        free(d->id);
        free(d->user_id);
        free(d);
    }
}

/* Where a client's device stands: a stranger's waits with it. */
static struct device **device_place(struct hub *hub, uint32_t client)
{
    struct client *c = client_at(hub, client);

    return c->principal == HUB_NOBODY ? &c->stranger->device : &c->device;
}

/* The client's device, made when there is none; NULL: no memory. */
static struct device *device_of(struct hub *hub, uint32_t client)
{
    struct device **place = device_place(hub, client);

    if (*place == NULL) {
        *place = calloc(1, sizeof(**place));
        if (*place != NULL) {
            list_init(&(*place)->link);
            (*place)->client = client;
        }
    }
    return *place;
}

struct str control_device_id(const struct hub *hub, uint32_t client, char buffer[CLIENT_ID_SIZE])
{
    const struct client *c = client_at(hub, client);

    if (c->dialect == DIALECT_GATEWAY && c->principal != HUB_NOBODY && c->device != NULL &&
        c->device->id != NULL) {
        return str_from_z(c->device->id);
    }
    return client_id_str(c, buffer);
}

/* Replaces an owned text; false: no memory. A NUL inside ends it: it is a name for people. */
static bool keep_text(char **place, const struct parley_string *text)
{
    char *copy;

    if (text->is != PARLEY_SET) {
        return true;
    }
    copy = strndup(text->ptr, text->len);
    if (copy == NULL) {
        return false;
    }
    free(*place);
    *place = copy;
    return true;
}

/* --- greeting, connect ------------------------------------------------------------------------ */

static bool must_authenticate(const struct hub *hub, uint32_t client)
{
    return client_at(hub, client)->principal == HUB_NOBODY;
}

void control_greet(struct hub *hub, uint32_t client)
{
    char id[CLIENT_ID_SIZE];
    struct str name = client_id_str(client_at(hub, client), id);
    struct json_writer w;

    control_open(hub, &w, "session_info", STR(""));
    json_key_string(&w, STR("sessionId"), name);
    json_key_string(&w, STR("status"), STR("connected"));
    json_key_bool(&w, STR("authRequired"), must_authenticate(hub, client));
    (void)control_close(hub, &w, false);
    client_send_scratch(hub, client);
}

static const char *const device_roles[] = {"control", "node", "webchat"};

void control_write_device(const struct hub *hub, struct json_writer *w, uint32_t client)
{
    const struct client *c = client_at(hub, client);
    const struct device *d = c->principal == HUB_NOBODY ? c->stranger->device : c->device;

    if (c->dialect == DIALECT_GATEWAY && d != NULL && d->connected) {
        json_key_string(w, STR("deviceId"), str_from_z(d->id));
        json_key_string(w, STR("role"), str_from_z(device_roles[d->role]));
    }
}

void control_show_device(struct hub *hub, uint32_t client)
{
    const struct client *c = client_at(hub, client);

    if (c->principal != HUB_NOBODY && c->device != NULL && c->device->connected &&
        list_empty(&c->device->link)) {
        list_append(&hub->devices, &c->device->link);
    }
}

/* Who else is here, but only for one who may know: at most ROSTER_MAX. */
static void write_presence(struct hub *hub, struct json_writer *w, uint32_t client)
{
    uint32_t left = must_authenticate(hub, client) ? 0 : ROSTER_MAX;

    json_key(w, STR("presence"));
    size_t end = w->out->len + hub_list_bytes(hub);
    json_begin_array(w);
    list_each(link, &hub->devices) {
        const struct device *d = list_entry(link, struct device, link);
        const struct client *c = client_at(hub, d->client);
        if (left == 0 || w->out->len >= end) {
            break;
        }
        if (d->client == client || c->state != CLIENT_OPEN) {
            continue;
        }
        json_begin_object(w);
        json_key_string(w, STR("deviceId"), str_from_z(d->id));
        json_key_string(w, STR("role"), str_from_z(device_roles[d->role]));
        json_key_uint(w, STR("connectedAt"), client_connected_ms(hub, c));
        json_end_object(w);
        left--;
    }
    json_end_array(w);
}

static void write_health(const struct hub *hub, struct json_writer *w)
{
    json_key_string(w, STR("status"), hub->draining ? STR("draining") : STR("ok"));
    json_key_uint(w, STR("checkedAt"), hub->now.wall_ms);
}

/* What a client may send: what it may not is not among it. */
static void write_methods(struct json_writer *w)
{
    static const char *const methods[] = {
        "agent_heartbeat", "agent_register", "agent_unregister", "auth",
        "broadcast",       "chat",           "connect",          "health",
        "monitor",         "ping",           "presence",         "route_cancel",
        "route_request",   "route_response", "session_create",   "session_join",
        "session_leave",   "session_list",   "session_patch",    "sync_state",
    };

    json_key(w, STR("capabilities"));
    json_begin_object(w);
    json_key(w, STR("methods"));
    json_begin_array(w);
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        json_string(w, str_from_z(methods[i]));
    }
    json_end_array(w);
    json_end_object(w);
}

/* The highest version that both speak; false: there is none, and ours stands in for it. */
static bool agree(const struct parley_connect_payload *p, int64_t *ret_version)
{
    int64_t own = p->protocol_version.value;
    int64_t low = p->min_protocol_version.is == PARLEY_SET ? p->min_protocol_version.value : own;
    int64_t high = p->max_protocol_version.is == PARLEY_SET ? p->max_protocol_version.value : own;

    *ret_version = high < CONTROL_PROTOCOL_MAX ? high : CONTROL_PROTOCOL_MAX;
    if (*ret_version >= low && *ret_version >= CONTROL_PROTOCOL_MIN) {
        return true;
    }
    *ret_version = CONTROL_PROTOCOL_MAX;
    return false;
}

static void send_hello(struct hub *hub, uint32_t client, const struct parley_connect_payload *p)
{
    char id[CLIENT_ID_SIZE];
    struct json_writer w;
    int64_t version;
    bool compatible = agree(p, &version);

    control_open(hub, &w, "hello_ok", STR(""));
    json_key_bool(&w, STR("paired"), true);
    json_key_uint(&w, STR("uptime"), hub->now.mono_ms - hub->started.mono_ms);
    json_key_uint(&w, STR("stateVersion"), hub->watch.version);
    write_presence(hub, &w, client);
    json_key(&w, STR("health"));
    json_begin_object(&w);
    write_health(hub, &w);
    json_end_object(&w);
    json_key_bool(&w, STR("authRequired"), must_authenticate(hub, client));
    json_key_uint(&w, STR("protocolVersion"), (uint64_t)version);
    json_key_bool(&w, STR("protocolCompatible"), compatible);
    json_key(&w, STR("server"));
    json_begin_object(&w);
    json_key_string(&w, STR("version"), str_from_z(hub->settings.version));
    json_key_string(&w, STR("connId"), client_id_str(client_at(hub, client), id));
    json_end_object(&w);
    write_methods(&w);
    message_limits(hub, &w);
    control_answer(hub, client, &w);
}

static void connect_device(struct hub *hub, struct sender *sender, struct str text)
{
    struct parley_connect message;

    parley_connect_init(&message);
    if (relay_parse(hub, sender, text, &parley_connect_info, &message) &&
        !sender_only_asks(sender)) {
        uint32_t client = sender->client;
        struct device *d = device_of(hub, client);
        if (d != NULL && keep_text(&d->id, &message.payload.device_id)) {
            d->role = (uint8_t)message.payload.role.value;
            d->connected = true;
            control_show_device(hub, client);
            state_changed(hub, STATE_CLIENT, STATE_CHANGED, client);
            send_hello(hub, client, &message.payload);
        } else {
            client_error_memory(hub, client);
        }
    }
    parley_connect_fini(&message);
}

bool control_enter(struct hub *hub, uint32_t client)
{
    if (session_join(hub, hub->everybody, client)) {
        return true;
    }
    hub->counts.out_of_memory++;
    client_close(hub, client, CLOSE_TRY_LATER, STR("no memory: connect again later"));
    return false;
}

/* --- auth ------------------------------------------------------------------------------------- */

struct str control_user_id(const struct hub *hub, uint32_t client)
{
    const struct client *c = client_at(hub, client);

    if (c->dialect == DIALECT_GATEWAY && hub->principals.mode == HUB_AUTH_NONE &&
        c->device != NULL && c->device->user_id != NULL) {
        return str_from_z(c->device->user_id);
    }
    return hub_principal_name(hub, c->principal);
}

void control_welcome(struct hub *hub, uint32_t client)
{
    const struct client *c = client_at(hub, client);
    char id[CLIENT_ID_SIZE];
    struct json_writer w;

    control_open(hub, &w, "auth_success", STR(""));
    json_key_string(&w, STR("clientId"), client_id_str(c, id));
    json_key_string(&w, STR("userId"), control_user_id(hub, client));
    control_answer(hub, client, &w);
}

static void require_credential(struct hub *hub, struct sender *sender)
{
    sender_refuse(hub, sender, ERROR_AUTH_REQUIRED,
                  "`auth` needs a `token` or a `password` in its payload.",
                  "{\"path\":\"payload\"}");
    if (sender->dry == NULL) {
        stranger_failed(hub, sender->client);
    }
}

/* One that has authenticated does it again: with the same credential, or it stays who it is. */
static void authenticate_again(struct hub *hub, uint32_t client, const struct attempt *attempt)
{
    struct gate_refusal why = {.code = ERROR_FORBIDDEN};
    uint32_t principal;

    switch (gate_try(hub, attempt, &principal, &why)) {
    case GATE_OPEN:
        if (access_renew(hub, client, principal)) {
            control_welcome(hub, client);
        }
        return;
    case GATE_SHUT:
        client_error(hub, client, why.code, gate_text(&why), "%s", "");
        return;
    case GATE_LATER: /* it is who it is: what takes long is not looked at for that */
        limiter_refund(&hub->limiter, attempt->address);
        break;
    }
    client_error(hub, client, ERROR_FORBIDDEN,
                 "This connection has authenticated, and a credential of this kind is not checked "
                 "for it again; open another one.",
                 "{\"rule\":\"same_subject\"}");
}

static void authenticate(struct hub *hub, struct sender *sender, struct str text,
                         const struct parley_auth_payload *p)
{
    uint32_t client = sender->client;
    const struct client *c = client_at(hub, client);
    const struct parley_string *secret = p->token.is == PARLEY_SET ? &p->token : &p->password;
    struct attempt attempt = {
        .address = c->address,
        .near = c->near,
        .kind = secret == &p->token ? CREDENTIAL_BEARER : CREDENTIAL_PASSWORD,
        .secret = str_make(secret->ptr, secret->len),
    };

    if (hub->principals.mode == HUB_AUTH_NONE) {
        if (!sender_only_asks(sender)) {
            control_welcome(hub, client);
        }
    } else if (secret->is != PARLEY_SET || secret->len == 0) {
        require_credential(hub, sender);
    } else if (sender_only_asks(sender)) {
        return; /* a credential is not tried for that */
    } else if (must_authenticate(hub, client)) {
        stranger_authenticate(hub, client, &attempt, text);
    } else {
        authenticate_again(hub, client, &attempt);
    }
}

/* What it calls itself; false: no memory. */
static bool keep_user_id(struct hub *hub, uint32_t client, const struct parley_auth_payload *p)
{
    struct device *d = device_of(hub, client);

    if (d == NULL || !keep_text(&d->user_id, &p->client_id)) {
        return false;
    }
    if (hub->principals.mode == HUB_AUTH_NONE) {
        state_changed(hub, STATE_CLIENT, STATE_CHANGED, client);
    }
    return true;
}

static void take_auth(struct hub *hub, struct sender *sender, struct str text)
{
    struct parley_auth message;

    parley_auth_init(&message);
    if (relay_parse(hub, sender, text, &parley_auth_info, &message)) {
        if (sender->dry != NULL || keep_user_id(hub, sender->client, &message.payload)) {
            authenticate(hub, sender, text, &message.payload);
        } else {
            client_error_memory(hub, sender->client);
        }
    } else if (sender->dry == NULL) {
        stranger_failed(hub, sender->client);
    }
    parley_auth_fini(&message);
}

/* --- ping, health ----------------------------------------------------------------------------- */

static void send_pong(struct hub *hub, struct sender *sender, struct str text)
{
    char id[CLIENT_ID_SIZE];
    struct json_writer w;

    (void)text;
    if (sender_only_asks(sender)) {
        return;
    }
    control_open(hub, &w, "pong", STR(""));
    json_key_string(&w, STR("clientId"), client_id_str(client_at(hub, sender->client), id));
    control_answer(hub, sender->client, &w);
}

static void send_health(struct hub *hub, struct sender *sender, struct str text)
{
    struct json_writer w;

    (void)text;
    if (sender_only_asks(sender)) {
        return;
    }
    control_open(hub, &w, "health", STR(""));
    write_health(hub, &w);
    json_key_uint(&w, STR("uptime"), hub->now.mono_ms - hub->started.mono_ms);
    json_key_uint(&w, STR("clients"), hub->counts.clients);
    json_key_uint(&w, STR("sessions"), hub->counts.sessions);
    json_key_uint(&w, STR("agents"), hub->counts.agents);
    control_answer(hub, sender->client, &w);
}

/* --- messages --------------------------------------------------------------------------------- */

struct str control_id(struct str raw)
{
    bool is_id = json_kind_of(raw) == JSON_STRING && raw.len > 2 && raw.len <= MESSAGE_ID_MAX + 2;

    return is_id ? raw : STR("");
}

/* The id that answers name; one that cannot be read, or is no id, is not answered to. */
static struct str id_at_hand(const struct wire *w, struct str text)
{
    return w->status == WIRE_OK ? control_id(wire_raw(w, text.ptr, WIRE_ID)) : STR("");
}

/* What a stranger's message is, and what comes of it. */
static void hear_stranger(struct hub *hub, uint32_t client, const struct up *item, struct str text)
{
    struct sender sender = {.dialect = DIALECT_GATEWAY, .client = client, .principal = HUB_NOBODY};
    const struct type_name *type = relay_read(hub, &sender, &item->wire, text);

    if (type == NULL) {
        stranger_failed(hub, client);
        return;
    }
    switch (type->kind[DIALECT_GATEWAY]) {
    case PARLEY_TYPE_CONNECT:
        connect_device(hub, &sender, text);
        break;
    case PARLEY_TYPE_AUTH:
        take_auth(hub, &sender, text);
        break;
    case PARLEY_TYPE_GATEWAY_PING:
        send_pong(hub, &sender, text);
        break;
    default:
        stranger_require(hub, client);
    }
    type_discard(type);
}

void control_stranger(struct hub *hub, uint32_t client, const struct up *item, struct str text)
{
    hub->at_hand = id_at_hand(&item->wire, text);
    hear_stranger(hub, client, item, text);
    hub->at_hand = STR("");
}

/* What the gateway itself answers, by type. */
static void (*const answers[PARLEY_TYPE_COUNT])(struct hub *, struct sender *, struct str text) = {
    [PARLEY_TYPE_CONNECT] = connect_device,
    [PARLEY_TYPE_AUTH] = take_auth,
    [PARLEY_TYPE_GATEWAY_PING] = send_pong,
    [PARLEY_TYPE_HEALTH] = send_health,
    [PARLEY_TYPE_SESSION_CREATE] = meeting_create,
    [PARLEY_TYPE_SESSION_JOIN] = meeting_join,
    [PARLEY_TYPE_SESSION_LEAVE] = meeting_leave,
    [PARLEY_TYPE_SESSION_PATCH] = meeting_patch,
    [PARLEY_TYPE_SESSION_LIST] = meeting_list,
    [PARLEY_TYPE_GATEWAY_AGENT_REGISTER] = registry_register,
    [PARLEY_TYPE_AGENT_HEARTBEAT] = registry_heartbeat,
    [PARLEY_TYPE_AGENT_UNREGISTER] = registry_unregister,
    [PARLEY_TYPE_ROUTE_REQUEST] = request_route,
    [PARLEY_TYPE_ROUTE_RESPONSE] = request_response,
    [PARLEY_TYPE_ROUTE_CANCEL] = request_cancel,
    [PARLEY_TYPE_SYNC_STATE] = state_sync,
    [PARLEY_TYPE_MONITOR] = monitor_start,
};

/* Whether the gateway itself deals with it: then it has, or it was refused. */
static bool answer(struct hub *hub, struct sender *sender, const struct wire *w,
                   const struct type_name *type, struct str text)
{
    enum parley_type kind = (enum parley_type)type->kind[DIALECT_GATEWAY];
    bool is_for_whoever = kind == PARLEY_TYPE_CHAT && !carry_names_somebody(w, text);

    if (!is_for_whoever && answers[kind] == NULL) {
        return request_answer(hub, sender, w, text, kind);
    }
    if ((is_for_whoever || kind == PARLEY_TYPE_ROUTE_REQUEST ||
         kind == PARLEY_TYPE_SESSION_PATCH) &&
        !relay_allows(hub, sender, w, text, type)) {
        return true;
    }
    if (is_for_whoever) {
        request_chat(hub, sender, w, text);
    } else {
        answers[kind](hub, sender, text);
    }
    return true;
}

static void hear(struct hub *hub, struct sender *sender, const struct wire *w, struct str text)
{
    const struct type_name *type = relay_read(hub, sender, w, text);

    if (type == NULL) {
        return;
    }
    if (host_hears(hub, sender, w, text, type) || answer(hub, sender, w, type, text)) {
        type_discard(type);
    } else if (type->kind[DIALECT_GATEWAY] == PARLEY_TYPE_PRESENCE) {
        if (relay_allows(hub, sender, w, text, type)) {
            presence_say(hub, sender, w, text);
        }
        type_discard(type);
    } else if (type->kind[DIALECT_GATEWAY] == PARLEY_TYPE_BROADCAST) {
        carry_broadcast(hub, sender, w, text, type);
    } else {
        carry_message(hub, sender, w, text, type);
    }
}

void control_take(struct hub *hub, struct sender *sender, const struct wire *w, struct str text)
{
    hub->at_hand = id_at_hand(w, text);
    hear(hub, sender, w, text);
    hub->at_hand = STR("");
}

void control_message(struct hub *hub, uint32_t client, const struct up *item, struct str text)
{
    struct sender sender = {.dialect = DIALECT_GATEWAY,
                            .client = client,
                            .principal = client_at(hub, client)->principal};

    control_take(hub, &sender, &item->wire, text);
}

#include "core/control.h"

#include <stdlib.h>

#include "json/merge.h"
#include "json/reader.h"

/* Sessions as clients of the gateway dialect make, enter, change and leave them. */

enum { SESSIONS_PER_CLIENT = 1000, LISTED_MAX = 1000 };

/* --- session_info ----------------------------------------------------------------------------- */

static void write_members(struct hub *hub, struct json_writer *w, const struct session *s)
{
    uint32_t listed = 0;

    json_key(w, STR("members"));
    size_t end = w->out->len + hub_list_bytes(hub);
    json_begin_array(w);
    for (unsigned d = 0; d < DIALECT_COUNT; d++) {
        for (uint32_t i = session_first(s, (enum dialect)d);
             i != SLAB_NONE && listed < LISTED_MAX && w->out->len < end;
             i = session_next(hub, i), listed++) {
            char id[CLIENT_ID_SIZE];
            json_string(w, client_name(hub, member_at(hub, i)->client, id));
        }
    }
    json_end_array(w);
    json_key_uint(w, STR("total"), s->member_count);
}

static void write_session(struct hub *hub, struct json_writer *w, uint32_t session)
{
    const struct session *s = session_at(hub, session);

    if (s->title != NULL) {
        json_key_string(w, STR("name"), str_from_z(s->title));
    }
    if (s->metadata != NULL) {
        json_key_raw(w, STR("metadata"), str_from_z(s->metadata));
    }
    write_members(hub, w, s);
}

/* A session_info in the scratch buffer, as an answer or not. */
static void make_info(struct hub *hub, uint32_t session, const char *status, bool reply)
{
    struct str name = session_name(session_at(hub, session));
    struct json_writer w;

    control_open(hub, &w, "session_info", name);
    json_key_string(&w, STR("sessionId"), name);
    json_key_string(&w, STR("status"), str_from_z(status));
    write_session(hub, &w, session);
    (void)control_close(hub, &w, reply);
}

static void answer_info(struct hub *hub, uint32_t client, uint32_t session, const char *status)
{
    make_info(hub, session, status, true);
    client_send_scratch(hub, client);
}

void meeting_tell(struct hub *hub, uint32_t client, uint32_t session, const char *status)
{
    make_info(hub, session, status, false);
    client_send_scratch(hub, client);
}

/* --- joining ---------------------------------------------------------------------------------- */

static bool has_too_many(const struct hub *hub, uint32_t client)
{
    uint32_t count = 0;

    for (uint32_t i = client_at(hub, client)->members; i != SLAB_NONE;
         i = member_at(hub, i)->next) {
        count++;
    }
    return count > SESSIONS_PER_CLIENT; /* the hidden ones are few */
}

/* Whether a session has as many members as any may have; worlds have no limit. */
static bool is_full(const struct hub *hub, uint32_t session)
{
    const struct session *s = session_at(hub, session);
    uint32_t most = hub->settings.max_clients_per_session;

    return most > 0 && !str_starts_with(session_name(s), STR("world:")) && s->member_count >= most;
}

bool meeting_is_full(const struct hub *hub, uint32_t client, uint32_t session)
{
    return has_too_many(hub, client) || is_full(hub, session);
}

static bool refuse(struct hub *hub, struct sender *sender, enum error_code code,
                   const char *message, struct str id)
{
    sender_refuse(hub, sender, code, message, "{\"sessionId\":\"%.*s\"}", STR_ARG(id));
    return false;
}

/*
 * Whether there is room for the client in a session that is there, or with SLAB_NONE in one that
 * begins; if not, it is told. That it may enter it was found before.
 */
static bool has_room(struct hub *hub, struct sender *sender, uint32_t session, struct str id)
{
    if (has_too_many(hub, sender->client)) {
        sender_refuse(hub, sender, ERROR_LIMIT_REACHED,
                      "You are in as many sessions as a client may be in; leave one.",
                      "{\"limit\":\"sessions_per_client\",\"max\":%u}", SESSIONS_PER_CLIENT);
        return false;
    }
    if (session != SLAB_NONE && is_full(hub, session)) {
        return refuse(hub, sender, ERROR_SESSION_FULL,
                      "This session has as many members as gateway.max_clients_per_session "
                      "allows; wait, or use another one.",
                      id);
    }
    return true;
}

static void refuse_for_room(struct hub *hub, struct sender *sender)
{
    if (sender->dry == NULL) {
        hub->counts.limits_hit[LIMIT_SESSIONS]++;
    }
    sender_refuse(hub, sender, ERROR_LIMIT_REACHED,
                  "There are as many sessions as this gateway allows, or no memory for another; "
                  "join one that exists, or try again later.",
                  "{\"limit\":\"sessions\"}");
}

/* Into a session that is there: a member is told again where it is, and nobody else of it. */
static void enter(struct hub *hub, struct sender *sender, uint32_t session, const char *status)
{
    struct str id = session_name(session_at(hub, session));
    uint32_t client = sender->client;
    bool has = session_has(hub, session, client);

    if ((!has && !has_room(hub, sender, session, id)) || sender_only_asks(sender)) {
        return;
    }
    if (!has) {
        if (!session_join(hub, session, client)) {
            session_drop_if_empty(hub, session);
            refuse_for_room(hub, sender);
            return;
        }
        presence_announce(hub, session, client, "online");
    }
    answer_info(hub, client, session, status);
}

/* --- session_create --------------------------------------------------------------------------- */

static void make_id(struct hub *hub, char ret_id[CLIENT_ID_SIZE])
{
    struct client random = {0};

    hub->ports.random(hub->ports.owner, &random.id, sizeof(random.id));
    client_id_text(&random, ret_id);
    ret_id[0] = 's';
}

/* Name and metadata of a new session; false: no memory. */
bool meeting_describe(struct hub *hub, uint32_t session, struct str title, struct str metadata)
{
    struct session *s = session_at(hub, session);

    s->title = title.len > 0 ? strndup(title.ptr, title.len) : NULL;
    s->metadata = metadata.len > 0 ? strndup(metadata.ptr, metadata.len) : NULL;
    return (s->title != NULL || title.len == 0) && (s->metadata != NULL || metadata.len == 0);
}

/* A session begins with its first member. */
static void begin(struct hub *hub, struct sender *sender, struct str id, struct str title,
                  struct str metadata, const char *status)
{
    if (!has_room(hub, sender, SLAB_NONE, id)) {
        return;
    }
    if (!session_may_begin(hub)) {
        refuse_for_room(hub, sender);
        return;
    }
    if (sender_only_asks(sender)) {
        return;
    }
    uint32_t session = session_new(hub, id);
    if (session == SLAB_NONE || !meeting_describe(hub, session, title, metadata)) {
        if (session != SLAB_NONE) {
            session_drop_if_empty(hub, session);
        }
        refuse_for_room(hub, sender);
        return;
    }
    enter(hub, sender, session, status);
}

static void create(struct hub *hub, struct sender *sender, struct str id,
                   const struct parley_session_create_payload *p)
{
    struct str metadata =
        p->metadata.is == PARLEY_SET ? str_make(p->metadata.ptr, p->metadata.len) : STR("");

    if (str_starts_with(id, STR("world:"))) {
        (void)refuse(hub, sender, ERROR_FORBIDDEN,
                     "Sessions whose id begins with `world:` are worlds; they begin when somebody "
                     "enters them. Choose another id.",
                     id);
        return;
    }
    if (metadata.len > METADATA_MAX) {
        sender_refuse(hub, sender, ERROR_LIMIT_REACHED,
                      "The metadata of a session is too large; keep what is long elsewhere.",
                      "{\"limit\":\"metadata_bytes\",\"max\":%u}", METADATA_MAX);
        return;
    }
    begin(hub, sender, id, text_of(&p->name), metadata, "created");
}

/*
 * Into a session of this id, which begins with it if there is none. What is not granted is refused
 * before it is looked whether it is there: the answer must not tell.
 */
static void create_or_enter(struct hub *hub, struct sender *sender, struct str id,
                            const struct parley_session_create_payload *p)
{
    struct hub_verdict verdict = hub_may(hub, sender->principal, MAY_ENTER, id);
    uint32_t session = session_find(hub, id);

    if (verdict.code != ERROR_NONE) {
        sender_refuse(
            hub, sender, verdict.code,
            "The credential does not grant this session; its grant `sessions` lists those "
            "it may enter.",
            "{\"rule\":\"%s\"}", verdict.rule);
    } else if (session != SLAB_NONE) {
        enter(hub, sender, session, "joined");
    } else {
        create(hub, sender, id, p);
    }
}

void meeting_create(struct hub *hub, struct sender *sender, struct str text)
{
    struct parley_session_create message;
    char made[CLIENT_ID_SIZE];

    parley_session_create_init(&message);
    if (relay_parse(hub, sender, text, &parley_session_create_info, &message)) {
        struct str id = text_of(&message.payload.session_id);
        if (message.payload.session_id.is != PARLEY_SET) {
            make_id(hub, made);
            id = str_make(made, CLIENT_ID_SIZE);
        }
        if (!id_valid(id)) {
            sender_refuse(hub, sender, ERROR_INVALID_MESSAGE,
                          "A session's id is 1 to 128 characters out of A-Z a-z 0-9 . _ : @ -",
                          "{\"path\":\"payload.sessionId\"}");
        } else {
            create_or_enter(hub, sender, id, &message.payload);
        }
    }
    parley_session_create_fini(&message);
}

/* --- session_join, session_leave -------------------------------------------------------------- */

/* A world is there as soon as somebody enters it, by whichever dialect. */
static bool is_world(struct str id)
{
    struct str prefix = STR("world:");

    return str_starts_with(id, prefix) && id.len > prefix.len;
}

/* Into a session that the client may know of, or a world that begins with it. */
static void join(struct hub *hub, struct sender *sender, struct str id)
{
    uint32_t session = session_find(hub, id);
    bool may = hub_may(hub, sender->principal, MAY_ENTER, id).code == ERROR_NONE;

    if (!may || (session == SLAB_NONE && !is_world(id))) {
        (void)refuse(hub, sender, ERROR_SESSION_NOT_FOUND,
                     "No session has this id now; create it with session_create.", id);
        return;
    }
    if (session == SLAB_NONE) {
        begin(hub, sender, id, STR(""), STR(""), "joined");
    } else {
        enter(hub, sender, session, "joined");
    }
}

void meeting_join(struct hub *hub, struct sender *sender, struct str text)
{
    struct parley_session_join message;

    parley_session_join_init(&message);
    if (relay_parse(hub, sender, text, &parley_session_join_info, &message)) {
        struct str id = text_of(&message.payload.session_id);
        if (id_valid(id)) {
            join(hub, sender, id);
        } else {
            sender_refuse(hub, sender, ERROR_SESSION_NOT_FOUND,
                          "No session has this id now; create it with session_create.",
                          "{\"path\":\"payload.sessionId\"}");
        }
    }
    parley_session_join_fini(&message);
}

static void answer_left(struct hub *hub, uint32_t client, struct str id)
{
    struct json_writer w;

    control_open(hub, &w, "session_info", id);
    json_key_string(&w, STR("sessionId"), id);
    json_key_string(&w, STR("status"), STR("left"));
    control_answer(hub, client, &w);
}

/* Whether it was in it, or it was there at all: it is out of it now. */
static void leave(struct hub *hub, uint32_t client, uint32_t session, struct str id)
{
    if (session != SLAB_NONE && session_has(hub, session, client)) {
        presence_announce(hub, session, client, "offline");
        session_leave(hub, session, client);
    }
    answer_left(hub, client, id);
}

void meeting_leave(struct hub *hub, struct sender *sender, struct str text)
{
    struct parley_session_leave message;

    parley_session_leave_init(&message);
    if (relay_parse(hub, sender, text, &parley_session_leave_info, &message)) {
        struct str id = text_of(&message.payload.session_id);
        uint32_t session = id_valid(id) ? session_find(hub, id) : SLAB_NONE;
        if (!sender_only_asks(sender)) {
            leave(hub, sender->client, session, id);
        }
    }
    parley_session_leave_fini(&message);
}

/* --- session_patch ---------------------------------------------------------------------------- */

/* To each member of the gateway dialect, to the sender as an answer. */
static void tell_patched(struct hub *hub, uint32_t client, uint32_t session)
{
    make_info(hub, session, "patched", false);
    if (hub->scratch.failed) {
        hub->counts.out_of_memory++;
    } else {
        struct speech speech = {
            .dialect = DIALECT_GATEWAY, .text = buf_str(&hub->scratch), .stays = true};
        session_broadcast(hub, session, client, &speech, hub->untyped);
    }
    answer_info(hub, client, session, "patched");
}

static void patch(struct hub *hub, struct sender *sender, uint32_t session, struct str change)
{
    struct session *s = session_at(hub, session);
    struct buf merged;

    buf_init(&merged, METADATA_MAX);
    bool ok = change.len <= METADATA_MAX &&
              json_merge(&merged, hub->secret,
                         s->metadata != NULL ? str_from_z(s->metadata) : STR("{}"), change);
    char *copy = ok ? strndup(merged.data, merged.len) : NULL;
    buf_fini(&merged);
    if (copy == NULL) {
        sender_refuse(hub, sender, ERROR_LIMIT_REACHED,
                      "The metadata of a session would be too large by this; keep what is long "
                      "elsewhere.",
                      "{\"limit\":\"metadata_bytes\",\"max\":%u}", METADATA_MAX);
        return;
    }
    if (sender_only_asks(sender)) {
        free(copy);
        return;
    }
    free(s->metadata);
    s->metadata = copy;
    state_changed(hub, STATE_SESSION, STATE_CHANGED, session);
    tell_patched(hub, sender->client, session);
}

void meeting_patch(struct hub *hub, struct sender *sender, struct str text)
{
    struct parley_session_patch message;

    parley_session_patch_init(&message);
    if (relay_parse(hub, sender, text, &parley_session_patch_info, &message)) {
        uint32_t session = carry_session(hub, sender, text_of(&message.payload.session_key));
        if (session != SLAB_NONE) {
            patch(hub, sender, session,
                  str_make(message.payload.patch.ptr, message.payload.patch.len));
        }
    }
    parley_session_patch_fini(&message);
}

/* --- session_list ----------------------------------------------------------------------------- */

struct listing {
    struct json_writer *w;
    struct hub *hub;
    size_t end; /* where the text is long enough */
};

/* Metadata and members are told to who joins: a list of a thousand has no room for them. */
static void list_one(void *ctx, const struct hub_session_view *view)
{
    struct listing *l = ctx;
    const struct session *s = session_at(l->hub, session_find(l->hub, view->name));

    if (l->w->out->len >= l->end) {
        return;
    }
    json_begin_object(l->w);
    json_key_string(l->w, STR("sessionId"), view->name);
    if (s->title != NULL) {
        json_key_string(l->w, STR("name"), str_from_z(s->title));
    }
    json_key_uint(l->w, STR("total"), view->members);
    json_end_object(l->w);
}

static void make_list(struct hub *hub, uint32_t client, struct json_writer *w)
{
    struct listing listing = {.w = w, .hub = hub};

    control_open(hub, w, "session_info", STR(""));
    json_key(w, STR("sessions"));
    listing.end = w->out->len + hub_list_bytes(hub);
    json_begin_array(w);
    uint32_t total = hub_each_session(hub, client_at(hub, client)->principal, STR(""), LISTED_MAX,
                                      list_one, &listing);
    json_end_array(w);
    json_key_uint(w, STR("total"), total);
}

void meeting_list(struct hub *hub, struct sender *sender, struct str text)
{
    struct json_writer w;

    (void)text;
    if (!sender_only_asks(sender)) {
        make_list(hub, sender->client, &w);
        control_answer(hub, sender->client, &w);
    }
}

void meeting_send_list(struct hub *hub, uint32_t client)
{
    struct json_writer w;

    make_list(hub, client, &w);
    (void)control_close(hub, &w, false);
    client_send_scratch(hub, client);
}

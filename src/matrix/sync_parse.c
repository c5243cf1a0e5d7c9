#include "matrix/sync.h"

#include "json/reader.h"
#include "json/wire.h"

/* Of an id: more is no id of Matrix. */
enum { MAX_ID = 255 };

/* An id, unescaped. */
struct id {
    char bytes[MAX_ID];
    size_t len;
};

/* The part of a response that is about one room. */
struct room_walk {
    struct sync_reader *reader;
    struct id room;
    bool is_old;     /* what is said now was said before we were there */
    bool knows_all;  /* the whole state is in this response */
    bool has_name;   /* m.room.name was told, and is not empty */
    struct id alias; /* m.room.canonical_alias; or empty */
};

/* What every event has. */
struct event {
    struct str raw;
    struct str type; /* raw */
    struct str content;
    struct id id; /* empty in stripped state */
    struct id sender;
    bool is_state;
    bool is_own; /* the sender is us */
};

static struct str id_str(const struct id *id)
{
    return str_make(id->bytes, id->len);
}

/* A raw string that begins with `sigil` and is an id; else the id is empty. */
static bool read_id(struct str raw, char sigil, struct id *ret_id)
{
    ret_id->len = 0;
    if (json_kind_of(raw) != JSON_STRING || !json_valid(raw)) {
        return false; /* a room's id is not in an event, which would have been looked at */
    }
    size_t len = json_unescape_to(raw, ret_id->bytes, sizeof(ret_id->bytes));
    if (len < 2 || len > MAX_ID || ret_id->bytes[0] != sigil) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        /* They become keys of rows, parts of paths and words of log lines. */
        if ((unsigned char)ret_id->bytes[i] <= ' ' || ret_id->bytes[i] == 0x7f) {
            return false;
        }
    }
    ret_id->len = len;
    return true;
}

/* A position of the server, which is anything it likes; empty when it is none. */
static struct str read_token(struct sync_reader *r, struct str raw)
{
    struct str plain;

    if (!json_valid(raw)) {
        return STR("");
    }
    if (json_string_plain(raw, &plain)) {
        return plain;
    }
    size_t len = json_unescape_to(raw, r->token, sizeof(r->token));
    return str_make(r->token, len <= sizeof(r->token) ? len : 0);
}

static bool is_valid_event(struct str raw)
{
    return json_kind_of(raw) == JSON_OBJECT && json_valid(raw);
}

/* `state`: the state key has to be empty. */
static bool read_event(struct sync_reader *r, struct str raw, bool is_stripped,
                       struct event *ret_event)
{
    if (!is_valid_event(raw)) {
        return false;
    }
    *ret_event = (struct event){.raw = raw,
                                .type = json_get(raw, STR("type")),
                                .content = json_get(raw, STR("content")),
                                .is_state = json_get(raw, STR("state_key")).len > 0};
    if (json_kind_of(ret_event->type) != JSON_STRING ||
        json_kind_of(ret_event->content) != JSON_OBJECT ||
        !read_id(json_get(raw, STR("sender")), '@', &ret_event->sender) ||
        (!is_stripped && !read_id(json_get(raw, STR("event_id")), '$', &ret_event->id))) {
        return false;
    }
    ret_event->is_own = str_equal(id_str(&ret_event->sender), r->user_id);
    return true;
}

static void tell(struct room_walk *w, struct bridge_event *event, const struct event *of)
{
    struct str origin = of == NULL ? STR("") : json_get(of->raw, STR("origin_server_ts"));

    event->room = id_str(&w->room);
    event->old = w->is_old;
    if (of != NULL) {
        event->event_id = id_str(&of->id);
        event->sender = id_str(&of->sender);
    }
    (void)str_to_uint(origin, UINT64_MAX, &event->origin_ms);
    if (w->reader->event != NULL) {
        w->reader->event(w->reader->owner, event);
    }
}

/* --- messages -----------------------------------------------------------------------------------
 */

/*
 * The text of a raw string, borrowed, or made in `room` when it has escapes. Returns false, and the
 * reader has failed, when there is no memory.
 */
static bool read_text(struct sync_reader *r, struct str raw, struct buf *room, struct str *ret_text)
{
    if (json_string_plain(raw, ret_text)) {
        return true;
    }
    json_unescape(raw, room);
    r->failed |= room->failed;
    *ret_text = buf_str(room);
    return !room->failed;
}

static bool takes_msgtype(struct str content, bool *ret_emote)
{
    struct str msgtype = json_get(content, STR("msgtype"));

    *ret_emote = json_string_is(msgtype, STR("m.emote"));
    return *ret_emote || json_string_is(msgtype, STR("m.text"));
}

/*
 * Without the quotation that older clients put before a reply: "> <@user:server> text" or "> *
 * <@user:server> text", more lines with ">", and an empty one. A quotation that a person wrote
 * looks otherwise, and stays.
 */
static struct str cut_fallback(struct str body)
{
    struct str rest = body;

    if (!str_starts_with(body, STR("> <@")) && !str_starts_with(body, STR("> * <@"))) {
        return body;
    }
    while (rest.len > 0 && rest.ptr[0] == '>') {
        rest = str_slice(rest, str_find(rest, '\n') + 1, rest.len);
    }
    return rest.len > 0 && rest.ptr[0] == '\n' ? str_slice(rest, 1, rest.len) : rest;
}

static bool tell_edit(struct room_walk *w, const struct event *e, struct str relation)
{
    struct bridge_event out = {.kind = MATRIX_EDIT};
    struct str fresh = json_get(e->content, STR("m.new_content"));
    struct str body = json_get(fresh, STR("body"));
    struct buf room;
    struct id target;

    if (!read_id(json_get(relation, STR("event_id")), '$', &target) ||
        json_kind_of(body) != JSON_STRING) {
        return false;
    }
    if (!takes_msgtype(fresh, &out.emote)) {
        w->reader->left_out++;
        return true;
    }
    buf_init(&room, body.len);
    if (read_text(w->reader, body, &room, &out.body)) {
        out.target = id_str(&target);
        tell(w, &out, e);
    }
    buf_fini(&room);
    return true;
}

static bool tell_message(struct room_walk *w, const struct event *e)
{
    struct bridge_event out = {.kind = MATRIX_MESSAGE};
    struct str body = json_get(e->content, STR("body"));
    struct str relation = json_get(e->content, STR("m.relates_to"));
    struct str kind = json_get(relation, STR("rel_type"));
    struct str answered = json_get(relation, STR("m.in_reply_to"));
    struct id thread = {.len = 0}, reply_to = {.len = 0};
    struct buf room;

    if (!takes_msgtype(e->content, &out.emote)) {
        w->reader->left_out++;
        return true;
    }
    if (json_string_is(kind, STR("m.replace"))) {
        return tell_edit(w, e, relation);
    }
    if (json_kind_of(body) != JSON_STRING) {
        return false;
    }
    bool in_thread = json_string_is(kind, STR("m.thread"));
    bool has_fallback = read_id(json_get(answered, STR("event_id")), '$', &reply_to);
    if (in_thread && !read_id(json_get(relation, STR("event_id")), '$', &thread)) {
        return false;
    }
    if (in_thread && str_equal(json_get(relation, STR("is_falling_back")), STR("true"))) {
        reply_to.len = 0; /* only the last message, for clients without threads */
    }
    buf_init(&room, body.len);
    if (read_text(w->reader, body, &room, &out.body)) {
        out.body = has_fallback ? cut_fallback(out.body) : out.body;
        out.thread = id_str(&thread);
        out.reply_to = id_str(&reply_to);
        tell(w, &out, e);
    }
    buf_fini(&room);
    return true;
}

/* Up to version 10 of rooms `redacts` stands beside the content, since version 11 in it. */
static bool tell_redaction(struct room_walk *w, const struct event *e)
{
    struct bridge_event out = {.kind = MATRIX_REDACTION};
    struct id target;

    if (!read_id(json_get(e->content, STR("redacts")), '$', &target) &&
        !read_id(json_get(e->raw, STR("redacts")), '$', &target)) {
        return false;
    }
    out.target = id_str(&target);
    tell(w, &out, e);
    return true;
}

/* --- state --------------------------------------------------------------------------------------
 */

enum membership { MEMBERSHIP_NONE, MEMBERSHIP_ENTERED, MEMBERSHIP_STAYED, MEMBERSHIP_GONE };

/* Of our own m.room.member; a new name of ours is one of them too, and changes nothing. */
static enum membership own_membership(struct sync_reader *r, struct str raw)
{
    struct str before = json_get(json_get(raw, STR("unsigned")), STR("prev_content"));
    struct str membership = json_get(json_get(raw, STR("content")), STR("membership"));

    if (!json_string_is(json_get(raw, STR("type")), STR("m.room.member")) ||
        !json_string_is(json_get(raw, STR("state_key")), r->user_id) || !is_valid_event(raw)) {
        return MEMBERSHIP_NONE;
    }
    if (!json_string_is(membership, STR("join"))) {
        return json_kind_of(membership) == JSON_STRING ? MEMBERSHIP_GONE : MEMBERSHIP_NONE;
    }
    return json_string_is(json_get(before, STR("membership")), STR("join")) ? MEMBERSHIP_STAYED
                                                                            : MEMBERSHIP_ENTERED;
}

static void tell_name(struct room_walk *w, const struct event *e)
{
    struct bridge_event out = {.kind = MATRIX_NAME};
    struct str name = json_get(e->content, STR("name"));
    struct buf room;

    buf_init(&room, name.len);
    if (read_text(w->reader, name, &room, &out.body)) {
        w->has_name = out.body.len > 0;
        tell(w, &out, e);
    }
    buf_fini(&room);
}

/* Returns false when it is no state that counts here. */
static bool tell_state(struct room_walk *w, const struct event *e)
{
    if (!e->is_state || !json_string_is(json_get(e->raw, STR("state_key")), STR(""))) {
        return e->is_state; /* that of a member, say */
    }
    if (json_string_is(e->type, STR("m.room.encryption"))) {
        struct bridge_event out = {.kind = MATRIX_ENCRYPTED};
        tell(w, &out, e);
    } else if (json_string_is(e->type, STR("m.room.name"))) {
        tell_name(w, e);
    } else if (json_string_is(e->type, STR("m.room.canonical_alias"))) {
        (void)read_id(json_get(e->content, STR("alias")), '#', &w->alias);
    } else if (json_string_is(e->type, STR("m.room.create"))) {
        w->knows_all = true;
    }
    return true;
}

/* --- rooms --------------------------------------------------------------------------------------
 */

static void take_event(struct room_walk *w, struct str raw)
{
    struct event e;
    bool is_good = true;
    enum membership own = own_membership(w->reader, raw);

    if (own == MEMBERSHIP_ENTERED || own == MEMBERSHIP_GONE) {
        w->is_old = own == MEMBERSHIP_GONE;
    }
    if (!read_event(w->reader, raw, false, &e)) {
        w->reader->malformed++;
        return;
    }
    if (tell_state(w, &e) || e.is_own) {
        return;
    }
    if (json_string_is(e.type, STR("m.room.message"))) {
        is_good = tell_message(w, &e);
    } else if (json_string_is(e.type, STR("m.room.redaction"))) {
        is_good = tell_redaction(w, &e);
    } else if (json_string_is(e.type, STR("m.room.encrypted"))) {
        struct bridge_event out = {.kind = MATRIX_ENCRYPTED};
        tell(w, &out, &e);
    } else {
        w->reader->left_out++;
    }
    w->reader->malformed += is_good ? 0 : 1;
}

static struct str events_of(struct str room, struct str part)
{
    struct str events = json_get(json_get(room, part), STR("events"));

    return json_kind_of(events) == JSON_ARRAY ? events : STR("");
}

static bool has_create(struct str events)
{
    struct json_iter it = json_iter_of(events);
    struct str raw;

    while (json_next_element(&it, &raw)) {
        if (json_string_is(json_get(raw, STR("type")), STR("m.room.create"))) {
            return true;
        }
    }
    return false;
}

/* The first of our own comings and goings in a timeline. */
static enum membership first_membership(struct sync_reader *r, struct str events)
{
    struct json_iter it = json_iter_of(events);
    struct str raw;

    while (json_next_element(&it, &raw)) {
        enum membership own = own_membership(r, raw);
        if (own == MEMBERSHIP_ENTERED || own == MEMBERSHIP_GONE) {
            return own;
        }
    }
    return MEMBERSHIP_NONE;
}

static void take_joined(struct sync_reader *r, const struct id *id, struct str room, bool first)
{
    struct room_walk w = {.reader = r, .room = *id};
    struct str timeline = events_of(room, STR("timeline"));
    struct json_iter it = json_iter_of(events_of(room, STR("state")));
    struct str raw;
    struct event e;

    tell(&w, &(struct bridge_event){.kind = MATRIX_JOINED}, NULL);
    while (!r->failed && json_next_element(&it, &raw)) {
        if (!read_event(r, raw, false, &e)) {
            r->malformed++;
        } else {
            (void)tell_state(&w, &e);
        }
    }
    w.is_old = first || first_membership(r, timeline) == MEMBERSHIP_ENTERED;
    it = json_iter_of(timeline);
    while (!r->failed && json_next_element(&it, &raw)) {
        take_event(&w, raw);
        w.is_old |= first;
    }
    if (w.knows_all && !w.has_name && w.alias.len > 0) {
        tell(&w, &(struct bridge_event){.kind = MATRIX_NAME, .body = id_str(&w.alias)}, NULL);
    }
}

/*
 * A room whose m.room.create is in its state is one that we were not in at the last sync: nothing
 * else brings that event. When we entered within the timeline, there is nothing to be filled.
 */
static void take_gap(struct sync_reader *r, const struct id *id, struct str room)
{
    struct str timeline = json_get(room, STR("timeline"));
    struct str prev_batch = read_token(r, json_get(timeline, STR("prev_batch")));

    if (!str_equal(json_get(timeline, STR("limited")), STR("true")) || prev_batch.len == 0 ||
        first_membership(r, events_of(room, STR("timeline"))) == MEMBERSHIP_ENTERED) {
        return;
    }
    r->gap(r->owner, id_str(id), prev_batch, !has_create(events_of(room, STR("state"))));
}

static void take_invite(struct sync_reader *r, const struct id *id, struct str room)
{
    struct room_walk w = {.reader = r, .room = *id};
    struct json_iter it = json_iter_of(events_of(room, STR("invite_state")));
    struct str raw;
    struct event e;

    while (json_next_element(&it, &raw)) {
        if (read_event(r, raw, true, &e) && json_string_is(e.type, STR("m.room.member")) &&
            json_string_is(json_get(raw, STR("state_key")), r->user_id) &&
            json_string_is(json_get(e.content, STR("membership")), STR("invite"))) {
            tell(&w, &(struct bridge_event){.kind = MATRIX_INVITED}, &e);
            return;
        }
    }
    r->malformed++;
}

static void take_left(struct sync_reader *r, const struct id *id, struct str room)
{
    struct room_walk w = {.reader = r, .room = *id};
    struct json_iter it = json_iter_of(events_of(room, STR("timeline")));
    struct bridge_event out = {.kind = MATRIX_LEFT};
    struct event by = {.id.len = 0}, e;
    struct str raw;

    while (json_next_element(&it, &raw)) {
        if (own_membership(r, raw) == MEMBERSHIP_GONE && read_event(r, raw, false, &e)) {
            by = e;
        }
    }
    tell(&w, &out, by.id.len > 0 ? &by : NULL);
}

enum group { GROUP_GAPS, GROUP_JOINED, GROUP_INVITED, GROUP_LEFT };

static void take_group(struct sync_reader *r, struct str rooms, enum group group, bool first)
{
    static const struct str names[] = {
        [GROUP_GAPS] = {"join", 4},
        [GROUP_JOINED] = {"join", 4},
        [GROUP_INVITED] = {"invite", 6},
        [GROUP_LEFT] = {"leave", 5},
    };
    struct str of_group = json_get(rooms, names[group]);
    struct json_iter it = json_iter_of(json_kind_of(of_group) == JSON_OBJECT ? of_group : STR(""));
    struct str key, room;
    struct id id;

    while (!r->failed && json_next_member(&it, &key, &room)) {
        if (!read_id(key, '!', &id)) {
            r->malformed += group != GROUP_GAPS;
        } else if (group == GROUP_GAPS) {
            take_gap(r, &id, room);
        } else if (group == GROUP_JOINED) {
            take_joined(r, &id, room, first);
        } else if (group == GROUP_INVITED) {
            take_invite(r, &id, room);
        } else {
            take_left(r, &id, room);
        }
    }
}

/*
 * Whether it can be walked through. What is in an event is up to the people who send them, and a
 * server may pass on nesting that is too deep for us, or text that is none; such an event is left
 * out later, and the others count. Whatever else is no JSON is the server's, or was cut.
 */
static bool can_walk(struct str text)
{
    struct wire found;

    if (text.len >= UINT32_MAX) {
        return false;
    }
    wire_scan(text.ptr, text.len, 0, &found);
    switch ((enum wire_status)found.status) {
    case WIRE_NOT_OBJECT:
    case WIRE_TRUNCATED:
        return false;
    case WIRE_TOO_DEEP:
    case WIRE_NOT_UTF8:
        return text.ptr[text.len - 1] == '}' && json_kind_of(text) == JSON_OBJECT;
    case WIRE_NOT_JSON:
        return found.position < text.len && text.ptr[found.position] == '\\' &&
               text.ptr[text.len - 1] == '}' && json_kind_of(text) == JSON_OBJECT;
    default:
        return true;
    }
}

bool sync_read(struct sync_reader *r, struct str text, bool first, struct str *ret_next_batch)
{
    if (!can_walk(text)) {
        return false;
    }
    struct str rooms = json_get(text, STR("rooms"));
    if (read_token(r, json_get(text, STR("next_batch"))).len == 0) {
        return false;
    }
    if (!first && r->gap != NULL) {
        take_group(r, rooms, GROUP_GAPS, first);
    }
    if (r->event != NULL) {
        take_group(r, rooms, GROUP_JOINED, first);
        take_group(r, rooms, GROUP_INVITED, first);
        take_group(r, rooms, GROUP_LEFT, first);
    }
    *ret_next_batch = read_token(r, json_get(text, STR("next_batch")));
    return !r->failed;
}

bool sync_read_page(struct sync_reader *r, struct str room, struct str text, bool *is_joined,
                    struct str *ret_end)
{
    struct room_walk w = {.reader = r, .is_old = !*is_joined};
    struct str raw;

    if (!can_walk(text) || room.len > MAX_ID) {
        return false;
    }
    struct str chunk = json_get(text, STR("chunk"));
    if (json_kind_of(chunk) != JSON_ARRAY) {
        return false;
    }
    memcpy(w.room.bytes, room.ptr, room.len);
    w.room.len = room.len;
    struct json_iter it = json_iter_of(chunk);
    bool is_empty = true;
    while (!r->failed && json_next_element(&it, &raw)) {
        take_event(&w, raw);
        is_empty = false;
    }
    *is_joined = !w.is_old;
    /* Some servers give an end behind the end. */
    *ret_end = is_empty ? STR("") : read_token(r, json_get(text, STR("end")));
    return !r->failed;
}

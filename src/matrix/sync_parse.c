#include "matrix/sync_internal.h"

#include "json/reader.h"
#include "json/wire.h"

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

/* Whether a timeline begins before we were in the room. */
static bool begins_outside(struct sync_reader *r, struct str events)
{
    struct json_iter it = json_iter_of(events);
    struct str raw;

    while (json_next_element(&it, &raw)) {
        enum membership own = sync_event_own_membership(r, raw);
        if (own != MEMBERSHIP_NONE) {
            return own == MEMBERSHIP_ENTERED || own == MEMBERSHIP_OUTSIDE;
        }
    }
    return false;
}

/* What holds before the timeline. */
static void take_state(struct room_walk *w, struct str room)
{
    struct json_iter it = json_iter_of(events_of(room, STR("state")));
    struct str raw;
    struct event e;

    sync_event_tell(w, &(struct bridge_event){.kind = MATRIX_JOINED}, NULL);
    while (!w->reader->failed && json_next_element(&it, &raw)) {
        if (!sync_event_read(w->reader, raw, false, &e)) {
            w->reader->malformed++;
        } else {
            (void)sync_event_tell_state(w, &e);
        }
    }
}

static void take_joined(struct sync_reader *r, const struct id *id, struct str room, bool first)
{
    struct room_walk w = {.reader = r, .room = *id};
    struct str timeline = events_of(room, STR("timeline"));
    struct json_iter it = json_iter_of(timeline);
    struct str raw;

    take_state(&w, room);
    w.is_old = first || begins_outside(r, timeline);
    while (!r->failed && json_next_element(&it, &raw)) {
        sync_event_take(&w, raw);
        w.is_old |= first;
    }
    if (w.knows_all && !w.has_name && w.alias.len > 0) {
        sync_event_tell(&w, &(struct bridge_event){.kind = MATRIX_NAME, .body = id_text(&w.alias)},
                        NULL);
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
        begins_outside(r, events_of(room, STR("timeline")))) {
        return;
    }
    r->gap(r->owner, id_text(id), prev_batch, !has_create(events_of(room, STR("state"))));
}

static bool is_own_member(struct sync_reader *r, struct str raw)
{
    return json_string_is(json_get(raw, STR("type")), STR("m.room.member")) &&
           json_string_is(json_get(raw, STR("state_key")), r->user_id);
}

/*
 * The stripped events come from the inviting server, which may write any sender into them, and only
 * the invite itself is checked by ours. Which one of several that is, nothing tells: servers
 * put it last, but need not. So it has no sender when they do not agree, or when one cannot be
 * read.
 */
static void take_invite(struct sync_reader *r, const struct id *id, struct str room)
{
    struct room_walk w = {.reader = r, .room = *id};
    struct json_iter it = json_iter_of(events_of(room, STR("invite_state")));
    struct event e, last = {.sender.len = 0};
    bool is_invited = false, is_doubtful = false;
    struct str raw;

    while (json_next_element(&it, &raw)) {
        if (!is_own_member(r, raw)) {
            continue;
        }
        if (!sync_event_read(r, raw, true, &e)) {
            is_doubtful = true;
            continue;
        }
        is_doubtful |= last.sender.len > 0 && !str_equal(id_text(&last.sender), id_text(&e.sender));
        is_invited |= json_string_is(json_get(e.content, STR("membership")), STR("invite"));
        last = e;
    }
    if (!is_invited) {
        r->malformed++;
        return;
    }
    last.sender.len = is_doubtful ? 0 : last.sender.len;
    sync_event_tell(&w, &(struct bridge_event){.kind = MATRIX_INVITED}, &last);
}

static void take_left(struct sync_reader *r, const struct id *id, struct str room)
{
    struct room_walk w = {.reader = r, .room = *id};
    struct json_iter it = json_iter_of(events_of(room, STR("timeline")));
    struct bridge_event out = {.kind = MATRIX_LEFT};
    struct event by = {.id.len = 0}, e;
    struct str raw;

    while (json_next_element(&it, &raw)) {
        if (sync_event_own_membership(r, raw) != MEMBERSHIP_NONE &&
            sync_event_read(r, raw, false, &e)) {
            by = e;
        }
    }
    sync_event_tell(&w, &out, by.id.len > 0 ? &by : NULL);
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
        if (!sync_event_read_id(key, '!', &id)) {
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

void sync_read_state(struct sync_reader *r, struct str text, struct str room)
{
    struct json_iter it = json_iter_of(json_get(json_get(text, STR("rooms")), STR("join")));
    struct str key, value;
    struct room_walk w = {.reader = r};

    while (json_next_member(&it, &key, &value)) {
        if (sync_event_read_id(key, '!', &w.room) && str_equal(id_text(&w.room), room)) {
            take_state(&w, value);
            return;
        }
    }
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
    while (!r->failed && json_next_element(&it, &raw)) {
        sync_event_take(&w, raw);
        r->paged++;
    }
    *is_joined = !w.is_old;
    *ret_end = read_token(r, json_get(text, STR("end")));
    return !r->failed;
}

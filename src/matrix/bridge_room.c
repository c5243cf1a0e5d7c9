#include "base/grants.h"
#include "matrix/bridge_internal.h"

/*
 * Rooms: those of the configuration, and those of invites from people on the allow-list. The row of
 * a room that is encrypted stays when we leave it, so that nothing is ever said there in clear, not
 * even by a bridge that has come back.
 */

bool room_is_open(const struct room *room)
{
    return room->is_joined && !room->is_encrypted && !room->is_leaving;
}

struct room *room_find(struct bridge *b, struct str id)
{
    return thing_find(b, TABLE_ROOM, id);
}

static void link_room(struct room *room)
{
    list_init(&room->talks);
    list_init(&room->ready_talks);
    list_init(&room->ready);
    list_init(&room->sends);
    list_init(&room->outgoing);
}

bool room_restored(struct bridge *b, struct room *room)
{
    (void)b;
    link_room(room);
    return true;
}

/* NULL: there are too many, or no memory. */
static struct room *room_get(struct bridge *b, struct str id)
{
    struct room *room = room_find(b, id);

    if (room != NULL) {
        return room;
    }
    if (slab_count(&b->tables[TABLE_ROOM].slab) >= ROOMS_MAX) {
        bridge_log(b, LEVEL_WARNING, "bridge_too_many_rooms", id, "max=%d", ROOMS_MAX);
        return NULL;
    }
    room = thing_new(b, TABLE_ROOM, id);
    if (room != NULL) {
        link_room(room);
    }
    return room;
}

/* Ends all that goes on there, and says nothing of it. */
static void silence(struct bridge *b, struct room *room)
{
    list_each(link, &room->talks) {
        struct talk *talk = list_entry(link, struct talk, of_room);
        if (talk->turn != NULL) {
            turn_change(b, talk->turn, TURN_EVENT_VANISH, STR(""));
        }
        list_each_safe(waiting, &talk->waiting) {
            inbox_settle(b, list_entry(waiting, struct question, link), false);
        }
        talk_sort(b, talk);
    }
    outbox_drop_all(b, room);
    outbox_wake(b, room);
}

/* Says once that nothing can be said. */
static void notice(struct bridge *b, struct room *room)
{
    struct saying saying = {
        .text = STR("This room is encrypted, and I can neither read nor write encrypted messages. "
                    "I say nothing more in here. To talk with me, invite me to a room without "
                    "encryption."),
        .thread = STR(""),
        .reply_to = STR(""),
        .replaces = STR(""),
        .role = SEND_ENCRYPTED,
        .is_notice = true};

    if (room->is_joined && !room->was_noticed && !room->is_leaving) {
        room->was_noticed = true;
        thing_touch(b, &room->thing);
        (void)outbox_add(b, room, &saying);
    }
}

static void encrypted(struct bridge *b, struct room *room)
{
    if (!room->is_encrypted) {
        bridge_log(b, LEVEL_WARNING, "bridge_room_encrypted", room->thing.key, "%s", "");
        silence(b, room);
        room->is_encrypted = true;
        thing_touch(b, &room->thing);
        b->counts.encrypted_rooms += room->is_joined;
        notice(b, room);
    }
}

static void named(struct bridge *b, struct room *room, struct str name)
{
    name = text_cut(name, NAME_MAX_BYTES);
    if (!str_equal(room->name, name)) {
        text_set(b, &room->name, name);
        thing_touch(b, &room->thing);
    }
}

/* --- coming and going ------------------------------------------------------------------------- */

static bool is_ours(const struct bridge *b, struct str id)
{
    for (size_t i = 0; i < b->settings.values.room_count; i++) {
        if (str_equal(b->settings.values.rooms[i], id)) {
            return true;
        }
    }
    return false;
}

static bool may_invite(const struct bridge *b, struct str sender)
{
    if (sender.len == 0) {
        return false;
    }
    for (size_t i = 0; i < b->settings.values.invite_count; i++) {
        if (grants_match(b->settings.values.invites[i], sender)) {
            return true;
        }
    }
    return false;
}

static void join(struct bridge *b, struct str room)
{
    bridge_act(b, &(struct bridge_action){.kind = ACT_JOIN, .room = room});
}

static void join_room(struct bridge *b, struct room *room)
{
    room->is_asking = true;
    room->is_invited_again = false;
    join(b, room->thing.key);
}

static void left(struct bridge *b, struct room *room)
{
    bridge_log(b, LEVEL_INFO, "bridge_room_left", room->thing.key, "%s", "");
    silence(b, room);
    b->counts.rooms -= room->is_joined;
    b->counts.encrypted_rooms -= room->is_joined && room->is_encrypted;
    room->is_joined = false;
    room->is_joining = false;
    room->is_asking = false;
    room->is_leaving = false;
    room->was_typing = false;
    room->typing_ms = 0;
    list_each_safe(link, &room->talks) {
        talk_drop(b, list_entry(link, struct talk, of_room));
    }
    thing_touch(b, &room->thing);
    if (!room->is_encrypted) {
        list_remove(&room->outgoing);
        thing_drop(b, &room->thing);
    }
}

static void invited(struct bridge *b, const struct bridge_event *event)
{
    struct room *room = room_find(b, event->room);
    struct str inviter = event->sender.len > 0 ? event->sender : STR("unclear");
    bool is_welcome = is_ours(b, event->room) || may_invite(b, event->sender);
    bool is_asking = room != NULL && room->is_asking;

    if (is_asking) {
        room->is_invited_again = is_welcome;
    } else if (room != NULL && room->is_joined) {
        left(b, room); /* kicked and invited between two syncs: the second is all that is told */
    }
    if (!is_welcome) {
        bridge_log(b, LEVEL_WARNING, "bridge_invite_refused", event->room, "inviter=%.*s",
                   STR_ARG(inviter));
        return;
    }
    if (is_asking) {
        return;
    }
    room = room_get(b, event->room);
    if (room != NULL) {
        bridge_log(b, LEVEL_INFO, "bridge_invite_taken", event->room, "inviter=%.*s",
                   STR_ARG(inviter));
        room->is_joining = true;
        thing_touch(b, &room->thing);
        join_room(b, room);
    }
}

static void joined(struct bridge *b, struct room *room)
{
    if (!room->is_joined || room->is_joining) {
        b->counts.rooms += !room->is_joined;
        b->counts.encrypted_rooms += !room->is_joined && room->is_encrypted;
        room->is_joined = true;
        room->is_joining = false;
        room->is_asking = false;
        thing_touch(b, &room->thing);
        if (room->is_encrypted) {
            notice(b, room);
        }
    }
}

void room_event(struct bridge *b, const struct bridge_event *event)
{
    struct room *room = room_find(b, event->room);

    switch (event->kind) {
    case MATRIX_INVITED:
        invited(b, event);
        break;
    case MATRIX_LEFT:
        if (room != NULL) {
            left(b, room);
        }
        break;
    case MATRIX_NAME:
        if (room != NULL) {
            named(b, room, event->body);
        }
        break;
    default:
        room = room_get(b, event->room);
        if (room != NULL && event->kind == MATRIX_JOINED) {
            joined(b, room);
        } else if (room != NULL) {
            encrypted(b, room);
        }
    }
}

void room_joined(struct bridge *b, struct str name, struct str error)
{
    struct room *room = room_find(b, name);

    for (size_t i = 0; i < b->settings.values.room_count; i++) {
        struct home *home = &b->settings.homes[i];
        if (str_equal(home->name, name)) {
            home->is_under_way = false;
            home->again_ms = error.len > 0 ? b->now.mono_ms + JOIN_AGAIN_MS : UINT64_MAX;
        }
    }
    if (room != NULL) {
        room->is_asking = false;
    }
    if (error.len == 0) {
        return;
    }
    bridge_log(b, LEVEL_WARNING, "bridge_join_failed", name, "error=%.*s", STR_ARG(error));
    if (room != NULL && room->is_joining && room->is_invited_again) {
        join_room(b, room);
    } else if (room != NULL && room->is_joining && !room->is_joined) {
        room->is_joining = false;
        thing_touch(b, &room->thing);
        if (!room->is_encrypted) {
            left(b, room);
        }
    }
}

void room_leave(struct bridge *b, struct room *room)
{
    silence(b, room);
    room->is_leaving = true;
    thing_touch(b, &room->thing);
    bridge_act(b, &(struct bridge_action){.kind = ACT_LEAVE, .room = room->thing.key});
}

/* --- time ------------------------------------------------------------------------------------- */

void room_tick(struct bridge *b)
{
    for (size_t i = 0; i < b->settings.values.room_count; i++) {
        struct home *home = &b->settings.homes[i];
        const struct room *room = room_find(b, home->name);
        if (home->is_under_way || home->again_ms > b->now.mono_ms) {
            continue;
        }
        home->again_ms = UINT64_MAX;
        if (room == NULL || !room->is_joined) {
            home->is_under_way = true;
            join(b, home->name);
        }
    }
}

uint64_t room_deadline(const struct bridge *b)
{
    uint64_t first = UINT64_MAX;

    for (size_t i = 0; i < b->settings.values.room_count; i++) {
        const struct home *home = &b->settings.homes[i];
        if (!home->is_under_way && home->again_ms < first) {
            first = home->again_ms;
        }
    }
    return first;
}

static void set_typing(struct bridge *b, const struct room *room, bool on)
{
    bridge_act(b, &(struct bridge_action){.kind = ACT_TYPING, .room = room->thing.key, .on = on});
}

/*
 * That typing may be on is in the row with the commit before it is switched on, and leaves it in a
 * step behind the one that switched it off; so a kill in between makes the next life do it.
 */
void room_settle_typing(struct bridge *b, struct room *room)
{
    bool wanted = room->working > 0 && room_is_open(room);

    if (wanted && b->now.mono_ms >= room->typing_ms) {
        set_typing(b, room, true);
        room->typing_ms = b->now.mono_ms + TYPING_RENEW_MS;
        if (!room->was_typing) {
            room->was_typing = true;
            thing_touch(b, &room->thing);
        }
    } else if (!wanted && room->typing_ms != 0) {
        set_typing(b, room, false);
        room->typing_ms = 0;
        room->quiet_step = b->step;
    } else if (!wanted && room->was_typing && room->quiet_step < b->step) {
        room->was_typing = false;
        thing_touch(b, &room->thing);
    }
}

void room_start(struct bridge *b)
{
    uint32_t at = 0;

    for (struct room *room; (room = thing_next(b, TABLE_ROOM, &at)) != NULL;) {
        b->counts.rooms += room->is_joined;
        b->counts.encrypted_rooms += room->is_joined && room->is_encrypted;
        if (room->is_joining) {
            join_room(b, room);
        }
        if (room->is_leaving) {
            bridge_act(b, &(struct bridge_action){.kind = ACT_LEAVE, .room = room->thing.key});
        }
        /* Due at once, so it is said anew, or switched off. */
        room->typing_ms = room->was_typing ? 1 : 0;
        outbox_wake(b, room);
    }
    room_tick(b);
}

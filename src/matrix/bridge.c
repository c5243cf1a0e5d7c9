#include "matrix/bridge.h"

#include <stdlib.h>

#include "matrix/bridge_internal.h"
#include "json/reader.h"

/* --- ports ------------------------------------------------------------------------------------ */

void bridge_act(struct bridge *b, const struct bridge_action *action)
{
    if (!b->failed && !b->ports.act(b->ports.owner, action)) {
        b->failed = true;
    }
}

void bridge_log(struct bridge *b, unsigned level, const char *event, struct str about,
                const char *format, ...)
{
    char text[512];
    va_list args;
    bool cut;

    va_start(args, format);
    struct str details = str_vformat(text, sizeof(text), &cut, format, args);
    va_end(args);
    if (b->ports.log != NULL) {
        b->ports.log(b->ports.owner, level, event, about, details);
    }
}

bool bridge_is_admin(const struct bridge *b, struct str user_id)
{
    for (size_t i = 0; i < b->settings.values.admin_count; i++) {
        if (str_equal(b->settings.values.admins[i], user_id)) {
            return true;
        }
    }
    return false;
}

/* --- life ------------------------------------------------------------------------------------- */

static uint64_t hash_thing(const void *owner, uint32_t index)
{
    const struct table *t = owner;
    const struct thing *thing = slab_at(&t->slab, index);

    return hash_bytes(t->bridge->secret, thing->key.ptr, thing->key.len);
}

static bool key_is(const void *owner, uint32_t index, const void *key)
{
    const struct table *t = owner;
    const struct thing *thing = slab_at(&t->slab, index);

    return str_equal(thing->key, *(const struct str *)key);
}

static const struct map_type thing_map = {.hash = hash_thing, .equal = key_is};

struct bridge *bridge_new(const struct bridge_settings *settings, const struct bridge_ports *ports,
                          struct bridge_time now)
{
    struct bridge *b = calloc(1, sizeof(*b));

    if (b == NULL || !settings_copy(&b->settings, settings)) {
        free(b);
        return NULL;
    }
    b->ports = *ports;
    b->now = now;
    b->step = 1;
    b->next_order = 1;
    b->edit_ms = EDIT_MIN_MS;
    b->piece_bytes = UINT64_MAX;
    ports->random(ports->owner, b->secret, sizeof(b->secret));
    for (unsigned i = 0; i < BRIDGE_TABLES; i++) {
        slab_init(&b->tables[i].slab, row_size(i), SLAB_NONE - 1);
        map_init(&b->tables[i].map, &thing_map, &b->tables[i]);
        b->tables[i].bridge = b;
        b->next_numbers[i] = 1;
    }
    struct list *lists[] = {&b->dirty, &b->ready, &b->outgoing, &b->turns, &b->settled, &b->talks};
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        list_init(lists[i]);
    }
    struct buf *bufs[] = {&b->row, &b->scratch, &b->piece, &b->content};
    for (size_t i = 0; i < sizeof(bufs) / sizeof(bufs[0]); i++) {
        buf_init(bufs[i], ROW_MAX_BYTES);
    }
    return b;
}

void bridge_free(struct bridge *b)
{
    if (b == NULL) {
        return;
    }
    list_each_safe(link, &b->dirty) {
        struct thing *t = list_entry(link, struct thing, dirty);
        if (t->state == THING_GONE) {
            thing_free(b, t);
        }
    }
    for (unsigned i = 0; i < BRIDGE_TABLES; i++) {
        uint32_t at = 0;
        for (struct thing *t; (t = thing_next(b, i, &at)) != NULL;) {
            thing_free(b, t);
        }
        map_fini(&b->tables[i].map);
        slab_fini(&b->tables[i].slab);
    }
    buf_fini(&b->row);
    buf_fini(&b->scratch);
    buf_fini(&b->piece);
    buf_fini(&b->content);
    settings_fini(&b->settings);
    free(b);
}

bool bridge_reload(struct bridge *b, const struct bridge_settings *settings)
{
    struct bridge_settings wanted = *settings;
    struct settings copy;

    wanted.user_id = b->settings.values.user_id;
    if (b->failed || !settings_copy(&copy, &wanted)) {
        return false;
    }
    settings_fini(&b->settings);
    b->settings = copy;
    room_tick(b);
    return true;
}

/* --- restoring -------------------------------------------------------------------------------- */

static bool restored(struct bridge *b, struct thing *t)
{
    void *thing = t;

    switch ((enum bridge_table)t->table) {
    case TABLE_SYNC:
        b->sync = thing;
        return true;
    case TABLE_ROOM:
        return room_restored(b, thing);
    case TABLE_TALK:
        return talk_restored(b, thing);
    case TABLE_SESSION:
        return session_restored(b, thing);
    case TABLE_QUESTION:
        return question_restored(b, thing);
    case TABLE_TURN:
        return turn_restored(b, thing);
    case TABLE_SEND:
        return send_restored(b, thing);
    default:
        return false;
    }
}

static bool has_number(enum bridge_table table)
{
    return table == TABLE_SESSION || table == TABLE_TURN || table == TABLE_SEND;
}

/* Returns NULL, or what is wrong with it; with b->failed that is of no importance. */
static const char *restore(struct bridge *b, const struct bridge_row *row)
{
    uint64_t number = 0;

    if ((unsigned)row->table >= BRIDGE_TABLES || row->key.len == 0 ||
        (row->table == TABLE_SYNC && !str_equal(row->key, STR("sync")))) {
        return "its key is none of ours";
    }
    if (has_number(row->table) && !str_to_uint(row->key, UINT64_MAX - 1, &number)) {
        return "its key is no number";
    }
    if (!json_valid(row->value) || json_kind_of(row->value) != JSON_OBJECT) {
        return "it is no JSON object";
    }
    if (thing_find(b, row->table, row->key) != NULL) {
        return "it is there twice";
    }
    struct thing *t = thing_new(b, row->table, row->key);
    if (t == NULL) {
        return NULL;
    }
    list_remove(&t->dirty);
    t->number = number;
    if (number >= b->next_numbers[row->table]) {
        b->next_numbers[row->table] = number + 1;
    }
    const char *wrong = row_read(b, t, row->value);
    if (wrong == NULL && !restored(b, t)) {
        wrong = "what it belongs to is missing";
    }
    return wrong;
}

bool bridge_restore(struct bridge *b, const struct bridge_row *row, struct buf *error)
{
    const char *wrong = restore(b, row);

    if (b->failed) {
        return false;
    }
    if (wrong != NULL) {
        b->failed = true;
        buf_printf(error, "row '%.*s' of table %u is none of ours: %s", STR_ARG(row->key),
                   (unsigned)row->table, wrong);
    }
    return wrong == NULL;
}

void bridge_start(struct bridge *b)
{
    talk_start(b);
    inbox_start(b);
    room_start(b);
    outbox_start(b);
    turn_start(b);
}

/* --- steps ------------------------------------------------------------------------------------ */

static void settle_rooms(struct bridge *b)
{
    struct list last = b->outgoing;

    /* Those that are woken meanwhile are for the next step. */
    if (list_empty(&b->outgoing)) {
        return;
    }
    last.next->prev = &last;
    last.prev->next = &last;
    list_init(&b->outgoing);
    while (!list_empty(&last)) {
        struct room *room = list_entry(last.next, struct room, outgoing);
        list_remove(&room->outgoing);
        outbox_settle(b, room);
        room_settle_typing(b, room);
        list_remove(&room->outgoing);
        if (room->was_typing && room->typing_ms == 0) {
            outbox_wake(b, room);
        }
    }
}

bool bridge_settle(struct bridge *b)
{
    if (!b->failed) {
        turn_schedule(b);
        settle_rooms(b);
    }
    while (!list_empty(&b->dirty) && !b->failed) {
        struct thing *t = list_entry(b->dirty.next, struct thing, dirty);
        row_save(b, t);
        list_remove(&t->dirty);
        if (t->state == THING_GONE) {
            thing_free(b, t);
        }
    }
    b->step++;
    return !b->failed;
}

void bridge_matrix_event(struct bridge *b, const struct bridge_event *event)
{
    /* A newline would make the key of one talk that of another. No id has one. */
    if (b->failed || str_find(event->room, '\n') < event->room.len ||
        str_find(event->thread, '\n') < event->thread.len || event->room.len == 0) {
        return;
    }
    b->counts.events_total++;
    switch (event->kind) {
    case MATRIX_MESSAGE:
        inbox_message(b, event);
        break;
    case MATRIX_EDIT:
        inbox_edit(b, event);
        break;
    case MATRIX_REDACTION:
        inbox_redaction(b, event);
        break;
    default:
        room_event(b, event);
    }
}

void bridge_synced(struct bridge *b, struct str next_batch)
{
    if (b->failed || next_batch.len == 0) {
        return;
    }
    if (b->sync == NULL) {
        b->sync = thing_new(b, TABLE_SYNC, STR("sync"));
    }
    if (b->sync != NULL) {
        text_set(b, &b->sync->next_batch, next_batch);
        thing_touch(b, &b->sync->thing);
        b->synced_order = b->next_order;
    }
}

struct str bridge_next_batch(const struct bridge *b)
{
    return b->sync != NULL ? b->sync->next_batch : STR("");
}

void bridge_sent(struct bridge *b, const struct bridge_sent *sent)
{
    if (!b->failed) {
        outbox_sent(b, sent);
    }
}

void bridge_joined(struct bridge *b, struct str room, struct str error)
{
    if (!b->failed) {
        room_joined(b, room, error);
    }
}

void bridge_clock(struct bridge *b, struct bridge_time now)
{
    b->now = now;
}

void bridge_tick(struct bridge *b, struct bridge_time now)
{
    b->now = now;
    if (!b->failed) {
        turn_tick(b);
        room_tick(b);
    }
}

uint64_t bridge_deadline(const struct bridge *b)
{
    uint64_t turns = turn_deadline(b);
    uint64_t rooms = room_deadline(b);

    return turns < rooms ? turns : rooms;
}

void bridge_counts(const struct bridge *b, struct bridge_counts *ret_counts)
{
    *ret_counts = b->counts;
}

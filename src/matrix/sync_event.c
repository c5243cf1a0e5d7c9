#include "matrix/sync_internal.h"

#include "matrix/markup.h"
#include "json/reader.h"

/* A raw string that begins with `sigil` and is an id; else the id is empty. */
bool sync_event_read_id(struct str raw, char sigil, struct id *ret_id)
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

static bool is_valid_event(struct str raw)
{
    return json_kind_of(raw) == JSON_OBJECT && json_valid(raw);
}

/* `state`: the state key has to be empty. */
bool sync_event_read(struct sync_reader *r, struct str raw, bool is_stripped,
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
        !sync_event_read_id(json_get(raw, STR("sender")), '@', &ret_event->sender) ||
        (!is_stripped &&
         !sync_event_read_id(json_get(raw, STR("event_id")), '$', &ret_event->id))) {
        return false;
    }
    ret_event->is_own = str_equal(id_text(&ret_event->sender), r->user_id);
    return true;
}

void sync_event_tell(struct room_walk *w, struct bridge_event *event, const struct event *of)
{
    struct str origin = of == NULL ? STR("") : json_get(of->raw, STR("origin_server_ts"));

    event->room = id_text(&w->room);
    event->old = w->is_old;
    if (of != NULL) {
        event->event_id = id_text(&of->id);
        event->sender = id_text(&of->sender);
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

/* Of another bridge in this room: see MARKUP_ANSWER_KEY. */
static bool is_answer_of_a_bridge(const struct event *e)
{
    struct id bridge;

    return sync_event_read_id(json_get(e->content, STR(MARKUP_ANSWER_KEY)), '@', &bridge) &&
           str_equal(id_text(&bridge), id_text(&e->sender));
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

    if (!sync_event_read_id(json_get(relation, STR("event_id")), '$', &target) ||
        json_kind_of(body) != JSON_STRING) {
        return false;
    }
    if (!takes_msgtype(fresh, &out.emote)) {
        w->reader->left_out++;
        return true;
    }
    buf_init(&room, body.len);
    if (read_text(w->reader, body, &room, &out.body)) {
        out.target = id_text(&target);
        sync_event_tell(w, &out, e);
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

    if (!takes_msgtype(e->content, &out.emote) || is_answer_of_a_bridge(e)) {
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
    bool has_fallback = sync_event_read_id(json_get(answered, STR("event_id")), '$', &reply_to);
    if (in_thread && !sync_event_read_id(json_get(relation, STR("event_id")), '$', &thread)) {
        return false;
    }
    if (in_thread && str_equal(json_get(relation, STR("is_falling_back")), STR("true"))) {
        reply_to.len = 0; /* only the last message, for clients without threads */
    }
    buf_init(&room, body.len);
    if (read_text(w->reader, body, &room, &out.body)) {
        out.body = has_fallback ? cut_fallback(out.body) : out.body;
        out.thread = id_text(&thread);
        out.reply_to = id_text(&reply_to);
        sync_event_tell(w, &out, e);
    }
    buf_fini(&room);
    return true;
}

/*
 * Up to version 10 of rooms `redacts` stands beside the content, since version 11 in it, and
 * servers give both. The server looks at only one of them, and the other may be whatever the sender
 * likes: what he may take back with the one, he may not with the other. So they have to agree.
 */
static bool tell_redaction(struct room_walk *w, const struct event *e)
{
    struct bridge_event out = {.kind = MATRIX_REDACTION};
    struct id inside, beside;
    bool is_inside = sync_event_read_id(json_get(e->content, STR("redacts")), '$', &inside);
    bool is_beside = sync_event_read_id(json_get(e->raw, STR("redacts")), '$', &beside);

    if ((!is_inside && !is_beside) ||
        (is_inside && is_beside && !str_equal(id_text(&inside), id_text(&beside)))) {
        return false;
    }
    out.target = id_text(is_inside ? &inside : &beside);
    sync_event_tell(w, &out, e);
    return true;
}

/* --- state --------------------------------------------------------------------------------------
 */

enum membership sync_event_own_membership(struct sync_reader *r, struct str raw)
{
    struct str before =
        json_get(json_get(json_get(raw, STR("unsigned")), STR("prev_content")), STR("membership"));
    struct str now = json_get(json_get(raw, STR("content")), STR("membership"));

    if (!json_string_is(json_get(raw, STR("type")), STR("m.room.member")) ||
        !json_string_is(json_get(raw, STR("state_key")), r->user_id) || !is_valid_event(raw) ||
        json_kind_of(now) != JSON_STRING) {
        return MEMBERSHIP_NONE;
    }
    bool was_in = json_string_is(before, STR("join"));
    if (json_string_is(now, STR("join"))) {
        return was_in ? MEMBERSHIP_STAYED : MEMBERSHIP_ENTERED;
    }
    bool is_out_anyway = json_kind_of(before) == JSON_STRING && !was_in;
    return is_out_anyway || json_string_is(now, STR("invite")) || json_string_is(now, STR("knock"))
               ? MEMBERSHIP_OUTSIDE
               : MEMBERSHIP_GONE;
}

static void tell_name(struct room_walk *w, const struct event *e)
{
    struct bridge_event out = {.kind = MATRIX_NAME};
    struct str name = json_get(e->content, STR("name"));
    struct buf room;

    buf_init(&room, name.len);
    if (read_text(w->reader, name, &room, &out.body)) {
        w->has_name = out.body.len > 0;
        sync_event_tell(w, &out, e);
    }
    buf_fini(&room);
}

/* Returns false when it is no state that counts here. */
bool sync_event_tell_state(struct room_walk *w, const struct event *e)
{
    if (!e->is_state || !json_string_is(json_get(e->raw, STR("state_key")), STR(""))) {
        return e->is_state; /* that of a member, say */
    }
    if (json_string_is(e->type, STR("m.room.encryption"))) {
        struct bridge_event out = {.kind = MATRIX_ENCRYPTED};
        sync_event_tell(w, &out, e);
    } else if (json_string_is(e->type, STR("m.room.name"))) {
        tell_name(w, e);
    } else if (json_string_is(e->type, STR("m.room.canonical_alias"))) {
        (void)sync_event_read_id(json_get(e->content, STR("alias")), '#', &w->alias);
    } else if (json_string_is(e->type, STR("m.room.create"))) {
        w->knows_all = true;
    }
    return true;
}

/* --- timelines ----------------------------------------------------------------------------------
 */

void sync_event_take(struct room_walk *w, struct str raw)
{
    struct event e;
    bool is_good = true;
    enum membership own = sync_event_own_membership(w->reader, raw);

    if (own != MEMBERSHIP_NONE) {
        w->is_old = own == MEMBERSHIP_GONE || own == MEMBERSHIP_OUTSIDE;
    }
    if (!sync_event_read(w->reader, raw, false, &e)) {
        w->reader->malformed++;
        return;
    }
    if (sync_event_tell_state(w, &e) || e.is_own) {
        return;
    }
    if (json_string_is(e.type, STR("m.room.message"))) {
        is_good = tell_message(w, &e);
    } else if (json_string_is(e.type, STR("m.room.redaction"))) {
        is_good = tell_redaction(w, &e);
    } else {
        w->reader->left_out++;
    }
    w->reader->malformed += is_good ? 0 : 1;
}

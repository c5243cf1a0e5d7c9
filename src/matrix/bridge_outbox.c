#include "matrix/bridge_internal.h"

#include "matrix/markup.h"

/*
 * What is to be said in each room, in its order. A send is a text that may take several events: the
 * first piece goes by the transaction id in its row; when it has been taken, the row gets what is
 * left and a new id. So a row with an id is on the disk before the piece is sent, and `limit`, by
 * which the piece was cut, is in it too: after a kill the same piece goes by the same id.
 */

static struct turn *turn_of(struct bridge *b, const struct send *s)
{
    struct turn *t = s->role == SEND_PART ? thing_find_number(b, TABLE_TURN, s->turn_number) : NULL;

    return t != NULL && t->part == s ? t : NULL;
}

static void set_txn_id(struct bridge *b, struct send *s)
{
    char text[TXN_ID_SIZE];
    char key[2 * KEY_BYTES];

    text_set(b, &s->txn_id,
             str_format(text, sizeof(text), "parley-%.*s", STR_ARG(text_random(b, key))));
    s->limit = 0;
    thing_touch(b, &s->thing);
}

static void link_send(struct bridge *b, struct send *s, struct room *room)
{
    s->room = room;
    list_append(&room->sends, &s->of_room);
    room->send_count++;
    b->counts.sends_waiting++;
    outbox_wake(b, room);
}

struct send *outbox_add(struct bridge *b, struct room *room, const struct saying *saying)
{
    struct send *s;

    if (!room->is_joined || (room->is_encrypted && saying->role != SEND_ENCRYPTED)) {
        return NULL;
    }
    s = thing_new_number(b, TABLE_SEND);
    if (s == NULL) {
        return NULL;
    }
    text_set(b, &s->room_id, room->thing.key);
    text_set(b, &s->thread, saying->thread);
    text_set(b, &s->reply_to, saying->reply_to);
    text_set(b, &s->replaces, saying->replaces);
    text_set(b, &s->text, saying->text);
    s->role = (uint8_t)saying->role;
    s->is_notice = saying->is_notice;
    s->turn_number = saying->turn_number;
    set_txn_id(b, s);
    link_send(b, s, room);
    return s;
}

void outbox_tell(struct bridge *b, struct talk *talk, struct str reply_to, struct str text)
{
    struct saying saying = {.text = text,
                            .thread = talk->thread,
                            .reply_to = reply_to,
                            .replaces = STR(""),
                            .role = SEND_TEXT,
                            .is_notice = true};

    (void)outbox_add(b, talk->room, &saying);
}

void outbox_drop(struct bridge *b, struct send *s)
{
    struct turn *t = turn_of(b, s);
    struct room *room = s->room;

    if (t != NULL) {
        t->part = NULL;
    }
    if (room->sending == s) {
        room->sending = NULL;
        bridge_act(b, &(struct bridge_action){
                          .kind = ACT_UNSEND, .room = room->thing.key, .send = s->thing.number});
    }
    list_remove(&s->of_room);
    room->send_count--;
    b->counts.sends_waiting--;
    thing_drop(b, &s->thing);
    outbox_wake(b, room);
}

void outbox_drop_all(struct bridge *b, struct room *room)
{
    list_each_safe(link, &room->sends) {
        outbox_drop(b, list_entry(link, struct send, of_room));
    }
}

void outbox_wake(struct bridge *b, struct room *room)
{
    if (list_empty(&room->outgoing)) {
        list_append(&b->outgoing, &room->outgoing);
    }
}

uint64_t outbox_limit(const struct bridge *b)
{
    uint64_t most = b->settings.values.max_message_bytes;

    most = most > 2 * MARKUP_EVENT_BYTES ? most - MARKUP_EVENT_BYTES : most / 2;
    most = most < b->piece_bytes ? most : b->piece_bytes;
    return most > PIECE_MIN_BYTES ? most : PIECE_MIN_BYTES;
}

/* The piece that goes by the transaction id, in b->piece. Returns what is left. */
static struct markup_split cut(struct bridge *b, const struct send *s)
{
    struct markup_split split = {.rest = s->text,
                                 .fence = {.lead = s->fence_lead,
                                           .info = s->fence_info,
                                           .run = s->fence_run,
                                           .mark = (char)s->fence_mark}};

    buf_clear(&b->piece);
    if (!markup_split_next(&split, s->limit, &b->piece)) {
        split.rest = STR("");
    }
    b->failed |= b->piece.failed;
    return split;
}

static void send_piece(struct bridge *b, const struct send *s)
{
    struct markup_message m = {.markdown = buf_str(&b->piece),
                               .notice = s->is_notice,
                               .thread = s->thread,
                               .reply_to = s->reply_to,
                               .replaces = s->replaces,
                               .answers = s->is_notice ? STR("") : b->settings.values.user_id};

    buf_clear(&b->content);
    markup_content(&m, &b->content);
    b->failed |= b->content.failed;
    bridge_act(b, &(struct bridge_action){.kind = ACT_SEND,
                                          .send = s->thing.number,
                                          .room = s->room_id,
                                          .type = STR("m.room.message"),
                                          .txn_id = s->txn_id,
                                          .content = buf_str(&b->content)});
}

void outbox_settle(struct bridge *b, struct room *room)
{
    if (room->sending != NULL) {
        return;
    }
    while (!list_empty(&room->sends) && !b->failed) {
        struct send *s = list_entry(room->sends.next, struct send, of_room);
        if (!room->is_joined || (room->is_encrypted && s->role != SEND_ENCRYPTED)) {
            outbox_drop(b, s);
            continue;
        }
        if (s->limit == 0) {
            s->limit = outbox_limit(b);
            thing_touch(b, &s->thing);
        }
        (void)cut(b, s);
        room->sending = s;
        send_piece(b, s);
        return;
    }
}

/* --- what has become of it -------------------------------------------------------------------- */

/* Out of the outbox, or on to the rest of it. Of a part only the first piece is shown. */
static void go_on(struct bridge *b, struct send *s, const struct markup_split *split)
{
    if (s->role == SEND_PART || text_is_blank(split->rest)) {
        outbox_drop(b, s);
        return;
    }
    /* The fence borrows from the text. */
    text_set(b, &s->fence_lead, split->fence.lead);
    text_set(b, &s->fence_info, split->fence.info);
    s->fence_run = split->fence.run;
    s->fence_mark = (uint8_t)split->fence.mark;
    text_set(b, &s->text, split->rest);
    text_clear(&s->replaces);
    text_clear(&s->reply_to);
    set_txn_id(b, s);
}

static void taken(struct bridge *b, struct send *s, struct str event_id)
{
    struct turn *t = turn_of(b, s);
    struct markup_split split = cut(b, s);

    go_on(b, s, &split);
    if (t != NULL) {
        t->part = NULL;
        speech_sent(b, t);
        turn_change(b, t, TURN_EVENT_SAID, event_id);
    }
}

/*
 * A message that is too large goes in smaller pieces from now on; when the smallest is too large,
 * it was not for its size, and the next one is tried whole. An edit that is not taken, since its
 * message is gone perhaps, goes as a message. What we may not say stays unsaid, and so does what
 * something before the server has refused for long: it has held up the room for long enough.
 */
static void refused(struct bridge *b, struct send *s, struct str error)
{
    struct turn *t = turn_of(b, s);
    bool is_too_large = str_equal(error, STR("M_TOO_LARGE"));
    bool is_final = str_equal(error, STR("M_FORBIDDEN")) || str_starts_with(error, STR("HTTP_"));

    b->counts.refused_sends_total++;
    bridge_log(b, LEVEL_WARNING, "bridge_send_refused", s->room_id, "error=%.*s",
               STR_ARG(text_cut(error, NAME_MAX_BYTES)));
    if (is_too_large && s->limit > PIECE_MIN_BYTES) {
        b->piece_bytes = s->limit / 2;
        set_txn_id(b, s);
        return;
    }
    b->piece_bytes = is_too_large ? UINT64_MAX : b->piece_bytes;
    if (t != NULL) {
        outbox_drop(b, s);
        t->is_mute = true;
        thing_touch(b, &t->thing);
        turn_change(b, t, TURN_EVENT_UNSAID, STR(""));
    } else if (s->replaces.len > 0 && s->role == SEND_TEXT && !is_final) {
        text_clear(&s->replaces);
        set_txn_id(b, s);
    } else {
        outbox_drop(b, s);
    }
}

void outbox_sent(struct bridge *b, const struct bridge_sent *sent)
{
    struct send *s = thing_find_number(b, TABLE_SEND, sent->send);

    if (s == NULL || s->room->sending != s) {
        return;
    }
    s->room->sending = NULL;
    outbox_wake(b, s->room);
    speech_learn(b, sent->slowed_ms);
    if (sent->event_id.len > 0) {
        taken(b, s, sent->event_id);
    } else {
        refused(b, s, sent->error);
    }
}

/* --- restoring -------------------------------------------------------------------------------- */

bool send_restored(struct bridge *b, struct send *s)
{
    struct room *room = room_find(b, s->room_id);

    if (room == NULL) {
        return false;
    }
    link_send(b, s, room);
    struct turn *t = s->role == SEND_PART ? thing_find_number(b, TABLE_TURN, s->turn_number) : NULL;
    if (t != NULL) {
        t->part = s;
    }
    return true;
}

/* The first of each room may have been on its way, so it is sent whatever comes now. */
void outbox_start(struct bridge *b)
{
    uint32_t at = 0;

    for (struct room *room; (room = thing_next(b, TABLE_ROOM, &at)) != NULL;) {
        outbox_settle(b, room);
    }
}

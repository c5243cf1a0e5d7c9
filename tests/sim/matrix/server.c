#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "model.h"
#include "json/reader.h"

static const char *const room_ids[ROOMS] = {"!home:s", "!r1:s", "!r2:s", "!r3:s", "!r4:s", "!r5:s"};
static const char *const thread_ids[THREADS] = {"", "$t1", "$t2"};
static const char *const user_ids[USERS] = {"@ann:s", "@bob:s", "@cat:s", "@eve:evil"};

struct str room_id(unsigned room)
{
    return str_from_z(room_ids[room]);
}

unsigned room_of(struct str id)
{
    unsigned room = 0;

    while (room < ROOMS && !str_equal(id, room_id(room))) {
        room++;
    }
    return room;
}

struct str thread_id(unsigned thread)
{
    return str_from_z(thread_ids[thread]);
}

struct event *server_post(struct model *m, enum bridge_event_kind kind, unsigned room)
{
    if (m->event_count == m->event_cap) {
        m->event_cap = m->event_cap == 0 ? 1024 : m->event_cap * 2;
        m->events = realloc(m->events, m->event_cap * sizeof(*m->events));
        assert(m->events != NULL);
    }
    struct event *e = &m->events[m->event_count++];
    *e = (struct event){.kind = kind, .room = room};
    return e;
}

void server_waive(struct model *m, unsigned room)
{
    for (uint32_t i = 0; i < m->event_count; i++) {
        m->events[i].is_waived |= m->events[i].room == room;
    }
}

/* --- telling ---------------------------------------------------------------------------------- */

static void body_of(const struct model *m, uint32_t number, const struct event *e, char *out,
                    size_t cap)
{
    uint32_t of = e->kind == MATRIX_EDIT ? e->target : number;

    if (e->command != NULL) {
        (void)snprintf(out, cap, "%s", e->command);
    } else if (e->is_long) {
        memset(out, 'x', cap - 1);
        out[cap - 1] = '\0';
    } else {
        (void)snprintf(out, cap, "Q%u v%u", of, e->version);
    }
    (void)m;
}

/* What the model knows of an event once the bridge was told it. */
static void note_told(struct model *m, uint32_t number)
{
    struct event *e = &m->events[number];
    struct room_state *room = &m->rooms[e->room];
    struct event *target = &m->events[e->target];
    char key[32];

    (void)snprintf(key, sizeof(key), "$e%u", number);
    assert(m->touched_count + 2 < TOUCHED);
    m->touched[m->touched_count++] = number;
    m->touched[m->touched_count++] = e->target;
    switch (e->kind) {
    case MATRIX_MESSAGE:
        if (e->command != NULL && strcmp(e->command, "/leave") == 0) {
            room->is_told_leaving = true;
        }
        e->is_due |= room->is_told_member && !room->is_told_leaving && !room->is_told_encrypted &&
                     !e->is_old && !driver_row(&m->d, TABLE_QUESTION, str_from_z(key));
        break;
    case MATRIX_EDIT:
        if (e->user == target->user && !target->is_told_redacted) {
            target->told_version = e->version;
        }
        break;
    case MATRIX_REDACTION:
        target->is_told_redacted = true;
        break;
    case MATRIX_ENCRYPTED:
        room->is_told_encrypted = true;
        break;
    case MATRIX_JOINED:
        room->is_told_member = true;
        break;
    case MATRIX_LEFT:
        room->is_told_member = false;
        room->is_told_leaving = false;
        break;
    default:
        break;
    }
}

static void tell(struct model *m, uint32_t number)
{
    const struct event *e = &m->events[number];
    char id[32], target[32], body[3000];

    (void)snprintf(id, sizeof(id), "$e%u", number);
    (void)snprintf(target, sizeof(target), "$e%u", e->target);
    body_of(m, number, e, body, sizeof(body));
    struct bridge_event event = {
        .kind = e->kind,
        .room = room_id(e->room),
        .event_id = str_from_z(id),
        .sender = str_from_z(user_ids[e->user]),
        .body = str_from_z(e->kind == MATRIX_NAME ? "A name" : body),
        .thread = thread_id(e->thread),
        .reply_to = STR(""),
        .target = str_from_z(target),
        .old = e->is_old,
    };
    driver_enter(&m->d);
    bridge_matrix_event(m->d.bridge, &event);
    driver_leave(&m->d);
}

void server_tell(struct model *m, uint32_t most, bool whole)
{
    char token[32];

    while (most-- > 0 && m->told < m->event_count) {
        if (!whole && m->events[m->told].kind > MATRIX_REDACTION) {
            return;
        }
        note_told(m, m->told);
        tell(m, m->told++);
    }
    if (whole) {
        (void)snprintf(token, sizeof(token), "s%u", m->told);
        driver_enter(&m->d);
        bridge_synced(m->d.bridge, str_from_z(token));
        driver_leave(&m->d);
    }
}

void server_repeat(struct model *m)
{
    if (m->told > 0) {
        uint32_t back = (uint32_t)model_draw(m, m->told < 50 ? m->told : 50);
        uint32_t number = m->told - 1 - back;
        if (m->events[number].kind == MATRIX_MESSAGE && m->events[number].was_kept) {
            tell(m, number);
        }
    }
}

/* "$m12" refers to 12, of the kind 'm'. */
static bool refers_to(struct str id, char kind, uint32_t *ret_number)
{
    uint64_t number;

    if (id.len < 3 || id.ptr[1] != kind ||
        !str_to_uint(str_slice(id, 2, id.len), 1u << 30, &number)) {
        return false;
    }
    *ret_number = (uint32_t)number;
    return true;
}

/* --- what the bridge has on its disk -----------------------------------------------------------
 */

void server_committed(struct model *m, const struct row *row)
{
    uint32_t number;

    if (row->table == TABLE_QUESTION && refers_to(row->key, 'e', &number)) {
        m->events[number].was_kept = true;
    }
}

static void check_batch(struct model *m)
{
    const struct row *row = driver_row(&m->d, TABLE_SYNC, STR("sync"));
    struct str text;
    uint64_t batch = 0;

    if (row == NULL || !json_string_plain(json_get(row->value, STR("next_batch")), &text)) {
        return;
    }
    (void)str_to_uint(str_slice(text, 1, text.len), UINT32_MAX, &batch);
    for (uint32_t i = (uint32_t)batch; i-- > 0 && batch - i < 200;) {
        if (m->events[i].is_due && !m->events[i].was_kept) {
            model_fail(m, "next_batch is %llu, and event %u is in no inbox",
                       (unsigned long long)batch, i);
        }
    }
}

void server_step_ended(struct model *m, bool is_committed)
{
    for (unsigned i = 0; i < m->touched_count; i++) {
        struct event *e = &m->events[m->touched[i]];
        if (is_committed) {
            e->committed_version = e->told_version;
            e->is_redacted = e->is_told_redacted;
        } else {
            e->told_version = e->committed_version;
            e->is_told_redacted = e->is_redacted;
            e->is_due &= e->was_kept;
        }
    }
    m->touched_count = 0;
    for (unsigned i = 0; i < ROOMS; i++) {
        struct room_state *r = &m->rooms[i];
        if (is_committed) {
            r->is_known_encrypted = r->is_told_encrypted;
            r->is_member = r->is_told_member;
            r->is_leaving = r->is_told_leaving;
        } else {
            r->is_told_encrypted = r->is_known_encrypted;
            r->is_told_member = r->is_member;
            r->is_told_leaving = r->is_leaving;
        }
    }
    if (is_committed) {
        check_batch(m);
    }
}

/* --- sends ------------------------------------------------------------------------------------ */

static void land(struct flight *f)
{
    free((char *)(uintptr_t)f->content.ptr);
    *f = (struct flight){0};
}

static void text_of(struct str content, struct str name, struct buf *out)
{
    buf_clear(out);
    json_unescape(json_get(content, name), out);
    assert(!out->failed);
}

static void edit_message(struct model *m, struct message *msg, struct str content, unsigned room)
{
    if (msg->room != room) {
        model_fail(m, "an edit in another room");
    }
    if (++msg->edits > 30) {
        model_fail(m, "a message was edited %u times", msg->edits);
    }
    text_of(content, STR("body"), &msg->text);
}

/* Other bridges know an answer by who gives it, and do not answer it. */
static void check_answers(struct model *m, struct str content)
{
    bool is_notice = str_equal(json_get(content, STR("notice")), STR("true"));

    if (!json_string_is(json_get(content, STR("answers")),
                        is_notice ? STR("") : m->d.settings.user_id)) {
        model_fail(m, "%s could be taken for %s", is_notice ? "a notice" : "an answer",
                   is_notice ? "an answer" : "a question");
    }
}

/* The message that a content makes or edits. */
static uint32_t apply(struct model *m, unsigned room, struct str content)
{
    struct buf text;
    uint32_t number;

    check_answers(m, content);
    buf_init(&text, 1 << 20);
    text_of(content, STR("replaces"), &text);
    if (refers_to(buf_str(&text), 'm', &number)) {
        edit_message(m, &m->messages[number], content, room);
        buf_fini(&text);
        return number;
    }
    if (m->message_count == m->message_cap) {
        m->message_cap = m->message_cap == 0 ? 1024 : m->message_cap * 2;
        m->messages = realloc(m->messages, m->message_cap * sizeof(*m->messages));
        assert(m->messages != NULL);
    }
    struct message *msg = &m->messages[m->message_count];
    *msg = (struct message){.room = room, .question = NO_NAME, .stream = m->event_count};
    buf_init(&msg->text, 1 << 20);
    text_of(content, STR("body"), &msg->text);
    msg->is_notice = str_equal(json_get(content, STR("notice")), STR("true"));
    text_of(content, STR("reply_to"), &text);
    (void)refers_to(buf_str(&text), 'e', &msg->question);
    text_of(content, STR("thread"), &text);
    while (!str_equal(thread_id(msg->thread), buf_str(&text))) {
        msg->thread++;
        assert(msg->thread < THREADS);
    }
    buf_fini(&text);
    return m->message_count++;
}

/* The server takes it: a transaction id that it knows is the same event. */
static uint32_t take(struct model *m, const struct flight *f)
{
    struct str id = str_from_z(f->txn_id);
    uint32_t known = names_find(&m->txns, id);

    if (known != NO_NAME) {
        return m->txn_messages[known];
    }
    known = names_add(&m->txns, id);
    if (known >= m->txn_cap) {
        m->txn_cap = (known + 1) * 2;
        m->txn_messages = realloc(m->txn_messages, m->txn_cap * sizeof(*m->txn_messages));
        assert(m->txn_messages != NULL);
    }
    m->rooms[f->room].encryption_notices += f->is_notice_of_encryption;
    m->txn_messages[known] = apply(m, f->room, f->content);
    return m->txn_messages[known];
}

void server_serve(struct model *m, struct flight *f)
{
    char id[32] = "";
    struct bridge_sent sent = {.send = f->send, .error = STR("")};
    bool is_known = names_find(&m->txns, str_from_z(f->txn_id)) != NO_NAME;

    if (!m->is_calm && model_draw(m, 8) == 0) {
        f->slowed_ms += 1 + model_draw(m, 3000); /* 429 */
        return;
    }
    if (!is_known && f->content.len > m->server_limit) {
        sent.error = STR("M_TOO_LARGE");
    } else if (!is_known && m->rooms[f->room].is_forbidding && model_draw(m, 6) == 0) {
        sent.error = model_draw(m, 2) == 0 ? STR("M_FORBIDDEN") : STR("HTTP_403");
        server_waive(m, f->room);
    } else {
        (void)snprintf(id, sizeof(id), "$m%u", take(m, f));
    }
    sent.event_id = str_from_z(id);
    sent.slowed_ms = f->slowed_ms;
    land(f);
    driver_enter(&m->d);
    bridge_sent(m->d.bridge, &sent);
    driver_leave(&m->d);
}

/* --- actions ---------------------------------------------------------------------------------- */

static void check_reserved(struct model *m, const struct bridge_action *a)
{
    char key[24];
    struct str txn_id;
    const struct row *row = driver_row(
        &m->d, TABLE_SEND, str_format(key, sizeof(key), "%llu", (unsigned long long)a->send));

    if (row == NULL || !json_string_plain(json_get(row->value, STR("txn_id")), &txn_id) ||
        !str_equal(txn_id, a->txn_id)) {
        model_fail(m, "send %llu goes by a transaction id that is not on the disk",
                   (unsigned long long)a->send);
    }
}

static void start_send(struct model *m, const struct bridge_action *a)
{
    unsigned room = room_of(a->room);
    struct flight *f = NULL;
    bool is_notice = memmem(a->content.ptr, a->content.len, "This room is encrypted", 22) != NULL;

    assert(room < ROOMS);
    for (unsigned i = 0; i < FLIGHTS; i++) {
        if (m->flights[i].used && m->flights[i].room == room) {
            model_fail(m, "two sends at once in room %u", room);
        }
        f = m->flights[i].used ? f : &m->flights[i];
    }
    check_reserved(m, a);
    if (m->rooms[room].is_known_encrypted && !is_notice) {
        model_fail(m, "something is said in clear in room %u", room);
    }
    *f = (struct flight){
        .used = true, .room = room, .send = a->send, .is_notice_of_encryption = is_notice};
    assert(a->txn_id.len < sizeof(f->txn_id));
    memcpy(f->txn_id, a->txn_id.ptr, a->txn_id.len);
    char *copy = malloc(a->content.len);
    assert(copy != NULL);
    memcpy(copy, a->content.ptr, a->content.len);
    f->content = str_make(copy, a->content.len);
}

static void stop_send(struct model *m, const struct bridge_action *a)
{
    for (unsigned i = 0; i < FLIGHTS; i++) {
        if (m->flights[i].used && m->flights[i].send == a->send) {
            land(&m->flights[i]);
        }
    }
}

void server_act(struct model *m, const struct bridge_action *a)
{
    unsigned room = room_of(a->room);

    switch (a->kind) {
    case ACT_JOIN:
        assert(room < ROOMS);
        if (room != 0 && !m->rooms[room].is_invited) {
            model_fail(m, "room %u is joined, and nobody who may has invited", room);
        }
        m->rooms[room].is_joining = true;
        break;
    case ACT_LEAVE:
        if (m->rooms[room].is_joined) {
            m->rooms[room].is_joined = false;
            m->rooms[room].is_typing = false;
            server_waive(m, room);
            (void)server_post(m, MATRIX_LEFT, room);
        }
        break;
    case ACT_SEND:
        start_send(m, a);
        break;
    case ACT_UNSEND:
        stop_send(m, a);
        break;
    case ACT_TYPING:
        m->rooms[room].is_typing = a->on && m->rooms[room].is_joined;
        m->rooms[room].typing_until_ms = m->d.now.mono_ms + TYPING_MS;
        break;
    case ACT_ASK:
        agent_ask(m, a);
        break;
    case ACT_STOP:
        agent_stop(m, a->turn);
        break;
    default:
        break;
    }
}

void server_killed(struct model *m)
{
    const struct row *row = driver_row(&m->d, TABLE_SYNC, STR("sync"));
    struct str text;
    uint64_t batch = 0;

    for (unsigned i = 0; i < FLIGHTS; i++) {
        struct flight *f = &m->flights[i];
        /* It may have been on the wire. */
        if (f->used && f->content.len <= m->server_limit && !m->rooms[f->room].is_forbidding &&
            model_draw(m, 2) == 0) {
            (void)take(m, f);
        }
        land(f);
    }
    for (unsigned i = 0; i < ROOMS; i++) {
        m->rooms[i].is_joining = false;
    }
    if (row != NULL && json_string_plain(json_get(row->value, STR("next_batch")), &text)) {
        (void)str_to_uint(str_slice(text, 1, text.len), UINT32_MAX, &batch);
    }
    m->told = (uint32_t)batch;
}

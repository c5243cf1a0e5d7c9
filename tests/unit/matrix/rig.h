#ifndef PARLEY_TESTS_MATRIX_RIG_H
#define PARLEY_TESTS_MATRIX_RIG_H

/*
 * A bridge between a homeserver and an agent that the test plays: rows are kept as on a disk, and
 * actions are noted as lines, in their order. Each function is one step, settled and committed.
 */

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "matrix/bridge.h"

enum { RIG_ROWS = 16384, RIG_TEXT = 1 << 20 };

struct rig_row {
    enum bridge_table table;
    char *key;
    char *value;
};

struct rig {
    struct bridge *b;
    struct bridge_settings settings;
    struct bridge_time now;
    struct rig_row rows[RIG_ROWS];
    unsigned row_count;
    char lines[RIG_TEXT]; /* what was to be done, since rig_lines was called last */
    size_t length;
    char taken[RIG_TEXT];
    char logged[4096]; /* events of the log */
    uint64_t last_send;
    uint64_t last_turn;
    char last_txn[TXN_ID_SIZE];
    char last_key[64];
    char last_conversation[128];
    char last_content[70000];
    unsigned random;
    unsigned next_event; /* "$1" is the first that rig_say says */
};

static inline const char *rig_z(struct str s, char *buffer, size_t cap)
{
    (void)snprintf(buffer, cap, "%.*s", STR_ARG(s));
    return buffer;
}

static inline struct rig_row *rig_find(struct rig *r, enum bridge_table table, const char *key)
{
    for (unsigned i = 0; i < r->row_count; i++) {
        if (r->rows[i].table == table && strcmp(r->rows[i].key, key) == 0) {
            return &r->rows[i];
        }
    }
    return NULL;
}

/* The value of a row; NULL: it is not there. */
static inline const char *rig_value(struct rig *r, enum bridge_table table, const char *key)
{
    const struct rig_row *row = rig_find(r, table, key);

    return row != NULL ? row->value : NULL;
}

static inline unsigned rig_rows(const struct rig *r, enum bridge_table table)
{
    unsigned count = 0;

    for (unsigned i = 0; i < r->row_count; i++) {
        count += r->rows[i].table == table;
    }
    return count;
}

static inline char *rig_copy(struct str s)
{
    char *copy = malloc(s.len + 1);

    assert(copy != NULL);
    memcpy(copy, s.len > 0 ? s.ptr : "", s.len);
    copy[s.len] = '\0';
    return copy;
}

static inline bool rig_save(void *owner, const struct bridge_row *row)
{
    struct rig *r = owner;
    char *key = rig_copy(row->key);
    struct rig_row *place = rig_find(r, row->table, key);

    if (place == NULL && row->value.len > 0) {
        assert(r->row_count < RIG_ROWS);
        place = &r->rows[r->row_count++];
        *place = (struct rig_row){.table = row->table, .key = key};
    } else {
        free(key);
    }
    if (row->value.len > 0) {
        free(place->value);
        place->value = rig_copy(row->value);
    } else if (place != NULL) {
        free(place->key);
        free(place->value);
        *place = r->rows[--r->row_count];
    }
    return true;
}

static inline void rig_line(struct rig *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static inline void rig_line(struct rig *r, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int len = vsnprintf(r->lines + r->length, RIG_TEXT - r->length, format, args);
    va_end(args);
    assert(len >= 0 && r->length + (size_t)len < RIG_TEXT);
    r->length += (size_t)len;
}

static inline void rig_note_send(struct rig *r, const struct bridge_action *a)
{
    r->last_send = a->send;
    (void)rig_z(a->txn_id, r->last_txn, sizeof(r->last_txn));
    (void)rig_z(a->content, r->last_content, sizeof(r->last_content));
    rig_line(r, "send %.*s %.*s\n", STR_ARG(a->room), STR_ARG(a->content));
}

static inline bool rig_act(void *owner, const struct bridge_action *a)
{
    struct rig *r = owner;

    switch (a->kind) {
    case ACT_JOIN:
        rig_line(r, "join %.*s\n", STR_ARG(a->room));
        break;
    case ACT_LEAVE:
        rig_line(r, "leave %.*s\n", STR_ARG(a->room));
        break;
    case ACT_SEND:
        rig_note_send(r, a);
        break;
    case ACT_UNSEND:
        rig_line(r, "unsend %.*s\n", STR_ARG(a->room));
        break;
    case ACT_TYPING:
        rig_line(r, "typing %.*s %s\n", STR_ARG(a->room), a->on ? "on" : "off");
        break;
    case ACT_RECEIPT:
        rig_line(r, "receipt %.*s %.*s\n", STR_ARG(a->room), STR_ARG(a->event_id));
        break;
    case ACT_ASK:
        r->last_turn = a->turn;
        (void)rig_z(a->idempotency_key, r->last_key, sizeof(r->last_key));
        (void)rig_z(a->conversation, r->last_conversation, sizeof(r->last_conversation));
        rig_line(r, "ask '%.*s' by %.*s in %.*s/%.*s model '%.*s' history %.*s\n",
                 STR_ARG(a->question), STR_ARG(a->sender), STR_ARG(a->session_name),
                 STR_ARG(a->session_id), STR_ARG(a->model), STR_ARG(a->history));
        break;
    case ACT_STOP:
        rig_line(r, "stop\n");
        break;
    }
    return true;
}

static inline void rig_random(void *owner, void *bytes, size_t len)
{
    struct rig *r = owner;

    for (size_t i = 0; i < len; i++) {
        r->random = r->random * 1103515245u + 12345u;
        ((uint8_t *)bytes)[i] = (uint8_t)(r->random >> 16);
    }
}

static inline void rig_log(void *owner, unsigned level, const char *event, struct str about,
                           struct str details)
{
    struct rig *r = owner;
    size_t len = strlen(r->logged);

    (void)level;
    (void)snprintf(r->logged + len, sizeof(r->logged) - len, "%s %.*s %.*s\n", event,
                   STR_ARG(about), STR_ARG(details));
}

static inline void rig_settle(struct rig *r)
{
    bool ok = bridge_settle(r->b);

    assert(ok);
}

static inline struct bridge_ports rig_ports(struct rig *r)
{
    return (struct bridge_ports){
        .owner = r, .save = rig_save, .act = rig_act, .random = rig_random, .log = rig_log};
}

static inline int rig_by_key(const void *a, const void *b)
{
    const struct rig_row *left = a;
    const struct rig_row *right = b;
    bool is_number = left->table == TABLE_SESSION || left->table >= TABLE_TURN;
    size_t lengths[] = {strlen(left->key), strlen(right->key)};

    if (left->table != right->table) {
        return left->table < right->table ? -1 : 1;
    }
    if (is_number && lengths[0] != lengths[1]) {
        return lengths[0] < lengths[1] ? -1 : 1;
    }
    return strcmp(left->key, right->key);
}

static inline void rig_restore(struct rig *r)
{
    qsort(r->rows, r->row_count, sizeof(r->rows[0]), rig_by_key);
    for (unsigned i = 0; i < r->row_count; i++) {
        struct bridge_row row = {.table = r->rows[i].table,
                                 .key = str_from_z(r->rows[i].key),
                                 .value = str_from_z(r->rows[i].value)};
        struct buf error;
        buf_init(&error, 1000);
        if (!bridge_restore(r->b, &row, &error)) {
            fprintf(stderr, "%.*s\n", STR_ARG(buf_str(&error)));
            abort();
        }
        buf_fini(&error);
    }
}

static inline void rig_start(struct rig *r)
{
    struct bridge_ports ports = rig_ports(r);

    r->b = bridge_new(&r->settings, &ports, r->now);
    assert(r->b != NULL);
    rig_restore(r);
    bridge_start(r->b);
    rig_settle(r);
}

/* Kills it and starts it from its rows. */
static inline void rig_again(struct rig *r)
{
    bridge_free(r->b);
    rig_start(r);
}

static inline struct rig *rig_new_with(void (*change)(struct bridge_settings *settings))
{
    static const struct str invites[] = {{"@*:friends", 10}};
    static const struct str admins[] = {{"@root:here", 10}};
    struct rig *r = calloc(1, sizeof(*r));

    assert(r != NULL);
    r->now = (struct bridge_time){.mono_ms = 1000000, .wall_ms = 1796000000000};
    r->settings = (struct bridge_settings){.user_id = STR("@bot:here"),
                                           .session_name = STR("matrix:{room}:{date}-{n}"),
                                           .model = STR(""),
                                           .invites = invites,
                                           .invite_count = 1,
                                           .admins = admins,
                                           .admin_count = 1,
                                           .max_message_bytes = 20000,
                                           .max_turns_in_flight = 4,
                                           .max_waiting = 3,
                                           .turn_timeout_ms = 120000,
                                           .whom_to_ask = STR("@root:here")};
    if (change != NULL) {
        change(&r->settings);
    }
    rig_start(r);
    return r;
}

static inline struct rig *rig_new(void)
{
    return rig_new_with(NULL);
}

static inline void rig_free(struct rig *r)
{
    bridge_free(r->b);
    for (unsigned i = 0; i < r->row_count; i++) {
        free(r->rows[i].key);
        free(r->rows[i].value);
    }
    free(r);
}

/* What was to be done since the last call. */
static inline const char *rig_lines(struct rig *r)
{
    memcpy(r->taken, r->lines, r->length);
    r->taken[r->length] = '\0';
    r->length = 0;
    return r->taken;
}

static inline void rig_event(struct rig *r, const struct bridge_event *e)
{
    bridge_matrix_event(r->b, e);
    rig_settle(r);
}

static inline void rig_join(struct rig *r, const char *room)
{
    rig_event(r, &(struct bridge_event){.kind = MATRIX_JOINED, .room = str_from_z(room)});
}

/* Somebody writes; returns the number of the event. */
static inline unsigned rig_say_in(struct rig *r, const char *room, const char *thread,
                                  const char *sender, const char *body)
{
    char id[16];

    (void)snprintf(id, sizeof(id), "$%u", ++r->next_event);
    rig_event(r, &(struct bridge_event){.kind = MATRIX_MESSAGE,
                                        .room = str_from_z(room),
                                        .event_id = str_from_z(id),
                                        .sender = str_from_z(sender),
                                        .body = str_from_z(body),
                                        .thread = str_from_z(thread)});
    return r->next_event;
}

static inline unsigned rig_say(struct rig *r, const char *body)
{
    return rig_say_in(r, "!a:here", "", "@ann:here", body);
}

/* What was sent last is in the room, as this event. */
static inline void rig_sent(struct rig *r, const char *event_id)
{
    bridge_sent(r->b,
                &(struct bridge_sent){.send = r->last_send, .event_id = str_from_z(event_id)});
    rig_settle(r);
}

static inline void rig_refused(struct rig *r, const char *error)
{
    bridge_sent(r->b, &(struct bridge_sent){
                          .send = r->last_send, .event_id = STR(""), .error = str_from_z(error)});
    rig_settle(r);
}

static inline void rig_answering(struct rig *r, const char *text)
{
    bridge_answering(r->b, r->last_turn, str_from_z(text));
    rig_settle(r);
}

static inline void rig_answer(struct rig *r, const char *text)
{
    bridge_answered(r->b, r->last_turn, str_from_z(text), FAILURE_NONE, STR(""));
    rig_settle(r);
}

static inline void rig_fail(struct rig *r, enum bridge_failure failure, const char *error)
{
    bridge_answered(r->b, r->last_turn, STR(""), failure, str_from_z(error));
    rig_settle(r);
}

static inline void rig_pass(struct rig *r, uint64_t ms)
{
    r->now.mono_ms += ms;
    r->now.wall_ms += ms;
    bridge_tick(r->b, r->now);
    rig_settle(r);
}

static inline struct bridge_counts rig_counts(const struct rig *r)
{
    struct bridge_counts counts;

    bridge_counts(r->b, &counts);
    return counts;
}

#define assert_has(text, part)                                                                     \
    do {                                                                                           \
        if (strstr((text), (part)) == NULL) {                                                      \
            fail_msg("'%s' is not in '%s'", (part), (text));                                       \
        }                                                                                          \
    } while (0)
#define assert_lacks(text, part) assert_null(strstr((text), (part)))

#endif

#include <stddef.h>

#include "matrix/bridge_internal.h"
#include "json/reader.h"
#include "json/writer.h"

/*
 * Rows out of things and back: which members are kept stands in the tables below, and nowhere else.
 * A member that is empty, zero or false is left out. One that is not in the table is ignored when
 * it is read, so that an older version reads what a newer one has added.
 */

enum field_kind { FIELD_TEXT, FIELD_ARRAY, FIELD_NUMBER, FIELD_SMALL, FIELD_FLAG };

struct field {
    const char *name;
    size_t offset;
    enum field_kind kind;
    uint8_t max; /* of FIELD_SMALL */
};

#define TEXT(type, name)                                                                           \
    {                                                                                              \
#name, offsetof(struct type, name), FIELD_TEXT, 0                                          \
    }
#define ARRAY(type, name)                                                                          \
    {                                                                                              \
#name, offsetof(struct type, name), FIELD_ARRAY, 0                                         \
    }
#define NUMBER(type, name)                                                                         \
    {                                                                                              \
#name, offsetof(struct type, name), FIELD_NUMBER, 0                                        \
    }
#define SMALL(type, name, most)                                                                    \
    {                                                                                              \
#name, offsetof(struct type, name), FIELD_SMALL, most                                      \
    }
#define FLAG(type, label, member)                                                                  \
    {                                                                                              \
        label, offsetof(struct type, member), FIELD_FLAG, 0                                        \
    }

static const struct field sync_fields[] = {TEXT(sync, next_batch)};

static const struct field room_fields[] = {
    TEXT(room, name),
    TEXT(room, session_date),
    NUMBER(room, session_count),
    FLAG(room, "joined", is_joined),
    FLAG(room, "joining", is_joining),
    FLAG(room, "leaving", is_leaving),
    FLAG(room, "encrypted", is_encrypted),
    FLAG(room, "noticed", was_noticed),
    FLAG(room, "typing", was_typing),
};

static const struct field talk_fields[] = {
    TEXT(talk, room_id), TEXT(talk, thread),           TEXT(talk, model),
    TEXT(talk, last_id), NUMBER(talk, session_number), NUMBER(talk, used),
};

static const struct field session_fields[] = {
    TEXT(session, room_id),  TEXT(session, thread),   TEXT(session, name),
    TEXT(session, agent_id), ARRAY(session, history), TEXT(session, paired_id),
};

static const struct field question_fields[] = {
    TEXT(question, room_id),
    TEXT(question, thread),
    TEXT(question, sender),
    TEXT(question, text),
    TEXT(question, idempotency_key),
    NUMBER(question, order),
    SMALL(question, state, QUESTION_RUNNING),
    FLAG(question, "redacted", is_redacted),
};

static const struct field turn_fields[] = {
    TEXT(turn, question_id),
    TEXT(turn, event_id),
    TEXT(turn, text),
    NUMBER(turn, session_number),
    NUMBER(turn, edits),
    SMALL(turn, state, TURN_CLOSING),
    FLAG(turn, "mute", is_mute),
    FLAG(turn, "notice", is_notice),
};

static const struct field send_fields[] = {
    TEXT(send, room_id),
    TEXT(send, thread),
    TEXT(send, reply_to),
    TEXT(send, replaces),
    TEXT(send, text),
    TEXT(send, fence_lead),
    TEXT(send, fence_info),
    NUMBER(send, fence_run),
    SMALL(send, fence_mark, UINT8_MAX),
    TEXT(send, txn_id),
    NUMBER(send, turn_number),
    NUMBER(send, limit),
    SMALL(send, role, SEND_ROLES - 1),
    FLAG(send, "notice", is_notice),
};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static const struct shape {
    size_t size;
    const struct field *fields;
    size_t count;
} shapes[BRIDGE_TABLES] = {
    [TABLE_SYNC] = {sizeof(struct sync), sync_fields, COUNT(sync_fields)},
    [TABLE_ROOM] = {sizeof(struct room), room_fields, COUNT(room_fields)},
    [TABLE_TALK] = {sizeof(struct talk), talk_fields, COUNT(talk_fields)},
    [TABLE_SESSION] = {sizeof(struct session), session_fields, COUNT(session_fields)},
    [TABLE_QUESTION] = {sizeof(struct question), question_fields, COUNT(question_fields)},
    [TABLE_TURN] = {sizeof(struct turn), turn_fields, COUNT(turn_fields)},
    [TABLE_SEND] = {sizeof(struct send), send_fields, COUNT(send_fields)},
};

size_t row_size(enum bridge_table table)
{
    return shapes[table].size;
}

static void write_field(struct json_writer *w, const struct thing *t, const struct field *f)
{
    const void *at = (const char *)t + f->offset;
    const struct str *text = at;
    struct str name = str_from_z(f->name);

    switch (f->kind) {
    case FIELD_TEXT:
        if (text->len > 0) {
            json_key_string(w, name, *text);
        }
        break;
    case FIELD_ARRAY:
        if (text->len > 0) {
            json_key_raw(w, name, *text);
        }
        break;
    case FIELD_NUMBER:
        if (*(const uint64_t *)at > 0) {
            json_key_uint(w, name, *(const uint64_t *)at);
        }
        break;
    case FIELD_SMALL:
        if (*(const uint8_t *)at > 0) {
            json_key_uint(w, name, *(const uint8_t *)at);
        }
        break;
    case FIELD_FLAG:
        if (*(const bool *)at) {
            json_key_bool(w, name, true);
        }
        break;
    }
}

void row_save(struct bridge *b, const struct thing *t)
{
    const struct shape *shape = &shapes[t->table];
    struct bridge_row row = {.table = t->table, .key = t->key};
    struct json_writer w;

    buf_clear(&b->row);
    if (t->state == THING_LIVE) {
        json_writer_init(&w, &b->row);
        json_begin_object(&w);
        for (size_t i = 0; i < shape->count; i++) {
            write_field(&w, t, &shape->fields[i]);
        }
        json_end_object(&w);
    }
    row.value = buf_str(&b->row);
    if (b->row.failed || !b->ports.save(b->ports.owner, &row)) {
        b->failed = true;
    }
}

static bool read_text(struct bridge *b, struct str *text, struct str raw)
{
    if (json_kind_of(raw) != JSON_STRING) {
        return false;
    }
    buf_clear(&b->row);
    json_unescape(raw, &b->row);
    b->failed |= b->row.failed;
    text_set(b, text, buf_str(&b->row));
    return true;
}

static bool read_field(struct bridge *b, struct thing *t, const struct field *f, struct str raw)
{
    void *at = (char *)t + f->offset;
    uint64_t number;

    switch (f->kind) {
    case FIELD_TEXT:
        return read_text(b, at, raw);
    case FIELD_ARRAY:
        if (json_kind_of(raw) != JSON_ARRAY) {
            return false;
        }
        text_set(b, at, raw);
        return true;
    case FIELD_NUMBER:
        return str_to_uint(raw, UINT64_MAX, at);
    case FIELD_SMALL:
        if (!str_to_uint(raw, f->max, &number)) {
            return false;
        }
        *(uint8_t *)at = (uint8_t)number;
        return true;
    case FIELD_FLAG:
        *(bool *)at = str_equal(raw, STR("true"));
        return json_kind_of(raw) == JSON_BOOL;
    }
    return false;
}

const char *row_read(struct bridge *b, struct thing *t, struct str value)
{
    const struct shape *shape = &shapes[t->table];
    struct json_iter it = json_iter_of(value);

    for (struct str key, raw; json_next_member(&it, &key, &raw);) {
        for (size_t i = 0; i < shape->count; i++) {
            const struct field *f = &shape->fields[i];
            if (json_string_is(key, str_from_z(f->name)) && !read_field(b, t, f, raw)) {
                return f->name;
            }
        }
    }
    return NULL;
}

void row_fini(struct thing *t)
{
    const struct shape *shape = &shapes[t->table];

    for (size_t i = 0; i < shape->count; i++) {
        if (shape->fields[i].kind == FIELD_TEXT || shape->fields[i].kind == FIELD_ARRAY) {
            text_clear((struct str *)(void *)((char *)t + shape->fields[i].offset));
        }
    }
    if (t->table == TABLE_TURN) {
        buf_fini(&((struct turn *)(void *)t)->partial);
    }
}

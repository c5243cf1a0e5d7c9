#include <stdlib.h>

#include "matrix/bridge_internal.h"
#include "json/reader.h"
#include "json/writer.h"

/*
 * Talks and their sessions. A talk is what goes on in a room, or in one thread of it. Anybody can
 * begin threads, so talks that were not used for longest go when there are too many, with their
 * sessions; those with something under way stay.
 */

/* --- talks ------------------------------------------------------------------------------------ */

static void link_talk(struct bridge *b, struct talk *talk, struct room *room)
{
    talk->room = room;
    list_append(&room->talks, &talk->of_room);
    list_append(&b->talks, &talk->by_use);
    list_init(&talk->ready);
    list_init(&talk->waiting);
    list_init(&talk->sessions);
}

/* Drops an idle one when there are too many. */
static void make_room(struct bridge *b)
{
    if (slab_count(&b->tables[TABLE_TALK].slab) < TALKS_MAX) {
        return;
    }
    list_each(link, &b->talks) {
        struct talk *talk = list_entry(link, struct talk, by_use);
        if (talk->turn == NULL && talk->waiting_count == 0) {
            talk_drop(b, talk);
            return;
        }
    }
}

struct talk *talk_get(struct bridge *b, struct room *room, struct str thread)
{
    buf_clear(&b->scratch);
    buf_append_str(&b->scratch, room->thing.key);
    buf_append_char(&b->scratch, '\n');
    buf_append_str(&b->scratch, thread);
    struct talk *talk = thing_find(b, TABLE_TALK, buf_str(&b->scratch));
    if (talk == NULL && !b->scratch.failed) {
        make_room(b);
        talk = thing_new(b, TABLE_TALK, buf_str(&b->scratch));
        if (talk != NULL) {
            text_set(b, &talk->room_id, room->thing.key);
            text_set(b, &talk->thread, thread);
            link_talk(b, talk, room);
        }
    }
    b->failed |= talk == NULL;
    return talk;
}

void talk_sort(struct bridge *b, struct talk *talk)
{
    struct room *room = talk->room;

    if (talk->turn != NULL || talk->waiting_count == 0 || !room_is_open(room)) {
        list_remove(&talk->ready);
    } else if (list_empty(&talk->ready)) {
        list_append(&room->ready_talks, &talk->ready);
    }
    if (list_empty(&room->ready_talks)) {
        list_remove(&room->ready);
    } else if (list_empty(&room->ready)) {
        list_append(&b->ready, &room->ready);
    }
}

static void session_drop(struct bridge *b, struct talk *talk, struct session *s)
{
    list_remove(&s->of_talk);
    talk->session_count--;
    thing_drop(b, &s->thing);
}

void talk_drop(struct bridge *b, struct talk *talk)
{
    list_each_safe(link, &talk->sessions) {
        session_drop(b, talk, list_entry(link, struct session, of_talk));
    }
    if (talk->last != NULL) {
        inbox_let_go(b, talk->last);
    }
    list_remove(&talk->of_room);
    list_remove(&talk->by_use);
    list_remove(&talk->ready);
    thing_drop(b, &talk->thing);
}

bool talk_restored(struct bridge *b, struct talk *talk)
{
    struct room *room = room_find(b, talk->room_id);

    if (room == NULL) {
        return false;
    }
    link_talk(b, talk, room);
    return true;
}

static int by_use(const void *a, const void *b)
{
    const struct talk *const *left = a;
    const struct talk *const *right = b;

    return (*left)->used < (*right)->used ? -1 : (*left)->used > (*right)->used;
}

void talk_start(struct bridge *b)
{
    uint32_t count = b->tables[TABLE_TALK].map.count;
    struct talk **all = malloc((count + 1) * sizeof(struct talk *));
    uint32_t at = 0;

    if (all == NULL) {
        b->failed = true;
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        all[i] = thing_next(b, TABLE_TALK, &at);
    }
    qsort(all, count, sizeof(struct talk *), by_use);
    for (uint32_t i = 0; i < count; i++) {
        list_remove(&all[i]->by_use);
        list_append(&b->talks, &all[i]->by_use);
    }
    free(all);
}

/* --- names ------------------------------------------------------------------------------------ */

static bool is_leap(unsigned year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* "2026-11-29", UTC. */
static struct str date_of(uint64_t wall_ms, char buffer[24])
{
    static const unsigned lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    uint64_t days = wall_ms / 86400000 % (8000 * 365);
    unsigned year = 1970;
    unsigned month = 0;

    while (days >= (is_leap(year) ? 366u : 365u)) {
        days -= is_leap(year) ? 366u : 365u;
        year++;
    }
    for (;;) {
        unsigned length = lengths[month] + (month == 1 && is_leap(year) ? 1 : 0);
        if (days < length) {
            break;
        }
        days -= length;
        month++;
    }
    return str_format(buffer, 24, "%04u-%02u-%02u", year, month + 1, (unsigned)days + 1);
}

/* Of dates as above; any is later than none. */
static bool is_later(struct str date, struct str other)
{
    return other.len != date.len || memcmp(date.ptr, other.ptr, date.len) > 0;
}

/* "!abc:example.org" is "abc". */
static struct str localpart(struct str id)
{
    return str_slice(id, 1, str_find(id, ':'));
}

static bool take_word(struct str *rest, struct str word)
{
    if (!str_starts_with(*rest, word)) {
        return false;
    }
    *rest = str_slice(*rest, word.len, rest->len);
    return true;
}

/* The name by the template, in b->scratch. */
static struct str make_name(struct bridge *b, const struct room *room, struct str date,
                            struct str name)
{
    struct str rest = b->settings.values.session_name;

    buf_clear(&b->scratch);
    while (rest.len > 0) {
        if (take_word(&rest, STR("{room}"))) {
            buf_append_str(&b->scratch,
                           room->name.len > 0 ? room->name : localpart(room->thing.key));
        } else if (take_word(&rest, STR("{date}"))) {
            buf_append_str(&b->scratch, date);
        } else if (!take_word(&rest, STR("{n}"))) {
            buf_append_char(&b->scratch, rest.ptr[0]);
            rest = str_slice(rest, 1, rest.len);
        } else if (name.len > 0) {
            buf_append_str(&b->scratch, text_cut(name, NAME_MAX_BYTES));
        } else {
            buf_append_uint(&b->scratch, room->session_count);
        }
    }
    return buf_str(&b->scratch);
}

/* Whether a session that is remembered there is called so. */
static bool is_taken(const struct talk *talk, struct str name)
{
    list_each(link, &talk->sessions) {
        if (str_equal(list_entry(link, struct session, of_talk)->name, name)) {
            return true;
        }
    }
    return false;
}

/* By the template; what is taken, since people choose names and clocks go back, gets a number. */
static void set_name(struct bridge *b, const struct talk *talk, struct session *s, struct str date,
                     struct str name)
{
    struct room *room = talk->room;
    struct str made = make_name(b, room, date, name);

    while (!b->scratch.failed && is_taken(talk, made)) {
        (void)make_name(b, room, date, name);
        buf_append_char(&b->scratch, '-');
        buf_append_uint(&b->scratch, room->session_count++);
        made = buf_str(&b->scratch);
    }
    b->failed |= b->scratch.failed;
    text_set(b, &s->name, made);
}

/* --- sessions --------------------------------------------------------------------------------- */

struct session *session_find(struct bridge *b, struct talk *talk, uint64_t number)
{
    (void)b;
    list_each(link, &talk->sessions) {
        struct session *s = list_entry(link, struct session, of_talk);
        if (s->thing.number == number) {
            return s;
        }
    }
    return NULL;
}

/* The oldest one that nothing goes on in. */
static void forget_oldest(struct bridge *b, struct talk *talk)
{
    uint64_t busy = talk->turn != NULL ? talk->turn->session_number : 0;

    list_each(link, &talk->sessions) {
        struct session *s = list_entry(link, struct session, of_talk);
        if (s->thing.number != talk->session_number && s->thing.number != busy) {
            session_drop(b, talk, s);
            return;
        }
    }
}

struct session *session_new(struct bridge *b, struct talk *talk, struct str name)
{
    char buffer[24];
    struct str date = date_of(b->now.wall_ms, buffer);
    struct room *room = talk->room;
    struct session *s = thing_new_number(b, TABLE_SESSION);

    if (s == NULL) {
        return NULL;
    }
    if (is_later(date, room->session_date)) {
        text_set(b, &room->session_date, date);
        room->session_count = 0;
    }
    room->session_count++;
    thing_touch(b, &room->thing);
    text_set(b, &s->room_id, talk->room_id);
    text_set(b, &s->thread, talk->thread);
    set_name(b, talk, s, date, name);
    list_append(&talk->sessions, &s->of_talk);
    talk->session_number = s->thing.number;
    thing_touch(b, &talk->thing);
    if (++talk->session_count > SESSIONS_MAX) {
        forget_oldest(b, talk);
    }
    return s;
}

struct session *talk_session(struct bridge *b, struct talk *talk)
{
    struct session *s = session_find(b, talk, talk->session_number);

    return s != NULL ? s : session_new(b, talk, STR(""));
}

bool session_restored(struct bridge *b, struct session *s)
{
    struct room *room = room_find(b, s->room_id);
    struct talk *talk = room != NULL ? talk_get(b, room, s->thread) : NULL;

    if (talk == NULL) {
        return false;
    }
    list_append(&talk->sessions, &s->of_talk);
    talk->session_count++;
    return true;
}

/* --- history ---------------------------------------------------------------------------------- */

static void write_entry(struct json_writer *w, struct str role, struct str content)
{
    json_begin_object(w);
    json_key_string(w, STR("role"), role);
    json_key_string(w, STR("content"), content);
    json_end_object(w);
}

/* What is left of an array without its first elements; raw elements with commas, no brackets. */
static struct str without_first(struct str array, unsigned count)
{
    struct json_iter it = json_iter_of(array);
    struct str element;

    while (count > 0 && json_next_element(&it, &element)) {
        count--;
    }
    if (!json_next_element(&it, &element)) {
        return STR("");
    }
    return str_make(element.ptr, (size_t)(array.ptr + array.len - 1 - element.ptr));
}

static void set_history(struct bridge *b, struct session *s)
{
    b->failed |= b->content.failed;
    text_set(b, &s->history, buf_str(&b->content));
    thing_touch(b, &s->thing);
}

void session_remember(struct bridge *b, struct session *s, const struct question *q,
                      struct str answer)
{
    uint32_t most = b->settings.values.history_bytes;
    struct buf *out = &b->content;
    struct json_writer w;

    if (most == 0) {
        return;
    }
    buf_clear(out);
    json_writer_init(&w, out);
    json_begin_array(&w);
    struct json_iter it = json_iter_of(s->history);
    for (struct str element; json_next_element(&it, &element);) {
        json_raw(&w, element);
    }
    write_entry(&w, STR("user"), q->text);
    write_entry(&w, STR("assistant"), answer);
    json_end_array(&w);
    /* The oldest question goes with its answer. */
    while (!out->failed && out->len > most) {
        struct str left = without_first(buf_str(out), 2);
        if (left.len == 0) {
            buf_clear(out);
        } else {
            buf_consume(out, (size_t)(left.ptr - out->data) - 1);
            out->data[0] = '[';
        }
    }
    text_set(b, &s->paired_id, out->len > 0 ? q->thing.key : STR(""));
    set_history(b, s);
}

void session_forget(struct bridge *b, struct session *s, const struct question *q)
{
    struct json_iter it = json_iter_of(s->history);
    struct json_iter count = it;
    struct json_writer w;
    unsigned elements = 0;

    if (!str_equal(s->paired_id, q->thing.key)) {
        return;
    }
    for (struct str element; json_next_element(&count, &element);) {
        elements++;
    }
    buf_clear(&b->content);
    json_writer_init(&w, &b->content);
    json_begin_array(&w);
    for (struct str element; elements > 2 && json_next_element(&it, &element); elements--) {
        json_raw(&w, element);
    }
    json_end_array(&w);
    text_clear(&s->paired_id);
    set_history(b, s);
}

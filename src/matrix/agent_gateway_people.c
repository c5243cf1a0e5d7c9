#include "matrix/agent_gateway.h"

#include <stdlib.h>

enum {
    MAX_SESSION = 128,       /* of the gateway's names of sessions */
    MAX_PEOPLE = 1024 * 1024 /* bytes of ids, of a room */
};

/* A room with people in it: their ids, a line each. */
struct place {
    struct list link;
    struct buf room;
    struct buf people;
};

/* "!abc:example.org" as "matrix:abc:example.org": what no session may be called is left out. */
static struct str session_name(struct str room, char out[MAX_SESSION])
{
    static const struct str prefix = {"matrix:", 7};
    size_t len = prefix.len;

    memcpy(out, prefix.ptr, prefix.len);
    for (size_t i = 0; i < room.len && len < MAX_SESSION; i++) {
        char c = str_lower(room.ptr[i]);
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || memchr("._:@-", c, 5) != NULL) {
            out[len++] = room.ptr[i];
        }
    }
    return str_make(out, len);
}

static void say_session(struct agent *a, const struct place *p, const char *type)
{
    struct json_writer w;
    struct buf frame;
    char id[GATEWAY_MAX_ID], name[MAX_SESSION];

    gateway_open(&w, &frame, type, gateway_next_id(a, id));
    json_key_string(&w, STR("sessionId"), session_name(buf_str(&p->room), name));
    gateway_send(a, &w, &frame);
}

static void say_presence(struct agent *a, const struct place *p, struct str user_id, bool is_there)
{
    struct json_writer w;
    struct buf frame;
    char id[GATEWAY_MAX_ID], name[MAX_SESSION];

    gateway_open(&w, &frame, "presence", gateway_next_id(a, id));
    json_key_string(&w, STR("deviceId"), user_id);
    json_key_string(&w, STR("status"), is_there ? STR("online") : STR("offline"));
    json_key_string(&w, STR("sessionKey"), session_name(buf_str(&p->room), name));
    gateway_send(a, &w, &frame);
}

static struct place *find_place(struct agent *a, struct str room)
{
    list_each(link, &a->places) {
        struct place *p = list_entry(link, struct place, link);
        if (str_equal(buf_str(&p->room), room)) {
            return p;
        }
    }
    return NULL;
}

static void free_place(struct place *p)
{
    list_remove(&p->link);
    buf_fini(&p->room);
    buf_fini(&p->people);
    free(p);
}

/* NULL: no memory. Presence is a courtesy; nobody is told. */
static struct place *make_place(struct agent *a, struct str room)
{
    struct place *p = calloc(1, sizeof(*p));

    if (p != NULL) {
        list_append(&a->places, &p->link);
        buf_init(&p->room, room.len);
        buf_init(&p->people, MAX_PEOPLE);
        buf_append_str(&p->room, room);
        if (p->room.failed) {
            free_place(p);
            return NULL;
        }
        say_session(a, p, "session_create");
    }
    return p;
}

static bool next_person(struct str *rest, struct str *ret_person)
{
    size_t end = str_find(*rest, '\n');

    *ret_person = str_slice(*rest, 0, end);
    *rest = str_slice(*rest, end + 1, rest->len);
    return end > 0;
}

/* Where somebody's line begins; the end when it is not there. */
static size_t find_person(const struct place *p, struct str user_id)
{
    struct str rest = buf_str(&p->people), person;

    while (rest.len > 0) {
        size_t at = p->people.len - rest.len;
        if (next_person(&rest, &person) && str_equal(person, user_id)) {
            return at;
        }
    }
    return p->people.len;
}

static void add_person(struct agent *a, struct str room, struct str user_id)
{
    struct place *p = find_place(a, room);

    if (p == NULL) {
        p = make_place(a, room);
    }
    if (p == NULL || find_person(p, user_id) < p->people.len || p->people.failed ||
        !buf_reserve(&p->people, user_id.len + 1)) {
        return;
    }
    buf_append_str(&p->people, user_id);
    buf_append_char(&p->people, '\n');
    say_presence(a, p, user_id, true);
}

static void remove_person(struct agent *a, struct str room, struct str user_id)
{
    struct place *p = find_place(a, room);
    size_t at = p != NULL ? find_person(p, user_id) : 0;

    if (p == NULL || at == p->people.len) {
        return;
    }
    say_presence(a, p, user_id, false);
    memmove(p->people.data + at, p->people.data + at + user_id.len + 1,
            p->people.len - at - user_id.len - 1);
    p->people.len -= user_id.len + 1;
    if (p->people.len == 0) {
        say_session(a, p, "session_leave");
        free_place(p);
    }
}

void gateway_people(struct agent *a, struct str room, struct str user_id, bool is_there)
{
    if (user_id.len == 0 || str_find(user_id, '\n') < user_id.len) {
        return;
    }
    if (is_there) {
        add_person(a, room, user_id);
    } else {
        remove_person(a, room, user_id);
    }
}

void gateway_people_again(struct agent *a)
{
    list_each(link, &a->places) {
        struct place *p = list_entry(link, struct place, link);
        struct str rest = buf_str(&p->people), person;
        say_session(a, p, "session_create");
        while (next_person(&rest, &person)) {
            say_presence(a, p, person, true);
        }
    }
}

void gateway_people_forget(struct agent *a)
{
    list_each_safe(link, &a->places) {
        free_place(list_entry(link, struct place, link));
    }
}

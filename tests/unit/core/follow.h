#ifndef PARLEY_TESTS_CORE_FOLLOW_H
#define PARLEY_TESTS_CORE_FOLLOW_H

/*
 * One who follows the hub's state: what it knows is made of what it hears alone, the snapshot in
 * its pages and each change. A claim that does not hold ends the test.
 */

#include "door.h"

struct follower {
    int client;
    json_t *known; /* {"client": {ID: value}, "session": …, "agent": …} */
    json_int_t version;
    bool waits; /* for a page */
    char next[64];
};

static inline void follower_init(struct follower *f, int client)
{
    *f = (struct follower){.client = client};
    f->known = json_pack("{s:{},s:{},s:{}}", "client", "session", "agent");
}

static inline void follower_fini(struct follower *f)
{
    json_decref(f->known);
}

static inline void follower_learn(struct follower *f, const char *kind, json_t *list)
{
    size_t i;
    json_t *value;

    json_array_foreach(list, i, value)
    {
        json_t *id = json_object_get(value, kind[0] == 'a' ? "agentId" : "id");
        assert_non_null(id);
        json_object_set(json_object_get(f->known, kind), json_string_value(id), value);
    }
}

static inline void follower_change(struct follower *f, json_t *change)
{
    json_t *of_kind = json_object_get(f->known, json_string_value(json_object_get(change, "kind")));
    const char *id = json_string_value(json_object_get(change, "id"));
    const char *op = json_string_value(json_object_get(change, "op"));

    assert_non_null(of_kind);
    if (strcmp(op, "removed") == 0) {
        json_object_del(of_kind, id); /* it may stand on a page that has not come */
    } else {
        json_object_set(of_kind, id, json_object_get(change, "value"));
    }
}

/* Takes in all that it has heard. */
static inline void follower_hear(struct room *r, struct follower *f)
{
    const char *text;

    while ((text = room_next(r, f->client)) != NULL) {
        json_t *m = json_loads(text, 0, NULL);
        json_t *p = json_object_get(m, "payload");
        json_int_t version = json_integer_value(json_object_get(p, "stateVersion"));
        json_t *change = json_object_get(p, "change");
        if (strcmp(json_string_value(json_object_get(m, "type")), "sync_state") != 0) {
            json_decref(m);
            continue;
        }
        if (change != NULL) {
            assert_int_equal(version, f->version + 1);
            follower_change(f, change);
        } else {
            const char *next = json_string_value(json_object_get(p, "next"));
            assert_true(f->version == 0 || version == f->version);
            follower_learn(f, "client", json_object_get(p, "clients"));
            follower_learn(f, "session", json_object_get(p, "sessions"));
            follower_learn(f, "agent", json_object_get(p, "agents"));
            f->waits = next != NULL;
            (void)snprintf(f->next, sizeof(f->next), "%s", next != NULL ? next : "");
        }
        f->version = version;
        json_decref(m);
    }
}

/* Asks for the first page, or for the next one. */
static inline void follower_ask(struct room *r, struct follower *f, bool subscribe)
{
    if (f->next[0] == '\0') {
        room_say(r, f->client,
                 "{\"type\":\"sync_state\",\"id\":\"s\",\"payload\":{\"subscribe\":%s}}",
                 subscribe ? "true" : "false");
    } else {
        room_say(r, f->client,
                 "{\"type\":\"sync_state\",\"id\":\"s\",\"payload\":{\"next\":\"%s\"}}", f->next);
    }
    follower_hear(r, f);
}

/* Whether what it knows is what another one is told who asks only now. */
static inline void follower_check(struct room *r, struct follower *f, int other)
{
    struct follower fresh;

    follower_hear(r, f);
    follower_init(&fresh, other);
    do {
        follower_ask(r, &fresh, false);
    } while (fresh.waits);
    if (!json_equal(f->known, fresh.known)) {
        print_error("followed %s\nis       %s\n", json_dumps(f->known, JSON_SORT_KEYS),
                    json_dumps(fresh.known, JSON_SORT_KEYS));
        fail();
    }
    assert_int_equal(f->version, fresh.version);
    follower_fini(&fresh);
}

#endif

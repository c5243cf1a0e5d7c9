#ifndef PARLEY_TESTS_CORE_DOOR_H
#define PARLEY_TESTS_CORE_DOOR_H

/*
 * Coming in, as tests of access do it. A token's text is its name.
 */

#include "core/admin.h"
#include "room.h"
#include "unit.h"

static inline struct hub_credential credential(const char *name, struct grants grants)
{
    struct hub_credential c = {.name = str_from_z(name), .agent_id = STR(""), .grants = grants};

    virtual_digest(c.name, c.digest);
    return c;
}

#define USUAL                                                                                      \
    {                                                                                              \
        .publish = {"*", 1}, .sessions = {"*", 1}, .act_as = { "", 0 }                             \
    }
static const struct grants usual = USUAL;

static inline void set(struct room *r, enum hub_auth_mode mode, const struct hub_credential *list,
                       size_t count)
{
    struct hub_access access = {.mode = mode, .credentials = list, .count = count};

    virtual_digest(STR("the hash of the password"), access.password_id);
    assert_true(hub_set_access(r->v.hub, &access));
    virtual_settle(&r->v);
}

/* Token "kit" with the usual grants, "boss" with all. */
static inline struct room *room_with_tokens(void)
{
    struct room *r = room_new(NULL);
    struct hub_credential list[] = {credential("kit", usual), credential("boss", GRANTS_ALL)};

    set(r, HUB_AUTH_TOKEN, list, 2);
    return r;
}

/* Mode JWT; `holds`: the key that signs is among those of the configuration. */
static inline void set_signed(struct room *r, bool holds)
{
    uint8_t keys[1][DIGEST_SIZE];
    struct hub_access access = {.mode = HUB_AUTH_JWT, .keys = keys, .key_count = 1};

    virtual_digest(holds ? STR("the key") : STR("another key"), keys[0]);
    assert_true(hub_set_access(r->v.hub, &access));
    virtual_settle(&r->v);
}

/* From elsewhere: 192.0.2.`last`. */
static inline struct evidence from(uint8_t last, enum credential_kind kind, const char *secret)
{
    return (struct evidence){.address = {[10] = 0xff, 0xff, 192, 0, 2, last},
                             .kind = (uint8_t)kind,
                             .credential = str_from_z(secret),
                             .user_agent = STR("test/1")};
}

static inline int knock(struct room *r, const struct evidence *evidence)
{
    int client = room_knock(r, evidence);

    if (client >= 0) {
        room_expect(r, client, "{\"type\":\"connection_ack\"}");
    }
    return client;
}

static inline int come(struct room *r, const char *token)
{
    struct evidence e = from(1, CREDENTIAL_BEARER, token);
    int client = knock(r, &e);

    assert_true(client >= 0);
    return client;
}

static inline int stranger(struct room *r, uint8_t last)
{
    struct evidence e = from(last, CREDENTIAL_NONE, "");
    int client = knock(r, &e);

    assert_true(client >= 0);
    return client;
}

static inline uint32_t principal_of(struct room *r, const char *token)
{
    struct evidence e = {.near = true, .kind = CREDENTIAL_BEARER, .credential = str_from_z(token)};
    struct hub_asker asker;

    assert_true(hub_judge(r->v.hub, 1, &e, STR(""), 0, &asker));
    assert_int_equal(asker.refused, ERROR_NONE);
    return asker.principal;
}

static inline enum error_code new_ticket(struct room *r, uint32_t maker,
                                         const struct hub_ticket_request *request,
                                         char ret_ticket[TICKET_SIZE])
{
    uint64_t until_ms;

    return hub_ticket_new(r->v.hub, maker, request, ret_ticket, &until_ms);
}

static inline struct hub_counts counts(const struct room *r)
{
    struct hub_counts c;

    hub_counts(r->v.hub, &c);
    return c;
}

static inline enum error_code why(const struct room *r)
{
    return r->clients[r->count - 1].why;
}

#endif

#ifndef PARLEY_TESTS_CORE_ROOM_H
#define PARLEY_TESTS_CORE_ROOM_H

/*
 * Clients on the virtual gateway: each keeps what it hears until the test asks for it. Everything
 * that is said is dealt with before the next thing is, unless a test holds sockets back. A claim
 * that does not hold ends the program.
 */

#include <jansson.h>

#include "virtual.h"

enum { ROOM_CLIENTS = 200, ROOM_REASON = 124 };

struct room_client {
    struct vconn *conn; /* NULL once it has ended */
    char id[16];        /* "c-…", from its greeting */
    char **heard;       /* texts, NUL-terminated, from heard_from on */
    size_t heard_from, heard_count, heard_cap;
    unsigned pings;
    bool muted;          /* answers no ping */
    bool refused;        /* its handshake was */
    enum error_code why; /* it was */
    uint16_t close_code; /* 0: no close frame came */
    char close_reason[ROOM_REASON];
};

struct room {
    struct virtual v;
    struct room_client clients[ROOM_CLIENTS];
    int count;
};

/* `settings` NULL: the defaults, one reactor. */
struct room *room_new(const struct hub_settings *settings);
void room_free(struct room *r);

/* Connects, and leaves the greeting among what it has heard. ROOM_REFUSED: it was refused. */
enum { ROOM_REFUSED = -1 };
int room_enter(struct room *r, const char *world);
/* The same for any handshake; ROOM_WAITS: a password has to be checked first. */
enum { ROOM_WAITS = -2 };
int room_knock(struct room *r, const struct evidence *evidence);
/* The same at the path of a dialect. */
int room_knock_at(struct room *r, enum dialect dialect, const struct evidence *evidence);
/* Connects to the gateway dialect, from near; the greeting is taken. */
int room_control(struct room *r);
/* The last client that knocked, once its password was checked: as room_knock. */
int room_knocked(struct room *r);
/* The same as room_enter; the greeting is taken. */
int room_join(struct room *r, const char *world);
/* Sends a text, and all that comes of it happens. printf. */
void room_say(struct room *r, int client, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Any bytes. */
void room_say_bytes(struct room *r, int client, struct str text);
/* Registers as an agent; its acknowledgement is taken. */
void room_register(struct room *r, int client, const char *agent);
void room_abort(struct room *r, int client);
/* Closes with this code, to the end. */
void room_close(struct room *r, int client, uint16_t code);
/* Time passes in steps of 100 ms; all that comes of it happens. */
void room_advance(struct room *r, uint64_t ms);
/* Its socket takes `bytes` more from now on. */
void room_hold(struct room *r, int client, size_t bytes);

/* The next text that it heard, or NULL; borrowed. Taken. */
const char *room_next(struct room *r, int client);
/* The same for one whose socket takes nothing until it has said this. */
const char *room_next_late(struct room *r, int client, const char *question);
/*
 * The next thing is this: members that the pattern names are equal, "*" matches any value that is
 * there. `exact`: and there are no others, in any object that the pattern names.
 */
void room_expect(struct room *r, int client, const char *pattern);
void room_expect_exact(struct room *r, int client, const char *pattern);
void room_expect_text(struct room *r, int client, const char *text);
void room_expect_error(struct room *r, int client, const char *code);
/* It has heard nothing more. */
void room_expect_nothing(struct room *r, int client);
void room_expect_close(struct room *r, int client, uint16_t code, const char *reason);

bool json_matches(const json_t *pattern, const json_t *value, bool exact);

#endif

#ifndef PARLEY_TESTS_DESK_H
#define PARLEY_TESTS_DESK_H

/*
 * A hub with two reactors that nobody runs, and the HTTP interface to it: a request goes in, the
 * answer that the hub was given comes out, parsed.
 */

#include "core/admin.h"
#include "http/head.h"
#include "rest/rest.h"
#include "json/reader.h"

struct desk {
    struct hub *hub;
    struct rest rest;
    struct hub_time now;
    uint64_t brief_until_ms;
    uint32_t next_slot;
    unsigned stops;   /* times that it was told to stop */
    struct str token; /* of the next request; empty: none */
    bool far;         /* the next request is not from this machine */
    /* The last answer. */
    struct buf answer;
    struct http_head head;
    struct str body;
    bool closes;
    bool answered; /* one came at all */
    /* Passwords: what hub_ports.check_password was given, and whose. */
    uint64_t job;
};

/* Everybody may come in. */
void desk_begin(struct desk *d);
/* The tokens "root" (all grants) and "guest" (may enter world:main and publish bark). */
void desk_lock(struct desk *d);
/* The signed token "brief", with all grants, for ten seconds. */
void desk_lock_by_keys(struct desk *d);
/* The password "open". */
void desk_lock_by_password(struct desk *d);
void desk_end(struct desk *d);
/* Moves the clock. */
void desk_wait(struct desk *d, uint64_t ms);

/* A client of the world; `registration` is a message that it sends, or "". Returns its handle. */
uint64_t desk_client(struct desk *d, const char *registration);
/* The same, with this evidence. */
uint64_t desk_client_from(struct desk *d, const char *registration,
                          const struct evidence *evidence);
/* A client of the gateway dialect, near. */
uint64_t desk_control(struct desk *d);
/* It sends a message. */
void desk_say(struct desk *d, uint64_t conn, const char *text);
/* Its connection is gone. */
void desk_leave(struct desk *d, uint64_t conn);

/* Sends a request, and expects an answer with this status. Returns its body. */
struct str desk_ask(struct desk *d, int status, const char *request);
/* GET and POST of a path, with JSON; `fields` are further lines of the head. */
struct str desk_get(struct desk *d, int status, const char *path);
struct str desk_post(struct desk *d, int status, const char *path, const char *fields,
                     const char *body);
/* The value of a field of the last answer; empty without. */
struct str desk_field(const struct desk *d, const char *name);

void expect_text(struct str text, const char *expected);
void expect_member(struct str object, const char *name, const char *raw);
/* Of the error in an answer's body. */
void expect_error(struct str body, const char *code, const char *details);
bool has_text(struct str text, const char *part);

#endif

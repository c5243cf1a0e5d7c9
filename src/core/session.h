#ifndef PARLEY_CORE_SESSION_H
#define PARLEY_CORE_SESSION_H

/*
 * Sessions and their lanes (see struct lane): who is in one, and what is said to all of them. A
 * broadcast is one hub sequence; each lane gets it in its dialect and, where its members asked for
 * that, compressed, once for all of them.
 */

#include "fanout/command.h"
#include "fanout/segment.h"

struct hub;
struct session;
struct speech;

uint32_t session_find(const struct hub *hub, struct str name);
/* SLAB_NONE: no memory, or the limit is reached. */
uint32_t session_new(struct hub *hub, struct str name);
/* The rosters are made anew when they are asked for. */
void session_forget_rosters(struct hub *hub);
/* Whether there is room for another one. */
bool session_may_begin(const struct hub *hub);
/* Ends a session that nobody joined after all. */
void session_drop_if_empty(struct hub *hub, uint32_t session);
/* False: no memory. The client hears what is said from now on. */
bool session_join(struct hub *hub, uint32_t session, uint32_t client);
/* Leaves the session that was joined last, which ends without members; false: it is in none. */
bool session_leave_next(struct hub *hub, uint32_t client);
bool session_has(struct hub *hub, uint32_t session, uint32_t client);
/* How many of its members speak a dialect. */
uint32_t session_count(const struct session *s, enum dialect dialect);
/*
 * The members of a session that speak a dialect, one by one, as indexes in hub->members: those who
 * are sent plain frames, in the order of joining, then the others. SLAB_NONE: no more.
 */
uint32_t session_first(const struct session *s, enum dialect dialect);
uint32_t session_next(const struct hub *hub, uint32_t index);
/* Leaves one that it is in. */
void session_leave(struct hub *hub, uint32_t session, uint32_t client);
/* The session of its kind that a world client is in, or SLAB_NONE. */
uint32_t session_of(const struct hub *hub, uint32_t client);
/*
 * One message to every member but `except` (SLAB_NONE: to all), to each in its dialect. `type` is
 * taken when it is loose.
 */
void session_broadcast(struct hub *hub, uint32_t session, uint32_t except, struct speech *speech,
                       const struct type_name *type);
/*
 * Puts a client that is resumed back to where its logs go on now; false: no memory, and nothing was
 * done. As many commands are left as hub_reserve reserves.
 */
bool session_rejoin(struct hub *hub, uint32_t client);
/* Tells reactors how far logs have grown, and closes what nobody needs. */
void session_announce(struct hub *hub);
/* Lets idle logs go. */
void session_tick(struct hub *hub);
void session_fini(struct hub *hub);

#endif

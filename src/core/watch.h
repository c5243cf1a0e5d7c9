#ifndef PARLEY_CORE_WATCH_H
#define PARLEY_CORE_WATCH_H

/*
 * Administrators who watch: subscribers of the hub's state (state.c), and monitors of what is
 * passed on (monitor.c). They are few, and none of them may miss anything. So what they get goes to
 * each of them alone, made once for all, and one who is too slow for it is closed: the log of a
 * session, made for many, skips those instead. That is why a limit says how few they are.
 */

#include "base/buf.h"
#include "core/speech.h"

struct hub;
struct sender;

enum { SUBSCRIBERS_MAX = 64, MONITORS_MAX = 64 };

struct monitor;

struct watch {
    uint64_t version; /* of the state: one more with each change */
    uint32_t subscriber_count;
    uint32_t subscribers[SUBSCRIBERS_MAX]; /* client indexes */
    uint32_t monitor_count;
    struct monitor *monitors[MONITORS_MAX]; /* owned */
    struct buf frame; /* that is being made, while another is in the scratch */
};

/* --- watch.c ---------------------------------------------------------------------------------- */

void watch_init(struct hub *hub);
void watch_fini(struct hub *hub);
/* Whether the sender may watch; if not, it is told. */
bool watch_may(struct hub *hub, struct sender *sender);
/* A client has gone: it watches no more. */
void watch_forget(struct hub *hub, uint32_t client);
/* False: the client watches, and its grants are not enough for that any more. */
bool watch_may_stay(const struct hub *hub, uint32_t client);

/* --- state.c ---------------------------------------------------------------------------------- */

enum state_kind { STATE_CLIENT, STATE_SESSION, STATE_AGENT };
enum state_op { STATE_ADDED, STATE_CHANGED, STATE_REMOVED };

/*
 * What everything says that changes clients, sessions or agents, once for each change: right after
 * it, or, of one that goes, while its id can still be read. A client or an agent is there from
 * STATE_ADDED to STATE_REMOVED; what is said of one that is not there is no change, so that nobody
 * has to know whether it came as far as that.
 */
void state_changed(struct hub *hub, enum state_kind kind, enum state_op op, uint32_t index);

/* sync_state. */
void state_sync(struct hub *hub, struct sender *sender, struct str text);
/* Whether a client is told of changes; it is told no more. */
bool state_is_watched_by(const struct hub *hub, uint32_t client);
void state_unsubscribe(struct hub *hub, uint32_t client);

/* --- monitor.c -------------------------------------------------------------------------------- */

/* monitor: the client gets a copy of what is passed on from now on, as far as it wants it. */
void monitor_start(struct hub *hub, struct sender *sender, struct str text);
void monitors_fini(struct hub *hub);
bool monitor_is(const struct hub *hub, uint32_t client);
/* The client gets no more copies, if it got any. */
void monitor_stop(struct hub *hub, uint32_t client);
/*
 * Copies a message that is about to be passed on to the monitors that want it; to be called by way
 * of monitor_note, or, where a monitor has it already (`except`, a client), after a look whether
 * anybody watches. `sender` may be SLAB_NONE; `target`: the id that it is for, or empty.
 */
void monitor_copy(struct hub *hub, uint32_t sender, const struct speech *speech, struct str target,
                  uint32_t except);

#endif

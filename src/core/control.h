#ifndef PARLEY_CORE_CONTROL_H
#define PARLEY_CORE_CONTROL_H

/*
 * The gateway dialect: what its messages do. Every message is an envelope {type, id, sessionId?,
 * payload, timestamp}; every frame that the hub makes has its members in this order, and behind
 * them `replyTo`, the id of the message that it answers.
 *
 *   control.c   what a message is, connect, auth, ping, health
 *   meeting.c   sessions
 *   presence.c  how devices are, and who comes and goes
 *   registry.c  agents
 *   carry.c     what is passed on: to one, to a session, to all
 */

#include "core/internal.h"
#include "core/relay.h"

/* A member's text, borrowed from the message; empty when it is absent or null. */
static inline struct str text_of(const struct parley_string *s)
{
    return s->is == PARLEY_SET ? str_make(s->ptr, s->len) : STR("");
}

/* A member's JSON, borrowed from the message; empty when it is absent. */
static inline struct str json_of(const struct parley_json *value)
{
    return value->is == PARLEY_SET ? str_make(value->ptr, value->len)
                                   : (value->is == PARLEY_NULL ? STR("null") : STR(""));
}

/* What `connect` and `auth` said of a client. */
struct device {
    struct list link; /* hub->devices, once others may know of it; see control_show_device */
    uint32_t client;
    char *id;      /* owned; NULL: it has not said */
    char *user_id; /* owned; as the client calls itself; counts while nobody authenticates */
    uint8_t role;  /* index of device_roles */
    bool connected;
};

enum { CONTROL_PROTOCOL_MIN = 1, CONTROL_PROTOCOL_MAX = 2 };

/* --- control.c -------------------------------------------------------------------------------- */

/* The first frame of a client. */
void control_greet(struct hub *hub, uint32_t client);
/* A message of one that has authenticated, and of one that has not. */
void control_message(struct hub *hub, uint32_t client, const struct up *item, struct str text);
/* The first, of a sender who may only want to know what would come of it. */
void control_take(struct hub *hub, struct sender *sender, const struct wire *w, struct str text);
void control_stranger(struct hub *hub, uint32_t client, const struct up *item, struct str text);
/* What stands for an id in a message, raw, if answers can name it; else empty. */
struct str control_id(struct str raw);
/* One that has authenticated joins what all such clients are in. False: it was closed. */
bool control_enter(struct hub *hub, uint32_t client);
/* A stranger's password was right, or a token: it is told. */
void control_welcome(struct hub *hub, uint32_t client);
/* What a client is called in presence: the id of `connect`, else its own. */
struct str control_device_id(const struct hub *hub, uint32_t client, char buffer[CLIENT_ID_SIZE]);
void device_free(struct device *device);
/* Others are told of a client's device from now on, if it has sent `connect` and authenticated. */
void control_show_device(struct hub *hub, uint32_t client);
/* What a client that has authenticated is called: by its credential, or as it calls itself. */
struct str control_user_id(const struct hub *hub, uint32_t client);
/* `deviceId` and `role`, if it has said; also of a stranger. */
void control_write_device(const struct hub *hub, struct json_writer *w, uint32_t client);

/*
 * A frame in the scratch buffer: its head up to the brace of the payload, in which the caller
 * writes members; then its end. `session` may be empty. `reply`: it answers the message at hand.
 */
void control_open(struct hub *hub, struct json_writer *w, const char *type, struct str session);
struct buf *control_close(struct hub *hub, struct json_writer *w, bool reply);
/* Closes the frame as an answer, and sends it. */
void control_answer(struct hub *hub, uint32_t client, struct json_writer *w);
/* The error frame of this dialect. */
struct buf *control_error(struct hub *hub, enum error_code code, struct str message,
                          struct str details);

/* --- meeting.c -------------------------------------------------------------------------------- */

void meeting_create(struct hub *hub, struct sender *sender, struct str text);
void meeting_join(struct hub *hub, struct sender *sender, struct str text);
void meeting_leave(struct hub *hub, struct sender *sender, struct str text);
void meeting_patch(struct hub *hub, struct sender *sender, struct str text);
void meeting_list(struct hub *hub, struct sender *sender, struct str text);
enum { METADATA_MAX = 16 * 1024 }; /* bytes */
/* Name and metadata of a new session; false: no memory. */
bool meeting_describe(struct hub *hub, uint32_t session, struct str title, struct str metadata);
/* Whether a client, or a session, has as many of the other as there may be. */
bool meeting_is_full(const struct hub *hub, uint32_t client, uint32_t session);
/* A session_info that nobody has asked for. */
void meeting_tell(struct hub *hub, uint32_t client, uint32_t session, const char *status);
/* What the roster after a lag is for this dialect. */
void meeting_send_list(struct hub *hub, uint32_t client);

/* --- presence.c ------------------------------------------------------------------------------- */

void presence_say(struct hub *hub, struct sender *sender, const struct wire *w, struct str text);
/* Tells the others of a session that a client has come or gone, by `status`. */
void presence_announce(struct hub *hub, uint32_t session, uint32_t client, const char *status);

/* --- registry.c ------------------------------------------------------------------------------- */

void registry_register(struct hub *hub, struct sender *sender, struct str text);
void registry_heartbeat(struct hub *hub, struct sender *sender, struct str text);
void registry_unregister(struct hub *hub, struct sender *sender, struct str text);
/* An agent_info. */
void registry_tell(struct hub *hub, uint32_t client, struct str id, const char *status);
void registry_set_busy(struct hub *hub, uint32_t agent, bool busy);

/* --- carry.c ---------------------------------------------------------------------------------- */

/* Whether a message says to whom it goes: to a session, or to a target. */
bool carry_names_somebody(const struct wire *w, struct str text);
/*
 * A message as it is passed on; its text is empty when there is no memory. Names are borrowed. Its
 * `sessionId` goes on only when it `is_in_session`: where it goes by that, and the sender was found
 * to be a member. Else anybody could have the gateway say that something comes from any session.
 */
struct speech carry_speech(struct hub *hub, uint32_t client, const struct wire *w, struct str text,
                           bool is_in_session, char source[CLIENT_ID_SIZE]);
/* The session of this id, of which the sender is a member; SLAB_NONE: it was told what is wrong. */
uint32_t carry_session(struct hub *hub, struct sender *sender, struct str name);
/* Any other type: to a target, to a session, or nowhere. */
void carry_message(struct hub *hub, struct sender *sender, const struct wire *w, struct str text,
                   const struct type_name *type);
/* broadcast: to all clients of this dialect. */
void carry_broadcast(struct hub *hub, struct sender *sender, const struct wire *w, struct str text,
                     const struct type_name *type);

#endif

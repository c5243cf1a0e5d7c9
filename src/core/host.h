#ifndef PARLEY_CORE_HOST_H
#define PARLEY_CORE_HOST_H

/*
 * The program that embeds the gateway: what it is told, what it is asked, and what it can do
 * besides what an administrator can (core/admin.h). All of it where the hub runs.
 *
 * Events are told when what caused them has been dealt with, in their order; whoever is told may
 * call any function of the hub. A message is told before the hub decides anything about it
 * (hub_ports.hear), and there, too, the host may call any function of the hub.
 *
 *   host.c          events, and what is asked
 *   host_say.c      messages of the host
 *   host_session.c  sessions and agents at its word
 */

#include "core/admin.h"
#include "core/watch.h"

/* --- what the host is told -------------------------------------------------------------------- */

enum hub_event_kind {
    HUB_CLIENT_CONNECTED,
    HUB_CLIENT_AUTHENTICATED, /* `text`: the name of its credential */
    HUB_CLIENT_DISCONNECTED,  /* `code`, and `text`: the reason; 1006 without a close */
    HUB_CREDENTIAL_REFUSED,   /* `text`: why, see hub_auth_failure_name; no client */
    HUB_SESSION_CREATED,      /* `session` */
    HUB_SESSION_JOINED,       /* `session`, by `client` */
    HUB_SESSION_LEFT,         /* the same */
    HUB_SESSION_ENDED,        /* `session` */
    HUB_AGENT_REGISTERED,     /* `agent`, new in the registry; and `client` */
    HUB_AGENT_CHANGED,        /* it is `status` now */
    HUB_AGENT_UNREGISTERED,   /* it is in the registry no more */
    HUB_ERROR_SENT,           /* `error`, to `client` */
    HUB_LOG_LINE,             /* `level`, `line`, `client` and `text`, as hub_ports.log has them */
    HUB_EVENTS_LOST,          /* `count` of them, here, for want of memory */
};

enum { HUB_NO_CLOSE = 1006 }; /* RFC 6455 section 7.4.1: the connection went without one */

/* All texts are borrowed until the call returns. */
struct hub_event {
    enum hub_event_kind kind;
    enum error_code error;
    enum hub_agent_status status;
    uint16_t code;
    enum log_level level;
    uint64_t count;
    const char *line;  /* a literal */
    struct str client; /* its id, or empty */
    struct str session;
    struct str agent;
    struct str text;
};

/*
 * A line of the log is an event as well, for a host that wants it where it may call anything: it
 * hands on what hub_ports.log is told. `line` is borrowed for good, the texts are copied.
 */
void hub_note_log(struct hub *hub, enum log_level level, const char *line, struct str client,
                  struct str details);
/* Tells all that has been noted. To be called when the hub is between two events. */
void hub_tell_host(struct hub *hub);

/* --- what the host is asked ------------------------------------------------------------------- */

/* A message of a client that has authenticated; borrowed. */
struct hub_heard {
    struct str client; /* its id */
    uint8_t dialect;   /* enum dialect */
    struct str type;   /* as it reads, at most TYPE_TEXT_MAX bytes of it */
    struct str text;   /* the whole message, scanned and found valid */
    struct str id;     /* raw, as the next two; empty where there is none */
    struct str payload;
    struct str session;
};

enum hub_hearing {             /* what hub_ports.hear returns */
                   HUB_HEARD,  /* go on as if nobody had been asked */
                   HUB_TAKEN,  /* the host has dealt with it */
                   HUB_FAILED, /* it could not: the sender is told HANDLER_ERROR */
};

/*
 * The host's answer to hub_ports.check_credential: what the bearer may, or NULL for nobody. Not
 * from inside that call.
 */
void hub_credential_checked(struct hub *hub, uint64_t job, const struct hub_claims *claims);

enum { CHECK_MS = 30000 }; /* a host that has not answered after so long has refused */

/* Whether somebody waits for this answer still. */
bool hub_credential_awaited(const struct hub *hub, uint64_t job);

/* --- what the host does ----------------------------------------------------------------------- */

enum hub_done {
    HUB_DONE,
    HUB_NO_MEMORY,
    HUB_NOT_FOUND, /* no such client, session or agent */
    HUB_INVALID,   /* a name, or JSON, that is none */
    HUB_EXISTS,
    HUB_DENIED,    /* the client's grants do not allow it */
    HUB_LIMITED,   /* as many as may be */
    HUB_TOO_LARGE, /* more than limits.message_bytes */
};

/*
 * What the host says: `type` and `payload`; or `text`, a whole message of `dialect`. Each client
 * gets it in its own dialect, from `gateway`.
 */
struct hub_saying {
    struct str type;
    struct str payload;  /* raw JSON; empty: {} */
    struct str reply_to; /* raw: the id of the message that it answers; or empty */
    struct str text;
    uint8_t dialect;
};
enum hub_done hub_say_to(struct hub *hub, struct str client_or_agent,
                         const struct hub_saying *saying);
/* To all in a session but one, an id, or nobody (empty). *ret_receivers: how many it goes to. */
enum hub_done hub_say_in(struct hub *hub, struct str session, struct str except,
                         const struct hub_saying *saying, uint64_t *ret_receivers);
/* To all that have authenticated and that `wants` wants (NULL: all); filters of theirs hold. */
enum hub_done hub_say_each(struct hub *hub,
                           bool (*wants)(void *ctx, const struct hub_client_view *client),
                           void *ctx, const struct hub_saying *saying, uint64_t *ret_receivers);
/* As text, of the gateway dialect; appended to `out`. */
enum hub_done hub_say_text(struct hub *hub, const struct hub_saying *saying, struct buf *out);
/* An error as the hub says it; `details` raw, or empty. */
enum hub_done hub_say_error(struct hub *hub, struct str client, struct str reply_to,
                            enum error_code code, struct str message, struct str details);

/* A session that stays until hub_session_end, also without members. Metadata: raw, or empty. */
enum hub_done hub_session_create(struct hub *hub, struct str name, struct str title,
                                 struct str metadata);
/* A client of the gateway dialect joins or leaves, and is told (session_info), as are the others.
 */
enum hub_done hub_session_add(struct hub *hub, struct str name, struct str id);
enum hub_done hub_session_remove(struct hub *hub, struct str name, struct str id);
/* It ends with its last member, at once when it has none. */
enum hub_done hub_session_end(struct hub *hub, struct str name);
/* The same for all that hub_session_create made and that are empty. Returns how many. */
uint32_t hub_session_clean_up(struct hub *hub);

struct hub_session_details {
    struct str name;
    struct str title;    /* or empty */
    struct str metadata; /* raw, or empty */
    uint32_t members;
    uint32_t agents;
    bool is_kept; /* made by hub_session_create */
    uint32_t index;
};
bool hub_find_session(const struct hub *hub, struct str name,
                      struct hub_session_details *ret_session);
/* All that clients know of, at most `limit`. */
void hub_each_session_at_all(const struct hub *hub, uint32_t limit,
                             void (*visit)(void *ctx, const struct hub_session_details *session),
                             void *ctx);
/* Client ids of its members, at most `limit`. */
void hub_each_member(const struct hub *hub, uint32_t session, uint32_t limit,
                     void (*visit)(void *ctx, struct str client), void *ctx);

/*
 * The client of this id registers as if it had sent `agent_register` with this payload (raw JSON
 * object): it is answered, and refused, as if it had.
 */
enum hub_done hub_agent_register(struct hub *hub, struct str id, struct str registration);
/* The agent of this id is in the registry no more; its client, if it has one, is told. */
enum hub_done hub_agent_unregister(struct hub *hub, struct str id);
/* As its own agent_heartbeat would say, unanswered. */
enum hub_done hub_agent_set_busy(struct hub *hub, struct str id, bool busy);

/* --- within core/ ----------------------------------------------------------------------------- */

struct host_record;

struct host {
    struct host_record *records; /* owned; events that are not told yet */
    uint32_t count;
    uint32_t cap;
    struct buf texts; /* of theirs */
    uint64_t lost;    /* since the last that is kept */
};

void host_fini(struct hub *hub);
/* Notes an event; nothing, where nobody wants any. */
void host_note(struct hub *hub, const struct hub_event *event);
/* The same, about a client. */
void host_note_client(struct hub *hub, enum hub_event_kind kind, uint32_t client, uint16_t code,
                      struct str text);
void host_note_error(struct hub *hub, uint32_t client, enum error_code code);
void host_note_member(struct hub *hub, enum hub_event_kind kind, uint32_t session, uint32_t client);
/* A change of the state, as state_changed has it. */
void host_note_state(struct hub *hub, enum state_kind kind, enum state_op op, uint32_t index);
/* --- admin.c: a client as others see it; it need not be open --- */
void client_view(const struct hub *hub, uint32_t client, struct hub_client_view *ret_view);

struct sender;
struct wire;
struct type_name;
/* Asks the host about a message. True: it is dealt with. */
bool host_hears(struct hub *hub, struct sender *sender, const struct wire *w, struct str text,
                const struct type_name *type);

#endif

#ifndef PARLEY_CORE_HUB_H
#define PARLEY_CORE_HUB_H

/*
 * The hub: the one place where it is decided who hears what. It owns clients, sessions and agents,
 * is the only writer of session logs, and is a state machine: batches from the reactors and the
 * time go in, batches for the reactors come out. No socket, thread, clock or file is in here, so
 * a simulator can drive it through a year in a minute.
 *
 *   turn:  hub_set_time(now), hub_receive(batch) for each batch that is there, hub_tick(now) about
 *          every 100 ms, then hub_end_turn(); then hub_take_down gives what each reactor is told.
 */

#include "base/error.h"
#include "core/ports.h"
#include "fanout/command.h"

struct hub;

/* world.validation: which relayed messages must be as the table of messages has them. */
enum hub_validation {
    VALIDATE_OFF,
    VALIDATE_KNOWN,  /* those of known types */
    VALIDATE_STRICT, /* all, so unknown types are refused */
};

struct hub_settings {
    unsigned reactors;                /* 1..MAX_REACTORS */
    const char *version;              /* of the server; borrowed */
    uint32_t max_clients;             /* connections with a WebSocket */
    uint32_t max_sessions;            /* worlds included */
    uint64_t max_message_bytes;       /* told to clients; reactors enforce it */
    uint64_t max_frame_bytes;         /* the same */
    uint64_t max_send_queue_bytes;    /* the same */
    uint32_t max_registration_bytes;  /* of an agent_register message */
    uint32_t max_filter_patterns;     /* <= FILTER_MAX_PATTERNS */
    uint64_t heartbeat_interval_ms;   /* of silence, then a ping */
    uint64_t heartbeat_timeout_ms;    /* of silence, then the close */
    uint64_t max_pause_ms;            /* between two looks at the time: more is no silence */
    bool close_slow_clients;          /* slow_client: close */
    uint32_t max_clients_per_session; /* 0: no limit; worlds have none */
    uint32_t max_clients_per_address; /* IPv6 by /64; loopback and AF_UNIX are exempt */
    uint32_t max_rate;                /* messages per second and client; 0: no limit */
    uint64_t max_memory;              /* bytes, see hub_ports.memory; 0: no limit */
    bool verify_sender;               /* world.identity: verify */
    uint8_t validation;               /* enum hub_validation */
    uint64_t remember_ms;             /* how long agents that have gone are remembered */
    uint32_t max_remembered;          /* and how many of them */
    uint32_t max_queue;               /* requests to agents that wait */
    uint64_t request_timeout_ms;      /* of requests that do not say */
    uint32_t max_companions;          /* whom a presence to all may be for; see presence.c */
    uint64_t turn_output;             /* bytes of frames that are enough for a turn */
};

/* Fills in the defaults of the product. */
void hub_settings_init(struct hub_settings *s);

/*
 * Takes those settings of a reload that may change while it runs: all but `reactors`, `version`,
 * and the sizes of tables. Clients hear nothing of it.
 */
void hub_reload(struct hub *hub, const struct hub_settings *settings);

/*
 * Has all reactors go by another policy (DOWN_POLICY), each with a reference of its own. False:
 * there is no memory, and none was told.
 */
bool hub_tell_policy(struct hub *hub, struct shared *policy);

/* Returns owned; NULL when there is no memory. Settings and ports are copied. */
struct hub *hub_new(const struct hub_settings *settings, const struct hub_ports *ports,
                    struct hub_time now);
/* NULL is taken. */
void hub_free(struct hub *hub);

/* Takes what a reactor has to say. Borrows the batch; it may be cleared afterwards. */
void hub_receive(struct hub *hub, const struct up_batch *batch);
/* One item of a batch: for a composition that deals with some kinds (UP_REQUEST) itself. */
void hub_receive_one(struct hub *hub, const struct up_batch *batch, const struct up *item);
/* What time it is, at the start of a turn. A time before the one it knows is passed over. */
void hub_set_time(struct hub *hub, struct hub_time now);
/* Time has passed; to be called about every 100 ms. Heartbeats, idle logs. */
void hub_tick(struct hub *hub, struct hub_time now);
/*
 * Whether this turn has made enough frames. A small message can have a large answer (a roster), so
 * a composition ends a turn also then.
 */
bool hub_turn_full(const struct hub *hub);
/* Ends the turn: reactors are told how far the logs have grown. */
void hub_end_turn(struct hub *hub);
/*
 * Whether the turn that has ended left something, for it would have been too much for one (the
 * requests of an agent that was lost): the next turn should begin at once, when the others have had
 * theirs.
 */
bool hub_owes(const struct hub *hub);
/*
 * The batch for `reactor`, filled since it was last taken; the caller takes it and gives another,
 * empty one for it. hub_down_pending: whether there is anything in it.
 */
struct down_batch *hub_take_down(struct hub *hub, unsigned reactor, struct down_batch *empty);
bool hub_down_pending(const struct hub *hub, unsigned reactor);

/* An answer to an UP_REQUEST: raw bytes. `last` ends the response, `disconnect` the connection. */
void hub_respond(struct hub *hub, uint64_t conn, struct str bytes, bool last, bool disconnect);
/* There is a credential in what was responded last: its bytes are wiped when they have been sent.
 */
void hub_hide_response(struct hub *hub);

/*
 * Stops: new connections are refused (SHUTTING_DOWN), nobody is told of leaves any more, clients
 * are closed with 1001, spread evenly over `over_ms`. Calling it again changes nothing.
 */
void hub_drain(struct hub *hub, uint64_t over_ms);
/* Whether it drains; whether no client is left. */
bool hub_draining(const struct hub *hub);
bool hub_empty(const struct hub *hub);

/* --- what may be known of it: for status, metrics and tests ----------------------------------- */

/* Close codes that are counted one by one; the last is for all others. */
enum { HUB_CLOSE_CODES = 14 };
/* The close code that closed_by_code[i] counts; 0: any other. */
uint16_t hub_close_code(unsigned i);

/* Why a credential was not taken, and limits that were reached, counted one by one. */
enum hub_auth_failure {
    AUTH_FAILURE_TOKEN,
    AUTH_FAILURE_PASSWORD,
    AUTH_FAILURE_TICKET,
    AUTH_FAILURE_MISSING,
    AUTH_FAILURE_TIMEOUT,
    AUTH_FAILURE_LOCKED_OUT,
    AUTH_FAILURE_EXPIRED,
    HUB_AUTH_FAILURES
};
enum hub_limit {
    LIMIT_CLIENTS,
    LIMIT_ADDRESS,
    LIMIT_SESSIONS,
    LIMIT_MEMORY,
    LIMIT_TICKETS,
    LIMIT_PASSWORDS,
    HUB_LIMITS
};
/* For a metric's label: "token", "clients_per_address". */
const char *hub_auth_failure_name(enum hub_auth_failure failure);
const char *hub_limit_name(enum hub_limit limit);

/* How requests to agents end, counted one by one. */
enum hub_request_end {
    REQUEST_END_DONE,
    REQUEST_END_FAILED, /* by an error of the agent */
    REQUEST_END_TIMEOUT,
    REQUEST_END_CANCELLED,
    REQUEST_END_ASKER_GONE,
    REQUEST_END_AGENT_GONE,
    HUB_REQUEST_ENDS
};
/* For a metric's label: "done", "timeout". */
const char *hub_request_end_name(unsigned end);

struct hub_counts {
    uint64_t clients; /* now, by dialect below */
    uint64_t clients_by_dialect[DIALECT_COUNT];
    uint64_t agents;         /* connected */
    uint64_t agents_offline; /* remembered */
    uint64_t sessions;
    uint64_t connections_total; /* accepted */
    uint64_t packed;            /* broadcasts compressed, once for each dialect; */
    uint64_t packed_saved;      /* bytes that they got shorter */
    uint64_t refused_total;     /* handshakes */
    uint64_t messages_received; /* whole messages from clients */
    uint64_t messages_directed; /* to one receiver, by target_id */
    uint64_t messages_broadcast;
    uint64_t bytes_received; /* of payloads */
    uint64_t errors_sent[ERROR_COUNT];
    uint64_t closed_by_code[HUB_CLOSE_CODES];  /* index: see hub_close_code */
    uint64_t out_of_memory;                    /* messages or connections lost for want of it */
    uint64_t auth_failures[HUB_AUTH_FAILURES]; /* see hub_auth_failure_name */
    uint64_t tickets;                          /* that can be used now */
    uint64_t passwords_waiting;                /* being checked */
    uint64_t limits_hit[HUB_LIMITS];           /* see hub_limit_name */
    uint64_t memory_bytes;                     /* allocated, when it was last looked at */
    uint64_t messages_rate_limited;
    uint64_t requests;                         /* to agents, in flight, those that wait included */
    uint64_t requests_queued;                  /* that wait */
    uint64_t requests_ended[HUB_REQUEST_ENDS]; /* see hub_request_end_name */
    uint64_t answers_late;  /* about requests that had ended, or been given to somebody else */
    uint64_t answers_stray; /* about requests that their sender was not given */
};

void hub_counts(const struct hub *hub, struct hub_counts *ret_counts);
struct hub_time hub_now(const struct hub *hub);
struct hub_time hub_started(const struct hub *hub);
const struct hub_settings *hub_settings(const struct hub *hub);

enum hub_agent_status { HUB_AGENT_ONLINE, HUB_AGENT_BUSY, HUB_AGENT_OFFLINE };
/* "online", "busy", "offline" */
const char *hub_agent_status_name(enum hub_agent_status status);

/* One agent, borrowed from the hub until it changes. */
struct hub_agent_view {
    struct str agent_id;
    struct str role;
    struct str name; /* for people */
    enum hub_agent_status status;
    const char *type;         /* what kind of agent it is: "custom" */
    struct str capabilities;  /* as it said them: a raw JSON object or array */
    const char *dialect;      /* "world", "gateway" */
    uint64_t connected_at_ms; /* epoch */
    uint64_t seen_at_ms;      /* epoch: when it was connected last; now, while it is */
    uint32_t max_concurrent;
    char client_id[16]; /* NUL-terminated; empty when it is offline */
    struct str world;   /* the world it is in, or was in; empty in the gateway dialect, and of one
                           that is not for who asks */
    uint32_t index;     /* for hub_agent_offers */
};

enum hub_agents { HUB_AGENTS_CONNECTED, HUB_AGENTS_OFFLINE, HUB_AGENTS_ALL };

/*
 * Calls `visit` for agents, as `principal` may see them, until it returns false: those that are
 * connected, in the order in which they came; those that are remembered, in the order in which they
 * left. From the one of id `from` on, which is to be one of them; empty: from the first.
 */
void hub_each_agent(const struct hub *hub, uint32_t principal, enum hub_agents which,
                    struct str from, bool (*visit)(void *ctx, const struct hub_agent_view *agent),
                    void *ctx);
/* The agent of this id, connected or not, without the world that it is in. False: there is none.
 */
bool hub_find_agent(const struct hub *hub, struct str id, struct hub_agent_view *ret_agent);
/* Whether an agent, connected or not, says that it can do this: see proto/capability.h. */
bool hub_agent_offers(const struct hub *hub, const struct hub_agent_view *agent,
                      struct str capability);

#endif

#ifndef PARLEY_CORE_INTERNAL_H
#define PARLEY_CORE_INTERNAL_H

/*
 * The hub's own structures, and what its files call of each other. Nobody outside core/ includes
 * this.
 *
 * Everything that lives long stands in slabs and is referred to by index: clients, agents,
 * sessions, members. A client is a connection with a WebSocket; an agent is a name that a client
 * has registered; a session is a set of clients who hear each other (a world is a session called
 * "world:NAME"); a member is a client in a session.
 */

#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "base/slab.h"
#include "core/address.h"
#include "core/close.h"
#include "core/host.h"
#include "core/job.h"
#include "core/label.h"
#include "core/offer.h"
#include "core/principal.h"
#include "core/session.h"
#include "core/speech.h"
#include "core/watch.h"
#include "fanout/log.h"
#include "parley/protocol.h"
#include "json/writer.h"

enum {
    CLIENT_ID_SIZE = 15,     /* "c-" and 13 base32 letters */
    ID_MAX = 128,            /* agent and session ids */
    ROSTER_MAX = 1000,       /* agents listed in a greeting */
    LIST_BYTES = 256 * 1024, /* at which the lists in frames end; see hub_list_bytes */
    INTERNED_TYPES = FILTER_TYPES,
    RECENT_TYPES = 32,          /* places where a type is looked for before it is hashed */
    SCRATCH_KEPT = 1024 * 1024, /* a buffer for a frame is not kept when it was larger */
    HIDDEN_SESSIONS = 1,        /* of the hub itself; they do not count */
    SMALL_SESSION = 8,          /* up to so many members: frames go to each; above: the log */
    SMALL_AGAIN = 4,            /* a session that has shrunk to this many leaves its log */
    RESERVED_COMMANDS =
        128, /* for each reactor, before an event is dealt with; see hub_receive_one */
};

enum client_state {
    CLIENT_FREE, /* the slot is not in use */
    CLIENT_OPEN,
    CLIENT_CLOSING, /* told to close; its input is discarded until UP_CLOSED */
};

struct client {
    uint64_t id; /* as a number; client_id_text writes it */
    uint64_t conn;
    union {
        struct filter *filter; /* for small sessions; a log's readers have their own. NULL: none */
        struct device *device; /* of the gateway dialect; NULL: it has not said */
        struct stranger *stranger; /* while `principal` is HUB_NOBODY */
    };
    uint32_t principal;
    uint32_t agent;       /* index, or SLAB_NONE */
    uint32_t asker;       /* what it has asked: index, or SLAB_NONE for nothing */
    uint32_t members;     /* first of its memberships, or SLAB_NONE */
    unsigned state : 2;   /* enum client_state */
    unsigned dialect : 2; /* enum dialect */
    bool pinged : 1;      /* and nothing has come since */
    bool lagging : 1;     /* between UP_LAGGED and DOWN_RESUME */
    bool lost : 1;        /* something for it was lost: to be closed at the next tick */
    bool gone : 1;        /* and UP_CLOSED was among it */
    bool was_agent : 1;   /* has registered before */
    bool near : 1;        /* as in struct evidence, which the next ones are from too */
    bool is_unix : 1;
    bool packs : 1; /* it may be sent compressed frames; those for it alone are not */
    bool noted : 1; /* those who follow the state know of it; see state_changed */
    uint8_t address[ADDRESS_SIZE];
    uint32_t user_agent; /* a label */
    uint32_t since;      /* 100 ms since the hub's start: when it connected */
    uint32_t dropped;    /* broadcasts that it missed */
    uint32_t said;       /* messages in the second of `heard` */
    uint32_t heard;      /* heartbeat tick of the last sign of life. The last member: a free
                            slot's last four bytes are the slab's, and `state` is looked at */
};

/*
 * Agents of both dialects stand in one table. One whose client has gone is offline: it is
 * remembered for a while with what it said, offers nothing, and is nobody's until a client claims
 * its id again. Who claims it is the next generation, so that what is still to be said of the one
 * before (its leave, its answers) is not said of this one.
 */
struct agent {
    struct list link;   /* hub->agents_in_order, or, offline, hub->agents_offline */
    char *id;           /* owned */
    char *role;         /* owned */
    char *registration; /* owned: raw JSON object; the next three stand behind it */
    struct str name;
    struct str capabilities; /* raw, or empty */
    struct str world;        /* the name of the session; empty in the gateway dialect */
    struct offers offers;    /* while it is connected */
    uint32_t id_len;
    uint32_t role_len;
    uint32_t registration_len;
    uint32_t client;         /* SLAB_NONE: it is offline */
    uint32_t session;        /* the world in whose roster it counts, or SLAB_NONE */
    uint32_t max_concurrent; /* requests that it takes at a time */
    uint32_t generation;     /* clients that have been this agent */
    uint8_t type;            /* of agent_types */
    uint8_t dialect;         /* enum dialect */
    bool busy;               /* by its own word */
    bool noted;              /* as a client's */
    uint64_t connected_at_ms;
    uint64_t left_ms;    /* mono: when it went offline */
    struct list work;    /* requests that it has */
    struct list waiting; /* requests for it alone, while it has enough to do */
    struct list ready;   /* hub->ready */
    uint64_t used;       /* when it got its last request, as a number */
    uint32_t in_flight;  /* requests that it has */
};

/* There is one for every client at least, so its lists are of indexes (SLAB_NONE ends them). */
struct member {
    uint32_t client;
    uint32_t session;
    uint32_t next;   /* the client's next membership */
    uint32_t before; /* in the session, in the order of joining */
    uint32_t after;
};

struct ticket {
    uint8_t digest[DIGEST_SIZE];
    uint64_t until_ms;
    uint32_t principal; /* SLAB_NONE: the slot is not in use */
    uint32_t unused;    /* the slab's, once it is free */
};

/* What a session with a log has besides. */
struct session_log {
    struct log log;
    uint32_t id;    /* as the reactors know it */
    bool ended;     /* its lane has none any more: to be freed once the reactors know */
    uint32_t known; /* bit r: reactor r has a view of it */
    uint32_t members[MAX_REACTORS]; /* of each reactor */
    struct list link;               /* hub->logs */
    struct list advanced;           /* hub->advanced: something was appended, or a reactor left */
};

/*
 * The members of a session that speak one dialect and are sent compressed frames, or are not: they
 * hear the same bytes. The lanes of those who are sent plain ones stand first, by dialect.
 */
enum { LANE_COUNT = 2 * DIALECT_COUNT };
struct lane {
    struct session_log *log; /* NULL while small */
    uint32_t first;          /* of its members, or SLAB_NONE */
    uint32_t last;
    uint32_t count;
};

struct session {
    struct list link; /* hub->sessions_in_order; of a hidden one in none */
    char *name;       /* owned */
    char *title;      /* owned: its name for people; NULL for none */
    char *metadata;   /* owned: a raw JSON object; NULL for none */
    struct lane lanes[LANE_COUNT];
    uint32_t name_len;
    uint32_t member_count;
    bool permanent;    /* is kept without members */
    bool is_hosts;     /* for the host keeps it */
    bool hidden;       /* one of the hub's own: no client knows of it */
    bool roster_valid; /* `roster` is up to date */
    uint32_t mark;     /* the round in which it was last met */
    uint32_t agent_count;
    struct buf roster; /* JSON array of the agents, for greetings */
};

struct sender; /* relay.h */

struct hub {
    struct hub_settings settings;
    struct hub_ports ports;
    struct hub_time now;
    struct hub_time started;
    uint64_t awake_ms;  /* that have passed without the pauses; see hub_settings.max_pause_ms */
    struct {            /* of them the last: */
        uint64_t at_ms; /* how many had passed then, */
        uint64_t ms;    /* and how many it has kept out */
    } pause;
    struct buf server;      /* "parley/" and the version, for greetings */
    uint8_t secret[16];     /* of the hashes */
    uint64_t number_secret; /* of those of numbers */
    uint64_t seq;           /* hub sequence, of the last decision */
    struct down_batch *down[MAX_REACTORS];
    struct turn turn;
    struct packer packer;
    uint64_t logged; /* bytes appended to logs in this turn; see hub_turn_output */

    struct slab clients;
    struct slab agents;
    struct slab sessions;
    struct slab members;
    struct map clients_by_id;
    struct map agents_by_id;
    struct map sessions_by_name;
    uint32_t *client_by_slot[MAX_REACTORS]; /* connection slot -> client index */
    uint32_t slot_cap[MAX_REACTORS];
    struct list sessions_in_order; /* those that clients may know of, as they began */
    struct list agents_in_order;   /* connected ones, in the order in which they came */
    struct list agents_offline;    /* the one that left first comes first */
    struct capabilities capabilities;

    struct slab requests; /* see request.h */
    struct slab askers;
    struct map requests_by_number; /* of the id that agents know */
    struct map requests_by_own_id; /* and askers */
    struct heap deadlines;
    struct list loose;  /* requests whose asker or agent has gone */
    struct list lost;   /* those that are to become loose in later turns */
    uint32_t decided;   /* that have in this turn, their agent having gone */
    struct list ending; /* requests of which nothing is left but to say so */
    bool owes;          /* more of the last two than went into the last turn */
    struct list ready;  /* agents that may take a request that waits */
    uint64_t request_count;
    uint64_t agent_uses;
    size_t queued_bytes; /* of the requests that wait */

    struct list logs;     /* all session_logs */
    struct list advanced; /* those to be announced at the end of the turn */
    uint32_t *free_logs;  /* ids given back */
    uint32_t free_log_count;
    uint32_t free_log_cap;
    uint32_t next_log;

    struct type_name *types[INTERNED_TYPES];
    uint32_t type_count;
    struct map types_by_name;
    const struct type_name *recent_types[RECENT_TYPES]; /* NULL: none yet; see type_get */
    const struct type_name *joined;                     /* agent_joined */
    const struct type_name *left;                       /* agent_left */
    const struct type_name *untyped;                    /* of entries that nobody filters */

    struct principals principals;
    uint32_t asking; /* principal of the last hub_asker, whose use is the hub's; or SLAB_NONE */
    struct slab tickets;
    struct map tickets_by_digest;
    struct list strangers;
    struct job *jobs; /* owned */
    uint32_t job_count;
    struct limiter limiter;
    struct address_counts addresses;
    struct labels user_agents;
    bool short_of_memory; /* above nine tenths of max_memory */
    bool told_short;      /* what the reactors know of that */

    struct buf scratch;   /* for the frame being made */
    struct buf converted; /* a message in the other dialect; see speech.h */
    struct buf relayed;   /* an envelope that is passed on */
    uint64_t frame_count; /* of the gateway dialect, made by the hub */
    struct str at_hand;   /* raw `id` of the message that is being dealt with, for `replyTo` */
    uint32_t *marks;      /* of clients, by index: the round in which each was last met */
    uint32_t mark_cap;
    uint32_t mark_round;
    uint32_t everybody;  /* the hidden session of all clients of the gateway dialect */
    struct list devices; /* of those who have sent `connect`, in this order */
    struct watch watch;
    struct host host;
    struct hub_counts counts;
    uint64_t last_sweep_ms;
    bool some_lost; /* a client is marked lost */

    bool draining;
    uint64_t drain_from_ms;
    uint64_t drain_over_ms;
    bool drain_last;      /* the turn of those that are in a request has come */
    uint32_t drain_next;  /* next client index to close */
    uint32_t drain_total; /* clients when it began */
    uint32_t drain_closed;
};

/* A client by index, a session by index …; they must be in use. */
static inline struct client *client_at(const struct hub *hub, uint32_t index)
{
    return slab_at(&hub->clients, index);
}
static inline struct agent *agent_at(const struct hub *hub, uint32_t index)
{
    return slab_at(&hub->agents, index);
}
static inline struct session *session_at(const struct hub *hub, uint32_t index)
{
    return slab_at(&hub->sessions, index);
}
static inline struct member *member_at(const struct hub *hub, uint32_t index)
{
    return slab_at(&hub->members, index);
}
static inline struct ticket *ticket_at(const struct hub *hub, uint32_t index)
{
    return slab_at(&hub->tickets, index);
}
static inline struct str session_name(const struct session *s)
{
    return str_make(s->name, s->name_len);
}
/* Of a slot: whether a session is there that clients may know of. */
static inline bool session_is_shown(const struct session *s)
{
    return s->name != NULL && !s->hidden;
}
static inline struct str agent_id(const struct agent *a)
{
    return str_make(a->id, a->id_len);
}

/* A message is about to be passed on: see monitor_copy. One look where nobody watches. */
static inline void monitor_note(struct hub *hub, uint32_t sender, const struct speech *speech,
                                struct str target)
{
    if (hub->watch.monitor_count > 0) {
        monitor_copy(hub, sender, speech, target, SLAB_NONE);
    }
}

/* --- hub.c ------------------------------------------------------------------------------------ */

/* Adds a command for its reactor; room for it was reserved. */
void hub_tell(struct hub *hub, unsigned reactor, const struct down *item);
/* The next hub sequence. */
static inline uint64_t hub_next_seq(struct hub *hub)
{
    return ++hub->seq;
}
/* Makes sure that any one event can be dealt with; false: no memory, so leave it for later. */
bool hub_reserve(struct hub *hub);
/* Bytes of frames that this turn has made. */
uint64_t hub_turn_output(const struct hub *hub);
/* The same, besides `count` commands more for each reactor, which the caller is about to give. */
bool hub_reserve_besides(struct hub *hub, uint32_t count);
void hub_count_close(struct hub *hub, uint16_t code);
void hub_log(const struct hub *hub, enum log_level level, const char *event, uint32_t client,
             const char *format, ...) __attribute__((format(printf, 5, 6)));
/* A buffer for one message, emptied; what was large is not kept. */
struct buf *hub_emptied(struct buf *b);
/* The scratch buffer, empty, for one frame. */
struct buf *hub_scratch(struct hub *hub);
/*
 * A list in a frame ends when it has so many bytes: others choose the names in it, and who is sent
 * more than he may be behind with is closed. It is a small part of that, since three lists may be
 * in a frame, and more than one frame on its way.
 */
static inline size_t hub_list_bytes(const struct hub *hub)
{
    uint64_t part = hub->settings.max_send_queue_bytes / 8;

    return part < LIST_BYTES ? (size_t)part : LIST_BYTES;
}

/* --- access.c, ticket.c ----------------------------------------------------------------------- */

enum { EXPIRY_WARNING_MS = 60 * 1000 }; /* before a token runs out its client is told */
/*
 * A client authenticates once more as `principal`, whose use is taken. True: it is the same
 * subject, and goes by the new credential from now on; false: it was told, or closed.
 */
bool access_renew(struct hub *hub, uint32_t client, uint32_t principal);
/* Warns a client whose token runs out soon, and closes one whose token has run out. */
void access_expire(struct hub *hub, uint32_t client);
/* Gives back the use of hub->asking. */
void access_forget_asker(struct hub *hub);
void tickets_init(struct hub *hub);
void tickets_fini(struct hub *hub);

/* --- speech.c --------------------------------------------------------------------------------- */

/* "world", "gateway". */
const char *dialect_name(unsigned dialect);
/*
 * The id of a message that the hub makes, in JSON: "msg-N-MS". N is counted, so no two have one.
 */
enum { MESSAGE_ID_SIZE = sizeof("\"msg--\"") + 2 * STR_UINT_MAX };
struct str message_id(char buffer[MESSAGE_ID_SIZE], uint64_t number, uint64_t made_ms);
/* Begins a frame of the gateway dialect behind what is in `out`: its type and a fresh id. */
void control_begin(struct hub *hub, struct json_writer *w, struct buf *out, struct str raw_type);

/* --- types.c ---------------------------------------------------------------------------------- */

/* Interns the types that the hub itself says to all; false: no memory. */
bool types_init(struct hub *hub);
void types_fini(struct hub *hub);
/*
 * The type of this name: interned, while there is room for more, else loose: the caller owns that
 * one (type_discard, or gives it to log_append). NULL: no memory.
 */
const struct type_name *type_get(struct hub *hub, struct str name);
/* Frees a loose one; NULL and interned ones are left alone. */
void type_discard(const struct type_name *type);
/* The same once more, for another owner. NULL: no memory. */
const struct type_name *type_again(const struct type_name *type);

/* --- client.c --------------------------------------------------------------------------------- */

/* Of a handshake, a stranger as yet and in no session. SLAB_NONE: no memory. */
uint32_t client_new(struct hub *hub, uint64_t conn, enum dialect dialect,
                    const struct evidence *evidence);
/* What came from a client that is open. */
void client_receive(struct hub *hub, uint32_t client, const struct up *item, struct str text);
/* Something for this connection's client could not be done for want of memory: it is closed. */
void client_lose(struct hub *hub, uint64_t conn);
/* Frees what it has of its own by its dialect: a filter, a device. Not of strangers. */
void client_forget_own(struct client *c);
/* It is somebody else from now on. */
void client_set_principal(struct hub *hub, uint32_t client, uint32_t principal);
/* The client of a connection, or SLAB_NONE. */
uint32_t client_find_conn(const struct hub *hub, uint64_t conn);
/* The client with this id ("c-…"), or SLAB_NONE. */
uint32_t client_find_id(const struct hub *hub, struct str id);
/* The client of an agent's id, or of its own; SLAB_NONE: there is none. */
uint32_t client_find(const struct hub *hub, struct str id);
void client_id_text(const struct client *c, char ret_text[CLIENT_ID_SIZE]);
struct str client_id_str(const struct client *c, char buffer[CLIENT_ID_SIZE]);
/* What others know it by: its agent's id, else its own. */
struct str client_name(const struct hub *hub, uint32_t client, char buffer[CLIENT_ID_SIZE]);
/* Whether its filter lets broadcasts of this type pass; in the gateway dialect nobody has one. */
static inline bool client_wants(const struct client *c, const struct type_name *type)
{
    return c->dialect != DIALECT_WORLD || c->filter == NULL || filter_wants(c->filter, type);
}
/* The first frame of a client, or its first one after a reload that lets it in. */
void client_greet(struct hub *hub, uint32_t client);
/* When it connected, since 1970. */
uint64_t client_connected_ms(const struct hub *hub, const struct client *c);
/* A message to one client, in its dialect, never skipped. */
void client_tell(struct hub *hub, uint32_t client, struct speech *speech, uint8_t flags);

/* A text message to one client, never skipped. `flags` for DOWN_FRAME. */
void client_send(struct hub *hub, uint32_t client, struct str payload, uint8_t flags);
/* What is in the scratch buffer; a frame that could not be made costs the client its connection. */
void client_send_scratch(struct hub *hub, uint32_t client);
/*
 * One frame to each of these clients, never skipped. False: it could not be made, or kept, and they
 * are lost.
 */
bool client_send_each(struct hub *hub, const uint32_t *clients, uint32_t count,
                      const struct buf *payload);
/* Whether it is met for the first time in this round (++hub->mark_round); false also: no memory. */
bool client_mark(struct hub *hub, uint32_t client, uint32_t round);
/* A ping frame. */
void client_ping(struct hub *hub, uint32_t client);
/* Announces its leave, and closes it with this code and reason. Once; again changes nothing. */
void client_close(struct hub *hub, uint32_t client, uint16_t code, struct str reason);
/* The connection is gone: forgets the client. */
void client_gone(struct hub *hub, uint32_t client);
/* UP_LAGGED and UP_ROOM. */
void client_lagged(struct hub *hub, uint32_t client);
void client_room(struct hub *hub, uint32_t client);

/* --- open.c ----------------------------------------------------------------------------------- */

/* UP_OPENED. */
void client_open(struct hub *hub, uint64_t conn, enum dialect dialect,
                 const struct evidence *evidence);
struct gate_refusal;
/* Answers a handshake whose credential was not taken. */
void client_refuse_credential(struct hub *hub, uint64_t conn, const struct gate_refusal *why);
/*
 * Lets a handshake in, as `principal`, whose use is taken whatever happens, or as a stranger
 * (HUB_NOBODY); or answers why not.
 */
void client_admit(struct hub *hub, uint64_t conn, enum dialect dialect,
                  const struct evidence *evidence, uint32_t principal);

/* --- agent.c ---------------------------------------------------------------------------------- */

/* What kind of agent it is, in the order of the table of messages; NULL at the end. */
extern const char *const agent_types[];
enum { AGENT_TYPE_CUSTOM = PARLEY_GATEWAY_AGENT_REGISTER_TYPE_CUSTOM };

/* Copies `s` to *at, which is moved behind it; returns the copy. */
struct str text_put(char **at, struct str s);
/* Whether this is a legal agent or session id: [A-Za-z0-9._:@-]{1,128}. */
bool id_valid(struct str id);
/* The agent of this id, connected or remembered, or SLAB_NONE. */
uint32_t agent_find(const struct hub *hub, struct str id);
/* Whether a principal reaches it: whoever may not enter a world reaches nobody who is, or was, in
 * it. */
bool agent_reached_by(const struct hub *hub, const struct agent *a, uint32_t principal);
static inline bool agent_is_online(const struct agent *a)
{
    return a->client != SLAB_NONE;
}
static inline enum hub_agent_status agent_status(const struct agent *a)
{
    return !agent_is_online(a) ? HUB_AGENT_OFFLINE : a->busy ? HUB_AGENT_BUSY : HUB_AGENT_ONLINE;
}
/* Adds an agent for a client that has none. SLAB_NONE: no memory. */
uint32_t agent_add(struct hub *hub, struct str id, uint32_t client, uint32_t session);
/* What an agent says of itself. */
struct agent_words {
    struct str role;
    struct str name;         /* for people */
    struct str capabilities; /* raw, or empty */
    struct str others;       /* raw JSON object: what else the registration said */
    uint32_t max_concurrent;
    uint8_t type;
};
/* Copies that; false: no memory, and nothing was changed. */
bool agent_describe(struct hub *hub, uint32_t agent, const struct agent_words *words);
/* Takes it out of the registry. Tells nobody. */
void agent_remove(struct hub *hub, uint32_t agent);
/* Its client is gone: it is offline from now on, and remembered. Tells nobody. */
void agent_retire(struct hub *hub, uint32_t agent);
/* Gives it to another client, `session` SLAB_NONE: in no world's roster. */
void agent_move(struct hub *hub, uint32_t agent, uint32_t client, uint32_t session);
/* Forgets those that have been offline for long, or are too many. */
void agents_tick(struct hub *hub);
void agents_fini(struct hub *hub);

/* --- message.c -------------------------------------------------------------------------------- */

/* Each writes one world-dialect frame into the scratch buffer and returns it. */
/* A frame: its head up to `agentId`, then its `ts` and end. */
void message_begin(struct hub *hub, struct json_writer *w, struct str type, struct str about);
struct buf *message_end(struct hub *hub, struct json_writer *w);
/* The roster is long: the greeting has it, and what answers one message again and again has not. */
void message_limits(const struct hub *hub, struct json_writer *w);
struct buf *message_ack(struct hub *hub, uint32_t client, bool with_roster);
struct buf *message_joined(struct hub *hub, const struct agent *a);
struct buf *message_left(struct hub *hub, const struct agent *a);
/* `details` is a raw JSON object, or empty. */
struct buf *message_error(struct hub *hub, enum error_code code, struct str message,
                          struct str details);
/* SLOW_CLIENT of this dialect, with a count slot; *ret_mark is where it is. */
struct buf *message_slow(struct hub *hub, enum dialect dialect, size_t *ret_mark);
struct buf *message_pong(struct hub *hub);
/* Sends an error; details by printf, "" for none. */
void client_error(struct hub *hub, uint32_t client, enum error_code code, const char *message,
                  const char *details_format, ...) __attribute__((format(printf, 5, 6)));
void client_error_memory(struct hub *hub, uint32_t client);

/* --- world.c ---------------------------------------------------------------------------------- */

/* The first frame of a client that has just joined its world. */
void world_greet(struct hub *hub, uint32_t client);
/* What is in the scratch buffer, to all in a world but one. */
void world_announce(struct hub *hub, uint32_t session, uint32_t except,
                    const struct type_name *type);
void world_message(struct hub *hub, uint32_t client, const struct up *item, struct str text);
struct sender;
/* The same of any sender: in his world, or, of one who is no client, in this session. */
void world_take(struct hub *hub, struct sender *sender, const struct wire *w, struct str text,
                uint32_t session);
/* Whether messages of this type are for the gateway itself, and only clients can send them. */
bool world_answers(const struct type_name *type);
/* Whether these, at `path`, can be the patterns of a filter; if not, the client is told. */
bool world_check_patterns(struct hub *hub, struct sender *sender,
                          const struct parley_strings *patterns, const char *path);
/*
 * Its agent, if it has one, is announced as gone to the world that it is in. It is offline then; or
 * forgotten, when it says that it is somebody else, or nobody, from now on.
 */
void world_leave(struct hub *hub, uint32_t client, bool forget);

/* --- register.c ------------------------------------------------------------------------------- */

/* agent_register of the world. */
void world_register(struct hub *hub, struct sender *sender, const struct wire *w, struct str text);

/* --- memory.c --------------------------------------------------------------------------------- */

/* Looks at limits.memory. */
void memory_tick(struct hub *hub);

/* --- rate.c ----------------------------------------------------------------------------------- */

/*
 * A message more in this second; false: above limits.rate, so it is dropped. The client is told of
 * the first one in a second, and of each that it waits for an answer to: of so many as it may have
 * under way. More would make the limit dear for everybody else.
 */
bool rate_allows(struct hub *hub, uint32_t client, const struct wire *w, struct str text);

/* --- heartbeat.c, drain.c --------------------------------------------------------------------- */

/* When something came from it, by the clock on the wall. */
uint64_t heartbeat_heard_ms(const struct hub *hub, const struct client *c);
/* Something came from this client. */
void heartbeat_heard(struct hub *hub, struct client *c);
void heartbeat_tick(struct hub *hub);
void drain_tick(struct hub *hub);

#endif

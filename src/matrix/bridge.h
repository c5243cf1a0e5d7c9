#ifndef PARLEY_MATRIX_BRIDGE_H
#define PARLEY_MATRIX_BRIDGE_H

/*
 * The bridge's core: which message is a question, whose turn it is, what is said in which room. A
 * state machine: what has happened goes in, rows to be kept and actions to be carried out come out.
 * No socket, file, clock or thread is in here, so a simulator can kill it between any two steps.
 *
 *   step:  any number of the functions below that tell it something; then bridge_settle. Meanwhile
 *          `save` has been given rows, and `act` actions. The driver commits all rows of the step
 * in one transaction, and only then carries the actions out. start: bridge_restore for each row
 * that was kept, then bridge_start, which asks for whatever was under way once more.
 *
 * That is all there is to surviving a kill: what is not committed has not been done, and what is
 * committed and not done is done again, under the same transaction id (Matrix) or key (agent), so
 * that nobody sees it twice.
 *
 *   bridge.c            life, restoring, settling, the clock
 *   bridge_settings.c   a copy of the settings
 *   bridge_thing.c      what is kept, by table and key, and what of it has changed
 *   bridge_room.c       rooms: invites, members, encryption, names
 *   bridge_talk.c       talks in rooms and threads, their sessions, names and histories
 *   bridge_inbox.c      messages, edits, redactions: what becomes a question
 *   bridge_turn.c       the states of a turn
 *   bridge_outbox.c     what is to be sent, one at a time in each room
 *   bridge_speech.c     an answer on its way: the first text, edits on a budget, the whole
 *   bridge_command.c    the table of commands
 *   bridge_row.c        rows out of objects and back
 *   bridge_internal.h   what these share
 */

#include "base/buf.h"

struct bridge;

struct bridge_time {
    uint64_t mono_ms; /* never goes back */
    uint64_t wall_ms; /* since 1970 */
};

/* --- what is kept ----------------------------------------------------------------------------- */

/*
 * Rows, each with a key that is unique in its table; putting one replaces that of its key. Which
 * members a table has stands in bridge_row.c; the store keeps them as they are and does not look
 * inside, but for the key.
 */
enum bridge_table {
    TABLE_SYNC,     /* one row: next_batch */
    TABLE_ROOM,     /* key: room id */
    TABLE_TALK,     /* key: room id, newline, id of the thread's root or nothing */
    TABLE_SESSION,  /* key: a number; a session of the agent, with its history if we keep that */
    TABLE_QUESTION, /* key: event id; the inbox, and for a while what has been answered */
    TABLE_TURN,     /* key: a number; one attempt at a question */
    TABLE_SEND,     /* key: a number, in the order of sending; the outbox, with transaction ids */
    BRIDGE_TABLES
};

struct bridge_row {
    enum bridge_table table;
    struct str key;
    struct str value; /* a JSON object; empty: the row is deleted */
};

/* --- what is to be done ----------------------------------------------------------------------- */

enum bridge_action_kind {
    ACT_JOIN,    /* `room` */
    ACT_LEAVE,   /* `room` */
    ACT_SEND,    /* `send`, `room`, `type`, `txn_id`, `content`: until bridge_sent; one at a time a
                    room */
    ACT_UNSEND,  /* `send`, `room`: it is not to be sent any more, if that can still be helped (it
                    waits for a 429 to pass, say); nothing more is heard of it */
    ACT_TYPING,  /* `room`, `on`; it is said again by the bridge before it runs out (TYPING_MS) */
    ACT_RECEIPT, /* `room`, `event_id`, `thread` */
    ACT_ASK,     /* `turn` and all that follows: until bridge_answered */
    ACT_STOP,    /* `turn`: its answer is not wanted any more; nothing more is heard of it */
};

enum { TYPING_MS = 30000, TXN_ID_SIZE = 40 };

/* All is borrowed until `act` returns. */
struct bridge_action {
    enum bridge_action_kind kind;
    struct str room;
    bool on;
    struct str event_id;
    struct str thread; /* id of the root; empty: none */
    /* ACT_SEND, ACT_UNSEND */
    uint64_t send;
    struct str type; /* "m.room.message" */
    struct str txn_id;
    struct str content; /* a JSON object, as it is sent */
    /* ACT_ASK, ACT_STOP */
    uint64_t turn;
    struct str idempotency_key; /* one a question, the same after a kill; another one for /retry */
    struct str session_name;    /* how a new session is to be called */
    struct str session_id;      /* the agent's own id of it; empty: there is none yet */
    struct str conversation;    /* unique: names are not, and people choose them */
    struct str model;           /* empty: that of the configuration */
    struct str question;        /* text */
    struct str history;         /* raw JSON array of {role, content}, for agents that keep none */
    struct str sender;          /* user id */
};

/* What the core needs and cannot do itself; called only from inside the functions below. */
struct bridge_ports {
    void *owner;
    /* A row to be kept with the others of this step. Borrowed. False: it cannot be (no memory):
     * then the step fails as a whole, see bridge_settle. */
    bool (*save)(void *owner, const struct bridge_row *row);
    bool (*act)(void *owner, const struct bridge_action *action);
    /* Unpredictable bytes, for transaction ids and keys. */
    void (*random)(void *owner, void *bytes, size_t len);
    /* As hub_ports.log: a stable event id, what it is about, details as "key=value key=value". */
    void (*log)(void *owner, unsigned level, const char *event, struct str about,
                struct str details);
};

struct bridge_settings {
    struct str user_id;      /* our own: "@bot:example.org" */
    struct str session_name; /* template: "matrix:{room}:{date}-{n}" */
    struct str model;        /* for /model to name; may be empty */
    const struct str *rooms; /* where it is at home; joined at start; ids or aliases */
    size_t room_count;
    const struct str *invites; /* globs of user ids whose invites are taken */
    size_t invite_count;
    const struct str *admins; /* user ids */
    size_t admin_count;
    uint32_t max_message_bytes;   /* of a question, and of one event that we send */
    uint32_t max_turns_in_flight; /* over all rooms */
    uint32_t max_waiting;   /* questions that wait, in one talk: more are refused with a sentence */
    uint32_t history_bytes; /* of a session, for agents that keep none; 0: they keep it */
    uint64_t turn_timeout_ms; /* of a whole turn */
    struct str whom_to_ask;   /* named in messages about failures: the first admin; may be empty */
};

/* Settings are copied, texts and all. NULL: no memory. */
struct bridge *bridge_new(const struct bridge_settings *settings, const struct bridge_ports *ports,
                          struct bridge_time now);
/* NULL is taken. */
void bridge_free(struct bridge *b);
/* New settings, of a reload; user_id stays as it was. False: no memory, and all is as before. */
bool bridge_reload(struct bridge *b, const struct bridge_settings *settings);

/*
 * Before bridge_start, for every row that was kept, table by table in the order of the enum, each
 * in the order of its keys (numbers as numbers). False: the row is none of ours, and `error` gets a
 * sentence; or there is no memory for it, and it gets none.
 */
bool bridge_restore(struct bridge *b, const struct bridge_row *row, struct buf *error);
/* All rows are in: asks for everything that was under way. A step, to be settled like any other. */
void bridge_start(struct bridge *b);

/*
 * Ends a step. False: there was no memory for all of it. Then nothing of the step may be committed
 * or done, and the bridge is of no use any more: it is made anew from what was kept (the driver
 * ends the process, the service manager starts it).
 */
bool bridge_settle(struct bridge *b);

/* --- what has happened ------------------------------------------------------------------------ */

enum bridge_event_kind {
    MATRIX_MESSAGE,   /* m.room.message of somebody else: m.text, m.emote; others are left out */
    MATRIX_EDIT,      /* `target` has `body` now */
    MATRIX_REDACTION, /* of `target` */
    MATRIX_ENCRYPTED, /* the room is, by its state: an event alone says nothing */
    MATRIX_NAME,      /* the room's name is `body` */
    MATRIX_INVITED,   /* us, by `sender`; empty: it is not clear by whom */
    MATRIX_JOINED,    /* we are in the room; first of all that is told of it */
    MATRIX_LEFT,      /* we are not any more: left, kicked, banned */
};

/* One event of a sync, in the order of the server; all borrowed. */
struct bridge_event {
    enum bridge_event_kind kind;
    struct str room;
    struct str event_id;
    struct str sender;
    struct str body;     /* of a message: plain text, the fallback of a reply cut off */
    struct str thread;   /* root of the thread that it is in; or empty */
    struct str reply_to; /* the event that it answers; or empty */
    struct str target;   /* of an edit or a redaction */
    bool emote;
    bool old;           /* said before we were there, or before the first sync: no turn */
    uint64_t origin_ms; /* by the server's clock */
};
void bridge_matrix_event(struct bridge *b, const struct bridge_event *event);
/* All events up to here have been told: this is where the next sync starts. */
void bridge_synced(struct bridge *b, struct str next_batch);
/* Where the next sync starts; empty: from the beginning. Borrowed until the next step. */
struct str bridge_next_batch(const struct bridge *b);

/* An ACT_SEND has come to its end. */
struct bridge_sent {
    uint64_t send;
    struct str event_id; /* empty: it was refused for good */
    struct str error;    /* a code of Matrix: "M_FORBIDDEN"; when it was refused. "HTTP_403": by
                            something before the server, in spite of trying for long */
    uint64_t slowed_ms;  /* how long the server made it wait in all (429); 0: not at all */
};
void bridge_sent(struct bridge *b, const struct bridge_sent *sent);
/* An ACT_JOIN has: `error` is empty, or a code. */
void bridge_joined(struct bridge *b, struct str room, struct str error);

enum bridge_failure {
    FAILURE_NONE,
    FAILURE_AWAY,    /* the agent cannot be reached, or is overloaded */
    FAILURE_TIMEOUT, /* it did not answer in time */
    FAILURE_REFUSED, /* it did not take the question: `error` says why */
    FAILURE_BROKEN,  /* what it said was no answer */
};
/* "away" and so on, for logs and figures. */
extern const char *const bridge_failure_words[FAILURE_BROKEN + 1];

/* The agent has its own id for the session of this turn: it is kept before anything is answered. */
void bridge_session_opened(struct bridge *b, uint64_t turn, struct str session_id);
/* The answer so far, whole each time, as Markdown. Not necessarily committed. */
void bridge_answering(struct bridge *b, uint64_t turn, struct str text);
/* An ACT_ASK has come to its end: the whole answer, or how it failed. */
void bridge_answered(struct bridge *b, uint64_t turn, struct str text, enum bridge_failure failure,
                     struct str error);
/* What time it is, and nothing more: before it is told what has come meanwhile. */
void bridge_clock(struct bridge *b, struct bridge_time now);
/* Time has passed. */
void bridge_tick(struct bridge *b, struct bridge_time now);
/* When bridge_tick has something to do, monotonic; UINT64_MAX: never. */
uint64_t bridge_deadline(const struct bridge *b);

/* --- what may be known of it ------------------------------------------------------------------ */

struct bridge_counts {
    uint64_t rooms; /* joined */
    uint64_t encrypted_rooms;
    uint64_t questions_waiting;
    uint64_t turns_open;
    uint64_t sends_waiting;
    uint64_t questions_total;
    uint64_t answers_total;
    uint64_t failures_total[FAILURE_BROKEN + 1];
    uint64_t events_total; /* of Matrix, told to it */
    uint64_t duplicates_total;
    uint64_t edits_sent_total;
    uint64_t refused_sends_total;
};
void bridge_counts(const struct bridge *b, struct bridge_counts *ret_counts);

#endif

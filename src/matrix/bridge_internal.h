#ifndef PARLEY_MATRIX_BRIDGE_INTERNAL_H
#define PARLEY_MATRIX_BRIDGE_INTERNAL_H

/*
 * What the files of the bridge's core share.
 *
 * All that is kept are things: a room, a talk, a session, a question, a turn, a send. A thing has a
 * table and a key, and a list of members that go into its row (bridge_row.c); whoever changes one
 * of them calls thing_touch. At the end of a step each thing that was touched is written once, and
 * those that were dropped are deleted and freed. So a pointer to a thing is good until the step
 * ends.
 *
 * Memory may run out anywhere: then `failed` is set and stays, nothing that is called later does
 * anything of consequence, and bridge_settle says so.
 *
 * Who owns whom: a room has talks and sends; a talk has sessions, questions that wait, and at most
 * one turn. What is settled belongs to the bridge alone.
 */

#include "base/list.h"
#include "base/map.h"
#include "base/slab.h"
#include "matrix/bridge.h"

enum {
    ROOMS_MAX = 10000,
    TALKS_MAX = 4096,                  /* above which those go that were not used for longest */
    SESSIONS_MAX = 20,                 /* of one talk; the oldest go */
    SETTLED_MAX = 2048,                /* questions that are remembered to know repeats by */
    SETTLED_HARD_MAX = 65536,          /* the same, within a gap that is being filled */
    KEPT_TEXT_MAX = 8 * 1024 * 1024,   /* of settled questions, for /retry */
    SENDS_MAX = 64,                    /* of one room; above, nothing new is begun there */
    ROW_MAX_BYTES = 128 * 1024 * 1024, /* see below */
    NAME_MAX_BYTES = 128,              /* of a room's name, a session's, a model's */
    EDITS_MAX = 30,                    /* of one message, the last one included */
    EDIT_MIN_MS = 1000,
    EDIT_MAX_MS = 60000,
    FIRST_TEXT_MS = 300, /* from the first text of the agent to the first one in the room */
    TYPING_RENEW_MS = TYPING_MS - 8000,
    JOIN_AGAIN_MS = 60000,
    PIECE_MIN_BYTES = 256,
    KEY_BYTES = 16, /* random ones in an id */
};
/* The longest row has the longest answer, agent.max_answer_bytes of at most 16 MiB, in which each
 * byte may be one that JSON writes as six. What else stands in it has a few MiB at most. */
_Static_assert(ROW_MAX_BYTES >= (6 * 16 + 16) * 1024 * 1024, "an answer has to fit into a row");

/* --- bridge_thing.c --------------------------------------------------------------------------- */

struct thing {
    struct list dirty; /* bridge->dirty */
    struct str key;    /* owned */
    uint64_t number;   /* the key, when it is one */
    uint32_t index;
    uint8_t table; /* enum bridge_table */
    uint8_t state; /* enum thing_state */
};
enum thing_state { THING_FREE, THING_LIVE, THING_GONE };

struct table {
    struct slab slab;
    struct map map;
    const struct bridge *bridge;
};

/* --- what is kept ----------------------------------------------------------------------------- */

struct sync {
    struct thing thing;
    struct str next_batch;
};

struct room {
    struct thing thing; /* key: the room's id */
    /* kept */
    struct str name;         /* owned, as all texts of things */
    struct str session_date; /* of session_count */
    uint64_t session_count;  /* sessions made that day: {n} */
    bool is_joined;
    bool is_joining; /* an invite was taken, or it is a room of ours */
    bool is_leaving;
    bool is_encrypted;
    bool was_noticed; /* that it is encrypted has been said, or is about to be */
    bool was_typing;  /* typing may be on there */
    /* not kept */
    bool is_asking;        /* is_joining, and the answer has not come yet */
    bool is_invited_again; /* meanwhile: the answer may be about the invite before */
    struct list talks;
    struct list ready_talks; /* those with a question that could be asked now */
    struct list ready;       /* bridge->ready, when there are such */
    struct list sends;       /* in their order */
    struct list outgoing;    /* bridge->outgoing: to be looked at when the step ends */
    struct send *sending;    /* the first of `sends`, on its way; or NULL */
    uint32_t send_count;
    uint32_t working;    /* turns with an agent at work */
    uint64_t typing_ms;  /* when it is to be said again; 0: it is off */
    uint64_t quiet_step; /* in which it was switched off last */
};

struct talk {
    struct thing thing; /* key: room id, newline, thread */
    /* kept */
    struct str room_id;
    struct str thread;
    struct str model;
    struct str last_id;      /* of the question that /retry is about */
    uint64_t session_number; /* the one that goes on; 0: the next question makes one */
    uint64_t used;           /* the order of its last question */
    /* not kept */
    struct room *room;
    struct list of_room;
    struct list by_use; /* bridge->talks */
    struct list ready;  /* room->ready_talks */
    struct list waiting;
    uint32_t waiting_count;
    struct turn *turn;
    struct question *last;
    struct list sessions;
    uint32_t session_count;
};

struct session {
    struct thing thing; /* key: a number */
    struct str room_id;
    struct str thread;
    struct str name;
    struct str agent_id;  /* what the agent calls it; empty: it does not know it yet */
    struct str history;   /* raw array; empty: none */
    struct str paired_id; /* the question of its last two elements; empty: they were taken out */
    struct list of_talk;
};

enum question_state { QUESTION_SETTLED, QUESTION_WAITING, QUESTION_RUNNING };

struct question {
    struct thing thing; /* key: its event id */
    struct str room_id;
    struct str thread;
    struct str sender;
    struct str text;
    struct str idempotency_key;
    uint64_t order;
    uint8_t state;    /* enum question_state */
    bool is_redacted; /* not to be asked again */
    struct list link; /* talk->waiting or bridge->settled */
    struct talk *talk;
};

/* The table of states stands in bridge_turn.c. */
enum turn_state { TURN_ASKED, TURN_SHOWING, TURN_SHOWN, TURN_CLOSING };

struct turn {
    struct thing thing; /* key: a number */
    struct str question_id;
    struct str event_id; /* of the message that shows the answer; empty: there is none yet */
    struct str text;     /* TURN_CLOSING: the whole answer */
    uint64_t session_number;
    uint64_t edits;
    uint8_t state;  /* enum turn_state */
    bool is_notice; /* `text` is no answer of the agent */
    bool is_mute;   /* the room did not take a part of it: only the whole is said */
    /* not kept */
    struct question *question;
    struct talk *talk;
    struct list link; /* bridge->turns */
    struct send *part;
    struct buf partial; /* the answer so far, as far as one message shows it */
    bool is_news;       /* it has changed since it was last sent */
    uint64_t show_ms;   /* when it may be sent again; UINT64_MAX: there is nothing */
    uint64_t deadline_ms;
};

enum send_role {
    SEND_TEXT,      /* the whole of something */
    SEND_PART,      /* an answer so far */
    SEND_FULL,      /* that questions are not taken: said once for all of them */
    SEND_ENCRYPTED, /* that the room is encrypted: the only one that goes into such a room */
    SEND_TOO_LONG,  /* that a question is too long: said once, as SEND_FULL */
    SEND_ROLES
};

struct send {
    struct thing thing; /* key: a number */
    struct str room_id;
    struct str thread;
    struct str reply_to;
    struct str replaces;
    struct str text;       /* Markdown; what is left of it, when it takes several events */
    struct str fence_lead; /* struct markup_fence: to be opened again before it */
    struct str fence_info;
    uint64_t fence_run;
    uint8_t fence_mark;
    struct str txn_id;
    uint64_t turn_number; /* SEND_PART */
    uint64_t limit;       /* bytes of the piece that goes by txn_id; 0: it has not been cut yet */
    uint8_t role;         /* enum send_role */
    bool is_notice;
    struct room *room;
    struct list of_room;
};

/* --- bridge_settings.c ------------------------------------------------------------------------ */

/* One of the rooms of the configuration. */
struct home {
    struct str name;   /* id or alias; of the settings */
    uint64_t again_ms; /* when to try again; UINT64_MAX: not */
    bool is_under_way; /* an ACT_JOIN is */
};

struct settings {
    struct bridge_settings values; /* all texts in `texts` */
    char *texts;                   /* owned */
    struct str *lists;             /* owned */
    struct home *homes;            /* owned; as many as values.room_count */
};

bool settings_copy(struct settings *ret_copy, const struct bridge_settings *from);
void settings_fini(struct settings *s);

struct bridge {
    struct bridge_ports ports;
    struct settings settings;
    struct bridge_time now;
    uint8_t secret[16]; /* of the hashes */
    bool failed;
    uint64_t step; /* how many have been settled */
    struct table tables[BRIDGE_TABLES];
    struct list dirty;
    struct sync *sync;    /* NULL: nothing was synced yet */
    struct list ready;    /* rooms, whoever was served longest ago first */
    struct list outgoing; /* rooms whose sends are to be looked at */
    struct list turns;    /* all of them */
    struct list settled;  /* questions, the oldest first */
    struct list talks;    /* by use, the longest unused first */
    uint32_t working;     /* turns with an agent at work */
    uint64_t next_numbers[BRIDGE_TABLES];
    uint64_t next_order;
    uint64_t synced_order; /* what came before this does not come again */
    size_t kept_text;      /* bytes */
    uint64_t edit_ms;      /* between two edits of a message, at first; learnt */
    uint64_t piece_bytes;  /* the most that the server takes, as far as known */
    struct bridge_counts counts;
    struct buf row;
    struct buf scratch; /* sentences; nobody else's across a call */
    struct buf piece;
    struct buf content;
};

/* --- bridge_thing.c --------------------------------------------------------------------------- */

/* Whether a thing of this key is there; borrowed. */
void *thing_find(struct bridge *b, enum bridge_table table, struct str key);
void *thing_find_number(struct bridge *b, enum bridge_table table, uint64_t number);
/* A new one, touched. There is none of this key. NULL: no memory, or too many. */
void *thing_new(struct bridge *b, enum bridge_table table, struct str key);
/* The same, with the next number for a key. */
void *thing_new_number(struct bridge *b, enum bridge_table table);
void thing_touch(struct bridge *b, struct thing *t);
/* It is gone: not found any more, its row is deleted and it is freed when the step ends. */
void thing_drop(struct bridge *b, struct thing *t);
/* Frees it now. */
void thing_free(struct bridge *b, struct thing *t);
/* Walks those of a table, from *at = 0. NULL at the end. */
void *thing_next(struct bridge *b, enum bridge_table table, uint32_t *at);

/* Replaces a text by a copy of another; when there is no memory it is left empty. */
void text_set(struct bridge *b, struct str *text, struct str value);
void text_clear(struct str *text);
/* At most `max` bytes of a text, in whole characters. */
struct str text_cut(struct str text, size_t max);
/* Whether there is nothing in it but white space and control characters. */
bool text_is_blank(struct str text);
/* Random bytes as hexadecimal digits. */
struct str text_random(struct bridge *b, char buffer[2 * KEY_BYTES]);

/* --- bridge_row.c ----------------------------------------------------------------------------- */

size_t row_size(enum bridge_table table);
/* Gives the row of a thing to `save`; that of one that is gone is deleted. */
void row_save(struct bridge *b, const struct thing *t);
/* Reads the members. Returns NULL, or what is wrong with them. */
const char *row_read(struct bridge *b, struct thing *t, struct str value);
void row_fini(struct thing *t);

/* --- bridge.c --------------------------------------------------------------------------------- */

void bridge_act(struct bridge *b, const struct bridge_action *action);
void bridge_log(struct bridge *b, unsigned level, const char *event, struct str about,
                const char *format, ...) __attribute__((format(printf, 5, 6)));
/* As of hub_ports.log. */
enum { LEVEL_DEBUG, LEVEL_INFO, LEVEL_WARNING, LEVEL_ERROR };
bool bridge_is_admin(const struct bridge *b, struct str user_id);

/* --- bridge_room.c ---------------------------------------------------------------------------- */

struct room *room_find(struct bridge *b, struct str id);
void room_event(struct bridge *b, const struct bridge_event *event);
void room_joined(struct bridge *b, struct str name, struct str error);
/* Whether messages of it are answered. */
bool room_is_open(const struct room *room);
void room_leave(struct bridge *b, struct room *room);
/* Joins those of the configuration that are due. */
void room_tick(struct bridge *b);
uint64_t room_deadline(const struct bridge *b);
/* Typing, as it has to be at the end of a step. */
void room_settle_typing(struct bridge *b, struct room *room);
bool room_restored(struct bridge *b, struct room *room);
void room_start(struct bridge *b);

/* --- bridge_talk.c ---------------------------------------------------------------------------- */

/* The talk of a thread, made if need be; NULL: no memory. */
struct talk *talk_get(struct bridge *b, struct room *room, struct str thread);
/* Puts it where it has to stand, after its questions or its turn have changed. */
void talk_sort(struct bridge *b, struct talk *talk);
void talk_drop(struct bridge *b, struct talk *talk);
/* The session that goes on, made if need be. NULL: no memory. */
struct session *talk_session(struct bridge *b, struct talk *talk);
/* A new one, in whose name {n} is `name`, or a number when that is empty. */
struct session *session_new(struct bridge *b, struct talk *talk, struct str name);
struct session *session_find(struct bridge *b, struct talk *talk, uint64_t number);
/* Adds a question and its answer to what the agent is told next time. */
void session_remember(struct bridge *b, struct session *s, const struct question *q,
                      struct str answer);
/* Takes the last pair out again, if it is of this question. */
void session_forget(struct bridge *b, struct session *s, const struct question *q);
/* Puts those that were restored into their order of use. */
void talk_start(struct bridge *b);
bool talk_restored(struct bridge *b, struct talk *talk);
bool session_restored(struct bridge *b, struct session *s);

/* --- bridge_inbox.c --------------------------------------------------------------------------- */

void inbox_message(struct bridge *b, const struct bridge_event *event);
void inbox_edit(struct bridge *b, const struct bridge_event *event);
void inbox_redaction(struct bridge *b, const struct bridge_event *event);
/* It is over: out of where it stands, and remembered. `keep`: its text too, for /retry. */
void inbox_settle(struct bridge *b, struct question *q, bool keep);
/* No talk can ask it again: its text is not kept. */
void inbox_let_go(struct bridge *b, struct question *q);
/* Asks a settled question once more. */
void inbox_again(struct bridge *b, struct question *q);
bool question_restored(struct bridge *b, struct question *q);
/* Lists in their order, once all rows are in. */
void inbox_start(struct bridge *b);

/* --- bridge_turn.c ---------------------------------------------------------------------------- */

enum turn_event {
    TURN_EVENT_SHOW,   /* the answer so far is to be seen */
    TURN_EVENT_SAID,   /* the first message is in the room */
    TURN_EVENT_UNSAID, /* the room did not take it */
    TURN_EVENT_ENDED,  /* this is the whole answer, or what is said instead of it */
    TURN_EVENT_VANISH, /* nothing is to be said any more */
    TURN_EVENTS
};
/* `text` is that of TURN_EVENT_SHOW and _ENDED, the event's id of _SAID. */
void turn_change(struct bridge *b, struct turn *t, enum turn_event event, struct str text);
/* Whether the agent is at work on it. */
bool turn_is_working(const struct turn *t);
/* Begins turns, as many as may be. */
void turn_schedule(struct bridge *b);
/* Ends one whose answer is not wanted any more; with a sentence, or (an empty one) in silence
 * unless something of it has been shown. */
void turn_stop(struct bridge *b, struct turn *t, struct str sentence);
void turn_tick(struct bridge *b);
uint64_t turn_deadline(const struct bridge *b);
bool turn_restored(struct bridge *b, struct turn *t);
void turn_start(struct bridge *b);

/* --- bridge_speech.c -------------------------------------------------------------------------- */

/* Takes the answer so far. */
void speech_take(struct bridge *b, struct turn *t, struct str text);
/* When something of it is to be sent; UINT64_MAX: not now. */
uint64_t speech_due(const struct turn *t);
void speech_send(struct bridge *b, struct turn *t);
/* A part of it has been sent. */
void speech_sent(struct bridge *b, struct turn *t);
/* What a server did to a send: the pace for the next edits. */
void speech_learn(struct bridge *b, uint64_t slowed_ms);
/* Says the whole. */
void speech_end(struct bridge *b, struct turn *t);
/* The sentence for a failure, in b->scratch. */
struct str speech_failure(struct bridge *b, enum bridge_failure failure, struct str error);

/* --- bridge_outbox.c -------------------------------------------------------------------------- */

struct saying {
    struct str text; /* Markdown */
    struct str thread;
    struct str reply_to;
    struct str replaces;
    enum send_role role;
    bool is_notice;
    uint64_t turn_number;
};
/* To be sent when its turn comes. NULL: not in this room, or no memory. */
struct send *outbox_add(struct bridge *b, struct room *room, const struct saying *saying);
/* Says a sentence in a talk, in reply to an event or to none. */
void outbox_tell(struct bridge *b, struct talk *talk, struct str reply_to, struct str text);
/* It is not needed any more. */
void outbox_drop(struct bridge *b, struct send *s);
/* All that is to be sent there. */
void outbox_drop_all(struct bridge *b, struct room *room);
/* The room is to be looked at when the step ends. */
void outbox_wake(struct bridge *b, struct room *room);
/* Sends the next one, where none is on its way. */
void outbox_settle(struct bridge *b, struct room *room);
void outbox_sent(struct bridge *b, const struct bridge_sent *sent);
/* The most bytes of the content of one event. */
uint64_t outbox_limit(const struct bridge *b);
bool send_restored(struct bridge *b, struct send *s);
void outbox_start(struct bridge *b);

/* --- bridge_command.c ------------------------------------------------------------------------- */

/* Carries out a message that begins with a slash. */
void command_run(struct bridge *b, struct talk *talk, struct str event_id, struct str sender,
                 struct str text);

#endif

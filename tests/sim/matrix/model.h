#ifndef PARLEY_TESTS_SIM_MATRIX_MODEL_H
#define PARLEY_TESTS_SIM_MATRIX_MODEL_H

/*
 * A homeserver, its people and an agent, as far as the bridge can tell; and what must be true of a
 * bridge that talks with them. They live on when the bridge is killed.
 *
 *   server.c   the stream of events, what is told of it, sends and what becomes of them
 *   agent.c    questions that are asked, by their idempotency keys
 *   checks.c   what is in the rooms at the end
 */

#include "driver.h"

enum { ROOMS = 6, THREADS = 3, USERS = 4, FLIGHTS = ROOMS, TOUCHED = 4096 };

/* An event of the stream. Its id is "$eN", where N is its number. */
struct event {
    enum bridge_event_kind kind;
    unsigned room;
    unsigned thread; /* 0: none */
    unsigned user;
    uint32_t target;     /* number of an event */
    uint32_t version;    /* of MATRIX_EDIT: which text it has */
    const char *command; /* or NULL: a question */
    bool is_long;
    bool is_old;
    /* of a question */
    uint32_t told_version;      /* the last edit that the bridge was told of in time */
    uint32_t committed_version; /* the same, by what is on its disk */
    bool is_told_redacted;
    bool is_redacted;
    bool is_waived; /* its room was closed before it was answered: nothing may be said, or once */
    bool was_kept;  /* a row of it was on the disk */
    bool is_due;    /* it was told when the room was open: a row must come */
    uint32_t attempts; /* idempotency keys that it was asked under */
    uint32_t retries;  /* /retry that was said in its thread since */
};

/* A message of the bridge, as the room shows it. Its id is "$mN". */
struct message {
    unsigned room;
    unsigned thread;
    uint32_t question; /* number of the event that it replies to; NO_NAME: none */
    bool is_notice;
    unsigned edits;
    uint32_t stream; /* events that there were when it came */
    struct buf text;
};

/* A question under one key. */
struct asked {
    uint32_t question;
    uint32_t version;
    char *answer;     /* whole */
    size_t said;      /* bytes of it */
    unsigned outcome; /* enum bridge_failure */
    bool is_silent;   /* it never ends by itself */
    uint64_t turn;    /* that waits for it; 0: none does */
};

struct room_state {
    bool is_joined; /* by the server */
    bool is_member; /* as the bridge was told, on its disk */
    bool is_told_member;
    bool is_leaving; /* somebody has said /leave */
    bool is_told_leaving;
    bool is_encrypted;
    bool is_told_encrypted;
    bool is_known_encrypted; /* on the bridge's disk */
    bool is_invited;         /* by somebody who may */
    bool may_join;           /* the invite holds */
    bool is_joining;         /* an ACT_JOIN is under way */
    bool is_forbidding;      /* refuses some messages */
    bool is_typing;
    uint64_t typing_until_ms;
    unsigned encryption_notices;
};

/* An ACT_SEND that has not come to its end. */
struct flight {
    bool used;
    unsigned room;
    uint64_t send;
    char txn_id[TXN_ID_SIZE];
    struct str content; /* owned */
    uint64_t slowed_ms;
    bool is_notice_of_encryption;
};

struct model {
    struct driver d;
    uint64_t random;
    struct event *events;
    uint32_t event_count, event_cap;
    uint32_t touched[TOUCHED]; /* by what was told in this step */
    unsigned touched_count;
    uint32_t told; /* events that the process was told */
    struct message *messages;
    uint32_t message_count, message_cap;
    struct names txns;
    uint32_t *txn_messages; /* by transaction id: which message it made, or edited */
    size_t txn_cap;
    struct names keys;
    struct asked *asked; /* by idempotency key */
    size_t asked_cap;
    struct room_state rooms[ROOMS];
    struct flight flights[FLIGHTS];
    uint64_t server_limit; /* bytes of a content that it takes */
    uint32_t open[64];     /* keys of open turns */
    unsigned open_asks;
    bool is_calm; /* no more trouble */
    uint64_t checks;
};

/* --- main.c ----------------------------------------------------------------------------------- */

uint64_t model_draw(struct model *m, uint64_t below);
void model_fail(const struct model *m, const char *format, ...)
    __attribute__((format(printf, 2, 3), noreturn));

/* --- server.c --------------------------------------------------------------------------------- */

struct str room_id(unsigned room);
unsigned room_of(struct str id);
struct str thread_id(unsigned thread);
struct event *server_post(struct model *m, enum bridge_event_kind kind, unsigned room);
/* Tells the bridge up to `most` events of the stream; `whole`: with the next_batch. */
void server_tell(struct model *m, uint32_t most, bool whole);
/* Tells one event again that it knows already. */
void server_repeat(struct model *m);
/* Something becomes of a send. */
void server_serve(struct model *m, struct flight *f);
/* What the bridge's process wanted of the server. */
void server_act(struct model *m, const struct bridge_action *action);
void server_committed(struct model *m, const struct row *row);
void server_step_ended(struct model *m, bool is_committed);
void server_killed(struct model *m);
/* What is closed now is not answered any more. */
void server_waive(struct model *m, unsigned room);

/* --- agent.c ---------------------------------------------------------------------------------- */

void agent_ask(struct model *m, const struct bridge_action *action);
void agent_stop(struct model *m, uint64_t turn);
/* One of the open turns goes on; false: there is none. */
bool agent_go_on(struct model *m);
void agent_killed(struct model *m);
unsigned agent_open(const struct model *m, unsigned room, unsigned thread);

/* --- checks.c --------------------------------------------------------------------------------- */

/* All that must be true after each step. */
void check_step(struct model *m);
/* All that must be true when nothing is under way any more. */
void check_end(struct model *m);

#endif

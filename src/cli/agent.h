#ifndef PARLEY_CLI_AGENT_H
#define PARLEY_CLI_AGENT_H

/*
 * `parley agent run`: a program as an agent. One thread, one poll loop, and nothing in it waits but
 * the making of a connection, which is done when no program runs.
 *
 *   agent.c          the command and its arguments
 *   agent_loop.c     the loop: what is polled, signals, the way to the end
 *   agent_uplink.c   the connection's coming, going and coming again
 *   agent_link.c     what is said to the gateway, and what it says
 *   agent_answer.c   answers, as the gateway gets them
 *   agent_errand.c   requests, from their coming to their end
 *   agent_program.c  the programs that run for them
 */

#include <signal.h>

#include "cli/address.h"
#include "cli/child.h"
#include "cli/envelope.h"
#include "cli/output.h"
#include "cli/pace.h"
#include "cli/remote.h"

enum {
    AGENT_MAX_CONCURRENT = 256, /* three pipes each, and no limit of descriptors is below 1024 */
    AGENT_MAX_ID = 128,
    AGENT_KILL_MS = 5000,                /* after SIGTERM */
    AGENT_FULL_BYTES = 256 * 1024,       /* so much waits for the gateway: no program is read on */
    AGENT_MESSAGE_BYTES = 1024 * 1024,   /* what a message may have, until the gateway says so */
    AGENT_ENVELOPE_BYTES = 1024,         /* of that, for what stands around an answer */
    AGENT_QUEUE_BYTES = 2 * 1024 * 1024, /* limits.send_queue_bytes, until the gateway says it */
};

/*
 * A request and its program.
 *
 *   state     what happens                           next
 *   FREE      a request comes                        WAITING
 *   WAITING   there is a place: the program starts   RUNNING
 *             it does not start: the request fails   FREE
 *             cancelled, or the connection is lost   FREE
 *   RUNNING   the program ends: it is answered       FREE
 *             cancelled, too late, too much, lost    STOPPING (SIGTERM)
 *   STOPPING  AGENT_KILL_MS are over                 STOPPING (SIGKILL)
 *             the program ends                       FREE
 *
 * RUNNING and STOPPING take a place; there are as many places as --concurrency says. The gateway
 * holds a place free as soon as the request is over, so WAITING is for those whose forerunner still
 * takes its time to end.
 */
enum errand_state { ERRAND_FREE, ERRAND_WAITING, ERRAND_RUNNING, ERRAND_STOPPING };

struct errand {
    enum errand_state state;
    bool chat;             /* it came as `chat`, not as `route_request`; */
    bool is_direct;        /* and to us alone: the gateway knows no request of that id */
    uint64_t number;       /* the order in which they came */
    struct buf id;         /* the gateway's of it, or its sender's: a raw string */
    struct buf capability; /* text */
    struct buf source;     /* text */
    struct buf request;    /* one line of JSON; empty once the program has it */
    int64_t deadline;      /* when it is stopped, or killed; SOCKET_FOREVER */
    uint64_t parts;        /* that were sent */
    int64_t ahead;         /* bytes of them for whose reading there was no time yet, */
    int64_t ahead_at;      /* as of then */
    int64_t resume_at;     /* no part is sent before; 0: at once */
    struct child child;
    struct output output;
    struct ending said; /* the end of stderr */
};

struct agent_options {
    const char *capability;
    const char *command;
    const char *name;
    char id[AGENT_MAX_ID + 1];
    bool stream;
    bool chat;
    unsigned concurrency;
    int64_t timeout_ms; /* of one run; 0: none */
};

enum agent_link { LINK_DOWN, LINK_OPENED, LINK_REGISTERED };

/*
 * SERVING until a signal; FINISHING: no new requests, those that run may end; LEAVING: all are
 * answered and the goodbye is said; OVER: nothing more is done than waiting for programs to end.
 */
enum agent_phase { AGENT_SERVING, AGENT_FINISHING, AGENT_LEAVING, AGENT_OVER };

struct agent {
    struct agent_options options;
    struct address address;
    struct remote remote;
    enum agent_link link;
    enum agent_phase phase;
    enum cli_exit outcome; /* what to end with */
    int signals;           /* a signalfd */
    bool ever;             /* it was registered once */
    bool told;             /* that the connection is gone */
    bool pinged;
    int64_t opened;    /* when the connection was made */
    int64_t heard;     /* when the gateway last said something */
    int64_t deadline;  /* of the phase */
    int64_t retry_at;  /* when the next connection may be made */
    int wait_ms;       /* how long that was put off, before chance */
    size_t max_frame;  /* what the gateway takes, */
    size_t max_queue;  /* and what may wait there for one client */
    struct pace pace;  /* of messages; */
    struct buf late;   /* what it holds back: frames, each behind its length */
    uint64_t requests; /* that came, and answers that were sent, in parts */
    uint64_t answers;
    size_t errand_count; /* twice the places */
    size_t first_errand; /* whose turn it is to be read when there is room */
    struct errand *errands;
};

/* --- agent_loop.c ----------------------------------------------------------------------------- */

/* Serves until it is over. */
enum cli_exit agent_loop(struct agent *a);
/* Adds the signals that end an agent. */
void agent_add_signals(sigset_t *set);

/* --- agent_uplink.c ----------------------------------------------------------------------- */

/* Makes the connection; waits. A signal ends the process meanwhile. */
void uplink_make(struct agent *a);
/* Something has happened to its socket (of poll): takes what has come. */
void uplink_hear(struct agent *a, short happened, int64_t now);
/* Asks for a sign of life, and gives up who gives none. */
void uplink_turn(struct agent *a, int64_t now);
/* Writes what there is room for. */
void uplink_flush(struct agent *a);
/* When uplink_turn is due; without a connection, when the next one may be made. */
int64_t uplink_deadline(const struct agent *a);

/* --- agent_link.c ----------------------------------------------------------------------------- */

/* Connects, and asks to be registered. Waits. The sentence is in a->remote.error. */
enum cli_exit link_open(struct agent *a);
/* Acts on all that has come. Not CLI_OK: the connection is of no use any more. */
enum cli_exit link_receive(struct agent *a);
/* Tells the gateway that no more requests are wanted; that the agent goes. */
void link_say_busy(struct agent *a);
void link_say_goodbye(struct agent *a);
/* Whether there is room for more of what programs print. */
bool link_has_room(const struct agent *a);
/* Sends a frame, and frees the buffer that it is in; later, when the gateway's limits.rate says so.
 */
void link_send(struct agent *a, struct buf *frame);
/* Sends what that holds back, as far as it may be; when there is more of it to be sent. */
void link_go_on(struct agent *a);
int64_t link_deadline(const struct agent *a);
/* Whether it holds something back. Answers wait in their places then, where they can be cancelled.
 */
bool link_holds_back(const struct agent *a);

/* --- agent_answer.c --------------------------------------------------------------------------- */

/*
 * A part of an answer; the end of one, with a text or (NULL) without. False, and nothing is sent:
 * it is more than the gateway takes.
 */
bool answer_part(struct agent *a, struct errand *errand, struct str text);
bool answer_end(struct agent *a, struct errand *errand, const struct str *text);
/* The end of one that failed: a code, a sentence, and how the program ended. */
struct failure {
    const char *code;
    struct str sentence;
    const struct errand *ended; /* its exit and its stderr are told; NULL for neither */
};
void answer_failure(struct agent *a, struct errand *errand, const struct failure *failure);
/* The number of the errand that a frame of this id (raw) was about; UINT64_MAX: about none. */
uint64_t answer_errand(struct str id);

/* --- agent_errand.c --------------------------------------------------------------------------- */

/* False: no memory. */
bool errands_init(struct agent *a);
/* Kills what runs. */
void errands_fini(struct agent *a);
/* A request has come; `request` is raw. */
void errand_accept(struct agent *a, const struct envelope *e, bool chat, struct str request);
/* The gateway does not want an answer to the request of this id (raw) any more. */
void errand_cancel(struct agent *a, struct str id);
/* The gateway has dropped something of the answer to this one. */
void errand_dropped(struct agent *a, uint64_t number);
/* The connection is lost: nobody can be answered. */
void errands_drop(struct agent *a);
/*
 * They have had all the time that there is. Answers that only wait to be sent are, when it is their
 * turn; `at_once`: they take no turn any more.
 */
void errands_stop(struct agent *a, bool at_once, const char *code, const char *sentence);
/* Moves what can be moved through its pipes; answers when its program has ended. */
void errand_pump(struct agent *a, struct errand *errand);
/* Starts what waits, stops what takes too long; `ended`: looks which programs have ended. */
void errands_turn(struct agent *a, int64_t now, bool ended);
/* How many there are; how many of these have a program. */
size_t errands_open(const struct agent *a);
size_t errands_running(const struct agent *a);
/* When errands_turn is due. */
int64_t errands_deadline(const struct agent *a);

/* --- agent_program.c -------------------------------------------------------------------------- */

enum heard {
    HEARD_SOME,     /* there may be more, later */
    HEARD_ALL,      /* its output has ended */
    HEARD_TOO_MUCH, /* it is more than the gateway takes */
};

/* Starts the program of a request. False, and `error` gets a sentence: it could not. */
bool program_start(struct agent *a, struct errand *errand, struct buf *error);
/* It has spoken: where there is room for one message now and then, the next is another's. */
void program_pass_turn(struct agent *a, const struct errand *errand);
/* Reads what it prints, as far as there is room for it, and sends what is to be sent by lines. */
enum heard program_hear(struct agent *a, struct errand *errand);
/* Whether its output may be read on; if not, errand->resume_at says when, or the link. */
bool program_may_speak(const struct agent *a, const struct errand *errand);
/* Reads what it prints, for nothing. */
void program_pass(struct errand *errand);
/* Begins `out` with a raw string as the text of a variable, up to a NUL. */
void program_keep_text(struct buf *out, struct str raw);

#endif

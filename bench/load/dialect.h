#ifndef PARLEY_BENCH_DIALECT_H
#define PARLEY_BENCH_DIALECT_H

/*
 * How one talks to a hub: templates of what is sent, and how a delivery is recognised. Some are
 * built in; anybody can write one as a file of lines "name: text", in which a line that begins with
 * # says nothing; \r, \n and \\ stand for what they stand for in C, \s for a blank at an end.
 *
 * A delivery is recognised by its {body}. `delivers: whole` says that the hub passes on the very
 * bytes that it was sent, and then all of them are compared; else the body is, wherever it stands.
 */

#include "template.h"

enum dialect_text {
    DIALECT_PATH,          /* of the WebSocket, for who speaks in a session */
    DIALECT_HELLO,         /* what such a client sends first */
    DIALECT_JOIN,          /* how it comes into {session}; where there is none, it is in it */
    DIALECT_MESSAGE,       /* to all others in {session} */
    DIALECT_DIRECTED_PATH, /* the same three for who speaks to {peer} alone */
    DIALECT_DIRECTED_HELLO,
    DIALECT_DIRECTED,
    DIALECT_REQUEST_PATH, /* of agents and askers */
    DIALECT_AGENT_HELLO,
    DIALECT_ASKER_HELLO,
    DIALECT_REQUEST, /* of an asker, to {peer}, or to whoever can */
    DIALECT_ANSWER,  /* of the agent that heard it */
    DIALECT_TEXT_COUNT,
};

enum dialect_framing {
    FRAMING_MESSAGES, /* a WebSocket message is a message */
    FRAMING_NATS,     /* it holds any number of operations of the NATS protocol */
};

struct dialect {
    char *bytes; /* owned: what the texts are in */
    struct template texts[DIALECT_TEXT_COUNT];
    /* What stands before the part of a request that its answer names ({captured}); the part ends
     * before a quote, a space or a control character. */
    struct str capture;
    enum dialect_framing framing;
    bool greets; /* the hub speaks first: a client is ready after that */
    bool whole;
};

/* The names of those that are built in, the first is the one that is used; ends in NULL. */
extern const char *const dialect_names[];
/* The text of one, as it would stand in a file; NULL when there is none of this name. */
const char *dialect_source(const char *name);

/* Reads the lines. Returns false, with a sentence, when something in them is wrong. */
bool dialect_parse(struct dialect *d, struct str source, char error[TEMPLATE_ERROR_SIZE]);
/* NULL is taken. */
void dialect_fini(struct dialect *d);

/* The name of a text, as it stands in a file. */
const char *dialect_text_name(enum dialect_text text);

#endif

#ifndef PARLEY_TESTS_AGENT_RIG_H
#define PARLEY_TESTS_AGENT_RIG_H

/* An adapter between a test that plays the API (http.h without a network) and one that plays the
 * bridge. */

#include "matrix/agent.h"

enum { RIG_CALLS = 64 };

/* A request that was made. */
struct http_call {
    struct http_client *client;
    char method[8];
    char url[256];
    char bearer[32];
    char body[2048];
    void *owner;
    void (*part)(void *owner, struct str bytes);
    void (*done)(void *owner, const struct http_response *response);
    bool is_open;
};

struct http_client {
    struct http_call calls[RIG_CALLS];
    size_t count;
    unsigned fails; /* so many of the next find no memory */
};

struct agent_rig {
    const struct agent_adapter *adapter;
    struct agent *agent;
    struct http_client http;
    uint64_t now_ms;
    /* What the bridge has heard, a line each: "session 7 s1", "answering 7 text", "answered 7 away
     * text | sentence", "reachable", "away sentence". */
    struct buf record;
};

extern const struct agent_paths agent_rig_paths;

void rig_init(struct agent_rig *r, const struct agent_adapter *adapter);
void rig_fini(struct agent_rig *r);
/* Turn `turn` asks "q"; with a session, or NULL. */
bool rig_ask(struct agent_rig *r, uint64_t turn, const char *session);
void rig_pass(struct agent_rig *r, uint64_t ms);
/* The request that is open; there is one. */
struct http_call *rig_open(struct agent_rig *r);
size_t rig_open_count(const struct agent_rig *r);
void rig_answer(struct agent_rig *r, unsigned status, const char *body);
void rig_respond(struct agent_rig *r, const struct http_response *response);
void rig_part(struct agent_rig *r, const char *bytes);
/* What was heard since the last time, in whole. */
void rig_expect(struct agent_rig *r, const char *record);

#endif

#ifndef PARLEY_LIBRARY_LIBRARY_H
#define PARLEY_LIBRARY_LIBRARY_H

/*
 * The inside of libparley, over the composition that `parley serve` runs (gateway/assembly.h). All
 * of it is in the hub's thread, but for what is posted.
 *
 *   options.c     what a gateway is made from
 *   parley.c      its life, and what other threads post
 *   hear.c        handlers, events
 *   login.c       credentials that the program looks at
 *   say.c         messages
 *   clients.c     clients, and figures
 *   sessions.c    sessions
 *   agents.c      agents
 */

#include <pthread.h>

#include "gateway/assembly.h"
#include "parley/parley.h"

typedef void login_check(struct parley *p, const struct parley_login *login, void *ctx);

struct parley_options {
    struct config_flag *flags; /* owned, and their keys and values */
    size_t flag_count;
    char *file; /* owned; NULL: none */
    login_check *check;
    void *check_ctx;
    struct parley_events events;
    void *events_ctx;
};

struct handler {
    enum parley_dialect dialect;
    char *type; /* owned */
    parley_handler *call;
    void *ctx;
};

struct posted {
    struct posted *next;
    void (*call)(struct parley *p, void *ctx);
    void *ctx;
};

struct verdict {
    struct verdict *next;
    uint64_t job;
    bool accepted;
    struct hub_claims claims; /* its texts stand behind */
    char texts[];
};

struct parley {
    struct assembly assembly;
    struct parley_options *options; /* owned: a copy */
    struct config_sources sources;
    void *context;
    struct handler *handlers; /* owned, and few */
    size_t handler_count;
    pthread_mutex_t lock; /* of the next two, and of nothing else */
    struct posted *posted;
    struct posted **posted_end;
    struct verdict *verdicts; /* that the hub has not been told */
    struct verdict **verdicts_end;
    bool started;
    bool over;
    bool in_step; /* what is changed now is seen to in this step */
    bool woken;   /* and else in the next one, for which the descriptor is readable */
    struct hub_client_view found; /* what parley_find_client and parley_agent_get gave last */
    char found_address[64];
    struct hub_agent_view found_agent;
};

static inline struct hub *hub_of(struct parley *p)
{
    return gateway_hub(p->assembly.gateway);
}
/* The same, to change something in it, or have it say something. */
struct hub *hub_to_change(struct parley *p);
static inline struct str str_of(struct parley_text text)
{
    return str_make(text.ptr, text.len);
}
static inline struct parley_text text_of_str(struct str s)
{
    return (struct parley_text){s.ptr, s.len};
}
static inline enum parley_dialect dialect_of(unsigned dialect)
{
    return dialect == DIALECT_GATEWAY ? PARLEY_GATEWAY : PARLEY_WORLD;
}

/* --- options.c --- */

/* Owned; NULL: no memory. */
struct parley_options *options_copy(const struct parley_options *options);

/* --- hear.c --- */

void hear_event(void *owner, const struct hub_event *event);
int hear_message(void *owner, const struct hub_heard *message);
void handlers_fini(struct parley *p);

/* --- login.c --- */

void login_check_credential(void *owner, uint64_t job, struct str secret, bool is_password,
                            const uint8_t address[16]);
/* Tells the hub what has been decided. */
void logins_settle(struct parley *p);
void logins_fini(struct parley *p);

/* --- say.c --- */

enum parley_result result_of(enum hub_done done);
struct hub_saying saying_of(const struct parley_message *message);
/* The code of this name; false: there is none. */
bool find_code(const char *name, enum error_code *ret_code);

/* --- clients.c --- */

enum { ADDRESS_TEXT = 64 };
/* `address` is where its address is written. */
void client_of_view(const struct hub_client_view *view, char address[ADDRESS_TEXT],
                    struct parley_client *ret_client);

#endif

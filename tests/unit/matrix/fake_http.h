#ifndef PARLEY_TESTS_FAKE_HTTP_H
#define PARLEY_TESTS_FAKE_HTTP_H

/* http.h without a network: requests are written down, and answered at the test's word. */

#include "matrix/http.h"

enum { FAKE_MAX = 256 };

struct http_call {
    struct http_client *client;
    void *owner;
    void (*done)(void *owner, const struct http_response *response);
    char method[8];
    char url[4096];
    char bearer[64];
    char body[4096];
    bool is_open; /* neither answered nor cancelled */
    bool is_cancelled;
};

struct http_client {
    struct http_call calls[FAKE_MAX]; /* all there ever were */
    unsigned count;
    unsigned fails; /* so many of the next http_start find no memory */
};

/* The open call whose URL has `part` in it, the first one of them; NULL when there is none. */
struct http_call *fake_find(struct http_client *c, const char *part);
/* How many are open with it. */
unsigned fake_count(struct http_client *c, const char *part);
void fake_answer(struct http_call *call, unsigned status, const char *body);
void fake_respond(struct http_call *call, const struct http_response *response);
/* It does not get through. */
void fake_fail(struct http_call *call, enum http_error error);

#endif

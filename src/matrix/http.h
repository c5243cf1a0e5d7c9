#ifndef PARLEY_MATRIX_HTTP_H
#define PARLEY_MATRIX_HTTP_H

/*
 * HTTP requests, many at a time, in one loop. The only file that includes libcurl: it owns
 * connections, TLS (always verified), redirects (none), limits. What a request was for, and what is
 * to be done when it fails, is its caller's.
 *
 * Of the environment it takes https_proxy, all_proxy and no_proxy, for https alone: a proxy then
 * passes on what it cannot read. An http URL never goes to a proxy, which would read the
 * credential. SSL_CERT_FILE names certificates to believe instead of the system's.
 */

#include "base/buf.h"

struct http_client;
struct http_call;

enum http_error {
    HTTP_OK,          /* there is a response, whatever its status */
    HTTP_UNREACHABLE, /* no such host, refused, no route, no TLS there */
    HTTP_TLS,         /* its certificate is not to be believed */
    HTTP_CUT,         /* the connection ended in the middle */
    HTTP_TIMEOUT,
    HTTP_TOO_LARGE, /* the body passed max_body */
    HTTP_NO_MEMORY,
};

struct http_response {
    enum http_error error;
    unsigned status; /* 200 */
    struct str body; /* whole; empty for a request with `part`; borrowed until `done` returns */
    struct str content_type;
    int64_t retry_after_ms; /* of Retry-After, seconds or a date; -1: none */
    int64_t date_ms;        /* of Date, since 1970: the server's clock; -1: none */
    const char *sentence;   /* of an error: "Connection refused"; never holds a credential */
};

struct http_request {
    const char *method; /* "GET" */
    struct str url;
    struct str bearer; /* a credential: wiped when the call ends; empty: none */
    struct str content_type;
    struct str body;     /* copied */
    uint64_t timeout_ms; /* of the whole; 0: none */
    uint64_t silence_ms; /* with nothing coming; 0: none */
    size_t max_body;     /* of the response */
    void *owner;
    /* A piece of the body of a response with status 200, as it comes: for streams. NULL: it is
     * gathered. */
    void (*part)(void *owner, struct str bytes);
    /* Once, last. As `part`, it is called from http_wait alone, and may start and cancel calls. */
    void (*done)(void *owner, const struct http_response *response);
};

/* Returns owned; NULL: no memory. */
struct http_client *http_client_new(void);
/* Calls that are open end without `done`. NULL is taken. */
void http_client_free(struct http_client *c);
/*
 * Starts a request; borrows it. NULL: no memory. The call is valid until `done` has returned. One
 * that finds a kept connection dead is made again at once over a new one: it may be done twice.
 */
struct http_call *http_start(struct http_client *c, const struct http_request *request);
/* Ends it at once; `done` is not called. */
void http_cancel(struct http_call *call);

/* A descriptor to be waited for beside the transfers: events and revents as of poll(2). */
struct http_watch {
    int fd;
    short events;
    short revents;
};
/*
 * Waits until a transfer or a watch (fd -1: none) has something, http_wake, or for timeout_ms (-1:
 * for ever); `done` and `part` are called for what has come. At most HTTP_MAX_WATCHES.
 */
enum { HTTP_MAX_WATCHES = 32 };
void http_wait(struct http_client *c, struct http_watch *watches, size_t count, int timeout_ms);
/* `woken` is called in each http_wait when it has waited, before it tells what has come: whoever is
 * told has a clock that is not older than the wait. */
void http_set_woken(struct http_client *c, void (*woken)(void *owner), void *owner);
/* From any thread, and from signal handlers. */
void http_wake(struct http_client *c);

#endif

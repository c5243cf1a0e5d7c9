#ifndef PARLEY_REST_CALL_H
#define PARLEY_REST_CALL_H

/*
 * One request while it is being answered: what was asked, who asks, and the answer as it grows.
 * Each route has a function that takes a call, appends a body to `out` and sets what else the
 * answer has; or refuses, which throws away what was there.
 */

#include "base/error.h"
#include "http/head.h"
#include "rest/rest.h"

enum {
    CALL_MAX_BODY = 32 * 1024 * 1024, /* of an answer: a page of agents with all they said */
    CALL_MAX_FIELDS = 1024,
    CALL_MAX_DETAILS = 4096,
    CALL_MAX_PARAMETER = 128, /* an id */
};

struct call {
    const struct rest *rest;
    struct hub *hub;
    const struct http_head *head;
    struct str text;               /* the whole request */
    struct str body;               /* of the request */
    struct str parameter;          /* of the path, decoded; into `decoded` */
    const struct hub_asker *asker; /* NULL of a public route: nobody was asked */
    char decoded[CALL_MAX_PARAMETER];
    /* The answer. */
    int status; /* 200 unless set */
    const char *content_type;
    const char *cache;       /* Cache-Control */
    enum error_code refused; /* or ERROR_NONE */
    struct buf fields;       /* further lines of the head, each with its CR LF */
    struct buf out;          /* the body */
};

void call_init(struct call *call, const struct rest *rest, struct hub *hub,
               const struct http_head *head, struct str text);
void call_fini(struct call *call);

/*
 * Answers with an error: {"error":{"code","message","details"}}. An empty message is that of the
 * error's table; `details` is a raw JSON object, or empty.
 */
void call_refuse(struct call *call, enum error_code code, struct str message, struct str details);
/* The same with details of one member, {name: text}. */
void call_refuse_about(struct call *call, enum error_code code, struct str message, struct str name,
                       struct str text);

/* Appends the response: its head and, unless HEAD was asked for, the body. */
void call_write(const struct call *call, struct buf *out);

#endif

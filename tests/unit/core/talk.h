#ifndef PARLEY_TESTS_CORE_TALK_H
#define PARLEY_TESTS_CORE_TALK_H

/* What tests of the gateway dialect say again and again. */

#include <stdio.h>

#include "door.h"

/* Says something whose answer is the next thing that the client hears. */
static inline void ask(struct room *r, int client, const char *message, const char *answer)
{
    room_say(r, client, "%s", message);
    room_expect(r, client, answer);
}

static inline void join(struct room *r, int client, const char *session)
{
    char answer[256];

    room_say(r, client,
             "{\"type\":\"session_join\",\"id\":\"j\",\"payload\":{\"sessionId\":\"%s\"}}",
             session);
    (void)snprintf(answer, sizeof(answer),
                   "{\"type\":\"session_info\",\"sessionId\":\"%s\",\"replyTo\":\"j\",\"payload\":"
                   "{\"sessionId\":\"%s\",\"status\":\"joined\",\"members\":\"*\"}}",
                   session, session);
    room_expect(r, client, answer);
}

static inline void create(struct room *r, int client, const char *session)
{
    char answer[256];

    room_say(r, client,
             "{\"type\":\"session_create\",\"id\":\"c\",\"payload\":{\"sessionId\":\"%s\"}}",
             session);
    (void)snprintf(answer, sizeof(answer),
                   "{\"type\":\"session_info\",\"payload\":{\"sessionId\":\"%s\",\"status\":"
                   "\"created\"}}",
                   session);
    room_expect(r, client, answer);
}

static inline void expect_error(struct room *r, int client, const char *code, const char *reply_to)
{
    char pattern[256];

    (void)snprintf(
        pattern, sizeof(pattern),
        "{\"type\":\"error\",\"id\":\"*\",\"payload\":{\"code\":\"%s\",\"message\":\"*\","
        "\"details\":\"*\"},\"timestamp\":\"*\",\"replyTo\":\"%s\"}",
        code, reply_to);
    room_expect(r, client, pattern);
}

#endif

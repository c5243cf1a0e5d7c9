#include "fake_http.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

struct http_client *http_client_new(void)
{
    return calloc(1, sizeof(struct http_client));
}

void http_client_free(struct http_client *c)
{
    free(c);
}

static void copy(char *out, size_t size, struct str text)
{
    int len = snprintf(out, size, "%.*s", STR_ARG(text));

    assert(len >= 0 && (size_t)len < size);
}

struct http_call *http_start(struct http_client *c, const struct http_request *request)
{
    if (c->fails > 0) {
        c->fails--;
        return NULL;
    }
    assert(c->count < FAKE_MAX && request->done != NULL && request->max_body > 0);
    struct http_call *call = &c->calls[c->count++];
    call->client = c;
    call->owner = request->owner;
    call->done = request->done;
    call->is_open = true;
    copy(call->method, sizeof(call->method), str_from_z(request->method));
    copy(call->url, sizeof(call->url), request->url);
    copy(call->bearer, sizeof(call->bearer), request->bearer);
    copy(call->body, sizeof(call->body), request->body);
    return call;
}

void http_cancel(struct http_call *call)
{
    assert(call->is_open);
    call->is_open = false;
    call->is_cancelled = true;
}

struct http_call *fake_find(struct http_client *c, const char *part)
{
    for (unsigned i = 0; i < c->count; i++) {
        if (c->calls[i].is_open && strstr(c->calls[i].url, part) != NULL) {
            return &c->calls[i];
        }
    }
    return NULL;
}

unsigned fake_count(struct http_client *c, const char *part)
{
    unsigned count = 0;

    for (unsigned i = 0; i < c->count; i++) {
        count += c->calls[i].is_open && strstr(c->calls[i].url, part) != NULL;
    }
    return count;
}

void fake_respond(struct http_call *call, const struct http_response *response)
{
    assert(call != NULL && call->is_open);
    call->is_open = false;
    call->done(call->owner, response);
}

void fake_answer(struct http_call *call, unsigned status, const char *body)
{
    struct http_response response = {.error = HTTP_OK,
                                     .status = status,
                                     .body = str_from_z(body),
                                     .retry_after_ms = -1,
                                     .date_ms = -1,
                                     .sentence = ""};

    fake_respond(call, &response);
}

void fake_fail(struct http_call *call, enum http_error error)
{
    struct http_response response = {
        .error = error, .retry_after_ms = -1, .date_ms = -1, .sentence = "it was cut"};

    fake_respond(call, &response);
}

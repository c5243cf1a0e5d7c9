#include "rest/gate.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const method_names[] = {
    [HTTP_GET] = "GET", [HTTP_HEAD] = "HEAD",     [HTTP_POST] = "POST",
    [HTTP_PUT] = "PUT", [HTTP_DELETE] = "DELETE", [HTTP_OPTIONS] = "OPTIONS",
};

static bool check_method(struct call *call, const struct handler *handler)
{
    const char *separator = "Allow: ";

    if ((handler->at.methods >> call->head->method & 1) != 0) {
        return true;
    }
    for (unsigned i = 0; i < sizeof(method_names) / sizeof(method_names[0]); i++) {
        if ((handler->at.methods >> i & 1) != 0) {
            buf_printf(&call->fields, "%s%s", separator, method_names[i]);
            separator = ", ";
        }
    }
    buf_append_str(&call->fields, STR("\r\n"));
    call_refuse(call, ERROR_METHOD_NOT_ALLOWED, STR(""), STR(""));
    return false;
}

/* RFC 6750 section 3: who only lacks a grant is not asked for another credential. */
static bool refuse_stranger(struct call *call, enum error_code code)
{
    buf_append_str(&call->fields, STR("WWW-Authenticate: Bearer\r\n"));
    call_refuse(call, code, STR(""), STR(""));
    return false;
}

static bool refuse_for_now(struct call *call, uint64_t retry_after_ms)
{
    char details[64];
    int len =
        snprintf(details, sizeof(details), "{\"retry_after_ms\":%" PRIu64 "}", retry_after_ms);

    /* Whole seconds, none too few. */
    buf_printf(&call->fields, "Retry-After: %" PRIu64 "\r\n", (retry_after_ms + 999) / 1000);
    call_refuse(call, ERROR_RATE_LIMITED,
                STR("Too many attempts to authenticate, from this address or at this time; wait "
                    "`details.retry_after_ms`."),
                str_make(details, (size_t)len));
    return false;
}

static bool check_asker(struct call *call, enum access access)
{
    if (call->asker == NULL) {
        return true;
    }
    if (call->asker->refused == ERROR_RATE_LIMITED) {
        return refuse_for_now(call, call->asker->retry_after_ms);
    }
    if (call->asker->refused != ERROR_NONE) {
        return refuse_stranger(call, call->asker->refused);
    }
    if (access == ACCESS_COUNTS) {
        return true;
    }
    if (call->asker->principal == HUB_NOBODY) {
        return refuse_stranger(call, ERROR_AUTH_REQUIRED);
    }
    if (access != ACCESS_ADMIN) {
        return true;
    }
    struct hub_verdict verdict = hub_may(call->hub, call->asker->principal, MAY_ADMIN, STR(""));
    if (verdict.code == ERROR_AUTH_REQUIRED) {
        return refuse_stranger(call, ERROR_AUTH_REQUIRED);
    }
    if (verdict.code != ERROR_NONE) {
        call_refuse_about(call, verdict.code,
                          STR("This is for administrators; ask with a credential that has the "
                              "grant `admin`, or, without authentication, from this machine."),
                          STR("rule"), str_from_z(verdict.rule));
        return false;
    }
    return true;
}

static bool take_parameter(struct call *call, const struct handler *handler, struct str raw)
{
    if (!handler->at.has_parameter) {
        return true;
    }
    int len = http_percent_decode(raw, call->decoded, sizeof(call->decoded));
    if (len < 0) {
        call_refuse_about(call, ERROR_INVALID_MESSAGE,
                          STR("The id in the path is too long; an id has at most 128 bytes."),
                          STR("path"), http_path(call->head, call->text.ptr));
        return false;
    }
    call->parameter = str_make(call->decoded, (size_t)len);
    return true;
}

/* The media type alone; what stands behind it (a charset) changes nothing for JSON. */
static bool is_json(struct str type)
{
    return str_equal_nocase(str_trim(str_slice(type, 0, str_find(type, ';'))),
                            STR("application/json"));
}

static bool check_body(struct call *call, const struct handler *handler)
{
    uint64_t max = handler->at.takes_message
                       ? hub_settings(call->hub)->max_message_bytes + REST_AROUND_MESSAGE
                       : handler->max_body;

    /* Pages of other sites can send forms without being asked, but no JSON. */
    if (call->head->method == HTTP_POST &&
        !is_json(http_value(call->head, call->text.ptr, HTTP_CONTENT_TYPE))) {
        call_refuse(call, ERROR_UNSUPPORTED_MEDIA_TYPE, STR(""), STR(""));
        return false;
    }
    if (call->body.len > max) {
        char details[64];
        int len = snprintf(details, sizeof(details), "{\"limit_bytes\":%" PRIu64 "}", max);
        call_refuse(call, ERROR_MESSAGE_TOO_LARGE,
                    STR("The body is longer than `details.limit_bytes`, which this path takes."),
                    str_make(details, (size_t)len));
        return false;
    }
    return true;
}

bool gate_pass(struct call *call, const struct handler *handler, struct str parameter)
{
    return check_method(call, handler) && check_asker(call, handler->access) &&
           take_parameter(call, handler, parameter) && check_body(call, handler);
}

#include "rest/rest.h"

#include <assert.h>

#include "http/head.h"
#include "rest/pages.h"
#include "rest/response.h"

static const char json_type[] = "application/json";

static const struct page {
    struct str path;
    const char *content_type;
    int (*write)(const struct rest *rest, const struct hub *hub, struct buf *body);
} pages[] = {
    {{"/", 1}, "text/plain; charset=utf-8", rest_front_page},
    {{"/health", 7}, json_type, rest_health},
    {{"/healthz", 8}, json_type, rest_health},
    {{"/readyz", 7}, json_type, rest_readiness},
    {{"/api/gateway/status", 19}, json_type, rest_status},
    {{"/metrics", 8}, "text/plain; version=0.0.4; charset=utf-8", rest_metrics},
};

struct str rest_path(size_t index)
{
    return index < sizeof(pages) / sizeof(pages[0]) ? pages[index].path : STR("");
}

static const struct page *find_page(struct str path)
{
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        if (str_equal(pages[i].path, path)) {
            return &pages[i];
        }
    }
    return NULL;
}

static void fail(struct response *r, struct buf *body, enum error_code code, struct str name,
                 struct str text)
{
    buf_clear(body);
    r->status = response_append_error(body, code, name, text);
    r->content_type = json_type;
}

/* Fills in what depends on the path; the body goes to `body`. */
static void choose(const struct rest *rest, const struct hub *hub, struct str path,
                   struct response *r, struct buf *body)
{
    const struct page *page = find_page(path);

    if (page == NULL) {
        fail(r, body, ERROR_NOT_FOUND, STR("path"), path);
    } else {
        r->content_type = page->content_type;
        r->status = page->write(rest, hub, body);
    }
}

bool rest_answer(const struct rest *rest, const struct hub *hub, struct str request,
                 size_t head_len, struct buf *out)
{
    struct http_head head;
    struct buf body;
    const char *reason;

    assert(head_len <= request.len);
    http_request_init(&head);
    int len = http_parse_head(&head, request.ptr, head_len, &reason);
    assert(len > 0 && (size_t)len == head_len);

    struct response r = {
        .now_ms = hub_now(hub).wall_ms,
        .without_body = head.method == HTTP_HEAD,
        .close = head.connection_close || head.minor_version == 0,
    };
    buf_init(&body, REST_MAX_BODY);
    choose(rest, hub, http_path(&head, request.ptr), &r, &body);
    if (body.failed) {
        fail(&r, &body, ERROR_LIMIT_REACHED, STR("limit"), STR("memory"));
    }
    r.body = buf_str(&body);
    response_append(out, &r);
    buf_fini(&body);
    return r.close;
}

void rest_handle(const struct rest *rest, struct hub *hub, uint64_t conn, struct str request,
                 size_t head_len)
{
    struct buf out;

    buf_init(&out, REST_MAX_BODY + HTTP_MAX_HEAD);
    bool close = rest_answer(rest, hub, request, head_len, &out);
    /* Half an answer would be taken for a whole one; an empty one is seen to be none. */
    if (out.failed) {
        buf_clear(&out);
        close = true;
    }
    hub_respond(hub, conn, buf_str(&out), true, close);
    buf_fini(&out);
}

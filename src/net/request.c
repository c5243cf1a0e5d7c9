#include <stdlib.h>

#include "net/asking.h"
#include "net/trial.h"

void request_free(struct request *q)
{
    if (q != NULL) {
        list_remove(&q->waiting);
        buf_fini(&q->text);
        buf_fini(&q->whole);
        buf_fini(&q->evidence);
        free(q);
    }
}

/* --- keeping what is not whole ---------------------------------------------------------------- */

static void lose(struct reactor *r, struct connection *c)
{
    metric_add(&r->metrics.out_of_memory, 1);
    connection_doom(r, c);
}

/* A request to keep text in; NULL: no memory, and the connection is doomed. */
static struct request *keep(struct reactor *r, struct connection *c, struct str text)
{
    struct request *q = calloc(1, sizeof(*q));

    if (q == NULL) {
        lose(r, c);
        return NULL;
    }
    size_t longest_body = (size_t)r->longest_body + r->policy->max_message_bytes;
    q->conn = c->outbox.conn;
    list_init(&q->waiting);
    buf_init(&q->text, HTTP_MAX_HEAD + RECEIVE_SIZE + longest_body);
    buf_init(&q->whole, HTTP_MAX_HEAD + longest_body);
    buf_init(&q->evidence, EVIDENCE_MAX);
    q->text.secret = q->whole.secret = q->evidence.secret = true;
    buf_append_str(&q->text, text);
    if (q->text.failed) {
        request_free(q);
        lose(r, c);
        return NULL;
    }
    c->request = q;
    return q;
}

/* The request that ends at `end` is dealt with; what is behind it waits. */
static void keep_behind(struct reactor *r, struct connection *c, struct str text, size_t end)
{
    if (c->request == NULL) {
        if (end < text.len) {
            (void)keep(r, c, str_slice(text, end, text.len));
        }
        return;
    }
    buf_consume(&c->request->text, end);
    if (c->request->text.len == 0) {
        request_free(c->request);
        c->request = NULL;
    }
}

/* --- whole requests --------------------------------------------------------------------------- */

static void report_request(struct reactor *r, struct connection *c, const struct evidence *evidence,
                           struct str text, uint32_t head_len)
{
    connection_enter(r, c, CONN_REQUEST);
    struct up *item = connection_report_asking(r, c, UP_REQUEST, evidence, text);

    if (item != NULL) {
        item->code = (uint16_t)head_len;
        metric_add(&r->metrics.requests, 1);
    }
}

static bool offers_protocol(const struct trial *t)
{
    size_t at = 0;
    struct str value;

    while (http_next_value(t->head, t->text, HTTP_WS_PROTOCOL, &at, &value)) {
        if (http_list_has(value, STR("parley"))) {
            return true;
        }
    }
    return false;
}

static void report_handshake(struct reactor *r, struct connection *c, const struct trial *t,
                             const struct evidence *evidence, bool has_more)
{
    struct evidence whole = *evidence;

    whole.world = str_make(t->world, t->world_len);
    ws_accept_digest(http_value(t->head, t->text, HTTP_WS_KEY), c->wait.digest);
    whole.packs =
        inflate_offered(r, c, t, has_more) && c->wait.terms.server_bits == DEFLATE_SHARED_BITS;
    c->wants_protocol = offers_protocol(t);
    connection_enter(r, c, CONN_WAIT);
    struct up *item = connection_report_asking(r, c, UP_OPENED, &whole, STR(""));
    c->dialect = t->route->dialect & 1u;
    if (item != NULL) {
        item->dialect = t->route->dialect;
        c->known = true;
    }
}

static void receive_body(struct reactor *r, struct connection *c, struct str fresh);

static void begin_body(struct reactor *r, struct connection *c, const struct http_head *head,
                       const struct evidence *evidence, uint32_t max_body, struct str text)
{
    struct request *q = c->request != NULL ? c->request : keep(r, c, text);

    if (q == NULL) {
        return;
    }
    q->head = *head;
    evidence_pack(evidence, &q->evidence);
    connection_enter(r, c, CONN_BODY);
    size_t head_len = q->head.scanned;
    size_t longest = (size_t)HTTP_MAX_HEAD + RECEIVE_SIZE + max_body;
    if (q->text.max < longest) { /* a reload has let in more since the head began */
        q->text.max = longest;
    }
    if (q->head.chunked) {
        http_chunked_init(&q->chunked);
        buf_append(&q->whole, q->text.data, head_len);
        q->whole.max = head_len + max_body;
    }
    if (q->evidence.failed) {
        lose(r, c);
        return;
    }
    if (http_expects(&q->head) && q->text.len == head_len &&
        !outbox_push(&r->reader, &c->outbox, "HTTP/1.1 100 Continue\r\n\r\n", 25, 0)) {
        lose(r, c);
        return;
    }
    receive_body(r, c, str_make(q->text.data + head_len, q->text.len - head_len));
}

/* The body is whole. */
static void report_kept(struct reactor *r, struct connection *c, struct str text)
{
    struct request *q = c->request;
    struct evidence evidence;
    struct str rest;

    evidence_unpack(buf_str(&q->evidence), &evidence, &rest);
    report_request(r, c, &evidence, text, q->head.scanned);
    buf_fini(&q->evidence);
}

static void receive_chunks(struct reactor *r, struct connection *c, struct str fresh)
{
    struct request *q = c->request;
    bool done;
    int taken = http_chunked_feed(&q->chunked, fresh.ptr, fresh.len, &q->whole, &done);

    if (taken < 0) {
        connection_refuse_status(r, c, -taken, "The chunked body is broken, or too long.");
        return;
    }
    /* Chunks are kept in q->whole only, and nothing of what they came in: that may be much more. */
    if (!done) {
        buf_fini(&q->text);
        return;
    }
    report_kept(r, c, buf_str(&q->whole));
    buf_fini(&q->whole);
    size_t behind = fresh.len - (size_t)taken;
    keep_behind(r, c, buf_str(&q->text), q->text.len - behind);
}

/* `fresh` is the end of the request's text. */
static void receive_body(struct reactor *r, struct connection *c, struct str fresh)
{
    struct request *q = c->request;

    if (q->head.chunked) {
        receive_chunks(r, c, fresh);
        return;
    }
    size_t whole = q->head.scanned + (size_t)q->head.content_length;
    if (q->text.len >= whole) {
        report_kept(r, c, str_make(q->text.data, whole));
        keep_behind(r, c, buf_str(&q->text), whole);
    }
}

/* Whether the Host may be an address: then it matters whether it is the one that was called. */
static bool may_be_address(const struct http_head *head, const char *text)
{
    struct str host = http_value(head, text, HTTP_HOST);

    return host.len > 0 && (host.ptr[0] == '[' || (host.ptr[0] >= '0' && host.ptr[0] <= '9'));
}

/* Whether it may ask for what it asks. */
static bool judge(struct reactor *r, struct connection *c, const struct asking *a, struct trial *t,
                  uint32_t *ret_max_body)
{
    const struct listener *door = connection_door(r, c);
    uint8_t local[16];
    struct trial_rules rules = {.policy = r->policy,
                                .routes = r->settings.routes,
                                .route_count = r->settings.route_count,
                                .max_body = r->settings.max_body_bytes,
                                .check_host = r->policy->check_host && !door->is_unix,
                                .foreign_host = a->foreign_host,
                                .status_only = door->status_only,
                                .is_short = r->is_short,
                                .shows_none =
                                    a->evidence.kind == CREDENTIAL_NONE && a->wrong == NULL};

    if (rules.check_host && may_be_address(t->head, t->text) && peer_find_own(c->fd, local)) {
        rules.local = local;
    }
    if (!trial_judge(t, &rules)) {
        return false;
    }
    *ret_max_body = trial_max_body(&rules, t->route);
    if (a->wrong != NULL) {
        t->refusal.status = 400;
        t->refusal.code = ERROR_INVALID_MESSAGE;
        t->refusal.message = str_from_z(a->wrong);
        return false;
    }
    return true;
}

/* The first `len` bytes of `text` are a head, which `a` has been read from. */
static void go_by_head(struct reactor *r, struct connection *c, const struct http_head *head,
                       const struct asking *a, struct str text, size_t len)
{
    struct trial t;
    uint32_t max_body;

    trial_init(&t, head, text.ptr);
    if (!judge(r, c, a, &t, &max_body)) {
        connection_refuse(r, c, &t.refusal);
        if (t.refusal.stays) {
            keep_behind(r, c, text, len);
        }
    } else if (t.route->is_echo) {
        ws_accept_digest(http_value(head, text.ptr, HTTP_WS_KEY), c->wait.digest);
        (void)inflate_offered(r, c, &t, text.len > len);
        keep_behind(r, c, text, len);
        echo_open(r, c);
    } else if (t.route->is_websocket) {
        report_handshake(r, c, &t, &a->evidence, text.len > len);
        keep_behind(r, c, text, len);
    } else if (head->has_body) {
        begin_body(r, c, head, &a->evidence, max_body, text);
    } else {
        report_request(r, c, &a->evidence, str_slice(text, 0, len), (uint32_t)len);
        keep_behind(r, c, text, len);
    }
}

/* The first `len` bytes of `text` are a head. */
static void take_head(struct reactor *r, struct connection *c, const struct http_head *head,
                      char *text, size_t text_len, size_t len)
{
    struct asking a;
    struct peer peer;

    peer_find(c->fd, &peer);
    asking_read(&a, head, text, &peer, r->policy);
    a.evidence.is_unix = connection_door(r, c)->is_unix;
    go_by_head(r, c, head, &a, str_make(text, text_len), len);
    asking_wipe(&a);
}

void request_receive(struct reactor *r, struct connection *c, char *data, size_t len)
{
    struct http_head fresh;
    struct http_head *head = &fresh;
    char *text = data;
    size_t text_len = len;
    const char *reason;

    if (c->request != NULL) {
        struct buf *all = &c->request->text;
        buf_append(all, data, len);
        if (all->failed) {
            lose(r, c);
            return;
        }
        head = &c->request->head;
        text = all->data;
        text_len = all->len;
        if (c->state == CONN_BODY) {
            receive_body(r, c, str_make(text + text_len - len, len));
            return;
        }
    } else {
        http_request_init(&fresh);
    }
    int result = http_parse_head(head, text, text_len, &reason);
    if (result > 0) {
        take_head(r, c, head, text, text_len, (size_t)result);
    } else if (result < 0) {
        connection_refuse_status(r, c, -result, reason);
    } else if (c->request == NULL && keep(r, c, str_make(text, text_len)) != NULL) {
        c->request->head = fresh;
    }
}

bool request_is_long(const struct connection *c)
{
    const struct request *q = c->request;

    return q->head.content_length > TRIAL_STRANGER_BODY ||
           (q->head.chunked && q->whole.max > q->head.scanned + (size_t)TRIAL_STRANGER_BODY);
}

/* --- while memory is short -------------------------------------------------------------------- */

void requests_take_shortage(struct reactor *r, bool is_short)
{
    r->is_short = is_short;
    for (uint32_t slot = 0; is_short && slot < slab_limit(&r->connections); slot++) {
        struct connection *c = slab_at(&r->connections, slot);
        if (c->outbox.conn == NO_CONN || c->state != CONN_BODY || !request_is_long(c)) {
            continue;
        }
        struct refusal why = {.fields = "", .is_head = c->request->head.method == HTTP_HEAD};
        /* What it sent goes now, and not when the answer has been read. */
        request_free(c->request);
        c->request = NULL;
        trial_refuse_for_memory(&why);
        connection_refuse(r, c, &why);
    }
}

/* --- what came behind a request --------------------------------------------------------------- */

void request_go_on(struct reactor *r, struct connection *c)
{
    struct request *q = c->request;

    c->request = NULL;
    c->has_early = false;
    if (q != NULL && c->state == CONN_OPEN) {
        message_receive(r, c, q->text.data, q->text.len);
    } else if (q != NULL) {
        request_receive(r, c, q->text.data, q->text.len);
    }
    request_free(q);
}

/* One that is paused is resumed, and of one that is about to end nothing is read. */
static bool may_go_on(const struct connection *c)
{
    return (c->state == CONN_HEAD && c->request != NULL && c->answered) ||
           (c->state == CONN_OPEN && c->has_early && !c->is_paused);
}

bool request_waits(const struct connection *c)
{
    return !connection_keeps_message(c) && c->request != NULL && !list_empty(&c->request->waiting);
}

/*
 * A few bytes may be a message, which costs the hub much more; so they are like what is in a
 * socket, of which no more is read than the hub can deal with. But the answer was written: while
 * the hub is behind it says more and more to others.
 */
void request_resume(struct reactor *r, struct connection *c)
{
    if (!may_go_on(c) || request_waits(c)) {
        return;
    }
    if (reactor_has_room(r)) {
        request_go_on(r, c);
        return;
    }
    list_append(&r->early, &c->request->waiting);
    if (c->state == CONN_HEAD) { /* it is not the one who is late */
        ticks_set(&r->ticks, connection_slot(c), 0);
    }
}

bool requests_go_on(struct reactor *r)
{
    if (list_empty(&r->early)) {
        return false;
    }
    struct request *q = list_entry(r->early.next, struct request, waiting);
    struct connection *c = connection_find(r, q->conn);

    list_remove(&q->waiting);
    if (!may_go_on(c)) {
        return true;
    }
    if (c->state == CONN_HEAD) {
        connection_enter(r, c, CONN_HEAD);
    }
    r->cost += q->text.len;
    request_go_on(r, c);
    (void)connection_watch(r, c, connection_is_reading(c), c->wants_write);
    return true;
}

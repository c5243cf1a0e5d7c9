#include "matrix/homeserver_internal.h"

#include <stdlib.h>

enum {
    MAX_UNDER_WAY = 16, /* beside the sync */
    MAX_JOINS = 4,      /* of these: a join can take minutes */
    FIRST_DELAY_MS = 1000,
    MAX_DELAY_MS = 60000,
    SMALL_BODY = 256 * 1024,
    PAGE_BODY = 16 * 1024 * 1024,
    SYNC_BODY = 64 * 1024 * 1024,
    MAX_REQUEST = 1 << 20,
};

/* A list of paths is at the functions that make them. */
const struct call_rule call_rules[CALL_KINDS] = {
    [CALL_WELL_KNOWN] = {"well_known", "GET", false, true, false, true, 20000, SMALL_BODY,
                         home_answer_well_known, home_refuse_well_known},
    [CALL_VERSIONS] = {"versions", "GET", false, true, false, true, 20000, SMALL_BODY,
                       home_answer_versions, home_refuse_versions},
    [CALL_WHOAMI] = {"whoami", "GET", true, true, false, false, 20000, SMALL_BODY,
                     home_answer_whoami, home_refuse_any},
    [CALL_PASSWORD] = {"login", "POST", false, true, false, false, 60000, SMALL_BODY,
                       home_answer_token, home_refuse_password},
    [CALL_REFRESH] = {"refresh", "POST", false, true, false, false, 60000, SMALL_BODY,
                      home_answer_token, home_refuse_refresh},
    [CALL_SYNC] = {"sync", "GET", true, true, false, false, 30000, SYNC_BODY, home_answer_sync,
                   home_refuse_any},
    [CALL_MESSAGES] = {"messages", "GET", true, true, false, false, 60000, PAGE_BODY,
                       home_answer_messages, home_refuse_messages},
    [CALL_SEND] = {"send", "PUT", true, true, true, false, 60000, SMALL_BODY, home_answer_send,
                   home_refuse_send},
    [CALL_JOIN] = {"join", "POST", true, true, true, false, 300000, SMALL_BODY, home_answer_join,
                   home_refuse_join},
    [CALL_LEAVE] = {"leave", "POST", true, true, true, false, 60000, SMALL_BODY, home_answer_any,
                    home_refuse_any},
    [CALL_TYPING] = {"typing", "PUT", true, false, true, false, 20000, SMALL_BODY, home_answer_any,
                     home_refuse_any},
    [CALL_RECEIPT] = {"receipt", "POST", true, false, true, false, 20000, SMALL_BODY,
                      home_answer_any, home_refuse_any},
    [CALL_RESOLVE] = {"directory", "GET", true, true, false, false, 60000, SMALL_BODY,
                      home_answer_resolve, home_refuse_resolve},
    [CALL_JOINED_ROOMS] = {"joined_rooms", "GET", true, true, false, false, 60000, PAGE_BODY,
                           home_answer_joined_rooms, home_refuse_any},
    [CALL_PROBE] = {"probe", "GET", true, false, false, false, 20000, SMALL_BODY, home_answer_probe,
                    home_refuse_any},
};

/* --- life ---------------------------------------------------------------------------------------
 */

struct home_call *home_call_new(struct homeserver *h, enum call_kind kind, struct str room)
{
    struct home_call *c = calloc(1, sizeof(*c));

    if (c == NULL) {
        return NULL;
    }
    list_init(&c->link);
    c->home = h;
    c->kind = kind;
    buf_init(&c->path, MAX_REQUEST);
    buf_init(&c->body, MAX_REQUEST);
    c->body.secret = kind == CALL_PASSWORD || kind == CALL_REFRESH;
    buf_init(&c->room, MAX_REQUEST);
    buf_append_str(&c->room, room);
    return c;
}

static bool is_same_queue(const struct home_call *a, const struct home_call *b)
{
    return a->kind == b->kind && str_equal(buf_str(&a->room), buf_str(&b->room));
}

bool home_call_add(struct home_call *c)
{
    struct homeserver *h = c->home;

    if (c->path.failed || c->body.failed || c->room.failed) {
        home_call_free(c);
        return false;
    }
    if (call_rules[c->kind].in_order) {
        list_each(link, &h->calls) {
            struct home_call *other = list_entry(link, struct home_call, link);
            if (is_same_queue(other, c)) {
                c->after = other; /* the last one of them */
            }
        }
    }
    c->due_ms = h->now.mono_ms;
    list_append(&h->calls, &c->link);
    return true;
}

void home_call_free(struct home_call *c)
{
    if (c == NULL) {
        return;
    }
    struct homeserver *h = c->home;
    if (c->http != NULL) {
        http_cancel(c->http);
    }
    list_each(link, &h->calls) {
        struct home_call *other = list_entry(link, struct home_call, link);
        if (other->after == c) {
            other->after = c->after;
        }
    }
    h->login = h->login == c ? NULL : h->login;
    h->sync = h->sync == c ? NULL : h->sync;
    list_remove(&c->link);
    buf_fini(&c->path);
    buf_fini(&c->body);
    buf_fini(&c->room);
    free(c);
}

/* --- again --------------------------------------------------------------------------------------
 */

uint64_t home_backoff(struct homeserver *h, unsigned failures)
{
    uint64_t delay_ms = FIRST_DELAY_MS;
    uint32_t chance;

    for (unsigned i = 1; i < failures && delay_ms < MAX_DELAY_MS; i++) {
        delay_ms *= 2;
    }
    h->ports.random(h->ports.owner, &chance, sizeof(chance));
    delay_ms += delay_ms / 2 * (chance & 0xffff) / 0x10000;
    return delay_ms < MAX_DELAY_MS ? delay_ms : MAX_DELAY_MS;
}

void home_call_delay(struct home_call *c, uint64_t ms)
{
    c->delay_ms = ms;
    c->is_delayed = true;
}

void home_call_again(struct home_call *c)
{
    home_call_delay(c, home_backoff(c->home, ++c->failures));
}

void home_calls_tick(struct homeserver *h)
{
    list_each(link, &h->calls) {
        struct home_call *c = list_entry(link, struct home_call, link);
        if (c->is_delayed) {
            c->due_ms = h->now.mono_ms + c->delay_ms;
            c->is_delayed = false;
        }
    }
}

void home_calls_wake(struct homeserver *h)
{
    list_each(link, &h->calls) {
        struct home_call *c = list_entry(link, struct home_call, link);
        if (c->failures > 0) {
            bool waits = c->is_delayed || c->due_ms > h->now.mono_ms;
            c->due_ms = waits ? h->now.mono_ms : c->due_ms;
            c->is_delayed = false;
            c->failures = 0;
            c->puzzles = 0;
        }
    }
}

static bool has_token(const struct home_call *c)
{
    const struct homeserver *h = c->home;

    return !call_rules[c->kind].by_token || h->state == LOGIN_READY ||
           (c->kind == CALL_WHOAMI && h->state == LOGIN_WHOAMI);
}

static bool can_start(const struct home_call *c)
{
    return c->http == NULL && c != c->home->answering && c->after == NULL && has_token(c);
}

uint64_t home_calls_deadline(const struct homeserver *h)
{
    uint64_t first = UINT64_MAX;

    list_each(link, &h->calls) {
        const struct home_call *c = list_entry(link, struct home_call, link);
        if (c->is_delayed) {
            return 0;
        }
        if (can_start(c) && c->due_ms < first && c->due_ms > h->now.mono_ms) {
            first = c->due_ms;
        }
    }
    return first;
}

/* --- starting -----------------------------------------------------------------------------------
 */

static void start_call(struct home_call *c)
{
    enum { MAX_URL = 1 << 20 };
    struct homeserver *h = c->home;
    const struct call_rule *rule = &call_rules[c->kind];
    struct buf url;

    if (c->kind == CALL_SYNC || c->kind == CALL_MESSAGES) {
        home_sync_prepare(c);
    }
    buf_init(&url, MAX_URL);
    buf_append_str(&url, c->kind == CALL_WELL_KNOWN ? STR("") : buf_str(&h->base));
    buf_append_str(&url, buf_str(&c->path));
    struct http_request request = {
        .method = rule->method,
        .url = buf_str(&url),
        .bearer = rule->by_token ? buf_str(&h->credentials.access_token) : STR(""),
        .body = buf_str(&c->body),
        .timeout_ms = rule->timeout_ms + (c->kind == CALL_SYNC ? h->sync_timeout_ms : 0),
        .max_body = rule->max_body,
        .owner = c,
        .done = home_call_done,
    };
    c->token_age = h->token_age;
    c->http = url.failed || c->path.failed ? NULL : http_start(h->http, &request);
    if (c->http == NULL) {
        home_call_delay(c, FIRST_DELAY_MS);
    }
    buf_fini(&url);
}

/* What is under way beside the vital ones. */
struct load {
    unsigned calls;
    unsigned joins;
};

static void count_call(struct load *load, const struct home_call *c)
{
    load->calls += !home_is_vital(c);
    load->joins += c->kind == CALL_JOIN;
}

static bool has_room(const struct load *load, const struct home_call *c)
{
    return home_is_vital(c) ||
           (load->calls < MAX_UNDER_WAY && (c->kind != CALL_JOIN || load->joins < MAX_JOINS));
}

/*
 * The one that is due for longest: what fails slowly, joins of rooms whose servers do not answer,
 * say, goes behind all others each time, and cannot have the places among itself. NULL: none.
 */
static struct home_call *next_call(struct homeserver *h, const struct load *load)
{
    struct home_call *first = NULL;

    list_each(link, &h->calls) {
        struct home_call *c = list_entry(link, struct home_call, link);
        if (!c->is_delayed && c->due_ms <= h->now.mono_ms && can_start(c) && has_room(load, c) &&
            (first == NULL || c->due_ms < first->due_ms)) {
            first = c;
        }
    }
    return first;
}

void home_pump(struct homeserver *h)
{
    struct load load = {.calls = 0};
    struct home_call *next;

    if (home_is_over(h->fault)) {
        return;
    }
    list_each(link, &h->calls) {
        const struct home_call *c = list_entry(link, struct home_call, link);
        if (c->http != NULL) {
            count_call(&load, c);
        }
    }
    while ((next = next_call(h, &load)) != NULL) {
        start_call(next);
        count_call(&load, next);
    }
}

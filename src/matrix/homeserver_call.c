#include "matrix/homeserver_internal.h"

#include <stdlib.h>

#include "json/reader.h"

enum {
    MAX_UNDER_WAY = 16, /* beside the sync */
    MAX_JOINS = 4,      /* of these: a join can take minutes */
    FIRST_DELAY_MS = 1000,
    MAX_DELAY_MS = 60000,
    SMALL_BODY = 256 * 1024,
    PAGE_BODY = 16 * 1024 * 1024,
    SYNC_BODY = 64 * 1024 * 1024,
    MAX_CODE = 64,
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

static void delay(struct home_call *c, uint64_t ms)
{
    c->delay_ms = ms;
    c->is_delayed = true;
}

void home_call_again(struct home_call *c)
{
    delay(c, home_backoff(c->home, ++c->failures));
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
            c->due_ms = 0;
            c->is_delayed = false;
            c->failures = 0;
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
    return c->http == NULL && c->after == NULL && has_token(c);
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

/* --- what comes ---------------------------------------------------------------------------------
 */

enum verdict {
    ANSWERED,
    REFUSED,
    TOKEN_DEAD,
    SLOWED, /* 429 */
    TOO_LARGE,
    PASSING, /* not reached, or not well */
    ACCOUNT_GONE
};

struct finding {
    const struct http_response *response;
    enum verdict verdict;
    char code[MAX_CODE]; /* of Matrix: "M_FORBIDDEN"; NUL-terminated, perhaps empty */
    int64_t wait_ms;     /* of 429; -1: it does not say */
};

/* The code is shown in logs: it has only what codes have. */
static void read_code(struct str body, struct finding *f)
{
    size_t len = json_unescape_to(json_get(body, STR("errcode")), f->code, sizeof(f->code) - 1);

    len = len < sizeof(f->code) ? len : 0;
    for (size_t i = 0; i < len; i++) {
        char c = f->code[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '.')) {
            len = 0;
        }
    }
    f->code[len] = '\0';
}

static void read_refusal(const struct http_response *r, struct finding *f)
{
    uint64_t ms;

    f->wait_ms = r->retry_after_ms;
    if (!json_valid(r->body) || json_kind_of(r->body) != JSON_OBJECT) {
        return;
    }
    read_code(r->body, f);
    if (str_to_uint(json_get(r->body, STR("retry_after_ms")), INT32_MAX, &ms)) {
        f->wait_ms = (int64_t)ms;
    }
}

static bool is_code(const struct finding *f, const char *code)
{
    return strcmp(f->code, code) == 0;
}

static enum verdict judge_status(const struct home_call *c, const struct finding *f)
{
    const struct call_rule *rule = &call_rules[c->kind];
    unsigned status = f->response->status;

    if (status / 100 == 2) {
        return ANSWERED;
    }
    if (is_code(f, "M_USER_LOCKED") || is_code(f, "M_USER_DEACTIVATED")) {
        return ACCOUNT_GONE;
    }
    if (rule->by_token && status == 401 &&
        (is_code(f, "M_UNKNOWN_TOKEN") || is_code(f, "M_MISSING_TOKEN"))) {
        return TOKEN_DEAD;
    }
    if (status == 429 || is_code(f, "M_LIMIT_EXCEEDED")) {
        return SLOWED;
    }
    if (status >= 500 || status == 408 || status == 425) {
        return PASSING;
    }
    /* Without a code it was not the homeserver that said so, but something before it. */
    return rule->takes_all || f->code[0] != '\0' ? REFUSED : PASSING;
}

static void judge(const struct home_call *c, const struct http_response *r, struct finding *f)
{
    *f = (struct finding){.response = r, .wait_ms = -1};
    if (r->error != HTTP_OK) {
        f->verdict = r->error == HTTP_TOO_LARGE ? TOO_LARGE : PASSING;
        return;
    }
    if (r->status / 100 != 2) {
        read_refusal(r, f);
    }
    f->verdict = judge_status(c, f);
}

/* Whether a failure of this request says how the server is, and not only what it thinks of it. */
static bool is_vital(const struct home_call *c)
{
    return c->kind <= CALL_SYNC || c->home->is_checking;
}

static void tell_away(struct home_call *c, const struct finding *f)
{
    struct homeserver *h = c->home;
    const struct http_response *r = f->response;

    if (r->error == HTTP_TIMEOUT && !is_vital(c)) {
        return;
    }
    if (r->error != HTTP_OK) {
        home_fault(h, HOMESERVER_AWAY, "The homeserver cannot be reached: %s", r->sentence);
        h->was_cut |= h->fault == HOMESERVER_AWAY;
    } else if (is_vital(c)) {
        home_fault(h, HOMESERVER_AWAY, "The homeserver answers %u%s%s", r->status,
                   f->code[0] != '\0' ? " " : "", f->code);
    }
}

/* It failed, and that can pass. */
static void fail_call(struct home_call *c, const struct finding *f)
{
    struct homeserver *h = c->home;

    tell_away(c, f);
    h->wants_quick |= c->kind == CALL_SYNC;
    if (c->is_unwanted || !call_rules[c->kind].is_patient) {
        home_log(h, LEVEL_DEBUG, "homeserver_skipped", buf_str(&c->room), "request=%s status=%u",
                 call_rules[c->kind].name, f->response->status);
        home_call_free(c);
        return;
    }
    home_call_again(c);
}

static void slow_call(struct home_call *c, const struct finding *f)
{
    uint64_t ms = f->wait_ms >= 0 ? (uint64_t)f->wait_ms : home_backoff(c->home, c->failures + 1);

    if (c->is_unwanted) {
        home_call_free(c);
        return;
    }
    /* A limit without a time is asked again more and more seldom, one with a time when it says. */
    c->failures = f->wait_ms >= 0 ? 0 : c->failures + 1;
    c->slowed_ms += ms;
    delay(c, ms);
}

/* While its answer is dealt with, a request is nobody's: what comes of it may start the next one.
 */
static void detach(struct home_call *c)
{
    struct homeserver *h = c->home;

    h->login = h->login == c ? NULL : h->login;
    h->sync = h->sync == c ? NULL : h->sync;
}

/* It is to be tried again. */
static void attach(struct home_call *c)
{
    struct homeserver *h = c->home;

    if (c->kind == CALL_SYNC || c->kind == CALL_MESSAGES) {
        h->sync = c;
    } else if (c->kind < CALL_SYNC) {
        h->login = c;
    }
}

/* The server is there, and does what it should. */
static void note_success(struct home_call *c)
{
    struct homeserver *h = c->home;
    bool was_away = h->fault == HOMESERVER_AWAY && (h->was_cut || is_vital(c));

    if (call_rules[c->kind].by_token) {
        h->losses = 0;
    }
    if (was_away || (h->fault == HOMESERVER_NO_SERVER && is_vital(c))) {
        home_calls_wake(h);
        home_fault(h, HOMESERVER_FINE, "%s", "");
    }
}

static void answer_call(struct home_call *c, const struct finding *f)
{
    struct homeserver *h = c->home;
    struct finding broken = *f;

    if (h->date_ms < 0) {
        h->date_ms = f->response->date_ms;
    }
    detach(c);
    if (call_rules[c->kind].answered(c, f->response->body)) {
        note_success(c);
        home_call_free(c);
        return;
    }
    attach(c);
    broken.verdict = PASSING;
    if (is_vital(c) && h->fault == HOMESERVER_FINE) {
        home_fault(h, HOMESERVER_NO_SERVER,
                   "What answers there is no homeserver: %u without what Matrix has in it",
                   f->response->status);
    }
    fail_call(c, &broken);
}

static void refuse_call(struct home_call *c, const struct finding *f)
{
    detach(c);
    if (call_rules[c->kind].refused(c, f->response->status, str_from_z(f->code))) {
        home_call_free(c);
        return;
    }
    attach(c);
    fail_call(c, f);
}

static void lose_account(struct homeserver *h, const struct finding *f)
{
    if (is_code(f, "M_USER_LOCKED")) {
        home_fault(h, HOMESERVER_LOCKED,
                   "The account %.*s is locked; ask the administrator of the homeserver",
                   STR_ARG(h->user_id));
    } else {
        home_fault(h, HOMESERVER_DEACTIVATED,
                   "The account %.*s has been deactivated; set up another one",
                   STR_ARG(h->user_id));
    }
}

static void lose_token(struct home_call *c)
{
    struct homeserver *h = c->home;
    unsigned age = c->token_age;

    if (c->kind == CALL_WHOAMI) {
        home_call_free(c);
    } else if (c->failures++ > 0) { /* one that never gets through is not to use up tokens */
        delay(c, home_backoff(h, c->failures));
    }
    home_login_lost(h, age);
}

static void call_done(void *owner, const struct http_response *response)
{
    struct home_call *c = owner;
    struct homeserver *h = c->home;
    struct finding f;

    c->http = NULL;
    judge(c, response, &f);
    switch (f.verdict) {
    case ANSWERED:
        answer_call(c, &f);
        break;
    case REFUSED:
        refuse_call(c, &f);
        break;
    case TOKEN_DEAD:
        lose_token(c);
        break;
    case SLOWED:
        slow_call(c, &f);
        break;
    case TOO_LARGE:
        if (!home_sync_less(c)) {
            fail_call(c, &f);
        }
        break;
    case ACCOUNT_GONE:
        home_call_free(c);
        lose_account(h, &f);
        break;
    case PASSING:
        fail_call(c, &f);
        break;
    }
    home_pump(h);
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
        .done = call_done,
    };
    c->token_age = h->token_age;
    c->http = url.failed || c->path.failed ? NULL : http_start(h->http, &request);
    if (c->http == NULL) {
        delay(c, FIRST_DELAY_MS);
    }
    buf_fini(&url);
}

void home_pump(struct homeserver *h)
{
    unsigned under_way = 0, joins = 0;

    if (home_is_over(h->fault)) {
        return;
    }
    list_each(link, &h->calls) {
        struct home_call *c = list_entry(link, struct home_call, link);
        under_way += c->http != NULL && !is_vital(c);
        joins += c->http != NULL && c->kind == CALL_JOIN;
    }
    list_each(link, &h->calls) {
        struct home_call *c = list_entry(link, struct home_call, link);
        bool has_room = is_vital(c) ||
                        (under_way < MAX_UNDER_WAY && (c->kind != CALL_JOIN || joins < MAX_JOINS));
        if (!has_room || c->is_delayed || c->due_ms > h->now.mono_ms || !can_start(c)) {
            continue;
        }
        start_call(c);
        under_way += !is_vital(c);
        joins += c->kind == CALL_JOIN;
    }
}

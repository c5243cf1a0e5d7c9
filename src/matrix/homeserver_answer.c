#include "matrix/homeserver_internal.h"

#include "json/reader.h"

enum { MAX_CODE = 64 };

/* --- judging ------------------------------------------------------------------------------------
 */

enum verdict {
    ANSWERED,
    REFUSED,
    TOKEN_DEAD,
    SLOWED, /* 429 */
    TOO_LARGE,
    PASSING,     /* not reached, or not well */
    UNEXPLAINED, /* refused by something before it, that may be mended */
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
    return rule->takes_all || f->code[0] != '\0' ? REFUSED : UNEXPLAINED;
}

/* Whoever says it: no waiting makes a message smaller, and sending it in smaller pieces does. */
static bool is_too_much_to_send(const struct home_call *c, const struct http_response *r)
{
    return c->kind == CALL_SEND && r->status == 413;
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
    if (is_too_much_to_send(c, r)) {
        (void)str_format(f->code, sizeof(f->code), "M_TOO_LARGE");
    }
    f->verdict = judge_status(c, f);
}

/* --- acting -------------------------------------------------------------------------------------
 */

static void tell_away(struct home_call *c, const struct finding *f)
{
    struct homeserver *h = c->home;
    const struct http_response *r = f->response;

    if (r->error == HTTP_TIMEOUT && !home_is_vital(c)) {
        return;
    }
    if (r->error != HTTP_OK) {
        home_fault(h, HOMESERVER_AWAY, "The homeserver cannot be reached: %s", r->sentence);
        h->was_cut |= h->fault == HOMESERVER_AWAY;
    } else if (home_is_vital(c) && h->fault == HOMESERVER_FINE) { /* else it is known better */
        home_fault(h, HOMESERVER_AWAY, "The homeserver answers %u%s%s", r->status,
                   f->code[0] != '\0' ? " " : "", f->code);
    }
}

/*
 * A page that took too long, or came broken, was perhaps too much; 504 is a proxy's word for it. Or
 * the server was away for a while: so it is not made so small that the rest would take for ever.
 */
static bool may_be_too_much(const struct home_call *c, const struct http_response *r)
{
    enum { SMALL_PAGE = 10 };

    return c->kind == CALL_MESSAGES && c->home->page_limit > SMALL_PAGE &&
           (r->error == HTTP_TIMEOUT ||
            (r->error == HTTP_OK && (r->status / 100 == 2 || r->status == 504)));
}

/* It failed, and that can pass. */
static void fail_call(struct home_call *c, const struct finding *f)
{
    struct homeserver *h = c->home;

    tell_away(c, f);
    if (may_be_too_much(c, f->response)) {
        (void)home_sync_less(c);
    }
    if (c->kind == CALL_MESSAGES) {
        home_gap_failed(h, f->response->status);
    } else if (c->kind == CALL_PROBE) {
        home_probe_failed(h);
    }
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
    home_call_delay(c, ms);
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
    bool was_away = h->fault == HOMESERVER_AWAY && (h->was_cut || home_is_vital(c));

    if (call_rules[c->kind].by_token) {
        h->losses = 0;
    }
    if (was_away || (h->fault == HOMESERVER_NO_SERVER && home_is_vital(c))) {
        home_calls_wake(h);
        home_fault(h, HOMESERVER_FINE, "%s", "");
    }
}

static void refuse_call(struct home_call *c, const struct finding *f)
{
    detach(c);
    if (call_rules[c->kind].refused(c, f->response->status, str_from_z(f->code))) {
        note_success(c); /* it is there, and has decided */
        home_call_free(c);
        return;
    }
    attach(c);
    fail_call(c, f);
}

/* What it says is not the homeserver's word. */
static void puzzle_call(struct home_call *c, const struct finding *f)
{
    if (c->kind == CALL_SEND && home_send_lost(c, f->response->status)) {
        refuse_call(c, f);
    } else {
        fail_call(c, f);
    }
}

static void answer_call(struct home_call *c, const struct finding *f)
{
    struct homeserver *h = c->home;

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
    if (home_is_vital(c) && h->fault == HOMESERVER_FINE) {
        home_fault(h, HOMESERVER_NO_SERVER,
                   "What answers there is no homeserver: %u without what Matrix has in it",
                   f->response->status);
    }
    puzzle_call(c, f);
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
    } else if (++c->deaths > 1) { /* one that never gets through is not to use up tokens */
        home_call_delay(c, home_backoff(h, c->deaths - 1));
    }
    home_login_lost(h, age);
}

void home_call_done(void *owner, const struct http_response *response)
{
    struct home_call *c = owner;
    struct homeserver *h = c->home;
    struct finding f;

    c->http = NULL;
    h->answering = c;
    judge(c, response, &f);
    if (f.verdict != ANSWERED && f.verdict != TOO_LARGE && f.verdict != UNEXPLAINED) {
        c->puzzles = 0;
    }
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
            puzzle_call(c, &f);
        }
        break;
    case UNEXPLAINED:
        puzzle_call(c, &f);
        break;
    case ACCOUNT_GONE:
        home_call_free(c);
        lose_account(h, &f);
        break;
    case PASSING:
        fail_call(c, &f);
        break;
    }
    h->answering = NULL;
    home_pump(h);
}

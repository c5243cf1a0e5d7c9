#include "matrix/homeserver_internal.h"

#include "json/reader.h"
#include "json/writer.h"

/* Ten years: more is as good as for ever, and is added to what the clock says. */
#define MAX_LIFETIME_MS (UINT64_C(10) * 365 * 24 * 3600 * 1000)

enum {
    MAX_MARGIN_MS = 60000, /* how long before its end a token is renewed, at most */
    MARGIN_PART = 4,       /* and at most this part of its life */
};

static void work(struct homeserver *h);

/* --- requests -----------------------------------------------------------------------------------
 */

static void make_password_body(struct homeserver *h, struct buf *out)
{
    struct json_writer w;

    json_writer_init(&w, out);
    json_begin_object(&w);
    json_key_string(&w, STR("type"), STR("m.login.password"));
    json_key(&w, STR("identifier"));
    json_begin_object(&w);
    json_key_string(&w, STR("type"), STR("m.id.user"));
    json_key_string(&w, STR("user"), h->user_id);
    json_end_object(&w);
    json_key_string(&w, STR("password"), buf_str(&h->credentials.password));
    json_key_string(&w, STR("device_id"), buf_str(&h->credentials.device_id));
    json_key_string(&w, STR("initial_device_display_name"), STR("Parley bridge"));
    json_key_bool(&w, STR("refresh_token"), true);
    json_end_object(&w);
}

static void make_refresh_body(struct homeserver *h, struct buf *out)
{
    struct json_writer w;

    json_writer_init(&w, out);
    json_begin_object(&w);
    json_key_string(&w, STR("refresh_token"), buf_str(&h->credentials.refresh_token));
    json_end_object(&w);
}

static void make_request(struct homeserver *h, struct home_call *c)
{
    switch (c->kind) {
    case CALL_WELL_KNOWN:
        buf_append_str(&c->path, STR("https://"));
        buf_append_str(&c->path, h->server);
        buf_append_str(&c->path, STR("/.well-known/matrix/client"));
        break;
    case CALL_VERSIONS:
        buf_append_str(&c->path, STR("/_matrix/client/versions"));
        break;
    case CALL_WHOAMI:
        buf_append_str(&c->path, STR("/_matrix/client/v3/account/whoami"));
        break;
    case CALL_PASSWORD:
        buf_append_str(&c->path, STR("/_matrix/client/v3/login"));
        make_password_body(h, &c->body);
        break;
    default:
        buf_printf(&c->path, "/_matrix/client/%s/refresh", h->old_refresh ? "v1" : "v3");
        make_refresh_body(h, &c->body);
        break;
    }
}

/* A device of our own making, on the disk before it is used, so that there is never a second. */
static bool ensure_device(struct homeserver *h)
{
    struct buf *device = &h->credentials.device_id, error;
    uint8_t bytes[8];

    if (device->len > 0) {
        return true;
    }
    if (h->device_id.len > 0) {
        buf_append_str(device, h->device_id);
    } else {
        buf_append_str(device, STR("PARLEY"));
        h->ports.random(h->ports.owner, bytes, sizeof(bytes));
        for (size_t i = 0; i < sizeof(bytes); i++) {
            buf_append_char(device, (char)('A' + bytes[i] % 26));
        }
    }
    buf_init(&error, sizeof(h->sentence));
    bool ok = credentials_write(&h->credentials, h->credentials_file, &error);
    if (!ok) {
        home_fault(h, HOMESERVER_FAILED, "%.*s", STR_ARG(buf_str(&error)));
        buf_clear(device);
    }
    buf_fini(&error);
    return ok;
}

static bool start_request(struct homeserver *h, enum call_kind kind)
{
    if (kind == CALL_PASSWORD && !ensure_device(h)) {
        return false;
    }
    struct home_call *c = home_call_new(h, kind, STR(""));
    if (c == NULL) {
        return false;
    }
    make_request(h, c);
    if (!home_call_add(c)) {
        return false;
    }
    h->login = c;
    if (h->losses > 1 && kind != CALL_WHOAMI) {
        c->failures = h->losses - 2;
        home_call_again(c); /* tokens that die at once are not to be asked for without end */
    }
    return true;
}

/* --- the machine --------------------------------------------------------------------------------
 *
 *   state     what happens                              then
 *   FIND      .well-known names a server, or is absent  VERSIONS
 *   VERSIONS  it speaks Matrix                          WHOAMI with a token that may be good,
 * REFRESH with one that has ended, PASSWORD without WHOAMI    we, and this device READY somebody
 * else                             STOPPED M_UNKNOWN_TOKEN                           REFRESH,
 * PASSWORD without a refresh token PASSWORD  a pair of tokens                          SAVE
 *             M_FORBIDDEN                               STOPPED
 *   REFRESH   a pair of tokens                          SAVE
 *             refused                                   PASSWORD
 *   SAVE      it is on the disk                         READY; WHOAMI if nobody has asked yet
 *             it is not                                 SAVE, later
 *   READY     the token ends soon                       REFRESH
 *             a request meets M_UNKNOWN_TOKEN           REFRESH, PASSWORD without a refresh token
 *   any       locked, deactivated                       STOPPED
 *
 * Whatever else is answered, or nothing, leaves the state: the request is made again later.
 * Requests with a token start in READY alone (and the one of WHOAMI); those that are under way when
 * it is left go on, and when they meet M_UNKNOWN_TOKEN they are made again in the next READY. So
 * there is one refresh at a time, and a new pair is on the disk before it is used. A soft logout is
 * no case of its own: with and without it a refresh is tried first, and then the password, with the
 * same device.
 */
void home_login_enter(struct homeserver *h, enum login_state state)
{
    home_call_free(h->login);
    h->state = state;
    h->save_failures = 0;
    h->retry_at_ms = UINT64_MAX;
    h->has_retry = false;
    if (state == LOGIN_PASSWORD && h->credentials.password.len == 0) {
        home_fault(
            h, HOMESERVER_WRONG_PASSWORD,
            "The tokens in %s are no good any more, and it has no password; write one into it",
            h->credentials_file);
        return;
    }
    work(h);
}

void home_login_stop(struct homeserver *h)
{
    home_call_free(h->login);
    h->state = LOGIN_STOPPED;
}

static void renew(struct homeserver *h)
{
    home_login_enter(h, h->credentials.refresh_token.len > 0 ? LOGIN_REFRESH : LOGIN_PASSWORD);
}

void home_login_lost(struct homeserver *h, unsigned token_age)
{
    if (token_age == h->token_age && (h->state == LOGIN_READY || h->state == LOGIN_WHOAMI)) {
        h->losses++;
        renew(h);
    }
}

static void save(struct homeserver *h)
{
    struct buf error;

    buf_init(&error, sizeof(h->sentence));
    if (!credentials_write(&h->credentials, h->credentials_file, &error)) {
        home_fault(h, HOMESERVER_FAILED, "%.*s", STR_ARG(buf_str(&error)));
        home_retry(h);
        buf_fini(&error);
        return;
    }
    buf_fini(&error);
    if (h->fault == HOMESERVER_FAILED) {
        home_fault(h, HOMESERVER_FINE, "%s", "");
    }
    home_login_enter(h, h->is_known ? LOGIN_READY : LOGIN_WHOAMI);
}

/* What the state does, if it is not under way. */
static void work(struct homeserver *h)
{
    static const enum call_kind kinds[] = {
        [LOGIN_FIND] = CALL_WELL_KNOWN, [LOGIN_VERSIONS] = CALL_VERSIONS,
        [LOGIN_WHOAMI] = CALL_WHOAMI,   [LOGIN_PASSWORD] = CALL_PASSWORD,
        [LOGIN_REFRESH] = CALL_REFRESH,
    };

    switch (h->state) {
    case LOGIN_IDLE:
    case LOGIN_STOPPED:
    case LOGIN_READY:
        return;
    case LOGIN_SAVE:
        save(h);
        return;
    default:
        if (h->login == NULL && !start_request(h, kinds[h->state])) {
            home_retry(h);
        }
    }
}

static void count_lifetime(struct homeserver *h)
{
    uint64_t margin = h->lifetime_ms / MARGIN_PART;

    if (h->lifetime_ms == 0) {
        return;
    }
    margin = margin < MAX_MARGIN_MS ? margin : MAX_MARGIN_MS;
    h->refresh_at_ms = h->credentials.refresh_token.len > 0
                           ? h->now.mono_ms + h->lifetime_ms - margin
                           : UINT64_MAX;
    h->lifetime_ms = 0;
}

void home_login_tick(struct homeserver *h)
{
    count_lifetime(h);
    if (h->state == LOGIN_READY && h->now.mono_ms >= h->refresh_at_ms) {
        h->refresh_at_ms = UINT64_MAX;
        renew(h);
        return;
    }
    if (h->retry_at_ms != UINT64_MAX && h->now.mono_ms >= h->retry_at_ms) {
        h->retry_at_ms = UINT64_MAX;
    }
    if (h->retry_at_ms == UINT64_MAX) {
        work(h);
    }
}

uint64_t home_login_deadline(const struct homeserver *h)
{
    if (h->state == LOGIN_STOPPED || h->state == LOGIN_IDLE) {
        return UINT64_MAX;
    }
    if (h->lifetime_ms > 0) {
        return 0;
    }
    return h->state == LOGIN_READY && h->refresh_at_ms < h->retry_at_ms ? h->refresh_at_ms
                                                                        : h->retry_at_ms;
}

void home_login_begin(struct homeserver *h)
{
    const struct credentials *c = &h->credentials;
    uint64_t left = c->expires_ms > h->now.wall_ms ? c->expires_ms - h->now.wall_ms : 0;

    if (c->access_token.len > 0 && (c->expires_ms == 0 || left > 0)) {
        h->lifetime_ms = left;
        home_login_enter(h, LOGIN_WHOAMI);
    } else {
        renew(h);
    }
}

/* --- answers ------------------------------------------------------------------------------------
 */

static bool take_string(struct str raw, struct buf *out)
{
    if (json_kind_of(raw) != JSON_STRING) {
        return false;
    }
    buf_clear(out);
    json_unescape(raw, out);
    return !out->failed && out->len > 0;
}

/* Whether a token is for us and our device; a server need not name the device. */
static bool check_owner(struct homeserver *h, struct str body)
{
    struct str user = json_get(body, STR("user_id")), device = json_get(body, STR("device_id"));
    struct str wanted = h->device_id.len > 0 ? h->device_id : buf_str(&h->credentials.device_id);

    if (!json_string_is(user, h->user_id)) {
        home_fault(h, HOMESERVER_WRONG_DEVICE,
                   "The token is of another user than matrix.user_id, %.*s; take access_token and "
                   "refresh_token out of %s",
                   STR_ARG(h->user_id), h->credentials_file);
        return false;
    }
    if (json_kind_of(device) == JSON_STRING && wanted.len > 0 && !json_string_is(device, wanted)) {
        home_fault(h, HOMESERVER_WRONG_DEVICE,
                   "The token is of another device than %.*s; take access_token, refresh_token and "
                   "device_id out of %s to log in as that one",
                   STR_ARG(wanted), h->credentials_file);
        return false;
    }
    return true;
}

bool home_answer_whoami(struct home_call *c, struct str body)
{
    struct homeserver *h = c->home;
    struct buf *device = &h->credentials.device_id;

    if (!json_valid(body) || json_kind_of(json_get(body, STR("user_id"))) != JSON_STRING) {
        return false;
    }
    if (!check_owner(h, body)) {
        return true;
    }
    h->is_known = true;
    if (device->len == 0 && take_string(json_get(body, STR("device_id")), device)) {
        home_login_enter(h, LOGIN_SAVE);
    } else {
        home_login_enter(h, LOGIN_READY);
    }
    return true;
}

bool home_answer_token(struct home_call *c, struct str body)
{
    struct homeserver *h = c->home;
    struct credentials *own = &h->credentials;
    uint64_t lifetime_ms = 0;

    if (!json_valid(body) || json_kind_of(json_get(body, STR("access_token"))) != JSON_STRING) {
        return false;
    }
    if (c->kind == CALL_PASSWORD) {
        if (!check_owner(h, body)) {
            return true;
        }
        buf_clear(&own->refresh_token); /* that of before is dead */
        h->is_known = true;
    }
    if (!take_string(json_get(body, STR("access_token")), &own->access_token)) {
        return false;
    }
    (void)take_string(json_get(body, STR("refresh_token")), &own->refresh_token);
    (void)str_to_uint(json_get(body, STR("expires_in_ms")), INT64_MAX, &lifetime_ms);
    lifetime_ms = lifetime_ms < MAX_LIFETIME_MS ? lifetime_ms : MAX_LIFETIME_MS;
    h->lifetime_ms = lifetime_ms;
    h->refresh_at_ms = UINT64_MAX;
    own->expires_ms = lifetime_ms > 0 ? h->now.wall_ms + lifetime_ms : 0;
    h->token_age++;
    h->tried_both = false;
    if (c->kind == CALL_PASSWORD) {
        home_log(h, LEVEL_INFO, "homeserver_login", h->user_id, "device=%.*s",
                 STR_ARG(buf_str(&own->device_id)));
    } else {
        home_log(h, LEVEL_DEBUG, "token_renewed", h->user_id, "lifetime_ms=%llu",
                 (unsigned long long)lifetime_ms);
    }
    home_login_enter(h, LOGIN_SAVE);
    return true;
}

bool home_refuse_password(struct home_call *c, unsigned status, struct str code)
{
    struct homeserver *h = c->home;

    if (!str_equal(code, STR("M_FORBIDDEN"))) {
        home_fault(h, HOMESERVER_FAILED, "The login by password is refused: %u %.*s", status,
                   STR_ARG(code));
        return false;
    }
    home_fault(h, HOMESERVER_WRONG_PASSWORD, "The password in %s is not that of %.*s",
               h->credentials_file, STR_ARG(h->user_id));
    return true;
}

bool home_refuse_refresh(struct home_call *c, unsigned status, struct str code)
{
    struct homeserver *h = c->home;

    if ((status == 404 || status == 405 || str_equal(code, STR("M_UNRECOGNIZED"))) &&
        !h->tried_both) {
        h->tried_both = true;
        h->old_refresh = !h->old_refresh;
        home_login_enter(h, LOGIN_REFRESH);
        return true;
    }
    buf_clear(&h->credentials.refresh_token);
    h->tried_both = false;
    home_login_enter(h, LOGIN_PASSWORD);
    return true;
}

#include "matrix/homeserver_internal.h"

#include <stdlib.h>

#include "json/reader.h"

enum { MAX_SKEW_MS = 5000 /* a Date has whole seconds, and an answer takes its time */ };

void homeserver_check(struct homeserver *h, const struct homeserver_checker *checker)
{
    h->checker = *checker;
    h->is_checking = true;
    home_find_start(h);
}

static void report(struct homeserver *h, const char *step, bool is_ok, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void report(struct homeserver *h, const char *step, bool is_ok, const char *format, ...)
{
    char sentence[400];
    bool is_cut;
    va_list args;

    va_start(args, format);
    (void)str_vformat(sentence, sizeof(sentence), &is_cut, format, args);
    va_end(args);
    h->checker.report(h->checker.owner, step, is_ok, sentence);
}

static void finish(struct homeserver *h)
{
    h->checked = CHECK_END;
    home_login_stop(h);
    h->checker.ended(h->checker.owner, h->fault);
}

/* The step at which it stands. */
static const char *step_of(const struct homeserver *h)
{
    if (h->fault == HOMESERVER_CONFIG) {
        return "credentials";
    }
    if (h->checked == CHECK_SERVER) {
        return h->fault == HOMESERVER_NO_SERVER && h->state == LOGIN_VERSIONS ? "versions"
                                                                              : "server";
    }
    if (h->checked == CHECK_LOGIN) {
        return h->fault == HOMESERVER_WRONG_DEVICE ? "device" : "login";
    }
    return "room";
}

/* --- rooms --------------------------------------------------------------------------------------
 */

static void add_id(struct homeserver *h, struct str id)
{
    buf_append_str(&h->aliases, id);
    buf_append_char(&h->aliases, '\0');
    h->checked_rooms++;
    h->check_is_asking = false;
}

static bool ask(struct homeserver *h, enum call_kind kind, const char *path, struct str part)
{
    struct home_call *c = home_call_new(h, kind, STR(""));

    if (c == NULL) {
        return false;
    }
    buf_append_str(&c->path, str_from_z(path));
    url_append_part(&c->path, part);
    h->check_is_asking = home_call_add(c);
    return h->check_is_asking;
}

bool home_answer_resolve(struct home_call *c, struct str body)
{
    struct str id = STR("");

    if (!json_valid(body) || !json_string_plain(json_get(body, STR("room_id")), &id)) {
        return false;
    }
    add_id(c->home, id);
    return true;
}

bool home_refuse_resolve(struct home_call *c, unsigned status, struct str code)
{
    (void)status;
    (void)code;
    add_id(c->home, STR(""));
    return true;
}

bool home_answer_joined_rooms(struct home_call *c, struct str body)
{
    struct homeserver *h = c->home;

    if (!json_valid(body) || json_kind_of(json_get(body, STR("joined_rooms"))) != JSON_ARRAY) {
        return false;
    }
    buf_append_str(&h->joined, body);
    h->checked = CHECK_JOINED;
    h->check_is_asking = false;
    return true;
}

static bool is_joined(struct homeserver *h, struct str id)
{
    struct json_iter it = json_iter_of(json_get(buf_str(&h->joined), STR("joined_rooms")));
    struct str raw;

    while (json_next_element(&it, &raw)) {
        if (json_string_is(raw, id)) {
            return true;
        }
    }
    return false;
}

static void report_rooms(struct homeserver *h)
{
    struct str rest = buf_str(&h->aliases);

    for (size_t i = 0; i < h->room_count; i++) {
        size_t len = str_find(rest, '\0');
        struct str id = str_slice(rest, 0, len), room = h->rooms[i];
        rest = str_slice(rest, len + 1, rest.len);
        if (id.len == 0) {
            report(h, "room", false, "%.*s is not known to the homeserver; look at its spelling",
                   STR_ARG(room));
        } else if (!is_joined(h, id)) {
            report(h, "room", false,
                   "%.*s is not joined; invite %.*s there, the bridge joins when it starts",
                   STR_ARG(room), STR_ARG(h->user_id));
        } else {
            report(h, "room", true, "%.*s is joined", STR_ARG(room));
        }
    }
}

static void report_clock(struct homeserver *h)
{
    long long seconds = llabs((long long)h->skew_ms) / 1000;

    if (!h->has_skew) {
        report(h, "clock", true, "The homeserver does not say what time it is");
    } else if (llabs((long long)h->skew_ms) > MAX_SKEW_MS) {
        report(
            h, "clock", false,
            "The clock of this machine is %lld s %s that of the homeserver; let it be set by NTP",
            seconds, h->skew_ms > 0 ? "ahead of" : "behind");
    } else {
        report(h, "clock", true, "The clock of this machine agrees with that of the homeserver");
    }
}

/* --- the steps ----------------------------------------------------------------------------------
 */

/* The ids of the rooms, one after the other; then those that we are in. False: no memory. */
static bool ask_for_rooms(struct homeserver *h)
{
    while (h->checked_rooms < h->room_count) {
        struct str room = h->rooms[h->checked_rooms];
        if (room.len > 0 && room.ptr[0] == '#') {
            return ask(h, CALL_RESOLVE, "/_matrix/client/v3/directory/room/", room);
        }
        add_id(h, room);
    }
    return ask(h, CALL_JOINED_ROOMS, "/_matrix/client/v3/joined_rooms", STR(""));
}

static void take_step(struct homeserver *h)
{
    if (h->checked == CHECK_SERVER && h->state > LOGIN_VERSIONS && h->state != LOGIN_STOPPED) {
        report(h, "server", true, "%.*s answers", STR_ARG(buf_str(&h->base)));
        report(h, "versions", true, "It speaks Matrix");
        h->checked = CHECK_LOGIN;
    }
    if (h->checked == CHECK_LOGIN && h->state == LOGIN_READY) {
        report(h, "login", true, "Logged in as %.*s", STR_ARG(h->user_id));
        report(h, "device", true, "The device is %.*s",
               STR_ARG(buf_str(&h->credentials.device_id)));
        h->checked = CHECK_ALIASES;
    }
    if (h->checked == CHECK_ALIASES && !h->check_is_asking && !ask_for_rooms(h)) {
        home_fault(h, HOMESERVER_NO_MEMORY, "There is no memory for a request");
    }
    if (h->checked == CHECK_JOINED) {
        if (h->joined.failed || h->aliases.failed) {
            home_fault(h, HOMESERVER_NO_MEMORY, "There is no memory for the list of rooms");
            return;
        }
        report_rooms(h);
        report_clock(h);
        finish(h);
    }
}

void home_check_tick(struct homeserver *h)
{
    if (h->date_ms >= 0 && !h->has_skew) {
        h->skew_ms = (int64_t)h->now.wall_ms - h->date_ms;
        h->has_skew = true;
    }
    if (h->checked == CHECK_END) {
        return;
    }
    if (h->fault == HOMESERVER_FINE) {
        take_step(h);
    }
    if (h->fault != HOMESERVER_FINE) {
        /* What was reached before it failed is told too. */
        if (h->checked == CHECK_SERVER && h->state > LOGIN_VERSIONS && h->state != LOGIN_STOPPED) {
            report(h, "server", true, "%.*s answers", STR_ARG(buf_str(&h->base)));
            h->checked = CHECK_LOGIN;
        }
        report(h, step_of(h), false, "%s", h->sentence);
        finish(h);
    }
}

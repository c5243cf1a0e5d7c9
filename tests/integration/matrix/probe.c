/*
 * The homeserver's client alone, for tests: actions come in as lines of JSON, and whatever it says
 * goes out as lines of JSON.
 *
 * usage: matrix-probe [--check] SERVER USER_ID DEVICE_ID CREDENTIALS SYNC_MS NEXT_BATCH [ROOM...]
 *
 * A line in: {"act":"send","room":"!a:b","send":1,"txn":"t1","content":{}}; join, leave, send,
 * unsend, typing ("on"), receipt ("event", "thread"), stop. At the end of the input it stops.
 */

#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "matrix/homeserver.h"
#include "json/reader.h"
#include "json/writer.h"

struct probe {
    struct http_client *http;
    struct homeserver *home;
    bool has_ended;
    struct buf input;
};

/* --- out ----------------------------------------------------------------------------------------
 */

struct line {
    struct buf text;
    struct json_writer w;
};

static void begin_line(struct line *l, const char *what)
{
    buf_init(&l->text, 1 << 20);
    json_writer_init(&l->w, &l->text);
    json_begin_object(&l->w);
    json_key_string(&l->w, STR("what"), str_from_z(what));
}

static void end_line(struct line *l)
{
    json_end_object(&l->w);
    assert(!l->text.failed);
    (void)fwrite(l->text.data, 1, l->text.len, stdout);
    (void)fputc('\n', stdout);
    (void)fflush(stdout);
    buf_fini(&l->text);
}

static void add(struct line *l, const char *key, struct str text)
{
    if (text.len > 0) {
        json_key_string(&l->w, str_from_z(key), text);
    }
}

static void on_event(void *owner, const struct bridge_event *e)
{
    static const char *const kinds[] = {"message", "edit",    "redaction", "encrypted",
                                        "name",    "invited", "joined",    "left"};
    struct line l;

    (void)owner;
    begin_line(&l, "event");
    add(&l, "kind", str_from_z(kinds[e->kind]));
    add(&l, "room", e->room);
    add(&l, "id", e->event_id);
    add(&l, "sender", e->sender);
    add(&l, "body", e->body);
    add(&l, "thread", e->thread);
    add(&l, "reply_to", e->reply_to);
    add(&l, "target", e->target);
    json_key_bool(&l.w, STR("old"), e->old);
    end_line(&l);
}

static void on_synced(void *owner, struct str next_batch)
{
    struct line l;

    (void)owner;
    begin_line(&l, "synced");
    json_key_string(&l.w, STR("next"), next_batch);
    end_line(&l);
}

static void on_sent(void *owner, const struct bridge_sent *sent)
{
    struct line l;

    (void)owner;
    begin_line(&l, "sent");
    json_key_uint(&l.w, STR("send"), sent->send);
    add(&l, "id", sent->event_id);
    add(&l, "error", sent->error);
    json_key_uint(&l.w, STR("slowed_ms"), sent->slowed_ms);
    end_line(&l);
}

static void on_joined(void *owner, struct str room, struct str error)
{
    struct line l;

    (void)owner;
    begin_line(&l, "joined");
    add(&l, "room", room);
    add(&l, "error", error);
    end_line(&l);
}

static void on_fault(void *owner, enum homeserver_fault fault, const char *sentence)
{
    struct line l;

    (void)owner;
    begin_line(&l, "fault");
    json_key_uint(&l.w, STR("fault"), fault);
    add(&l, "sentence", str_from_z(sentence));
    end_line(&l);
}

static void on_random(void *owner, void *bytes, size_t len)
{
    (void)owner;
    assert(getrandom(bytes, len, 0) == (ssize_t)len);
}

static void on_log(void *owner, unsigned level, const char *event, struct str about,
                   struct str details)
{
    struct line l;

    (void)owner;
    begin_line(&l, "log");
    json_key_uint(&l.w, STR("level"), level);
    add(&l, "event", str_from_z(event));
    add(&l, "about", about);
    add(&l, "details", details);
    end_line(&l);
}

static void on_report(void *owner, const char *step, bool is_ok, const char *sentence)
{
    struct line l;

    (void)owner;
    begin_line(&l, "report");
    add(&l, "step", str_from_z(step));
    json_key_bool(&l.w, STR("ok"), is_ok);
    add(&l, "sentence", str_from_z(sentence));
    end_line(&l);
}

static void on_ended(void *owner, enum homeserver_fault fault)
{
    struct probe *p = owner;
    struct line l;

    p->has_ended = true;
    begin_line(&l, "ended");
    json_key_uint(&l.w, STR("fault"), fault);
    end_line(&l);
}

/* --- in -----------------------------------------------------------------------------------------
 */

/* A member that is a string without escapes. */
static struct str text_of(struct str object, const char *name)
{
    struct str text = STR("");

    (void)json_string_plain(json_get(object, str_from_z(name)), &text);
    return text;
}

static void take_line(struct probe *p, struct str line)
{
    static const struct {
        const char *name;
        enum bridge_action_kind kind;
    } kinds[] = {{"join", ACT_JOIN},     {"leave", ACT_LEAVE},   {"send", ACT_SEND},
                 {"unsend", ACT_UNSEND}, {"typing", ACT_TYPING}, {"receipt", ACT_RECEIPT}};
    struct str act = text_of(line, "act");
    struct bridge_action action = {
        .room = text_of(line, "room"),
        .event_id = text_of(line, "event"),
        .thread = text_of(line, "thread"),
        .type = STR("m.room.message"),
        .txn_id = text_of(line, "txn"),
        .content = json_get(line, STR("content")),
        .on = str_equal(json_get(line, STR("on")), STR("true")),
    };

    assert(json_valid(line));
    if (str_equal(act, STR("stop"))) {
        homeserver_stop(p->home);
        return;
    }
    (void)str_to_uint(json_get(line, STR("send")), UINT32_MAX, &action.send);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        if (str_equal(act, str_from_z(kinds[i].name))) {
            action.kind = kinds[i].kind;
            assert(homeserver_act(p->home, &action));
            return;
        }
    }
    abort(); /* no such act */
}

static void take_input(struct probe *p)
{
    char bytes[65536];
    ssize_t len = read(0, bytes, sizeof(bytes));

    if (len <= 0) {
        p->has_ended = true;
        return;
    }
    buf_append(&p->input, bytes, (size_t)len);
    for (;;) {
        size_t end = str_find(buf_str(&p->input), '\n');
        if (end == p->input.len) {
            return;
        }
        take_line(p, str_slice(buf_str(&p->input), 0, end));
        buf_consume(&p->input, end + 1);
    }
}

/* --- the loop -----------------------------------------------------------------------------------
 */

static struct bridge_time read_clock(void)
{
    struct timespec mono, wall;

    (void)clock_gettime(CLOCK_MONOTONIC, &mono);
    (void)clock_gettime(CLOCK_REALTIME, &wall);
    return (struct bridge_time){
        .mono_ms = (uint64_t)mono.tv_sec * 1000 + (uint64_t)mono.tv_nsec / 1000000,
        .wall_ms = (uint64_t)wall.tv_sec * 1000 + (uint64_t)wall.tv_nsec / 1000000};
}

static int timeout_of(struct probe *p)
{
    uint64_t due = homeserver_deadline(p->home), now = read_clock().mono_ms;

    return due == UINT64_MAX ? -1 : due <= now ? 0 : (int)(due - now);
}

static void run(struct probe *p)
{
    while (!p->has_ended) {
        struct http_watch in = {.fd = 0, .events = POLLIN};
        homeserver_tick(p->home, read_clock());
        http_wait(p->http, &in, 1, timeout_of(p));
        homeserver_tick(p->home, read_clock());
        if (in.revents != 0) {
            take_input(p);
        }
    }
}

int main(int argc, char **argv)
{
    struct probe p = {.has_ended = false};
    struct str rooms[16];
    bool checks = argc > 1 && strcmp(argv[1], "--check") == 0;
    int at = checks ? 2 : 1;

    if (argc < at + 6 || argc > at + 6 + 16) {
        return 64;
    }
    for (int i = at + 6; i < argc; i++) {
        rooms[i - at - 6] = str_from_z(argv[i]);
    }
    struct homeserver_settings settings = {
        .server = str_from_z(argv[at]),
        .user_id = str_from_z(argv[at + 1]),
        .device_id = str_from_z(argv[at + 2]),
        .credentials_file = argv[at + 3],
        .rooms = rooms,
        .room_count = (size_t)(argc - at - 6),
    };
    (void)str_to_uint(str_from_z(argv[at + 4]), UINT32_MAX, &settings.sync_timeout_ms);
    struct homeserver_ports ports = {.owner = &p,
                                     .event = on_event,
                                     .synced = on_synced,
                                     .sent = on_sent,
                                     .joined = on_joined,
                                     .fault = on_fault,
                                     .random = on_random,
                                     .log = on_log};
    buf_init(&p.input, 1 << 20);
    p.http = http_client_new();
    assert(p.http != NULL);
    p.home = homeserver_new(&settings, &ports, p.http, read_clock());
    assert(p.home != NULL);
    if (checks) {
        homeserver_check(p.home, &(struct homeserver_checker){&p, on_report, on_ended});
    } else {
        homeserver_start(p.home, str_from_z(argv[at + 5]));
    }
    run(&p);
    homeserver_free(p.home);
    http_client_free(p.http);
    buf_fini(&p.input);
    return 0;
}

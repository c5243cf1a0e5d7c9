#include "home_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void on_event(void *owner, const struct bridge_event *e)
{
    static const char *const kinds[] = {"message", "edit",    "redaction", "encrypted",
                                        "name",    "invited", "joined",    "left"};
    struct home_rig *r = owner;

    buf_printf(&r->lines, "%s %.*s%s%.*s%s\n", kinds[e->kind], STR_ARG(e->room),
               e->body.len > 0 ? " " : "", STR_ARG(e->body), e->old ? " old" : "");
}

static void on_synced(void *owner, struct str next_batch)
{
    struct home_rig *r = owner;

    buf_printf(&r->lines, "synced %.*s\n", STR_ARG(next_batch));
    if (r->acts_in_synced) {
        rig_act(r, ACT_TYPING, "!t:x", true);
    }
}

static void on_sent(void *owner, const struct bridge_sent *sent)
{
    struct home_rig *r = owner;

    buf_printf(&r->lines, "sent %u %.*s%.*s %u\n", (unsigned)sent->send, STR_ARG(sent->event_id),
               STR_ARG(sent->error), (unsigned)sent->slowed_ms);
}

static void on_joined(void *owner, struct str room, struct str error)
{
    struct home_rig *r = owner;

    buf_printf(&r->lines, "join %.*s %.*s\n", STR_ARG(room), STR_ARG(error));
}

static void on_fault(void *owner, enum homeserver_fault fault, const char *sentence)
{
    struct home_rig *r = owner;

    r->fault = fault;
    (void)snprintf(r->sentence, sizeof(r->sentence), "%s", sentence);
    buf_printf(&r->lines, "fault %u\n", fault);
}

static void on_random(void *owner, void *bytes, size_t len)
{
    const struct home_rig *r = owner;

    memset(bytes, r->chance, len);
}

static void on_log(void *owner, unsigned level, const char *event, struct str about,
                   struct str details)
{
    struct home_rig *r = owner;

    assert_true(level <= 3);
    buf_printf(&r->logs, "%s %.*s %.*s\n", event, STR_ARG(about), STR_ARG(details));
}

static struct bridge_time time_of(const struct home_rig *r)
{
    return (struct bridge_time){.mono_ms = r->now_ms, .wall_ms = 1700000000000 + r->now_ms};
}

void rig_setup(struct home_rig *r, const char *server, const char *credentials)
{
    static const struct str rooms[] = {{"!r:x", 4}, {"#tea:x", 6}};
    struct homeserver_ports ports = {.owner = r,
                                     .event = on_event,
                                     .synced = on_synced,
                                     .sent = on_sent,
                                     .joined = on_joined,
                                     .fault = on_fault,
                                     .random = on_random,
                                     .log = on_log};

    memset(r, 0, sizeof(*r));
    memcpy(r->directory, "/tmp/parley-home-XXXXXX", 24);
    assert_non_null(mkdtemp(r->directory));
    (void)snprintf(r->path, sizeof(r->path), "%s/file", r->directory);
    if (credentials != NULL) {
        FILE *file = fopen(r->path, "w");
        assert_non_null(file);
        assert_true(fputs(credentials, file) >= 0);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(chmod(r->path, 0600), 0);
    }
    struct homeserver_settings settings = {.server = str_from_z(server),
                                           .user_id = STR("@bot:x"),
                                           .device_id = STR("DEV"),
                                           .credentials_file = r->path,
                                           .sync_timeout_ms = 30000,
                                           .rooms = rooms,
                                           .room_count = 2};
    r->now_ms = 1000000;
    buf_init(&r->lines, 1 << 20);
    buf_init(&r->logs, 1 << 20);
    r->http = http_client_new();
    r->home = homeserver_new(&settings, &ports, r->http, time_of(r));
    assert_non_null(r->home);
}

void rig_teardown(struct home_rig *r)
{
    homeserver_free(r->home);
    assert_int_equal(fake_count(r->http, ""), 0);
    http_client_free(r->http);
    buf_fini(&r->lines);
    buf_fini(&r->logs);
    (void)unlink(r->path);
    assert_int_equal(rmdir(r->directory), 0);
}

void rig_start(struct home_rig *r, const char *next_batch)
{
    homeserver_start(r->home, str_from_z(next_batch));
    rig_tick(r, 0);
}

void rig_tick(struct home_rig *r, uint64_t ms)
{
    r->now_ms += ms;
    homeserver_tick(r->home, time_of(r));
}

void rig_tick_to_deadline(struct home_rig *r, uint64_t ms)
{
    uint64_t due = homeserver_deadline(r->home);

    assert_true(due <= r->now_ms + ms);
    rig_tick(r, due > r->now_ms ? due - r->now_ms : 0);
}

void rig_ready(struct home_rig *r, const char *next_batch)
{
    rig_setup(r, "https://hs", "{\"password\":\"pw\",\"access_token\":\"at0\"}");
    rig_start(r, next_batch);
    rig_answer(r, "/versions", 200, VERSIONS_OK);
    rig_answer(r, "/whoami", 200, WHOAMI_OK);
    assert_int_equal(fake_count(r->http, "/sync"), 1);
    buf_clear(&r->logs);
}

void rig_answer(struct home_rig *r, const char *part, unsigned status, const char *body)
{
    struct http_call *call = fake_find(r->http, part);

    if (call == NULL) {
        fail_msg("nothing of %s is open", part);
    }
    fake_answer(call, status, body);
    rig_tick(r, 0);
}

void rig_fail(struct home_rig *r, const char *part, enum http_error error)
{
    fake_fail(fake_find(r->http, part), error);
    rig_tick(r, 0);
}

void rig_assert_lines(struct home_rig *r, const char *lines)
{
    buf_append_char(&r->lines, '\0');
    assert_string_equal(r->lines.data, lines);
    buf_clear(&r->lines);
}

void rig_assert_file(struct home_rig *r, const char *text)
{
    char bytes[2000];
    FILE *file = fopen(r->path, "r");

    assert_non_null(file);
    bytes[fread(bytes, 1, sizeof(bytes) - 1, file)] = '\0';
    assert_int_equal(fclose(file), 0);
    assert_non_null(strstr(bytes, text));
}

void rig_send(struct home_rig *r, const char *room, unsigned send)
{
    char txn[20];
    struct bridge_action action = {.kind = ACT_SEND,
                                   .room = str_from_z(room),
                                   .send = send,
                                   .type = STR("m.room.message"),
                                   .content = STR("{\"body\":\"b\"}")};

    (void)snprintf(txn, sizeof(txn), "t%u", send);
    action.txn_id = str_from_z(txn);
    assert_true(homeserver_act(r->home, &action));
}

void rig_act(struct home_rig *r, enum bridge_action_kind kind, const char *room, bool on)
{
    struct bridge_action action = {
        .kind = kind, .room = str_from_z(room), .on = on, .event_id = STR("$e")};

    assert_true(homeserver_act(r->home, &action));
}

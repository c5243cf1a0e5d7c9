/*
 * The life of a gateway, lived again and again: each time one allocation or one system call fails
 * that did not before, until no call is left. Whatever fails costs a message or a connection, and
 * with the start or a reload that very thing; whoever comes after is served, and nothing is left
 * behind.
 */

#include "faults.h"
#include "valgrind.h"
#include "visitor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/assembly.h"
#include "gateway/internal.h"

enum {
    TURN_MS = 50,
    PATIENCE = 400,  /* turns: longer than any deadline of a connection */
    LAST_WORDS = 20, /* turns for what somebody said who has gone */
    ATTEMPTS = 4,
    LARGE = 60000,
    LARGE_COUNT = 12, /* together more than a socket and the queue of a slow reader hold */
};

#define TOKEN "a-secret-of-32-characters-or-more"
#define HOST  "Host: localhost\r\nAuthorization: Bearer " TOKEN "\r\n"
#define UPGRADE                                                                                    \
    "Upgrade: websocket\r\nConnection: Upgrade\r\n"                                                \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
#define HANDSHAKE "GET /ws/matrix HTTP/1.1\r\n" HOST UPGRADE
#define PACKING                                                                                    \
    "GET /ws/matrix HTTP/1.1\r\nSec-WebSocket-Extensions: permessage-deflate\r\n" HOST UPGRADE
#define CONTROL     "GET /ws HTTP/1.1\r\n" HOST UPGRADE
#define WITH_TICKET "GET /ws/matrix?ticket=%.*s HTTP/1.1\r\nHost: localhost\r\n" UPGRADE

static struct life {
    enum fault_kind kind;
    struct assembly a;
    struct buf error;
    const struct listener *tcp;
    const struct listener *local;
    bool reloaded;
    bool reload_failed;
} life;

static struct visitor good; /* comes by the file system's socket, */
static struct visitor bold; /* by TCP */
static struct visitor slow;
static struct visitor asker; /* in the gateway dialect */
static struct visitor other;

static char directory[] = "/tmp/parley-faults-XXXXXX";
static char paths[3][64]; /* the socket, the configuration, the tokens */

/* --- turns ------------------------------------------------------------------------------------ */

static void turn(void)
{
    faults_enter();
    assert_true(gateway_step(life.a.gateway, false));
    faults_leave();
    faults_now_ms += TURN_MS;
}

/* TCP may take its time, also on one machine: waits for anything to arrive, but not for long. */
static void let_arrive(const struct visitor *v)
{
    struct pollfd fds[] = {{.fd = v->fd, .events = POLLIN},
                           {.fd = life.a.gateway->reactors[0]->epoll, .events = POLLIN}};

    (void)poll(fds, 2, 1);
}

/* False: it ended, or waited in vain. */
static bool await(struct visitor *v, const char *wanted)
{
    for (unsigned i = 0; i < PATIENCE; i++) {
        if (visitor_heard(v, wanted)) {
            return true;
        }
        if (v->fd < 0) {
            return false;
        }
        turn();
        let_arrive(v);
    }
    return false;
}

/* --- what visitors do ------------------------------------------------------------------------- */

static void say_raw(struct visitor *v, const char *bytes, size_t len)
{
    size_t at = 0;

    for (unsigned i = 0; at < len && i < PATIENCE && v->fd >= 0; i++) {
        at += visitor_say(v, bytes + at, len - at);
        turn();
    }
    assert_true(at == len || v->fd < 0);
}

static void say(struct visitor *v, unsigned first_byte, struct str text)
{
    static char frame[LARGE + 64];

    say_raw(v, frame, visitor_frame(frame, first_byte, text));
}

/* It is heard of by its name again, too. */
static bool is_in(struct visitor *v)
{
    if (!await(v, v == &asker ? "\"session_info\"" : "\"connection_ack\"")) {
        return false;
    }
    if (v != &good) {
        return true;
    }
    say(v, 0x81,
        STR("{\"type\":\"agent_register\",\"agentId\":\"good\",\"capabilities\":[\"grep\"]}"));
    return await(v, "\"good\"");
}

static void come_with(struct visitor *v, const struct listener *door, const char *handshake)
{
    for (int i = 0; i < ATTEMPTS; i++) {
        visitor_begin(v, door, handshake);
        if (is_in(v)) {
            return;
        }
        assert_true(faults_struck()); /* nothing else sends anybody away */
    }
    fail_msg("nobody is let in any more");
}

static void come(struct visitor *v, const struct listener *door)
{
    come_with(v, door, HANDSHAKE);
}

static void be_there(struct visitor *v)
{
    if (v->fd < 0) {
        come(v, v->door);
    }
}

/* Reads what there is, and so learns whether it has ended. */
static void look_up(struct visitor *v)
{
    for (int i = 0; i < ATTEMPTS; i++) {
        assert_false(visitor_heard(v, "no such thing"));
    }
}

/* A message may be lost with the memory for it, or with one of the two who it is between. */
static void hear(struct visitor *from, struct visitor *to, const char *mark)
{
    unsigned patience = PATIENCE;

    for (unsigned i = 0; i < patience && to->fd >= 0; i++) {
        if (visitor_heard(to, mark)) {
            return;
        }
        turn();
        let_arrive(to);
        if (from != to) {
            look_up(from);
        }
        patience = from->fd < 0 && patience == PATIENCE ? i + LAST_WORDS : patience;
    }
    assert_true(faults_struck());
    if (from->fd >= 0 && to->fd >= 0 && life.kind != FAULT_ALLOC) {
        fail_msg("a message is lost: %s", fault_names[life.kind]);
    }
}

static void pass(struct visitor *from, struct visitor *to, struct str text, const char *mark)
{
    be_there(from);
    be_there(to);
    say(from, 0x81, text);
    hear(from, to, mark);
}

static void pass_in_pieces(struct visitor *from, struct visitor *to)
{
    be_there(from);
    be_there(to);
    say(from, 0x01, STR("{\"type\":\"bark\","));
    say(from, 0x89, STR("between"));
    say(from, 0x00, STR("\"n\":\"in "));
    say(from, 0x80, STR("pieces\"}"));
    hear(from, to, "in pieces");
}

/* What one sends and hears compressed. Where there is no memory for it he hears it plain. */
static void pass_packed(void)
{
    /* {"type":"bark","n":"packed"} in a block that is stored (RFC 1951, 3.2.4), and an empty one
       without its tail (RFC 7692, 7.2.1). */
    static const char packed[] = "\x00\x1c\x00\xe3\xff{\"type\":\"bark\",\"n\":\"packed\"}\x00";
    static char text[1000];
    size_t head = (size_t)snprintf(text, sizeof(text), "{\"type\":\"bark\",\"n\":\"long");

    memset(text + head, 'x', sizeof(text) - head);
    memcpy(text + sizeof(text) - 2, "\"}", 2);
    be_there(&good);
    be_there(&bold);
    come_with(&other, life.tcp, PACKING);
    say(&other, 0xc1, str_make(packed, sizeof(packed) - 1));
    hear(&other, &good, "packed");
    be_there(&bold);
    if (other.fd >= 0) {
        say(&bold, 0x81, str_make(text, sizeof(text)));
        hear(&bold, &other, VISITOR_PACKED);
    }
    visitor_end(&other);
    turn();
}

/* An answer of whatever kind, or none because the connection was lost. */
static void ask(const char *request, const char *rest)
{
    visitor_begin(&other, life.tcp, request);
    turn();
    say_raw(&other, rest, strlen(rest));
    bool heard = await(&other, "HTTP/1.1 200");
    for (int i = 0; i < ATTEMPTS && !heard && other.fd >= 0; i++) {
        assert_true(faults_struck());
        heard = await(&other, "HTTP/1.1 5");
    }
    assert_true(heard || (other.fd < 0 && faults_struck()));
    visitor_end(&other);
    turn();
}

/* Whatever becomes of a request, its asker hears of it, or is there no more. */
static void request(void)
{
    char text[200];

    be_there(&good);
    come_with(&asker, life.tcp, CONTROL);
    say(&asker, 0x81,
        STR("{\"type\":\"route_request\",\"id\":\"q\",\"payload\":{\"agentId\":\"good\","
            "\"request\":1,\"timeoutMs\":2000}}"));
    if (await(&good, "\"route_request\"")) {
        struct str id = visitor_found(&good, "\"id\":\"");
        assert_true(id.len > 0);
        say(&good, 0x81,
            str_format(text, sizeof(text),
                       "{\"type\":\"route_response\",\"data\":{\"requestId\":\"%.*s\",\"ok\":"
                       "true,\"done\":true}}",
                       STR_ARG(id)));
    } else {
        assert_true(faults_struck());
    }
    if (await(&asker, "\"replyTo\":\"q\"")) {
        assert_true(visitor_found(&asker, "\"ok\":true").len > 0 || faults_struck());
    } else {
        assert_true(faults_struck() && asker.fd < 0);
    }
    visitor_end(&asker);
    turn();
}

/* Somebody comes with a ticket, which is good once. */
static void come_with_ticket(void)
{
    char handshake[400], ticket[64];

    for (int i = 0; i < ATTEMPTS; i++) {
        visitor_begin(&other, life.tcp,
                      "POST /api/gateway/tickets HTTP/1.1\r\n" HOST
                      "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
        if (await(&other, "\"expires_at\"")) {
            break;
        }
        assert_true(faults_struck() && i < ATTEMPTS - 1);
    }
    struct str found = visitor_found(&other, "{\"ticket\":\"");
    assert_in_range(found.len, 20, sizeof(ticket) - 1);
    memcpy(ticket, found.ptr, found.len);
    (void)str_format(handshake, sizeof(handshake), WITH_TICKET, (int)found.len, ticket);
    visitor_begin(&other, life.tcp, handshake);
    assert_true(is_in(&other) || faults_struck());
    visitor_begin(&other, life.tcp, handshake);
    assert_true(await(&other, "HTTP/1.1 401") || faults_struck());
    visitor_end(&other);
    turn();
}

/* Somebody does not read, and is told of it later. */
static void fall_behind(void)
{
    static char text[LARGE];
    size_t head = (size_t)snprintf(text, sizeof(text), "{\"type\":\"bark\",\"n\":\"");

    memset(text + head, 'x', LARGE - head);
    memcpy(text + LARGE - 2, "\"}", 2);
    come(&slow, life.local);
    for (int i = 0; i < LARGE_COUNT; i++) {
        be_there(&bold);
        be_there(&good);
        say(&bold, 0x81, str_make(text, LARGE));
        look_up(&good);
    }
    if (!await(&slow, "SLOW_CLIENT")) {
        assert_true(faults_struck());
    }
    visitor_end(&slow);
}

static void take_leave(void)
{
    come(&other, life.tcp);
    say(&other, 0x88, STR("\x03\xe8"));
    while (other.fd >= 0) {
        assert_false(await(&other, "\"no such thing\""));
        assert_true(other.fd < 0);
    }
    come(&other, life.local);
    visitor_end(&other); /* without a word */
    turn();
}

static void reload(void)
{
    life.reloaded = life.reload_failed = false;
    gateway_reload(life.a.gateway);
    while (!life.reloaded) {
        faults_enter();
        assert_true(gateway_step(life.a.gateway, true));
        faults_leave();
    }
    assert_true(!life.reload_failed || faults_struck());
}

static void note_reload(void *owner, const struct reload_report *report)
{
    struct life *l = owner;

    l->reloaded = true;
    l->reload_failed = report->error.len > 0;
}

static void ignore_phase(void *owner, enum gateway_phase phase)
{
    (void)owner, (void)phase;
}

static void ignore_log(void *owner, unsigned level, const char *event, struct str client,
                       struct str details)
{
    (void)owner, (void)level, (void)event, (void)client, (void)details;
}

/* --- a life ----------------------------------------------------------------------------------- */

static bool begin(const struct config_sources *sources)
{
    const struct assembly_ports ports = {
        .owner = &life, .log = ignore_log, .phase = ignore_phase, .reloaded = note_reload};
    bool taken;
    size_t count;

    buf_init(&life.error, 4096);
    faults_enter();
    bool ok = assembly_init(&life.a, sources, &ports, "test", &life.error) &&
              assembly_open(&life.a, &life.error, &taken);
    faults_leave();
    if (!ok) {
        assert_true(faults_struck());
        assert_true(life.error.len > 0 || life.error.failed);
        return false;
    }
    life.tcp = gateway_listeners(life.a.gateway, &count);
    life.local = &life.tcp[count - 1];
    assert_true(life.local->is_unix);
    assert_int_equal(0, gateway_start(life.a.gateway));
    return true;
}

static void go_on(void)
{
    come(&good, life.local);
    come(&bold, life.tcp);
    pass(&bold, &good, STR("{\"type\":\"bark\",\"n\":\"one\"}"), "one");
    pass(&bold, &good, STR("{\"type\":\"bark\",\"n\":\"two\",\"target_id\":\"good\"}"), "two");
    pass(&bold, &bold, STR("{\"type\":\"ping\"}"), "pong");
    pass(&bold, &bold, STR("{\"type\":"), "error");
    pass_in_pieces(&bold, &good);
    pass_packed();
    ask("GET /health HTTP/1.1\r\n", HOST "Connection: close\r\n\r\n");
    ask("GET /api/gateway/status HTTP/1.1\r\n" HOST, "Connection: close\r\n\r\n");
    request();
    come_with_ticket();
    fall_behind();
    reload();
    take_leave();
    pass(&good, &bold, STR("{\"type\":\"bark\",\"n\":\"last\"}"), "last");
}

/* Nothing fails any more: everybody is as good as new. */
static void be_well(void)
{
    faults_stop();
    look_up(&good);
    look_up(&bold);
    be_there(&good);
    be_there(&bold);
    say(&good, 0x81, STR("{\"type\":\"bark\",\"n\":\"well\"}"));
    assert_true(await(&bold, "well"));
    say(&bold, 0x81, STR("{\"type\":\"bark\",\"n\":\"fine\"}"));
    assert_true(await(&good, "fine"));
}

static void end(void)
{
    gateway_stop(life.a.gateway);
    for (unsigned i = 0; gateway_step(life.a.gateway, false); i++) {
        assert_true(i < PATIENCE);
        faults_now_ms += TURN_MS;
    }
    gateway_end(life.a.gateway);
    visitor_end(&good);
    visitor_end(&bold);
}

static unsigned open_files(void)
{
    unsigned count = 0;

    for (int fd = 0; fd < 256; fd++) {
        count += fcntl(fd, F_GETFD) >= 0;
    }
    return count;
}

static void live(enum fault_kind kind, enum fault_zone zone, int error, unsigned nth)
{
    struct config_flag flags[] = {{"--set", NULL, "listen.port=0"}, {"--set", NULL, "drain=0s"}};
    const struct config_sources sources = {
        .file = paths[1], .flags = flags, .flag_count = sizeof(flags) / sizeof(flags[0])};
    unsigned files = open_files();

    life = (struct life){.kind = kind};
    good.fd = bold.fd = slow.fd = asker.fd = other.fd = -1;
    faults_set(kind, zone, error, nth);
    if (begin(&sources)) {
        go_on();
        be_well();
        end();
    }
    assembly_fini(&life.a);
    buf_fini(&life.error);
    assert_int_equal(0, faults_blocks());
    assert_int_equal(files, open_files());
    assert_int_equal(-1, access(paths[0], F_OK));
}

/* All lives in which a call of this kind fails with this error: until there is no such call. */
static unsigned live_through(enum fault_kind kind, enum fault_zone zone, int error)
{
    unsigned nth = 0;

    live(kind, zone, error, nth);
    while (faults_struck()) {
        nth += (unsigned)fault_step();
        live(kind, zone, error, nth);
    }
    return nth;
}

static void fail_all(enum fault_kind kind, enum fault_zone zone)
{
    unsigned count = 0;

    for (const int *error = fault_errors[kind]; *error != 0; error++) {
        count += live_through(kind, zone, *error);
    }
    print_message("%s: %u\n", fault_names[kind], count);
    assert_true(count > 0);
}

static void test_nothing_fails(void **state)
{
    (void)state;
    live(FAULT_ALLOC, ZONE_TEST, 0, 0);
    assert_false(faults_struck() || life.reload_failed);
}

static void test_memory(void **state)
{
    (void)state;
    fail_all(FAULT_ALLOC, ZONE_TEST);
}

static void test_calls(void **state)
{
    (void)state;
    for (unsigned kind = FAULT_ALLOC + 1; kind < FAULT_KINDS; kind++) {
        fail_all((enum fault_kind)kind, ZONE_TEST);
    }
}

/* What the worker does is the loading of a reload. */
static void test_reload(void **state)
{
    (void)state;
    fail_all(FAULT_ALLOC, ZONE_OTHERS);
    fail_all(FAULT_OPEN, ZONE_OTHERS);
    fail_all(FAULT_READ, ZONE_OTHERS);
    fail_all(FAULT_FSTAT, ZONE_OTHERS);
}

/* --- the files -------------------------------------------------------------------------------- */

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(strlen(text), write(fd, text, strlen(text)));
    close(fd);
}

static int make_files(void **state)
{
    static const char *const names[] = {"socket", "parley.yaml", "tokens"};
    char text[256];

    (void)state;
    assert_non_null(mkdtemp(directory));
    for (int i = 0; i < 3; i++) {
        (void)snprintf(paths[i], sizeof(paths[i]), "%s/%s", directory, names[i]);
    }
    (void)snprintf(text, sizeof(text),
                   "listen.unix: %s\nauth: {mode: token, token_file: tokens}\n"
                   "threads: 1\nlimits.send_queue_bytes: 64KiB\ncompression: on\n",
                   paths[0]);
    write_file(paths[1], text);
    write_file(paths[2], TOKEN "\n");
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        (void)unlink(paths[i]);
    }
    return rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_fails),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_reload),
    };

    return cmocka_run_group_tests(tests, make_files, remove_files);
}

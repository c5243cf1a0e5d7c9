/* The gateway's adapter over a connection that the test plays. */

#include "unit.h"

#include "agent_rig.h"
#include "matrix/uplink.h"

#include <stdio.h>

/* --- uplink.h --------------------------------------------------------------------------------- */

static struct uplink *up;
static struct buf frames; /* that were sent, a line each */

void uplink_init(struct uplink *u, struct str url, struct str token, uint32_t max_message,
                 const struct uplink_ports *ports, uint64_t now_ms)
{
    (void)url;
    (void)token;
    (void)max_message;
    (void)now_ms;
    u->ports = *ports;
    up = u;
    buf_init(&frames, 1 << 20);
}

void uplink_fini(struct uplink *u)
{
    (void)u;
    buf_fini(&frames);
}

void uplink_send(struct uplink *u, struct str text)
{
    if (u->state == UPLINK_OPEN) {
        buf_append_str(&frames, text);
        buf_append_char(&frames, '\n');
    }
}

void uplink_tick(struct uplink *u, uint64_t now_ms)
{
    (void)u;
    (void)now_ms;
}

uint64_t uplink_deadline(const struct uplink *u)
{
    (void)u;
    return UINT64_MAX;
}

struct http_watch uplink_watch(const struct uplink *u)
{
    (void)u;
    return (struct http_watch){.fd = -1};
}

void uplink_ready(struct uplink *u, short revents)
{
    (void)u;
    (void)revents;
}

/* --- the gateway ------------------------------------------------------------------------------ */

static void open_uplink(struct agent_rig *r)
{
    up->state = UPLINK_OPEN;
    up->ports.opened(up->ports.owner);
    rig_expect(r, "reachable\n");
}

static void lose_uplink(struct agent_rig *r)
{
    up->state = UPLINK_DOWN;
    up->ports.lost(up->ports.owner, "it ended the connection");
    rig_expect(r, "away it ended the connection\n");
}

static void setup(struct agent_rig *r)
{
    rig_init(r, &agent_gateway);
    open_uplink(r);
    buf_clear(&frames);
}

/* How many frames with this in them were sent since the last time. */
static unsigned take_frames(const char *part)
{
    unsigned count = 0;

    if (frames.len > 0) {
        buf_append_char(&frames, '\0');
        for (const char *at = frames.data; (at = strstr(at, part)) != NULL; at++) {
            count++;
        }
    }
    buf_clear(&frames);
    return count;
}

static void hear(const char *type, unsigned turn, const char *payload)
{
    char text[512];

    (void)snprintf(text, sizeof(text), "{\"type\":\"%s\",\"replyTo\":\"t-%u\",\"payload\":%s}",
                   type, turn, payload);
    up->ports.message(up->ports.owner, str_from_z(text));
}

static void refuse(unsigned turn, const char *code, const char *details)
{
    char payload[256];

    (void)snprintf(payload, sizeof(payload), "{\"code\":\"%s\",\"details\":%s}", code, details);
    hear("error", turn, payload);
}

/* Moves the clock to what is due next, at most `ms` from now. */
static void pass_to_deadline(struct agent_rig *r, uint64_t ms)
{
    uint64_t due = r->adapter->deadline(r->agent);

    assert_in_range(due, r->now_ms, r->now_ms + ms);
    rig_pass(r, due - r->now_ms);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void what_passes_is_asked_again(void **state)
{
    static const char *const codes[] = {"NO_AGENT",      "AGENT_GONE",   "QUEUE_FULL",
                                        "LIMIT_REACHED", "RATE_LIMITED", "SHUTTING_DOWN"};
    struct agent_rig r;

    (void)state;
    setup(&r);
    for (unsigned k = 0; k < sizeof(codes) / sizeof(codes[0]); k++) {
        unsigned i = 16 * k;
        assert_true(rig_ask(&r, i, NULL));
        assert_int_equal(take_frames("\"idempotencyKey\":\"k\\\"1\""), 1);
        refuse(i, codes[k], "{}");
        rig_expect(&r, "");
        rig_pass(&r, 249);
        assert_int_equal(take_frames("\"type\""), 0);
        pass_to_deadline(&r, 1);
        char id[16];
        (void)snprintf(id, sizeof(id), "\"id\":\"t-%u\"", i);
        assert_int_equal(take_frames(id), 1);
        hear("route_response", i, "{\"ok\":true,\"done\":true,\"result\":\"yes\"}");
        char line[64];
        (void)snprintf(line, sizeof(line), "answered %u well yes | \n", i);
        rig_expect(&r, line);
    }
    rig_fini(&r);
}

static void it_is_given_up_after_a_while(void **state)
{
    static const unsigned waits[] = {250, 500, 1000, 2000, 4000, 4000, 4000, 4000};
    struct agent_rig r;

    (void)state;
    setup(&r);
    assert_true(rig_ask(&r, 16, NULL));
    for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
        assert_int_equal(take_frames("route_request"), 1);
        refuse(16, "NO_AGENT", "{\"capabilities\":[]}");
        uint64_t before = r.now_ms;
        pass_to_deadline(&r, 4000);
        assert_int_equal(r.now_ms - before, waits[i]);
        rig_expect(&r, "");
    }
    refuse(16, "NO_AGENT", "{\"capabilities\":[]}");
    rig_expect(&r, "answered 16 away  | nobody who can do it is there\n");
    assert_int_equal(r.adapter->deadline(r.agent), UINT64_MAX);
    /* Nor past the deadline of the turn. */
    assert_true(rig_ask(&r, 8, NULL));
    rig_pass(&r, 59900);
    refuse(8, "AGENT_GONE", "{}");
    rig_expect(&r, "answered 8 away  | it has gone away\n");
    /* Nor when it is to wait for longer than that. */
    assert_true(rig_ask(&r, 9, NULL));
    refuse(9, "RATE_LIMITED", "{\"retry_after_ms\":300000}");
    rig_expect(&r, "answered 9 away  | it has too much to do\n");
    rig_fini(&r);
}

static void what_is_refused_or_was_begun_ends(void **state)
{
    struct agent_rig r;

    (void)state;
    setup(&r);
    assert_true(rig_ask(&r, 1, NULL));
    refuse(1, "FORBIDDEN", "{}");
    rig_expect(&r, "answered 1 refused  | this bridge may not ask it\n");
    assert_true(rig_ask(&r, 2, NULL));
    refuse(2, "SOMETHING", "{}");
    rig_expect(&r, "answered 2 refused  | the gateway refused the request\n");
    assert_true(rig_ask(&r, 3, NULL));
    refuse(3, "ROUTE_TIMEOUT", "{}");
    rig_expect(&r, "answered 3 timeout  | \n");
    assert_true(rig_ask(&r, 4, NULL));
    hear("route_response", 4, "{\"ok\":true,\"result\":\"be\"}");
    refuse(4, "AGENT_GONE", "{}");
    rig_expect(&r, "answering 4 be\nanswered 4 away be | it has gone away\n");
    rig_fini(&r);
}

static void one_that_waits_can_be_stopped(void **state)
{
    struct agent_rig r;

    (void)state;
    setup(&r);
    assert_true(rig_ask(&r, 7, NULL));
    refuse(7, "QUEUE_FULL", "{}");
    (void)take_frames("\"type\"");
    /* Nothing that comes late is taken for an answer. */
    hear("route_response", 7, "{\"ok\":true,\"done\":true,\"result\":\"late\"}");
    rig_expect(&r, "");
    r.adapter->stop(r.agent, 7);
    rig_pass(&r, 30000);
    assert_int_equal(take_frames("t-7"), 0);
    rig_expect(&r, "");
    rig_fini(&r);
}

static void a_lost_connection_meanwhile(void **state)
{
    struct agent_rig r;

    (void)state;
    setup(&r);
    assert_true(rig_ask(&r, 7, NULL));
    refuse(7, "SHUTTING_DOWN", "{}");
    lose_uplink(&r);
    (void)take_frames("\"type\"");
    rig_pass(&r, 300);
    assert_int_equal(take_frames("route_request"), 0);
    rig_pass(&r, 10000);
    open_uplink(&r);
    assert_int_equal(take_frames("\"id\":\"t-7\""), 1);
    rig_pass(&r, 300);
    assert_int_equal(take_frames("route_request"), 0);
    refuse(7, "NO_AGENT", "{}");
    lose_uplink(&r);
    pass_to_deadline(&r, 500);
    pass_to_deadline(&r, 9400);
    rig_expect(&r, "answered 7 away  | the gateway cannot be reached\n");
    rig_fini(&r);
}

/* A gateway that lets the bridge in and ends the connection, again and again, is away. */
static void a_connection_that_is_lost_again_and_again(void **state)
{
    struct agent_rig r;

    (void)state;
    setup(&r);
    assert_true(rig_ask(&r, 7, NULL));
    for (unsigned i = 0; i < 20; i++) {
        lose_uplink(&r);
        rig_pass(&r, 500);
        open_uplink(&r);
        assert_int_equal(take_frames("\"id\":\"t-7\"") > 0, true);
        rig_pass(&r, 500);
    }
    lose_uplink(&r);
    rig_pass(&r, 0);
    rig_expect(&r, "answered 7 away  | the gateway cannot be reached\n");
    /* One that stood for long begins anew. */
    open_uplink(&r);
    assert_true(rig_ask(&r, 8, NULL));
    lose_uplink(&r);
    rig_pass(&r, 15000);
    open_uplink(&r);
    rig_pass(&r, 20000);
    lose_uplink(&r);
    rig_pass(&r, 19999);
    rig_expect(&r, "");
    rig_pass(&r, 1);
    rig_expect(&r, "answered 8 away  | the gateway cannot be reached\n");
    rig_fini(&r);
}

/* Those that are refused together do not come again together. */
static void many_that_find_a_queue_full(void **state)
{
    enum { TURNS = 64, MOST = 4 };
    struct agent_rig r;
    unsigned asked = 0;

    (void)state;
    setup(&r);
    for (unsigned i = 1; i <= TURNS; i++) {
        assert_true(rig_ask(&r, i, NULL));
    }
    (void)take_frames("route_request");
    for (unsigned i = 1; i <= TURNS; i++) {
        refuse(i, "QUEUE_FULL", "{}");
    }
    for (unsigned ms = 0; ms < 250; ms++) {
        rig_pass(&r, 1);
        unsigned count = take_frames("route_request");
        assert_in_range(count, 0, MOST);
        asked += count;
    }
    assert_int_equal(asked, TURNS);
    rig_fini(&r);
}

/* Time goes on while the loop waits. */
static void a_connection_that_is_lost_behind_a_long_wait(void **state)
{
    struct agent_rig r;

    (void)state;
    setup(&r);
    assert_true(rig_ask(&r, 7, NULL));
    r.now_ms += 25000;
    agent_gateway.clock(r.agent, (struct bridge_time){.mono_ms = r.now_ms});
    lose_uplink(&r);
    rig_pass(&r, 19999);
    rig_expect(&r, "");
    rig_pass(&r, 1);
    rig_expect(&r, "answered 7 away  | the gateway cannot be reached\n");
    rig_fini(&r);
}

/* Of a frame of a request. */
static unsigned turn_of(struct str frame)
{
    struct str head = STR("{\"type\":\"route_request\",\"id\":\"t-");
    uint64_t turn;

    assert_true(str_starts_with(frame, head));
    struct str rest = str_slice(frame, head.len, frame.len);
    assert_true(str_to_uint(str_slice(rest, 0, str_find(rest, '"')), UINT32_MAX, &turn));
    return (unsigned)turn;
}

/* A gateway that takes `most` messages in a second, and refuses each of the others; how long until
 * it has taken all of `turns`. */
static uint64_t ask_many(struct agent_rig *r, unsigned turns, unsigned most, unsigned *ret_frames)
{
    uint64_t start = r->now_ms, second = 0;
    unsigned taken = 0, in_second = 0;
    char details[64];

    for (unsigned i = 1; i <= turns; i++) {
        assert_true(rig_ask(r, i, NULL));
    }
    *ret_frames = 0;
    while (taken < turns) {
        struct buf now = frames;
        buf_init(&frames, 1 << 20);
        struct str rest = buf_str(&now);
        for (size_t end; rest.len > 0; rest = str_slice(rest, end + 1, rest.len)) {
            end = str_find(rest, '\n');
            unsigned turn = turn_of(str_slice(rest, 0, end));
            in_second = r->now_ms / 1000 == second ? in_second + 1 : 1;
            second = r->now_ms / 1000;
            ++*ret_frames;
            if (in_second <= most) {
                taken++;
                hear("route_response", turn, "{\"ok\":true,\"done\":true,\"result\":\"yes\"}");
            } else {
                (void)snprintf(details, sizeof(details),
                               "{\"limit\":\"rate\",\"max\":%u,\"retry_after_ms\":%u}", most,
                               1000 - (unsigned)(r->now_ms % 1000));
                refuse(turn, "RATE_LIMITED", details);
            }
        }
        buf_fini(&now);
        if (taken < turns) {
            pass_to_deadline(r, 20000);
        }
    }
    return r->now_ms - start;
}

static void many_above_a_limit_of_the_rate(void **state)
{
    struct agent_rig r;
    unsigned count;

    (void)state;
    setup(&r);
    rig_pass(&r, 500); /* into the middle of a second */
    uint64_t took = ask_many(&r, 100, 10, &count);
    /* Two thirds of ten in a second, and each of those that were refused is sent once more. */
    assert_in_range(took, 10000, 15000);
    assert_int_equal(count, 190);
    assert_null(strstr(r.record.data, "away"));
    buf_clear(&r.record);
    rig_fini(&r);
}

/* A new connection asks all of them at once, so none waits behind a place that nobody has. */
static void a_connection_that_is_lost_above_a_limit(void **state)
{
    enum { TURNS = 120, MOST = 10 };
    struct agent_rig r;

    (void)state;
    setup(&r);
    for (unsigned i = 1; i <= TURNS; i++) {
        assert_true(rig_ask(&r, i, NULL));
    }
    for (unsigned round = 0; round < 2; round++) {
        assert_int_equal(take_frames("route_request"), TURNS);
        for (unsigned i = MOST + 1; i <= TURNS; i++) {
            refuse(i, "RATE_LIMITED", "{\"limit\":\"rate\",\"max\":10,\"retry_after_ms\":900}");
        }
        rig_expect(&r, "");
        if (round == 0) {
            lose_uplink(&r);
            rig_pass(&r, 1000);
            open_uplink(&r);
        }
    }
    rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_passes_is_asked_again),
        cmocka_unit_test(it_is_given_up_after_a_while),
        cmocka_unit_test(what_is_refused_or_was_begun_ends),
        cmocka_unit_test(one_that_waits_can_be_stopped),
        cmocka_unit_test(a_lost_connection_meanwhile),
        cmocka_unit_test(a_connection_that_is_lost_again_and_again),
        cmocka_unit_test(a_connection_that_is_lost_behind_a_long_wait),
        cmocka_unit_test(many_that_find_a_queue_full),
        cmocka_unit_test(many_above_a_limit_of_the_rate),
        cmocka_unit_test(a_connection_that_is_lost_above_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "rig_internal.h"
#include "ws/ws.h"

void rig_fail(const struct rig_conn *c, const char *format, ...)
{
    va_list args;

    fprintf(stderr, "connection %td, after %llu comparisons: ", c - c->rig->conns,
            (unsigned long long)c->rig->compared);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    abort();
}

/* --- ports ------------------------------------------------------------------------------------ */

static struct outbox *find_outbox(void *owner, uint64_t conn)
{
    struct rig *r = owner;
    uint32_t slot = conn_slot(conn);

    assert(slot < RIG_CONNS && conn_reactor(conn) == RIG_REACTOR);
    struct rig_conn *c = &r->conns[slot];
    return c->open && c->handle == conn ? &c->outbox : NULL;
}

static void on_lagged(void *owner, struct outbox *o, bool fatal)
{
    struct rig_conn *c = list_entry(o, struct rig_conn, outbox);

    (void)owner;
    if (!outbox_stalled(o)) {
        rig_fail(c, "lags, and its socket has refused nothing");
    }
    c->lags++;
    c->doomed = c->doomed || fatal;
}

static void on_other(void *owner, const struct down *item)
{
    (void)owner;
    (void)item;
    abort(); /* there are no handshakes here */
}

void rig_init_reader(struct rig *r, uint64_t max_backlog)
{
    reader_init(&r->reader, RIG_REACTOR,
                &(struct reader_ports){.owner = r, .find = find_outbox, .lagged = on_lagged},
                max_backlog);
}

/* --- what arrives ----------------------------------------------------------------------------- */

static void check_message(struct rig_conn *c, struct str payload, const struct rig_expected *e)
{
    char number[RIG_SMALLEST + 1];

    (void)snprintf(number, sizeof(number), "%08x", (unsigned)e->number);
    if (payload.len != e->len || memcmp(payload.ptr, number, RIG_SMALLEST) != 0) {
        rig_fail(c, "heard %.*s of %zu bytes instead of %s of %u", RIG_SMALLEST, payload.ptr,
                 payload.len, number, (unsigned)e->len);
    }
    for (uint32_t i = RIG_SMALLEST; i < e->len; i++) {
        if (payload.ptr[i] != rig_filler(e->number, i)) {
            rig_fail(c, "byte %u of %s is wrong", (unsigned)i, number);
        }
    }
    c->heard++;
}

static void check_resume(struct rig_conn *c, struct str payload)
{
    char text[RIG_SMALLEST + COUNT_SLOT + 1];

    (void)snprintf(text, sizeof(text), "resumed:%-20llu", (unsigned long long)c->skipped);
    if (payload.len != sizeof(text) - 1 || memcmp(payload.ptr, text, payload.len) != 0) {
        rig_fail(c, "was told \"%.*s\" and not \"%s\"", STR_ARG(payload), text);
    }
    c->told += c->skipped;
    c->skipped = 0;
}

static bool is_this(unsigned opcode, struct str payload, const struct rig_expected *e)
{
    char number[RIG_SMALLEST + 1];

    switch (e->kind) {
    case RIG_CLOSE:
        return opcode == WS_CLOSE;
    case RIG_RESUME:
        return opcode == WS_TEXT && str_starts_with(payload, STR("resumed:"));
    case RIG_MESSAGE:
        break;
    }
    (void)snprintf(number, sizeof(number), "%08x", (unsigned)e->number);
    return opcode == WS_TEXT && str_starts_with(payload, str_from_z(number));
}

/* Only broadcasts may be left out, and once one is, none comes until the count was told. */
static void take_frame(struct rig_conn *c, unsigned opcode, struct str payload)
{
    c->rig->compared++;
    while (c->list_from < c->list_count) {
        const struct rig_expected *e = &c->list[c->list_from++];
        if (!is_this(opcode, payload, e)) {
            if (!e->skippable || c->lags == 0) {
                rig_fail(c, "heard \"%.*s\" instead of %u",
                         payload.len > 30 ? 30 : (int)payload.len, payload.ptr,
                         (unsigned)e->number);
            }
            c->skipped++;
            continue;
        }
        if (e->skippable && c->skipped > 0) {
            rig_fail(c, "heard a broadcast while others were skipped");
        }
        switch (e->kind) {
        case RIG_MESSAGE:
            check_message(c, payload, e);
            break;
        case RIG_RESUME:
            check_resume(c, payload);
            break;
        case RIG_CLOSE:
            assert(payload.len == 2);
            assert(((uint8_t)payload.ptr[0] << 8 | (uint8_t)payload.ptr[1]) == (int)e->number);
            break;
        }
        return;
    }
    rig_fail(c, "heard \"%.*s\", which is nothing of its own",
             payload.len > 30 ? 30 : (int)payload.len, payload.ptr);
}

/* Pongs come in order, some of them never. */
static void take_pong(struct rig_conn *c, struct str payload)
{
    uint32_t number;

    assert(payload.len >= sizeof(number));
    memcpy(&number, payload.ptr, sizeof(number));
    if (number <= c->pong_heard || number > c->pong_sent) {
        rig_fail(c, "pong %u after %u, of %u", (unsigned)number, (unsigned)c->pong_heard,
                 (unsigned)c->pong_sent);
    }
    c->pong_heard = number;
}

/* Takes a whole frame off the front of what came; 0 when there is none. */
static size_t take_one(struct rig_conn *c, const uint8_t *b, size_t have)
{
    size_t header = 2;

    if (have < 2) {
        return 0;
    }
    uint64_t len = b[1];
    if (len >= 126) {
        size_t bytes = len == 126 ? 2 : 8;
        header += bytes;
        if (have < header) {
            return 0;
        }
        len = 0;
        for (size_t i = 2; i < header; i++) {
            len = len << 8 | b[i];
        }
    }
    if (have - header < len) {
        return 0;
    }
    struct str payload = str_make((const char *)b + header, (size_t)len);
    if ((b[0] & 0x0f) == WS_PONG) {
        take_pong(c, payload);
    } else {
        take_frame(c, b[0] & 0x0fu, payload);
    }
    return header + (size_t)len;
}

static void take_frames(struct rig_conn *c)
{
    size_t at = 0;
    size_t len;

    if (c->in.len == 0) {
        return;
    }
    while ((len = take_one(c, (const uint8_t *)c->in.data + at, c->in.len - at)) > 0) {
        at += len;
    }
    buf_consume(&c->in, at);
}

/* --- serving ---------------------------------------------------------------------------------- */

/* The connection is no more; the hub hears of it later. */
static void end_conn(struct rig *r, struct rig_conn *c)
{
    outbox_close(&r->reader, &c->outbox);
    buf_fini(&c->in);
    c->open = false;
    c->asked = false;
}

static void reap(struct rig *r)
{
    for (int i = 0; i < RIG_CONNS; i++) {
        if (r->conns[i].open && r->conns[i].doomed) {
            r->fatal++;
            end_conn(r, &r->conns[i]);
        }
    }
}

static void check_plan(const struct rig_conn *c, const struct plan *plan)
{
    size_t bytes = 0;

    for (int i = 0; i < plan->count; i++) {
        bytes += plan->iov[i].iov_len;
        if (i < plan->count - 1 && bytes >= PLAN_BYTES) {
            rig_fail(c, "a plan of %zu bytes goes on", bytes);
        }
    }
    if (bytes != plan->bytes || plan->count > PLAN_RUNS) {
        rig_fail(c, "a plan of %d runs, %zu bytes, says %zu", plan->count, bytes, plan->bytes);
    }
}

/* One write; returns whether to go on. */
static bool write_once(struct rig *r, struct rig_conn *c)
{
    struct plan plan;

    outbox_plan(&r->reader, &c->outbox, &plan);
    check_plan(c, &plan);
    size_t sent = plan.bytes < c->room ? plan.bytes : c->room;
    size_t left = sent;
    for (int i = 0; i < plan.count && left > 0; i++) {
        size_t part = plan.iov[i].iov_len < left ? plan.iov[i].iov_len : left;
        buf_append(&c->in, plan.iov[i].iov_base, part);
        left -= part;
    }
    assert(!c->in.failed);
    c->room -= c->room == SIZE_MAX ? 0 : sent;
    if (plan.bytes > 0) {
        bool kept = outbox_sent(&r->reader, &c->outbox, &plan, sent);
        assert(kept);
        (void)kept;
    }
    take_frames(c);
    if (sent < plan.bytes) {
        return false;
    }
    if (plan.close) {
        if (c->list_from < c->list_count || c->in.len > 0) {
            rig_fail(c, "ends, and %zu things are missing", c->list_count - c->list_from);
        }
        end_conn(r, c);
    }
    return plan.bytes > 0 && !plan.close;
}

static void serve(struct rig *r, struct rig_conn *c)
{
    while (write_once(r, c)) {
    }
    if (c->open && !outbox_stalled(&c->outbox) && outbox_has_room(&r->reader, &c->outbox)) {
        assert(!c->asked);
        c->asked = true;
    }
    reap(r);
}

bool rig_apply(struct rig *r)
{
    struct down_batch *batch = r->waiting_head;

    if (batch == NULL) {
        return false;
    }
    r->waiting_head = batch->next;
    if (r->waiting_head == NULL) {
        r->waiting_tail = NULL;
    }
    reader_apply(&r->reader, batch, on_other);
    down_batch_free(batch);
    reap(r);
    return true;
}

bool rig_serve(struct rig *r)
{
    struct outbox *o = reader_next(&r->reader);

    if (o != NULL) {
        serve(r, list_entry(o, struct rig_conn, outbox));
    }
    return o != NULL;
}

void rig_room(struct rig *r, int conn, size_t room)
{
    struct rig_conn *c = &r->conns[conn];

    c->room = room;
    if (c->open && room > 0 && outbox_stalled(&c->outbox)) {
        outbox_resume(&r->reader, &c->outbox);
        serve(r, c);
    }
}

void rig_pong(struct rig *r, int conn)
{
    struct rig_conn *c = &r->conns[conn];
    uint32_t number = c->pong_sent + 1;
    size_t len = sizeof(number) + number * 31 % 120;
    char frame[2 + WS_MAX_CONTROL] = {(char)(0x80 | WS_PONG), (char)len};

    if (!c->open || c->outbox.closing) {
        return;
    }
    memcpy(frame + 2, &number, sizeof(number));
    c->pong_sent = number;
    bool pushed = outbox_push_pong(&r->reader, &c->outbox, frame, 2 + len);
    assert(pushed);
    (void)pushed;
    reap(r);
}

void rig_abort(struct rig *r, int conn)
{
    if (r->conns[conn].open) {
        end_conn(r, &r->conns[conn]);
    }
}

void rig_run(struct rig *r)
{
    bool moved;

    do {
        moved = false;
        for (int i = 0; i < RIG_CONNS; i++) {
            moved = rig_answer_room(r, i) || moved;
            rig_gone(r, i);
        }
        rig_turn(r);
        while (rig_apply(r)) {
            moved = true;
        }
        while (rig_serve(r)) {
            moved = true;
        }
    } while (moved);
}

void rig_settle(struct rig *r)
{
    rig_run(r);
    for (int i = 0; i < RIG_CONNS; i++) {
        rig_room(r, i, SIZE_MAX);
    }
    rig_run(r);
    for (int i = 0; i < RIG_CONNS; i++) {
        struct rig_conn *c = &r->conns[i];
        if (!c->open) {
            continue;
        }
        if (c->list_from < c->list_count || c->in.len > 0 || c->skipped > 0) {
            rig_fail(c, "%zu things did not come; the next one is %u", c->list_count - c->list_from,
                     (unsigned)c->list[c->list_from].number);
        }
        if (c->pong_heard != c->pong_sent) {
            rig_fail(c, "the last pong did not come");
        }
        c->list_from = 0;
        c->list_count = 0;
    }
}

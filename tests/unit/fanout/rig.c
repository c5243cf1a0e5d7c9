#include "rig.h"

#include <assert.h>
#include <stdlib.h>

#include "rig_internal.h"
#include "ws/ws.h"

/* --- life ------------------------------------------------------------------------------------- */

struct rig *rig_new(uint64_t max_backlog)
{
    struct rig *r = calloc(1, sizeof(*r));

    assert(r != NULL);
    rig_init_reader(r, max_backlog);
    r->batch = down_batch_new();
    assert(r->batch != NULL);
    for (uint32_t i = 0; i < RIG_INTERNED; i++) {
        r->types[i] = rig_type(i, i);
    }
    return r;
}

void rig_free(struct rig *r)
{
    for (int i = 0; i < RIG_CONNS; i++) {
        rig_abort(r, i);
        free(r->conns[i].list);
    }
    while (rig_apply(r)) {
    }
    reader_fini(&r->reader);
    down_batch_free(r->batch);
    turn_fini(&r->turn);
    for (int i = 0; i < RIG_LOGS; i++) {
        log_fini(&r->logs[i].log);
    }
    for (size_t i = 0; i < r->segment_count; i++) {
        assert(atomic_load(&r->segments[i]->refs) == 1);
        segment_unref(r->segments[i]);
    }
    for (uint32_t i = 0; i < RIG_INTERNED; i++) {
        free(r->types[i]);
    }
    free(r->segments);
    free(r);
}

struct type_name *rig_type(uint32_t number, uint32_t id)
{
    struct type_name *type = malloc(sizeof(*type) + 2);

    assert(type != NULL && number < 10);
    type->id = id;
    type->len = 2;
    type->text[0] = 't';
    type->text[1] = (char)('0' + number);
    return type;
}

/* --- segments --------------------------------------------------------------------------------- */

/* Remembers a new segment, so that it is known in the end whether anybody still refers to it. */
static void note_segment(struct rig *r, struct segment *s)
{
    if (r->segment_count == r->segment_cap) {
        r->segment_cap = r->segment_cap == 0 ? 64 : r->segment_cap * 2;
        r->segments = realloc(r->segments, r->segment_cap * sizeof(struct segment *));
        assert(r->segments != NULL);
    }
    r->segments[r->segment_count++] = segment_ref(s);
}

size_t rig_live_segments(const struct rig *r)
{
    size_t live = 0;

    for (size_t i = 0; i < r->segment_count; i++) {
        live += atomic_load(&r->segments[i]->refs) > 1;
    }
    return live;
}

/* --- what the hub says ------------------------------------------------------------------------ */

static void tell(struct rig *r, const struct down *item)
{
    bool added = down_batch_add(r->batch, item);

    assert(added);
    (void)added;
}

static void tell_log(struct rig *r, int log, enum down_kind kind, struct segment *segment)
{
    tell(r, &(struct down){.kind = (uint8_t)kind,
                           .log = (uint32_t)log,
                           .position = r->logs[log].log.end,
                           .segment = segment});
}

static void expect(struct rig_conn *c, const struct rig_expected *what)
{
    if (c->list_count == c->list_cap) {
        c->list_cap = c->list_cap == 0 ? 64 : c->list_cap * 2;
        c->list = realloc(c->list, c->list_cap * sizeof(*c->list));
        assert(c->list != NULL);
    }
    c->list[c->list_count++] = *what;
}

static bool is_listening(const struct rig_conn *c)
{
    return c->known && !c->closing;
}

int rig_open(struct rig *r)
{
    for (int i = 0; i < RIG_CONNS; i++) {
        struct rig_conn *c = &r->conns[i];
        if (c->open || c->known) {
            continue;
        }
        struct rig_conn fresh = {.rig = r,
                                 .generation = c->generation + 1,
                                 .room = SIZE_MAX,
                                 .open = true,
                                 .known = true,
                                 .mask = RIG_ALL,
                                 .list = c->list,
                                 .list_cap = c->list_cap};
        *c = fresh;
        c->handle = conn_make(RIG_REACTOR, c->generation, (uint32_t)i);
        outbox_init(&c->outbox, c->handle);
        buf_init(&c->in, 16 * 1024 * 1024);
        return i;
    }
    return RIG_NOBODY;
}

static void open_log(struct rig *r, int log)
{
    struct rig_log *l = &r->logs[log];

    if (!l->exists) {
        *l = (struct rig_log){.exists = true};
        log_init(&l->log);
    }
    if (!l->known) {
        l->known = true;
        tell_log(r, log, DOWN_OPEN_LOG, NULL);
        if (l->log.segment != NULL) {
            tell_log(r, log, DOWN_SEGMENT, l->log.segment);
        }
    }
}

static void tell_join(struct rig *r, const struct rig_conn *c, int log)
{
    tell(r, &(struct down){.kind = DOWN_JOIN,
                           .log = (uint32_t)log,
                           .conn = c->handle,
                           .position = r->logs[log].log.end});
}

void rig_join(struct rig *r, int conn, int log)
{
    struct rig_conn *c = &r->conns[conn];

    if (!is_listening(c) || c->member[log] || r->logs[log].ending) {
        return;
    }
    open_log(r, log);
    c->member[log] = true;
    r->logs[log].members++;
    tell_join(r, c, log);
}

static void forget_member(struct rig *r, struct rig_conn *c, int log)
{
    c->member[log] = false;
    if (--r->logs[log].members == 0) {
        r->logs[log].advanced = true;
    }
}

void rig_leave(struct rig *r, int conn, int log)
{
    struct rig_conn *c = &r->conns[conn];

    if (c->known && c->member[log]) {
        tell(r, &(struct down){.kind = DOWN_LEAVE,
                               .log = (uint32_t)log,
                               .conn = c->handle,
                               .position = r->logs[log].log.end});
        forget_member(r, c, log);
    }
}

/* A payload whose every byte follows from its number and length. */
static void write_payload(struct buf *b, uint32_t number, uint32_t len)
{
    buf_printf(b, "%08x", (unsigned)number);
    for (uint32_t i = RIG_SMALLEST; i < len; i++) {
        buf_append_char(b, rig_filler(number, i));
    }
    assert(!b->failed && b->len == len);
}

void rig_say(struct rig *r, int log, int sender, unsigned type, uint32_t len)
{
    struct rig_log *l = &r->logs[log];
    bool started;
    struct buf payload;

    if (!l->known || l->ending || l->members == 0) {
        return;
    }
    uint32_t number = ++r->number;
    buf_init(&payload, len + 1); /* printf wants a byte more */
    write_payload(&payload, number, len);
    struct log_message message = {
        .payload = buf_str(&payload),
        .sender = sender == RIG_NOBODY ? NO_CONN : r->conns[sender].handle,
        .seq = ++r->seq,
        .type = type < RIG_INTERNED ? r->types[type] : rig_type(type, TYPE_LOOSE)};
    bool appended = log_append(&l->log, &message, &started);
    assert(appended);
    (void)appended;
    buf_fini(&payload);
    if (started) {
        note_segment(r, l->log.segment);
        tell_log(r, log, DOWN_SEGMENT, l->log.segment);
    }
    if (sender != RIG_NOBODY) {
        tell(r, &(struct down){
                    .kind = DOWN_SPOKE, .log = (uint32_t)log, .conn = r->conns[sender].handle});
    }
    l->advanced = true;
    for (int i = 0; i < RIG_CONNS; i++) {
        struct rig_conn *c = &r->conns[i];
        if (is_listening(c) && c->member[log] && i != sender && (c->mask >> type & 1) != 0) {
            expect(c, &(struct rig_expected){RIG_MESSAGE, number, len, true});
        }
    }
}

/* A frame in the turn's segment. */
static void make_frame(struct rig *r, struct str payload, struct down *frame)
{
    const struct segment *before = r->turn.segment;
    bool made = turn_frame(&r->turn, payload, &frame->off, &frame->len);

    assert(made);
    (void)made;
    if (r->turn.segment != before) {
        note_segment(r, r->turn.segment);
    }
    frame->segment = r->turn.segment;
}

void rig_send(struct rig *r, int conn, uint8_t flags, uint32_t len)
{
    struct rig_conn *c = &r->conns[conn];
    struct down frame = {
        .kind = DOWN_FRAME, .flags = (uint8_t)(flags | DOWN_MESSAGE), .conn = c->handle};
    struct buf payload;

    if (!is_listening(c)) {
        return;
    }
    buf_init(&payload, len + 1); /* printf wants a byte more */
    write_payload(&payload, ++r->number, len);
    make_frame(r, buf_str(&payload), &frame);
    buf_fini(&payload);
    frame.seq = ++r->seq;
    tell(r, &frame);
    bool skippable = (flags & DOWN_BROADCAST) != 0;
    expect(c, &(struct rig_expected){RIG_MESSAGE, r->number, len, skippable});
}

void rig_filter(struct rig *r, int conn, unsigned mask)
{
    struct rig_conn *c = &r->conns[conn];
    struct str patterns[RIG_TYPES];
    char names[RIG_TYPES][2];
    uint32_t count = 0;
    struct filter *filter = NULL;

    if (!is_listening(c)) {
        return;
    }
    for (uint32_t i = 0; i < RIG_TYPES; i++) {
        names[i][0] = 't';
        names[i][1] = (char)('0' + i);
        if ((mask >> i & 1) != 0) {
            patterns[count++] = str_make(names[i], 2);
        }
    }
    if (mask != RIG_ALL) {
        filter = filter_new(patterns, count);
        assert(filter != NULL);
    }
    c->mask = mask;
    tell(r,
         &(struct down){.kind = DOWN_FILTER, .conn = c->handle, .seq = ++r->seq, .filter = filter});
}

void rig_close(struct rig *r, int conn, uint16_t code)
{
    struct rig_conn *c = &r->conns[conn];

    if (!is_listening(c)) {
        return;
    }
    for (int i = 0; i < RIG_LOGS; i++) {
        rig_leave(r, conn, i);
    }
    c->closing = true;
    tell(r, &(struct down){.kind = DOWN_CLOSE, .conn = c->handle, .seq = ++r->seq, .code = code});
    expect(c, &(struct rig_expected){RIG_CLOSE, code, 2, false});
}

void rig_end_log(struct rig *r, int log)
{
    if (!r->logs[log].exists || r->logs[log].ending) {
        return;
    }
    for (int i = 0; i < RIG_CONNS; i++) {
        rig_leave(r, i, log);
    }
    r->logs[log].ending = true;
    r->logs[log].advanced = true;
}

void rig_idle(struct rig *r, int log)
{
    struct rig_log *l = &r->logs[log];

    if (l->exists && !l->advanced && log_idle(&l->log) && l->known) {
        tell_log(r, log, DOWN_RETIRE, NULL);
    }
}

bool rig_answer_room(struct rig *r, int conn)
{
    struct rig_conn *c = &r->conns[conn];
    struct down resume = {.kind = DOWN_RESUME, .conn = c->handle};
    char payload[RIG_SMALLEST + COUNT_SLOT];

    if (!c->asked) {
        return false;
    }
    c->asked = false;
    if (!is_listening(c)) {
        return true;
    }
    for (int i = 0; i < RIG_LOGS; i++) {
        if (c->member[i]) {
            tell_join(r, c, i);
        }
    }
    memset(payload, ' ', sizeof(payload));
    memcpy(payload, "resumed:", RIG_SMALLEST);
    make_frame(r, str_make(payload, sizeof(payload)), &resume);
    resume.mark = resume.len - COUNT_SLOT;
    resume.seq = ++r->seq;
    tell(r, &resume);
    expect(c, &(struct rig_expected){RIG_RESUME, 0, sizeof(payload), false});
    return true;
}

void rig_gone(struct rig *r, int conn)
{
    struct rig_conn *c = &r->conns[conn];

    if (c->open || !c->known) {
        return;
    }
    for (int i = 0; i < RIG_LOGS; i++) {
        if (c->member[i]) {
            forget_member(r, c, i);
        }
    }
    c->known = false;
}

void rig_turn(struct rig *r)
{
    for (int i = 0; i < RIG_LOGS; i++) {
        struct rig_log *l = &r->logs[i];
        if (!l->exists || !l->advanced) {
            continue;
        }
        if (l->known) {
            tell_log(r, i, DOWN_ADVANCE, NULL);
        }
        if (l->known && l->members == 0) {
            tell_log(r, i, DOWN_CLOSE_LOG, NULL);
            l->known = false;
        }
        l->advanced = false;
        if (l->ending) {
            log_fini(&l->log);
            *l = (struct rig_log){0};
        }
    }
    if (r->batch->count == 0) {
        return;
    }
    if (r->waiting_tail != NULL) {
        r->waiting_tail->next = r->batch;
    } else {
        r->waiting_head = r->batch;
    }
    r->waiting_tail = r->batch;
    r->batch = down_batch_new();
    assert(r->batch != NULL);
}

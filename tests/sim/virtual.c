#include "virtual.h"

#include <assert.h>
#include <stdlib.h>

#include "base/map.h"
#include "ws/deflate.h"
#include "ws/ws.h"

enum { LONGEST_PACKED = 1024 * 1024, RSV1 = 0x40 };

static void random_bytes(void *owner, void *bytes, size_t len)
{
    struct virtual *v = owner;
    uint8_t *at = bytes;

    for (size_t i = 0; i < len; i++) {
        v->random_state = v->random_state * 6364136223846793005u + 1442695040888963407u;
        at[i] = (uint8_t)(v->random_state >> 56);
    }
}

/* --- the reactor's side of fan-out ------------------------------------------------------------ */

static struct vconn *find_conn(struct vreactor *r, uint64_t handle)
{
    uint32_t slot = conn_slot(handle);

    assert(slot < VIRTUAL_SLOTS);
    struct vconn *c = &r->conns[slot];
    return c->used && c->handle == handle ? c : NULL;
}

static struct outbox *find_outbox(void *owner, uint64_t handle)
{
    struct vconn *c = find_conn(owner, handle);

    return c != NULL ? &c->outbox : NULL;
}

static void on_lagged(void *owner, struct outbox *o, bool fatal)
{
    struct vreactor *r = owner;
    struct vconn *c = list_entry(o, struct vconn, outbox);

    if (fatal) {
        c->doomed = true;
    } else {
        (void)virtual_say(r->v, c, UP_LAGGED, 0, STR(""));
    }
}

static void refuse(struct vreactor *r, struct vconn *c, const struct down *item)
{
    struct virtual_hooks *hooks = &r->v->hooks;

    c->refused = true;
    c->doomed = true;
    if (hooks->refused != NULL) {
        struct str text = item->segment != NULL
                              ? str_make(item->segment->data + item->off, item->len - item->mark)
                              : STR("");
        hooks->refused(hooks->ctx, c, (enum error_code)item->code, text);
    }
}

static void on_other(void *owner, const struct down *item)
{
    struct vreactor *r = owner;

    if (item->kind == DOWN_SHED) {
        r->v->shed[r->number]++;
        return;
    }
    if (item->kind == DOWN_SHORT) {
        r->v->is_short[r->number] = item->code != 0;
        return;
    }
    if (item->kind == DOWN_POLICY) {
        shared_unref(item->policy);
        return;
    }
    struct vconn *c = find_conn(r, item->conn);
    if (c == NULL) {
        return;
    }
    switch (item->kind) {
    case DOWN_ACCEPT:
        c->accepted = true;
        c->stranger = (item->flags & DOWN_STRANGER) != 0;
        break;
    case DOWN_TRUST:
        c->stranger = false;
        break;
    case DOWN_PAUSE:
        assert(!c->paused);
        c->paused = true;
        break;
    case DOWN_GO_ON:
        assert(c->paused);
        c->paused = false;
        break;
    default:
        refuse(r, c, item);
    }
}

static void free_slot(struct vreactor *r, struct vconn *c)
{
    outbox_close(&r->reader, &c->outbox);
    buf_fini(&c->in);
    c->used = false;
}

/* The gateway ends a connection. */
static void end_conn(struct virtual *v, struct vconn *c)
{
    struct vreactor *r = &v->reactor[conn_reactor(c->handle)];

    (void)virtual_say(v, c, UP_CLOSED, 0, STR(""));
    free_slot(r, c);
    v->hooks.ended(v->hooks.ctx, c);
}

static void reap(struct virtual *v, struct vreactor *r)
{
    for (uint32_t i = 0; i < VIRTUAL_SLOTS; i++) {
        if (r->conns[i].used && r->conns[i].doomed) {
            end_conn(v, &r->conns[i]);
        }
    }
}

/* --- the client's end of a socket ------------------------------------------------------------- */

/* The length of the frame at the front of `in`, 0 when it is not whole. Server frames only. */
static size_t whole_frame(struct str in, size_t *ret_header)
{
    size_t header = 2;
    uint64_t len;

    if (in.len < 2) {
        return 0;
    }
    const uint8_t *b = (const uint8_t *)in.ptr;
    assert((b[0] & 0xf0 & ~RSV1) == 0x80 && (b[1] & 0x80) == 0);
    len = b[1] & 0x7f;
    if (len >= 126) {
        size_t bytes = len == 126 ? 2 : 8;
        header += bytes;
        if (in.len < header) {
            return 0;
        }
        len = 0;
        for (size_t i = 2; i < header; i++) {
            len = len << 8 | b[i];
        }
    }
    *ret_header = header;
    return in.len - header >= len ? header + (size_t)len : 0;
}

/* What one frame says that came compressed: by itself, for there is no context. */
static void take_packed(struct virtual *v, struct vconn *c, unsigned opcode, struct str payload)
{
    struct inflater *in = inflater_new(15);
    enum inflate_result result = INFLATE_NO_MEMORY;
    struct buf text;

    assert(c->packs && opcode == WS_TEXT);
    buf_init(&text, LONGEST_PACKED);
    if (in != NULL) {
        result = inflater_feed(in, payload, true, LONGEST_PACKED - 1, &text);
    }
    inflater_free(in);
    /* Without memory, of which there is too little when the test says so, nobody has heard it. */
    assert(result == INFLATE_OK || result == INFLATE_NO_MEMORY);
    if (result == INFLATE_OK) {
        v->packed++;
        v->hooks.frame(v->hooks.ctx, c, opcode, buf_str(&text));
    }
    buf_fini(&text);
}

static void take_frames(struct virtual *v, struct vconn *c)
{
    size_t at = 0;
    size_t header;
    size_t len;

    if (c->in.len == 0) {
        return; /* there may be no bytes to point at */
    }
    while ((len = whole_frame(str_slice(buf_str(&c->in), at, c->in.len), &header)) > 0) {
        uint8_t first = (uint8_t)c->in.data[at];
        struct str payload = str_make(c->in.data + at + header, len - header);
        if ((first & RSV1) != 0) {
            take_packed(v, c, first & 0x0fu, payload);
        } else {
            v->hooks.frame(v->hooks.ctx, c, first & 0x0fu, payload);
        }
        at += len;
    }
    buf_consume(&c->in, at);
}

/* Writes one plan; returns how much the socket took. */
static size_t write_plan(struct vconn *c, const struct plan *plan)
{
    size_t sent = plan->bytes < c->room ? plan->bytes : c->room;
    size_t left = sent;

    for (int i = 0; i < plan->count && left > 0; i++) {
        size_t part = plan->iov[i].iov_len < left ? plan->iov[i].iov_len : left;
        buf_append(&c->in, plan->iov[i].iov_base, part);
        left -= part;
    }
    c->room -= c->room == SIZE_MAX ? 0 : sent;
    return sent;
}

static void serve(struct virtual *v, struct vreactor *r, struct vconn *c)
{
    struct plan plan;

    for (;;) {
        outbox_plan(&r->reader, &c->outbox, &plan);
        size_t sent = plan.bytes > 0 ? write_plan(c, &plan) : 0;
        if (plan.bytes > 0 && !outbox_sent(&r->reader, &c->outbox, &plan, sent)) {
            c->doomed = true;
            break;
        }
        if (c->in.failed) {
            c->doomed = true;
            break;
        }
        if (sent < plan.bytes || plan.close || plan.bytes == 0) {
            break;
        }
    }
    bool over = plan.close && !outbox_stalled(&c->outbox);
    take_frames(v, c);
    if (over) {
        end_conn(v, c);
    } else if (!c->doomed && !outbox_stalled(&c->outbox) &&
               outbox_has_room(&r->reader, &c->outbox)) {
        (void)virtual_say(v, c, UP_ROOM, 0, STR(""));
    }
}

/* --- the hub's ports -------------------------------------------------------------------------- */

void virtual_digest(struct str secret, uint8_t ret_digest[DIGEST_SIZE])
{
    uint8_t key[16] = {0};

    for (unsigned i = 0; i < DIGEST_SIZE / 8; i++) {
        key[0] = (uint8_t)i;
        uint64_t part = hash_bytes(key, secret.ptr, secret.len);
        memcpy(ret_digest + 8 * i, &part, sizeof(part));
    }
}

static void port_digest(void *owner, struct str secret, uint8_t ret_digest[32])
{
    (void)owner;
    virtual_digest(secret, ret_digest);
}

static bool port_check_password(void *owner, uint64_t job, struct str password)
{
    struct virtual *v = owner;

    if (v->job_count == VIRTUAL_PASSWORDS || password.len >= sizeof(v->passwords[0])) {
        return false;
    }
    v->jobs[v->job_count] = job;
    memcpy(v->passwords[v->job_count], password.ptr, password.len);
    v->passwords[v->job_count++][password.len] = '\0';
    return true;
}

void virtual_check(struct virtual *v, bool right)
{
    assert(v->job_count > 0);
    uint64_t job = v->jobs[0];
    v->job_count--;
    memmove(v->jobs, v->jobs + 1, v->job_count * sizeof(v->jobs[0]));
    memmove(v->passwords, v->passwords + 1, v->job_count * sizeof(v->passwords[0]));
    hub_password_checked(v->hub, job, right);
}

static void port_judged(void *owner, uint64_t conn, const struct hub_asker *asker,
                        struct str request, size_t head_len)
{
    struct virtual *v = owner;

    (void)head_len;
    v->hooks.judged(v->hooks.ctx, conn, asker, request);
}

/*
 * A signed token is "SUBJECT/SECONDS", or "SUBJECT=AGENT/SECONDS": whose it is, the agent that it
 * is for, and for how long from the start of the test.
 */
static bool port_verify(void *owner, struct str token, void *ctx,
                        void (*take)(void *ctx, const struct hub_claims *claims))
{
    const struct virtual *v = owner;
    size_t slash = str_find(token, '/'), at = str_find(str_slice(token, 0, slash), '=');
    struct hub_claims claims = {.name = str_slice(token, 0, at),
                                .agent_id = str_slice(token, at + 1, slash),
                                .grants = {.publish = {"*", 1}, .sessions = {"*", 1}}};
    uint64_t seconds;

    if (!str_to_uint(str_slice(token, slash + 1, token.len), 1000000, &seconds)) {
        return false;
    }
    claims.expires_ms = VIRTUAL_START_MS + seconds * 1000;
    if (claims.expires_ms <= v->now.wall_ms) {
        return false;
    }
    virtual_digest(claims.name, claims.identity);
    virtual_digest(STR("the key"), claims.key);
    if (v->hooks.claim != NULL && !v->hooks.claim(v->hooks.ctx, &claims)) {
        return false;
    }
    take(ctx, &claims);
    return true;
}

static uint64_t port_memory(void *owner)
{
    return ((const struct virtual *)owner)->memory;
}

/* --- for the test ----------------------------------------------------------------------------- */

bool virtual_init(struct virtual *v, const struct hub_settings *settings,
                  const struct virtual_hooks *hooks, uint64_t seed)
{
    struct hub_ports ports = {.owner = v,
                              .random = random_bytes,
                              .digest = port_digest,
                              .verify = port_verify,
                              .check_password = port_check_password,
                              .judged = port_judged,
                              .memory = port_memory};

    memset(v, 0, sizeof(*v));
    v->now = (struct hub_time){.mono_ms = VIRTUAL_MONO_MS, .wall_ms = VIRTUAL_START_MS};
    v->reactors = settings->reactors;
    v->hooks = *hooks;
    v->random_state = seed;
    for (unsigned i = 0; i < v->reactors; i++) {
        struct vreactor *r = &v->reactor[i];
        r->v = v;
        r->number = i;
        r->conns = calloc(VIRTUAL_SLOTS, sizeof(*r->conns));
        r->up = up_batch_new();
        if (r->conns == NULL || r->up == NULL) {
            return false;
        }
        struct reader_ports reader_ports = {.owner = r, .find = find_outbox, .lagged = on_lagged};
        reader_init(&r->reader, i, &reader_ports, settings->max_send_queue_bytes);
    }
    v->hub = hub_new(settings, &ports, v->now);
    return v->hub != NULL;
}

void virtual_fini(struct virtual *v)
{
    for (unsigned i = 0; i < v->reactors; i++) {
        struct vreactor *r = &v->reactor[i];
        if (r->conns == NULL) {
            break;
        }
        for (uint32_t slot = 0; slot < VIRTUAL_SLOTS; slot++) {
            if (r->conns[slot].used) {
                free_slot(r, &r->conns[slot]);
            }
        }
        while (r->down_head != NULL) {
            struct down_batch *next = r->down_head->next;
            down_batch_free(r->down_head);
            r->down_head = next;
        }
        if (r->up != NULL) {
            reader_fini(&r->reader);
        }
        up_batch_free(r->up);
        free(r->conns);
    }
    hub_free(v->hub);
}

struct vconn *virtual_connect(struct virtual *v, unsigned reactor, struct str world)
{
    return virtual_knock(v, reactor, DIALECT_WORLD,
                         &(struct evidence){.near = true, .world = world});
}

struct vconn *virtual_knock(struct virtual *v, unsigned reactor, enum dialect dialect,
                            const struct evidence *evidence)
{
    struct vreactor *r = &v->reactor[reactor];

    for (uint32_t slot = 0; slot < VIRTUAL_SLOTS; slot++) {
        struct vconn *c = &r->conns[slot];
        if (c->used) {
            continue;
        }
        uint32_t generation = c->generation + 1;
        *c = (struct vconn){.used = true, .room = SIZE_MAX, .generation = generation};
        c->handle = conn_make(reactor, generation, slot);
        outbox_init(&c->outbox, c->handle);
        buf_init(&c->in, 64 * 1024 * 1024);
        struct up *item = up_batch_add_asking(r->up, UP_OPENED, c->handle, evidence, STR(""));
        if (item == NULL) {
            free_slot(r, c);
            return NULL;
        }
        item->dialect = (uint8_t)dialect;
        c->dialect = (uint8_t)dialect;
        c->packs = evidence->packs;
        return c;
    }
    return NULL;
}

bool virtual_say(struct virtual *v, struct vconn *c, enum up_kind kind, uint16_t code,
                 struct str text)
{
    struct up_batch *up = v->reactor[conn_reactor(c->handle)].up;
    struct up *item = up_batch_add(up, kind, c->handle, text);

    /* A reactor never fails to say these: without memory it says them later. */
    while (item == NULL && (kind == UP_CLOSED || kind == UP_LAGGED || kind == UP_ROOM)) {
        item = up_batch_add(up, kind, c->handle, text);
    }
    if (item != NULL) {
        item->code = code;
    }
    return item != NULL;
}

bool virtual_send(struct virtual *v, struct vconn *c, struct str text)
{
    struct up *item =
        up_batch_add(v->reactor[conn_reactor(c->handle)].up, UP_MESSAGE, c->handle, text);

    if (item != NULL) {
        wire_scan(text.ptr, text.len, c->dialect == DIALECT_WORLD ? WIRE_WORLD : WIRE_GATEWAY,
                  &item->wire);
    }
    return item != NULL;
}

void virtual_alive(struct virtual *v, struct vconn *c)
{
    struct up item = {.kind = UP_ALIVE, .conn = c->handle};
    struct up_batch batch = {.items = &item, .count = 1};

    v->hooks.taken(v->hooks.ctx, &item, STR(""));
    hub_receive_one(v->hub, &batch, &item);
}

void virtual_abort(struct virtual *v, struct vconn *c)
{
    struct vreactor *r = &v->reactor[conn_reactor(c->handle)];

    (void)virtual_say(v, c, UP_CLOSED, 0, STR(""));
    free_slot(r, c);
}

uint32_t virtual_up(struct virtual *v, unsigned reactor, uint32_t most)
{
    struct vreactor *r = &v->reactor[reactor];
    uint32_t took = 0;

    while (took < most && r->up_taken < r->up->count) {
        const struct up *item = &r->up->items[r->up_taken++];
        v->hooks.taken(v->hooks.ctx, item, up_text(r->up, item));
        hub_receive_one(v->hub, r->up, item);
        took++;
    }
    if (r->up_taken == r->up->count) {
        up_batch_clear(r->up);
        r->up_taken = 0;
    }
    return took;
}

bool virtual_end_turn(struct virtual *v)
{
    hub_end_turn(v->hub);
    for (unsigned i = 0; i < v->reactors; i++) {
        struct vreactor *r = &v->reactor[i];
        if (!hub_down_pending(v->hub, i)) {
            continue;
        }
        struct down_batch *empty = down_batch_new();
        if (empty == NULL) {
            return false;
        }
        struct down_batch *full = hub_take_down(v->hub, i, empty);
        full->next = NULL;
        if (r->down_tail != NULL) {
            r->down_tail->next = full;
        } else {
            r->down_head = full;
        }
        r->down_tail = full;
    }
    return true;
}

bool virtual_down(struct virtual *v, unsigned reactor)
{
    struct vreactor *r = &v->reactor[reactor];
    struct down_batch *batch = r->down_head;

    if (batch == NULL) {
        return false;
    }
    r->down_head = batch->next;
    if (r->down_head == NULL) {
        r->down_tail = NULL;
    }
    reader_apply(&r->reader, batch, on_other);
    down_batch_clear(batch);
    down_batch_free(batch);
    reap(v, r);
    return true;
}

void virtual_flush(struct virtual *v, unsigned reactor, uint32_t most)
{
    struct vreactor *r = &v->reactor[reactor];
    struct outbox *o;

    while (most-- > 0 && (o = reader_next(&r->reader)) != NULL) {
        serve(v, r, list_entry(o, struct vconn, outbox));
    }
    reap(v, r);
}

void virtual_give_room(struct virtual *v, struct vconn *c, size_t bytes)
{
    struct vreactor *r = &v->reactor[conn_reactor(c->handle)];

    c->room = bytes;
    if (bytes > 0 && outbox_stalled(&c->outbox)) {
        outbox_resume(&r->reader, &c->outbox);
        serve(v, r, c);
        reap(v, r);
    }
}

void virtual_tick(struct virtual *v, uint64_t ms)
{
    v->now.mono_ms += ms;
    v->now.wall_ms += ms;
    hub_tick(v->hub, v->now);
}

static bool anything_left(const struct virtual *v)
{
    for (unsigned i = 0; i < v->reactors; i++) {
        const struct vreactor *r = &v->reactor[i];
        if (r->up->count > r->up_taken || r->down_head != NULL || reader_pending(&r->reader)) {
            return true;
        }
    }
    return hub_owes(v->hub);
}

void virtual_turn(struct virtual *v)
{
    for (unsigned i = 0; i < v->reactors; i++) {
        virtual_up(v, i, UINT32_MAX);
    }
    (void)virtual_end_turn(v);
    for (unsigned i = 0; i < v->reactors; i++) {
        while (virtual_down(v, i)) {
        }
        virtual_flush(v, i, UINT32_MAX);
    }
}

void virtual_settle(struct virtual *v)
{
    do {
        virtual_turn(v);
    } while (anything_left(v));
}

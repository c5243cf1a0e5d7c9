#include <assert.h>
#include <stdlib.h>

#include "core/internal.h"

uint32_t session_find(const struct hub *hub, struct str name)
{
    return map_find(&hub->sessions_by_name, hash_bytes(hub->secret, name.ptr, name.len), &name);
}

uint32_t session_new(struct hub *hub, struct str name)
{
    uint32_t index;
    struct session *s = hub->short_of_memory ? NULL : slab_acquire(&hub->sessions, &index);

    if (s == NULL) {
        return SLAB_NONE;
    }
    s->name = malloc(name.len);
    if (s->name == NULL ||
        !map_insert(&hub->sessions_by_name, hash_bytes(hub->secret, name.ptr, name.len), index)) {
        free(s->name);
        s->name = NULL; /* as in session_free */
        slab_release(&hub->sessions, index);
        return SLAB_NONE;
    }
    memcpy(s->name, name.ptr, name.len);
    s->name_len = (uint32_t)name.len;
    for (unsigned l = 0; l < LANE_COUNT; l++) {
        s->lanes[l] = (struct lane){.first = SLAB_NONE, .last = SLAB_NONE};
    }
    /* A roster entry is an id, a role and their keys; the largest are of a registration's size. */
    buf_init(&s->roster, (size_t)ROSTER_MAX * (2 * hub->settings.max_registration_bytes));
    list_init(&s->link);
    list_append(&hub->sessions_in_order, &s->link);
    hub->counts.sessions++;
    return index;
}

void session_forget_rosters(struct hub *hub)
{
    for (uint32_t i = 0; i < slab_limit(&hub->sessions); i++) {
        session_at(hub, i)->roster_valid = false;
    }
}

bool session_may_begin(const struct hub *hub)
{
    return !hub->short_of_memory && slab_count(&hub->sessions) < hub->sessions.max;
}

static void session_free(struct hub *hub, uint32_t session)
{
    struct session *s = session_at(hub, session);

    assert(s->member_count == 0);
    map_remove(&hub->sessions_by_name, hash_bytes(hub->secret, s->name, s->name_len), session);
    list_remove(&s->link);
    free(s->name);
    free(s->title);
    free(s->metadata);
    s->title = NULL;
    s->metadata = NULL;
    s->name = NULL; /* session_fini knows free slots by it */
    buf_fini(&s->roster);
    slab_release(&hub->sessions, session);
    hub->counts.sessions--;
}

/* --- logs ------------------------------------------------------------------------------------- */

static void mark_advanced(struct hub *hub, struct session_log *sl)
{
    if (list_empty(&sl->advanced)) {
        list_append(&hub->advanced, &sl->advanced);
    }
}

static void tell_log(struct hub *hub, const struct session_log *sl, unsigned reactor,
                     enum down_kind kind, struct segment *segment)
{
    hub_tell(
        hub, reactor,
        &(struct down){
            .kind = (uint8_t)kind, .log = sl->id, .position = sl->log.end, .segment = segment});
}

/* The member's reactor is told of the log first, if it does not know it. */
static void join_log(struct hub *hub, struct session_log *sl, const struct client *c)
{
    unsigned reactor = conn_reactor(c->conn);

    if ((sl->known & 1u << reactor) == 0) {
        sl->known |= 1u << reactor;
        tell_log(hub, sl, reactor, DOWN_OPEN_LOG, NULL);
        if (sl->log.segment != NULL) {
            tell_log(hub, sl, reactor, DOWN_SEGMENT, sl->log.segment);
        }
    }
    sl->members[reactor]++;
    hub_tell(
        hub, reactor,
        &(struct down){.kind = DOWN_JOIN, .log = sl->id, .conn = c->conn, .position = sl->log.end});
}

/* `gone`: the connection is no more, its reactor has forgotten it. */
static void leave_log(struct hub *hub, struct session_log *sl, const struct client *c, bool gone)
{
    unsigned reactor = conn_reactor(c->conn);

    assert(sl->members[reactor] > 0);
    sl->members[reactor]--;
    if (!gone) {
        hub_tell(hub, reactor,
                 &(struct down){
                     .kind = DOWN_LEAVE, .log = sl->id, .conn = c->conn, .position = sl->log.end});
    }
    if (sl->members[reactor] == 0) {
        mark_advanced(hub, sl);
    }
}

static bool take_log_id(struct hub *hub, uint32_t *ret_id)
{
    if (hub->free_log_count > 0) {
        *ret_id = hub->free_logs[--hub->free_log_count];
        return true;
    }
    /* Room to give the id back is made now, so that giving back cannot fail. */
    if (hub->next_log == hub->free_log_cap) {
        uint32_t cap = hub->free_log_cap == 0 ? 16 : hub->free_log_cap * 2;
        uint32_t *ids = realloc(hub->free_logs, cap * sizeof(*ids));
        if (ids == NULL) {
            return false;
        }
        hub->free_logs = ids;
        hub->free_log_cap = cap;
    }
    *ret_id = hub->next_log++;
    return true;
}

/*
 * A lane that has grown gets a log. Without memory it stays small; that is only slower. So it may
 * have any number of members when one begins after all, and each is told by a command.
 */
static void begin_log(struct hub *hub, struct lane *lane)
{
    struct session_log *sl =
        hub_reserve_besides(hub, lane->count + 1) ? calloc(1, sizeof(*sl)) : NULL;

    if (sl == NULL || !take_log_id(hub, &sl->id)) {
        free(sl);
        return;
    }
    log_init(&sl->log);
    list_init(&sl->link);
    list_init(&sl->advanced);
    list_append(&hub->logs, &sl->link);
    lane->log = sl;
    for (uint32_t i = lane->first; i != SLAB_NONE; i = member_at(hub, i)->after) {
        join_log(hub, sl, client_at(hub, member_at(hub, i)->client));
    }
}

/* The log is freed by session_announce, once the reactors have been told. */
static void end_log(struct hub *hub, struct lane *lane)
{
    struct session_log *sl = lane->log;

    for (uint32_t i = lane->first; i != SLAB_NONE; i = member_at(hub, i)->after) {
        leave_log(hub, sl, client_at(hub, member_at(hub, i)->client), false);
    }
    mark_advanced(hub, sl);
    sl->ended = true;
    lane->log = NULL;
}

static void free_log(struct hub *hub, struct session_log *sl)
{
    hub->free_logs[hub->free_log_count++] = sl->id;
    log_fini(&sl->log);
    list_remove(&sl->link);
    list_remove(&sl->advanced);
    free(sl);
}

void session_announce(struct hub *hub)
{
    list_each_safe(link, &hub->advanced) {
        struct session_log *sl = list_entry(link, struct session_log, advanced);
        for (unsigned r = 0; r < hub->settings.reactors; r++) {
            if ((sl->known & 1u << r) == 0) {
                continue;
            }
            if (!down_batch_reserve(hub->down[r], 2)) {
                hub->counts.out_of_memory++;
                return; /* the log stays in the list; the next turn tries again */
            }
            tell_log(hub, sl, r, DOWN_ADVANCE, NULL);
            if (sl->members[r] == 0) {
                tell_log(hub, sl, r, DOWN_CLOSE_LOG, NULL);
                sl->known &= ~(1u << r);
            }
        }
        list_remove(&sl->advanced);
        if (sl->ended) {
            free_log(hub, sl);
        }
    }
}

void session_tick(struct hub *hub)
{
    list_each(link, &hub->logs) {
        struct session_log *sl = list_entry(link, struct session_log, link);
        for (unsigned r = 0; r < hub->settings.reactors; r++) {
            if (!down_batch_reserve(hub->down[r], 1)) {
                return;
            }
        }
        /* What could not be announced for want of memory is still to be read. */
        if (!list_empty(&sl->advanced) || !log_idle(&sl->log)) {
            continue;
        }
        for (unsigned r = 0; r < hub->settings.reactors; r++) {
            if ((sl->known & 1u << r) != 0) {
                tell_log(hub, sl, r, DOWN_RETIRE, NULL);
            }
        }
    }
}

/* --- members ---------------------------------------------------------------------------------- */

static unsigned lane_index(const struct client *c)
{
    return c->packs ? DIALECT_COUNT + c->dialect : c->dialect;
}

static struct lane *lane_of(struct hub *hub, uint32_t session, const struct client *c)
{
    return &session_at(hub, session)->lanes[lane_index(c)];
}

uint32_t session_count(const struct session *s, enum dialect dialect)
{
    return s->lanes[dialect].count + s->lanes[DIALECT_COUNT + dialect].count;
}

static uint32_t first_from(const struct session *s, unsigned lane, unsigned step)
{
    while (lane < LANE_COUNT && s->lanes[lane].first == SLAB_NONE) {
        lane += step;
    }
    return lane < LANE_COUNT ? s->lanes[lane].first : SLAB_NONE;
}

uint32_t session_first(const struct session *s, enum dialect dialect)
{
    return first_from(s, dialect, DIALECT_COUNT);
}

uint32_t session_next(const struct hub *hub, uint32_t index)
{
    const struct member *m = member_at(hub, index);
    const struct client *c = client_at(hub, m->client);

    return m->after != SLAB_NONE ? m->after
                                 : first_from(session_at(hub, m->session),
                                              lane_index(c) + DIALECT_COUNT, DIALECT_COUNT);
}

static void append_member(struct hub *hub, struct lane *lane, uint32_t index)
{
    struct member *m = member_at(hub, index);

    m->before = lane->last;
    m->after = SLAB_NONE;
    *(lane->last != SLAB_NONE ? &member_at(hub, lane->last)->after : &lane->first) = index;
    lane->last = index;
    lane->count++;
}

static void remove_member(struct hub *hub, struct lane *lane, uint32_t index)
{
    const struct member *m = member_at(hub, index);

    *(m->before != SLAB_NONE ? &member_at(hub, m->before)->after : &lane->first) = m->after;
    *(m->after != SLAB_NONE ? &member_at(hub, m->after)->before : &lane->last) = m->before;
    lane->count--;
}

bool session_join(struct hub *hub, uint32_t session, uint32_t client)
{
    struct client *c = client_at(hub, client);
    struct lane *lane = lane_of(hub, session, c);
    uint32_t index;
    struct member *m = slab_acquire(&hub->members, &index);

    if (m == NULL) {
        return false;
    }
    m->client = client;
    m->session = session;
    m->next = c->members;
    c->members = index;
    append_member(hub, lane, index);
    session_at(hub, session)->member_count++;
    if (lane->log != NULL) {
        join_log(hub, lane->log, c);
    } else if (lane->count > SMALL_SESSION) {
        begin_log(hub, lane);
    }
    bool is_first = session_at(hub, session)->member_count == 1;
    state_changed(hub, STATE_SESSION,
                  is_first && !session_at(hub, session)->permanent ? STATE_ADDED : STATE_CHANGED,
                  session);
    host_note_member(hub, HUB_SESSION_JOINED, session, client);
    return true;
}

void session_drop_if_empty(struct hub *hub, uint32_t session)
{
    const struct session *s = session_at(hub, session);

    if (s->name != NULL && s->member_count == 0 && !s->permanent) {
        session_free(hub, session);
    }
}

static void leave(struct hub *hub, uint32_t index, bool gone)
{
    const struct member *m = member_at(hub, index);
    uint32_t session = m->session;
    const struct client *c = client_at(hub, m->client);
    struct lane *lane = lane_of(hub, session, c);

    remove_member(hub, lane, index);
    session_at(hub, session)->member_count--;
    if (lane->log != NULL) {
        leave_log(hub, lane->log, c, gone);
        if (lane->count <= SMALL_AGAIN) {
            end_log(hub, lane);
        }
    }
    host_note_member(hub, HUB_SESSION_LEFT, session, m->client);
    slab_release(&hub->members, index);
    bool is_last = session_at(hub, session)->member_count == 0;
    state_changed(hub, STATE_SESSION,
                  is_last && !session_at(hub, session)->permanent ? STATE_REMOVED : STATE_CHANGED,
                  session);
    session_drop_if_empty(hub, session);
}

bool session_leave_next(struct hub *hub, uint32_t client)
{
    struct client *c = client_at(hub, client);
    uint32_t index = c->members;

    if (index == SLAB_NONE) {
        return false;
    }
    c->members = member_at(hub, index)->next;
    leave(hub, index, c->state == CLIENT_FREE);
    return true;
}

/* Where the client's membership in a session is linked from; the end of its list: it has none. */
static uint32_t *find_link(struct hub *hub, uint32_t session, uint32_t client)
{
    uint32_t *link = &client_at(hub, client)->members;

    while (*link != SLAB_NONE && member_at(hub, *link)->session != session) {
        link = &member_at(hub, *link)->next;
    }
    return link;
}

bool session_has(struct hub *hub, uint32_t session, uint32_t client)
{
    return *find_link(hub, session, client) != SLAB_NONE;
}

void session_leave(struct hub *hub, uint32_t session, uint32_t client)
{
    uint32_t *link = find_link(hub, session, client);
    uint32_t index = *link;

    *link = member_at(hub, index)->next;
    leave(hub, index, false);
}

uint32_t session_of(const struct hub *hub, uint32_t client)
{
    uint32_t index = client_at(hub, client)->members;

    return index != SLAB_NONE ? member_at(hub, index)->session : SLAB_NONE;
}

/* How many of a client's lanes have a log. */
static uint32_t count_logs(struct hub *hub, const struct client *c)
{
    uint32_t count = 0;

    for (uint32_t i = c->members; i != SLAB_NONE; i = member_at(hub, i)->next) {
        count += lane_of(hub, member_at(hub, i)->session, c)->log != NULL;
    }
    return count;
}

bool session_rejoin(struct hub *hub, uint32_t client)
{
    struct client *c = client_at(hub, client);

    if (!hub_reserve_besides(hub, count_logs(hub, c))) {
        return false;
    }
    for (uint32_t i = c->members; i != SLAB_NONE; i = member_at(hub, i)->next) {
        const struct session_log *sl = lane_of(hub, member_at(hub, i)->session, c)->log;
        if (sl != NULL) {
            hub_tell(
                hub, conn_reactor(c->conn),
                &(struct down){
                    .kind = DOWN_JOIN, .log = sl->id, .conn = c->conn, .position = sl->log.end});
        }
    }
    return true;
}

/* --- broadcast -------------------------------------------------------------------------------- */

/* One frame, in the private queue of each member. */
static void broadcast_small(struct hub *hub, struct lane *lane, uint32_t except,
                            const struct log_message *m)
{
    struct down frame = {.kind = DOWN_FRAME, .flags = DOWN_BROADCAST | DOWN_MESSAGE, .seq = m->seq};

    /* One that is large had no memory for a log. */
    if ((lane->count > SMALL_SESSION && !hub_reserve_besides(hub, lane->count)) ||
        !(m->packed ? turn_packed_frame : turn_frame)(&hub->turn, m->payload, &frame.off,
                                                      &frame.len)) {
        hub->counts.out_of_memory++;
        return;
    }
    frame.segment = hub->turn.segment;
    for (uint32_t i = lane->first; i != SLAB_NONE; i = member_at(hub, i)->after) {
        uint32_t client = member_at(hub, i)->client;
        const struct client *c = client_at(hub, client);
        if (client != except && client_wants(c, m->type)) {
            frame.conn = c->conn;
            hub_tell(hub, conn_reactor(c->conn), &frame);
        }
    }
}

/* Takes the type. */
static void broadcast_log(struct hub *hub, struct session_log *sl, const struct log_message *m)
{
    uint64_t sender = m->sender;
    bool started;

    if (!log_append(&sl->log, m, &started)) {
        hub->counts.out_of_memory++;
        return;
    }
    hub->logged += m->payload.len;
    for (unsigned r = 0; started && r < hub->settings.reactors; r++) {
        if ((sl->known & 1u << r) != 0) {
            tell_log(hub, sl, r, DOWN_SEGMENT, sl->log.segment);
        }
    }
    if (sender != NO_CONN) {
        hub_tell(hub, conn_reactor(sender),
                 &(struct down){.kind = DOWN_SPOKE, .log = sl->id, .conn = sender});
    }
    mark_advanced(hub, sl);
}

/* The message as the members of lane `l` get it, `m->payload` being what it says. */
static void broadcast_lane(struct hub *hub, struct lane *lane, unsigned l, uint32_t except,
                           struct log_message *m)
{
    size_t plain = m->payload.len;

    m->packed = l >= DIALECT_COUNT && packer_pack(&hub->packer, m->payload, &m->payload);
    if (m->packed) {
        hub->counts.packed++;
        hub->counts.packed_saved += plain - m->payload.len;
    }
    if (lane->log == NULL) {
        broadcast_small(hub, lane, except, m);
        return;
    }
    bool is_own = except != SLAB_NONE && lane_index(client_at(hub, except)) == l;
    m->sender = is_own ? client_at(hub, except)->conn : NO_CONN;
    /* Only the world has filters, so only its entries need the type; a log takes it. */
    m->type = l % DIALECT_COUNT == DIALECT_WORLD ? type_again(m->type) : hub->untyped;
    if (m->type == NULL) {
        hub->counts.out_of_memory++;
        return;
    }
    broadcast_log(hub, lane->log, m);
}

void session_broadcast(struct hub *hub, uint32_t session, uint32_t except, struct speech *speech,
                       const struct type_name *type)
{
    struct session *s = session_at(hub, session);
    uint64_t seq = hub_next_seq(hub);

    for (unsigned l = 0; l < LANE_COUNT; l++) {
        unsigned d = l % DIALECT_COUNT;
        if (s->lanes[l].count == 0 || (speech->stays && d != speech->dialect)) {
            continue;
        }
        struct str text = speech_in(hub, speech, (enum dialect)d);
        if (text.len == 0) {
            hub->counts.out_of_memory++;
            continue;
        }
        broadcast_lane(hub, &s->lanes[l], l, except,
                       &(struct log_message){.payload = text, .seq = seq, .type = type});
    }
    type_discard(type);
}

void session_fini(struct hub *hub)
{
    for (uint32_t i = 0; i < slab_limit(&hub->sessions); i++) {
        struct session *s = session_at(hub, i);
        if (s->name != NULL) {
            free(s->name);
            free(s->title);
            free(s->metadata);
            buf_fini(&s->roster);
        }
    }
    list_each_safe(link, &hub->logs) {
        free_log(hub, list_entry(link, struct session_log, link));
    }
    free(hub->free_logs);
}

#include "model.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "errands.h"
#include "follow.h"
#include "powers.h"
#include "roles.h"
#include "ws/ws.h"

const char *const model_sessions[MODEL_SESSIONS] = {"world:main", "world:w1", "world:w2", "s0",
                                                    "s1",         "s2",       "s3"};

void model_fail(const struct mclient *c, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fprintf(stderr, "sim: ");
    vfprintf(stderr, format, args);
    va_end(args);
    if (c != NULL) {
        fprintf(stderr, " (client %llx, %s %u, agent %d, heard %llu)",
                (unsigned long long)c->handle, c->control ? "gateway dialect" : "world", c->world,
                c->agent, (unsigned long long)c->heard);
    }
    fprintf(stderr, "\n");
    abort();
}

void *model_grown(void *items, size_t count, size_t *cap, size_t size)
{
    void *moved = NULL;

    if (count < *cap) {
        return items;
    }
    *cap = *cap == 0 ? 16 : *cap * 2;
    while (moved == NULL) {
        moved = realloc(items, *cap * size);
    }
    return moved;
}

void model_init(struct model *m)
{
    for (int i = 0; i < MODEL_SESSIONS; i++) {
        m->notes[i] = NO_NOTE;
    }
}

static int free_place(const struct model *m)
{
    int i = 0;

    while (i < MODEL_CLIENTS && m->clients[i].used) {
        i++;
    }
    return i;
}

bool model_has_room(const struct model *m)
{
    return free_place(m) < MODEL_CLIENTS;
}

struct mclient *model_connect(struct model *m, struct vconn *conn, unsigned world, bool limited)
{
    assert(model_has_room(m));
    struct mclient *c = &m->clients[free_place(m)];

    m->ids = model_grown(m->ids, m->last_serial + 1, &m->id_cap, sizeof(*m->ids));
    m->ids[++m->last_serial][0] = '\0';
    *c = (struct mclient){.used = true,
                          .control = world == MODEL_WORLDS,
                          .limited = limited,
                          .serial = m->last_serial,
                          .handle = conn->handle,
                          .conn = conn,
                          .world = world,
                          .agent = -1,
                          .mask = MODEL_ALL};
    conn->user = c;
    return c;
}

struct mclient *model_find(struct model *m, uint64_t handle)
{
    for (int i = 0; i < MODEL_CLIENTS; i++) {
        if (m->clients[i].used && m->clients[i].handle == handle) {
            return &m->clients[i];
        }
    }
    return NULL;
}

void model_free(struct mclient *c)
{
    free(c->sent);
    free(c->list);
    free(c->follow);
    *c = (struct mclient){0};
}

void model_fini(struct model *m)
{
    for (int i = 0; i < MODEL_CLIENTS; i++) {
        model_free(&m->clients[i]);
    }
    free(m->ids);
    free(m->requests);
}

void model_sent(struct mclient *c, const struct action *a)
{
    c->sent = model_grown(c->sent, c->sent_count, &c->sent_cap, sizeof(*c->sent));
    c->sent[c->sent_count++] = *a;
    c->follow_asked += a->deed == DEED_FOLLOW;
}

/* --- what follows from an event --------------------------------------------------------------- */

void model_expect(struct mclient *c, const struct expected *what)
{
    if (!c->open) {
        return;
    }
    c->list = model_grown(c->list, c->list_count, &c->list_cap, sizeof(*c->list));
    c->list[c->list_count++] = *what;
}

void model_answer(struct mclient *c, enum heard kind, uint64_t number)
{
    model_expect(c, &(struct expected){
                        .kind = kind, .number = number, .session = NO_SESSION, .note = NO_NOTE});
}

static void expect_info(struct mclient *c, enum status status, uint64_t total, int session,
                        uint64_t note)
{
    model_expect(c, &(struct expected){.kind = HEARD_INFO,
                                       .number = info_number(status, total),
                                       .session = session,
                                       .note = note});
}

/* To the members of a session whose filter lets the type pass. */
static void expect_all(struct model *m, const struct mclient *except, unsigned type,
                       const struct expected *what)
{
    for (int i = 0; i < MODEL_CLIENTS; i++) {
        struct mclient *c = &m->clients[i];
        if (c != except && model_is_in(c, what->session) && (c->mask & 1u << type) != 0) {
            model_expect(c, what);
        }
    }
}

/* The same, of those who speak the gateway dialect. */
static void expect_control(struct model *m, const struct mclient *except,
                           const struct expected *what)
{
    for (int i = 0; i < MODEL_CLIENTS; i++) {
        struct mclient *c = &m->clients[i];
        if (c->control && c != except && model_is_in(c, what->session)) {
            model_expect(c, what);
        }
    }
}

void model_announce_agent(struct model *m, const struct mclient *except, unsigned world,
                          enum heard kind, unsigned agent)
{
    expect_all(m, except, kind == HEARD_JOINED ? MODEL_JOINED : MODEL_LEFT,
               &(struct expected){.kind = kind,
                                  .number = agent,
                                  .skippable = true,
                                  .from_world = true,
                                  .session = (int)world,
                                  .note = NO_NOTE});
}

/* --- sessions --------------------------------------------------------------------------------- */

bool model_is_in(const struct mclient *c, int session)
{
    if (!c->used || !c->open || !c->control) {
        return c->used && c->open && (int)c->world == session;
    }
    for (int i = 0; i < c->in_count; i++) {
        if (c->in[i] == session) {
            return true;
        }
    }
    return false;
}

static uint64_t member_count(const struct model *m, int session)
{
    uint64_t count = 0;

    for (int i = 0; i < MODEL_CLIENTS; i++) {
        count += model_is_in(&m->clients[i], session);
    }
    return count;
}

static bool exists(const struct model *m, int session)
{
    return session == 0 || member_count(m, session) > 0;
}

uint64_t model_session_count(const struct model *m, const struct mclient *c)
{
    uint64_t count = 0;

    for (int i = 0; i < MODEL_SESSIONS; i++) {
        count += exists(m, i) && (c == NULL || model_may_enter(m, c, i));
    }
    return count;
}

/* Somebody enters: where nobody was, nothing is left of what was there before. */
static void begin_session(struct model *m, int session)
{
    if (!exists(m, session)) {
        m->notes[session] = NO_NOTE;
    }
}

static void announce(struct model *m, const struct mclient *c, int session, unsigned way)
{
    if (!m->draining) {
        expect_control(m, c,
                       &(struct expected){.kind = HEARD_PRESENCE,
                                          .number = way,
                                          .skippable = true,
                                          .session = session,
                                          .sender = c->serial,
                                          .agent = -1,
                                          .note = NO_NOTE});
    }
}

static void enter_session(struct model *m, struct mclient *c, int session, enum status status)
{
    if (!model_is_in(c, session)) {
        begin_session(m, session);
        c->in[c->in_count++] = session;
        announce(m, c, session, CAME_ONLINE);
    }
    expect_info(c, status, member_count(m, session), session, m->notes[session]);
}

static void leave_session(struct model *m, struct mclient *c, int session)
{
    int kept = 0;

    announce(m, c, session, WENT_OFFLINE);
    for (int i = 0; i < c->in_count; i++) {
        if (c->in[i] != session) {
            c->in[kept++] = c->in[i];
        }
    }
    c->in_count = kept;
}

/* The last one that it joined first. */
static void leave_sessions(struct model *m, struct mclient *c)
{
    while (c->in_count > 0) {
        leave_session(m, c, c->in[c->in_count - 1]);
    }
}

void model_close(struct model *m, struct mclient *c, uint16_t code)
{
    if (!c->open) {
        return;
    }
    roles_leave(m, c, false);
    errands_lose_asker(m, c);
    leave_sessions(m, c);
    model_answer(c, HEARD_CLOSE, code);
    c->open = false;
    c->closing = true;
}

/* --- what is said ----------------------------------------------------------------------------- */

/* A message of this client, with its name. */
static struct expected message_of(const struct mclient *c, const struct action *a, int session)
{
    return (struct expected){.kind = HEARD_MESSAGE,
                             .number = a->number,
                             .from_world = !c->control,
                             .session = session,
                             .sender = c->serial,
                             .agent = c->agent,
                             .note = NO_NOTE};
}

static void direct(struct model *m, struct mclient *c, const struct action *a)
{
    struct expected what = message_of(c, a, c->control ? NO_SESSION : (int)c->world);
    struct mclient *target = a->to == 0 ? m->agents[a->agent].client : NULL;

    for (int i = 0; i < MODEL_CLIENTS && a->to != 0; i++) {
        if (m->clients[i].used && m->clients[i].open && m->clients[i].serial == a->to) {
            target = &m->clients[i];
        }
    }
    if (target != NULL && (target->control || model_may_enter(m, c, (int)target->world))) {
        follow_copy(m, &what, NULL);
        model_expect(target, &what);
    } else {
        model_answer(c, HEARD_ERROR, ERROR_OTHER);
    }
}

/* Whether the client is in a session that it wants something of; if not, it is told. */
static bool takes_part(struct model *m, struct mclient *c, int session)
{
    bool there = exists(m, session) && model_may_enter(m, c, session);

    if (model_is_in(c, session)) {
        return true;
    }
    model_answer(c, HEARD_ERROR, there ? ERROR_NO_MEMBER : ERROR_NO_SESSION);
    return false;
}

static bool share(const struct mclient *a, const struct mclient *b)
{
    for (int i = 0; i < a->in_count; i++) {
        if (model_is_in(b, a->in[i])) {
            return true;
        }
    }
    return false;
}

/* To everybody of the gateway dialect, or to those who are in a session with the client. */
static void expect_others(struct model *m, const struct mclient *c, const struct action *a,
                          bool sharing)
{
    struct expected what = message_of(c, a, NO_SESSION);

    follow_copy(m, &what, NULL);
    what.skippable = true;
    for (int i = 0; i < MODEL_CLIENTS; i++) {
        struct mclient *other = &m->clients[i];
        if (other->used && other->control && other != c && (!sharing || share(c, other))) {
            model_expect(other, &what);
        }
    }
}

static void patch(struct model *m, struct mclient *c, const struct action *a)
{
    struct expected what = {.kind = HEARD_INFO, .skippable = true, .session = a->session};

    m->notes[a->session] = a->number;
    what.note = a->number;
    what.number = info_number(INFO_PATCHED, member_count(m, a->session));
    expect_control(m, c, &what);
    what.skippable = false;
    model_expect(c, &what);
}

static void be_present(struct model *m, struct mclient *c, const struct action *a)
{
    struct expected what = message_of(c, a, a->session);

    if (a->session == NO_SESSION) {
        expect_others(m, c, a, true);
    } else if (takes_part(m, c, a->session)) {
        follow_copy(m, &what, NULL);
        what.skippable = true;
        expect_control(m, c, &what);
    }
}

/* What the gateway dialect alone has. */
static void act_control(struct model *m, struct mclient *c, const struct action *a)
{
    bool there = a->session != NO_SESSION && exists(m, a->session);

    switch (a->deed) {
    case DEED_CREATE:
        if (!model_may_enter(m, c, a->session)) {
            model_answer(c, HEARD_ERROR, ERROR_NO_GRANT);
            break;
        }
        enter_session(m, c, a->session, there ? INFO_JOINED : INFO_CREATED);
        break;
    case DEED_JOIN:
        /* A world begins when somebody enters it. */
        if ((there || a->session < MODEL_WORLDS) && model_may_enter(m, c, a->session)) {
            enter_session(m, c, a->session, INFO_JOINED);
        } else {
            model_answer(c, HEARD_ERROR, ERROR_NO_SESSION);
        }
        break;
    case DEED_LEAVE:
        if (model_is_in(c, a->session)) {
            leave_session(m, c, a->session);
        }
        expect_info(c, INFO_LEFT, 0, a->session, NO_NOTE);
        break;
    case DEED_PATCH:
        if (takes_part(m, c, a->session)) {
            patch(m, c, a);
        }
        break;
    case DEED_PRESENCE:
        be_present(m, c, a);
        break;
    case DEED_ALL:
        if (c->limited) {
            model_answer(c, HEARD_ERROR, ERROR_NO_GRANT);
        } else {
            expect_others(m, c, a, false);
        }
        break;
    case DEED_UNREGISTER:
        roles_unregister(m, c, a);
        break;
    case DEED_HEARTBEAT:
        roles_heartbeat(m, c, a);
        break;
    case DEED_FOLLOW:
    case DEED_WATCH:
        if (c->limited) {
            model_answer(c, HEARD_ERROR, ERROR_NO_GRANT);
        } else if (a->deed == DEED_WATCH) {
            c->watching = true;
            model_answer(c, HEARD_WATCHING, 0);
        }
        break; /* what is heard of the state is looked at by itself */
    case DEED_RENEW:
        if (powers_renew(m, c, a)) {
            model_answer(c, HEARD_WELCOME, 0);
        } else {
            model_answer(c, HEARD_ERROR, ERROR_OTHER);
        }
        break;
    default:
        expect_info(c, INFO_LIST, model_session_count(m, c), NO_SESSION, NO_NOTE);
    }
}

/* Whether it may say something of this type. */
static bool is_granted(const struct model *m, const struct mclient *c, const struct action *a)
{
    switch (a->deed) {
    case DEED_BROADCAST:
    case DEED_DIRECT:
        return model_may_publish(c, a->type);
    case DEED_ASK:
        return !c->limited || a->chat || m->limited_more;
    case DEED_PATCH:
    case DEED_PRESENCE:
        return !c->limited || m->limited_more;
    default:
        return true;
    }
}

static void act(struct model *m, struct mclient *c, const struct action *a)
{
    struct expected what = message_of(c, a, c->control ? a->session : (int)c->world);

    if (!is_granted(m, c, a)) {
        model_answer(c, HEARD_ERROR, ERROR_NO_GRANT);
        return;
    }
    switch (a->deed) {
    case DEED_BROADCAST:
        if (!c->control || takes_part(m, c, a->session)) {
            follow_copy(m, &what, NULL);
            what.skippable = true;
            expect_all(m, c, a->type, &what);
        }
        break;
    case DEED_DIRECT:
        direct(m, c, a);
        break;
    case DEED_REGISTER:
        roles_register(m, c, a);
        break;
    case DEED_ASK:
        errands_ask(m, c, a);
        break;
    case DEED_ANSWER:
        errands_answer(m, c, a);
        break;
    case DEED_CANCEL:
        errands_cancel(m, c, a);
        break;
    case DEED_SUBSCRIBE:
        c->mask = a->mask;
        break;
    case DEED_PING:
        model_answer(c, HEARD_PONG, 0);
        break;
    case DEED_BAD:
        model_answer(c, HEARD_ERROR, ERROR_OTHER);
        break;
    default:
        act_control(m, c, a);
    }
}

/* The first thing that it hears. */
static void open_client(struct model *m, struct mclient *c)
{
    if (m->draining || !powers_let_in(m, c) ||
        (!c->control && !model_may_enter(m, c, (int)c->world))) {
        return;
    }
    if (!c->control) {
        begin_session(m, (int)c->world);
    }
    c->open = true;
    if (c->control) {
        expect_info(c, INFO_CONNECTED, 0, NO_SESSION, NO_NOTE);
    } else {
        model_answer(c, HEARD_ACK, 0);
    }
}

/* It lagged and has room again: it is told what it missed, and then how things are. */
static void resume_client(struct model *m, struct mclient *c)
{
    model_answer(c, HEARD_SLOW, 0);
    if (c->control) {
        expect_info(c, INFO_LIST, model_session_count(m, c), NO_SESSION, NO_NOTE);
    } else {
        model_answer(c, HEARD_ACK, 0);
    }
}

void model_taken(struct model *m, struct mclient *c, const struct up *item, uint32_t tick)
{
    const struct action *a = NULL;

    if (item->kind == UP_MESSAGE) {
        assert(c->sent_from < c->sent_count);
        a = &c->sent[c->sent_from++];
    }
    if (item->kind == UP_OPENED) {
        c->heard_tick = tick;
        open_client(m, c);
        return;
    }
    if (item->kind == UP_CLOSED) {
        roles_leave(m, c, false);
        errands_lose_asker(m, c);
        leave_sessions(m, c);
        model_free(c);
        errands_settle(m);
        return;
    }
    if (!c->open) {
        return;
    }
    if (item->kind != UP_LAGGED) {
        c->heard_tick = tick; /* that one is the reactor's word, not the client's */
    }
    if (item->kind == UP_MESSAGE) {
        act(m, c, a);
    } else if (item->kind == UP_FAILED) {
        model_close(m, c, item->code);
    } else if (item->kind == UP_ROOM) {
        resume_client(m, c);
    }
    errands_settle(m);
}

void model_timeout(struct model *m, struct mclient *c)
{
    model_close(m, c, WS_CLOSE_GOING_AWAY);
}

void model_tick(struct model *m, uint64_t now_ms)
{
    m->now_ms = now_ms;
    errands_tick(m);
    errands_settle(m);
    roles_tick(m);
}

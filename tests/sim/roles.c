#include "roles.h"

#include "errands.h"
#include "powers.h"

void roles_leave(struct model *m, struct mclient *c, bool forget)
{
    if (c->agent < 0) {
        return;
    }
    struct magent *a = &m->agents[c->agent];
    unsigned offered = a->offers;
    if (!m->draining && !c->control) {
        model_announce_agent(m, c, c->world, HEARD_LEFT, (unsigned)c->agent);
    }
    errands_lose_agent(m, (unsigned)c->agent);
    a->client = NULL;
    a->offers = 0;
    a->known = !forget;
    a->world = c->control ? 0 : (int)c->world;
    a->left_ms = m->now_ms;
    a->used = forget ? 0 : a->used;
    c->agent = -1;
    errands_desert(m, offered);
}

/* The agent is this client's now; who had it before is closed. */
static void take(struct model *m, struct mclient *c, unsigned agent)
{
    struct magent *a = &m->agents[agent];
    struct mclient *old = a->client;

    roles_leave(m, c, true);
    if (old != NULL) {
        if (!old->control && (c->control || old->world != c->world)) {
            model_announce_agent(m, old, old->world, HEARD_LEFT, agent);
        }
        errands_lose_agent(m, agent);
        old->agent = -1;
        a->client = c;
        model_close(m, old, 4409);
    }
    a->client = c;
    a->known = true;
    a->busy = false;
    c->agent = (int)agent;
}

void roles_register(struct model *m, struct mclient *c, const struct action *act)
{
    struct magent *a = &m->agents[act->agent];
    unsigned offered;

    if (act->end_s > 0 && !powers_renew(m, c, act)) {
        model_answer(c, HEARD_ERROR, ERROR_OTHER);
        return;
    }
    if (a->client != NULL && a->client->limited != c->limited) {
        model_answer(c, HEARD_ERROR, ERROR_OTHER); /* it is taken */
        return;
    }
    if (a->client != c) {
        take(m, c, act->agent);
    }
    offered = a->offers;
    a->offers = act->mask;
    a->slots = act->slots;
    a->described = ++m->stamp;
    errands_desert(m, offered);
    errands_agent_free(m, act->agent);
    if (c->control) {
        model_answer(c, HEARD_AGENT, AGENT_REGISTERED);
    } else {
        model_answer(c, HEARD_ACK, 0);
        model_announce_agent(m, c, c->world, HEARD_JOINED, act->agent);
    }
}

void roles_unregister(struct model *m, struct mclient *c, const struct action *act)
{
    if (m->agents[act->agent].client != c) {
        model_answer(c, HEARD_ERROR, ERROR_OTHER);
        return;
    }
    roles_leave(m, c, true);
    model_answer(c, HEARD_AGENT, AGENT_UNREGISTERED);
}

void roles_heartbeat(struct model *m, struct mclient *c, const struct action *act)
{
    if (c->agent < 0) {
        model_answer(c, HEARD_ERROR, ERROR_OTHER);
        return;
    }
    m->agents[c->agent].busy = act->busy;
    errands_agent_free(m, (unsigned)c->agent);
    model_answer(c, HEARD_AGENT, act->busy ? AGENT_BUSY : AGENT_ONLINE);
}

void roles_tick(struct model *m)
{
    for (int i = 0; i < MODEL_AGENTS; i++) {
        struct magent *a = &m->agents[i];
        if (a->client == NULL && a->known && m->now_ms - a->left_ms >= m->remember_ms) {
            a->known = false;
            a->used = 0;
        }
    }
}

#include "core/relay.h"
#include "core/request.h"
#include "proto/capability.h"

/*
 * Who would get a request, and why the others would not: what request_queue.c goes by, told of each
 * agent. One in a world that whoever asks may not enter is counted and not named.
 */

enum {
    LISTED_MAX = 100,
    OFFLINE_BYTES =
        1024 * 1024, /* of capabilities of agents that have gone, to be looked through */
};

struct consideration {
    const struct hub *hub;
    struct dry_run *dry;
    uint32_t principal; /* who would ask */
    struct json_writer w;
    uint32_t chosen; /* an agent, or SLAB_NONE */
    uint32_t listed;
};

static const char *fate_of(const struct consideration *c, uint32_t agent)
{
    const struct agent *a = agent_at(c->hub, agent);

    if (!agent_reached_by(c->hub, a, c->principal)) {
        return "unreachable";
    }
    if (!agent_is_online(a)) {
        return "offline";
    }
    if (a->busy) {
        return "busy";
    }
    if (a->in_flight >= a->max_concurrent) {
        return "full";
    }
    return agent == c->chosen ? "chosen" : "later";
}

static void consider(struct consideration *c, uint32_t agent)
{
    const struct agent *a = agent_at(c->hub, agent);
    bool may_know = a->world.len == 0 ||
                    hub_may(c->hub, c->dry->principal, MAY_ENTER, a->world).code == ERROR_NONE;

    if (!may_know && !agent_reached_by(c->hub, a, c->principal)) {
        return; /* neither of them knows of it */
    }
    c->dry->considered++;
    c->dry->is_hidden = c->dry->is_hidden || (!may_know && agent == c->chosen);
    if (!may_know || c->listed == LISTED_MAX) {
        return;
    }
    c->listed++;
    json_begin_object(&c->w);
    json_key_string(&c->w, STR("agentId"), agent_id(a));
    json_key_string(&c->w, STR("fate"), str_from_z(fate_of(c, agent)));
    if (agent_is_online(a)) {
        json_key_uint(&c->w, STR("inFlight"), a->in_flight);
        json_key_uint(&c->w, STR("maxConcurrent"), a->max_concurrent);
    }
    json_end_object(&c->w);
}

static void consider_offers(struct consideration *c, uint32_t capability)
{
    if (capability != SLAB_NONE) {
        list_each(link, &capability_at(c->hub, capability)->offers) {
            consider(c, list_entry(link, struct offer, link)->agent);
        }
    }
}

/* Those who could, were they there. */
static void consider_offline(struct consideration *c, struct str wanted)
{
    size_t left = OFFLINE_BYTES;

    list_each(link, &c->hub->agents_offline) {
        const struct agent *a = list_entry(link, struct agent, link);
        if (a->capabilities.len > left) {
            break;
        }
        left -= a->capabilities.len;
        if (capability_has(a->capabilities, wanted)) {
            consider(c, agent_find(c->hub, agent_id(a)));
        }
    }
}

void request_explain(const struct hub *hub, const struct sender *sender, const struct question *q)
{
    struct consideration c = {
        .hub = hub, .dry = sender->dry, .principal = sender->principal, .chosen = SLAB_NONE};
    uint32_t target =
        q->target.len > 0 && id_valid(q->target) ? agent_find(hub, q->target) : SLAB_NONE;

    if (target != SLAB_NONE) {
        bool waits = queue_would_wait(hub, c.principal, SLAB_NONE, target);
        c.chosen = waits ? SLAB_NONE : target;
    } else if (q->capability != SLAB_NONE &&
               !queue_would_wait(hub, c.principal, q->capability, SLAB_NONE)) {
        c.chosen = queue_choose(hub, q->capability, c.principal);
    }
    json_writer_init(&c.w, c.dry->candidates);
    json_begin_array(&c.w);
    if (target != SLAB_NONE) {
        consider(&c, target);
    } else if (q->target.len == 0) {
        consider_offers(&c, q->capability);
        consider_offline(&c, q->wanted);
    }
    json_end_array(&c.w);
    c.dry->is_request = true;
}

void request_explain_way(const struct hub *hub, const struct sender *sender,
                         const struct question *q, uint32_t target)
{
    struct dry_run *dry = sender->dry;

    dry->routed = true;
    dry->waits = queue_would_wait(hub, sender->principal, q->capability, target);
    if (!dry->waits) {
        uint32_t agent =
            target != SLAB_NONE ? target : queue_choose(hub, q->capability, sender->principal);
        dry->target = agent_at(hub, agent)->client;
        dry->receivers = 1;
    }
}

#include "traffic.h"

#include <stdlib.h>

static bool allocate(struct traffic *t)
{
    const struct plan *p = &t->plan;
    uint32_t window = t->options->window;
    t->slots = calloc(window, sizeof(*t->slots));
    t->free = calloc(window, sizeof(*t->free));
    t->sent = calloc(window, t->layout.size);
    t->counts = calloc(p->clients, sizeof(*t->counts));
    t->expected =
        calloc((size_t)p->clients * (p->mode == LOAD_CHAT ? p->members : 1), sizeof(*t->expected));
    return (t->slots != NULL && t->free != NULL && t->sent != NULL && t->counts != NULL &&
            t->expected != NULL) ||
           swarm_fail(&t->swarm, "not enough memory");
}

/* All slots are free; those of pairs belong to the pairs in turn. */
static void free_all_slots(struct traffic *t)
{
    for (uint32_t i = 0; i < t->options->window; i++) {
        t->slots[i].stamp.target = i * 2 % t->plan.clients;
        t->free[i] = i;
    }
    t->free_count = t->options->window;
}

static void choose_speakers(struct traffic *t)
{
    const struct plan *p = &t->plan;
    bool all = p->mode == LOAD_CHAT || p->mode == LOAD_PAIRS;
    t->first_speaker = p->mode == LOAD_REQUESTS ? p->agents : 0;
    t->speakers = all ? p->clients : p->mode == LOAD_REQUESTS ? p->clients - p->agents : 1;
}

static bool make_layout(struct message_layout *l, const struct load_options *o, char *error)
{
    enum dialect_text text = o->mode == LOAD_PAIRS      ? DIALECT_DIRECTED
                             : o->mode == LOAD_REQUESTS ? DIALECT_REQUEST
                                                        : DIALECT_MESSAGE;
    if (o->dialect->texts[text].text.len == 0) {
        (void)snprintf(error, LOAD_ERROR_SIZE, "the dialect has no `%s`, which this load needs",
                       dialect_text_name(text));
        return false;
    }
    return message_layout_init(l, &o->dialect->texts[text], o->prefix, o->size,
                               o->dialect->whole && o->mode != LOAD_REQUESTS, error);
}

bool load_check(const struct load_options *o, char error[LOAD_ERROR_SIZE])
{
    struct message_layout layout = {0};
    struct load_options pair = *o;
    if (o->mode == LOAD_IDLE && o->sessions > 0 && o->dialect->texts[DIALECT_JOIN].text.len == 0) {
        (void)snprintf(error, LOAD_ERROR_SIZE, "the dialect has no `join`, which --sessions needs");
        return false;
    }
    if (o->mode == LOAD_IDLE || o->mode == LOAD_CONNECT) {
        return true;
    }
    bool ok = make_layout(&layout, o, error);
    message_layout_fini(&layout);
    if (ok && o->mode == LOAD_PROBE) {
        pair.mode = LOAD_PAIRS;
        ok = make_layout(&layout, &pair, error);
        message_layout_fini(&layout);
    }
    return ok;
}

bool traffic_join(struct swarm *s, const struct load_options *o, uint32_t client)
{
    const struct template *join = &o->dialect->texts[DIALECT_JOIN];
    const struct plan *p = s->shared.plan;
    bool ok = true;
    for (uint32_t i = 0; i < p->joins && ok && join->text.len > 0; i++) {
        struct template_values values;
        struct buf text;
        plan_values(p, client, &values);
        values.session = plan_session(p, client, i);
        buf_init(&text, TEMPLATE_MAX_EXPANDED);
        template_expand(join, &values, &text, NULL);
        ok = !text.failed && swarm_send(s, client, buf_str(&text));
        buf_fini(&text);
    }
    return ok;
}

static bool join_all(struct traffic *t)
{
    bool speaks_to_all = t->plan.mode != LOAD_PAIRS && t->plan.mode != LOAD_REQUESTS;
    for (uint32_t i = 0; i < t->plan.clients && speaks_to_all; i++) {
        if (!traffic_join(&t->swarm, t->options, i)) {
            return false;
        }
    }
    return swarm_flush(&t->swarm) && swarm_settle(&t->swarm);
}

bool traffic_init(struct traffic *t, const struct load_options *o)
{
    uint32_t first = o->mode == LOAD_REQUESTS ? o->agents : 0;
    t->options = o;
    t->swarm.epoll = -1;
    t->swarm.error = t->error;
    if (!plan_init(&t->plan, o, t->error) || !make_layout(&t->layout, o, t->error) ||
        !swarm_init(&t->swarm, o, &t->plan, traffic_hear, t, t->error) || !allocate(t)) {
        return false;
    }
    choose_speakers(t);
    free_all_slots(t);
    return swarm_open(&t->swarm, first) && swarm_settle(&t->swarm) &&
           swarm_open(&t->swarm, t->plan.clients - first) && join_all(t);
}

void traffic_fini(struct traffic *t)
{
    swarm_fini(&t->swarm);
    message_layout_fini(&t->layout);
    free(t->slots);
    free(t->free);
    free(t->sent);
    free(t->counts);
    free(t->expected);
}

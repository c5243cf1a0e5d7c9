#include "core/request.h"

#include <assert.h>
#include <stdlib.h>

/* --- states ----------------------------------------------------------------------------------- */

/*
 *              waiting     asked       answered    ending
 *   assigned   asked       -           -           -
 *   part       -           answered    answered    -
 *   done       -           end         end         -
 *   failed     -           end         end         -
 *   timeout    end         end *       end *       end
 *   cancelled  end         end *       end *       end
 *   asker gone end         end *       end *       end
 *   agent lost waiting     waiting     -           -           another one may be tried
 *   agent gone ending      ending      ending      end         and that was that
 *
 *   *  the agent is told that nobody waits for it any more
 *
 * An agent that is lost before it has answered is AGENT_LOST once, when there is somebody else to
 * be tried, and AGENT_GONE else. An end is told to the asker, but for done and failed, which the
 * agent's own message has told already, and unless the asker has gone.
 */
enum { NEVER = REQUEST_STATES };

static const uint8_t next_state[REQUEST_EVENTS][REQUEST_STATES] = {
    [EVENT_ASSIGNED] = {NEVER, REQUEST_ASKED, NEVER, NEVER, NEVER},
    [EVENT_PART] = {NEVER, NEVER, REQUEST_ANSWERED, REQUEST_ANSWERED, NEVER},
    [EVENT_DONE] = {NEVER, NEVER, REQUEST_FREE, REQUEST_FREE, NEVER},
    [EVENT_FAILED] = {NEVER, NEVER, REQUEST_FREE, REQUEST_FREE, NEVER},
    [EVENT_TIMEOUT] = {NEVER, REQUEST_FREE, REQUEST_FREE, REQUEST_FREE, REQUEST_FREE},
    [EVENT_CANCELLED] = {NEVER, REQUEST_FREE, REQUEST_FREE, REQUEST_FREE, REQUEST_FREE},
    [EVENT_ASKER_GONE] = {NEVER, REQUEST_FREE, REQUEST_FREE, REQUEST_FREE, REQUEST_FREE},
    [EVENT_AGENT_LOST] = {NEVER, REQUEST_WAITING, REQUEST_WAITING, NEVER, NEVER},
    [EVENT_AGENT_GONE] = {NEVER, REQUEST_ENDING, REQUEST_ENDING, REQUEST_ENDING, REQUEST_FREE},
};

/* Its agent, if it has one, has it no more. */
static void leave_agent(struct hub *hub, struct request *r, enum request_event event)
{
    if (r->agent == SLAB_NONE) {
        return;
    }
    if (event == EVENT_TIMEOUT || event == EVENT_CANCELLED || event == EVENT_ASKER_GONE) {
        say_cancel(hub, r);
    }
    struct agent *a = agent_at(hub, r->agent);
    list_remove(&r->at);
    r->agent = SLAB_NONE;
    a->in_flight--;
    requests_agent_free(hub, a);
}

static void enter_agent(struct hub *hub, struct request *r, uint32_t agent)
{
    struct agent *a = agent_at(hub, agent);

    r->agent = agent;
    r->generation = a->generation;
    list_append(&a->work, &r->at);
    a->in_flight++;
    a->used = ++hub->agent_uses;
    say_request(hub, r);
}

/* Nobody else will be asked. */
static void forget_body(struct request *r)
{
    free(r->body);
    r->body = NULL;
    r->body_len = 0;
}

void request_change(struct hub *hub, struct request *r, enum request_event event, uint32_t agent)
{
    uint8_t next = next_state[event][r->state];

    assert(next != NEVER);
    if (r->state == REQUEST_WAITING) {
        queue_leave(hub, r);
    } else if (next != REQUEST_ANSWERED) {
        leave_agent(hub, r, event);
    }
    switch (next) {
    case REQUEST_WAITING:
        if (r->state == REQUEST_ASKED) {
            r->again = true;
            request_rename(hub, r);
        }
        r->state = next;
        queue_enter(hub, r);
        queue_wake_all(hub, r);
        break;
    case REQUEST_ASKED:
        r->state = next;
        enter_agent(hub, r, agent);
        break;
    case REQUEST_ANSWERED:
        r->state = next;
        forget_body(r);
        break;
    case REQUEST_ENDING:
        r->state = next;
        forget_body(r);
        list_append(&hub->ending, &r->loose);
        break;
    default:
        say_end(hub, r, event);
        r->state = REQUEST_FREE;
        hub->counts.requests_ended[event]++;
        request_discard(hub, r);
    }
}

/* --- what others cause ------------------------------------------------------------------------ */

/* What becomes of it is decided later; one that stands in a list for that already stays there. */
static void loosen(struct list *list, struct request *r)
{
    if (list_empty(&r->loose)) {
        list_append(list, &r->loose);
    }
}

void requests_lose_asker(struct hub *hub, uint32_t client)
{
    while (client_at(hub, client)->asker != SLAB_NONE) {
        struct asker *a = asker_at(hub, client_at(hub, client)->asker);
        struct request *r = list_entry(a->requests.next, struct request, of_asker);
        request_forget_asker(hub, r);
        loosen(&hub->loose, r);
    }
}

void requests_lose_agent(struct hub *hub, struct agent *a)
{
    list_each_safe(link, &a->work) {
        struct request *r = list_entry(link, struct request, at);
        list_remove(link);
        r->agent = SLAB_NONE;
        loosen(hub->decided < LOST_PER_TURN ? &hub->loose : &hub->lost, r);
        hub->decided++;
    }
    list_each_safe(link, &a->waiting) {
        list_remove(link);
        loosen(&hub->loose, list_entry(link, struct request, at));
    }
    a->in_flight = 0;
    list_remove(&a->ready);
}

void requests_desert(struct hub *hub, struct capability *c)
{
    list_each(link, &c->waiting) {
        struct request *r = list_entry(link, struct request, at);
        if (r->limited || list_empty(&c->offers)) {
            loosen(&hub->loose, r);
        }
    }
}

void requests_review(struct hub *hub, uint32_t client)
{
    const struct client *c = client_at(hub, client);

    if (c->asker == SLAB_NONE) {
        return;
    }
    bool limited = !principal_at(&hub->principals, c->principal)->enters_all;
    list_each(link, &asker_at(hub, c->asker)->requests) {
        struct request *r = list_entry(link, struct request, of_asker);
        if (r->state == REQUEST_WAITING) {
            queue_limit(hub, r, limited);
            loosen(&hub->loose, r);
        }
        r->limited = limited;
    }
}

void requests_agent_free(struct hub *hub, struct agent *a)
{
    if (list_empty(&a->ready) && queue_takes(a)) {
        list_append(&hub->ready, &a->ready);
    }
}

bool requests_busy(const struct hub *hub, uint32_t client)
{
    const struct client *c = client_at(hub, client);

    return c->asker != SLAB_NONE ||
           (c->agent != SLAB_NONE && agent_at(hub, c->agent)->in_flight > 0);
}

/* What is its end, when it is not that its asker has gone. */
static enum request_event end_of(const struct request *r, enum request_event event)
{
    return r->asker == SLAB_NONE ? EVENT_ASKER_GONE : event;
}

/* Its asker or its agent has gone, or what it reaches: it ends, or another agent is tried. */
static void tie(struct hub *hub, struct request *r)
{
    enum request_event event = end_of(r, EVENT_AGENT_GONE);

    list_remove(&r->loose);
    if (event == EVENT_AGENT_GONE && r->state != REQUEST_ANSWERED &&
        (r->state != REQUEST_ASKED || !r->again) && queue_has_agent(hub, r)) {
        event = EVENT_AGENT_LOST;
    }
    request_change(hub, r, event, SLAB_NONE);
}

static bool is_overdue(const struct hub *hub)
{
    return hub->deadlines.count > 0 &&
           request_is_overdue(hub, request_at(hub, heap_first(&hub->deadlines)));
}

/* Bytes of a turn's output that ends of requests may make: others have something to hear, too. */
static uint64_t output_of_ends(const struct hub *hub)
{
    return hub->settings.turn_output / 4;
}

static struct request *first_of(const struct list *list)
{
    return list_entry(list->next, struct request, loose);
}

/*
 * Does the next of what others have caused: an end while the turn has made less than `ends` bytes
 * of output, a request to an agent while it has made less than `gifts`. False: there is none.
 */
static bool settle_next(struct hub *hub, uint64_t ends, uint64_t gifts)
{
    uint64_t made = hub_turn_output(hub);

    if (made < ends && is_overdue(hub)) {
        struct request *r = request_at(hub, heap_first(&hub->deadlines));
        request_change(hub, r, end_of(r, EVENT_TIMEOUT), SLAB_NONE);
    } else if (!list_empty(&hub->loose)) {
        tie(hub, first_of(&hub->loose));
    } else if (made < ends && !list_empty(&hub->ending)) {
        struct request *r = first_of(&hub->ending);
        list_remove(&r->loose);
        request_change(hub, r, end_of(r, EVENT_AGENT_GONE), SLAB_NONE);
    } else if (made < gifts && !list_empty(&hub->ready)) {
        queue_serve(hub, list_entry(hub->ready.next, struct agent, ready));
    } else {
        return false;
    }
    return true;
}

static bool is_settled(const struct hub *hub)
{
    return list_empty(&hub->loose) && list_empty(&hub->lost) && list_empty(&hub->ending) &&
           list_empty(&hub->ready) && !is_overdue(hub);
}

void requests_settle(struct hub *hub)
{
    uint64_t ends = output_of_ends(hub);

    while (!is_settled(hub) && hub_reserve(hub) &&
           settle_next(hub, ends, hub->settings.turn_output)) {
    }
}

/* The turn's share of those that were too many for the turns before. */
static void take_lost(struct hub *hub)
{
    for (; !list_empty(&hub->lost) && hub->decided < LOST_PER_TURN; hub->decided++) {
        struct request *r = first_of(&hub->lost);
        list_remove(&r->loose);
        list_append(&hub->loose, &r->loose);
    }
}

void requests_end_turn(struct hub *hub)
{
    /* Also in a turn that others have filled. */
    uint64_t until = hub_turn_output(hub) + output_of_ends(hub);

    take_lost(hub);
    while (!is_settled(hub) && hub_reserve(hub) && settle_next(hub, until, until)) {
    }
    bool is_full =
        hub_turn_output(hub) >= until || (list_empty(&hub->loose) && !list_empty(&hub->lost));
    hub->owes = is_full && !is_settled(hub);
    hub->decided = 0;
}

bool hub_owes(const struct hub *hub)
{
    return hub->owes;
}

const char *hub_request_end_name(unsigned end)
{
    static const char *const names[HUB_REQUEST_ENDS] = {"done",      "failed",     "timeout",
                                                        "cancelled", "asker_gone", "agent_gone"};

    return names[end];
}

#include "library/library.h"

#include <stdlib.h>

/* --- handlers --------------------------------------------------------------------------------- */

static struct handler *find_handler(const struct parley *p, enum parley_dialect dialect,
                                    struct str type)
{
    for (size_t i = 0; i < p->handler_count; i++) {
        struct handler *h = &p->handlers[i];
        if (h->dialect == dialect && str_equal(str_from_z(h->type), type)) {
            return h;
        }
    }
    return NULL;
}

enum parley_result parley_handle(struct parley *p, enum parley_dialect dialect, const char *type,
                                 parley_handler *handler, void *ctx)
{
    size_t len = strlen(type);

    if (len == 0 || len > TYPE_TEXT_MAX) {
        return PARLEY_INVALID;
    }
    if (find_handler(p, dialect, str_make(type, len)) != NULL) {
        return PARLEY_EXISTS;
    }
    struct handler *handlers = realloc(p->handlers, (p->handler_count + 1) * sizeof(*handlers));
    char *copy = strdup(type);
    if (handlers != NULL) {
        p->handlers = handlers;
    }
    if (handlers == NULL || copy == NULL) {
        free(copy);
        return PARLEY_OUT_OF_MEMORY;
    }
    struct handler *h = &handlers[p->handler_count++];
    h->dialect = dialect;
    h->type = copy;
    h->call = handler;
    h->ctx = ctx;
    return PARLEY_OK;
}

enum parley_result parley_unhandle(struct parley *p, enum parley_dialect dialect, const char *type)
{
    struct handler *h = find_handler(p, dialect, str_from_z(type));

    if (h == NULL) {
        return PARLEY_NOT_FOUND;
    }
    free(h->type);
    *h = p->handlers[--p->handler_count];
    return PARLEY_OK;
}

void handlers_fini(struct parley *p)
{
    for (size_t i = 0; i < p->handler_count; i++) {
        free(p->handlers[i].type);
    }
    free(p->handlers);
}

int hear_message(void *owner, const struct hub_heard *m)
{
    struct parley *p = owner;
    const struct parley_events *e = &p->options->events;
    enum parley_dialect dialect = dialect_of(m->dialect);

    if (p->handler_count == 0 && e->message == NULL) {
        return HUB_HEARD;
    }
    struct parley_heard heard = {
        .client = text_of_str(m->client),
        .dialect = dialect,
        .type = text_of_str(m->type),
        .text = text_of_str(m->text),
        .id = text_of_str(m->id),
        .payload = text_of_str(m->payload),
        .session = text_of_str(m->session),
    };
    if (e->message != NULL) {
        e->message(p, &heard, p->options->events_ctx);
    }
    const struct handler *h = find_handler(p, dialect, m->type);
    if (h == NULL) {
        return HUB_HEARD;
    }
    switch (h->call(p, &heard, h->ctx)) {
    case PARLEY_PASS:
        return HUB_HEARD;
    case PARLEY_DONE:
        return HUB_TAKEN;
    default:
        return HUB_FAILED;
    }
}

/* --- events ----------------------------------------------------------------------------------- */

static void tell_client(struct parley *p, const struct hub_event *event)
{
    const struct parley_events *e = &p->options->events;
    void *ctx = p->options->events_ctx;
    struct parley_text client = text_of_str(event->client), text = text_of_str(event->text);

    switch (event->kind) {
    case HUB_CLIENT_CONNECTED:
        if (e->client_connected != NULL) {
            e->client_connected(p, client, ctx);
        }
        break;
    case HUB_CLIENT_AUTHENTICATED:
        if (e->client_authenticated != NULL) {
            e->client_authenticated(p, client, text, ctx);
        }
        break;
    case HUB_CLIENT_DISCONNECTED:
        if (e->client_disconnected != NULL) {
            e->client_disconnected(p, client, event->code, text, ctx);
        }
        break;
    case HUB_CREDENTIAL_REFUSED:
        if (e->credential_refused != NULL) {
            e->credential_refused(p, text, ctx);
        }
        break;
    case HUB_ERROR_SENT:
        if (e->error != NULL) {
            e->error(p, client, error_table[event->error].code, ctx);
        }
        break;
    default:
        if (e->lost != NULL) {
            e->lost(p, event->count, ctx);
        }
    }
}

static void tell_session(struct parley *p, const struct hub_event *event)
{
    const struct parley_events *e = &p->options->events;
    void *ctx = p->options->events_ctx;
    struct parley_text session = text_of_str(event->session), client = text_of_str(event->client);

    switch (event->kind) {
    case HUB_SESSION_CREATED:
        if (e->session_created != NULL) {
            e->session_created(p, session, ctx);
        }
        break;
    case HUB_SESSION_JOINED:
        if (e->session_joined != NULL) {
            e->session_joined(p, session, client, ctx);
        }
        break;
    case HUB_SESSION_LEFT:
        if (e->session_left != NULL) {
            e->session_left(p, session, client, ctx);
        }
        break;
    default:
        if (e->session_ended != NULL) {
            e->session_ended(p, session, ctx);
        }
    }
}

static void tell_agent(struct parley *p, const struct hub_event *event)
{
    const struct parley_events *e = &p->options->events;
    void *ctx = p->options->events_ctx;
    struct parley_text agent = text_of_str(event->agent), client = text_of_str(event->client);

    if (event->kind == HUB_AGENT_REGISTERED && e->agent_registered != NULL) {
        e->agent_registered(p, agent, client, ctx);
    } else if (event->kind == HUB_AGENT_UNREGISTERED && e->agent_unregistered != NULL) {
        e->agent_unregistered(p, agent, ctx);
    } else if (event->kind == HUB_AGENT_CHANGED && event->status == HUB_AGENT_ONLINE &&
               e->agent_online != NULL) {
        e->agent_online(p, agent, client, ctx);
    } else if (event->kind == HUB_AGENT_CHANGED && event->status == HUB_AGENT_BUSY &&
               e->agent_busy != NULL) {
        e->agent_busy(p, agent, client, ctx);
    } else if (event->kind == HUB_AGENT_CHANGED && event->status == HUB_AGENT_OFFLINE &&
               e->agent_offline != NULL) {
        e->agent_offline(p, agent, ctx);
    }
}

/* They are noted for a program that wants them (note_log). */
static void tell_log(struct parley *p, const struct hub_event *event)
{
    p->options->events.log(p, (unsigned)event->level, event->line, text_of_str(event->client),
                           text_of_str(event->text), p->options->events_ctx);
}

void hear_event(void *owner, const struct hub_event *event)
{
    switch (event->kind) {
    case HUB_LOG_LINE:
        tell_log(owner, event);
        break;
    case HUB_SESSION_CREATED:
    case HUB_SESSION_JOINED:
    case HUB_SESSION_LEFT:
    case HUB_SESSION_ENDED:
        tell_session(owner, event);
        break;
    case HUB_AGENT_REGISTERED:
    case HUB_AGENT_CHANGED:
    case HUB_AGENT_UNREGISTERED:
        tell_agent(owner, event);
        break;
    default:
        tell_client(owner, event);
    }
}

#include "core/admin.h"

#include "core/control.h"

/* The client that would send it, if the one who asks may know; SLAB_NONE: he may not. */
static uint32_t find_sender(const struct hub *hub, uint32_t principal, struct str as)
{
    uint32_t client = client_find(hub, as);

    if (client == SLAB_NONE || client_at(hub, client)->state != CLIENT_OPEN ||
        client_at(hub, client)->principal == HUB_NOBODY) {
        return SLAB_NONE;
    }
    if (principal_is_same_subject(&hub->principals, client_at(hub, client)->principal, principal) ||
        hub_may(hub, principal, MAY_ADMIN, STR("")).code == ERROR_NONE) {
        return client;
    }
    return SLAB_NONE;
}

static enum error_code wrong(struct buf *details, enum error_code code, const char *path)
{
    buf_printf(details, "{\"path\":\"%s\"}", path);
    return code;
}

/* Who sends it, and from where; else what is wrong with the question. */
static enum error_code place(struct hub *hub, const struct hub_question *q, struct sender *sender,
                             uint32_t *ret_session)
{
    *ret_session = SLAB_NONE;
    if (q->as.len > 0) {
        sender->client = find_sender(hub, sender->principal, q->as);
        if (sender->client == SLAB_NONE) {
            return wrong(sender->details, ERROR_TARGET_NOT_FOUND, "as");
        }
        sender->principal = client_at(hub, sender->client)->principal;
        if (client_at(hub, sender->client)->dialect != q->dialect) {
            return wrong(sender->details, ERROR_INVALID_MESSAGE, "dialect");
        }
        *ret_session = session_of(hub, sender->client);
    } else if (q->dialect == DIALECT_GATEWAY) {
        return wrong(sender->details, ERROR_INVALID_MESSAGE, "as");
    } else {
        *ret_session = relay_session(hub, sender, q->session);
    }
    return ERROR_NONE;
}

static void walk(struct hub *hub, struct sender *sender, struct str message, uint32_t session)
{
    struct wire w;

    wire_scan(message.ptr, message.len,
              sender->dialect == DIALECT_WORLD ? WIRE_WORLD : WIRE_GATEWAY, &w);
    if (message.len > hub->settings.max_message_bytes) {
        sender_refuse(hub, sender, ERROR_MESSAGE_TOO_LARGE,
                      "The message is larger than limits.message_bytes.",
                      "{\"limit\":\"message_bytes\",\"max\":%llu}",
                      (unsigned long long)hub->settings.max_message_bytes);
    } else if (sender->dialect == DIALECT_WORLD) {
        world_take(hub, sender, &w, message, session);
    } else {
        control_take(hub, sender, &w, message);
    }
}

static void tell(const struct hub *hub, const struct sender *sender, struct hub_explanation *e)
{
    const struct dry_run *dry = sender->dry;
    char id[CLIENT_ID_SIZE];

    *e = (struct hub_explanation){.code = sender->code,
                                  .message = dry->message != NULL ? dry->message : "",
                                  .answered = dry->answered,
                                  .is_request = dry->is_request,
                                  .waits = dry->waits,
                                  .considered = dry->considered,
                                  .receivers = dry->receivers,
                                  .session = STR("")};
    if (dry->session != SLAB_NONE && !session_at(hub, dry->session)->hidden) {
        e->session = session_name(session_at(hub, dry->session));
    }
    if (dry->target != SLAB_NONE && !dry->is_hidden) {
        struct str name = client_name(hub, dry->target, id);
        memcpy(e->target, name.ptr, name.len);
    }
}

enum error_code hub_explain(struct hub *hub, uint32_t principal,
                            const struct hub_question *question,
                            struct hub_explanation *ret_explanation, struct buf *details)
{
    struct dry_run dry = {.session = SLAB_NONE,
                          .target = SLAB_NONE,
                          .principal = principal,
                          .candidates = question->candidates};
    struct sender sender = {.dialect = question->dialect,
                            .client = SLAB_NONE,
                            .principal = principal,
                            .details = details,
                            .dry = &dry};
    uint32_t session;
    enum error_code code = place(hub, question, &sender, &session);

    if (code != ERROR_NONE) {
        return code;
    }
    if (sender.code == ERROR_NONE) {
        walk(hub, &sender, question->message, session);
    }
    if (sender.code == ERROR_NONE && !dry.answered && !dry.routed) {
        sender_refuse(hub, &sender, ERROR_LIMIT_REACHED,
                      "The gateway has no memory for this message; try again later.",
                      "{\"limit\":\"memory\"}");
    }
    tell(hub, &sender, ret_explanation);
    return ERROR_NONE;
}

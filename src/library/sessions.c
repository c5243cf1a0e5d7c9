#include "library/library.h"

enum parley_result parley_session_create(struct parley *p, struct parley_text id,
                                         struct parley_text name, struct parley_text metadata)
{
    return result_of(
        hub_session_create(hub_to_change(p), str_of(id), str_of(name), str_of(metadata)));
}

static void fill(const struct hub_session_details *details, struct parley_session *ret_session)
{
    *ret_session = (struct parley_session){
        .id = text_of_str(details->name),
        .name = text_of_str(details->title),
        .metadata = text_of_str(details->metadata),
        .members = details->members,
        .agents = details->agents,
        .is_kept = details->is_kept,
    };
}

enum parley_result parley_session_get(struct parley *p, struct parley_text id,
                                      struct parley_session *ret_session)
{
    struct hub_session_details details;

    if (!hub_find_session(hub_of(p), str_of(id), &details)) {
        return PARLEY_NOT_FOUND;
    }
    fill(&details, ret_session);
    return PARLEY_OK;
}

struct session_visit {
    void (*visit)(const struct parley_session *session, void *ctx);
    void *ctx;
};

static void visit_session(void *ctx, const struct hub_session_details *details)
{
    const struct session_visit *v = ctx;
    struct parley_session session;

    fill(details, &session);
    v->visit(&session, v->ctx);
}

void parley_session_list(struct parley *p, size_t limit,
                         void (*visit)(const struct parley_session *session, void *ctx), void *ctx)
{
    struct session_visit v = {visit, ctx};

    hub_each_session_at_all(hub_of(p), limit < UINT32_MAX ? (uint32_t)limit : UINT32_MAX,
                            visit_session, &v);
}

struct member_visit {
    void (*visit)(struct parley_text client, void *ctx);
    void *ctx;
};

static void visit_member(void *ctx, struct str client)
{
    const struct member_visit *v = ctx;

    v->visit(text_of_str(client), v->ctx);
}

enum parley_result parley_session_members(struct parley *p, struct parley_text id, size_t limit,
                                          void (*visit)(struct parley_text client, void *ctx),
                                          void *ctx)
{
    struct hub_session_details details;
    struct member_visit v = {visit, ctx};

    if (!hub_find_session(hub_of(p), str_of(id), &details)) {
        return PARLEY_NOT_FOUND;
    }
    hub_each_member(hub_of(p), details.index, limit < UINT32_MAX ? (uint32_t)limit : UINT32_MAX,
                    visit_member, &v);
    return PARLEY_OK;
}

enum parley_result parley_session_add(struct parley *p, struct parley_text id,
                                      struct parley_text client)
{
    return result_of(hub_session_add(hub_to_change(p), str_of(id), str_of(client)));
}

enum parley_result parley_session_remove(struct parley *p, struct parley_text id,
                                         struct parley_text client)
{
    return result_of(hub_session_remove(hub_to_change(p), str_of(id), str_of(client)));
}

enum parley_result parley_session_end(struct parley *p, struct parley_text id)
{
    return result_of(hub_session_end(hub_to_change(p), str_of(id)));
}

size_t parley_session_clean_up(struct parley *p)
{
    return hub_session_clean_up(hub_to_change(p));
}

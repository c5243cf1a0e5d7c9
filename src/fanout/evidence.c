#include "fanout/evidence.h"

#include <assert.h>

/* What stands before the strings. */
struct packed {
    uint8_t address[16];
    uint8_t is_unix;
    uint8_t near;
    uint8_t kind;
    uint8_t packs;
    uint32_t credential_len;
    uint32_t world_len;
    uint32_t user_agent_len;
};

void evidence_pack(const struct evidence *e, struct buf *out)
{
    struct packed p = {
        .is_unix = e->is_unix,
        .near = e->near,
        .kind = e->kind,
        .packs = e->packs,
        .credential_len = (uint32_t)e->credential.len,
        .world_len = (uint32_t)e->world.len,
        .user_agent_len = (uint32_t)e->user_agent.len,
    };

    assert(e->user_agent.len <= EVIDENCE_MAX_AGENT);
    memcpy(p.address, e->address, sizeof(p.address));
    buf_append(out, &p, sizeof(p));
    buf_append_str(out, e->credential);
    buf_append_str(out, e->world);
    buf_append_str(out, e->user_agent);
}

static struct str take(struct str *rest, size_t len)
{
    struct str taken = str_slice(*rest, 0, len);

    assert(taken.len == len);
    *rest = str_slice(*rest, len, rest->len);
    return taken;
}

void evidence_unpack(struct str text, struct evidence *ret_evidence, struct str *ret_rest)
{
    struct packed p;

    memcpy(&p, take(&text, sizeof(p)).ptr, sizeof(p));
    *ret_evidence = (struct evidence){
        .is_unix = p.is_unix != 0, .near = p.near != 0, .packs = p.packs != 0, .kind = p.kind};
    memcpy(ret_evidence->address, p.address, sizeof(p.address));
    ret_evidence->credential = take(&text, p.credential_len);
    ret_evidence->world = take(&text, p.world_len);
    ret_evidence->user_agent = take(&text, p.user_agent_len);
    *ret_rest = text;
}

#include "rest/query.h"

static bool refuse(struct call *call, struct str message, struct str name)
{
    call_refuse_about(call, ERROR_INVALID_MESSAGE, message, STR("parameter"), name);
    return false;
}

/* A credential may stand in the query of any request; it was dealt with before. */
static bool is_credential(struct str name)
{
    return str_equal(name, STR("token")) || str_equal(name, STR("ticket"));
}

static bool take_parameter(struct call *call, const struct str *names, struct str name,
                           struct str raw, struct query *q)
{
    for (size_t i = 0; i < q->count; i++) {
        if (!str_equal(names[i], name)) {
            continue;
        }
        if (q->values[i].len > 0) {
            return refuse(call, STR("A parameter stands twice in the query; give it once."), name);
        }
        int len = http_percent_decode(raw, q->text[i], QUERY_VALUE);
        if (len < 0) {
            return refuse(call, STR("A value in the query is too long; it has at most 128 bytes."),
                          name);
        }
        q->values[i] = str_make(q->text[i], (size_t)len);
        return true;
    }
    return is_credential(name) ||
           refuse(call,
                  STR("This list has no such parameter; docs/protocol.md has those there "
                      "are."),
                  name);
}

bool query_read(struct call *call, const struct str *names, size_t count, struct query *ret_query)
{
    struct str query = http_query(call->head, call->text.ptr);

    ret_query->count = count;
    for (size_t i = 0; i < count; i++) {
        ret_query->values[i] = STR("");
    }
    while (query.len > 0) {
        size_t end = str_find(query, '&');
        struct str pair = str_slice(query, 0, end);
        size_t equals = str_find(pair, '=');
        if (pair.len > 0 && !take_parameter(call, names, str_slice(pair, 0, equals),
                                            str_slice(pair, equals + 1, pair.len), ret_query)) {
            return false;
        }
        query = str_slice(query, end + 1, query.len);
    }
    return true;
}

bool query_limit(struct call *call, struct str value, uint32_t *ret_limit)
{
    uint64_t limit = LIST_MAX;

    if (value.len > 0 && (!str_to_uint(value, LIST_MAX, &limit) || limit == 0)) {
        return refuse(call, STR("`limit` has to be a whole number from 1 to 1000."), STR("limit"));
    }
    *ret_limit = (uint32_t)limit;
    return true;
}

void walk_init(struct walk *walk, struct str after, uint32_t limit)
{
    *walk = (struct walk){.after = after, .limit = limit, .begun = after.len == 0};
}

bool walk_enter(struct walk *walk, struct str name)
{
    if (!walk->begun) {
        walk->begun = str_equal(walk->after, name);
        return false;
    }
    if (walk->more || walk->shown == walk->limit || walk->examined == LIST_EXAMINED ||
        walk->bytes >= LIST_BYTES) {
        walk->more = true;
        return false;
    }
    walk->examined++;
    walk->last_len = name.len < QUERY_VALUE ? name.len : QUERY_VALUE;
    memcpy(walk->last, name.ptr, walk->last_len);
    return true;
}

uint32_t walk_length(const struct walk *walk)
{
    /* One more than is shown, to know whether there is one. */
    return walk->limit + 1 + (walk->after.len > 0 ? 1 : 0);
}

bool walk_finish(const struct walk *walk, struct call *call)
{
    if (!walk->begun) {
        call_refuse_about(call, ERROR_TARGET_NOT_FOUND,
                          STR("What `after` names is not there any more; begin again without it."),
                          STR("after"), walk->after);
    }
    return walk->begun;
}

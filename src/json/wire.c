#include "json/wire.h"

#include "json/reader.h"
#include "json/scan.h"

#include <assert.h>

enum {
    LONGEST_NAME = 9,    /* target_id, sessionId, timestamp */
    OTHER_SPELLING = 16, /* added to an enum wire_member: agentId, targetId */
    NOT_ROUTING = OTHER_SPELLING - 1,
};

_Static_assert((int)WIRE_MEMBER_COUNT <= (int)NOT_ROUTING, "no member has the number of none");

/* The enum wire_member with this name, OTHER_SPELLING added for a second one; or NOT_ROUTING. */
static unsigned find_member(struct str name)
{
#define IS(literal) (memcmp(name.ptr, literal, sizeof(literal) - 1) == 0)
    switch (name.len) {
    case 2:
        return IS("id") ? WIRE_ID : NOT_ROUTING;
    case 4:
        return IS("type") ? WIRE_TYPE : IS("data") ? WIRE_DATA : NOT_ROUTING;
    case 6:
        return IS("target") ? WIRE_TARGET : NOT_ROUTING;
    case 7:
        return IS("agentId")   ? WIRE_AGENT_ID + OTHER_SPELLING
               : IS("payload") ? WIRE_PAYLOAD
               : IS("replyTo") ? WIRE_REPLY_TO
                               : NOT_ROUTING;
    case 8:
        return IS("agent_id")   ? WIRE_AGENT_ID
               : IS("targetId") ? WIRE_TARGET_ID + OTHER_SPELLING
                                : NOT_ROUTING;
    case 9:
        return IS("target_id")   ? WIRE_TARGET_ID
               : IS("sessionId") ? WIRE_SESSION_ID
               : IS("timestamp") ? WIRE_TIMESTAMP
                                 : NOT_ROUTING;
    default:
        return NOT_ROUTING;
    }
#undef IS
}

/* The same for a raw key, which may have escapes in it. */
static unsigned find_key(struct str key, bool escaped)
{
    char name[LONGEST_NAME];

    if (!escaped) {
        return find_member(str_make(key.ptr + 1, key.len - 2));
    }
    /* A name that does not fit is none of ours by its length; its bytes are not looked at. */
    return find_member(str_make(name, json_unescape_to(key, name, sizeof(name))));
}

/* Equal as text when both are strings, else byte for byte. */
static bool same_value(struct str a, struct str b)
{
    if (json_kind_of(a) == JSON_STRING && json_kind_of(b) == JSON_STRING) {
        return json_string_equal(a, b);
    }
    return str_equal(a, b);
}

/* The first thing that is wrong with the members is what is told. */
static void blame(struct wire *w, enum wire_status status, unsigned member, uint32_t position)
{
    if (w->status == WIRE_OK) {
        w->status = (uint8_t)status;
        w->member = (uint8_t)member;
        w->position = position;
    }
}

/* What is known while the members of the message are walked. */
struct walk {
    struct scan scan;
    struct wire *wire;
    unsigned wanted;
    unsigned seen; /* bit m, or m + OTHER_SPELLING: routing member m came in that spelling */
    unsigned count;
};

static void note_member(struct walk *walk, unsigned found, struct str key, struct str value)
{
    struct wire *w = walk->wire;
    unsigned member = found % OTHER_SPELLING;
    uint32_t position = (uint32_t)(key.ptr - walk->scan.text);
    struct wire_span *span = &w->members[member];

    if ((walk->seen >> found & 1) != 0) {
        blame(w, WIRE_DUPLICATE, member, position);
    } else if (span->len > 0) {
        if (!same_value(wire_raw(w, walk->scan.text, (enum wire_member)member), value)) {
            blame(w, WIRE_CONFLICT, member, position);
        }
    } else {
        *span = (struct wire_span){(uint32_t)(value.ptr - walk->scan.text), (uint32_t)value.len};
        if (walk->scan.escaped && *value.ptr == '"') {
            w->escaped |= (uint16_t)(1u << member);
        }
    }
    walk->seen |= 1u << found;
}

/* One member of the top level, from its key up to the end of its value. */
static const char *scan_member(void *owner, const char *at)
{
    struct walk *walk = owner;
    struct scan *s = &walk->scan;
    struct str key;

    s->escaped = false;
    const char *value = scan_key(s, at, &key);
    if (value == NULL) {
        return NULL;
    }
    unsigned found = find_key(key, s->escaped);
    s->escaped = false;
    at = scan_value(s, value);
    if (at == NULL) {
        return NULL;
    }
    if (++walk->count > WIRE_MAX_MEMBERS) {
        blame(walk->wire, WIRE_TOO_MANY_MEMBERS, 0, (uint32_t)(key.ptr - s->text));
    }
    if ((walk->wanted >> found % OTHER_SPELLING & 1) != 0) {
        note_member(walk, found, key, str_make(value, (size_t)(at - value)));
    }
    return at;
}

void wire_scan(const char *text, size_t len, unsigned wanted, struct wire *ret_wire)
{
    struct walk walk = {.wire = ret_wire, .wanted = wanted};
    struct scan *s = &walk.scan;

    *ret_wire = (struct wire){.status = WIRE_OK};
    scan_init(s, str_make(text, len));
    const char *at = scan_space(s->text, s->end);
    if (at < s->end && *at == '{') {
        at = scan_object(&walk.scan, at, scan_member, &walk);
    } else {
        blame(ret_wire, WIRE_NOT_OBJECT, 0, (uint32_t)(at - s->text));
        at = scan_value(s, at);
    }
    if (at == NULL || scan_end(s, at) == NULL) {
        *ret_wire = (struct wire){.status = s->status, .position = s->position};
    }
}

const char *wire_member_name(enum wire_member member)
{
    static const char *const names[WIRE_MEMBER_COUNT] = {
        [WIRE_TYPE] = "type",
        [WIRE_ID] = "id",
        [WIRE_AGENT_ID] = "agent_id",
        [WIRE_TARGET_ID] = "target_id",
        [WIRE_SESSION_ID] = "sessionId",
        [WIRE_TARGET] = "target",
        [WIRE_DATA] = "data",
        [WIRE_PAYLOAD] = "payload",
        [WIRE_REPLY_TO] = "replyTo",
        [WIRE_TIMESTAMP] = "timestamp",
    };

    assert((unsigned)member < WIRE_MEMBER_COUNT);
    return names[member];
}

const char *wire_status_text(enum wire_status status)
{
    static const char *const texts[] = {
        [WIRE_OK] = "nothing is wrong",
        [WIRE_NOT_JSON] = "the text is not JSON",
        [WIRE_NOT_UTF8] = "the text is not UTF-8",
        [WIRE_TOO_DEEP] = "arrays and objects are nested deeper than 64",
        [WIRE_TRUNCATED] = "the text ends inside a value",
        [WIRE_NOT_OBJECT] = "the message is not an object",
        [WIRE_TOO_MANY_MEMBERS] = "the message has more than 1024 members",
        [WIRE_DUPLICATE] = "a member stands twice in the message",
        [WIRE_CONFLICT] = "the two spellings of a member have different values",
    };

    assert((unsigned)status < sizeof(texts) / sizeof(texts[0]));
    return texts[status];
}

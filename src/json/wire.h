#ifndef PARLEY_JSON_WIRE_H
#define PARLEY_JSON_WIRE_H

/*
 * The wire scanner: one pass over a message that validates the whole of it as JSON (RFC 8259) and
 * UTF-8, and finds the top-level members by which messages are routed. It allocates nothing,
 * copies nothing and never looks at a byte twice, but for the keys of the top level and for the
 * values of a member that is given in both its spellings. Numbers are checked for their grammar
 * only and are never converted, so their spelling survives.
 *
 * What is accepted is RFC 8259 to the letter, with two limits (depth, members) and one rule: an
 * escape of a lone surrogate ("\ud800") is refused, for it stands for no character and could not
 * be relayed as UTF-8. White space around the message is allowed, a byte order mark is not,
 * "\u0000" is.
 */

#include "base/str.h"

enum {
    WIRE_MAX_DEPTH = 64,     /* arrays and objects in each other, the outermost counted */
    WIRE_MAX_MEMBERS = 1024, /* at the top level */
};

/* The routing members. Two of them have two spellings, which mean the same. */
enum wire_member {
    WIRE_TYPE,       /* type */
    WIRE_ID,         /* id */
    WIRE_AGENT_ID,   /* agent_id, agentId */
    WIRE_TARGET_ID,  /* target_id, targetId */
    WIRE_SESSION_ID, /* sessionId */
    WIRE_TARGET,     /* target */
    WIRE_DATA,       /* data */
    WIRE_PAYLOAD,    /* payload */
    WIRE_REPLY_TO,   /* replyTo */
    WIRE_TIMESTAMP,  /* timestamp */
    WIRE_MEMBER_COUNT
};

enum {
    WIRE_WORLD = 1u << WIRE_TYPE | 1u << WIRE_AGENT_ID | 1u << WIRE_TARGET_ID | 1u << WIRE_DATA |
                 1u << WIRE_REPLY_TO,
    WIRE_GATEWAY = 1u << WIRE_TYPE | 1u << WIRE_ID | 1u << WIRE_SESSION_ID | 1u << WIRE_TARGET |
                   1u << WIRE_PAYLOAD | 1u << WIRE_REPLY_TO | 1u << WIRE_TIMESTAMP,
};

/*
 * What the scan found. A position is that of the first byte with which the text cannot go on: all
 * before it is the beginning of some valid text.
 */
enum wire_status {
    WIRE_OK,
    WIRE_NOT_JSON,   /* broken grammar; for a lone surrogate, at the backslash of its escape */
    WIRE_NOT_UTF8,   /* a string that is not UTF-8; elsewhere such a byte is broken grammar */
    WIRE_TOO_DEEP,   /* at the bracket that would be one too deep */
    WIRE_TRUNCATED,  /* the text ends too early; at its length. So does empty text */
    WIRE_NOT_OBJECT, /* valid JSON, but not an object; at the value */
    WIRE_TOO_MANY_MEMBERS, /* more than WIRE_MAX_MEMBERS at the top level; at the key that is */
    WIRE_DUPLICATE,        /* `member` stands twice in the same spelling; at the second key */
    WIRE_CONFLICT,         /* both spellings of `member` differ in value; at the second key */
};

/* Where a value stands: its raw bytes, with the quotes of a string. len 0: the member is absent. */
struct wire_span {
    uint32_t off;
    uint32_t len;
};

/* The findings: a plain value of 88 bytes that refers to the text by offsets only. */
struct wire {
    uint8_t status;    /* enum wire_status */
    uint8_t member;    /* of WIRE_DUPLICATE and WIRE_CONFLICT: enum wire_member */
    uint16_t escaped;  /* bit n: member n is a string with a backslash in it */
    uint32_t position; /* of the error, in bytes from the start; 0 when there is none */
    struct wire_span members[WIRE_MEMBER_COUNT];
};

/*
 * Scans `len` bytes (< 4 GiB). `wanted` has a bit for each enum wire_member that counts as routing
 * (WIRE_WORLD, WIRE_GATEWAY); others are members like any other. Writes *ret_wire always.
 *
 * Names are compared after unescaping. Both spellings of a member with one value are fine; strings
 * are compared after unescaping, other values byte for byte, and the first one is reported.
 *
 * A text that is not valid JSON throughout is reported as such, in preference to what is wrong with
 * its members, and without any member. For one that is, the first fault of the members is reported,
 * and of each member the first value.
 */
void wire_scan(const char *text, size_t len, unsigned wanted, struct wire *ret_wire);

/* The raw bytes of a member in the text that was scanned; empty when absent. */
static inline struct str wire_raw(const struct wire *w, const char *text, enum wire_member member)
{
    return str_make(text + w->members[member].off, w->members[member].len);
}

/* The name of a member, in its first spelling: "agent_id". Never NULL. */
const char *wire_member_name(enum wire_member member);

/* What is wrong, without the position: "the text ends inside a value". Never NULL. */
const char *wire_status_text(enum wire_status status);

#endif

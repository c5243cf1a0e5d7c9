#ifndef PARLEY_PROTOCOL_H
#define PARLEY_PROTOCOL_H

/*
 * The messages of both dialects, typed: for each type a struct, and functions that decode, encode
 * and check it (parley/messages.h, made from the table of messages); here what goes by the name of
 * a type. Nothing in this header needs a gateway, a socket or a thread; no function keeps state,
 * so any thread may call any of them on messages of its own.
 *
 *     struct parley_bark bark;
 *     struct parley_problem problem;
 *     parley_bark_init(&bark);
 *     if (parley_bark_from_json(&bark, text, len, &problem)) {
 *         printf("%.*s\n", (int)bark.data.text.len, bark.data.text.ptr);
 *     } else {
 *         fprintf(stderr, "%s: %s\n", problem.path, problem.expected);
 *     }
 *     parley_bark_fini(&bark);
 */

#include "parley/messages.h"
#include "parley/values.h"

#ifdef __cplusplus
extern "C" {
#endif

enum parley_dialect { PARLEY_WORLD, PARLEY_GATEWAY };

/* Who sends messages of a type. */
enum parley_direction {
    PARLEY_FROM_CLIENT,
    PARLEY_FROM_GATEWAY,
    PARLEY_FROM_BOTH,
    PARLEY_FROM_AGENT /* the gateway, and an agent about a request that it was given */
};

/* Whom the member agent_id of a type of the world names. */
enum parley_agent_id {
    PARLEY_ID_NONE, /* the gateway dialect has no such member */
    PARLEY_ID_SENDER,
    PARLEY_ID_SUBJECT, /* whom it is about, or nobody */
    PARLEY_ID_ASSIGNEE,
    PARLEY_ID_VISITOR,
    PARLEY_ID_GATEWAY
};

/* The type of this name in a dialect, or PARLEY_TYPE_NONE. */
PARLEY_PUBLIC enum parley_type parley_type_find(enum parley_dialect dialect, const char *name,
                                                size_t len);

/* The functions below take a type that is one: neither PARLEY_TYPE_NONE nor PARLEY_TYPE_COUNT. */

/* Its name on the wire, "bark"; ends in NUL, lives for ever. */
PARLEY_PUBLIC const char *parley_type_name(enum parley_type type);
PARLEY_PUBLIC enum parley_dialect parley_type_dialect(enum parley_type type);
PARLEY_PUBLIC enum parley_direction parley_type_direction(enum parley_type type);
PARLEY_PUBLIC enum parley_agent_id parley_type_agent_id(enum parley_type type);
/* Whether its members are described; otherwise any object will do as its data. */
PARLEY_PUBLIC bool parley_type_is_typed(enum parley_type type);
/* Its description; lives for ever. */
PARLEY_PUBLIC const struct parley_message_info *parley_type_info(enum parley_type type);
/* The bytes that its struct has, for a message whose type is known at run time only. */
PARLEY_PUBLIC size_t parley_type_size(enum parley_type type);

/*
 * Checks `len` bytes as a message of any type of the dialect, without decoding it; allocates only
 * while it runs, and only for objects with more than 16 members or with names that have escapes in
 * them. Writes *ret_type as soon as the type is known, so it may be set (else it is
 * PARLEY_TYPE_NONE) when false is returned with *ret_problem. Both may be NULL.
 */
PARLEY_PUBLIC bool parley_check(enum parley_dialect dialect, enum parley_strictness strictness,
                                const char *text, size_t len, enum parley_type *ret_type,
                                struct parley_problem *ret_problem) PARLEY_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif

#ifndef PARLEY_VALUES_H
#define PARLEY_VALUES_H

/*
 * What messages are made of: the values of their members, the problem that one can have, and the
 * functions that serve every type of message by its description. Programs use these through the
 * functions of each type in parley/messages.h; include parley/protocol.h, which has both.
 *
 * A value knows whether it is there. Text and lists are borrowed: a message that was decoded owns a
 * copy of its text and of all that its values point to, until it is finished or decoded again;
 * values that a program puts in have to live until the message is encoded or finished, and are
 * never freed. Text need not end in NUL and may contain it; it is UTF-8.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define PARLEY_PUBLIC     __attribute__((visibility("default")))
#define PARLEY_MUST_CHECK __attribute__((warn_unused_result))
#else
#define PARLEY_PUBLIC
#define PARLEY_MUST_CHECK
#endif

/* Whether a value is there. Every value below begins with it. */
enum parley_is {
    PARLEY_ABSENT, /* the member is left out; the rest of the value means nothing */
    PARLEY_NULL,   /* the member is null; so does the rest */
    PARLEY_SET
};

struct parley_string {
    enum parley_is is;
    const char *ptr; /* UTF-8, unescaped */
    size_t len;      /* bytes */
};

/* A finite number. */
struct parley_number {
    enum parley_is is;
    double value;
};

struct parley_integer {
    enum parley_is is;
    int64_t value;
};

struct parley_boolean {
    enum parley_is is;
    bool value;
};

/* One of the words that a member allows: a value of the member's own enum. */
struct parley_choice {
    enum parley_is is;
    int value;
};

/* A value of any kind, or one whose inside is free: JSON as it is written. */
struct parley_json {
    enum parley_is is;
    const char *ptr; /* one JSON value */
    size_t len;      /* bytes */
};

struct parley_text {
    const char *ptr;
    size_t len;
};

/* A list of strings. */
struct parley_strings {
    enum parley_is is;
    const struct parley_text *items;
    size_t count;
};

/*
 * The members of an object that its description does not know: each as it is written, "name":
 * value. They are kept when a message is decoded and encoded again, and stand behind the known ones
 * then.
 */
struct parley_members {
    const struct parley_text *items;
    size_t count;
};

/* A value for a member: bark.data.text = parley_string("hello", 5). Borrows the text. */
static inline struct parley_string parley_string(const char *ptr, size_t len)
{
    return (struct parley_string){PARLEY_SET, ptr, len};
}

/* The same of text that ends in NUL. */
static inline struct parley_string parley_string_z(const char *text)
{
    return parley_string(text, strlen(text));
}

static inline struct parley_number parley_number(double value)
{
    return (struct parley_number){PARLEY_SET, value};
}

static inline struct parley_integer parley_integer(int64_t value)
{
    return (struct parley_integer){PARLEY_SET, value};
}

static inline struct parley_boolean parley_boolean(bool value)
{
    return (struct parley_boolean){PARLEY_SET, value};
}

static inline struct parley_choice parley_choice(int value)
{
    return (struct parley_choice){PARLEY_SET, value};
}

/* Borrows the text, which has to be one JSON value. */
static inline struct parley_json parley_json(const char *ptr, size_t len)
{
    return (struct parley_json){PARLEY_SET, ptr, len};
}

/* What can be wrong with a message. */
enum parley_fault {
    PARLEY_FINE,
    PARLEY_NOT_JSON, /* not one JSON value in UTF-8; text that goes on behind it; a lone surrogate
                      */
    PARLEY_TOO_DEEP, /* objects and arrays nested deeper than 64 */
    PARLEY_UNKNOWN_TYPE, /* no type of this dialect */
    PARLEY_OTHER_TYPE,   /* a type, but not the one that was asked for */
    PARLEY_MISSING,      /* a member that has to be there is not */
    PARLEY_DUPLICATE,    /* a member that stands there twice */
    PARLEY_WRONG_KIND,   /* a string for a number, and the like */
    PARLEY_OUT_OF_RANGE, /* a number above or below what is allowed, or that is no finite one */
    PARLEY_WRONG_LENGTH, /* too long, or too short */
    PARLEY_WRONG_WORD,   /* none of the words that are allowed */
    PARLEY_NO_MEMORY     /* nothing is wrong with the message, but there was no room for it */
};

/*
 * What is wrong, and where. The texts end in NUL and are printable; what does not fit is cut.
 * `path` names the member as the message does, "data.agents[3].role"; it is empty when the
 * message as a whole is meant. A missing member is named where it should be.
 */
struct parley_problem {
    enum parley_fault fault;
    size_t position; /* bytes from the start of the text to the value, or to where it breaks off */
    char path[128];  /* "data.energy" */
    char expected[128]; /* "a number from 0 to 1" */
    char found[64];     /* "the number 1.5" */
};

/* How much is asked of a message of the world; of the gateway dialect it is the same. */
enum parley_strictness {
    PARLEY_STRICT,  /* the whole envelope: type, agent_id, data, ts */
    PARLEY_RECEIVED /* agent_id and ts may be left out, and data when nothing in it is required */
};

/*
 * A sentence without its full stop: "data.energy: expected a number from 0 to 1, found the number
 * 1.5". Writes at most `cap` bytes with a NUL behind, and returns how many stand before the NUL.
 * `cap` is at least 1.
 */
PARLEY_PUBLIC size_t parley_problem_text(const struct parley_problem *problem, char *out,
                                         size_t cap);

/*
 * The description of one type of message. `message` is a pointer to the struct of that type in
 * every function below; each has a form for each type in parley/messages.h, which is safer.
 */
struct parley_message_info;

/* Makes an empty message: no member is there but the object that holds the others. */
PARLEY_PUBLIC void parley_message_init(const struct parley_message_info *info, void *message);
/* Frees what decoding has allocated, and makes it empty. NULL is taken, and a message twice. */
PARLEY_PUBLIC void parley_message_fini(const struct parley_message_info *info, void *message);

/*
 * Decodes `len` bytes, which are one message of this type, into `message`, which was initialised;
 * what was in it is finished first. The text is copied. Returns false when it is no such message:
 * then `message` is empty and *ret_problem says why. On success *ret_problem is not touched; NULL
 * is taken when nobody wants to know.
 */
PARLEY_PUBLIC bool parley_message_from_json(const struct parley_message_info *info, void *message,
                                            enum parley_strictness strictness, const char *text,
                                            size_t len,
                                            struct parley_problem *ret_problem) PARLEY_MUST_CHECK;

/*
 * Encodes the message: members in the order of the description, then the unknown ones. *ret_text
 * is returned owned, to be freed with free(); a NUL stands behind its *ret_len bytes. Returns false
 * when the message is not valid (strict), as for parley_message_from_json; `position` is then that
 * in the text which would have been made.
 */
PARLEY_PUBLIC bool parley_message_to_json(const struct parley_message_info *info,
                                          const void *message, char **ret_text, size_t *ret_len,
                                          struct parley_problem *ret_problem) PARLEY_MUST_CHECK;

/* Whether the message could be encoded; false with *ret_problem as parley_message_to_json. */
PARLEY_PUBLIC bool parley_message_validate(const struct parley_message_info *info,
                                           const void *message,
                                           struct parley_problem *ret_problem) PARLEY_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif

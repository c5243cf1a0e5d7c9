#ifndef PARLEY_PROTO_TABLE_H
#define PARLEY_PROTO_TABLE_H

/*
 * The descriptions of messages, as the generated table has them and the engine reads them. An
 * object is a list of fields with an offset each into its struct; a message is an object whose
 * field `data` or `payload` is an object too. Every value that an offset leads to begins with an
 * enum parley_is.
 */

#include "base/str.h"
#include "parley/protocol.h"

enum field_kind {
    FIELD_TYPE, /* the name of the message's type: it has no value in the struct */
    FIELD_STRING,
    FIELD_CHOICE, /* a string out of `words` */
    FIELD_NUMBER,
    FIELD_INTEGER,
    FIELD_BOOLEAN,
    FIELD_SHAPE,   /* an object described by `shape`, in place */
    FIELD_OBJECT,  /* any object, raw */
    FIELD_ANY,     /* any value, raw */
    FIELD_STRINGS, /* an array of strings */
    FIELD_SHAPES,  /* an array of objects described by `shape` */
    FIELD_OBJECTS, /* an array of any objects, raw */
    FIELD_KIND_COUNT
};

enum field_flag {
    FIELD_REQUIRED = 1,
    FIELD_NULLABLE = 2,
    FIELD_RELAXED = 4, /* not required of what a gateway receives */
    FIELD_BODY = 8,    /* a shape whose absence means an empty one */
    FIELD_SAME = 16,   /* under another name it may stand there again, with the same value only */
};

struct field_info {
    struct str name;
    uint8_t kind;    /* enum field_kind */
    uint8_t flags;   /* of enum field_flag */
    uint32_t offset; /* of its value in the struct of the object */
    double min, max; /* of a number; those of the finite ones where there is no limit */
    /* Characters, elements or members; SIZE_MAX where there is no limit. */
    size_t min_length, max_length;
    const struct object_info *shape;
    const struct field_info *array_is; /* of the shape: what an array in its place is; or NULL */
    const struct str *words;           /* of a choice; ends in an empty one */
    const struct str *also;            /* other names, or NULL; ends in an empty one */
};

enum { MAX_FIELDS = 32 }; /* of one object */

struct object_info {
    const struct field_info *fields;
    uint32_t count; /* <= MAX_FIELDS */
    uint32_t size;  /* of its struct */
    uint32_t more;  /* the offset of its struct parley_members */
};

/* The head that struct parley_strings and the lists of all shapes have. */
struct list_value {
    enum parley_is is;
    const void *items;
    size_t count;
};

/* The struct of a message begins with the memory it owns. */
struct parley_message_info {
    struct str type;
    uint8_t id;        /* enum parley_type */
    uint8_t dialect;   /* enum parley_dialect */
    uint8_t direction; /* enum parley_direction */
    uint8_t agent_id;  /* enum parley_agent_id */
    bool is_typed;
    uint8_t body; /* index of the field with FIELD_BODY */
    struct object_info object;
};

/* By enum parley_type; the first is nobody's. */
extern const struct parley_message_info *const message_table[PARLEY_TYPE_COUNT];

/* The types of a dialect, sorted by name: by length, then byte by byte. */
struct type_index {
    const uint8_t *types; /* enum parley_type */
    size_t count;
};
extern const struct type_index type_index_table[PARLEY_GATEWAY + 1];

#endif

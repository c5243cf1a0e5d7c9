#include "proto/problem.h"

#include "base/printable.h"
#include "json/reader.h"

#include <float.h>

enum { MAX_QUOTED = 40 };

/* Copies `b` into a fixed text and frees it; what does not fit is cut, at a whole character. */
static void settle(struct buf *b, char *out, size_t cap)
{
    size_t len = b->len < cap ? b->len : cap - 1;

    while (len > 0 && len < b->len && ((uint8_t)b->data[len] & 0xc0) == 0x80) {
        len--;
    }
    if (len > 0) {
        memcpy(out, b->data, len);
    }
    out[len] = '\0';
    buf_fini(b);
}

static void write_path(struct buf *out, const struct step *step)
{
    if (step == NULL) {
        return;
    }
    write_path(out, step->up);
    if (step->name.len == 0) {
        buf_printf(out, "[%zu]", step->index);
        return;
    }
    if (step->up != NULL) {
        buf_append_char(out, '.');
    }
    printable_append(out, step->name);
}

static void write_number(struct buf *out, double value)
{
    if (value > -1e15 && value < 1e15 && value == (double)(int64_t)value) {
        buf_printf(out, "%lld", (long long)value);
    } else {
        buf_printf(out, "%g", value);
    }
}

static void write_words(struct buf *out, const struct str *words)
{
    for (const struct str *word = words; word->len > 0; word++) {
        buf_append_str(out, word == words ? STR("one of ") : STR(", "));
        buf_append_str(out, *word);
    }
}

static void write_range(struct buf *out, const struct field_info *field)
{
    bool has_min = field->min > -DBL_MAX, has_max = field->max < DBL_MAX;

    if (has_min) {
        buf_append_str(out, has_max ? STR(" from ") : STR(" of at least "));
        write_number(out, field->min);
    }
    if (has_max) {
        buf_append_str(out, has_min ? STR(" to ") : STR(" of at most "));
        write_number(out, field->max);
    }
}

static void write_length(struct buf *out, const struct field_info *field, const char *unit)
{
    if (field->min_length > 0) {
        buf_printf(out, " of at least %zu %s", field->min_length, unit);
    }
    if (field->max_length < SIZE_MAX) {
        buf_printf(out, "%s at most %zu %s", field->min_length > 0 ? " and" : " of",
                   field->max_length, unit);
    }
}

static void write_expected(struct buf *out, const struct field_info *field)
{
    static const struct {
        const char *noun;
        const char *unit;
    } kinds[FIELD_KIND_COUNT] = {
        [FIELD_TYPE] = {"a string", "characters"}, [FIELD_STRING] = {"a string", "characters"},
        [FIELD_NUMBER] = {"a number", NULL},       [FIELD_INTEGER] = {"an integer", NULL},
        [FIELD_BOOLEAN] = {"true or false", NULL}, [FIELD_SHAPE] = {"an object", NULL},
        [FIELD_OBJECT] = {"an object", "members"}, [FIELD_ANY] = {"a value", NULL},
        [FIELD_STRINGS] = {"an array", "strings"}, [FIELD_SHAPES] = {"an array", "objects"},
        [FIELD_OBJECTS] = {"an array", "objects"}, [FIELD_CHOICE] = {NULL, NULL},
    };

    if (field->kind == FIELD_CHOICE) {
        write_words(out, field->words);
    } else {
        buf_append_str(out, str_from_z(kinds[field->kind].noun));
    }
    if (kinds[field->kind].unit != NULL) {
        write_length(out, field, kinds[field->kind].unit);
    } else {
        write_range(out, field);
    }
    if (field->array_is != NULL) {
        buf_append_str(out, STR(" or an array of strings"));
    }
    if ((field->flags & FIELD_NULLABLE) != 0) {
        buf_append_str(out, STR(" or null"));
    }
}

static void write_found(struct buf *out, enum parley_fault fault, struct str raw)
{
    switch (json_kind_of(raw)) {
    case JSON_NONE:
        buf_append_str(out, STR("nothing"));
        break;
    case JSON_NULL:
    case JSON_BOOL:
        buf_append_str(out, raw);
        break;
    case JSON_NUMBER:
        buf_append_str(out, STR("the number "));
        buf_append_str(out, str_slice(raw, 0, MAX_QUOTED));
        break;
    case JSON_STRING:
        if (fault == PARLEY_WRONG_WORD || fault == PARLEY_UNKNOWN_TYPE ||
            fault == PARLEY_OTHER_TYPE) {
            printable_append(out, str_slice(raw, 0, MAX_QUOTED));
        } else {
            buf_append_str(out,
                           fault == PARLEY_WRONG_LENGTH ? STR("another length") : STR("a string"));
        }
        break;
    case JSON_ARRAY:
        buf_append_str(out, STR("an array"));
        break;
    case JSON_OBJECT:
        buf_append_str(out, STR("an object"));
        break;
    }
}

/* Begins a problem; its two texts are still to come. */
static void place(const struct report *r, enum parley_fault fault, const struct step *path,
                  const char *at)
{
    struct buf text;

    *r->problem = (struct parley_problem){.fault = fault, .position = (size_t)(at - r->text)};
    buf_init(&text, SIZE_MAX);
    write_path(&text, path);
    settle(&text, r->problem->path, sizeof(r->problem->path));
}

static void put_expected(const struct report *r, const struct field_info *field)
{
    struct buf text;

    buf_init(&text, SIZE_MAX);
    write_expected(&text, field);
    if (r->problem->fault == PARLEY_OUT_OF_RANGE && !(field->max < DBL_MAX)) {
        buf_append_str(&text, field->kind == FIELD_INTEGER ? STR(" in 64 bits") : STR(", finite"));
    }
    settle(&text, r->problem->expected, sizeof(r->problem->expected));
}

static void put_found(const struct report *r, struct str raw)
{
    struct buf text;

    buf_init(&text, SIZE_MAX);
    write_found(&text, r->problem->fault, raw);
    settle(&text, r->problem->found, sizeof(r->problem->found));
}

static void put_text(char *out, size_t cap, const char *text)
{
    struct buf copy;

    buf_init(&copy, SIZE_MAX);
    buf_append_str(&copy, str_from_z(text));
    settle(&copy, out, cap);
}

bool report_value(const struct report *r, enum parley_fault fault, const struct field_info *field,
                  const struct step *path, struct str raw)
{
    place(r, fault, path, raw.ptr);
    put_expected(r, field);
    put_found(r, raw);
    return false;
}

bool report_missing(const struct report *r, const struct field_info *field, const struct step *path,
                    const char *at)
{
    struct step member = {.up = path, .name = field->name};

    place(r, PARLEY_MISSING, &member, at);
    put_expected(r, field);
    put_found(r, str_make("", 0));
    return false;
}

bool report_other(const struct report *r, enum parley_fault fault, const struct step *path,
                  const char *at, const char *expected, const char *found)
{
    place(r, fault, path, at);
    put_text(r->problem->expected, sizeof(r->problem->expected), expected);
    put_text(r->problem->found, sizeof(r->problem->found), found);
    return false;
}

bool report_no_memory(const struct report *r, const struct step *path, const char *at)
{
    return report_other(r, PARLEY_NO_MEMORY, path, at, "enough memory", "too little");
}

bool report_scan(const struct report *r, enum wire_status status, const char *at)
{
    static const char json[] = "one JSON value in UTF-8";

    switch (status) {
    case WIRE_NOT_OBJECT:
        return report_other(r, PARLEY_WRONG_KIND, NULL, at, "an object", "another value");
    case WIRE_TOO_MANY_MEMBERS:
        return report_other(r, PARLEY_WRONG_LENGTH, NULL, at, "at most 1024 members", "more");
    case WIRE_TOO_DEEP:
        return report_other(r, PARLEY_TOO_DEEP, NULL, at, "at most 64 levels of nesting", "more");
    case WIRE_NOT_UTF8:
        return report_other(r, PARLEY_NOT_JSON, NULL, at, json, "a byte that is not UTF-8");
    case WIRE_TRUNCATED:
        return report_other(r, PARLEY_NOT_JSON, NULL, at, json, "the end of the text");
    default:
        return report_other(r, PARLEY_NOT_JSON, NULL, at, json, "what cannot stand there");
    }
}

bool report_type(const struct report *r, enum parley_fault fault, struct str raw,
                 const char *expected)
{
    const struct step type = {.name = STR("type")};

    place(r, fault, &type, raw.len > 0 ? raw.ptr : r->text);
    put_text(r->problem->expected, sizeof(r->problem->expected),
             expected != NULL ? expected : "a type of this dialect");
    put_found(r, raw);
    return false;
}

size_t parley_problem_text(const struct parley_problem *problem, char *out, size_t cap)
{
    struct buf text;

    buf_init(&text, SIZE_MAX);
    if (problem->path[0] != '\0') {
        buf_printf(&text, "%s: ", problem->path);
    }
    buf_printf(&text, "expected %s, found %s", problem->expected, problem->found);
    settle(&text, out, cap);
    return strlen(out);
}

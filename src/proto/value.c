#include "proto/decode.h"
#include "json/reader.h"

#include "proto/memory.h"
#include "proto/number.h"

/* Characters of a raw string; an escaped surrogate pair is one. */
static size_t count_characters(struct str raw)
{
    size_t count = 0;

    for (size_t i = 1; i + 1 < raw.len; count++) {
        if (raw.ptr[i] == '\\' && raw.ptr[i + 1] == 'u') {
            bool pair =
                (raw.ptr[i + 2] | 0x20) == 'd' && str_find(STR("89abAB"), raw.ptr[i + 3]) < 6;
            i += pair ? 12 : 6;
        } else if (raw.ptr[i] == '\\') {
            i += 2;
        } else {
            do {
                i++;
            } while (((uint8_t)raw.ptr[i] & 0xc0) == 0x80);
        }
    }
    return count;
}

static bool is_length_allowed(const struct field_info *field, size_t length)
{
    return length >= field->min_length && length <= field->max_length;
}

static size_t count_elements(struct str raw)
{
    struct json_iter it = json_iter_of(raw);
    struct str element;
    size_t count = 0;

    while (json_next_element(&it, &element)) {
        count++;
    }
    return count;
}

static size_t count_members(struct str raw)
{
    struct json_iter it = json_iter_of(raw);
    struct str key, value;
    size_t count = 0;

    while (json_next_member(&it, &key, &value)) {
        count++;
    }
    return count;
}

/* The text of a raw string that may have escapes in it; unescaped into memory when it has. */
static bool store_unescaped(const struct decoding *d, struct str raw, const char **ret_ptr,
                            size_t *ret_len)
{
    struct str text;

    if (!json_string_plain(raw, &text)) {
        char *unescaped = memory_take(d->memory, raw.len);
        if (unescaped == NULL) {
            return false;
        }
        text = str_make(unescaped, json_unescape_to(raw, unescaped, raw.len));
    }
    *ret_ptr = text.ptr;
    *ret_len = text.len;
    return true;
}

/* The text of a raw string. */
static bool store_text(const struct decoding *d, struct raw_value raw, const char **ret_ptr,
                       size_t *ret_len)
{
    if (raw.escaped) {
        return store_unescaped(d, raw_text(raw), ret_ptr, ret_len);
    }
    *ret_ptr = raw.ptr + 1;
    *ret_len = raw.len - 2;
    return true;
}

static bool decode_string(const struct decoding *d, const struct field_info *field,
                          struct raw_value raw, void *out, const struct step *path)
{
    struct parley_string *value = out;
    size_t bytes = raw.len - 2;
    /* No string has more characters than bytes between its quotes; one of any byte has a character.
     */
    bool fits = bytes <= field->max_length && field->min_length <= (bytes > 0);

    if (!fits && !is_length_allowed(field, count_characters(raw_text(raw)))) {
        return report_value(&d->report, PARLEY_WRONG_LENGTH, field, path, raw_text(raw));
    }
    if (value != NULL) {
        value->is = PARLEY_SET;
        return store_text(d, raw, &value->ptr, &value->len) ||
               report_no_memory(&d->report, path, raw.ptr);
    }
    return true;
}

static bool decode_choice(const struct decoding *d, const struct field_info *field,
                          struct raw_value raw, void *out, const struct step *path)
{
    struct parley_choice *value = out;

    for (int i = 0; field->words[i].len > 0; i++) {
        if (raw_is(raw, field->words[i])) {
            if (value != NULL) {
                *value = parley_choice(i);
            }
            return true;
        }
    }
    return report_value(&d->report, PARLEY_WRONG_WORD, field, path, raw_text(raw));
}

static bool decode_number(const struct decoding *d, const struct field_info *field,
                          struct raw_value raw, void *out, const struct step *path)
{
    struct parley_number *value = out;
    double number = 0;

    if (number_read(raw_text(raw), &number) != NUMBER_OK || number < field->min ||
        number > field->max) {
        return report_value(&d->report, PARLEY_OUT_OF_RANGE, field, path, raw_text(raw));
    }
    if (value != NULL) {
        *value = parley_number(number);
    }
    return true;
}

static bool decode_integer(const struct decoding *d, const struct field_info *field,
                           struct raw_value raw, void *out, const struct step *path)
{
    struct parley_integer *value = out;
    int64_t number = 0;
    enum number_status status = number_read_integer(raw_text(raw), &number);

    if (status == NUMBER_NOT_WHOLE) {
        return report_value(&d->report, PARLEY_WRONG_KIND, field, path, raw_text(raw));
    }
    if (status == NUMBER_TOO_LARGE || (double)number < field->min || (double)number > field->max) {
        return report_value(&d->report, PARLEY_OUT_OF_RANGE, field, path, raw_text(raw));
    }
    if (value != NULL) {
        *value = parley_integer(number);
    }
    return true;
}

static bool decode_boolean(const struct decoding *d, const struct field_info *field,
                           struct raw_value raw, void *out, const struct step *path)
{
    struct parley_boolean *value = out;

    (void)d, (void)field, (void)path;
    if (value != NULL) {
        *value = parley_boolean(*raw.ptr == 't');
    }
    return true;
}

static bool decode_raw(const struct decoding *d, const struct field_info *field,
                       struct raw_value raw, void *out, const struct step *path)
{
    struct parley_json *value = out;

    if (field->kind == FIELD_OBJECT && (field->min_length > 0 || field->max_length < SIZE_MAX) &&
        !is_length_allowed(field, count_members(raw_text(raw)))) {
        return report_value(&d->report, PARLEY_WRONG_LENGTH, field, path, raw_text(raw));
    }
    if (value != NULL) {
        *value = parley_json(raw.ptr, raw.len);
    }
    return true;
}

static bool decode_shape(const struct decoding *d, const struct field_info *field,
                         struct raw_value raw, void *out, const struct step *path)
{
    if (out != NULL) {
        *(enum parley_is *)out = PARLEY_SET;
    }
    return decode_object(d, field->shape, raw_text(raw), out, path);
}

/* An array in place of an object: the object that has it as this one member. */
static bool decode_array_as_shape(const struct decoding *d, const struct field_info *field,
                                  struct raw_value raw, void *out, const struct step *path)
{
    if (out != NULL) {
        *(enum parley_is *)out = PARLEY_SET;
        out = (char *)out + field->array_is->offset;
    }
    return decode_value(d, field->array_is, raw, out, path);
}

/* One element of an array of objects or strings: it is there, and of its kind. */
static bool decode_element(const struct decoding *d, const struct field_info *field,
                           struct raw_value raw, void *out, const struct step *path)
{
    static const struct field_info elements[] = {
        [FIELD_STRINGS] = {.kind = FIELD_STRING, .max_length = SIZE_MAX},
        [FIELD_SHAPES] = {.kind = FIELD_SHAPE, .max_length = SIZE_MAX},
        [FIELD_OBJECTS] = {.kind = FIELD_OBJECT, .max_length = SIZE_MAX},
    };
    const struct field_info *element = &elements[field->kind];
    struct parley_text *text = out;

    if (json_kind_of(raw_text(raw)) != (field->kind == FIELD_STRINGS ? JSON_STRING : JSON_OBJECT)) {
        return report_value(&d->report, PARLEY_WRONG_KIND, element, path, raw_text(raw));
    }
    if (field->kind == FIELD_SHAPES) {
        if (out != NULL) {
            *(enum parley_is *)out = PARLEY_SET;
        }
        return decode_object(d, field->shape, raw_text(raw), out, path);
    }
    if (field->kind == FIELD_STRINGS && text != NULL) {
        return store_text(d, raw, &text->ptr, &text->len) ||
               report_no_memory(&d->report, path, raw.ptr);
    }
    return true;
}

static bool decode_array(const struct decoding *d, const struct field_info *field,
                         struct raw_value raw, void *out, const struct step *path)
{
    struct json_iter it = json_iter_of(raw_text(raw));
    struct step step = {.up = path};
    size_t count = count_elements(raw_text(raw));
    size_t size = field->kind == FIELD_SHAPES ? field->shape->size : sizeof(struct parley_text);
    char *items = NULL;
    struct str element;

    if (!is_length_allowed(field, count)) {
        return report_value(&d->report, PARLEY_WRONG_LENGTH, field, path, raw_text(raw));
    }
    if (out != NULL && field->kind == FIELD_OBJECTS) {
        *(struct parley_json *)out = parley_json(raw.ptr, raw.len);
    } else if (out != NULL) {
        items = memory_take_items(d->memory, count, size);
        if (items == NULL) {
            return report_no_memory(&d->report, path, raw.ptr);
        }
        *(struct list_value *)out = (struct list_value){PARLEY_SET, items, count};
    }
    for (; json_next_element(&it, &element); step.index++) {
        void *item = items != NULL ? items + step.index * size : NULL;
        struct raw_value raw_element = {element.ptr, (uint32_t)element.len, true};
        if (!decode_element(d, field, raw_element, item, &step)) {
            return false;
        }
    }
    return true;
}

static bool decode_type(const struct decoding *d, const struct field_info *field,
                        struct raw_value raw, void *out, const struct step *path)
{
    /* It was compared before, to find the description. */
    (void)d, (void)field, (void)raw, (void)out, (void)path;
    return true;
}

/* A value of another kind than its field wants, which may allow it. */
static bool decode_other_kind(const struct decoding *d, const struct field_info *field,
                              struct raw_value raw, void *out, const struct step *path)
{
    enum json_kind kind = (enum json_kind)json_kind_by_byte[(uint8_t)*raw.ptr];

    if (kind == JSON_NULL && (field->flags & FIELD_NULLABLE) != 0) {
        if (out != NULL) {
            *(enum parley_is *)out = PARLEY_NULL;
        }
        return true;
    }
    if (kind == JSON_ARRAY && field->array_is != NULL) {
        return decode_array_as_shape(d, field, raw, out, path);
    }
    return field->kind == FIELD_ANY
               ? decode_raw(d, field, raw, out, path)
               : report_value(&d->report, PARLEY_WRONG_KIND, field, path, raw_text(raw));
}

bool decode_value(const struct decoding *d, const struct field_info *field, struct raw_value raw,
                  void *out, const struct step *path)
{
    static const struct {
        enum json_kind kind;
        bool (*decode)(const struct decoding *d, const struct field_info *field,
                       struct raw_value raw, void *out, const struct step *path);
    } kinds[FIELD_KIND_COUNT] = {
        [FIELD_TYPE] = {JSON_STRING, decode_type},
        [FIELD_STRING] = {JSON_STRING, decode_string},
        [FIELD_CHOICE] = {JSON_STRING, decode_choice},
        [FIELD_NUMBER] = {JSON_NUMBER, decode_number},
        [FIELD_INTEGER] = {JSON_NUMBER, decode_integer},
        [FIELD_BOOLEAN] = {JSON_BOOL, decode_boolean},
        [FIELD_SHAPE] = {JSON_OBJECT, decode_shape},
        [FIELD_OBJECT] = {JSON_OBJECT, decode_raw},
        [FIELD_ANY] = {JSON_NONE, decode_raw},
        [FIELD_STRINGS] = {JSON_ARRAY, decode_array},
        [FIELD_SHAPES] = {JSON_ARRAY, decode_array},
        [FIELD_OBJECTS] = {JSON_ARRAY, decode_array},
    };

    return kinds[field->kind].kind == (enum json_kind)json_kind_by_byte[(uint8_t)*raw.ptr]
               ? kinds[field->kind].decode(d, field, raw, out, path)
               : decode_other_kind(d, field, raw, out, path);
}

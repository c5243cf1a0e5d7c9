#include "config/config.h"

#include <yaml.h>

#include "base/printable.h"
#include "config/internal.h"

enum { MAX_KEY = 128 }; /* longer than any, and than what a suggestion is looked for */

/*
 * Goes through the events of one document. Mappings that are sections of the table are entered, and
 * the keys on the way, joined by dots, are the option's; whatever is not known ends it where it
 * stands. So nothing is nested deeper than the table's keys have dots, whatever a file tries.
 */
struct reader {
    yaml_parser_t parser;
    yaml_event_t event; /* the newest one */
    struct config *c;
    struct str text;
    const char *path;
    struct config_place place; /* of the newest key or value; where: see set_line */
    struct buf where;
    struct buf *error;
    /* The lines of what has been there, 0 for none; of a section by its first option. */
    uint32_t option_lines[OPTION_COUNT];
    uint32_t section_lines[OPTION_COUNT];
};

/* --- saying no -------------------------------------------------------------------------------- */

static void set_line(struct reader *r, uint32_t line)
{
    buf_clear(&r->where);
    printable_append(&r->where, str_from_z(r->path));
    buf_printf(&r->where, ":%u", (unsigned)line);
    buf_append_char(&r->where, '\0');
    r->place.line = line;
    r->place.where = r->where.failed ? "the configuration" : r->where.data;
}

static bool refuse(struct reader *r, const char *what)
{
    buf_printf(r->error, "%s: %s", r->place.where, what);
    return false;
}

/* The line, from 1, of a byte of the text. */
static uint32_t line_of(struct str text, size_t offset)
{
    uint32_t line = 1;

    for (size_t i = 0; i < offset && i < text.len; i++) {
        line += text.ptr[i] == '\n';
    }
    return line;
}

/* Whether a line is indented by tabs. */
static bool has_tab(struct str text, uint32_t line)
{
    while (--line > 0) {
        text = str_slice(text, str_find(text, '\n') + 1, text.len);
    }
    while (text.len > 0 && text.ptr[0] == ' ') {
        text = str_slice(text, 1, text.len);
    }
    return text.len > 0 && text.ptr[0] == '\t';
}

static bool refuse_syntax(struct reader *r)
{
    const yaml_parser_t *p = &r->parser;

    switch (p->error) {
    case YAML_MEMORY_ERROR:
        buf_append_str(r->error, STR("out of memory"));
        return false;
    case YAML_READER_ERROR:
        set_line(r, line_of(r->text, p->problem_offset));
        break;
    default:
        set_line(r, (uint32_t)p->problem_mark.line + 1);
        break;
    }
    buf_printf(r->error, "%s: this is not YAML: %s", r->place.where, p->problem);
    if (p->context != NULL) {
        buf_printf(r->error, " %s", p->context);
    }
    if (p->error != YAML_READER_ERROR && has_tab(r->text, r->place.line)) {
        buf_append_str(r->error, STR("; indent with spaces, not with tabs"));
    }
    return false;
}

/* --- events ----------------------------------------------------------------------------------- */

static bool has_extras(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return true;
    case YAML_SCALAR_EVENT:
        return event->data.scalar.anchor != NULL || event->data.scalar.tag != NULL;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor != NULL || event->data.sequence_start.tag != NULL;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor != NULL || event->data.mapping_start.tag != NULL;
    default:
        return false;
    }
}

static bool next(struct reader *r)
{
    yaml_event_delete(&r->event);
    if (yaml_parser_parse(&r->parser, &r->event) == 0) {
        return refuse_syntax(r);
    }
    set_line(r, (uint32_t)r->event.start_mark.line + 1);
    if (has_extras(&r->event)) {
        return refuse(r, "anchors (&), aliases (*) and tags (!) are not taken; write the value "
                         "itself, in quotes when it begins with one of these");
    }
    return true;
}

/* Of a scalar; borrowed until the next event. */
static struct str scalar_text(const struct reader *r)
{
    return str_make((const char *)r->event.data.scalar.value, r->event.data.scalar.length);
}

static bool is_quoted(const struct reader *r)
{
    return r->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
}

/* What YAML calls null: a key without a value. */
static bool is_null(const struct reader *r)
{
    struct str text = scalar_text(r);

    return !is_quoted(r) &&
           (text.len == 0 || str_equal(text, STR("~")) || str_equal_nocase(text, STR("null")));
}

/* --- keys ------------------------------------------------------------------------------------- */

/* The index of the first option below this key, or OPTION_COUNT when it is no section. */
static size_t find_section(struct str key)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        struct str name = str_from_z(option_table[i].key);
        if (str_starts_with(name, key) && name.len > key.len && name.ptr[key.len] == '.') {
            return i;
        }
    }
    return OPTION_COUNT;
}

/* Notes that a key is there; a second time it is refused. */
static bool note_line(struct reader *r, const char *key, uint32_t *line)
{
    if (*line != 0) {
        buf_printf(r->error, "%s: %s: it is there twice; the first one is on line %u",
                   r->place.where, key, (unsigned)*line);
        return false;
    }
    *line = r->place.line;
    return true;
}

/* The option of a key that stands on the present line; NULL after a sentence. */
static const struct option *take_option(struct reader *r, struct str key)
{
    bool synonym;
    const struct option *option = option_find(key, &synonym);

    if (option == NULL) {
        (void)config_refuse_key(key, r->place.where, r->error);
        return NULL;
    }
    return note_line(r, option->key, &r->option_lines[option - option_table]) ? option : NULL;
}

/* --- values ----------------------------------------------------------------------------------- */

static bool is_wrongly_quoted(const struct reader *r, const struct option *option)
{
    struct str text = scalar_text(r);
    bool is_truth = str_equal(text, STR("true")) || str_equal(text, STR("false"));

    return is_quoted(r) &&
           (option->kind == OPTION_BOOL || (option->kind == OPTION_ENUM && is_truth) ||
            (option->kind == OPTION_INT && text.len > 0 && text.ptr[0] >= '0' &&
             text.ptr[0] <= '9'));
}

/* Sets the key, which stands on a line of its own for whoever asks where a value is from. */
static bool set_value(struct reader *r, const struct option *option, struct str key,
                      struct str text)
{
    r->place.line = r->option_lines[option - option_table];
    return config_set_from(r->c, key, text, &r->place, r->error);
}

static bool read_scalar(struct reader *r, const struct option *option, struct str key)
{
    if (is_null(r)) {
        return config_refuse_value(option, "it has no value", r->place.where, r->error);
    }
    if (is_wrongly_quoted(r, option)) {
        return config_refuse_value(option, "text in quotes is not allowed", r->place.where,
                                   r->error);
    }
    return set_value(r, option, key, scalar_text(r));
}

/* Appends the elements of a sequence, separated by commas. */
static bool join_elements(struct reader *r, const struct option *option, struct buf *list)
{
    const char *problem = NULL;

    while (next(r)) {
        if (r->event.type == YAML_SEQUENCE_END_EVENT) {
            return true;
        }
        if (r->event.type != YAML_SCALAR_EVENT || is_null(r)) {
            problem = "an element that is no text is not allowed";
        } else if (str_trim(scalar_text(r)).len == 0) {
            problem = "an empty element is not allowed";
        } else if (str_find(scalar_text(r), ',') < scalar_text(r).len) {
            problem = "an element with a comma is not allowed";
        }
        if (problem != NULL) {
            return config_refuse_value(option, problem, r->place.where, r->error);
        }
        if (list->len > 0) {
            buf_append_char(list, ',');
        }
        buf_append_str(list, scalar_text(r));
    }
    return false;
}

static bool read_sequence(struct reader *r, const struct option *option, struct str key)
{
    struct buf list;
    uint32_t line = r->place.line;

    if (option->kind != OPTION_LIST) {
        return config_refuse_value(option, "a list is not allowed", r->place.where, r->error);
    }
    buf_init(&list, CONFIG_MAX_FILE);
    bool ok = join_elements(r, option, &list);
    if (ok && list.failed) {
        buf_append_str(r->error, STR("out of memory"));
        ok = false;
    }
    if (ok) {
        set_line(r, line);
        ok = set_value(r, option, key, buf_str(&list));
    }
    buf_fini(&list);
    return ok;
}

static bool read_mapping(struct reader *r, struct buf *key);

/* A section: a mapping, or nothing when all of it is commented out. */
static bool read_section(struct reader *r, struct buf *key, size_t first)
{
    if (!note_line(r, key->data, &r->section_lines[first]) || !next(r)) {
        return false;
    }
    if (r->event.type == YAML_MAPPING_START_EVENT) {
        return read_mapping(r, key);
    }
    if (r->event.type == YAML_SCALAR_EVENT && is_null(r)) {
        return true;
    }
    buf_printf(r->error, "%s: ", r->place.where);
    printable_append(r->error, buf_str(key));
    buf_printf(r->error, ": it is a section and takes a mapping of keys like %s",
               option_table[first].key);
    return false;
}

static bool read_value(struct reader *r, struct buf *key)
{
    size_t section = find_section(buf_str(key));

    if (section < OPTION_COUNT) {
        return read_section(r, key, section);
    }
    const struct option *option = take_option(r, buf_str(key));
    if (option == NULL || !next(r)) {
        return false;
    }
    switch (r->event.type) {
    case YAML_SCALAR_EVENT:
        return read_scalar(r, option, buf_str(key));
    case YAML_SEQUENCE_START_EVENT:
        return read_sequence(r, option, buf_str(key));
    default:
        return config_refuse_value(option, "a mapping is not allowed", r->place.where, r->error);
    }
}

/* Puts a name behind what stands in `key`, and a NUL behind that, which is not counted. */
static bool append_name(struct reader *r, struct buf *key, struct str name)
{
    if (name.len > MAX_KEY - key->len) {
        return refuse(r, "this key is longer than any");
    }
    if (key->len > 0) {
        buf_append_char(key, '.');
    }
    buf_append_str(key, name);
    buf_append_char(key, '\0');
    if (key->failed) {
        buf_append_str(r->error, STR("out of memory"));
        return false;
    }
    key->len--;
    return true;
}

/* Everything below `key`, which is as before in the end. */
static bool read_mapping(struct reader *r, struct buf *key)
{
    size_t above = key->len;

    while (next(r)) {
        if (r->event.type == YAML_MAPPING_END_EVENT) {
            return true;
        }
        if (r->event.type != YAML_SCALAR_EVENT || scalar_text(r).len == 0) {
            return refuse(r, "a key has to be text");
        }
        if (!append_name(r, key, scalar_text(r)) || !read_value(r, key)) {
            return false;
        }
        key->len = above;
    }
    return false;
}

/* --- the document ----------------------------------------------------------------------------- */

static bool read_root(struct reader *r)
{
    struct buf key;

    if (r->event.type == YAML_SCALAR_EVENT && is_null(r)) {
        return true;
    }
    if (r->event.type != YAML_MAPPING_START_EVENT) {
        return refuse(r, "a configuration is a mapping: lines like `listen.port: 8765`");
    }
    buf_init(&key, (size_t)2 * MAX_KEY);
    bool ok = read_mapping(r, &key);
    buf_fini(&key);
    return ok;
}

static bool skip(struct reader *r, unsigned events)
{
    while (events-- > 0) {
        if (!next(r)) {
            return false;
        }
    }
    return true;
}

static bool read_stream(struct reader *r)
{
    /* Behind the start of the stream: its end, or the start of a document. */
    if (!skip(r, 2)) {
        return false;
    }
    if (r->event.type == YAML_STREAM_END_EVENT) {
        return true;
    }
    if (!next(r) || !read_root(r) || !skip(r, 2)) {
        return false;
    }
    return r->event.type == YAML_STREAM_END_EVENT ||
           refuse(r, "a second document begins here; a configuration is one");
}

bool config_read_text(struct config *c, struct str text, const char *path, const char *directory,
                      struct buf *error)
{
    struct reader r = {
        .c = c,
        .text = text,
        .path = path,
        .place = {.origin = CONFIG_FILE, .directory = directory},
        .error = error,
    };
    char *name = strdup(path);

    if (name == NULL || yaml_parser_initialize(&r.parser) == 0) {
        free(name);
        buf_append_str(error, STR("out of memory"));
        return false;
    }
    free(c->file);
    c->file = name;
    buf_init(&r.where, CONFIG_MAX_ERROR);
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)(text.len > 0 ? text.ptr : ""),
                                 text.len);
    bool ok = read_stream(&r);
    yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
    buf_fini(&r.where);
    return ok;
}

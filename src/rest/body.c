#include "rest/body.h"

#include <assert.h>
#include <stdio.h>

#include "base/grants.h"
#include "json/fields.h"
#include "json/reader.h"
#include "json/wire.h"
#include "json/writer.h"

struct reading {
    struct call *call;
    const struct body_member *members;
    size_t count;
    struct body_value *values;
    struct buf *texts; /* has room for all that may come of the body, so it does not move */
};

static struct str kind_name(enum json_kind kind)
{
    static const struct str names[] = {
        [JSON_NONE] = {"nothing", 7},     [JSON_NULL] = {"null", 4},
        [JSON_BOOL] = {"a boolean", 9},   [JSON_NUMBER] = {"a number", 8},
        [JSON_STRING] = {"a string", 8},  [JSON_ARRAY] = {"an array", 8},
        [JSON_OBJECT] = {"an object", 9},
    };

    return names[kind];
}

static void write_expected(struct buf *out, const struct body_member *m)
{
    switch (m->kind) {
    case BODY_TEXT:
        buf_printf(out, "a string of 1 to %u bytes without control characters", m->max);
        break;
    case BODY_COUNT:
        buf_printf(out, "a whole number from 1 to %u", m->max);
        break;
    case BODY_FLAG:
        buf_append_str(out, STR("true or false"));
        break;
    case BODY_OBJECT:
        buf_append_str(out, STR("an object"));
        break;
    default:
        buf_append_str(out,
                       STR("an array of patterns without spaces, like [\"bark\",\"scene_*\"]"));
    }
}

static bool refuse_value(const struct reading *r, const struct body_member *m, struct str raw)
{
    struct buf expected, message, details;
    struct json_writer w;

    buf_init(&expected, CALL_MAX_DETAILS);
    buf_init(&message, CALL_MAX_DETAILS);
    buf_init(&details, CALL_MAX_DETAILS);
    write_expected(&expected, m);
    buf_printf(&message, "The member `%.*s` of the body has to be ", STR_ARG(m->name));
    buf_append_str(&message, buf_str(&expected));
    buf_append_char(&message, '.');
    json_writer_init(&w, &details);
    json_begin_object(&w);
    json_key_string(&w, STR("path"), m->name);
    json_key_string(&w, STR("expected"), buf_str(&expected));
    json_key_string(&w, STR("found"), kind_name(json_kind_of(raw)));
    json_end_object(&w);
    call_refuse(r->call, ERROR_INVALID_MESSAGE, buf_str(&message),
                details.failed ? STR("") : buf_str(&details));
    buf_fini(&expected);
    buf_fini(&message);
    buf_fini(&details);
    return false;
}

/* About a key of the body, as it stands there. */
static bool refuse_key(const struct reading *r, struct str key, const char *what)
{
    char name[64];
    size_t len = json_unescape_to(key, name, sizeof(name));
    struct buf message;

    buf_init(&message, CALL_MAX_DETAILS);
    buf_printf(&message, "%s This path takes", what);
    for (size_t i = 0; i < r->count; i++) {
        buf_printf(&message, "%s `%.*s`",
                   i == 0             ? ""
                   : i + 1 < r->count ? ","
                                      : " and",
                   STR_ARG(r->members[i].name));
    }
    buf_append_str(&message, r->count == 0 ? STR(" no members.") : STR("."));
    call_refuse_about(r->call, ERROR_INVALID_MESSAGE, buf_str(&message), STR("path"),
                      str_make(name, len < sizeof(name) ? len : sizeof(name)));
    buf_fini(&message);
    return false;
}

/* Appends a string unescaped and says where it stands. */
static struct str keep_text(const struct reading *r, struct str raw)
{
    size_t from = r->texts->len;

    json_unescape(raw, r->texts);
    return str_slice(buf_str(r->texts), from, r->texts->len);
}

static bool has_control(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((uint8_t)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

static bool take_patterns(const struct reading *r, struct str raw, struct body_value *value)
{
    size_t from = r->texts->len;

    if (json_kind_of(raw) == JSON_STRING) {
        json_unescape(raw, r->texts);
    } else if (!json_join_strings(raw, '|', r->texts)) {
        return false;
    }
    value->text = str_slice(buf_str(r->texts), from, r->texts->len);
    return value->text.len == 0 || grants_valid(value->text);
}

static bool take_value(const struct reading *r, const struct body_member *m, struct str raw,
                       struct body_value *value)
{
    enum json_kind kind = json_kind_of(raw);

    switch (m->kind) {
    case BODY_TEXT:
        value->text = keep_text(r, raw);
        return kind == JSON_STRING && value->text.len > 0 && value->text.len <= m->max &&
               !has_control(value->text);
    case BODY_COUNT:
        return kind == JSON_NUMBER && str_to_uint(raw, m->max, &value->number) && value->number > 0;
    case BODY_FLAG:
        value->flag = raw.ptr[0] == 't';
        return kind == JSON_BOOL;
    case BODY_OBJECT:
        value->text = raw;
        return kind == JSON_OBJECT;
    default:
        return take_patterns(r, raw, value);
    }
}

static bool take_object(const struct reading *r, struct str body)
{
    struct str names[BODY_MEMBERS], raws[BODY_MEMBERS], key;

    assert(r->count <= BODY_MEMBERS);
    for (size_t i = 0; i < r->count; i++) {
        names[i] = r->members[i].name;
    }
    switch (json_read_fields(body, names, r->count, raws, &key)) {
    case JSON_FIELDS_UNKNOWN:
        return refuse_key(r, key, "The body has a member that is not known here.");
    case JSON_FIELDS_TWICE:
        return refuse_key(r, key, "A member stands twice in the body.");
    case JSON_FIELDS_READ:
        break;
    }
    for (size_t i = 0; i < r->count; i++) {
        const struct body_member *m = &r->members[i];
        r->values[i].given = raws[i].len > 0;
        if (r->values[i].given ? !take_value(r, m, raws[i], &r->values[i]) : m->required) {
            return refuse_value(r, m, raws[i]);
        }
    }
    return true;
}

static bool refuse_text(struct call *call, const struct wire *wire)
{
    bool is_json = wire->status >= WIRE_NOT_OBJECT;
    char details[64];
    int len = snprintf(details, sizeof(details), "{\"position\":%u}", wire->position);

    call_refuse(call, is_json ? ERROR_INVALID_MESSAGE : ERROR_PARSE_ERROR,
                STR("The body has to be one JSON object; `details.position` is the byte at which "
                    "reading it stopped."),
                str_make(details, (size_t)len));
    return false;
}

bool body_read(struct call *call, const struct body_member *members, size_t count,
               struct body_value *ret_values, struct buf *texts)
{
    struct reading r = {call, members, count, ret_values, texts};
    struct str body = call->body.len > 0 ? call->body : STR("{}");
    struct wire wire;

    for (size_t i = 0; i < count; i++) {
        ret_values[i] = (struct body_value){.text = STR("")};
    }
    wire_scan(body.ptr, body.len, 0, &wire);
    if (wire.status != WIRE_OK) {
        return refuse_text(call, &wire);
    }
    /* A text is never longer than it stood in the body, with what stood around it. */
    if (!buf_reserve(texts, body.len)) {
        call_refuse_about(call, ERROR_LIMIT_REACHED, STR(""), STR("limit"), STR("memory"));
        return false;
    }
    return take_object(&r, body);
}

struct str body_session_of_world(struct str world, char buffer[BODY_SESSION_SIZE])
{
    memcpy(buffer, "world:", 6);
    memcpy(buffer + 6, world.ptr, world.len);
    return str_make(buffer, 6 + world.len);
}

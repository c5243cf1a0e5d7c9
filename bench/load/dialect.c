#include "dialect.h"

#include "base/suggest.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const text_names[DIALECT_TEXT_COUNT] = {
    [DIALECT_PATH] = "path",
    [DIALECT_HELLO] = "hello",
    [DIALECT_JOIN] = "join",
    [DIALECT_MESSAGE] = "message",
    [DIALECT_DIRECTED_PATH] = "directed-path",
    [DIALECT_DIRECTED_HELLO] = "directed-hello",
    [DIALECT_DIRECTED] = "directed",
    [DIALECT_REQUEST_PATH] = "request-path",
    [DIALECT_AGENT_HELLO] = "agent-hello",
    [DIALECT_ASKER_HELLO] = "asker-hello",
    [DIALECT_REQUEST] = "request",
    [DIALECT_ANSWER] = "answer",
};

/* What else there is, and what it can be. */
static const char *const other_names[] = {"capture", "framing", "greets", "delivers"};
enum { OTHER_COUNT = sizeof(other_names) / sizeof(other_names[0]) };

const char *dialect_text_name(enum dialect_text text)
{
    return text_names[text];
}

static bool fail(char *error, unsigned line, const char *what, struct str about)
{
    (void)snprintf(error, TEMPLATE_ERROR_SIZE, "line %u: %s: %.*s", line, what,
                   (int)(about.len < 60 ? about.len : 60), about.ptr);
    return false;
}

/* Resolves the escapes in place, into the bytes before `end`. Returns the text. */
static struct str unescape(char *bytes, size_t len)
{
    size_t kept = 0;
    for (size_t i = 0; i < len; i++) {
        char c = bytes[i];
        if (c == '\\' && i + 1 < len && strchr("rns\\", bytes[i + 1]) != NULL) {
            i++;
            c = (char)(bytes[i] == 'r'   ? '\r'
                       : bytes[i] == 'n' ? '\n'
                       : bytes[i] == 's' ? ' '
                                         : '\\');
        }
        bytes[kept++] = c;
    }
    return str_make(bytes, kept);
}

/* One of two words; false when it is neither. */
static bool take_choice(struct str text, struct str no, struct str yes, bool *ret_value)
{
    *ret_value = str_equal(text, yes);
    return *ret_value || str_equal(text, no);
}

static bool take_other(struct dialect *d, struct str name, struct str text)
{
    bool nats;
    if (str_equal(name, STR("capture"))) {
        d->capture = text;
        return text.len > 0;
    }
    if (str_equal(name, STR("greets"))) {
        return take_choice(text, STR("no"), STR("yes"), &d->greets);
    }
    if (str_equal(name, STR("delivers"))) {
        return take_choice(text, STR("body"), STR("whole"), &d->whole);
    }
    bool ok = take_choice(text, STR("messages"), STR("nats"), &nats);
    d->framing = nats ? FRAMING_NATS : FRAMING_MESSAGES;
    return ok;
}

static bool refuse_name(struct str name, unsigned line, char *error)
{
    struct suggestion nearest;
    suggestion_init(&nearest, name);
    for (unsigned i = 0; i < DIALECT_TEXT_COUNT; i++) {
        suggestion_offer(&nearest, str_from_z(text_names[i]), text_names[i]);
    }
    for (unsigned i = 0; i < OTHER_COUNT; i++) {
        suggestion_offer(&nearest, str_from_z(other_names[i]), other_names[i]);
    }
    char what[80];
    (void)snprintf(what, sizeof(what), "a dialect has no such name%s%s",
                   nearest.best != NULL ? "; did you mean " : "",
                   nearest.best != NULL ? nearest.best : "");
    return fail(error, line, what, name);
}

static bool take_line(struct dialect *d, struct str line, unsigned number, char *error)
{
    struct str name = str_slice(line, 0, str_find(line, ':'));
    if (name.len == line.len) {
        return fail(error, number, "this is no `name: text`", line);
    }
    struct str rest = str_trim(str_slice(line, name.len + 1, line.len));
    struct str text = unescape(d->bytes + (rest.ptr - d->bytes), rest.len);
    for (unsigned i = 0; i < DIALECT_TEXT_COUNT; i++) {
        char why[TEMPLATE_ERROR_SIZE];
        if (str_equal(name, str_from_z(text_names[i]))) {
            return template_parse(&d->texts[i], text, why) ||
                   fail(error, number, text_names[i], str_from_z(why));
        }
    }
    for (unsigned i = 0; i < OTHER_COUNT; i++) {
        if (str_equal(name, str_from_z(other_names[i]))) {
            return take_other(d, name, text) ||
                   fail(error, number, "this cannot be so", str_slice(line, 0, line.len));
        }
    }
    return refuse_name(name, number, error);
}

/* What is sent in numbers has one body; what is answered needs to be found. */
static bool check(const struct dialect *d, char *error)
{
    static const enum dialect_text sent[] = {DIALECT_MESSAGE, DIALECT_DIRECTED, DIALECT_REQUEST,
                                             DIALECT_ANSWER};
    for (size_t i = 0; i < sizeof(sent) / sizeof(sent[0]); i++) {
        const struct template *t = &d->texts[sent[i]];
        if (t->text.len > 0 && template_has(t, PLACE_BODY) == template_has(t, PLACE_JSON)) {
            (void)snprintf(error, TEMPLATE_ERROR_SIZE,
                           "%s: it needs {body} or {json}, by which a delivery is recognised, "
                           "and not both",
                           text_names[sent[i]]);
            return false;
        }
    }
    if (template_has(&d->texts[DIALECT_ANSWER], PLACE_CAPTURED) && d->capture.len == 0) {
        (void)snprintf(error, TEMPLATE_ERROR_SIZE,
                       "the answer has {captured}: `capture:` is to say what stands before that");
        return false;
    }
    return true;
}

bool dialect_parse(struct dialect *d, struct str source, char error[TEMPLATE_ERROR_SIZE])
{
    *d = (struct dialect){.bytes = malloc(source.len + 1)};
    if (d->bytes == NULL) {
        (void)snprintf(error, TEMPLATE_ERROR_SIZE, "not enough memory");
        return false;
    }
    memcpy(d->bytes, source.ptr, source.len);
    struct str rest = str_make(d->bytes, source.len);
    for (unsigned number = 1; rest.len > 0; number++) {
        struct str line = str_slice(rest, 0, str_find(rest, '\n'));
        rest = str_slice(rest, line.len + 1, rest.len);
        if (str_trim(line).len == 0 || line.ptr[0] == '#') {
            continue;
        }
        if (!take_line(d, line, number, error)) {
            return false;
        }
    }
    return check(d, error);
}

void dialect_fini(struct dialect *d)
{
    if (d != NULL) {
        free(d->bytes);
        d->bytes = NULL;
    }
}

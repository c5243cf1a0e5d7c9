#include <stdio.h>
#include <string.h>

#include "errands.h"
#include "heard.h"

/* --- what it is ------------------------------------------------------------------------------- */

/* What an agent has heard of under this id; NULL: too long ago. */
static struct given *find_given(struct model *m, const struct mclient *c, struct str id)
{
    for (int i = 0; i < MODEL_GIVENS; i++) {
        struct given *g = &m->givens[i];
        if (g->holder == c->serial && str_equal(str_from_z(g->id), id)) {
            return g;
        }
    }
    return NULL;
}

void errands_learn(struct model *m, const struct mclient *c, const struct expected *want,
                   struct str text)
{
    struct str id = heard_string(text, "\"id\":\"");
    struct given *g = &m->givens[m->givens_heard++ % MODEL_GIVENS];

    *g = (struct given){.number = want != NULL ? want->given : 0,
                        .holder = c->serial,
                        .words = (unsigned)(m->givens_heard % 5), /* some never answer */
                        .chat = heard_begins(text, "{\"type\":\"chat\"")};
    if (id.len == 0 || id.len >= GIVEN_SIZE) {
        model_fail(c, "hears a request without an id: %.*s", STR_ARG(text));
    }
    memcpy(g->id, id.ptr, id.len);
}

static bool is_answer(struct str text)
{
    static const char *const types[] = {
        "{\"type\":\"route_response\"", "{\"type\":\"chat_stream\"",
        "{\"type\":\"chat_complete\"",  "{\"type\":\"tool_",
        "{\"type\":\"error\"",
    };

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (heard_begins(text, types[i])) {
            return true;
        }
    }
    return false;
}

/* The gateway's own errors have no "n". */
static bool read_error(struct expected *e, struct str text)
{
    char code[48];

    if (!heard_has(text, "\"requestId\":")) {
        return false;
    }
    for (unsigned i = 0; i < ERROR_COUNT; i++) {
        (void)snprintf(code, sizeof(code), "\"code\":\"%s\"", error_table[i].code);
        if (heard_has(text, code)) {
            e->kind = HEARD_ERROR;
            e->number = ERROR_OF_REQUEST + i;
            return true;
        }
    }
    return false;
}

bool errands_read(struct model *m, const struct mclient *c, struct expected *e, struct str text)
{
    uint64_t number = heard_number(text, "\"n\":");

    if (heard_begins(text, "{\"type\":\"route_cancel\"")) {
        struct given *g = find_given(m, c, heard_string(text, "\"requestId\":\""));
        e->kind = HEARD_CANCEL;
        e->number = g != NULL ? g->number : UINT64_MAX;
        if (g != NULL) {
            g->words = m->givens_heard % 4 == 0; /* some do not listen */
        }
        return true;
    }
    if (heard_begins(text, "{\"type\":\"route_request\"") ||
        heard_begins(text, "{\"type\":\"chat\"")) {
        e->kind = HEARD_REQUEST;
        e->number = number;
        return true;
    }
    if (number != UINT64_MAX && is_answer(text)) {
        e->kind = HEARD_ANSWER;
        e->number = number;
        return true;
    }
    return heard_begins(text, "{\"type\":\"error\"") && read_error(e, text);
}

/* --- in which form ---------------------------------------------------------------------------- */

static void want_text(const struct mclient *c, struct str text, struct str wanted)
{
    if (memmem(text.ptr, text.len, wanted.ptr, wanted.len) == NULL) {
        model_fail(c, "hears nothing of %.*s: %.*s", STR_ARG(wanted), STR_ARG(text));
    }
}

static void check_request(struct model *m, const struct mclient *c, const struct expected *want,
                          struct str text)
{
    /* The clocks of the hub: see virtual_init. */
    uint64_t deadline = want->deadline_ms - VIRTUAL_MONO_MS + VIRTUAL_START_MS;
    char part[64];

    if (heard_begins(text, "{\"type\":\"chat\"") != want->chat) {
        model_fail(c, "hears the wrong kind of request: %.*s", STR_ARG(text));
    }
    heard_check_name(m, c, want,
                     heard_string(text, c->control ? "\"source\":\"" : "\"agent_id\":\""));
    want_text(c, text, STR("\"id\":\"msg-"));
    want_text(c, text,
              str_format(part, sizeof(part), "\"deadline\":%llu", (unsigned long long)deadline));
    if (!want->chat && want->wanted != NO_CAPABILITY &&
        !str_equal(heard_string(text, "\"capability\":\""),
                   str_from_z(model_capabilities[want->wanted]))) {
        model_fail(c, "is asked for something else: %.*s", STR_ARG(text));
    }
}

void errands_check_form(struct model *m, const struct mclient *c, const struct expected *want,
                        struct str text)
{
    char part[64];
    bool is_error = want->kind == HEARD_ERROR && want->number >= ERROR_OF_REQUEST;

    if (want->kind == HEARD_REQUEST) {
        check_request(m, c, want, text);
    }
    if (is_error) {
        want_text(c, text, str_format(part, sizeof(part), "\"requestId\":\"q%u\"", want->own));
    }
    if (want->kind == HEARD_ANSWER || (is_error && c->control)) {
        want_text(c, text, str_format(part, sizeof(part), "\"replyTo\":\"q%u\"", want->own));
    }
    if (want->kind == HEARD_ANSWER) {
        heard_check_name(m, c, want,
                         heard_string(text, c->control ? "\"source\":\"" : "\"agent_id\":\""));
    }
}

#include <stdio.h>

#include "cli/envelope.h"
#include "cli/print.h"
#include "cli/tail.h"
#include "json/reader.h"
#include "json/wire.h"

enum { MAX_TALK = 64 * 1024, MAX_LINE = 4 * REMOTE_MAX_MESSAGE };

/* In a world the gateway may not have read the subscription yet; a session has none. */
static bool wants_type(const struct watch *w, struct str type_raw)
{
    char type[256];
    size_t len = json_unescape_to(type_raw, type, sizeof(type));
    struct str text = str_make(type, len < sizeof(type) ? len : sizeof(type));

    for (size_t i = 0; i < w->type_count; i++) {
        struct str want = w->types[i];
        bool prefix = want.len > 0 && want.ptr[want.len - 1] == '*';
        if (prefix ? str_starts_with(text, str_slice(want, 0, want.len - 1))
                   : str_equal(text, want)) {
            return true;
        }
    }
    return w->type_count == 0;
}

static bool wants_from(const struct watch *w, struct str id_raw)
{
    return w->from == NULL ||
           (json_kind_of(id_raw) == JSON_STRING && json_string_is(id_raw, str_from_z(w->from)));
}

/* What the gateway says to us alone is talk. */
static void print_talk(struct str error)
{
    struct buf line;

    buf_init(&line, MAX_TALK);
    print_message_refusal(&line, error);
    complain("%.*s", STR_ARG(buf_str(&line)));
    buf_fini(&line);
}

/* Whether a message of a world is to be printed; one that is none, is. */
static bool is_wanted(const struct watch *w, struct str message)
{
    struct wire wire;

    wire_scan(message.ptr, message.len, WIRE_WORLD, &wire);
    struct str type = wire_raw(&wire, message.ptr, WIRE_TYPE);
    if (wire.status != WIRE_OK || json_kind_of(type) != JSON_STRING) {
        return true;
    }
    if (json_string_is(type, STR("error"))) {
        print_talk(wire_raw(&wire, message.ptr, WIRE_DATA));
        return false;
    }
    return !json_string_is(type, STR("connection_ack")) && wants_type(w, type) &&
           wants_from(w, wire_raw(&wire, message.ptr, WIRE_AGENT_ID));
}

/* The same of an envelope. What is of no session is the roster after a lag. */
static bool is_envelope_wanted(const struct watch *w, struct str message)
{
    struct envelope e;

    if (!envelope_read(message, &e)) {
        return true;
    }
    if (envelope_is(&e, STR("error"))) {
        print_talk(e.payload);
        return false;
    }
    return !(envelope_is(&e, STR("session_info")) && e.session.len == 0) && wants_type(w, e.type) &&
           wants_from(w, print_envelope_source(message, e.payload));
}

bool tail_show(const struct watch *w, struct str message)
{
    struct buf line;

    if (!(w->session != NULL ? is_envelope_wanted(w, message) : is_wanted(w, message))) {
        return true;
    }
    buf_init(&line, MAX_LINE);
    if (w->json) {
        print_raw_message(&line, message, w->terminal);
    } else if (w->session != NULL) {
        print_envelope(&line, message, time(NULL), w->colour);
    } else {
        print_world_message(&line, message, time(NULL), w->colour);
    }
    buf_append_char(&line, '\n');
    bool ok =
        line.failed || (fwrite(line.data, 1, line.len, stdout) == line.len && fflush(stdout) == 0);
    buf_fini(&line);
    if (!ok) {
        complain("what is said could not be written to stdout");
    }
    return ok;
}

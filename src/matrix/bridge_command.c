#include "base/suggest.h"
#include "matrix/bridge_internal.h"

/*
 * The commands: a row of the table and a function each. What they say is a notice in reply to the
 * command, in its thread; it is made in b->content, since sentences and names are made in
 * b->scratch.
 */

struct call {
    struct talk *talk;
    struct str event_id;
    struct str sender;
    struct str argument; /* all behind the name, without spaces around it */
};

struct bridge_command {
    const char *name;
    const char *arguments;
    const char *help;
    bool for_admins;
    void (*run)(struct bridge *b, const struct call *call);
};

enum { LIST_MAX = 100 }; /* lines of an answer */

static void tell(struct bridge *b, const struct call *call, struct str text)
{
    outbox_tell(b, call->talk, call->event_id, text);
}

static struct buf *begin(struct bridge *b)
{
    buf_clear(&b->content);
    return &b->content;
}

static void tell_made(struct bridge *b, const struct call *call)
{
    b->failed |= b->content.failed;
    tell(b, call, buf_str(&b->content));
}

/* What others have written, so that it is no Markdown. */
static void append_code(struct buf *out, struct str text)
{
    buf_append_char(out, '`');
    for (size_t i = 0; i < text.len; i++) {
        bool is_plain = text.ptr[i] != '`' && (uint8_t)text.ptr[i] >= ' ';
        buf_append_char(out, is_plain ? text.ptr[i] : ' ');
    }
    buf_append_char(out, '`');
}

/* --- for everybody ---------------------------------------------------------------------------- */

static void run_new_session(struct bridge *b, const struct call *call)
{
    struct session *s = session_new(b, call->talk, call->argument);
    struct buf *out = begin(b);

    if (s != NULL) {
        buf_append_str(out, STR("A new session begins with your next message: "));
        append_code(out, s->name);
        buf_append_char(out, '.');
        tell_made(b, call);
    }
}

static void run_sessions(struct bridge *b, const struct call *call)
{
    struct buf *out = begin(b);

    if (list_empty(&call->talk->sessions)) {
        tell(b, call, STR("There is no session here yet. Your next message begins one."));
        return;
    }
    list_each(link, &call->talk->sessions) {
        const struct session *s = list_entry(link, struct session, of_talk);
        buf_printf(out, "- %llu: ", (unsigned long long)s->thing.number);
        append_code(out, s->name);
        buf_append_str(out, s->thing.number == call->talk->session_number ? STR(" (this one)\n")
                                                                          : STR("\n"));
    }
    buf_append_str(out, STR("\n`/session ID` goes on with another one."));
    tell_made(b, call);
}

static void run_session(struct bridge *b, const struct call *call)
{
    uint64_t number = 0;
    struct session *s = NULL;

    if (str_to_uint(call->argument, UINT64_MAX, &number)) {
        s = session_find(b, call->talk, number);
    }
    if (s == NULL) {
        tell(b, call, STR("There is no such session here. `/sessions` lists them with their IDs."));
        return;
    }
    call->talk->session_number = number;
    thing_touch(b, &call->talk->thing);
    struct buf *out = begin(b);
    buf_append_str(out, STR("Your next message goes on with "));
    append_code(out, s->name);
    buf_append_char(out, '.');
    tell_made(b, call);
}

static void run_stop(struct bridge *b, const struct call *call)
{
    struct talk *talk = call->talk;

    if (talk->turn != NULL && turn_is_working(talk->turn)) {
        turn_stop(b, talk->turn, STR("Stopped."));
    } else if (talk->turn == NULL && talk->waiting_count > 0) {
        struct question *q = list_entry(talk->waiting.next, struct question, link);
        struct call of_question = {.talk = talk, .event_id = q->thing.key};
        tell(b, &of_question, STR("Stopped, before the agent was asked."));
        inbox_settle(b, q, true);
        talk_sort(b, talk);
    } else {
        tell(b, call, STR("Nothing is under way here."));
    }
}

static void run_retry(struct bridge *b, const struct call *call)
{
    struct talk *talk = call->talk;
    struct question *q = talk->last;

    if (talk->turn != NULL || (q != NULL && q->state != QUESTION_SETTLED)) {
        tell(b, call, STR("I am still at it. `/stop` ends it."));
    } else if (q == NULL || q->text.len == 0) {
        tell(b, call, STR("There is nothing to try again. Please send your question once more."));
    } else if (talk->waiting_count >= b->settings.values.max_waiting) {
        tell(b, call, STR("There is too much waiting here already. Please try later."));
    } else {
        struct session *s = session_find(b, talk, talk->session_number);
        if (s != NULL) {
            session_forget(b, s, q);
        }
        inbox_again(b, q);
    }
}

static void run_status(struct bridge *b, const struct call *call)
{
    struct talk *talk = call->talk;
    struct session *s = session_find(b, talk, talk->session_number);
    struct buf *out = begin(b);

    buf_printf(out, "- %s; %u waiting here\n- %u of %u turns at work in all rooms\n",
               talk->turn != NULL ? "The agent is at work on a question"
                                  : "Nothing is under way here",
               (unsigned)talk->waiting_count, (unsigned)b->working,
               (unsigned)b->settings.values.max_turns_in_flight);
    buf_append_str(out, STR("- session: "));
    append_code(out, s != NULL ? s->name : STR("none yet"));
    buf_append_str(out, STR("\n- model: "));
    append_code(out, talk->model.len > 0                ? talk->model
                     : b->settings.values.model.len > 0 ? b->settings.values.model
                                                        : STR("the agent's own"));
    tell_made(b, call);
}

static void run_model(struct bridge *b, const struct call *call)
{
    struct talk *talk = call->talk;
    struct buf *out = begin(b);

    if (call->argument.len > NAME_MAX_BYTES) {
        tell(b, call, STR("No model has so long a name."));
        return;
    }
    if (call->argument.len > 0) {
        text_set(b, &talk->model,
                 str_equal(call->argument, STR("default")) ? STR("") : call->argument);
        thing_touch(b, &talk->thing);
    }
    buf_append_str(out, STR("Questions here go to the model "));
    append_code(out, talk->model.len > 0                ? talk->model
                     : b->settings.values.model.len > 0 ? b->settings.values.model
                                                        : STR("the agent's own"));
    buf_append_str(out, STR(". `/model NAME` changes it, `/model default` goes back."));
    tell_made(b, call);
}

/* --- for admins ------------------------------------------------------------------------------- */

static void run_rooms(struct bridge *b, const struct call *call)
{
    struct buf *out = begin(b);
    uint32_t at = 0;
    unsigned lines = 0;

    for (struct room *room; (room = thing_next(b, TABLE_ROOM, &at)) != NULL;) {
        if (!room->is_joined || ++lines > LIST_MAX) {
            continue;
        }
        buf_append_str(out, STR("- "));
        append_code(out, room->thing.key);
        buf_append_char(out, ' ');
        append_code(out, room->name.len > 0 ? room->name : STR("no name"));
        buf_append_str(out, room->is_encrypted ? STR(" (encrypted, silent)\n") : STR("\n"));
    }
    if (lines > LIST_MAX) {
        buf_printf(out, "\nand %u more", lines - LIST_MAX);
    }
    tell_made(b, call);
}

static void run_leave(struct bridge *b, const struct call *call)
{
    struct room *room = call->argument.len > 0 ? room_find(b, call->argument) : call->talk->room;

    if (room == NULL || !room->is_joined) {
        tell(b, call, STR("I am in no such room. `/rooms` lists them with their ids."));
        return;
    }
    if (room != call->talk->room) {
        tell(b, call, STR("I leave it."));
    }
    room_leave(b, room);
}

static void run_help(struct bridge *b, const struct call *call);

static const struct bridge_command commands[] = {
    {"new_session", "[name]", "begin a new session with the agent", false, run_new_session},
    {"help", "", "this list", false, run_help},
    {"sessions", "", "list the sessions of this room or thread", false, run_sessions},
    {"session", "ID", "go on with another session", false, run_session},
    {"stop", "", "stop what the agent is at", false, run_stop},
    {"retry", "", "ask the last question again", false, run_retry},
    {"status", "", "what is under way here", false, run_status},
    {"model", "[name]", "say or change which model answers", false, run_model},
    {"rooms", "", "list the rooms that I am in", true, run_rooms},
    {"leave", "[room]", "leave this room, or another one", true, run_leave},
};

enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

static void run_help(struct bridge *b, const struct call *call)
{
    struct buf *out = begin(b);

    buf_append_str(out, STR("Whatever you write here goes to the agent, but for these:\n\n"));
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const struct bridge_command *c = &commands[i];
        if (!c->for_admins || bridge_is_admin(b, call->sender)) {
            buf_printf(out, "- `/%s%s%s`: %s\n", c->name, c->arguments[0] != '\0' ? " " : "",
                       c->arguments, c->help);
        }
    }
    buf_append_str(out, STR("\nTwo slashes at the beginning send one to the agent."));
    tell_made(b, call);
}

static void run_unknown(struct bridge *b, const struct call *call, struct str name)
{
    struct suggestion s;
    struct buf *out = begin(b);

    suggestion_init(&s, name);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        suggestion_offer(&s, str_from_z(commands[i].name), commands[i].name);
    }
    buf_append_str(out, STR("I know no command "));
    append_code(out, text_cut(name, NAME_MAX_BYTES));
    buf_append_char(out, '.');
    if (s.best != NULL) {
        buf_printf(out, " Did you mean `/%s`?", s.best);
    }
    buf_append_str(out, STR(" `/help` lists them; two slashes send one to the agent."));
    tell_made(b, call);
}

/* --- the way in ------------------------------------------------------------------------------- */

static struct str trim(struct str text)
{
    while (text.len > 0 && (uint8_t)text.ptr[0] <= ' ') {
        text = str_slice(text, 1, text.len);
    }
    while (text.len > 0 && (uint8_t)text.ptr[text.len - 1] <= ' ') {
        text.len--;
    }
    return text;
}

void command_run(struct bridge *b, struct talk *talk, struct str event_id, struct str sender,
                 struct str text)
{
    struct call call = {.talk = talk, .event_id = event_id, .sender = sender};
    size_t end = 1;

    while (end < text.len && (uint8_t)text.ptr[end] > ' ') {
        end++;
    }
    struct str name = str_slice(text, 1, end);
    call.argument = trim(str_slice(text, end, text.len));
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const struct bridge_command *c = &commands[i];
        if (!str_equal_nocase(name, str_from_z(c->name))) {
            continue;
        }
        if (c->for_admins && !bridge_is_admin(b, sender)) {
            tell(b, &call, STR("Only the admins of this bridge may do that."));
        } else {
            c->run(b, &call);
        }
        return;
    }
    run_unknown(b, &call, name);
}

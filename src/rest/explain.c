/* Where a message would go, by HTTP; see hub_explain. */

#include "core/admin.h"
#include "rest/body.h"
#include "rest/routes.h"
#include "json/writer.h"

enum { DIALECT, MESSAGE, AS, SESSION, WORLD, EXPLAIN_MEMBERS };
enum { CANDIDATES_MAX = 64 * 1024 };

static const struct body_member explain_members[EXPLAIN_MEMBERS] = {
    [DIALECT] = {{"dialect", 7}, BODY_TEXT, false, 32},
    [MESSAGE] = {{"message", 7}, BODY_OBJECT, true, 0},
    [AS] = {{"as", 2}, BODY_TEXT, false, CALL_MAX_PARAMETER},
    [SESSION] = {{"session", 7}, BODY_TEXT, false, CALL_MAX_PARAMETER},
    [WORLD] = {{"world", 5}, BODY_TEXT, false, CALL_MAX_PARAMETER},
};

static bool read_dialect(struct call *call, const struct body_value *dialect, uint8_t *ret_dialect)
{
    *ret_dialect = DIALECT_WORLD;
    if (!dialect->given || str_equal(dialect->text, STR("world"))) {
        return true;
    }
    if (str_equal(dialect->text, STR("gateway"))) {
        *ret_dialect = DIALECT_GATEWAY;
        return true;
    }
    call_refuse_about(call, ERROR_INVALID_MESSAGE,
                      STR("The member `dialect` of the body has to be \"world\" or \"gateway\"."),
                      STR("path"), STR("dialect"));
    return false;
}

/* Who sends it and where: a client is where it is, and anybody else is in one place. */
static bool check_place(struct call *call, const struct body_value *values, uint8_t dialect)
{
    if (values[AS].given + values[SESSION].given + values[WORLD].given > 1) {
        call_refuse_about(call, ERROR_INVALID_MESSAGE,
                          STR("The body may have one of `as`, `session` and `world`: a client that "
                              "is connected sends from where it is."),
                          STR("path"), values[AS].given ? STR("as") : STR("world"));
        return false;
    }
    if (dialect == DIALECT_GATEWAY && !values[AS].given) {
        call_refuse_about(call, ERROR_INVALID_MESSAGE,
                          STR("In the gateway dialect it matters who sends: say with `as` which "
                              "client or agent it is."),
                          STR("path"), STR("as"));
        return false;
    }
    return true;
}

static void write_explanation(struct call *call, const struct hub_explanation *e,
                              struct str candidates, struct str details)
{
    struct str message = str_from_z(e->message);
    struct json_writer w;

    json_writer_init(&w, &call->out);
    json_begin_object(&w);
    if (e->code == ERROR_NONE) {
        json_key_string(&w, STR("verdict"),
                        e->answered ? STR("answered")
                        : e->waits  ? STR("waits")
                                    : STR("delivered"));
    } else {
        json_key_string(&w, STR("verdict"), str_from_z(error_table[e->code].code));
        json_key_string(&w, STR("message"),
                        message.len > 0 ? message : str_from_z(error_table[e->code].fix));
    }
    json_key_uint(&w, STR("receivers"), e->receivers);
    if (e->session.len > 0) {
        json_key_string(&w, STR("session"), e->session);
    }
    if (e->target[0] != '\0') {
        json_key_string(&w, STR("target"), str_from_z(e->target));
    }
    if (e->is_request) {
        json_key_uint(&w, STR("considered"), e->considered);
        json_key_raw(&w, STR("candidates"), candidates);
    }
    json_key_raw(&w, STR("details"), details.len > 0 ? details : STR("{}"));
    json_end_object(&w);
}

static void explain(struct call *call, const struct hub_question *question)
{
    struct hub_explanation explanation;
    const struct buf *candidates = question->candidates;
    struct buf details;

    buf_init(&details, CALL_MAX_DETAILS);
    enum error_code code =
        hub_explain(call->hub, call->asker->principal, question, &explanation, &details);
    struct str more = details.failed ? STR("") : buf_str(&details);
    if (code == ERROR_NONE) {
        write_explanation(call, &explanation, candidates->failed ? STR("[]") : buf_str(candidates),
                          more);
    } else {
        call_refuse(call, code,
                    code == ERROR_TARGET_NOT_FOUND
                        ? STR("No client or agent of yours is connected with the id in `as`; only "
                              "an administrator may ask about those of others.")
                        : STR("The client in `as` speaks another dialect; say which in `dialect`."),
                    more);
    }
    buf_fini(&details);
}

void run_explain(struct call *call)
{
    struct body_value values[EXPLAIN_MEMBERS];
    struct hub_question question;
    char session[BODY_SESSION_SIZE];
    struct buf texts, candidates;

    buf_init(&texts, call->body.len + 2);
    buf_init(&candidates, CANDIDATES_MAX);
    question.candidates = &candidates;
    if (body_read(call, explain_members, EXPLAIN_MEMBERS, values, &texts) &&
        read_dialect(call, &values[DIALECT], &question.dialect) &&
        check_place(call, values, question.dialect)) {
        question.message = values[MESSAGE].text;
        question.as = values[AS].text;
        question.session = values[SESSION].given ? values[SESSION].text : STR("world:main");
        if (values[WORLD].given) {
            question.session = body_session_of_world(values[WORLD].text, session);
        }
        explain(call, &question);
    }
    buf_fini(&candidates);
    buf_fini(&texts);
}

#include <stdlib.h>

#include "cli/args.h"
#include "cli/lines.h"
#include "cli/texts.h"
#include "parley/protocol.h"
#include "json/wire.h"
#include "json/writer.h"

enum { MAX_MESSAGE = 10 * 1024 * 1024, MAX_ANSWER = 64 * 1024 * 1024 };

static const struct flag flags[] = {
    {"--dialect", "world|gateway", "whose messages (world)"},
    {"--json", NULL, "check, roundtrip: one JSON object for each message"},
    {0},
};

/* What the command can do; in the order of `texts`. */
static const struct word words[] = {
    {"check", "whether each message on standard input is valid"},
    {"roundtrip", "the same, and what comes out of decoding and encoding it"},
    {"schema", "JSON Schema (2020-12) of the messages"},
    {"asyncapi", "the protocol as AsyncAPI 3"},
    {"typescript", "types for TypeScript"},
    {"python", "types for Python"},
    {0},
};

enum { CHECK, ROUNDTRIP, SCHEMA, ASYNCAPI, TYPESCRIPT, PYTHON, ACTION_COUNT };

/* A text of each dialect, for what prints one. */
static const struct embedded_text *const texts[ACTION_COUNT][PARLEY_GATEWAY + 1] = {
    [SCHEMA] = {&text_schema_world, &text_schema_gateway},
    [ASYNCAPI] = {&text_asyncapi, &text_asyncapi},
    [TYPESCRIPT] = {&text_typescript, &text_typescript},
    [PYTHON] = {&text_python, &text_python},
};

struct asking {
    int what;
    enum parley_dialect dialect;
    bool as_json;
};

/* What became of one message. */
struct verdict {
    bool ok;
    enum parley_type known;
    struct str type; /* as it stands in the message, raw; empty when there is none */
    struct parley_problem problem;
    char *encoded; /* owned; of a round trip that went well */
    size_t encoded_len;
};

static bool print_text(const char *text, size_t size)
{
    return fwrite(text, 1, size, stdout) == size && fflush(stdout) == 0;
}

/* Decodes and encodes a message of a known type. */
static bool make_round_trip(struct str line, struct verdict *v)
{
    const struct parley_message_info *info = parley_type_info(v->known);
    void *message = malloc(parley_type_size(v->known));

    if (message == NULL) {
        v->problem = (struct parley_problem){
            .fault = PARLEY_NO_MEMORY, .expected = "enough memory", .found = "too little"};
        return false;
    }
    parley_message_init(info, message);
    bool ok =
        parley_message_from_json(info, message, PARLEY_STRICT, line.ptr, line.len, &v->problem) &&
        parley_message_to_json(info, message, &v->encoded, &v->encoded_len, &v->problem);
    parley_message_fini(info, message);
    free(message);
    return ok;
}

static void judge(const struct asking *asking, const struct buf *line, struct verdict *ret_verdict)
{
    struct str text = str_make(line->len > 0 ? line->data : "", line->len);
    struct verdict v = {.ok = false};
    struct wire wire;

    if (line->failed) {
        v.problem = (struct parley_problem){
            .fault = PARLEY_WRONG_LENGTH, .expected = "at most 10 MiB on a line", .found = "more"};
        *ret_verdict = v;
        return;
    }
    v.ok = parley_check(asking->dialect, PARLEY_STRICT, text.ptr, text.len, &v.known, &v.problem);
    if (v.ok && asking->what == ROUNDTRIP) {
        v.ok = make_round_trip(text, &v);
    }
    wire_scan(text.ptr, text.len, 1u << WIRE_TYPE, &wire);
    v.type = wire_raw(&wire, text.ptr, WIRE_TYPE);
    *ret_verdict = v;
}

/* {"ok", "type", "path"?, "position"?, "message"?, "encoded"?} */
static void write_json(struct buf *out, const struct verdict *v, const char *sentence)
{
    struct json_writer w;

    json_writer_init(&w, out);
    json_begin_object(&w);
    json_key_bool(&w, STR("ok"), v->ok);
    json_key_raw(&w, STR("type"), v->type);
    if (!v->ok) {
        json_key_string(&w, STR("path"), str_from_z(v->problem.path));
        json_key_uint(&w, STR("position"), v->problem.position);
        json_key_string(&w, STR("message"), str_from_z(sentence));
    }
    if (v->encoded != NULL) {
        json_key_raw(&w, STR("encoded"), str_make(v->encoded, v->encoded_len));
    }
    json_end_object(&w);
}

static bool print_verdict(const struct asking *asking, const struct verdict *v, size_t number)
{
    char sentence[512];
    struct buf out;

    buf_init(&out, MAX_ANSWER);
    if (!v->ok) {
        (void)parley_problem_text(&v->problem, sentence, sizeof(sentence));
    }
    if (asking->as_json) {
        write_json(&out, v, sentence);
    } else if (!v->ok) {
        complain("line %zu, position %zu: %s", number, v->problem.position, sentence);
    } else if (v->encoded != NULL) {
        buf_append(&out, v->encoded, v->encoded_len);
    } else {
        buf_printf(&out, "ok %s", parley_type_name(v->known));
    }
    if (out.len > 0) {
        buf_append_char(&out, '\n');
    }
    bool printed = !out.failed && (out.len == 0 || print_text(out.data, out.len));
    buf_fini(&out);
    return printed;
}

static enum cli_exit judge_lines(const struct asking *asking)
{
    struct buf line;
    size_t number = 0, refused = 0;
    bool printed = true;

    buf_init(&line, MAX_MESSAGE);
    while (printed && lines_next(stdin, &line)) {
        struct verdict v;
        judge(asking, &line, &v);
        refused += !v.ok;
        printed = print_verdict(asking, &v, ++number);
        free(v.encoded);
    }
    buf_fini(&line);
    if (!printed || ferror(stdin)) {
        complain("cannot %s", printed ? "read standard input" : "write to standard output");
        return CLI_FAILED;
    }
    return refused > 0 ? CLI_FAILED : CLI_OK;
}

static enum cli_exit act(const struct asking *asking)
{
    const struct embedded_text *text = texts[asking->what][asking->dialect];

    if (text == NULL) {
        return judge_lines(asking);
    }
    if (!print_text(text->bytes, text->size)) {
        complain("cannot write to standard output");
        return CLI_FAILED;
    }
    return CLI_OK;
}

static bool read_dialect(const char *name, enum parley_dialect *ret_dialect)
{
    bool gateway = strcmp(name, "gateway") == 0;

    if (!gateway && strcmp(name, "world") != 0) {
        complain("there is no dialect %s; it is world or gateway", name);
        return false;
    }
    *ret_dialect = gateway ? PARLEY_GATEWAY : PARLEY_WORLD;
    return true;
}

static enum cli_exit run_protocol(struct args *args)
{
    struct asking asking = {.dialect = PARLEY_WORLD};
    const char *what = NULL, *dialect = "world", *json = NULL;
    const char **const values[] = {&dialect, &json};
    enum cli_exit code;

    if (!args_read(args, values, &what, 1, &code)) {
        return code;
    }
    asking.what = args_word(args->command, what);
    asking.as_json = json != NULL;
    return asking.what >= 0 && read_dialect(dialect, &asking.dialect) ? act(&asking) : CLI_USAGE;
}

const struct command command_protocol = {
    .name = "protocol",
    .summary = "check messages, and what a message is",
    .synopsis = "ACTION [--dialect world|gateway] [--json]",
    .examples = "  % protocol check < messages.jsonl\n"
                "  % protocol schema > world.schema.json\n"
                "  % protocol typescript > messages.ts\n",
    .about = "check and roundtrip read messages, one on a line, and say of each whether it is "
             "valid, or\n"
             "what is wrong with which member; the exit code is 1 when any is refused. The others\n"
             "print the messages for other tools. All of it comes from the table that the gateway\n"
             "itself goes by.\n",
    .flags = flags,
    .words = words,
    .run = run_protocol,
};

#include "cli/tokens.h"

#include "base/printable.h"
#include "json/writer.h"

enum { WIDEST = 32 };

enum column { NAME, AGENT, DIGEST, PUBLISH, SESSIONS, ACT_AS, ALSO, COLUMNS };

static const struct str heads[COLUMNS] = {{"NAME", 4},    {"AGENT", 5},    {"DIGEST", 6},
                                          {"PUBLISH", 7}, {"SESSIONS", 8}, {"ACT AS", 6},
                                          {"ALSO", 4}};

/* The first digits of a digest, enough to tell two lines apart. */
static void first_digits(const struct token_line *token, char ret_digits[TOKENS_SHOWN_DIGITS])
{
    char hex[DIGEST_HEX];

    digest_to_hex(token->digest, hex);
    memcpy(ret_digits, hex, TOKENS_SHOWN_DIGITS);
}

/* Appends what a token has in a column; '-' for nothing. */
static void write_cell(struct buf *out, const struct token_line *token, enum column column)
{
    const struct grants *g = &token->grants;
    char digits[TOKENS_SHOWN_DIGITS];
    struct str text = STR("");

    switch (column) {
    case NAME:
        text = token->name;
        break;
    case AGENT:
        text = token->agent_id;
        break;
    case DIGEST:
        first_digits(token, digits);
        text = str_make(digits, sizeof(digits));
        break;
    case PUBLISH:
        text = g->publish;
        break;
    case SESSIONS:
        text = g->sessions;
        break;
    case ACT_AS:
        text = g->act_as;
        break;
    case ALSO:
        text = g->broadcast && g->admin ? STR("broadcast, admin")
               : g->broadcast           ? STR("broadcast")
               : g->admin               ? STR("admin")
                                        : STR("");
        break;
    case COLUMNS:
        break;
    }
    printable_append(out, text.len > 0 ? text : STR("-"));
}

static void pad(struct buf *out, size_t start, size_t width)
{
    do {
        buf_append_char(out, ' ');
    } while (!out->failed && out->len < start + width + 2);
}

/* How wide a column is, its head included; a cell that is wider yet pushes the rest of its row. */
static size_t width_of(const struct token_set *set, enum column column)
{
    size_t width = heads[column].len;
    struct buf cell;

    buf_init(&cell, TOKENS_MAX_OUTPUT);
    for (size_t i = 0; i < set->count; i++) {
        buf_clear(&cell);
        write_cell(&cell, &set->tokens[i], column);
        width = cell.len > width ? cell.len : width;
    }
    buf_fini(&cell);
    return width < WIDEST ? width : WIDEST;
}

void tokens_write_table(struct buf *out, const struct token_set *set)
{
    size_t widths[COLUMNS];

    if (set->count == 0) {
        buf_append_str(out, STR("no tokens\n"));
        return;
    }
    for (enum column c = NAME; c < COLUMNS; c++) {
        widths[c] = c + 1 < COLUMNS ? width_of(set, c) : 0;
        size_t start = out->len;
        buf_append_str(out, heads[c]);
        if (c + 1 < COLUMNS) {
            pad(out, start, widths[c]);
        }
    }
    buf_append_char(out, '\n');
    for (size_t i = 0; i < set->count; i++) {
        for (enum column c = NAME; c < COLUMNS; c++) {
            size_t start = out->len;
            write_cell(out, &set->tokens[i], c);
            if (c + 1 < COLUMNS) {
                pad(out, start, widths[c]);
            }
        }
        buf_append_char(out, '\n');
    }
}

void tokens_write_json(struct buf *out, const struct token_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct token_line *token = &set->tokens[i];
        char digits[TOKENS_SHOWN_DIGITS];
        struct json_writer w;
        json_writer_init(&w, out);
        first_digits(token, digits);
        json_begin_object(&w);
        json_key_string(&w, STR("name"), token->name);
        if (token->agent_id.len > 0) {
            json_key_string(&w, STR("agent_id"), token->agent_id);
        }
        json_key_string(&w, STR("digest"), str_make(digits, sizeof(digits)));
        json_key(&w, STR("grants"));
        json_begin_object(&w);
        json_key_string(&w, STR("publish"), token->grants.publish);
        json_key_string(&w, STR("sessions"), token->grants.sessions);
        json_key_string(&w, STR("act_as"), token->grants.act_as);
        json_key_bool(&w, STR("broadcast"), token->grants.broadcast);
        json_key_bool(&w, STR("admin"), token->grants.admin);
        json_end_object(&w);
        json_end_object(&w);
        buf_append_char(out, '\n');
    }
}

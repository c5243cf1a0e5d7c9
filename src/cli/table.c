#include "cli/table.h"

#include <assert.h>

#include "base/printable.h"
#include "cli/print.h"
#include "json/reader.h"

void table_text(struct buf *rows, struct str text)
{
    printable_append(rows, text.len > 0 ? text : STR("-"));
    buf_append_char(rows, '\t');
}

void table_cell(struct buf *rows, struct str raw)
{
    bool empty = raw.len == 0 || json_kind_of(raw) == JSON_NULL || json_string_is(raw, STR(""));

    if (empty) {
        buf_append_char(rows, '-');
    } else {
        print_value(rows, raw);
    }
    buf_append_char(rows, '\t');
}

void table_end_row(struct buf *rows)
{
    buf_append_char(rows, '\n');
}

/* Cuts the text up to `end` off the front of *rest. */
static struct str cut(struct str *rest, char end)
{
    size_t len = str_find(*rest, end);
    struct str piece = str_slice(*rest, 0, len);

    *rest = str_slice(*rest, len + 1, rest->len);
    return piece;
}

/* How many characters; what is in a cell is UTF-8. */
static size_t width_of(struct str text)
{
    size_t width = 0;

    for (size_t i = 0; i < text.len; i++) {
        width += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
    }
    return width;
}

static void measure(struct str rows, size_t widths[TABLE_MAX_COLUMNS])
{
    while (rows.len > 0) {
        struct str row = cut(&rows, '\n');
        for (size_t column = 0; row.len > 0; column++) {
            assert(column < TABLE_MAX_COLUMNS);
            size_t width = width_of(cut(&row, '\t'));
            if (width > TABLE_MAX_WIDTH) {
                width = TABLE_MAX_WIDTH;
            }
            if (width > widths[column]) {
                widths[column] = width;
            }
        }
    }
}

static void lay_out_row(struct buf *out, struct str row, const size_t widths[TABLE_MAX_COLUMNS])
{
    for (size_t column = 0; row.len > 0; column++) {
        struct str cell = cut(&row, '\t');
        buf_append_str(out, STR("  "));
        buf_append_str(out, cell);
        for (size_t width = width_of(cell); row.len > 0 && width < widths[column]; width++) {
            buf_append_char(out, ' ');
        }
    }
}

void table_layout(struct buf *out, struct str rows, bool colour)
{
    size_t widths[TABLE_MAX_COLUMNS] = {0};
    bool is_head = true;

    measure(rows, widths);
    while (rows.len > 0) {
        struct str row = cut(&rows, '\n');
        if (is_head && colour) {
            buf_append_str(out, STR("\033[1m"));
        }
        lay_out_row(out, row, widths);
        if (is_head && colour) {
            buf_append_str(out, STR("\033[0m"));
        }
        buf_append_char(out, '\n');
        is_head = false;
    }
}

#include "rows.h"

#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 8 };

static void give_up(const char *why, const char *line)
{
    fprintf(stderr, "%s: %.60s\n", why, line);
    abort();
}

/* Cuts a line at its tabs; the last column is the rest of it. */
static void cut(char *line, size_t len, struct str columns[COLUMNS])
{
    char *at = line;
    char *end = line + len;

    for (int i = 0; i < COLUMNS - 1; i++) {
        char *tab = memchr(at, '\t', (size_t)(end - at));
        if (tab == NULL) {
            give_up("a row of vectors has too few columns", line);
            return;
        }
        columns[i] = str_make(at, (size_t)(tab - at));
        at = tab + 1;
    }
    columns[COLUMNS - 1] = str_make(at, (size_t)(end - at));
}

bool row_read(struct row *row, FILE *file)
{
    struct str columns[COLUMNS];
    char *line = NULL;
    size_t cap = 0;
    ssize_t got = getline(&line, &cap, file);

    if (got <= 0) {
        free(line);
        return false;
    }
    if (line[got - 1] != '\n') {
        give_up("the last row of vectors is cut", line);
    }
    cut(line, (size_t)got - 1, columns);
    bool both = str_equal(columns[1], STR("both"));
    *row = (struct row){
        .dialect = str_equal(columns[0], STR("world")) ? PARLEY_WORLD : PARLEY_GATEWAY,
        .is_strict = both || str_equal(columns[1], STR("strict")),
        .is_received = both || str_equal(columns[1], STR("known")),
        .is_good = str_equal(columns[2], STR("ok")),
        .has_path = !str_equal(columns[3], STR("-")),
        .has_position = !str_equal(columns[4], STR("-")),
        .position = strtoul(columns[4].ptr, NULL, 10),
        .path = columns[3],
        .name = columns[6],
        .len = columns[7].len,
        .text = malloc(columns[7].len + (columns[7].len == 0)),
        .line = line,
    };
    if (row->text == NULL) {
        give_up("no memory for", line);
    }
    memcpy(row->text, columns[7].ptr, row->len);
    return true;
}

void row_fini(struct row *row)
{
    free(row->text);
    free(row->line);
}

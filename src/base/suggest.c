#include "base/suggest.h"

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Both at most SUGGEST_MAX_LENGTH long. Three rows of the matrix suffice: a swap looks two back. */
static size_t distance_between(struct str a, struct str b)
{
    size_t rows[3][SUGGEST_MAX_LENGTH + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];

    for (size_t j = 0; j <= b.len; j++) {
        row[j] = j;
        above[j] = 0;
    }
    for (size_t i = 1; i <= a.len; i++) {
        size_t *spare = before;
        before = above;
        above = row;
        row = spare;
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            bool same = a.ptr[i - 1] == b.ptr[j - 1];
            row[j] = least(above[j - 1] + !same, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1]) {
                row[j] = least(row[j], before[j - 2] + 1);
            }
        }
    }
    return row[b.len];
}

void suggestion_init(struct suggestion *s, struct str word)
{
    *s = (struct suggestion){.word = word};
}

void suggestion_offer(struct suggestion *s, struct str name, const char *answer)
{
    if (s->word.len > SUGGEST_MAX_LENGTH || name.len > SUGGEST_MAX_LENGTH) {
        return;
    }
    size_t distance = distance_between(s->word, name);
    if (distance <= name.len / 3 && (s->best == NULL || distance < s->distance)) {
        s->best = answer;
        s->distance = distance;
    }
}

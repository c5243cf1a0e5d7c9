#ifndef PARLEY_TESTS_HTTP_VECTORS_H
#define PARLEY_TESTS_HTTP_VECTORS_H

/* Reads the vectors of tests/conformance/http, whose README tells the format. */

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/internal.h"

struct vector {
    const char *file;
    int line;
    int status; /* 0: ok; 1: more; else the status it is refused with */
    char words[256];
    size_t words_len;
    char bytes[1024];
    size_t len;
};

enum { VECTOR_OK = 0, VECTOR_MORE = 1 };

/* Undoes the escapes of `from` up to an unescaped `end`; returns what is behind it. */
static inline const char *unescape(const char *from, char end, char *out, size_t cap,
                                   size_t *ret_len)
{
    size_t len = 0;

    for (; *from != end; from++) {
        assert_true(*from != '\0' && len < cap);
        char c = *from;
        if (c == '\\') {
            c = *++from;
            if (c == 'x') {
                assert_true(http_is(from[1], HTTP_HEX) && http_is(from[2], HTTP_HEX));
                c = (char)(http_hex_value(from[1]) << 4 | http_hex_value(from[2]));
                from += 2;
            } else {
                const char *kind = strchr("r\rn\nt\t\\\\", c);
                assert_non_null(kind);
                c = kind[1];
            }
        }
        out[len++] = c;
    }
    *ret_len = len;
    return from + 1;
}

static inline void read_vector(char *line, struct vector *v)
{
    char *at = strchr(line, ' ');

    assert_non_null(at);
    *at++ = '\0';
    v->status = strcmp(line, "ok") == 0     ? VECTOR_OK
                : strcmp(line, "more") == 0 ? VECTOR_MORE
                                            : (int)strtol(line, NULL, 10);
    v->words_len = 0;
    const char *rest = at;
    if (*at == '"') {
        rest = unescape(at + 1, '"', v->words, sizeof(v->words), &v->words_len);
        assert_int_equal(*rest, ' ');
        rest++;
    }
    unescape(rest, '\0', v->bytes, sizeof(v->bytes), &v->len);
}

/* Calls `check` for each vector of a file; fails when there are fewer than `least`. */
static inline void run_vectors(const char *file, int least, void (*check)(const struct vector *v))
{
    char line[2048];
    int count = 0;
    struct vector v = {.file = file};
    FILE *in = fopen(file, "r");

    assert_non_null(in);
    while (fgets(line, sizeof(line), in) != NULL) {
        v.line++;
        line[strcspn(line, "\n")] = '\0';
        if (line[0] != '\0' && line[0] != '#') {
            read_vector(line, &v);
            check(&v);
            count++;
        }
    }
    assert_int_equal(fclose(in), 0);
    assert_true(count >= least);
}

/* Of exactly `len` bytes, so that the address sanitizer sees a read behind them. */
static inline char *copy_exactly(const char *bytes, size_t len)
{
    char *copy = malloc(len);

    assert_true(copy != NULL || len == 0);
    if (len > 0) {
        memcpy(copy, bytes, len);
    }
    return copy;
}

#endif

#include "vectors.h"

#include "feed.h"

#include "ws/bits.h"

#include <err.h>
#include <stdio.h>

/* One vector as it stands in the file, before it is made for a role. */
struct block {
    char *name;
    bool proves, server, client;
    uint32_t max_message;
    struct buf in;  /* the in lines, joined by spaces */
    struct buf out; /* the out lines, joined by newlines */
};

struct reader {
    const char *path;
    unsigned line;
};

#define REFUSE(r, what) errx(1, "%s:%u: %s", (r)->path, (r)->line, what)

static const char mask[WS_MASK_SIZE] = {0x37, (char)0xfa, 0x21, 0x3d};

static int hex_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One token of bytes at `at`, hex or "ASCII", with its repetition; returns what is behind it. */
static const char *read_bytes(const struct reader *r, const char *at, struct buf *bytes)
{
    size_t begin = bytes->len;
    char *end;

    if (*at == '"') {
        const char *quote = strchr(at + 1, '"');
        if (quote == NULL) {
            REFUSE(r, "a quote is missing");
        }
        buf_append(bytes, at + 1, (size_t)(quote - at - 1));
        at = quote + 1;
    } else {
        for (; hex_value(at[0]) >= 0 && hex_value(at[1]) >= 0; at += 2) {
            buf_append_char(bytes, (char)(hex_value(at[0]) << 4 | hex_value(at[1])));
        }
    }
    size_t size = bytes->len - begin;
    if (size == 0) {
        REFUSE(r, "bytes are expected here");
    }
    if (*at == '*') {
        unsigned long times = strtoul(at + 1, &end, 10);
        at = end;
        for (unsigned long i = 1; i < times; i++) {
            if (buf_reserve(bytes, size)) {
                buf_append(bytes, bytes->data + begin, size);
            }
        }
    }
    return at;
}

/* The bytes that the tokens of an in line stand for, for `role`. */
static void read_in(const struct reader *r, const char *at, enum ws_role role, struct vector *v)
{
    size_t payload = SIZE_MAX; /* where it began, inside braces */

    while (*at != '\0') {
        if (*at == ' ') {
            at++;
        } else if (*at == '!') {
            v->shown_at = v->in.len;
            at++;
        } else if (*at == 'm' && payload == SIZE_MAX) {
            at = read_bytes(r, at + 1, &v->in);
            if (role == WS_SERVER) {
                v->in.data[v->in.len - 1] |= (char)WS_BIT_MASKED;
            }
        } else if (*at == '{' && payload == SIZE_MAX) {
            at++;
            if (role == WS_SERVER) {
                buf_append(&v->in, mask, sizeof(mask));
            }
            payload = v->in.len;
        } else if (*at == '}' && payload != SIZE_MAX) {
            at++;
            for (size_t i = 0; role == WS_SERVER && payload + i < v->in.len; i++) {
                v->in.data[payload + i] ^= mask[i % sizeof(mask)];
            }
            payload = SIZE_MAX;
        } else {
            at = read_bytes(r, at, &v->in);
        }
    }
    if (payload != SIZE_MAX) {
        REFUSE(r, "a brace is open");
    }
}

/* "text BYTES", "close CODE BYTES" ... as feed.h writes it. */
static void read_out(const struct reader *r, const char *line, struct buf *out)
{
    struct buf payload;
    const char *at = strchr(line, ' ');
    size_t word = at != NULL ? (size_t)(at - line) : strlen(line);

    if (str_equal(str_make(line, word), STR("close")) ||
        str_equal(str_make(line, word), STR("fail"))) {
        word += 5;
    }
    if (strlen(line) < word) {
        REFUSE(r, "a code is expected here");
    }
    buf_append(out, line, word);
    buf_init(&payload, SIZE_MAX);
    for (at = line + word; *at != '\0';) {
        at = *at == ' ' ? at + 1 : read_bytes(r, at, &payload);
    }
    feed_append_hex(out, buf_str(&payload));
    buf_append_char(out, '\n');
    buf_fini(&payload);
}

static void add_vector(const struct reader *r, struct block *b, enum ws_role role,
                       struct vector **vectors, size_t *count)
{
    struct vector *grown = realloc(*vectors, (*count + 1) * sizeof(*grown));
    if (grown == NULL) {
        err(1, NULL);
    }
    struct vector *v = &grown[*count];
    const char *file = strrchr(r->path, '/');
    char *copy = strdup(b->out.data);
    char *rest = copy;
    char *line;

    *vectors = grown;
    *count += 1;
    *v = (struct vector){.role = role, .max_message = b->max_message};
    if (copy == NULL || asprintf(&v->name, "%s: %s (%s)", file != NULL ? file + 1 : r->path,
                                 b->name, role == WS_SERVER ? "server" : "client") < 0) {
        err(1, NULL);
    }
    buf_init(&v->in, SIZE_MAX);
    buf_init(&v->out, SIZE_MAX);
    read_in(r, b->in.data, role, v);
    while ((line = strsep(&rest, "\n")) != NULL) {
        if (*line != '\0' && strcmp(line, "none") != 0) {
            read_out(r, line, &v->out);
        }
    }
    buf_append_char(&v->out, '\0');
    if ((v->shown_at > 0) != (strstr(v->out.data, "fail ") != NULL)) {
        REFUSE(r, "a violation needs its mark (!), and only a violation has one");
    }
    free(copy);
}

static void end_block(const struct reader *r, struct block *b, struct vector **vectors,
                      size_t *count)
{
    if (b->name != NULL) {
        buf_append_char(&b->in, '\0');
        buf_append_char(&b->out, '\0');
        if (!b->proves || !(b->server || b->client) || b->in.len == 1 || b->out.len == 1) {
            REFUSE(r, "a vector has proves, role, in and out");
        }
        if (b->server) {
            add_vector(r, b, WS_SERVER, vectors, count);
        }
        if (b->client) {
            add_vector(r, b, WS_CLIENT, vectors, count);
        }
    }
    free(b->name);
    buf_fini(&b->in);
    buf_fini(&b->out);
    *b = (struct block){.max_message = 1 << 20};
    buf_init(&b->in, SIZE_MAX);
    buf_init(&b->out, SIZE_MAX);
}

static void read_line(const struct reader *r, const char *line, struct block *b)
{
    const char *value = strstr(line, ": ");
    struct str key = str_make(line, value != NULL ? (size_t)(value - line) : 0);

    value = value != NULL ? value + 2 : "";
    if (str_equal(key, STR("vector")) && b->name == NULL) {
        b->name = strdup(value);
    } else if (str_equal(key, STR("proves"))) {
        b->proves = true;
    } else if (str_equal(key, STR("role"))) {
        b->server = strcmp(value, "client") != 0;
        b->client = strcmp(value, "server") != 0;
    } else if (str_equal(key, STR("max"))) {
        b->max_message = (uint32_t)strtoul(value, NULL, 10);
    } else if (str_equal(key, STR("in"))) {
        buf_append_str(&b->in, str_from_z(value));
        buf_append_char(&b->in, ' ');
    } else if (str_equal(key, STR("out"))) {
        buf_append_str(&b->out, str_from_z(value));
        buf_append_char(&b->out, '\n');
    } else {
        REFUSE(r, "no such line in a vector");
    }
}

void vectors_read(const char *path, struct vector **vectors, size_t *count)
{
    struct reader r = {.path = path};
    struct block block = {0};
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    FILE *file = fopen(path, "r");

    if (file == NULL) {
        err(1, "%s", path);
    }
    end_block(&r, &block, vectors, count);
    while ((len = getline(&line, &size, file)) >= 0) {
        r.line++;
        if (len > 0 && line[len - 1] == '\n') {
            line[len - 1] = '\0';
        }
        if (*line == '\0') {
            end_block(&r, &block, vectors, count);
        } else if (*line != '#') {
            read_line(&r, line, &block);
        }
    }
    end_block(&r, &block, vectors, count);
    free(line);
    fclose(file);
}

void vectors_free(struct vector *vectors, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(vectors[i].name);
        buf_fini(&vectors[i].in);
        buf_fini(&vectors[i].out);
    }
    free(vectors);
}

#include "ws/deflate.h"

#include <assert.h>
#include <stdlib.h>
#include <zlib.h>

enum {
    LEAST_BITS = 8,
    MOST_BITS = 15,
    ZLIB_LEAST_BITS = 9, /* what zlib itself makes when it is asked for 8 */
    LEAST_ROOM = 1024,   /* bytes of output asked for at once, */
    MOST_ROOM = 64 * 1024,
};

/* What is taken from the end of a message, and put there again (7.2.1, 7.2.2). */
static const char tail[] = {0x00, 0x00, (char)0xff, (char)0xff};

/* --- the handshake ---------------------------------------------------------------------------- */

/* The next element that ends at `mark`, trimmed; quoted strings of an extension hold no marks. */
static bool next_part(struct str *rest, char mark, struct str *ret_part)
{
    if (rest->ptr == NULL) {
        return false;
    }
    size_t end = str_find(*rest, mark);
    *ret_part = str_trim(str_slice(*rest, 0, end));
    *rest = end < rest->len ? str_slice(*rest, end + 1, rest->len) : (struct str){NULL, 0};
    return true;
}

/* A decimal number of 8 to 15 without leading zeros, perhaps in quotes (7.1.2). 0: it is not. */
static uint8_t read_bits(struct str value)
{
    if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"') {
        value = str_slice(value, 1, value.len - 1);
    }
    if (value.len == 1 && (value.ptr[0] == '8' || value.ptr[0] == '9')) {
        return (uint8_t)(value.ptr[0] - '0');
    }
    if (value.len == 2 && value.ptr[0] == '1' && value.ptr[1] >= '0' && value.ptr[1] <= '5') {
        return (uint8_t)(10 + value.ptr[1] - '0');
    }
    return 0;
}

enum {
    SEEN_SERVER_NO_CONTEXT = 1,
    SEEN_CLIENT_NO_CONTEXT = 2,
    SEEN_SERVER_BITS = 4,
    SEEN_CLIENT_BITS = 8,
};

static unsigned parameter_of(struct str name)
{
    static const struct {
        struct str name;
        unsigned parameter;
    } names[] = {{{"server_no_context_takeover", 26}, SEEN_SERVER_NO_CONTEXT},
                 {{"client_no_context_takeover", 26}, SEEN_CLIENT_NO_CONTEXT},
                 {{"server_max_window_bits", 22}, SEEN_SERVER_BITS},
                 {{"client_max_window_bits", 22}, SEEN_CLIENT_BITS}};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (str_equal_nocase(name, names[i].name)) {
            return names[i].parameter;
        }
    }
    return 0;
}

/* Takes a parameter of an offer; false: with it, the offer is to be declined (7.1). */
static bool take_parameter(struct str text, unsigned *seen, struct deflate_terms *t)
{
    size_t equals = str_find(text, '=');
    struct str value = str_trim(str_slice(text, equals < text.len ? equals + 1 : equals, text.len));
    unsigned parameter = parameter_of(str_trim(str_slice(text, 0, equals)));
    bool has_value = equals < text.len;
    uint8_t bits = read_bits(value);

    if (parameter == 0 || (*seen & parameter) != 0) {
        return false;
    }
    *seen |= parameter;
    switch (parameter) {
    case SEEN_SERVER_BITS:
        t->server_bits = bits & 0xfu;
        t->names_server_bits = true;
        return bits != 0;
    case SEEN_CLIENT_BITS:
        /* Without a value it only says that the client would heed one. */
        t->client_bits = (has_value ? bits : (unsigned)MOST_BITS) & 0xfu;
        t->names_client_bits = has_value;
        return !has_value || bits != 0;
    case SEEN_CLIENT_NO_CONTEXT:
        t->client_no_context = true;
        return !has_value;
    default:
        return !has_value;
    }
}

static bool take_offer(struct str offer, struct deflate_terms *ret_terms)
{
    struct deflate_terms t = {.server_bits = MOST_BITS, .client_bits = MOST_BITS};
    struct str part;
    unsigned seen = 0;

    if (!next_part(&offer, ';', &part) || !str_equal_nocase(part, STR("permessage-deflate"))) {
        return false;
    }
    while (next_part(&offer, ';', &part)) {
        if (!take_parameter(part, &seen, &t)) {
            return false;
        }
    }
    *ret_terms = t;
    return true;
}

bool terms_choose(struct str offers, struct deflate_terms *ret_terms)
{
    struct str offer;

    while (next_part(&offers, ',', &offer)) {
        if (take_offer(offer, ret_terms)) {
            return true;
        }
    }
    return false;
}

static size_t append(char *text, size_t at, struct str what)
{
    assert(at + what.len <= TERMS_MAX);
    memcpy(text + at, what.ptr, what.len);
    return at + what.len;
}

static size_t append_bits(char *text, size_t at, struct str name, unsigned bits)
{
    at = append(text, at, name);
    if (bits > 9) {
        text[at++] = '1';
    }
    text[at++] = (char)('0' + bits % 10);
    return at;
}

size_t terms_write(const struct deflate_terms *t, char ret_text[TERMS_MAX])
{
    size_t at = append(ret_text, 0, STR("permessage-deflate; server_no_context_takeover"));

    if (t->client_no_context) {
        at = append(ret_text, at, STR("; client_no_context_takeover"));
    }
    if (t->names_server_bits) {
        at = append_bits(ret_text, at, STR("; server_max_window_bits="), t->server_bits);
    }
    if (t->names_client_bits) {
        at = append_bits(ret_text, at, STR("; client_max_window_bits="), t->client_bits);
    }
    return at;
}

/* --- memory that is wiped --------------------------------------------------------------------- */

/* A window holds what was said last, and that may have been a secret. */
struct block {
    size_t size;
    _Alignas(16) char bytes[];
};

static void *give(void *owner, uInt count, uInt size)
{
    size_t bytes = (size_t)count * size;
    struct block *b = malloc(sizeof(*b) + bytes);

    (void)owner;
    if (b == NULL) {
        return NULL;
    }
    b->size = bytes;
    /* cppcheck-suppress memleak ; zlib gives it to take_back */
    return b->bytes;
}

static void take_back(void *owner, void *bytes)
{
    struct block *b = (struct block *)(void *)((char *)bytes - offsetof(struct block, bytes));

    (void)owner;
    explicit_bzero(b->bytes, b->size);
    free(b);
}

/* --- inflating -------------------------------------------------------------------------------- */

struct inflater {
    z_stream z;
};

struct inflater *inflater_new(unsigned bits)
{
    struct inflater *in = calloc(1, sizeof(*in));

    if (in == NULL) {
        return NULL;
    }
    in->z.zalloc = give;
    in->z.zfree = take_back;
    /* A larger window than the peer's is right as well. */
    if (inflateInit2(&in->z, -(int)(bits > ZLIB_LEAST_BITS ? bits : ZLIB_LEAST_BITS)) != Z_OK) {
        free(in);
        return NULL;
    }
    return in;
}

void inflater_free(struct inflater *in)
{
    if (in != NULL) {
        (void)inflateEnd(&in->z);
        free(in);
    }
}

/* Room at the end of `out` for the next output; 0: no memory. */
static uInt make_room(struct buf *out, size_t input, size_t limit)
{
    size_t room = input * 4;

    room = room < LEAST_ROOM ? LEAST_ROOM : room > MOST_ROOM ? MOST_ROOM : room;
    room = room < limit - out->len ? room : limit - out->len;
    return buf_reserve(out, room) ? (uInt)room : 0;
}

static enum inflate_result feed(struct inflater *in, struct str bytes, uint32_t max,
                                struct buf *out)
{
    z_stream *z = &in->z;

    assert(bytes.len <= UINT32_MAX);
    z->next_in = (Bytef *)(uintptr_t)bytes.ptr;
    z->avail_in = (uInt)bytes.len;
    do {
        uInt room = make_room(out, z->avail_in, (size_t)max + 1);
        if (room == 0) {
            return INFLATE_NO_MEMORY;
        }
        z->next_out = (Bytef *)out->data + out->len;
        z->avail_out = room;
        int result = inflate(z, Z_SYNC_FLUSH);
        out->len += room - z->avail_out;
        if (out->len > max) {
            return INFLATE_TOO_BIG;
        }
        if (result == Z_STREAM_END) {
            /*
             * A last block does not end the message (7.2.3.4). Its window is kept where it is: a
             * copy would make the shortest of blocks dear.
             */
            result = inflateResetKeep(z);
        }
        if (result == Z_MEM_ERROR) {
            return INFLATE_NO_MEMORY;
        }
        if (result != Z_OK && result != Z_BUF_ERROR) {
            return INFLATE_BROKEN;
        }
    } while (z->avail_in > 0 || z->avail_out == 0);
    return INFLATE_OK;
}

/* Whether all blocks are whole: nothing but the header of another one can come. */
static bool is_between_blocks(const struct inflater *in)
{
    return (in->z.data_type & 128) != 0 && (in->z.data_type & 7) == 0;
}

enum inflate_result inflater_feed(struct inflater *in, struct str piece, bool final, uint32_t max,
                                  struct buf *out)
{
    enum inflate_result result = INFLATE_OK;

    /* The limit may have been higher when it was inflated so far. */
    if (out->len > max) {
        return INFLATE_TOO_BIG;
    }
    if (piece.len > 0) {
        result = feed(in, piece, max, out);
    }
    if (result == INFLATE_OK && final) {
        result = feed(in, str_make(tail, sizeof(tail)), max, out);
        if (result == INFLATE_OK && !is_between_blocks(in)) {
            result = INFLATE_BROKEN;
        }
    }
    return result;
}

/* --- deflating -------------------------------------------------------------------------------- */

struct deflater {
    z_stream z;
};

struct deflater *deflater_new(void)
{
    struct deflater *d = calloc(1, sizeof(*d));

    if (d == NULL) {
        return NULL;
    }
    d->z.zalloc = give;
    d->z.zfree = take_back;
    if (deflateInit2(&d->z, Z_BEST_SPEED, Z_DEFLATED, -MOST_BITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        free(d);
        return NULL;
    }
    return d;
}

void deflater_free(struct deflater *d)
{
    if (d != NULL) {
        (void)deflateEnd(&d->z);
        free(d);
    }
}

bool deflater_pack(struct deflater *d, struct str message, struct buf *out)
{
    size_t room = message.len + sizeof(tail);

    assert(message.len <= INT32_MAX);
    if (deflateReset(&d->z) != Z_OK || !buf_reserve(out, room)) {
        return false;
    }
    d->z.next_in = (Bytef *)(uintptr_t)message.ptr;
    d->z.avail_in = (uInt)message.len;
    d->z.next_out = (Bytef *)out->data + out->len;
    d->z.avail_out = (uInt)room;
    int result = deflate(&d->z, Z_SYNC_FLUSH);
    size_t made = room - d->z.avail_out;
    /* With room left all has been flushed; without, it has become longer. */
    if (result != Z_OK || d->z.avail_out == 0 || d->z.avail_in > 0) {
        return false;
    }
    assert(made >= sizeof(tail));
    assert(memcmp(out->data + out->len + made - sizeof(tail), tail, sizeof(tail)) == 0);
    out->len += made - sizeof(tail);
    return true;
}

#include "unpacker.h"

#include "conn.h"

#include "ws/deflate.h"

#include <stdlib.h>

enum { WINDOW_BITS = 15 };

struct unpacker {
    struct inflater *inflater;
    struct buf packed; /* the last message, as it came ... */
    struct buf text;   /* ... and as it is */
};

struct unpacker *unpacker_new(void)
{
    struct unpacker *u = calloc(1, sizeof(*u));
    if (u == NULL) {
        return NULL;
    }
    buf_init(&u->packed, CONN_MAX_QUEUE);
    buf_init(&u->text, CONN_MAX_QUEUE);
    u->inflater = inflater_new(WINDOW_BITS);
    if (u->inflater == NULL) {
        unpacker_free(u);
        return NULL;
    }
    return u;
}

void unpacker_free(struct unpacker *u)
{
    if (u == NULL) {
        return;
    }
    inflater_free(u->inflater);
    buf_fini(&u->packed);
    buf_fini(&u->text);
    free(u);
}

bool unpack(struct unpacker *u, struct str packed, struct str *ret_text)
{
    if (u->text.len == 0 || !str_equal(buf_str(&u->packed), packed)) {
        buf_clear(&u->packed);
        buf_clear(&u->text);
        buf_append_str(&u->packed, packed);
        if (u->packed.failed ||
            inflater_feed(u->inflater, packed, true, CONN_MAX_QUEUE / 2, &u->text) != INFLATE_OK) {
            buf_clear(&u->text);
            return false;
        }
    }
    *ret_text = buf_str(&u->text);
    return true;
}

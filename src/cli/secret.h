#ifndef PARLEY_CLI_SECRET_H
#define PARLEY_CLI_SECRET_H

/* A secret that somebody types or pipes in. It is never a flag: the list of processes shows those.
 */

#include "base/buf.h"

enum { SECRET_MAX = 1024 };

/* In place, so that there is one copy to wipe. */
struct secret {
    char bytes[SECRET_MAX + 3]; /* with room for CR, LF and one byte too many */
    size_t len;
};

static inline struct str secret_str(const struct secret *s)
{
    return str_make(s->bytes, s->len);
}

static inline void secret_wipe(struct secret *s)
{
    explicit_bzero(s, sizeof(*s));
}

/*
 * Reads one line, the whole of what `fd` gives; its end (LF or CR LF) is no part of it. When `fd`
 * is a terminal, asks for `what` ("Password") on stderr, without an echo, and `twice` asks again.
 * Returns false, wiped, and `error` gets a sentence, when there is nothing, more than a line, more
 * than SECRET_MAX bytes, or two that differ. The caller wipes it after use.
 */
bool secret_read(struct secret *ret_secret, int fd, const char *what, bool twice,
                 struct buf *error);

#endif

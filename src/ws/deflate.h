#ifndef PARLEY_WS_DEFLATE_H
#define PARLEY_WS_DEFLATE_H

/*
 * permessage-deflate (RFC 7692): what is agreed in the handshake, and the two transformations. The
 * server's side. zlib does the work, and is known to deflate.c alone.
 *
 * What we send has no context and a window of 15 bits, so a message is compressed once and the
 * bytes are right for all who agreed to that; the answer says server_no_context_takeover. Who asked
 * for a smaller window is sent plain messages, which the extension allows at any time (6).
 */

#include "base/buf.h"
#include "ws/ws.h"

/*
 * Reads the value of a Sec-WebSocket-Extensions field, which may hold several offers, and takes the
 * first that is permessage-deflate with parameters that are right (7.1); others are declined.
 * False: none is.
 */
bool terms_choose(struct str offers, struct deflate_terms *ret_terms);
enum { TERMS_MAX = 144 };
/* Writes the extension for the answer (7.1), without a NUL; returns its length. */
size_t terms_write(const struct deflate_terms *terms, char ret_text[TERMS_MAX]);

enum inflate_result {
    INFLATE_OK,
    INFLATE_BROKEN, /* it is not what RFC 7692 allows, or ends in the middle */
    INFLATE_TOO_BIG,
    INFLATE_NO_MEMORY,
};

enum { INFLATER_BYTES = 48 * 1024 /* what one keeps, at most */ };

struct inflater;

/* For messages of a peer with a window of `bits` (8 to 15). Returns owned; NULL: no memory. */
struct inflater *inflater_new(unsigned bits);
/* What it has seen is wiped. NULL is taken. */
void inflater_free(struct inflater *in);
/*
 * A piece of a compressed message, `final`: its last. What it stands for is appended to `out`,
 * which never gets longer than max + 1 bytes: then it is INFLATE_TOO_BIG, as it is when `out` is
 * longer than `max` already. After anything but
 * INFLATE_OK it is only good for inflater_free. The context stays for the next message (7.2.2).
 */
enum inflate_result inflater_feed(struct inflater *in, struct str piece, bool final, uint32_t max,
                                  struct buf *out);

struct deflater;

/*
 * A shorter message is sent as it is. Measured with JSON: of 90 bytes a tenth is saved, of 200 a
 * third, of 450 half, and each costs the 16 to 30 us that a fresh context does.
 */
enum { DEFLATE_LEAST = 200 };

/* Returns owned, about 260 KiB; NULL: no memory. */
struct deflater *deflater_new(void);
void deflater_free(struct deflater *d);
/*
 * Appends the payload of a compressed message (7.2.1) to `out`, without context. False: it would
 * not be shorter than the message, or there is no memory; `out` is as before.
 */
bool deflater_pack(struct deflater *d, struct str message, struct buf *out);

#endif

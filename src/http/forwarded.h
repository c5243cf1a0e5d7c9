#ifndef PARLEY_HTTP_FORWARDED_H
#define PARLEY_HTTP_FORWARDED_H

/*
 * What proxies say about who is behind them: Forwarded (RFC 7239) and the X-Forwarded fields.
 * Only what a trusted proxy says counts. Each proxy adds the address that it was called from at
 * the right end, so the caller is the rightmost address that is not a trusted proxy's; whatever
 * stands left of it may be an invention. When all are trusted, it is the leftmost.
 *
 * Anything that leaves a doubt is refused: a list that does not parse, a caller that the proxy
 * does not name, Forwarded and X-Forwarded-For that disagree.
 */

#include "http/address.h"
#include "http/head.h"

/* Whether any field says that a proxy was involved, trusted or not. */
bool http_is_forwarded(const struct http_head *h);

struct http_forwarded {
    uint8_t address[16]; /* of the caller */
    bool foreign_host;   /* a host was named that http_host_allowed does not allow */
};

/* Whose word counts, and the names for this machine. All borrowed. */
struct http_trust {
    const struct http_network *proxies;
    size_t proxy_count;
    const struct str *hosts;
    size_t host_count;
};

/*
 * Reads the fields of a request that came from `peer`, which is trusted; of a head that is done.
 * Without any of them the caller is the peer. Returns NULL, or a sentence that says what is wrong
 * (static); the request is then to be refused with 400.
 */
const char *http_forwarded_read(const struct http_head *h, const char *data,
                                const struct http_trust *trust, const uint8_t peer[16],
                                struct http_forwarded *ret_forwarded);

#endif

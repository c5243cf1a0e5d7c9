#ifndef PARLEY_CLI_URL_H
#define PARLEY_CLI_URL_H

/*
 * Where the gateway is: http://HOST[:PORT][/PATH] (ws:// is taken too), the same with https:// and
 * wss://, or unix:PATH[:/PATH]. The path, with its query, is that of the WebSocket; the HTTP API
 * has paths of its own.
 */

#include "base/buf.h"

struct url {
    struct str host; /* a name or an address, an IPv6 one without its brackets; empty for unix */
    struct str authority; /* HOST[:PORT] for the field Host */
    struct str path;      /* of a UNIX socket; empty for TCP */
    struct str target;    /* the WebSocket's path, with its query; empty: the usual one */
    uint16_t port;
    bool is_tls; /* https:// or wss:// */
};

enum { URL_DEFAULT_PORT = 8765 };

/*
 * Reads `text`. Returns false, and `error` gets a sentence, when it is no address of a gateway.
 * The result borrows from the text.
 */
bool url_parse(struct str text, struct url *ret_url, struct buf *error);

/*
 * Appends the path of a world: what the address says, else "/ws/matrix"; "?world=NAME" behind it,
 * but for the empty name. And that of the gateway dialect: what the address says, else "/ws".
 */
void url_append_world(struct buf *out, const struct url *url, struct str world);
void url_append_gateway(struct buf *out, const struct url *url);
/* Whether this can be the name of a world: it follows the rule of agent ids. */
bool url_world_valid(struct str world);

/*
 * Appends "&NAME=VALUE" to a path, or "?NAME=VALUE" to one without a query; what cannot stand in a
 * query is encoded.
 */
void url_append_query(struct buf *out, struct str name, struct str value);
/* Whether this can be the id of a client or an agent, [A-Za-z0-9._:@-]{1,128}. */
bool url_id_valid(struct str id);

#endif

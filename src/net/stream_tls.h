#ifndef PARLEY_NET_STREAM_TLS_H
#define PARLEY_NET_STREAM_TLS_H

/*
 * TLS over a socket, both sides: 1.2 and 1.3, by OpenSSL.
 *
 * A `struct tls` is a certificate with its key and all that is agreed upon with peers. Nobody
 * changes it, so all reactors share one; a reload makes the next. Each stream refers to the one
 * that it began with. Sessions are resumed by tickets, whose keys are random and go with the
 * struct tls: nothing is kept for a client that has gone.
 *
 * A write does not wait for the socket: what it does not take of a record is kept, and the stream
 * `owes` it. Records cannot be taken back, so the reactor must not forget that bytes were taken
 * before they are gone: the last byte of all that was given to a send is not reported as taken
 * until the record is written. What is left of a frame goes first, so the next send begins with
 * that byte, and passes over it.
 *
 * Once the handshake is over, a client may still send messages of it: new keys (1.3), or a hello
 * that is answered with a warning (1.2). Each costs the server some 20 us and the client a few
 * bytes, so they are rationed; one who sends more breaks the stream.
 *
 * A read takes at most what it can decrypt, so nothing readable is left inside where epoll would
 * not see it. An end inside TLS (close_notify, or a failure) ends reading from the socket as well,
 * for the same reason.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/ip.h"
#include "base/list.h"
#include "net/stream.h"

enum {
    TLS_HEADROOM = 18 * 1024, /* a receive needs room for more than this */
    TLS_SOON_DAYS = 14,       /* a certificate is to be renewed when it has fewer left */
};

struct tls;

/*
 * Reads a pair: the certificate with its chain, and the key, both in PEM, without a passphrase.
 * Returns owned, by one reference. NULL, and `error` gets a sentence that begins with the option
 * and names the file and what to do. A certificate that has run out, or does not hold yet, is a
 * line of `warnings`. It reads files.
 */
struct tls *tls_new(const char *cert_file, const char *key_file, struct buf *warnings,
                    struct buf *error);
/*
 * What a client goes by: it believes whom the machine does (SSL_CERT_FILE and SSL_CERT_DIR in the
 * environment name others). Returns owned, by one reference; NULL when there is no memory.
 */
struct tls *tls_new_client(void);
/* Of a server's: seconds until the certificate runs out; negative: since. */
int64_t tls_seconds_left(const struct tls *tls);
/* NULL is taken. */
void tls_unref(struct tls *tls);

extern const struct stream_type stream_tls;

/* A stream over a connected socket, whose handshake begins with the first bytes of the peer.
   Returns owned; NULL when there is no memory. Keeps a reference. */
struct stream *stream_tls_new(struct tls *tls, int fd);
/*
 * The client's side, with a hello that is on its way; what is wanted is a certificate for `host`, a
 * name or an address. Reads go on with the handshake until stream_tls_is_ready; sends are for
 * later. Returns owned; NULL when there is no memory.
 */
struct stream *stream_tls_connect(struct tls *tls, int fd, const char *host);
/* Why it has failed: a constant text; NULL when it has not. */
const char *stream_tls_failure(const struct stream *s);
/* Says close_notify to a peer that has, and nothing else. The socket stays open. NULL is taken. */
void stream_tls_free(struct stream *s);
/* Where its peer is, as it counts; looked for when it is first asked for. */
const struct ip_network *stream_tls_peer(struct stream *s);
/* Its handshake waits: puts it at the end of `queue`, if it is in none. `conn`: whose it is. */
void stream_tls_queue(struct stream *s, struct list *queue, uint64_t conn);
bool stream_tls_is_queued(const struct stream *s);
/* Takes the first out of the queue, and says whose it is; false: there is none. */
bool stream_tls_next(struct list *queue, uint64_t *ret_conn);
/* The handshake is over. */
bool stream_tls_is_ready(const struct stream *s);
/* ... and was spared by a ticket. */
bool stream_tls_is_resumed(const struct stream *s);
/* Bytes that its last receive took from the socket. */
size_t stream_tls_came(const struct stream *s);
/* Bytes wait for the socket to take them; a send, of nothing perhaps, tries again. */
bool stream_tls_owes(const struct stream *s);

#endif

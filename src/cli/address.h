#ifndef PARLEY_CLI_ADDRESS_H
#define PARLEY_CLI_ADDRESS_H

/* What the commands that speak with a gateway share: where it is, and by what it knows us. */

#include "cli/command.h"
#include "cli/url.h"

/* Their flags. */
#define FLAG_URL                                                                                   \
    {                                                                                              \
        "--url", "URL", "the gateway: http[s]://HOST:PORT or unix:PATH (PARLEY_URL)"               \
    }
/* Of those that speak on a WebSocket, whose path may be another one. */
#define FLAG_URL_PATH                                                                              \
    {                                                                                              \
        "--url", "URL",                                                                            \
            "the gateway: ws[s]://HOST:PORT[/PATH] or unix:PATH[:/PATH]; http[s]:// too "          \
            "(PARLEY_URL)"                                                                         \
    }
#define FLAG_TOKEN_FILE                                                                            \
    {                                                                                              \
        "--token-file", "FILE", "the token is its first line; - is standard input (PARLEY_TOKEN)"  \
    }

/* The values of these flags; NULL where one was not given. */
struct address_flags {
    const char *url;
    const char *token_file;
};

struct address {
    struct url url;
    struct buf token; /* what is sent with each request; empty for nothing */
};

/*
 * The gateway that a command is for: the flag, else PARLEY_URL, else loopback; and the token: the
 * first line of the file, else PARLEY_TOKEN, else none. Returns CLI_OK; or else CLI_USAGE, with a
 * sentence on stderr and *ret_address not written. Warns where the token would cross a network in
 * the clear. The result borrows from the flags and the environment; address_fini is due.
 */
enum cli_exit address_find(const struct address_flags *flags, struct address *ret_address);
/* Wipes the token. NULL is taken, and what was zeroed. */
void address_fini(struct address *address);

/*
 * Reads a token from the first line of a file ("-": standard input), or from `text` where that is
 * not NULL. Returns false, and `error` gets a sentence, when there is none that a request could
 * carry; the secret is not part of it.
 */
bool address_read_token(const char *file, const char *text, struct buf *token, struct buf *error);

#endif

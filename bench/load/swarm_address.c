#include "swarm.h"

#include <netdb.h>

#include "net/stream_tls.h"

bool swarm_takes_url(struct str url, struct str *ret_rest, enum swarm_scheme *ret_scheme)
{
    static const struct {
        struct str prefix;
        enum swarm_scheme scheme;
    } schemes[] = {
        {{"ws://", 5}, SCHEME_WS},     {{"http://", 7}, SCHEME_WS}, {{"wss://", 6}, SCHEME_WSS},
        {{"https://", 8}, SCHEME_WSS}, {{"tcp://", 6}, SCHEME_TCP},
    };
    for (unsigned i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (str_starts_with(url, schemes[i].prefix)) {
            *ret_rest = str_slice(url, schemes[i].prefix.len, url.len);
            *ret_scheme = schemes[i].scheme;
            return true;
        }
    }
    return false;
}

/* ws://HOST[:PORT][/PATH] */
static bool take_url(struct swarm *s, const char *url)
{
    struct str rest = str_from_z(url);
    enum swarm_scheme scheme;
    if (!swarm_takes_url(rest, &rest, &scheme)) {
        return swarm_fail(s, "the URL must begin with ws://, wss:// or tcp://");
    }
    s->shared.bare = scheme == SCHEME_TCP;
    if (scheme == SCHEME_WSS) {
        s->shared.tls = tls_new_client();
        if (s->shared.tls == NULL) {
            return swarm_fail(s, "no memory for TLS");
        }
        s->shared.streams = &stream_tls;
        s->shared.host = s->host;
    }
    if (s->shared.bare && s->shared.framing != FRAMING_NATS) {
        return swarm_fail(s, "tcp:// is for a dialect with `framing: nats`");
    }
    struct str authority = str_slice(rest, 0, str_find(rest, '/'));
    struct str path = str_slice(rest, authority.len, rest.len);
    if (authority.len == 0 || authority.len >= sizeof(s->authority)) {
        return swarm_fail(s, "the URL has no host, or a very long one");
    }
    memcpy(s->authority, authority.ptr, authority.len);
    s->shared.authority = str_make(s->authority, authority.len);
    if (path.len <= 1) {
        return true;
    }
    s->shared.manners[0].path = s->shared.manners[1].path = &s->path;
    return template_parse(&s->path, path, s->error);
}

static bool find_address(struct swarm *s)
{
    char *host = s->host;
    memcpy(host, s->authority, sizeof(s->host));
    char *port = strrchr(host, ':');
    const char *service = "8765";
    if (port != NULL && strchr(port, ']') == NULL) {
        *port = '\0';
        service = port + 1;
    }
    char *name = host;
    size_t len = strlen(host);
    if (name[0] == '[' && name[len - 1] == ']') {
        memmove(name, name + 1, len - 2);
        name[len - 2] = '\0';
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    int rc = getaddrinfo(name, service, &hints, &found);
    if (rc != 0) {
        (void)snprintf(s->error, LOAD_ERROR_SIZE, "%s: %s", s->authority, gai_strerror(rc));
        return false;
    }
    memcpy(&s->shared.address, found->ai_addr, found->ai_addrlen);
    s->shared.address_len = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

bool swarm_find_hub(struct swarm *s, const char *url)
{
    return take_url(s, url) && find_address(s);
}

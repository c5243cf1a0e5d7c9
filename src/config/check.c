#include "config/config.h"

#include "base/key_line.h"
#include "config/internal.h"
#include "config/syntax.h"

static bool check_bind(const struct config *c, struct buf *error)
{
    struct str bind = str_from_z(config_text(c, OPTION_LISTEN_BIND));

    if (str_equal(bind, STR("tailscale"))) {
        return config_refuse(
            c, OPTION_LISTEN_BIND, bind,
            "is no address, and Parley does not look for networks by name; set it to the "
            "address that this machine has there, with auth.mode token, or leave it out "
            "and list the proxy in front in trusted_proxies",
            error);
    }
    switch (syntax_bind(bind)) {
    case BIND_LOOPBACK:
        return true;
    case BIND_WRONG:
        return config_refuse(c, OPTION_LISTEN_BIND, bind,
                             "is no address; it takes loopback, all, or an IPv4 or IPv6 address",
                             error);
    case BIND_OTHERS:
        break;
    }
    if (config_number(c, OPTION_AUTH_MODE) != AUTH_MODE_NONE ||
        config_number(c, OPTION_AUTH_ALLOW_ANONYMOUS) != 0) {
        return true;
    }
    return config_refuse(c, OPTION_LISTEN_BIND, bind,
                         "lets other machines in, and nobody is asked who they are; set a token "
                         "(--token-file FILE), or let everybody in (--allow-anonymous)",
                         error);
}

static bool check_ports(const struct config *c, struct buf *error)
{
    uint64_t port = config_number(c, OPTION_LISTEN_PORT);

    if (port == 0 || port != config_number(c, OPTION_LISTEN_STATUS_PORT)) {
        return true;
    }
    return config_refuse(c, OPTION_LISTEN_STATUS_PORT,
                         str_from_z(config_text(c, OPTION_LISTEN_STATUS_PORT)),
                         "is listen.port as well; choose another, or 0 for none", error);
}

/* One of the two is no use without the other. */
static bool check_tls(const struct config *c, struct buf *error)
{
    bool has_cert = config_is_set(c, OPTION_LISTEN_TLS_CERT);
    bool has_key = config_is_set(c, OPTION_LISTEN_TLS_KEY);
    enum option_id id = has_cert ? OPTION_LISTEN_TLS_CERT : OPTION_LISTEN_TLS_KEY;

    return has_cert == has_key ||
           config_refuse(c, id, str_from_z(config_text(c, id)),
                         has_cert ? "needs its private key; name that in listen.tls_key"
                                  : "needs its certificate; name that in listen.tls_cert",
                         error);
}

/* --- authentication --------------------------------------------------------------------------- */

static bool check_mode(const struct config *c, struct buf *error)
{
    bool tokens = config_is_set(c, OPTION_AUTH_TOKEN_FILE) || config_is_set(c, OPTION_AUTH_TOKENS);
    struct str mode = str_from_z(config_text(c, OPTION_AUTH_MODE));

    switch (config_number(c, OPTION_AUTH_MODE)) {
    case AUTH_MODE_TOKEN:
        if (!tokens && !c->has_shared_secret) {
            return config_refuse(
                c, OPTION_AUTH_MODE, mode,
                "needs tokens, and there are none; name a file of them "
                "(auth.token_file), list them (auth.tokens), or give one that all share "
                "(--token-file FILE)",
                error);
        }
        return true;
    case AUTH_MODE_PASSWORD:
        if (!config_is_set(c, OPTION_AUTH_PASSWORD_HASH)) {
            return config_refuse(
                c, OPTION_AUTH_MODE, mode,
                "needs a password; set auth.password_hash to what `parley password hash` "
                "prints",
                error);
        }
        return true;
    case AUTH_MODE_JWT:
        if (!config_is_set(c, OPTION_AUTH_JWT_KEYS)) {
            return config_refuse(
                c, OPTION_AUTH_MODE, mode,
                "needs the keys that tokens are signed with, and there are none; list "
                "them (auth.jwt.keys)",
                error);
        }
        return true;
    default:
        return true;
    }
}

/* How keys are named; what is in their files is for whoever loads them. */
static bool check_keys(const struct config *c, struct buf *error)
{
    struct str line, rest = str_from_z(config_text(c, OPTION_AUTH_JWT_KEYS));
    struct key_line key;

    while (config_next_element(&rest, &line)) {
        const char *what = key_line_parse(line, &key);
        if (what == NULL && key.issuer.len == 0 && !config_is_set(c, OPTION_AUTH_JWT_ISSUER)) {
            what = "does not say whose tokens it is for; add iss=ISSUER, or set auth.jwt.issuer";
        }
        if (what != NULL) {
            return config_refuse(c, OPTION_AUTH_JWT_KEYS, line, what, error);
        }
    }
    return true;
}

static bool check_password(const struct config *c, struct buf *error)
{
    if (!config_is_set(c, OPTION_AUTH_PASSWORD_HASH) ||
        syntax_is_argon2id(str_from_z(config_text(c, OPTION_AUTH_PASSWORD_HASH)))) {
        return true;
    }
    config_begin(c, OPTION_AUTH_PASSWORD_HASH, error);
    buf_append_str(error, STR("this is no argon2id hash ($argon2id$v=...); set it to what `parley "
                              "password hash` prints"));
    return false;
}

/* What is of no use to anybody as it is set. */
static void warn_of_unused(const struct config *c, struct buf *warnings)
{
    static const struct {
        enum option_id id;
        enum option_auth_mode mode;
        const char *what;
    } uses[] = {
        {OPTION_AUTH_TOKEN_FILE, AUTH_MODE_TOKEN, "is not used: auth.mode is not token"},
        {OPTION_AUTH_TOKENS, AUTH_MODE_TOKEN, "is not used: auth.mode is not token"},
        {OPTION_AUTH_PASSWORD_HASH, AUTH_MODE_PASSWORD, "is not used: auth.mode is not password"},
        {OPTION_AUTH_JWT_KEYS, AUTH_MODE_JWT, "is not used: auth.mode is not jwt"},
        {OPTION_AUTH_JWT_ISSUER, AUTH_MODE_JWT, "is not used: auth.mode is not jwt"},
        {OPTION_AUTH_JWT_AUDIENCE, AUTH_MODE_JWT, "is not used: auth.mode is not jwt"},
    };

    for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
        if (config_is_set(c, uses[i].id) && config_number(c, OPTION_AUTH_MODE) != uses[i].mode) {
            config_warn(c, uses[i].id, uses[i].what, warnings);
        }
    }
}

/* --- lists and other texts -------------------------------------------------------------------- */

/* A path that a request target can have, and not one that the HTTP interface answers. */
static bool is_world_path(struct str path)
{
    static const struct str taken[] = {
        {"/", 1},        {"/health", 7},        {"/healthz", 8}, {"/readyz", 7},
        {"/metrics", 8}, {"/api/gateway/", 13}, {"/web/", 5},
    };

    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        bool below = taken[i].len > 1 && taken[i].ptr[taken[i].len - 1] == '/';
        if (below ? str_starts_with(path, taken[i]) : str_equal(path, taken[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < path.len; i++) {
        if (path.ptr[i] <= ' ' || path.ptr[i] >= 0x7f || path.ptr[i] == '?' || path.ptr[i] == '#') {
            return false;
        }
    }
    return path.len > 1 && path.ptr[0] == '/';
}

static bool check_lists(const struct config *c, struct buf *error)
{
    static const struct {
        enum option_id id;
        bool (*is_right)(struct str element);
        const char *what;
    } lists[] = {
        {OPTION_LISTEN_WORLD_PATHS, is_world_path,
         "cannot be the path of a world; it begins with / and is none that the gateway serves "
         "otherwise"},
        {OPTION_LISTEN_HOSTS, syntax_is_host,
         "is no host; it takes names and addresses (IPv6 in brackets), without scheme and port"},
        {OPTION_ORIGINS, syntax_is_origin,
         "is no origin; it takes SCHEME://HOST, SCHEME://HOST:PORT or *, without a path"},
        {OPTION_TRUSTED_PROXIES, syntax_is_network,
         "is no address and no network; it takes those like 10.0.0.7, 10.0.0.0/8 and fd00::/8"},
    };
    struct str element;

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        struct str rest = str_from_z(config_text(c, lists[i].id));
        while (config_next_element(&rest, &element)) {
            if (!lists[i].is_right(element)) {
                return config_refuse(c, lists[i].id, element, lists[i].what, error);
            }
        }
    }
    return true;
}

/* The path of the other dialect: like those of worlds, and none of them. */
static bool check_gateway_path(const struct config *c, struct buf *error)
{
    struct str path = str_from_z(config_text(c, OPTION_LISTEN_GATEWAY_PATH));
    struct str world, rest = str_from_z(config_text(c, OPTION_LISTEN_WORLD_PATHS));
    bool right = is_world_path(path);

    while (right && config_next_element(&rest, &world)) {
        right = !str_equal(path, world);
    }
    return right ||
           config_refuse(c, OPTION_LISTEN_GATEWAY_PATH, path,
                         "cannot be the path of the gateway dialect; it begins with / and is none "
                         "of listen.world_paths, nor one that the gateway serves otherwise",
                         error);
}

/* Whether the path is neither the gateway dialect's nor a world's. */
static bool is_spare_path(const struct config *c, struct str path)
{
    struct str world, rest = str_from_z(config_text(c, OPTION_LISTEN_WORLD_PATHS));
    bool spare = is_world_path(path) &&
                 !str_equal(path, str_from_z(config_text(c, OPTION_LISTEN_GATEWAY_PATH)));

    while (spare && config_next_element(&rest, &world)) {
        spare = !str_equal(path, world);
    }
    return spare;
}

/* Who echoes is asked for no credential, so it has no place where others are. */
static bool check_echo(const struct config *c, struct buf *error)
{
    struct str path = str_from_z(config_text(c, OPTION_LISTEN_ECHO_PATH));

    if (path.len > 0 && !is_spare_path(c, path)) {
        return config_refuse(
            c, OPTION_LISTEN_ECHO_PATH, path,
            "cannot be the path that echoes; it begins with / and is none of "
            "listen.world_paths, nor listen.gateway_path, nor one that the gateway "
            "serves otherwise",
            error);
    }
    if (path.len > 0 && config_number(c, OPTION_AUTH_MODE) != AUTH_MODE_NONE) {
        return config_refuse(
            c, OPTION_LISTEN_ECHO_PATH, path,
            "would let everybody in beside auth.mode; it is for development: leave one "
            "of them out",
            error);
    }
    return true;
}

static bool check_public_url(const struct config *c, struct buf *error)
{
    struct str url = str_from_z(config_text(c, OPTION_LISTEN_PUBLIC_URL));

    return url.len == 0 || syntax_is_url(url) ||
           config_refuse(
               c, OPTION_LISTEN_PUBLIC_URL, url,
               "is no URL; it takes http://HOST, https://HOST, ws://HOST or wss://HOST, perhaps "
               "with a port and a path",
               error);
}

static void warn_of_origins(const struct config *c, struct buf *warnings)
{
    struct str origin, rest = str_from_z(config_text(c, OPTION_ORIGINS));

    while (config_number(c, OPTION_AUTH_MODE) != AUTH_MODE_NONE &&
           config_next_element(&rest, &origin)) {
        if (str_equal(origin, STR("*"))) {
            config_warn(
                c, OPTION_ORIGINS,
                "\"*\" lets the pages of every site connect with the credentials that they get "
                "hold of; list the sites instead",
                warnings);
        }
    }
}

/* --- one number and another ------------------------------------------------------------------- */

/* The first must be below (or, with `equal`, at most) the second. */
static bool check_order(const struct config *c, enum option_id low, enum option_id high, bool equal,
                        struct buf *error)
{
    uint64_t a = config_number(c, low), b = config_number(c, high);

    if (a < b || (equal && a == b)) {
        return true;
    }
    buf_printf(error, "%s (%s) must be %s %s (%s)", option_table[low].key, config_text(c, low),
               equal ? "at most" : "shorter than", option_table[high].key, config_text(c, high));
    return false;
}

bool config_check(const struct config *c, struct buf *warnings, struct buf *error)
{
    bool ok = check_bind(c, error) && check_ports(c, error) && check_tls(c, error) &&
              check_mode(c, error) && check_password(c, error) && check_keys(c, error) &&
              check_lists(c, error) && check_gateway_path(c, error) && check_echo(c, error) &&
              check_public_url(c, error) &&
              check_order(c, OPTION_LIMITS_MESSAGE_BYTES, OPTION_LIMITS_FRAME_BYTES, true, error) &&
              check_order(c, OPTION_HEARTBEAT_INTERVAL, OPTION_HEARTBEAT_TIMEOUT, false, error);

    if (ok) {
        warn_of_unused(c, warnings);
        warn_of_origins(c, warnings);
        if (config_is_set(c, OPTION_LISTEN_ECHO_PATH)) {
            config_warn(
                c, OPTION_LISTEN_ECHO_PATH,
                "is for development: everybody who reaches the port can have 32 MiB kept for each "
                "connection",
                warnings);
        }
    }
    return ok;
}

#include "gateway/setup.h"

#include <stdlib.h>

#include "crypto/password.h"
#include "gateway/memory.h"

enum { MEMORY_PART = 4 }; /* limits.memory: auto is this part of what there is */

_Static_assert((int)DIGEST_SIZE == (int)DIGEST_BYTES, "a digest is a SHA-256");
_Static_assert((int)AUTH_MODE_NONE == (int)HUB_AUTH_NONE &&
                   (int)AUTH_MODE_TOKEN == (int)HUB_AUTH_TOKEN &&
                   (int)AUTH_MODE_PASSWORD == (int)HUB_AUTH_PASSWORD &&
                   (int)AUTH_MODE_JWT == (int)HUB_AUTH_JWT,
               "the option's words stand in the order of the hub's values");
_Static_assert((int)WORLD_VALIDATION_OFF == (int)VALIDATE_OFF &&
                   (int)WORLD_VALIDATION_KNOWN == (int)VALIDATE_KNOWN &&
                   (int)WORLD_VALIDATION_STRICT == (int)VALIDATE_STRICT,
               "the option's words stand in the order of the hub's values");

static bool has_auth(const struct setup *p)
{
    return config_number(&p->config, OPTION_AUTH_MODE) != AUTH_MODE_NONE;
}

/* --- who may come in -------------------------------------------------------------------------- */

static bool read_tokens(struct setup *p)
{
    const char *file = config_text(&p->config, OPTION_AUTH_TOKEN_FILE);
    struct str list = str_from_z(config_text(&p->config, OPTION_AUTH_TOKENS));

    if (file[0] != '\0' && !token_set_add_file(&p->tokens, file, &p->warnings, &p->error)) {
        return false;
    }
    return list.len == 0 || token_set_add_list(&p->tokens, STR("auth.tokens"), list, &p->error);
}

static bool make_credentials(struct setup *p)
{
    p->credentials = calloc(p->tokens.count + 1, sizeof(*p->credentials));
    if (p->credentials == NULL) {
        buf_append_str(&p->error, STR("out of memory"));
        return false;
    }
    for (size_t i = 0; i < p->tokens.count; i++) {
        const struct token_line *t = &p->tokens.tokens[i];
        struct hub_credential *c = &p->credentials[i];
        *c = (struct hub_credential){.name = t->name, .agent_id = t->agent_id, .grants = t->grants};
        memcpy(c->digest, t->digest, sizeof(c->digest));
    }
    p->access.credentials = p->credentials;
    p->access.count = p->tokens.count;
    return true;
}

static bool read_password(struct setup *p)
{
    struct str hash = str_from_z(config_text(&p->config, OPTION_AUTH_PASSWORD_HASH));

    if (!password_encoded_valid(hash)) {
        buf_append_str(&p->error,
                       STR("auth.password_hash is no argon2id hash that can be used; set "
                           "it to what `parley password hash` prints"));
        return false;
    }
    p->password = hash.ptr;
    digest_sha256(hash.ptr, hash.len, p->access.password_id);
    return true;
}

static bool read_keys(struct setup *p)
{
    struct str lines = str_from_z(config_text(&p->config, OPTION_AUTH_JWT_KEYS));
    struct str issuer = str_from_z(config_text(&p->config, OPTION_AUTH_JWT_ISSUER));

    if (!jwt_keys_add_list(&p->keys, lines, issuer, &p->warnings, &p->error)) {
        return false;
    }
    for (size_t i = 0; i < p->keys.count; i++) {
        memcpy(p->key_ids[i], p->keys.keys[i].id, DIGEST_SIZE);
    }
    p->access.keys = p->key_ids;
    p->access.key_count = p->keys.count;
    return true;
}

/* Only what the mode asks for is read: a file that is not there matters when it is needed. */
static bool make_access(struct setup *p)
{
    p->access.mode = (enum hub_auth_mode)config_number(&p->config, OPTION_AUTH_MODE);
    switch (p->access.mode) {
    case HUB_AUTH_TOKEN:
        return read_tokens(p) && make_credentials(p);
    case HUB_AUTH_PASSWORD:
        return read_password(p);
    case HUB_AUTH_JWT:
        return read_keys(p);
    default:
        return true;
    }
}

/* --- whom reactors let in --------------------------------------------------------------------- */

/*
 * Appends the origin of listen.public_url as a browser says it: pages are of http or https,
 * whatever the scheme by which the gateway is reached, and an origin has no path.
 */
static void append_public(struct buf *out, struct str url)
{
    static const struct {
        struct str scheme;
        struct str origin;
    } schemes[] = {{{"ws://", 5}, {"http://", 7}}, {{"wss://", 6}, {"https://", 8}}};

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (str_starts_with(url, schemes[i].scheme)) {
            buf_append_str(out, schemes[i].origin);
            url = str_slice(url, schemes[i].scheme.len, url.len);
            buf_append_str(out, str_slice(url, 0, str_find(url, '/')));
            return;
        }
    }
    struct str scheme = str_slice(url, 0, str_find(url, ':') + 3);
    buf_append_str(out, scheme);
    url = str_slice(url, scheme.len, url.len);
    buf_append_str(out, str_slice(url, 0, str_find(url, '/')));
}

static void list_origins(const struct setup *p, struct buf *out)
{
    struct str url = str_from_z(config_text(&p->config, OPTION_LISTEN_PUBLIC_URL));

    buf_append_str(out, str_from_z(config_text(&p->config, OPTION_ORIGINS)));
    /* The default is the pages of this machine, which are then served by TLS. */
    if (config_text(&p->config, OPTION_LISTEN_TLS_CERT)[0] != '\0' &&
        p->config.values[OPTION_ORIGINS].origin == CONFIG_DEFAULT) {
        buf_append_str(out, STR(",https://localhost:*,https://127.0.0.1:*,https://[::1]:*"));
    }
    if (url.len > 0) {
        if (out->len > 0) {
            buf_append_char(out, ',');
        }
        append_public(out, url);
    }
}

/* Reads the certificate and its key. *ret_tls: NULL when the ports speak plain TCP. */
static bool read_pair(struct setup *p, struct tls **ret_tls)
{
    const char *cert = config_text(&p->config, OPTION_LISTEN_TLS_CERT);

    *ret_tls = NULL;
    if (cert[0] == '\0') {
        return true;
    }
    *ret_tls =
        tls_new(cert, config_text(&p->config, OPTION_LISTEN_TLS_KEY), &p->warnings, &p->error);
    return *ret_tls != NULL;
}

static bool make_policy(struct setup *p, bool host_checks)
{
    const struct config *c = &p->config;
    struct net_policy_source source;
    struct buf origins;
    struct tls *tls;

    if (!read_pair(p, &tls)) {
        return false;
    }
    buf_init(&origins, CONFIG_MAX_FILE);
    list_origins(p, &origins);
    net_policy_source_init(&source);
    source.origins = buf_str(&origins);
    source.hosts = str_from_z(config_text(c, OPTION_LISTEN_HOSTS));
    source.proxies = str_from_z(config_text(c, OPTION_TRUSTED_PROXIES));
    source.check_host = !has_auth(p);
    source.wants_credential = has_auth(p) || host_checks;
    source.compression = config_number(&p->config, OPTION_COMPRESSION) == COMPRESSION_ON;
    source.max_message_bytes = (uint32_t)config_number(c, OPTION_LIMITS_MESSAGE_BYTES);
    source.max_frame_bytes = (uint32_t)config_number(c, OPTION_LIMITS_FRAME_BYTES);
    source.max_backlog = config_number(c, OPTION_LIMITS_SEND_QUEUE_BYTES);
    source.tls = tls;
    if (origins.failed) {
        tls_unref(tls);
        buf_append_str(&p->error, STR("out of memory"));
    } else {
        p->policy = net_policy_new(&source, &p->error);
    }
    buf_fini(&origins);
    return p->policy != NULL;
}

/* --- the whole -------------------------------------------------------------------------------- */

/* What cannot change stays as it is, and all that was said about it is asked again. */
static bool keep_running(struct setup *p, const struct config *running)
{
    struct config_change changes[OPTION_COUNT];
    size_t count = config_changes(running, &p->config, changes);

    for (size_t i = 0; i < count; i++) {
        enum option_id id = changes[i].id;
        struct str key = str_from_z(option_table[id].key);
        if (changes[i].reloadable) {
            continue;
        }
        if (p->restart.len > 0) {
            buf_append_char(&p->restart, ',');
        }
        buf_append_str(&p->restart, key);
        if (!config_set(&p->config, key, str_from_z(config_text(running, id)), CONFIG_FLAG,
                        "the running gateway", &p->error)) {
            return false;
        }
    }
    return p->restart.len == 0 || config_check(&p->config, NULL, &p->error);
}

/* listen.bind is not asked about sockets that others have opened. */
static bool check_exposed(struct setup *p)
{
    if (has_auth(p) || config_number(&p->config, OPTION_AUTH_ALLOW_ANONYMOUS) != 0) {
        return true;
    }
    buf_append_str(
        &p->error,
        STR("the sockets that the service manager gives are reached from other machines, "
            "and nobody has to authenticate: set auth.mode to token or password, or let "
            "everybody in with --allow-anonymous"));
    return false;
}

static bool load(struct setup *p, const struct setup_source *source)
{
    struct config_sources sources = *source->sources;

    sources.found = source->file;
    return config_load(&p->config, &sources, &p->warnings, &p->error) &&
           (source->running == NULL || keep_running(p, source->running)) &&
           (!source->exposed || check_exposed(p)) && make_access(p) &&
           make_policy(p, source->host_checks);
}

struct setup *setup_load(const struct setup_source *source)
{
    struct setup *p = calloc(1, sizeof(*p));

    if (p == NULL) {
        return NULL;
    }
    buf_init(&p->restart, CONFIG_MAX_ERROR);
    buf_init(&p->warnings, CONFIG_MAX_ERROR);
    buf_init(&p->error, CONFIG_MAX_ERROR);
    token_set_init(&p->tokens);
    jwt_keys_init(&p->keys);
    if (!load(p, source) && p->error.len == 0) {
        setup_free(p);
        return NULL;
    }
    return p;
}

void setup_free(struct setup *p)
{
    if (p == NULL) {
        return;
    }
    net_policy_unref(p->policy);
    free(p->credentials);
    token_set_fini(&p->tokens);
    jwt_keys_fini(&p->keys);
    config_fini(&p->config);
    buf_fini(&p->restart);
    buf_fini(&p->warnings);
    buf_fini(&p->error);
    free(p);
}

static bool verifies_sender(const struct setup *p)
{
    uint64_t identity = config_number(&p->config, OPTION_WORLD_IDENTITY);

    return identity == WORLD_IDENTITY_AUTO ? has_auth(p) : identity == WORLD_IDENTITY_VERIFY;
}

void setup_hub_settings(const struct setup *p, struct hub_settings *s)
{
    const struct config *c = &p->config;

    s->max_clients = (uint32_t)config_number(c, OPTION_LIMITS_CLIENTS);
    s->max_clients_per_session = (uint32_t)config_number(c, OPTION_GATEWAY_MAX_CLIENTS_PER_SESSION);
    s->max_clients_per_address = (uint32_t)config_number(c, OPTION_LIMITS_CLIENTS_PER_ADDRESS);
    s->max_rate = (uint32_t)config_number(c, OPTION_LIMITS_RATE);
    s->max_memory = config_number(c, OPTION_LIMITS_MEMORY);
    if (s->max_memory == 0) {
        s->max_memory = memory_available("") / MEMORY_PART;
    }
    s->max_message_bytes = config_number(c, OPTION_LIMITS_MESSAGE_BYTES);
    s->max_frame_bytes = config_number(c, OPTION_LIMITS_FRAME_BYTES);
    s->max_send_queue_bytes = config_number(c, OPTION_LIMITS_SEND_QUEUE_BYTES);
    s->heartbeat_interval_ms = config_number(c, OPTION_HEARTBEAT_INTERVAL);
    s->heartbeat_timeout_ms = config_number(c, OPTION_HEARTBEAT_TIMEOUT);
    s->request_timeout_ms = config_number(c, OPTION_AGENTS_REQUEST_TIMEOUT);
    s->max_queue = (uint32_t)config_number(c, OPTION_AGENTS_MAX_QUEUE);
    s->remember_ms = config_number(c, OPTION_AGENTS_REMEMBER);
    s->verify_sender = verifies_sender(p);
    s->validation = (uint8_t)config_number(c, OPTION_WORLD_VALIDATION);
    s->close_slow_clients = config_number(c, OPTION_SLOW_CLIENT) == SLOW_CLIENT_CLOSE;
}

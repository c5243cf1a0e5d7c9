#include "config/config.h"

#include "base/printable.h"

/* All mean the same: both addresses of loopback. */
static bool is_loopback(struct str bind)
{
    return str_equal(bind, STR("loopback")) || str_equal(bind, STR("localhost")) ||
           str_equal(bind, STR("127.0.0.1")) || str_equal(bind, STR("::1"));
}

static bool check_bind(const struct config *c, struct buf *error)
{
    struct str bind = str_from_z(config_text(c, OPTION_LISTEN_BIND));

    if (is_loopback(bind)) {
        return true;
    }
    buf_append_str(error, STR("listen.bind: \""));
    printable_append(error, bind);
    buf_append_str(error, STR("\": "));
    if (str_equal(bind, STR("tailscale"))) {
        buf_append_str(error, STR("Parley does not look for networks by name; "));
    }
    buf_append_str(error,
                   STR("this build has no authentication by token yet and so serves loopback only: "
                       "leave listen.bind out, or set it to loopback"));
    return false;
}

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

static bool check_world_paths(const struct config *c, struct buf *error)
{
    struct str path, rest = str_from_z(config_text(c, OPTION_LISTEN_WORLD_PATHS));

    while (config_next_element(&rest, &path)) {
        if (!is_world_path(path)) {
            buf_append_str(error, STR("listen.world_paths: \""));
            printable_append(error, path);
            buf_append_str(error, STR("\" cannot be the path of a world; it begins with / and is "
                                      "none that the gateway serves otherwise"));
            return false;
        }
    }
    return true;
}

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

bool config_check(const struct config *c, struct buf *error)
{
    return check_bind(c, error) && check_world_paths(c, error) &&
           check_order(c, OPTION_LIMITS_MESSAGE_BYTES, OPTION_LIMITS_FRAME_BYTES, true, error) &&
           check_order(c, OPTION_HEARTBEAT_INTERVAL, OPTION_HEARTBEAT_TIMEOUT, false, error);
}

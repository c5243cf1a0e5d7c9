#include "hold.h"
#include "special.h"
#include "traffic.h"

#include <sys/resource.h>

static const char *const mode_names[LOAD_MODE_COUNT] = {
    [LOAD_FANOUT] = "fanout",     [LOAD_CHAT] = "chat", [LOAD_PAIRS] = "pairs",
    [LOAD_REQUESTS] = "requests", [LOAD_IDLE] = "idle", [LOAD_CONNECT] = "connect",
    [LOAD_STALLED] = "stalled",   [LOAD_STOP] = "stop", [LOAD_PROBE] = "probe",
};

const char *load_mode_name(enum load_mode mode)
{
    return mode_names[mode];
}

/* Every client needs a descriptor; what is missing then is reported by the client that fails. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

bool load_run(const struct load_options *o, struct load_result *ret_result,
              char error[LOAD_ERROR_SIZE])
{
    raise_descriptor_limit();
    switch (o->mode) {
    case LOAD_IDLE:
    case LOAD_CONNECT:
        return hold_run(o, ret_result, error);
    case LOAD_STALLED:
        return stalled_run(o, ret_result, error);
    case LOAD_PROBE:
        return probe_run(o, ret_result, error);
    case LOAD_STOP:
        return stop_run(o, ret_result, error);
    default:
        return traffic_run(o, ret_result, error);
    }
}

#include "hold.h"
#include "load.h"
#include "traffic.h"

#include <sys/resource.h>

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
    if (o->mode == LOAD_IDLE || o->mode == LOAD_CONNECT) {
        return hold_run(o, ret_result, error);
    }
    return traffic_run(o, ret_result, error);
}

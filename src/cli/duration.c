#include "cli/duration.h"

#include "cli/command.h"
#include "config/value.h"

enum { DAY_MS = 24 * 3600 * 1000 };

bool duration_read(const char *flag, const char *text, int64_t *ret_ms)
{
    static const struct option kind = {.kind = OPTION_DURATION, .min = 1, .max = DAY_MS};
    uint64_t ms;

    if (text == NULL) {
        return true;
    }
    if (value_read(&kind, str_from_z(text), false, &ms) != VALUE_OK) {
        complain("%s %s is no time from 1ms to 24h: a number with ms, s, m or h behind it", flag,
                 text);
        return false;
    }
    *ret_ms = (int64_t)ms;
    return true;
}

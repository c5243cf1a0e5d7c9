#include "values.h"

#include <stdlib.h>

static const char *flag_name(enum bench_flag flag)
{
    return bench_flags[flag].name;
}

bool value_number(const char *const *values, enum bench_flag flag, uint64_t max,
                  uint64_t *ret_value)
{
    uint64_t value;
    if (values[flag] == NULL) {
        return true;
    }
    if (!str_to_uint(str_from_z(values[flag]), max, &value) || value == 0) {
        complain("%s is a whole number from 1 to %llu, not %s", flag_name(flag),
                 (unsigned long long)max, values[flag]);
        return false;
    }
    *ret_value = value;
    return true;
}

bool value_small(const char *const *values, enum bench_flag flag, uint32_t max, uint32_t *ret_value)
{
    uint64_t value = *ret_value;
    bool ok = value_number(values, flag, max, &value);
    *ret_value = (uint32_t)value;
    return ok;
}

bool value_real(const char *const *values, enum bench_flag flag, double min, double max,
                double *ret_value)
{
    char *end;
    if (values[flag] == NULL) {
        return true;
    }
    double value = strtod(values[flag], &end);
    if (end == values[flag] || *end != '\0' || !(value >= min && value <= max)) {
        complain("%s is a number from %g to %g, not %s", flag_name(flag), min, max, values[flag]);
        return false;
    }
    *ret_value = value;
    return true;
}

bool value_list(const char *const *values, enum bench_flag flag, struct bench_list *ret_list)
{
    struct str rest = str_from_z(values[flag]);
    if (values[flag] == NULL) {
        return true;
    }
    ret_list->count = 0;
    bool more = true;
    while (more) {
        uint64_t value;
        struct str one = str_slice(rest, 0, str_find(rest, ','));
        more = one.len < rest.len;
        rest = str_slice(rest, one.len + 1, rest.len);
        if (ret_list->count == BENCH_MAX_RUNS || !str_to_uint(one, LOAD_MAX_CLIENTS, &value) ||
            value == 0) {
            complain("%s is a number from 1 to %d, or up to %d of them with commas between, not %s",
                     flag_name(flag), LOAD_MAX_CLIENTS, BENCH_MAX_RUNS, values[flag]);
            return false;
        }
        ret_list->values[ret_list->count++] = (uint32_t)value;
    }
    return true;
}

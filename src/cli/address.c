#include "cli/address.h"

#include <stdlib.h>

#include "cli/command.h"

enum { MAX_ERROR = 1024 };

bool address_find(const char *flag, struct url *ret_url)
{
    const char *environment = getenv("PARLEY_URL");
    struct buf error;

    if (flag == NULL && environment != NULL && environment[0] != '\0') {
        flag = environment;
    }
    buf_init(&error, MAX_ERROR);
    bool ok = url_parse(str_from_z(flag != NULL ? flag : "http://127.0.0.1:8765"), ret_url, &error);
    if (!ok) {
        complain("%.*s", STR_ARG(buf_str(&error)));
    }
    buf_fini(&error);
    return ok;
}

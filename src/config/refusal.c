#include "config/config.h"
#include "config/internal.h"

/* The sentences of config_check, whatever the options are. */

void config_begin(const struct config *c, enum option_id id, struct buf *out)
{
    if (c->values[id].origin == CONFIG_FILE) {
        config_append_origin(c, id, out);
        buf_append_str(out, STR(": "));
    }
    buf_printf(out, "%s: ", option_table[id].key);
}

bool config_refuse(const struct config *c, enum option_id id, struct str text, const char *what,
                   struct buf *error)
{
    config_begin(c, id, error);
    config_append_quoted(error, text);
    buf_printf(error, " %s", what);
    return false;
}

void config_warn(const struct config *c, enum option_id id, const char *what, struct buf *warnings)
{
    if (warnings != NULL) {
        config_begin(c, id, warnings);
        buf_printf(warnings, "%s\n", what);
    }
}

bool config_is_set(const struct config *c, enum option_id id)
{
    return config_text(c, id)[0] != '\0';
}

#include "base/suggest.h"
#include "cli/command.h"

/* One a line, so that adding one changes one. */
/* clang-format off */
const struct command *const command_table[] = {
    &command_serve,
    &command_bridge,
    &command_status,
    &command_agents,
    &command_clients,
    &command_sessions,
    &command_tail,
    &command_send,
    &command_call,
    &command_agent,
    &command_explain,
    &command_kick,
    &command_drain,
    &command_ticket,
    &command_token,
    &command_password,
    &command_jwt,
    &command_config,
    &command_doctor,
    &command_bench,
    &command_protocol,
    &command_completion,
    &command_help,
    &command_version,
    NULL,
};
/* clang-format on */

const struct command *command_find(const char *name)
{
    struct suggestion nearest;

    suggestion_init(&nearest, str_from_z(name));
    for (size_t i = 0; command_table[i] != NULL; i++) {
        if (strcmp(command_table[i]->name, name) == 0) {
            return command_table[i];
        }
        suggestion_offer(&nearest, str_from_z(command_table[i]->name), command_table[i]->name);
    }
    if (nearest.best != NULL) {
        complain("there is no command %s; did you mean %s?", name, nearest.best);
    } else {
        complain("there is no command %s; see %s help", name, program_path);
    }
    return NULL;
}

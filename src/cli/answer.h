#ifndef PARLEY_CLI_ANSWER_H
#define PARLEY_CLI_ANSWER_H

/* What an HTTP answer that is no success means for a command. */

#include "cli/command.h"

/*
 * The exit code for an HTTP status that is no success. `error` gets a sentence: the gateway's own,
 * where the body is {"error":{"code","message","details"}}, with how long to wait, where it says.
 */
enum cli_exit answer_judge(int status, struct str body, struct buf *error);

#endif

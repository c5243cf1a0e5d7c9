#ifndef PARLEY_CLI_REMOTE_INTERNAL_H
#define PARLEY_CLI_REMOTE_INTERNAL_H

/* What remote.c (HTTP) and remote_message.c (WebSocket) share. */

#include "cli/remote.h"

/* Sets the sentence and returns the code. */
enum cli_exit remote_fail(struct remote *r, enum cli_exit code, const char *sentence);
/* Unpredictable bytes; without them there is no mask that a peer could not guess. */
void remote_fill_random(void *bytes, size_t len);
enum cli_exit remote_write_all(struct remote *r, struct str bytes);
/* Reads what is there behind r->in; waits for it until `deadline`: then CLI_TRY_AGAIN. */
enum cli_exit remote_read_more(struct remote *r, int64_t deadline);

#endif

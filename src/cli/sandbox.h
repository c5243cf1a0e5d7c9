#ifndef PARLEY_CLI_SANDBOX_H
#define PARLEY_CLI_SANDBOX_H

/*
 * Gives up what a gateway that listens already does not need any more, for good and for all threads
 * that are started later. Each part holds by itself; a kernel that lacks one has the others.
 *
 *   dumpable       no core dump, and nobody but root looks into the process
 *   privileges     no program gives it new ones (PR_SET_NO_NEW_PRIVS)
 *   capabilities   none, and none to be had
 *   landlock       of the file system it reads the directories that a reload reads and a few files
 *                  of the kernel's, and removes files where it made its socket; it writes nothing
 *   seccomp        system calls that it does not make are refused with EPERM
 */

#include "config/config.h"

enum sandbox_part {
    SANDBOX_DUMPABLE = 1u << 0,
    SANDBOX_PRIVILEGES = 1u << 1,
    SANDBOX_CAPABILITIES = 1u << 2,
    SANDBOX_LANDLOCK = 1u << 3,
    SANDBOX_SECCOMP = 1u << 4,
};

/*
 * Enters it, with what a gateway of this configuration still has to read. Called once, behind the
 * listeners and before any thread is started. Returns the parts that hold.
 */
unsigned sandbox_enter(const struct config *c);
/* The names of parts, with commas; "off" for none. */
void sandbox_append(struct buf *out, unsigned parts);

/* What this kernel has: the version of Landlock (0: none), and whether system calls can be
   filtered. Changes nothing. */
int sandbox_landlock_version(void);
bool sandbox_can_filter(void);

/* sandbox_calls.c: has all system calls but those of a running gateway refused. False: it cannot
   be had. */
bool sandbox_filter(void);

#endif

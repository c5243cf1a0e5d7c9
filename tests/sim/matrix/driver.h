#ifndef PARLEY_TESTS_SIM_MATRIX_DRIVER_H
#define PARLEY_TESTS_SIM_MATRIX_DRIVER_H

/*
 * The bridge's process, and its disk: it commits the rows of a step, then carries its actions out,
 * as the daemon does; and it can be killed at any point of that. What was committed is all that the
 * next process has.
 */

#include "matrix/bridge.h"
#include "names.h"

/* An action, with copies of its texts. */
struct act {
    struct bridge_action action;
    char *texts;
};

struct row {
    enum bridge_table table;
    struct str key; /* owned, as the value */
    struct str value;
};

struct driver_hooks {
    void *ctx;
    /* A row is on the disk; an empty value: it is not there any more. */
    void (*committed)(void *ctx, const struct row *row);
    /* All rows of the step are. */
    void (*step_ended)(void *ctx, bool is_committed);
    void (*acted)(void *ctx, const struct bridge_action *action);
    /* The process is gone; what it was told and has not committed with it. */
    void (*killed)(void *ctx);
    uint64_t (*draw)(void *ctx, uint64_t below);
};

struct driver {
    struct bridge *bridge;
    struct bridge_settings settings;
    struct driver_hooks hooks;
    struct bridge_time now;
    uint64_t random;
    unsigned fault_rate; /* one allocation in so many fails inside of the bridge; 0: none */
    bool failed;         /* one did */
    struct row *rows;    /* of this step */
    size_t row_count, row_cap;
    struct act *acts;
    size_t act_count, act_cap;
    struct names keys; /* "table key" */
    struct row *disk;  /* by the number of its key; value.ptr NULL: not there */
    size_t disk_cap;
    uint64_t kills;
    uint64_t starved; /* times that there was no memory for a step */
};

void driver_init(struct driver *d, const struct bridge_settings *settings,
                 const struct driver_hooks *hooks, struct bridge_time now, uint64_t seed);
void driver_fini(struct driver *d);
/* Starts the process; a step of its own, which is killed with a chance of one in `danger`. */
void driver_start(struct driver *d, unsigned danger);
/* Around calls of the bridge. */
void driver_enter(struct driver *d);
void driver_leave(struct driver *d);
/* Ends the step: commits and acts, with a chance of one in `danger` of a kill at each point (0: no
 * danger). */
void driver_settle(struct driver *d, unsigned danger);
/* Kills it now, and starts it again. */
void driver_kill(struct driver *d, unsigned danger);
/* The row on the disk; NULL: there is none. */
const struct row *driver_row(const struct driver *d, enum bridge_table table, struct str key);
/* How many rows a table has. */
size_t driver_rows(const struct driver *d, enum bridge_table table);

#endif

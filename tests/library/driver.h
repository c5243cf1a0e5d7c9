#ifndef PARLEY_TESTS_DRIVER_H
#define PARLEY_TESTS_DRIVER_H

#include <parley/parley.h>

/* Does what a line says, and prints the answer; the line is taken apart. */
void obey(struct parley *p, char *line);
/* Does a line that waits for this line of the log (the call `at_log`). */
void obey_log(struct parley *p, const char *event);
/* Prints a line about an event. */
void print_event(const char *name, const struct parley_text *texts, size_t count);
/* Ends a line, and has it seen. */
void end_line(void);

#endif

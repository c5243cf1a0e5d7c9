#ifndef PARLEY_TESTS_FAULTS_H
#define PARLEY_TESTS_FAULTS_H

/*
 * Allocations that fail on purpose. The program is linked with --wrap for malloc, calloc and
 * realloc; then one call in `one_in` fails (0: none), always the same ones for the same program.
 */
void fault_rate(unsigned one_in);

/* Called when the program aborts: an assertion, or a difference found. */
void fault_on_abort(void (*handler)(void));

#endif

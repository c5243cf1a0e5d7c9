#ifndef PARLEY_TESTS_HEARD_H
#define PARLEY_TESTS_HEARD_H

/* How the simulator's clients read: they know what the gateway's frames look like, and no more. */

#include "model.h"

/* The number behind `"key":` in a text that has it; else UINT64_MAX. */
uint64_t heard_number(struct str text, const char *key);
/* The string behind this key, which has no escapes; empty where the key is not. */
struct str heard_string(struct str text, const char *key);
bool heard_has(struct str text, const char *part);
bool heard_begins(struct str text, const char *with);
/* The name that is heard is that of who says it: his agent's, or his own, which is always the same.
 */
void heard_check_name(struct model *m, const struct mclient *c, const struct expected *want,
                      struct str name);

#endif

#ifndef PARLEY_TESTS_FAKE_ROOT_H
#define PARLEY_TESTS_FAKE_ROOT_H

/* A directory that stands in for / where the kernel's files are read. */

extern char fake_root[64];

/* Set-up and tear-down of a test: an empty one, and gone with all that is in it. */
int fake_root_make(void **state);
int fake_root_remove(void **state);
/* Writes a file; `path` begins with a slash. */
void fake_put(const char *path, const char *text);

#endif

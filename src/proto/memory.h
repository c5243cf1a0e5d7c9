#ifndef PARLEY_PROTO_MEMORY_H
#define PARLEY_PROTO_MEMORY_H

/*
 * What one decoded message owns: blocks that are filled from the front and freed together. The
 * handle is a plain pointer, NULL while there is nothing, so that it can stand in a public struct.
 */

#include <stddef.h>

/*
 * `size` zeroed bytes, aligned for any value, or NULL when there is no room. *memory is the handle.
 */
void *memory_take(void **memory, size_t size);
/* The same for `count` items of `size`, without overflow. */
void *memory_take_items(void **memory, size_t count, size_t size);
/* Frees all of it, wiped, since a message may hold a credential; *memory is NULL then. */
void memory_free(void **memory);

#endif

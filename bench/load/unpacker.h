#ifndef PARLEY_BENCH_UNPACKER_H
#define PARLEY_BENCH_UNPACKER_H

/*
 * What a compressed message stands for. The generator asks hubs for messages without context, so
 * one inflater does for all clients; and where a hub compresses a broadcast once, all hear the same
 * bytes, which are inflated once here as well.
 */

#include "base/str.h"

struct unpacker;

/* Returns owned; NULL: no memory. */
struct unpacker *unpacker_new(void);
/* NULL is taken. */
void unpacker_free(struct unpacker *u);
/* *ret_text holds until the next call. False: it is broken, or there is no memory. */
bool unpack(struct unpacker *u, struct str packed, struct str *ret_text);

#endif

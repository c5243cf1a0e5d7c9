#ifndef PARLEY_TESTS_WS_STREAM_H
#define PARLEY_TESTS_WS_STREAM_H

/* Streams of frames for tests, and the check that every way of cutting one means the same. */

#include "base/buf.h"
#include "ws/ws.h"

/*
 * Appends a frame as the peer of `role` writes it (masked for a server), with `first_byte` as it
 * is and a minimal length.
 */
void stream_frame(struct buf *stream, enum ws_role role, unsigned first_byte, struct str payload);

/*
 * Feeds `stream` at once, byte by byte, in several chunk sizes and split at every point (only
 * near the ends of a long one), and fails the test when what is heard (see feed.h) is not
 * `expected`, or when a violation is not reported with byte number `shown_at` (from 1; 0 when no
 * violation is expected).
 */
void stream_check(enum ws_role role, uint32_t max_message, struct str stream, const char *expected,
                  size_t shown_at);

#endif

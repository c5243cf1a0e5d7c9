#ifndef PARLEY_NET_ACCEPT_H
#define PARLEY_NET_ACCEPT_H

/*
 * The doors of a reactor: the listeners it accepts from. Running out of descriptors or memory
 * costs those who want to come in and those who have not said yet what they want, never those who
 * are in, and never makes the reactor spin.
 */

#include "net/connection.h"

/* In epoll's data a door is DOOR_ID | its number. No connection has a handle like that. */
#define DOOR_ID (0xffULL << 56)

bool doors_init(struct reactor *r);
void doors_fini(struct reactor *r);
/* A listener is readable: takes in some of those who wait. */
void doors_accept(struct reactor *r, unsigned door);
/* At a tick: opens doors that had to be shut. */
void doors_try_again(struct reactor *r);

#endif

#ifndef PARLEY_TESTS_GATEWAY_FAULTS_H
#define PARLEY_TESTS_GATEWAY_FAULTS_H

/*
 * Takes the place of malloc and of the system calls of the gateway (the linker's --wrap) and fails
 * one call that the test chooses. Only calls within a fault zone count: those of the test's thread
 * between faults_enter and faults_leave, or those of all other threads (the worker). The gateway's
 * clock is a number, too.
 */

#include "unit.h"

#include <stdbool.h>

enum fault_kind {
    FAULT_ALLOC,
    FAULT_ACCEPT,
    FAULT_EPOLL_CREATE,
    FAULT_EPOLL_CTL,
    FAULT_EPOLL_WAIT,
    FAULT_EVENTFD,
    FAULT_RECV,
    FAULT_SEND,
    FAULT_SENDMSG,
    FAULT_SHUTDOWN,
    FAULT_OPEN,
    FAULT_READ,
    FAULT_FSTAT,
    FAULT_SOCKET,
    FAULT_BIND,
    FAULT_LISTEN,
    FAULT_SETSOCKOPT,
    FAULT_GETSOCKNAME,
    FAULT_GETPEERNAME,
    FAULT_THREAD,
    FAULT_CLOSE,
    FAULT_KINDS,
};

enum fault_zone { ZONE_TEST, ZONE_OTHERS };

enum {
    SHORT = -1,        /* instead of an errno: the call takes or gives one byte */
    ALWAYS_SHORT = -2, /* and so do all behind it: one byte, or some more */
};

extern const char *const fault_names[FAULT_KINDS];
/* What each can fail with, ended by 0. */
extern const int fault_errors[FAULT_KINDS][12];

/* Has the nth call (from 0) of a kind in a zone fail; counts begin anew. */
void faults_set(enum fault_kind kind, enum fault_zone zone, int error, unsigned nth);
void faults_none(void);
/* No more calls fail; what has been counted stays. */
void faults_stop(void);
/* Whether it has. */
bool faults_struck(void);
/* How many calls of the kind there were in the zone since the last faults_set or faults_none. */
unsigned faults_seen(enum fault_kind kind, enum fault_zone zone);

void faults_enter(void);
void faults_leave(void);

/* Blocks of memory that the program has and did not free. */
long faults_blocks(void);

/* The clock, in milliseconds. */
extern _Atomic uint64_t faults_now_ms;

#endif

#ifndef PARLEY_TESTS_UNIT_H
#define PARLEY_TESTS_UNIT_H

/* What every unit test includes: cmocka with what it needs before it, in the right order. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif

#ifndef PARLEY_BASE_EMBEDDED_H
#define PARLEY_BASE_EMBEDDED_H

/* A file that is part of the program: schema/embed.py makes a C file of it when it is built. */

#include <stddef.h>

struct embedded_text {
    const char *bytes;
    size_t size;
    const char *digest; /* 16 hexadecimal digits: changes with the bytes */
};

#endif

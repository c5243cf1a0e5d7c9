#ifndef PARLEY_CORE_CLOSE_H
#define PARLEY_CORE_CLOSE_H

/* Close codes that the hub decides on; others come from a reactor, with what it found. */
enum close_code {
    CLOSE_GOING_AWAY = 1001,
    CLOSE_POLICY = 1008,
    CLOSE_TRY_LATER = 1013,
    CLOSE_AUTHENTICATION = 4401,
    CLOSE_FORBIDDEN = 4403,
    CLOSE_KICKED = 4408,
    CLOSE_REPLACED = 4409,
};

#endif

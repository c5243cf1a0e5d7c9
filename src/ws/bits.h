#ifndef PARLEY_WS_BITS_H
#define PARLEY_WS_BITS_H

/* The fields of a frame header (RFC 6455 section 5.2), for those who read it and who write it. */

enum {
    /* First byte. */
    WS_BIT_FIN = 0x80,
    WS_BITS_RESERVED = 0x70,
    WS_BIT_DEFLATED = 0x40, /* RSV1, as RFC 7692 has it */
    WS_BITS_OPCODE = 0x0f,
    WS_BIT_CONTROL = 0x08, /* of an opcode: set in those of control frames (5.5) */

    /* Second byte. */
    WS_BIT_MASKED = 0x80,
    WS_BITS_LENGTH = 0x7f,

    WS_LENGTH_16 = 126, /* as length: it follows in 2 bytes; below, it is the length itself */
    WS_LENGTH_64 = 127, /* it follows in 8 bytes */
    WS_MASK_SIZE = 4,
    WS_CODE_SIZE = 2, /* of the code in a close payload (5.5.1) */
};

#endif

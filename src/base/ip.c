#include "base/ip.h"

static unsigned group_at(const uint8_t *address, unsigned i)
{
    return (unsigned)address[2 * i] << 8 | address[2 * i + 1];
}

/* The longest run of two zero groups or more, the first of equals; *ret_len is 0 without one. */
static unsigned longest_zeros(const uint8_t *address, unsigned *ret_len)
{
    unsigned best = 0, best_len = 1, from = 0;

    for (unsigned i = 0; i <= 8; i++) {
        if (i == 8 || group_at(address, i) != 0) {
            if (i - from > best_len) {
                best = from;
                best_len = i - from;
            }
            from = i + 1;
        }
    }
    *ret_len = best_len > 1 ? best_len : 0;
    return best;
}

bool ip_is_v4(const uint8_t address[IP_SIZE])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    return memcmp(address, mapped, sizeof(mapped)) == 0;
}

struct ip_network ip_network_of(const uint8_t address[IP_SIZE])
{
    struct ip_network network = {{0}};

    memcpy(network.bytes, address, ip_is_v4(address) ? IP_SIZE : IP_SIZE / 2);
    return network;
}

void ip_append(struct buf *out, const uint8_t address[IP_SIZE])
{
    unsigned zeros, zeros_at;

    if (ip_is_v4(address)) {
        buf_printf(out, "%u.%u.%u.%u", address[12], address[13], address[14], address[15]);
        return;
    }
    zeros_at = longest_zeros(address, &zeros);
    for (unsigned i = 0; i < 8; i++) {
        if (zeros > 0 && i == zeros_at) {
            buf_append_str(out, STR("::"));
            i += zeros - 1;
        } else {
            buf_printf(out, i == 0 || (zeros > 0 && i == zeros_at + zeros) ? "%x" : ":%x",
                       group_at(address, i));
        }
    }
}

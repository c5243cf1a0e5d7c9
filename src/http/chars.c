#include "http/internal.h"

/* The sums of HTTP_TOKEN (1), HTTP_TARGET (2), HTTP_NAME (4) and HTTP_HEX (8), 16 a row. */
/* clang-format off */
const uint8_t http_classes[128] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
/*     !  "  #  $  %  &  '  (  )  *  +  ,  -  .  / */
    0, 7, 0, 1, 7, 3, 7, 7, 6, 6, 7, 7, 6, 7, 7, 2,
/*  0   1   2   3   4   5   6   7   8   9   :  ;  <  =  >  ? */
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 2, 6, 0, 6, 0, 2,
/*  @  A   B   C   D   E   F   G  H  I  J  K  L  M  N  O */
    2, 15, 15, 15, 15, 15, 15, 7, 7, 7, 7, 7, 7, 7, 7, 7,
/*  P  Q  R  S  T  U  V  W  X  Y  Z  [  \  ]  ^  _ */
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 2, 0, 2, 3, 7,
/*  `  a   b   c   d   e   f   g  h  i  j  k  l  m  n  o */
    3, 15, 15, 15, 15, 15, 15, 7, 7, 7, 7, 7, 7, 7, 7, 7,
/*  p  q  r  s  t  u  v  w  x  y  z  {  |  }  ~ */
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 2, 3, 2, 7, 0,
};
/* clang-format on */

size_t http_skip_text(const char *data, size_t at, size_t end)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t highs = ones << 7;

    for (;;) {
        /* Eight bytes at once: below 0x20, or 0x7f, each found as a borrow into a clear high bit.
         */
        while (end - at >= 8) {
            uint64_t word;
            memcpy(&word, data + at, sizeof(word));
            uint64_t dels = word ^ (ones * 0x7f);
            if ((((word - ones * 0x20) & ~word) | ((dels - ones) & ~dels)) & highs) {
                break;
            }
            at += 8;
        }
        size_t stop = end - at >= 8 ? at + 8 : end;
        while (at < stop && http_is_text(data[at])) {
            at++;
        }
        if (at < stop || at == end) {
            return at;
        }
    }
}

bool http_escapes_ok(struct str s)
{
    for (size_t at = str_find(s, '%'); at < s.len;
         at += 3 + str_find(str_slice(s, at + 3, s.len), '%')) {
        if (s.len - at < 3 || !http_is(s.ptr[at + 1], HTTP_HEX) ||
            !http_is(s.ptr[at + 2], HTTP_HEX)) {
            return false;
        }
    }
    return true;
}

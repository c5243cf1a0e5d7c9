#include "ws/ws.h"

#include "base/base64.h"
#include "ws/sha1.h"

#include <assert.h>

enum { KEY_SIZE = 24, NONCE_SIZE = 16 };

static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* 1.3 */

bool ws_key_valid(struct str key)
{
    uint8_t nonce[KEY_SIZE / 4 * 3];
    size_t nonce_len;

    return key.len == KEY_SIZE && base64_decode(key, nonce, &nonce_len) && nonce_len == NONCE_SIZE;
}

void ws_accept_digest(struct str key, uint8_t ret_digest[WS_DIGEST_SIZE])
{
    char joined[KEY_SIZE + sizeof(guid) - 1];

    _Static_assert((int)WS_DIGEST_SIZE == (int)SHA1_SIZE, "it is SHA-1");
    assert(ws_key_valid(key));
    memcpy(joined, key.ptr, KEY_SIZE);
    memcpy(joined + KEY_SIZE, guid, sizeof(guid) - 1);
    sha1(joined, sizeof(joined), ret_digest);
}

void ws_accept_text(const uint8_t digest[WS_DIGEST_SIZE], char ret_accept[WS_ACCEPT_SIZE])
{
    base64_encode(digest, WS_DIGEST_SIZE, ret_accept);
}

void ws_accept_key(struct str key, char ret_accept[WS_ACCEPT_SIZE])
{
    uint8_t digest[WS_DIGEST_SIZE];

    ws_accept_digest(key, digest);
    ws_accept_text(digest, ret_accept);
}

#include "http/internal.h"

const struct http_refusal http_refusals[HTTP_RULE_COUNT] = {
    [HTTP_KEPT] = {0, ""},
    [HTTP_RULE_METHOD] = {400, "A request begins with a method, which is a token, and one space "
                               "(RFC 9112 section 3)."},
    [HTTP_RULE_METHOD_LEN] = {501, "The method is longer than any that is known here "
                                   "(RFC 9112 section 3)."},
    [HTTP_RULE_ASTERISK] = {400, "The request target must be a path; asterisk-form is not served "
                                 "(RFC 9112 section 3.2.4)."},
    [HTTP_RULE_ORIGIN_FORM] = {400, "The request target must be a path that begins with '/'; this "
                                    "is no proxy (RFC 9112 section 3.2.1)."},
    [HTTP_RULE_TARGET] = {400, "The request target holds a byte that must be percent-encoded, or "
                               "no version follows it (RFC 3986 section 3.3)."},
    [HTTP_RULE_TARGET_LEN] = {414, "The request target is longer than 8192 bytes."},
    [HTTP_RULE_ESCAPE] = {400, "In the request target each '%' must be followed by two hexadecimal "
                               "digits (RFC 3986 section 2.1)."},
    [HTTP_RULE_VERSION] = {400, "The version must be written HTTP/1.1 "
                                "(RFC 9112 section 2.3)."},
    [HTTP_RULE_VERSION_KNOWN] = {505, "Only HTTP/1.1 and HTTP/1.0 are spoken here."},
    [HTTP_RULE_STATUS] = {400, "A status is three digits from 100 to 599 and a space "
                               "(RFC 9112 section 4)."},
    [HTTP_RULE_LINE_END] = {400, "A line must end in CR LF (RFC 9112 section 2.2)."},
    [HTTP_RULE_FOLD] = {400, "A field line must not begin with white space "
                             "(RFC 9112 section 5.2)."},
    [HTTP_RULE_NAME] = {400, "A field name must be a token (RFC 9110 section 5.1)."},
    [HTTP_RULE_NAME_SPACE] = {400, "No white space may stand between a field name and its colon "
                                   "(RFC 9112 section 5.1)."},
    [HTTP_RULE_COLON] = {400, "A field line must have a colon (RFC 9112 section 5)."},
    [HTTP_RULE_VALUE] = {400, "A field value must not hold control characters, and its line must "
                              "end in CR LF (RFC 9110 section 5.5)."},
    [HTTP_RULE_LINES] = {431, "The head has more than 100 field lines."},
    [HTTP_RULE_HEAD_LEN] = {431, "The head is longer than 16384 bytes."},
    [HTTP_RULE_REPEATED] = {400, "A field that is not a list stands on two lines "
                                 "(RFC 9110 section 5.3)."},
    [HTTP_RULE_HOST_MISSING] = {400, "A request of HTTP/1.1 must have a Host field "
                                     "(RFC 9112 section 3.2)."},
    [HTTP_RULE_HOST] = {400, "The Host field must be a name or an address, and a port if any "
                             "(RFC 9110 section 7.2)."},
    [HTTP_RULE_LENGTH] = {400, "Content-Length must be one decimal number below 2^63 "
                               "(RFC 9112 section 6.3)."},
    [HTTP_RULE_LENGTH_AND_CODING] = {400, "Content-Length and Transfer-Encoding exclude each other "
                                          "(RFC 9112 section 6.3)."},
    [HTTP_RULE_CODING] = {400, "Transfer-Encoding must end in chunked, once, without parameters "
                               "(RFC 9112 section 6.3)."},
    [HTTP_RULE_CODING_KNOWN] = {501, "No transfer coding but chunked is known here "
                                     "(RFC 9112 section 6.1)."},
    [HTTP_RULE_CODING_1_0] = {400, "HTTP/1.0 has no Transfer-Encoding (RFC 9112 section 6.1)."},
};

/*
 * Markdown in, HTML out, for test_markup_html.py: each text is a line with its length in bytes, and
 * the bytes; so is what comes back.
 */

#include <stdio.h>
#include <stdlib.h>

#include "matrix/markup.h"

enum { MAX_HTML = 16 * 1024 * 1024 };

int main(void)
{
    static char text[MARKUP_MAX_TEXT];
    char line[32];

    while (fgets(line, sizeof(line), stdin) != NULL) {
        struct buf html;
        size_t len = (size_t)strtoul(line, NULL, 10);
        if (len > sizeof(text) || fread(text, 1, len, stdin) != len) {
            return 1;
        }
        buf_init(&html, MAX_HTML);
        markup_html(str_make(text, len), &html);
        if (html.failed) {
            return 1;
        }
        printf("%zu\n", html.len);
        if (html.len > 0) {
            (void)fwrite(html.data, 1, html.len, stdout);
        }
        (void)fflush(stdout);
        buf_fini(&html);
    }
    return 0;
}

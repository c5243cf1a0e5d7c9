#ifndef PARLEY_MATRIX_MARKUP_H
#define PARLEY_MATRIX_MARKUP_H

/*
 * Markdown of an agent, as what Matrix allows in a message; pure. HTML is written from the events
 * of a parser (md4c, which only markup.c includes), through the specification's list of tags and
 * attributes: raw HTML in the Markdown is text, addresses are checked after entities are decoded,
 * and nothing is made by patterns.
 */

#include "base/buf.h"

/* Appends the HTML of a Markdown text; what it cannot express is left as text. */
void markup_html(struct str markdown, struct buf *out);
/* Whether the HTML says more than the text alone: else a message needs no formatted_body. */
bool markup_is_plain(struct str markdown);

/*
 * The next piece of a text that makes at most max_bytes of body and HTML together as JSON, cut at a
 * paragraph, else a line, else a word, else a character; fences of code are closed and opened
 * again.
 * `*rest` goes on behind it. `piece` gets the Markdown. Returns false at the end.
 */
struct markup_split {
    struct str rest;
    char fence[64]; /* what is to be opened again; empty: nothing. NUL-terminated */
};
bool markup_split_next(struct markup_split *s, size_t max_bytes, struct buf *piece);

/* What a message is made of. */
struct markup_message {
    struct str markdown;
    bool notice;         /* m.notice, else m.text */
    struct str thread;   /* root of the thread; empty: none */
    struct str reply_to; /* the event that is answered; empty: none */
    struct str replaces; /* the event that this is a new text of; empty: none */
};
/* Appends the content of an m.room.message: `m.mentions` is always there. */
void markup_content(const struct markup_message *m, struct buf *out);

#endif

#ifndef PARLEY_MATRIX_MARKUP_H
#define PARLEY_MATRIX_MARKUP_H

/*
 * Markdown of an agent, as what Matrix allows in a message; pure. HTML is written from the events
 * of a parser (md4c, which only markup_html.c includes), through the specification's list of tags
 * and attributes: raw HTML in the Markdown is text, addresses are checked after entities are
 * decoded, and nothing is made by patterns. A line of the Markdown is a line of the message, as it
 * is where only the text is shown.
 *
 * The Markdown may be any bytes. What is no UTF-8 becomes U+FFFD, a carriage return the end of a
 * line, and other control characters are left out, from the HTML and from the text.
 *
 *   markup.c         what a message is made of
 *   markup_html.c    HTML, and whether it is wanted
 *   markup_split.c   the pieces of a text
 */

#include "base/buf.h"

enum {
    /* More than the whole event of Matrix may have; a longer text becomes no HTML. */
    MARKUP_MAX_TEXT = 65536,
    /* The content of an event may have so much less than the event, which has ids, hashes and
     * signatures beside it, and MARKUP_ANSWER_KEY, which a splitter does not count. */
    MARKUP_EVENT_BYTES = 4096
};

/*
 * Appends the HTML of a Markdown text; what it cannot express is left as text. Tags are at most 100
 * in each other. `out` has failed when there is no room, or the text is longer than
 * MARKUP_MAX_TEXT.
 */
void markup_html(struct str markdown, struct buf *out);
/* Whether the HTML says no more than the text alone: then a message needs no formatted_body. */
bool markup_is_plain(struct str markdown);

/* A fence of code: "> ~~~python". */
struct markup_fence {
    struct str lead; /* what stands before it */
    struct str info; /* "python" */
    size_t run;      /* how many signs; 0: there is no fence */
    char mark;       /* '`' or '~' */
};

/*
 * A text in pieces. It is begun with {.rest = text}, which is borrowed; the rest is the splitter's
 * own.
 */
struct markup_split {
    struct str rest;
    struct markup_fence fence; /* of the code that the last piece was cut in */
};
/*
 * The next piece, as Markdown appended to `piece`: the most whose content, sent as the edit of a
 * message, with the ids of a relation, has at most max_bytes as JSON; cut at a paragraph, else a
 * line, else a word, else a character. A fence of code that is cut is closed, and opened again with
 * its info string in the next piece. It has at least a character, whatever max_bytes is. A longer
 * text with the same beginning has the same pieces, but for the last one of the shorter text.
 * Returns false at the end; `piece` has failed when there is no memory.
 */
bool markup_split_next(struct markup_split *s, size_t max_bytes, struct buf *piece);

/* What a message is made of. */
struct markup_message {
    struct str markdown;
    bool notice;         /* m.notice, else m.text */
    struct str thread;   /* root of the thread; empty: none */
    struct str reply_to; /* the event that is answered; empty: none */
    struct str replaces; /* the event that this is a new text of; empty: none */
    struct str answers;  /* the bridge whose answer it is, a user id; empty: it is none */
};
/*
 * In the content of an answer: the user id of the bridge that gives it. When it is that of the
 * sender it is no question to another bridge, or two in one room would answer each other for ever.
 * One that a person has forwarded has another sender.
 */
#define MARKUP_ANSWER_KEY "org.parley.answer"
/*
 * Appends the content of an m.room.message: `m.mentions` is always there, a formatted_body when it
 * says more than the text. An edit has the text twice, and the HTML and MARKUP_ANSWER_KEY only in
 * m.new_content: what is outside of that is for clients that know no edits.
 */
void markup_content(const struct markup_message *m, struct buf *out);

#endif

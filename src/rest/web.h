#ifndef PARLEY_REST_WEB_H
#define PARLEY_REST_WEB_H

/* The web page and its assets: the files of web/, which are part of the program. */

#include "base/embedded.h"
#include "rest/call.h"

extern const struct embedded_text web_page, web_style, web_script, web_icon;

void web_write_page(struct call *call);

#endif

#ifndef PARLEY_CLI_TEXTS_H
#define PARLEY_CLI_TEXTS_H

/* Files that are part of the program: made of the tables of messages and options when it is built.
 */

#include "base/embedded.h"

extern const struct embedded_text text_schema_world, text_schema_gateway, text_asyncapi,
    text_typescript, text_python, text_config_schema;

#endif

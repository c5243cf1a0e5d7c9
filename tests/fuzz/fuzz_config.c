/*
 * Configuration files. Whatever the bytes are, there is a sentence or there are values; what has
 * been read is printed, and that is read again to the same values. The first byte says whether the
 * rest is a file, or KEY=VALUE as a flag has it.
 */

#include <stdlib.h>

#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

/* What is not `true` is a finding; assert() would vanish in a build with NDEBUG. */
static void require(bool claim)
{
    if (!claim) {
        abort();
    }
}

static void require_sentence(bool ok, struct buf *error)
{
    require(ok == (error->len == 0) && !error->failed);
    for (size_t i = 0; i < error->len; i++) {
        require((unsigned char)error->data[i] >= ' ' && error->data[i] != 0x7f);
    }
    buf_clear(error);
}

static bool read_file(struct config *c, struct str text, struct buf *error)
{
    require(config_init(c));
    bool ok = config_read_text(c, text, "f.yaml", "/etc/parley", error);
    require_sentence(ok, error);
    return ok;
}

static void check_values(const struct config *c, struct buf *error)
{
    struct buf warnings;

    for (size_t i = 0; i < OPTION_COUNT; i++) {
        struct str element, rest = str_from_z(c->values[i].text);
        uint64_t count = 0;
        if (option_table[i].kind == OPTION_LIST) {
            while (config_next_element(&rest, &element)) {
                require(element.len > 0);
                count++;
            }
            require(count == c->values[i].number && count <= option_table[i].max);
        }
    }
    buf_init(&warnings, CONFIG_MAX_ERROR);
    require_sentence(config_check(c, &warnings, error), error);
    buf_fini(&warnings);
}

static void print_and_read(const struct config *c, struct buf *error)
{
    struct config again;
    struct config_change changes[OPTION_COUNT];
    struct buf text;

    buf_init(&text, 16 * CONFIG_MAX_FILE);
    config_print(c, "/etc/parley", true, &text);
    require(!text.failed && read_file(&again, buf_str(&text), error));
    for (size_t i = config_changes(c, &again, changes); i > 0; i--) {
        enum option_id id = changes[i - 1].id;
        /* A relative path was completed, and a secret left out. */
        require(option_table[id].secret ||
                (option_table[id].kind == OPTION_PATH && config_text(c, id)[0] != '/'));
    }
    config_fini(&again);
    buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    struct config c;
    struct buf error;

    if (size == 0) {
        return 0;
    }
    char *copy = malloc(size);
    require(copy != NULL);
    memcpy(copy, input, size);
    struct str text = str_make(copy + 1, size - 1);
    buf_init(&error, CONFIG_MAX_ERROR);
    bool ok;
    if (input[0] % 4 == 3) {
        require(config_init(&c));
        ok = config_set_pair(&c, text, &error);
        require_sentence(ok, &error);
    } else {
        ok = read_file(&c, text, &error);
    }
    check_values(&c, &error);
    if (ok) {
        print_and_read(&c, &error);
    }
    config_fini(&c);
    buf_fini(&error);
    free(copy);
    return 0;
}

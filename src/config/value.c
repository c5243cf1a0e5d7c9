#include "config/value.h"

#include "base/utf8.h"
#include "config/config.h"

struct unit {
    struct str name;
    uint64_t factor;
};

static const struct unit size_units[] = {
    {{"GiB", 3}, 1ull << 30}, {{"MiB", 3}, 1ull << 20}, {{"KiB", 3}, 1ull << 10}, {{"", 0}, 1},
    {{NULL, 0}, 0},
};

static const struct unit duration_units[] = {
    {{"ms", 2}, 1}, {{"s", 1}, 1000}, {{"m", 1}, 60ull * 1000}, {{"h", 1}, 3600ull * 1000},
    {{NULL, 0}, 0},
};

static enum value_status check_range(const struct option *option, uint64_t number,
                                     uint64_t *ret_number)
{
    if (number < option->min || number > option->max) {
        return VALUE_RANGE;
    }
    *ret_number = number;
    return VALUE_OK;
}

/* Digits, of any number: what is beyond all ranges is out of range, not wrong. */
static bool read_digits(struct str digits, uint64_t *ret_number)
{
    uint64_t number = 0;

    for (size_t i = 0; i < digits.len; i++) {
        if (digits.ptr[i] < '0' || digits.ptr[i] > '9') {
            return false;
        }
        uint64_t digit = (uint64_t)(digits.ptr[i] - '0');
        number = number > (UINT64_MAX - digit) / 10 ? UINT64_MAX : number * 10 + digit;
    }
    *ret_number = number;
    return digits.len > 0;
}

static enum value_status read_measure(const struct option *option, const struct unit *units,
                                      struct str text, uint64_t *ret_number)
{
    size_t digits = 0;
    uint64_t number;

    while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9') {
        digits++;
    }
    if (!read_digits(str_slice(text, 0, digits), &number)) {
        return VALUE_WRONG;
    }
    struct str name = str_slice(text, digits, text.len);
    for (const struct unit *unit = units; unit->factor > 0; unit++) {
        if (str_equal(unit->name, name)) {
            number = number > UINT64_MAX / unit->factor ? UINT64_MAX : number * unit->factor;
            return check_range(option, number, ret_number);
        }
    }
    return name.len == 0 ? VALUE_NO_UNIT : VALUE_WRONG;
}

static enum value_status read_word(const struct option *option, struct str text,
                                   uint64_t *ret_number)
{
    for (size_t i = 0; option->words != NULL && option->words[i] != NULL; i++) {
        if (str_equal(str_from_z(option->words[i]), text)) {
            *ret_number = i;
            return VALUE_OK;
        }
    }
    return VALUE_WRONG;
}

/*
 * Text is UTF-8 without control characters, and without U+FFFE and U+FFFF, which no YAML can hold.
 * A NUL would end it early for whoever hands it to the system.
 */
static bool is_text(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        if (byte < ' ' || byte == 0x7f) {
            return false;
        }
        if (byte == 0xef && text.len - i > 2 && (unsigned char)text.ptr[i + 1] == 0xbf &&
            (unsigned char)text.ptr[i + 2] >= 0xbe) {
            return false;
        }
    }
    return utf8_valid(text.ptr, text.len);
}

bool config_next_element(struct str *rest, struct str *ret_element)
{
    if (rest->len == 0) {
        return false;
    }
    size_t comma = str_find(*rest, ',');
    *ret_element = str_trim(str_slice(*rest, 0, comma));
    *rest = str_slice(*rest, comma + 1, rest->len);
    return true;
}

/* A comma at the end separates nothing; any other has something on both sides. */
static enum value_status check_list(const struct option *option, struct str list,
                                    uint64_t *ret_number)
{
    struct str element;
    uint64_t count = 0;

    while (config_next_element(&list, &element)) {
        if (element.len == 0) {
            return VALUE_WRONG;
        }
        count++;
    }
    return check_range(option, count, ret_number);
}

/* Other programs switch by true and false what has on and off here. */
static enum value_status read_switch(const struct option *option, struct str text,
                                     uint64_t *ret_number)
{
    if (str_equal(text, STR("true"))) {
        return read_word(option, STR("on"), ret_number);
    }
    return str_equal(text, STR("false")) ? read_word(option, STR("off"), ret_number) : VALUE_WRONG;
}

enum value_status value_read(const struct option *option, struct str text, bool foreign,
                             uint64_t *ret_number)
{
    enum value_status status = VALUE_WRONG;
    uint64_t number;

    switch (option->kind) {
    case OPTION_STRING:
    case OPTION_PATH:
        *ret_number = 0;
        return is_text(text) ? VALUE_OK : VALUE_WRONG;
    case OPTION_LIST:
        return is_text(text) ? check_list(option, text, ret_number) : VALUE_WRONG;
    case OPTION_SIZE:
        status = read_measure(option, size_units, text, ret_number);
        break;
    case OPTION_DURATION:
        if (foreign && read_digits(text, &number)) {
            return check_range(option, number, ret_number);
        }
        status = read_measure(option, duration_units, text, ret_number);
        break;
    case OPTION_INT:
        if (read_digits(text, &number)) {
            return check_range(option, number, ret_number);
        }
        break;
    case OPTION_ENUM:
        if (foreign) {
            status = read_switch(option, text, ret_number);
        }
        break;
    case OPTION_BOOL:
        break;
    }
    return status == VALUE_WRONG ? read_word(option, text, ret_number) : status;
}

#include "load.h"

#include <sysexits.h>

int main(int argc, char **argv)
{
    struct load_options options;
    struct load_result result;
    char error[LOAD_ERROR_SIZE];
    bool text;
    load_options_init(&options);
    int parsed = load_options_parse(&options, argc, argv, &text);
    if (parsed != 0) {
        return parsed > 0 ? 0 : 2;
    }
    if (!load_run(&options, &result, error)) {
        (void)fprintf(stderr, "parley-load: %s\n", error);
        return EX_UNAVAILABLE;
    }
    (text ? load_print_text : load_print_json)(stdout, &options, &result);
    return result.wrong == 0 && result.missing == 0 ? 0 : 1;
}

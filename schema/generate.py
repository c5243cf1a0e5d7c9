#!/usr/bin/python3
"""Turn the tables of schema/*.toml into C and documentation: declarations and plain tables, nothing else.

usage: generate.py KIND INPUT.toml OUTPUT

KIND is errors-h, errors-c, errors-md, options-h, options-c, options-md, options-man, options-schema,
metrics-h, metrics-c, metrics-md, messages-h, messages-c or messages-md.
"""
import re
import sys
import tomllib

import export_bridge
import export_c
import export_docs
import export_errors
import export_manual
import export_options
import tables

BANNER = "Made from {source} by schema/generate.py {kind}; do not edit."
UNITS = {
    "size": {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30},
    "duration": {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000},
}


def c_string(text):
    """A C string literal for `text`."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def c_name(key):
    """`key` as a part of a C identifier: limits.message_bytes is LIMITS_MESSAGE_BYTES."""
    return re.sub(r"\W", "_", key).upper()


def c_words(words):
    """A NULL-terminated array of strings, or NULL."""
    if not words:
        return "NULL"
    return "(const char *const[]){" + ", ".join(map(c_string, words)) + ", NULL}"


def c_bool(value):
    return "true" if value else "false"


def in_units(kind, value):
    """A limit of an option as a number: bytes or milliseconds."""
    if isinstance(value, int):
        return value
    digits, unit = re.fullmatch(r"(\d+)([A-Za-z]*)", value).groups()
    return int(digits) * UNITS[kind][unit]


def limits_of(entry):
    """The least and the greatest number of an option; 0 where it has none."""
    return tuple(in_units(entry["kind"], entry.get(limit, 0)) for limit in ("min", "max"))


def errors_h(table):
    yield "#ifndef PARLEY_ERRORS_GEN_H\n#define PARLEY_ERRORS_GEN_H\n\n"
    yield "enum error_code {\n    ERROR_NONE,\n"
    for entry in table["error"]:
        yield f"    ERROR_{entry['code']}, /* {entry['cause']} */\n"
    yield "    ERROR_COUNT\n};\n\n#endif\n"


def errors_c(table):
    yield '#include "base/error.h"\n\n'
    yield "const struct error_info error_table[ERROR_COUNT] = {\n"
    yield '    [ERROR_NONE] = {"", 200, "", ""},\n'
    for entry in table["error"]:
        yield (
            f"    [ERROR_{entry['code']}] = {{{c_string(entry['code'])}, {entry['http']},\n"
            f"        {c_string(entry['cause'])},\n        {c_string(entry['fix'])}}},\n"
        )
    yield "};\n"


def words_of(entry):
    """The words of an option in the order of their numbers, or None."""
    return ["false", "true"] if entry["kind"] == "bool" else entry.get("words")


def options_h(table):
    yield "#ifndef PARLEY_OPTIONS_GEN_H\n#define PARLEY_OPTIONS_GEN_H\n\n"
    yield "/* The program that these are options of: its variables in the environment, its file. */\n"
    yield f"#define OPTIONS_PREFIX {c_string(table['prefix'])}\n#define OPTIONS_FILE {c_string(table['file'])}\n\n"
    yield "enum option_id {\n"
    for entry in table["option"]:
        yield f"    OPTION_{c_name(entry['key'])},\n"
    yield "    OPTION_COUNT\n};\n\n"
    yield f"enum {{ OPTION_ABSENT_COUNT = {len(table['absent'])} }};\n\n"
    for entry in table["option"]:
        if entry["kind"] == "enum":
            name = c_name(entry["key"])
            words = ", ".join(f"{name}_{c_name(word)}" for word in entry["words"])
            yield f"enum option_{name.lower()} {{ {words} }};\n"
    yield "\n#endif\n"


def options_c(table):
    yield '#include "config/options.h"\n\n'
    yield "const struct option option_table[OPTION_COUNT] = {\n"
    for entry in table["option"]:
        kind = entry["kind"]
        low, high = limits_of(entry)
        yield (
            f"    [OPTION_{c_name(entry['key'])}] = {{\n"
            f"        .key = {c_string(entry['key'])},\n"
            f"        .kind = OPTION_{kind.upper()},\n"
            f"        .fallback = {c_string(entry['default'])},\n"
            f"        .min = {low}u,\n"
            f"        .max = {high}u,\n"
            f"        .min_text = {c_string(str(entry.get('min', '')))},\n"
            f"        .max_text = {c_string(str(entry.get('max', '')))},\n"
            f"        .words = {c_words(words_of(entry))},\n"
            f"        .synonyms = {c_words(entry['synonyms'])},\n"
            f"        .secret = {c_bool(entry.get('secret', False))},\n"
            f"        .reloadable = {c_bool(entry['reloadable'])},\n"
            "    },\n"
        )
    yield "};\n\n"
    yield "const struct option_absent option_absent_table[OPTION_ABSENT_COUNT] = {\n"
    for entry in table["absent"]:
        yield (
            f"    {{{c_string(entry['key'])}, {c_words(entry.get('synonyms'))}, {c_string(entry['advice'])}}},\n"
        )
    yield "};\n"


def allowed_values(entry):
    """What an option takes, for the reference."""
    words = ", ".join(f"`{word}`" for word in entry.get("words", []))
    if entry["kind"] == "list":
        return f"a list of {entry['min']} to {entry['max']}"
    plain = {"bool": "`true`, `false`", "string": "text", "path": "a path"}
    if entry["kind"] in ("bool", "enum", "string", "path"):
        return words or plain[entry["kind"]]
    span = f"{entry['min']} to {entry['max']}"
    return f"{words} or {span}" if words else span


OPTIONS_HEAD = """
# Configuration

`parley serve` needs no configuration. An option is set by a flag (`--set KEY=VALUE`; the most used ones have flags of
their own, see `parley serve --help`), else by an environment variable, else by the file, else it has its default.
`parley config check` says whether all that would do, `parley config show --origin` what is in force and from where,
and `parley config schema` prints the JSON Schema of the file, for editors that know YAML.

## The file

The file is the one of `--config FILE`, else of `$PARLEY_CONFIG`, else the first that exists of `./parley.yaml`,
`$XDG_CONFIG_HOME/parley/parley.yaml` (`~/.config/parley/parley.yaml` without that variable) and `/etc/parley/parley.yaml`.
None is needed, but one that is named has to be there, and one that is there has to be readable.

```yaml
listen:
  bind: all
  public_url: https://parley.example.org
auth:
  mode: token
  token_file: tokens        # beside this file
origins: ["https://*.example.org"]
limits.rate: 50             # the whole key does as well
```

It is YAML, and so may be JSON (all of it but surrogate pairs as `\\u` escapes: write the character itself): one document of at
most 1 MiB in UTF-8, without anchors, aliases, merge keys and tags, and no key twice, in whatever spelling. A list is a sequence, or text
with commas. Numbers, `true` and `false` stand without quotes. A relative path is below the directory of the file; given by a
flag or the environment it is below the directory that the program runs in.

## The environment

The variable of `section.key` is `PARLEY_SECTION__KEY`, two underscores for the dot: `PARLEY_LISTEN__PORT=9000`. Those with a section, and
those that are, or look like, the name of an option without one (`PARLEY_THREADS`), are taken for options; others that begin with `PARLEY_`
are left alone.

## Values

Durations have a unit (`500ms`, `30s`, `2m`, `1h`), sizes may have one (`64KiB`, `1MiB`, `1GiB`; without it they are bytes).
The elements of a list are separated by commas. A key that is not known and a value that is not allowed
end the start with exit code 78 and a sentence that says where it stands (`parley.yaml:3: listen.port: ...`) and what would be right.

A secret is never the value of an option. The digests of tokens and the hash of the password, which are, do not show in errors, and `parley config show`
says of them only that they are set.

## The options

What has `yes` under "Reload" a running gateway takes when it reads its configuration again; the rest waits for a restart.

"""


def options_md(table):
    yield export_bridge.MD_HEAD if table["file"] == "bridge.yaml" else OPTIONS_HEAD
    yield "| Key | Default | Takes | Reload | What it is | Also called |\n|---|---|---|---|---|---|\n"
    for entry in table["option"]:
        default = f"`{entry['default']}`" if entry["default"] else "(empty)"
        synonyms = ", ".join(f"`{name}`" for name in entry["synonyms"])
        yield (
            f"| `{entry['key']}` | {default.replace(',', ', ')} | {allowed_values(entry)} "
            f"| {'yes' if entry['reloadable'] else ''} | {entry['help'].replace('|', '&#124;')} | {synonyms} |\n"
        )
    if not any(entry["synonyms"] for entry in table["option"]):
        return
    yield (
        "\nThe names under \"Also called\" are taken by `--set` and, at the top, by the file; a bare number that is given by one is milliseconds "
        "where a\nduration is meant.\n"
    )


def metrics_h(table):
    yield "#ifndef PARLEY_METRICS_GEN_H\n#define PARLEY_METRICS_GEN_H\n\n"
    yield "enum metric {\n"
    for entry in table["metric"]:
        yield f"    METRIC_{c_name(entry['name'])},\n"
    yield "    METRIC_COUNT\n};\n\n#endif\n"


def metric_name(entry):
    """The name as Prometheus wants it."""
    unit = "_" + entry["unit"] if entry["unit"] else ""
    return f"parley_{entry['name']}{unit}{'_total' if entry['type'] == 'counter' else ''}"


def metrics_c(table):
    yield '#include "rest/metrics.h"\n\n'
    yield "const struct metric_info metric_table[METRIC_COUNT] = {\n"
    for entry in table["metric"]:
        yield (
            f"    [METRIC_{c_name(entry['name'])}] = "
            f"{{{c_string(metric_name(entry))},\n"
            f"        {c_string(entry['type'])}, {c_string(entry['help'])}}},\n"
        )
    yield "};\n"


METRICS_HEAD = """
# Metrics

`GET /metrics` has these figures in the text format of Prometheus. Where authentication is on it needs a credential, unless
`metrics.public` is set. Counters begin at 0 when the gateway starts. The Matrix bridge has [its own](bridge.md#watching-it).

| Metric | Type | What it is |
|---|---|---|
"""


def metrics_md(table):
    yield METRICS_HEAD
    for entry in table["metric"]:
        yield f"| `{metric_name(entry)}` | {entry['type']} | {entry['help']} |\n"


KINDS = {
    "errors-h": errors_h,
    "errors-c": errors_c,
    "errors-md": export_errors.errors_md,
    "options-h": options_h,
    "options-c": options_c,
    "options-md": options_md,
    "options-man": lambda table: export_manual.options_man(table, allowed_values),
    "options-schema": lambda table: export_options.options_schema(table, limits_of),
    "metrics-h": metrics_h,
    "metrics-c": metrics_c,
    "metrics-md": metrics_md,
    "messages-h": lambda table: export_c.messages_h(tables.parse(table)),
    "messages-c": lambda table: export_c.messages_c(tables.parse(table)),
    "messages-md": lambda table: export_docs.messages_md(tables.parse(table)),
}


def main(argv):
    if len(argv) != 4 or argv[1] not in KINDS:
        sys.exit(__doc__)
    kind, source, target = argv[1:]
    with open(source, "rb") as file:
        table = tomllib.load(file)
    banner = BANNER.format(source="schema/" + source.rsplit("/", 1)[-1], kind=kind)
    if kind.endswith("-md"):
        banner = f"<!-- {banner} -->\n"
    else:
        # JSON has no comments, and a manual page begins with its name.
        banner = "" if kind.endswith(("-schema", "-man")) else f"/* {banner} */\n"
    text = banner + "".join(KINDS[kind](table))
    with open(target, "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    main(sys.argv)

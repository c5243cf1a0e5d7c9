"""The manual page parley.yaml(5), for scdoc, from the table of options."""
import re

import export_bridge

HEAD = """parley.yaml(5)

# NAME

parley.yaml - the configuration of a Parley gateway

# DESCRIPTION

*parley serve* needs no configuration. An option is set by a flag of its own or by *--set* _KEY=VALUE_, else by an environment variable, else
by the file, else it has its default. *parley config check* says whether all that would do, *parley config show --origin* what is in force
and from where.

The file is the one of *--config*, else of *PARLEY_CONFIG*, else the first that exists of those under FILES.

It is YAML, and so may be JSON: one document of at most 1 MiB in UTF-8, without anchors, aliases, merge keys and tags, and no key twice.
Keys are nested or joined by dots; a list is a sequence, or text with commas. A relative path is below the directory of the file.

The environment variable of _section.key_ is *PARLEY_SECTION\\_\\_KEY*, with two underscores for the dot: *PARLEY_LISTEN\\_\\_PORT=9000*.

Durations have a unit (*500ms*, *30s*, *2m*, *1h*), sizes may have one (*64KiB*, *1MiB*, *1GiB*). A key that is not known and a value
that is not allowed end the start with exit code 78 and a sentence that says where it stands.

A running gateway reads all of it again on SIGHUP. Options that wait for a restart say so here; the others are taken at once, and nothing
is taken when anything is wrong.

# OPTIONS
"""

TAIL = """
# FILES

_./parley.yaml_++
_$XDG_CONFIG_HOME/parley/parley.yaml_, _~/.config/parley/parley.yaml_++
_/etc/parley/parley.yaml_

# EXAMPLE

```
listen:
  bind: all
  public_url: https://parley.example.org
auth:
  mode: token
  token_file: tokens        # beside this file
origins: ["https://*.example.org"]
limits.rate: 50             # the whole key does as well
```

# SEE ALSO

*parley*(1)
"""


def escape(text):
    """Nothing in it means anything to scdoc."""
    return re.sub(r"([\\_*`\[\]|<>#~+.-])", r"\\\1", text)


def prose(text):
    """A sentence of the table: what stands between backquotes is bold."""
    parts = text.split("`")
    return "".join(f"*{escape(part)}*" if index % 2 else escape(part) for index, part in enumerate(parts) if part)


def options_man(table, allowed_values):
    of_bridge = table["file"] == "bridge.yaml"
    yield export_bridge.MAN_HEAD if of_bridge else HEAD
    for entry in table["option"]:
        default = f"*{escape(entry['default'].replace(',', ', '))}*" if entry["default"] else "empty"
        yield f"\n*{escape(entry['key'])}*\n\t{prose(entry['help'])}\n\n"
        yield f"\tDefault: {default}. Takes {prose(allowed_values(entry))}."
        if not entry["reloadable"]:
            yield " Waits for a restart."
        if entry["synonyms"]:
            yield f" Also called {', '.join(f'*{escape(name)}*' for name in entry['synonyms'])}."
        yield "\n"
    yield export_bridge.MAN_TAIL if of_bridge else TAIL

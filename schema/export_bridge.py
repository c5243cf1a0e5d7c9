"""What the reference and the manual page of the bridge's options say around the table."""

MD_HEAD = """
# Configuration of the Matrix bridge

`parley bridge` needs a file: the one of `--config FILE`, else of `$PARLEY_BRIDGE_CONFIG`, else the first that exists of `./bridge.yaml`,
`$XDG_CONFIG_HOME/parley/bridge.yaml` (`~/.config/parley/bridge.yaml` without that variable) and `/etc/parley/bridge.yaml`. `parley bridge --check` says
whether all would work with it: the values, the homeserver, the login, the rooms, the agent. [bridge.md](bridge.md) is the guide.

```yaml
matrix:
  server: example.org
  user_id: "@bot:example.org"
  credentials_file: credentials.json   # {"password": "..."}, readable for the bridge alone
  rooms: ["#help:example.org"]
  invites: ["@*:example.org"]
agent:
  adapter: openai
  base_url: https://api.example.org
  api_key_file: api-key
  model: some-model
bridge:
  state_file: bridge.db
  health: 127.0.0.1:8767
```

It is YAML, and so may be JSON: one document of at most 1 MiB in UTF-8, without anchors, aliases, merge keys and tags, and no key twice. A list is a sequence, or text with
commas. Durations have a unit (`500ms`, `30s`, `2m`, `1h`), sizes may have one (`64KiB`, `1MiB`). A relative path is below the directory of the file; by a flag, the
environment or default it is below the directory that the bridge runs in. A key that is not known, and a value that is not allowed, end the start with exit code 78 and a sentence that says where it stands.

Any option can be set by `--set section.key=value`, and by the environment: the variable of `section.key` is `PARLEY_BRIDGE_SECTION__KEY`, two underscores for the dot
(`PARLEY_BRIDGE_MATRIX__SERVER`). A flag goes before the environment, that before the file. A secret is never the value of an option.

## The options

What has `yes` under "Reload" a running bridge takes when it reads its configuration again (SIGHUP); the rest waits for a restart.

"""

MAN_HEAD = """parley-bridge.yaml(5)

# NAME

parley-bridge.yaml - the configuration of the Matrix bridge of Parley

# DESCRIPTION

*parley bridge* reads the file of *--config*, else of *PARLEY_BRIDGE_CONFIG*, else the first that exists of those under FILES. *parley bridge --check* says
whether all would work with it. *--set* _KEY=VALUE_ goes before the environment, that before the file.

It is YAML, and so may be JSON: one document of at most 1 MiB in UTF-8, without anchors, aliases, merge keys and tags, and no key twice.
A relative path is below the directory of the file; by a flag, the environment or default it is below the directory that the bridge runs in. The environment variable of _section.key_ is *PARLEY_BRIDGE_SECTION\\_\\_KEY*.

Durations have a unit (*500ms*, *30s*, *2m*, *1h*), sizes may have one (*64KiB*, *1MiB*). A key that is not known and a value
that is not allowed end the start with exit code 78 and a sentence that says where it stands.

A running bridge reads all of it again on SIGHUP. Options that wait for a restart say so here.

# OPTIONS
"""

MAN_TAIL = """
# FILES

_./bridge.yaml_++
_$XDG_CONFIG_HOME/parley/bridge.yaml_, _~/.config/parley/bridge.yaml_++
_/etc/parley/bridge.yaml_

# EXAMPLE

```
matrix:
  server: example.org
  user_id: "@bot:example.org"
  credentials_file: credentials.json
  rooms: ["#help:example.org"]
agent:
  adapter: openai
  base_url: https://api.example.org
  api_key_file: api-key
  model: some-model
```

# SEE ALSO

*parley-bridge*(8), *parley*(1)
"""

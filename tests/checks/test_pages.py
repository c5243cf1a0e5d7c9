#!/usr/bin/python3
"""The checks of the documentation against planted violations, and against good pages."""
import contextlib
import io
import sys
import unittest

import links
import manuals
import pages
import references
from test_checks import TreeCase


class Links(TreeCase):
    PAGE = """# The world's page, `part` 2

A [link](docs/b.md#over--there), [one](#the-worlds-page-part-2), [another](#again-1), [elsewhere](https://example.org/x.md#y).
In code `[x](nowhere.md)` is text, and

```
[x](nowhere.md)
# no heading
```

## Again
## Again

[noted]: docs/b.md
"""

    def setUp(self):
        super().setUp()
        self.plant("docs/b.md", "## Over & there\n\nBack to [the top](../a.md), [the folder](../docs).\n")

    def test_good(self):
        self.plant("a.md", self.PAGE)
        self.assert_clean(links)

    def test_each_that_leads_nowhere(self):
        for good, bad in [
            ("docs/b.md#over--there", "docs/c.md"),
            ("docs/b.md#over--there", "docs/b.md#over-there"),
            ("#the-worlds-page-part-2", "#the-world's-page-part-2"),
            ("#again-1", "#again-2"),
            ("#again-1", "#no-heading"),
            ("(docs/b.md#over--there)", "(../../etc/hostname)"),
            ("[noted]: docs/b.md", "[noted]: docs/d.md"),
        ]:
            self.plant("a.md", self.PAGE.replace(good, bad))
            self.assert_caught(links, bad.strip("()").removeprefix("[noted]: "))

    def test_a_line_is_named(self):
        self.plant("a.md", self.PAGE.replace("#again-1", "#never"))
        self.assert_caught(links, "a.md:3: #never")


class References(TreeCase):
    SOURCES = {
        "schema/options.toml": "[[option]]\nkey = 'log.level'\n[[absent]]\nkey = 'log.colour'\n",
        "schema/metrics.toml": "[[metric]]\nname = 'memory'\nunit = 'bytes'\ntype = 'gauge'\n",
        "schema/errors.toml": "[[error]]\ncode = 'CONFLICT'\n",
        "src/ws/ws.h": "enum { WS_CLOSE_NORMAL = 1000, CLOSE_KICKED = 4408 };\n",
        "src/http/rules.c": "{414, \"too long\"},\n",
        "src/net/trial.c": "return refuse_and_stay(t, 404, ERROR_NOT_FOUND);\nreturn refuse_site(\n    t, 421, STR(1));\n",
        "src/core/relay.c": r'f("{\"rule\":\"gateway_types\"}");' + "\n",
        "src/core/access.c": '[MAY_ENTER] = "grant:sessions",\n',
        "src/core/memory.c": '[LIMIT_CLIENTS] = "clients",\n',
        "src/cli/kick.c": 'const struct command command_kick = {\n    .name = "kick",\n};\n',
        "src/cli/doctor.c": '= {\n    {"port", NEEDS_NO_URL, doctor_port},\n};\n',
        "src/rest/routes.c": '{{PLAIN("/healthz"), READ}, run_health},\n',
        "schema/bridge.toml": "[[option]]\nkey = 'matrix.server'\n",
        "src/matrix/bridge_command.c": '= {\n    {"stop", "", "stop it all", false, run_stop},\n};\n',
        "src/matrix/daemon_watch.c": 'write_metric(out, "rooms", "gauge"); STR("# TYPE parley_bridge_failures_total counter")\n',
        "src/matrix/daemon_check.c": 'report(&c, "state file", true, "fine");\n',
        "src/matrix/homeserver_check.c": 'report(h, "clock", false, "The clock of "\n    "%s is %lld s wrong");\n',
        "src/matrix/homeserver_login.c": 'home_fault(h, HOMESERVER_LOCKED, "The account %.*s is locked");\n',
        "src/matrix/homeserver_url.c": 'return "is no URL";\n',
        "src/matrix/agent_http.c": 'return "nobody answers there";\n',
        "src/matrix/uplink.c": 'lose(u, "it takes nothing");\n',
        "src/matrix/bridge_speech.c": '[FAILURE_AWAY] = "The agent is away",\n',
        "src/matrix/credentials.c": 'return "is no JSON object";\n',
        "src/matrix/store.c": 'return "the disk is full";\n',
    }
    PAGES = {
        "docs/configuration.md": "\n| `log.level` | the level |\n",
        "docs/metrics.md": "\n| `parley_memory_bytes` | gauge |\n",
        "docs/errors.md": "\n### CONFLICT\n\n`gateway_types` `grant:sessions` `clients` 404\n| 4408 | ... |\n\n| 414 | |\n| 421 | |\n",
        "docs/commands.md": "\n## parley kick\n",
        "docs/protocol.md": "`/healthz`\n",
        "docs/troubleshooting.md": "the check `port`, `log.colour`, `src/cli/kick.c`, `parley_memory_bytes`, `src/NAME.c`\n",
        "docs/bridge-configuration.md": "\n| `matrix.server` | where |\n",
        "docs/bridge.md": "\n| `/stop` | stop it all |\n| `parley_bridge_rooms` |\n| `parley_bridge_failures_total` |\n| `state file` |\n| `clock` |\n"
        "The clock of ann is 3 s wrong. The account ann is locked. It is no URL: nobody answers there, it takes nothing.\n"
        "The agent is away. The file is no JSON object, the disk is full. See `bridge.db`.\n",
    }

    def plant_all(self, **changed):
        for path, text in (self.SOURCES | self.PAGES | changed).items():
            self.plant(path, text)

    def test_all_is_there(self):
        self.plant_all()
        self.assert_clean(references)

    def test_what_a_page_does_not_mention(self):
        for page, names in {
            "docs/configuration.md": ["log.level"],
            "docs/metrics.md": ["parley_memory_bytes"],
            "docs/errors.md": ["CONFLICT", "gateway_types", "grant:sessions", "clients", "4408", "404", "414", "421"],
            "docs/commands.md": ["kick"],
            "docs/protocol.md": ["/healthz"],
            "docs/troubleshooting.md": ["port"],
            "docs/bridge-configuration.md": ["matrix.server"],
            "docs/bridge.md": ["stop", "stop it all", "parley_bridge_rooms", "parley_bridge_failures_total", "clock", "state file"],
        }.items():
            for name in names:
                self.plant_all(**{page: self.PAGES[page].replace(name, "x")})
                self.assert_caught(references, f"{page}: ")
                self.assert_caught(references, f" {name} is not mentioned")

    def test_a_sentence_that_the_page_does_not_have(self):
        words = ["s wrong", "is locked", "no URL", "nobody", "nothing", "agent is away", "JSON", "disk"]
        for word in words:
            self.plant_all(**{"docs/bridge.md": self.PAGES["docs/bridge.md"].replace(word, "x")})
            self.assert_caught(references, "docs/bridge.md: of the sentence ")

    def test_what_is_not_there_any_more(self):
        for name in ("log.lvl", "matrix.servers", "parley_memory", "parley_bridge_room", "src/cli/kicks.c"):
            self.plant_all(**{"README.md": f"See `{name}`.\n"})
            self.assert_caught(references, "README.md: there is no ")
            self.assert_caught(references, name)

    def test_a_source_that_has_changed_its_form_is_not_believed(self):
        for path in self.SOURCES:
            if path.startswith("src/"):
                self.plant_all(**{path: "/* nothing */\n"})
                self.assert_caught(references, "the check has to follow the source")


class Pages(TreeCase):
    def test_which_are_pages(self):
        for path in ("README.md", "docs/a/b.md", "tests/node_modules/x/README.md", "build-test/x.md", "docs/a.txt"):
            self.plant(path, "")
        self.assertEqual([str(path) for path in pages.pages_of(self.root)], ["README.md", "docs/a/b.md"])


class Manuals(TreeCase):
    GOOD = ".TH x 1\n.SH NAME\nx \\- a page\n"

    def run_on(self, text):
        self.plant("x.1", text)
        with contextlib.redirect_stdout(io.StringIO()) as output:
            return manuals.main(str(self.root / "x.1")), output.getvalue()

    def test_pages(self):
        if manuals.main() != 77 or not manuals.can_show():
            self.skipTest("there is no man")
        self.assertEqual(self.run_on(self.GOOD), (0, ""))
        for bad in (self.GOOD + "\\[nochar]\n", ""):
            code, output = self.run_on(bad)
            self.assertEqual(code, 1)
            self.assertIn("x.1: ", output)


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    unittest.main()

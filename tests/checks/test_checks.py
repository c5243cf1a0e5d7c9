#!/usr/bin/python3
"""The checks against planted violations, each of which must be caught, and against good code."""
import contextlib
import io
import sys
import tempfile
import unittest
from pathlib import Path

import banned
import events
import generated
import headers
import includes
import lengths
import modules
import sources

GENERATOR = """import sys
open(sys.argv[3], "w").write(
    f"<!-- Made from {sys.argv[2]} by schema/generate.py {sys.argv[1]}; do not edit. -->\\n"
    + open(sys.argv[2]).read())
"""


class TreeCase(unittest.TestCase):
    """A tree of its own for each case."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)

    def plant(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, encoding="utf-8")

    def run_check(self, check, *arguments):
        """(exit code, what was printed)"""
        with contextlib.redirect_stdout(io.StringIO()) as output:
            code = check.main(self.root, *arguments)
        return code, output.getvalue()

    def assert_caught(self, check, where, *arguments):
        code, output = self.run_check(check, *arguments)
        self.assertEqual(code, 1)
        self.assertIn(where, output)

    def assert_clean(self, check, *arguments):
        self.assertEqual(self.run_check(check, *arguments), (0, ""))


class Events(TreeCase):
    SOURCE = """
        hub_log(hub, LOG_INFO, "one", client, "a=%u", 1);
        hub->ports.log(hub->ports.owner, level, event, name, text);
        hub_log(hub, LOG_WARNING, few ? "two" : "three", SLAB_NONE,
                "b=%s", text);
        log_write(&s->log, LEVEL_ERROR, "four", STR(""), buf_str(&details));
        tell(s, LEVEL_DEBUG, "five", "text", sentence);
    """
    TABLE = "".join(
        f"| `{event}` | {level} | when |\n"
        for event, level in [
            ("one", "info"), ("two", "warning"), ("three", "warning"), ("four", "error"), ("five", "debug")
        ]
    )

    BRIDGE_SOURCE = """
        bridge_log(b, LEVEL_WARNING, "six", room->key, "%s", "");
        home_log(c->home, LEVEL_DEBUG, "seven", buf_str(&c->room), "a=%u", 1);
        daemon_log(d, is_up ? LOG_INFO : LOG_ERROR,
                   is_up ? "eight" : "nine", STR(""), STR(""));
    """
    BRIDGE_TABLE = "".join(
        f"| `{event}` | {level} | when |\n"
        for event, level in [("six", "warning"), ("seven", "debug"), ("eight", "info"), ("nine", "error")]
    )

    def setUp(self):
        super().setUp()
        self.plant("src/core/a.c", self.SOURCE)
        self.plant("src/matrix/a.c", self.BRIDGE_SOURCE)
        self.plant("docs/operation.md", self.TABLE)
        self.plant("docs/bridge.md", self.BRIDGE_TABLE + "| `parley_metric` | gauge | what |\n")

    def test_all_are_there(self):
        self.assert_clean(events)

    def test_each_that_is_missing(self):
        for page, table in {"operation.md": self.TABLE, "bridge.md": self.BRIDGE_TABLE}.items():
            for row in table.splitlines(True):
                self.plant(f"docs/{page}", table.replace(row, ""))
                self.assert_caught(events, row.split("`")[1])
            self.plant(f"docs/{page}", table)

    def test_one_that_is_gone_or_has_another_level(self):
        self.plant("docs/operation.md", self.TABLE + "| `six` | info | never |\n")
        self.assert_caught(events, "six")
        self.plant("docs/operation.md", self.TABLE.replace("error", "info"))
        self.assert_caught(events, "four")
        self.plant("docs/operation.md", self.TABLE)
        self.plant("docs/bridge.md", self.BRIDGE_TABLE.replace("error", "info"))
        self.assert_caught(events, "nine")

    def test_a_source_that_logs_nothing_is_not_believed(self):
        for source, page in {"core": "operation.md", "matrix": "bridge.md"}.items():
            self.setUp()
            self.plant(f"src/{source}/a.c", "")
            self.plant(f"docs/{page}", "")
            self.assertEqual(self.run_check(events)[0], 1)


class Stripping(unittest.TestCase):
    def test_lines_stay_where_they_are(self):
        text = 'a /* one\n two */ b // three \\\n still\n"x\\"y" c\'"\' d'
        stripped = sources.strip_comments_and_literals(text)
        self.assertEqual(stripped.count("\n"), text.count("\n"))
        self.assertEqual(stripped.split(), ["a", "b", "c", "d"])

    def test_a_comment_in_a_string_is_text(self):
        self.assertEqual(sources.strip_comments('"/*" x "*/"'), '"/*" x "*/"')


class Includes(TreeCase):
    def test_good(self):
        self.plant("src/ws/ws.c", '#include "ws/ws.h"\n#include "base/str.h"\n#include <string.h>\n')
        self.plant("src/base/error.h", '#include "errors.gen.h"\n')
        self.plant("src/net/stream_tls.c", "#include <openssl/ssl.h>\n#include <sys/socket.h>\n")
        self.plant("src/cli/serve.c", '#include "gateway/gateway.h"\n#include "parley/parley.h"\n')
        self.plant("src/rest/status.c", '#include "core/ports.h"\n')
        self.plant("src/core/hub.c", '/* #include "net/reactor.h" */\n// #include <time.h>\n')
        self.assert_clean(includes)

    def test_bad(self):
        for path, text in {
            "src/core/hub.c": '#include "net/reactor.h"',
            "src/core/clock.c": "#include <time.h>",
            "src/core/spaced.c": "  #  include   <pthread.h>",
            "src/core/tabbed.c": "\t#\tinclude\t<sys/socket.h>",
            "src/ws/zip.c": "#include <zlib.h>",
            "src/net/reactor.c": '#include "core/hub.h"',
            "src/net/tls.c": "#include <openssl/ssl.h>",
            "src/rest/status.c": '#include "core/client.h"',
            "src/gateway/gateway.c": "#include <yaml.h>",
            "src/cli/status.c": '#include "gateway/gateway.h"',
            "src/base/buf.c": '#include "str.h"',
            "src/json/wire.c": '#include "errors.gen.h"',
            "src/http/head.c": '#include "../base/str.h"',
            "src/http/macro.c": "#include HEADER",
            "src/new/new.c": "",
            "src/main.c": "",
            "include/parley/parley.h": '#include "base/str.h"',
        }.items():
            with self.subTest(path):
                self.plant(path, "int x;\n" + text + "\n")
                where = f"{path}:2: " if text else f"{path}: "
                self.assert_caught(includes, where)
                (self.root / path).unlink()


class Modules(TreeCase):
    ROWS = "| `base` | strings | libc | – |\n| `ws` | RFC 6455 | base | – |\n"

    def setUp(self):
        super().setUp()
        self.plant("src/base/str.c", "")
        self.plant("src/ws/ws.c", "")

    def test_good(self):
        self.plant("src/gateway/gateway.c", "")
        self.plant("src/cli/serve.c", "")
        self.plant(
            "ARCHITECTURE.md",
            self.ROWS + "| `gateway` | threads | all above | – |\n| `cli` | x | base, ws; `serve.c`: gateway | – |\n",
        )
        self.assert_clean(modules)

    def test_bad(self):
        for rows, where in {
            "| `base` | strings | libc | – |\n| `ws` | RFC 6455 | base, net | – |\n": "ws may include base",
            "| `base` | strings | libc | – |\n| `ws` | RFC 6455 | libc | – |\n": "ws may include base",
            "| `base` | strings | libc | – |\n": "the module ws has no row",
            self.ROWS + "| `store` | SQLite | base | – |\n": "no module store is there",
        }.items():
            with self.subTest(rows):
                self.plant("ARCHITECTURE.md", rows)
                self.assert_caught(modules, f"ARCHITECTURE.md: {where}")


class Banned(TreeCase):
    def test_good(self):
        self.plant(
            "src/core/hub.c",
            "/* time(NULL) */ // send(1)\n"
            'const char *a = "printf(x)";\n'
            "__attribute__((format(printf, 1, 2))) int f(const char *x, ...);\n"
            "int g(struct port *p, unsigned time) { return p->send(time) + p->ops.read(1); }\n"
            "void hub_send(int x);  int strand(int operand);\n",
        )
        self.plant("src/base/str.c", 'int f(char *x) { return snprintf(x, 2, "a"); }\n')
        self.plant("src/proto/member.c", "struct str f(struct str x) { return json_get(x, name); }\n")
        self.plant("src/rest/status.c", "void f(struct json_writer *w) { json_key_raw(w, a, b); }\n")
        self.plant("src/net/reactor.c", "int f(void) { return epoll_wait(1, 0, 0, 0); }\n")
        self.assert_clean(banned)

    def test_bad(self):
        for path, text in {
            "src/net/a.c": "sprintf(x, y);",
            "src/cli/b.c": "n = atoi (x);",
            "tests/unit/c.c": "strcpy(\nx, y);",
            "include/parley/d.h": "int rand(void);",
            "bench/e.c": "(void)strtok(x, y);",
            "src/core/f.c": "now = time(NULL);",
            "src/core/g.c": "if (!clock_gettime(CLOCK_MONOTONIC, &t))",
            "src/ws/h.c": "/* good */ send(fd, p, n, 0);",
            "src/base/i.c": 'char c = \'"\'; printf("x");',
            "src/json/j.c": "pthread_mutex_lock(&m);",
            "src/http/k.c": "epoll_ctl(1, 2, 3, 4);",
            "src/fanout/l.c": 'getenv("X");',
            "src/proto/m.h": "return rand_r(&seed);",
            "src/core/n.c": 'raw = json_get(text, STR("role"));',
            "src/core/o.h": "while (json_next_member(&it, &key, &value)) {",
            "src/rest/p.c": "it = json_iter_of(agent->registration);",
        }.items():
            with self.subTest(path):
                self.plant(path, "int x;\n" + text + "\n")
                self.assert_caught(banned, f"{path}:2: ")
                (self.root / path).unlink()


class Headers(TreeCase):
    def test_good(self):
        self.plant("made/errors.gen.h", "enum error_code { ERROR_NONE };\n")
        self.plant("src/base/error.h", '#include "errors.gen.h"\nenum error_code f(void);\n')
        self.assert_clean(headers, str(self.root / "made"), "--", "gcc")

    def test_compiler_of_many_words(self):
        """Meson's may be a cache and the compiler, or the compiler and its options."""
        self.plant("src/base/str.h", "#ifndef HERE\n#error missing\n#endif\n")
        self.assert_clean(headers, "--", "env", "LANG=C", "gcc", "-DHERE")

    def test_bad(self):
        self.plant("src/base/str.h", "size_t str_length(const char *text);\n")
        self.assert_caught(headers, "src/base/str.h: does not compile alone", "--", "gcc")
        (self.root / "src/base/str.h").unlink()
        self.plant("include/parley/parley.h", '#include "base/missing.h"\n')
        self.assert_caught(headers, "include/parley/parley.h: does not compile alone", "--", "gcc")


class Lengths(TreeCase):
    def test_at_the_limit(self):
        self.plant("src/core/hub.c", "\n" * lengths.TOO_LONG)
        self.assertEqual(self.run_check(lengths), (0, "src/core/hub.c: 600 lines\n"))

    def test_over_the_limit(self):
        self.plant("src/core/hub.c", "\n" * (lengths.TOO_LONG + 1))
        self.assert_caught(lengths, "src/core/hub.c: 601 lines")

    def test_scripts_have_no_suffix(self):
        self.plant("script/test", "\n" * (lengths.TOO_LONG + 1))
        self.assert_caught(lengths, "script/test")


class Generated(TreeCase):
    def setUp(self):
        super().setUp()
        self.plant("schema/generate.py", GENERATOR)
        self.plant("schema/errors.toml", "x = 1\n")
        self.banner = "<!-- Made from schema/errors.toml by schema/generate.py md; do not edit. -->\n"

    def test_fresh(self):
        self.plant("docs/errors.md", self.banner + "x = 1\n")
        self.plant("docs/by-hand.md", "x = 2\n")
        self.assert_clean(generated)

    def test_stale(self):
        self.plant("docs/errors.md", self.banner + "x = 2\n")
        self.assert_caught(generated, "docs/errors.md: stale")


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    unittest.main()

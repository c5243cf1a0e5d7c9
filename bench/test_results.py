#!/usr/bin/python3
"""What script/bench writes: rows that are measured again take the place of their old ones and of no others, and each
keeps where and how it was measured."""

import argparse
import contextlib
import io
import pathlib
import tempfile
import unittest
from unittest import mock

import compare
import report
import results
import rows

ARGUMENTS = argparse.Namespace(rounds=2, seconds=0.5, server_cpu=0, load_cpu=1)


def row_named(key):
    return next(row for row in rows.ROWS if row.key == key)


def measured(key, run, **figures):
    """A row as compare.py makes it, with these medians."""
    row = row_named(key)
    name, *inner = row.figure.split(" ")

    def answer(value):
        return {name: {inner[0]: value} if inner else value}

    runs = {hub: [answer(value - 1), answer(value), answer(value + 1)] for hub, value in figures.items()}
    return results.summarize(row, runs, {}) | {"run": run}


class ResultsTest(unittest.TestCase):
    def setUp(self):
        self.run = results.describe_machine(ARGUMENTS, []) | {"load_average": 0.1}
        self.later = self.run | {"date": "later", "load_average": 3}

    def test_merge(self):
        old = [measured("fanout-100-16", self.run, parley=300), measured("connect", self.run, parley=9000)]
        new = [measured("requests-1", self.later, parley=5000), measured("connect", self.later, parley=8000)]
        merged = results.merge(old, new)
        self.assertEqual(["fanout-100-16", "connect", "requests-1"], [row["key"] for row in merged])
        self.assertEqual([300, 8000, 5000], [row["hubs"]["parley"]["median"] for row in merged])
        self.assertEqual([old[0], new[1], new[0]], merged)

    def test_merge_forgets_rows_that_are_gone(self):
        gone = measured("connect", self.run, parley=1) | {"key": "no-such-row"}
        self.assertEqual([], results.merge([gone], []))

    def test_file(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "results.json"
            self.assertEqual([], results.load(path))
            all_rows = [measured("pair", self.run, parley=20000)]
            results.save(path, all_rows)
            self.assertEqual(all_rows, results.load(path))

    def test_write_of_a_part(self):
        """The committed file itself, with one row measured again."""
        here = pathlib.Path(results.__file__).resolve().parent
        before = results.load(here / "results.json")
        self.assertTrue(before)
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as said:
            temporary = pathlib.Path(folder)
            results.save(temporary / "results.json", before)
            with mock.patch.object(compare, "HERE", temporary), mock.patch.object(compare, "draw"):
                compare.write(None, [measured("connect", self.later, parley=12345)])
            after = results.load(temporary / "results.json")
            page = (temporary / "RESULTS.md").read_text()
        others = [row for row in before if row["key"] != "connect"]
        self.assertEqual(others, [row for row in after if row["key"] != "connect"])
        self.assertIn("(1 of ", said.getvalue())
        self.assertIn("**12.35 us**", page)
        for row in others:
            self.assertIn(row["title"], page)

    def test_page_is_of_the_file(self):
        here = pathlib.Path(results.__file__).resolve().parent
        self.assertEqual(report.render(results.load(here / "results.json")), (here / "RESULTS.md").read_text())

    def test_figures(self):
        run = {"cpu_ns_each": 5, "latency_ns": {"p99.9": 7}}
        self.assertEqual(5, results.figure_of(run, "cpu_ns_each"))
        self.assertEqual(7, results.figure_of(run, "latency_ns p99.9"))

    def test_verdicts(self):
        row = measured("requests-1", self.run, **{"parley": 100, "nats-tcp": 80, "ws": 300})
        line = report.one_line(row)
        self.assertIn("target ≤ 1 of nats-tcp, 1.25: missed", line)
        self.assertIn("target ≤ 0.5 of ws, 0.33: met", line)
        alone = measured("connect", self.run, parley=10500)
        self.assertIn("target ≤ 11.00 us, 10.50 us: met", report.one_line(alone))
        self.assertIn("not measured", report.one_line(measured("requests-1", self.run, parley=100)))

    def test_failed_hub(self):
        failed = results.summarize(row_named("connect"), {"parley": [{"cpu_ns_each": 1}], "ws": []}, {"ws": "it fell"})
        page = report.render([failed | {"run": self.run}])
        self.assertIn("| failed |", page)
        self.assertIn("CPU time per connect, ws: it fell", page)

    def test_runs_stand_apart(self):
        page = report.render(
            [measured("connect", self.run, parley=1), measured("pair", self.run, parley=2),
             measured("requests-1", self.later, parley=3)]
        )
        self.assertIn("| Rows | connect, pair |", page)
        self.assertIn("| Rows | requests-1 |", page)
        self.assertEqual(1, page.count("Not quiet"))

    def test_plot(self):
        page = report.render([measured("growth-10", self.run, parley=100), measured("sessions-memory", self.run, parley=1)])
        self.assertIn("(growth.svg)", page)
        self.assertNotIn("(sessions.svg)", page)  # memory is no cost of a delivery
        self.assertIn("(sessions.svg)", report.render([measured("sessions-100", self.run, parley=100)]))

    def test_rows(self):
        keys = [row.key for row in rows.ROWS]
        self.assertEqual(len(keys), len(set(keys)))
        for row in rows.ROWS:
            self.assertIn(row.section, report.SECTIONS)
            self.assertEqual("parley", row.hubs[0])
            for against, _ in row.targets:
                self.assertIn(against, ("", *row.hubs))


if __name__ == "__main__":
    unittest.main()

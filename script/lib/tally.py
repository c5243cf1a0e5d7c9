#!/usr/bin/python3
"""Count test cases from the logs of the programs that ran them.

usage: tally.py RESULTS add STAGE meson|junit|tap LOG    count a log, show its failures and skips
       tally.py RESULTS put STAGE PASSED FAILED          take a count as it is
       tally.py RESULTS stage STAGE                      print the count of one stage
       tally.py RESULTS total                            print the last line; exit 1 on a failure

A log of `meson test` (testlog.json) counts a program that writes TAP, as cmocka can, case by case,
and any other as one. A program that dies before its last case has failed in what it planned to run.
"""
import json
import os
import re
import sys
import xml.etree.ElementTree

PLAN = re.compile(r"1\.\.(\d+)")
CASE = re.compile(r"(not )?ok \d+(.*)")
SKIP = re.compile(r"#\s*SKIP\b\s*(.*)", re.IGNORECASE)
LOG_LINES = 60  # shown of a failure
LOGS = 20  # shown of a stage


class Count:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.shown = 0

    def take_skip(self, name, reason):
        self.skipped += 1
        print(f"skipped: {name}: {reason or 'no reason given'}")

    def take_failure(self, name, log, cases=1):
        self.failed += cases
        self.shown += 1
        if self.shown > LOGS:
            print(f"FAILED: {name} (not shown: there are {LOGS} above)")
            return
        lines = log.rstrip().splitlines()
        if len(lines) > LOG_LINES:
            half = LOG_LINES // 2
            left_out = f"... {len(lines) - 2 * half} lines left out ..."
            lines = [*lines[:half], left_out, *lines[-half:]]
        print(f"FAILED: {name}", *("    " + line for line in lines), sep="\n")


def count_tap(count, name, text, log, ended_well):
    """Counts TAP at its top level; `log` is what is shown when a case failed."""
    planned = seen = failed = 0
    for line in text.splitlines():
        if plan := PLAN.match(line):
            planned += int(plan[1])
        elif case := CASE.match(line):
            seen += 1
            if skip := SKIP.search(case[2]):
                count.take_skip(name, skip[1])  # cmocka 1.1 says "not ok" here too
            elif case[1]:
                failed += 1
            else:
                count.passed += 1
    failed += max(planned - seen, 0)
    if not ended_well:
        failed = max(failed, 1)
    if failed:
        count.take_failure(name, log, failed)


def count_meson(count, path):
    with open(path, encoding="utf-8") as file:
        for line in file:
            test = json.loads(line)
            stdout = test.get("stdout") or ""
            log = f"{test['result']}\n{stdout}\n{test.get('stderr') or ''}"
            ended_well = test["result"] in ("OK", "EXPECTEDFAIL")
            if test["result"] == "SKIP":
                count.take_skip(test["name"], stdout.strip())
            elif any(PLAN.match(line) for line in stdout.splitlines()):
                count_tap(count, test["name"], stdout, log, ended_well)
            elif ended_well:
                count.passed += 1
            else:
                count.take_failure(test["name"], log)


def count_junit(count, path):
    for case in xml.etree.ElementTree.parse(path).iter("testcase"):
        name = f"{case.get('classname', '')}.{case.get('name')}"
        bad = case.find("failure")
        if bad is None:
            bad = case.find("error")
        skipped = case.find("skipped")
        if bad is not None:
            log = [case.findtext(part) or "" for part in ("system-out", "system-err")]
            count.take_failure(name, "\n".join([bad.text or bad.get("message") or "", *log]))
        elif skipped is not None:
            count.take_skip(name, skipped.get("message"))
        else:
            count.passed += 1


def count_tap_file(count, path):
    with open(path, encoding="utf-8", errors="replace") as file:
        text = file.read()
    count_tap(count, os.path.basename(path), text, text, True)


READERS = {"meson": count_meson, "junit": count_junit, "tap": count_tap_file}


def read_results(path, stage=None):
    count = Count()
    with open(path, encoding="utf-8") as file:
        for line in file:
            name, passed, failed, skipped = line.split()
            if stage in (None, name):
                count.passed += int(passed)
                count.failed += int(failed)
                count.skipped += int(skipped)
    return count


def describe(count):
    text = f"{count.passed} passed, {count.failed} failed"
    return f"{text}, {count.skipped} skipped" if count.skipped else text


def main(argv):
    match argv[1:]:
        case [results, "add", stage, kind, log] if kind in READERS:
            count = Count()
            READERS[kind](count, log)
        case [results, "put", stage, passed, failed]:
            count = Count()
            count.passed, count.failed = int(passed), int(failed)
        case [results, "stage", stage]:
            print(describe(read_results(results, stage)))
            return 0
        case [results, "total"]:
            count = read_results(results)
            print(describe(count))
            return 1 if count.failed else 0
        case _:
            sys.exit(__doc__)
    with open(results, "a", encoding="utf-8") as file:
        print(stage, count.passed, count.failed, count.skipped, file=file)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))

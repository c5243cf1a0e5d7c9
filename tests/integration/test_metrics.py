"""/metrics, read by a parser that takes the text format (version 0.0.4) at its word and nothing else."""

import math
import re
from collections import defaultdict

import pytest

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)')
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (\S+)")
NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d+)?(?:e[-+]?\d+)?|Inf)|NaN")


class Family:
    def __init__(self, name, text):
        self.name, self.help, self.kind = name, text, None
        self.samples = {}  # (name of the sample, labels) -> value


def parse_labels(text):
    labels, at = {}, 0
    while at < len(text or ""):
        found = LABEL.match(text, at)
        assert found and found[1] not in labels, text
        labels[found[1]] = found[2]
        at = found.end()
        assert (found[3] == "") == (at == len(text)), text
    return labels


def parse(text):
    """The families by name. A family's lines stand together: HELP, TYPE, then samples."""
    families, family = {}, None
    assert text.endswith("\n")
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            name, words = re.fullmatch(rf"# HELP ({NAME}) (.+)", line).groups()
            assert name not in families, name
            assert family is None or family.samples, f"{family.name} has no sample"
            family = families[name] = Family(name, words)
        elif line.startswith("# TYPE "):
            name, kind = re.fullmatch(rf"# TYPE ({NAME}) (counter|gauge|histogram)", line).groups()
            assert family.name == name and family.kind is None and not family.samples, line
            family.kind = kind
        else:
            name, labels, number = SAMPLE.fullmatch(line).groups()
            assert NUMBER.fullmatch(number), line
            allowed = {name_of: True for name_of in ([family.name] if family.kind != "histogram" else
                       [family.name + suffix for suffix in ("_bucket", "_sum", "_count")])}
            assert name in allowed, f"{line} stands under {family.name}"
            key = (name, tuple(sorted(parse_labels(labels).items())))
            assert key not in family.samples, f"twice: {line}"
            family.samples[key] = float(number)
    return families


def check_histogram(family):
    series = defaultdict(list)
    for (name, labels), value in family.samples.items():
        rest = tuple(pair for pair in labels if pair[0] != "le")
        if name.endswith("_bucket"):
            series[rest].append((float(dict(labels)["le"]), value))
    for rest, buckets in series.items():
        bounds, counts = zip(*buckets)
        assert list(bounds) == sorted(set(bounds)) and bounds[-1] == math.inf, family.name
        assert list(counts) == sorted(counts), f"{family.name}: buckets add up"
        assert counts[-1] == family.samples[family.name + "_count", rest]
        total = family.samples[family.name + "_sum", rest]
        assert total >= 0 and (counts[-1] > 0 or total == 0)
        least = sum((count - before) * bound for count, before, bound in zip(counts, (0, *counts), (0, *bounds)))
        assert total >= least * 0.99, f"{family.name}: the sum is less than the buckets say"


def check_conventions(family):
    assert family.name.startswith("parley_") and family.help.endswith("."), family.name
    assert (family.kind == "counter") == family.name.endswith("_total"), family.name
    assert not re.search(r"_(ms|us|kb|mb|milliseconds)(_|$)", family.name), family.name
    if family.kind == "counter":
        assert all(value >= 0 and value == int(value) for value in family.samples.values()), family.name
    if family.kind == "histogram":
        assert family.name.endswith("_seconds")
        check_histogram(family)


def read(gateway):
    status, headers, body = gateway.request("/metrics")
    assert status == 200 and headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return parse(body.decode())


def value(families, name, **labels):
    return families[name].samples[name, tuple(sorted(labels.items()))]


def test_the_format(gateway):
    gateway.agent("timmy")
    families = read(gateway)
    assert len(families) > 35
    for family in families.values():
        check_conventions(family)


def test_the_parser_refuses():
    for text in (
        "parley_x 1",
        "# HELP a b.\n# TYPE a gauge\na 1\na 1\n",
        "# HELP a b.\n# TYPE a gauge\nb 1\n",
        '# HELP a b.\n# TYPE a gauge\na{x="1" y="2"} 1\n',
        '# HELP a b.\n# TYPE a gauge\na{x="1",} 1\n',
        "# HELP a b.\n# TYPE a gauge\na one\n",
        "# HELP a b.\n# TYPE a gauge\n# HELP c d.\n# TYPE c gauge\nc 1\n",
    ):
        with pytest.raises((AssertionError, AttributeError)):
            parse(text)
    good = '# HELP h H.\n# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 3\nh_sum 5\nh_count 3\n'
    check_histogram(parse(good)["h"])
    for bad in (good.replace("} 3", "} 1"), good.replace("count 3", "count 4"), good.replace("+Inf", "2")):
        with pytest.raises(AssertionError):
            check_histogram(parse(bad)["h"])


def test_what_happens_is_counted(gateway):
    before = read(gateway)
    hearers = [gateway.client() for _ in range(2)]
    for _ in range(5):
        hearers[0].send({"type": "bark"})
    hearers[0].barrier()
    hearers[1].barrier()
    gateway.request("/api/gateway/agents?limit=x")
    after = read(gateway)
    assert value(after, "parley_clients", dialect="world") == 2
    received = "parley_messages_received_total"
    assert value(after, received) - value(before, received) == 7, "five barks, two pings"
    errors = "parley_http_errors_total"
    assert value(after, errors, code="INVALID_MESSAGE") - value(before, errors, code="INVALID_MESSAGE") == 1
    routed = "parley_route_latency_seconds"
    counts = [sum(number for (name, _), number in each[routed].samples.items() if name.endswith("_count"))
              for each in (before, after)]
    assert counts[1] - counts[0] >= 7
    lag = "parley_loop_lag_seconds"
    turns = [number for (name, _), number in after[lag].samples.items() if name == lag + "_count"]
    assert len(turns) == gateway.threads and sum(turns) > 0
    for name, family in before.items():
        if family.kind == "counter":
            assert all(after[name].samples[key] >= number for key, number in family.samples.items()), name

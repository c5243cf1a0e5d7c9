#!/usr/bin/python3
"""Every type of schema/messages.toml has its vectors, and every member of it each kind of vector.

The table says here only which vectors there must be; what their verdicts are is written in the vectors.
"""
import functools
import json
import re
import sys
import unittest
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.dont_write_bytecode = True
sys.path[:0] = [str(ROOT / "schema"), str(Path(__file__).resolve().parent)]
import tables  # noqa: E402
import vectors  # noqa: E402

GOOD = 4
KINDS = {"string", "number", "boolean", "array", "object", "null"}


def kind_of(value):
    """The JSON kind of a value of a vector file."""
    if isinstance(value, vectors.Number):
        return "number"
    names = {bool: "boolean", str: "string", list: "array", dict: "object", type(None): "null"}
    return names[type(value)]


def allowed_kinds(field):
    if field.kind == "any":
        return KINDS
    kind = "number" if field.kind == "integer" else field.kind
    return {kind} | ({"null"} if field.nullable else set()) | ({"array"} if field.array_is else set())


def numbers_of(rules, verdict):
    return [float(value) for value in rules.get(verdict, []) if kind_of(value) == "number"]


def strings_of(rules, verdict):
    return [value for value in rules.get(verdict, []) if kind_of(value) == "string"]


def missing_of(field, rules):
    """What the vectors of a member do not try yet."""
    wrong = KINDS - allowed_kinds(field) - {kind_of(value) for value in rules["bad"]}
    missing = [f"the wrong kind {kind}" for kind in sorted(wrong)]
    if field.required and not rules["needed"]:
        missing.append("the message without it")
    if field.enum:
        if not strings_of(rules, "bad"):
            missing.append("a string that is none of its words")
        unused = set(field.enum) - set(strings_of(rules, "good"))
        missing += [f"its word {word}" for word in sorted(unused)]
    if field.min is not None and not any(value < field.min for value in numbers_of(rules, "bad")):
        missing.append("a number below its range")
    if field.max is not None and not any(value > field.max for value in numbers_of(rules, "bad")):
        missing.append("a number above its range")
    if field.kind == "integer" and all(value == int(value) for value in numbers_of(rules, "bad")):
        missing.append("a number with a fraction")
    if field.min_length and "" not in strings_of(rules, "bad"):
        missing.append("the empty string")
    if field.max_length is not None and field.max_length not in rules["longest"]:
        missing.append("its greatest length, and one more")
    return missing


def collect_rules(loaded, dialect, kind):
    """{path: its vectors}, with [] for every index; those of whole messages count for `bad` and `needed`."""
    rules = {}
    for _, file in loaded:
        if file["dialect"] != dialect or kind not in file["types"]:
            continue
        for path, found in file.get("members", {}).items():
            own = rules.setdefault(re.sub(r"\[\d+\]", "[]", path), new_rules())
            own["good"] += found.get("good", [])
            own["bad"] += found.get("bad", [])
            own["needed"] |= bool(found.get("needed"))
            if "longest" in found:
                own["longest"].append(int(found["longest"][1]))
        for path, messages in file.get("bad", {}).items():
            own = rules.setdefault(re.sub(r"\[\d+\]", "[]", path), new_rules())
            for message in messages:
                try:
                    inside, last = vectors.holder(message, path)
                    own["bad"].append(inside[last])
                except (KeyError, IndexError, TypeError):
                    own["needed"] = True
    return rules


def new_rules():
    return {"good": [], "bad": [], "needed": False, "longest": []}


def members(fields, prefix, shapes):
    """(path, field) of all members, those inside of shapes too; elements as fields of their kind."""
    for field in fields:
        path = prefix + field.name
        yield path, field
        if field.items or field.array_is:
            yield f"{path}[]", tables.Field(name=field.name, kind=field.items or "string", text="")
        if field.items_of:
            yield f"{path}[]", tables.Field(name=field.name, kind="object", text="")
        for shape, join in ((field.shape, "."), (field.items_of, "[].")):
            if shape:
                yield from members(shapes[shape].fields, path + join, shapes)


@functools.cache
def everything():
    """The table, the files of vectors, and the vectors."""
    return tables.load(ROOT / "schema" / "messages.toml"), vectors.files(), vectors.vectors()


class Coverage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tables, cls.loaded, cls.found = everything()

    def test_every_type_has_vectors(self):
        for message in self.tables.messages:
            start = f"{message.dialect} {message.type}: "
            own = [vector for vector in self.found if vector.name.startswith(start)]
            good = [vector for vector in own if vector.ok and ": good " in vector.name]
            with self.subTest(type=start):
                self.assertGreaterEqual(len(good), GOOD, "good vectors")
                self.assertTrue([vector for vector in own if not vector.ok], "no vector is refused")

    def test_every_member_has_vectors(self):
        for message in self.tables.messages:
            body = vectors.BODY[message.dialect] + "."
            envelope = [
                field
                for field in self.tables.envelopes[message.dialect].fields
                if field.name != "type" and field.name not in {top.name for top in message.top}
            ]
            rules = collect_rules(self.loaded, message.dialect, message.type)
            for path, field in [
                *members(message.fields, body, self.tables.shapes),
                *members(message.top, "", self.tables.shapes),
            ]:
                with self.subTest(type=f"{message.dialect} {message.type}", member=path):
                    own = rules.get(path, new_rules())
                    for other in field.also:
                        inside = path[: len(path) - len(field.name)] + other
                        own["longest"] += rules.get(inside, new_rules())["longest"]
                    self.assertEqual(missing_of(field, own), [])
            for field in envelope:
                with self.subTest(type=f"{message.dialect} {message.type}", member=field.name):
                    own = rules.get(field.name, new_rules())
                    wrong = allowed_kinds(field) - {"null"}
                    self.assertTrue({kind_of(value) for value in own["bad"]} - wrong, "no wrong kind")

    def test_every_other_name_has_a_vector(self):
        for message in self.tables.messages:
            body = vectors.BODY[message.dialect] + "."
            rules = collect_rules(self.loaded, message.dialect, message.type)
            for path, field in members(message.fields, body, self.tables.shapes):
                for other in field.also:
                    with self.subTest(type=f"{message.dialect} {message.type}", member=other):
                        inside = path[: len(path) - len(field.name)] + other
                        self.assertTrue(rules.get(inside, new_rules())["bad"], "no wrong kind")

    def test_nothing_is_left_over(self):
        known = {(message.dialect, message.type) for message in self.tables.messages}
        for origin, file in self.loaded:
            for kind in file["types"]:
                self.assertIn((file["dialect"], kind), known, origin)

    def test_names_are_different(self):
        names = [(vector.name, vector.level, vector.text) for vector in self.found]
        self.assertEqual(len(names), len(set(names)))

    def test_texts_are_what_the_verdict_says(self):
        """Vectors that are accepted are JSON; texts stay on one line."""
        for vector in self.found:
            self.assertNotIn(b"\n", vector.text, vector.name)
            self.assertNotRegex(vector.name, r"[\t\n]")
            if vector.ok:
                self.assertIsInstance(json.loads(vector.text), dict, vector.name)


class Planted(unittest.TestCase):
    """What the table has and the vectors have not is found."""

    def faults(self, change):
        """What Coverage says when `change` has made another message of the bark, or several."""

        class Changed(Coverage):
            @classmethod
            def setUpClass(cls):
                super().setUpClass()
                bark = next(message for message in cls.tables.messages if message.name == "bark")
                others = tuple(message for message in cls.tables.messages if message is not bark)
                cls.tables = replace(cls.tables, messages=(*others, *change(bark)))

        result = unittest.TestResult()
        unittest.defaultTestLoader.loadTestsFromTestCase(Changed).run(result)
        self.assertEqual(result.errors, [])
        return [str(case) for case, _ in result.failures]

    def test_nothing_planted(self):
        self.assertEqual(self.faults(lambda bark: [bark]), [])

    def test_a_type(self):
        faults = self.faults(lambda bark: [bark, replace(bark, type="planted", name="planted")])
        self.assertIn("test_every_type_has_vectors", "".join(faults))
        self.assertTrue(all("world planted" in fault for fault in faults), faults)

    def test_a_type_less(self):
        self.assertIn("test_nothing_is_left_over", "".join(self.faults(lambda bark: [])))

    def test_a_member(self):
        volume = tables.Field(name="volume", kind="number", text="How loud.")
        faults = self.faults(lambda bark: [replace(bark, fields=(*bark.fields, volume))])
        self.assertEqual(len(faults), 1)
        self.assertIn("data.volume", faults[0])

    def test_another_name(self):
        def change(bark):
            text, *others = bark.fields
            return [replace(bark, fields=(replace(text, also=("words",)), *others))]

        faults = self.faults(change)
        self.assertEqual(len(faults), 1)
        self.assertIn("words", faults[0])


if __name__ == "__main__":
    unittest.main()

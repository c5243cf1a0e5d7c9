"""The JSON Schema (2020-12) of a configuration file, which `parley config schema` prints.

A file may nest keys (`listen: {port: 9000}`) or join them by dots, and use the names of other programs; so each
option is described once, in $defs, and stands in up to three places. What one value says about another is not in it.
"""
from exporting import json_text

SIZE = "^[0-9]+(KiB|MiB|GiB)?$"
DURATION = "^[0-9]+(ms|s|m|h)$"


def any_of(*schemas):
    return schemas[0] if len(schemas) == 1 else {"anyOf": list(schemas)}


def number(low, high):
    return {"type": "integer", "minimum": low, "maximum": high}


def words(entry):
    return [{"type": "string", "enum": entry["words"]}] if "words" in entry else []


def list_of(entry):
    elements = {"type": "array", "items": {"type": "string", "pattern": "^[^,]*[^, \\t][^,]*$"}}
    elements |= {"minItems": entry["min"], "maxItems": entry["max"]}
    return any_of(elements, {"type": "string"})


def value_schema(entry, limits):
    """What an option takes; `limits` are its least and greatest number."""
    match entry["kind"]:
        case "bool":
            return {"type": "boolean"}
        case "int":
            return any_of(number(*limits), *words(entry))
        case "size":
            return any_of(number(*limits), {"type": "string", "pattern": SIZE}, *words(entry))
        case "duration":
            return any_of({"type": "string", "pattern": DURATION}, *words(entry))
        case "list":
            return list_of(entry)
        case "enum":
            return words(entry)[0]
        case "string" | "path":
            return {"type": "string"}
    raise ValueError(f"{entry['key']}: there is no kind {entry['kind']}")


def default_of(entry):
    """The default as the file would have it."""
    text = entry["default"]
    if entry["kind"] == "bool":
        return text == "true"
    if entry["kind"] == "list":
        return text.split(",") if text else []
    return int(text) if entry["kind"] == "int" and text.isdecimal() else text


def under_synonym(entry, limits):
    """Other programs have milliseconds as bare numbers, and true and false for on and off."""
    reference = {"$ref": f"#/$defs/{entry['key']}"}
    if entry["kind"] == "duration":
        return any_of(reference, number(*limits))
    if entry.get("words") == ["off", "on"]:
        return any_of(reference, {"type": "boolean"})
    return reference


def options_schema(table, limits_of):
    definitions, nested, flat = {}, {}, {}
    for entry in table["option"]:
        key, limits = entry["key"], limits_of(entry)
        definitions[key] = {
            "description": entry["help"],
            **value_schema(entry, limits),
            "default": default_of(entry),
        }
        reference = {"$ref": f"#/$defs/{key}"}
        section, dot, name = key.partition(".")
        if dot:
            nested.setdefault(section, {})[name] = reference
        flat[key] = reference
        flat |= {synonym: under_synonym(entry, limits) for synonym in entry["synonyms"]}
    sections = {
        section: any_of(
            {"type": "object", "properties": members, "additionalProperties": False},
            {"type": "null"},
        )
        for section, members in nested.items()
    }
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": "Made from schema/options.toml.",
        "title": "Configuration of Parley",
        "description": "The file parley.yaml. An option is given once, nested or with its whole key.",
        "type": "object",
        "properties": sections | flat,
        "additionalProperties": False,
        "$defs": definitions,
    }
    yield json_text(schema) + "\n"

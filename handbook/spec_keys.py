"""Every key of the spec with its meaning, from the JSON Schema that `emr-dr schema` prints."""

from collections.abc import Iterator, Mapping
from typing import Any

from emr_dr.spec import json_schema
from emr_dr.spec.fields import DURATION_PATTERN
from handbook.docstrings import table

Schema = Mapping[str, Any]

NEEDED = "\N{NO-BREAK SPACE}*"
"""Stands behind a key that must be given."""

_KINDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false", "null": ""}


def spec_keys() -> str:
    """Return a section for each part of the spec: its keys, what they take, and what they mean."""
    whole = json_schema()
    return "\n\n".join(part for path, section in sections(whole) for part in _section(path, section, whole))


def sections(whole: Schema) -> list[tuple[str, Schema]]:
    """Return every section once, in the order of the file, with the path where it first stands."""
    found = dict[str, tuple[str, Schema]]()

    def visit(path: str, section: Schema) -> None:
        for key, schema in section.get("properties", {}).items():
            for name, suffix in _named(schema):
                if name not in found:
                    below = f"{path}.{key}{suffix}".lstrip(".")
                    found[name] = (below, whole["$defs"][name])
                    visit(below, whole["$defs"][name])

    visit("", whole)
    return [("", whole), *found.values()]


def _named(schema: Schema) -> Iterator[tuple[str, str]]:
    """The sections that a key may hold, and how its path goes on there."""
    if "$ref" in schema:
        yield schema["$ref"].rpartition("/")[2], ""
    for each in schema.get("anyOf", ()):
        yield from _named(each)
    for inside, suffix in (("items", "[]"), ("additionalProperties", ".NAME")):
        if isinstance(schema.get(inside), Mapping):
            yield from ((name, suffix + rest) for name, rest in _named(schema[inside]))


def _section(path: str, section: Schema, whole: Schema) -> Iterator[str]:
    depth = "###" if "." in path else "##"
    yield f"{depth} `{path}`" if path else "## The file"
    yield _plain(section.get("description", ""), split=True)
    required = section.get("required", ())
    rows = [
        [f"`{key}`{NEEDED if key in required else ''}", kind(schema, whole), _plain(schema.get("description", ""))]
        for key, schema in section["properties"].items()
    ]
    yield table(["key", "takes", "meaning"], rows)


def kind(schema: Schema, whole: Schema) -> str:
    """What a key takes, in few words."""
    if "enum" in schema or "const" in schema:
        return " or ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    if "$ref" in schema:
        return "section" if "properties" in whole["$defs"][schema["$ref"].rpartition("/")[2]] else "see below"
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(words for each in schema["anyOf"] if (words := kind(each, whole))))
    match schema.get("type"):
        case "array":
            return f"list of {_plural(kind(schema.get('items', {}), whole))}"
        case "object":
            return f"names with a {kind(schema.get('additionalProperties', {}), whole)} each"
    return _scalar(schema)


def _scalar(schema: Schema) -> str:
    if DURATION_PATTERN in schema.get("pattern", ""):
        return f"duration{_between(schema.get('x-least'), schema.get('x-most'))}"
    words = _KINDS[schema["type"]]
    return f"{words}{_between(schema.get('minimum'), schema.get('maximum'))}"


def _between(least: object, most: object) -> str:
    if least is None or most is None:
        return f", {least} or more" if least is not None else ""
    return f", {least} to {most}"


def _plural(words: str) -> str:
    return {"text": "texts", "section": "sections", "whole number": "whole numbers"}.get(words, words)


def _plain(text: str, *, split: bool = False) -> str:
    """A description on one line, or one a paragraph."""
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n")]
    return ("\n\n" if split else " ").join(paragraphs)

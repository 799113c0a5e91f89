"""Puts what pydantic found into words for the person who wrote the file: where, what, and what to do."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from emr_dr.spec.fields import Finding
from emr_dr.spec.problems import KeyPath, Problem, Source, shown

_KINDS = {
    "string_type": ("text", "write text; put it in quotes if it looks like a number or a boolean"),
    "int_type": ("a whole number", "write digits only, without quotes"),
    "float_type": ("a number", "write digits, without quotes"),
    "finite_number": ("a number", "write digits, without quotes"),
    "bool_type": ("true or false", "write true or false, without quotes"),
    "tuple_type": ("a list", "write its items with `- ` before each, or [] for none"),
    "model_type": ("a section", "put keys and values below it, indented"),
    "mapping_type": ("keys and values", "put them below it, indented, or {} for none"),
    "dict_type": ("keys and values", "put them below it, indented, or {} for none"),
}
_NAMES = {str: "text", int: "a whole number", float: "a number", bool: "true or false", list: "a list", dict: "keys"}
_BOUNDS = {
    "greater_than_equal": ("ge", "give {} or more"),
    "greater_than": ("gt", "give more than {}"),
    "less_than_equal": ("le", "give {} or less"),
    "less_than": ("lt", "give less than {}"),
}

HIDDEN = object()


def explain(
    errors: Iterable[ErrorDetails], source: Source, model: type[BaseModel]
) -> Iterator[tuple[KeyPath, Problem]]:
    """Yield a problem for everything pydantic has against the data that `model` should describe, with its path."""
    for error in errors:
        path = _path_in_file(error, source.lines)
        if "credentials" in path:
            # Somebody may have written the password itself; a message ends in logs.
            error["input"] = HIDDEN
        for at, what, remedy in _reasons(error, path, model):
            yield (*path, *at), source.problem((*path, *at), what, remedy)


def keys_of(model: type[BaseModel], path: KeyPath) -> tuple[str, ...]:
    """Return the keys that belong at `path`; none, where keys are free or there is no such place."""
    found: Any = model
    for step in path:
        # A position in a list changes nothing: the annotation of the list already led to the section of its items.
        if isinstance(step, str) and isinstance(found, type) and issubclass(found, BaseModel):
            fields = {field.alias or name: field.annotation for name, field in found.model_fields.items()}
            found = _section_in(fields.get(step))
    if isinstance(found, type) and issubclass(found, BaseModel):
        return tuple(field.alias or name for name, field in found.model_fields.items())
    return ()


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """Return advice to write the nearest known word, or the list of all."""
    known = tuple(known)
    near = difflib.get_close_matches(str(word).replace("_", "-"), [k.replace("_", "-") for k in known], 1, 0.6)
    for candidate in known:
        if near and candidate.replace("_", "-") == near[0]:
            return f"did you mean {candidate}?"
    return f"choose from {', '.join(known)}" if known else "remove it"


def _section_in(annotation: object) -> object:
    """Find the model inside an annotation such as `tuple[Placement, ...]` or `Dns | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inside = (_section_in(part) for part in get_args(annotation))
    kept = get_origin(annotation) in {tuple, Union, UnionType}
    return next((found for found in inside if found is not None), None) if kept else None


def _path_in_file(error: ErrorDetails, lines: Mapping[KeyPath, int]) -> KeyPath:
    """Drop from pydantic's location what is not in the file, such as the name of a validator; keep a missing key."""
    path: KeyPath = ()
    for step in error["loc"]:
        if (*path, step) in lines:
            path = (*path, step)
    return (*path, error["loc"][-1]) if error["type"] == "missing" else path


def _reasons(error: ErrorDetails, path: KeyPath, model: type[BaseModel]) -> Iterator[Finding]:
    kind, context, value = error["type"], error.get("ctx", {}), error["input"]
    if kind == "refused":
        yield from context["findings"]
    elif kind == "missing":
        yield Finding((), "is missing", "add it; emr-dr schema describes it")
    elif kind == "extra_forbidden":
        known = keys_of(model, path[:-1])
        yield Finding((), "is no key of a spec here", did_you_mean(path[-1], known))
    elif kind == "literal_error":
        words = [word.strip("' ") for word in context["expected"].replace(" or ", ",").split(",")]
        yield Finding((), f"{_mention(value)} is not possible", did_you_mean(value, words))
    elif kind in _KINDS:
        wanted, remedy = _KINDS[kind]
        yield Finding((), f"must be {wanted}, not {_mention(value)}", remedy)
    elif kind in _BOUNDS:
        key, remedy = _BOUNDS[kind]
        yield Finding((), f"{_mention(value)} is out of range", remedy.format(context[key]))
    elif kind.endswith(("too_short", "too_long")):
        yield from _length(kind, context, value)
    else:
        yield Finding((), error["msg"][:1].lower() + error["msg"][1:], "correct it; emr-dr schema describes it")


def _length(kind: str, context: Mapping[str, Any], value: object) -> Iterator[Finding]:
    unit = "character(s)" if kind.startswith("string") else "item(s)"
    if kind.endswith("too_long"):
        yield Finding((), "is too long", f"give {context['max_length']} {unit} or less")
    elif not isinstance(value, list) or len(value) < context["min_length"]:
        # pydantic counts valid items only: with a wrong item it calls a list too short that is not.
        yield Finding((), "is empty or too short", f"give {context['min_length']} {unit} or more")


def _mention(value: object) -> str:
    if value is HIDDEN:
        return "what is there"
    if value is None:
        return "empty"
    if isinstance(value, (list, dict)):
        return _NAMES[type(value)]
    return shown(value)

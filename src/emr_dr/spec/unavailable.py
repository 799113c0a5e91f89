"""What the language of the spec has but this version does not do yet: refused plainly, never accepted and ignored.

The table is meant to shrink: whoever builds one of these deletes its row.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from emr_dr.spec.problems import KeyPath, Problem, Source, shown


class _Row(NamedTuple):
    at: tuple[str, ...]
    """Path of the value; `*` stands for any key or item."""
    refused: Callable[[object], bool]
    what: str
    remedy: str


def _is(*values: object) -> Callable[[object], bool]:
    return lambda value: value in values


def _given(value: object) -> bool:
    return value not in (None, [], {})


NOT_IN_THIS_VERSION = (
    _Row(("cluster", "instances", "groups", "primary", "count"), _is(3), "three primary nodes are planned", "say 1"),
    _Row(("recovery", "mode"), _is("manual"), "is planned", "use automatic"),
    _Row(("store", "dynamodb"), _given, "is not available yet in this version", "use sqlite: PATH"),
)


def not_in_this_version(data: object, source: Source) -> Iterator[tuple[KeyPath, Problem]]:
    """Yield a problem for everything in the file's plain values that this version would have to ignore."""
    for row in NOT_IN_THIS_VERSION:
        for path, value in _found(data, row.at, ()):
            if row.refused(value):
                named = (
                    f"{shown(value)} {row.what}" if row.what.startswith("is ") and isinstance(value, str) else row.what
                )
                yield path, source.problem(path, named, row.remedy)


def _found(data: object, at: tuple[str, ...], path: KeyPath) -> Iterator[tuple[KeyPath, object]]:
    if not at:
        yield path, data
    elif isinstance(data, Mapping):
        for key in data if at[0] == "*" else [at[0]]:
            if key in data:
                yield from _found(data[key], at[1:], (*path, key))

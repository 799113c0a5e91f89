"""Whatever the file holds, loading it answers with a spec or with a SpecError of one line a problem."""

import json
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from emr_dr.spec import Spec, SpecError, read_spec
from spec.spec_examples import FULL, SMALL

BOUNDED = settings(derandomize=True, deadline=None, database=None)
PIECES = st.sampled_from(
    [
        "\t",
        "\n",
        "- ",
        ": ",
        "? ",
        "&a ",
        "*a",
        "!!",
        "!x ",
        "<<: ",
        "---\n",
        "...\n",
        "%YAML 1.2\n",
        "{",
        "[",
        "}",
        "]",
        "'",
        '"',
        "# ",
        "|",
        ">",
        "\\",
        "\x00",
        "\x85",
        "\u2028",
        "\ufeff",
        "\ud7ff",
        "~",
        "null",
        "0x1",
        "1e999",
        ".nan",
        "9" * 5000,
        ",",
    ]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["5s", "1d", "x" * 99])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


AS_JSON = [json.dumps(yaml.safe_load(text)) for text in (SMALL, FULL.replace(" on:", ' "on":'))]


def _answers(content: bytes) -> None:
    try:
        assert isinstance(read_spec(content, "etl.yaml"), Spec)
    except SpecError as error:
        refusal = error
    else:
        return
    lines = str(refusal).splitlines()
    assert len(lines) == len(refusal.problems) > 0
    assert all(line.startswith("etl.yaml:") for line in lines)


@settings(BOUNDED, max_examples=150)
@given(st.binary(max_size=200))
def test_any_bytes_are_answered(content: bytes) -> None:
    _answers(content)


@settings(BOUNDED, max_examples=150)
@given(st.lists(PIECES | st.text(max_size=6), max_size=30).map("".join))
def test_any_text_of_yaml_pieces_is_answered(text: str) -> None:
    _answers(text.encode())


@settings(BOUNDED, max_examples=60)
@given(
    st.sampled_from([SMALL, FULL]), st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 20), PIECES), max_size=3)
)
def test_a_spec_with_damaged_text_is_answered(text: str, damages: list[tuple[int, int, str]]) -> None:
    for start, length, piece in damages:
        text = text[:start] + piece + text[start + length :]
    _answers(text.encode())


def _places(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * bool(path) + [place for key, child in children for place in _places(child, (*path, key))]


@settings(BOUNDED, max_examples=60)
@given(st.sampled_from(AS_JSON), st.data())
def test_a_spec_with_any_value_anywhere_is_answered(text: str, data: st.DataObject) -> None:
    spec = json.loads(text)
    *path, last = data.draw(st.sampled_from(_places(spec)))
    parent = spec
    for step in path:
        parent = parent[step]
    if data.draw(st.booleans()):
        parent[last] = data.draw(VALUES)
    elif isinstance(parent, dict):
        parent[data.draw(st.text(max_size=12))] = parent.pop(last)
    else:
        parent.append(data.draw(VALUES))
    # JSON is YAML, but for what json.dumps leaves to the reader (NaN), which must be answered as well.
    _answers(json.dumps(spec).encode())

"""Reads YAML into plain values and remembers on which line each stands; takes nothing that plain data does not need.

YAML is read by the core schema of YAML 1.2: `on`, `no`, `12:30` and dates are text, as people expect. Tags, merge keys
and several documents are refused; aliases are followed, but not into a bomb.
"""

import re
from dataclasses import dataclass, field
from typing import Any, ClassVar

import yaml

from emr_dr.spec.problems import KeyPath, Problem, Source, SpecError, dotted, shown

MAX_BYTES = 1 << 20
MAX_DEPTH = 40
MAX_NODES = 5_000
MAX_ALIASES = 100

_TAG = "tag:yaml.org,2002:"
_NULL = re.compile(r"(?:~|null|Null|NULL|)")
_BOOL = re.compile(r"(?:true|True|TRUE|false|False|FALSE)")
# Eighteen digits are far beyond any field, and short of where Python itself refuses to convert.
_INT = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]{1,18}|[0-9]{1,18}(?:\.[0-9]{0,18})?)(?:[eE][-+]?[0-9]{1,2})?")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


class _TooMuchError(yaml.MarkedYAMLError):
    """The document is larger or deeper than any spec."""


class _Loader(yaml.SafeLoader):
    """Composes nodes within bounds, and resolves plain scalars as YAML 1.2's core schema does."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}  # type: ignore[misc]  # the stubs forget that it is shared

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = self._nodes = self._aliases = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:  # noqa: ANN401 - PyYAML's signature
        """Compose one node, counting."""
        self._nodes += 1
        self._depth += 1
        self._aliases += self.check_event(yaml.AliasEvent)
        mark = self.get_mark()
        for count, limit, name in (
            (self._nodes, MAX_NODES, "values"),
            (self._depth, MAX_DEPTH, "levels"),
            (self._aliases, MAX_ALIASES, "aliases"),
        ):
            if count > limit:
                raise _TooMuchError(problem=f"has more than {limit} {name}", problem_mark=mark)
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node


for _name, _pattern in (("null", _NULL), ("bool", _BOOL), ("int", _INT), ("float", _FLOAT)):
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(rf"(?:{_pattern.pattern})\Z"), None)


@dataclass
class Document:
    """A YAML file as plain values, the line of each of them, and what is wrong with the YAML itself."""

    source: Source
    data: object = None
    problems: list[Problem] = field(default_factory=list)
    spoiled: set[KeyPath] = field(default_factory=set)
    """Paths whose value was refused here already: whatever a model says about them is noise."""


def read_document(content: bytes, file: str) -> Document:
    """Read one YAML document; `file` is only its name in messages.

    Raises:
        SpecError: it is not text, not YAML, or nothing a spec could be. Lesser troubles are the document's `problems`.
    """
    node = _compose(_decode(content, file), file)
    reader = _Reader(file)
    if not isinstance(node, yaml.MappingNode):
        kind = {yaml.SequenceNode: "a list", type(None): "empty"}.get(type(node), "a single value")
        what = f"the file is {kind}" if node is None else f"the file is {kind} at the top, not keys and values"
        raise SpecError(file, [Problem(1, "", what, "start it with `group: NAME`, or let emr-dr init write one")])
    data = reader.value(node, (), 1 + node.start_mark.line)
    return Document(Source(file, reader.lines), data, reader.problems, reader.spoiled)


def _decode(content: bytes, file: str) -> str:
    if len(content) > MAX_BYTES:
        remedy = "check the path: no spec is that large"
        raise SpecError(file, [Problem(0, "", f"the file is larger than {MAX_BYTES >> 20} MiB", remedy)])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = 1 + content.count(b"\n", 0, error.start)
        what = f"the file is not text in UTF-8 (byte 0x{content[error.start]:02x})"
        raise SpecError(file, [Problem(line, "", what, "save it as UTF-8, or check the path")]) from error


def _compose(text: str, file: str) -> yaml.Node | None:
    try:
        loader = _Loader(text)
    except yaml.reader.ReaderError as error:
        line = 1 + text.count("\n", 0, error.position)
        what = f"the character {shown(chr(error.character))} cannot be in YAML"
        raise SpecError(
            file, [Problem(line, "", what, "remove it; if the file is not YAML, check the path")]
        ) from error
    try:
        return loader.get_single_node()
    except (yaml.MarkedYAMLError, ValueError, OverflowError) as error:
        # PyYAML lets ValueError through for impossible escapes and endless numbers in directives.
        mark = getattr(error, "problem_mark", None)
        line = 1 + (loader.line if mark is None else mark.line)
        raise SpecError(file, [Problem(line, "", *_yaml_trouble(error))]) from error
    finally:
        loader.dispose()


def _yaml_trouble(error: Exception) -> tuple[str, str]:
    problem = " ".join(str(getattr(error, "problem", None) or error).split())
    if isinstance(error, _TooMuchError):
        return f"the file {problem}", "no spec needs that many; simplify it"
    if "expected a single document" in str(getattr(error, "context", "")):
        return "a second document starts here", "keep one spec in a file, without `---` between"
    if "'\\t'" in problem:
        return "a tab is used to indent", "indent with spaces"
    return f"this is not YAML: {problem}", "correct this line or the one before; mind indents, colons and quotes"


class _Reader:
    """Turns nodes into values, noting lines and problems as it goes."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[KeyPath, int] = {}
        self.problems: list[Problem] = []
        self.spoiled: set[KeyPath] = set()
        self._values = 0

    def value(self, node: yaml.Node, path: KeyPath, line: int) -> object:
        """Return what a node means; `line` is the line of its key, its list item, or its own."""
        self.lines[path] = line
        self._values += 1
        if self._values > MAX_NODES or len(path) > MAX_DEPTH:
            # Only aliases get here: the nodes themselves were counted as they were composed.
            what = "its aliases unfold to too many values"
            raise SpecError(self.file, [Problem(line, dotted(path[:3]), what, "write the values out")])
        if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
            return [self.value(item, (*path, index), 1 + item.start_mark.line) for index, item in enumerate(node.value)]
        try:
            return _scalar(node)
        except ValueError as error:
            self._refuse(line, path, str(error), "write plain text, numbers, true or false, lists and keys")
            return None

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, object]:
        values: dict[str, object] = {}
        for key_node, value_node in node.value:
            line = 1 + key_node.start_mark.line
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag != _TAG + "str":
                key = shown(key_node.value) if isinstance(key_node, yaml.ScalarNode) else "a list or a mapping"
                self._refuse(line, path, f"{key} is no key", "keys are words; put it in quotes if it is meant as one")
                continue
            key = key_node.value
            where = (*path, key)
            if key == "<<":
                self._refuse(line, where, "merge keys are not supported", "write the keys out")
            elif _SURROGATE.search(key):
                self._refuse(line, path, f"the key {shown(key)} has half a character", "write it without \\u escapes")
            elif key in values:
                what = f"is here twice (first on line {self.lines[where]})"
                self._refuse(line, where, what, "remove one of the two")
            else:
                values[key] = self.value(value_node, where, line)
        return values

    def _refuse(self, line: int, path: KeyPath, what: str, remedy: str) -> None:
        self.problems.append(Problem(line, dotted(path), what, remedy))
        self.spoiled.add(path)


def _scalar(node: yaml.Node) -> object:
    tag, text = node.tag.removeprefix(_TAG), node.value
    if not isinstance(node, yaml.ScalarNode):
        raise ValueError(f"the tag {shown(tag)} is not supported here")  # noqa: TRY004 - the file's fault, as below
    if _SURROGATE.search(text):
        raise ValueError("has half a character, by an escape such as \\ud800")
    value: object = text
    if tag == "null" and _NULL.fullmatch(text):
        value = None
    elif tag == "bool" and _BOOL.fullmatch(text):
        value = text.lower() == "true"
    elif tag == "int" and _INT.fullmatch(text):
        value = int(text)
    elif tag == "float" and _FLOAT.fullmatch(text):
        value = float(text)
    elif tag != "str":
        raise ValueError(f"the tag {shown(tag)} is not supported here")
    return value

"""The fields of POST /batches, read as strictly as Livy 0.7.1 reads them, and no less."""

import json
from collections.abc import Callable, Mapping

from emr_dr.gateway.calls import RefusedError
from emr_dr.gateway.livy.answers import refusal
from emr_dr.gateway.livy.document import REQUEST, Document, Entry, Number, no_constructor
from emr_dr.gateway.livy.numbers import NotANumberError, whole

Value = str | int | list[str] | dict[str, str]
_LIST_ITEM = "com.fasterxml.jackson.module.scala.deser.GenericFactoryDeserializerResolver$BuilderWrapper"
_MAP_ITEM = "com.fasterxml.jackson.module.scala.deser.GenericMapFactoryDeserializerResolver$BuilderWrapper"


def read_fields(body: bytes) -> Mapping[str, Value]:
    """Return the fields of a submission; those that are null or not given are left out.

    Raises:
        RefusedError: It is no JSON object, has a field that Livy does not know, or one of another type.
    """
    document = Document.of(body)
    fields: dict[str, Value] = {}
    for entry in document.entries():
        reader = _READERS.get(entry.key)
        if reader is None:
            raise _unknown(document, entry)
        value = reader(document, entry)
        if value is None:
            fields.pop(entry.key, None)
        else:
            fields[entry.key] = value
    try:
        json.dumps(fields, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise refusal("half a surrogate pair is no text") from error
    return fields


def _unknown(document: Document, entry: Entry) -> RefusedError:
    known = ", ".join(f'"{name}"' for name in _READERS)
    what = f'Unrecognized field "{entry.key[:500]}" (class {REQUEST}), not marked as ignorable'
    # By then the parser has seen the value's first token; of a text, a list or an object, that is its first character.
    read = entry.start + 1 if isinstance(entry.value, str | list | dict) else entry.end
    chain = f'["{entry.key[:500]}"]'
    return document.complaint(f"{what} ({len(_READERS)} known properties: {known}])", read, chain=chain)


def _text(document: Document, entry: Entry) -> str | None:
    if entry.value is None:
        return None
    text = _scalar(entry.value)
    if text is None:
        raise _wrong(document, entry, "java.lang.String", entry.value, f'["{entry.key}"]')
    return text


def _whole(document: Document, entry: Entry) -> int | None:
    """Read a count. Livy takes anything here and breaks over it later, with a 500."""
    if entry.value is None:
        return None
    try:
        return whole(entry.value.text if isinstance(entry.value, Number) else "")
    except NotANumberError as error:
        what = "Cannot deserialize value of type `int`: not a valid Integer value"
        raise document.complaint(what, entry.start, chain=f'["{entry.key}"]') from error


def _list(document: Document, entry: Entry) -> list[str]:
    if not isinstance(entry.value, list):
        raise _wrong(document, entry, "scala.collection.immutable.List", entry.value, f'["{entry.key}"]')
    texts = []
    for n, item in enumerate(entry.value):
        text = _scalar(item)
        if text is None:  # Livy breaks over null, with a 500
            raise _wrong(document, entry, "java.lang.String", item, f'["{entry.key}"]->{_LIST_ITEM}[{n}]')
        texts.append(text)
    return texts


def _map(document: Document, entry: Entry) -> dict[str, str]:
    kind = "scala.collection.immutable.Map"
    if isinstance(entry.value, list) or entry.value is None:
        raise _wrong(document, entry, kind, entry.value, f'["{entry.key}"]')
    if not isinstance(entry.value, dict):
        raise document.complaint(no_constructor(kind, entry.value), entry.start, chain=f'["{entry.key}"]')
    texts = {}
    for key, item in entry.value.items():
        if item is None:
            continue
        text = _scalar(item)
        if text is None:
            chain = f'["{entry.key}"]->{_MAP_ITEM}["{key[:500]}"]'
            raise _wrong(document, entry, "java.lang.String", item, chain)
        texts[key] = text
    return texts


def _scalar(value: object) -> str | None:
    """Return a simple value as the text that Livy makes of it; None if it is none."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Number):
        return value.text
    return value if isinstance(value, str) else None


def _wrong(document: Document, entry: Entry, kind: str, value: object, chain: str) -> RefusedError:
    what = f"Cannot deserialize instance of `{kind}` out of {_token(value)} token"
    return document.complaint(what, entry.start, chain=chain)


def _token(value: object) -> str:
    if isinstance(value, Number):
        return "VALUE_NUMBER_FLOAT" if {".", "e", "E"} & set(value.text) else "VALUE_NUMBER_INT"
    if isinstance(value, list):
        return "START_ARRAY"
    if isinstance(value, dict):
        return "START_OBJECT"
    if isinstance(value, str):
        return "VALUE_STRING"
    return {None: "VALUE_NULL", True: "VALUE_TRUE", False: "VALUE_FALSE"}[value]  # type: ignore[index]


_READERS: Mapping[str, Callable[[Document, Entry], Value | None]] = {
    # In the order in which Livy names them.
    "executorCores": _whole,
    "className": _text,
    "conf": _map,
    "driverMemory": _text,
    "name": _text,
    "driverCores": _whole,
    "pyFiles": _list,
    "archives": _list,
    "executorMemory": _text,
    "files": _list,
    "jars": _list,
    "proxyUser": _text,
    "numExecutors": _whole,
    "file": _text,
    "args": _list,
    "queue": _text,
}

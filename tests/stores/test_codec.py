"""The text in which values are kept."""

import json
import math
import types
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.values import anything, document, json_values
from emr_dr.core.batch import Batch
from emr_dr.core.document import Document
from emr_dr.core.evidence import Sighting
from emr_dr.core.view import Load, MemberView
from emr_dr.errors import PermanentError
from emr_dr.ports import JournalEntry
from emr_dr.ports.ledger import BatchLog
from emr_dr.stores import codec

WHERE = "/var/lib/emr-dr.db: group etl"


@pytest.mark.parametrize(
    ("kept_by", "of"),
    [
        (codec.DOCUMENT, Document),
        (codec.VIEWS, tuple[MemberView, ...]),
        (codec.SIGHTING, Sighting),
        (codec.BATCH, Batch),
        (codec.LOG, BatchLog),
        (codec.LOADS, tuple[Load, ...]),
    ],
    ids=["document", "views", "sighting", "batch", "log", "loads"],
)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_every_value_reads_back_as_it_was(kept_by: codec.Codec[Any], of: object, data: st.DataObject) -> None:
    value = data.draw(anything(of))
    assert kept_by.decode(kept_by.encode(value, WHERE), WHERE) == value


@settings(max_examples=50, deadline=None)
@given(at=st.floats(0, 1e12), event=st.text(max_size=5), detail=st.dictionaries(st.text(max_size=5), json_values))
def test_every_journal_entry_reads_back_as_it_was(at: float, event: str, detail: dict[str, Any]) -> None:
    entry = JournalEntry(at, event, detail, seq=7)
    assert codec.decode_entry(codec.encode_entry(entry, WHERE), 7, WHERE) == entry


def test_a_detail_may_be_any_mapping_and_sequence() -> None:
    entry = JournalEntry(1.0, "seen", {"targets": ("a", "b"), "tags": types.MappingProxyType({"k": 1})})
    kept = codec.decode_entry(codec.encode_entry(entry, WHERE), 1, WHERE)
    assert kept.detail == {"targets": ["a", "b"], "tags": {"k": 1}}


@pytest.mark.parametrize("thing", [math.nan, math.inf, object(), b"bytes", {1: "key"}])
def test_what_is_no_json_is_refused_by_name(thing: Any) -> None:  # noqa: ANN401 - anything at all
    with pytest.raises(PermanentError, match=r"group etl: a journal entry holds .*, which is no JSON"):
        codec.encode_entry(JournalEntry(1.0, "seen", {"thing": thing}), WHERE)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_refused(number: float) -> None:
    bad = replace(document(), group=replace(document().group, recovered_at=number))
    with pytest.raises(PermanentError, match=r"group etl: the document cannot be kept as JSON: group.recovered_at"):
        codec.DOCUMENT.encode(bad, WHERE)


def test_a_value_of_the_wrong_type_is_refused_when_written_not_when_read() -> None:
    with pytest.raises(PermanentError, match="cannot be kept"):
        codec.DOCUMENT.encode(replace(document(), version="1"), WHERE)  # type: ignore[arg-type]
    with pytest.raises(PermanentError, match="would not read back"):
        codec.DOCUMENT.encode(replace(document(), runs=[]), WHERE)  # type: ignore[arg-type]


def test_a_field_that_an_older_version_did_not_know_gets_its_default() -> None:
    kept = json.loads(codec.DOCUMENT.encode(document(), WHERE))
    del kept["value"]["group"]["avoid"]
    assert codec.DOCUMENT.decode(json.dumps(kept), WHERE) == document()


def newer_format(kept: dict[str, Any]) -> None:
    kept["format"] = 2


def newer_field(kept: dict[str, Any]) -> None:
    kept["value"]["group"]["moon"] = "full"


def newer_stage(kept: dict[str, Any]) -> None:
    kept["value"]["group"]["members"][0]["stage"] = "orbiting"


def both(kept: dict[str, Any]) -> None:
    newer_format(kept)
    newer_stage(kept)


@pytest.mark.parametrize("change", [newer_format, newer_field, newer_stage, both])
def test_what_a_newer_version_wrote_is_refused_with_advice(change: Any) -> None:  # noqa: ANN401 - one of the above
    kept = json.loads(codec.DOCUMENT.encode(document(), WHERE))
    change(kept)
    with pytest.raises(
        PermanentError, match=r"(newer than 1|does not know: group\.m).*; use the newest emr-dr"
    ) as caught:
        codec.DOCUMENT.decode(json.dumps(kept), WHERE)
    assert str(caught.value).startswith(WHERE)


@pytest.mark.parametrize("text", ["", "null", "[]", "{", '{"format": 1}', '{"format": 1, "value": {"group": 3}}', "\0"])
def test_damaged_text_is_refused_with_advice(text: str) -> None:
    for decode in (codec.DOCUMENT.decode, codec.BATCH.decode, lambda t, where: codec.decode_entry(t, 1, where)):
        with pytest.raises(PermanentError, match=r"group etl: the .* is damaged: .*; keep a copy of it, then restore"):
            decode(text, WHERE)


def test_a_newer_journal_entry_is_refused_with_advice() -> None:
    with pytest.raises(PermanentError, match=r"journal entry has format 2, newer than 1; use the newest"):
        codec.decode_entry('{"format": 2, "value": {}}', 1, WHERE)

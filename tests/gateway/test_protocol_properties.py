"""Any path, query or body at all: an answer that Livy could give, and never a fault."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from emr_dr.core.batch import MAX_BATCH_ID
from emr_dr.gateway.calls import RefusedError, Submission
from emr_dr.gateway.livy.answers import Answer
from emr_dr.gateway.livy.numbers import NotANumberError, whole
from emr_dr.gateway.livy.paging import parameters, part_of_list, part_of_log
from emr_dr.gateway.livy.routes import Resource, Route, route
from emr_dr.gateway.livy.submission import read_submission
from emr_dr.gateway.polls import Polls
from gateway.memory import MemoryBatches

segments = st.sampled_from(
    [b"batches", b"1", b"state", b"log", b"..", b".", b"", b"%2e%2e", b"%2f", b"%00", b"%", b"a;b"]
)
paths = st.one_of(
    st.lists(st.one_of(segments, st.binary(max_size=8)), max_size=5).map(lambda parts: b"/" + b"/".join(parts)),
    st.binary(max_size=40).map(lambda rest: b"/" + rest),
)
methods = st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"])


@given(methods, paths)
def test_any_path_is_a_resource_or_an_answer(method: str, path: bytes) -> None:
    found = route(method, path)
    if isinstance(found, Answer):
        assert found.status in (400, 404, 405)
        return
    assert path.startswith((b"/batches", b"/version", b"/ui")) or path == b"/"
    if found.number is not None:
        assert 0 <= found.number <= MAX_BATCH_ID
    if found.resource in (Resource.BATCH, Resource.STATE, Resource.LOG):
        assert found.batch


@given(paths)
def test_the_short_cut_for_polls_never_means_another_batch_than_the_long_way(path: bytes) -> None:
    asked: list[int] = []

    class Noted(MemoryBatches):
        def recall(self, batch_id: int) -> None:
            asked.append(batch_id)

    assert Polls(Noted()).find(path) is None
    for number in asked:
        found = route("GET", path)
        assert isinstance(found, Route)
        assert found.number == number
        assert found.resource is (Resource.STATE if path.endswith(b"/state") else Resource.BATCH)


@given(st.integers(0, 2 * MAX_BATCH_ID), st.sampled_from([b"", b"/state", b"/log"]))
def test_every_number_in_an_int32_is_a_batch_and_no_other_is(number: int, below: bytes) -> None:
    found = route("GET", b"/batches/%d%s" % (number, below))
    if number <= MAX_BATCH_ID:
        assert isinstance(found, Route)
        assert found.number == number
    else:
        assert isinstance(found, Answer)
        assert found.status == 400


queries = st.one_of(
    st.binary(max_size=60),
    st.tuples(st.integers(-(2**33), 2**33), st.integers(-(2**33), 2**33)).map(lambda t: b"from=%d&size=%d" % t),
)


@given(queries)
def test_any_query_is_a_part_or_no_number(query: bytes) -> None:
    try:
        part = part_of_list(parameters(query))
        start, size = part_of_log(parameters(query))
    except NotANumberError:
        return
    assert part.start >= 0
    assert part.size >= 0
    assert all(-(2**31) <= each < 2**31 for each in (part.said, start, size))


@given(st.integers(-(2**31), 2**31 - 1), st.integers(-(2**31), 2**31 - 1))
def test_a_part_of_a_list_is_what_livys_slice_would_be(said: int, size: int) -> None:
    there = list(range(50))
    end = (said + size + 2**31) % 2**32 - 2**31  # Java's sum
    expected = there[max(said, 0) : max(end, 0)]
    part = part_of_list({"from": str(said), "size": str(size)})
    assert there[part.start : part.start + part.size] == expected


@given(st.text(max_size=30))
def test_any_text_is_an_int32_or_none(text: str) -> None:
    try:
        number = whole(text)
    except NotANumberError:
        return
    assert int(text) == number


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=10,
)
fields = st.sampled_from(
    ["file", "args", "conf", "name", "proxyUser", "jars", "queue", "numExecutors", "driverMemory", "nosuch"]
)


def read(body: bytes, **headers: str) -> Submission | RefusedError:
    """The submission, or the refusal, whose body is JSON."""
    try:
        return read_submission(body, **headers)
    except RefusedError as error:
        told = error
    assert told.status == 400
    assert isinstance(json.loads(told.body), str | dict)
    return told


@given(st.dictionaries(fields, json_values, max_size=5))
def test_any_fields_are_a_submission_or_a_refusal(told: dict[str, Any]) -> None:
    found = read(json.dumps(told).encode("utf-8", "surrogatepass"))
    if isinstance(found, Submission):
        assert found.request["file"]
        assert set(found.request) <= set(told)
        json.dumps(found.request, ensure_ascii=False).encode()


@given(st.binary(max_size=200))
def test_any_bytes_are_a_submission_or_a_refusal(body: bytes) -> None:
    read(body)


valid = json.dumps({"file": "s3://a/b.py", "args": ["a", "ä"], "conf": {"spark.x": "1"}, "numExecutors": 3}).encode()


@given(st.integers(0, len(valid)), st.integers(0, len(valid)), st.binary(max_size=4))
def test_a_broken_submission_is_a_submission_or_a_refusal(start: int, end: int, put: bytes) -> None:
    read(valid[:start] + put + valid[end:])


@given(st.text(max_size=20), st.text(max_size=20))
def test_any_header_is_a_declaration_or_a_refusal(rescue: str, key: str) -> None:
    found = read(b'{"file":"x"}', rescue=rescue, key=key)
    if isinstance(found, Submission):
        assert (found.rescue, found.key) == (rescue.strip(), key)

"""Values to keep: short ones to read in a test, and hypothesis strategies for any kept dataclass."""

import types
import typing
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any, Union

from hypothesis import strategies as st

from emr_dr.core.batch import Attempt, Batch, NewBatch, RescueClass, ShownState, SubmitState
from emr_dr.core.document import Document
from emr_dr.core.evidence import MemberSighting, ProbeResult, Sighting
from emr_dr.core.group import Group, Member, Placement, Stage, Wanted
from emr_dr.core.view import MemberView, Proof, ProofKind, Role
from emr_dr.ports.ledger import Ledger

PROOF = Proof(ProofKind.TERMINATED, 90.0, "EMR says TERMINATED")


def document(group: str = "etl", *, held: str = "") -> Document:
    member = Member(1, Stage.SERVING, 10.0, cluster="j-1", epoch=1, placement=Placement("subnet-a", "us-east-1a"))
    return Document(Group(group, "origin", Wanted(1), (member,), epoch=1, launched=1, held=held))


def view(cluster_id: str = "j-1") -> MemberView:
    return MemberView(
        cluster_id, 1, 1, "us-east-1a", "http://10.0.0.1:8998", "http://10.0.0.1:8088", Role.SERVING, True
    )


def sighting(vantage: str = "site-a", at: float = 100.0, *, ok: bool = True) -> Sighting:
    probes = (ProbeResult("livy", ok, "200" if ok else "refused", 0.25),)
    return Sighting(vantage, at, sees=True, members=(MemberSighting("j-1", probes),))


_tokens = (f"t{n:06}" for n in range(1_000_000))


def submission(**changes: Any) -> NewBatch:  # noqa: ANN401 - as dataclasses.replace has it
    """A submission with a token of its own, which may be run again."""
    new = NewBatch(next(_tokens), '{"file": "s3://acme/job.py"}', at=50.0, cluster_id="j-1", epoch=1)
    return replace(new, **{"rescue": RescueClass.IDEMPOTENT, **changes})


def change_last(batch: Batch, **changes: Any) -> Batch:  # noqa: ANN401 - as dataclasses.replace has it
    return batch.with_last(replace(batch.last, **changes))


def sent(batch: Batch) -> Batch:
    return change_last(batch, submit=SubmitState.SENT)


def confirmed(batch: Batch, livy_id: int = 3) -> Batch:
    return change_last(batch, submit=SubmitState.CONFIRMED, livy_id=livy_id)


def ended(batch: Batch, shown: ShownState = ShownState.SUCCESS) -> Batch:
    return change_last(batch, ended_at=80.0).showing(shown, 80.0)


def proven_dead(batch: Batch) -> Batch:
    return change_last(batch, proof=PROOF)


def live_attempts(batch: Batch) -> list[Attempt]:
    return [attempt for attempt in batch.attempts if attempt.live]


async def created(ledger: Ledger, **changes: object) -> Batch:
    return (await ledger.create(submission(**changes))).batch


async def saved(ledger: Ledger, *steps: Batch) -> Batch:
    """Save a batch over and over, each step over what the former left."""
    kept = await ledger.save(steps[0])
    for step in steps[1:]:
        kept = await ledger.save(replace(step, version=kept.version))
    return kept


_text = st.text(st.characters(codec="utf-8"), max_size=8)
_scalars: dict[object, st.SearchStrategy[Any]] = {
    str: _text,
    int: st.integers(-(2**63), 2**63),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    type(None): st.none(),
}

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | _scalars[float] | _text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_text, inner, max_size=3),
    max_leaves=5,
)


def anything(hint: object) -> st.SearchStrategy[Any]:
    """Any value of a type that stores keep. Made from the type, so that a new field is tried without a word here."""
    if hint in _scalars:
        return _scalars[hint]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(list(hint))
    if isinstance(hint, type) and is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        return st.builds(hint, **{field.name: anything(hints[field.name]) for field in fields(hint)})
    return _compound(typing.get_origin(hint), typing.get_args(hint))


def _compound(origin: object, inner: tuple[object, ...]) -> st.SearchStrategy[Any]:
    if origin in (Union, types.UnionType):
        return st.one_of(*(anything(hint) for hint in inner))
    if origin is tuple and inner[-1] is ...:
        return st.lists(anything(inner[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*(anything(hint) for hint in inner))
    if origin is frozenset:
        return st.frozensets(anything(inner[0]), max_size=3)
    raise NotImplementedError(origin, inner)

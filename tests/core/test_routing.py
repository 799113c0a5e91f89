"""Which member a batch is given to."""

from collections import Counter
from dataclasses import replace

import pytest

from emr_dr.core.routing import Candidate, Wish, in_order
from emr_dr.spec.gateway import Match, RoutingRule

A, B, C = Candidate("j-a", "us-east-1a", 0), Candidate("j-b", "us-east-1b", 0), Candidate("j-c", "us-east-1c", 0)
WISH = Wish("abc", queue="etl", user="ann", name="nightly")
TO_B = RoutingRule(when=Match(queue="etl"), zones=("us-east-1b",))
ONLY_B = RoutingRule(when=Match(queue="etl"), zones=("us-east-1b",), strict=True)


def test_with_nobody_who_takes_work_it_waits() -> None:
    assert in_order([], WISH, ()) == []


def test_the_least_to_do_comes_first() -> None:
    busy = [replace(A, load=40), replace(B, load=10), replace(C, load=30)]
    assert [c.cluster_id for c in in_order(busy, WISH, ())] == ["j-b", "j-c", "j-a"]


def test_members_as_good_as_each_other_share_what_comes() -> None:
    first = Counter(in_order([A, B, C], Wish(f"seed-{n}"), ())[0].cluster_id for n in range(600))
    assert set(first) == {"j-a", "j-b", "j-c"}
    assert min(first.values()) > 150


def test_loads_that_hardly_differ_do_not_draw_everything_to_one() -> None:
    near = [replace(A, load=100), replace(B, load=104)]
    first = Counter(in_order(near, Wish(f"seed-{n}"), ())[0].cluster_id for n in range(600))
    assert min(first.values()) > 200


def test_every_gateway_chooses_alike_for_one_batch() -> None:
    assert in_order([A, B, C], WISH, ()) == in_order([C, A, B], WISH, ())


def test_a_rule_names_the_zone() -> None:
    assert in_order([A, replace(B, load=500)], WISH, [TO_B])[0].cluster_id == "j-b"


def test_a_rule_that_is_not_strict_goes_elsewhere_rather_than_wait() -> None:
    assert in_order([A], WISH, [TO_B]) == [A]


def test_a_strict_rule_waits() -> None:
    assert in_order([A], WISH, [ONLY_B]) == []
    assert in_order([A, B], WISH, [ONLY_B]) == [B]


def test_zones_are_tried_in_the_order_of_the_rule() -> None:
    rule = RoutingRule(when=Match(user="a*"), zones=("us-east-1c", "us-east-1b"), strict=True)
    assert in_order([A, B, replace(C, load=9)], WISH, [rule]) == [replace(C, load=9), B]


@pytest.mark.parametrize(
    ("when", "hits"),
    [
        (Match(queue="etl"), True),
        (Match(queue="e?l", user="ann"), True),
        (Match(name="night*"), True),
        (Match(queue="etl", user="bob"), False),
        (Match(name="Nightly"), False),
    ],
)
def test_a_rule_is_for_what_matches_all_that_it_says(when: Match, *, hits: bool) -> None:
    rule = RoutingRule(when=when, zones=("us-east-1b",), strict=True)
    assert in_order([A], WISH, [rule]) == ([] if hits else [A])


def test_the_first_rule_that_matches_counts() -> None:
    to_a = RoutingRule(when=Match(user="ann"), zones=("us-east-1a",), strict=True)
    assert in_order([A, B], WISH, [to_a, ONLY_B]) == [A]

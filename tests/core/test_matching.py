"""Which class a batch has: what it says itself, else the first rule that matches."""

import pytest

from emr_dr.core.batch import RescueClass
from emr_dr.core.matching import declared_class, matches
from emr_dr.spec.gateway import Match, RescueRule

RULES = (
    RescueRule.model_validate({"when": {"queue": "etl-*", "user": "airflow"}, "class": "idempotent"}),
    RescueRule.model_validate({"when": {"name": "stream-?"}, "class": "checkpointed"}),
    RescueRule.model_validate({"when": {"user": "*"}, "class": "atomic"}),
)


@pytest.mark.parametrize(
    ("queue", "user", "name", "expected"),
    [
        ("etl-daily", "airflow", "", "idempotent"),
        ("etl-daily", "ann", "stream-1", "checkpointed"),
        ("etl-daily", "ann", "stream-12", "atomic"),
        ("", "", "", "atomic"),
    ],
)
def test_the_first_rule_that_matches_counts(queue: str, user: str, name: str, expected: str) -> None:
    assert declared_class(None, RULES, queue=queue, user=user, name=name) == expected


@pytest.mark.parametrize("declared", RescueClass)
def test_what_a_batch_says_of_itself_comes_before_any_rule(declared: RescueClass) -> None:
    assert declared_class(declared, RULES, queue="etl-daily", user="airflow") is declared


def test_without_a_word_and_a_rule_it_is_never() -> None:
    assert declared_class(None, (), queue="etl-daily") is RescueClass.NEVER
    assert declared_class(None, RULES[:2], user="ann") is RescueClass.NEVER


def test_a_bracket_stands_for_itself_and_case_counts() -> None:
    when = Match(name="job[1]*")
    assert matches(when, queue="", user="", name="job[1]-x")
    assert not matches(when, queue="", user="", name="job1")
    assert not matches(when, queue="", user="", name="JOB[1]")

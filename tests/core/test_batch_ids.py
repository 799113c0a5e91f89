"""Ranges of batch numbers."""

from itertools import pairwise

import pytest

from emr_dr.core.batch_ids import batch_id_range

LARGEST = 2**31 - 1
"""Livy's numbers are int32; a larger one is refused."""


def test_the_first_generation_begins_where_no_fresh_livy_does() -> None:
    assert (batch_id_range(1)[0], batch_id_range(1)[-1]) == (1_000_000, 1_999_999)


def test_no_two_generations_share_a_number_until_int32_is_used_up() -> None:
    ranges = [batch_id_range(generation) for generation in range(2147)]
    assert all(before.stop == after.start for before, after in pairwise(ranges))
    assert ranges[-1][-1] <= LARGEST


@pytest.mark.parametrize("generation", [2147, 2148, 10_000])
def test_then_they_begin_over(generation: int) -> None:
    assert batch_id_range(generation) == batch_id_range(generation % 2147)

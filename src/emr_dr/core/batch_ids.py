"""Which batch numbers the Livy of each generation gives out, so that no number ever means jobs of two members."""

RANGE_SIZE = 1_000_000
"""Numbers a generation has. A Livy that gave out more would go on in the next one's: years, at one every minute."""

_RANGES = 2**31 // RANGE_SIZE
"""Whole ranges in Livy's int32."""


def batch_id_range(generation: int) -> range:
    """Return the numbers of a launch number's Livy.

    The 2,147th launch begins over: with numbers that a member had whom nobody asks about any more.
    """
    first = generation % _RANGES * RANGE_SIZE
    return range(first, first + RANGE_SIZE)

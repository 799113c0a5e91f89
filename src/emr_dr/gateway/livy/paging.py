"""Queries: which part of a list or a log is asked for, and in whose name."""

from dataclasses import dataclass
from urllib.parse import parse_qsl

from emr_dr.gateway.livy.numbers import INT32, whole

SHOWN = 100
"""Batches of a list, and lines of a log, unless the client says how many."""

LONGEST_LIST = 1000
"""Batches of one answer at the most; Livy has no limit, and remembers fewer."""


def parameters(query: bytes) -> dict[str, str]:
    """Return the query's parameters; of several of one name the first counts, as with Livy.

    Raises:
        ValueError: There are very many.
    """
    found: dict[str, str] = {}
    text = query.decode("latin-1")
    for name, value in parse_qsl(text, keep_blank_values=True, errors="replace", max_num_fields=64):
        found.setdefault(name, value)
    return found


@dataclass(frozen=True, slots=True)
class Part:
    """What of a list is asked for.

    Attributes:
        said: `from` as the client said it, which is what the answer repeats.
        start, size: What that comes to.
    """

    said: int
    start: int
    size: int


def part_of_list(query: dict[str, str]) -> Part:
    """Return which batches are asked for.

    Raises:
        NotANumberError: `from` or `size` is no int32.
    """
    said, size = whole(query.get("from", "0")), whole(query.get("size", str(SHOWN)))
    end = (said + size + INT32) % (2 * INT32) - INT32  # as Java adds
    start = max(said, 0)
    return Part(said, start, min(max(end - start, 0), LONGEST_LIST))


def part_of_log(query: dict[str, str]) -> tuple[int, int]:
    """Return the first line asked for, and how many; negative ones mean the last lines, and all.

    Raises:
        NotANumberError: `from` or `size` is no int32.
    """
    return whole(query.get("from", "-1")), whole(query.get("size", str(SHOWN)))

"""How values of a request and of EMR's answers are reached, made equal in form, and shown in few words."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, NamedTuple

from emr_dr.ports import Difference

Json = Mapping[str, Any]  # plain data as boto3 takes and gives it; every field of it may be missing
Normal = Callable[[Any], object]

NONE = "none"
_LONGEST = 80
_SCHEME = re.compile(r"^s3[an]://")
_VERSION = re.compile(r"\s+v?\d[\w.-]*$")


class Unlike(NamedTuple):
    """A field in which the two sides differ, both as short text.

    `surplus` says that the cluster has all that is declared, and more: EMR, a default of the account or a later API may
    have added it, and no candidate is given up for that.
    """

    field: str
    wanted: str
    found: str
    surplus: bool = False

    def as_difference(self, *, must: bool) -> Difference:
        """Return it as the port has it."""
        return Difference(self.field, self.wanted, self.found, must=must and not self.surplus)


@dataclass(frozen=True, slots=True)
class Unread:
    """What we were refused to read, and why."""

    reason: str


def at(data: Json, path: str) -> Any:  # noqa: ANN401 - plain data has any type
    """Return what lies under a path such as `Instances.Ec2KeyName`; None where a part of it is missing."""
    found: Any = data
    for step in path.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def unlike(field: str, wanted: object, found: object) -> Iterator[Unlike]:
    """Yield the field if the two values, in one form already, are not equal. Missing, empty and None are equal."""
    if (wanted or None) != (found or None):
        more = isinstance(wanted, AbstractSet) and isinstance(found, AbstractSet) and wanted < found
        yield Unlike(field, shown(wanted), shown(found), surplus=more or not wanted)


def shown(value: object) -> str:
    """Return a value as short text; `none` for nothing at all."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.12g}"
    if isinstance(value, AbstractSet):
        return listed(sorted(map(str, value)))
    if isinstance(value, (list, tuple)):
        return listed(map(str, value))
    return short(str(value)) if value not in (None, "") else NONE


def listed(words: Iterable[str], most: int = 4) -> str:
    """Return words with commas between them; behind the first `most` only how many more there are."""
    words = tuple(words)
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return short(", ".join(words[:most]) + more) if words else NONE


def short(text: str) -> str:
    """Return at most 80 letters of a text, in one line."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def same(value: object) -> object:
    """Return the value as it is."""
    return value


def role_name(role: str | None) -> str:
    """Return a role's or profile's name: the launch may say an ARN where the answer says a name, and the reverse.

    A name is one role's in an account whatever its path, and a cluster cannot take another account's.
    """
    return (role or "").rpartition("/")[2]


def folder(uri: str | None) -> str:
    """Return an S3 folder in one form: EMR writes s3n:// for s3://, and ends it with a slash."""
    return _SCHEME.sub("s3://", uri or "").rstrip("/")


def applications(asked: Sequence[Json] | None) -> frozenset[str]:
    """Return applications by name, without versions and in small letters: EMR spells and versions them itself."""
    return frozenset(_VERSION.sub("", each.get("Name") or "").lower() for each in asked or ())


def members(values: Sequence[str] | None) -> frozenset[str]:
    """Return a list whose order means nothing."""
    return frozenset(values or ())


def first(values: Sequence[str] | str | None) -> str | None:
    """Return the only one of a list, or a text as it is."""
    if values is None or isinstance(values, str):
        return values
    return values[0] if values else None


def number(value: object) -> float | None:
    """Return a number that may come as text, such as a price; None for what is none."""
    try:
        return float(str(value))
    except ValueError:
        return None

"""Which batches a rule of the spec is about, and the class that a batch declares by itself or by such a rule."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Protocol

from emr_dr.core.batch import RescueClass


class Criteria(Protocol):
    """Patterns, of which those given must all match; `spec.gateway.Match` is one."""

    @property
    def queue(self) -> str | None:
        """The queue that the client asks for; empty if none."""

    @property
    def user(self) -> str | None:
        """Who submits it; empty where nobody signs in."""

    @property
    def name(self) -> str | None:
        """The client's own name for it; empty if none."""


class ClassRule(Protocol):
    """A class for certain batches; `spec.gateway.RescueRule` is one."""

    @property
    def when(self) -> Criteria:
        """Which batches."""

    @property
    def rescue(self) -> str:
        """A word of `RescueClass`."""


def matches(when: Criteria, *, queue: str, user: str, name: str) -> bool:
    """Whether everything that is given matches; what is given nowhere matches nothing."""
    pairs = [(p, text) for p, text in ((when.queue, queue), (when.user, user), (when.name, name)) if p is not None]
    return bool(pairs) and all(_like(text, pattern) for pattern, text in pairs)


def declared_class(
    declared: RescueClass | None, rules: Iterable[ClassRule], *, queue: str = "", user: str = "", name: str = ""
) -> RescueClass:
    """The class of a submission: what it says itself, else the first rule that matches it, else `never`."""
    if declared is not None:
        return declared
    found = (rule.rescue for rule in rules if matches(rule.when, queue=queue, user=user, name=name))
    return RescueClass(next(found, RescueClass.NEVER))


def _like(text: str, pattern: str) -> bool:
    """Match with * and ? only: a bracket stands for itself."""
    return fnmatchcase(text, pattern.replace("[", "[[]"))

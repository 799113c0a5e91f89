"""The difference between what is declared and what is in the account, as values; nothing here touches AWS."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from emr_dr.errors import ConflictError
from emr_dr.provision.account import Found
from emr_dr.provision.desired import OWNER_TAG, Field, Resource

Key = tuple[str, str]
"""What a resource is known by: its kind and name."""


@dataclass(frozen=True, slots=True)
class Change:
    """One field of one resource that is not as declared; without a field, the resource itself: missing, or to go.

    Attributes:
        kind: What it is, in words: a balancer's part, a rule, a record, a file, a member, the group.
        before: As it is; empty if it is not there.
        after: As declared.
        why: Why it is declared so.
        obstacle: What to do by hand where AWS cannot change it in place; empty where it can.
        asks: Whether it is made in something that is not ours, so that a person is asked first.
    """

    kind: str
    name: str
    field: str
    before: str
    after: str
    why: str
    obstacle: str = ""
    asks: bool = False

    @property
    def resource(self) -> str:
        """The resource in words."""
        return f"{self.kind} {self.name}"

    @property
    def creates(self) -> bool:
        """Whether the whole resource is missing."""
        return not self.field and bool(self.after)

    @property
    def removes(self) -> bool:
        """Whether the whole resource is to go."""
        return not self.field and not self.after

    @property
    def shown(self) -> str:
        """From what to what, in words."""
        return f"{self.before or 'nothing'} -> {self.after or 'nothing'}"

    def as_dict(self) -> dict[str, str]:
        """Return it for JSON."""
        words = {"resource": self.resource, "field": self.field, "from": self.before, "to": self.after, "why": self.why}
        asks = {"asks": "it is in what is not ours: apply asks first, or takes --yes"} if self.asks else {}
        return words | ({"obstacle": self.obstacle} if self.obstacle else {}) | asks

    def __str__(self) -> str:
        if self.creates:
            return f"{self.resource}: new ({self.after})"
        if self.removes:
            return f"{self.resource}: removed ({self.why})"
        return f"{self.resource}: {self.field}: {self.shown} ({self.why})"


def diff(desired: Sequence[Resource], actual: Mapping[Key, Found]) -> list[Change]:
    """Return what has to change, in the order of `desired`; resources and fields that are not declared are left alone.

    Raises:
        ConflictError: A resource of a declared name is not tagged as ours.
    """
    changes: list[Change] = []
    for resource in desired:
        found = actual.get((resource.kind, resource.name))
        if found is None:
            changes.append(_creation(resource))
            continue
        if (owner := found.tags.get(OWNER_TAG)) != resource.tags[OWNER_TAG]:
            raise ConflictError(
                f"is there already, and is {f'of group {owner}' if owner else 'not tagged as ours'}",
                where=f"{resource.kind} {resource.name}",
                remedy=f"choose another name, or tag it {OWNER_TAG}={resource.tags[OWNER_TAG]} to give it to us",
            )
        changes.extend(_field_changes(resource, found))
        changes.extend(_tag_changes(resource, found))
    return changes


def _creation(resource: Resource) -> Change:
    fields = resource.fields.items()
    shown = ", ".join(f"{name}={field.value}" for name, field in fields if field.value and "." not in name)
    return Change(resource.kind, resource.name, "", "", shown, "it is declared and not there")


def _field_changes(resource: Resource, found: Found) -> Iterator[Change]:
    for name, field in resource.fields.items():
        before = found.fields.get(name, "")
        if before != field.value:
            obstacle = _obstacle(name, field, before)
            yield Change(resource.kind, resource.name, name, before, field.value, field.why, obstacle)


def _obstacle(name: str, field: Field, before: str) -> str:
    # Groups can be exchanged, but a balancer made without any gets none, and one made with some keeps one
    # (ELBv2 API, SetSecurityGroups).
    if name == "SecurityGroups" and not (before and field.value):
        return "delete the balancer and apply again: AWS gives security groups only to a new one"
    return field.fixed


def _tag_changes(resource: Resource, found: Found) -> Iterator[Change]:
    for key, value in resource.tags.items():
        before = found.tags.get(key, "")
        if before != value:
            yield Change(resource.kind, resource.name, f"tag {key}", before, value, "by it we know the resource")

"""Compares what runs on a cluster's machines: configurations, bootstrap actions; and its tags and scaling limits."""

import re
from collections.abc import Iterator, Mapping, Sequence

from emr_dr.aws.compare_values import NONE, Json, Unlike, Unread, folder, listed, number, short, unlike

Setting = tuple[str, ...]
Settings = Mapping[Setting, str]

_SECRET = re.compile(r"password|secret|token|credential|access.?key", re.IGNORECASE)
_LIMITS = {
    "MinimumCapacityUnits": "minimum",
    "MaximumCapacityUnits": "maximum",
    "MaximumOnDemandCapacityUnits": "maximum_on_demand",
    "MaximumCoreCapacityUnits": "maximum_core",
}


def compare_configurations(wanted: Sequence[Json] | None, found: Sequence[Json] | None) -> Iterator[Unlike]:
    """Yield one difference for each classification that is missing, not declared, or set otherwise.

    Order means nothing, at any depth; values are compared as text. Values of settings that sound secret are not told.
    """
    declared, there = _settings(wanted or ()), _settings(found or ())
    for name in sorted({path[0] for path in (*declared, *there)}):
        ours, theirs = _of(name, declared), _of(name, there)
        if ours != theirs:
            wanted_words, found_words = _words(ours, theirs), _words(theirs, ours)
            yield Unlike(f"configurations.{name}", wanted_words, found_words, surplus=ours.items() <= theirs.items())


def compare_bootstrap(wanted: Sequence[Json] | None, found: Sequence[Json] | Unread) -> Iterator[Unlike]:
    """Yield where bootstrap actions, in order, differ by name, script or arguments. Arguments are not told.

    Those that we may not list were sent with the launch: that is no reason to have no cluster at all.
    """
    if isinstance(found, Unread):
        asked = listed(each["Name"] for each in wanted or ())
        yield Unlike("bootstrap", asked, f"what we may not read ({found.reason})", surplus=True)
        return
    declared = [
        (each["Name"], folder(script["Path"]), tuple(script.get("Args") or ()))
        for each in wanted or ()
        for script in (each["ScriptBootstrapAction"],)
    ]
    there = [(each.get("Name") or "", folder(each.get("ScriptPath")), tuple(each.get("Args") or ())) for each in found]
    if len(declared) != len(there):
        names = listed(name for name, _, _ in declared), listed(name for name, _, _ in there)
        rest = iter(there)  # whether what is declared is there, in its order, among others
        yield Unlike("bootstrap", *names, surplus=all(each in rest for each in declared))
        return
    for index, (ours, theirs) in enumerate(zip(declared, there, strict=True)):
        if ours[:2] != theirs[:2]:
            yield Unlike(f"bootstrap[{index}]", short(f"{ours[0]} {ours[1]}"), short(f"{theirs[0]} {theirs[1]}"))
        elif ours != theirs:
            yield Unlike(f"bootstrap[{index}].args", f"{len(ours[2])} arguments", f"others ({len(theirs[2])})")


def compare_tags(wanted: Mapping[str, str], found: Mapping[str, str]) -> Iterator[Unlike]:
    """Yield the declared tags that are missing or have another value; what people or AWS add is left alone."""
    for key, value in wanted.items():
        if found.get(key) != value:
            yield Unlike(f"tags.{key}", short(value) or NONE, short(found[key]) if key in found else NONE)


def compare_scaling(wanted: Json | None, found: Json | Unread | None) -> Iterator[Unlike]:
    """Yield managed scaling as a whole where one has it and the other not, else the limits that differ.

    Limits that are not declared are EMR's to fill in.
    """
    declared: Json = (wanted or {}).get("ComputeLimits") or {}
    if isinstance(found, Unread):
        yield Unlike("managed_scaling", _range(declared), f"what we may not read ({found.reason})")
        return
    there: Json = (found or {}).get("ComputeLimits") or {}
    if bool(declared) != bool(there):
        yield Unlike("managed_scaling", _range(declared), _range(there))
    elif declared:
        yield from unlike("managed_scaling.unit", declared["UnitType"], there.get("UnitType"))
        for key, field in _LIMITS.items():
            if key in declared:
                yield from unlike(f"managed_scaling.{field}", number(declared[key]), number(there.get(key)))


def _range(limits: Json) -> str:
    if not limits:
        return NONE
    return f"{limits.get('MinimumCapacityUnits')} to {limits.get('MaximumCapacityUnits')} {limits.get('UnitType')}"


def _settings(configurations: Sequence[Json], within: Setting = ()) -> dict[Setting, str]:
    """Flatten to text by path. A classification itself is there too, with a path that ends in a slash."""
    found = dict[Setting, str]()
    for each in configurations:
        path = (*within, each.get("Classification") or "")
        found[(*path, "/")] = ""
        for key, value in (each.get("Properties") or {}).items():
            found[(*path, f"={key}")] = _text(value)
        found.update(_settings(each.get("Configurations") or (), path))
    return found


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _of(name: str, settings: Settings) -> Settings:
    return {path: value for path, value in settings.items() if path[0] == name}


def _words(own: Settings, other: Settings) -> str:
    """What one side has that the other has not, in words."""
    if not own:
        return NONE
    if not other:
        count = sum(path[-1].startswith("=") for path in own)
        return f"{count} settings" if count != 1 else "1 setting"
    here = [_setting(path, value) for path, value in sorted(own.items()) if other.get(path) != value]
    gone = [f"no {_name(path)}" for path in sorted(other) if path not in own]
    return listed([*here, *gone], most=3)


def _setting(path: Setting, value: str) -> str:
    if path[-1] == "/":
        return _name(path)
    return f"{_name(path)}={'(not told)' if _SECRET.search(_name(path)) else short(value)}"


def _name(path: Setting) -> str:
    return ".".join([*path[1:-1], *([path[-1][1:]] if path[-1] != "/" else [])])

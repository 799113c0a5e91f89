"""Reads what Livy and YARN tell, strictly, and builds nothing again that has not changed since the last answer."""

from collections.abc import Mapping
from typing import TypeVar

from emr_dr.errors import TransientError
from emr_dr.ports import LivyBatch, LogPage, QueueLoad, YarnApplication

T = TypeVar("T")
_MOST_TAGS = 200

LONGEST_LINE = 4096
"""Characters held of one line that a list shows: lines come from users' jobs, and every batch has ten."""


class Batches:
    """The batches that one Livy told last, by number."""

    def __init__(self) -> None:
        self._told: dict[int, tuple[Mapping[str, object], LivyBatch]] = {}

    def read(self, value: object, where: str) -> tuple[dict[int, LivyBatch], int]:
        """Return one page of the list by number, and how many there are in all.

        Raises:
            TransientError: It is not as Livy tells it.
        """
        total, listed = field(value, "total", int, where), field(value, "sessions", list, where)
        found: dict[int, LivyBatch] = {}
        told = self._told
        for each in listed:
            number = each.get("id") if isinstance(each, dict) else None
            held = told.get(number) if isinstance(number, int) else None
            if held is not None and held[0] == each:
                found[held[1].id] = held[1]
            else:
                batch = read_batch(each, where)
                found[batch.id] = batch
                if any(len(line) == LONGEST_LINE for line in batch.log):
                    told.pop(batch.id, None)  # what was cut off is not to be held for comparing
                else:
                    told[batch.id] = (each, batch)
        return found, total

    def keep(self, numbers: Mapping[int, LivyBatch]) -> None:
        """Forget every other number: Livy does not know it any more."""
        if len(self._told) > len(numbers):
            self._told = {number: self._told[number] for number in numbers if number in self._told}


class Applications:
    """The applications that one YARN told last, by their ids."""

    def __init__(self) -> None:
        self._told: dict[str, YarnApplication] = {}

    def read(self, value: object, where: str) -> list[YarnApplication]:
        """Return the list.

        Raises:
            TransientError: It is not as YARN tells it.
        """
        apps = field(value, "apps", object, where)
        # None at all is {"apps": null} in Hadoop 2 and {"apps": {}} in Hadoop 3 (captured).
        listed = [] if apps in (None, {}) else field(apps, "app", list, where)
        told = [self._one(each, where) for each in listed]
        self._told = {each.id: each for each in told}
        return told

    def _one(self, value: object, where: str) -> YarnApplication:
        # Numbers that nobody here reads change with every answer, so only what is kept is compared.
        number = field(value, "id", str, where)
        state, final = field(value, "state", str, where), field(value, "finalStatus", str, where)
        held = self._told.get(number)
        if held is not None and (held.state, held.final_status) == (state, final):
            return held
        tags = _text(value, "applicationTags", where).lower().split(",")[:_MOST_TAGS]
        return YarnApplication(
            id=number,
            name=_text(value, "name", where),
            state=state,
            final_status=final,
            tags=frozenset(tag.strip() for tag in tags if tag.strip()),
            user=_text(value, "user", where),
            queue=_text(value, "queue", where),
            diagnostics=_text(value, "diagnostics", where),
            started_at=_milliseconds(value, "startedTime"),
        )


def read_batch(value: object, where: str) -> LivyBatch:
    """Return one batch.

    Raises:
        TransientError: It is not as Livy tells it.
    """
    number = field(value, "id", int, where)
    info = _optional(value, "appInfo", dict, where) or {}
    lines = _optional(value, "log", list, where) or []
    return LivyBatch(
        id=number,
        name=_text(value, "name", where),
        state=field(value, "state", str, where),
        app_id=_text(value, "appId", where),
        driver_log_url=_text(info, "driverLogUrl", where),
        spark_ui_url=_text(info, "sparkUiUrl", where),
        log=tuple(line[:LONGEST_LINE] for line in _lines(lines, where)),
    )


def read_log(value: object, where: str) -> LogPage:
    """Return lines of a log.

    Raises:
        TransientError: It is not as Livy tells it.
    """
    start, total = field(value, "from", int, where), field(value, "total", int, where)
    return LogPage(start, total, _lines(field(value, "log", list, where), where))


def read_load(metrics: object, info: object, where: str) -> QueueLoad:
    """Return what YARN has to do, and since when it is there.

    Raises:
        TransientError: It is not as YARN tells it.
    """
    said = field(metrics, "clusterMetrics", dict, where)
    running, pending = field(said, "appsRunning", int, where), field(said, "appsPending", int, where)
    return QueueLoad(running, pending, _milliseconds(field(info, "clusterInfo", dict, where), "startedOn"))


def field(value: object, key: str, kind: type[T], where: str) -> T:
    """Return `value[key]` if `value` is a JSON object that has something of this kind there.

    Raises:
        TransientError: It is not so; `what` names the field.
    """
    if not isinstance(value, dict) or key not in value:
        raise TransientError(f"JSON without {key}", where=where)
    found: object = value[key]
    # JSON's true is no number, though Python's True is one.
    if not isinstance(found, kind) or (isinstance(found, bool) and kind is not object):
        raise TransientError(f"{key} is of another kind than expected", where=where)
    return found


def _optional(value: object, key: str, kind: type[T], where: str) -> T | None:
    if isinstance(value, dict) and value.get(key) is None:
        return None
    return field(value, key, kind, where)


def _text(value: object, key: str, where: str) -> str:
    return _optional(value, key, str, where) or ""


def _lines(lines: list[object], where: str) -> tuple[str, ...]:
    if not all(isinstance(line, str) for line in lines):
        raise TransientError("log holds something else than lines", where=where)
    return tuple(str(line) for line in lines)


def _milliseconds(value: object, key: str) -> float:
    found = value.get(key) if isinstance(value, dict) else None
    return found / 1000 if isinstance(found, int) and not isinstance(found, bool) else 0.0

"""How the demo's batches say that they may be run again: half of them by header, half by conf, as clients can."""

from collections.abc import Callable, Mapping

Payload = Callable[[str], dict[str, object]]

_CLASS = "idempotent"


def declared_by_conf(payload: Payload) -> Payload:
    """Return a payload in which every other batch declares itself, by its configuration."""

    def declared(key: str) -> dict[str, object]:
        body = payload(key)
        return body if _by_header(key) else body | {"conf": {"spark.emrdr.rescue": _CLASS}}

    return declared


def declared_by_header(key: str) -> Mapping[str, str]:
    """Return the headers of a batch: the key by which a submission repeated is the same one, and what it declares."""
    headers = {"X-Emr-Dr-Idempotency-Key": key}
    return headers | {"X-Emr-Dr-Rescue": _CLASS} if _by_header(key) else headers


def _by_header(key: str) -> bool:
    return int(key.rpartition("-")[2]) % 2 == 0

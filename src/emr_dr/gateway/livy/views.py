"""What clients are shown of batches, with the keys of Livy 0.7.1 in its order, and never another one."""

from collections.abc import Iterable, Sequence

from emr_dr.core.batch import Batch
from emr_dr.gateway.calls import LOG_SHOWN, Shown
from emr_dr.gateway.livy.answers import rendered
from emr_dr.ports import LogPage


def view(shown: Shown) -> dict[str, object]:
    """Return Livy's view of a batch."""
    batch = shown.batch
    last = batch.last
    return {
        "id": batch.id,
        "name": batch.name,
        "owner": batch.owner,
        "proxyUser": batch.proxy_user,
        "state": batch.shown.value,
        "appId": last.app_id or None,
        "appInfo": {"driverLogUrl": last.driver_log_url or None, "sparkUiUrl": last.spark_ui_url or None},
        "log": shown.log[-LOG_SHOWN:],
    }


def batch_json(shown: Shown) -> bytes:
    """GET /batches/N."""
    return rendered(view(shown))


def state_json(batch: Batch) -> bytes:
    """GET /batches/N/state."""
    return b'{"id":%d,"state":"%s"}' % (batch.id, batch.shown.value.encode())


def log_json(batch: Batch, page: LogPage) -> bytes:
    """GET /batches/N/log."""
    return rendered({"id": batch.id, "from": page.start, "total": page.total, "log": page.lines})


def list_json(said: int, total: int, views: Iterable[bytes]) -> bytes:
    """GET /batches, of views that are JSON already."""
    return b'{"from":%d,"total":%d,"sessions":[%s]}' % (said, total, b",".join(views))


def metadata(batch: Batch) -> Sequence[tuple[str, str]]:
    """Return what a gateway knows beyond Livy's views, for headers."""
    last = batch.last
    told = [("x-emr-dr-attempt", str(last.number))]
    if last.cluster_id.isascii() and last.cluster_id.replace("-", "").isalnum():
        told.append(("x-emr-dr-cluster", last.cluster_id))
    return told

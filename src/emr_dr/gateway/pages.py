"""The gateway's own pages: health for the balancer, metrics, and what is known of members, attempts and drains."""

import time
from collections.abc import Callable
from dataclasses import asdict

from emr_dr.core.batch import Attempt, Batch
from emr_dr.core.view import VIEW_SECONDS, Role
from emr_dr.gateway.batch_calls import may_see
from emr_dr.gateway.calls import Batches, Caller, MemberState, Situation
from emr_dr.gateway.http import Scope
from emr_dr.gateway.livy import answers
from emr_dr.gateway.livy.answers import HTML, Answer, rendered
from emr_dr.gateway.livy.numbers import NotANumberError, is_number, unquoted, whole

HEALTH = b"/gateway/health"
METRICS = b"/metrics"
OPEN_PATHS = (HEALTH,)
"""Pages that a balancer reads, which signs in nowhere."""
_BATCHES = b"/gateway/batches/"


class Pages:
    """Answers GET (and HEAD) of `/gateway/…` and `/metrics`."""

    def __init__(
        self,
        batches: Batches,
        *,
        queued: int,
        metrics: Callable[[], Answer],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._batches = batches
        self._queued = queued
        self._metrics = metrics
        self._now = now
        self.stopping = False
        """Whether the process is about to end, so that the balancer sends nobody here any more."""
        self._pages: dict[bytes, Callable[[], Answer]] = {
            HEALTH: self.health,
            METRICS: metrics,
            b"/gateway/members": self._members,
            b"/gateway/drains": self._drains,
            b"/gateway": self._index,
            b"/gateway/": self._index,
        }

    def has(self, path: bytes) -> bool:
        """Whether a path is one of these pages, or lies below them."""
        return path in self._pages or path.startswith(b"/gateway/")

    async def answer(self, scope: Scope, caller: Caller) -> Answer:
        """The page."""
        if scope["method"] not in ("GET", "HEAD"):
            return answers.wrong_method(("GET", "HEAD"))
        path: bytes = scope["raw_path"]
        if path in self._pages:
            return self._pages[path]()
        if path.startswith(_BATCHES):
            return await self._attempts(path[len(_BATCHES) :], caller)
        return answers.NO_SUCH_PATH

    def health(self) -> Answer:
        """200 while what is known can be served, whether or not new work is taken."""
        seen = self._batches.situation()
        why = self._why_nothing_new(seen)
        told = {
            "status": "stopping" if self.stopping else "ok",
            "group": seen.group,
            "gateway": seen.gateway,
            "accepts_submissions": not why and not self.stopping,
            "why": why,
            "troubles": seen.troubles,
        }
        return Answer(503 if self.stopping else 200, rendered(told))

    def _why_nothing_new(self, seen: Situation) -> list[str]:
        age = self._now() - seen.views_at
        if age > VIEW_SECONDS:
            return [
                "the members were never read from the store"
                if not seen.views_at
                else f"the store was last read {age:.0f} s ago"
            ]
        if not any(member.takes_work for member in seen.members) and seen.queued >= self._queued:
            return ["no member takes work, and the queue is full"]
        return []

    def _index(self) -> Answer:
        seen = self._batches.situation()
        links = ("/gateway/health", "/gateway/members", "/gateway/drains", "/metrics", "/batches")
        items = "".join(f'<li><a href="{link}">{link}</a></li>' for link in links)
        title = f"emr-dr gateway {_escaped(seen.gateway)} of {_escaped(seen.group)}"
        page = f"<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1><ul>{items}"
        return Answer(200, f"{page}<li>/gateway/batches/N</li></ul></body></html>".encode(), HTML)

    def _members(self) -> Answer:
        seen = self._batches.situation()
        told = {
            "group": seen.group,
            "gateway": seen.gateway,
            "queued": seen.queued,
            "views_at": seen.views_at,
            "troubles": seen.troubles,
            "members": [_member(each) for each in seen.members],
        }
        return Answer(200, rendered(told))

    def _drains(self) -> Answer:
        """Members that are given nothing new, with what is still to end there."""
        seen = self._batches.situation()
        drained = [each for each in seen.members if not each.view.accepts_new]
        told = [
            {
                "cluster": each.view.cluster_id,
                "role": each.view.role.value,
                "unfinished": each.unfinished,
                "drained": each.unfinished == 0,
                "death": None if each.view.death is None else asdict(each.view.death),
            }
            for each in drained
            if each.view.role is not Role.STANDBY
        ]
        return Answer(200, rendered({"drains": told}))

    async def _attempts(self, segment: bytes, caller: Caller) -> Answer:
        name = unquoted(segment) or ""
        try:
            asked = str(whole(name)) if is_number(name) else name
        except NotANumberError:
            return answers.not_a_number(name)
        shown = await self._batches.find(asked)
        if shown is None or not may_see(caller, shown.batch):
            return answers.not_found(name)
        batch = shown.batch
        told = {
            "id": batch.id,
            "name": batch.name,
            "owner": batch.owner,
            "state": batch.shown.value,
            "why": batch.why or _why_it_waits(batch, self._batches.situation()),
            "rescue": batch.rescue.value,
            "created_at": batch.created_at,
            "ended_at": batch.ended_at,
            "as_of": shown.as_of,
            "yarn_tag": batch.yarn_tag,
            "attempts": [_attempt(each) for each in batch.attempts],
        }
        return Answer(200, rendered(told))


def _why_it_waits(batch: Batch, seen: Situation) -> str:
    """Why nothing is heard of a batch that has not ended; empty where there is nothing to explain."""
    if batch.live is None or batch.shown.terminal:
        return ""
    cluster = batch.live.cluster_id
    if not cluster:
        return "no member takes it yet"
    member = next((each for each in seen.members if each.view.cluster_id == cluster), None)
    if member is None or not (member.livy and member.yarn):
        return ""
    silent = f"its member {cluster} does not answer (Livy: {member.livy}; YARN: {member.yarn})"
    if member.view.death is None:
        return f"{silent}, and nothing proves it dead: until then it is not run again"
    return f"{silent}, and is proven dead: {member.view.death.evidence}"


def _attempt(attempt: Attempt) -> dict[str, object]:
    told = asdict(attempt)
    return {
        "number": told["number"],
        "cluster": told["cluster_id"] or None,
        "submitted": attempt.submit.value,
        "live": attempt.live,
        **{key: told[key] for key in ("unique_name", "yarn_tag", "epoch", "at", "sent_at", "livy_id", "app_id")},
        **{key: told[key] for key in ("livy_state", "yarn_state", "ended_at", "proof", "why")},
    }


def _member(member: MemberState) -> dict[str, object]:
    view = member.view
    return {
        "cluster": view.cluster_id,
        "generation": view.generation,
        "epoch": view.epoch,
        "az": view.az,
        "role": view.role.value,
        "accepts_new": view.accepts_new,
        "takes_work": member.takes_work,
        "livy": member.livy or "ok",
        "yarn": member.yarn or "ok",
        "clean": member.clean,
        "running": None if member.load is None else member.load.running,
        "pending": None if member.load is None else member.load.pending,
        "unfinished": member.unfinished,
        "seen_at": member.seen_at,
        "death": None if view.death is None else asdict(view.death),
    }


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

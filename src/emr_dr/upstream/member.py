"""Members' Livy and YARN over HTTP, as gateways ask them. Sources: Livy 0.7.1 as captured, Hadoop's REST API."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import quote, urlencode

import orjson

from emr_dr.core.view import MemberView
from emr_dr.errors import OutcomeUnknownError, TransientError
from emr_dr.ports import Accepted, Declined, LivyBatch, LogPage, QueueLoad, YarnApplication
from emr_dr.upstream import reading
from emr_dr.upstream.line import Access, Answer, Line, Times, TooMuchError

LARGEST_ANSWER = 4 << 20
"""Bytes of an answer about one thing: a log is the largest of them."""

LARGEST_LIST = 64 << 20
"""Bytes of a page of a list: ten thousand batches with ten lines of their logs each."""

PAGE = 10_000
"""Batches asked for at once. Livy lists them in no order, so one page is as of one moment and several are not."""

LARGEST_KEPT = 16 << 20
"""Bytes of a list that are kept to see whether the next one is the same."""

AT_ONCE = 32
"""Connections to one service of one member, kept and not kept each."""

FORGOTTEN_SECONDS = 600.0
"""Connections to a member that nobody asked for so long are let go: it has ended."""

LEAST_PAGE = 10
_MOST_PAGES = 1000
_MOST_TAGS = 4
_TOO_MANY = b"too many sessions are being created"

_NOT_LIVYS = frozenset({401, 404, 405, 407, 408, 429, 503})
"""What Livy itself never answers to a submission: whoever did, in front of it, has not let it through."""


@dataclass(slots=True)
class _Member:
    """The connections to one member, and what it told last."""

    livy: Line
    yarn: Line
    page: int = PAGE
    batches: reading.Batches = field(default_factory=reading.Batches)
    applications: dict[str, reading.Applications] = field(default_factory=dict)
    asked_at: float = 0.0
    told: bytes = b""
    listed: Sequence[LivyBatch] = ()
    """What `told` was read as: a list in which nothing has changed is not read again."""

    def remembered(self, tag: str) -> reading.Applications:
        """What YARN told of a tag, kept for the few tags that were asked for last."""
        memory = self.applications.pop(tag, None) or reading.Applications()
        self.applications[tag] = memory
        if len(self.applications) > _MOST_TAGS:
            del self.applications[next(iter(self.applications))]
        return memory


class MemberUpstream:
    """The `Upstream` of a gateway. Each member has connections of its own, so one that hangs delays no call to another.

    Args:
        livy: How Livy is spoken to, on every member.
        yarn: How the ResourceManager is spoken to.
        times: Deadlines.
        largest_list: Bytes of a page of a list.
    """

    def __init__(
        self,
        livy: Access | None = None,
        yarn: Access | None = None,
        times: Times | None = None,
        *,
        largest_list: int = LARGEST_LIST,
    ) -> None:
        self._largest_list = largest_list
        self._livy = livy or Access()
        self._yarn = yarn or Access()
        self._times = times or Times()
        self._members: dict[tuple[str, str, str], _Member] = {}
        self._closing: set[asyncio.Task[None]] = set()

    async def submit(
        self, member: MemberView, request: Mapping[str, object], *, do_as: str = ""
    ) -> Accepted | Declined:
        """POST /batches, once, over a connection of its own."""
        path = "/batches" + (f"?{urlencode({'doAs': do_as})}" if do_as else "")
        answer = await self._of(member).livy.ask(
            "POST",
            path,
            body=orjson.dumps(request),
            seconds=self._times.submit,
            largest=LARGEST_ANSWER,
            once=True,
        )
        if answer.status in (HTTPStatus.CREATED, HTTPStatus.OK):
            return Accepted(_accepted(answer))
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR and answer.status != HTTPStatus.SERVICE_UNAVAILABLE:
            # Livy may have got stuck halfway, and a proxy may have lost sight of a Livy that goes on.
            raise OutcomeUnknownError(f"HTTP {answer.status} {answer.quoted}", where=answer.where)
        redirected = answer.status < HTTPStatus.BAD_REQUEST
        busy = answer.status in _NOT_LIVYS or redirected or _TOO_MANY in answer.body
        return Declined(answer.status, answer.body, answer.content_type, busy=busy)

    async def batches(self, member: MemberView) -> Sequence[LivyBatch]:
        """Every batch that Livy knows: those not changed since the last call are the same objects as then.

        A page that is too much because of somebody's endless lines is asked for again in smaller ones, from then on.
        """
        asked = self._of(member)
        while True:
            try:
                return await self._whole_list(asked)
            except TooMuchError:
                if asked.page == LEAST_PAGE:
                    raise
                asked.page = max(asked.page // 10, LEAST_PAGE)

    async def batch(self, member: MemberView, name: str) -> LivyBatch | None:
        """The batch of that name, or None."""
        answer = await self._look(member, f"/batches/{quote(name, safe='')}")
        return reading.read_batch(answer.json(), answer.where) if answer is not None else None

    async def log(self, member: MemberView, livy_id: int, start: int, size: int) -> LogPage | None:
        """Lines of a batch's log, or None."""
        answer = await self._look(member, f"/batches/{livy_id}/log?from={start}&size={size}")
        return reading.read_log(answer.json(), answer.where) if answer is not None else None

    async def delete(self, member: MemberView, livy_id: int) -> None:
        """End the batch and make Livy forget it."""
        path, seconds = f"/batches/{livy_id}", self._times.delete
        answer = await self._of(member).livy.ask("DELETE", path, seconds=seconds, largest=LARGEST_ANSWER)
        if not _is_unknown(answer):
            _well(answer, HTTPStatus.OK, HTTPStatus.NO_CONTENT)

    async def applications(self, member: MemberView, tag: str) -> Sequence[YarnApplication]:
        """Every application that carries exactly this tag: YARN's own filter is asked, and not believed."""
        asked, lowered = self._of(member), tag.lower()
        path = f"/ws/v1/cluster/apps?{urlencode({'applicationTags': lowered})}&deSelects=resourceRequests"
        answer = await asked.yarn.ask("GET", path, seconds=self._times.list, largest=self._largest_list)
        memory = asked.remembered(lowered)
        return [each for each in memory.read(answer.json(), answer.where) if lowered in each.tags]

    async def kill(self, member: MemberView, application_id: str) -> None:
        """Ask YARN to kill one application."""
        path = f"/ws/v1/cluster/apps/{quote(application_id, safe='')}/state"
        answer = await self._of(member).yarn.ask(
            "PUT",
            path,
            body=b'{"state":"KILLED"}',
            seconds=self._times.look,
            largest=LARGEST_ANSWER,
        )
        if answer.status != HTTPStatus.NOT_FOUND:
            _well(answer, HTTPStatus.OK, HTTPStatus.ACCEPTED)

    async def load(self, member: MemberView) -> QueueLoad:
        """What runs and waits in YARN, and since when this ResourceManager is there."""
        yarn, seconds = self._of(member).yarn, self._times.look
        metrics, info = await asyncio.gather(
            yarn.ask("GET", "/ws/v1/cluster/metrics", seconds=seconds, largest=LARGEST_ANSWER),
            yarn.ask("GET", "/ws/v1/cluster/info", seconds=seconds, largest=LARGEST_ANSWER),
        )
        return reading.read_load(metrics.json(), info.json(), metrics.where)

    async def close(self) -> None:
        """Let all connections go."""
        members, self._members = self._members, {}
        await asyncio.gather(*(line.close() for each in members.values() for line in (each.livy, each.yarn)))
        await asyncio.gather(*self._closing)

    async def _whole_list(self, asked: _Member) -> Sequence[LivyBatch]:
        found: dict[int, LivyBatch] = {}
        for page in range(_MOST_PAGES):
            path = f"/batches?from={page * asked.page}&size={asked.page}"
            answer = await asked.livy.ask("GET", path, seconds=self._times.list, largest=self._largest_list)
            if page == 0 and answer.status == HTTPStatus.OK and asked.told and answer.body == asked.told:
                return asked.listed
            more, total = asked.batches.read(answer.json(), answer.where)
            found |= more
            if (page + 1) * asked.page >= total or not more:
                asked.batches.keep(found)
                asked.listed = list(found.values())
                asked.told = answer.body if page == 0 and len(answer.body) <= LARGEST_KEPT else b""
                return asked.listed
        raise TransientError(f"more than {_MOST_PAGES * asked.page} batches", where=answer.where)

    async def _look(self, member: MemberView, path: str) -> Answer | None:
        answer = await self._of(member).livy.ask("GET", path, seconds=self._times.look, largest=LARGEST_ANSWER)
        return None if _is_unknown(answer) else answer

    def _of(self, member: MemberView) -> _Member:
        key = (member.cluster_id, member.livy_url, member.rm_url)
        now = asyncio.get_running_loop().time()
        found = self._members.get(key)
        if found is None:
            self._let_go(now - FORGOTTEN_SECONDS)
            lines = ((member.livy_url, self._livy), (member.rm_url, self._yarn))
            livy, yarn = (Line(url, how, connect=self._times.connect, at_once=AT_ONCE) for url, how in lines)
            found = self._members[key] = _Member(livy, yarn)
        found.asked_at = now
        return found

    def _let_go(self, before: float) -> None:
        for key in [key for key, each in self._members.items() if each.asked_at < before]:
            gone = self._members.pop(key)
            for line in (gone.livy, gone.yarn):
                task = asyncio.create_task(line.close())
                self._closing.add(task)
                task.add_done_callback(self._closing.discard)


def _accepted(answer: Answer) -> LivyBatch:
    try:
        return reading.read_batch(answer.parsed(), answer.where)
    except TransientError as error:
        raise OutcomeUnknownError(f"taken, but {error.what}", where=answer.where) from error


def _is_unknown(answer: Answer) -> bool:
    """Whether Livy itself says that it knows no such batch: another 404 is not Livy's word."""
    if answer.status != HTTPStatus.NOT_FOUND:
        return False
    said = answer.parsed()
    text = said.get("msg") if isinstance(said, dict) else said
    if not (isinstance(text, str) and "not found" in text):
        raise TransientError(f"HTTP {answer.status} {answer.quoted}", where=answer.where)
    return True


def _well(answer: Answer, *statuses: int) -> None:
    if answer.status not in statuses:
        raise TransientError(f"HTTP {answer.status} {answer.quoted}", where=answer.where)

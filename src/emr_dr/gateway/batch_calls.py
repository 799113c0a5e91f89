"""Livy's requests about batches, each carried out on `Batches` and answered as Livy answers."""

import asyncio
from dataclasses import replace
from functools import partial

import structlog

from emr_dr.core.batch import Batch
from emr_dr.gateway import audit
from emr_dr.gateway.audit import plain
from emr_dr.gateway.calls import Batches, Caller, RefusedError, Shown, Submission, UnavailableError
from emr_dr.gateway.counters import Counters
from emr_dr.gateway.http import Receive, Scope, breathe, read_body, text_header
from emr_dr.gateway.livy import answers
from emr_dr.gateway.livy.answers import Answer
from emr_dr.gateway.livy.numbers import NotANumberError
from emr_dr.gateway.livy.paging import parameters, part_of_list, part_of_log
from emr_dr.gateway.livy.routes import Resource, Route
from emr_dr.gateway.livy.submission import KEY_HEADER, RESCUE_HEADER, read_submission
from emr_dr.gateway.livy.views import batch_json, list_json, log_json, metadata, state_json
from emr_dr.spec.gateway import Limits

log = structlog.get_logger("emr_dr.gateway")

READ_AT_ONCE = 256 * 1024
"""Bytes of a submission that are read while others wait; a larger one is read in a thread."""
RENDERED_AT_ONCE = 200
"""Batches of a list that are put into bytes before others may go on."""


class BatchCalls:
    """Answers requests about batches. Whatever raises has changed nothing."""

    def __init__(self, batches: Batches, limits: Limits, counters: Counters) -> None:
        self._batches = batches
        self._limits = limits
        self._counters = counters

    async def answer(self, route: Route, scope: Scope, receive: Receive, caller: Caller) -> Answer:
        """Carry out one request.

        Raises:
            RefusedError: It is not carried out, for what it asks.
            UnavailableError: It is not carried out just now.
            GoneError: Its sender left before it was sent.
        """
        try:
            if route.resource is Resource.BATCHES:
                return await (
                    self._submit(scope, receive, caller) if scope["method"] == "POST" else self._list(scope, caller)
                )
            if scope["method"] == "DELETE":
                return await self._delete(route, scope, caller)
            shown = await self._find(route, caller)
            if shown is None:
                return answers.not_found(route.batch)
            body = await self._body(route.resource, scope, shown)
            return Answer(200, body, headers=tuple(metadata(shown.batch)))
        except NotANumberError as error:
            return answers.not_a_number(error.text)

    async def _find(self, route: Route, caller: Caller) -> Shown | None:
        """Return the batch, if the caller may see it; what they may not see is not there for them."""
        shown = None if route.number is None else self._batches.recall(route.number)
        if shown is None or not shown.batch.listed:
            shown = await self._batches.find(route.batch if route.number is None else str(route.number))
        if shown is None or not shown.batch.listed or not may_see(caller, shown.batch):
            return None
        self._counters.polls += 1
        return shown

    async def _body(self, resource: Resource, scope: Scope, shown: Shown) -> bytes:
        if resource is Resource.LOG:
            return log_json(shown.batch, await self._batches.log(shown.batch, *part_of_log(_query(scope))))
        return state_json(shown.batch) if resource is Resource.STATE else batch_json(shown)

    async def _list(self, scope: Scope, caller: Caller) -> Answer:
        part = part_of_list(_query(scope))
        page = await self._batches.page(part.start, part.size, caller)
        views = []
        for n, shown in enumerate(page.batches, 1):
            views.append(batch_json(shown))
            if n % RENDERED_AT_ONCE == 0:
                await breathe()
        return Answer(200, list_json(part.said, page.total, views))

    async def _submit(self, scope: Scope, receive: Receive, caller: Caller) -> Answer:
        body = await read_body(scope, receive, self._limits.body)
        if self._counters.submitting >= self._limits.submissions:
            self._counters.refused["busy"] += 1
            raise UnavailableError("too many submissions are under way", 1)
        self._counters.submitting += 1
        submission: Submission | None = None
        try:
            submission = as_caller(await self._read(scope, body), caller)
            shown = await self._handed_on(submission, caller)
        except RefusedError as error:
            self._counters.refused["request"] += 1
            audit.tell("submit", scope, caller, outcome="refused", about=_about(submission) | {"status": error.status})
            raise
        except UnavailableError as error:
            self._counters.refused["unavailable"] += 1
            audit.tell("submit", scope, caller, outcome="unavailable", about=_about(submission) | {"why": error.why})
            raise
        finally:
            self._counters.submitting -= 1
        self._counters.submitted += 1
        batch = shown.batch
        about = _about(submission) | {"rescue": batch.rescue.value, "cluster": batch.last.cluster_id or "queued"}
        audit.tell("submit", scope, caller, outcome="done", batch=batch.id, about=about)
        headers = (("location", f"/batches/{batch.id}"), *metadata(batch))
        return Answer(201, batch_json(shown), headers=headers)

    async def _read(self, scope: Scope, body: bytes) -> Submission:
        reading = partial(
            read_submission,
            body,
            do_as=_query(scope).get("doAs"),
            rescue=text_header(scope, RESCUE_HEADER),
            key=text_header(scope, KEY_HEADER),
        )
        return reading() if len(body) <= READ_AT_ONCE else await asyncio.to_thread(reading)

    async def _handed_on(self, submission: Submission, caller: Caller) -> Shown:
        """Submit it. A fault of ours is no 5xx here: some clients would submit again what may be running."""
        try:
            return await self._batches.submit(submission, caller)
        except (RefusedError, UnavailableError):
            raise
        except Exception as error:
            self._counters.failed += 1
            log.exception("submission_failed", name=plain(submission.name), user=plain(caller.user))
            raise answers.refusal("it may have been submitted: look for it before you submit it again", 409) from error

    async def _delete(self, route: Route, scope: Scope, caller: Caller) -> Answer:
        named = route.batch if route.number is None else route.number
        try:
            shown = await self._find(route, caller)
            if shown is None:
                audit.tell("delete", scope, caller, outcome="refused", batch=named, about={"status": 404})
                return answers.not_found(route.batch)
            await self._batches.delete(shown.batch, caller)
        except UnavailableError as error:
            audit.tell("delete", scope, caller, outcome="unavailable", batch=named, about={"why": error.why})
            raise
        self._counters.deleted += 1
        audit.tell("delete", scope, caller, outcome="done", batch=shown.batch.id, about={"owner": shown.batch.owner})
        return answers.DELETED


def may_see(caller: Caller, batch: Batch) -> bool:
    """Whether a caller may see and end a batch."""
    return caller.sees_all or (batch.owner is not None and batch.owner == caller.user)


def as_caller(submission: Submission, caller: Caller) -> Submission:
    """Return it in the name of who asks, whatever name it gives, unless they may act for others.

    Where nobody signs in the name stays as given, as with Livy.
    """
    if not caller.user or (caller.superuser and submission.proxy_user):
        return submission
    request = {**submission.request, "proxyUser": caller.user}
    return replace(submission, request=request, proxy_user=caller.user)


def _query(scope: Scope) -> dict[str, str]:
    try:
        return parameters(scope["query_string"])
    except ValueError as error:
        raise answers.refusal("too many parameters") from error


def _about(submission: Submission | None) -> dict[str, object]:
    if submission is None:
        return {}
    return {"name": submission.name, "proxy_user": submission.proxy_user, "file": submission.request.get("file")}

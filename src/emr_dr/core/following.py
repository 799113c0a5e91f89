"""What has become of a sent attempt: what Livy says, what YARN says, what neither says any more, and since when.

Livy's word alone is not enough. It says `dead` of what it has merely lost sight of, forgets what ended after ten
minutes, and may come back knowing nothing; YARN knows an application by its tag as long as it remembers it. Only an
answer counts: silence of either changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from emr_dr.core.batch import Attempt, Batch, ShownState, SubmitState
from emr_dr.core.look import Absent, Application, LivyRecord, Look


@dataclass(frozen=True, slots=True)
class Patience:
    """How long what is not seen may still come, in seconds.

    Attributes:
        settle: What was sent, and is known to neither, may still become an application: Livy looks for one for 120 s,
            and kills one that comes later within 60 s.
        leak: What Livy calls dead, without knowing of an application, may still become one.
        sure: Between the end of spark-submit and the question to YARN whether it left anything.
        watched: Absence counts from the sending only if it was seen this soon after it; Livy forgets what ended after
            600 s, and YARN after a number of others, so that later it may as well have run.
        forgotten: An application that was there, and is known to neither, is given up as ended.
        attempts: Most attempts of a batch; those that never ran are repeated up to here.
    """

    settle: float = 190.0
    leak: float = 70.0
    sure: float = 2.0
    watched: float = 300.0
    forgotten: float = 900.0
    attempts: int = 5


class Verdict(StrEnum):
    """How it stands with an attempt."""

    NORMAL = "normal"
    ADOPTED = "adopted"
    """Livy answers, and does not know it; YARN does."""
    FALSE_DEAD = "false-dead"
    """Livy calls it dead; YARN knows better."""
    LIVY_DOWN = "livy-down"
    """YARN alone answers."""
    YARN_SILENT = "yarn-silent"
    """Livy alone knows it, and what it says needs nobody else's word."""
    UNPROVEN = "unproven"
    """Livy calls it dead, and YARN does not answer."""
    NOT_SUBMITTED = "not-submitted"
    """spark-submit failed; nothing came of it."""
    MAY_COME = "may-come"
    """Known to neither, or dead without an application: it may still become one."""
    NEVER_CAME = "never-came"
    """Dead without an application, and waited out."""
    NEVER_RAN = "never-ran"
    """Known to neither, and waited out: nothing ran, so it is attempted again."""
    LOST_SIGHT = "lost-sight"
    """Its application was there, and is known to neither now."""
    FORGOTTEN = "forgotten"
    """So for so long that it has ended; how, nobody knows."""
    BLIND = "blind"
    """Nobody who could know answers."""
    IDLE = "idle"
    """Nothing was sent, or nothing can run any more."""


@dataclass(frozen=True, slots=True)
class Following:
    """The verdict, and the batch as it is because of it: the very same one if nothing has changed."""

    verdict: Verdict
    batch: Batch


@dataclass(frozen=True, slots=True)
class _Found:
    """A verdict with what is shown, and whether the attempt's run is over."""

    verdict: Verdict
    shown: ShownState
    over: bool = False
    why: str = ""


BAD_ENDS = frozenset({"dead", "error", "killed", "shutting_down"})
"""Livy's words for an end that only YARN can confirm."""

_YARN_SHOWN = {
    "NEW": ShownState.STARTING,
    "NEW_SAVING": ShownState.STARTING,
    "SUBMITTED": ShownState.STARTING,
    "ACCEPTED": ShownState.STARTING,
    "RUNNING": ShownState.RUNNING,
    "FAILED": ShownState.DEAD,
    "KILLED": ShownState.KILLED,
}
_SUBMIT_FAILED = ("spark-submit start failed", "spark-submit exited with code")
"""What Livy 0.7 and later ones say of a spark-submit that ended badly (seen, and SparkYarnApp.scala)."""
_ON_YARN = "YARN Diagnostics"
_SHOWN_CHARACTERS = 300


def follow(batch: Batch, look: Look, patience: Patience) -> Following:
    """Return how it stands with the batch's live attempt, and the batch as it is to be shown and kept."""
    attempt = batch.live
    if attempt is None or attempt.submit is SubmitState.INTENT:
        return Following(Verdict.IDLE, batch)
    told = _told(attempt, look)
    found = _found(batch.shown, told, look, patience)
    if found.over:
        told = _over(told, found, look.at)
    changed = batch if told == attempt else batch.with_last(told)
    if found.verdict is Verdict.NEVER_RAN and batch.listed and attempt.number < patience.attempts:
        return Following(found.verdict, changed.again(look.at).showing(ShownState.STARTING, look.at, found.why))
    shown = found.shown
    if found.over and not batch.listed:
        shown = ShownState.KILLED  # nobody sees it; it only has to be over
    return Following(found.verdict, changed.showing(shown, look.at, found.why))


def worth_keeping(old: Batch, new: Batch) -> bool:
    """Whether the ledger has to know of the change: words that Livy and YARN change all the time are not."""
    return _kept(old) != _kept(new)


def _kept(batch: Batch) -> tuple[object, ...]:
    a = batch.last
    return (batch.shown, a.number, a.submit, a.livy_id, a.app_id, a.ended_at, a.driver_log_url, a.spark_ui_url)


def _told(attempt: Attempt, look: Look) -> Attempt:
    """The attempt with what was heard of it."""
    if isinstance(look.yarn, Absent | None):
        if attempt.yarn_state and look.yarn is not None:
            attempt = replace(attempt, yarn_state="")
    else:
        app_id = attempt.app_id or look.yarn.id
        attempt = replace(attempt, app_id=app_id, yarn_state=look.yarn.state, submit=SubmitState.CONFIRMED)
    if isinstance(look.livy, Absent | None):
        # The number now means nothing, or another job; the log is no longer asked for by it.
        return replace(attempt, livy_state="") if look.livy is not None and attempt.livy_state else attempt
    record = look.livy
    return replace(
        attempt,
        submit=SubmitState.CONFIRMED,
        livy_id=record.id if attempt.livy_id in (None, record.id) else None,
        app_id=attempt.app_id or record.app_id,
        livy_state=record.state,
        driver_log_url=record.driver_log_url or attempt.driver_log_url,
        spark_ui_url=record.spark_ui_url or attempt.spark_ui_url,
    )


def _over(attempt: Attempt, found: _Found, at: float) -> Attempt:
    if found.verdict is Verdict.NEVER_RAN and attempt.submit is not SubmitState.CONFIRMED:
        return replace(attempt, submit=SubmitState.FAILED, why=found.why)
    return replace(attempt, ended_at=at, why=found.why)


def _found(shown: ShownState, attempt: Attempt, look: Look, patience: Patience) -> _Found:
    if not isinstance(look.yarn, Absent | None):
        return _by_yarn(shown, look.yarn, look.livy)
    if not isinstance(look.livy, Absent | None):
        if look.livy.state in BAD_ENDS:
            return _dead(shown, attempt, look.livy, look, patience)
        return _by_livy(shown, look.livy.state)
    if look.livy is None or look.yarn is None:
        return _Found(Verdict.BLIND, shown)
    return _known_to_neither(shown, attempt, max(look.livy.since, look.yarn.since), look, patience)


def _by_yarn(shown: ShownState, app: Application, livy: LivyRecord | Absent | None) -> _Found:
    if livy is None:
        verdict = Verdict.LIVY_DOWN
    elif isinstance(livy, Absent):
        verdict = Verdict.ADOPTED
    else:
        verdict = Verdict.NORMAL
    if app.state == "FINISHED":
        now = ShownState.SUCCESS if app.final_status == "SUCCEEDED" else ShownState.DEAD
    else:
        now = _YARN_SHOWN.get(app.state, shown)
    badly = now in (ShownState.DEAD, ShownState.KILLED)
    if verdict is Verdict.NORMAL and not badly and not isinstance(livy, Absent | None) and livy.state in BAD_ENDS:
        verdict = Verdict.FALSE_DEAD
    why = f"YARN: {app.state}, {app.final_status}: {app.diagnostics[:_SHOWN_CHARACTERS]}" if badly else ""
    return _Found(verdict, now, over=app.ended, why=why)


def _by_livy(shown: ShownState, state: str) -> _Found:
    if state == "success":
        return _Found(Verdict.YARN_SILENT, ShownState.SUCCESS, over=True)
    if state == "running":
        return _Found(Verdict.YARN_SILENT, ShownState.RUNNING)
    # `recovering` and the like: what was shown as running is not shown to go back.
    now = shown if shown is ShownState.RUNNING else ShownState.STARTING
    return _Found(Verdict.YARN_SILENT, now)


def _dead(shown: ShownState, attempt: Attempt, record: LivyRecord, look: Look, patience: Patience) -> _Found:
    """Livy says that it ended badly, and YARN does not know of it, or does not answer."""
    if not isinstance(look.yarn, Absent):
        return _Found(Verdict.UNPROVEN, shown)
    if attempt.app_id:
        return _lost_sight(shown, attempt, look.yarn.since, look, patience)
    end = ShownState.KILLED if record.state == "killed" else ShownState.DEAD
    if _failed_early(record.log) and record.state != "killed" and look.yarn.at >= look.dead_since + patience.sure:
        return _Found(Verdict.NOT_SUBMITTED, end, over=True, why="spark-submit failed before YARN had an application")
    begun = max(look.dead_since, look.yarn.since)
    if look.at - begun < patience.leak or look.at - (attempt.sent_at or attempt.at) < patience.settle:
        return _Found(Verdict.MAY_COME, shown)
    why = f"Livy of {attempt.cluster_id} says {record.state}, and YARN never had an application"
    if look.recovered and record.state != "killed" and look.yarn_began <= (attempt.sent_at or attempt.at):
        return _Found(Verdict.NEVER_RAN, end, over=True, why=f"{why}: Livy ended before it was submitted")
    return _Found(Verdict.NEVER_CAME, end, over=True, why=why)


def _known_to_neither(shown: ShownState, attempt: Attempt, since: float, look: Look, patience: Patience) -> _Found:
    if attempt.app_id:
        return _lost_sight(shown, attempt, since, look, patience)
    sent_at = attempt.sent_at or attempt.at
    if look.at - max(since, sent_at) < patience.settle:
        return _Found(Verdict.MAY_COME, shown)
    if look.yarn_began > sent_at or since > sent_at + patience.watched:
        # What it ran as, if it ran, may have been lost with what YARN remembered, or have been forgotten unseen.
        return _lost_sight(shown, attempt, since, look, patience)
    why = f"neither Livy nor YARN of {attempt.cluster_id} ever had it"
    return _Found(Verdict.NEVER_RAN, ShownState.DEAD, over=True, why=why)


def _lost_sight(shown: ShownState, attempt: Attempt, since: float, look: Look, patience: Patience) -> _Found:
    if look.at - since < patience.forgotten:
        return _Found(Verdict.LOST_SIGHT, shown)
    what = f"application {attempt.app_id}" if attempt.app_id else "it"
    why = f"YARN of {attempt.cluster_id} knows nothing of {what} any more: it has ended, and nobody knows how"
    return _Found(Verdict.FORGOTTEN, ShownState.DEAD, over=True, why=why)


def _failed_early(log: Sequence[str]) -> bool:
    """Whether the process that would have submitted it has ended badly, so that nothing more comes of it.

    A Livy whose master is not YARN has no line about YARN, and what it calls dead is the process itself.
    """
    lines = "\n".join(log)
    return bool(log) and (any(words in lines for words in _SUBMIT_FAILED) or _ON_YARN not in lines)

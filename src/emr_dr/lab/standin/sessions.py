"""Interactive sessions of a stand-in's Livy. They run no code: a statement takes its time and gives its text back.

No Livy that can be had from Maven Central can start a session, so nothing here is captured: it follows the sources of
Livy 0.7 and what clients are known to expect.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from emr_dr.lab.standin.agenda import Agenda
from emr_dr.lab.standin.batches import RejectedError
from emr_dr.lab.standin.plans import Plan
from emr_dr.lab.standin.reading import Asked, UnreadableError
from emr_dr.lab.standin.settings import LivySettings
from emr_dr.lab.standin.yarn import Application, Yarn

_EVER = 1e9
_SHOWN = 10
_ENDED = frozenset({"dead", "killed", "error"})
NOT_ACTIVE = "requirement failed: Session isn't active."


@dataclass(slots=True, eq=False)
class Statement:
    """One statement. `sleep 2` takes two seconds, `fail` ends in an error, everything else is done at once."""

    id: int
    code: str
    state: str = "waiting"
    started: float = 0.0
    completed: float = 0.0

    @property
    def seconds(self) -> float:
        """How long it takes."""
        word, _, rest = self.code.partition(" ")
        return float(rest) if word == "sleep" else 0.0

    def shown(self) -> dict[str, object]:
        """Return it as Livy shows it."""
        done = self.state == "available"
        return {
            "id": self.id,
            "code": self.code,
            "state": self.state,
            "output": self._output() if done else None,
            "progress": 1.0 if done else 0.0,
            "started": int(self.started * 1000),
            "completed": int(self.completed * 1000),
        }

    def _output(self) -> dict[str, object]:
        if self.code == "fail":
            error = {"ename": "Error", "evalue": "it was told to fail", "traceback": []}
            return {"status": "error", "execution_count": self.id, **error}
        return {"status": "ok", "execution_count": self.id, "data": {"text/plain": self.code}}


@dataclass(slots=True, eq=False)
class Session:
    """One session."""

    id: int
    name: str | None
    kind: str
    proxy_user: str | None
    tag: str
    heartbeat_timeout: float
    state: str = "starting"
    application: Application | None = None
    statements: list[Statement] = field(default_factory=list)
    uploads: list[tuple[str, str, int]] = field(default_factory=list)
    """What was uploaded: how, its file name, and how many bytes."""
    received: int = 0
    """Bytes of uploads, counted as they come."""
    added: list[tuple[str, str]] = field(default_factory=list)
    jobs: int = 0
    beats: int = 0
    beat_at: float = 0.0
    log: list[str] = field(default_factory=lambda: ["stdout: ", "\nstderr: ", "\nYARN Diagnostics: "])

    def shown(self) -> dict[str, object]:
        """Return it as Livy shows it."""
        return {
            "id": self.id,
            "name": self.name,
            "appId": self.application.id if self.application and self.state != "starting" else None,
            "owner": None,
            "proxyUser": self.proxy_user,
            "state": self.state,
            "kind": self.kind,
            "appInfo": {"driverLogUrl": None, "sparkUiUrl": None},
            "log": self.log[-_SHOWN:],
        }


class Sessions:
    """The sessions of one Livy."""

    def __init__(self, agenda: Agenda, yarn: Yarn, settings: LivySettings) -> None:
        self._agenda = agenda
        self._yarn = yarn
        self.settings = settings
        self._next_id = 0
        self.up = True
        self.all: dict[int, Session] = {}
        yarn.followers.append(self._follow)

    def create(self, asked: Asked, proxy_user: str | None = None) -> Session:
        """Start a session.

        Raises:
            RejectedError, UnreadableError: Livy does not take it.
        """
        if not self.settings.sessions:
            raise RejectedError("requirement failed: Cannot find Livy REPL jars.")
        number, self._next_id = self._next_id, self._next_id + 1
        name = asked.text("name")
        if name is not None and self.find(name) is not None:
            raise RejectedError(f"Duplicate session name: Some({name}) for session {number}")
        if asked.fatal:
            raise UnreadableError(asked.fatal[0], 500)
        tag = f"livy-session-{number}-{secrets.token_hex(4)}"
        beat = float(asked.numbers.get("heartbeatTimeoutInSecond", 0))
        session = self.all[number] = Session(number, name, asked.text("kind") or "shared", proxy_user, tag, beat)
        tags = (tag, *asked.tags())
        plan = Plan(seconds=_EVER, starting=0.0)
        self._yarn.submit(name or f"livy-session-{number}", tags, plan, user=proxy_user or "hadoop")
        self._later(self.settings.session_starts, session, lambda: self._started(session))
        self.beat(session)
        session.beats = 0
        return session

    def find(self, asked: str) -> Session | None:
        """Return the session of a number or name."""
        if asked.isascii() and asked.isdecimal():
            return self.all.get(int(asked))
        return next((each for each in self.all.values() if each.name == asked), None)

    def beat(self, session: Session) -> None:
        """Take any request about one session for a sign of life; listing all of them is none."""
        session.beats += 1
        session.beat_at = self._agenda.now
        if session.heartbeat_timeout > 0:
            self._later(session.heartbeat_timeout, session, lambda: self._expire(session))

    def run(self, session: Session, code: str) -> Statement:
        """Queue a statement.

        Raises:
            RejectedError: The session is not active.
        """
        check_active(session)
        statement = Statement(len(session.statements), code)
        session.statements.append(statement)
        self._next(session)
        return statement

    def cancel(self, session: Session, statement: Statement) -> None:
        """Cancel a statement; nothing to do where it is done."""
        if statement.state in ("waiting", "running"):
            statement.state, statement.completed = "cancelled", self._agenda.now
            self._next(session)

    def delete(self, session: Session) -> None:
        """End it and forget it."""
        if self.all.pop(session.id, None) is not None and session.application is not None:
            self._yarn.kill(session.application)

    def stop(self) -> None:
        """End with Livy."""
        self.up = False

    def start(self, *, keep_store: bool = True) -> None:
        """Start with Livy: a recovered session goes on where it was."""
        self.up = True
        if not (keep_store and self.settings.recovery):
            self.all, self._next_id = {}, 0
        for session in self.all.values():
            self._look(session)

    def _look(self, session: Session) -> None:
        found = self._yarn.tagged([session.tag])
        if found:
            self._follow(found[0])
        elif session.state not in _ENDED:
            session.state = "dead"

    def _follow(self, app: Application) -> None:
        session = next((each for each in self.all.values() if each.tag in app.tags), None)
        if session is None or not self.up:
            return
        session.application = app
        if app.ended and session.state not in _ENDED:
            session.state = "killed" if app.state == "KILLED" else "dead"
            self._later(self.settings.forgets_after, session, lambda: self._forget(session))

    def _started(self, session: Session) -> None:
        if session.state == "starting":
            session.state = "idle"
            self._next(session)

    def _next(self, session: Session) -> None:
        if session.state not in ("idle", "busy"):
            return
        if any(each.state == "running" for each in session.statements):
            return
        statement = next((each for each in session.statements if each.state == "waiting"), None)
        session.state = "idle" if statement is None else "busy"
        if statement is not None:
            statement.state, statement.started = "running", self._agenda.now
            self._later(statement.seconds, session, lambda: self._done(session, statement))

    def _done(self, session: Session, statement: Statement) -> None:
        if statement.state == "running":
            statement.state, statement.completed = "available", self._agenda.now
            self._next(session)

    def _expire(self, session: Session) -> None:
        if self._agenda.now - session.beat_at >= session.heartbeat_timeout:
            self.delete(session)

    def _forget(self, session: Session) -> None:
        self.all.pop(session.id, None)

    def _later(self, seconds: float, session: Session, act: Callable[[], None]) -> None:
        self._agenda.after(seconds, lambda: act() if self.all.get(session.id) is session else None)


def check_active(session: Session) -> None:
    """Refuse what only a living session can do.

    Raises:
        RejectedError: It is not active.
    """
    if session.state in _ENDED:
        raise RejectedError(NOT_ACTIVE)

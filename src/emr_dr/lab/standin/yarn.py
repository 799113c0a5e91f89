"""The applications of one stand-in cluster: they wait for room, run for as long as planned, and leave a journal."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from emr_dr.lab.standin.agenda import Agenda
from emr_dr.lab.standin.plans import Outcome, Plan
from emr_dr.lab.standin.runs import Run, Runs

ENDED = frozenset({"FINISHED", "FAILED", "KILLED"})
_ENDS = {
    Outcome.SUCCESS: ("FINISHED", "SUCCEEDED", "completed"),
    Outcome.FAIL: ("FINISHED", "FAILED", "failed"),
    Outcome.KILLED: ("KILLED", "KILLED", "killed"),
}


@dataclass(slots=True, eq=False)
class Application:
    """One application; states and final states are YARN's words, times seconds of the epoch."""

    id: str
    number: int
    name: str
    tags: tuple[str, ...]
    plan: Plan
    submitted_at: float
    user: str = "hadoop"
    queue: str = "default"
    state: str = "ACCEPTED"
    final: str = "UNDEFINED"
    launched_at: float = 0.0
    finished_at: float = 0.0
    diagnostics: str = ""
    run: Run | None = None
    rendered: bytes | None = None

    @property
    def ended(self) -> bool:
        """Whether YARN says that it can do nothing any more."""
        return self.state in ENDED


@dataclass(slots=True)
class YarnSettings:
    """How the cluster behaves; may be changed at any time.

    Attributes:
        room: How many applications run at once; further ones are ACCEPTED. None: any number.
        kill_seconds: From the order to kill until the kill is done and can be read back.
        remembered: Ended applications that the ResourceManager still knows
            (`yarn.resourcemanager.max-completed-applications`).
    """

    room: int | None = None
    kill_seconds: float = 0.02
    remembered: int = 1000


@dataclass(slots=True)
class Yarn:
    """What ResourceManager and NodeManagers know together. `up` is whether the ResourceManager can be asked."""

    address: str
    agenda: Agenda
    runs: Runs
    started: int
    settings: YarnSettings = field(default_factory=YarnSettings)
    followers: list[Callable[[Application], None]] = field(default_factory=list)
    up: bool = True
    lost: bool = False
    submitted: int = 0
    running: int = 0
    turn: int = 0
    """Grows with every change, so that answers can be kept."""
    applications: dict[str, Application] = field(default_factory=dict)
    _tagged: defaultdict[str, dict[str, Application]] = field(default_factory=lambda: defaultdict(dict))
    _waiting: deque[Application] = field(default_factory=deque)
    _ended: deque[Application] = field(default_factory=deque)

    def submit(self, name: str, tags: Iterable[str], plan: Plan, *, user: str = "hadoop", queue: str = "") -> None:
        """Take an application; tags are kept in lower case, as YARN keeps them."""
        self.submitted += 1
        number = self.submitted
        app_id = f"application_{self.started}_{number:04}"
        lowered = tuple(sorted({tag.strip().lower() for tag in tags if tag.strip()}))
        app = Application(app_id, number, name, lowered, plan, self.agenda.now, user=user, queue=queue or "default")
        self.applications[app.id] = app
        for tag in lowered:
            self._tagged[tag][app.id] = app
        self._changed(app)
        self.agenda.after(plan.accepted, lambda: self._ready(app))

    def tagged(self, tags: Iterable[str]) -> list[Application]:
        """Return the applications that carry any of the tags."""
        found: dict[str, Application] = {}
        for tag in tags:
            found.update(self._tagged.get(tag, {}))
        return list(found.values())

    def pending(self) -> int:
        """How many wait to run."""
        return sum(app.state == "ACCEPTED" for app in self.applications.values())

    def kill(self, app: Application) -> None:
        """Begin to kill; a no-op if it has ended."""
        if self.settings.kill_seconds <= 0:
            self._killed(app)
        elif not app.ended:
            self.agenda.after(self.settings.kill_seconds, lambda: self._killed(app))

    def forget(self, started: int, *, runs_end: bool = True) -> None:
        """Start again as a ResourceManager without its store: it knows none.

        NodeManagers then end what still runs, sooner or later: at once with `runs_end`, else never, so that runs go
        on to their planned end though nobody lists them.
        """
        for app in self.applications.values() if runs_end else ():
            self._end_run(app, "killed")
        self.started, self.submitted, self.lost = started, 0, False
        self.applications.clear()
        self._tagged.clear()
        self._waiting.clear()
        self._ended.clear()
        self.running = 0
        self.turn += 1

    def lose(self) -> None:
        """End with the machines: what runs can write no more, though nobody says so."""
        self.lost = True
        for app in self.applications.values():
            self._end_run(app, "lost")

    def _ready(self, app: Application) -> None:
        if app.state == "ACCEPTED" and app.id in self.applications:
            self._waiting.append(app)
            self._fill()

    def _fill(self) -> None:
        room = self.settings.room
        while self._waiting and not self.lost and (room is None or self.running < room):
            app = self._waiting.popleft()
            if app.state == "ACCEPTED":
                self._start(app)

    def _start(self, app: Application) -> None:
        app.state, app.launched_at = "RUNNING", self.agenda.now
        self.running += 1
        app.run = Run(self.address, app.id, app.name, frozenset(app.tags), self.agenda.now)
        self.runs.all.append(app.run)
        self._changed(app)
        self.agenda.after(app.plan.running, lambda: self._finish(app))

    def _finish(self, app: Application) -> None:
        if app.run is not None and not app.run.end:
            self._end(app, *_ENDS[app.plan.outcome])

    def _killed(self, app: Application) -> None:
        app.diagnostics = app.diagnostics or "Application killed by user."
        self._end(app, "KILLED", "KILLED", "killed")

    def _end(self, app: Application, state: str, final: str, end: str) -> None:
        if app.ended:
            return
        self._end_run(app, end)
        if app.id in self.applications:
            self.running -= app.state == "RUNNING"
            self._ended.append(app)
        app.state, app.final, app.finished_at = state, final, self.agenda.now
        if len(self._ended) > self.settings.remembered:
            self._drop(self._ended.popleft())
        self._changed(app)
        self._fill()

    def _end_run(self, app: Application, end: str) -> None:
        if app.run is not None and not app.run.end:
            app.run.ended_at, app.run.end = self.agenda.now, end

    def _drop(self, app: Application) -> None:
        self.applications.pop(app.id, None)
        for tag in app.tags:
            self._tagged[tag].pop(app.id, None)

    def _changed(self, app: Application) -> None:
        self.turn += 1
        app.rendered = None
        for follower in self.followers if app.id in self.applications else ():
            follower(app)

"""What a stand-in's Livy knows of its batches: numbers, names, states and logs, and what a restart leaves of them."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import orjson

from emr_dr.lab.standin.agenda import Agenda
from emr_dr.lab.standin.plans import Outcome, Plan
from emr_dr.lab.standin.reading import Asked, UnreadableError
from emr_dr.lab.standin.settings import LivySettings
from emr_dr.lab.standin.yarn import Application, Yarn

_EMPTY_LOG = ("stdout: ", "\nstderr: ", "\nYARN Diagnostics: ")
_LINES_KEPT = 200
_SHOWN = 10
_TERMINAL = frozenset({"success", "dead", "killed"})
_STATES = {("FINISHED", "SUCCEEDED"): "success", ("KILLED", "KILLED"): "killed"}
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
GONE = (
    "Application with id '{id}' doesn't exist in RM. Please check that the job submission was successful.\n"
    "\tat org.apache.hadoop.yarn.server.resourcemanager.ClientRMService.verifyUserAccessForRMApp"
)


class RejectedError(Exception):
    """Livy answers 400 with the message as `msg`."""


@dataclass(slots=True, eq=False)
class Batch:
    """One batch. `app_id` is what Livy knows, `application` what there is."""

    id: int
    name: str | None
    owner: str | None
    proxy_user: str | None
    tag: str
    state: str = "starting"
    app_id: str | None = None
    application: Application | None = None
    kept: bool = True
    """Whether the recovery store has it; what is dead or killed is taken out."""
    stdout: list[str] = field(default_factory=list)
    diagnostics: list[str] = field(default_factory=list)
    empty: bool = False
    """Of a refused submission: it has no log at all, and never ends."""
    rendered: bytes | None = None

    def log(self) -> list[str]:
        """Return all its lines."""
        if self.empty:
            return []
        return [_EMPTY_LOG[0], *self.stdout, *_EMPTY_LOG[1:], *self.diagnostics]


class Batches:
    """The batches of one Livy."""

    def __init__(self, address: str, agenda: Agenda, yarn: Yarn, settings: LivySettings, first_id: int = 0) -> None:
        self._address = address
        self._agenda = agenda
        self._yarn = yarn
        self.settings = settings
        self._next_id = first_id
        self._life = 0
        self.up = True
        self.all: dict[int, Batch] = {}
        self._names: dict[str, Batch] = {}
        self._tags: dict[str, Batch] = {}
        self._pages: dict[tuple[int, int], bytes] = {}
        yarn.followers.append(self._follow)

    def submit(self, asked: Asked, proxy_user: str | None = None) -> Batch:
        """Take a batch. A refused name burns a number; a refused empty request leaves a ghost that stays `starting`.

        Raises:
            RejectedError, UnreadableError: Livy does not take it.
        """
        number, self._next_id = self._next_id, self._next_id + 1
        name = asked.text("name")
        if name is not None and name.isdecimal():
            raise RejectedError(f"Invalid session name: {name}")
        if name is not None and name in self._names:
            raise RejectedError(f"Duplicate session name: Some({name}) for session {number}")
        tag = f"livy-batch-{number}-{''.join(secrets.choice(_ALPHABET) for _ in range(8))}"
        batch = Batch(number, name, None, proxy_user, tag)
        self._add(batch)
        file = asked.text("file")
        batch.empty = True
        if file is None:
            raise RejectedError("requirement failed: File is required.")
        if not file:
            raise UnreadableError("java.lang.IndexOutOfBoundsException: 0", 500)
        if asked.fatal:
            raise UnreadableError(asked.fatal[0], 500)
        if self.settings.absolute_paths and ":" not in file and not file.startswith("/"):
            raise RejectedError(f"requirement failed: Path '{file}' is not absolute.")
        batch.empty = False
        plan = self.settings.plan.of(file, asked.lists.get("args", ()))
        self.say(batch, *(f"26/11/22 10:31:37 INFO Client: line {n}" for n in range(plan.lines)))
        self._launch(batch, asked, plan)
        return batch

    def find(self, asked: str) -> Batch | None:
        """Return the batch of a number or name."""
        if asked.isascii() and asked.isdecimal():
            return self.all.get(int(asked))
        return self._names.get(asked)

    def delete(self, batch: Batch) -> None:
        """Have it killed and forget it."""
        if batch.application is not None and not batch.application.ended:
            self._yarn.kill(batch.application)
        self._forget(batch)

    def page(self, start: int, size: int) -> bytes:
        """Return some of them as JSON, kept until anything changes."""
        made = self._pages.get((start, size))
        if made is None:
            batches = list(self.all.values())
            shown = b",".join(self.shown(batch) for batch in batches[max(start, 0) : max(start + size, 0)])
            made = b'{"from":%d,"total":%d,"sessions":[%b]}' % (start, len(batches), shown)
            self._pages[start, size] = made
        return made

    def shown(self, batch: Batch) -> bytes:
        """Return one as JSON."""
        if batch.rendered is None:
            app = batch.application
            node = f"http://{self._address}:8042/node/containerlogs/container_{(batch.app_id or '')[12:]}_01_000001"
            proxy = f"http://{self._address}:8088/proxy/{batch.app_id}/"
            ui = proxy if batch.app_id and batch.state != "dead" else None
            running = batch.state == "running" and app is not None
            view = {
                "id": batch.id,
                "name": batch.name,
                "owner": batch.owner,
                "proxyUser": batch.proxy_user,
                "state": batch.state,
                "appId": batch.app_id,
                "appInfo": {"driverLogUrl": f"{node}/hadoop" if running else None, "sparkUiUrl": ui},
                "log": batch.log()[-_SHOWN:],
            }
            batch.rendered = orjson.dumps(view)
        return batch.rendered

    def say(self, batch: Batch, *lines: str) -> None:
        """Add to what spark-submit wrote."""
        batch.stdout = [*batch.stdout, *lines][-_LINES_KEPT:]
        batch.rendered = None
        self._pages.clear()

    def say_dead(self, batch: Batch, why: str = "java.net.ConnectException: Connection refused") -> None:
        """Say `dead` though its application runs on, as Livy does when it lost sight of YARN."""
        batch.diagnostics.append(why)
        self._show(batch, "dead")

    def lose_sight(self) -> None:
        """Say dead of everything that has an application and has not ended, as when YARN was away for too long."""
        for batch in list(self.all.values()) if self.up else ():
            if batch.app_id is not None and batch.state not in _TERMINAL:
                self.say_dead(batch)

    def stop(self) -> None:
        """End as with SIGKILL: nothing else ends."""
        self.up = False
        self._life += 1

    def shut_down(self) -> None:
        """End as with SIGTERM: without recovery it kills all its applications first."""
        if not self.settings.recovery:
            for app in [b.application for b in self.all.values() if b.application is not None]:
                self._yarn.kill(app)
        self.stop()

    def start(self, *, keep_store: bool = True) -> None:
        """Start again; without its store it knows nothing and counts from 0, whatever the store was seeded with."""
        self.up = True
        known = [b for b in self.all.values() if keep_store and self.settings.recovery and b.kept]
        self.all, self._names, self._tags = {}, {}, {}
        self._next_id = self._next_id if keep_store and self.settings.recovery else 0
        self._pages.clear()
        for old in known:
            self._recover(replace(old, state="recovering", stdout=[], diagnostics=[], rendered=None))

    def _recover(self, batch: Batch) -> None:
        self._add(batch)
        self._later(self.settings.recovering, batch, lambda: self.look(batch))
        self._later(self.settings.looks_for, batch, lambda: self._give_up(batch))

    def look_at_all(self) -> None:
        """Ask YARN about every batch, as Livy does all the time."""
        for batch in list(self.all.values()) if self.up else ():
            self.look(batch)

    def look(self, batch: Batch) -> None:
        """Ask YARN about one batch."""
        found = self._yarn.tagged([batch.tag])
        if found:
            self._follow(found[0])
        elif batch.app_id is not None and batch.state not in _TERMINAL and self._yarn.up:
            batch.diagnostics.append(GONE.format(id=batch.app_id))
            self._show(batch, "dead")

    def _add(self, batch: Batch) -> None:
        self.all[batch.id] = self._tags[batch.tag] = batch
        if batch.name is not None:
            self._names[batch.name] = batch
        self._pages.clear()

    def _launch(self, batch: Batch, asked: Asked, plan: Plan) -> None:
        if plan.outcome is Outcome.REFUSED:
            self._later(plan.accepted, batch, lambda: self._refused(batch, asked))
            return
        tags = (batch.tag, *asked.tags())
        name = batch.name or asked.conf.get("spark.app.name") or (asked.text("file") or "").rpartition("/")[2]
        user, queue = batch.proxy_user or "hadoop", asked.text("queue") or ""
        # spark-submit is a process of its own: it goes on while Livy is away.
        self._agenda.after(plan.appears, lambda: self._yarn.submit(name, tags, plan, user=user, queue=queue))
        if plan.appears <= 0:
            self._agenda.catch_up()
        self._later(self.settings.looks_for, batch, lambda: self._give_up(batch))

    def _refused(self, batch: Batch, asked: Asked) -> None:
        self.say(
            batch, f'Exception in thread "main" java.io.FileNotFoundException: {asked.text("file")} does not exist.'
        )
        self._show(batch, "dead")

    def _give_up(self, batch: Batch) -> None:
        """Say dead what YARN does not know yet; the application may still come, and is then killed at a check."""
        if batch.application is None and not batch.empty and batch.state not in _TERMINAL:
            batch.diagnostics.append(f"No YARN application is found with tag {batch.tag}")
            self._show(batch, "dead")
            for n in range(1, int(self.settings.leak_watched / max(self.settings.leak_checks, 0.01)) + 1):
                self._in_this_life(n * self.settings.leak_checks, lambda: self._check_leak(batch.tag))

    def _check_leak(self, tag: str) -> None:
        for app in self._yarn.tagged([tag]) if self._yarn.up else ():
            self._yarn.kill(app)

    def _follow(self, app: Application) -> None:
        batch = next((self._tags[tag] for tag in app.tags if tag in self._tags), None)
        if batch is None or batch.state == "dead" or not (self.up and self._yarn.up):
            return
        if batch.application is None:
            batch.application = app
        if batch.app_id is None:
            self._later(self.settings.notices_after, batch, lambda: self._notice(batch, app))
            return
        if app.state == "RUNNING":
            self._show(batch, "running")
        elif app.ended:
            self._show(batch, _STATES.get((app.state, app.final), "dead"))

    def _notice(self, batch: Batch, app: Application) -> None:
        if batch.app_id is None:
            batch.app_id, batch.rendered = app.id, None
            self._pages.clear()
        self._follow(app)

    def _show(self, batch: Batch, state: str) -> None:
        if batch.state == state or batch.state in _TERMINAL:
            return
        batch.state, batch.rendered = state, None
        self._pages.clear()
        if state in _TERMINAL:
            batch.kept = state == "success"
            self._later(self.settings.forgets_after, batch, lambda: self._forget(batch))

    def _forget(self, batch: Batch) -> None:
        if self.all.get(batch.id) is batch:
            del self.all[batch.id]
            self._tags.pop(batch.tag, None)
            if batch.name is not None:
                self._names.pop(batch.name, None)
            self._pages.clear()

    def _later(self, seconds: float, batch: Batch, act: Callable[[], None]) -> None:
        self._in_this_life(seconds, lambda: act() if self.all.get(batch.id) is batch else None)

    def _in_this_life(self, seconds: float, act: Callable[[], None]) -> None:
        life = self._life
        self._agenda.after(seconds, lambda: act() if self.up and self._life == life else None)

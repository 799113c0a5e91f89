"""A small model of members behind the `Upstream` port: Livy's numbers, YARN's applications, and how both go away."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from emr_dr.core.view import MemberView, Role
from emr_dr.errors import OutcomeUnknownError, TransientError, UnreachedError
from emr_dr.ports import Accepted, Declined, LivyBatch, LogPage, QueueLoad, YarnApplication

GROUP = "etl"


class ManualClock:
    """Time that passes only when somebody says so, or waits."""

    def __init__(self) -> None:
        self.time = 1000.0

    def now(self) -> float:
        return self.time

    def steady(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


@dataclass(slots=True)
class App:
    """What YARN runs. `job` is what it truly works for, whatever anybody says of it."""

    id: str
    job: str
    tags: frozenset[str]
    state: str = "ACCEPTED"
    final: str = "UNDEFINED"
    began: int = 0
    wrote: bool = False

    @property
    def ended(self) -> bool:
        return self.state in ("FINISHED", "FAILED", "KILLED")

    def told(self) -> YarnApplication:
        return YarnApplication(self.id, self.job, self.state, self.final, self.tags)


@dataclass(slots=True)
class Record:
    """What Livy remembers of one submission."""

    id: int
    name: str
    job: str
    tags: frozenset[str]
    app: App | None = None
    gone: bool = False
    """Deleted: its spark-submit was ended, so that nothing of it comes to YARN any more."""
    says: str = ""
    """What Livy says of it, whatever is true."""
    log: tuple[str, ...] = ()


@dataclass(slots=True)
class Site:
    """One member. `cut`: nobody reaches it, and it works on. `ended`: EMR has terminated it, and nothing is left."""

    id: str
    livy_up: bool = True
    yarn_up: bool = True
    cut: bool = False
    ended: bool = False
    denied: bool = False
    next_number: int = 0
    records: dict[int, Record] = field(default_factory=dict)
    underway: list[Record] = field(default_factory=list)
    """Submissions that are not in YARN yet; they get there even if Livy dies meanwhile."""
    apps: dict[str, App] = field(default_factory=dict)
    kills: list[str] = field(default_factory=list)
    begun: int = 0

    def submit(self, name: str, job: str, tags: frozenset[str]) -> Record:
        record = Record(self.next_number, name, job, tags)
        self.next_number += 1
        self.records[record.id] = record
        self.underway.append(record)
        return record

    def launch(self, record: Record) -> App | None:
        """Let spark-submit reach YARN."""
        self.underway.remove(record)
        if record.gone or self.ended:
            return None
        self.begun += 1
        app = App(f"application_{self.id[-1]}_{self.begun:04}", record.job, record.tags)
        self.apps[app.id] = record.app = app
        return app

    def run(self, app: App, final: str = "") -> None:
        """Let an application go on to RUNNING, or to its end."""
        if not app.ended:
            app.state, app.final = ("FINISHED" if final else "RUNNING"), final or "UNDEFINED"
            app.wrote |= final == "SUCCEEDED" and not self.denied

    def restart_livy(self) -> None:
        """Livy comes back without its store: its numbers begin again, and it knows nothing of what runs."""
        self.records.clear()
        self.next_number = 0
        self.livy_up = True

    def end(self) -> None:
        self.ended = True
        self.underway.clear()
        for app in self.apps.values():
            if not app.ended:
                app.state = app.final = "KILLED"

    def told(self, record: Record) -> LivyBatch:
        app = record.app
        if app is None or record.says:
            return LivyBatch(
                record.id, record.name, record.says or "starting", app.id if app else "", log=record.log[-10:]
            )
        words = {"ACCEPTED": "starting", "RUNNING": "running", "KILLED": "killed", "FAILED": "dead"}
        state = words.get(app.state) or ("success" if app.final == "SUCCEEDED" else "dead")
        return LivyBatch(record.id, record.name, state, app.id, log=record.log[-10:])


class Town:
    """All members, as one gateway reaches them."""

    def __init__(self, *clusters: str) -> None:
        self.sites = {cluster: Site(cluster) for cluster in clusters}
        self.blind = False
        self.lose_reply = False
        self.declines: tuple[int, bytes] | None = None

    def livy(self, member: MemberView) -> Site:
        return self._reach(member, "livy_up")

    def yarn(self, member: MemberView) -> Site:
        return self._reach(member, "yarn_up")

    def _reach(self, member: MemberView, what: str) -> Site:
        site = self.sites[member.cluster_id]
        if self.blind or site.cut or site.ended or not getattr(site, what):
            raise UnreachedError("no connection", where=member.cluster_id)
        return site

    async def submit(
        self, member: MemberView, request: Mapping[str, object], *, do_as: str = ""
    ) -> Accepted | Declined:
        del do_as
        site = self.livy(member)
        name, conf = str(request["name"]), request["conf"]
        assert isinstance(conf, Mapping)
        if self.declines is not None:
            return Declined(*self.declines, "application/json")
        if any(r.name == name for r in site.records.values()):
            said = f'{{"msg":"Rejected, Reason: Duplicate session name: Some({name}) for session 0"}}'
            return Declined(400, said.encode(), "application/json")
        tags = frozenset(str(conf["spark.yarn.tags"]).split(","))
        record = site.submit(name, str(request["file"]), tags)
        if self.lose_reply:
            self.lose_reply = False
            raise OutcomeUnknownError("the reply was lost", where=member.cluster_id)
        return Accepted(site.told(record))

    async def batches(self, member: MemberView) -> Sequence[LivyBatch]:
        site = self.livy(member)
        return [site.told(r) for r in site.records.values()]

    async def batch(self, member: MemberView, name: str) -> LivyBatch | None:
        return next((b for b in await self.batches(member) if b.name == name), None)

    async def log(self, member: MemberView, livy_id: int, start: int, size: int) -> LogPage | None:
        record = self.livy(member).records.get(livy_id)
        if record is None:
            return None
        last = None if size < 0 else start + size
        return LogPage(start, len(record.log), record.log[start:last])

    async def delete(self, member: MemberView, livy_id: int) -> None:
        record = self.livy(member).records.pop(livy_id, None)
        if record is not None:
            record.gone = True
            if record.app is not None and not record.app.ended:
                record.app.state = record.app.final = "KILLED"

    async def applications(self, member: MemberView, tag: str) -> Sequence[YarnApplication]:
        return [a.told() for a in self.yarn(member).apps.values() if tag in a.tags]

    async def kill(self, member: MemberView, application_id: str) -> None:
        site = self.yarn(member)
        site.kills.append(application_id)
        app = site.apps.get(application_id)
        if app is None:
            raise TransientError("no such application", where=member.cluster_id)
        if not app.ended:
            app.state = app.final = "KILLED"

    async def load(self, member: MemberView) -> QueueLoad:
        apps = self.yarn(member).apps.values()
        return QueueLoad(sum(a.state == "RUNNING" for a in apps), sum(a.state == "ACCEPTED" for a in apps))

    async def close(self) -> None:
        """Nothing to let go."""


def view(cluster: str, role: Role = Role.SERVING) -> MemberView:
    """How a controller publishes a member of the model."""
    number = int(cluster[2:])
    base = f"http://10.0.0.{number}"
    serving = role is Role.SERVING
    return MemberView(
        cluster, number, number, f"az-{number}", f"{base}:8998", f"{base}:8088", role, accepts_new=serving
    )


def out(member: MemberView) -> MemberView:
    return replace(member, role=Role.FENCED, accepts_new=False)

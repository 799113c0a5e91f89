"""How a stand-in's Livy is set up."""

from dataclasses import dataclass, field

from emr_dr.lab.standin.plans import Plan


@dataclass(slots=True)
class LivySettings:
    """How Livy is set up; seconds; may be changed at any time.

    Attributes:
        plan: How a batch goes that says nothing itself.
        recovery: Whether it keeps batches through a restart (`livy.server.recovery.mode`).
        forgets_after: `livy.server.session.state-retain.sec`.
        notices_after: From an application's start in YARN until Livy knows its id (`livy.server.yarn.poll-interval`).
        recovering: How long a batch says `recovering` after a restart before Livy has asked YARN.
        looks_for: How long it looks for a new application by its tag (`livy.server.yarn.app-lookup-timeout`); then
            the batch is dead, and the application is killed where one of the checks below still finds it.
        leak_checks, leak_watched: `livy.server.yarn.app-leakage.check-interval` and `.check-timeout`.
        loses_sight_after: How long YARN may be away before Livy says dead of all that runs, wrongly
            (`yarn.resourcemanager.connect.max-wait.ms`).
        csrf: `livy.server.csrf-protection.enabled`.
        impersonation: `livy.impersonation.enabled`.
        absolute_paths: Whether it refuses a file without a scheme that is no absolute path, as real ones do.
        too_many: Whether `livy.server.session.max-creation` is reached.
        sessions: Whether the jars that interactive sessions need are there.
        session_starts: How long a session is `starting`.
    """

    plan: Plan = field(default_factory=Plan)
    recovery: bool = True
    forgets_after: float = 600.0
    notices_after: float = 0.02
    recovering: float = 0.6
    looks_for: float = 120.0
    leak_checks: float = 60.0
    leak_watched: float = 600.0
    loses_sight_after: float = 900.0
    csrf: bool = False
    impersonation: bool = False
    absolute_paths: bool = False
    too_many: bool = False
    sessions: bool = True
    session_starts: float = 0.05

"""What every store decides in the same way, between reading a row and writing it."""

from collections.abc import Iterable
from dataclasses import replace

from emr_dr.core.batch import MAX_BATCH_ID, Batch, NewBatch, objections
from emr_dr.core.document import Lease
from emr_dr.core.session import Session
from emr_dr.core.session import objections as session_objections
from emr_dr.errors import ConflictError, PermanentError


def stale(where: str, expected: int, held: int) -> ConflictError:
    """Return the error of a save that comes too late."""
    if not held:
        what = f"it is not saved here, and version {expected} was to be replaced"
    elif not expected:
        what = f"it is saved here already, as version {held}"
    else:
        what = f"somebody else saved first: version {held} is kept, and version {expected} was to be replaced"
    return ConflictError(what, where=where, remedy="load it again and decide again")


def taken(held: Lease | None, holder: str, now: float, seconds: float) -> Lease | None:
    """Return the named lease as `holder` has it from now on, or None while another's has not expired."""
    if held is None:
        return Lease(holder, 1, now + seconds)
    if held.holder == holder:
        return Lease(holder, held.term, now + seconds)
    return Lease(holder, held.term + 1, now + seconds) if held.expires_at <= now else None


def changed(held: Batch | None, batch: Batch, where: str) -> Batch:
    """Return the batch under its next version, if it may follow what is held.

    Raises:
        ConflictError: Somebody else saved first.
        PermanentError: The change is forbidden, or no such batch is held.
    """
    if held is None:
        raise PermanentError("no batch of this number was ever created here", where=where)
    if held.version != batch.version:
        raise stale(where, batch.version, held.version)
    forbidden = "; ".join(objections(held, batch))
    if forbidden:
        raise PermanentError(f"the ledger refuses this change: {forbidden}", where=where)
    return replace(batch, version=batch.version + 1)


def changed_session(held: Session | None, session: Session, where: str) -> Session:
    """Return the session under its next version, if it may follow what is held.

    Raises:
        ConflictError: Somebody else saved or dropped it first.
        PermanentError: The change is forbidden.
    """
    if held is None or held.version != session.version:
        raise stale(where, session.version, held.version if held else 0)
    forbidden = "; ".join(session_objections(held, session))
    if forbidden:
        raise PermanentError(f"the ledger refuses this change: {forbidden}", where=where)
    return replace(session, version=session.version + 1)


def checked_id(batch_id: int, where: str) -> int:
    """Return the number that was counted up to.

    Raises:
        PermanentError: Livy's clients cannot hold it.
    """
    if batch_id > MAX_BATCH_ID:
        what = f"all batch numbers up to {MAX_BATCH_ID} were given out"
        raise PermanentError(what, where=where, remedy="start the group's gateways with a new, empty ledger")
    return batch_id


def refuse_taken_name(of_that_name: Iterable[Batch], new: NewBatch, where: str) -> None:
    """Refuse a submission whose name another batch keeps.

    Raises:
        ConflictError: One does.
    """
    for batch in of_that_name:
        if batch.keeps_its_name(new.at):
            what = f"batch {batch.id} is called {new.name}"
            raise ConflictError(what, where=where, remedy="choose another name, or none")


def read_cursor(cursor: str, where: str) -> int:
    """Return the number that a cursor of ours is.

    Raises:
        PermanentError: It is somebody else's.
    """
    if not (cursor.isascii() and cursor.isdigit()):
        raise PermanentError(f"{cursor!r} is no cursor of this ledger", where=where, remedy="ask without one first")
    return int(cursor)

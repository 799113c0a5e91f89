"""What SQLite's errors mean for who uses the store: its codes become our tree, with the path and what to do."""

import os
import sqlite3
from pathlib import Path

from emr_dr.errors import EmrDrError, OutcomeUnknownError, PermanentError, TransientError

_PRIMARY = 0xFF
"""SQLite's extended result codes keep the primary code in their lowest byte."""

_IN_THE_WAY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL)
_LOCKED = (
    TransientError,
    "locked by another process for more than {deadline:g} s",
    "try again; `fuser {path}` names it",
)
_FULL = (TransientError, "the disk is full; nothing was saved", "free some space and try again")
_BROKEN = (OutcomeUnknownError, "the disk does not work as it should ({name})", "look at the disk, then try again")
_DAMAGED = (PermanentError, "damaged, or no store at all ({error})", "keep a copy of it, then restore it from a backup")
_READ_ONLY = (
    PermanentError,
    "it cannot be written ({error})",
    "let this user write to the file and to its folder, or name another file in the spec under `store`",
)
_PASSING = (TransientError, "SQLite gave up: {error} ({name})", "try again")
_OTHER = (PermanentError, "SQLite refuses: {error} ({name})", "check that nothing but emr-dr ever wrote to it")

_MEANING: dict[int, tuple[type[EmrDrError], str, str]] = {
    **dict.fromkeys(_IN_THE_WAY, _LOCKED),
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_IOERR: _BROKEN,
    **dict.fromkeys((sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB), _DAMAGED),
    **dict.fromkeys((sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH), _READ_ONLY),
    **dict.fromkeys((sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_SCHEMA), _PASSING),
}


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another connection is in the way, so that the same transaction may work in a moment."""
    return _code(error) in _IN_THE_WAY


def translated(error: sqlite3.Error, path: Path, deadline: float) -> EmrDrError:
    """Return the error of our tree; a wrong use of the library, which has no code, is raised on as the bug it is."""
    code = _code(error)
    if code is None:
        raise error
    if code == sqlite3.SQLITE_CANTOPEN:
        return _cannot_open(error, path)
    return _meaning(_MEANING.get(code, _OTHER), error, path, deadline)


def _meaning(
    meaning: tuple[type[EmrDrError], str, str], error: sqlite3.Error, path: Path, deadline: float = 0.0
) -> EmrDrError:
    kind, what, remedy = meaning
    words = {"error": error, "name": error.sqlite_errorname, "path": path, "deadline": deadline}
    return kind(what.format(**words), where=str(path), remedy=remedy.format(**words))


def _code(error: sqlite3.Error) -> int | None:
    # Errors that the Python module raises by itself have no code.
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & _PRIMARY


def _cannot_open(error: sqlite3.Error, path: Path) -> EmrDrError:
    where, folder = str(path), path.parent
    if not folder.is_dir():
        return PermanentError(f"the folder {folder} does not exist", where=where, remedy=f"mkdir -p {folder}")
    if path.is_dir():
        remedy = "name a file in the spec under `store`"
        return PermanentError("this is a folder, not a file", where=where, remedy=remedy)
    needed = [folder, path] if path.exists() else [folder]
    if not all(os.access(place, os.R_OK | os.W_OK, effective_ids=True) for place in needed):
        return _meaning(_READ_ONLY, error, path)
    return _meaning(_PASSING, error, path)

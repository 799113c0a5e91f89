"""The lock file: every artifact that the parts consist of, with its sha256 and size."""

import hashlib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from emr_dr.errors import PermanentError

JAR_SETS = ("hadoop", "livy")
_SETS = ("pypi", *JAR_SETS)
_FIELDS_A_LINE = 4
_DIGEST_LENGTH = 16
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file of a registry: `group:artifact:version[:classifier]`, or `name==version` in the set `pypi`."""

    part: str
    coordinate: str
    sha256: str
    size: int

    @property
    def file_name(self) -> str:
        """The jar's name in its folder, as Maven names it."""
        _, artifact, version, *classifier = self.coordinate.split(":")
        return "-".join((artifact, version, *classifier)) + ".jar"


@dataclass(frozen=True, slots=True)
class Lock:
    """All artifacts, and a digest that changes with any of them."""

    digest: str
    artifacts: tuple[Artifact, ...]

    def part(self, name: str) -> tuple[Artifact, ...]:
        """Return the artifacts of one set."""
        return tuple(artifact for artifact in self.artifacts if artifact.part == name)

    def package(self, name: str) -> Artifact:
        """Return the Python package called `name`."""
        return next(a for a in self.part("pypi") if a.coordinate.startswith(f"{name}=="))


def read_lock(text: str | None = None) -> Lock:
    """Parse a lock file's text, or the one shipped with this package.

    Raises:
        PermanentError: a line is not `set coordinate sha256 bytes`.
    """
    if text is None:
        text = resources.files(__package__).joinpath("parts.lock").read_text(encoding="utf-8")
    artifacts = tuple(
        _artifact(number, line)
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not line.startswith("#")
    )
    # Over the artifacts rather than the text: a comment must not make everybody fetch again.
    digest = hashlib.sha256("".join(f"{a.coordinate} {a.sha256}\n" for a in artifacts).encode()).hexdigest()
    return Lock(digest[:_DIGEST_LENGTH], artifacts)


def _artifact(number: int, line: str) -> Artifact:
    fields = line.split()
    if len(fields) != _FIELDS_A_LINE or fields[0] not in _SETS or not fields[3].isdigit():
        raise PermanentError(
            f"not 'set coordinate sha256 bytes': {line!r}", where=f"parts.lock:{number}", remedy="reinstall emr-dr"
        )
    return Artifact(fields[0], fields[1], fields[2], int(fields[3]))


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file's content, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def verify(path: Path, artifact: Artifact) -> None:
    """Check a downloaded file against the lock.

    Raises:
        PermanentError: the content is not what was locked; the caller must not use or keep the file.
    """
    got = sha256_of(path)
    if got != artifact.sha256:
        raise PermanentError(
            f"{artifact.coordinate} has the wrong content: expected sha256 {artifact.sha256}, got {got}",
            where=path.name,
            remedy="it was thrown away, so repeat; if it happens again, the registry or a proxy serves another file",
        )

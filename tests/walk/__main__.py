"""Walk: `PYTHONPATH=tests python -m walk [--ci | --all] [word ...]`.

Without words, `--ci` is what CI runs; with words, the runs and planted faults of `--all` whose names hold every word.
"""

import multiprocessing
import sys
import time
from collections.abc import Iterator

from walk.report import Report, choose, walk
from walk.search import Result

PROCESSES = 2


def main(arguments: list[str]) -> int:
    """Print a line a run as it finishes, and the sums; 1 if something is broken, left out or not found."""
    flags = {a for a in arguments if a.startswith("-")}
    if flags - {"--ci", "--all"} or len(flags) > 1:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    words = [a for a in arguments if a not in flags]
    everything = "--all" in flags or (bool(words) and "--ci" not in flags)
    started, report = time.monotonic(), Report()
    for name, result in _walked(choose(everything=everything, words=words)):
        _print(report.add(name, result))
    if not words:
        _print(report.landmarks())
    _print(f"{time.monotonic() - started:.0f} s")
    _print(str(report))
    return 0 if report.fine else 1


def _walked(names: list[str]) -> Iterator[tuple[str, Result]]:
    """Walk them all, each in a process of its own, so that its memory is given back."""
    with multiprocessing.get_context("fork").Pool(PROCESSES, maxtasksperchild=1) as pool:
        yield from pool.imap_unordered(_named, names)


def _named(name: str) -> tuple[str, Result]:
    return name, walk(name)


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Run worlds from the command line: `PYTHONPATH=tests python -m simulation.worlds --worlds 500`.

A failure prints how to see exactly that world: `--seed S --only N --story`.
"""

import argparse
import gc
import multiprocessing
import sys
from collections import Counter
from collections.abc import Iterator
from functools import partial

import structlog

from simulation.worlds.world import Result, run

PROCESSES = 2
PROGRESS = 100
CRITICAL = 50


def main(arguments: list[str]) -> int:
    """Return 0 if all was well, else 1."""
    given = _parsed(arguments)
    if given.only is not None:
        return _show(given.seed, given.only, story=given.story)
    wrong, unconverged, drawn, done = 0, 0, Counter[str](), 0
    for result in _results(given.seed, range(given.first, given.first + given.worlds)):
        done += 1
        drawn += result.drawn
        wrong += bool(result.wrong)
        unconverged += bool(result.unconverged)
        if not result.well:
            again = f"--seed {given.seed} --only {result.number} --story"
            _say(f"world {result.number}: {_how(result)}; see it with {again}")
        if done % PROGRESS == 0:
            _say(f"{done} worlds, {wrong} violations, {unconverged} unconverged")
    _say("troubles: " + ", ".join(f"{kind} {count}" for kind, count in drawn.most_common()))
    _say(f"worlds {done} violations {wrong} unconverged {unconverged} seed {given.seed}")
    return 1 if wrong or unconverged else 0


def _parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulation.worlds", description=__doc__)
    parser.add_argument("--worlds", type=int, default=500, help="how many (500)")
    parser.add_argument("--seed", type=int, default=1, help="what all is drawn from, with the world's number (1)")
    parser.add_argument("--first", type=int, default=0, help="the number of the first world (0)")
    parser.add_argument("--only", type=int, help="run this world alone")
    parser.add_argument("--story", action="store_true", help="with --only: tell all that happened")
    return parser.parse_args(arguments)


def _show(seed: int, number: int, *, story: bool) -> int:
    _prepare()
    result = run(seed, number)
    if story and result.story is not None:
        for line in result.story.lines():
            _say(line)
    _say(f"world {number}: {_how(result)}; {result.seconds / 60:.0f} min, digest {result.digest}")
    _say(f"worlds 1 violations {bool(result.wrong):d} unconverged {bool(result.unconverged):d} seed {seed}")
    return 0 if result.well else 1


def _results(seed: int, numbers: range) -> Iterator[Result]:
    with multiprocessing.Pool(PROCESSES, initializer=_prepare) as pool:
        yield from pool.imap_unordered(partial(_without_story, seed), numbers, chunksize=5)


def _without_story(seed: int, number: int) -> Result:
    try:
        return run(seed, number).without_story()
    except Exception as error:  # noqa: BLE001 - the others go on; alone, it shows where it came from
        return Result(number, (f"X2 the world broke: {error!r}",), "", Counter(), 0.0, "", None)


def _prepare() -> None:
    """Worlds tell their own story, and what they leave behind is not worth looking through all the time."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(CRITICAL))
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


def _how(result: Result) -> str:
    return "; ".join(result.wrong) or (f"not converged {result.unconverged}" if result.unconverged else "well")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

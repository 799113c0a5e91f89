"""Walk the runs of the record whose names hold every word given: `PYTHONPATH=tests python -m walk [word ...]`."""

import sys
from dataclasses import replace

from walk.runs import RUNS, UNBOUNDED
from walk.search import Walk


def main(words: list[str]) -> int:
    """Print one line a run and the story of each fault; 1 if a bounded run has one."""
    failed = 0
    for bounded, runs in ((True, RUNS), (False, UNBOUNDED)):
        for name, setup in runs.items():
            title = f"{name}{'' if bounded else ', unbounded'}"
            if not all(word in title for word in words):
                continue
            result = Walk(replace(setup, limit=700_000)).run()
            failed |= bounded and bool(result.faults)
            sys.stdout.write(f"{title:60s} {result.story() if bounded else result}\n")
            sys.stdout.flush()
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

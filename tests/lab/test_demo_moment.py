"""When the demo's disaster may strike."""

from pathlib import Path

import pytest

from emr_dr.lab.demo.moment import Run, may_strike, runs_in

NOW, LASTS = 1000.0, 8.0
YOUNG, OLD = Run("a", NOW - 3, completed=False), Run("b", NOW - 6, completed=False)
DONE = Run("b", NOW - 6, completed=True)


@pytest.mark.parametrize(
    ("unfinished", "runs", "may"),
    [
        ({"a"}, [YOUNG], True),
        ({"a", "c"}, [YOUNG], True),
        ({"a"}, [YOUNG, DONE], True),
        ({"c"}, [YOUNG], False),
        ({"a", "b"}, [YOUNG, OLD], False),
        ({"a", "b"}, [YOUNG, DONE], False),
        (set(), [], False),
    ],
    ids=[
        "one has just begun",
        "another has not begun",
        "another is known to have ended",
        "nothing waited for runs",
        "another may end any second",
        "another has ended and its client does not know",
        "nothing at all",
    ],
)
def test_it_strikes_only_what_will_not_end_meanwhile(unfinished: set[str], runs: list[Run], *, may: bool) -> None:
    assert may_strike(unfinished, runs, NOW, lasts=LASTS) is may


def test_runs_are_read_off_the_marks_that_jobs_leave(tmp_path: Path) -> None:
    for name in ("batch-01.aa.started", "batch-01.aa.completed", "batch-02.bb.started"):
        (tmp_path / name).touch()
    assert [(r.key, r.completed) for r in runs_in(tmp_path)] == [("batch-01", True), ("batch-02", False)]

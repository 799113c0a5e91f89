"""The command line as a person types it: what is said, and the exit code."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from emr_dr.cli.main import SUMMARIES, VERBS, main
from spec.spec_examples import SMALL


class Said(NamedTuple):
    """How a verb ended, and what it printed."""

    code: int
    out: str
    err: str


Type = Callable[..., Said]


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Type:
    """Type a command line in an empty folder, with no AWS within reach."""
    monkeypatch.chdir(tmp_path)
    for name in [n for n in os.environ if n.startswith(("AWS_", "EMR_DR_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))

    def run(*words: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["emr-dr", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        code = ended.value.code
        return Said(code if isinstance(code, int) else 0, *capsys.readouterr())

    return run


def test_help_names_every_verb_in_a_sentence(typed: Type) -> None:
    said = typed("--help")
    assert said.code == 0
    for verb in (*VERBS, "lab", "demo"):
        assert f"  {verb}" in said.out
        assert SUMMARIES[verb].split()[0] in said.out


@pytest.mark.parametrize("verb", [*VERBS, "lab", "demo"])
def test_every_verb_has_help_of_its_own(typed: Type, verb: str) -> None:
    said = typed(verb, "--help")
    assert (said.code, said.err) == (0, "")
    assert "Usage:" in said.out


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["vanish"], "vanish"),
        (["status", "--nonsense"], "--nonsense"),
        (["tick", "--for", "soon"], "5s, 1m30s"),
        (["validate"], "emr-dr.yaml"),
        (["status"], "emr-dr.yaml"),
        (["lab", "kill-az", "mars-1a"], "mars-1a"),
        (["lab", "--dir", "nowhere", "status"], "emr-dr lab up"),
        (["init", "Not A Name"], "Not A Name"),
    ],
)
def test_wrong_use_is_answered_with_what_was_wrong_and_exit_2(typed: Type, words: list[str], named: str) -> None:
    said = typed(*words)
    assert said.code == 2
    assert named in said.err
    assert "Traceback" not in said.err


def test_a_spec_is_checked_line_by_line(typed: Type) -> None:
    Path("emr-dr.yaml").write_text(SMALL.replace("strategy:", "stratgy:"))
    said = typed("validate")
    assert said.code == 2
    assert any(line.startswith("emr-dr.yaml:") and "did you mean strategy?" in line for line in said.err.splitlines())
    told = json.loads(typed("validate", "--json").out)
    assert told["ok"] is False
    assert told["problems"][0]["line"] > 0


def test_a_good_spec_is_said_to_be_good(typed: Type) -> None:
    Path("emr-dr.yaml").write_text(SMALL)
    said = typed("validate")
    assert (said.code, said.err) == (0, "")
    assert json.loads(typed("validate", "--json").out)["ok"] is True


def test_a_starter_is_not_written_over_a_spec_that_is_there(typed: Type) -> None:
    assert typed("init", "etl").code == 0
    written = Path("emr-dr.yaml").read_text()
    again = typed("init", "other")
    assert again.code == 2
    assert "--force" in again.err
    assert Path("emr-dr.yaml").read_text() == written


def test_a_fresh_starter_says_what_is_still_to_be_filled_in(typed: Type) -> None:
    typed("init", "etl")
    said = typed("validate")
    assert said.code == 2
    assert all(line.startswith("emr-dr.yaml:") for line in said.err.splitlines())


def test_the_schema_is_json(typed: Type) -> None:
    assert json.loads(typed("schema").out)["$schema"].endswith("2020-12/schema")


@pytest.mark.parametrize("verb", ["status", "check", "watch", "tick"])
def test_a_verb_that_needs_a_store_makes_none(typed: Type, verb: str) -> None:
    Path("emr-dr.yaml").write_text(SMALL)
    before = set(Path().iterdir())
    said = typed(verb)
    assert said.code == 2
    assert "emr-dr apply" in said.err
    assert set(Path().iterdir()) == before


def test_without_credentials_apply_says_where_to_get_them(typed: Type) -> None:
    Path("emr-dr.yaml").write_text(SMALL)
    said = typed("apply")
    assert said.code == 2
    assert "AWS_PROFILE" in said.err


def test_check_exits_with_2_when_it_could_not_tell(typed: Type) -> None:
    Path("emr-dr.yaml").write_text(SMALL)
    assert typed("check").code == 2

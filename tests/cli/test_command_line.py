"""The command line as a person types it: what is said, and the exit code."""

import json
from pathlib import Path

import pytest

from cli.conftest import Type
from emr_dr.cli.main import SUMMARIES, VERBS
from spec.spec_examples import SMALL


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
        (["why", "--at", "nonsense"], "2026-08-03T10:15:00Z, or 10m for ten minutes ago"),
        (["why", "--at", "2026-13-01"], "2026-13-01"),
        (["why", "--seq", "0"], "--seq"),
        (["why", "--seq", "one"], "--seq"),
        (["why", "--seq", "99999999999999999999"], "--seq"),
        (["why", "--member", "-1"], "--member"),
        (["why", "--seq", "1", "--at", "10m"], "--seq, --at and --member exclude each other"),
        (["history", "--limit", "-1"], "--limit"),
        (["history", "--limit", "0"], "--limit"),
        (["switchover"], "emr-dr.yaml"),
        (["switchover", "--drain-timeout", "soon"], "5s, 1m30s"),
        (["failback", "--to", "us-east-1a"], "--to"),
        (["failover", "--drain-timeout", "1m"], "--drain-timeout"),
        (["pause"], "--reason"),
        (["pause", "--reason", " "], "say why"),
        (["pause", "--reason", "network", "--for", "0s"], "must be more than 0s"),
        (["pause", "--reason", "network", "--for", "8d"], "7d at the most"),
        (["release", "1", "2"], "2"),
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


def test_what_stickiness_does_not_protect_from_is_said_of_a_good_spec(typed: Type) -> None:
    sticky = SMALL.replace("strategy: active-passive", "strategy: active-active")
    sticky = sticky.replace("name: etl-livy,", "name: etl-livy, stickiness: source_ip,")
    Path("emr-dr.yaml").write_text(sticky)
    said = typed("validate")
    assert (said.code, said.err) == (0, "")
    told = json.loads(typed("validate", "--json").out)
    assert (told["ok"], told["problems"]) == (True, [])
    assert {"line", "field", "what", "remedy"} == told["remarks"][0].keys()
    words = " ".join(remark["what"] for remark in told["remarks"])
    for threat in ("another Livy, whose batch numbers are its own", "behind one NAT", "whose address changes"):
        assert threat in words
        assert threat in said.out
    assert "may get another job's state" in words
    Path("emr-dr.yaml").write_text(sticky.replace("  configurations: []", "  batch_id_ranges: true"))
    words = typed("validate").out
    assert "gets 404" in words
    assert "may get another job's state" not in words


def test_a_spec_of_one_serving_member_has_nothing_remarked(typed: Type) -> None:
    Path("emr-dr.yaml").write_text(SMALL)
    assert "remark" not in typed("validate").out
    assert json.loads(typed("validate", "--json").out)["remarks"] == []


def test_a_starter_has_gateways_unless_it_is_told_otherwise(typed: Type) -> None:
    assert typed("init", "etl").code == 0
    assert "\n  mode: gateway " in Path("emr-dr.yaml").read_text()
    assert typed("init", "etl", "--mode", "direct", "--force").code == 0
    assert "\n  mode: direct " in Path("emr-dr.yaml").read_text()


def test_a_starter_may_have_two_members_serve(typed: Type) -> None:
    assert typed("init", "etl", "--strategy", "active-active", "--mode", "direct").code == 0
    assert "\n    stickiness: source_ip " in Path("emr-dr.yaml").read_text()


def test_a_starter_may_keep_a_standby_warm(typed: Type) -> None:
    assert typed("init", "etl", "--strategy", "warm-standby").code == 0
    assert "strategy: warm-standby" in Path("emr-dr.yaml").read_text()
    assert typed("init", "etl", "--strategy", "lukewarm").code == 2


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


@pytest.mark.parametrize("verb", ["status", "check", "watch", "tick", "why", "history"])
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

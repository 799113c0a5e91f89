"""The reference that is made from the code leaves nothing out."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import pytest
from mkdocs.exceptions import PluginError

from emr_dr.cli.main import VERBS, cli
from emr_dr.core.group import ENDING, Stage
from emr_dr.core.verdict import VerdictName
from emr_dr.errors import EmrDrError
from emr_dr.spec import json_schema
from handbook import hook
from handbook.aws_calls import ADAPTERS, operations
from handbook.docstrings import beneath, table
from handbook.exits import exit_codes
from handbook.spec_keys import sections, spec_keys
from handbook.stages import stage_diagram, stage_table
from handbook.stories import TESTS, stories
from handbook.verbs import commands, verbs
from handbook.verdicts import verdict_table
from handbook.walked import GONE, lives
from walk.decisions import LEADS_TO

PROTOCOL = Path(__file__).parents[2] / "docs" / "explanation" / "protocol.md"


def keys(schema: Mapping[str, Any]) -> Iterator[str]:
    for section in (schema, *schema["$defs"].values()):
        yield from section.get("properties", {})


def test_the_reference_has_every_key_of_the_spec_with_its_meaning() -> None:
    told, schema = spec_keys(), json_schema()
    for key in keys(schema):
        assert re.search(rf"^\| `{key}`.* \| .+ \| .+ \|$", told, re.MULTILINE), key
    with_keys = [name for name, section in schema["$defs"].items() if "properties" in section]
    assert len(with_keys) == len(sections(schema)) - 1


def test_the_reference_says_what_a_key_takes() -> None:
    told = spec_keys()
    assert re.search(r"^\| `interval` \| duration, 1s to \d+m?s? \| ", told, re.MULTILINE)
    assert re.search(
        r"^\| `strategy`.* \| `active-passive` or `warm-standby` or `active-active` \|", told, re.MULTILINE
    )
    assert "`group`\N{NO-BREAK SPACE}*" in told


def test_the_reference_has_every_verb_with_every_option() -> None:
    told = verbs()
    root = click.Context(cli, info_name="emr-dr")
    found = list(commands(root))
    assert {context.command_path for _, context in found} >= {f"emr-dr {verb}" for verb in (*VERBS, "demo", "lab up")}
    for command, context in found:
        section = re.search(rf"^##+ `{context.command_path}`\n(.*?)(?=^##|\Z)", told, re.MULTILINE | re.DOTALL)
        assert section is not None, context.command_path
        for option in (p for p in command.params if isinstance(p, click.Option)):
            assert option.opts[-1] in section[1], (context.command_path, option.opts)


def test_the_reference_has_every_exit_code() -> None:
    told = exit_codes()
    for kind in EmrDrError.__subclasses__():
        assert f"| {kind.exit_code} | " in told
        assert f"`{kind.__name__}`" in told


def test_the_reference_has_every_verdict_and_stage_with_a_meaning() -> None:
    assert beneath(VerdictName).keys() == {v.name for v in VerdictName}
    assert beneath(Stage).keys() == {s.name for s in Stage}
    assert all(f"| `{verdict}` | " in verdict_table() for verdict in VerdictName)
    assert all(f"| `{stage}` | " in stage_table() for stage in Stage)


def test_the_explanation_speaks_of_every_verdict_and_stage() -> None:
    text = hook.filled(PROTOCOL.read_text("utf-8"), where="protocol.md")
    assert [v for v in VerdictName if f"| `{v}` |" not in text] == []
    assert [s for s in Stage if f"| {s.capitalize()} |" not in text] == []


def test_every_step_that_the_protocol_allows_was_met_and_is_drawn() -> None:
    met = lives()
    allowed = {(was, now) for was, after in LEADS_TO.items() for now in after}
    assert {step for step in met.single if step[1] != GONE} == allowed
    assert {was for was, now in met.single if now == GONE} >= {Stage.LAUNCHING, Stage.FENCING, *ENDING}
    assert stage_diagram().count('class="step"') == len(met.single)


def test_every_file_with_stories_is_in_the_table_and_long_ones_are_told_apart() -> None:
    told = stories()
    marked = [path for path in TESTS.rglob("test_*.py") if "pytest.mark.lab" in path.read_text("utf-8")]
    assert len(marked) > 5
    assert [path.name for path in marked if path.name not in told and path != Path(__file__)] == []
    assert "| `make test` | the demo tells the whole story | `tests/lab/test_stories.py` |" in told
    assert re.search(r"^\| `make test-lab` \| a switchover on real clusters .* \|$", told, re.MULTILINE)


def test_every_call_of_an_adapter_is_listed() -> None:
    called = operations()
    assert {"RunJobFlow", "TerminateJobFlows", "DescribeCluster"} <= called["EMR"]
    assert {"RegisterTargets", "DescribeTargetHealth", "CreateLoadBalancer"} <= called["ELBv2"]
    assert all(called.values()), called
    sent = re.findall(r"_client\.([a-z_]+)\(", "".join(path.read_text("utf-8") for path in ADAPTERS.glob("*.py")))
    listed = {operation.lower() for each in called.values() for operation in each}
    assert {name for name in sent if name.replace("_", "") not in listed} == set()


def test_a_class_without_texts_below_its_names_has_none() -> None:
    class Bare:
        A = 1

    assert beneath(Bare) == {}


def test_a_bar_is_escaped_in_a_table_but_not_in_code() -> None:
    assert table(["a"], [["x | y `p|q`"]]).splitlines()[-1] == "| x \\| y `p|q` |"


def test_a_page_is_filled_where_it_asks_and_a_wrong_name_stops_the_build() -> None:
    assert "| 75 |" in hook.filled("a\n\n<!-- generated: exit-codes -->\n", where="page.md")
    with pytest.raises(PluginError, match=r"page\.md: nothing called nought is generated"):
        hook.filled("<!-- generated: nought -->", where="page.md")


class Page:
    class file:  # noqa: N801 - mkdocs calls it so
        src_uri = "page.md"


@pytest.mark.parametrize(
    "fetched",
    [
        '<script src="https://elsewhere.example/a.js"></script>',
        '<link rel="stylesheet" href="//elsewhere.example/a.css">',
        "<img src=http://elsewhere.example/a.png>",
    ],
)
def test_a_page_that_would_fetch_from_elsewhere_stops_the_build(fetched: str) -> None:
    with pytest.raises(PluginError, match=r"page\.md: fetches from elsewhere"):
        hook.on_post_page(f"<p>{fetched}</p>", page=Page)
    assert hook.on_post_page('<a href="https://aws.amazon.com">AWS</a>', page=Page)


def test_a_folder_in_the_navigation_stands_for_its_pages_that_are_not_named() -> None:
    there = sorted(f"adr/{path.name}" for path in (hook.DOCS / "adr").glob("0*.md"))
    first, *others = there
    nav = [{"Project": [{"First": first}, {"Decisions": ["adr/index.md", "adr/"]}]}, "index.md"]
    made = hook.on_config({"nav": nav})["nav"]
    assert made == [{"Project": [{"First": first}, {"Decisions": ["adr/index.md", *others]}]}, "index.md"]


def test_every_decision_is_listed() -> None:
    listed = hook.filled("<!-- generated: decisions -->", where="adr/index.md").splitlines()
    assert len(listed) == len(list((hook.DOCS / "adr").glob("0*.md")))
    assert all(re.fullmatch(r"- \[[^\]]+\]\(\d{4}-[a-z0-9-]+\.md\)", line) for line in listed)

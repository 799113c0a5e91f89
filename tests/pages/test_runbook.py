"""The runbook quotes what the program prints."""

import re
from pathlib import Path

import pytest

from emr_dr.core.verdict import VerdictName

ROOT = Path(__file__).parents[2]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text("utf-8")
QUOTED = re.compile(r"^(?:### |\| )`([^`\n]+)`", re.MULTILINE)


def printed() -> str:
    """The program's text; what is put into it stands there as an ellipsis, and literals that follow each other join."""
    sources = sorted((ROOT / "src" / "emr_dr").rglob("*.py"))
    text = "\n".join(path.read_text("utf-8") for path in sources if "lab" not in path.parts)
    text = re.sub(r'"\s*\n\s*f?"', "", text)
    return re.sub(r"\{[^{}\n]*\}", "…", text)


SOURCE = printed()


@pytest.mark.parametrize("quote", [q for q in QUOTED.findall(RUNBOOK) if q not in set(VerdictName)])
def test_what_the_runbook_quotes_is_printed_somewhere(quote: str) -> None:
    pieces = [piece.strip(" :") for piece in re.split("…|: ", quote) if piece.strip(" :,")]
    assert pieces
    assert [piece for piece in pieces if piece not in SOURCE] == []


def test_the_runbook_speaks_of_every_verdict_that_asks_for_somebody() -> None:
    calm = {VerdictName.STARTING, VerdictName.HEALTHY}
    assert [v for v in VerdictName if v not in calm and f"### `{v}`" not in RUNBOOK] == []


def test_a_quote_that_nothing_prints_would_be_found() -> None:
    assert "the moon is full" not in SOURCE

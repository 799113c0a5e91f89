"""What mkdocs calls while it builds: fills in what is generated, lists the decisions, lets nothing be fetched."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError

from handbook.exits import exit_codes
from handbook.lab_times import lab_times
from handbook.spec_keys import spec_keys
from handbook.stages import stage_diagram, stage_table
from handbook.verbs import verbs
from handbook.verdicts import verdict_table

ROOT = Path(__file__).parents[1]
_PLACE = re.compile(r"^<!-- generated: ([a-z-]+) -->$", re.MULTILINE)
_FETCHED = re.compile(
    r"<(?:script|link|img|iframe)\b[^>]*?\b(?:src|href)=[\"']?(?:https?:)?//[^\"'\s>]+", re.IGNORECASE
)
_ADRS = "adr/"
"""What stands in the navigation for a page each decision."""


def on_config(config: Any) -> Any:  # noqa: ANN401 - mkdocs' own type is a dictionary of anything
    """Put every decision into the navigation, so that a new one is there without a second mention."""
    config["nav"] = _with_decisions(config["nav"])
    return config


def on_page_markdown(markdown: str, *, page: Any, **_: object) -> str:  # noqa: ANN401 - as above
    """Put what is generated where a page asks for it."""
    return filled(markdown, where=page.file.src_uri)


def on_post_page(output: str, *, page: Any, **_: object) -> str:  # noqa: ANN401 - as above
    """Refuse a page that would fetch something from elsewhere: the site is read where there is no network."""
    if found := _FETCHED.search(output):
        raise PluginError(f"{page.file.src_uri}: fetches from elsewhere: {found[0]}; keep it in docs/ instead")
    return output


def filled(markdown: str, *, where: str) -> str:
    """Return a page's text with what is generated in its places."""

    def made(place: "re.Match[str]") -> str:
        if place[1] not in GENERATED:
            raise PluginError(f"{where}: nothing called {place[1]} is generated; choose from {', '.join(GENERATED)}")
        return GENERATED[place[1]]()

    return _PLACE.sub(made, markdown)


def _with_decisions(nav: Any) -> Any:  # noqa: ANN401 - lists of texts and dictionaries, as YAML has them
    if isinstance(nav, dict):
        return {title: _with_decisions(under) for title, under in nav.items()}
    if not isinstance(nav, list):
        return nav
    there = [f"adr/{path.name}" for path in _adr_files()]
    return [each for item in nav for each in (there if item == _ADRS else [_with_decisions(item)])]


def _adr_files() -> list[Path]:
    return sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))


def _decisions() -> str:
    """A line for each decision: its title, as a link."""
    titles = ((path, path.read_text("utf-8").partition("\n")[0].removeprefix("# ")) for path in _adr_files())
    return "\n".join(f"- [{title.partition('. ')[2]}]({path.name})" for path, title in titles)


GENERATED: Mapping[str, Callable[[], str]] = {
    "decisions": _decisions,
    "exit-codes": exit_codes,
    "lab-times": lab_times,
    "spec": spec_keys,
    "stage-diagram": stage_diagram,
    "stages": stage_table,
    "verbs": verbs,
    "verdicts": verdict_table,
}
"""What a page asks for with a line of its own: `<!-- generated: NAME -->`."""

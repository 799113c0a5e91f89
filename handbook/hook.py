"""What mkdocs calls while it builds: fills in what is generated, lists the decisions, lets nothing be fetched."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError

from handbook.aws_calls import aws_calls
from handbook.exits import exit_codes
from handbook.lab_times import lab_times
from handbook.spec_keys import spec_keys
from handbook.stages import stage_diagram, stage_table
from handbook.stories import stories
from handbook.verbs import verbs
from handbook.verdicts import verdict_table

DOCS = Path(__file__).parents[1] / "docs"
_PLACE = re.compile(r"^<!-- generated: ([a-z-]+) -->$", re.MULTILINE)
_FETCHED = re.compile(
    r"<(?:script|link|img|iframe)\b[^>]*?\b(?:src|href)=[\"']?(?:https?:)?//[^\"'\s>]+", re.IGNORECASE
)


def on_config(config: Any) -> Any:  # noqa: ANN401 - mkdocs' own type is a dictionary of anything
    """Put every page of a folder into the navigation where it names the folder: a new one needs no second mention."""
    config["nav"] = _expanded(config["nav"], set(_named(config["nav"])))
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


def _expanded(nav: Any, named: set[str]) -> Any:  # noqa: ANN401 - lists of texts and dictionaries, as YAML has them
    """The navigation with a page each for every folder in it, in the order of their names."""
    if isinstance(nav, dict):
        return {title: _expanded(under, named) for title, under in nav.items()}
    if not isinstance(nav, list):
        return nav
    return [each for item in nav for each in (_pages_in(item, named) if _is_folder(item) else [_expanded(item, named)])]


def _named(nav: Any) -> Iterator[str]:  # noqa: ANN401 - as above
    """Every page that the navigation names."""
    if isinstance(nav, str):
        yield nav
    for under in nav.values() if isinstance(nav, dict) else nav if isinstance(nav, list) else ():
        yield from _named(under)


def _is_folder(item: object) -> bool:
    return isinstance(item, str) and item.endswith("/")


def _pages_in(folder: str, named: set[str]) -> list[str]:
    there = (f"{folder}{path.name}" for path in sorted((DOCS / folder).glob("*.md")))
    return [page for page in there if page not in named]


def _decisions() -> str:
    """A line for each decision: its title, as a link."""
    titles = (
        (path, path.read_text("utf-8").partition("\n")[0].removeprefix("# "))
        for path in sorted((DOCS / "adr").glob("[0-9]*.md"))
    )
    return "\n".join(f"- [{title.partition('. ')[2]}]({path.name})" for path, title in titles)


GENERATED: Mapping[str, Callable[[], str]] = {
    "aws-calls": aws_calls,
    "decisions": _decisions,
    "exit-codes": exit_codes,
    "lab-times": lab_times,
    "spec": spec_keys,
    "stage-diagram": stage_diagram,
    "stories": stories,
    "stages": stage_table,
    "verbs": verbs,
    "verdicts": verdict_table,
}
"""What a page asks for with a line of its own: `<!-- generated: NAME -->`."""

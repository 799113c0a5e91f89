"""The text below a name in a class: what a reader of the code sees is what the reference says."""

import ast
import inspect
import re
import textwrap
from collections.abc import Mapping

_BAR = re.compile(r"\|(?=[^`]*(?:`[^`]*`[^`]*)*$)")
"""A bar that an even number of backticks follows."""


def beneath(owner: type) -> Mapping[str, str]:
    """Return the docstring that follows each assignment in the body of a class, by the name assigned."""
    body = ast.parse(textwrap.dedent(inspect.getsource(owner))).body[0]
    assert isinstance(body, ast.ClassDef)  # noqa: S101 - the source of a class is a class
    told = dict[str, str]()
    for named, text in zip(body.body, body.body[1:], strict=False):
        target = named.targets[0] if isinstance(named, ast.Assign) else getattr(named, "target", None)
        if isinstance(target, ast.Name) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            told[target.id] = " ".join(str(text.value.value).split())
    return told


def table(heads: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table; what is between backticks may have bars in it as it is."""
    lines = [heads, ["---"] * len(heads), *([_BAR.sub(r"\\|", cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)

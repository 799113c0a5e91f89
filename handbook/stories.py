"""The stories that tests tell on whole labs, from the tests themselves: their names are sentences."""

import ast
from collections.abc import Iterator
from pathlib import Path

from handbook.docstrings import table

TESTS = Path(__file__).parents[1] / "tests"
MARKS = ("lab", "controllers", "long")


def stories() -> str:
    """Return a table of every story, by the command that tells it."""
    rows = [[f"`make {'test-lab' if 'long' in marks else 'test'}`", name, f"`{path}`"] for name, path, marks in told()]
    return table(["told by", "story", "in"], sorted(rows, key=lambda row: (row[0], row[2])))


def told() -> Iterator[tuple[str, str, frozenset[str]]]:
    """Yield each story's sentence, its file, and its marks."""
    for path in sorted(TESTS.rglob("test_*.py")):
        module = ast.parse(path.read_text("utf-8"))
        shared = frozenset(mark for each in module.body if _is_pytestmark(each) for mark in _marks(each))
        for each in module.body:
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) and each.name.startswith("test_"):
                marks = shared.union(*(_marks(decorator) for decorator in each.decorator_list))
                if "lab" in marks:
                    sentence = each.name.removeprefix("test_").replace("_", " ")
                    yield sentence, str(path.relative_to(TESTS.parent)), marks


def _is_pytestmark(each: ast.stmt) -> bool:
    targets = each.targets if isinstance(each, ast.Assign) else []
    return any(isinstance(target, ast.Name) and target.id == "pytestmark" for target in targets)


def _marks(tree: ast.AST) -> frozenset[str]:
    """The marks of ours that are named anywhere in it."""
    named = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return frozenset(named.intersection(MARKS))

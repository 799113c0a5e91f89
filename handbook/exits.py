"""The exit codes, from the tree of errors and from what `check` answers."""

from emr_dr.errors import EmrDrError
from emr_dr.service import Answer
from handbook.docstrings import table


def exit_codes() -> str:
    """Return what each exit code means, and those of `check`."""
    kinds = {c.exit_code: (c.__name__, c.__doc__ or "") for c in reversed(EmrDrError.__subclasses__())}
    rows = [["0", "done", ""]]
    rows += [[str(code), _first(text), f"`{name}`"] for code, (name, text) in sorted(kinds.items())]
    checked = [[str(int(answer)), answer.name.replace("_", " ").lower()] for answer in Answer]
    return "\n\n".join(
        (
            table(["code", "meaning", "kind of error"], rows),
            "A verb stopped by Ctrl-C ends with 130. `check` answers by its exit code alone:",
            table(["code", "answer of `check`"], checked),
        )
    )


def _first(text: str) -> str:
    return " ".join(text.partition("\n\n")[0].split())

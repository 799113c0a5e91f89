"""What people and programs see of what is to be destroyed."""

from rich.console import Console
from rich.markup import escape

from emr_dr.cli.render import UNCUT, whole_table
from emr_dr.ports.store import JsonValue
from emr_dr.service import Doomed, Running


def show_doomed(found: Doomed) -> None:
    """Print it as a table, what serves first and in colour."""
    console = Console()
    console.width = max(console.width, UNCUT)
    if not found.anything:
        console.print("nothing of this group is there")
        return
    table = whole_table("to be deleted", "id", "because")
    for each in found.clusters:
        name = f"member {each.member.number}" if each.member is not None else "cluster"
        table.add_row(name, escape(each.cluster), _state(each))
    for change in found.changes:
        known_as = change.before.rpartition("/")[2] if change.before.startswith("arn:") else change.before
        table.add_row(escape(change.resource), escape(known_as), escape(change.why))
    console.print(table)


def doomed_json(found: Doomed) -> dict[str, JsonValue]:
    """The same for programs."""
    return {
        "clusters": [_running_json(each) for each in found.clusters],
        "changes": [change.as_dict() for change in found.changes],
    }


def _running_json(each: Running) -> dict[str, JsonValue]:
    return {
        "cluster": each.cluster,
        "member": each.member.number if each.member is not None else None,
        "stage": each.member.stage if each.member is not None else None,
        "serves": each.serves,
        "unfinished": None if each.unfinished is None else [f"{u.what} {u.id}" for u in each.unfinished],
        "unknown": each.unknown,
    }


def _state(each: Running) -> str:
    if each.member is None:
        return "it is tagged as ours, and nobody remembers it"
    words = f"[red]it serves clients now[/] ({each.member.stage})" if each.serves else f"it is {each.member.stage}"
    if each.unfinished is None:
        return f"{words}; what runs on it could not be read: {escape(each.unknown)}"
    return f"{words}; {len(each.unfinished)} unfinished on it" if each.unfinished else words

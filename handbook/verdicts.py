"""The verdicts, from the names that status, journal and logs use."""

from emr_dr.core.verdict import VerdictName
from handbook.docstrings import beneath, table


def verdict_table() -> str:
    """Return each verdict with its meaning."""
    told = beneath(VerdictName)
    return table(["verdict", "when, and what follows"], [[f"`{v}`", told[v.name]] for v in VerdictName])

"""How long things take in the lab, from the times themselves."""

from dataclasses import fields

from emr_dr.lab.times import LabTimes
from handbook.docstrings import beneath, table


def lab_times() -> str:
    """Return each time with its default and meaning."""
    told, default = beneath(LabTimes), LabTimes()
    rows = [[f"`{f.name}`", f"{getattr(default, f.name):g}", told[f.name]] for f in fields(LabTimes)]
    return table(["time", "default", "what it is"], rows)

"""The declared recovery group: its model, how a file becomes one, its JSON Schema, and a file to start from."""

from emr_dr.spec.address import MODE_NAMES
from emr_dr.spec.load import check_placements, load_spec, read_spec
from emr_dr.spec.models import STRATEGY_NAMES, Spec
from emr_dr.spec.objectives import rto_floor
from emr_dr.spec.problems import KeyPath, Problem, Source, SpecError
from emr_dr.spec.remarks import Remark, remarks
from emr_dr.spec.schema import json_schema
from emr_dr.spec.template import RECOMMENDED_MODE, starter

__all__ = [
    "MODE_NAMES",
    "RECOMMENDED_MODE",
    "STRATEGY_NAMES",
    "KeyPath",
    "Problem",
    "Remark",
    "Source",
    "Spec",
    "SpecError",
    "check_placements",
    "json_schema",
    "load_spec",
    "read_spec",
    "remarks",
    "rto_floor",
    "starter",
]

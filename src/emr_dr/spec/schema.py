"""The JSON Schema of a spec file, for editors and for those who generate specs."""

from typing import Any

from emr_dr.spec.fields import DURATION_PATTERN, format_duration
from emr_dr.spec.models import Spec

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a spec file, each key with its meaning, unit and default.

    It describes the whole language, also what this version refuses as planned; rules between keys are not in it.
    """
    schema = Spec.model_json_schema(by_alias=True, mode="validation")
    for section in (schema, *schema["$defs"].values()):
        for key in section.get("properties", {}).values():
            # Inside, durations are seconds; the file, and so the schema, writes them with units.
            if DURATION_PATTERN in key.get("pattern", "") and "default" in key:
                key["default"] = format_duration(key["default"])
    return {"$schema": DIALECT, **schema}

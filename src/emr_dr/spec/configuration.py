"""Application settings of a cluster, as EMR's own JSON has them."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from emr_dr.spec.fields import Section, Text


class Configuration(Section):
    """One EMR configuration object, written as in EMR's own JSON (capital letters), so that it can be pasted."""

    classification: Text = Field(alias="Classification")
    """Which configuration file, such as spark-defaults."""
    properties: Mapping[str, Annotated[str, Field(max_length=65536)]] = Field(alias="Properties", default_factory=dict)
    """Its settings; every value is text, so quote numbers and booleans. Default: none."""
    configurations: "tuple[Configuration, ...]" = Field(alias="Configurations", default=())
    """Configuration objects inside this one, such as export inside spark-env. Default: none."""

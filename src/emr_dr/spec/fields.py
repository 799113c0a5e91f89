"""The value types that the fields of a spec share: durations, AWS identifiers, and how a rule refuses a value."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, Self, TypeAlias

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from emr_dr.spec.problems import KeyPath, shown

PLACEHOLDER = "FILL-ME"
"""What `emr-dr init` writes where only the user knows the value. No field accepts it: see `Like`."""


class Finding(NamedTuple):
    """What a rule has against a section: `at` is the path of the culprit, counted from that section."""

    at: KeyPath
    what: str
    remedy: str


def refusal(*findings: Finding) -> PydanticCustomError:
    """Return the error by which a validator refuses; loading turns each finding into a problem with its line."""
    text = "; ".join(f"{finding.what}; {finding.remedy}" for finding in findings)
    return PydanticCustomError("refused", "{text}", {"text": text, "findings": findings})


def refuse_any(findings: Iterable[Finding]) -> None:
    """Raise the refusal of these findings, if there are any."""
    if found := tuple(findings):
        raise refusal(*found)


class Section(BaseModel):
    """A part of the spec: frozen, no unknown keys, and the rules in `findings` hold for every instance."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    def findings(self) -> Iterator[Finding]:
        """Yield what is wrong between the fields of this section; each of them alone is already well formed."""
        yield from ()

    @model_validator(mode="after")
    def _keep_rules(self) -> Self:
        refuse_any(self.findings())
        return self


DURATION_PATTERN = r"(?:(\d{1,4})d)?(?:(\d{1,4})h)?(?:(\d{1,5})m)?(?:(\d{1,6}(?:\.\d{1,3})?)s)?"
_UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


def parse_duration(value: object) -> float:
    """Return the seconds that a duration such as `5s`, `1m30s`, `10m` or `24h` means.

    Raises:
        PydanticCustomError: it is not such text; a bare number is refused, for nobody can see its unit.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise refusal(Finding((), f"{shown(value)} has no unit", f"write seconds as {value}s, minutes as {value}m"))
    match = re.fullmatch(DURATION_PATTERN, value, re.ASCII) if isinstance(value, str) else None
    if match is None or not any(match.groups()):
        what = f"{shown(value)} is not a duration" if isinstance(value, str) else "must be a duration"
        raise refusal(Finding((), what, "write it like 5s, 1m30s, 10m or 24h"))
    return sum(float(number) * size for number, (_, size) in zip(match.groups(), _UNITS, strict=True) if number)


def format_duration(seconds: float) -> str:
    """Write seconds as the spec does: 90.0 is `1m30s`; fractions keep milliseconds."""
    left = round(seconds * 1000)
    text = ""
    for unit, size in _UNITS[1:]:  # hours are the largest: 24h says more than 1d where launches a day are near
        count, left = divmod(left, size * 1000) if unit != "s" else (left / 1000, 0)
        if count:
            text += f"{count:g}{unit}" if unit == "s" else f"{count}{unit}"
    return text or "0s"


Duration: TypeAlias = Annotated[
    float,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": rf"^(?=\d){DURATION_PATTERN}$", "examples": ["5s", "1m30s", "24h"]}),
]
"""Seconds, written with units in the file: days, hours, minutes, seconds, in that order, each at most once."""


@dataclass(frozen=True)
class Between:
    """Metadata of a duration: it lies between two others, ends included."""

    low: str
    high: str

    def _check(self, seconds: float) -> float:
        if not parse_duration(self.low) <= seconds <= parse_duration(self.high):
            what = f"{format_duration(seconds)} is out of range"
            raise refusal(Finding((), what, f"choose from {self.low} to {self.high}"))
        return seconds

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return the schema of the duration with the check behind it."""
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Return the JSON Schema of the duration with its ends; JSON Schema itself cannot compare durations."""
        return {**handler(schema), "x-least": self.low, "x-most": self.high}


def between(low: str, high: str) -> Between:
    """Return the check that a duration lies between two others, ends included."""
    return Between(low, high)


@dataclass(frozen=True)
class Like:
    """Metadata of a text field: the whole text must match `pattern`; the refusal shows `example` and `hint`."""

    pattern: str
    example: str
    hint: str = ""
    quiet: bool = False
    """Whether to keep a refused value out of the message: somebody may have put a password there."""

    def _check(self, value: str) -> str:
        if re.fullmatch(self.pattern, value, re.ASCII):
            return value
        example = f"{self.example} ({self.hint})" if self.hint else self.example
        if PLACEHOLDER in value:
            raise refusal(Finding((), "is still the placeholder of emr-dr init", f"put yours, like {example}"))
        raise refusal(
            Finding(
                (),
                "is not well formed" if self.quiet else f"{shown(value)} is not well formed",
                f"write it like {example}",
            )
        )

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return the schema of the text with the check behind it."""
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Return the JSON Schema of the text with the pattern and the example."""
        return {**handler(schema), "pattern": f"^(?:{self.pattern})$", "examples": [self.example]}


_REGION = r"[a-z]{2}(?:-[a-z]+)+-\d{1,2}"

Text: TypeAlias = Annotated[str, Field(min_length=1, max_length=1024)]
Port: TypeAlias = Annotated[int, Field(strict=True, ge=1, le=65535)]
Whole: TypeAlias = Annotated[int, Field(strict=True)]
Dollars: TypeAlias = Annotated[float, Field(strict=True, gt=0, le=10_000, allow_inf_nan=False)]
# 24 characters leave eight of a target group's 32 for "-livy", "-rm", "-nn" and longer ones to come.
GroupName: TypeAlias = Annotated[str, Like(r"[a-z](?:[a-z0-9-]{0,22}[a-z0-9])?", "etl", "a-z, 0-9, -; 24 at most")]
BalancerName: TypeAlias = Annotated[
    str,
    Like(r"(?!internal-)[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?", "etl-livy", "letters, digits, -; 32 at most"),
]
Region: TypeAlias = Annotated[str, Like(_REGION, "us-east-1")]
Zone: TypeAlias = Annotated[str, Like(_REGION + r"(?:-[a-z]+-\d)?[a-z]", "us-east-1a", "its name, not its id")]
# AWS's own ids are hexadecimal; short readable ones pass, for examples and tests are clearer with them.
Subnet: TypeAlias = Annotated[str, Like(r"subnet-[0-9a-z]+", "subnet-0123456789abcdef0")]
SecurityGroup: TypeAlias = Annotated[str, Like(r"sg-[0-9a-z]+", "sg-0123456789abcdef0")]
S3Uri: TypeAlias = Annotated[
    str, Like(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/[^\x00-\x20\x7f]*)?", "s3://acme-logs/etl/")
]
Arn: TypeAlias = Annotated[str, Like(r"arn:[a-z0-9-]+:[^\s]+", "arn:aws:kms:us-east-1:111122223333:key/0a1b2c3d")]
RoleName: TypeAlias = Annotated[
    str, Like(r"(?:arn:[a-z0-9-]+:iam::\d{12}:(?:role|instance-profile)/)?[\w+=,.@/-]{1,128}", "EMR_EC2_DefaultRole")
]
InstanceType: TypeAlias = Annotated[str, Like(r"[a-z][a-z0-9-]*\.[a-z0-9-]+", "m5.xlarge")]
UrlPath: TypeAlias = Annotated[str, Like(r"/[^\s#]{0,1023}", "/api/v1/version")]
# Short enough for AWS's 1024 letters of a health check's path, whatever a service's own path adds.
PathPrefix: TypeAlias = Annotated[str, Like(r'/[!"$->@-~]{0,511}', "/gateway/livy")]
Host: TypeAlias = Annotated[
    str,
    Like(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*", "10.0.0.2", "IP or name"),
]

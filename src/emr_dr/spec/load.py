"""Loads a spec file: either a `Spec` that keeps every rule, or all problems at once, each with its line."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from emr_dr.spec.document import MAX_BYTES, Document, read_document
from emr_dr.spec.explain import explain
from emr_dr.spec.files import absolute, look_at_gateway_files, trust
from emr_dr.spec.models import Spec
from emr_dr.spec.problems import KeyPath, Problem, SpecError
from emr_dr.spec.unavailable import not_in_this_version


def load_spec(path: Path) -> Spec:
    """Read the spec file at `path`, and look into the files it names.

    Relative paths in it become absolute, from the file's own folder.

    Raises:
        SpecError: the file cannot be read, or is no spec that this version can run.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise SpecError(str(path), [Problem(0, "", *_file_trouble(error))]) from error
    spec = absolute(read_spec(content, str(path)), path.absolute().parent)
    trust(spec)
    look_at_gateway_files(spec)
    return spec


def read_spec(content: bytes, file: str) -> Spec:
    """Read a spec from the bytes of a file that is called `file` in messages.

    Rules that need the whole group (the RTO floor, a placement outside the region) are looked at once each section is
    well formed; everything else is reported together.

    Raises:
        SpecError: it is no spec that this version can run.
    """
    document = read_document(content, file)
    problems = list(document.problems)
    found = list(not_in_this_version(document.data, document.source))
    spec: Spec | None = None
    try:
        spec = Spec.model_validate(document.data)
    except ValidationError as error:
        found += explain(error.errors(include_url=False), document.source, Spec)
    problems += [problem for path, problem in found if not _spoiled(path, document)]
    if spec is None or problems:
        raise SpecError(file, problems)
    spec._source = document.source  # noqa: SLF001 - set once, here, where the spec is made
    return spec


def check_placements(spec: Spec, az_of: Mapping[str, str]) -> list[Problem]:
    """Return what AWS's answer `az_of` (subnet to AZ name) shows to be wrong with the subnets of a spec.

    Placements must all be known, in the AZ the file declares if it does, and each in another AZ. Of the balancer's
    subnets no two may share an AZ; those that are not in `az_of` are not looked at.
    """
    problems = []
    zones = [az_of.get(placement.subnet) for placement in spec.placements]
    for index, (placement, az) in enumerate(zip(spec.placements, zones, strict=True)):
        at: KeyPath = ("placements", index, "subnet")
        if az is None:
            what = f"AWS knows no {placement.subnet} in {spec.region}"
            problems.append(spec.source.problem(at, what, "correct the subnet, the region, or the AWS account"))
        elif placement.az not in {None, az}:
            what = f"{placement.subnet} is in {az}, not in {placement.az}"
            problems.append(spec.source.problem(("placements", index, "az"), what, "correct the az or the subnet"))
        elif az in zones[:index]:
            what = f"is in {az}, as placements[{zones.index(az)}] is"
            problems.append(spec.source.problem(at, what, "choose a subnet in another AZ: both are lost together"))
    subnets = spec.address.balancer.subnets
    shared = [az_of.get(subnet) for subnet in subnets]
    for index, az in enumerate(shared):
        if az is not None and az in shared[:index]:
            what = f"shares {az} with address.balancer.subnets[{shared.index(az)}]"
            at = ("address", "balancer", "subnets", index)
            problems.append(spec.source.problem(at, what, "a balancer takes one subnet for each AZ"))
    return problems


def _spoiled(path: KeyPath, document: Document) -> bool:
    return any(path[: len(spoiled)] == spoiled for spoiled in document.spoiled if spoiled)


def _file_trouble(error: Exception) -> tuple[str, str]:
    match error:
        case FileNotFoundError():
            return "there is no such file", "check the path, or write one with emr-dr init"
        case IsADirectoryError():
            return "this is a folder", "give the path of the spec file in it"
        case PermissionError():
            return "you may not read this file", "ask for read permission on it and its folders"
        case _:
            return f"the file cannot be read ({getattr(error, 'strerror', None) or error})", "check the path"

"""The files that a spec names: found from its own folder, and looked into before anything runs on them."""

import ssl
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from emr_dr.errors import UsageError
from emr_dr.spec.address import Access
from emr_dr.spec.gateway import Gateway
from emr_dr.spec.models import Spec
from emr_dr.spec.problems import KeyPath, Problem, SpecError

A = TypeVar("A", bound=Access)


def absolute(spec: Spec, folder: Path) -> Spec:
    """Return the spec with every path in it absolute; relative ones were meant from `folder`."""

    def found(access: A) -> A:
        return access if access.ca is None else access.model_copy(update={"ca": str(folder / access.ca)})

    services = {name: found(getattr(spec.services, name)) for name in type(spec.services).model_fields}
    update: dict[str, object] = {
        "services": spec.services.model_copy(update=services),
        "checks": tuple(found(check) for check in spec.checks),
    }
    update["gateway"] = _gateway(spec.gateway, folder)
    if spec.store.sqlite is not None:
        update["store"] = spec.store.model_copy(update={"sqlite": str(folder / spec.store.sqlite)})
    return spec.model_copy(update=update)


def _gateway(gateway: Gateway, folder: Path) -> Gateway:
    update: dict[str, object] = {}
    if gateway.users.file is not None:
        update["users"] = gateway.users.model_copy(update={"file": str(folder / gateway.users.file)})
    if gateway.tls is not None:
        files = {"certificate": str(folder / gateway.tls.certificate), "key": str(folder / gateway.tls.key)}
        update["tls"] = gateway.tls.model_copy(update=files)
    return gateway.model_copy(update=update)


def trust(spec: Spec) -> Mapping[KeyPath, ssl.SSLContext]:
    """Return what to trust for each service and check that names a `ca`, by its path in the spec.

    The chain is verified against those certificates alone, dates included; the name in the certificate is not: members
    are asked by private address, which the certificates of EMR seldom name. Where no `ca` is named the system's
    authorities and all checks apply.

    Raises:
        SpecError: A file cannot be read, or holds no certificate.
    """
    trusted: dict[KeyPath, ssl.SSLContext] = {}
    problems: list[Problem] = []
    for path, access in spec.accesses():
        if access.ca is not None:
            try:
                trusted[path] = _authorities(Path(access.ca))
            except UsageError as error:
                problems.append(_problem(spec, (*path, "ca"), error))
    if problems:
        raise SpecError(spec.source.file, problems)
    return trusted


def look_at_gateway_files(spec: Spec) -> None:
    """See that the files can be read that gateways need: users, certificate and key; none of them in mode direct.

    Raises:
        SpecError: One cannot be read. Whether they are what they should be is tried when a gateway starts.
    """
    gateway, at = spec.gateway, "gateway"
    problems: list[Problem] = []
    named: dict[KeyPath, str] = {}
    if spec.by_gateway and gateway.users.file is not None:
        named[at, "users", "file"] = gateway.users.file
    if spec.by_gateway and gateway.tls is not None:
        named |= {(at, "tls", "certificate"): gateway.tls.certificate, (at, "tls", "key"): gateway.tls.key}
    for path, file in named.items():
        try:
            _readable(Path(file))
        except UsageError as error:
            problems.append(_problem(spec, path, error))
    if problems:
        raise SpecError(spec.source.file, problems)


def _problem(spec: Spec, path: KeyPath, error: UsageError) -> Problem:
    return spec.source.problem(path, f"{error.where} {error.what}", error.remedy)


def _readable(path: Path) -> None:
    try:
        if not path.is_file():
            raise UsageError("is no file", where=str(path), remedy="correct the path")
        with path.open("rb"):
            pass
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"cannot be read ({reason})", where=str(path), remedy="check its permissions") from error


def _authorities(path: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies; no stricter than that with a private authority
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # the certificate of the service itself will do, too
    _readable(path)
    with suppress(ssl.SSLError):  # told below: OpenSSL's own words are for programmers
        context.load_verify_locations(cafile=path)
    if not context.cert_store_stats()["x509"]:
        remedy = "put the authority's certificate there, beginning with -----BEGIN CERTIFICATE-----"
        raise UsageError("holds no certificate in PEM", where=str(path), remedy=remedy)
    return context

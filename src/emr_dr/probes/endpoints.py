"""Turns the services and checks that a spec declares into what can be asked."""

from collections.abc import Mapping

from emr_dr.probes.control import ControlTarget
from emr_dr.probes.declared import DeclaredCheck
from emr_dr.probes.http import Endpoint
from emr_dr.spec import Spec
from emr_dr.spec.address import Credentials
from emr_dr.spec.files import trust
from emr_dr.spec.login import Login


def endpoints(
    spec: Spec, logins: Mapping[Credentials, Login]
) -> tuple[Mapping[str, Endpoint], Mapping[str, DeclaredCheck]]:
    """Return where each declared service is and what each declared check asks, by name.

    Args:
        spec: What is declared.
        logins: The user and password behind all credentials that the spec names.

    Raises:
        SpecError: A certificate authority's file cannot be used.
    """
    trusted = trust(spec)
    made = {
        path: Endpoint(
            access.port,
            access.scheme,
            tls=trusted.get(path),
            login=None if access.credentials is None else logins[access.credentials],
        )
        for path, access in spec.accesses()
    }
    services = {
        name: made["services", name].behind(service.path or "") for name, service in spec.services.declared().items()
    }
    checks = {
        check.name: DeclaredCheck(made["checks", index], check.path, check.pointer, check.matches)
        for index, check in enumerate(spec.checks)
    }
    return services, checks


def control_targets(spec: Spec) -> tuple[ControlTarget, ...]:
    """Return the declared control targets."""
    return tuple(ControlTarget(target.address, target.port) for target in spec.detection.control_targets)

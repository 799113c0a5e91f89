"""The AWS calls that the program makes, from the names of operations in the adapters."""

import ast
from pathlib import Path

import botocore.session

from handbook.docstrings import table

ADAPTERS = Path(__file__).parents[1] / "src" / "emr_dr" / "aws"
SERVICES = {
    "EMR": "emr",
    "EC2": "ec2",
    "ELBv2": "elbv2",
    "S3": "s3",
    "Route53": "route53",
    "IAM": "iam",
    "SecretsManager": "secretsmanager",
}
"""Services as adapters call them, and as botocore's models are called."""


def aws_calls() -> str:
    """Return the operations of each service that are ever called."""
    rows = [[service, ", ".join(f"`{each}`" for each in sorted(called))] for service, called in operations().items()]
    return table(["service", "operations"], rows)


def operations() -> dict[str, set[str]]:
    """Return what is called by service: an adapter speaks to one, and names each operation as AWS does."""
    models = botocore.session.get_session()
    found: dict[str, set[str]] = {service: set() for service in SERVICES}
    for path in sorted(ADAPTERS.glob("*.py")):
        values = (n.value for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.Constant))
        texts = {value for value in values if isinstance(value, str)}
        spoken_to = texts & SERVICES.keys()
        if len(spoken_to) == 1:
            service = spoken_to.pop()
            found[service] |= texts & set(models.get_service_model(SERVICES[service]).operation_names)
    return found

"""Route 53 where moto differs from AWS: the ids of hosted zones begin with Z, and specs are checked for that.

Zones, records and their changes are moto's. Nothing in the lab resolves names: a record is made and read, no more.
"""

import secrets

from moto.route53 import models

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def give_zones_real_ids() -> None:
    """Have moto give out ids such as AWS does, such as Z0123456789ABCDEFGHIJ. Safe to repeat."""
    models.create_route53_zone_id = _zone_id


def _zone_id(**_: object) -> str:
    return "Z" + "".join(secrets.choice(_LETTERS) for _ in range(20))

"""Versions of Livy's protocol, as clients may ask for them in Accept."""

import re

from emr_dr.gateway.livy.answers import Answer, message

VENDOR = b"application/vnd.livy.v"
_ASKED = re.compile(rb"application/vnd\.livy\.v([0-9A-Za-z._-]+)\+json")
_KNOWN = b"0.1"


def unknown_version(accept: bytes | None) -> Answer | None:
    """Return Livy's answer to a version that it does not speak; None if it is 0.1, or none was asked for."""
    asked = None if accept is None else _ASKED.match(accept)
    if asked is None or asked[1] == _KNOWN:
        return None
    return message(406, f"No value found for '{asked[1].decode()}'")

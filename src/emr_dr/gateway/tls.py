"""The certificate that clients are shown: loaded and tried at the start, so that a bad one is said plainly."""

import ssl
from pathlib import Path

from emr_dr.errors import UsageError
from emr_dr.spec.gateway import Tls


def server_context(tls: Tls) -> ssl.SSLContext:
    """Return how clients are served over TLS 1.2 and 1.3.

    Raises:
        UsageError: A file cannot be read, key and certificate do not belong together, or it is not valid now.
    """
    certificate, key = Path(tls.certificate), Path(tls.key)
    for path in (certificate, key):
        try:
            path.read_bytes()
        except OSError as error:
            remedy = "see gateway.tls in the spec"
            raise UsageError(f"cannot be read: {error.strerror}", where=str(path), remedy=remedy) from error
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except _EncryptedError as error:
        raise UsageError("the key is encrypted", where=str(key), remedy="nobody is there to be asked") from error
    except ssl.SSLError as error:
        what = "key and certificate do not belong together" if "MISMATCH" in str(error) else "is no PEM of that kind"
        raise UsageError(what, where=f"{certificate}, {key}", remedy="see gateway.tls in the spec") from error
    _try(context, certificate)
    return context


class _EncryptedError(Exception):
    pass


def _no_password() -> str:
    raise _EncryptedError


def _try(server: ssl.SSLContext, certificate: Path) -> None:
    """Shake hands with ourselves, trusting the file's own certificates: what fails now would fail for every client.

    Raises:
        UsageError: The certificate is not valid now, or cannot be used for a server.
    """
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    client.load_verify_locations(certificate)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (client.wrap_bio(to_client, to_server), server.wrap_bio(to_server, to_client, server_side=True))
    for _ in range(8):
        if sum(_done(end, certificate) for end in ends) == len(ends):
            return


def _done(end: ssl.SSLObject, certificate: Path) -> bool:
    try:
        end.do_handshake()
    except ssl.SSLWantReadError:
        return False
    except ssl.SSLCertVerificationError as error:
        where = str(certificate)
        raise UsageError(f"cannot be used: {error.verify_message}", where=where, remedy="renew it") from error
    except ssl.SSLError as error:
        raise UsageError(f"cannot be used: {error.reason}", where=str(certificate)) from error
    return True

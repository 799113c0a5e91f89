"""Certificates for servers on the loopback, made as they are needed; none of them outlives its test."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)


@dataclass
class Authority:
    """A certificate authority: its certificate in PEM, and what it signs with."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    def server(self, folder: Path, name: str = "ip-10-0-0-1.ec2.internal", days: int = 1) -> ssl.SSLContext:
        """Return what a server needs that shows a certificate for `name`, a DNS name or an IP address."""
        key = ec.generate_private_key(ec.SECP256R1())
        address = name.replace(".", "").isdigit()
        named = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address(name)) if address else x509.DNSName(name)])
        certificate = _unsigned(name, self.certificate.subject, key.public_key(), days)
        signed = certificate.add_extension(named, critical=False).sign(self.key, hashes.SHA256())
        plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file = folder / f"{name}-{days}.pem"
        file.write_bytes(plain + signed.public_bytes(Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


def authority(name: str = "acme") -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = _unsigned(name, own, key.public_key(), days=1)
    constraint = x509.BasicConstraints(ca=True, path_length=None)
    return Authority(key, certificate.add_extension(constraint, critical=True).sign(key, hashes.SHA256()))


def _unsigned(name: str, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]),
        public_key=key,
        serial_number=x509.random_serial_number(),
        not_valid_before=now - 9 * DAY,
        not_valid_after=now + days * DAY,
    )

"""The certificate authority of the sandbox. Clients trust it by its bundle."""

from __future__ import annotations

import ssl
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("localhost", "127.0.0.1", "::1")
"""The names of a server on loopback."""

_AGE = timedelta(days=1)
"""How far in the past certificates start, since the clock of a client may be slow."""
_VALID = timedelta(days=30)


class Authority:
    """A certificate authority. Its key stays in memory.

    Args:
        folder: Where its bundle and the keys of its servers are written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("awsenv sandbox CA")
        usage = x509.KeyUsage(
            digital_signature=False,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        self._certificate = (
            self._builder(self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.bundle = folder / "ca.pem"
        """The CA bundle for clients, as `AWS_CA_BUNDLE` takes it."""
        self.bundle.write_bytes(self._certificate.public_bytes(Encoding.PEM))

    def server(self, *names: str, end: datetime | None = None) -> ssl.SSLContext:
        """Return the context of a server.

        Args:
            names: The host names and addresses that its certificate is for; empty: those of loopback.
            end: When the certificate expires; None: in 30 days.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        certificate = (
            self._builder(_name("awsenv sandbox"), key.public_key(), end)
            .add_extension(x509.SubjectAlternativeName([_general(name) for name in names or NAMES]), critical=False)
            .add_extension(authority, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        path = self._folder / f"{certificate.serial_number:x}.pem"
        path.touch(mode=0o600)
        path.write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            + certificate.public_bytes(Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        path.unlink()
        return context

    def _builder(
        self, name: x509.Name, key: ec.EllipticCurvePublicKey, end: datetime | None = None
    ) -> x509.CertificateBuilder:
        start = (end or datetime.now(timezone.utc)) - _AGE
        return x509.CertificateBuilder(
            self._name, name, key, x509.random_serial_number(), start, end or start + _VALID
        ).add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)

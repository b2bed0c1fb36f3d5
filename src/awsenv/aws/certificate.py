"""Why a TLS certificate cannot be verified, and what to do, by the code of OpenSSL."""

from __future__ import annotations

from awsenv.errors import PORTAL
from awsenv.wording import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ssl import SSLCertVerificationError

_CA = (
    "set AWS_CA_BUNDLE or ca_bundle to the CA certificate of your network",
    "set AWS_CA_BUNDLE or ca_bundle to the certificate of its CA",
)
_CLOCK = ("check the clock of this computer", "check the clock of this computer")
_HOST = (PORTAL, "check {setting}")

_CAUSES = {
    9: ("it, or the certificate of its CA, is not valid yet", _CLOCK),
    10: ("it, or the certificate of its CA, has expired", _CLOCK),
    18: ("it is self-signed", _CA),
    19: ("its CA is not in the CA bundle", _CA),
    20: ("its CA is not in the CA bundle", _CA),
    21: ("its CA is not in the CA bundle", _CA),
    62: ("it is for another host name", _HOST),
    64: ("it is for another address", _HOST),
}
"""The cause and the next steps, by OpenSSL's code (`X509_V_ERR_…` in x509_vfy.h)."""


def cause(error: SSLCertVerificationError) -> tuple[str, tuple[str, str]]:
    """Return why a certificate cannot be verified, and the next step for a host of AWS and for a configured host."""
    return _CAUSES.get(error.verify_code) or (f"OpenSSL says: {printable(error.verify_message)}", _CA)

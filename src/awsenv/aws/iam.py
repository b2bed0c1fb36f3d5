"""Identity and Access Management: what an administrator reads and changes, and the MFA device of a user."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from botocore.config import Config

from awsenv.aws.request import Request, steps
from awsenv.aws.sdk import SdkSession
from awsenv.aws.sts import Sts
from awsenv.aws.translate import connect, translate, translated
from awsenv.errors import AwsenvError, MfaError
from awsenv.iam.principal import USER, serials, showing_codes

if TYPE_CHECKING:
    from awsenv.aws.denial import Denial
    from awsenv.aws.session import AwsSession
    from awsenv.errors import Hint
    from awsenv.iam.principal import Principal
    from awsenv.model import Credentials

TIMEOUT = 3
"""Seconds for the search for a device: without a response, the name of the device is guessed."""


class _Response(dict[str, Any]):
    """A response of AWS. If a part of it is missing, a captive portal or the like has sent it."""

    def __init__(self, parts: dict[str, Any], request: Request) -> None:
        super().__init__(parts)
        self._request = request

    def __missing__(self, name: str) -> None:
        """Raise UnreachableError."""
        raise translate(KeyError(name), self._request)


@dataclass
class Iam:
    """IAM, called with one set of credentials. Actions have the names of botocore: `get_role`."""

    session: AwsSession
    signer: Credentials
    denied_hint: str | None = None
    """The next step after an AccessDenied, beside that of AWS's reason."""
    reads: Config | None = None
    """Limits of time for reads; None: those of the session."""

    def read(self, action: str, **parameters: Any) -> dict[str, Any]:
        """Return the response to a read. botocore may repeat it.

        Raises:
            RefusedError: AWS refused; `code` says why: `NoSuchEntity`, `AccessDenied`.
            AwsenvError: The call failed for another reason.
        """
        return self._send(self._reading, action, parameters)

    def read_all(self, action: str, key: str, **parameters: Any) -> list[Any]:
        """Return the items under *key* of every page. Raises as `read` does."""
        found: list[Any] = []
        marker: dict[str, str] = {}
        while True:
            answer = self.read(action, **parameters, **marker)
            found += answer.get(key) or []
            if not answer.get("IsTruncated"):
                return found
            marker = {"Marker": answer["Marker"]}

    def change(self, action: str, **parameters: Any) -> dict[str, Any]:
        """Make a change, once: after a lost response, botocore would repeat it and make a second access key.

        Raises as `read` does; after an `UnreachableError` the change may have been made.
        """
        # A client of its own: the connection of an earlier call may have died while the user typed codes.
        return self._send(self._connect(Config(retries={"total_max_attempts": 1})), action, parameters)

    @cached_property
    def principal(self) -> Principal:
        """The owner of the credentials, whom AWS names.

        Raises:
            SourceError: AWS does not accept the key.
            UnreachableError: There is no response.
        """
        return Sts(self.session).identity(self.signer)

    @cached_property
    def sdk(self) -> SdkSession:
        """The botocore session of the clients."""
        return SdkSession(self.session)

    @cached_property
    def _reading(self) -> tuple[Any, Request]:
        # A client costs as much as a call.
        return self._connect(self.reads)

    def _connect(self, config: Config | None) -> tuple[Any, Request]:
        return connect(self.sdk, Request("iam:", denied_hint=self._after_denial), self.signer, config)

    def _after_denial(self, denial: Denial | None) -> Hint | None:
        own = self.denied_hint
        return own if denial is None or denial.step is None else steps(denial, *filter(None, [own]))

    def _send(self, connected: tuple[Any, Request], action: str, parameters: dict[str, Any]) -> dict[str, Any]:
        client, request = connected
        request = replace(request, action=f"iam:{client.meta.method_to_api_mapping[action]}")
        with translated(request), self.session.call(f"AWS {request.where}"):
            answer = getattr(client, action)(**parameters)
            # botocore takes any page with status 200 for the response of an action that returns nothing (1.44.5).
            if "RequestId" not in answer["ResponseMetadata"]:
                raise KeyError
            return _Response(answer, request)


def mfa_device(session: AwsSession, signer: Credentials, principal: Principal) -> str:
    """Return the serial number of a device of the user *principal* that shows codes.

    If the user may not list devices, or IAM does not respond, it is the device with the name of the user.

    Raises:
        MfaError: *principal* is not a user, or has no device that shows codes.
    """
    if principal.kind != USER:
        raise MfaError(
            "an MFA code was given, but the source credentials do not belong to an IAM user",
            hint=("leave the code out: only a user has an MFA device", "name the device with --mfa-serial"),
        )
    own, found = principal.device, _serials(session, signer)
    if found is None or own in found:
        return own
    usable = showing_codes(found)
    if not usable:
        raise MfaError(
            f"{principal.title} has no MFA device that shows codes",
            hint="awsenv setup adds one: a FIDO key or passkey shows no codes",
        )
    return usable[0]


def _serials(session: AwsSession, signer: Credentials) -> tuple[str, ...] | None:
    """Return the serial numbers of the user's devices; None: AWS does not say."""
    config = Config(connect_timeout=TIMEOUT, read_timeout=TIMEOUT, retries={"total_max_attempts": 1})
    with suppress(AwsenvError):
        found = Iam(session, signer, reads=config).read("list_mfa_devices").get("MFADevices")
        return None if found is None else serials(found)
    return None

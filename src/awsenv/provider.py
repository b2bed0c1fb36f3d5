"""From the plan to the keys: the source, then hop by hop, with an MFA code where a hop is made with one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from awsenv.config import did_you_mean
from awsenv.config.text import printable
from awsenv.errors import CodeRejected, MfaError, RefusedError, ResponseLost
from awsenv.mfa import Codes, Device
from awsenv.model import AssumeRole, GetSessionToken

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from awsenv.aws.sts import Sts, Token
    from awsenv.aws.translate import Call
    from awsenv.config import Profiles
    from awsenv.iam.principal import Principal
    from awsenv.model import Chain, Credentials, Environ, Hop, Mfa
    from awsenv.origin import Origin

MAX_CODES = 3
"""How many codes are tried for a hop: a wrong device is not mended by a fourth, and AWS may lock the user out."""


def credentials(
    chain: Chain, profiles: Profiles, environ: Environ, codes: Codes, *, session: Credentials | None = None
) -> Credentials:
    """Walk the chain.

    Args:
        chain: The plan.
        profiles: What the files say: of the source, of endpoints, CA bundles and the like.
        environ: The environment of the caller, without the variables of a role that awsenv has set.
        codes: What yields MFA codes.
        session: What the first hop came to when it was made before, if that hop is a GetSessionToken: the walk goes
            on from it, and the source is not asked for its credentials. With any other first hop it is not used.

    Returns:
        The credentials of the last hop, with the account and the ARN of its role; of the source if there is no hop.

    Raises:
        SourceError: There are no usable source credentials.
        RefusedError: AWS refused a hop.
        MfaError: There is no code that AWS accepts.
        UnreachableError: AWS could not be reached; `ResponseLost` if a code may have been used up.
        ConfigError: A setting makes the calls impossible.
    """
    # These import botocore. Whoever only needs the names in here shall not wait for it.
    from awsenv.aws.denied import is_typed_name  # noqa: PLC0415
    from awsenv.aws.session import open_session  # noqa: PLC0415
    from awsenv.aws.source import source_credentials  # noqa: PLC0415
    from awsenv.aws.sts import Sts  # noqa: PLC0415

    connection = open_session(profiles, environ, profile=chain.settings_profile, region=chain.region)
    held = session if chain.hops and isinstance(chain.hops[0], GetSessionToken) else None
    signer = held or source_credentials(chain.source, connection, profiles, environ)
    walk = _Walk(chain, Sts(connection), signer, codes, profiles.where, begin=0 if held is None else 1)
    try:
        return walk.to_the_end()
    except (RefusedError, MfaError) as error:
        # A name that was typed may have been meant for a profile: of that one AWS knows nothing.
        close = did_you_mean(chain.role, profiles) if is_typed_name(chain, -1) else None
        if close is not None and isinstance(error, MfaError):
            error.hint = close if error.hint is None else f"{close} If not: {error.hint}"
        elif close is not None and isinstance(error, RefusedError) and error.code == "AccessDenied":
            error.hint = close
        raise


class _Walk:
    """One walk along a chain, with what it learns on the way."""

    def __init__(self, chain: Chain, sts: Sts, source: Credentials, codes: Codes, where: str, *, begin: int) -> None:
        """Begin at the hop of that number, which *source* signs."""
        self._begin = begin
        self._chain = chain
        self._sts = sts
        self._source = source
        self._codes = codes
        self._where = where
        self._known: Principal | None = None

    def to_the_end(self) -> Credentials:
        credentials = self._source
        for index, hop in enumerate(self._chain.hops[self._begin :], start=self._begin):
            if isinstance(hop, GetSessionToken):
                credentials = self._session(index, hop, credentials)
            else:
                credentials = self._role(index, hop, credentials)
        return credentials

    def _session(self, index: int, hop: GetSessionToken, signer: Credentials) -> Credentials:
        device = self._device(hop.mfa, hop.origins)
        call = self._call(index, hop)
        made = self._with_code(device, lambda token: self._sts.get_session_token(hop, call, signer, token))
        return replace(made, account=signer.account)

    def _role(self, index: int, hop: AssumeRole, signer: Credentials) -> Credentials:
        if hop.role.account is None:
            hop = replace(hop, role=hop.role.within(self._account()))
        call = self._call(index, hop)
        if hop.mfa is None:
            return self._sts.assume_role(hop, call, signer, None)
        device = self._device(hop.mfa, hop.origins)
        return self._with_code(device, lambda token: self._sts.assume_role(hop, call, signer, token))

    def _with_code(self, device: Device, send: Callable[[Token], Credentials]) -> Credentials:
        """Send with a code; with another if AWS rejects it, or if nobody knows whether it is used up."""
        from awsenv.aws.sts import Token  # noqa: PLC0415 - see obtain

        after: CodeRejected | ResponseLost | None = None
        for _ in range(MAX_CODES):
            code = self._codes.next_code(device, after=after)
            try:
                return send(Token(device.serial, code))
            except (CodeRejected, ResponseLost) as error:
                after = error
        if isinstance(after, ResponseLost):
            raise after
        raise MfaError(
            f"AWS rejected {MAX_CODES} MFA codes",
            *(() if after is None else after.origins),
            hint=f"check that the codes are those of {printable(device.serial)}, and that its clock is right",
        )

    def _device(self, mfa: Mfa, origins: Mapping[str, Origin]) -> Device:
        from awsenv.aws.iam import mfa_device  # noqa: PLC0415 - see obtain

        serial = mfa.serial
        if serial is None:
            serial = mfa_device(self._sts.session, self._source, self._identity())
        return Device(serial, mfa.process, origins.get("mfa_process"))

    def _account(self) -> str:
        """Return the account of the source credentials: AWS is asked only where nothing else tells it."""
        if self._source.account is not None:
            return self._source.account
        first: Hop = self._chain.hops[0]
        if first.mfa is not None and first.mfa.serial is not None and first.mfa.serial.startswith("arn:"):
            return first.mfa.serial.split(":")[4]
        return self._identity().account

    def _identity(self) -> Principal:
        if self._known is None:
            self._known = self._sts.identity(self._call(self._begin, None), self._source)
        return self._known

    def _call(self, index: int, hop: Hop | None) -> Call:
        """Return what errors of a hop are told with."""
        from awsenv.aws import denied  # noqa: PLC0415 - see obtain
        from awsenv.aws.source import how_to_renew  # noqa: PLC0415
        from awsenv.aws.translate import Call  # noqa: PLC0415

        source = self._chain.source
        origins = {} if hop is None else hop.origins
        role = hop.role if isinstance(hop, AssumeRole) else None
        by_session = "awsenv login" if index == self._begin > 0 else None
        return Call(
            key_origin=source.origin if index == 0 else None,
            key_hint=how_to_renew(source) if index == 0 else by_session,
            serial_origin=origins.get("mfa_serial"),
            duration_origin=origins.get("duration"),
            denied_origin=origins.get("role"),
            denied_hint=None if role is None else denied.hint(self._chain, index, role.account or "", self._where),
        )

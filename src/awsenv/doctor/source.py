"""Checks the source credentials: whether there are any, whose they are, and whether the clock allows to sign.

They, and those of `--iam-profile`, also read IAM for the doctor.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from awsenv import config, duration
from awsenv.aws.chain import credentials, foreign, session_of
from awsenv.aws.clock import ACCEPTED, NOTABLE, Clock
from awsenv.aws.iam import Iam
from awsenv.aws.refusal import wrong_clock
from awsenv.aws.source import source_credentials
from awsenv.aws.sts import Sts
from awsenv.doctor.model import Finding, Verdict, fine, of_error, unknown, wrong
from awsenv.errors import AwsenvError, Origin, RefusedError, UnreachableError
from awsenv.iam.principal import ROOT
from awsenv.model import RoleRequest
from awsenv.variables import TOKENS

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from awsenv.doctor.model import Inputs
    from awsenv.iam.principal import Principal
    from awsenv.model import Credentials
    from awsenv.resolved import Resolved

CHECK = "source"

_UNSURE = 2
"""Seconds that no response can show: AWS's date has whole seconds, and takes time to arrive."""

Readers = tuple[tuple[str, Iam], ...]
"""Clients of IAM, each after its account, in the order in which they are tried."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs a request."""

    sts: Sts
    principal: Principal
    credentials: Credentials | None
    """None: those of a role that was not assumed."""


def source(resolved: Resolved, inputs: Inputs) -> Generator[Finding, None, Signer | None]:
    """Ask AWS whose the source credentials are; None: AWS refuses them, or cannot be reached."""
    chain, environ = resolved.chain, resolved.environ
    session = session_of(chain, resolved.profiles, environ, waits=inputs.waits)
    clock = Clock(inputs.now)
    sts = Sts(session, clock=clock)
    credentials: Credentials | None = None
    try:
        credentials = source_credentials(chain.source, session)
        principal = sts.identity(credentials)
    except AwsenvError as error:
        if clock.ahead is not None and abs(clock.ahead) > ACCEPTED:
            yield _clock(clock)
        if isinstance(error, UnreachableError):
            yield of_error("network", error)
            yield unknown(CHECK, "not checked: AWS cannot be reached")
        elif isinstance(error, RefusedError) and error.code == "RegionDisabledException":
            yield of_error("region", error)
        else:
            yield _stale_token(resolved, sts, credentials) or of_error(CHECK, error)
        return None
    if principal.kind == ROOT:
        yield wrong(
            CHECK,
            f"these are the keys of the root user of account {principal.account}, who can assume no role",
            "use the key of a user: awsenv setup makes one",
            "delete the keys of the root user",
            origins=[chain.source.origin],
        )
        return None
    if (of_another := foreign(chain, principal.account)) is not None:
        yield of_error(CHECK, of_another)
        return None
    shown = f"{principal.title} of account {principal.account}, access key …{credentials.access_key_id[-4:]}"
    yield fine(CHECK, shown, origins=[chain.source.origin])
    yield _clock(clock)
    return Signer(sts, principal, credentials)


def _stale_token(resolved: Resolved, sts: Sts, credentials: Credentials | None) -> Finding | None:
    """Return that a token in the environment does not belong to the keys there, if the keys work without it."""
    if resolved.chain.source.kind != "environment" or credentials is None or credentials.session_token is None:
        return None
    there = [name for name in TOKENS if resolved.environ.get(name)]
    for number, stale in enumerate(there, start=1):
        rest = there[number:]
        try:
            sts.identity(replace(credentials, session_token=resolved.environ[rest[0]] if rest else None))
        except AwsenvError:
            continue
        over = " and wins over AWS_SESSION_TOKEN" if rest else ""
        return wrong(
            CHECK,
            f"{stale} is not the token of the access key …{credentials.access_key_id[-4:]}{over}",
            f"unset {' '.join(there[:number])}",
            origins=[Origin(stale)],
        )
    return None


def _clock(clock: Clock) -> Finding:
    if clock.ahead is None:
        return unknown("clock", "AWS's response has no date")
    off = abs(clock.ahead)
    if off < NOTABLE:
        differs = f"differs from AWS's by {duration.rounded(off)}"
        return fine("clock", differs if off >= _UNSURE else "in step with AWS's")
    return of_error("clock", wrong_clock(clock.ahead), Verdict.WRONG if off > ACCEPTED else Verdict.WARNING)


def iam_readers(resolved: Resolved, iam_profile: str | None, signer: Signer) -> Generator[Finding, None, Readers]:
    """Return the readers of IAM: *iam_profile*, if there is one, and *signer*."""
    if iam_profile is None:
        return with_signer((), signer)
    profiles, environ, waits = resolved.profiles, resolved.environ, signer.sts.session.waits
    request = RoleRequest(iam_profile, origins={"role": Origin("--iam-profile")})
    try:
        chain = config.resolve(request, profiles, environ)
        session = session_of(chain, profiles, environ, waits=waits)
        iam = Iam(session, credentials(chain, profiles, environ, waits=waits))
        return with_signer(((iam.principal.account, iam),), signer)
    except AwsenvError as error:
        error.origins = error.origins or (request.origin("role"),)
        yield of_error("IAM profile", error, Verdict.WARNING)
        return with_signer((), signer)


def with_signer(found: Readers, signer: Signer) -> Readers:
    """Return the readers, and *signer* after them."""
    if signer.credentials is None or any(iam.signer == signer.credentials for _, iam in found):
        return found
    return (*found, (signer.principal.account, Iam(signer.sts.session, signer.credentials)))


def first(found: Readers, account: str, read: Callable[[Iam], T], *, raises: str = "") -> T | None:
    """Return the response of IAM to the first reader that is allowed to read it; None: no reader is.

    Args:
        found: The readers.
        account: Only its readers are tried: a role of the same name in another account is another role.
        read: Reads.
        raises: The code of a refusal to raise.

    Raises:
        RefusedError: Its code is *raises*.
        AwsenvError: No reader has read it, and one of them for another reason than that it is not allowed to.
    """
    failed: AwsenvError | None = None
    for own, iam in found:
        try:
            if own == account:
                return read(iam)
        except RefusedError as error:  # noqa: PERF203 - each reader for itself
            if error.code == raises:
                raise
        except AwsenvError as error:
            failed = error
    if failed is not None:
        raise failed
    return None

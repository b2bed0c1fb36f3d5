"""Whether there are source credentials, whose they are, and whether the clock is right enough to sign with them.

They, and those of `--iam-profile`, also read IAM for the doctor.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from awsenv import config, duration, provider
from awsenv.aws.iam import Iam, iam_as
from awsenv.aws.session import open_session
from awsenv.aws.source import how_to_renew, source_credentials
from awsenv.aws.sts import ACCEPTED, NOTABLE, Clock, Sts
from awsenv.aws.translate import Call, wrong_clock
from awsenv.doctor.model import Finding, Verdict, fine, of_error, unknown, wrong
from awsenv.errors import AwsenvError, RefusedError, UnreachableError
from awsenv.iam.principal import ROOT
from awsenv.model import RoleRequest
from awsenv.origin import Origin
from awsenv.variables import TOKENS

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from awsenv.doctor.model import Inputs
    from awsenv.doctor.plan import Plan
    from awsenv.iam.principal import Principal
    from awsenv.model import Credentials


CHECK = "source"


@dataclass(frozen=True, slots=True)
class Signer:
    """Credentials that AWS accepts, and their owner."""

    sts: Sts
    credentials: Credentials
    principal: Principal


def source(plan: Plan, inputs: Inputs) -> Generator[Finding, None, Signer | None]:
    """Ask AWS whose the source credentials are; None: AWS refuses them, or cannot be reached."""
    chain = plan.chain
    session = open_session(plan.profiles, plan.environ, profile=chain.settings_profile, region=chain.region)
    clock, sts = Clock(session, inputs.now), Sts(session)
    credentials: Credentials | None = None
    try:
        credentials = source_credentials(chain.source, session, plan.profiles, plan.environ)
        principal = sts.identity(_call(plan), credentials)
    except AwsenvError as error:
        yield from _failed(error, clock, partial(_stale_token, plan, sts, credentials))
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
    shown = f"{principal.title} of account {principal.account}, access key …{credentials.access_key_id[-4:]}"
    yield fine(CHECK, shown, origins=[chain.source.origin])
    yield from _clock(clock)
    return Signer(sts, credentials, principal)


def _call(plan: Plan) -> Call:
    return Call(key_origin=plan.chain.source.origin, key_hint=how_to_renew(plan.chain.source))


def _failed(
    error: AwsenvError, clock: Clock, stale_token: Callable[[], Finding | None]
) -> Generator[Finding, None, None]:
    if clock.ahead is not None and abs(clock.ahead) > ACCEPTED:
        yield from _clock(clock)
        yield unknown(CHECK, "not checked: set the clock first")
    elif isinstance(error, UnreachableError):
        yield of_error("network", error)
        yield unknown(CHECK, "not checked: AWS cannot be reached")
    elif isinstance(error, RefusedError) and error.code == "RegionDisabledException":
        yield of_error("region", error)
    else:
        yield stale_token() or of_error(CHECK, error)


def _stale_token(plan: Plan, sts: Sts, credentials: Credentials | None) -> Finding | None:
    """Return that a token in the environment does not belong to the keys there, if the keys work without it."""
    if plan.chain.source.kind != "environment" or credentials is None or credentials.session_token is None:
        return None
    there = [name for name in TOKENS if plan.environ.get(name)]
    for number, stale in enumerate(there, start=1):
        rest = there[number:]
        try:
            token = plan.environ[rest[0]] if rest else None
            sts.identity(_call(plan), replace(credentials, session_token=token))
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


def _clock(clock: Clock) -> Generator[Finding, None, None]:
    if clock.ahead is None:
        yield unknown("clock", "AWS did not say what time it is")
        return
    off = abs(clock.ahead)
    if off < NOTABLE:
        yield fine("clock", f"{duration.rounded(off)} apart from AWS's")
        return
    verdict = Verdict.WRONG if off > ACCEPTED else Verdict.WARNING
    yield of_error("clock", wrong_clock(clock.ahead), verdict)


class Readers(NamedTuple):
    """The clients of IAM, in the order in which they are tried. Each reads its own account."""

    all: tuple[tuple[str, Iam], ...]

    def of(self, account: str) -> list[Iam]:
        """Return those of *account*. A role of the same name in another account is another role."""
        return [iam for own, iam in self.all if own == account]

    def and_of(self, signer: Signer) -> Readers:
        """Return these, and *signer* after them."""
        if any(iam.signer == signer.credentials for _, iam in self.all):
            return self
        return Readers((*self.all, (signer.principal.account, Iam(signer.sts.session, signer.credentials))))

    def read(self, account: str, action: str, **parameters: Any) -> dict[str, Any] | None:
        """Return the answer of IAM in *account*; None: nobody here is allowed to read it.

        Raises:
            RefusedError: The role, user or policy does not exist.
        """
        answers = (_read(iam, action, parameters) for iam in self.of(account))
        return next((answer for answer in answers if answer is not None), None)


def reader(plan: Plan, inputs: Inputs, signer: Signer) -> Generator[Finding, None, Readers]:
    """Return the readers of IAM."""
    readers = Readers(())
    if inputs.iam_profile is not None:
        request = RoleRequest(inputs.iam_profile, origins={"role": Origin("--iam-profile")})
        try:
            chain = config.resolve(request, plan.profiles, plan.environ)
            credentials = provider.credentials(chain, plan.profiles, plan.environ)
            iam, identity = iam_as(
                credentials, plan.profiles, plan.environ, profile=chain.settings_profile, region=chain.region
            )
        except AwsenvError as error:
            error.origins = error.origins or (request.origin("role"),)
            yield of_error("IAM profile", error, Verdict.WARNING)
        else:
            readers = Readers(((identity.account, iam),))
    return readers.and_of(signer)


def _read(iam: Iam, action: str, parameters: dict[str, Any]) -> dict[str, Any] | None:
    try:
        return iam.read(action, **parameters)
    except RefusedError as error:
        if error.code == "NoSuchEntity":
            raise
    except AwsenvError:
        pass
    return None

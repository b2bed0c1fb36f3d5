"""From a chain to credentials: one call of AWS for each hop, with an MFA code where a hop needs one."""

from __future__ import annotations

from functools import cached_property, partial

from awsenv import config, mark
from awsenv.aws.request import NARROWS, Token, denied_hint, steps
from awsenv.aws.session import AwsSession
from awsenv.aws.source import source_credentials
from awsenv.aws.sts import Sts
from awsenv.config.sources import account_of
from awsenv.errors import (
    AwsenvError,
    CodeRejected,
    ForeignResponse,
    MfaError,
    ResponseLost,
    SourceError,
    UnreachableError,
)
from awsenv.model import AssumeRole, GetSessionToken, Note, unseen
from awsenv.record import replace
from awsenv.wording import printable, quoted

_WIDER = "leave out what narrows the role"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Protocol

    from awsenv.aws.connections import Connections
    from awsenv.aws.denial import Denial
    from awsenv.config import Profiles
    from awsenv.errors import Hint
    from awsenv.iam.principal import Principal
    from awsenv.model import Chain, Credentials, Environ, Hop, Mfa, Question, Waits

    class Prompts(Protocol):
        """What only the process of the caller can give, with its terminal and its environment."""

        @property
        def has_code(self) -> bool:
            """Whether the client has sent a code in reply to the agent."""

        @property
        def codes_before(self) -> int:
            """How many codes were sent to AWS before for the same request."""

        def code(self, device: Mfa, *, given: str | None, after: AwsenvError | None, login: Callable[[], str]) -> str:
            """Return a code of *device* that was not sent to AWS before.

            Args:
                device: The device.
                given: The code of the command line. It counts once.
                after: Why the last code failed.
                login: Returns the command that opens the MFA session, for where there is no terminal.

            Raises:
                AwsenvError: There is no code.
            """

        def give_back(self, device: Mfa, code: str) -> None:
            """Note that a code was not sent."""

        def find(self, program: str) -> None:
            """Check that the process of the caller can become *program*.

            Raises:
                LaunchError: It cannot.
            """

        def confirm(self, question: Question) -> None:
            """Check that the user wants a protected role.

            Raises:
                AwsenvError: The user does not, or cannot be asked.
            """

        def run(self, words: Sequence[str], profile: str) -> bytes:
            """Return what the `credential_process` of *profile* prints.

            Raises:
                Failed: It was not started, it failed, or it was killed.
            """


MAX_CODES = 3
"""How many codes are sent for a hop. Another would not help with a wrong device, and AWS may lock the user out."""


def credentials(
    chain: Chain,
    profiles: Profiles,
    environ: Environ,
    *,
    code: str | None = None,
    prompts: Prompts | None = None,
    program: str | None = None,
    session: Credentials | None = None,
    waits: Waits = unseen,
    note: Callable[[Iterable[Note]], object] = bool,
    connections: Connections | None = None,
) -> Credentials:
    """Return the credentials at the end of *chain*. Each hop is a call of AWS.

    Args:
        chain: The plan.
        profiles: What the files say: of the source, of endpoints, CA bundles and the like.
        environ: The environment of the caller, without the variables of a role that awsenv has set.
        code: The MFA code of the command line.
        prompts: What the process of the caller gives; None: nothing.
        program: What the process of the caller becomes; None: no program.
        session: The MFA session, if the first hop is a GetSessionToken and the agent holds it. The source is then not
            read.
        waits: Shows what the command waits for.
        note: Shows notes to the user.
        connections: The connection pool; None: a new one.

    Returns:
        The credentials of the last hop, with the account and the ARN of its role; of the source if there is no hop.

    Raises:
        SourceError: There are no usable source credentials, or they are of another account than `awsenv_account`.
        RefusedError: AWS refused a hop.
        MfaError: There is no code that AWS accepts.
        UnreachableError: AWS could not be reached; `ResponseLost` if a code may have been used up.
        ConfigError: A setting makes the calls impossible.
        LaunchError: A code is needed, and the program cannot be started.
        AgentError: This process is sealed.
    """
    mark.check()
    aws = session_of(chain, profiles, environ, waits=waits, connections=connections)
    if session is not None and chain.hops and isinstance(chain.hops[0], GetSessionToken):
        first, current = 1, session
    else:
        run = None if prompts is None else prompts.run
        first, current = 0, source_credentials(chain.source, aws, run=run)
    sts = Sts(aws)
    if chain.rails.account is not None and _is_of_source(chain):
        current = replace(current, account=sts.identity(current).account)
        if (error := foreign(chain, current.account)) is not None:
            raise error
    calls = _Calls(chain, sts, current, code=code, prompts=prompts, profiles=profiles, program=program)
    for index, hop in enumerate(chain.hops[first:], start=first):
        current = calls.call(index, hop, current)
    if chain.scoped is not None:
        current = sts.narrow(chain.scoped, current, _narrow_hint)
    if sts.clock.is_corrected and sts.clock.ahead is not None:
        from awsenv.aws.refusal import wrong_clock  # noqa: PLC0415 - few clocks are wrong

        wrong = wrong_clock(sts.clock.ahead)
        note([Note(wrong.fact, hints=wrong.hints)])
    return current


def narrowed(
    chain: Chain,
    held: Credentials,
    profiles: Profiles,
    environ: Environ,
    *,
    waits: Waits = unseen,
    connections: Connections | None = None,
) -> Credentials:
    """Return *held* narrowed by the last call of *chain*. Its other calls are not made.

    The other arguments are those of `credentials`.

    Raises:
        AwsenvError: As of `credentials`.
    """
    assert chain.scoped is not None  # noqa: S101 - no caller has another
    aws = session_of(chain, profiles, environ, waits=waits, connections=connections)
    return Sts(aws).narrow(chain.scoped, held, _narrow_hint)


def _narrow_hint(denial: Denial | None) -> Hint:
    """Return the next step if AWS denies the call that narrows credentials."""
    if denial is None:
        return (
            "begin with wider credentials: AWS narrows three times at most",
            f"ask an administrator to allow {NARROWS}",
        )
    if denial.step is not None:
        return steps(denial, _WIDER)
    return f"ask an administrator of account {denial.principal.account} to allow {NARROWS}", _WIDER


def session_of(
    chain: Chain,
    profiles: Profiles,
    environ: Environ,
    *,
    timeout: float | None = None,
    waits: Waits = unseen,
    connections: Connections | None = None,
) -> AwsSession:
    """Return the session of the calls of *chain*. The arguments are those of `credentials` and of `AwsSession`."""
    return AwsSession(
        profiles,
        environ,
        profile=chain.settings_profile,
        region=chain.region,
        timeout=timeout,
        waits=waits,
        connections=connections,
    )


def foreign(chain: Chain, account: str | None) -> SourceError | None:
    """Return the error if the source is in *account* and `awsenv_account` demands another; else None."""
    required = chain.rails.account
    if required is None or not _is_of_source(chain) or account == required:
        return None
    owner = quoted(chain.source.profile or chain.role)
    return SourceError(
        f"the credentials of profile {owner} belong to account {account}, and must belong to {required}",
        chain.rails.origins.get("account"),
        chain.source.origin,
        hint=(f"use credentials of account {required}", "correct awsenv_account"),
    )


def _is_of_source(chain: Chain) -> bool:
    """Return whether the role is in the account of the source, which only AWS knows."""
    return not isinstance(chain.last, AssumeRole) or chain.last.role.account is None


class _Calls:
    """The calls of one chain.

    Args:
        sts: STS.
        source: The credentials of the source, which sign the first call.

    The others are those of `credentials`.
    """

    def __init__(
        self,
        chain: Chain,
        sts: Sts,
        source: Credentials,
        *,
        code: str | None,
        prompts: Prompts | None,
        profiles: Profiles,
        program: str | None,
    ) -> None:
        self.chain, self.sts, self.source = chain, sts, source
        self.code, self.prompts, self.profiles, self.program = code, prompts, profiles, program

    def call(self, index: int, hop: Hop, signer: Credentials) -> Credentials:
        """Make the call of a hop, and return its credentials."""
        send = partial(self.sts.call, hop, signer)
        if isinstance(hop, AssumeRole):
            hop = hop if hop.role.account is not None else hop.within(self._account())
            hint = partial(denied_hint, self.chain, index, self.profiles)
            send = partial(self.sts.call, hop, signer, denied_hint=hint)
        return send() if hop.mfa is None else self._with_code(self._known(hop.mfa), send)

    def _with_code(self, device: Mfa, send: Callable[[Token], Credentials]) -> Credentials:
        """Send with a code, and with another if AWS rejects that code, or if its response was lost."""
        login: Callable[[], str] = partial(config.login_command, self.chain, self.profiles, self.sts.session.environ)
        if self.prompts is None:
            origin = device.origins.get("mfa_process")
            raise MfaError(f"an MFA code of {printable(device.title)} is needed", origin, hint=login)
        if self.program is not None:
            self.prompts.find(self.program)
        # Do not ask for a code that cannot be sent, and open the connection meanwhile.
        self.sts.prepare()
        first = self.chain.hops[0]
        if isinstance(first, AssumeRole) and device == first.mfa and config.through_session(self.chain) is None:
            login = str  # no session gives a role of more than an hour
        after: CodeRejected | ResponseLost | None = None
        for _ in range(self.prompts.codes_before, MAX_CODES):
            code = self.prompts.code(device, given=self.code, after=after, login=login)
            try:
                return send(Token(device.serial, code))
            except ForeignResponse:
                raise
            except (CodeRejected, ResponseLost) as error:
                after = error
            except UnreachableError:
                self.prompts.give_back(device, code)
                raise
        if isinstance(after, ResponseLost):
            raise after
        raise MfaError(
            f"AWS rejected {MAX_CODES} MFA codes",
            *(() if after is None else after.origins),
            hint=f"check that the codes are those of {printable(device.serial)}, and that its clock is right",
        )

    def _known(self, device: Mfa) -> Mfa:
        """Return the device with its serial number, which AWS is asked for if it is not configured."""
        if device.serial:
            return device
        with self.sts.session.waits("the AWS SDK to load"):
            from awsenv.aws.iam import mfa_device  # noqa: PLC0415 - 150 ms of botocore

        return replace(device, serial=mfa_device(self.sts.session, self.source, self._principal))

    def _account(self) -> str:
        """Return the account of the source credentials. AWS is asked only if nothing else shows it."""
        return self.source.account or account_of(self.chain, self.profiles) or self._principal.account

    @cached_property
    def _principal(self) -> Principal:
        return self.sts.identity(self.source)

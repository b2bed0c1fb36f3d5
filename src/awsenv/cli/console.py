"""`awsenv console ROLE [CODE]`: the URL that signs in to the AWS console as a role, printed or opened."""

from __future__ import annotations

from awsenv.cli import options as role_options
from awsenv.cli.action import Open, Print
from awsenv.cli.options import Caller, resolve
from awsenv.config.sources import is_long_term, may_be_long_term
from awsenv.duration import exact
from awsenv.errors import Origin, UsageError
from awsenv.model import AssumeRole, GetSessionToken
from awsenv.record import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsenv.cli.arguments import ConsoleArguments
    from awsenv.resolved import Resolved


def run(caller: Caller, arguments: ConsoleArguments) -> Print | Open:
    """Return the sign-in URL of a role, to print or, with `--open`, to open.

    Raises:
        AwsenvError: Of every kind but `LaunchError`.
    """

    def check() -> None:
        if not arguments.opens and not arguments.anywhere and (astray := caller.prints_astray()):
            raise UsageError(
                f"nothing was done: the sign-in URL, a secret, would have gone to a {astray}",
                hint=("--open opens it in the browser", "--print prints it anyway"),
            )

    resolved = resolve(caller, arguments.role, arguments.code, arguments, check)
    duration = arguments.session_duration
    seconds = None if duration is None else _seconds(duration)
    _check_role(resolved)
    if seconds is not None:
        _check_session_duration(resolved)
        resolved = replace(resolved, without_session=True)
    # These import botocore, and AWS is called only now.
    from awsenv.aws.chain import session_of  # noqa: PLC0415 - see above
    from awsenv.aws.signin import login_url, page  # noqa: PLC0415 - see above

    region = resolved.chain.region
    partition = resolved.chain.partition
    page(partition, region, arguments.service)  # a wrong name fails before a code is spent
    lease = caller.provider.lease(replace(resolved, question="Sign in to the console with it?"))
    session = session_of(resolved.chain, resolved.profiles, resolved.environ, waits=caller.provider.waits)
    url = login_url(session, lease.credentials, partition, region, service=arguments.service, duration=seconds)
    caller.note_recent(arguments.role)
    return Open(url) if arguments.opens else Print(url + "\n")


def _seconds(text: str) -> int:
    from awsenv.aws.signin import LONGEST, SHORTEST  # noqa: PLC0415 - it imports botocore

    origin = Origin("--session-duration")
    seconds = role_options.seconds(text, origin)
    if not SHORTEST <= seconds <= LONGEST:
        raise UsageError(
            f"{exact(seconds)} is not a duration of a console session, which is {exact(SHORTEST)} to {exact(LONGEST)}",
            origin,
            hint="such as 8h",
        )
    return seconds


def _check_role(resolved: Resolved) -> None:
    """Refuse credentials that AWS accepts for no sign-in: a user's access key, and an MFA session of it.

    Raises:
        UsageError: The credentials are not those of a role.
    """
    last, source = resolved.chain.last, resolved.chain.source
    if isinstance(last, GetSessionToken) or (last is None and is_long_term(source)):
        raise UsageError(
            f"{resolved.chain.role} is not a role: only a role can sign in to the AWS console",
            hint="awsenv list shows the roles",
        )


def _check_session_duration(resolved: Resolved) -> None:
    """Refuse a session duration where AWS would: "you must call it as an IAM user with long-term credentials".

    Raises:
        UsageError: Temporary credentials assume the role.
    """
    chain = resolved.chain
    if chain.narrowing is not None and chain.is_final:
        ends = chain.narrowing.origins["seconds"]
        fact = f"--session-duration would let the session outlast {ends.setter}"
        raise UsageError(
            fact, Origin("--session-duration"), ends, hint="leave it out: the session ends with the credentials"
        )
    only = len(chain.hops) == 1 and isinstance(chain.hops[0], AssumeRole) and chain.scoped is None
    # The output of a process is not known before it runs: AWS decides.
    if only and may_be_long_term(chain.source):
        return
    raise UsageError(
        f"AWS takes --session-duration only for a role that a user's own access key assumes, and {chain.role} is not"
        " assumed that way",
        Origin("--session-duration"),
        hint="leave it out: the session ends with the role's credentials",
    )

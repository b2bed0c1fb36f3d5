"""`awsenv console ROLE [CODE]`: the URL that signs in to the AWS console as a role, printed or opened."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

from awsenv import config
from awsenv.cli import options as role_options
from awsenv.cli.action import Caller, Open, Print
from awsenv.cli.obtain import resolve
from awsenv.cli.options import OptionalWord, RoleOptions, Word, flag, option
from awsenv.config import arns
from awsenv.errors import UsageError
from awsenv.model import AssumeRole, GetSessionToken
from awsenv.origin import Origin

if TYPE_CHECKING:
    from awsenv.model import Chain
    from awsenv.provider import Resolved


@dataclass(frozen=True, kw_only=True, repr=False)
class Arguments(RoleOptions):
    """Anyone who has the URL can sign in with it for fifteen minutes."""

    role: Word
    code: OptionalWord = None
    service: Annotated[str | None, option("NAME", "Start page: s3, ec2.")] = None
    session_duration: Annotated[str | None, option("TIME", "How long the sign-in lasts: 15m to 12h.")] = None
    opens: Annotated[bool, flag("Open the URL in the browser.", "--open")] = False
    anywhere: Annotated[bool, flag("Print to a file or a pipe, secret and all.", "--print")] = False


def run(caller: Caller, arguments: Arguments) -> Print | Open:
    """Return the sign-in URL of a role, to print or, with `--open`, to open.

    Raises:
        AwsenvError: Of every kind but `LaunchError`.
    """
    if not arguments.opens and not arguments.anywhere and caller.prints_astray():
        raise UsageError(
            "nothing was done: the sign-in URL, a secret, would have gone to a file or to another command",
            hint="--open opens it in the browser; --print prints all the same",
        )
    duration = arguments.session_duration
    seconds = None if duration is None else _seconds(duration)
    want = resolve(caller, arguments.role, arguments.code, arguments)
    _check_role(want)
    if seconds is not None:
        _check_direct(want.chain, want)
        want = replace(want, is_direct=True)
    # These import botocore: only now is AWS asked.
    from awsenv.aws.session import AwsSession  # noqa: PLC0415 - see above
    from awsenv.aws.signin import login_url, page  # noqa: PLC0415 - see above

    region = want.chain.region
    partition = _partition(want.chain)
    page(partition, region, arguments.service)  # what is wrong is said before a code is spent
    lease = caller.provider.lease(want)
    session = AwsSession(want.profiles, want.environ, profile=want.chain.settings_profile, region=region)
    url = login_url(session, lease.credentials, partition, region, service=arguments.service, duration=seconds)
    return Open(url) if arguments.opens else Print(url + "\n")


def _seconds(text: str) -> int:
    from awsenv.aws.signin import LONGEST, SHORTEST  # noqa: PLC0415 - it imports botocore

    origin = Origin("--session-duration")
    seconds = role_options.seconds(text, origin)
    if not SHORTEST <= seconds <= LONGEST:
        raise UsageError(
            f"{seconds} seconds is not a duration of a console session, which is 15 minutes to 12 hours",
            origin,
            hint="such as 8h",
        )
    return seconds


def _check_role(want: Resolved) -> None:
    """Refuse what AWS signs nobody in with: a user's own access key, and a session of it.

    Raises:
        UsageError: It is that.
    """
    last = want.chain.hops[-1] if want.chain.hops else None
    if isinstance(last, GetSessionToken) or (last is None and _has_long_term_key(want)):
        raise UsageError(
            f"{want.chain.role} is not a role: AWS signs in to the console with the credentials of one only",
            hint="awsenv list shows the roles",
        )


def _check_direct(chain: Chain, want: Resolved) -> None:
    """Refuse a session duration where AWS would: "you must call it as an IAM user with long-term credentials".

    Raises:
        UsageError: Temporary credentials assume the role.
    """
    only = len(chain.hops) == 1 and isinstance(chain.hops[0], AssumeRole)
    # What a process prints is not known before it has run: it is left to AWS.
    if only and (chain.source.kind == "process" or _has_long_term_key(want)):
        return
    raise UsageError(
        f"AWS takes --session-duration only for a role that a user's own access key assumes, and {chain.role} is not"
        " assumed so",
        Origin("--session-duration"),
        hint="leave it out: the console session ends with the credentials of the role",
    )


def _has_long_term_key(want: Resolved) -> bool:
    keys = config.access_key(want.chain.source, want.profiles, want.environ)
    return keys is not None and keys.session_token is None


def _partition(chain: Chain) -> str:
    last = chain.hops[-1] if chain.hops else None
    if isinstance(last, AssumeRole):
        return last.role.partition
    return arns.WITHOUT_REGION if chain.region is None else arns.partition(chain.region, chain.origins["region"])

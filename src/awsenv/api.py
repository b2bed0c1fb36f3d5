"""Roles inside programs: the functions of the package `awsenv`.

They take what a command line of awsenv takes, and get roles in the same way: from the agent if one runs, else from AWS;
what AWS grants then stays in the memory of this process. Nothing is printed, and nobody is asked anything unless *code*
or *confirm* is a function. Any thread may call them.

Notes, such as that AWS grants a role for less time than was requested, go to the logger `awsenv` at the level INFO.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Mapping as MappingABC
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from awsenv import changes, config
from awsenv.cli import keywords, process, report
from awsenv.cli.arguments import RoleOptions
from awsenv.cli.declarations import options as declared_options
from awsenv.cli.options import FIELDS
from awsenv.cli.requests import Requests, Sender
from awsenv.cli.unattended import Unattended
from awsenv.config import limits
from awsenv.errors import AwsenvError, MfaError, Origin, UsageError
from awsenv.model import Credentials
from awsenv.record import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from awsenv.aws.boto import Session
    from awsenv.cli.action import Action
    from awsenv.cli.prompts import Prompts
    from awsenv.cli.report import Shown

__all__ = ["AwsenvError", "Credentials", "Role", "credentials", "environment", "forget", "roles", "session"]


@dataclass(frozen=True, slots=True)
class Role:
    """A role of the AWS configuration. What the files do not show is None."""

    profile: str
    """The name of its profile: what the other functions take."""
    account: str | None
    """Twelve digits."""
    role: str | None
    """Its name at AWS, without its path."""
    arn: str
    region: str | None
    """The region that `session` and `environment` set."""
    mfa_serial: str | None
    """The MFA device whose code it needs; None: it needs no code."""
    is_protected: bool
    """Whether it needs *confirm*."""
    color: str | None
    """The colour of its name in a prompt, as SGR parameters."""


@contextmanager
def _told() -> Iterator[None]:
    """Let an error speak of the arguments of a call, and its traceback show where its cause is, and the next steps."""
    try:
        yield
    except AwsenvError as error:
        keywords.tell(error)
        _, *lines = report.message(error.fact, None, error.origins, error.hints).splitlines()
        if lines and sys.version_info >= (3, 11):
            error.add_note("\n".join(lines))
        raise


@_told()
def credentials(
    role: str,
    *,
    code: str | Callable[[str], str] | None = None,
    external_id: str | None = None,
    duration: int | timedelta | None = None,
    region: str | None = None,
    session_name: str | None = None,
    source_identity: str | None = None,
    tags: Mapping[str, str] | None = None,
    transitive_tags: Sequence[str] = (),
    policy: str | Mapping[str, object] | None = None,
    policy_arns: Sequence[str] = (),
    read_only: bool = False,
    only: str | Sequence[str] = (),
    on: str | Sequence[str] = (),
    for_: int | timedelta | None = None,
    because: str | None = None,
    profile: str | None = None,
    mfa_serial: str | None = None,
    min_remaining: int | timedelta | None = None,
    confirm: bool | Callable[[str], bool] = False,
    environ: Mapping[str, str] | None = None,
) -> Credentials:
    """Return the credentials of a role.

    What is left out has the value of its variable (`AWSENV_REGION`), else that of the profile.

    Args:
        role: A profile, a role ARN, ACCOUNT/ROLE, or the name of a role in the account of the source.
        code: The MFA code, or a function that returns it: `input`, or `getpass.getpass`, since it is called with the
            question. Either is used only if a code is needed, and a function again if AWS rejects its code.
        external_id: The external id.
        duration: How long the credentials live, in seconds: 900 to 43,200.
        region: The region that the role is used in.
        session_name: The role session name, as CloudTrail shows it.
        source_identity: The source identity, which a chain passes on.
        tags: Session tags.
        transitive_tags: The keys of those that a chain passes on.
        policy: A session policy to narrow the role, or its JSON, or `file://PATH`.
        policy_arns: Managed policies to narrow the role.
        read_only: Whether to narrow the role to what only reads.
        only: The actions that the role is narrowed to, such as `s3:Get*`.
        on: The ARNs of the resources that it is narrowed to.
        for_: Seconds after which the credentials end, if they do not end before.
        because: What the narrowed role is for, as CloudTrail may show it.
        profile: The source profile, instead of the role's own.
        mfa_serial: The MFA device of the source user.
        min_remaining: Seconds that the credentials must have left: what is held and has less is renewed.
        confirm: Whether you want the role even if it is protected (`awsenv_protected`), or a function that is called
            with the question and returns it.
        environ: The environment that says where the files, the agent and the source are; None: `os.environ`.

    Returns:
        Keys, with their end in UTC.

    Raises:
        UsageError: An argument is wrong, or a protected role is not confirmed.
        ConfigError: The configuration is wrong.
        SourceError: There are no usable source credentials.
        RefusedError: AWS refuses; `code` is its error code.
        MfaError: A code is needed, and there is none that AWS accepts.
        UnreachableError: AWS cannot be reached.
        AgentError: The agent got the request and does not reply.
    """
    return Request(**locals()).credentials()


@_told()
def environment(
    role: str,
    *,
    code: str | Callable[[str], str] | None = None,
    external_id: str | None = None,
    duration: int | timedelta | None = None,
    region: str | None = None,
    session_name: str | None = None,
    source_identity: str | None = None,
    tags: Mapping[str, str] | None = None,
    transitive_tags: Sequence[str] = (),
    policy: str | Mapping[str, object] | None = None,
    policy_arns: Sequence[str] = (),
    read_only: bool = False,
    only: str | Sequence[str] = (),
    on: str | Sequence[str] = (),
    for_: int | timedelta | None = None,
    because: str | None = None,
    profile: str | None = None,
    mfa_serial: str | None = None,
    min_remaining: int | timedelta | None = None,
    confirm: bool | Callable[[str], bool] = False,
    environ: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the environment that `awsenv exec` gives to a command, for `subprocess.run(..., env=...)`.

    It is *environ*, which does not change, with the role in it. The arguments and the errors are those of
    `credentials`.
    """
    return Request(**locals()).environment()


@_told()
def session(
    role: str,
    *,
    code: str | Callable[[str], str] | None = None,
    external_id: str | None = None,
    duration: int | timedelta | None = None,
    region: str | None = None,
    session_name: str | None = None,
    source_identity: str | None = None,
    tags: Mapping[str, str] | None = None,
    transitive_tags: Sequence[str] = (),
    policy: str | Mapping[str, object] | None = None,
    policy_arns: Sequence[str] = (),
    read_only: bool = False,
    only: str | Sequence[str] = (),
    on: str | Sequence[str] = (),
    for_: int | timedelta | None = None,
    because: str | None = None,
    profile: str | None = None,
    mfa_serial: str | None = None,
    min_remaining: int | timedelta | None = None,
    confirm: bool | Callable[[str], bool] = False,
    environ: Mapping[str, str] | None = None,
) -> Session:
    """Return a `boto3.Session` that has the role, its region and the settings of its profile.

    Its credentials are renewed in their last fifteen minutes, by the same request. If that needs another MFA code, a
    string in *code* cannot be used twice: pass a function, or run `awsenv login`.

    The arguments and the errors are those of `credentials`. A call of AWS raises the error of a renewal that failed.
    """
    return Request(**locals()).session()


def roles(*, environ: Mapping[str, str] | None = None) -> tuple[Role, ...]:
    """Return the roles of the AWS configuration, in the order of the files. Nothing is sent to AWS.

    Args:
        environ: The environment that says where the files are; None: `os.environ`.

    Raises:
        ConfigError: A file cannot be read.
    """
    base = changes.original(process.environ() if environ is None else environ)
    return tuple(
        Role(
            each.name,
            each.account,
            each.role,
            each.role_arn,
            each.region,
            each.mfa_serial,
            each.rails.is_protected,
            each.rails.color or None,
        )
        for each in config.roles(config.read(base), base)
        if each.role_arn is not None
    )


def forget() -> None:
    """Drop the MFA sessions and roles that this process holds. An agent keeps its own (`awsenv lock`)."""
    _held.forget()


def printed(args: Sequence[str], note: Callable[[Iterable[Shown]], object]) -> str:
    """Return what the command line *args* prints, of a command that hands out no role. *note* shows its notes."""
    return report.in_local_time(_held.action(list(args), Sender(process.environ(), _no_answers, note)).text)


class Request:
    """A request for a role, made of what the functions of this module take, or what was typed for them.

    Args:
        note: Shows the notes; None: they are logged.

    Raises:
        UsageError: An argument is wrong.
        MfaError: The code is no MFA code.
    """

    def __init__(
        self,
        role: str,
        *,
        code: str | Callable[[str], str] | None,
        confirm: bool | Callable[[str], bool],
        environ: Mapping[str, str] | None,
        note: Callable[[Iterable[Shown]], object] | None = None,
        **options: Any,
    ) -> None:
        if role.startswith("-") and role != "-":
            raise UsageError("the name of a role does not begin with -", hint="pass a profile, an ARN or ACCOUNT/ROLE")
        if not (code is None or isinstance(code, str) or callable(code)):
            raise MfaError("an MFA code is text: a number has no first zeros", hint='pass code="012345"')
        environ = process.environ() if environ is None else dict(environ)
        self._sender = Sender(environ, self._prompts, note or _log)
        self._code = limits.mfa_code(code) if isinstance(code, str) else code
        self._confirm = confirm
        self._role = [role, *_options(options)]
        try:
            b"".join(map(os.fsencode, self._role))
        except UnicodeEncodeError:
            fact = "the role or an option has a character that no command line can have"
            raise UsageError(fact, hint="take it out of ROLE, or of the option") from None

    def credentials(self) -> Credentials:
        """Return the credentials."""
        return _held.credentials(self._words(), self._sender)

    def environment(self) -> dict[str, str]:
        """Return the environment that a command gets."""
        return dict(self.action("exec", "--", "true").environ or {})

    def session(self) -> Session:
        """Return the session of boto3."""
        from awsenv.aws import boto  # noqa: PLC0415 - botocore takes long to load

        first = self.environment()
        # A code is used once, and nobody is asked twice to confirm the role.
        self._code = None if isinstance(self._code, str) else self._code
        self._confirm = True
        return boto.session(first, _told()(self.credentials))

    def action(self, command: str, *words: str) -> Action:
        """Return the action of a command that takes a role and these options, with *words* behind them."""
        return _held.action([command, *self._words(), *words], self._sender)

    def _words(self) -> list[str]:
        return [*self._role, *(["--yes"] if self._confirm is True else ())]

    def _prompts(self) -> Prompts:
        return Unattended(self._sender.environ, self._code, self._confirm if callable(self._confirm) else None)


def _options(options: Mapping[str, Any]) -> Iterator[str]:
    """Yield the options about a role as a command line has them.

    Raises:
        UsageError: The key of a tag has a `=`, which would end it there.
    """
    for option in declared_options(RoleOptions).values():
        value = options.get(FIELDS.get(option.name, option.name))
        if value is None:
            continue
        if isinstance(value, MappingABC) and not option.is_list:
            value = json.dumps(value)
        elif isinstance(value, MappingABC):
            if any("=" in str(key) for key in value):
                hint = "take it out of the key: AWS gets KEY=VALUE"
                raise UsageError("the key of a session tag has a =", Origin(f"{option.name}s"), hint=hint)
            value = [f"{key}={text}" for key, text in value.items()]
        elif isinstance(value, timedelta):
            value = int(value.total_seconds())
        yield from option.typed(list(value) if option.is_list and not isinstance(value, str | int) else value)


def _no_answers() -> Prompts:
    return Unattended({})


def _log(notes: Iterable[Shown]) -> None:
    for note in notes:
        where = "; ".join(map(str, note.origins))
        _LOGGER.info("%s", report.in_local_time(f"{where}: {note.fact}" if where else note.fact))


_LOGGER = logging.getLogger("awsenv")
_held: Requests
_left: list[Requests] = []


def _begin() -> None:
    """Hold nothing yet. In the child of a fork, sockets are shared with the parent, and a lock may stay locked."""
    global _held  # noqa: PLW0603 - one memory for all requests of a process
    if "_held" in globals():
        _left.append(_held)  # if it were deleted, it would close its connections under such a lock
    _held = Requests()


_begin()
os.register_at_fork(after_in_child=_begin)

"""The caller of a command; and the words and options about a role, from there to credentials.

An option beats its `AWSENV_...` variable, a variable beats the profile. The variables are read from the caller's
environment as a value; Typer's own `envvar` would look into the process.
"""

from __future__ import annotations

import os
import time

from awsenv import changes, duration
from awsenv.cli.arguments import RoleOptions, YesOption
from awsenv.cli.commands import COMMANDS, DEFAULT, PREVIOUS, usage
from awsenv.cli.declarations import options as declared_options
from awsenv.errors import ConfigError, MfaError, Origin, UsageError
from awsenv.model import Environ, RoleRequest
from awsenv.record import dataclass, field, replace
from awsenv.variables import USER, having

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from awsenv.agent.approvals import Confirmation
    from awsenv.model import Chain, Narrowing
    from awsenv.provider import Provider
    from awsenv.resolved import Resolved


TYPED_LATER = "an-external-id-that-is-typed-later"
"""A placeholder for an external id that is not typed yet."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The process that runs the command, as values."""

    environ: Environ = field(repr=False)
    program: str
    """The absolute path of `awsenv`, for a shell to call it again."""
    provider: Provider
    ask_secret: Callable[..., str]
    """Asks the user for a secret, without echo. A second argument is called before that."""
    args: tuple[str, ...] = ()
    """The command line without the name of the program."""
    prints_to_terminal: bool = False
    columns: int = 0
    """The width of the terminal that the output goes to; 0: it goes elsewhere, or the terminal does not say."""
    prints_astray: Callable[[], str] = str
    """What the output goes to if no caller reads it: `process.FILE` or `process.PIPE`; else nothing."""
    folder: str | None = None
    """The working directory; None: that of this process."""
    base: Environ | None = field(default=None, repr=False)
    """The environment of the seal that the process is in; None: it is not sealed."""
    pid: int | None = None
    """The process that was called; None: this one."""
    agent_was_started: bool = False
    """Whether the agent that runs the command was started for it."""
    is_program: bool = False
    """Whether a program makes the request: the user has not typed the command line."""
    previous_narrowed: str | None = None
    """What the role that `awsenv -` returns to was narrowed to; None: it was not, or the command names another role."""
    confirmation: Confirmation | None = None
    """What the agent asks before it hands out a role; None: no agent runs the command, or only for it."""
    now: Callable[[], float] = time.time
    """Seconds since the epoch, UTC."""

    @property
    def original(self) -> Environ:
        """The environment from before the first role, in which role requests are resolved."""
        return changes.original(self.environ) if self.base is None else self.base

    def note_recent(self, role: str) -> None:
        """Note that *role*, as typed, is used; but not for a sealed process, which may not write there itself."""
        if self.base is None:
            from awsenv.cli import recent  # noqa: PLC0415 - a help page needs none of it

            recent.note(self.environ, role, self.now())


def resolve(
    caller: Caller,
    role: str,
    code: str | None,
    options: RoleOptions,
    check: Callable[[], object] = bool,
    *,
    program: str | None = None,
) -> Resolved:
    """Return the role request of the words *role* and *code* and of the options, resolved.

    Args:
        caller: Who runs the command.
        role: The role, as typed.
        code: The MFA code, as typed.
        options: The options.
        check: Raises if the command cannot go on. It runs last, or before the user is asked for a secret.
        program: The program that gets the credentials; None: that is not known yet.

    Raises:
        UsageError: The command line is wrong.
        ConfigError: The configuration is wrong.
        SourceError: There are no source credentials.
    """
    from awsenv import config  # noqa: PLC0415 - a help page needs none of these
    from awsenv.cli import typos  # noqa: PLC0415 - the same
    from awsenv.resolved import Resolved  # noqa: PLC0415 - the same

    def resolved(ask_secret: Callable[..., str]) -> Resolved:
        made = role_request(replace(caller, ask_secret=ask_secret), role, code, options)
        # In a seal, the assistant counts that it was made for, whatever runs in it.
        chain = config.resolve(replace(made, program=program if caller.base is None else None), profiles, base)
        _check_not_wider(caller, made, chain)
        config.check_source(chain.source, profiles, base)
        check()
        is_confirmed = isinstance(options, YesOption) and options.yes
        return Resolved(chain, profiles, base, made.code, min_remaining(options, base), is_confirmed=is_confirmed)

    def ask(question: str) -> str:
        # Do not ask for a secret that cannot be sent, and open the connection meanwhile.
        return caller.ask_secret(question, lambda: caller.provider.prepare(resolved(lambda _: TYPED_LATER)))

    base = caller.original
    if caller.base is not None and (options.policy or "").startswith("file://"):
        raise UsageError("a sealed process names no file", Origin("--policy"), hint="write the policy itself")
    profiles = config.read(base, caller.folder)
    typos.check_role(caller.args, role, profiles, base, is_program=caller.is_program)
    typos.check_profile(caller.args, options.profile, profiles, is_program=caller.is_program)
    return resolved(ask)


def _check_not_wider(caller: Caller, made: RoleRequest, chain: Chain) -> None:
    """Refuse to return to a narrowed role in full. A request that narrows it itself may.

    Raises:
        UsageError: The role would be wider than it was.
    """
    before, asked, now = caller.previous_narrowed, made.narrowing, chain.narrowing
    if not before or (asked and str(asked)) or (now and str(now) == before):
        return
    from awsenv.cli.typos import typed_again  # noqa: PLC0415 - only where something is wrong

    raise UsageError(
        f"{chain.role} was narrowed: {before}",
        because="awsenv - returns to a role without the options that it had",
        hint=f"{typed_again(caller.args, {PREVIOUS: [chain.role]})}, with what narrows it or without",
    )


def min_remaining(options: RoleOptions, environ: Environ) -> int:
    """Return how many seconds must be left of what the agent holds; 0: any time.

    Raises:
        UsageError: It is not a duration.
    """
    given = _given(options, environ).get("min_remaining")
    return 0 if given is None else seconds(*given)


def role_request(caller: Caller, role: str, code: str | None, options: RoleOptions) -> RoleRequest:
    """Return the role request of the words *role* and *code*, of the options and of their variables.

    The variables are those from before a role was active: awsenv's own keys are never a source.

    Raises:
        UsageError: The command line is wrong.
    """
    code = typed_code(code, caller.args)
    made = request(role, code, options, caller.original, caller.folder)
    if made.external_id == "-":
        made = replace(made, external_id=caller.ask_secret("External id: "))
    return made


def typed_code(code: str | None, args: Sequence[str]) -> str | None:
    """Return the MFA code that was typed behind the role in the command line *args*.

    Raises:
        UsageError: It is not six digits. It is not shown: it may be a password.
    """
    from awsenv import config  # noqa: PLC0415 - see `resolve`

    try:
        return None if code is None else config.mfa_code(code)
    except MfaError:
        name = args[0] if args and args[0] in COMMANDS else DEFAULT
        hint: tuple[str, ...] = (usage(name, args),)
        if name == DEFAULT:
            from awsenv.cli import typos  # noqa: PLC0415 - only where something is wrong

            hint = typos.run_hints(args)
        raise UsageError("the word after the role is not an MFA code, which is six digits", hint=hint) from None


def request(
    role: str, code: str | None, options: RoleOptions, environ: Environ, folder: str | None = None
) -> RoleRequest:
    """Return the request that the words, the options and the variables make.

    A file of `--policy` is looked for below *folder*; None: the working directory.

    Raises:
        MfaError: *code* is not six digits.
        UsageError: A duration, a tag, a policy file or what narrows the role cannot be read.
    """
    from awsenv import config  # noqa: PLC0415 - see `resolve`

    code = None if code is None else config.mfa_code(code)
    given = _given(options, environ)
    given.pop("min_remaining", None)  # it says nothing to AWS
    narrowed = {field: given.pop(name) for name, field in _NARROWING.items() if name in given}
    values: dict[str, Any] = {}
    for name, (value, origin) in given.items():
        if name == "duration":
            values[name] = seconds(value, origin)
        elif name == "policy":
            values[name] = _policy(value, origin, environ, folder)
        elif name == "tags":
            values[name] = tuple(_tag(text, origin) for text in value)
        else:
            values[name] = tuple(value) if isinstance(value, list) else value
    if narrowed:
        values["narrowing"] = _narrowing(narrowed)
    user = None if any(map(environ.get, having(USER))) else login_name()
    origins = {name: origin for name, (_, origin) in given.items()}
    return RoleRequest(role, code, user=user, origins=origins, **values)


FIELDS = {"tag": "tags", "transitive_tag": "transitive_tags", "policy_arn": "policy_arns"}
"""Options that may be repeated, and their field in the request. Their variables hold a list with commas."""


_NARROWING = {"read_only": "read_only", "only": "actions", "on": "resources", "for_": "seconds", "because": "because"}
"""Options that narrow the role, and their field in the narrowing."""


def _given(options: RoleOptions, environ: Environ) -> dict[str, tuple[Any, Origin]]:
    """Return what an option or its variable sets, and which does, by the field of the request."""
    given: dict[str, tuple[Any, Origin]] = {}
    for option in declared_options(RoleOptions).values():
        name = FIELDS.get(option.name, option.name)
        if typed := getattr(options, option.name):
            given[name] = typed, Origin(option.names[0])
        elif text := environ.get(option.variable):
            given[name] = text.split(",") if option.name in FIELDS else text, Origin(option.variable)
    return given


def as_variables(options: RoleOptions) -> dict[str, str]:
    """Return the options about a role that were typed, as variables.

    Those that name a file, or have awsenv ask for an external id, are left out.
    """
    typed = {option.variable: getattr(options, option.name) for option in declared_options(RoleOptions).values()}
    texts = {name: ",".join(value) if isinstance(value, list) else value for name, value in typed.items() if value}
    texts = {name: "true" if value is True else value for name, value in texts.items()}
    return {name: value for name, value in texts.items() if value != "-" and not value.startswith("file://")}


def _narrowing(given: dict[str, tuple[Any, Origin]]) -> Narrowing | None:
    from awsenv.config.narrowing import narrowing  # noqa: PLC0415 - few roles are narrowed

    try:
        return narrowing(given)
    except ConfigError as error:
        raise UsageError(error.fact, *error.origins, because=error.because, hint=error.hints) from None


def login_name() -> str | None:
    """Return the name of the user by the password database: cron and containers set no variable."""
    import pwd  # noqa: PLC0415 - where no variable names the user

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return None


def seconds(text: str, origin: Origin) -> int:
    """Return the seconds in `12h`, `1h30m`, `90m`, `3600s` or `3600`.

    Raises:
        UsageError: It is not a duration.
    """
    try:
        return duration.parse(text)
    except ValueError:
        raise UsageError(f"not a duration: {text!r}", origin, hint="write it as 1h, 90m or 3600 (seconds)") from None


def _tag(text: str, origin: Origin) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator:
        raise UsageError(f"not a session tag: {text!r}", origin, hint=f"write KEY=VALUE, such as {text}=VALUE")
    return key.strip(), value.strip()


def _policy(text: str, origin: Origin, environ: Environ, folder: str | None) -> str:
    if not text.startswith("file://"):
        return text
    from pathlib import Path  # noqa: PLC0415 - few roles are narrowed

    from awsenv.config.files import expanded  # noqa: PLC0415 - see `resolve`

    name = text.removeprefix("file://")
    try:
        policy = Path(folder or "", expanded(name, environ)).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise UsageError(
            f"cannot read the policy {name!r}: {reason}",
            origin,
            hint="name a UTF-8 file that you can read: --policy file://policy.json",
        ) from None
    if not policy.strip():
        raise UsageError(f"the file {name!r} is empty", origin, hint="write the session policy into it, as JSON")
    return policy

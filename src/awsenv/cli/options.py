"""The options that speak of the role, their `AWSENV_…` variables, and the request that they make.

An option beats its variable, a variable beats the profile. The variables are read from the caller's environment as a
value; Typer's own `envvar` would look into the process.
"""

from __future__ import annotations

import inspect
import os
from dataclasses import dataclass, fields
from functools import cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from awsenv import duration
from awsenv.errors import UsageError
from awsenv.model import Environ, RoleRequest
from awsenv.origin import Origin
from awsenv.variables import USER, having

if TYPE_CHECKING:
    from collections.abc import Callable

    from awsenv.cli.action import Action


@dataclass(frozen=True, slots=True, repr=False)
class RoleOptions:
    """The options as typed; None, or empty, where they were not. No repr: an external id is one of them."""

    profile: Annotated[
        str | None,
        typer.Option("--profile", metavar="PROFILE", help="Source profile, in place of the role's own."),
    ] = None
    external_id: Annotated[
        str | None,
        typer.Option("--external-id", metavar="ID", help="External id; - asks for it without echo."),
    ] = None
    mfa_serial: Annotated[
        str | None, typer.Option("--mfa-serial", metavar="ARN", help="MFA device of the source user.")
    ] = None
    duration: Annotated[
        str | None, typer.Option("--duration", metavar="TIME", help="15m to 12h, or seconds; AWS gives 1h.")
    ] = None
    region: Annotated[str | None, typer.Option("--region", metavar="REGION", help="Region to export.")] = None
    session_name: Annotated[
        str | None,
        typer.Option("--session-name", metavar="NAME", help="Role session name, as CloudTrail shows it."),
    ] = None
    source_identity: Annotated[
        str | None,
        typer.Option("--source-identity", metavar="NAME", help="Source identity; it stays along a chain."),
    ] = None
    tag: Annotated[
        list[str] | None, typer.Option("--tag", metavar="KEY=VALUE", help="Session tag; may be repeated.")
    ] = None
    transitive_tag: Annotated[
        list[str] | None,
        typer.Option("--transitive-tag", metavar="KEY", help="Session tag that stays along a chain; repeatable."),
    ] = None
    policy: Annotated[
        str | None,
        typer.Option("--policy", metavar="JSON", help="Session policy, or file://PATH, to narrow the role."),
    ] = None
    policy_arn: Annotated[
        list[str] | None,
        typer.Option("--policy-arn", metavar="ARN", help="Managed policy to narrow it; repeatable."),
    ] = None
    min_remaining: Annotated[
        str | None,
        typer.Option("--min-remaining", metavar="TIME", help="Renew what the agent holds with less time left."),
    ] = None


def with_role_options(command: Callable[..., Action]) -> Callable[..., Action]:
    """Give *command* the options of `RoleOptions` on the command line, and hand them to it as one `options`."""
    added = _parameters()
    own = [
        parameter
        for parameter in inspect.signature(command, eval_str=True).parameters.values()
        if parameter.name != "options"
    ]

    @wraps(command)
    def run(**given: Any) -> Action:
        options = RoleOptions(**{option.name: given.pop(option.name) for option in fields(RoleOptions)})
        return command(**given, options=options)

    run.__signature__ = inspect.Signature([*own, *added])  # type: ignore[attr-defined] # what Typer reads
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own, *added)}
    return run


@cache
def _parameters() -> list[inspect.Parameter]:
    hints = get_type_hints(RoleOptions, include_extras=True)
    return [
        inspect.Parameter(
            option.name, inspect.Parameter.KEYWORD_ONLY, default=option.default, annotation=hints[option.name]
        )
        for option in fields(RoleOptions)
    ]


def request(
    role: str, code: str | None, options: RoleOptions, environ: Environ, folder: str | None = None
) -> RoleRequest:
    """Return the request that the words, the options and the variables make.

    A file of `--policy` is looked for below *folder*; None: the working directory.

    Raises:
        UsageError: A duration, a tag or a policy file cannot be read.
    """
    texts: dict[str, str] = {}
    lists: dict[str, list[str]] = {}
    origins: dict[str, Origin] = {}
    for option in fields(RoleOptions):
        typed = getattr(options, option.name)
        variable = f"AWSENV_{option.name.upper()}"
        name = _FIELDS.get(option.name, option.name)
        if typed:
            origins[name] = Origin("--" + option.name.replace("_", "-"))
        elif typed := environ.get(variable):
            origins[name] = Origin(variable)
            typed = typed.split(",") if option.name in _FIELDS else typed
        if isinstance(typed, list):
            lists[name] = typed
        elif typed:
            texts[name] = typed
    texts.pop("min_remaining", None)  # it says nothing to AWS
    duration = texts.pop("duration", None)
    policy = texts.pop("policy", None)
    return RoleRequest(
        role=role,
        code=code,
        duration=None if duration is None else seconds(duration, origins["duration"]),
        policy=None if policy is None else _policy(policy, origins["policy"], environ, folder),
        tags=tuple(_tag(text, origins["tags"]) for text in lists.get("tags", ())),
        transitive_tags=tuple(lists.get("transitive_tags", ())),
        policy_arns=tuple(lists.get("policy_arns", ())),
        user=None if any(map(environ.get, having(USER))) else _user(),
        origins={name: origin for name, origin in origins.items() if name != "min_remaining"},
        **texts,
    )


def _user() -> str | None:
    """Return the name of the user by the password database: cron and containers set no variable."""
    import pwd  # noqa: PLC0415 - where no variable names the user

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return None


def min_remaining(options: RoleOptions, environ: Environ) -> int:
    """Return the seconds that credentials must have left; 0 where nothing was said.

    Raises:
        UsageError: It is no duration.
    """
    if options.min_remaining:
        return seconds(options.min_remaining, Origin("--min-remaining"))
    variable = "AWSENV_MIN_REMAINING"
    return seconds(environ[variable], Origin(variable)) if environ.get(variable) else 0


_FIELDS = {"tag": "tags", "transitive_tag": "transitive_tags", "policy_arn": "policy_arns"}
"""Options that may be repeated, and their field in the request. Their variables hold a list with commas."""


def seconds(text: str, origin: Origin) -> int:
    """Return the seconds in `12h`, `1h30m`, `90m`, `3600s` or `3600`.

    Raises:
        UsageError: It is none of these.
    """
    try:
        return duration.parse(text)
    except ValueError:
        raise UsageError(f"not a duration: {text!r}", origin, hint="such as 1h, 90m or 3600 (seconds)") from None


def _tag(text: str, origin: Origin) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator:
        raise UsageError(f"not a session tag: {text!r}", origin, hint="KEY=VALUE")
    return key.strip(), value.strip()


def _policy(text: str, origin: Origin, environ: Environ, folder: str | None) -> str:
    if not text.startswith("file://"):
        return text
    path = Path(text.removeprefix("file://"))
    if path.parts[:1] == ("~",) and environ.get("HOME"):
        path = Path(environ["HOME"], *path.parts[1:])
    try:
        return Path(folder or "", path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise UsageError(
            f"cannot read the policy {str(path)!r}: {reason}",
            origin,
            hint="name a file of UTF-8 that is yours to read: --policy file://policy.json",
        ) from None

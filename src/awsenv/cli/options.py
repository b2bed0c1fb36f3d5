"""How commands declare their words and options; the options about a role, their variables, and the request they make.

An option beats its `AWSENV_...` variable, a variable beats the profile. The variables are read from the caller's
environment as a value; Typer's own `envvar` would look into the process.

Typer evaluates the annotations of these classes in the modules that inherit them, so they are not strings.
"""

import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

import typer

from awsenv import duration
from awsenv.errors import UsageError
from awsenv.model import Environ, RoleRequest
from awsenv.origin import Origin
from awsenv.variables import USER, having


def option(metavar: str, text: str, *names: str) -> Any:
    """Declare an option with a value, called like its field unless it has *names*. A list may be repeated."""
    return typer.Option(*names, metavar=metavar, help=text)


def flag(text: str, *names: str) -> Any:
    """Declare an option without a value."""
    return typer.Option(*names, help=text)


# Hidden: the usage line has them, and Typer's own section would say `<str>`.
_WORD = typer.Argument(hidden=True)
Word = Annotated[str, _WORD]
OptionalWord = Annotated[str | None, _WORD]
Words = Annotated[list[str] | None, _WORD]
AsJson = Annotated[bool, flag("Print JSON.", "--json")]


@dataclass(frozen=True, kw_only=True, repr=False)
class RoleOptions:
    """The options about a role, as typed; None where they were left out. No repr: an external id is among them."""

    profile: Annotated[str | None, option("PROFILE", "Source profile, instead of the role's own.")] = None
    external_id: Annotated[str | None, option("ID", "External id; - asks for it without echo.")] = None
    mfa_serial: Annotated[str | None, option("ARN", "MFA device of the source user.")] = None
    duration: Annotated[str | None, option("TIME", "15m to 12h, or seconds; by default 1h.")] = None
    region: Annotated[str | None, option("REGION", "Region to export.")] = None
    session_name: Annotated[str | None, option("NAME", "Role session name, as CloudTrail shows it.")] = None
    source_identity: Annotated[str | None, option("NAME", "Source identity; it stays along a chain.")] = None
    tag: Annotated[list[str] | None, option("KEY=VALUE", "Session tag; may be repeated.")] = None
    transitive_tag: Annotated[
        list[str] | None, option("KEY", "Session tag that stays along a chain; may be repeated.")
    ] = None
    policy: Annotated[str | None, option("JSON", "Session policy, or file://PATH, to narrow the role.")] = None
    policy_arn: Annotated[list[str] | None, option("ARN", "Managed policy to narrow the role; may be repeated.")] = None
    min_remaining: Annotated[str | None, option("TIME", "Renew what the agent holds if less time is left.")] = None


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
        user=None if any(map(environ.get, having(USER))) else login_name(),
        origins={name: origin for name, origin in origins.items() if name != "min_remaining"},
        **texts,
    )


def login_name() -> str | None:
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
        UsageError: It is not a duration.
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

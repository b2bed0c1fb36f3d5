"""Words that were mistyped, or that are another tool's: refused before anything is sent, with the line that was meant.

A word is refused only if it is no profile, no ARN and no ACCOUNT/ROLE, and near a profile or a command. `awsenv use
WORD` treats it as a role all the same, and so does every command with ACCOUNT/ROLE.
"""

from __future__ import annotations

import re
import shlex
from contextlib import suppress
from itertools import pairwise

from awsenv import config
from awsenv.cli import reader
from awsenv.cli.arguments import ARGUMENTS
from awsenv.cli.commands import COMMANDS, DEFAULT, USAGE, usage
from awsenv.cli.declarations import declared, options
from awsenv.config import limits
from awsenv.config.headers import misspelt
from awsenv.config.sources import account_of
from awsenv.distance import nearest
from awsenv.errors import AwsenvError, ConfigError, Origin, UsageError
from awsenv.model import RoleRequest
from awsenv.wording import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from awsenv.config import Profiles
    from awsenv.model import Environ

MEANT = {
    **dict.fromkeys(("ls", "roles"), "list"),
    **dict.fromkeys(("assume", "assume-role", "switch", "export", "env", "set"), "use"),
    **dict.fromkeys(("run", "shell"), "exec"),
    **dict.fromkeys(("signin", "sign-in"), "login"),
    **dict.fromkeys(("logoff", "log-off", "signout", "sign-out"), "logout"),
    **dict.fromkeys(("exit", "quit", "unset", "unassume", "deactivate", "reset"), "off"),
    **dict.fromkeys(("clear", "flush", "forget"), "lock"),
    "refresh": "renew",
    **dict.fromkeys(("eks", "get-token"), "token eks"),
    **dict.fromkeys(("rds", "generate-db-auth-token"), "token rds"),
    **dict.fromkeys(("info", "show", "current"), "status"),
    "whoami": "status --verify",
    "diagnose": "doctor",
    **dict.fromkeys(("open", "browser", "web"), "console"),
    **dict.fromkeys(("configure", "config", "add"), "setup"),
    "hook": "init",
    "version": "--version",
    "sso": "aws sso login --profile PROFILE",
    "rotate": "aws iam create-access-key makes the new key, aws configure keeps it",
    **dict.fromkeys(("remove", "rm", "delete"), "delete the section of the profile in ~/.aws/config"),
}
"""What a word of another tool is here: a command of ours, or a step."""

_COMMANDS = (*COMMANDS, "help", "version")
_DIGITS = 6
"""Of an MFA code."""


def check_role(
    args: Sequence[str], role: str, profiles: Profiles, environ: Environ, *, is_program: bool = False
) -> None:
    """Refuse a number, and what is probably meant for a profile or a command unless the command line *args* insists.

    Args:
        args: The command line.
        role: Its word for the role; a role that `-` stands for is not among *args*, and is no typo.
        profiles: A profile of that name is never refused.
        environ: The environment of the caller, from before a role was active.
        is_program: Whether a program passes the role, so that the user can type no line again.

    Raises:
        UsageError: Another word is meant.
    """
    command = args[0] if args and args[0] in COMMANDS else None
    if re.fullmatch("[0-9]+", role) and profiles.get(role) is None:
        what = "an MFA code" if len(role) == _DIGITS else "a number"
        known = any(profiles.get(arg) is not None for arg in args)
        if command is not None and _has_forms(command):
            hint = usage(command, args)
            raise UsageError(f"{what} stands in place of the role: which role?", hint=hint)
        meant = typed_again(args, {}) if known else usage(command or DEFAULT)
        meant = "pass a profile, an ARN or ACCOUNT/ROLE" if is_program else meant
        raise UsageError(f"the first word is {what}: which role?", hint=meant)
    if command == DEFAULT or role not in args or re.match("arn:|[0-9]+/", role) or profiles.get(role) is not None:
        return
    flag = args[args.index(role) - 1]
    if command is not None and (whole := f"{flag}={role}") in options(ARGUMENTS[command]):
        raise UsageError(f"{flag} {role} is written {whole}", hint=typed_again(args, {flag: [whole], role: []}))
    names = profiles.names
    word = role.removeprefix("profile ")
    found = role if command is None and role in MEANT else nearest(word, (*names, *_COMMANDS))
    if found is None or misspelt(role, profiles) is not None:
        return
    if found in names:
        meant = f"pass {found!r}" if is_program else typed_again(args, {role: [found]})
    else:
        meant = _called(args, role, found) if command is None else f"awsenv {found}"
    fact = f"there is no command or profile {quoted(role)}"
    if command is None and role in COMMANDS:
        fact, meant = f"{role} is a command, which comes before its options", f"awsenv {role}"
    insists = f"awsenv {DEFAULT} {role}"
    if command is not None:
        fact = f"there is no profile {quoted(role)} in {profiles.where}"
        named = f"{_account(profiles, environ)}/{role}"
        insists = repr(named) if is_program else f"awsenv {command} {named}"
    takes = (f"{insists} treats it as a role",) if limits.is_bare_name(role) else ()
    raise UsageError(fact, hint=(meant, *takes))


def check_command(args: Sequence[str], environ: Environ, folder: str | None) -> None:
    """Refuse a line that no command begins and that cannot be read, if one of its words is probably meant for one.

    Args:
        args: The command line.
        environ: The environment of the caller, from before a role was active.
        folder: The working directory of the caller; None: that of the process.

    Raises:
        UsageError: One is.
    """
    words = [arg for arg in args if arg in COMMANDS] if args[0].startswith("-") else args
    with suppress(ConfigError):
        profiles = config.read(environ, folder)
        for word in words[:1]:
            check_role(args, word, profiles, environ)


def check_help(word: str) -> None:
    """Refuse `help WORD` if WORD is no command, and is probably meant for one.

    Raises:
        UsageError: Another command is meant.
    """
    found = MEANT.get(word) or nearest(word, COMMANDS)
    if word not in COMMANDS and found in COMMANDS:
        raise UsageError(f"there is no command {quoted(word)}", hint=f"awsenv help {found}")


def check_profile(
    args: Sequence[str],
    name: str | None,
    profiles: Profiles,
    option: str = "--profile",
    *,
    is_program: bool = False,
) -> None:
    """Refuse the value *name* of *option* if it is no profile, and is probably meant for one.

    The other arguments are those of `check_role`.

    Raises:
        UsageError: Another profile is meant.
    """
    if name is None or profiles.get(name) is not None or misspelt(name, profiles) is not None:
        return
    found = nearest(name, profiles.names)
    if found is not None:
        meant = typed_again(args, {name: [found], f"{option}={name}": [f"{option}={found}"]})
        meant = f"pass profile={found!r}" if is_program else meant
        raise UsageError(f"there is no profile {quoted(name)} in {profiles.where}", Origin(option), hint=meant)


def option_hint(args: Sequence[str], typed: str, options: Sequence[str], name: str) -> str | None:
    """Return what to type instead of the option *typed*, which the command does not have; None: no guess.

    Args:
        args: The command line.
        typed: What was typed, without a value.
        options: The options that the command has.
        name: The command; empty: `awsenv` without one.
    """
    form = COMMANDS[name].usage if name else USAGE
    options = [*options, "--help", *["--version"] * ([typed] == list(args))]
    parts = set(typed.lower().replace("_", "-").strip("-").split("-"))
    begun = [option for option in options if option.startswith(f"--{typed.strip('-').lower()}")]
    found = nearest(typed, options)
    if found is None and len(begun) != 1 and _has_forms(name):
        # What is an option elsewhere, as that of the AWS CLI for a cluster, is a word here.
        return usage(name, args)
    if found is None and parts & {"mfa", "code", "otp", "token"} and not parts & {"serial"} and "CODE" in form:
        return "awsenv ROLE CODE: the MFA code is the second word" if "ROLE" in form else "awsenv login CODE"
    if found is None and "role" in parts and "session" not in parts and "ROLE" in form:
        return "awsenv ROLE: the role is the first word, a profile or an ARN"
    if found is None:
        alike = [option for option in options if parts.intersection(option.strip("-").split("-"))]
        # The one that shares most, of `--role-session-name` all of `--session-name`.
        alike.sort(key=lambda option: len(set(option.strip("-").split("-")) ^ parts))
        found = begun[0] if len(begun) == 1 else next(iter(alike), None)
    if found is None:
        command = nearest(typed.strip("-"), list(COMMANDS)) if list(args[:1]) == [typed] else None
        return command and f"awsenv {command}"
    return typed_again([found + arg[len(typed) :] if arg.partition("=")[0] == typed else arg for arg in args], {})


def without_value(args: Sequence[str], typed: str) -> str:
    """Return the command line *args* with *typed* in place of the same flags with a value."""
    return typed_again([typed if arg.partition("=")[0] == typed else arg for arg in args], {})


def run_hints(args: Sequence[str]) -> tuple[str, ...]:
    """Return the next steps for a line of `use` with too many words: if a command follows `--`, the line of `exec`.

    Args:
        args: The command line. A word before `--` may be a password, and is shown only if it is the role.
    """
    words = list(args)
    words = words[1:] if words[:1] == [DEFAULT] else words
    before, after = (words[: words.index("--")], words[words.index("--") + 1 :]) if "--" in words else (words, [])
    line = [*_taken(before, "exec"), "--", *after]
    typed = reader.read(ARGUMENTS["exec"], line)
    is_command = bool(after) and re.match("-|[0-9 ]+$", after[0]) is None
    if is_command and typed is not None and typed.get("command") == after:
        return (typed_again(["exec", *line], {}),)
    return usage(DEFAULT), "awsenv exec ROLE -- COMMAND runs a command"


def _has_forms(name: str) -> bool:
    """Return whether the first word of the command decides which others follow."""
    return name in COMMANDS and " | " in COMMANDS[name].usage


def _called(args: Sequence[str], word: str, found: str) -> str:
    """Return the line that calls the command *found*, which *word* is meant for; or what to do instead."""
    meant = MEANT.get(found, found)
    name, *options = meant.split()
    if name not in {*COMMANDS, "help"}:
        return f"awsenv {meant}" if name == "--version" else meant
    follow = [arg.startswith("-") for arg in args if arg != word]
    if _has_forms(name) and (all(follow) or (meant != found and any(follow))):
        return usage(name, options)
    needed = next(filter(str.isalpha, COMMANDS[name].usage.split()), None) if name in COMMANDS else None
    # What follows another tool's word need not be what follows ours.
    rest = list(args[1:] if args[0] == "--" else args) if needed is not None or meant == found else []
    if word in rest:
        rest.remove(word)
    if name in COMMANDS:
        rest = list(_taken(rest, name))
    if needed is not None and all(re.match("-|[0-9 ]+$", arg) for arg in rest):
        rest = [needed, *rest]
    return typed_again([*([] if name == DEFAULT else [name]), *options, *rest], {})


def _taken(args: Sequence[str], name: str) -> Iterator[str]:
    """Yield those of *args*, which were typed for `use`, that the command *name* takes, too."""
    of_use, own = options(ARGUMENTS[DEFAULT]), declared(ARGUMENTS[name])
    has_words = COMMANDS[name].usage != "[OPTIONS]"
    left = iter(args)
    for arg in left:
        word, has_value, _ = arg.partition("=")
        option = of_use.get(word)
        taken = (option is None or option.name in own) if word.startswith("-") else has_words
        values = [] if has_value or option is None or option.is_flag else [next(left, "")]
        if taken:
            yield from (arg, *filter(None, values))


def typed_again(args: Sequence[str], instead: Mapping[str, list[str]]) -> str:
    """Return a command line, with some words replaced, for the user to type: without the code and the external id."""
    # Their values may look like a code.
    known = [each for one in ARGUMENTS.values() for each in options(one).items()]
    times = {name for name, each in known if each.metavar in {"TIME", "N", "ID"}}
    shown = ["awsenv"]
    ours = list(args)
    ours = ours[: ours.index("--")] if "--" in ours else ours
    has_code = False
    for before, arg in pairwise(["", *ours]):
        if before == "--external-id":
            shown.append("-")
        elif arg.startswith("--external-id="):
            shown.append("--external-id=-")
        elif arg in instead:
            shown += instead[arg]
        elif not has_code and before not in times and re.fullmatch("[0-9 ]+", arg):
            has_code = True
        else:
            shown.append(arg)
    return shlex.join([*shown, *args[len(ours) :]])


def _account(profiles: Profiles, environ: Environ) -> str:
    """Return the account of the user, in which a role without an account is, if the files show it."""
    with suppress(AwsenvError):
        return account_of(config.resolve_login(RoleRequest(""), profiles, environ), profiles) or "ACCOUNT"
    return "ACCOUNT"

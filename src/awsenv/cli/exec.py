"""`awsenv exec ROLE [CODE] [-- COMMAND…]`: become a command, or a subshell, that has the role."""

from __future__ import annotations

import os
import shlex
from functools import partial

from awsenv import changes, config, launch, shells
from awsenv.cli.action import Exec, Sealed, StartAgent
from awsenv.cli.options import Caller, as_variables, resolve
from awsenv.cli.use import seen
from awsenv.config.sources import KINDS
from awsenv.errors import LaunchError, Origin
from awsenv.record import replace
from awsenv.variables import ASSISTANT, having
from awsenv.wording import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsenv.cli.arguments import ExecArguments
    from awsenv.model import Change, Environ
    from awsenv.resolved import Resolved


PRIVATE_LIFETIME = 30 * 24 * 3600.0
"""Seconds after which the agent of one command ends though the command runs on: few commands run for a month."""

_LONGEST = 60
"""Characters of a command that a question shows."""


def run(caller: Caller, arguments: ExecArguments) -> Exec | StartAgent:
    """Return the command, or the user's shell if there is none, with the environment of the role.

    With `--refresh`, that environment names an endpoint, which serves renewed keys for as long as the command runs.

    Raises:
        AwsenvError: Of every kind. LaunchError only before a code would be used for what cannot be started.
    """
    is_sealed = arguments.sealed or arguments.strict
    if is_sealed:
        from awsenv.sealing.process import refuse_elsewhere  # noqa: PLC0415 - few commands are sealed

        refuse_elsewhere()
    made = _served(caller, arguments) if arguments.refresh else _exported(caller, arguments)
    if made is None:
        return StartAgent(PRIVATE_LIFETIME)
    resolved, change = made
    if not caller.is_program:
        caller.note_recent(arguments.role)
    environ = change.applied_to(caller.environ)
    become = partial(Sealed, text=_seal(caller, arguments, resolved)) if is_sealed else Exec
    if arguments.command:
        return become(tuple(arguments.command), changes.for_command(environ))
    argv, with_prompt = own_subshell(caller, environ, changes.spelled_out(environ))
    shell = shells.named(argv[0])
    is_shown = shell is not None and shell.shows_role and not caller.environ.get("AWSENV_DISABLE_PROMPT")
    return become(tuple(argv), with_prompt, "" if is_shown or arguments.quiet else seen(environ, caller.now()))


def _resolved(caller: Caller, arguments: ExecArguments) -> Resolved:
    program = arguments.command[0] if arguments.command else own_shell(caller.environ)
    what = printable(shlex.join(arguments.command)) if arguments.command else "a shell"
    what = what if len(what) <= _LONGEST else f"{what[:_LONGEST]}…"
    resolved = resolve(caller, arguments.role, arguments.code, arguments, program=program)
    return replace(resolved, question=f"Run {what} with it?", program=program)


def _seal(caller: Caller, arguments: ExecArguments, resolved: Resolved) -> str:
    """Return what the process of the user needs to seal itself, as `sealed.text` does."""
    source, profiles = resolved.chain.source, resolved.profiles
    profile = None if source.profile is None else profiles.get(source.profile)
    file = profile and profile.value(KINDS[source.kind].file)
    from awsenv.cli import sealed  # noqa: PLC0415 - few commands are sealed

    # A request from inside resolves to the same role, even without the options, whichever assistant runs there.
    environ = {**resolved.environ, **dict.fromkeys(having(ASSISTANT), ""), **as_variables(arguments)}
    if resolved.chain.assistant is not None:
        environ["AI_AGENT"] = resolved.chain.assistant.name
    ticket = caller.provider.ticket(resolved, environ)
    return sealed.text(ticket, is_strict=arguments.strict, files=[file] if file else [])


def _exported(caller: Caller, arguments: ExecArguments) -> tuple[Resolved, Change]:
    resolved = _resolved(caller, arguments)
    lease = caller.provider.lease(resolved)
    change = changes.change(lease.chain, lease.credentials, caller.environ, caller.provider.name_of(lease))
    return resolved, change


def _served(caller: Caller, arguments: ExecArguments) -> tuple[Resolved, Change] | None:
    """Return the change of environment; None: it takes an agent that serves this command alone."""
    if not caller.provider.is_agent:
        return None
    resolved = _resolved(caller, arguments)
    if not caller.provider.can_renew(resolved):
        return None
    lease, url, token = caller.provider.serve(resolved)
    hides_config = config.outranks_endpoint(resolved.profiles)
    chain = resolved.chain
    if hides_config:
        chain = config.without_config_file(chain, resolved.profiles, resolved.environ)
    account = lease.credentials.account
    change = changes.served(chain, url, token, caller.environ, account=account, hides_config=hides_config)
    return resolved, change


def own_subshell(caller: Caller, environ: Environ, change: Change) -> tuple[list[str], dict[str, str]]:
    """Return the command line and the environment of the user's shell, with the role in its prompt.

    Args:
        caller: Who runs the command.
        environ: The environment with the role in it.
        change: What is to hold in the shell whatever its rc files set: they are read after awsenv.
    """
    path = own_shell(environ)
    shell = shells.named(path)
    if shell is None:
        return [path], dict(environ)
    return shell.subshell(path, environ, change, caller.program)


def own_shell(environ: Environ) -> str:
    """Return the path of the user's shell: `$SHELL`, else that of the password database.

    Raises:
        LaunchError: `$SHELL` is not a program. A relative path is not looked for: an agent has another folder.
    """
    path = environ.get("SHELL")
    if not path:
        return _login_shell()
    if "/" not in path or path.startswith("/"):
        try:
            launch.check(path, environ)
        except LaunchError as error:
            first, login = path.split(" ")[0], _login_shell()
            good = first if first != path and os.access(first, os.X_OK) else login
            raise type(error)(error.fact, Origin("SHELL"), hint=f"export SHELL={shlex.quote(good)}") from None
    return path


def _login_shell() -> str:
    import pwd  # noqa: PLC0415 - seldom needed

    try:
        return pwd.getpwuid(os.getuid()).pw_shell or "/bin/sh"
    except KeyError:
        return "/bin/sh"

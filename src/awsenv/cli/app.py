"""The commands there are, and what each is given of the command line.

A command's own module is loaded when it is called: nobody waits for what another command needs.
"""

from __future__ import annotations

from copy import copy
from functools import cache
from typing import Annotated, Any

import typer

from awsenv import __version__
from awsenv.cli.action import Action, Caller, Print
from awsenv.cli.commands import named
from awsenv.cli.grammar import Command, CommandBehindRole, Commands
from awsenv.cli.options import RoleOptions, with_role_options
from awsenv.errors import UsageError

app = typer.Typer(
    name="awsenv",
    cls=Commands,
    # The words of a plain help page can be searched, and quoted by the README.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    # What Typer would install edits the rc files.
    add_completion=False,
    no_args_is_help=False,
    subcommand_metavar="ROLE [CODE] | COMMAND ...",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

# Hidden: the usage line names them, and Typer's own section says `<str>`.
Role = Annotated[str, typer.Argument(metavar="ROLE", hidden=True)]
Code = Annotated[str | None, typer.Argument(metavar="CODE", hidden=True)]
ShellName = Annotated[
    str | None,
    typer.Option("--shell", metavar="SHELL", help="bash, zsh, sh, fish or json; else the shell that calls."),
]
OptionalRole = Annotated[str | None, typer.Argument(metavar="ROLE", hidden=True)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ToFile = Annotated[bool, typer.Option("--print", help="Print to a file or a pipe, secret and all.")]
ToTerminal = Annotated[bool, typer.Option("--print", help="Print to a terminal, a file or a pipe, secrets and all.")]


@app.callback(invoke_without_command=True)
def _awsenv(
    ctx: typer.Context,
    *,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> Print | None:
    """An AWS role in your shell, in one word.

    `awsenv ROLE [CODE]` is short for `awsenv use ROLE [CODE]`. ROLE is a profile of ~/.aws/config, a role ARN,
    ACCOUNT/ROLE, or the name of a role in your own account; CODE is the six digits of your MFA device.
    """
    if version:
        return Print(f"awsenv {__version__}\n")
    if ctx.invoked_subcommand is None:
        raise UsageError("which role?", hint="awsenv ROLE [CODE], awsenv list, or awsenv --help")
    return None


@app.command("use", cls=Command, options_metavar="[OPTIONS] ROLE [CODE]")
@with_role_options
def _use(
    ctx: typer.Context,
    role: Role,
    code: Code = None,
    *,
    shell: ShellName = None,
    to_terminal: ToTerminal = False,
    options: RoleOptions,
) -> Action:
    """Print what puts ROLE into the calling shell.

    eval "$(awsenv ROLE [CODE])" acts on any shell; with the hook of `awsenv init`, awsenv ROLE [CODE] does.
    Without a CODE, and where the role asks for one, the terminal is asked.
    """
    from awsenv.cli.use import use

    return use(_caller(ctx), role, code, options, shell=shell, to_terminal=to_terminal)


@app.command(
    "exec",
    cls=CommandBehindRole,
    options_metavar="[OPTIONS] ROLE [CODE] [-- COMMAND...]",
    context_settings={"allow_interspersed_args": False, "allow_extra_args": True},
)
@with_role_options
def _exec(
    ctx: typer.Context,
    *,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Serve renewed keys to COMMAND, for as long as it runs.")
    ] = False,
    options: RoleOptions,
) -> Action:
    """Run COMMAND, or a subshell, with ROLE.

    The command takes the place of awsenv: its exit status and its signals are its own. With no COMMAND your own
    shell is started, with the role in its prompt.
    """
    from awsenv.cli.exec import exec_

    split = ctx.args.index("--")
    return exec_(_caller(ctx), ctx.args[:split], ctx.args[split + 1 :], options, refresh=refresh)


@app.command("login", cls=Command, options_metavar="[OPTIONS] [CODE]")
def _login(
    ctx: typer.Context,
    code: Code = None,
    *,
    profile: Annotated[
        str | None, typer.Option("--profile", metavar="SOURCE", help="Source profile; else AWS_PROFILE, else default.")
    ] = None,
    mfa_serial: Annotated[
        str | None, typer.Option("--mfa-serial", metavar="ARN", help="MFA device of the source user.")
    ] = None,
    duration: Annotated[
        str | None, typer.Option("--duration", metavar="TIME", help="15m to 36h; AWS gives 12h.")
    ] = None,
    idle: Annotated[
        str | None, typer.Option("--idle", metavar="TIME", help="End after so long without a request; 4h.")
    ] = None,
) -> Action:
    """Open an MFA session, for a day without codes.

    An agent holds it, and the roles, in memory. Without a CODE the terminal is asked.
    """
    from awsenv.cli.login import login

    return login(_caller(ctx), code, profile=profile, mfa_serial=mfa_serial, duration=duration, idle=idle)


@app.command("logout", cls=Command)
def _logout(ctx: typer.Context) -> Action:
    """Forget the session and the roles, and end the agent."""
    from awsenv.cli.logout import logout

    return logout(_caller(ctx))


@app.command("lock", cls=Command)
def _lock(ctx: typer.Context) -> Action:
    """Forget the session and the roles; the agent goes on."""
    from awsenv.cli.logout import lock

    return lock(_caller(ctx))


@app.command("renew", cls=Command)
def _renew(ctx: typer.Context, *, shell: ShellName = None, to_terminal: ToTerminal = False) -> Action:
    """Print what renews the role of the calling shell.

    The agent renews it, without a code, as it was first asked for. The hook does this by itself.
    """
    from awsenv.cli.renew import renew

    return renew(_caller(ctx), shell=shell, to_terminal=to_terminal)


@app.command("off", cls=Command)
def _off(ctx: typer.Context, *, shell: ShellName = None, to_terminal: ToTerminal = False) -> Action:
    """Print what takes the role off again.

    Every variable is restored to what it was before the first role was put on.
    """
    from awsenv.cli.off import off

    return off(_caller(ctx), shell=shell, to_terminal=to_terminal)


@app.command("status", cls=Command)
def _status(
    ctx: typer.Context,
    *,
    verify: Annotated[bool, typer.Option("--verify", help="Ask AWS whose keys these are.")] = False,
) -> Action:
    """Show the active role, and what the agent holds."""
    from awsenv.cli.status import status

    return status(_caller(ctx), verify=verify)


@app.command("list", cls=Command)
def _list(ctx: typer.Context) -> Action:
    """List the roles of your AWS configuration."""
    from awsenv.cli.listing import listing

    return listing(_caller(ctx))


@app.command("explain", cls=Command, options_metavar="[OPTIONS] ROLE")
@with_role_options
def _explain(ctx: typer.Context, role: Role, *, as_json: AsJson = False, options: RoleOptions) -> Action:
    """Show how ROLE is had, before a code is spent."""
    from awsenv.cli.explain import explain

    return explain(_caller(ctx), role, options, as_json=as_json)


@app.command("doctor", cls=Command, options_metavar="[OPTIONS] [ROLE] [CODE]")
@with_role_options
def _doctor(
    ctx: typer.Context,
    role: OptionalRole = None,
    code: Code = None,
    *,
    iam_profile: Annotated[
        str | None,
        typer.Option("--iam-profile", metavar="PROFILE", help="Profile that may read IAM; else the source is asked."),
    ] = None,
    as_json: AsJson = False,
    options: RoleOptions,
) -> Action:
    """Find what is wrong: files, shell, keys, ROLE.

    It changes nothing and never asks for a code. Without a CODE, a role that asks for one is tried only by an agent
    that holds its session. The status is 1 where something is wrong.
    """
    from awsenv.cli.doctor import doctor

    return doctor(_caller(ctx), role, code, options, iam_profile=iam_profile, as_json=as_json)


@app.command("console", cls=Command, options_metavar="[OPTIONS] ROLE [CODE]")
@with_role_options
def _console(
    ctx: typer.Context,
    role: Role,
    code: Code = None,
    *,
    service: Annotated[
        str | None, typer.Option("--service", metavar="NAME", help="Begin at this service: s3, ec2.")
    ] = None,
    session_duration: Annotated[
        str | None,
        typer.Option("--session-duration", metavar="TIME", help="How long one stays signed in: 15m to 12h."),
    ] = None,
    open_browser: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    to_terminal: ToFile = False,
    options: RoleOptions,
) -> Action:
    """Print a sign-in URL of the AWS console for ROLE.

    Whoever has it within fifteen minutes is signed in.
    """
    from awsenv.cli.console import console

    return console(
        _caller(ctx),
        role,
        code,
        options,
        service=service,
        session_duration=session_duration,
        open_browser=open_browser,
        to_terminal=to_terminal,
    )


@app.command("setup", cls=Command, options_metavar="[OPTIONS] [ROLE...]")
def _setup(
    ctx: typer.Context,
    roles: Annotated[list[str] | None, typer.Argument(metavar="ROLE", hidden=True)] = None,
    *,
    profile: Annotated[
        str | None,
        typer.Option("--profile", metavar="ADMIN", help="Profile that may administer IAM; else as for a role."),
    ] = None,
    role_profile: Annotated[
        str | None,
        typer.Option("--role-profile", metavar="ADMIN", help="The same for the account of the roles, if another."),
    ] = None,
    user: Annotated[
        str | None, typer.Option("--user", metavar="NAME", help="The user that may assume the roles.")
    ] = None,
    region: Annotated[str | None, typer.Option("--region", metavar="REGION", help="Region of the profiles.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan, and change nothing.")] = False,
    template: Annotated[
        str | None,
        typer.Option("--format", metavar="FORMAT", help="Print the plan as cloudformation or terraform."),
    ] = None,
    keyring: Annotated[bool, typer.Option("--keyring", help="Keep the access key in the system's keyring.")] = False,
    print_key: Annotated[bool, typer.Option("--print-key", help="Print the access key, and keep it nowhere.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask, unless a key is to be deleted.")] = False,
) -> Action:
    """Make a user, an MFA device and roles in an account.

    A ROLE is power-user, read-only, or NAME:ITEM,ITEM with managed policies, mfa and external-id as items. Without
    one, both. What is there already stays.
    """
    from awsenv.cli.setup import Answers, setup

    answers = Answers(
        profile=profile,
        role_profile=role_profile,
        user=user,
        region=region,
        dry_run=dry_run,
        template=template,
        keyring=keyring,
        print_key=print_key,
        yes=yes,
    )
    return setup(_caller(ctx), roles or [], answers)


@app.command("credential-process", cls=Command, options_metavar="[OPTIONS] ROLE [CODE]")
@with_role_options
def _credential_process(
    ctx: typer.Context, role: Role, code: Code = None, *, to_terminal: ToTerminal = False, options: RoleOptions
) -> Action:
    """Print the JSON that AWS SDKs read.

    For a profile of ~/.aws/config:

    credential_process = awsenv credential-process ROLE
    """
    from awsenv.cli.credential_process import credential_process

    return credential_process(_caller(ctx), role, code, options, to_terminal=to_terminal)


@app.command("init", cls=Command, options_metavar="SHELL")
def _init(ctx: typer.Context, shell: Annotated[str, typer.Argument(metavar="SHELL", hidden=True)]) -> Action:
    """Print the hook of bash, zsh or fish.

    In ~/.bashrc or ~/.zshrc: eval "$(awsenv init bash)", or zsh. In ~/.config/fish/config.fish:
    awsenv init fish | source
    """
    from awsenv.cli.init import init

    return init(_caller(ctx), shell)


@app.command(
    "demo",
    cls=Command,
    options_metavar="[-- COMMAND...]",
    context_settings={"allow_interspersed_args": False, "allow_extra_args": True},
)
def _demo(ctx: typer.Context) -> Action:
    """Try it all beside a local AWS.

    Opens a subshell, or runs COMMAND, in which a user, an MFA device and two roles exist. Nothing of your own is
    touched, and all is gone when it ends.
    """
    from awsenv.cli.demo import demo

    return demo(_caller(ctx), ctx.args)


def _caller(ctx: typer.Context) -> Caller:
    caller: Caller = ctx.obj
    return caller


def invoke(args: list[str], caller: Caller) -> Any:
    """Read *args* and return what the command comes to: an `Action`, or the exit status of a help page.

    Raises:
        typer.exceptions.TyperException: The command line is wrong.
        AwsenvError: The command failed.
    """
    return built(*named(args)[:1])(args, prog_name="awsenv", obj=caller, standalone_mode=False)


@cache
def built(called: str = "--help") -> Any:
    """Return the command line as Typer runs it, with the command that is *called* alone: each costs a third of a ms."""
    commands = app.registered_commands
    slim = copy(app)
    slim.registered_commands = [command for command in commands if command.name == called] or commands
    return typer.main.get_command(slim)

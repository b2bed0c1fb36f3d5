"""`awsenv setup`: show what is about to be made in an account, ask, and make it; or print it as a template."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from awsenv import config, environment
from awsenv.cli import process, report
from awsenv.cli.action import Caller, Print
from awsenv.cli.administrator import Administrator, administrator
from awsenv.cli.options import Words, flag, option
from awsenv.cli.setup_tools import Tools, open_terminal
from awsenv.config import arns
from awsenv.config.limits import legal_session_name
from awsenv.config.text import quoted
from awsenv.errors import ConfigError, MfaError, UsageError
from awsenv.origin import Origin
from awsenv.setup import steps, templates
from awsenv.setup.draw import draw_up
from awsenv.setup.local import local
from awsenv.setup.plan import CreateDevice, DeleteKey, KeyPlace, Plan, Wanted, described
from awsenv.setup.roles import parse, user_name
from awsenv.setup.state import look

if TYPE_CHECKING:
    from awsenv.mfa import Terminal
    from awsenv.model import Environ
    from awsenv.setup.local import Local
    from awsenv.setup.roles import WantedRole
    from awsenv.setup.state import State

_TEMPLATES = {"cloudformation": templates.cloudformation, "terraform": templates.terraform}


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """What exists already stays.

    A ROLE is power-user, read-only, or NAME:ITEM,ITEM with managed policies, mfa and external-id as items. Without
    one, awsenv creates power-user and read-only.
    """

    roles: Words = None
    profile: Annotated[str | None, option("ADMIN", "Profile that may administer IAM; else as for a role.")] = None
    role_profile: Annotated[str | None, option("ADMIN", "The same for the account of the roles, if another.")] = None
    user: Annotated[str | None, option("NAME", "The user that may assume the roles.")] = None
    region: Annotated[str | None, option("REGION", "Region of the profiles.")] = None
    dry_run: Annotated[bool, flag("Show the plan, and change nothing.", "--dry-run")] = False
    template: Annotated[str | None, option("FORMAT", "Print the plan as cloudformation or terraform.", "--format")] = (
        None
    )
    keyring: Annotated[bool, flag("Keep the access key in the system's keyring.", "--keyring")] = False
    print_key: Annotated[bool, flag("Print the access key, and keep it nowhere.", "--print-key")] = False
    yes: Annotated[bool, flag("Do not ask, unless a key is to be deleted.", "--yes")] = False

    @property
    def key_place(self) -> KeyPlace:
        """Where the access key is to go.

        Raises:
            UsageError: To two places.
        """
        if self.keyring and self.print_key:
            raise UsageError("--keyring and --print-key exclude each other", hint="choose one of the two")
        return KeyPlace.KEYRING if self.keyring else KeyPlace.PRINTED if self.print_key else KeyPlace.FILE


def run(caller: Caller, arguments: Arguments) -> Print:
    """Make what is missing of a user, its MFA device, its access key and its roles, and the profiles for them.

    Raises:
        AwsenvError: Of every kind but `LaunchError`. What was made before it stays, and a second run goes on from it.
    """
    roles = parse(arguments.roles or [])
    user = _user(caller.environ) if arguments.user is None else user_name(arguments.user)
    if arguments.template is not None:
        return Print(_template(roles, user, arguments))
    admin = administrator(caller, arguments.profile, "--profile")
    role_admin = (
        admin if arguments.role_profile is None else administrator(caller, arguments.role_profile, "--role-profile")
    )
    wanted = _wanted(roles, user, admin, role_admin, arguments)
    profiles = config.read(environment.original(caller.environ), caller.folder)
    state, here = look(admin.iam, role_admin.iam, wanted), local(profiles, wanted)
    if arguments.user is None:
        _check_that_it_is_ours(wanted, state, here)
    plan = draw_up(wanted, state, here)
    if not plan.steps and arguments.key_place is KeyPlace.PRINTED:
        return Print("", (*plan.notes, f"nothing to do, and no key to print: AWS tells it once. {_another(user)}"))
    if not plan.steps:
        return Print(_ready(wanted, "Nothing to do: all of it is there."), plan.notes)
    text = report.printable(_headed(plan, wanted, admin))
    if arguments.dry_run:
        return Print(text)
    process.complain(text)
    _carry_out(plan, wanted, caller, (admin, role_admin), arguments, text=text)
    if arguments.key_place is KeyPlace.PRINTED:
        # What is on stdout is the key, for another program to keep.
        return Print("", (f"the roles take their keys from profile {user}: let it find this one where you keep it",))
    return Print(_ready(wanted, "Done."))


def _user(environ: Environ) -> str:
    names = (legal_session_name(environ[name]) for name in ("LOGNAME", "USER", "USERNAME") if environ.get(name))
    login = next((name for name in names if name is not None), None)
    if login is None:
        raise UsageError("what shall the user be called?", hint="--user NAME")
    return f"awsenv-{login}"[:64]


def _check_that_it_is_ours(wanted: Wanted, state: State, here: Local) -> None:
    """Refuse a user of the name that was made up if somebody else has one: on many machines people are called root.

    Raises:
        ConfigError: It is there, is in use, and nothing on this machine is of it.
    """
    used = state.user is not None and any(key.used for key in state.user.keys)
    if used and here.source is None and not here.source_is_named:
        raise ConfigError(
            f"the user {quoted(wanted.user)} is there already, and in use from elsewhere",
            Origin(f"account {wanted.account}"),
            hint=f"--user {wanted.user} if it is yours, or --user with another name",
        )


def _another(user: str) -> str:
    return f"To have another, delete this one: aws iam list-access-keys --user-name {user}"


def _wanted(
    roles: tuple[WantedRole, ...], user: str, admin: Administrator, role_admin: Administrator, arguments: Arguments
) -> Wanted:
    partition, other = (each.identity.partition for each in (admin, role_admin))
    if partition != other:
        raise ConfigError(
            f"the user would be in {partition}, and the roles in {other}: no role can be assumed across partitions",
            Origin("--role-profile"),
            hint="name an administrator of an account in the same partition",
        )
    region = arguments.region or admin.region
    if region is not None:
        arns.partition(region, Origin("--region" if arguments.region else "the region of the administrator"))
    return Wanted(
        user=user,
        source_profile=user,
        account=admin.identity.account,
        role_account=role_admin.identity.account,
        roles=roles,
        partition=partition,
        region=region,
        key_place=arguments.key_place,
    )


def _template(roles: tuple[WantedRole, ...], user: str, arguments: Arguments) -> str:
    spell = _TEMPLATES.get(arguments.template or "")
    if spell is None:
        raise UsageError(
            "the format is none of cloudformation, terraform", Origin("--format"), hint="choose one of the two"
        )
    here = "123456789012"
    there = here if arguments.role_profile is None else "210987654321"
    return spell(Wanted(user, user, here, there, roles))


def _headed(plan: Plan, wanted: Wanted, admin: Administrator) -> list[str]:
    across = f", with roles in {wanted.role_account}" if wanted.crosses_accounts else ""
    return [f"In account {wanted.account}{across}, as {admin.identity.arn.split(':', 5)[5]}:", *described(plan)]


def _carry_out(
    plan: Plan,
    wanted: Wanted,
    caller: Caller,
    admins: tuple[Administrator, Administrator],
    arguments: Arguments,
    *,
    text: str,
) -> None:
    admin, role_admin = (each.iam for each in admins)
    shows_device = any(isinstance(step.action, CreateDevice) for step in plan.steps)
    # What cannot be made again is asked for all the same.
    asks = not arguments.yes or any(isinstance(step.action, DeleteKey) for step in plan.steps)
    with ExitStack() as stack:
        terminal = stack.enter_context(closing(open_terminal())) if shows_device or asks else None
        tools = Tools(admin, role_admin, wanted, caller, terminal)
        tools.remove_leftovers()
        tools.check_places(plan)
        if terminal is not None and asks:
            if not process.stderr_is_terminal():
                terminal.draw(text)
            _ask(terminal)
        _walk(plan, tools)


def _ask(terminal: Terminal) -> None:
    answer = terminal.ask("Make it so? [y/N] ")
    if answer is None or answer.lower() not in {"y", "yes"}:
        raise MfaError("nothing was changed: the plan was not accepted", hint="--yes accepts it")


def _walk(plan: Plan, tools: Tools) -> None:
    """Take the steps, and say of each that it is done; where one fails, say what is there and what is left."""
    for number, step in enumerate(plan.steps, start=1):
        try:
            steps.carry_out(step, tools)
        except BaseException:
            tools.put_away()
            process.complain(report.noted(_stopped(number, plan)))
            raise
        tools.put_away()
        process.complain(report.printable([f"done: {number}. {step.title}"]))


def _stopped(number: int, plan: Plan) -> list[str]:
    before = ("nothing was changed before it", "the one before it is done, and stays")
    there = before[number - 1] if number <= len(before) else f"the {number - 1} before it are done, and stay"
    return [
        f"setup stopped at step {number} of {len(plan.steps)}; {there}",
        "awsenv setup, run again, looks at what is there and goes on",
    ]


def _ready(wanted: Wanted, first: str) -> str:
    calls = [f"  awsenv {role.name}{' CODE' if role.mfa else ''}" for role in wanted.roles]
    once = ["", "AWS takes each MFA code once: wait for the next one."] if wanted.wants_mfa else []
    return report.printable([first, "", "Next:", *calls, *once])

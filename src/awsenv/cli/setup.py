"""`awsenv setup`: show the plan for an account, ask, and carry it out; or print it as a template."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from awsenv import changes, config, variables
from awsenv.cli import process, report, typos
from awsenv.cli.action import Print, show
from awsenv.cli.arguments import RoleOptions, SetupArguments
from awsenv.cli.options import Caller, login_name, resolve
from awsenv.cli.setup_apply import Applier
from awsenv.config import partitions
from awsenv.config.files import config_file, credentials_file
from awsenv.config.limits import legal_session_name
from awsenv.distance import nearest
from awsenv.errors import ConfigError, Origin, UsageError
from awsenv.model import Note
from awsenv.setup import KeyDestination, SetupRequest, checked_name, files, parse_roles, state, templates
from awsenv.setup.plan import WRITE_PROFILES, draw_up, is_source
from awsenv.setup.state import USER_POLICY
from awsenv.wording import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from awsenv.aws.iam import Iam
    from awsenv.config import Profiles
    from awsenv.model import Environ
    from awsenv.setup import RoleSpec
    from awsenv.setup.plan import Plan
    from awsenv.setup.state import State

DEMO_ADMINISTRATOR = "admin"
"""The profile in `awsenv demo` that may administer IAM."""

_HIDDEN = "..."
"""What the plan shows instead of an external id."""

_SECRET = frozenset({"sts:ExternalId", "external_id"})
_DOCUMENTS = {"AssumeRolePolicyDocument": "trust policy", "PolicyDocument": f"inline policy {USER_POLICY}"}
_TEMPLATES = {"cloudformation": templates.cloudformation, "terraform": templates.terraform}


def run(caller: Caller, arguments: SetupArguments) -> Print:
    """Create what is missing of a user, its MFA device, its access key and its roles, and the profiles for them.

    Raises:
        AwsenvError: Of every kind but `LaunchError`. What exists by then stays, and a second run continues from there.
    """
    roles = parse_roles(arguments.roles or [])
    user = (
        default_user(caller.environ)
        if arguments.user is None
        else checked_name(arguments.user, "the user", Origin("--user"))
    )
    if arguments.template is not None:
        return Print(_template(roles, user, arguments))
    admin = role_admin = _administrator(caller, arguments.profile, "--profile", is_confirmed=arguments.yes)
    if arguments.role_profile is not None:
        role_admin = _administrator(caller, arguments.role_profile, "--role-profile", is_confirmed=arguments.yes)
    request = _request(roles, user, admin, role_admin, arguments)
    environ = changes.original(caller.environ)
    profiles = config.read(environ, caller.folder)
    if not arguments.dry_run:
        _remove_leftovers(environ, caller.folder)
    with caller.provider.waits("AWS IAM"):
        existing = state.read(admin, role_admin, request)
    if arguments.user is None:
        _check_owner(request, existing, profiles)
    plan = draw_up(request, existing, profiles)
    notes = list(map(Note, plan.notes))
    prints_key = request.key_destination is KeyDestination.STDOUT
    if not plan.tasks and prints_key:
        another = f"to get another, delete this one: aws iam list-access-keys --user-name {user}"
        return Print(notes=[*notes, Note("nothing to do, and no key to print: AWS shows it once", hints=(another,))])
    if not plan.tasks:
        return Print(_ready(request, "Nothing to do: everything exists."), notes)
    across = f", with roles in {request.role_account}" if request.crosses_accounts else ""
    heading = f"In account {request.account}{across}, as {admin.principal.arn.split(':', 5)[5]}:"
    text = report.printable([heading, *described(plan)])
    if arguments.dry_run:
        return Print(text)
    process.tell(text)
    applier = Applier(admin, role_admin, request, environ, caller.folder)
    applier.apply(plan, text, asks=not arguments.yes)
    if prints_key:
        # Another program reads the key from stdout.
        return Print(notes=[Note(f"the roles use the profile {user}: store this key for it")])
    return Print(_ready(request, "Done."))


def described(plan: Plan) -> list[str]:
    """Return the lines that show a plan: each task, with its policy as JSON or its settings, without external ids."""
    lines: list[str] = []
    for number, task in enumerate(plan.tasks, start=1):
        lines.append(f"{number}. {task.title}")
        parameters = _masked(task.parameters)
        for name in _DOCUMENTS.keys() & parameters.keys():
            document = json.dumps(parameters[name], indent=2, ensure_ascii=False)
            lines += [f"   {_DOCUMENTS[name]}:", *_indented(document.splitlines())]
        if task.action == WRITE_PROFILES:
            for title, settings in parameters.items():
                lines += _indented([f"[{title}]", *(f"{key} = {value}" for key, value in settings.items())])
    return lines + [f"note: {note}" for note in plan.notes]


def default_user(environ: Environ) -> str:
    """Return the name of the user that setup creates unless the command line names one.

    Raises:
        UsageError: Nothing says who the user of this machine is.
    """
    given = [environ.get(name) for name in variables.having(variables.USER)]
    login = next(filter(None, (legal_session_name(name) for name in (*given, login_name()) if name)), None)
    if login is None:
        raise UsageError("no user name given", hint="--user NAME")
    return f"awsenv-{login}"[:64]


def _administrator(caller: Caller, profile: str | None, option: str, *, is_confirmed: bool) -> Iam:
    """Return IAM with the credentials of *profile*, a role or a source; without one, with those of the AWS CLI.

    The latter include the keys of a role that awsenv has put into this shell. In the demo it is that of the demo.

    Args:
        caller: Who runs the command.
        profile: The name that was given; None: none.
        option: The option that names a profile, for messages.
        is_confirmed: Whether a protected role needs no question.

    Raises:
        ConfigError: There is no such profile.
        AwsenvError: Its credentials cannot be obtained, or AWS does not know them.
    """
    from awsenv.aws.iam import Iam  # noqa: PLC0415 - 150 ms of botocore, only to call AWS
    from awsenv.aws.session import AwsSession  # noqa: PLC0415 - the same

    base = changes.original(caller.environ)
    profiles = config.read(base, caller.folder)
    key = changes.access_key(caller.environ)
    if base.get(variables.DEMO):
        profile = profile or DEMO_ADMINISTRATOR
    if profile is None and key is not None:
        credentials, settings = key, None
        region = caller.environ.get("AWS_REGION") or caller.environ.get("AWS_DEFAULT_REGION")
    else:
        named = next((name for name in ("AWS_DEFAULT_PROFILE", "AWS_PROFILE") if base.get(name)), None)
        name = profile or (base[named] if named else "default")
        if profiles.get(name) is None:
            typos.check_profile(caller.args, profile, profiles, option)
            origin = Origin(option) if profile else Origin(named) if named else None
            meant = None if origin is None else config.did_you_mean(name, profiles, origin)
            raise config.nothing(profiles, base) or ConfigError(
                f"there is no profile {quoted(name)} in {profiles.where}",
                origin,
                hint=meant or f"pass {option} with a profile that may administer IAM",
            )
        resolved = resolve(caller, name, None, RoleOptions())
        resolved = replace(resolved, question="Administer IAM with it?", is_confirmed=is_confirmed)
        lease = caller.provider.lease(resolved)
        credentials, settings, region = lease.credentials, lease.chain.settings_profile, lease.chain.region
    session = AwsSession(profiles, base, profile=settings, region=region, waits=caller.provider.waits)
    iam = Iam(session, credentials)
    iam.denied_hint = f"pass {option} with a profile that may administer IAM in account {iam.principal.account}"
    return iam


def _check_owner(request: SetupRequest, existing: State, profiles: Profiles) -> None:
    """Refuse a user of the default name that somebody else has: on many machines the login name is root.

    Raises:
        ConfigError: The user is in use, and no profile here belongs to it.
    """
    is_used = existing.user is not None and any(key.used for key in existing.user.keys)
    if is_used and profiles.get(request.user) is None and not is_source(profiles, request.user):
        raise ConfigError(
            f"the user {quoted(request.user)} exists already, and is in use elsewhere",
            Origin(f"account {request.account}"),
            hint=(f"--user {request.user} if it is yours", "--user with another name"),
        )


def _request(
    roles: tuple[RoleSpec, ...], user: str, admin: Iam, role_admin: Iam, arguments: SetupArguments
) -> SetupRequest:
    partition, other = (each.principal.partition for each in (admin, role_admin))
    if partition != other:
        raise ConfigError(
            f"the user would be in {partition}, and the roles in {other}",
            Origin("--role-profile"),
            because="no role can be assumed across partitions",
            hint="name an administrator of an account in the same partition",
        )
    region = arguments.region or admin.sdk.get_config_variable("region")
    if region is not None:
        partitions.partition(region, Origin("--region" if arguments.region else "the region of the administrator"))
    return SetupRequest(
        user=user,
        account=admin.principal.account,
        role_account=role_admin.principal.account,
        roles=roles,
        partition=partition,
        region=region,
        key_destination=_key_destination(arguments),
    )


def _key_destination(arguments: SetupArguments) -> KeyDestination:
    """Return where the access key goes.

    Raises:
        UsageError: Both options are given.
    """
    if arguments.keyring and arguments.print_key:
        raise UsageError("--keyring and --print-key exclude each other", hint="choose one of the two")
    if arguments.keyring:
        return KeyDestination.KEYRING
    return KeyDestination.STDOUT if arguments.print_key else KeyDestination.FILE


def _template(roles: tuple[RoleSpec, ...], user: str, arguments: SetupArguments) -> str:
    template = _TEMPLATES.get(arguments.template or "")
    if template is None:
        meant = nearest(arguments.template or "", _TEMPLATES) or " or --format ".join(_TEMPLATES)
        raise UsageError(f"there is no format {quoted(arguments.template or '')}", hint=f"--format {meant}")
    here = "123456789012"
    there = here if arguments.role_profile is None else "210987654321"
    return template(SetupRequest(user, here, there, roles))


def _remove_leftovers(environ: Environ, folder: str | None) -> None:
    """Remove the copies that a killed run left beside the files, and say so."""
    for find in (config_file, credentials_file):
        for path in files.remove_leftovers(find(environ, folder)):
            show([Note(f"removed {path}, which an earlier run left behind")])


def _ready(request: SetupRequest, first: str) -> str:
    calls = [f"  awsenv {role.name}{' CODE' if role.mfa else ''}" for role in request.roles]
    once = ["", "AWS takes each MFA code once: wait for the next one."] if request.needs_mfa else []
    return report.printable([first, "", "Next:", *calls, *once])


def _masked(value: Any) -> Any:
    """Return *value* without the external ids in it."""
    if isinstance(value, Mapping):
        return {key: _HIDDEN if key in _SECRET else _masked(each) for key, each in value.items()}
    return [_masked(each) for each in value] if isinstance(value, list) else value


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"     {line}" for line in lines]

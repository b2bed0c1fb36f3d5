"""`awsenv login [CODE]`: open an MFA session, which an agent holds in memory, so that roles need no code."""

from __future__ import annotations

import re
import shlex
from contextlib import nullcontext
from datetime import datetime, timezone

from awsenv import changes, config, duration
from awsenv.cli import report, typos
from awsenv.cli.action import Report, StartAgent
from awsenv.cli.arguments import LoginArguments, RoleOptions
from awsenv.cli.options import Caller, request, seconds
from awsenv.distance import nearest
from awsenv.errors import Origin, UsageError
from awsenv.model import Note, RoleRequest
from awsenv.resolved import Resolved
from awsenv.wording import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from awsenv.config import Profiles
    from awsenv.model import Environ

DURATION = 43_200
"""Seconds of a session, and of an agent, where no option says otherwise: AWS's own default, and a working day."""

IDLE = 4 * 3600
"""Seconds without a request after which an agent ends, where no option says otherwise."""


def run(caller: Caller, arguments: LoginArguments) -> Report | StartAgent:
    """Open the session; start the agent first, if none runs.

    Raises:
        AwsenvError: Of every kind but `LaunchError`.
    """
    base = changes.original(caller.environ)
    profiles = config.read(base, caller.folder)
    _check_code(arguments.code, profiles)
    request = _request(arguments, base)
    typos.check_profile(caller.args, arguments.profile, profiles)
    idle = IDLE if arguments.idle is None else seconds(arguments.idle, Origin("--idle"))
    chain = config.resolve_login(request, profiles, base)
    config.check_source(chain.source, profiles, base)
    if not caller.provider.is_agent:
        return StartAgent(request.duration or DURATION, idle)
    resolved = Resolved(chain, profiles, base, request.code)
    caller.provider.note(_present(caller, resolved))
    confirmed: AbstractContextManager[None] = nullcontext()
    if caller.confirmation is not None:
        # Before a code is sent: not everyone who accepts it is AWS.
        caller.confirmation.approvals.check_login(*_session(resolved))
        confirmed = caller.confirmation.approvals.opening() if arguments.confirm else confirmed
    with confirmed:
        made = caller.provider.open_session(resolved)
        notes = list(_confirms(caller, resolved, confirms=arguments.confirm))
    ran = arguments.idle is not None and not caller.agent_was_started
    if ran:
        notes.append(Note("the agent already ran, and keeps its own --idle", hints=("awsenv logout ends it",)))
    if chain.hops:
        who = (chain.mfa and chain.mfa.title) or chain.label
        text = f"MFA session of {who}{duration.until(made.expiration, caller.now())}."
    else:
        text = f"Roles of {chain.label} are held in memory now; it asks for no MFA code."
    return Report(report.printable([text]), notes)


def _confirms(caller: Caller, resolved: Resolved, *, confirms: bool) -> Iterator[Note]:
    """Note who has logged in, and yield what the agent asks from now on."""
    chain, confirmation = resolved.chain, caller.confirmation
    if confirmation is None:
        return
    key, way = _session(resolved)
    asked = confirmation.state().every_role
    confirmation.note_login(key, way, with_code=chain.mfa is not None, confirms=confirms, environ=caller.environ)
    state = confirmation.state()
    if confirms:
        where = f", in this shell: {state.terminals[-1]}" if state.terminals else ""
        hint = () if state.program else (f"awsenv approve{where}",)
        yield Note("the agent asks before it hands out a role", hints=hint)
    elif state.every_role:
        yield Note("the agent still asks before it hands out a role, because of another login with --confirm")
    elif asked:
        yield Note("the agent no longer asks before it hands out a role", hints=("awsenv login --confirm",))


def _session(resolved: Resolved) -> tuple[str, str]:
    """Return the cache key of the session, and that of the way to AWS."""
    chain, profiles, environ = resolved.chain, resolved.profiles, resolved.environ
    serial = "" if chain.mfa is None else chain.mfa.serial
    return config.mfa_session_key(chain, serial, profiles, environ), config.way_key(chain, profiles, environ)


def _check_code(word: str | None, profiles: Profiles) -> None:
    """Refuse a profile where the code is expected. Any other word may be a password, and is not shown."""
    name = None if word is None else nearest(word, profiles.names)
    if name is not None and not re.fullmatch("[0-9 ]+", word or ""):
        hint = f"awsenv login --profile {shlex.quote(printable(name))}"
        raise UsageError("the word after login is an MFA code, and not a profile", hint=hint)


def _present(caller: Caller, resolved: Resolved) -> Iterator[Note]:
    """Yield until when the session lasts that is held already, before the user is asked for another code."""
    left = caller.provider.left(resolved)
    if left is not None and left.session is not None and resolved.code is None and not caller.provider.prompts.has_code:
        ends = datetime.fromtimestamp(caller.now() + left.session, timezone.utc)
        lasts = duration.until(ends, caller.now())
        yield Note(f"an MFA session is held already{lasts}: a new code replaces it")


def _request(arguments: LoginArguments, environ: Environ) -> RoleRequest:
    """Return the request for the session. Only variables about the source count: AWSENV_DURATION is about roles."""
    options = RoleOptions(profile=arguments.profile, mfa_serial=arguments.mfa_serial, duration=arguments.duration)
    about_source = {name: environ[name] for name in ("AWSENV_PROFILE", "AWSENV_MFA_SERIAL") if name in environ}
    return request("", arguments.code, options, about_source)

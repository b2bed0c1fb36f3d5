"""`awsenv login [CODE]`: open an MFA session, which an agent holds in memory, so that no role needs a code."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Annotated

from awsenv import config, duration, environment, mfa, provider
from awsenv.agent import client, runtime_directory, start
from awsenv.cli import conversation, report
from awsenv.cli.action import Caller, Print, Resolved
from awsenv.cli.direct import session_parts
from awsenv.cli.options import OptionalWord, option, seconds
from awsenv.errors import AgentError
from awsenv.model import RoleRequest
from awsenv.origin import Origin

if TYPE_CHECKING:
    from awsenv.model import Chain, Credentials, Environ

DURATION = 43_200
"""Seconds of a session, and of an agent, where nothing else is said: AWS's own default, and a working day."""

IDLE = 4 * 3600
"""After so many seconds without a request an agent ends, where nothing else is said."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Arguments:
    """An agent keeps the MFA session, and the roles, in memory. Without a CODE, awsenv asks on the terminal."""

    code: OptionalWord = None
    profile: Annotated[str | None, option("SOURCE", "Source profile; else AWS_PROFILE, else default.")] = None
    mfa_serial: Annotated[str | None, option("ARN", "MFA device of the source user.")] = None
    duration: Annotated[str | None, option("TIME", "15m to 36h; AWS gives 12h.")] = None
    idle: Annotated[str | None, option("TIME", "End after this time without a request; 4h.")] = None


def run(caller: Caller, arguments: Arguments) -> Print:
    """Open the session, start the agent if none runs, and let it hold the session.

    Raises:
        AwsenvError: Of every kind but `LaunchError`.
    """
    base = environment.original(caller.environ)
    profiles = config.read(base, caller.folder)
    request = _request(arguments, base)
    chain = config.resolve_login(request, profiles, base)
    patience = IDLE if arguments.idle is None else seconds(arguments.idle, Origin("--idle"))
    _check_place(caller.environ)
    runs = _check_agent(caller.environ)
    wanted = Resolved(chain, profiles, base, arguments.code)
    got = provider.credentials(chain, profiles, base, mfa.Codes(arguments.code, environ=base))
    start.start(caller.environ, conversation.ENTRY, idle=patience, lifetime=request.duration or DURATION)
    notes = (
        ("the agent ran already, and keeps its own --idle: awsenv logout ends it",) if runs and arguments.idle else ()
    )
    if not chain.hops:
        text = f"Roles of {chain.label} are held in memory now; it asks for no MFA code."
        return Print(report.printable([text]), notes)
    _hand_over(wanted, got, caller.environ)
    return Print(report.printable([_opened(chain, got, caller.now())]), notes)


def _request(arguments: Arguments, environ: Environ) -> RoleRequest:
    """Return what is asked for. Of the variables, the duration speaks of roles and not of the session."""
    given = {"profile": arguments.profile, "mfa_serial": arguments.mfa_serial}
    origins = {name: Origin(f"--{name.replace('_', '-')}") for name, value in given.items() if value}
    for name, value in given.items():
        variable = f"AWSENV_{name.upper()}"
        if not value and environ.get(variable):
            given[name], origins[name] = environ[variable], Origin(variable)
    asked = None
    if arguments.duration is not None:
        origins["duration"] = Origin("--duration")
        asked = seconds(arguments.duration, origins["duration"])
    return RoleRequest(
        "", arguments.code, given["profile"], mfa_serial=given["mfa_serial"], duration=asked, origins=origins
    )


def _check_place(environ: Environ) -> None:
    """Fail before a code is asked for, if no agent can be started."""
    try:
        runtime_directory.make(environ)
    except runtime_directory.Unsafe as unsafe:
        raise AgentError(f"no agent can be started: {unsafe.fact}", hint=start.ELSEWHERE) from None
    except OSError as error:
        raise AgentError(
            f"no agent can be started: {error.strerror}", Origin(str(error.filename)), hint=start.ELSEWHERE
        ) from None


def _check_agent(environ: Environ) -> bool:
    """Say whether an agent runs; fail before a code is asked for, if it can be neither used nor replaced."""
    try:
        client.ask(environ, b"ping", [])
    except (client.NoAgent, client.Dead, client.OtherVersion):
        return False
    except client.Trouble as trouble:
        raise AgentError(str(trouble), hint="end its process: kill") from None
    return True


def _hand_over(wanted: Resolved, session: Credentials, environ: Environ) -> None:
    try:
        client.ask(environ, conversation.SESSION, session_parts(wanted, wanted.chain, session))
    except client.NoAgent:
        raise AgentError("the agent has ended at once", hint="try again") from None
    except client.Trouble as trouble:
        raise AgentError(str(trouble), hint="awsenv logout, then awsenv login") from None


def _opened(chain: Chain, session: Credentials, now: float) -> str:
    serial = chain.hops[0].mfa.serial if chain.hops and chain.hops[0].mfa else None
    who = chain.label if serial is None else mfa.Device(serial).title
    if session.expiration is None:
        return f"MFA session of {who}."
    ends = session.expiration.astimezone(timezone.utc)
    rest = duration.rounded(ends.timestamp() - now)
    return f"MFA session of {who} until {datetime.strftime(ends, '%H:%M UTC')}, {rest} from now: no role needs a code."

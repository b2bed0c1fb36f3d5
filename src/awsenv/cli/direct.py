"""Get roles without the agent; and hand what was had with a code to one that runs, so that it is asked for once."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from awsenv.agent import client
from awsenv.cli import conversation, fast_path
from awsenv.cli.action import Address, Lease, Resolved
from awsenv.errors import AgentError, UsageError
from awsenv.model import AssumeRole, GetSessionToken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from awsenv.cli.action import Say
    from awsenv.model import Chain, Credentials, Environ

PRIVATE_LIFETIME = 30 * 24 * 3600.0
"""Seconds after which the agent of one command ends though the command runs on: none runs for a month."""


class Direct:
    """The keeper of the ordinary path.

    Args:
        args: The command line: an agent that is handed credentials wants to know for what.
        environ: The environment of this process: where the agent is found.
        say: Tells the person a note at once.
        agent: Whether an agent runs that one can talk to.
    """

    def __init__(self, args: list[str], environ: Environ, say: Say, *, agent: bool) -> None:
        self._args = args
        self._environ = environ
        self._say = say
        self._agent = agent

    def obtain(self, wanted: Resolved) -> Lease:
        """Walk the chain, asking for codes where they are needed."""
        from awsenv.cli.status import shortfall  # noqa: PLC0415 - not for what asks for no role

        self._say(map(str, wanted.chain.notes))
        credentials = _walked(wanted, wanted.chain)
        self._say(shortfall(wanted, credentials, time.time()))
        return Lease(wanted.chain, credentials, self._hand_over(wanted, credentials))

    def renew(self, renewal: str) -> Lease:
        """Fail: only an agent holds what can be renewed."""
        del renewal
        raise AgentError("no agent holds the role of this shell", hint="awsenv login, then awsenv ROLE")

    def endpoint(self, wanted: Resolved) -> Address:
        """Start an agent for this one command, which takes the place of this process and keeps its number."""
        from awsenv.agent import start  # noqa: PLC0415 - seldom needed

        chain = _refreshable(wanted.chain)
        self._say(map(str, chain.notes))
        session = None
        if isinstance(chain.hops[0], GetSessionToken):
            session = _walked(wanted, replace(chain, hops=chain.hops[:1]))
        credentials = _walked(wanted, chain, session)
        pid = os.getpid()
        connection = start.private(conversation.ENTRY, pid=pid, lifetime=PRIVATE_LIFETIME)
        try:
            if session is not None:
                client.exchange(connection, conversation.SESSION, session_parts(wanted, chain, session))
            (renewal,) = client.exchange(connection, conversation.KEEP, self._keeping(wanted, credentials, whole=True))
            url, token, account = client.exchange(connection, conversation.SERVE, [renewal, b"%d" % pid])
        except client.Trouble as trouble:
            raise AgentError(str(trouble), hint="leave --refresh out, or try again") from None
        finally:
            connection.close()
        return Address(os.fsdecode(url), os.fsdecode(token), os.fsdecode(account) or None)

    def held(self) -> tuple[tuple[str, str], ...]:
        """Ask the agent, if there is one."""
        if not self._agent:
            return ()
        try:
            texts = list(map(os.fsdecode, client.ask(self._environ, conversation.HELD, [])))
        except (client.NoAgent, client.Trouble):
            return ()
        return tuple(zip(texts[::2], texts[1::2], strict=True))

    def _hand_over(self, wanted: Resolved, credentials: Credentials) -> str | None:
        """Let the agent hold what it could not get; return what it knows it by."""
        if not self._agent or not wanted.chain.hops:
            return None
        try:
            (renewal,) = client.ask(self._environ, conversation.KEEP, self._keeping(wanted, credentials))
        except (client.NoAgent, client.Trouble):
            return None
        return os.fsdecode(renewal)

    def _keeping(self, wanted: Resolved, credentials: Credentials, *, whole: bool = False) -> list[bytes]:
        from awsenv import config  # noqa: PLC0415 - see _walked

        key = config.role_id(wanted.chain, wanted.profiles, wanted.environ)
        request = fast_path.asked(self._args, self._environ, whole=whole)
        return [key.encode(), conversation.packed(credentials), *request.parts()]


def session_parts(wanted: Resolved, chain: Chain, session: Credentials) -> Sequence[bytes]:
    """Return what hands an agent the *session* that the first hop of *chain* has opened."""
    from awsenv import config, mfa  # noqa: PLC0415 - see _walked

    (hop,) = (hop for hop in chain.hops[:1] if isinstance(hop, GetSessionToken))
    serial = hop.mfa.serial or conversation.NAMELESS
    key = config.session_id(chain, serial, wanted.profiles, wanted.environ)
    title = mfa.Device(serial).title if serial else chain.label
    return [key.encode(), os.fsencode(title), b"%d" % (hop.duration or 0), conversation.packed(session)]


def _walked(wanted: Resolved, chain: Chain, session: Credentials | None = None) -> Credentials:
    # Here, so that `off` and `list` do not wait for what only a role needs.
    from awsenv import mfa, provider  # noqa: PLC0415 - see above

    codes = mfa.Codes(wanted.code, environ=wanted.environ)
    return provider.credentials(chain, wanted.profiles, wanted.environ, codes, session=session)


def _refreshable(chain: Chain) -> Chain:
    """Return the way to a role on which no second code is needed.

    Raises:
        UsageError: There is none.
    """
    if not any(isinstance(hop, AssumeRole) for hop in chain.hops):
        raise UsageError(
            f"--refresh: {chain.role} is not a role, so there is nothing to renew", hint="leave --refresh out"
        )
    from awsenv import config  # noqa: PLC0415 - see _walked

    way = config.through_session(chain)
    if way is not None:
        return way
    device = chain.hops[0].mfa
    if device is not None and device.serial is None:
        raise UsageError(
            "--refresh: the MFA device must be known", hint="set mfa_serial in the profile, or --mfa-serial"
        )
    raise UsageError(
        "--refresh and a --duration of more than an hour exclude each other: AWS grants that only to a fresh code",
        hint="leave --duration out: the role is renewed for as long as the command runs",
    )

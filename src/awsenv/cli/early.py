"""The connection to STS, opened before the modules of a command load: both take as long as a round trip or two."""

from __future__ import annotations

from awsenv.aws import guess
from awsenv.aws.connections import Connections
from awsenv.cli import reader
from awsenv.cli.arguments import ARGUMENTS
from awsenv.cli.commands import PREVIOUS, called, named
from awsenv.variables import ROLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from awsenv.aws.connection import Address

SECONDS = 20.0
"""How long the connection may take: as long as a call by `config.settings`, which is too large to load here."""


def opened(args: list[str], environ: Mapping[str, str], *, is_picked: bool = True) -> Connections:
    """Return the connections of this process. One to STS is on its way, if *args* surely lead there.

    Args:
        args: The command line, of a command that assumes a role.
        environ: The environment of this process.
        is_picked: Whether the role is known; else the user is about to pick it.
    """
    connections = Connections()
    if ROLE in environ:
        from awsenv import environment  # noqa: PLC0415 - where a role is active

        environ = environment.original(environ)
    address = _address(args, environ) if is_picked else guess.address(None, environ, profile=None, region=None)
    if address is not None:
        connections.open_early(address, SECONDS)
        if address.is_tls:
            # The handshake waits for this and for the CA bundle, and no other module may come before it.
            import awsenv.aws.tls  # noqa: F401, PLC0415 - as said
    return connections


def _address(args: list[str], environ: Mapping[str, str]) -> Address | None:
    typed = reader.read(ARGUMENTS[called(args).name], named(args)[1:])
    # An agent that serves one command calls STS itself.
    if typed is None or typed.get("role", PREVIOUS) == PREVIOUS or "refresh" in typed:
        return None
    profile, region = (typed.get(option) or environ.get(f"AWSENV_{option.upper()}") for option in ("profile", "region"))
    return guess.address(typed["role"], environ, profile=profile, region=region)

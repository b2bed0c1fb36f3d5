"""Opens the connection to STS while the modules of a command load: both take a round trip or two."""

from __future__ import annotations

from awsenv.aws import guess
from awsenv.aws.connections import Connections
from awsenv.cli import commands
from awsenv.variables import ROLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from awsenv.aws.connection import Address

SECONDS = 20.0
"""How long opening may take: `config.settings.TIMEOUT`, whose module is too large to load here."""


def opened(args: list[str], environ: Mapping[str, str], *, is_picked: bool = True) -> Connections:
    """Return the connection pool of this process. A connection to STS is opening in it if *args* are sure to need one.

    Args:
        args: The command line, of a command that assumes a role.
        environ: The environment of this process.
        is_picked: Whether the role is known; else the user is about to pick it.
    """
    connections = Connections()
    if ROLE in environ:
        from awsenv import changes  # noqa: PLC0415 - where a role is active

        environ = changes.original(environ)
    address = _address(args, environ) if is_picked else guess.address(None, environ, profile=None, region=None)
    if address is not None:
        connections.open_early(address, SECONDS)
        if address.is_tls:
            # The handshake needs `ssl` and the CA bundle, so this comes before any other module.
            import awsenv.aws.tls  # noqa: F401, PLC0415 - see above
    return connections


def _address(args: list[str], environ: Mapping[str, str]) -> Address | None:
    typed = commands.typed(args)
    # An agent that serves one command calls STS itself.
    if typed is None or typed.get("role", commands.PREVIOUS) == commands.PREVIOUS or "refresh" in typed:
        return None
    profile, region = (typed.get(option) or environ.get(f"AWSENV_{option.upper()}") for option in ("profile", "region"))
    return guess.address(typed["role"], environ, profile=profile, region=region)

"""The agent: whether one runs, and whether it can be talked to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awsenv.agent import client, place
from awsenv.doctor.finding import Finding, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from awsenv.model import Environ

CHECK = "agent"


def agent(environ: Environ) -> Iterator[Finding]:
    """Yield what is to be said of the agent. awsenv works without one, but asks for a code each time."""
    try:
        client.ask(environ, b"ping", [])
    except client.NoAgent:
        yield Finding(CHECK, Verdict.FINE, "none runs; awsenv login starts one, and asks for one code a day")
    except client.OtherVersion as error:
        yield Finding(CHECK, Verdict.WARNING, str(error), hint="awsenv login replaces it")
    except client.Trouble as error:
        yield Finding(CHECK, Verdict.WARNING, str(error), place.expected(environ), "awsenv login")
    else:
        yield Finding(CHECK, Verdict.FINE, f"one runs, in {place.expected(environ)}")

"""An agent, as `start` has made it: the handler, its memory and its endpoint, until its life is over."""

from __future__ import annotations

import threading
import time
from functools import cache
from typing import TYPE_CHECKING

from awsenv.agent import server
from awsenv.agent.memory import Memory
from awsenv.agent.term import Clock, boot_time
from awsenv.cli import app, commands
from awsenv.cli.handler import Handler

if TYPE_CHECKING:
    from awsenv.agent.endpoint import Endpoint


def main(words: list[str]) -> None:
    """Be an agent, as `start` has made it with *words*, until its life is over."""
    memory = Memory(Clock(time.time, boot_time), lambda: agent.note_use())  # noqa: PLW0108 - it is made below
    is_private = words[0] == server.PRIVATE
    endpoint = cache(lambda: _endpoint(memory, agent))
    handler = Handler(memory, endpoint, is_private=is_private)
    agent = server.inherited(
        words,
        handler.reply,
        server.Life(
            until=memory.until,
            in_use=lambda: endpoint.cache_info().currsize > 0 and endpoint().is_used(),
            is_empty=lambda: not memory.held(),
            on_drop=handler.forget,
            tidy=handler.tidy,
            check_end=handler.check_end,
            check_free=handler.seals.check_free,
        ),
    )
    handler.log.on_news = agent.tell
    # Its first client does not wait for it.
    threading.Thread(target=load, daemon=True).start()
    agent.serve()


def _endpoint(memory: Memory, agent: server.Server) -> Endpoint:
    from awsenv.agent.endpoint import Endpoint  # noqa: PLC0415 - only for `exec --refresh`

    return Endpoint(lambda role: memory.served(role).credentials, agent.loop, on_revoke=agent.note_use)


def load() -> None:
    """Load what most requests need."""
    for command in commands.COMMANDS.values():
        if command.runs_in_agent:
            app.module(command.name)
    import awsenv.aws.chain  # noqa: F401, PLC0415 - what calls AWS

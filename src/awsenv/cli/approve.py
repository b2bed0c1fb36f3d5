"""`awsenv approve`: answer before the agent hands out a role, until Ctrl-C."""

from __future__ import annotations

import json
import os
import select
import termios
import textwrap
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from awsenv.agent import client
from awsenv.agent.approvals import ALL, NO, YES
from awsenv.cli import conversation, process
from awsenv.cli.action import Print
from awsenv.errors import AgentError, UsageError
from awsenv.mfa import Terminal
from awsenv.wording import printable, styled

if TYPE_CHECKING:
    from typing import Any

    from awsenv.cli.arguments import ApproveArguments
    from awsenv.cli.options import Caller

GLANCE = 1.0
"""Seconds between two looks at whether a question still waits."""

PAUSE = 0.3
"""Seconds between a question and its prompt."""

_BOLD, _DIM = "1", "2"
_ANSWERS = {"y": YES, "yes": YES, "a": ALL, "all": ALL}


def run(caller: Caller, _: ApproveArguments) -> Print:
    """Show each question on the terminal, and send the answer, until Ctrl-C or Ctrl-D.

    Raises:
        UsageError: There is no terminal, or this process may not answer.
        AgentError: There is no agent, or it has ended.
    """
    try:
        terminal = Terminal()
    except OSError:
        raise UsageError(
            "there is no terminal to ask on", hint="awsenv approve, in the shell of awsenv login"
        ) from None
    with terminal:
        attending = _Attending(caller, terminal)
        attending.begin()
        try:
            while True:
                attending.next()
        except KeyboardInterrupt:
            terminal.draw("\n")
            return Print()
        except (client.NoAgent, client.Dead, client.Lost) as trouble:
            if trouble.pid is not None:
                raise
            raise AgentError(
                "the agent has ended, and asks no more", hint="awsenv login as before, then awsenv approve"
            ) from None


class _Attending:
    """Asks on a terminal what an agent asks.

    Args:
        caller: Who runs the command.
        terminal: The terminal.
    """

    def __init__(self, caller: Caller, terminal: Terminal) -> None:
        self._environ, self._waits = caller.environ, caller.provider.waits
        self._terminal = terminal
        self._colors = process.shows_color(caller.environ)

    def begin(self) -> None:
        """Say that it attends, once the agent lets it.

        Raises:
            AgentError: No agent runs.
            UsageError: This process may not answer.
        """
        try:
            with self._waits("the agent"):
                self._sent(poll="0")
        except client.NoAgent as none:
            raise AgentError(none.fact, hint=none.hints or "awsenv login, in this shell") from None
        self._terminal.show("Waiting for programs that ask for a role. Ctrl-C ends it.")

    def next(self) -> None:
        """Wait for a question for a while, and answer it."""
        question = self._sent()
        if question:
            self._show(question)
            self._answer(question)

    def _answer(self, question: dict[str, Any]) -> None:
        number = str(question["number"])
        asks = "Hand it out? [y/N] "
        if question["repeats"]:
            asks = "Hand it out? [y/N, a: all that this process asks for] "
        # What was typed before the question does not answer it, nor what is meant for the one before.
        time.sleep(PAUSE)
        with suppress(termios.error):
            termios.tcflush(self._terminal, termios.TCIFLUSH)
        self._terminal.draw(asks)
        while not select.select([self._terminal], [], [], GLANCE)[0]:
            try:
                is_over = self._sent(number).get("over", True)
            except client.Trouble:
                self._terminal.draw("\n")
                raise
            if is_over:
                self._terminal.draw("\n")
                self._terminal.show("It is no longer asked for.")
                return
        line = os.read(self._terminal.fileno(), 4096)
        if not line:
            raise KeyboardInterrupt  # Ctrl-D
        answer = _ANSWERS.get(line.decode(errors="replace").strip().lower(), NO)
        is_over = self._sent(number, answer).get("over", True)
        self._terminal.show("It is no longer asked for." if is_over else "Refused." if answer == NO else "Handed out.")

    def _show(self, question: dict[str, Any]) -> None:
        rows = [*question["rows"], ["it says", question["claim"]]]
        width = max(len(name) for name, _ in rows) + 4
        columns = self._terminal.size()[0] or 80
        behind = f"  ({question['behind']} more after this)" if question["behind"] else ""
        self._terminal.draw(f"\n{self._styled(printable(question['title']), _BOLD)}{behind}\n")
        for name, value in rows:
            lines = textwrap.wrap(printable(value), max(20, columns - width), break_on_hyphens=False) or [""]
            for number, line in enumerate(lines):
                title = f"  {'' if number else printable(name)}".ljust(width)
                self._terminal.draw(f"{title}{self._styled(line, _DIM) if name == 'it says' else line}\n")

    def _styled(self, text: str, sgr: str) -> str:
        return styled(text, sgr) if self._colors else text

    def _sent(self, number: str = "0", answer: str = "", poll: str = "") -> dict[str, Any]:
        """Send an answer, or that there is none yet, and return the reply.

        Raises:
            UsageError: This process may not answer.
            client.Trouble: There is no reply.
        """
        parts = [each.encode() for each in (number, answer, poll)]
        (reply,) = client.ask(self._environ, conversation.ATTEND, parts)
        made: dict[str, Any] = json.loads(reply)
        if "refused" in made:
            raise UsageError(made["refused"], hint=made["hint"] or None)
        return made

"""Coding agents that run commands for the user: which one runs awsenv, and what follows from that.

Each sets a variable in the commands that it runs, and `awsenv exec ROLE -- claude` names one. Whatever runs as the user
can unset a variable, so this is a hint, never a boundary: it keeps an honest assistant to what its user wants, and lets
CloudTrail tell the two apart.
"""

from __future__ import annotations

import re

from awsenv.config.narrowing import joined
from awsenv.errors import Origin, UsageError
from awsenv.model import Assistant, Narrowing
from awsenv.record import replace
from awsenv.wording import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from awsenv.model import Chain, Environ

KNOWN: Mapping[str, tuple[str, str]] = {
    "ANTIGRAVITY_AGENT": ("antigravity", "https://github.com/firebase/firebase-tools/pull/10457"),
    "CLAUDECODE": ("claude-code", "https://code.claude.com/docs/en/env-vars"),
    "CLINE_ACTIVE": (
        "cline",
        "https://github.com/cline/cline/blob/main/apps/vscode/src/hosts/vscode/terminal/VscodeTerminalRegistry.ts",
    ),
    "CODEX_SANDBOX": ("codex", "https://github.com/openai/codex/blob/main/AGENTS.md"),
    "CODEX_THREAD_ID": ("codex", "https://github.com/openai/codex/pull/10096"),
    "COPILOT_AGENT": ("copilot", "https://github.com/microsoft/vscode/pull/316267"),
    "COPILOT_CLI": ("copilot", "https://github.com/github/copilot-cli/blob/main/changelog.md"),
    "CRUSH": ("crush", "https://github.com/charmbracelet/crush/blob/main/internal/shell/shell.go"),
    "CURSOR_AGENT": ("cursor", "https://cursor.com/docs/agent/terminal"),
    "GEMINI_CLI": ("gemini-cli", "https://geminicli.com/docs/tools/shell"),
    "GOOSE_TERMINAL": ("goose", "https://github.com/aaif-goose/goose/pull/4205"),
    "OPENCODE": ("opencode", "https://github.com/anomalyco/opencode/blob/dev/packages/opencode/src/index.ts"),
    "QWEN_CODE": ("qwen-code", "https://github.com/QwenLM/qwen-code/blob/main/docs/developers/tools/shell.md"),
}
"""The assistant that sets each variable, and where its makers say so."""

GENERIC: Mapping[str, str] = {
    "AI_AGENT": "https://github.com/vercel/vercel/blob/main/packages/detect-agent/README.md",
    "AGENT": "https://github.com/agentsmd/agents.md/issues/136",
}
"""Variables that any assistant may set, and where that is proposed."""

_NAMES = frozenset({"amp", *(name for name, _ in KNOWN.values())})
"""The names that count in AGENT, which many use for other things. Amp has no other variable
(https://github.com/anthropics/claude-code/issues/24838)."""

_UNNAMED = "assistant"
_LONGEST = 32
_LONGEST_DESCRIPTION = 256


def detect(environ: Environ) -> Assistant | None:
    """Return the assistant that the variables of *environ* name; None: they name none.

    A variable that holds a name comes first: an assistant may set the variable of another, too, as Amp does.
    """
    given = {name: environ.get(name, "").strip() for name in (*GENERIC, *KNOWN)}
    given = {name: value for name, value in given.items() if value.lower() not in {"", "0", "false"}}
    if "AI_AGENT" in given:
        return Assistant(_name(given["AI_AGENT"]), "AI_AGENT")
    generic = given.get("AGENT", "")
    if _name(generic) in _NAMES:
        return Assistant(_name(generic), "AGENT")
    for variable, (name, _) in KNOWN.items():
        if variable in given:
            return Assistant(name, variable)
    return Assistant(_UNNAMED, "AGENT") if generic.lower() in {"1", "true"} else None


def _name(text: str) -> str:
    """Return the name that a variable holds, without the version: `claude-code` of `claude-code_2.1.120_cli`.

    It is a part of a role session name, and of a description.
    """
    name = re.split("@|_[0-9]", text.lower())[0]
    name = re.sub("[^a-z0-9.]+", "-", name)[:_LONGEST].strip("-.")
    # AWS takes no description of one character, and a number is no name.
    return name if len(name) > 1 and name != "true" else _UNNAMED


def governed(chain: Chain) -> Chain:
    """Return *chain*, which an assistant asks for, with the guard rails that follow from `awsenv_assistants`."""
    rails, rule = chain.rails, chain.rails.assistants
    origin = rails.origins.get("assistants", Origin("awsenv_assistants"))
    if rule == "read-only":
        own = Narrowing(read_only=True, origins={"read_only": origin})
        narrowing = own if rails.narrowing is None else joined(rails.narrowing, own)
        return replace(chain, rails=replace(rails, narrowing=narrowing))
    if rule == "confirm" and rails.confirm != 0:
        rails = replace(rails, confirm=0, origins={**rails.origins, "confirm": origin})
    return replace(chain, rails=rails)


def description(reason: str | None, assistant: Assistant) -> str:
    """Return the description of narrowed credentials: the reason that was given, and the assistant."""
    if reason is None:
        return assistant.name
    after = f" ({assistant.name})"
    return f"{reason[: _LONGEST_DESCRIPTION - len(after)]}{after}"


def refuse(chain: Chain) -> None:
    """Refuse a role whose profile keeps assistants from it.

    Raises:
        UsageError: It does, and one asks.
    """
    assistant = chain.assistant
    if assistant is None or chain.rails.assistants != "refuse":
        return
    raise UsageError(
        f"{quoted(chain.role)} is not for assistants",
        chain.rails.origins.get("assistants"),
        because=f"{assistant.sign} is set: {assistant.name} runs this command"
        if assistant.sign in {*GENERIC, *KNOWN}
        else f"{assistant.name} is one",
        hint=("ask the user to run it", "awsenv list shows the other roles"),
    )

"""What Tab offers after `%awsenv`: roles, commands, options and their values."""

from __future__ import annotations

import os
import re
import shlex
import time
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

_LINE = re.compile(r"(?:.*[=\s])?%?awsenv\s+(.*)", re.DOTALL)
_TIMES = ("15m", "30m", "1h", "2h", "4h", "8h", "12h")


def matcher() -> Callable[[Any], dict[str, Any]]:
    """Return what IPython asks for completions (its Matcher API v2)."""
    from IPython.core.completer import SimpleCompletion  # noqa: PLC0415 - IPython has called

    def match(context: Any) -> dict[str, Any]:
        found = _LINE.fullmatch(context.text_until_cursor)
        if found is None:
            return {"completions": []}
        offered = []
        with suppress(Exception):  # Tab must not fail; the command will, and says why
            typed = found[1][: len(found[1]) - len(context.token)]
            offered = [each for each in _offered(typed.split(), context.token) if each.startswith(context.token)]
        # Nothing else fits: neither a file nor a name of Python.
        return {"completions": [SimpleCompletion(each, type="awsenv") for each in offered], "suppress": True}

    vars(match).update(matcher_api_version=2, matcher_identifier="awsenv")
    return match


def _offered(words: list[str], begun: str) -> Iterator[str]:
    """Yield what may follow *words*, of which the last has *begun*."""
    from awsenv.ipython.line import COMMANDS, known  # noqa: PLC0415 - only for Tab

    options = known()
    option = options.get(words[-1]) if words else None
    if option is not None and not option.is_flag:
        kinds = {"PROFILE": ("role", "source"), "REGION": ("region",)}.get(option.metavar or "", ())
        yield from _TIMES if option.metavar == "TIME" else _names(*kinds)
        return
    if begun.startswith("-"):
        yield from (name for name in options if name.startswith("--"))
        return
    before = [word for number, word in enumerate(words) if not _is_option(words, number, options)]
    if not before:
        yield from COMMANDS
    if not before or before == ["use"]:
        yield from _names("role", "source")


def _is_option(words: list[str], number: int, options: dict[str, Any]) -> bool:
    """Return whether a word is an option, or the value of the one before it."""
    before = options.get(words[number - 1]) if number else None
    is_value = before is not None and not before.is_flag
    return is_value or (words[number].startswith("-") and words[number] != "-")


def _names(*kinds: str) -> Iterator[str]:
    """Yield the names that completion in a shell offers."""
    from awsenv import changes  # noqa: PLC0415 - only for Tab
    from awsenv.cli import candidates, process  # noqa: PLC0415 - the same

    names = candidates.refresh(changes.original(os.environ), process.folder(), time.time())
    for line in names.splitlines():
        kind, name, *_ = line.split("\t")
        if kind in kinds:
            yield shlex.quote(name)

"""The roles that the words of `each` select: globs over profiles, lists of them, and roles by name."""

from __future__ import annotations

import os
import re
import sys
from fnmatch import fnmatchcase

from awsenv.cli.commands import PREVIOUS, usage
from awsenv.cli.rows import nothing
from awsenv.errors import ConfigError, Origin, UsageError
from awsenv.wording import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from awsenv.cli.arguments import EachArguments
    from awsenv.config import Entry, Profiles
    from awsenv.model import Environ

_USAGE = usage("each")
_ALL = "awsenv list shows the roles"
_CODE = re.compile("[0-9]{6}", re.ASCII)
_ACCOUNT = re.compile("[0-9]{12}", re.ASCII)


class Selection:
    """The roles that a command line selects.

    Args:
        arguments: What was typed.
        profiles: The profiles of the two files.
        entries: Those that are roles or sources, in the order of the files.
        environ: The environment of the caller, for `~` in the name of a list.
        folder: The working directory.

    Raises:
        UsageError: A word selects nothing, or cannot be read.
        AwsenvError: There are neither roles nor sources.
    """

    def __init__(
        self,
        arguments: EachArguments,
        profiles: Profiles,
        entries: Sequence[Entry],
        environ: Environ,
        folder: str | None = None,
    ) -> None:
        self._profiles = profiles
        self._roles = {entry.name: entry for entry in entries if entry.kind is None}
        if not entries:
            raise nothing(profiles, environ)
        self._environ = environ
        self._folder = folder
        words = list(arguments.patterns or ())
        self.code: str | None = None
        """The MFA code."""
        if words and _CODE.fullmatch(words[-1]) and profiles.get(words[-1]) is None:
            self.code = words.pop()
        accounts = list(map(_account, arguments.account or ()))
        if not words and not accounts:
            raise UsageError("which roles?", hint=(_USAGE, _ALL))
        found = dict.fromkeys(name for word in words for name in self._named(word)) if words else self._roles
        out = {name for word in arguments.exclude or () for name in self._excluded(word, found)}
        kept = [name for name in found if name not in out and (not accounts or self._account_of(name) in accounts)]
        for account in accounts:
            if not any(self._account_of(name) == account for name in found):
                raise UsageError(f"no selected role is in account {account}", Origin("--account"), hint=_ALL)
        if not kept:
            raise UsageError("no role is left", hint="leave an --exclude out")
        order = {name: number for number, name in enumerate(profiles.names)}
        self.names: list[str] = sorted(kept, key=lambda name: order.get(name, len(order)))
        """The roles, as the user calls them, in the order of the files. Those that are no profiles come last."""

    def _named(self, word: str) -> Iterable[str]:
        """Return the roles that *word* selects."""
        if self._profiles.get(word) is not None:
            return [word]
        if word == PREVIOUS or word.startswith("@"):
            return (name for line in self._lines(word) for name in self._named(line))
        if _is_glob(word):
            return self._matching(word)
        if re.fullmatch("[0-9 ]+", word):
            # It is not shown: it may be a code.
            hint = "--account ID selects the roles of an account" if _ACCOUNT.fullmatch(word) else _USAGE
            raise UsageError(
                "a number is neither a role nor an MFA code, which is the last word and six digits", hint=hint
            )
        return [word]

    def _matching(self, pattern: str) -> list[str]:
        found = [name for name in self._roles if fnmatchcase(name, pattern)]
        if not found:
            raise UsageError(f"no role matches {quoted(pattern)} in {self._profiles.where}", hint=_ALL)
        return found

    def _excluded(self, word: str, found: Iterable[str]) -> list[str]:
        """Return the roles that an `--exclude` names. One that names nothing may be a typo, and would run there."""
        if word in found or word in self._roles:
            return [word]
        if _is_glob(word):
            return self._matching(word)
        raise UsageError(f"there is no role {quoted(word)} to leave out", Origin("--exclude"), hint=_ALL)

    def _account_of(self, name: str) -> str | None:
        if name in self._roles:
            return self._roles[name].account
        typed = re.match(r"(?:arn:[^:]*:iam::)?([0-9]{12})[:/]", name)
        return typed and typed[1]

    def _lines(self, word: str) -> Iterator[str]:
        """Yield the roles of a list: one a line, and comments behind `#`.

        Raises:
            UsageError: It cannot be read, or is empty.
        """
        name = "the list on standard input" if word == PREVIOUS else f"the list {quoted(word[1:])}"
        try:
            text = self._read(word)
        except (OSError, ValueError, ConfigError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
            raise UsageError(
                f"cannot read {name}: {reason}", hint="name a file that has one ROLE a line: @FILE"
            ) from None
        lines = [line for line in (re.sub(r"(^|\s)#.*", "", line).strip() for line in text.splitlines()) if line]
        if not lines:
            raise UsageError(f"{name} has no role", hint=("write one ROLE a line into it", _ALL))
        for line in lines:
            if line == PREVIOUS or line.startswith("@"):
                raise UsageError(f"{name} names another: {quoted(line)}", hint=("write one ROLE a line into it", _ALL))
            yield line

    def _read(self, word: str) -> str:
        if word == PREVIOUS:
            if sys.stdin is None:
                raise OSError(0, "it is closed")
            return sys.stdin.buffer.read().decode()
        from pathlib import Path  # noqa: PLC0415 - few name a list

        from awsenv.config.files import expanded  # noqa: PLC0415 - the same

        return Path(self._folder or os.curdir, expanded(word[1:], self._environ)).read_text(encoding="utf-8")


def _is_glob(word: str) -> bool:
    # Neither an ARN nor ACCOUNT/ROLE has such a character.
    return any(each in word for each in "*?[")


def _account(text: str) -> str:
    if not _ACCOUNT.fullmatch(text):
        raise UsageError(f"{quoted(text)} is not an account ID", Origin("--account"), hint="write its twelve digits")
    return text

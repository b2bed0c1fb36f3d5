"""`awsenv profiles --as PREFIX`: print a profile that calls awsenv, for each role, for programs that read profiles.

AWS's tools split a file and a `credential_process` in different ways: botocore by the rules of a POSIX shell, without
a shell, the SDKs for Go, Java, JavaScript and others by `sh -c`. They also differ in what a name may hold and where a
comment begins. What is printed here means the same to all of them; what would not is left out, with a note.
"""

from __future__ import annotations

import re
import shlex

from awsenv import changes, config
from awsenv.cli.action import Print
from awsenv.cli.rows import matches, nothing
from awsenv.config.files import missing
from awsenv.config.files import quoted as as_word
from awsenv.config.profiles import INCLUDES
from awsenv.config.recursion import asked_for, words
from awsenv.errors import ConfigError, UsageError
from awsenv.model import Note
from awsenv.record import dataclass
from awsenv.variables import REGION, having
from awsenv.wording import printable, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsenv.cli.arguments import ProfilesArguments
    from awsenv.cli.options import Caller
    from awsenv.cli.report import Shown
    from awsenv.config import Entry, Profiles

_NAME = "[A-Za-z0-9_./%@-]"
"""What the name of a profile may hold in every SDK (those for Java and JavaScript ignore a section with more)."""
_QUOTED = "[^A-Za-z0-9_./-]"
"""What makes a path need quotes (AWS SDKs and Tools Reference Guide, "Process credential provider")."""
_ODD = r"""["\\$`#;]"""
"""What a shell, or a reader of the file, takes for more than a character in quotes: in Go, a comment needs no space."""
_COMMAND = "credential-process"
_EXAMPLE = "awsenv profiles --as x-"


def run(caller: Caller, arguments: ProfilesArguments) -> Print:
    """Return the profiles that the files lack.

    Raises:
        UsageError: There is no prefix, or one that cannot be part of a name.
        ConfigError: A file cannot be read, or AWS's tools cannot call awsenv where it is.
    """
    prefix = arguments.prefix or ""
    if not re.fullmatch(f"{_NAME}+", prefix) or prefix.startswith("-"):
        fact = f"not every AWS SDK can read a profile that begins with {quoted(prefix)}" if prefix else "which prefix?"
        raise UsageError(fact, hint=(_EXAMPLE, "awsenv list shows the roles"))
    environ = changes.original(caller.environ)
    profiles = config.read(environ, caller.folder)
    # The region of this shell does not belong in a file.
    there = config.roles(profiles, {name: value for name, value in environ.items() if name not in having(REGION)})
    roles = [entry for entry in there if entry.kind is None]
    found = [each for each in roles if matches(each, *(arguments.patterns or ()))]
    notes: list[Shown] = [*missing(environ, caller.folder)]
    if not roles:
        return Print(notes=[nothing(profiles, environ)])
    if not found:
        patterns = " or ".join(map(quoted, arguments.patterns or ()))
        return Print(notes=[*notes, Note(f"no role matches {patterns}", hints=("awsenv list shows all of them",))])
    made = _Made(profiles, prefix, _program(caller.program))
    sections = []
    for entry in found:
        problem = made.problem(entry)
        if problem is not None:
            notes.append(problem)
        elif not made.exists(entry):
            sections.append(made.section(entry))
    if not sections:
        return Print(notes=notes, success="Each role has its profile already.")
    # The empty line ends a last line of the file that has no end.
    again = f"{shlex.join(['awsenv', *caller.args])} >>{as_word(profiles.config_name)}"
    head = f"\n# By {printable(again)}\n# which adds what is missing: run it again when there are new roles.\n"
    return Print(head + "\n".join(sections), notes)


@dataclass(frozen=True, slots=True)
class _Made:
    """The profiles that are made."""

    profiles: Profiles
    """Those there are."""
    prefix: str
    program: str
    """As a word of a `credential_process`."""

    def section(self, entry: Entry) -> str:
        """Return the profile for a role."""
        region = f"region = {entry.region}\n" if re.fullmatch("[a-z0-9-]+", entry.region or "") else ""
        command = f"credential_process = {self.program} {_COMMAND} {entry.name}\n"
        return f"[profile {self.prefix}{entry.name}]\n{command}{region}"

    def exists(self, entry: Entry) -> bool:
        """Return whether there is a profile of that name."""
        return self.profiles.get(self.prefix + entry.name) is not None

    def problem(self, entry: Entry) -> Note | None:
        """Return why there can be no profile for a role, or None."""
        name = self.prefix + entry.name
        if not re.fullmatch(f"{_NAME}+", entry.name) or entry.name.startswith("-"):
            fact = f"not every AWS SDK can read the name {quoted(entry.name)} in a file"
            because = "only letters, digits and - _ . / % @ are the same to all, and no - at the beginning"
            return Note(fact, entry.origin, (f"give {quoted(entry.name)} another name",), because)
        there = self.profiles.get(name)
        if there is not None and entry.name != asked_for(there):
            fact = f"profile {quoted(name)} exists, and does not call awsenv for {quoted(entry.name)}"
            return Note(fact, there.origin, ("choose another prefix: --as", "remove that profile, and try again"))
        if name in self._sources(entry.name):
            fact = f"profile {quoted(name)} would be a source of the role that it is for"
            return Note(fact, entry.origin, (f"name another source for {quoted(entry.name)}",))
        return None

    def _sources(self, role: str) -> set[str]:
        """Return the profiles that the credentials of *role* come from, if every role had such a profile."""
        reached: set[str] = set()
        ahead = [role]
        while ahead:
            name = ahead.pop()
            if name in reached:
                continue
            reached.add(name)
            profile = self.profiles.get(name)
            if profile is not None:
                named = (profile.value(key) for key in ("source_profile", *INCLUDES))
                ahead += [*filter(None, named), *words(profile)]
            elif name.startswith(self.prefix):
                ahead.append(name.removeprefix(self.prefix))
        return reached


def _program(path: str) -> str:
    """Return the path of awsenv as a word of a `credential_process`.

    It is absolute: an editor that a desktop has started, or cron, has no PATH of a shell.

    Raises:
        ConfigError: AWS's tools would read it in different ways.
    """
    if not path.isprintable() or re.search(_ODD, path):
        fact = f"AWS's tools cannot call awsenv where it is: {printable(path)}"
        because = 'its path has one of " \\ $ ` # ;, or a character that is not printed'
        raise ConfigError(fact, because=because, hint="pipx install it where the path has none")
    return f'"{path}"' if re.search(_QUOTED, path) else path

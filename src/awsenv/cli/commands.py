"""The table of commands: what each prints, and whether the agent runs it.

The entry point, the fast path, the agent, the failure path and the help read it; a test compares the hooks with it.
It imports nothing, because the fast path reads it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

TEXT = "text"
"""Text to read, or the output of another program: no shell evaluates it, and it holds no secret."""
SECRET = "secret"  # noqa: S105 - the name of a kind of output
"""Credentials, or what stands for them, in a form that no shell evaluates."""
CODE = "code"
"""Code for a shell to evaluate. It changes no environment variable that matters to AWS, and holds no secret."""
CHANGE = "change"
"""Code for a shell to evaluate that changes its environment, credentials included."""


class Command:
    """One command.

    Args:
        name: The word that calls it.
        usage: What follows it on the command line.
        summary: Its line in the help.
        prints: TEXT, SECRET, CODE or CHANGE.
        runs_in_agent: Whether the agent may run it.
        picks: Whether the user picks the ROLE that is left out.
        assumes: Whether it assumes ROLE, and so calls STS if there is no agent.
        may_be_sealed: Whether the agent runs it for a process that is sealed to one role.
    """

    __slots__ = ("assumes", "may_be_sealed", "name", "picks", "prints", "runs_in_agent", "summary", "usage")

    def __init__(
        self,
        name: str,
        usage: str,
        summary: str,
        *,
        prints: str = TEXT,
        runs_in_agent: bool = False,
        picks: bool = False,
        assumes: bool = False,
        may_be_sealed: bool = False,
    ) -> None:
        self.name = name
        self.usage = usage
        self.summary = summary
        self.prints = prints
        self.runs_in_agent = runs_in_agent
        self.picks = picks
        self.assumes = assumes
        self.may_be_sealed = may_be_sealed

    @property
    def is_evaluated(self) -> bool:
        """Whether a shell evaluates the output: where the command fails, evaluating it must fail too."""
        return self.prints in {CODE, CHANGE}

    @property
    def prints_secrets(self) -> bool:
        """Whether the output must not end in a file."""
        return self.prints in {SECRET, CHANGE}


USAGE = "[OPTIONS] ROLE [CODE] | COMMAND ..."
"""What follows `awsenv` on the command line."""

DEFAULT = "use"
"""The command of a command line that begins with a role."""

PREVIOUS = "-"
"""The word for the role that was active before, as in `cd -`."""

COMMANDS = {
    command.name: command
    for command in (
        Command(
            DEFAULT,
            "[OPTIONS] ROLE [CODE]",
            "Assume ROLE in this shell.",
            prints=CHANGE,
            runs_in_agent=True,
            may_be_sealed=True,
            picks=True,
            assumes=True,
        ),
        Command(
            "exec",
            "[OPTIONS] ROLE [CODE] [-- COMMAND...]",
            "Run COMMAND, or a subshell, with ROLE.",
            runs_in_agent=True,
            may_be_sealed=True,
            picks=True,
            assumes=True,
        ),
        Command(
            "each",
            "[OPTIONS] PATTERN... [CODE] -- COMMAND...",
            "Run COMMAND with each role that matches.",
        ),
        Command("login", "[OPTIONS] [CODE]", "Enter one MFA code for the whole day.", runs_in_agent=True),
        Command("approve", "[OPTIONS]", "Answer before a role is handed out."),
        Command("logout", "[OPTIONS]", "Forget the MFA session and the roles, and end the agent."),
        Command("lock", "[OPTIONS]", "Forget the MFA session and the roles."),
        Command(
            "renew", "[OPTIONS]", "Renew the role of this shell.", prints=CHANGE, runs_in_agent=True, may_be_sealed=True
        ),
        Command(
            "off",
            "[OPTIONS]",
            "Leave the role and restore the environment.",
            prints=CHANGE,
            runs_in_agent=True,
            may_be_sealed=True,
        ),
        Command(
            "status",
            "[OPTIONS]",
            "Show the active role and what the agent holds.",
            runs_in_agent=True,
            may_be_sealed=True,
        ),
        Command("log", "[OPTIONS]", "Show who got which role, and who was refused."),
        Command(
            "list",
            "[OPTIONS] [PATTERN]",
            "List the roles in your AWS configuration.",
            runs_in_agent=True,
            may_be_sealed=True,
        ),
        Command(
            "explain",
            "[OPTIONS] ROLE",
            "Show how ROLE would be assumed, without using an MFA code.",
            runs_in_agent=True,
            may_be_sealed=True,
            picks=True,
        ),
        Command(
            "doctor",
            "[OPTIONS] [ROLE] [CODE]",
            "Find what is wrong with the files, the shell, the keys or ROLE.",
        ),
        Command(
            "console",
            "[OPTIONS] ROLE [CODE]",
            "Print a URL that signs in to the AWS console as ROLE.",
            prints=SECRET,
            runs_in_agent=True,
            may_be_sealed=True,
            picks=True,
            assumes=True,
        ),
        Command("setup", "[OPTIONS] [ROLE...]", "Create a user, an MFA device and roles in an account."),
        Command(
            "credential-process",
            "[OPTIONS] ROLE [CODE]",
            "Print credentials as the JSON that AWS SDKs read.",
            prints=SECRET,
            runs_in_agent=True,
            may_be_sealed=True,
            assumes=True,
        ),
        Command(
            "profiles",
            "[OPTIONS] [PATTERN...]",
            "Print a profile for each role, for SDKs and editors.",
        ),
        Command(
            "token",
            "[OPTIONS] eks CLUSTER ROLE [CODE] | rds HOST:PORT USER ROLE [CODE]",
            "Print a token for an EKS cluster or an RDS database.",
            prints=SECRET,
            runs_in_agent=True,
            may_be_sealed=True,
            assumes=True,
        ),
        Command(
            "init",
            "[OPTIONS] [SHELL]",
            "Print the hook for bash, zsh, fish, sh, tcsh, elvish, nu or xonsh.",
            prints=CODE,
        ),
        Command("completion", "[OPTIONS] SHELL", "Print the completion for bash, zsh or fish.", prints=CODE),
        Command("demo", "[-- COMMAND...]", "Try everything against a local AWS."),
    )
}
"""The commands by name, in the order of the help."""

_HELP = Command("", "", "")
_NOTHING = Command("", "", "", prints=CODE)
"""`awsenv` alone: the role was left out, so evaluating the output must fail."""

_OPTIONS = frozenset({"--help", "-h", "--version"})
"""Options that stand in place of a command."""


def named(args: list[str]) -> list[str]:
    """Return *args* with the command in front that they leave out, and `help COMMAND` as `COMMAND --help`."""
    if args[:1] == ["help"]:
        return [*args[1:2], "--help"]
    if not args or args[0] in COMMANDS or args[0] in _OPTIONS:
        return args
    return [DEFAULT, *args]


def usage(name: str, args: Sequence[str] = ()) -> str:
    """Return what to type for the command *name*, without its options: `awsenv console ROLE [CODE]`.

    Of a command with several forms, that is the one whose first word is among *args*, else all.
    """
    forms = COMMANDS[name].usage.removeprefix("[OPTIONS]").strip().split(" | ")
    form = next((each for each in forms if each.partition(" ")[0] in args), " | ".join(forms))
    return " ".join(filter(None, ("awsenv", "" if name == DEFAULT else name, form)))


def called(args: list[str]) -> Command:
    """Return the command that *args* call: one without a name where they ask for help, or are empty."""
    return COMMANDS.get("".join(named(args)[:1])) or (_HELP if args else _NOTHING)


def typed(args: list[str]) -> dict[str, Any] | None:
    """Return what was typed in the command line *args*, as `reader.read` returns it."""
    from awsenv.cli import arguments, reader  # noqa: PLC0415 - the fast path does without

    return reader.read(arguments.ARGUMENTS[called(args).name], named(args)[1:])


def lacks_role(args: list[str]) -> bool:
    """Return whether *args* call a command that lets the user pick a role, and name none, nor anything unknown."""
    command = called(args) if args else COMMANDS[DEFAULT]
    words = named(args)[1:]
    if not command.picks or any(not word.startswith("-") or word == PREVIOUS for word in words[:1]):
        return False
    if not words:
        return True
    # With a role in front, no word may be left for the code or the command, unless that follows `--`.
    read = typed([command.name, PREVIOUS, *words]) or {}
    runs = words[words.index("--") + 1 :] if "--" in words else []
    return "role" in read and "code" not in read and read.get("command", []) == runs

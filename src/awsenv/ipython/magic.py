"""`%awsenv`: a role is to a kernel what it is to a shell. `os.environ` changes, and `off` restores it.

boto3's default session follows: what `boto3.client` makes from then on has the role, and its keys are renewed.
"""

from __future__ import annotations

import os
import sys
import time
from functools import partial

from awsenv.ipython import cells, completion
from awsenv.ipython.line import COMMANDS, typed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from awsenv.api import Request
    from awsenv.aws.boto import Session
    from awsenv.cli.report import Shown
    from awsenv.errors import AwsenvError
    from awsenv.model import Change

NAME = "awsenv"
EARLY = 300
"""Seconds before their end at which the keys in `os.environ` are renewed, as by the hooks of the shells."""
_PAUSE = 60
"""Seconds between two renewals: one may fail, or give keys that end as soon."""

_WITHOUT_ASKING = ("%awsenv ROLE CODE", "in a shell, before: awsenv login")
"""The next steps where an MFA code is needed, and the frontend cannot ask for it."""

HELP = """Assume an AWS role in this kernel.

%awsenv ROLE [CODE]    assume ROLE: os.environ and boto3's default session follow
%awsenv -              return to the role before
%awsenv                show the active role, as status does
%awsenv off            leave the role, and restore what was there before
%awsenv list           show the roles that there are

Without a CODE, awsenv asks for it if the role needs one, and what you type is
kept nowhere. The options are those of awsenv use: --region, --duration,
--external-id - and the others.
"""


class Magic:
    """The magic of one shell.

    Args:
        shell: The IPython shell.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._request: Request | None = None
        self._renews_from = 0.0
        self._has_noted = False
        self._session: Session | None = None
        self._session_before: Session | None = None

        def awsenv(line: str) -> None:
            self.run(line)

        awsenv.__doc__ = HELP
        shell.register_magic_function(awsenv, magic_kind="line", magic_name=NAME)
        shell.events.register("pre_run_cell", self._before_cell)
        self._matcher = completion.matcher()
        shell.Completer.custom_matchers.append(self._matcher)
        self._take_back = cells.redact(shell)

    def close(self) -> None:
        """Take back everything, the role too."""
        if self._request is not None:
            self._leave()
        self._take_back()
        self._shell.Completer.custom_matchers.remove(self._matcher)
        self._shell.events.unregister("pre_run_cell", self._before_cell)
        del self._shell.magics_manager.magics["line"][NAME]

    def run(self, line: str) -> None:
        """Do what *line* says.

        Raises:
            AwsenvError: It failed. IPython shows no traceback of it, and runs none of the cells that wait.
        """
        try:
            self._run(line)
        except BaseException as error:  # noqa: BLE001 - no traceback, which may show a secret
            raise _shown(error) from None

    def _run(self, line: str) -> None:
        import shlex  # noqa: PLC0415 - nothing more is loaded before the first use

        from awsenv.cli import commands  # noqa: PLC0415 - the same
        from awsenv.errors import UsageError  # noqa: PLC0415 - the same

        try:
            words = shlex.split(line)
        except ValueError:
            raise UsageError("a quotation mark is missing", hint="%awsenv ROLE [CODE]") from None
        name = words[0] if words else "status"
        if name in {"help", "--help", "-h"}:
            _print(HELP)
        elif name == "list":
            from awsenv import api  # noqa: PLC0415 - the same

            _print(api.printed(words, _tell))
        elif name not in commands.COMMANDS or name == commands.DEFAULT:
            self._use(words)
        elif name not in COMMANDS:
            raise UsageError(f"%awsenv cannot do this: {name}", hint=f"in a shell: awsenv {name}")
        elif words[1:]:
            raise UsageError(f"%awsenv {name} takes nothing more", hint=f"%awsenv {name}")
        elif name == "status":
            _print(f"{_active() or 'no role is active'}\n")
        else:
            self._off()

    def _use(self, words: list[str]) -> None:
        """Assume a role: change everything, or fail and change nothing."""
        import json  # noqa: PLC0415 - see `_run`

        from awsenv import api, variables  # noqa: PLC0415 - the same
        from awsenv.aws import boto  # noqa: PLC0415 - the same
        from awsenv.cli import commands, process  # noqa: PLC0415 - the same
        from awsenv.model import Change  # noqa: PLC0415 - the same

        options = typed(words)
        is_quiet, role = options.pop("quiet", False), options.pop("role")
        name = os.environ.get(variables.PREVIOUS, role) if role == commands.PREVIOUS else role
        confirm = options.pop("yes", False) or partial(_confirmed, name)
        code = options.pop("code", None) or _asked_code
        if options.get("external_id") == "-":
            options["external_id"] = _asked("External id: ", instead=("--external-id ID",))
        environ = process.environ()
        request = api.Request(role, code=code, confirm=confirm, environ=environ, note=_tell, **options)
        change = Change(json.loads(request.action("use", "--shell=json", "--print").text))
        # It is held from now on, by the agent or in this process. And `-` would soon be another role.
        role = str(change.variables[variables.ROLE])
        options["min_remaining"] = 2 * EARLY
        request = api.Request(role, code=None, confirm=True, environ=environ, **options)
        session = request.session()
        _apply(change)
        if self._session is None or boto.default() is not self._session:
            self._session_before = boto.default()
        boto.set_default(session)
        self._request, self._session = request, session
        self._renews_from, self._has_noted = 0.0, False
        if not is_quiet:
            _print(f"{_active()}\n")

    def _off(self) -> None:
        from awsenv import changes  # noqa: PLC0415 - see `_run`
        from awsenv.model import Note  # noqa: PLC0415 - the same

        if changes.active(os.environ) is None:
            _tell([Note("no role is active")])
        self._leave()

    def _leave(self) -> None:
        """Restore the environment and the default session, except what the user has replaced since."""
        from awsenv import changes  # noqa: PLC0415 - see `_run`

        _apply(changes.restore(os.environ))
        if self._session is not None:
            from awsenv.aws import boto  # noqa: PLC0415 - it is loaded

            if boto.default() is self._session:
                boto.set_default(self._session_before)
        self._request = self._session = self._session_before = None

    def _before_cell(self, info: Any) -> None:
        cells.hide(self._shell, info)
        if self._request is not None and time.time() >= self._renews_from:
            self._renew(self._request)

    def _renew(self, request: Request) -> None:
        """Renew the keys in `os.environ` if they are about to end. If that fails, a note says why, once for a role."""
        from awsenv import changes, variables  # noqa: PLC0415 - they are loaded
        from awsenv.model import Note  # noqa: PLC0415 - the same

        active, now = changes.active(os.environ), time.time()
        if active is None or not active.has_its_keys or active.expires is None or active.expires - now >= EARLY:
            return
        if os.environ.get("AWSENV_AUTO_REFRESH") == "0":
            return
        self._renews_from = now + _PAUSE
        try:
            made = request.credentials()
            _apply(changes.new_keys(made, os.environ, os.environ.get(variables.RENEW)))
        except Exception as error:  # noqa: BLE001 - the cell runs all the same
            if not self._has_noted:
                fact = f"the keys of {active.role} in os.environ are about to end, and cannot be renewed"
                _tell([Note(fact, hints=(f"%awsenv {active.role}",), because=_shown(error).fact)])
            self._has_noted = True


def _asked(question: str, *, instead: tuple[str, ...]) -> str:
    """Ask for a secret. A notebook keeps nothing of it, as of a password.

    Raises:
        MfaError: Nobody can be asked, or nothing was typed.
    """
    import getpass  # noqa: PLC0415 - a kernel replaces its function

    from IPython.core.error import StdinNotImplementedError  # noqa: PLC0415 - IPython has loaded it

    from awsenv.errors import MfaError  # noqa: PLC0415 - see `Magic._run`

    try:
        answer = getpass.getpass(question).strip()
    except StdinNotImplementedError:
        raise MfaError(f"{question.rstrip(': ')}: this frontend cannot ask for it", hint=instead) from None
    except EOFError:
        answer = ""
    if not answer:
        raise MfaError(f"{question.rstrip(': ')}: cancelled")
    return answer


def _asked_code(question: str) -> str:
    """Ask for an MFA code until it is one: it is typed without echo.

    Raises:
        MfaError: As of `_asked`.
    """
    from awsenv.config import limits  # noqa: PLC0415 - see `Magic._run`
    from awsenv.errors import MfaError  # noqa: PLC0415 - the same

    answer = _asked(question, instead=_WITHOUT_ASKING)
    try:
        return limits.mfa_code(answer)
    except MfaError as error:
        again = question if question.startswith(error.fact) else f"{error.fact}. {question}"
        return _asked_code(again)


def _confirmed(role: str, question: str) -> bool:
    """Ask whether a protected role is wanted.

    Raises:
        UsageError: Nobody can be asked.
    """
    from IPython.core.error import StdinNotImplementedError  # noqa: PLC0415 - see `_asked`

    from awsenv.errors import UsageError  # noqa: PLC0415 - see `Magic._run`

    try:
        return input(f"{question}Type {role} to assume it: ").strip() == role
    except StdinNotImplementedError:
        raise UsageError(f"{role} is protected, and this frontend cannot ask", hint="--yes confirms it") from None
    except EOFError:
        return False


def _active() -> str:
    """Return the active role, its account and its end; empty: there is none."""
    from awsenv.cli.report import in_local_time  # noqa: PLC0415 - see `Magic._run`
    from awsenv.cli.use import seen  # noqa: PLC0415 - the same

    return in_local_time(seen(os.environ, time.time()))


def _apply(change: Change) -> None:
    for name, value in change.variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _print(text: str) -> None:
    sys.stdout.write(text)


def _tell(notes: Iterable[Shown]) -> None:
    """Show *notes*."""
    for note in notes:
        sys.stderr.write(_described(note))


def _described(shown: Shown) -> str:
    """Return the lines of a note or an error. A next step that the magic can do has its sign."""
    from awsenv.cli import commands, report  # noqa: PLC0415 - see `Magic._run`

    def signed(hint: str) -> str:
        program, *words = hint.split()
        return f"%{hint}" if program == NAME and commands.called(words).name in {commands.DEFAULT, *COMMANDS} else hint

    hints = [signed(hint) for hint in shown.hints]
    return report.in_local_time(report.message(f"awsenv: {shown.fact}", shown.because, shown.origins, hints))


def _shown(error: BaseException) -> AwsenvError:
    """Return the error to raise for *error*, with the lines that IPython shows in place of a traceback."""
    from awsenv.errors import AwsenvError, Interrupted  # noqa: PLC0415 - see `Magic._run`

    if isinstance(error, KeyboardInterrupt):
        error = Interrupted("interrupted")
    elif not isinstance(error, AwsenvError):
        from awsenv import installation  # noqa: PLC0415 - for a fault

        error = installation.fault(error)
    lines = _described(error).splitlines()
    vars(error)["_render_traceback_"] = lambda: lines
    return error

"""The roles of `each`: resolved, confirmed, and assumed with one MFA code for all."""

from __future__ import annotations

import re
import time
from functools import partial
from threading import Lock

from awsenv import changes, config, each
from awsenv.cli import conversation, typos
from awsenv.cli.action import show
from awsenv.cli.arguments import RoleOptions
from awsenv.cli.declarations import declared
from awsenv.cli.declarations import options as declared_options
from awsenv.cli.options import min_remaining, role_request
from awsenv.cli.prompts import Prompts
from awsenv.cli.requests import Requests, Sender
from awsenv.each import Job, Ready
from awsenv.errors import AwsenvError, ConfigError, MfaError, RefusedError, UsageError
from awsenv.model import AssumeRole, unseen
from awsenv.record import replace
from awsenv.resolved import Resolved
from awsenv.wording import printable, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from typing import Any

    from awsenv.cli import streams
    from awsenv.cli.arguments import EachArguments
    from awsenv.cli.options import Caller
    from awsenv.each import Result, Runner
    from awsenv.model import Chain, Credentials, Mfa, Question, Waits


class _Role:
    """A role that was selected.

    Args:
        name: As the user calls it.
        words: The words that request its credentials.
    """

    def __init__(self, name: str, words: list[str]) -> None:
        self.name = name
        self.words = words
        self.resolved: dict[str | None, Resolved] = {}
        """By the region of `--regions`; None: its own."""
        self.error: AwsenvError | None = None
        """Why it cannot be assumed, as far as that is known before the commands run."""
        self._lock = Lock()
        self._held: tuple[Credentials, float] | None = None

    @property
    def chain(self) -> Chain | None:
        """Its chain; None: it could not be resolved."""
        return self.resolved[None].chain if None in self.resolved else None

    def credentials(self, requests: Requests, sender: Sender, code: str | None = None) -> Credentials:
        """Return its credentials: those of a minute ago, or those that a request brings.

        Args:
            requests: Requests them.
            sender: Who makes the request.
            code: The MFA code.

        Raises:
            AwsenvError: It cannot be assumed.
        """
        with self._lock:
            now = time.monotonic()
            if self._held is None or now - self._held[1] > each.FRESH:
                code_words = [] if code is None else [code]
                self._held = requests.credentials([*self.words, "--", self.name, *code_words], sender), now
            return self._held[0]


class Roles:
    """The roles of a command line.

    Args:
        caller: Who runs the command.
        arguments: What was typed.
        code: The MFA code.
    """

    def __init__(self, caller: Caller, arguments: EachArguments, code: str | None) -> None:
        self._caller = caller
        self._code = code
        self._command: list[str] = list(arguments.command or ())
        self._arguments = _with_secret(caller, arguments)
        self._environ = changes.original(caller.environ)
        self._profiles = config.read(self._environ, caller.folder)
        # All roles share it: a request for each would read the options, and the file of a policy, as often.
        self._request = role_request(caller, "", None, self._arguments)
        self._least = min_remaining(self._arguments, self._environ)
        self._roles: dict[str, _Role] = {}
        self._refusals: dict[str, AwsenvError] = {}
        """Why the MFA session of a device could not be opened."""
        self._outputs: dict[str, tuple[bytes, float]] = {}
        self._confirmed: set[str] = set()
        """What the user has confirmed."""
        self._is_running = False
        self._printed: streams.Streams | None = None
        self._requests = Requests(self._waits, is_each=True)
        self._sender = Sender(
            caller.environ,
            lambda: _EachPrompts(caller, self._waits, self._asks, self._outputs, self._confirmed),
            show,
        )

    def resolve(self, names: Iterable[str]) -> None:
        """Resolve the roles. A profile that is wrong fails when its turn comes.

        Raises:
            UsageError: An option is wrong, or a word is probably meant for another role.
            ConfigError: A word is neither a profile nor a role.
        """
        typos.check_profile(self._caller.args, self._arguments.profile, self._profiles)
        words = _words(self._arguments)
        for name in names:
            role = self._roles[name] = _Role(name, words)
            is_profile = self._profiles.get(name) is not None
            if not is_profile:
                typos.check_role(self._caller.args, name, self._profiles, self._environ)
                _check_named(name)
            role.error = self._wrong(role, is_profile=is_profile)

    def _wrong(self, role: _Role, *, is_profile: bool) -> AwsenvError | None:
        try:
            self._resolved(role, None)
        except UsageError:
            raise
        except AwsenvError as error:
            if isinstance(error, ConfigError) and not is_profile:
                raise
            return error
        return None

    def _resolved(self, role: _Role, region: str | None) -> Resolved:
        if region not in role.resolved:
            made = replace(self._request, role=role.name, region=region or self._request.region)
            chain = config.resolve(made, self._profiles, self._environ)
            config.check_source(chain.source, self._profiles, self._environ)
            role.resolved[region] = Resolved(
                chain, self._profiles, self._environ, min_remaining=self._least, is_confirmed=self._arguments.yes
            )
        return role.resolved[region]

    def jobs(self, regions: Sequence[str | None], command: Sequence[str]) -> Iterator[Job]:
        """Yield the jobs of the command.

        Raises:
            UsageError: The command has a placeholder without a value.
        """
        needed = each.placeholders(command)
        for role in self._roles.values():
            if regions != [None] and role.chain is not None and role.chain.region is None:
                # The credentials of the global endpoint of STS do not hold in every region.
                role.words = [*role.words, "--region", str(regions[0])]
            for region in regions:
                job = self._job(role, region)
                for name in needed & {"region", "role"} if role.error is None else ():
                    if getattr(job, name) is None:
                        hint = "--regions REGION,..." if name == "region" else f"leave {{{name}}} out"
                        raise UsageError(f"{{{name}}} has no value for {printable(role.name)}", hint=hint)
                yield job

    def _job(self, role: _Role, region: str | None) -> Job:
        chain = role.chain
        last = None if chain is None else chain.last
        account = name = None
        own = None if chain is None else chain.region
        if isinstance(last, AssumeRole):
            account, name = last.role.account, last.role.name
        label = role.name if region is None else f"{role.name} {region}"
        job = Job(role.name, account, name, region or own, (), label)
        return replace(job, argv=self._filled(job))

    def _filled(self, job: Job) -> tuple[str, ...]:
        values = {name: getattr(job, name) for name in ("profile", "account", "role", "region")}
        return each.filled(self._command, values)

    def colors(self) -> dict[str, str]:
        """Return the colours of the roles that have one."""
        chains = ((role.name, role.chain) for role in self._roles.values())
        return {name: chain.rails.color for name, chain in chains if chain is not None and chain.rails.color}

    def confirm(self) -> None:
        """Ask for each protected role, by name. One that is not confirmed fails when its turn comes."""
        for role in self._roles.values():
            resolved = role.resolved.get(None)
            if resolved is not None:
                role.error = self._declined(resolved)
                role.words = [*role.words, "--yes"]

    def _declined(self, resolved: Resolved) -> AwsenvError | None:
        is_protected = resolved.chain.rails.is_protected and not resolved.is_confirmed
        if not is_protected and conversation.may_run(self._caller.environ):
            return None  # the agent asks
        try:
            asked = self._caller.provider.confirm(replace(resolved, question=None))
        except UsageError as error:
            return error
        if asked is not None:
            self._confirmed.add(asked.fact)
        return None

    def open_sessions(self) -> None:
        """Request a role of each MFA session, and each role that takes a code of its own, one after the other.

        Raises:
            AwsenvError: It keeps all roles from being assumed.
        """
        opened = set()
        for role in self._roles.values():
            resolved = role.resolved.get(None)
            if role.error is not None or resolved is None or resolved.chain.mfa is None:
                continue
            chain, device = resolved.chain, resolved.chain.mfa
            key = config.mfa_session_key(chain, device.serial, resolved.profiles, resolved.environ)
            if key not in opened or config.through_session(chain) is None:
                opened.add(key)
                self._open(role, device)
        errors = {self._known(role) for role in self._roles.values()}
        if len(errors) == 1 and (error := errors.pop()) is not None:
            raise error

    def _known(self, role: _Role) -> AwsenvError | None:
        """Return why a role cannot be assumed; None: nothing is known against it."""
        device = None if role.chain is None else role.chain.mfa
        return role.error or (None if device is None else self._refusals.get(device.serial))

    def _open(self, role: _Role, device: Mfa) -> None:
        code, self._code = self._code, None
        try:
            role.credentials(self._requests, self._sender, code)
        except AwsenvError as error:
            role.error = error
            if not isinstance(error, RefusedError):
                self._refusals[device.serial] = error

    def run(self, runner: Runner, printed: streams.Streams) -> list[Result]:
        """Let the runner run, while nothing is asked and nothing but its output is shown."""
        self._is_running, self._printed = True, printed
        return runner.run(printed)

    def prepared(self, job: Job) -> Ready:
        """Return a job with its environment.

        Raises:
            AwsenvError: The role cannot be assumed, or a placeholder has no value.
        """
        try:
            return self._prepared(job)
        except AwsenvError:
            raise
        except BaseException as error:  # noqa: BLE001 - no traceback ever reaches the user
            from awsenv import installation  # noqa: PLC0415 - for a fault

            raise installation.fault(error) from None

    def _prepared(self, job: Job) -> Ready:
        role = self._roles[job.profile]
        if role.error is not None:
            raise role.error
        resolved = self._resolved(role, None if self._arguments.regions is None else job.region)
        assert self._printed is not None  # noqa: S101 - it runs
        sender = replace(self._sender, note=partial(self._printed.note, job))
        credentials = role.credentials(self._requests, sender)
        job = replace(job, account=job.account or credentials.account)
        if job.account is None and "account" in each.placeholders(self._command):
            raise UsageError("{account} has no value: AWS does not say the account", hint="name the role by its ARN")
        change = changes.change(resolved.chain, credentials, self._caller.environ)
        environ = changes.for_command(change.applied_to(self._caller.environ))
        return Ready(replace(job, argv=self._filled(job)), environ)

    def _asks(self, device: Mfa) -> bool:
        """Return whether the user may be asked for a code of *device*.

        Raises:
            AwsenvError: It was asked for, and the MFA session could not be opened.
        """
        if self._is_running and device.serial in self._refusals:
            raise self._refusals[device.serial]
        return not self._is_running

    def _waits(self, text: str, /, *, beside: bool = False) -> AbstractContextManager[object]:
        return (unseen if self._is_running else self._caller.provider.waits)(text, beside=beside)


class _EachPrompts(Prompts):
    """The prompts of a request. While commands run, they ask for no code.

    Args:
        caller: Who runs the command.
        waits: Shows what a request waits for.
        asks: Whether the user may be asked for a code of a device; it may raise why not.
        outputs: What each `credential_process` has printed, by its profile, and when: one may ask for a PIN.
        confirmed: What the user has confirmed before the commands run.
    """

    def __init__(
        self,
        caller: Caller,
        waits: Waits,
        asks: Callable[[Mfa], bool],
        outputs: dict[str, tuple[bytes, float]],
        confirmed: set[str],
    ) -> None:
        super().__init__(caller.environ, waits=waits, args=list(caller.args))
        self._asks = asks
        self._outputs = outputs
        self._facts = confirmed

    def confirm(self, question: Question) -> None:
        """Check that the user has confirmed a role.

        Raises:
            UsageError: The user has not been asked, since the files said otherwise.
        """
        if question.fact not in self._facts:
            fact = f"{question.fact}; nothing is asked while commands run"
            raise UsageError(fact, question.origin, hint="the same command again")
        self._confirmed = question.fact

    def run(self, words: Sequence[str], profile: str) -> bytes:
        """Return what the `credential_process` of *profile* prints, or has printed in the last minute.

        Raises:
            Failed: It was not started, it failed, or it was killed.
        """
        printed, at = self._outputs.get(profile, (b"", -each.FRESH))
        if time.monotonic() - at >= each.FRESH:
            printed = super().run(words, profile)
            self._outputs[profile] = printed, time.monotonic()
        return printed

    def code(self, device: Mfa, **about: Any) -> str:
        """Return a code of the device, as `Prompts` does.

        Raises:
            MfaError: There is none.
        """
        if not self._asks(device):
            fact = f"an MFA code of {printable(device.title)} is needed, and none is asked for while commands run"
            raise MfaError(fact, hint="awsenv exec ROLE -- COMMAND")
        return super().code(device, **about)


def _check_named(name: str) -> None:
    """Refuse a word that would elsewhere be a role of the user's own account: it may be a file that a glob has found.

    Raises:
        UsageError: It is neither an ARN nor ACCOUNT/ROLE.
    """
    if not re.match("arn:|[0-9]+/", name):
        quotes = "put a pattern in quotes: awsenv each 'prod-*' -- COMMAND"
        raise UsageError(f"there is no profile {quoted(name)}", hint=(quotes, f"ACCOUNT/{printable(name)}, for a role"))


def _words(options: RoleOptions) -> list[str]:
    """Return the options about a role, as they are typed."""
    about_role = declared_options(RoleOptions).values()
    return [word for option in about_role for word in option.typed(getattr(options, option.name))]


def _with(arguments: EachArguments, **values: Any) -> EachArguments:
    typed = {name: getattr(arguments, name) for name in declared(type(arguments))}
    return type(arguments)(**{**typed, **values})


def _with_secret(caller: Caller, arguments: EachArguments) -> EachArguments:
    """Return the arguments with the external id that is to be typed: once for all roles."""
    typed = arguments.external_id or changes.original(caller.environ).get("AWSENV_EXTERNAL_ID")
    return arguments if typed != "-" else _with(arguments, external_id=caller.ask_secret("External id: "))

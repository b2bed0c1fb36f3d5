"""The source credentials of a chain, which a profile or the environment describes."""

from __future__ import annotations

import re
import time
from datetime import datetime, timezone
from functools import partial

from awsenv.aws.fields import instant, kind_of, token_of, wrong_field
from awsenv.aws.sts import Sts
from awsenv.config.ini import Setting
from awsenv.config.recursion import entered
from awsenv.config.sources import KINDS, access_key, account, how_to_renew, title
from awsenv.errors import AwsenvError, Origin, SourceError
from awsenv.model import Credentials
from awsenv.record import replace
from awsenv.variables import WEB_IDENTITY, having

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from awsenv.aws.session import AwsSession
    from awsenv.model import Source

    Run = Callable[[Sequence[str], str], bytes]


_UNSENT = re.compile(r"[\r\n\0]")
"""Characters that no HTTP header may contain."""


def source_credentials(source: Source, session: AwsSession, *, run: Run | None = None) -> Credentials:
    """Return the credentials of *source*.

    Args:
        source: Where they come from.
        session: What the files and the environment say, and the calls that some sources make. The environment is that
            of the caller, without the variables of a role that awsenv has set.
        run: Runs the words of the `credential_process` of a profile; None: they run in this process.

    Raises:
        SourceError: There are none, they have expired, or no request can carry them.
        ConfigError: The description of the source is wrong.
        RefusedError: AWS refuses them.
        UnreachableError: The service that issues them cannot be reached.
    """
    made = _made(source, session, run)
    for name, text in (("access key id", made.access_key_id), ("session token", made.session_token or "")):
        if _UNSENT.search(text):
            # Such as a Windows line end, which a shell keeps in the value of a variable.
            fact, hint = f"the {name} has a line break", "remove it; a carriage return is one"
            raise SourceError(fact, source.origin, hint=hint)
    return made


def _made(source: Source, session: AwsSession, run: Run | None) -> Credentials:
    if KINDS[source.kind].is_key:
        return _access_key(source, session)
    if source.kind == "process":
        return _process(source, session, run)
    try:
        if source.kind == "web-identity":
            return _web_identity(source, session)
        with session.waits("the AWS SDK to load"):
            from awsenv.aws.providers import fetched  # noqa: PLC0415 - 150 ms of botocore

        return fetched(source, session)
    except AwsenvError as error:
        error.origins = error.origins or tuple(filter(None, [source.origin]))
        raise


def _access_key(source: Source, session: AwsSession) -> Credentials:
    """Return the access key of a file or of the environment.

    An access key id that may be a secret is refused, since AWS would show it in an error. Emulators accept any short
    word. A secret key has 40 characters, a session token more; a line break or a space means that the next line of the
    file was read as a part of the value.

    Raises:
        SourceError: There is none, or its id looks like a secret. The message does not show it.
    """
    key = access_key(source, session.profiles, session.environ)
    if key is None:
        raise SourceError(f"{title(source)} is missing", source.origin, hint=how_to_renew(source))
    if not re.fullmatch("[!-~]{1,128}", key.access_key_id) or re.fullmatch("[A-Za-z0-9/+=]{40,}", key.access_key_id):
        raise SourceError(
            "the access key id looks like a secret",
            source.origin,
            hint="check that the id, such as AKIAIOSFODNN7EXAMPLE, is not the secret",
        )
    return replace(key, account=account(source, session.profiles), source=source)


def _process(source: Source, session: AwsSession, run: Run | None) -> Credentials:
    from awsenv import command  # noqa: PLC0415 - `subprocess`, only where a program is run

    profile = session.profiles.for_botocore()["profiles"].get(source.profile, {})

    def run_words(words: Sequence[str]) -> bytes:
        name = str(source.profile)
        if run is not None:
            return run(words, name)
        with session.waits(f"the credential_process of profile {name}", beside=True):
            return command.run(words, environ=entered(name, session.environ), folder=session.profiles.folder)

    line, origin = profile.get("credential_process", ""), source.origin
    configured = session.profiles.get(source.profile or "default")
    if configured is not None and "credential_process" in configured.settings:
        origin = configured.settings["credential_process"].origin
    printed = command.output("credential_process", line, run_words, SourceError, origin)
    try:
        return _printed(source, printed, profile.get("aws_account_id"))
    except ValueError as error:
        because, hint = command.why("credential_process", line)
        fact = f"credential_process printed {error}"
        raise SourceError(fact, origin, because=because, hint=hint or how_to_renew(source)) from None


def _printed(source: Source, output: bytes, account: str | None) -> Credentials:
    """Read the output (AWS CLI user guide, "Sourcing credentials with an external process").

    Raises:
        ValueError: It is something else, which the message describes without showing a value.
    """
    import json  # noqa: PLC0415 - for the output of a program

    try:
        fields = json.loads(output)
    except ValueError:
        raise ValueError("something that is not JSON" if output.strip() else "nothing") from None
    if not isinstance(fields, dict):
        raise ValueError(f"JSON, but {kind_of(fields)} instead of an object")  # noqa: TRY004 - one kind of error
    version = fields.get("Version")
    if type(version) is not int or version != 1:
        shown = f"Version {version}" if type(version) is int else f"a Version that is {kind_of(version)}"
        raise ValueError(f"{'no Version' if version is None else shown}: it must be the number 1")
    if fault := wrong_field(fields, ("AccessKeyId", "SecretAccessKey"), ("SessionToken", "AccountId")):
        raise ValueError(fault)
    expiration, given = None, fields.get("Expiration")
    if given is not None:
        try:
            # botocore would read true as the number 1.
            expiration = instant(str(given) if given is True else given)
        except ValueError:
            what = "an empty Expiration" if given == "" else f"an Expiration that is {kind_of(given)}, and not a time"
            raise ValueError(f"{what}: leave it out if the keys do not expire") from None
        if expiration <= datetime.now(timezone.utc):
            raise ValueError(f"keys that expired at {expiration:%Y-%m-%d %H:%M:%S} UTC")
    return Credentials(
        fields["AccessKeyId"],
        fields["SecretAccessKey"],
        fields.get("SessionToken"),
        expiration,
        fields.get("AccountId") or account,
        source=source,
    )


def _web_identity(source: Source, session: AwsSession) -> Credentials:
    """Return the credentials of a role for the token in a file (AWS SDKs and Tools Reference Guide, "Assume role")."""
    found: Mapping[str, Setting] = {
        name.removeprefix("AWS_").lower(): Setting(session.environ[name], Origin(name))
        for name in having(WEB_IDENTITY)
        if session.environ.get(name)
    }
    if source.profile is not None:
        profile = session.profiles.get(source.profile)
        found = {} if profile is None else profile.settings
    token, role, name = map(found.get, ("web_identity_token_file", "role_arn", "role_session_name"))
    if token is None or role is None:
        raise SourceError(
            "a web identity takes a role and a token", source.origin, hint="set role_arn and web_identity_token_file"
        )
    parameters = {
        "RoleArn": role.value,
        # The default of botocore.
        "RoleSessionName": name.value if name else f"botocore-session-{int(time.time())}",
        "WebIdentityToken": token_of(replace(token, value=session.absolute(token.value))).decode(),
    }
    from awsenv.aws.refusal import withheld  # noqa: PLC0415 - few sources are tokens

    refused = partial(
        withheld,
        issuer="AWS STS",
        renew=how_to_renew(source),
        refused="check role_arn and the trust policy of that role",
    )
    return replace(Sts(session).web_identity(parameters, refused), source=source)

"""The source of a chain: a profile that holds credentials, or the environment.

A profile that holds no credentials is an error. botocore would go on to the role of the container and of the machine,
and act under another name.
"""

from __future__ import annotations

import re
import shlex

from awsenv import changes
from awsenv.config import limits
from awsenv.config.headers import misspelt
from awsenv.config.sso import check_sso
from awsenv.distance import nearest
from awsenv.errors import AGAIN, ConfigError, Origin, SourceError
from awsenv.model import Credentials, Source
from awsenv.record import dataclass
from awsenv.variables import CONTAINER_URIS, KEY_PAIR, TOKENS, session_token
from awsenv.wording import listed, printable, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from awsenv.config.ini import Setting
    from awsenv.config.profiles import Profile, Profiles
    from awsenv.errors import Hint
    from awsenv.model import Chain

_KEY_ID, _SECRET = (name.lower() for name in KEY_PAIR)


@dataclass(frozen=True, slots=True)
class Kind:
    """What awsenv knows of a kind of source without AWS."""

    title: str
    """Its name in messages, with `{owner}` for the profile or the environment that describes it."""
    word: str
    """Its name in a list."""
    renew: tuple[str, ...] = (AGAIN,)
    """The next steps to new credentials, with `{option}` for the option that names the profile."""
    keys: tuple[str, ...] = ()
    """The keys of a profile that describe it, the most common first; none: no profile holds it."""
    is_in: Callable[[Profile], bool] | None = None
    """Tells whether a profile holds it; None: it does if it has one of the keys."""
    check: Callable[[Profile, Profiles], None] | None = None
    """Refuses a profile that describes it incompletely."""
    file: str = ""
    """The key, or as `AWS_...` the variable, of a file or folder that it reads, whose path may be relative."""
    command: str = ""
    """The key of a command that prints its credentials, and which only the process of the caller runs."""
    account: str = ""
    """The key of the profile that names its account."""
    is_key: bool = False
    """Whether it is an access key, which awsenv reads itself."""
    is_temporary: bool = False
    """Whether its credentials always expire."""
    is_of_a_role: bool = False
    """Whether its credentials are those of a role, which has no MFA device."""


def _check_web(profile: Profile, _profiles: Profiles) -> None:
    if not profile.value("role_arn"):
        raise ConfigError(
            f"profile {quoted(profile.name)} has a web_identity_token_file, but no role_arn",
            profile.settings["web_identity_token_file"].origin,
            hint="add the role_arn of the role that the token is for",
        )
    limits.role_arn(profile.settings["role_arn"].value, profile.settings["role_arn"].origin)


KINDS: Mapping[str, Kind] = {
    "web-identity": Kind(
        "a web identity token of {owner}",
        "web identity",
        keys=("web_identity_token_file",),
        is_in=lambda profile: bool(profile.value("web_identity_token_file")),
        check=_check_web,
        file="web_identity_token_file",
        is_temporary=True,
        is_of_a_role=True,
    ),
    "sso": Kind(
        "IAM Identity Center of {owner}",
        "SSO",
        renew=("aws sso login{option}",),
        keys=("sso_session", "sso_start_url", "sso_account_id", "sso_role_name"),
        is_in=lambda profile: "sso_account_id" in profile.settings or "sso_role_name" in profile.settings,
        check=check_sso,
        account="sso_account_id",
        is_temporary=True,
        is_of_a_role=True,
    ),
    "static": Kind(
        "the access key of {owner}",
        "access key",
        renew=("replace the keys in the file: the keys of a user do not expire",),
        keys=(_KEY_ID, _SECRET),
        is_in=lambda profile: profile.is_shared(_KEY_ID),
        account="aws_account_id",
        is_key=True,
    ),
    "login": Kind(
        "aws login of {owner}",
        "aws login",
        renew=("aws login{option}",),
        keys=("login_session",),
        file="login_cache_directory",
        is_temporary=True,
    ),
    "process": Kind(
        "credential_process of {owner}",
        "process",
        renew=("run the credential_process by itself to see what it prints",),
        keys=("credential_process",),
        command="credential_process",
    ),
    "environment": Kind(
        "the access key of {owner}",
        "environment",
        renew=("set new ones", "unset AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to use a profile"),
        is_key=True,
    ),
    "container": Kind(
        "the endpoint of the container",
        "container",
        file="container_authorization_token_file",
        is_temporary=True,
        is_of_a_role=True,
    ),
    "instance": Kind("the role of this EC2 instance", "EC2 instance", is_temporary=True, is_of_a_role=True),
    "session": Kind("an MFA session", "MFA session", renew=("awsenv login",), is_temporary=True),
}
"""The kinds of source. If a profile holds several, the first counts.

The order is that of botocore (1.44.5, `ProfileProviderBuilder.providers`): web identity, SSO, the credentials file,
login, process. An access key in the config file comes last (see `kind_of`). `session` is an MFA session that the agent
holds.
"""

KEYS = tuple(key for kind in KINDS.values() for key in kind.keys)
"""The keys of a profile that describe a source of any kind."""


def makes_chained(source: Source) -> bool:
    """Return whether a role reached from *source* counts as chained, so that AWS gives it one hour at most.

    The role of an EC2 instance does not count (IAM guide, "Roles terms and concepts", role chaining). The output of
    a `credential_process` is not known before it runs, so AWS decides.
    """
    return source.has_token or (KINDS[source.kind].is_temporary and source.kind != "instance")


def is_long_term(source: Source) -> bool:
    """Return whether this is the access key of a user, in a file or in the environment."""
    return KINDS[source.kind].is_key and not source.has_token


def may_be_long_term(source: Source) -> bool:
    """Return whether this may be the access key of a user: what a command prints is not known before it runs."""
    return not (source.has_token or KINDS[source.kind].is_temporary)


def title(source: Source) -> str:
    """Return the name of a source in messages: `the access key of profile default`."""
    owner = "the environment" if source.profile is None else f"profile {shlex.quote(source.profile)}"
    return KINDS[source.kind].title.format(owner=owner)


def how_to_renew(source: Source | None) -> Hint:
    """Return the next step to new credentials from *source*; None: the source is not known."""
    if source is None:
        return "renew them"
    option = "" if source.profile is None else f" --profile {shlex.quote(printable(source.profile))}"
    return tuple(step.format(option=option) for step in KINDS[source.kind].renew)


def access_key(source: Source, profiles: Profiles, environ: Mapping[str, str]) -> Credentials | None:
    """Return the access key of *source*; None: the source has no access key, and its credentials must be fetched.

    Raises:
        SourceError: The profile holds half a key.
    """
    if source.kind == "environment":
        return changes.access_key(environ)
    profile = profiles.get(source.profile or "default") if source.kind == "static" else None
    return None if profile is None else static_keys(profile)


def account(source: Source, profiles: Profiles) -> str | None:
    """Return the account that the profile of *source* names; None: it names none."""
    profile = profiles.get(source.profile or "default")
    text = None if profile is None else profile.value(KINDS[source.kind].account)
    return text if text is not None and re.fullmatch("[0-9]{12}", text) else None


def account_of(chain: Chain, profiles: Profiles) -> str | None:
    """Return the account of the source of *chain*, if the files show it: its profile, or the user's MFA device."""
    return account(chain.source, profiles) or (None if chain.mfa is None else chain.mfa.account)


def static_keys(profile: Profile) -> Credentials | None:
    """Return the access key that the files set for *profile*, or None.

    As in botocore, all parts come from one file: a key id in the credentials file is never combined with a secret or a
    token in the config file.

    Raises:
        SourceError: The key id or the secret is missing, or they are in different files.
    """
    key_id, secret = profile.settings.get(_KEY_ID), profile.settings.get(_SECRET)
    if key_id is None and secret is None:
        return None
    if key_id is None or not key_id.value:
        raise _half_a_key(_KEY_ID, (secret or key_id or profile).origin, profile)
    if secret is None or not secret.value:
        raise _half_a_key(_SECRET, key_id.origin, profile)
    if key_id.origin.name != secret.origin.name:
        raise SourceError(
            f"the access key of profile {quoted(profile.name)} is split between two files",
            key_id.origin,
            secret.origin,
            hint=f"put {_KEY_ID} and {_SECRET} in the same file",
        )
    tokens = (profile.settings.get(name) for name in map(str.lower, TOKENS))
    token = next((t.value for t in tokens if t is not None and t.origin.name == key_id.origin.name), None)
    return Credentials(key_id.value, secret.value, token or None)


def _half_a_key(missing: str, there: Origin, profile: Profile | None = None) -> SourceError:
    owner = "the environment" if profile is None else f"profile {quoted(profile.name)}"
    fact = f"{owner} holds half an access key: {missing} is missing or empty"
    because, hint = indented(profile, missing)
    return SourceError(fact, there, because=because, hint=hint or (f"set {missing} too", "remove the other half"))


def indented(profile: Profile | None, *keys: str) -> tuple[str | None, str | None]:
    """Return that one of *keys* is on an indented line, which belongs to the value above, and the next step; if so."""
    for setting in () if profile is None else profile.settings.values():
        for line in setting.value.lower().split("\n")[1:]:
            if (key := re.split("[=:]", line)[0].strip()) in keys:
                because = f"its line {key} is indented, and belongs to the value of {setting.origin.key}"
                return because, f"begin the line with {key}"
    return None, None


def has_static_keys(profile: Profile) -> bool:
    """Return whether the files set an access key, or half of one, for *profile*."""
    return _KEY_ID in profile.settings or _SECRET in profile.settings


def is_role(profile: Profile) -> bool:
    """Return whether *profile* describes a role to assume with sts:AssumeRole."""
    return "role_arn" in profile.settings and "web_identity_token_file" not in profile.settings


def kind_of(profile: Profile) -> str | None:
    """Return the kind of source that *profile* holds, the first of `KINDS`, or None."""
    for name, kind in KINDS.items():
        is_held = kind.is_in(profile) if kind.is_in else any(key in profile.settings for key in kind.keys)
        if is_held:
            return name
    return "static" if has_static_keys(profile) else None


def from_profile(profile: Profile, profiles: Profiles) -> Source:
    """Return the source that *profile* holds.

    Raises:
        SourceError: The profile holds no source, or half a key.
        ConfigError: The description of the source is incomplete.
    """
    name = kind_of(profile)
    if name is None:
        header = misspelt(profile.name, profiles)
        raise SourceError(
            f"profile {quoted(profile.name)} holds no credentials and does not say where to get them",
            *(profile.origin,) if header is None else header.origins,
            because=None if header is None else header.fact,
            hint=_what_is_missing(profile) if header is None else header.hints,
        )
    if name == "static":
        keys = static_keys(profile)
        has_token = keys is not None and keys.session_token is not None
        return Source(name, profile.name, profile.settings[_KEY_ID].origin, has_token=has_token)
    kind = KINDS[name]
    if kind.check is not None:
        kind.check(profile, profiles)
    for key in kind.keys:
        setting = profile.settings.get(key)
        if setting is not None and not setting.value.strip():
            fact = f"{key} of profile {quoted(profile.name)} is empty"
            raise ConfigError(fact, setting.origin, hint=("set it", "remove it"))
    return Source(name, profile.name, profile.origin)


_CREDENTIAL_SOURCES = ("Environment", "EcsContainer", "Ec2InstanceMetadata")


def from_credential_source(setting: Setting, profile: Profile, environ: Mapping[str, str]) -> Source:
    """Return the source that a `credential_source` names.

    Raises:
        ConfigError: The value is not a credential_source.
        SourceError: The environment does not have the source, or has half a key.
    """
    if setting.value == "Ec2InstanceMetadata":
        return Source("instance", origin=setting.origin)
    if setting.value not in {"Environment", "EcsContainer"}:
        meant = nearest(setting.value, _CREDENTIAL_SOURCES)
        hint = (
            f"write {listed([*_CREDENTIAL_SOURCES], 'or')}" if meant is None else f"write credential_source = {meant}"
        )
        raise limits.refused(f"{quoted(setting.value)} is not a credential_source", setting.value, setting.origin, hint)
    is_key = setting.value == "Environment"
    found = from_keys(environ) if is_key else from_container(environ)
    if found is None:
        needed = (KEY_PAIR if is_key else CONTAINER_URIS)[0]
        raise SourceError(
            f"profile {quoted(profile.name)} takes its credentials from the environment, but {needed} is not set",
            setting.origin,
            hint=(f"set {needed}", "name a source_profile instead"),
        )
    return found


def from_keys(environ: Mapping[str, str]) -> Source | None:
    """Return the access key of the environment as a source, or None.

    Raises:
        SourceError: The environment has half a key.
    """
    names = [name for name in KEY_PAIR if environ.get(name)]
    if len(names) == 1:
        (missing,) = {*KEY_PAIR} - {*names}
        raise _half_a_key(missing, Origin(names[0]))
    has_token = session_token(environ) is not None
    return Source("environment", origin=Origin(KEY_PAIR[0]), has_token=has_token) if names else None


def from_web_identity(environ: Mapping[str, str]) -> Source | None:
    """Return the web identity of the environment as a source, or None.

    Raises:
        SourceError: The environment names a token but no role.
    """
    if not environ.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
        return None
    if not environ.get("AWS_ROLE_ARN"):
        raise SourceError(
            "the environment names a web identity token, but no role for it",
            Origin("AWS_WEB_IDENTITY_TOKEN_FILE"),
            hint=("set AWS_ROLE_ARN too", "unset AWS_WEB_IDENTITY_TOKEN_FILE"),
        )
    return Source("web-identity", origin=Origin("AWS_WEB_IDENTITY_TOKEN_FILE"))


def from_container(environ: Mapping[str, str]) -> Source | None:
    """Return the credentials endpoint of the container as a source, or None."""
    name = next((name for name in CONTAINER_URIS if environ.get(name)), None)
    return None if name is None else Source("container", origin=Origin(name))


def _what_is_missing(profile: Profile) -> Hint:
    if {"sso_session", "sso_start_url"} & profile.settings.keys():
        return "add sso_account_id and sso_role_name", "aws configure sso"
    if "source_profile" in profile.settings or "credential_source" in profile.settings:
        return "add the role_arn of the role to assume"
    *others, last = (kind.keys[0] for kind in KINDS.values() if kind.keys)
    return (f"add {', '.join(others)} or {last}", "add role_arn and source_profile")

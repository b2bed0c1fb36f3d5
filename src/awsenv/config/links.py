"""Follow profiles from the requested role to the source."""

from __future__ import annotations

import shlex
from contextlib import suppress

from awsenv import mark
from awsenv.config import files, limits, partitions, sources
from awsenv.config.headers import did_you_mean, misspelt
from awsenv.config.ini import Setting
from awsenv.config.recursion import other_name_of
from awsenv.errors import TYPED, AwsenvError, ConfigError, Origin, SourceError
from awsenv.record import dataclass, replace
from awsenv.wording import printable, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from awsenv.config.profiles import Profile, Profiles
    from awsenv.model import Environ, RoleRequest, Source

MAX_HOPS = 20
"""A longer chain is a mistake, and each hop costs a request."""

_LIST = "awsenv list shows the profiles"
_BREAK_LOOP = "let one of them name a profile with credentials"


@dataclass(frozen=True, slots=True)
class Link:
    """A role of the chain."""

    role: Setting
    """Its ARN in the profile, or the ROLE of the command line."""
    profile: Profile | None
    """The profile that describes it; None: the user typed an ARN or a name."""

    @property
    def mfa_serial(self) -> Setting | None:
        """The device that its profile sets."""
        return None if self.profile is None else self.profile.settings.get("mfa_serial")


@dataclass(frozen=True, slots=True)
class Links:
    """The source and the roles of a chain, whose values are not checked yet."""

    source: Source
    roles: tuple[Link, ...]
    """In the order of the calls."""
    profiles: tuple[Profile, ...]
    """The profiles whose settings count: the requested one first, the source last."""

    @property
    def source_profile(self) -> Profile | None:
        """The profile that holds the source credentials; None: the environment holds them."""
        name = self.source.profile
        return next((profile for profile in self.profiles if profile.name == name), None)


def links_of(request: RoleRequest, profiles: Profiles, environ: Environ) -> Links:
    """Return the links from a source to the requested role.

    Raises:
        ConfigError: A name is not a profile or a role, source profiles form a loop, or a profile contradicts itself.
        SourceError: There are no source credentials.
    """
    profile = profiles.get(request.role)
    chosen = None if request.profile is None else Setting(request.profile, request.origin("profile"))
    if profile is not None:
        return _followed(profile, chosen, profiles, environ)
    word = Setting(request.role, request.origin("role"))
    _check_typed(word, profiles)
    # As in botocore, a role outranks an access key in a selected profile.
    links = _ambient(profiles, environ) if chosen is None else _selected(chosen, profiles, environ)
    if links is None:
        raise _no_default(word, profiles, environ)
    return replace(links, roles=(*links.roles, Link(word, None)))


def source_links(request: RoleRequest, profiles: Profiles, environ: Environ) -> Links:
    """Return the links of `awsenv login`: to the source of the profile that *request* names, or of the environment.

    Without either, to the only source that there is. A profile that calls awsenv for a role stands for that role.

    Raises:
        ConfigError: There is no such profile, source profiles form a loop, or a profile contradicts itself.
        SourceError: There are no source credentials.
    """
    name = source_name(request)
    links = _ambient(profiles, environ) if name is None else _selected(name, profiles, environ)
    if links is None:
        names = _sources(profiles, environ)
        if len(names) != 1:
            raise _no_default(None, profiles, environ)
        links = _selected(Setting(names[0], TYPED), profiles, environ)
    followed: list[Profile] = []
    while (source := links.source_profile) is not None and source not in followed:
        followed.append(source)
        role = other_name_of(source, profiles)
        links = links if role is None else _followed(role, None, profiles, environ)
    return links


def nothing(profiles: Profiles, environ: Environ) -> SourceError | None:
    """Return the error of a machine without AWS credentials; None: it has some.

    The next steps are a sign-in at IAM Identity Center and an access key, which every version 2 of the AWS CLI knows.
    """
    with suppress(AwsenvError):
        if _ambient(profiles, environ) is None and not _sources(profiles, environ):
            fact = f"there are no AWS credentials in {profiles.where}, and none in the environment"
            if files.lacks_home(environ):
                because = f"{printable(environ['HOME']) or 'the empty path'} is not a folder"
                return SourceError(fact, Origin("HOME"), because=because, hint="set HOME to your home folder")
            if mark.is_set():
                because = "this process is sealed, and does not see your files of AWS"
                return SourceError(fact, because=because, hint=mark.OUTSIDE)
            return SourceError(fact, hint=("aws configure sso", "aws configure"))
    return None


def every(profiles: Profiles, environ: Environ) -> Iterator[tuple[Profile, Links | None]]:
    """Yield each profile in the order of the files, with its links; None: they have an error."""
    for profile in profiles:
        try:
            links = _followed(profile, None, profiles, environ)
        except AwsenvError:
            links = None
        yield profile, links


def source_name(request: RoleRequest) -> Setting | None:
    """Return the profile that a request of `awsenv login` names, or None."""
    field = "role" if request.profile is None else "profile"
    name = getattr(request, field)
    return Setting(name, request.origin(field)) if name else None


def _selected(name: Setting, profiles: Profiles, environ: Environ) -> Links:
    return _followed(_known(name, profiles), None, profiles, environ)


def _followed(profile: Profile, chosen: Setting | None, profiles: Profiles, environ: Environ) -> Links:
    """Return the links from the source of *profile* to its role, if it is one.

    As in botocore, a role outranks an access key in the first profile, and an access key a role in a source profile.

    Args:
        profile: The first profile.
        chosen: The profile that replaces its source_profile; None: the files decide.
        profiles: The profiles of the two files.
        environ: The original environment of the caller.
    """
    line, roles = [profile], _role_of(profile)
    found: Source | None = None
    while roles and line[-1] is roles[-1].profile:
        if len(roles) > MAX_HOPS:
            raise ConfigError(
                f"the chain of source_profile from {quoted(profile.name)} has more than {MAX_HOPS} roles",
                line[-1].origin,
                hint=_BREAK_LOOP,
            )
        name = chosen or _source_of(line[-1], profiles)
        if name.origin.key == "credential_source":
            found = sources.from_credential_source(name, line[-1], environ)
            break
        chosen, source = None, _known(name, profiles)
        _refuse_loop(line, source, name.origin)
        line.append(source)
        roles += [] if sources.has_static_keys(source) else _role_of(source)
    found = found or sources.from_profile(line[-1], profiles)
    return Links(found, tuple(reversed(roles)), tuple(line))


def _role_of(profile: Profile) -> list[Link]:
    return [Link(profile.settings["role_arn"], profile)] if sources.is_role(profile) else []


def _source_of(profile: Profile, profiles: Profiles) -> Setting:
    """Return the source_profile or the credential_source of a role."""
    named, kind = profile.settings.get("source_profile"), profile.settings.get("credential_source")
    if named is not None and kind is not None:
        raise ConfigError(
            f"profile {quoted(profile.name)} has both source_profile and credential_source",
            named.origin,
            kind.origin,
            hint="keep one of the two",
        )
    setting = named or kind
    if setting is None:
        own = f" = {printable(profile.name)}" if sources.has_static_keys(profile) else ""
        because, hint = sources.indented(profile, "source_profile", "credential_source")
        lost = profiles.lost(profile)
        raise ConfigError(
            f"profile {quoted(profile.name)} has a role_arn, but neither source_profile nor credential_source",
            profile.settings["role_arn"].origin,
            None if lost is None else lost[1].origin,
            because=because or (lost and lost[0]),
            hint=hint or (f"add source_profile{own}", "name the source with --profile"),
        )
    return setting


def _refuse_loop(line: list[Profile], source: Profile, origin: Origin) -> None:
    """Refuse a source that is in *line* already. A role with an access key may name itself."""
    names = [profile.name for profile in line]
    if source.name not in names or (source.name == names[-1] and sources.has_static_keys(source)):
        return
    circle = " → ".join(quoted(name)[1:-1] for name in [*names[names.index(source.name) :], source.name])
    raise ConfigError(f"source_profile leads back to itself: {circle}", origin, hint=_BREAK_LOOP)


def _check_typed(word: Setting, profiles: Profiles) -> None:
    header = misspelt(word.value, profiles)
    if header is not None:
        # The user means a profile. A role of that name would be another one.
        raise header
    limits.role(word.value, partitions.WITHOUT_REGION, word.origin)


def _sources(profiles: Profiles, environ: Environ) -> tuple[str, ...]:
    """Return the profiles that the roles have as their sources; if there are no roles, all that are sources."""
    found = [links for _, links in every(profiles, environ) if links is not None and links.source.profile is not None]
    found = [links for links in found if links.roles] or found
    return tuple(dict.fromkeys(links.source.profile for links in found if links.source.profile))


def _ambient(profiles: Profiles, environ: Environ) -> Links | None:
    """Return the source that the environment selects, in the order of `resolve`; None: it selects none."""
    variables = ("AWS_DEFAULT_PROFILE", "AWS_PROFILE")
    named = next((Setting(environ[name], Origin(name)) for name in variables if environ.get(name)), None)
    profile = profiles.get("default") if named is None else _known(named, profiles)
    found = sources.from_keys(environ)
    if found is None and profile is not None and sources.is_role(profile):
        return _followed(profile, None, profiles, environ)
    found = found or sources.from_web_identity(environ)
    if found is None and profile is not None and (named is not None or sources.kind_of(profile) is not None):
        return _followed(profile, None, profiles, environ)
    found = found or sources.from_container(environ)
    if found is None:
        return None
    return Links(found, (), () if profile is None else (profile,))


def _known(name: Setting, profiles: Profiles) -> Profile:
    """Return the profile of that name.

    Raises:
        ConfigError: There is no such profile.
    """
    profile = profiles.get(name.value)
    if profile is not None:
        return profile
    if not name.value:
        remedy = "unset it" if name.origin.key is None else "remove the line"
        raise ConfigError(
            f"{name.origin.key or name.origin.name} is empty", name.origin, hint=("name a profile", remedy)
        )
    fact = f"there is no profile {quoted(name.value)} in {profiles.where}"
    # `every` discards the error, perhaps for hundreds of roles.
    raise limits.refused(
        fact, name.value, name.origin, lambda: did_you_mean(name.value, profiles, name.origin) or _LIST
    )


def _no_default(word: Setting | None, profiles: Profiles, environ: Environ) -> SourceError:
    """Return the error for credentials that only a profile has which nothing names: for the role *word*, or a login."""
    error = nothing(profiles, environ)
    if error is not None:
        return error
    options = [f"--profile {shlex.quote(printable(name))}" for name in _sources(profiles, environ)]
    if word is None:
        fact = "several profiles could log in, and none of them is the default"
        return SourceError(fact, hint=tuple(f"awsenv login {option}" for option in options[:2]))
    fact = f"there is no default profile to assume role {quoted(word.value)} with"
    if limits.is_bare_name(word.value):
        fact = f"there is no profile {quoted(word.value)} in {profiles.where}, and {fact.removeprefix('there is ')}"
    return SourceError(fact, word.origin, hint=(f"name a source: {options[0]}", _LIST))

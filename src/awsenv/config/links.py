"""Follow profiles from the requested role to the source."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from awsenv.config import arns, limits, sources
from awsenv.config.profiles import Setting, did_you_mean, misspelt
from awsenv.errors import ConfigError, SourceError
from awsenv.origin import Origin
from awsenv.wording import printable, quoted

if TYPE_CHECKING:
    from awsenv.config.profiles import Profile, Profiles
    from awsenv.config.sources import Found
    from awsenv.model import Environ, RoleRequest

MAX_HOPS = 20
"""A longer chain is a mistake, and each hop costs a request."""


class Link(NamedTuple):
    """A role of the chain."""

    role: Setting
    """Its ARN in the profile, or the ROLE of the command line."""
    profile: Profile | None
    """The profile that describes it; None: the user typed an ARN or a name."""


class Links(NamedTuple):
    """The source and the roles of a chain, whose values are not checked yet."""

    found: Found
    roles: tuple[Link, ...]
    """In the order of the calls."""
    profiles: tuple[Profile, ...]
    """The profiles whose settings count: the requested one first, the source last."""

    @property
    def source_profile(self) -> Profile | None:
        """The profile that holds the source credentials; None: the environment holds them."""
        name = self.found.source.profile
        return next((profile for profile in self.profiles if profile.name == name), None)


def links_of(request: RoleRequest, profiles: Profiles, environ: Environ) -> Links:
    """Return the links from a source to the requested role.

    Raises:
        ConfigError: A name is not a profile or a role, source profiles form a loop, or a profile contradicts itself.
        SourceError: There are no source credentials.
    """
    return _Search(request, profiles, environ).role()


def source_links(request: RoleRequest, profiles: Profiles, environ: Environ) -> Links:
    """Return the links of `awsenv login`: to the source of the profile that *request* names, or of the environment.

    Raises:
        ConfigError: There is no such profile, source profiles form a loop, or a profile contradicts itself.
        SourceError: There are no source credentials.
    """
    return _Search(request, profiles, environ).source()


def source_name(request: RoleRequest) -> Setting | None:
    """Return the profile that a request of `awsenv login` names, or None."""
    field = "role" if request.profile is None else "profile"
    name = getattr(request, field)
    return Setting(name, request.origin(field)) if name else None


class _Search:
    """Follows profiles, and collects the roles and the profiles of the chain."""

    def __init__(self, request: RoleRequest, profiles: Profiles, environ: Environ) -> None:
        self._request, self._profiles, self._environ = request, profiles, environ
        self._roles: list[Link] = []
        self._seen: list[Profile] = []

    def role(self) -> Links:
        word = self._request.role
        profile = self._profiles.get(word)
        chosen = self._request.profile
        source = None if chosen is None else Setting(chosen, self._request.origin("profile"))
        if profile is None:
            return self._to(self._typed(Setting(word, self._request.origin("role")), source))
        return self._to(self._described(profile, source))

    def source(self) -> Links:
        name = source_name(self._request)
        return self._to(self._ambient(None) if name is None else self._selected(name))

    def _to(self, found: Found) -> Links:
        return Links(found, tuple(reversed(self._roles)), tuple(self._seen))

    def _described(self, profile: Profile, source: Setting | None) -> Found:
        if sources.is_role(profile):
            return self._role(profile, source)
        self._seen.append(profile)
        return sources.from_profile(profile, self._profiles)

    def _typed(self, word: Setting, source: Setting | None) -> Found:
        section = misspelt(word.value, self._profiles)
        if section is not None:
            # The user means a profile. A role of that name would be another one.
            raise ConfigError(section.fact, section.origin, hint=section.hint)
        try:
            arns.role(word.value, arns.WITHOUT_REGION, word.origin)
        except ConfigError as error:
            if not word.value.startswith("arn:"):
                error.hint = did_you_mean(word.value, self._profiles) or error.hint
            raise
        self._roles.append(Link(word, None))
        return self._ambient(word) if source is None else self._selected(source)

    def _ambient(self, word: Setting | None) -> Found:
        """Return the source that the environment selects for the role *word*, in the order of `resolve`."""
        keys = sources.from_keys(self._environ)
        named = self._named()
        profile = self._profiles.get("default" if named is None else named.value)
        selected = Setting("default", profile.origin) if named is None and profile is not None else named
        is_role = profile is not None and sources.is_role(profile)
        if keys is None and selected is not None and is_role:
            return self._selected(selected)
        found = keys or sources.from_web_identity(self._environ)
        holds_some = profile is not None and sources.kind_of(profile) is not None
        if found is None and selected is not None and (named is not None or holds_some):
            return self._selected(selected)
        found = found or sources.from_container(self._environ)
        if found is None:
            raise self._nothing(word)
        if profile is not None:
            self._seen.append(profile)
        return found

    def _selected(self, name: Setting) -> Found:
        """Return the source of a selected profile. As in botocore, a role outranks an access key."""
        return self._described(self._known(name), None)

    def _known(self, name: Setting) -> Profile:
        profile = self._profiles.get(name.value)
        if profile is None:
            raise self._unknown(name)
        return profile

    def _named(self) -> Setting | None:
        """Return the profile that the environment names. An empty variable names none."""
        for variable in ("AWS_DEFAULT_PROFILE", "AWS_PROFILE"):
            name = self._environ.get(variable)
            if name:
                self._known(Setting(name, Origin(variable)))
                return Setting(name, Origin(variable))
        return None

    def _role(self, profile: Profile, source: Setting | None) -> Found:
        """Add the role of a profile, and return its source."""
        if len(self._roles) == MAX_HOPS:
            raise ConfigError(
                f"the chain of source_profile from {quoted(self._seen[0].name)} has more than {MAX_HOPS} roles",
                profile.origin,
                hint="let one of them name a profile with credentials",
            )
        self._seen.append(profile)
        self._roles.append(Link(profile.settings["role_arn"], profile))
        if source is not None:
            return self._source(source)
        named, kind = profile.settings.get("source_profile"), profile.settings.get("credential_source")
        if named is not None and kind is not None:
            raise ConfigError(
                f"profile {quoted(profile.name)} has both source_profile and credential_source",
                named.origin,
                kind.origin,
                hint="keep one of the two",
            )
        if kind is not None:
            return sources.from_credential_source(kind, profile, self._environ)
        if named is None:
            own = f" = {printable(profile.name)}" if sources.has_static_keys(profile) else ""
            raise ConfigError(
                f"profile {quoted(profile.name)} has a role_arn, but neither source_profile nor credential_source",
                profile.settings["role_arn"].origin,
                hint=f"add source_profile{own}, or name the source with --profile",
            )
        return self._source(named)

    def _source(self, name: Setting) -> Found:
        """Return the source of a source profile. As in botocore, an access key outranks a role_arn here."""
        profile = self._known(name)
        names = [seen.name for seen in self._seen]
        if profile.name in names and not (profile.name == names[-1] and sources.has_static_keys(profile)):
            raise _loop([*names[names.index(profile.name) :], profile.name], name.origin)
        if sources.is_role(profile) and not sources.has_static_keys(profile):
            return self._role(profile, None)
        self._seen.append(profile)
        return sources.from_profile(profile, self._profiles)

    def _unknown(self, name: Setting) -> ConfigError:
        if not name.value:
            return ConfigError(
                f"{name.origin.key or name.origin.name} is empty",
                name.origin,
                hint="name a profile, or unset it" if name.origin.key is None else "name a profile, or remove the line",
            )
        fact = f"there is no profile {quoted(name.value)} in {self._profiles.where}"
        hint = did_you_mean(name.value, self._profiles) or "awsenv list shows the profiles"
        return limits.refused(fact, name.value, name.origin, hint)

    def _nothing(self, word: Setting | None) -> SourceError:
        to_begin = "name a source with --profile, set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run aws configure"
        if word is None:
            return SourceError("there are no credentials to log in with", hint=to_begin)
        fact, hint = f"there are no credentials to assume role {quoted(word.value)} with", None
        if arns.is_bare_name(word.value):
            fact = f"there is no profile {quoted(word.value)} in {self._profiles.where}, and {fact}"
            hint = did_you_mean(word.value, self._profiles)
        return SourceError(fact, word.origin, hint=hint or to_begin)


def _loop(names: list[str], origin: Origin) -> ConfigError:
    circle = " → ".join(quoted(name)[1:-1] for name in names)
    return ConfigError(
        f"source_profile leads back to itself: {circle}",
        origin,
        hint="let one of them name a profile with credentials",
    )

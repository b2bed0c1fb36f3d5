"""Resolve a request into a chain: request + profiles + environment → Chain."""

from __future__ import annotations

import re
import shlex
from contextlib import suppress
from functools import reduce

from awsenv.config import limits, partitions, sources
from awsenv.config.headers import lost_rails, misplaced_rails
from awsenv.config.hops import (
    FIELDS,
    assistant,
    assume_role,
    default_session_name,
    device,
    device_of,
    named,
    session_hops,
    with_mfa,
)
from awsenv.config.ini import Setting
from awsenv.config.links import every, links_of, source_links, source_name
from awsenv.config.rails import rails, with_strictest
from awsenv.config.settings import with_settings
from awsenv.errors import AwsenvError, ConfigError, Origin, UsageError
from awsenv.model import AssumeRole, Chain, Rails, RoleRequest
from awsenv.record import replace
from awsenv.variables import KEY_PAIR, REGION, TOKENS, having
from awsenv.wording import listed, printable, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from awsenv.config.links import Links
    from awsenv.config.profiles import Profile, Profiles
    from awsenv.model import Assistant, Environ, GetSessionToken, Hop, Source

_REGION = having(REGION)

_Region = tuple[Setting | None, str]
"""The region of a chain, or None, and its partition."""


def resolve(request: RoleRequest, profiles: Profiles, environ: Environ) -> Chain:
    """Return the chain for *request*: the source, the hops and the region, each value with its origin.

    Pure: the same input gives the same chain.

    The source of a role that is given as an ARN or a name is the first of these. From 2 on, it is the order of botocore
    (1.44.5, `create_credential_resolver`):

    1. the requested profile (`--profile`, `AWSENV_PROFILE`); it also replaces the source_profile of a role that a
       profile describes;
    2. `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`;
    3. the profile of `AWS_DEFAULT_PROFILE`, else of `AWS_PROFILE`, else `default`, if it describes a role. An unknown
       profile is an error even with keys, as in botocore. An empty variable does not count;
    4. `AWS_WEB_IDENTITY_TOKEN_FILE` with `AWS_ROLE_ARN`;
    5. the same profile as 3, if it holds credentials. If the environment names it and it holds none, that is an error;
       botocore would go on;
    6. the container's endpoint (`AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`, `AWS_CONTAINER_CREDENTIALS_FULL_URI`).

    The role of the machine (EC2) is used only if a profile names it with `credential_source`.

    Args:
        request: The request, including the options set by variables.
        profiles: The profiles of the two files.
        environ: The original environment of the caller.

    Raises:
        ConfigError: A name is neither a profile nor a role, source profiles form a loop, AWS would refuse a value, or
            the credentials cannot be narrowed.
        SourceError: There are no source credentials.
        UsageError: An option applies to roles only, and the profile is not a role.
    """
    links = links_of(request, profiles, environ)
    region = _region_of(request, links.profiles, environ)
    hops: tuple[Hop, ...]
    if links.roles:
        hops = _roles(links, request, environ, region[1])
    else:
        hops = _session(links, request)
        _refuse_idle_options(request, is_session=bool(hops))
    chain = _chain_of(links, hops, region, request.role, {"role": request.origin("role")})
    chain = replace(chain, rails=_rails_of(links, chain, profiles))
    return _narrowed(with_settings(chain, profiles, environ), request, assistant(environ, request.program))


def resolve_login(request: RoleRequest, profiles: Profiles, environ: Environ) -> Chain:
    """Return the chain of `awsenv login`: a source, and the MFA session of its user if the user has a device.

    The credentials of GetSessionToken carry MFA, and so meet a role's condition on MFA (IAM guide, "Configuring
    MFA-protected API access"). The device is that of the named role or source (see `device_of`), else the one
    device of all roles with this source. With a code but no device, the sender finds the device.

    Args:
        request: `profile` or `role` names the source, or a role with that source; without either, the environment
            selects the source. `code`, `mfa_serial`, `duration` and `region` count too.
        profiles: The profiles of the two files.
        environ: The original environment of the caller.

    Raises:
        ConfigError: There is no such profile, the roles name several devices, the code or the device is for temporary
            credentials, or AWS would refuse a value.
        SourceError: There are no source credentials.
    """
    if request.duration is not None:
        limits.in_range(request.duration, limits.MAX_SESSION_DURATION, request.origin("duration"))
    links = source_links(request, profiles, environ)
    source = links.source_profile
    own = (source,) if source is not None else links.profiles[-1:]
    named = links.profiles[:1] if links.roles else ()
    hops: tuple[GetSessionToken, ...] = ()
    if sources.may_be_long_term(links.source):
        used = device_of(links, request)
        if not used.serial:
            serial, named = _device_of_the_roles(links.source, profiles, environ)
            used = device(serial, (*named, *own))
        hops = session_hops(used, source, request)
    else:
        _refuse_mfa(links.source, request, environ)
    region = _region_of(request, (*own, *named), environ)
    name = source_name(request)
    label = links.source.profile or "environment"
    return _chain_of(replace(links, profiles=own), hops, region, label, {} if name is None else {"role": name.origin})


def login_command(chain: Chain, profiles: Profiles, environ: Environ) -> str:
    """Return the command line that opens the MFA session of the source of *chain*: the short one, if it does."""
    with suppress(AwsenvError):
        if resolve_login(RoleRequest(""), profiles, environ).source == chain.source:
            return "awsenv login"
    name = chain.source.profile if profiles.get(chain.role) is None else chain.role
    return "awsenv login" if name is None else f"awsenv login --profile {shlex.quote(printable(name))}"


def _narrowed(chain: Chain, request: RoleRequest, asking: Assistant | None) -> Chain:
    """Return *chain* narrowed by the guard rails and by the request, and with the name of the assistant that asks.

    Raises:
        ConfigError: It cannot be narrowed.
    """
    if asking is not None:
        from awsenv.config.assistants import governed  # noqa: PLC0415 - most commands are those of people

        chain = governed(replace(chain, assistant=asking))
    given = [each for each in (chain.rails.narrowing, request.narrowing) if each is not None]
    if given:
        from awsenv.config.narrowing import joined  # noqa: PLC0415 - few roles are narrowed
        from awsenv.config.scoping import narrowed  # noqa: PLC0415 - the same

        chain = narrowed(chain, reduce(joined, given))
    return named(chain)


def _roles(links: Links, request: RoleRequest, environ: Environ, partition: str) -> tuple[AssumeRole, ...]:
    default_name = default_session_name(environ, request.user)
    hops = tuple(
        assume_role(
            link,
            request if link is links.roles[-1] else None,
            chained=number > 0 or sources.makes_chained(links.source),
            default_name=default_name,
            partition=partition,
        )
        for number, link in enumerate(links.roles)
    )
    return with_mfa(hops, links, request)


def _session(links: Links, request: RoleRequest) -> tuple[GetSessionToken, ...]:
    """Return the hop of a profile that is not a role: the MFA session of its user, if the user has a device.

    Raises:
        ConfigError: The request has a code, but the profile does not hold the access key of a user.
    """
    profile = links.profiles[0]
    if sources.is_long_term(links.source):
        return session_hops(device_of(links, request), profile, request)
    if request.code is None:
        return ()
    raise ConfigError(
        f"profile {quoted(profile.name)} cannot use an MFA code",
        request.origin("code"),
        because="it is not a role, and has no access key of a user",
        hint="leave the code out",
    )


def _rails_of(links: Links, chain: Chain, profiles: Profiles) -> Rails:
    """Return the guard rails of the requested profile.

    A typed role has those of a profile that describes it, of a protected one first. Where only AWS knows its account,
    each profile with a role of its name may describe it. Then it is in the account of the source, and that must be the
    one that the guard rails of the source name. A role that one of them does not narrow is not narrowed. What one of
    them keeps from assistants is kept from them.

    Raises:
        ConfigError: As of `_checked_rails`.
    """
    last = chain.last
    if not isinstance(last, AssumeRole) or last.profile is not None:
        return next(iter(_checked_rails(links, (), profiles).values()), Rails())
    account = sources.account_of(chain, profiles)
    describing = tuple(profiles.describing((last if account is None else last.within(account)).role))
    found = _checked_rails(links, describing, profiles)
    same = sorted((found[profile.name] for profile in describing), key=lambda own: not own.is_protected)
    first = next((own for own in same if own != Rails()), Rails())
    if not all(own.narrowing for own in same):
        first = replace(first, narrowing=None)
    first = with_strictest(first, same)
    if last.role.account is not None:
        return first
    source = found.get(chain.source.profile or "", Rails())
    origins = {name: origin for name, origin in first.origins.items() if name != "account"}
    origins |= {name: origin for name, origin in source.origins.items() if name == "account"}
    return replace(first, account=source.account, origins=origins)


def _checked_rails(links: Links, describing: tuple[Profile, ...], profiles: Profiles) -> dict[str, Rails]:
    """Return the guard rails of the profiles of *links* and of those *describing* a typed role, by their names.

    Raises:
        ConfigError: One of them is wrong or misplaced, or the account of a profile is another.
    """
    found: dict[str, Rails] = {}
    accounts = _accounts(links, describing)
    for profile in (*links.profiles, *describing):
        own = found[profile.name] = rails(profile.settings)
        for error in (*misplaced_rails(profiles, profile.name), *lost_rails(profiles, profile)):
            raise error
        account = accounts.get(profile.name)
        if own.account is not None and account is not None and account.value != own.account:
            raise ConfigError(
                f"profile {quoted(profile.name)} is in account {account.value}, and must be in {own.account}",
                account.origin,
                own.origins["account"],
                hint=(f"correct {account.origin.key}", "correct awsenv_account"),
            )
    return found


def _accounts(links: Links, describing: tuple[Profile, ...]) -> dict[str, Setting]:
    """Return the account of each profile that names one, with the origin of what names it."""
    arns = {link.profile.name: link.role for link in links.roles if link.profile is not None}
    arns |= {profile.name: profile.settings["role_arn"] for profile in describing}
    source, found = links.source_profile, dict[str, Setting]()
    if source is not None and links.source.kind == "web-identity":
        arns[source.name] = source.settings["role_arn"]
    elif source is not None and (account := source.settings.get(sources.KINDS[links.source.kind].account)):
        found[source.name] = account
    for name, arn in arns.items():
        found[name] = Setting(str(limits.role_arn(arn.value, arn.origin).account), arn.origin)
    return found


def _device_of_the_roles(
    source: Source, profiles: Profiles, environ: Environ
) -> tuple[Setting | None, tuple[Profile, ...]]:
    """Return the device that the roles of a source name, and their profiles.

    Raises:
        ConfigError: The roles name several devices.
    """
    naming: dict[str, list[tuple[Setting, Profile]]] = {}
    for profile, links in every(profiles, environ):
        if links is not None and links.roles and links.source == source:
            named = device_of(links, RoleRequest(profile.name))
            if named.serial:
                setting = Setting(named.serial, named.origins["mfa_serial"])
                naming.setdefault(named.serial, []).append((setting, profile))
    if len(naming) > 1:
        devices = listed([quoted(serial) for serial in naming])
        raise ConfigError(
            f"the roles of {_owner(source)} name {len(naming)} MFA devices: {devices}",
            *(each[0][0].origin for each in naming.values()),
            hint="choose one: awsenv login --mfa-serial ARN",
        )
    (only,) = naming.values() or ([],)
    return only[0][0] if only else None, tuple(profile for _, profile in only)


def _refuse_mfa(source: Source, request: RoleRequest, environ: Environ) -> None:
    """Refuse a code or the option of a device for temporary credentials.

    A variable is no error: it is set for every role.
    """
    exported = [name for name in (*KEY_PAIR, *TOKENS) if source.kind == "environment" and environ.get(name)]
    for field in ("code", "mfa_serial"):
        origin = request.origin(field)
        instead = f"leave {'the code' if field == 'code' else origin.name} out"
        if exported:
            instead = f"unset {' '.join(exported)}"
        if getattr(request, field) is not None and (field == "code" or origin.name.startswith("-")):
            raise ConfigError(
                f"the credentials of {_owner(source)} are temporary",
                origin,
                because="AWS opens no MFA session with them",
                hint=(instead, "name a source with the access key of a user: --profile"),
            )


def _owner(source: Source) -> str:
    return "the environment" if source.profile is None else f"profile {quoted(source.profile)}"


def _region_of(request: RoleRequest, profiles: tuple[Profile, ...], environ: Environ) -> _Region:
    """Return the region. The environment beats the files, as in every SDK; an empty value does not count.

    Raises:
        ConfigError: It is not a region of AWS.
    """
    values = [Setting(request.region, request.origin("region"))] if request.region is not None else []
    values += regions(profiles, environ)
    if not values:
        return None, partitions.WITHOUT_REGION
    return values[0], partitions.partition(values[0].value, values[0].origin)


def regions(profiles: tuple[Profile, ...], environ: Environ) -> list[Setting]:
    """Return the regions of the environment and of *profiles*; the first counts."""
    exported = [Setting(environ[name], Origin(name)) for name in _REGION if environ.get(name)]
    return exported + [profile.settings["region"] for profile in profiles if profile.value("region")]


def _chain_of(links: Links, hops: tuple[Hop, ...], region: _Region, role: str, origins: Mapping[str, Origin]) -> Chain:
    """Return the chain of *hops*, served with the settings of the first profile of *links*.

    Raises:
        ConfigError: STS would be called with an ARN of another partition than the region's, which it does not know.
    """
    setting, partition = region
    chain = Chain(
        source=links.source,
        hops=hops,
        role=role,
        label=_label(role, hops),
        region=None if setting is None else setting.value,
        partition=partition,
        settings_profile=links.profiles[0].name if links.profiles else None,
        origins=dict(origins) if setting is None else {**origins, "region": setting.origin},
    )
    for arn, origin in _arns(links, hops):
        if limits.partition_of(arn) not in {None, partition}:
            here = "without a region it is aws"
            if setting is not None:
                here = f"{setting.value} ({setting.origin}) is in {partition}"
            raise ConfigError(
                f"{quoted(arn)} is in another partition than the region: {here}",
                origin,
                hint=f"choose a region of {limits.partition_of(arn)} with --region",
            )
    return chain


def _arns(links: Links, hops: tuple[Hop, ...]) -> Iterator[tuple[str, Origin]]:
    """Return every ARN that is sent to STS."""
    source = links.source_profile
    if source is not None and links.source.kind == "web-identity":
        yield source.settings["role_arn"].value, source.settings["role_arn"].origin
    for hop in hops:
        if isinstance(hop, AssumeRole):
            yield str(hop.role), hop.origins["role"]
            yield from ((arn, hop.origins["policy_arns"]) for arn in hop.policy_arns)
        if hop.mfa is not None and hop.mfa.serial:
            yield hop.mfa.serial, hop.mfa.origins["mfa_serial"]


def _refuse_idle_options(request: RoleRequest, *, is_session: bool) -> None:
    """Refuse options that would have no effect. A variable is no error: it is set for every role."""
    for field in ("profile", *FIELDS, "mfa_serial"):
        if is_session and field in {"duration", "mfa_serial"}:
            continue
        origin = request.origin(field)
        if getattr(request, field) and origin.name.startswith("-"):
            raise UsageError(
                f"{origin} does not apply to profile {quoted(request.role)}, which is not a role",
                origin,
                hint=(f"leave {origin} out", "choose a profile with a role_arn"),
            )


def _label(word: str, hops: tuple[Hop, ...]) -> str:
    """Return what a prompt shows, with all but `[A-Za-z0-9_.@+=,/-]` replaced: it is inert in every shell."""
    last = hops[-1] if hops else None
    shown = re.sub(r"[^A-Za-z0-9_.@+=,/-]", "-", word)
    if isinstance(last, AssumeRole) and last.role.account is not None and (last.profile is None or shown != word):
        # A changed name might look like another profile's; a role and its account do not, and IAM's names are inert.
        return f"{last.role.name}@{last.role.account}"
    return shown

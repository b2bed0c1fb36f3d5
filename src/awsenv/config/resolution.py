"""From a request to a plan: request + profiles + environment → Chain."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from awsenv.config import arns, limits, mfa
from awsenv.config.hops import assume_role, default_session_name
from awsenv.config.links import links_of
from awsenv.config.settings import with_settings
from awsenv.errors import ConfigError, UsageError
from awsenv.model import AssumeRole, Chain
from awsenv.origin import Origin
from awsenv.wording import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from awsenv.config.links import Links
    from awsenv.config.profiles import Profile, Profiles
    from awsenv.model import Environ, Hop, RoleRequest

_OF_A_ROLE = (
    "profile",
    "external_id",
    "session_name",
    "source_identity",
    "tags",
    "transitive_tags",
    "policy",
    "policy_arns",
)
_OF_A_SESSION = ("duration", "mfa_serial")


def resolve(request: RoleRequest, profiles: Profiles, environ: Environ) -> Chain:
    """Return the plan for *request*: the source, the hops, the region, each value with its origin.

    Pure: it connects to nothing, and the same input gives the same chain.

    The source of a role that is typed as an ARN or a name is the first of these. From the keys on it is botocore's
    order (1.44.5, `create_credential_resolver`):

    1. the requested profile (`--profile`, `AWSENV_PROFILE`); it also takes the place of the source_profile of
       a role that a profile describes;
    2. `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`;
    3. the profile of `AWS_DEFAULT_PROFILE`, else of `AWS_PROFILE`, else `default`, if it describes a role. A name of no
       profile is an error, as in botocore, keys or no keys. An empty one is none;
    4. `AWS_WEB_IDENTITY_TOKEN_FILE` with `AWS_ROLE_ARN`;
    5. the same profile as 3, if it holds credentials. One that the environment names and that holds none is an error;
       botocore would go on;
    6. the container's endpoint (`AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`, `AWS_CONTAINER_CREDENTIALS_FULL_URI`).

    The role of the machine itself (EC2) is used only where a profile says so with `credential_source`.

    Args:
        request: The request, with what the variables of awsenv say.
        profiles: What the files say.
        environ: The environment of the caller without what awsenv itself has put there.

    Raises:
        ConfigError: A name that is neither that of a profile nor of a role, a loop, or a value that AWS would refuse.
        SourceError: There are no credentials to begin with.
        UsageError: An option that speaks of a role, and the profile is not a role.
        MfaError: The code is not six digits.
    """
    if request.code is not None:
        limits.mfa_code(request.code)
    links = links_of(request, profiles, environ)
    region = region_of(request, links.profiles, environ)
    partition = arns.WITHOUT_REGION if region is None else arns.partition(*region)
    hops: tuple[Hop, ...]
    if links.roles:
        hops = _roles(links, request, environ, partition)
    else:
        hops = mfa.session_token(links, request)
        _refuse_idle_options(request, _OF_A_ROLE if hops else (*_OF_A_ROLE, *_OF_A_SESSION))
    check_partition(links, hops, partition, region)
    chain = Chain(
        source=links.found.source,
        hops=hops,
        role=request.role,
        label=_label(request.role, hops),
        region=None if region is None else region[0],
        settings_profile=links.profiles[0].name if links.profiles else None,
        origins={"role": request.origin("role"), **({} if region is None else {"region": region[1]})},
    )
    return with_settings(chain, profiles, environ)


def _roles(links: Links, request: RoleRequest, environ: Environ, partition: str) -> tuple[AssumeRole, ...]:
    default_name = default_session_name(environ, request.user)
    hops = tuple(
        assume_role(
            link,
            request if link is links.roles[-1] else None,
            chained=number > 0 or links.found.is_temporary,
            default_name=default_name,
            partition=partition,
        )
        for number, link in enumerate(links.roles)
    )
    return mfa.with_mfa(hops, links, request)


def region_of(request: RoleRequest, profiles: tuple[Profile, ...], environ: Environ) -> tuple[str, Origin] | None:
    """Return the region and its origin. The environment beats the files, as in every SDK; an empty one is none."""
    if request.region is not None:
        return request.region, request.origin("region")
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        if environ.get(variable):
            return environ[variable], Origin(variable)
    settings = (profile.settings["region"] for profile in profiles if profile.value("region"))
    return next(((setting.value, setting.origin) for setting in settings), None)


def check_partition(links: Links, hops: tuple[Hop, ...], partition: str, region: tuple[str, Origin] | None) -> None:
    """Refuse an ARN of another partition than the region's: STS of one partition knows nothing of another.

    Raises:
        ConfigError: There is such an ARN.
    """
    for arn, origin in _arns(links, hops):
        if arns.partition_of(arn) not in {None, partition}:
            here = "without a region it is aws" if region is None else f"{region[0]} ({region[1]}) is in {partition}"
            raise ConfigError(
                f"{quoted(arn)} is in another partition than the region: {here}",
                origin,
                hint=f"choose a region of {arns.partition_of(arn)} with --region",
            )


def _arns(links: Links, hops: tuple[Hop, ...]) -> Iterator[tuple[str, Origin]]:
    """Return every ARN that STS is called with."""
    source = links.source_profile
    if source is not None and links.found.source.kind == "web-identity":
        yield source.settings["role_arn"].value, source.settings["role_arn"].origin
    for hop in hops:
        if isinstance(hop, AssumeRole):
            yield str(hop.role), hop.origins["role"]
            yield from ((arn, hop.origins["policy_arns"]) for arn in hop.policy_arns)
        if hop.mfa is not None and hop.mfa.serial is not None:
            yield hop.mfa.serial, hop.origins["mfa_serial"]


def _refuse_idle_options(request: RoleRequest, fields: tuple[str, ...]) -> None:
    """Refuse options that would do nothing. Variables may stay: they speak of whichever role comes next."""
    for field in fields:
        origin = request.origin(field)
        if getattr(request, field) and origin.name.startswith("-"):
            raise UsageError(
                f"{origin} does not apply to profile {quoted(request.role)}, which is not a role",
                origin,
                hint=f"leave {origin} out, or choose a profile with a role_arn",
            )


def label(text: str) -> str:
    """Return *text* with all but `[A-Za-z0-9_.@+=,/-]` replaced, so that it is inert in every prompt."""
    return re.sub(r"[^A-Za-z0-9_.@+=,/-]", "-", text)


def _label(word: str, hops: tuple[Hop, ...]) -> str:
    last = hops[-1] if hops else None
    shown = label(word)
    if isinstance(last, AssumeRole) and last.role.account is not None and (last.profile is None or shown != word):
        # A profile whose name cannot be shown as it is might look like another one: the role and its account do not.
        return label(f"{last.role.name}@{last.role.account}")
    return shown

"""Whether the files give a chain to the role, and a region."""

from __future__ import annotations

import shlex
from contextlib import suppress
from typing import TYPE_CHECKING

from awsenv import config
from awsenv.config import limits, sources
from awsenv.doctor.model import Finding, Verdict, fine, of_error, warning
from awsenv.errors import AwsenvError, SourceError
from awsenv.model import AssumeRole, RoleRequest
from awsenv.provider import Resolved
from awsenv.wording import printable, quoted

if TYPE_CHECKING:
    from collections.abc import Generator

    from awsenv.config import Profiles
    from awsenv.model import Chain, Environ

CHECK = "chain"


def chain(
    request: RoleRequest | None, profiles: Profiles, environ: Environ
) -> Generator[Finding, None, Resolved | None]:
    """Return the chain of the role; None: there is none.

    Args:
        request: The role; None: resolve each role, and return the chain of a source that roles use.
        profiles: What the files say.
        environ: The environment of the caller, without what a role of awsenv has set.
    """
    try:
        found = config.resolve(request, profiles, environ) if request else (yield from _each_role(profiles, environ))
        config.check_source(found.source, profiles, environ)
    except AwsenvError as error:
        yield of_error(CHECK, error)
        return None
    yield fine(CHECK, _spelled(found))
    for note in found.notes:
        hint = f"awsenv explain {shlex.quote(printable(found.role))} shows the origin of each value"
        yield warning(CHECK, note.fact, hint, origins=[note.origin])
    yield _region(found)
    return Resolved(found, profiles, environ, None if request is None else request.code)


def _each_role(profiles: Profiles, environ: Environ) -> Generator[Finding, None, Chain]:
    """Yield a warning for each role without a chain; return the chain of the source that all share, or that of one."""
    roles = [entry for entry in config.roles(profiles, environ) if entry.role_arn is not None]
    requests = [RoleRequest(entry.name, origins={"role": entry.origin}) for entry in roles]
    complete = len(roles)
    for request in requests:
        try:
            config.resolve(request, profiles, environ)
        except AwsenvError as error:  # noqa: PERF203 - each role for itself
            complete -= 1
            yield of_error("roles", error, Verdict.WARNING)
    if not roles:
        yield fine("roles", "the files describe no role yet: awsenv setup makes some")
    elif complete:
        yield fine("roles", f"{complete} of {len(roles)} are complete: awsenv list shows them")
    try:
        return config.resolve_login(RoleRequest(""), profiles, environ)
    except SourceError:
        for request in requests:
            with suppress(AwsenvError):
                return config.resolve_login(request, profiles, environ)
        raise


def _spelled(found: Chain) -> str:
    """Return the chain in one line: `the access key of profile default → power-user (123456789012) with MFA`."""
    parts = [printable(sources.title(found.source))]
    for hop in found.hops:
        name = "MFA session"
        if isinstance(hop, AssumeRole):
            account = "" if hop.role.account is None else f" ({hop.role.account})"
            name = f"{printable(hop.role.path_and_name)}{account}{'' if hop.mfa is None else ' with MFA'}"
        parts.append(name)
    return " → ".join(parts)


def _region(found: Chain) -> Finding:
    if found.region is None:
        fact = "none is configured: AWS gives the role without one, but most commands need one"
        return warning("region", fact, "set region in the profile", "pass --region")
    origin = found.origins["region"]
    if limits.is_listed(found.region):
        return fine("region", f"{found.region}, in partition {found.partition}", origins=[origin])
    fact = f"{quoted(found.region)} looks like a region, but this version of botocore does not know it"
    return warning("region", fact, "correct region, or --region, unless it is a new one", origins=[origin])

"""Whether the files give a chain to the role, and a region."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from awsenv import config, environment
from awsenv.config import arns
from awsenv.doctor.model import Finding, Verdict, fine, of_error, unknown, warning
from awsenv.errors import AwsenvError, ConfigError, SourceError
from awsenv.model import AssumeRole, RoleRequest
from awsenv.wording import printable, quoted

if TYPE_CHECKING:
    from collections.abc import Generator

    from awsenv.config import Profiles
    from awsenv.doctor.model import Inputs
    from awsenv.model import Chain, Environ, RoleArn


CHECK = "chain"


@dataclass(frozen=True, slots=True)
class Plan:
    """A chain, and what it was made from."""

    chain: Chain
    profiles: Profiles
    environ: Environ = field(repr=False)
    """The environment of the caller, without what a role of awsenv has set."""


def plan(inputs: Inputs, *, files_are_wrong: bool) -> Generator[Finding, None, Plan | None]:
    """Return the plan of the role, or that of a source if the caller names no role; None: there is none."""
    environ = environment.original(inputs.environ)
    try:
        profiles = config.read(environ, inputs.folder)
    except ConfigError as error:
        if files_are_wrong:
            yield unknown(CHECK, "not checked: the files cannot be read")
        else:
            yield of_error("files", error)
        return None
    try:
        chain = yield from _chain(inputs.request, profiles, environ)
        config.check_source(chain.source, profiles, environ)
    except AwsenvError as error:
        yield of_error(CHECK, error)
        return None
    yield fine(CHECK, _spelled(chain))
    for note in chain.notes:
        hint = f"awsenv explain {shlex.quote(printable(chain.role))} shows where each value comes from"
        yield warning(CHECK, note.fact, hint, origins=[note.origin])
    yield _region(chain)
    return Plan(chain, profiles, environ)


def _chain(request: RoleRequest | None, profiles: Profiles, environ: Environ) -> Generator[Finding, None, Chain]:
    if request is not None:
        return config.resolve(request, profiles, environ)
    roles = [entry for entry in config.roles(profiles) if entry.role_arn is not None]
    yield from _each_role(roles, profiles, environ)
    try:
        return config.resolve_login(RoleRequest(""), profiles, environ)
    except SourceError:
        # Without a source that all roles share, that of any role will do.
        for entry in roles:
            request = RoleRequest(entry.name, origins={"role": entry.origin})
            try:
                return config.resolve_login(request, profiles, environ)
            except AwsenvError:
                continue
        raise


def _each_role(roles: list[config.Entry], profiles: Profiles, environ: Environ) -> Generator[Finding, None, None]:
    """Yield a warning for each role without a plan: the caller named none of them."""
    faults = 0
    for entry in roles:
        try:
            config.resolve(RoleRequest(entry.name, origins={"role": entry.origin}), profiles, environ)
        except AwsenvError as error:  # noqa: PERF203 - each role for itself
            faults += 1
            yield of_error("roles", error, Verdict.WARNING)
    if not roles:
        yield fine("roles", "the files describe none yet: awsenv setup makes some")
    elif faults < len(roles):
        yield fine("roles", f"{len(roles) - faults} of {len(roles)} are complete: awsenv list shows them")


def _spelled(chain: Chain) -> str:
    """Return the chain in one line: `default (access key in a file) → power-user (123456789012) with MFA`."""
    source = chain.source
    parts = [printable(source.profile) if source.profile is not None else "the environment"]
    for hop in chain.hops:
        device = " with MFA" if hop.mfa is not None else ""
        parts.append(f"{_named(hop.role)}{device}" if isinstance(hop, AssumeRole) else "MFA session")
    held = {"static": "access key in a file", "environment": "access key"}
    kind = held.get(source.kind, source.kind)
    return " → ".join([f"{parts[0]} ({kind})", *parts[1:]])


def _named(role: RoleArn) -> str:
    name = printable(role.path_and_name)
    return name if role.account is None else f"{name} ({role.account})"


def _region(chain: Chain) -> Finding:
    if chain.region is None:
        fact = "none is configured: AWS gives the role without one, but most commands need one"
        return warning("region", fact, "set region in the profile", "pass --region")
    origin = chain.origins["region"]
    partition = arns.partition(chain.region, origin)
    if arns.is_listed(chain.region):
        return fine("region", f"{chain.region}, in partition {partition}", origins=[origin])
    fact = f"{quoted(chain.region)} looks like a region, but this version of botocore does not know it"
    return warning("region", fact, "correct region, or --region, unless it is a new one", origins=[origin])

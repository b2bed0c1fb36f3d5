"""Whether the files make a plan of what was asked for, and the region of it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from awsenv import config, environment
from awsenv.config import arns
from awsenv.doctor.finding import Finding, Verdict, wrong
from awsenv.errors import AwsenvError, ConfigError, SourceError
from awsenv.model import AssumeRole, RoleRequest
from awsenv.wording import printable, quoted

if TYPE_CHECKING:
    from collections.abc import Generator

    from awsenv.config import Profiles
    from awsenv.doctor.inputs import Inputs
    from awsenv.model import Chain, Environ, RoleArn


@dataclass(frozen=True, slots=True)
class Plan:
    """A chain, and what it was made of."""

    chain: Chain
    profiles: Profiles
    environ: Environ = field(repr=False)
    """The environment of the caller without what a role of awsenv has put there."""


def plan(inputs: Inputs, *, files_are_wrong: bool) -> Generator[Finding, None, Plan | None]:
    """Return the plan of the role, or of the source that is used where none is named; None: there is none."""
    environ = environment.original(inputs.environ)
    try:
        profiles = config.read(environ, inputs.folder)
    except ConfigError as error:
        if files_are_wrong:
            yield Finding("chain", Verdict.UNKNOWN, "not looked at: the files have to be read first")
        else:
            yield wrong("files", error)
        return None
    try:
        chain = yield from _chain(inputs.request, profiles, environ)
        config.check_source(chain.source, profiles, environ)
    except AwsenvError as error:
        yield wrong("chain", error)
        return None
    yield Finding("chain", Verdict.FINE, _spelled(chain))
    yield from _notes(chain)
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
        # Nobody needs a source that is everybody's: that of a role will do.
        for entry in roles:
            request = RoleRequest(entry.name, origins={"role": entry.origin})
            try:
                return config.resolve_login(request, profiles, environ)
            except AwsenvError:
                continue
        raise


def _each_role(roles: list[config.Entry], profiles: Profiles, environ: Environ) -> Generator[Finding, None, None]:
    """Say which roles cannot even be planned. None of them was asked for: they are warnings."""
    troubles = [_trouble(entry, profiles, environ) for entry in roles]
    yield from (trouble for trouble in troubles if trouble is not None)
    good = troubles.count(None)
    if not roles:
        yield Finding("roles", Verdict.FINE, "none is described yet: awsenv setup makes some")
    elif good:
        yield Finding("roles", Verdict.FINE, f"{good} of {len(roles)} can be asked for: awsenv list")


def _trouble(entry: config.Entry, profiles: Profiles, environ: Environ) -> Finding | None:
    try:
        config.resolve(RoleRequest(entry.name, origins={"role": entry.origin}), profiles, environ)
    except AwsenvError as error:
        return Finding("roles", Verdict.WARNING, error.fact, error.where or None, error.hint)
    return None


def _spelled(chain: Chain) -> str:
    """Return the way in one line: `default (access key in a file) → power-user (123456789012) with MFA`."""
    source = chain.source
    steps = [printable(source.profile) if source.profile is not None else "the environment"]
    for hop in chain.hops:
        device = " with MFA" if hop.mfa is not None else ""
        steps.append(f"{_named(hop.role)}{device}" if isinstance(hop, AssumeRole) else "MFA session")
    held = {"static": "access key in a file", "environment": "access key"}
    kind = held.get(source.kind, source.kind)
    return " → ".join([f"{steps[0]} ({kind})", *steps[1:]])


def _named(role: RoleArn) -> str:
    name = printable(role.path_and_name)
    return name if role.account is None else f"{name} ({role.account})"


def _notes(chain: Chain) -> Generator[Finding, None, None]:
    for note in chain.notes:
        hint = f"awsenv explain {shlex.quote(printable(chain.role))} shows where each value is from"
        yield Finding("chain", Verdict.WARNING, note.fact, None if note.origin is None else str(note.origin), hint)


def _region(chain: Chain) -> Finding:
    if chain.region is None:
        return Finding(
            "region",
            Verdict.WARNING,
            "none is configured: the role is given all the same, and most commands will ask for one",
            hint="set region in the profile, or pass --region",
        )
    origin = chain.origins["region"]
    partition, known = arns.partition(chain.region, origin), arns.is_listed(chain.region)
    if known:
        return Finding("region", Verdict.FINE, f"{chain.region}, in partition {partition}", str(origin))
    return Finding(
        "region",
        Verdict.WARNING,
        f"{quoted(chain.region)} is of the form of a region, and none that this version of botocore knows",
        str(origin),
        "correct region, or --region, unless it is a new one",
    )

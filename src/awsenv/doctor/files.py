"""What is wrong with the two files of the AWS tools, and whether they give a chain to the role, and a region."""

from __future__ import annotations

import os
import shlex
import stat
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from awsenv import config
from awsenv.config import limits, partitions, sources
from awsenv.config.differences import differences
from awsenv.config.files import File, config_file, credentials_file, expanded, exposed, missing, quoted, shown
from awsenv.config.headers import all_misspelt, lost_rails, misplaced_rails
from awsenv.config.rails import rails
from awsenv.doctor.model import Finding, Verdict, fine, of_error, warning
from awsenv.errors import AwsenvError, ConfigError, Origin, SourceError
from awsenv.model import AssumeRole, RoleRequest
from awsenv.resolved import Resolved
from awsenv.wording import listed, printable
from awsenv.wording import quoted as in_quotes

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from awsenv.config import Profiles
    from awsenv.model import Chain, Environ

CHECK, CHAIN = "files", "chain"

_CACHES = ("~/.aws/sso/cache", "~/.aws/cli/cache")

_SHOWN = 5
"""How many differences are shown, of both files together."""


def files(environ: Environ, folder: str | None) -> Generator[Finding, None, Profiles | None]:
    """Check the config file and the credentials file, and return what they say; None: botocore cannot read them.

    Args:
        environ: The environment of the caller, without what a role of awsenv has set.
        folder: Where a relative path begins; None: at the working directory of the process.
    """
    try:
        profiles = config.read(environ, folder)
        conf, keys = config_file(environ, folder), credentials_file(environ, folder)
    except ConfigError as error:
        yield of_error(CHECK, error)
        return None
    found = [*(of_error(CHECK, error, Verdict.WARNING) for error in missing(environ, folder)), *_readable(keys)]
    for finding in (
        *_writable(conf, keys, *_caches(environ, folder)),
        *(of_error(CHECK, error, Verdict.WARNING) for error in misplaced_rails(profiles)),
        *(of_error(CHECK, each.error, Verdict.WARNING) for each in all_misspelt(profiles)),
        *_differences(conf, keys),
    ):
        # What mends the first finding of a place mends the next one, too.
        if finding.origins not in [other.origins for other in found]:
            found.append(finding)
    number = len(profiles.names)
    yield from found or [fine(CHECK, f"{listed(profiles.files)}: {number} profile{'' if number == 1 else 's'}")]
    return profiles


def _wrong_rails(profiles: Profiles) -> Iterator[ConfigError]:
    """Yield what is wrong with the guard rails of each profile that is no role: a source, or what others include."""
    for profile in profiles:
        if not sources.is_role(profile):
            try:
                rails(profile.settings)
            except ConfigError as error:
                yield error
            yield from misplaced_rails(profiles, profile.name)
            yield from lost_rails(profiles, profile)


def _readable(keys: File) -> Iterator[Finding]:
    """Check that only the owner can read the keys."""
    if keys.text is None:
        return
    status = os.stat(keys.path)  # noqa: PTH116 - the path as botocore opens it
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o077 and status.st_uid == os.geteuid():
        fact = f"users other than you have access to the keys: the mode of {keys.name} is {mode:04o}"
        yield warning(CHECK, fact, f"chmod 600 {quoted(keys.name)}", origins=[Origin(keys.name)])


def _caches(environ: Environ, folder: str | None) -> Iterator[File]:
    """Yield the folders in which the AWS CLI keeps sign-ins and the keys of roles."""
    for written in (environ.get("AWS_LOGIN_CACHE_DIRECTORY") or "~/.aws/login/cache", *_CACHES):
        path = expanded(written, environ)
        yield File(shown(path, environ), os.path.join(folder or "", path), None)  # noqa: PTH118 - as the two files


def _writable(*found: File) -> Iterator[Finding]:
    """Check that only the owner can change files and folders: a writer chooses the keys and commands of AWS tools."""
    for file in found:
        # `/dev/null` and the like are no file to botocore.
        if file.text is not None or not Path(file.path).exists() or Path(file.path).is_dir():
            yield from (of_error(CHECK, error, Verdict.WARNING) for error in exposed(file))


def _differences(conf: File, keys: File) -> Iterator[Finding]:
    """Find the lines that AWS tools read differently."""
    errors = [*differences(conf.text or "", conf.name, "config")]
    errors += differences(keys.text or "", keys.name, "credentials")
    found = [of_error(CHECK, error, Verdict.WARNING) for error in errors]
    yield from found[: _SHOWN - 1]
    for last in found[_SHOWN - 1 : _SHOWN]:
        more = len(found) - _SHOWN
        yield replace(last, fact=f"{last.fact}, and {more} more such lines") if more else last


def chain(request: RoleRequest, profiles: Profiles, environ: Environ) -> Generator[Finding, None, Resolved | None]:
    """Return the chain of the role; None: there is none.

    Args:
        request: The role; without one, resolve each role, and return the chain of a source that roles use.
        profiles: What the files say.
        environ: The environment of the caller, without what a role of awsenv has set.
    """
    try:
        each = _each_role(request, profiles, environ)
        found = config.resolve(request, profiles, environ) if request.role else (yield from each)
        config.check_source(found.source, profiles, environ)
    except AwsenvError as error:
        yield of_error(CHAIN, error)
        return None
    yield fine(CHAIN, _spelled(found))
    last = found.hops[-1] if found.hops else None
    if isinstance(last, AssumeRole) and last.profile is None and limits.is_bare_name(found.role):
        fact = "is not a profile; it is treated as a role in the account of the source"
        yield fine(CHAIN, f"{in_quotes(found.role)} {fact}")
    for note in found.notes:
        hints = note.hints or (f"awsenv explain {shlex.quote(printable(found.role))}",)
        yield warning(CHAIN, note.fact, *hints, origins=[note.origin])
    yield _region(found)
    return Resolved(found, profiles, environ, request.code)


def _each_role(options: RoleRequest, profiles: Profiles, environ: Environ) -> Generator[Finding, None, Chain]:
    """Yield a finding for each role without a chain; return the chain of the source that all share, or that of one."""
    roles = [entry for entry in config.roles(profiles, environ) if entry.role_arn is not None]
    requests = [replace(options, role=entry.name, origins={**options.origins, "role": entry.origin}) for entry in roles]
    errors: list[AwsenvError] = []
    for request in requests:
        try:
            config.resolve(request, profiles, environ)
        except AwsenvError as error:  # noqa: PERF203 - each role for itself
            errors.append(error)
    complete = len(roles) - len(errors)
    errors += _wrong_rails(profiles)
    found = [of_error("roles", error, Verdict.WARNING if complete else Verdict.WRONG) for error in errors]
    login = RoleRequest("", profile=options.profile, mfa_serial=options.mfa_serial, origins=options.origins)
    shared: Chain | AwsenvError
    try:
        shared = config.resolve_login(login, profiles, environ)
    except (ConfigError, SourceError) as error:
        shared = error
    # A variable has the same error for each role, and for a login.
    yield from (each for each in dict.fromkeys(found) if getattr(shared, "fact", None) != each.fact)
    if not roles:
        yield fine("roles", "the files describe no role yet")
    elif complete:
        yield fine("roles", f"{complete} of {len(roles)} have a complete chain")
    if not isinstance(shared, AwsenvError):
        return shared
    if complete and isinstance(shared, ConfigError):
        # Each role has its own device; only a login must choose one.
        yield of_error("login", shared, Verdict.WARNING)
    for request in requests:
        with suppress(AwsenvError):
            return config.resolve_login(replace(login, role=request.role), profiles, environ)
    raise shared


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
        profile = found.settings_profile or "default"
        title = profile if profile == "default" else f"profile {profile}"
        return warning("region", fact, f"set region in [{printable(title)}]", "pass --region")
    origin = found.origins["region"]
    if partitions.is_listed(found.region):
        return fine("region", f"{found.region}, in partition {found.partition}", origins=[origin])
    fact = f"{in_quotes(found.region)} looks like a region, but this version of botocore does not know it"
    return warning("region", fact, "correct region, or --region, unless it is a new one", origins=[origin])

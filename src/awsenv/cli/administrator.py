"""The credentials that may administer IAM."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from awsenv import config, environment
from awsenv.cli.obtain import obtain
from awsenv.cli.options import RoleOptions
from awsenv.errors import ConfigError
from awsenv.origin import Origin
from awsenv.wording import quoted

if TYPE_CHECKING:
    from awsenv.aws.iam import Iam
    from awsenv.cli.action import Caller
    from awsenv.iam.principal import Principal


@dataclass(frozen=True, slots=True)
class Administrator:
    """IAM with the credentials of an administrator, and who that is."""

    iam: Iam = field(repr=False)
    identity: Principal
    region: str | None
    """The region that came with the credentials; None: none is known."""


def administrator(caller: Caller, profile: str | None, option: str) -> Administrator:
    """Return IAM with the credentials of *profile*, a role or a source; without one, with those of the AWS CLI.

    The keys of a role that awsenv has put into this shell count then.

    Args:
        caller: Who runs the command.
        profile: The name that was given; None: none.
        option: The option that names a profile, for messages.

    Raises:
        ConfigError: There is no such profile.
        AwsenvError: Its credentials cannot be obtained, or AWS does not know them.
    """
    from awsenv.aws.iam import iam_as  # noqa: PLC0415 - 150 ms of botocore, only to ask AWS

    base = environment.original(caller.environ)
    profiles = config.read(base, caller.folder)
    environ = caller.environ
    key = environment.access_key(environ)
    settings, region = None, environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    if profile is None and key is not None:
        credentials = key
    else:
        name = profile or base.get("AWS_DEFAULT_PROFILE") or base.get("AWS_PROFILE") or "default"
        if profiles.get(name) is None:
            raise ConfigError(
                f"there is no profile {quoted(name)} in {profiles.where}",
                Origin(option),
                hint=config.did_you_mean(name, profiles) or f"{option} names a profile that may administer IAM",
            )
        got = obtain(caller, name, None, RoleOptions())
        credentials, settings, region = got.credentials, got.chain.settings_profile, got.chain.region
    iam, identity = iam_as(credentials, profiles, base, profile=settings, region=region)
    hint = f"{option} names a profile that may administer IAM in account {identity.account}"
    return Administrator(replace(iam, denied_hint=hint), identity, region)

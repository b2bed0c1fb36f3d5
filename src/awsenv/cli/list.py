"""`awsenv list`: the roles of the AWS configuration, where each comes from, and whether it asks for MFA."""

from __future__ import annotations

from dataclasses import dataclass

from awsenv import config, environment
from awsenv.cli import report
from awsenv.cli.action import Print
from awsenv.cli.options import Caller
from awsenv.model import Note

_HEAD = ("ROLE", "ARN, OR KIND OF SOURCE", "SOURCE", "MFA DEVICE", "WHERE")
_NEXT = ("add [profile NAME] with role_arn and source_profile", "awsenv demo shows one")


@dataclass(frozen=True)
class Arguments:
    """It shows where each role comes from, and which MFA device it asks for. Nothing is sent to AWS."""


def run(caller: Caller, _: Arguments) -> Print:
    """Return a table of every profile that is a role or a source of credentials.

    Raises:
        ConfigError: A file cannot be read.
    """
    environ = environment.original(caller.environ)
    profiles = config.read(environ, caller.folder)
    rows = [
        (
            entry.name,
            entry.role_arn or entry.kind or "-",
            entry.source or "-",
            entry.mfa_serial or "-",
            entry.origin.position,
        )
        for entry in config.roles(profiles, environ)
    ]
    if not rows:
        return Print(notes=[Note(f"no profile in {profiles.where} has a role_arn, or credentials", hints=_NEXT)])
    return Print(report.table([_HEAD, *rows]))

"""`awsenv credential-process ROLE`: print credentials as every AWS SDK reads them from a `credential_process`."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Annotated

from awsenv.cli.action import Print
from awsenv.cli.options import Caller, OptionalWord, QuietOption, RoleOptions, Word, YesOption, flag, resolve
from awsenv.cli.use import ANYWHERE, check_that_it_is_read


@dataclass(frozen=True, kw_only=True, repr=False)
class Arguments(QuietOption, YesOption, RoleOptions):
    """Add this line to a profile in ~/.aws/config whose name is not ROLE.

    credential_process = awsenv credential-process ROLE
    """

    role: Word
    code: OptionalWord = None
    anywhere: Annotated[bool, flag(ANYWHERE, "--print")] = False


def run(caller: Caller, arguments: Arguments) -> Print:
    """Return the credentials of a role as JSON (AWS SDKs and Tools Reference Guide, "Process credential provider").

    Raises:
        AwsenvError: Of every kind but `LaunchError`.
    """

    def check() -> None:
        if not arguments.anywhere:
            check_that_it_is_read(caller, f"credential_process = awsenv credential-process {arguments.role}")

    resolved = resolve(caller, arguments.role, arguments.code, arguments, check)
    resolved = replace(resolved, question="Hand out its keys?")
    credentials = caller.provider.lease(resolved).credentials
    answer: dict[str, str | int] = {
        "Version": 1,
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
    }
    if credentials.session_token is not None:
        answer["SessionToken"] = credentials.session_token
    if credentials.expires is not None:
        answer["Expiration"] = credentials.expires
    if credentials.account is not None:
        answer["AccountId"] = credentials.account
    return Print(json.dumps(answer, indent=2) + "\n")

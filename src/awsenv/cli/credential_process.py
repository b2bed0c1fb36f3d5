"""`awsenv credential-process ROLE`: print credentials as every AWS SDK reads them from a `credential_process`."""

from __future__ import annotations

import json
from datetime import timezone
from typing import TYPE_CHECKING

from awsenv.cli.action import Caller, Print
from awsenv.cli.evaluated import check_that_it_is_read
from awsenv.cli.obtain import obtain

if TYPE_CHECKING:
    from awsenv.cli.options import RoleOptions


def credential_process(
    caller: Caller, role: str, code: str | None, options: RoleOptions, *, to_terminal: bool
) -> Print:
    """Return the credentials of *role* as JSON (AWS SDKs and Tools Reference Guide, "Process credential provider").

    Raises:
        AwsenvError: Of every kind but `LaunchError`.
    """
    if not to_terminal:
        check_that_it_is_read(caller, f"credential_process = awsenv credential-process {role}")
    credentials = obtain(caller, role, code, options).credentials
    answer: dict[str, str | int] = {
        "Version": 1,
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
    }
    if credentials.session_token is not None:
        answer["SessionToken"] = credentials.session_token
    if credentials.expiration is not None:
        answer["Expiration"] = credentials.expiration.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    if credentials.account is not None:
        answer["AccountId"] = credentials.account
    return Print(json.dumps(answer, indent=2) + "\n")

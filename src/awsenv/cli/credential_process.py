"""`awsenv credential-process ROLE`: print credentials as every AWS SDK reads them from a `credential_process`."""

from __future__ import annotations

import json

from awsenv.cli.action import Print
from awsenv.cli.commands import PREVIOUS
from awsenv.cli.options import Caller, resolve
from awsenv.cli.typos import typed_again
from awsenv.cli.use import check_that_it_is_read
from awsenv.record import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsenv.cli.arguments import CredentialProcessArguments


def run(caller: Caller, arguments: CredentialProcessArguments) -> Print:
    """Return the credentials of a role as JSON (AWS SDKs and Tools Reference Guide, "Process credential provider").

    Raises:
        AwsenvError: Of every kind but `LaunchError`.
    """

    def check() -> None:
        if not arguments.anywhere:
            line = f"credential_process = {typed_again(caller.args, {PREVIOUS: [arguments.role]})}"
            check_that_it_is_read(caller, f"in a profile of ~/.aws/config: {line}")

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

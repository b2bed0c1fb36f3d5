"""Each failure names its own cause: the fact, the place and at most two next steps, each of which helps."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import steps
from awsenv.errors import Origin
from awsenv.sandbox import Fault
from awsenv.sandbox.responses import ServiceError
from servers import answering, status
from steps import Bench

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from conftest import World
    from steps import Step

COLUMNS = 80
LONG = ("defaults_mode", "AWS_CONTAINER_", "Expiration", "/no/such", "alice (123456789012)", "clock", "endpoint_url is")
"""Values and names that make a line longer."""
SAME = "no terminal"
"""Rows of one cause: who has called decides what the next step is."""

AWS = {"AWS_ENDPOINT_URL": "https://sts.test"}
DIRECT = {"AWS_ENDPOINT_URL": ""}


@dataclass(frozen=True)
class Row:
    """Something that goes wrong, and the whole message about it."""

    name: str
    message: str
    lines: str = ""
    """Settings of the role's profile `p`."""
    words: str = "p"
    status: int = 3
    environ: dict[str, str] = field(default_factory=dict)
    answer: bytes | None = b""
    """What the server at `{host}` answers; None: it hangs up."""
    fault: Fault | ServiceError | None = None
    """What the local AWS does with AssumeRole."""
    times: int = 1
    """How often: botocore repeats some calls twice."""
    source: str = "source_profile = default"
    after: str = ""
    """The sections after the profile."""


def proxy(answer: bytes | None, url: str = "http://me:canary@{host}") -> dict[str, Any]:
    """Return the fields of a row whose requests go through a proxy."""
    environ = {**AWS, "HTTPS_PROXY": url, "NO_PROXY": "", "no_proxy": ""}
    return {"answer": answer, "environ": environ, "status": 7}


def denied(reason: str, code: str = "AccessDenied") -> dict[str, Any]:
    """Return the fields of a row whose role AWS denies for a reason."""
    user = "User: arn:aws:iam::123456789012:user/alice is not authorized to perform: sts:AssumeRole on resource: r"
    return {"fault": ServiceError(code, f"{user} {reason}", 403), "status": 5}


def of_source(kind: str, **environ: str) -> dict[str, Any]:
    """Return the fields of a row with another source."""
    return {"source": kind, "status": 4, "environ": environ}


def process(command: str) -> dict[str, Any]:
    """Return the fields of a row whose source is a command."""
    return of_source(f"{SOURCE}\ncredential_process = {command}")


SOURCE = "source_profile = s\n[profile s]"
SSO = "sso_session = corp\nsso_account_id = 123456789012\nsso_role_name = r"
SESSION = "[sso-session corp]\nsso_start_url = https://x\nsso_region = eu-west-1"
WEB = "arn:aws:iam::123456789012:role/web"
DEVICE = "mfa_serial = arn:aws:iam::123456789012:mfa/alice"
KEYS = '"Version": 1, "AccessKeyId": "canary", "SecretAccessKey": "canary"'
CONTAINER = "credential_source = EcsContainer"
FULL = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
INSTANCE = "credential_source = Ec2InstanceMetadata"

ROWS = (
    Row(
        "attempts that are no number",
        "max_attempts is 'many': it must be a whole number\n"
        "  in       FOLDER/config:5, [profile p], max_attempts\n"
        "  try      correct max_attempts, or remove it\n",
        lines="max_attempts = many",
    ),
    Row(
        "a retry mode that is unknown",
        "retry_mode is 'eager': it must be legacy, standard or adaptive\n"
        "  in       FOLDER/config:5, [profile p], retry_mode\n"
        "  try      correct retry_mode, or remove it\n",
        lines="retry_mode = eager",
    ),
    Row(
        "defaults that are unknown",
        "defaults_mode is 'bold': it must be legacy, auto, standard, in-region, cross-region or mobile\n"
        "  in       FOLDER/config:5, [profile p], defaults_mode\n"
        "  try      correct defaults_mode, or remove it\n",
        lines="defaults_mode = bold",
    ),
    Row(
        "regional endpoints that are unknown",
        "sts_regional_endpoints is 'all': the AWS SDK does not accept it\n"
        "  in       FOLDER/config:5, [profile p], sts_regional_endpoints\n"
        "  try      correct sts_regional_endpoints, or remove it\n",
        lines="sts_regional_endpoints = all",
    ),
    Row(
        "no attempts",
        "max_attempts is '-1': it must be 1 or more\n"
        "  in       FOLDER/config:5, [profile p], max_attempts\n"
        "  try      correct max_attempts, or remove it\n",
        lines="max_attempts = -1",
    ),
    Row(
        "a missing CA bundle",
        "ca_bundle is '/no/such': it cannot be read (No such file or directory)\n"
        "  in       FOLDER/config:5, [profile p], ca_bundle\n"
        "  try      correct ca_bundle, or remove it\n",
        lines="ca_bundle = /no/such",
        environ={"AWS_ENDPOINT_URL": "https://{host}"},
    ),
    Row(
        "a CA bundle without PEM",
        "AWS_CA_BUNDLE is '/etc/passwd': it holds no certificate in PEM\n"
        "  in       AWS_CA_BUNDLE\n"
        "  try      unset AWS_CA_BUNDLE\n",
        environ={"AWS_CA_BUNDLE": "/etc/passwd", "AWS_ENDPOINT_URL": "https://{host}"},
    ),
    Row(
        "an endpoint that is no URL",
        "endpoint_url is 'aws': it must be a URL of http or https\n"
        "  in       FOLDER/config:5, [profile p], endpoint_url\n"
        "  try      correct endpoint_url, or remove it\n",
        lines="endpoint_url = aws",
        environ=DIRECT,
    ),
    Row(
        "a comment behind an endpoint",
        "endpoint_url is 'http://…@aws.test # mine': it must be a URL of http or https\n"
        "  in       FOLDER/config:8, [services mine], sts, endpoint_url\n"
        "  try      put the comment on a line of its own: here it is a part of the value\n",
        lines="services = mine",
        after="[services mine]\nsts =\n  endpoint_url = http://me:canary@aws.test # mine",
        environ=DIRECT,
    ),
    Row(
        "services that are not there",
        "there is no section [services mine]\n"
        "  in       FOLDER/config:5, [profile p], services\n"
        "  try      add the section\n"
        "  or       remove the line services = from the profile\n",
        lines="services = mine",
        environ=DIRECT,
    ),
    Row(
        "a proxy that wants another password",
        "the proxy HOST does not accept the user and the password (HTTP 407)\n"
        "  in       HTTPS_PROXY\n"
        "  try      correct both in HTTPS_PROXY: http://USER:PASSWORD@HOST:PORT\n",
        **proxy(status(407)),
    ),
    Row(
        "a proxy that wants a password",
        "the proxy HOST demands a user and a password (HTTP 407)\n"
        "  in       HTTPS_PROXY\n"
        "  try      set both in HTTPS_PROXY: http://USER:PASSWORD@HOST:PORT\n",
        **proxy(status(407), "http://{host}"),
    ),
    Row(
        "a proxy that forbids",
        "the proxy HOST forbids a connection to sts.test (HTTP 403)\n"
        "  in       HTTPS_PROXY\n"
        "  try      ask its administrator to allow sts.test\n"
        "  or       export no_proxy=sts.test\n",
        **proxy(status(403)),
    ),
    Row(
        "a proxy that fails",
        "the proxy HOST answers the request for sts.test with HTTP 502\n"
        "  in       HTTPS_PROXY\n"
        "  try      the same command again\n"
        "  or       export no_proxy=sts.test\n",
        **proxy(status(502)),
    ),
    Row(
        "a proxy that hangs up",
        "the proxy HOST closed the connection\n"
        "  in       HTTPS_PROXY\n"
        "  try      check that HTTPS_PROXY names an HTTP proxy\n",
        **proxy(None),
    ),
    Row(
        "a proxy that speaks SSH",
        "the proxy HOST does not speak HTTP\n"
        "  in       HTTPS_PROXY\n"
        "  try      check that HTTPS_PROXY names an HTTP proxy\n",
        **proxy(b"SSH-2.0-OpenSSH_9.9\r\n"),
    ),
    Row(
        "a proxy that connects to nothing with TLS",
        "no TLS connection to sts.test can be made through the proxy HOST\n"
        "  in       HTTPS_PROXY\n"
        "  try      check that HTTPS_PROXY names an HTTP proxy\n"
        "  or       export no_proxy=sts.test\n",
        **proxy(status(200) + b"SSH-2.0-OpenSSH_9.9\r\n"),
    ),
    Row(
        "a proxy without TLS",
        "the proxy HOST does not speak TLS\n"
        "  in       HTTPS_PROXY\n"
        "  try      write http:// instead of https:// in HTTPS_PROXY\n",
        **proxy(b"HTTP/1.1 400 Bad Request\r\n\r\n", "https://{host}"),
    ),
    Row(
        "a proxy that cannot be reached",
        "the proxy 127.0.0.1:1 cannot be reached\n"
        "  because  nothing listens there\n"
        "  in       HTTPS_PROXY\n"
        "  try      check HTTPS_PROXY\n"
        "  or       check the network\n",
        **proxy(b"", "http://127.0.0.1:1"),
    ),
    Row(
        "a proxy that is no URL",
        "HTTPS_PROXY is not the URL of a proxy: 'http://…@proxy:port'\n"
        "  in       HTTPS_PROXY\n"
        "  try      unset HTTPS_PROXY\n"
        "  or       correct it: http://HOST:PORT\n",
        **{**proxy(b"", "http://me:canary@proxy:port"), "status": 3},
    ),
    Row(
        "a SOCKS proxy",
        "botocore cannot use the SOCKS proxy that HTTPS_PROXY names\n"
        "  in       HTTPS_PROXY\n"
        "  try      name an HTTP proxy: HTTPS_PROXY=http://HOST:PORT\n"
        "  or       export no_proxy=sts.test\n",
        **{**proxy(b"", "socks5://{host}"), "status": 3},
    ),
    Row(
        "nothing listens",
        "127.0.0.1:1 cannot be reached\n"
        "  because  nothing listens there\n"
        "  in       AWS_ENDPOINT_URL\n"
        "  try      check AWS_ENDPOINT_URL, and that its host can be reached\n",
        status=7,
        environ={"AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
    ),
    Row(
        "a region that is mistyped",
        "sts.eu-centrl-1.amazonaws.com cannot be reached\n"
        "  because  its name does not resolve\n"
        "  try      use region eu-central-1, if eu-centrl-1 was meant for that\n",
        status=7,
        environ={**DIRECT, "AWS_REGION": "eu-centrl-1"},
    ),
    Row(
        "no TLS",
        "a TLS connection to HOST cannot be made\n"
        "  in       AWS_ENDPOINT_URL\n"
        "  try      write http:// in AWS_ENDPOINT_URL, if HOST has no TLS\n",
        status=7,
        environ={"AWS_ENDPOINT_URL": "https://{host}"},
        answer=b"HTTP/1.1 400 Bad Request\r\n\r\n",
    ),
    Row(
        "AWS fails",
        "STS at AWS is failing (HTTP 500)\n"
        "  in       AWS_ENDPOINT_URL\n"
        "  try      the same command again in a minute\n",
        status=7,
        fault=Fault.SERVER_ERROR,
        times=3,
    ),
    Row(
        "AWS throttles",
        "STS at AWS is throttling\n  in       AWS_ENDPOINT_URL\n  try      the same command again in a minute\n",
        status=7,
        fault=Fault.THROTTLING,
        times=3,
    ),
    Row(
        "AWS hangs up",
        "STS at AWS closed the connection\n"
        "  in       AWS_ENDPOINT_URL\n"
        "  try      check AWS_ENDPOINT_URL\n"
        "  or       the same command again\n",
        status=7,
        fault=Fault.DROP,
        times=3,
    ),
    Row(
        "a captive portal",
        "STS at AWS sent a response that is not from AWS\n"
        "  in       AWS_ENDPOINT_URL\n"
        "  try      check AWS_ENDPOINT_URL\n"
        "  or       check that no sign-in page of the network is in the way\n",
        status=7,
        fault=Fault.HTML,
    ),
    Row(
        "no identity policy",
        "AWS refused to let user alice assume role read-only\n"
        "  because  no policy of user alice allows sts:AssumeRole (AWS said: no identity-based policy "
        "allows the sts:AssumeRole action)\n"
        "  in       FOLDER/config:4, [profile p], role_arn\n"
        "  try      ask an administrator of account 123456789012 to change its policies\n"
        "  or       awsenv doctor p\n",
        **denied("because no identity-based policy allows the sts:AssumeRole action"),
    ),
    Row(
        "a Deny in an identity policy",
        "AWS refused to let user alice assume role read-only\n"
        "  because  a policy of user alice denies sts:AssumeRole (AWS said: with an explicit deny in an "
        "identity-based policy: arn:aws:iam::123456789012:policy/Deny)\n"
        "  in       FOLDER/config:4, [profile p], role_arn\n"
        "  try      ask an administrator of account 123456789012 to change its policies\n"
        "  or       awsenv doctor p\n",
        **denied("with an explicit deny in an identity-based policy: arn:aws:iam::123456789012:policy/Deny"),
    ),
    Row(
        "no trust policy",
        "AWS refused to let user alice assume role read-only\n"
        "  because  no trust policy statement allows user alice, or the role does not exist (AWS said: "
        "no role trust policy allows the sts:AssumeRole action)\n"
        "  in       FOLDER/config:4, [profile p], role_arn\n"
        "  try      if the role demands MFA, set mfa_serial in profile 'p'\n"
        "  or       awsenv doctor p\n",
        **denied("because no role trust policy allows the sts:AssumeRole action"),
    ),
    Row(
        "a Deny in the trust policy",
        "AWS refused to let user alice assume role read-only\n"
        "  because  the trust policy of the role denies user alice (AWS said: with an explicit deny in "
        "the role trust policy)\n"
        "  in       FOLDER/config:4, [profile p], role_arn\n"
        "  try      ask the owner of the role whom it trusts, and with which external id\n"
        "  or       awsenv doctor p\n",
        **denied("with an explicit deny in the role trust policy"),
    ),
    Row(
        "no permissions boundary",
        "AWS refused to let user alice assume role read-only\n"
        "  because  the permissions boundary of user alice does not allow sts:AssumeRole (AWS said: no "
        "permissions boundary allows the sts:AssumeRole action)\n"
        "  in       FOLDER/config:4, [profile p], role_arn\n"
        "  try      ask an administrator of account 123456789012 to change it\n"
        "  or       awsenv doctor p\n",
        **denied("because no permissions boundary allows the sts:AssumeRole action"),
    ),
    Row(
        "a Deny in a permissions boundary",
        "AWS refused to let user alice assume role read-only\n"
        "  because  the permissions boundary of user alice denies sts:AssumeRole (AWS said: with an "
        "explicit deny in a permissions boundary)\n"
        "  in       FOLDER/config:4, [profile p], role_arn\n"
        "  try      ask an administrator of account 123456789012 to change it\n"
        "  or       awsenv doctor p\n",
        **denied("with an explicit deny in a permissions boundary"),
    ),
    Row(
        "no session policy",
        "AWS refused to let user alice assume role read-only\n"
        "  because  the session policy of user alice does not allow sts:AssumeRole (AWS said: no session "
        "policy allows the sts:AssumeRole action)\n"
        "  in       FOLDER/config:4, [profile p], role_arn\n"
        "  try      use credentials that are not narrowed (--policy, --only and the like)\n"
        "  or       awsenv doctor p\n",
        **denied("because no session policy allows the sts:AssumeRole action"),
    ),
    Row(
        "a Deny in a session policy",
        "AWS refused to let user alice assume role read-only\n"
        "  because  the session policy of user alice denies sts:AssumeRole (AWS said: with an explicit "
        "deny in a session policy)\n"
        "  in       FOLDER/config:4, [profile p], role_arn\n"
        "  try      use credentials that are not narrowed (--policy, --only and the like)\n"
        "  or       awsenv doctor p\n",
        **denied("with an explicit deny in a session policy"),
    ),
    Row(
        "no service control policy",
        "AWS refused to let user alice assume role read-only\n"
        "  because  no service control policy allows sts:AssumeRole in account 123456789012 (AWS said: "
        "no service control policy allows the sts:AssumeRole action)\n"
        "  in       FOLDER/config:4, [profile p], role_arn\n"
        "  try      ask the administrator of the AWS organization to change that policy\n"
        "  or       awsenv doctor p\n",
        **denied("because no service control policy allows the sts:AssumeRole action"),
    ),
    Row(
        "a Deny in a service control policy",
        "AWS refused to let user alice assume role read-only\n"
        "  because  a service control policy denies sts:AssumeRole in account 123456789012 (AWS said: "
        "with an explicit deny in a service control policy)\n"
        "  in       FOLDER/config:4, [profile p], role_arn\n"
        "  try      ask the administrator of the AWS organization to change that policy\n"
        "  or       awsenv doctor p\n",
        **denied("with an explicit deny in a service control policy"),
    ),
    Row(
        "no resource control policy",
        "AWS refused to let user alice assume role read-only\n"
        "  because  no resource control policy allows sts:AssumeRole (AWS said: no resource control "
        "policy allows the sts:AssumeRole action)\n"
        "  in       FOLDER/config:4, [profile p], role_arn\n"
        "  try      ask the administrator of the resource's organization to change it\n"
        "  or       awsenv doctor p\n",
        **denied("because no resource control policy allows the sts:AssumeRole action"),
    ),
    Row(
        "a Deny in a resource control policy",
        "AWS refused to let user alice assume role read-only\n"
        "  because  a resource control policy denies sts:AssumeRole (AWS said: with an explicit deny in "
        "a resource control policy)\n"
        "  in       FOLDER/config:4, [profile p], role_arn\n"
        "  try      ask the administrator of the resource's organization to change it\n"
        "  or       awsenv doctor p\n",
        **denied("with an explicit deny in a resource control policy"),
    ),
    Row(
        "no VPC endpoint policy",
        "AWS refused to let user alice assume role read-only\n"
        "  because  the policy of the VPC endpoint does not allow sts:AssumeRole (AWS said: no VPC "
        "endpoint policy allows the sts:AssumeRole action)\n"
        "  in       FOLDER/config:4, [profile p], role_arn\n"
        "  try      ask the administrator of the network to change the endpoint policy\n"
        "  or       awsenv doctor p\n",
        **denied("because no VPC endpoint policy allows the sts:AssumeRole action"),
    ),
    Row(
        "a Deny in a VPC endpoint policy",
        "AWS refused to let user alice assume role read-only\n"
        "  because  the policy of the VPC endpoint denies sts:AssumeRole (AWS said: with an explicit "
        "deny in a VPC endpoint policy)\n"
        "  in       FOLDER/config:4, [profile p], role_arn\n"
        "  try      ask the administrator of the network to change the endpoint policy\n"
        "  or       awsenv doctor p\n",
        **denied("with an explicit deny in a VPC endpoint policy"),
    ),
    Row(
        "no reason",
        "AWS refused to let user alice assume role read-only\n"
        "  because  AWS said: User: arn:aws:iam::123456789012:user/alice is not authorized to perform: "
        "sts:AssumeRole on resource: r\n"
        "  in       FOLDER/config:4, [profile p], role_arn\n"
        "  try      if the role demands MFA, set mfa_serial in profile 'p'\n"
        "  or       awsenv doctor p\n",
        **denied(""),
    ),
    Row(
        "the root user",
        "the root user can assume no role\n"
        "  because  AWS said: Roles may not be assumed by root accounts\n"
        "  in       ~/.aws/credentials:2, [default], aws_access_key_id\n"
        "  try      use the access key of a user: awsenv setup makes one\n"
        "  or       delete the keys of the root user\n",
        status=5,
        fault=ServiceError("AccessDenied", "Roles may not be assumed by root accounts.", 403),
    ),
    Row(
        "too long a duration",
        "AWS refused sts:AssumeRole (ValidationError)\n"
        "  because  AWS said: The requested DurationSeconds exceeds the MaxSessionDuration set for this "
        "role\n"
        "  in       --duration\n"
        "  try      ask for less: --duration\n"
        "  or       aws iam update-role --role-name read-only --max-session-duration 7200\n",
        status=5,
        words="p --duration 2h",
    ),
    Row(
        "a region that is off",
        "AWS refused sts:AssumeRole (RegionDisabledException)\n"
        "  because  AWS said: STS is not activated in this region\n"
        "  in       FOLDER/config:4, [profile p], role_arn\n"
        "  try      activate AWS STS for that region in the account settings of IAM\n"
        "  or       choose another region with --region\n",
        status=5,
        fault=ServiceError("RegionDisabledException", "STS is not activated in this region.", 403),
    ),
    Row(
        "an unknown key",
        "AWS does not know the access key …KEYS\n"
        "  in       ~/.aws/credentials:2, [default], aws_access_key_id\n"
        "  try      check that it exists and is active; a temporary one needs its token\n"
        "  or       in an opt-in region, check that the account has enabled the region\n",
        status=4,
        fault=ServiceError("InvalidClientTokenId", "The security token is invalid.", 403),
    ),
    Row(
        "a wrong secret",
        "the secret key does not belong to the access key …KEYS\n"
        "  in       ~/.aws/credentials:2, [default], aws_access_key_id\n"
        "  try      check that the whole secret access key was copied\n",
        status=4,
        fault=ServiceError("SignatureDoesNotMatch", "The signature does not match.", 403),
    ),
    Row(
        "an expired key",
        "the credentials of access key …KEYS have expired\n"
        "  in       ~/.aws/credentials:2, [default], aws_access_key_id\n"
        "  try      replace the keys in the file: the keys of a user do not expire\n",
        status=4,
        fault=ServiceError("ExpiredToken", "The security token is expired.", 403),
    ),
    Row(
        "a wrong clock",
        "this computer's clock is 2h00m behind AWS's, and AWS accepts 15 minutes at most\n"
        "  try      set the clock: timedatectl\n"
        "  or       on macOS, sntp\n",
        status=4,
        fault=ServiceError(
            "SignatureDoesNotMatch",
            "Signature expired: 20260101T000000Z is now earlier than 20260101T014500Z (20260101T020000Z - 15 min.)",
            403,
        ),
    ),
    Row(
        "a command that is not there",
        "credential_process cannot be run: command not found: /no/such/vault\n"
        "  in       FOLDER/config:8, [profile s], credential_process\n"
        "  try      write the whole path of the program\n",
        **process("/no/such/vault"),
    ),
    Row(
        "a command that is not executable",
        "credential_process cannot be run: FOLDER/vault is not executable\n"
        "  in       FOLDER/config:8, [profile s], credential_process\n"
        "  try      chmod +x FOLDER/vault\n",
        **process("FOLDER/vault"),
    ),
    Row(
        "a command that is a folder",
        "credential_process cannot be run: /etc is a folder\n"
        "  in       FOLDER/config:8, [profile s], credential_process\n"
        "  try      write the whole path of the program\n",
        **process("/etc"),
    ),
    Row(
        "a command with a variable",
        "credential_process cannot be run: command not found: $HOME/vault\n"
        "  because  no shell runs it, so $HOME is an argument\n"
        "  in       FOLDER/config:8, [profile s], credential_process\n"
        "  try      let a shell run it: credential_process = sh -c '...'\n",
        **process("$HOME/vault"),
    ),
    Row(
        "a command with a pipe",
        "credential_process failed with status 1\n"
        "  because  no shell runs it, so | is an argument\n"
        "  in       FOLDER/config:8, [profile s], credential_process\n"
        "  try      let a shell run it: credential_process = sh -c '...'\n",
        **process("false | jq ."),
    ),
    Row(
        "a command that fails",
        "credential_process failed with status 3\n"
        "  in       FOLDER/config:8, [profile s], credential_process\n"
        "  try      run the command by itself to see what it does\n",
        **process("sh -c 'exit 3'"),
    ),
    Row(
        "a command that is killed",
        "credential_process was ended by SIGKILL\n"
        "  in       FOLDER/config:8, [profile s], credential_process\n"
        "  try      run the command by itself to see what it does\n",
        **process("sh -c 'kill -9 $$'"),
    ),
    Row(
        "a command that prints nothing",
        "credential_process printed nothing\n"
        "  in       FOLDER/config:8, [profile s], credential_process\n"
        "  try      run the credential_process by itself to see what it prints\n",
        **process("true"),
    ),
    Row(
        "a command that prints no JSON",
        "credential_process printed something that is not JSON\n"
        "  in       FOLDER/config:8, [profile s], credential_process\n"
        "  try      run the credential_process by itself to see what it prints\n",
        **process("echo canary"),
    ),
    Row(
        "a command that prints a list",
        "credential_process printed JSON, but a list instead of an object\n"
        "  in       FOLDER/config:8, [profile s], credential_process\n"
        "  try      run the credential_process by itself to see what it prints\n",
        **process("echo []"),
    ),
    Row(
        "a command of another version",
        "credential_process printed Version 2: it must be the number 1\n"
        "  in       FOLDER/config:8, [profile s], credential_process\n"
        "  try      run the credential_process by itself to see what it prints\n",
        **process("""echo '{"Version": 2}'"""),
    ),
    Row(
        "a command without a key",
        "credential_process printed no AccessKeyId\n"
        "  in       FOLDER/config:8, [profile s], credential_process\n"
        "  try      run the credential_process by itself to see what it prints\n",
        **process("""echo '{"Version": 1}'"""),
    ),
    Row(
        "a command with an empty end",
        "credential_process printed an empty Expiration: leave it out if the keys do not expire\n"
        "  in       FOLDER/config:8, [profile s], credential_process\n"
        "  try      run the credential_process by itself to see what it prints\n",
        **process("echo '{" + KEYS + ', "Expiration": ""}' + "'"),
    ),
    Row(
        "a command with old keys",
        "credential_process printed keys that expired at 2020-01-02 03:04:05 UTC\n"
        "  in       FOLDER/config:8, [profile s], credential_process\n"
        "  try      run the credential_process by itself to see what it prints\n",
        **process("echo '{" + KEYS + ', "Expiration": "2020-01-02T03:04:05Z"}' + "'"),
    ),
    Row(
        "an sso-session that is not there",
        "there is no section [sso-session corp]\n"
        "  in       FOLDER/config:8, [profile s], sso_session\n"
        "  try      correct the name\n"
        "  or       add the section: aws configure sso-session\n",
        **{
            **of_source(f"{SOURCE}\n{SSO}"),
            "status": 3,
        },
    ),
    Row(
        "an sso-session that is spelled otherwise",
        "there is no section [sso-session corpo]\n"
        "  in       FOLDER/config:8, [profile s], sso_session\n"
        "  try      write sso_session = corp\n"
        "  or       add the section: aws configure sso-session\n",
        **{
            **of_source(f"{SOURCE}\n{SSO.replace('corp', 'corpo')}\n{SESSION}"),
            "status": 3,
        },
    ),
    Row(
        "a start page without an account",
        "profile 's' holds no credentials and does not say where to get them\n"
        "  in       FOLDER/config:7, [profile s]\n"
        "  try      add sso_account_id and sso_role_name\n"
        "  or       aws configure sso\n",
        **of_source(f"{SOURCE}\nsso_start_url = https://x\nsso_region = eu-west-1"),
    ),
    Row(
        "a credential_source that is spelled otherwise",
        "'ECSContainer' is not a credential_source\n"
        "  in       FOLDER/config:6, [profile p], credential_source\n"
        "  try      write credential_source = EcsContainer\n",
        **{**of_source("credential_source = ECSContainer"), "status": 3},
    ),
    Row(
        "no sign-in",
        "you are not signed in to AWS IAM Identity Center\n"
        "  in       FOLDER/config:7, [profile s]\n"
        "  try      aws sso login --profile s\n",
        **of_source(f"{SOURCE}\n{SSO}\n{SESSION}"),
    ),
    Row(
        "no web identity token",
        "the file of web_identity_token_file cannot be read: /no/such (No such file or directory)\n"
        "  in       FOLDER/config:8, [profile s], web_identity_token_file\n"
        "  try      correct web_identity_token_file\n",
        **of_source(f"{SOURCE}\nweb_identity_token_file = /no/such\nrole_arn = {WEB}"),
    ),
    Row(
        "no container token",
        "the file of AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE cannot be read: /no/such (No such file or "
        "directory)\n"
        "  in       AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE\n"
        "  try      correct AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE\n",
        **of_source(CONTAINER, **{FULL: "http://{host}/", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/no/such"}),
    ),
    Row(
        "a container host that is not allowed",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI names a host that no SDK calls without TLS\n"
        "  in       AWS_CONTAINER_CREDENTIALS_FULL_URI\n"
        "  try      use https://, or http:// with the address of a loopback, ECS or EKS\n",
        **{**of_source(CONTAINER, **{FULL: "http://192.0.2.1/"}), "answer": status(403)},
    ),
    Row(
        "a container address without a scheme",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI is 'localhost:80/x': it must be a URL of http or https\n"
        "  in       AWS_CONTAINER_CREDENTIALS_FULL_URI\n"
        "  try      unset AWS_CONTAINER_CREDENTIALS_FULL_URI\n",
        **{**of_source(CONTAINER, **{FULL: "localhost:80/x"}), "status": 3},
    ),
    Row(
        "a container path that is none",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is 'x': it must begin with /\n"
        "  in       AWS_CONTAINER_CREDENTIALS_RELATIVE_URI\n"
        "  try      correct AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, which the container sets\n",
        **{**of_source(CONTAINER, AWS_CONTAINER_CREDENTIALS_RELATIVE_URI="x"), "status": 3},
    ),
    Row(
        "a container that refuses",
        "the credentials endpoint of the container answers with HTTP 403\n"
        "  in       AWS_CONTAINER_CREDENTIALS_FULL_URI\n"
        "  try      check AWS_CONTAINER_CREDENTIALS_FULL_URI\n"
        "  or       the same command again\n",
        **{**of_source(CONTAINER, **{FULL: "http://{host}/"}), "answer": status(403)},
    ),
    Row(
        "a container without JSON",
        "the credentials endpoint of the container sent text that is not JSON\n"
        "  in       AWS_CONTAINER_CREDENTIALS_FULL_URI\n"
        "  try      check AWS_CONTAINER_CREDENTIALS_FULL_URI\n",
        **{
            **of_source(CONTAINER, **{FULL: "http://{host}/"}),
            "answer": b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ncanary",
        },
    ),
    Row(
        "a container that cannot be reached",
        "127.0.0.1:2 cannot be reached\n"
        "  because  nothing listens there\n"
        "  in       AWS_CONTAINER_CREDENTIALS_FULL_URI\n"
        "  try      check AWS_CONTAINER_CREDENTIALS_FULL_URI, and that its host can be reached\n",
        **{**of_source(CONTAINER, **{FULL: "http://127.0.0.1:2/"}), "status": 7},
    ),
    Row(
        "a container that speaks SSH",
        "HOST does not speak HTTP\n"
        "  in       AWS_CONTAINER_CREDENTIALS_FULL_URI\n"
        "  try      check AWS_CONTAINER_CREDENTIALS_FULL_URI\n"
        "  or       the same command again\n",
        **{**of_source(CONTAINER, **{FULL: "http://{host}/"}), "status": 7, "answer": b"SSH-2.0-OpenSSH_9.9\r\n"},
    ),
    Row(
        "no metadata",
        "the metadata service of EC2 is disabled by AWS_EC2_METADATA_DISABLED\n"
        "  in       FOLDER/config:6, [profile p], credential_source\n"
        "  try      unset AWS_EC2_METADATA_DISABLED\n",
        **of_source(INSTANCE),
    ),
    Row(
        "no metadata service",
        "the metadata service of EC2 does not answer\n"
        "  in       FOLDER/config:6, [profile p], credential_source\n"
        "  try      check AWS_EC2_METADATA_SERVICE_ENDPOINT\n"
        "  or       check that this is an EC2 instance\n",
        **of_source(
            INSTANCE, AWS_EC2_METADATA_DISABLED="false", AWS_EC2_METADATA_SERVICE_ENDPOINT="http://127.0.0.1:1"
        ),
    ),
    Row(
        "no attempts at the metadata service",
        "AWS_METADATA_SERVICE_NUM_ATTEMPTS is '0': it must be 1 or more\n"
        "  in       AWS_METADATA_SERVICE_NUM_ATTEMPTS\n"
        "  try      unset AWS_METADATA_SERVICE_NUM_ATTEMPTS\n",
        **{
            **of_source(INSTANCE, AWS_EC2_METADATA_DISABLED="false", AWS_METADATA_SERVICE_NUM_ATTEMPTS="0"),
            "status": 3,
        },
    ),
    Row(
        "a metadata service that fails",
        "the metadata service of EC2 sent HTTP 500 instead of the name of a role\n"
        "  in       FOLDER/config:6, [profile p], credential_source\n"
        "  try      the same command again\n",
        **{
            **of_source(INSTANCE, AWS_EC2_METADATA_DISABLED="false", AWS_EC2_METADATA_SERVICE_ENDPOINT="http://{host}"),
            "answer": status(500),
        },
    ),
    Row(
        "an instance without a role",
        "this EC2 instance has no role\n"
        "  in       FOLDER/config:6, [profile p], credential_source\n"
        "  try      aws ec2 associate-iam-instance-profile attaches one\n",
        **{
            **of_source(INSTANCE, AWS_EC2_METADATA_DISABLED="false", AWS_EC2_METADATA_SERVICE_ENDPOINT="http://{host}"),
            "answer": status(404),
        },
    ),
    Row(
        "no terminal",
        "an MFA code of alice (123456789012) is needed, and there is no terminal for a prompt\n"
        "  try      awsenv login\n"
        "  or       pass the code as the second word\n",
        status=6,
        lines=DEVICE,
    ),
    Row(
        "no terminal for an SDK",
        "an MFA code of alice (123456789012) is needed, and there is no terminal for a prompt\n"
        "  try      awsenv login\n",
        status=6,
        words="credential-process --print p",
        lines=DEVICE,
    ),
    Row(
        "no terminal for an SDK, and another source",
        "an MFA code of alice (123456789012) is needed, and there is no terminal for a prompt\n"
        "  try      awsenv login --profile p\n",
        status=6,
        words="credential-process --print p",
        source="source_profile = s",
        after="[profile s]\nKEYS",
        lines=DEVICE,
    ),
    Row(
        "no terminal for a role of two hours",
        "an MFA code of alice (123456789012) is needed, and there is no terminal for a prompt\n"
        "  try      pass the code as the second word\n",
        status=6,
        words="p --duration 2h",
        lines=DEVICE,
    ),
    Row(
        "no terminal for a role of two hours for an SDK",
        "an MFA code of alice (123456789012) is needed, and there is no terminal for a prompt\n"
        "  try      awsenv login, and ask for an hour at most\n",
        status=6,
        words="credential-process --print p --duration 2h",
        lines=DEVICE,
    ),
    Row(
        "no terminal for the console",
        "an MFA code of alice (123456789012) is needed, and there is no terminal for a prompt\n"
        "  try      awsenv login\n"
        "  or       pass the code as the second word\n",
        status=6,
        words="console p",
        lines=DEVICE,
    ),
    Row(
        "no terminal for a login",
        "an MFA code of alice (123456789012) is needed, and there is no terminal for a prompt\n"
        "  try      awsenv login CODE, with the code that the device shows\n",
        status=6,
        words="login --profile p",
        lines=DEVICE,
    ),
    Row(
        "no terminal, and another source",
        "an MFA code of alice (123456789012) is needed, and there is no terminal for a prompt\n"
        "  try      awsenv login --profile p\n"
        "  or       pass the code as the second word\n",
        status=6,
        source="source_profile = s",
        after="[profile s]\nKEYS",
        lines=DEVICE,
    ),
    Row(
        "an mfa_process that is not there",
        "mfa_process cannot be run: command not found: /no/such\n"
        "  in       FOLDER/config:6, [profile p], mfa_process\n"
        "  try      write the whole path of the program\n",
        status=6,
        lines=f"{DEVICE}\nmfa_process = /no/such",
    ),
    Row(
        "an mfa_process that prints nothing",
        "mfa_process printed nothing instead of six digits\n"
        "  in       FOLDER/config:6, [profile p], mfa_process\n"
        "  try      let it print the code, and nothing else, on standard output\n",
        status=6,
        lines=f"{DEVICE}\nmfa_process = true",
    ),
    Row(
        "an mfa_process that prints a word",
        "mfa_process printed letters or signs instead of six digits\n"
        "  in       FOLDER/config:6, [profile p], mfa_process\n"
        "  try      let it print the code, and nothing else, on standard output\n",
        status=6,
        lines=f"{DEVICE}\nmfa_process = echo canary",
    ),
    Row(
        "an mfa_process with a pipe",
        "mfa_process printed 3 words instead of six digits\n"
        "  because  no shell runs it, so | is an argument\n"
        "  in       FOLDER/config:6, [profile p], mfa_process\n"
        "  try      let a shell run it: mfa_process = sh -c '...'\n",
        status=6,
        lines=f"{DEVICE}\nmfa_process = echo 123456 | cat",
    ),
    Row(
        "a device of nobody",
        "the user has no MFA device arn:aws:iam::123456789012:mfa/nobody\n"
        "  in       FOLDER/config:5, [profile p], mfa_serial\n"
        "  try      check mfa_serial\n"
        "  or       aws iam list-mfa-devices shows the devices of the user\n",
        status=6,
        words="p 123456",
        lines="mfa_serial = arn:aws:iam::123456789012:mfa/nobody",
    ),
)


@dataclass
class Scene(Bench):
    """A user to whom a row happens."""

    world: World
    row: Row
    host: str
    words: list[str] = field(default_factory=list)

    @property
    def config(self) -> Path:
        """The config file."""
        return Path(self.environ["AWS_CONFIG_FILE"])

    def begin(self) -> None:
        """Let everything be as the row says."""
        if self.world.agent() is not None:
            self.run("logout")
        role = f"arn:aws:iam::{self.world.sandbox.account}:role/read-only"
        profile = f"[profile p]\nrole_arn = {role}\n{self.row.lines}\n{self.row.source}\n{self.row.after}\n"
        environ = {name: value.format(host=self.host) for name, value in self.row.environ.items()}
        self.environ = {**self.world.environ, "AWS_CONFIG_FILE": str(self.home / "config"), **environ}
        self.words = self.row.words.split()
        keys = Path(self.world.environ["HOME"], ".aws", "credentials").read_text().partition("\n")[2]
        text = f"[default]\nregion = eu-central-1\n{profile}".replace("KEYS", keys)
        account = self.world.sandbox.account
        self.config.write_text(text.replace("FOLDER", str(self.home)).replace("123456789012", account))
        (self.home / "vault").write_text("#!/bin/sh\n")
        (self.home / "vault").chmod(0o600)

    def run(self, *words: str) -> tuple[int, str]:
        """Return the status and the message, without what differs between two runs."""
        done = replace(self.world, environ=self.environ).run(*(words or self.words))
        names = {
            self.host: "HOST",
            self.world.sandbox.url[7:]: "AWS",
            self.world.sandbox.account: "123456789012",
            str(self.home): "FOLDER",
        }
        text = done.stderr
        for value, name in names.items():
            text = text.replace(value, name)
        return done.returncode, re.sub("…[A-Z0-9]{4}", "…KEYS", text)

    def code(self) -> str:
        """Return an MFA code that nobody has used."""
        self.world.sandbox.clock.elapse(30)
        return self.world.device.code()

    def type(self, *words: str) -> None:
        """Let the user type other words."""
        self.words = [*words]

    def set_device(self, origin: Origin, before: str = "") -> None:
        """Name the device of the user below the line at an origin, and pass its code."""
        serial = self.world.device.serial
        self.edit(origin, lambda line: f"{before}{line}\nmfa_serial = {serial}")
        self.type("p", self.code())

    def put(self, origin: Origin, value: str) -> None:
        """Give the key or the variable at an origin another value."""
        if origin.key is None:
            self.environ[origin.name] = value
        else:
            self.edit(origin, lambda _: f"{origin.key} = {value}")

    def log_in(self, words: str, *then: str) -> None:
        """Enter a code for `awsenv login`, and let the user type other words after it, if there are any."""
        assert 0 == self.run(*words.split()[1:], self.code())[0]
        self.words = [*then] or self.words

    def set_longest(self, command: str) -> None:
        """Let the administrator run the command that sets how long a role may live."""
        *aws, _, name, _, seconds = shlex.split(command)
        assert ["aws", "iam", "update-role"] == aws
        self.world.client("iam").update_role(RoleName=name, MaxSessionDuration=int(seconds))


STEPS: Mapping[str, Step[Scene]] = {
    **steps.STEPS,
    r"correct (\w+), or remove it": lambda scene, at, _: scene.edit(at, lambda _: ""),
    "put the comment on a line of its own: .*": lambda scene, _, __: scene.config.write_text(
        scene.config.read_text().replace(" # mine", "\n# mine")
    ),
    "add the section": lambda scene, _, __: scene.write("[services mine]\n"),
    "remove the line services = from the profile": lambda scene, at, _: scene.edit(at, lambda _: ""),
    "(correct|set) both in HTTPS_PROXY: .*": lambda scene, at, _: scene.put(at, "http://me:secret@127.0.0.1:1"),
    "write (http://) instead of (https://) in HTTPS_PROXY": lambda scene, at, hint: scene.put(
        at, scene.environ[at.name].replace(hint[2], hint[1])
    ),
    "write (http://) in AWS_ENDPOINT_URL, .*": lambda scene, at, hint: scene.put(at, f"{hint[1]}{scene.host}"),
    "(correct it|name an HTTP proxy): .*http://HOST:PORT": lambda scene, at, _: scene.put(at, "http://127.0.0.1:1"),
    "check AWS_ENDPOINT_URL, .*": lambda scene, at, _: scene.put(at, scene.world.sandbox.url),
    "the same command again.*|use credentials that are not narrowed .*": lambda *_: None,
    "if the role demands MFA, set (mfa_serial) in profile 'p'": lambda scene, at, _: scene.set_device(at),
    "ask for less: (--duration)": lambda scene, _, hint: scene.type("p", hint[1], "1h"),
    "aws iam update-role .*": lambda scene, _, hint: scene.set_longest(hint[0]),
    "choose another region with (--region)": lambda scene, _, hint: scene.words.extend([hint[1], "us-east-1"]),
    "write the whole path of the program": lambda scene, at, _: scene.put(at, "/bin/echo"),
    r"let a shell run it: (\w+) = sh -c '...'": lambda scene, at, hint: scene.edit(
        at, lambda line: f"{hint[1]} = sh -c '{line.partition(' = ')[2].replace('123456', scene.code())}'"
    ),
    "add sso_account_id and sso_role_name": lambda scene, at, _: scene.edit(
        at, lambda header: f"{header}\nsso_account_id = 123456789012\nsso_role_name = r"
    ),
    "correct the name": lambda scene, at, _: scene.put(at, f"mine\n{SESSION.replace('corp', 'mine')}"),
    "correct (web_identity_token_file|AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE)": lambda scene, at, _: scene.put(
        at, f"{scene.home}/vault"
    ),
    "use https://, or http:// with the address of a loopback, .*": lambda scene, at, _: scene.put(
        at, f"http://{scene.host}/"
    ),
    "awsenv login( --profile p)?": lambda scene, _, hint: scene.log_in(hint[0]),
    "(awsenv login), and ask for an hour at most": lambda scene, _, hint: scene.log_in(hint[1], *scene.words[:3]),
    "pass the code as the second word": lambda scene, _, __: scene.words.append(scene.code()),
    "awsenv login CODE, .*": lambda scene, _, __: scene.words.append(scene.code()),
    "let it print the code, and nothing else, on standard output": lambda scene, at, _: scene.put(
        at, f"echo {scene.code()}"
    ),
    "check mfa_serial": lambda scene, at, _: scene.set_device(at, "#"),
}
"""What to do for a next step, by a pattern of it."""

ONLY_SHOWN = {
    "ask (its|an|the) (administrator|owner) .*": "someone else acts",
    "(check|activate|delete|replace) .*": "what to look at or to change is outside of the test",
    "use region .*": "it calls AWS itself",
    "use the access key of a user: .*": "the local AWS has no root user",
    "(set the clock|on macOS).*": "it sets the clock of the machine",
    "run the (command|credential_process) by itself .*": "it looks at something",
    "in an opt-in region, .*": "it looks at something",
    "correct AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, .*": "it calls the endpoint of a container",
    "for a container on one, .*|aws ec2 .*": "it needs EC2",
    "add the section: .*|aws (configure sso|sso login .*)": "it asks questions, or opens a browser",
    "aws iam list-mfa-devices .*|awsenv doctor p": "it looks at something",
    "unset AWS_EC2_METADATA_DISABLED": "it calls the metadata service of the machine",
}
"""Patterns of the steps that the test does not do, with the reason."""


@pytest.fixture
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    """Return the scene of the row that is the parameter, with its server, and a world of its own for a fault."""
    row: Row = request.param
    world: World = request.getfixturevalue("shared_world" if row.fault is None else "world")
    if row.fault is not None:
        world.sandbox.fail("AssumeRole", row.fault, times=row.times)
    with answering(row.answer) as host:
        scene = Scene(tmp_path, {}, world.program, world, row, host)
        scene.begin()
        yield scene
        scene.begin()
    assert 0 == world.sandbox.faults_left("AssumeRole")


@pytest.mark.parametrize("scene", ROWS, ids=lambda row: row.name.replace(" ", "-"), indirect=True)
def test_the_message_names_the_cause(scene: Scene) -> None:
    """The whole message is the expected one, without a secret; after each next step alone it does not come again."""
    row = scene.row
    assert (row.status, f"awsenv: {row.message}") == scene.run()
    assert "canary" not in row.message
    fact = first(row)
    origin = re.search(r"^  in +(.+?)(?::(\d+))?(?:, \[(.+?)\](?:, (.+))?)?$", row.message, re.MULTILINE)
    at = (
        Origin("")
        if origin is None
        else Origin(origin[1].replace("FOLDER/", ""), int(origin[2] or 0), origin[3], origin[4])
    )
    for hint in re.findall("^  (?:try|or) +(.*)$", row.message, re.MULTILINE):
        goes_on = hint.startswith("the same") and row.answer != b""
        if not goes_on and not any(re.fullmatch(pattern, hint) for pattern in ONLY_SHOWN):
            scene.begin()
            steps.follow(STEPS, hint.replace("FOLDER", str(scene.home)), scene, at)
            status, message = scene.run()
            assert status == 0 or first(row, message) != fact, (hint, message)
            assert not re.search("fault|Traceback", message)


def first(row: Row, message: str | None = None) -> str:
    """Return the fact and the cause of a message."""
    return "".join(
        re.findall(r"\A.*|^  because.*", f"awsenv: {row.message}" if message is None else message, re.MULTILINE)
    )


def test_no_two_causes_share_a_message() -> None:
    """Each row of the table has its own fact or cause: a reader can tell them apart."""
    seen = dict[str, str]()
    for row in ROWS:
        fact = first(row)
        assert row.name.startswith(SAME) or fact not in seen, f"{row.name} and {seen[fact]} both say {fact!r}"
        seen[fact] = row.name


def test_the_steps_fit_a_line() -> None:
    """The facts and the next steps fit 80 columns, unless a value of the user or AWS's own words are longer."""
    for row in ROWS:
        fact, *below = row.message.splitlines()
        steps = [line for line in below if line.startswith(("  try ", "  or "))]
        labels = [line[:11].strip() for line in below]
        assert labels == [
            *["because"] * ("because" in labels),
            *["in"] * ("in" in labels),
            *["try", "or"][: len(steps)],
        ]
        for line in (f"awsenv: {fact}", *steps):
            assert len(line) <= COLUMNS or any(value in line for value in LONG), line

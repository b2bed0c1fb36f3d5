"""AWS Sign-In: turns the credentials of a role into a URL that opens the console with them.

IAM guide, "Enable custom identity broker access to the AWS console". That page and AWS's own programs send the keys in
the query of a GET. AWS documents no POST.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from awsenv.aws.connection import HttpRequest
from awsenv.aws.refusal import failing, message_of_aws
from awsenv.aws.request import Request, host_of
from awsenv.aws.sdk import SdkSession
from awsenv.aws.translate import translated
from awsenv.errors import AGAIN, ConfigError, Origin, RefusedError, UnreachableError, UsageError
from awsenv.wording import quoted

if TYPE_CHECKING:
    from awsenv.aws.session import AwsSession
    from awsenv.model import Credentials

SHORTEST, LONGEST = 900, 43_200
"""Seconds of a console session (the same page, `SessionDuration`)."""

_DOMAINS = {
    "aws": "aws.amazon.com",
    "aws-cn": "amazonaws.cn",
    "aws-us-gov": "amazonaws-us-gov.com",
    "aws-eusc": "amazonaws-eusc.eu",
    "aws-iso": "c2shome.ic.gov",
    "aws-iso-b": "sc2shome.sgov.gov",
    "aws-iso-e": "csphome.adc-e.uk",
    "aws-iso-f": "csphome.hci.ic.gov",
}
"""The domain of the hosts `signin.` and `console.` of each partition.

They are the domains of the endpoint rules of `signin` in botocore 1.44.5. The console of a region is `REGION.console.`
in the same domain: AWS General Reference, "AWS Management Console endpoints and quotas".
"""

_WITHOUT_REGION = frozenset({"aws", "aws-cn", "aws-us-gov"})
"""The partitions with a sign-in host without a region. The IAM guide has that of `aws`. The European Sovereign Cloud
has none (tilfinltd/aws-extend-switch-roles#407)."""

_SERVICE = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)


def login_url(
    session: AwsSession,
    credentials: Credentials,
    partition: str,
    region: str | None,
    *,
    service: str | None = None,
    duration: int | None = None,
) -> str:
    """Return the URL that signs in to the console. It works for anyone who opens it within fifteen minutes.

    Args:
        session: Sends the request; `AWS_ENDPOINT_URL_SIGNIN` and its like in a profile apply.
        credentials: The credentials of a role.
        partition: The partition of the role.
        region: The region that the console opens in; None: the region of the last time.
        service: The service that it opens, as the path of its console names it; None: the home page.
        duration: Seconds; None: as long as the credentials live.

    Raises:
        ConfigError: The console of the partition is not known.
        UsageError: *service* is not the name of a service.
        RefusedError: AWS did not accept the credentials or the duration.
        UnreachableError: AWS could not be reached, or the response was not from AWS.
    """
    destination = page(partition, region, service)
    setting = session.endpoint_setting("signin")
    endpoint = _endpoint(partition, region) if setting is None else setting.value
    configured = None if setting is None else setting.origin
    federation = f"{endpoint.rstrip('/')}/federation"
    keys = {
        "sessionId": credentials.access_key_id,
        "sessionKey": credentials.secret_access_key,
        "sessionToken": credentials.session_token,
    }
    query = {"Action": "getSigninToken", "Session": json.dumps(keys)}
    if duration is not None:
        query["SessionDuration"] = str(duration)
    with (
        translated(Request("signin:GetSigninToken", endpoint=endpoint, configured=configured)),
        session.call(f"AWS Sign-In at {host_of(endpoint)}"),
    ):
        get = HttpRequest("GET", f"{federation}?{urlencode(query)}", {"User-Agent": SdkSession(session).user_agent()})
        answer = session.http(is_sent_once=True).send(get)
        secrets, host = tuple(filter(None, keys.values())), host_of(endpoint)
        token = _token(answer.status, answer.body, host, secrets, with_duration=duration is not None)
    login = {"Action": "login", "Issuer": "awsenv", "Destination": destination, "SigninToken": token}
    return f"{federation}?{urlencode(login)}"


def page(partition: str, region: str | None, service: str | None = None) -> str:
    """Return the first page of the console.

    Raises:
        ConfigError: The console of the partition is not known.
        UsageError: *service* is not the name of a service.
    """
    if service is not None and not _SERVICE.fullmatch(service):
        raise UsageError(
            f"{quoted(service)} is not the name of a service",
            Origin("--service"),
            hint=("use the name in the URL of the console: s3, ec2, cloudwatch, states", "leave --service out"),
        )
    host = f"console.{_domain(partition)}"
    path = f"{service or 'console'}/home"
    return f"https://{host}/{path}" if region is None else f"https://{region}.{host}/{path}?region={region}"


def _endpoint(partition: str, region: str | None) -> str:
    host = f"signin.{_domain(partition)}"
    return f"https://{host}" if region is None or partition in _WITHOUT_REGION else f"https://{region}.{host}"


def _domain(partition: str) -> str:
    if partition not in _DOMAINS:
        raise ConfigError(
            f"the console of partition {quoted(partition)} is not known",
            hint="awsenv ROLE and awsenv exec do not need it",
        )
    return _DOMAINS[partition]


def _token(status: int, body: bytes, host: str, secrets: tuple[str, ...], *, with_duration: bool) -> str:
    """Return the token of a response. A success is JSON; a failure is most often a page that does not say why."""
    if does := failing("", status):
        raise UnreachableError(f"AWS Sign-In at {host} {does}", hint=AGAIN)
    if status >= 400:  # noqa: PLR2004 - HTTP's errors of a client
        hint = "awsenv doctor ROLE checks the role"
        if with_duration:
            hint = "leave --session-duration out: AWS accepts it only for a role that the access key of a user assumed"
        text = message_of_aws(body.decode(errors="replace"), secrets)
        because = None if text is None or "<" in text else f"AWS said: {text.rstrip('.')}"
        fact = f"AWS Sign-In refused the credentials of the role (HTTP {status})"
        raise RefusedError(fact, code=f"HTTP{status}", because=because, hint=hint)
    answer = json.loads(body)
    token = answer["SigninToken"]
    if status != 200 or not isinstance(token, str) or not token:  # noqa: PLR2004 - HTTP's success
        raise ValueError
    return token

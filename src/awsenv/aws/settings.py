"""The settings of a client of STS: the endpoint, the region, attempts and time-outs, from the files and variables.

The rules are those of botocore (`args.py`, `client.py`, `configprovider.py`, and its endpoint rules of STS), without
loading it. In these cases botocore itself decides, or reports what is wrong:

- a region of no known pattern, such as a pseudo region with `fips`: its rules for these have exceptions;
- a value that botocore may refuse, and the rare keys in `_ASKED`;
- models of the user (`data_path`, `~/.aws/models`), which may have other endpoints.

These settings have no effect on a request to STS or its signature: `parameter_validation`, `tcp_keepalive`,
`sigv4a_signing_region_set`, `auth_scheme_preference`, client-side monitoring.
"""

from __future__ import annotations

import os
import re
import sys
from urllib.parse import parse_qs, urlsplit

from awsenv import __version__
from awsenv.aws.request import IDENTITY, without_root
from awsenv.config.ini import nested
from awsenv.config.partitions import partition_with
from awsenv.config.settings import MOST, WITHOUT_REGION
from awsenv.model import Credentials
from awsenv.record import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from awsenv.aws.session import AwsSession
    from awsenv.config.ini import Setting
    from awsenv.errors import Origin

GLOBAL = "https://sts.amazonaws.com"
"""What serves STS without a region, except the calls that take one (API reference of STS, GetScopedCredentials)."""

_LEGACY_REGIONS = frozenset(
    {
        "ap-northeast-1",
        "ap-south-1",
        "ap-southeast-1",
        "ap-southeast-2",
        "ca-central-1",
        "eu-central-1",
        "eu-north-1",
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
        "sa-east-1",
        "us-east-1",
        "us-east-2",
        "us-west-1",
        "us-west-2",
    }
)
"""The regions that `sts_regional_endpoints = legacy` sends to the global endpoint."""

_ATTEMPTS = {"legacy": 5, "standard": 3, "adaptive": 3}
"""How often each retry mode sends a request, unless `max_attempts` is set."""

_CONNECT = {"legacy": 60, "standard": 3.1, "cross-region": 3.1, "in-region": 1.1, "mobile": 30, "auto": 3.1}
"""Seconds to connect in each defaults mode (botocore, `sdk-default-configuration.json`).

For `auto`, botocore asks the metadata service of EC2, and waits for a second where there is none. That could only
change this time-out to 1.1 seconds, so awsenv takes botocore's fallback, `standard`.
"""

_WHEN = frozenset({"when_supported", "when_required"})
_ACCEPTED = {
    "account_id_endpoint_mode": frozenset({"preferred", "disabled", "required"}),
    "defaults_mode": frozenset(_CONNECT),
    "request_checksum_calculation": _WHEN,
    "response_checksum_validation": _WHEN,
    "retry_mode": frozenset(_ATTEMPTS),
    "sts_regional_endpoints": frozenset({"legacy", "regional", ""}),
}
"""Keys and the values that botocore accepts for them, whatever the service."""

_ASKED = ("api_versions", "data_path", "request_min_compression_size_bytes", "s3_disable_express_session_auth")
_READ = ("max_attempts", "region", "s3", "sdk_ua_app_id", "use_dualstack_endpoint", "use_fips_endpoint")
_WITHOUT_VARIABLE = ("api_versions", "s3")
_STYLES = (None, "auto", "virtual", "path")
_MODELS = os.path.join("~", ".aws", "models")  # noqa: PTH118 - pathlib costs an import
_LONGEST_LABEL = 63
"""Characters in a label of a host name."""


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """How a request to STS is sent."""

    url: str
    """Without a user name and password, and without a path of only a slash."""
    configured: Origin | None
    """What sets that URL; None: it is one of AWS."""
    signing_region: str
    attempts: int
    """How often a request may be sent."""
    retry_mode: str
    """`legacy`, `standard` or `adaptive`."""
    connect_timeout: float
    """Seconds."""
    user_agent: str
    read_timeout: float = MOST
    """Seconds. Only `AWSENV_TIMEOUT` lowers them."""


def client_settings(session: AwsSession, *, is_regional: bool = False) -> ClientSettings:
    """Return the settings of a client of STS.

    Args:
        session: The session.
        is_regional: Whether the global endpoint does not serve the call. Then the endpoint of the region replaces it.

    Raises:
        ConfigError: A setting makes requests impossible.
    """
    endpoint = session.endpoint_setting("sts")
    found = {key: setting for key in (*_ACCEPTED, *_ASKED, *_READ) if (setting := _find(session, key)) is not None}
    values = {key: setting.value for key, setting in found.items()}
    if session.region is not None:
        values["region"] = session.region
    url, region = (_endpoint(values, endpoint) if _is_judged(values) else None) or _of_botocore(session)
    if is_regional and url == GLOBAL:
        endpoint, (url, region) = None, _of_region(values)
    # The default of botocore 1.44; that of 1.41 is `legacy`.
    mode = values.get("retry_mode", "standard")
    most = values.get("max_attempts")
    return ClientSettings(
        url,
        None if endpoint is None else endpoint.origin,
        region,
        _ATTEMPTS[mode] if most is None else int(most),
        mode,
        _CONNECT[values.get("defaults_mode", "legacy").lower()],
        user_agent(values.get("sdk_ua_app_id"), mode),
    )


def _find(session: AwsSession, key: str) -> Setting | None:
    variable = "AWS_DEFAULT_REGION" if key == "region" else f"AWS_{key.upper()}"
    return session.setting(key, None if key in _WITHOUT_VARIABLE else variable)


def _is_judged(values: Mapping[str, str]) -> bool:
    """Return whether botocore is sure to accept these values, and no models of the user are there."""
    s3 = values.get("s3", "")
    style = nested(s3).get("addressing_style") if s3.startswith("\n") else None
    most = values.get("max_attempts", "1")
    return (
        all(values[key] in accepted for key, accepted in _ACCEPTED.items() if key in values)
        and style in _STYLES
        and most.isascii()
        and most.isdecimal()
        and int(most) > 0
        and not any(key in values for key in _ASKED)
        and not os.path.isdir(os.path.expanduser(_MODELS))  # noqa: PTH111, PTH112 - pathlib costs an import
    )


def _endpoint(values: Mapping[str, str], configured: Setting | None) -> tuple[str, str] | None:
    """Return the URL, and the region that requests are signed for; None: only botocore knows."""
    region = values.get("region")
    fips, dual_stack = (values.get(f"use_{kind}_endpoint", "").lower() == "true" for kind in ("fips", "dualstack"))
    if region is not None and not _is_plain(region):
        return None
    if configured is not None:
        return without_root(configured.value), region or WITHOUT_REGION
    if region is None:
        return None if fips or dual_stack else (GLOBAL, WITHOUT_REGION)
    partition = partition_with(region)
    if partition is None:
        return None
    if values.get("sts_regional_endpoints") == "legacy" and region in _LEGACY_REGIONS and not (fips or dual_stack):
        return GLOBAL, WITHOUT_REGION
    # In GovCloud, the plain name is the FIPS endpoint.
    service = "sts-fips" if fips and (dual_stack or partition.name != "aws-us-gov") else "sts"
    suffix = partition.dual_stack_suffix if dual_stack else partition.suffix
    return f"https://{service}.{region}.{suffix}", region


def _of_region(values: Mapping[str, str]) -> tuple[str, str]:
    """Return the URL of the region that is set, or else of the region that the global endpoint's requests name."""
    regional = {"region": WITHOUT_REGION, **values, "sts_regional_endpoints": "regional"}
    return _endpoint(regional, None) or (f"https://sts.{WITHOUT_REGION}.amazonaws.com", WITHOUT_REGION)


def _is_plain(region: str) -> bool:
    """Return whether *region* can be part of a host name, and is not a pseudo region, which botocore replaces."""
    is_name = region.isascii() and region.replace("-", "").isalnum() and not region.isdigit()
    is_label = is_name and region.strip("-") == region and len(region) <= _LONGEST_LABEL
    return is_label and "fips" not in region and not region.endswith("-global")


def _of_botocore(session: AwsSession) -> tuple[str, str]:
    """Return the URL and the signing region of botocore's own client.

    Raises:
        ConfigError: botocore accepts no client with these settings.
    """
    from botocore.config import Config  # noqa: PLC0415 - for rare settings

    from awsenv.aws.sdk import SdkSession  # noqa: PLC0415 - the same
    from awsenv.aws.translate import connect  # noqa: PLC0415 - the same

    signer = Credentials("none", "none")
    client, sent = connect(SdkSession(session), IDENTITY, signer, Config(signature_version="v4"))
    query = parse_qs(urlsplit(client.generate_presigned_url("get_caller_identity")).query)
    return sent.endpoint, query["X-Amz-Credential"][0].split("/")[2]


def user_agent(app_id: str | None, retry_mode: str) -> str:
    """Return the `User-Agent` header in the form of AWS's SDKs. CloudTrail shows it with each call.

    Args:
        app_id: The application id, from `sdk_ua_app_id`.
        retry_mode: The retry mode.
    """
    system = os.uname()
    name = {"Darwin": "macos", "Linux": "linux"}.get(system.sysname, f"other md/{_product(system.sysname)}")
    python = ".".join(map(str, sys.version_info[:3]))
    parts = (
        f"awsenv/{__version__}",
        "ua/2.1",
        f"os/{name}#{_product(system.release)}",
        f"md/arch#{_product(system.machine)}",
        f"lang/python#{python}",
        f"cfg/retry-mode#{retry_mode}",
        f"app/{_product(app_id, '#')}" if app_id else "",
    )
    return " ".join(filter(None, parts))


def _product(text: str, more: str = "") -> str:
    """Replace the characters that a user agent may not contain (botocore, `useragent.py`), except *more*."""
    return re.sub(rf"[^A-Za-z0-9!$%&'*+.^_`|~,{more}-]", "-", text)

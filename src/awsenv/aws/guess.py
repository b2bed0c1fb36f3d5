"""Guesses which host the first call of STS goes to, before the modules load that read files and options in full.

The connection opens while they load. A guess equals what `config` and the session resolve. If there is any setting that
this module does not understand, it makes no guess, so that awsenv never connects to the wrong host.
"""

from __future__ import annotations

import os
import stat
import sys

from awsenv.aws.connection import Address
from awsenv.variables import KEY_PAIR, REGION, ROLE, having, home, with_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    Settings = Mapping[str, str | None]
    """The settings of a profile by key; the value None stands for several lines."""
    Profiles = Mapping[str, list[list[str]]]
    """By the name of the profile, its lines in each file that has it."""

_LARGEST = 1_000_000
"""Bytes of the largest file that is read: a larger one takes longer than a connection."""

_LONGEST_HOST, _LONGEST_LABEL, _LAST_PORT = 255, 63, 65_535

_MOST = 20
"""Roles in a chain, as in `config.links`."""

_PARTITIONS = (("us-gov-", "aws-us-gov", ""), ("cn-", "aws-cn", ".cn"), ("", "aws", ""))
"""The prefix of regions, the partition, and what its hosts add to `amazonaws.com`."""

_AREAS = frozenset({"us", "eu", "ap", "sa", "ca", "me", "af", "il", "mx", "us-gov", "cn"})

_UNCLEAR = ("include_profile", "parent_profile", "data_path", "defaults_mode", "ignore_configured_endpoint_urls")
"""Keys, and variables with the prefix `AWS_`, that may change the meaning of any other."""


class _Unclear(Exception):  # noqa: N818 - its name says what happened
    """There is a setting that this module does not understand."""


def address(role: str | None, environ: Mapping[str, str], *, profile: str | None, region: str | None) -> Address | None:
    """Return where the first call of STS for a role goes; None: that is not certain.

    Args:
        role: The role, as typed; None: the user is about to pick it.
        environ: The environment of the caller.
        profile: The value of `--profile` or its variable.
        region: The value of `--region` or its variable.
    """
    try:
        return _address(role, environ, profile, region)
    except (OSError, ValueError, _Unclear):
        return None


def _address(role: str | None, environ: Mapping[str, str], profile: str | None, region: str | None) -> Address:
    if ROLE in environ or os.path.exists(f"{home(environ)}/.aws/models"):
        raise _Unclear  # a role is active, or models of the user may have other endpoints
    profiles = _profiles(environ)
    chain = _default(profiles, environ) if role is None else _chain(role, profile, profiles, environ) or [{}]
    for settings in chain:
        _refuse_unclear(settings, environ)
    regions = [region, *map(environ.get, having(REGION)), *(_value(settings, "region") for settings in chain)]
    host, partition = _host(next(filter(None, regions), ""))
    arns = [role, *(settings.get("role_arn") for settings in chain)]
    if any(arn and arn.startswith("arn:") and not arn.startswith(f"arn:{partition}:") for arn in arns):
        raise _Unclear
    # The first profile has the settings of the client.
    url = environ.get("AWS_ENDPOINT_URL_STS") or environ.get("AWS_ENDPOINT_URL") or _url(chain[0]) or f"https://{host}"
    bundle = environ.get("AWS_CA_BUNDLE") or _value(chain[0], "ca_bundle") or environ.get("REQUESTS_CA_BUNDLE")
    return _parsed(url, with_home(bundle, environ) if bundle else None, environ)


def _url(settings: Settings) -> str:
    if "services" in settings:
        raise _Unclear
    return _value(settings, "endpoint_url")


def _refuse_unclear(settings: Settings, environ: Mapping[str, str]) -> None:
    """Refuse settings and variables that may change the host, other than a region or a URL."""
    for key in _UNCLEAR:
        if key in settings or environ.get(f"AWS_{key.upper()}"):
            raise _Unclear
    for key in ("use_fips_endpoint", "use_dualstack_endpoint"):
        if (environ.get(f"AWS_{key.upper()}") or _value(settings, key)).lower() not in {"", "false"}:
            raise _Unclear
    key = "sts_regional_endpoints"
    if (environ.get(f"AWS_{key.upper()}") or _value(settings, key)) not in {"", "regional"}:
        raise _Unclear


def _host(region: str) -> tuple[str, str]:
    """Return the host of STS in *region*, and the partition."""
    if not region:
        return "sts.amazonaws.com", "aws"
    area, _, rest = region.rpartition("-")[0].rpartition("-")
    number = region.rpartition("-")[2]
    if area not in _AREAS or not (rest.isascii() and rest.isalpha() and rest.islower()):
        raise _Unclear
    if not (number.isascii() and number.isdigit()):
        raise _Unclear
    partition, suffix = next(each[1:] for each in _PARTITIONS if region.startswith(each[0]))
    return f"sts.{region}.amazonaws.com{suffix}", partition


def _parsed(url: str, bundle: str | None, environ: Mapping[str, str]) -> Address:
    """Return the address of a plain *url*."""
    scheme, _, rest = url.partition("://")
    netloc, _, path = rest.partition("/")
    host, colon, port = netloc.partition(":")
    if scheme not in {"http", "https"} or not _is_plain(path, "/.-_~"):
        raise _Unclear
    for label in host.split("."):
        if not _is_plain(label, "-") or not 0 < len(label.strip("-")) == len(label) <= _LONGEST_LABEL:
            raise _Unclear
    if len(host) > _LONGEST_HOST or (colon and not (port.isascii() and port.isdigit() and 0 < int(port) <= _LAST_PORT)):
        raise _Unclear
    if host != "localhost" and not host.startswith("127.") and _has_proxy(scheme, environ):
        raise _Unclear
    is_tls = scheme == "https"
    return Address(host, int(port) if colon else 443 if is_tls else 80, is_tls=is_tls, bundle=bundle)


def _is_plain(text: str, marks: str) -> bool:
    return text.isascii() and text == text.lower() and all(sign.isalnum() or sign in marks for sign in text)


def _has_proxy(scheme: str, environ: Mapping[str, str]) -> bool:
    found = [name.lower() for name, value in environ.items() if value and name.lower().endswith("_proxy")]
    if not found and sys.platform == "darwin":
        from _scproxy import _get_proxies  # noqa: PLC0415 - the settings of macOS apply

        return bool(_get_proxies())
    return f"{scheme}_proxy" in found


def _default(profiles: Profiles, environ: Mapping[str, str]) -> list[Settings]:
    """Return `[default]`, provided that no profile that the user may pick has another host."""
    for name in profiles:
        settings = _known(name, profiles)
        _refuse_unclear(settings, environ)
        if any(key in settings for key in ("endpoint_url", "services", "ca_bundle")):
            raise _Unclear
    return [_known("default", profiles) if "default" in profiles else {}]


def _chain(role: str, chosen: str | None, profiles: Profiles, environ: Mapping[str, str]) -> list[Settings]:
    """Return the profiles whose settings count, as `config.links` does: the role's first, the source last."""
    if role in profiles:
        if not _is_role(_known(role, profiles)):
            raise _Unclear  # a source calls STS only for an MFA session, if at all
        return _followed(role, chosen, profiles)
    if ":" not in role and "/" not in role:
        raise _Unclear  # it may be a typo
    if chosen:
        return _followed(chosen, None, profiles)
    if environ.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
        raise _Unclear
    name = environ.get("AWS_DEFAULT_PROFILE") or environ.get("AWS_PROFILE")
    if name is None and "default" not in profiles:
        return []
    name = name or "default"
    has_keys = all(map(environ.get, KEY_PAIR))
    return [_known(name, profiles)] if has_keys else _followed(name, None, profiles)


def _followed(name: str, chosen: str | None, profiles: Profiles) -> list[Settings]:
    """Return the profiles from *name* to its source, which *chosen* replaces."""
    names, chain = [name], [_known(name, profiles)]
    is_role = _is_role(chain[0])
    while is_role:
        source = chosen or _value(chain[-1], "source_profile")
        if not chosen and bool(source) == ("credential_source" in chain[-1]):
            raise _Unclear
        if not source:
            break
        found, chosen = _known(source, profiles), None
        is_static = "aws_access_key_id" in found or "aws_secret_access_key" in found
        if len(chain) > _MOST or (source in names and not (source == names[-1] and is_static)):
            raise _Unclear
        names.append(source)
        chain.append(found)
        is_role = _is_role(found) and not is_static
    return chain


def _known(name: str, profiles: Profiles) -> Settings:
    if name not in profiles:
        raise _Unclear
    return {key: value for lines in profiles[name] for key, value in _settings(lines).items()}


def _is_role(settings: Settings) -> bool:
    return "role_arn" in settings and "web_identity_token_file" not in settings


def _value(settings: Settings, key: str) -> str:
    value = settings.get(key, "")
    if value is None:
        raise _Unclear
    return value


def _profiles(environ: Mapping[str, str]) -> Profiles:
    """Return the profiles of both files. The credentials file comes last, and wins."""
    found: dict[str, list[list[str]]] = {}
    for header, lines in _sections(_text("AWS_CONFIG_FILE", "~/.aws/config", environ)).items():
        words = [word for word in header.replace("\t", " ").split(" ") if word]
        is_named = header.startswith("profile") and len(words) == 2  # noqa: PLR2004 - the prefix and the name
        if is_named or header == "default":
            if words[-1] in found or any(mark in header for mark in "'\"\\"):
                raise _Unclear
            found[words[-1]] = [lines]
        elif header.startswith("profile"):
            raise _Unclear
    for name, lines in _sections(_text("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials", environ)).items():
        found.setdefault(name, []).append(lines)
    return found


def _text(variable: str, default: str, environ: Mapping[str, str]) -> str:
    """Return the text of a file; empty: it does not exist."""
    path = environ.get(variable, default)
    if "$" in path:
        raise _Unclear
    path = with_home(path, environ)
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    if stat.S_ISCHR(found.st_mode) and path == os.devnull:
        return ""
    if not stat.S_ISREG(found.st_mode) or path.startswith(("/dev/", "/proc/")) or found.st_size > _LARGEST:
        raise _Unclear
    with open(path, "rb") as file:
        return file.read().decode()


def _sections(text: str) -> dict[str, list[str]]:
    """Return the lines of each section by its header, without comments, of a file that cannot be misread."""
    found: dict[str, list[str]] = {}
    lines = None
    for line in text.replace("\r\n", "\n").split("\n"):
        bare = line.strip()
        if not bare or bare[0] in "#;":
            continue
        if bare[0] == "[":
            header = bare[1:-1]
            if line[0] != "[" or bare[-1] != "]" or "]" in header or header in found or header in {"", "DEFAULT"}:
                raise _Unclear
            lines = found[header] = []
        elif lines is None:
            raise _Unclear
        else:
            lines.append(line)
    return found


def _settings(lines: list[str]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    key = ""
    for line in lines:
        if line[0].isspace():
            if not key:
                raise _Unclear
            found[key] = None
            continue
        mark = min((at for at in (line.find("="), line.find(":")) if at >= 0), default=0)
        key = line[:mark].strip().lower()
        if not key or key in found or "\r" in line:
            raise _Unclear
        found[key] = line[mark + 1 :].strip()
    return found

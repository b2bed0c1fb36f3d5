"""The proxies that an environment names, read from a value: botocore would look into the process."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined] # typeshed leaves it out

if TYPE_CHECKING:
    from collections.abc import Mapping

    from awsenv.model import Environ


def of(environ: Environ) -> Mapping[str, str] | None:
    """Return the proxies by the scheme that they serve, and under `no` what is reached without them; empty: none.

    The rules are those of Python's `urllib.request.getproxies_environment`: the lower-case spelling wins, and empties
    the other where it is empty. `HTTP_PROXY` is not to be trusted beside `REQUEST_METHOD` (CVE-2016-1000110).

    Returns:
        None on macOS where the environment names none: then those of the system settings hold, which botocore finds.
    """
    found = {name[:-6].lower(): value for name, value in environ.items() if name.lower().endswith("_proxy") and value}
    if "REQUEST_METHOD" in environ:
        found.pop("http", None)
    for name, value in environ.items():
        if name.endswith("_proxy"):
            found.pop(name[:-6].lower(), None)
            if value:
                found[name[:-6].lower()] = value
    if not found and sys.platform == "darwin":
        return None
    return found if "http" in found or "https" in found else {}


def serve(proxies: Mapping[str, str], url: str) -> bool:
    """Tell whether *proxies* have one for *url*."""
    parts = urlsplit(url)
    return parts.scheme in proxies and not proxy_bypass_environment(parts.netloc, dict(proxies))

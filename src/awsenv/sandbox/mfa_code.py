"""The authenticator app of the demo: `mfa-code [DEVICE]` prints an MFA code that was not used, and waits for one.

It is run as a file, and imports nothing of awsenv: the package around it takes a second to load.
"""

from __future__ import annotations

import sys
import time
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import ProxyHandler, build_opener

_FOUND, _LATER = 200, 503
_CLEAR = "\r\x1b[K"


def main(url: str, device: str = "") -> str | None:
    """Print a code of *device* from *url*; return what went wrong."""
    shows_wait = sys.stderr is not None and sys.stderr.isatty()
    try:
        while True:
            status, text = _answer(url + quote(device.rpartition(":mfa/")[2]))
            if status != _LATER:
                break
            if shows_wait:
                sys.stderr.write(f"{_CLEAR}{text}")
                sys.stderr.flush()
            time.sleep(0.5)
    finally:
        if shows_wait:
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()
    if status != _FOUND:
        return text
    sys.stdout.write(f"{text}\n")
    return None


def _answer(url: str) -> tuple[int, str]:
    try:
        with build_opener(ProxyHandler({})).open(url) as response:
            return response.status, response.read().decode().strip()
    except HTTPError as error:
        return error.code, error.read().decode().strip()
    except URLError:
        return 0, "the demo has ended"


if __name__ == "__main__":
    try:
        failure = main(*sys.argv[1:3])
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(None if failure is None else f"mfa-code: {failure}")

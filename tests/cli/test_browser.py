"""How awsenv opens a page in the browser: its URL is on no command line, and is sent only once."""

from __future__ import annotations

import os
import subprocess
import sys
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from awsenv.cli.browser import open_page
from awsenv.errors import Failure

URL = "https://signin.aws.amazon.com/federation?Action=login&SigninToken=canary"


def get(address: str, path: str | None = None) -> tuple[int, dict[str, str]]:
    """Request a page as a browser does, and return the status and the headers."""
    parts = urlsplit(address)
    connection = HTTPConnection(parts.netloc, timeout=10)
    connection.request("GET", parts.path if path is None else path)
    with connection.getresponse() as answer:
        found = answer.status, {name.lower(): value for name, value in answer.getheaders()}
    connection.close()
    return found


def test_the_browser_is_redirected() -> None:
    """The browser starts at a loopback address, which redirects to the URL, forbids caching and then closes."""
    started: list[str] = []
    answers: list[tuple[int, dict[str, str]]] = []

    def browser(address: str) -> bool:
        started.append(address)
        answers.append(get(address))
        return True

    open_page(URL, browser)

    ((status, headers),) = answers
    assert (302, URL, "no-store", "no-referrer") == (
        status,
        headers["location"],
        headers["cache-control"],
        headers["referrer-policy"],
    )
    assert started[0].startswith("http://127.0.0.1:")
    assert "canary" not in started[0]
    with pytest.raises(ConnectionRefusedError):
        get(started[0])


def test_only_the_first_request_for_the_exact_path_is_redirected() -> None:
    """A request for another path gets a 404, and so does a second request for the right one."""
    statuses: list[int] = []

    def browser(address: str) -> bool:
        statuses.extend(get(address, path)[0] for path in ("/", "/favicon.ico", "/" + "A" * 43, None, None))
        return True

    open_page(URL, browser)

    assert [404, 404, 404, 302, 404] == statuses


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows whose a connection is")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_another_user_is_not_redirected() -> None:
    """Another user who reads the address off the command line gets a 404, even before the browser's request."""
    script = (
        "import sys, urllib.request as r\n"
        "try: r.build_opener(r.ProxyHandler({})).open(sys.argv[1])\n"
        "except r.HTTPError as answer: print(answer.code)\n"
    )
    statuses: list[int] = []

    def browser(address: str) -> bool:
        argv = ["python3", "-c", script, address]
        statuses.append(int(subprocess.check_output(argv, user=65534, group=65534, extra_groups=[])))
        statuses.append(get(address)[0])
        return True

    open_page(URL, browser)

    assert [404, 302] == statuses


def test_a_missing_browser_is_an_error() -> None:
    """The error suggests leaving out --open, which works without a browser."""
    with pytest.raises(Failure, match="no browser could be started") as caught:
        open_page(URL, lambda _: False)

    assert "leave --open out" in str(caught.value.hints)


def test_the_exit_status_of_the_browser_is_ignored() -> None:
    """A browser that has requested the page has done its work, even if it then reports a failure."""
    statuses: list[int] = []

    def browser(address: str) -> bool:
        statuses.append(get(address)[0])
        return False

    open_page(URL, browser)

    assert [302] == statuses


def test_a_browser_that_sends_no_request_is_an_error() -> None:
    """The wait for the browser's request ends with an error after a timeout."""
    with pytest.raises(Failure, match="no browser has requested the page"):
        open_page(URL, lambda _: True, timeout=0.01)

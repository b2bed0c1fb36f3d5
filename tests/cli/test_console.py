"""`awsenv console`: it prints or opens a sign-in URL, and checks the request before it uses an MFA code."""

from __future__ import annotations

import os
import re
import shutil
import sys
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from awsenv.sandbox import Fault

if TYPE_CHECKING:
    from conftest import World


def destination(url: str) -> str:
    """Follow a sign-in URL, and return the address that it redirects to."""
    parts = urlsplit(url.strip())
    connection = HTTPConnection(parts.netloc, timeout=10)
    connection.request("GET", f"{parts.path}?{parts.query}")
    with connection.getresponse() as answer:
        leads_to = answer.headers["location"]
    connection.close()
    return str(leads_to)


def test_the_url_signs_in(world: World) -> None:
    """`console` prints one line: a URL that opens the console in the role's region, signed in as the role."""
    done = world.run("console", "read-only", "--service", "s3")

    assert (0, "", 1) == (done.returncode, done.stderr, done.stdout.count("\n"))
    assert "https://eu-central-1.console.aws.amazon.com/s3/home?region=eu-central-1" == destination(done.stdout)
    assert ["AssumeRole", "GetSigninToken", "ConsoleLogin"] == world.actions()
    assert "assumed-role/read-only/" in str(world.sandbox.calls[-1].caller)


def test_console_accepts_a_code_and_role_options(world: World) -> None:
    """`console` accepts an MFA code and the role options, as `use` does."""
    done = world.run("console", "--region", "us-west-2", "power-user", world.device.code())

    assert (0, "") == (done.returncode, done.stderr)
    assert "https://us-west-2.console.aws.amazon.com/console/home?region=us-west-2" == destination(done.stdout)


@pytest.mark.parametrize(("typed", "seconds"), [("8h", "28800"), ("900", "900"), ("12h", "43200")])
def test_the_session_duration_can_be_chosen(world: World, typed: str, seconds: str) -> None:
    """`console` sends --session-duration to AWS in seconds if the user's own access key assumes the role."""
    done = world.run("console", "read-only", "--session-duration", typed)

    assert (0, "") == (done.returncode, done.stderr)
    assert {"SessionDuration": seconds} == dict(world.sandbox.calls[-1].parameters)


@pytest.mark.parametrize(
    ("words", "fact"),
    [
        ("behind --session-duration 8h", "AWS takes --session-duration only for a role that a user's own access key"),
        ("power-user --session-duration 14m", "14m is not a duration of a console session"),
        ("power-user --session-duration 13h", "13h is not a duration of a console session"),
        ("power-user --session-duration soon", "not a duration: 'soon'"),
        ("power-user --service a/b", "'a/b' is not the name of a service"),
        ("default", "default is not a role"),
        ("with-mfa", "with-mfa is not a role"),
    ],
)
def test_a_request_that_aws_would_refuse_is_refused_early(world: World, words: str, fact: str) -> None:
    """`console` rejects such a request without calling AWS or asking for an MFA code."""
    credentials = Path(world.environ["HOME"], ".aws", "credentials").read_text()
    Path(world.environ["HOME"], ".aws", "credentials").write_text(
        credentials + credentials.replace("[default]", "[with-mfa]") + f"mfa_serial = {world.device.serial}\n"
    )
    world.configure(
        f"\n[profile behind]\nrole_arn = arn:aws:iam::{world.sandbox.account}:role/read-only\n"
        "source_profile = power-user\n"
    )

    done = world.run("console", *words.split())

    assert (2, "", []) == (done.returncode, done.stdout, world.actions())
    assert done.stderr.startswith(f"awsenv: {fact}"), done.stderr
    assert "  try      " in done.stderr


def test_a_session_duration_needs_a_code_despite_an_mfa_session(world: World) -> None:
    """The agent's MFA session suffices for a URL, but not for --session-duration, which needs an MFA code."""
    assert world.run("login", world.device.code()).returncode == 0
    plain, long = (world.run("console", "power-user", *more) for more in ((), ("--session-duration", "8h")))
    world.sandbox.clock.elapse(30)
    with_code = world.run("console", "power-user", world.device.code(), "--session-duration", "8h")

    assert (0, "") == (plain.returncode, plain.stderr)
    assert (6, "") == (long.returncode, long.stdout)
    needed = f"an MFA code of alice ({world.sandbox.account}) is needed, and there is no terminal for a prompt"
    assert f"awsenv: {needed}\n  try      pass the code as the second word\n" == long.stderr
    assert (0, "") == (with_code.returncode, with_code.stderr)
    assert {"SessionDuration": "28800"} == dict(world.sandbox.calls[-1].parameters)


@pytest.mark.parametrize("with_agent", [False, True])
def test_the_url_goes_to_a_file_only_with_print(world: World, tmp_path: Path, *, with_agent: bool) -> None:
    """`console` writes the URL, which is a secret, to a file only with --print."""
    if with_agent:
        assert world.run("login", world.device.code()).returncode == 0
    world.sandbox.clear_calls()
    kept = tmp_path / "kept"

    refused = world.command(["sh", "-c", f'"{world.program}" console read-only >"{kept}"'])
    nothing = (kept.read_text(), world.actions())
    meant = world.command(["sh", "-c", f'"{world.program}" console read-only --print >"{kept}"'])

    assert (2, ("", [])) == (refused.returncode, nothing)
    assert "  try      --open opens it in the browser\n  or       --print prints it anyway\n" in refused.stderr
    assert (0, "") == (meant.returncode, meant.stderr)
    assert "SigninToken=" in kept.read_text()


@pytest.mark.parametrize("with_agent", [False, True])
def test_open_redirects_the_browser_to_the_console(world: World, tmp_path: Path, *, with_agent: bool) -> None:
    """`--open` starts the browser at a loopback address, so the URL is on no command line."""
    if with_agent:
        assert world.run("login", world.device.code()).returncode == 0
    browser = tmp_path / "browser"
    browser.write_text(
        f"#!{sys.executable}\nimport sys, urllib.request\n"
        "class Stop(urllib.request.HTTPRedirectHandler):\n    def redirect_request(self, *_): pass\n"
        "try: urllib.request.build_opener(Stop, urllib.request.ProxyHandler({})).open(sys.argv[1])\n"
        "except urllib.error.HTTPError as answer:\n"
        f"    open({str(tmp_path / 'seen')!r}, 'w').write(sys.argv[1] + '\\n' + answer.headers['location'])\n"
    )
    browser.chmod(0o700)

    done = world.run("console", "read-only", "--open", BROWSER=str(browser))

    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)
    address, url = (tmp_path / "seen").read_text().splitlines()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[\w-]{43}", address)
    assert ["login"] == parse_qs(urlsplit(url).query)["Action"]
    assert destination(url).startswith("https://eu-central-1.console.aws.amazon.com/")


@pytest.mark.parametrize("with_agent", [False, True])
def test_open_without_a_browser_suggests_what_to_do(world: World, tmp_path: Path, *, with_agent: bool) -> None:
    """`--open` fails if no browser can be started, and suggests setting BROWSER or leaving out --open."""
    if with_agent:
        assert world.run("login", world.device.code()).returncode == 0
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sh").symlink_to(shutil.which("sh") or os.devnull)

    done = world.run("console", "read-only", "--open", PATH=str(tmp_path / "bin"), BROWSER="", TERM="dumb")

    assert (1, "") == (done.returncode, done.stdout)
    assert (
        "awsenv: no browser could be started\n"
        "  try      set BROWSER\n"
        "  or       leave --open out: then the URL is printed\n" == done.stderr
    )


@pytest.mark.parametrize(
    ("fault", "step"),
    [
        (Fault.HTML, "check AWS_ENDPOINT_URL"),
        (Fault.SERVER_ERROR, "the same command again"),
        (Fault.DROP, "check AWS_ENDPOINT_URL"),
    ],
)
def test_a_failure_of_the_sign_in_endpoint_is_reported(world: World, fault: Fault, step: str) -> None:
    """The error names the host, has its next step and shows no credentials."""
    world.sandbox.fail("GetSigninToken", fault)

    done = world.run("console", "read-only")

    assert (7, "") == (done.returncode, done.stdout)
    assert re.match(r"awsenv: .*Sign-In at 127\.0\.0\.1:\d+", done.stderr), done.stderr
    assert f"  try      {step}\n" in done.stderr
    assert "Session" not in done.stderr

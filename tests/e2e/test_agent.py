"""MFA once a day: after one code, an agent provides roles without another, and keeps them only in memory."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import awsenv
from awsenv.agent import client, runtime_directory
from awsenv.cli import conversation
from awsenv.cli.action import Exec, Fail, Print, Report
from awsenv.cli.process import FAILURE
from awsenv.model import Credentials
from awsenv.sandbox import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from conftest import Until, World
    from e2e.conftest import Interactive, Terminal
    from spelling import Spelling

HOUR = 3600
MINUTE = 60


def login(world: World) -> int:
    """Log in with a code, and return the process id of the agent."""
    answer = world.run("login", world.device.code())
    assert (0, "") == (answer.returncode, answer.stderr)
    agent = world.agent()
    assert agent is not None
    return agent


def identity(world: World, keys: dict[str, str]) -> str:
    """Return the ARN that the local AWS reports for *keys*, as `credential-process` printed them."""
    key = Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    return str(world.client("sts", key).get_caller_identity()["Arn"])


def killed_at_work(world: World, until: Until, *words: str) -> subprocess.CompletedProcess[str]:
    """Log in, run `exec` with *words*, and kill the agent while AWS does not answer it."""
    agent = login(world)
    world.sandbox.clock.elapse(30)
    world.sandbox.fail("AssumeRole", Fault.HANG)
    world.sandbox.clear_calls()
    with subprocess.Popen(
        [world.program, "exec", *(word.format(code=world.device.code()) for word in words)],
        env=world.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as running:
        until(lambda: not world.sandbox.faults_left("AssumeRole"))
        os.kill(agent, signal.SIGKILL)
        shown = running.communicate()
    return subprocess.CompletedProcess(words, running.returncode, *shown)


def role_profile(world: World, name: str, *more: str, trust: dict[str, object], seconds: int = HOUR) -> None:
    """Create a role, and a profile that assumes it with the user's MFA device."""
    arn = world.sandbox.create_role(name, trust, policies=["ReadOnlyAccess"], max_session_duration=seconds)
    lines = "".join(f"{line}\n" for line in more)
    world.configure(
        f"[profile {name}]\nrole_arn = {arn}\nsource_profile = default\nmfa_serial = {world.device.serial}\n{lines}"
    )


def test_one_code_serves_twenty_roles_for_hours(aging: World) -> None:
    """With one MFA code the agent serves twenty roles for hours, and AWS accepts every key that it provides."""
    names = [f"role-{number:02}" for number in range(20)]
    for name in names:
        role_profile(aging, name, trust=aging.sandbox.trust(aging.user_arn, mfa=True))
    aging.sandbox.clear_calls()
    assert aging.run("login", aging.device.code()).returncode == 0

    for _ in range(6):
        for name in names:
            answer = aging.run("credential-process", name)
            assert (0, "") == (answer.returncode, answer.stderr)
            assert f":assumed-role/{name}/" in identity(aging, json.loads(answer.stdout))
        aging.sandbox.clock.elapse(25 * MINUTE)

    sts = [call for call in aging.sandbox.calls if call.action != "GetCallerIdentity"]
    # After fifty minutes the credentials have ten minutes left, and the agent renews them.
    assert ["GetSessionToken"] + ["AssumeRole"] * 60 == [call.action for call in sts]
    assert ["TokenCode" in call.parameters for call in sts] == [True] + [False] * 60
    assert {None} == {call.error for call in aging.sandbox.calls}


def test_a_role_that_needs_a_new_code_is_used_until_it_expires(aging: World) -> None:
    """The agent provides a role until it expires if only another MFA code could renew it, as `explain` says."""
    role_profile(aging, "long", trust=aging.sandbox.trust(aging.user_arn, mfa=True), seconds=2 * HOUR)
    aging.run("login", aging.device.code())
    aging.sandbox.clock.elapse(30)
    words = ["long", "--duration", "2h"]
    assert 0 == aging.run("exec", *words, aging.device.code(), "--", "true").returncode
    aging.sandbox.clock.elapse(110 * MINUTE)
    aging.sandbox.clear_calls()

    plan = json.loads(aging.run("explain", "--json", *words).stdout)
    done = aging.run("exec", *words, "--", "true")

    assert (True, []) == (plan["agent"]["hands_out_the_role"], plan["calls"])
    assert (0, "", []) == (done.returncode, done.stderr, aging.actions())


def test_no_role_is_provided_after_the_mfa_session_expires(aging: World) -> None:
    """Once the MFA session and the role have expired, awsenv needs a new code, and `status` shows no MFA session."""
    aging.run("login", aging.device.code(), "--duration", "15m")
    assert aging.run("power-user", "--shell", "sh").returncode == 0

    aging.sandbox.clock.elapse(61 * MINUTE)
    answer = aging.run("power-user", "--shell", "sh")

    assert (6, FAILURE) == (answer.returncode, answer.stdout)
    assert "an MFA code of alice" in answer.stderr
    assert "MFA session" not in aging.run("status").stdout


def is_served(url: str, token: str) -> bool:
    """Return whether the endpoint gives credentials."""
    request = urllib.request.Request(url, headers={"Authorization": token})  # noqa: S310 - the endpoint's own
    try:
        with urllib.request.urlopen(request, timeout=60):  # noqa: S310 - the same
            return True
    except urllib.error.HTTPError:
        return False


def test_an_agent_that_serves_a_command_is_not_idle(aging: World, until: Until) -> None:
    """An agent that serves a long-running command does not end as idle until that command has ended."""
    aging.run("login", aging.device.code())
    show = 'echo "$AWS_CONTAINER_CREDENTIALS_FULL_URI $AWS_CONTAINER_AUTHORIZATION_TOKEN"; read line'
    with subprocess.Popen(
        [aging.program, "exec", "--refresh", "power-user", "--", "sh", "-c", show],
        env=aging.environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as command:
        assert command.stdout is not None
        address = command.stdout.readline().split()
        aging.sandbox.clock.elapse(5 * HOUR)
        assert "MFA session" in aging.run("status").stdout
        command.communicate("\n")
    until(lambda: not is_served(*address))
    # A second request: the agent may note the end of the command just after its first refusal.
    assert not is_served(*address)
    aging.sandbox.clock.elapse(5 * HOUR)

    assert "MFA session" not in aging.run("status").stdout


def test_fifty_simultaneous_clients_cause_one_call(world: World) -> None:
    """Fifty clients that request the same role at the same time cause one AssumeRole call."""
    login(world)
    world.sandbox.clear_calls()

    running = [
        subprocess.Popen(
            [world.program, "exec", "power-user", "--", "true"],
            env=world.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        for _ in range(50)
    ]
    errors = [process.communicate()[1] for process in running]

    assert ([0] * 50, [b""] * 50) == ([process.returncode for process in running], errors)
    assert world.actions() == ["AssumeRole"]


def test_a_login_asks_for_a_code(world: World, environ: dict[str, str], terminal: Callable[..., Terminal]) -> None:
    """`awsenv login` without a code prompts for one at the terminal, and prompts again if AWS rejects it."""
    shown = terminal(["awsenv", "login"], environ)
    for code in ("000000", world.device.code()):
        shown.see("MFA code for alice .*: ")
        shown.send(code + "\r")

    assert shown.gone() == 0
    assert "MFA session of alice" in shown.transcript
    assert world.run("exec", "power-user", "--", "true").returncode == 0


def test_three_wrong_codes_start_no_agent(
    world: World, environ: dict[str, str], terminal: Callable[..., Terminal]
) -> None:
    """`awsenv login` fails after three wrong codes, and starts no agent."""
    shown = terminal(["awsenv", "login"], environ)
    for code in ("000000", "000001", "000002"):
        shown.see("MFA code for alice .*: ")
        shown.send(code + "\r")

    assert shown.gone() == 6
    assert "awsenv: AWS rejected 3 MFA codes" in shown.transcript
    assert world.agent() is None


@pytest.mark.parametrize(("key", "status"), [("\x03", 130), ("\x04", 6)], ids=["ctrl-c", "ctrl-d"])
def test_a_cancelled_login_starts_no_agent(
    world: World, environ: dict[str, str], terminal: Callable[..., Terminal], key: str, status: int
) -> None:
    """Ctrl-C and Ctrl-D at the code prompt end `awsenv login` without a call to AWS."""
    shown = terminal(["awsenv", "login"], environ)
    shown.see("MFA code for alice .*: ")
    shown.send(key)

    assert (status, [], None) == (shown.gone(), world.actions(), world.agent())


def test_the_agent_survives_its_terminal(
    world: World, environ: dict[str, str], terminal: Callable[..., Terminal]
) -> None:
    """The agent belongs to no terminal session: Ctrl-C and a closed window do not end it."""
    shell = terminal(["sh", "-c", "awsenv login; exec sleep 1000"], environ)
    shell.see("MFA code for alice .*: ")
    shell.send(world.device.code() + "\r")
    shell.see("MFA session of alice")
    agent = world.agent()
    assert agent is not None
    assert os.getsid(agent) != os.getsid(shell.process.pid)

    shell.send("\x03")
    shell.hang_up()
    shell.process.wait(60)

    assert agent == world.agent()
    assert world.run("exec", "power-user", "--", "true").returncode == 0


def status_of(pid: int, *names: str) -> list[int]:
    """Return numbers from /proc/PID/status."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return [int(status[name].split()[0]) for name in names]


def cpu(pid: int) -> int:
    """Return the CPU time of a process, in clock ticks."""
    return sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
def test_a_thousand_requests_leak_nothing(world: World, until: Until) -> None:
    """A thousand requests cost the agent no memory, threads or descriptors, and it uses no CPU while idle."""
    pid = login(world)
    lines = [
        ("exec", "power-user", "--", "true"),
        ("use", "read-only", "--shell", "sh"),
        ("credential-process", "power-user"),
        ("status",),
        ("read-only", "--bogus"),
    ]

    def ask(times: int) -> None:
        for number in range(times):
            words = lines[number % len(lines)]
            request = conversation.request(list(words), world.environ)
            kind = client.ask(world.environ, conversation.RUN, [b"", *request])[0]
            assert kind in {Exec.kind, Print.kind, Report.kind, Fail.kind}

    ask(300)
    until(lambda: status_of(pid, "Threads") <= [3])
    before, descriptors = status_of(pid, "VmRSS", "FDSize")
    ask(1000)
    until(lambda: status_of(pid, "Threads") <= [3])
    after, *rest = status_of(pid, "VmRSS", "FDSize")
    assert after - before < 2048, "KiB: a leak in each request would be more"
    assert [descriptors] == rest
    assert after < 100 * 1024, "KiB: 43 MiB were measured"

    def is_at_rest() -> bool:
        worked = cpu(pid)
        threading.Event().wait(1.5)
        return worked == cpu(pid)

    # It wakes once more after the last request.
    until(is_at_rest)


@pytest.fixture
def fresh(aging: World) -> World:
    """Return the world with a role that demands MFA of the last 15 minutes, and an older MFA session."""
    trust = aging.sandbox.trust(aging.user_arn, mfa=True, mfa_max_age=900)
    role_profile(aging, "fresh", trust=trust)
    login(aging)
    aging.sandbox.clock.elapse(20 * MINUTE)
    aging.sandbox.clear_calls()
    return aging


def test_a_fresh_code_is_requested_if_the_mfa_session_is_too_old(
    fresh: World, environ: dict[str, str], terminal: Callable[..., Terminal]
) -> None:
    """If a role refuses the MFA session as too old, awsenv prompts for a code once, and the agent keeps the role."""
    shown = terminal(["awsenv", "exec", "fresh", "--", "printenv", "AWSENV_ROLE"], environ)
    shown.see(r"MFA code for alice .*: ")
    assert "it may need a fresh code (aws:MultiFactorAuthAge)" in shown.transcript
    shown.send(fresh.device.code() + "\r")

    assert shown.gone() == 0
    assert "\nfresh\r\n" in shown.transcript
    assert shown.transcript.count("MFA code for") == 1
    again = fresh.run("exec", "fresh", "--", "printenv", "AWSENV_ROLE")
    assert (0, "fresh\n", "") == (again.returncode, again.stdout, again.stderr)
    assert [True, False] == ["TokenCode" not in call.parameters for call in fresh.sandbox.calls]


def test_a_rejected_fresh_code_is_asked_for_again(
    fresh: World, environ: dict[str, str], terminal: Callable[..., Terminal]
) -> None:
    """If AWS rejects the fresh code that a role demands, awsenv prompts again."""
    shown = terminal(["awsenv", "exec", "fresh", "--", "printenv", "AWSENV_ROLE"], environ)
    for code in ("000000", fresh.device.code()):
        shown.see("MFA code for alice .*: ")
        shown.send(code + "\r")

    assert shown.gone() == 0
    assert shown.transcript.count("MFA code for") == 2


@pytest.mark.parametrize(("words", "status"), [("fresh --shell sh", 6), ("exec fresh -- true", 125)])
def test_without_a_terminal_both_facts_are_shown(fresh: World, words: str, status: int) -> None:
    """Without a terminal awsenv reports the refused MFA session, and that it cannot prompt for the code it needs."""
    answer = fresh.run(*words.split())

    assert status == answer.returncode
    assert re.fullmatch(
        r"awsenv: AWS refused fresh with the MFA session: it may need a fresh code \(aws:MultiFactorAuthAge\)\n"
        r"  because  no trust policy statement allows user alice.*\n"
        r"awsenv: an MFA code of alice \(\d+\) is needed, and there is no terminal for a prompt\n"
        r"  try      awsenv login\n  or       pass the code as the second word\n",
        answer.stderr,
    )


@pytest.fixture
def long(aging: World) -> World:
    """Return the world with a role whose profile sets a duration of four hours."""
    trust = aging.sandbox.trust(aging.user_arn, mfa=True)
    role_profile(aging, "long", "duration_seconds = 14400", trust=trust, seconds=12 * HOUR)
    login(aging)
    aging.sandbox.clear_calls()
    return aging


def test_a_role_assumed_with_the_mfa_session_lasts_an_hour(long: World) -> None:
    """A role assumed with the MFA session lasts an hour at most: awsenv cuts the profile's duration, and says so."""
    answer = long.run("exec", "long", "--", "true")

    assert answer.returncode == 0
    assert re.fullmatch(
        r"awsenv: 4h cut to 1h, .*\n  in       ~/.aws/config:\d+, \[profile long\], duration_seconds\n",
        answer.stderr,
    )
    assert ["3600"] == [call.parameters["DurationSeconds"] for call in long.sandbox.calls]


def test_more_than_an_hour_needs_a_code_once(long: World) -> None:
    """A --duration of more than an hour needs an MFA code, and the agent provides that role again without one."""
    words = ["exec", "long", "--duration", "4h"]
    without = long.run(*words, "--", "true")
    long.sandbox.clock.elapse(30)
    first = long.run(*words, long.device.code(), "--", "printenv", "AWS_ACCESS_KEY_ID")
    second = long.run(*words, "--", "printenv", "AWS_ACCESS_KEY_ID")

    assert (125, 0, first.stdout) == (without.returncode, second.returncode, second.stdout)
    assert "no terminal for a prompt" in without.stderr
    (call,) = long.sandbox.calls
    assert ("AssumeRole", "14400", "(hidden)", long.device.serial) == (
        call.action,
        *(call.parameters[name] for name in ("DurationSeconds", "TokenCode", "SerialNumber")),
    )


def test_a_cached_role_is_matched_by_its_granted_duration(aging: World) -> None:
    """A role cut to one hour does not satisfy a request for twelve; the longer one satisfies both requests."""
    trust = aging.sandbox.trust(aging.user_arn, mfa=True)
    role_profile(aging, "target", "duration_seconds = 43200", trust=trust, seconds=12 * HOUR)
    login(aging)
    short = aging.run("exec", "target", "--", "printenv", "AWS_ACCESS_KEY_ID")
    aging.sandbox.clear_calls()

    without = aging.run("exec", "target", "--duration", "12h", "--", "true")
    aging.sandbox.clock.elapse(30)
    words = ["exec", "target", "--duration", "12h", aging.device.code(), "--", "printenv"]
    long = aging.run(*words, "AWS_ACCESS_KEY_ID", "AWS_CREDENTIAL_EXPIRATION")
    again = aging.run("exec", "target", "--", "printenv", "AWS_ACCESS_KEY_ID")

    assert (125, 0, 0) == (without.returncode, long.returncode, again.returncode)
    assert "an MFA code of alice" in without.stderr
    assert ["43200"] == [call.parameters["DurationSeconds"] for call in aging.sandbox.calls]
    key, ends = long.stdout.split()
    assert key != short.stdout.strip()
    assert key == again.stdout.strip()
    left = datetime.fromisoformat(ends.replace("Z", "+00:00")).timestamp() - aging.sandbox.clock.now().timestamp()
    assert 11 * HOUR < left <= 12 * HOUR


@pytest.mark.parametrize("words", ["exec power-user {code} -- true", "exec power-user --refresh {code} -- true"])
def test_a_code_is_sent_only_once(aging: World, words: str) -> None:
    """If another client has used an MFA code, awsenv does not send it to AWS, and says so."""
    login(aging)
    aging.sandbox.clock.elapse(30)
    code = aging.device.code()
    first = aging.run("exec", "power-user", code, "--", "true")
    aging.sandbox.clear_calls()

    second = aging.run(*words.format(code=code).split())

    assert (0, 125, []) == (first.returncode, second.returncode, aging.actions())
    assert second.stderr == "awsenv: that MFA code has been used\n  try      wait for the device's next code\n"


def test_a_code_that_aws_rejects_is_asked_for_again(
    aging: World, environ: dict[str, str], terminal: Callable[..., Terminal]
) -> None:
    """If AWS rejects the code from the agent, the client shows the reason and prompts; the agent keeps the role."""
    login(aging)
    aging.sandbox.clock.elapse(30)
    shown = terminal(["awsenv", "exec", "power-user", "000000", "--", "printenv", "AWSENV_ROLE"], environ)
    shown.see(
        "AWS rejected that MFA code: it is wrong or already used. Wait for the next one.\r\nMFA code for alice .*: "
    )
    shown.send(aging.device.code() + "\r")

    assert shown.gone() == 0
    assert "\npower-user\r\n" in shown.transcript
    assert aging.actions()[-2:] == ["AssumeRole", "AssumeRole"]
    assert aging.run("exec", "power-user", "--", "true").stderr == ""


def test_three_wrong_codes_end_a_command_with_an_agent(
    aging: World, environ: dict[str, str], terminal: Callable[..., Terminal]
) -> None:
    """With an agent, too, a command fails after three wrong MFA codes."""
    login(aging)
    aging.sandbox.clear_calls()
    shown = terminal(["awsenv", "exec", "power-user", "000000", "--", "true"], environ)
    for code in ("000001", "000002"):
        shown.see("MFA code for alice .*: ")
        shown.send(code + "\r")

    assert (125, ["AssumeRole"] * 3) == (shown.gone(), aging.actions())
    assert "awsenv: AWS rejected 3 MFA codes" in shown.transcript


def test_a_code_is_not_sent_again_after_the_agent_dies(world: World, until: Until) -> None:
    """If the agent dies with an MFA code, awsenv does not send it again, and says that it may have been used."""
    done = killed_at_work(world, until, "power-user", "{code}", "--", "true")

    # The call that hangs is not counted.
    assert (125, []) == (done.returncode, world.actions())
    assert "awsenv: the agent did not reply, and the MFA code may have been used\n" in done.stderr


def test_a_client_waits_no_longer_than_its_own_limit(world: World, until: Until) -> None:
    """AWSENV_TIMEOUT holds, although another client waits longer for the same role."""
    login(world)
    world.sandbox.fail("AssumeRole", Fault.HANG, times=20)
    words = ("exec", "power-user", "--", "true")
    with subprocess.Popen([world.program, *words], env=world.environ, stderr=subprocess.DEVNULL) as longer:
        until(lambda: world.sandbox.faults_left("AssumeRole") < 20)
        shown = world.run(*words, AWSENV_TIMEOUT="2").stderr
        has_ended = longer.poll() is not None
        longer.terminate()

    host = world.sandbox.url.removeprefix("http://")
    assert f"awsenv: STS at {host} did not send a complete response within 2 seconds" == shown.partition("\n")[0]
    assert "  and      AWSENV_TIMEOUT\n" in shown
    assert not has_ended


@pytest.fixture(params=["alone", "agent"])
def either(
    request: pytest.FixtureRequest,
    world: World,
    agent_in: Callable[[Mapping[str, str]], AbstractContextManager[None]],
) -> Iterator[World]:
    """Return the world without an agent, and with one that holds an MFA session."""
    if request.param == "alone":
        yield world
        return
    with agent_in(world.environ):
        login(world)
        world.sandbox.clock.elapse(30)
        yield world


def test_an_external_id_is_asked_for(either: World, environ: dict[str, str], terminal: Callable[..., Terminal]) -> None:
    """`--external-id -` prompts without echo at the caller's terminal, with and without an agent."""
    arn = either.sandbox.create_role("guarded", either.sandbox.trust(either.user_arn, external_id="canary-typed"))
    shown = terminal(["awsenv", "exec", arn, "--external-id", "-", "--", "echo", "reached"], environ)
    shown.see("External id: ")
    shown.send("canary-typed\r")

    assert shown.gone() == 0
    assert "reached" in shown.transcript
    assert "canary" not in shown.transcript


@pytest.mark.parametrize("mfa", [False, True], ids=["no-code", "code"])
def test_a_credential_process_runs_in_the_environment_of_its_caller(either: World, *, mfa: bool) -> None:
    """A `credential_process` runs in the environment of the caller, not in that of the agent."""
    keys = Path(either.environ["HOME"], ".aws", "credentials").read_text().split("\n")
    key_id, secret = (line.partition("=")[2].strip() for line in keys[1:3])
    script = Path(either.environ["HOME"], "print-keys")
    script.write_text(
        '#!/bin/sh\ntest "$MINE" = yes || exit 9\n'
        f'echo \'{{"Version": 1, "AccessKeyId": "{key_id}", "SecretAccessKey": "{secret}"}}\'\n'
    )
    script.chmod(0o700)
    arn = either.sandbox.create_role("from-process", either.sandbox.trust(either.user_arn, mfa=mfa))
    device = f"mfa_serial = {either.device.serial}\n" if mfa else ""
    either.configure(
        f"[profile vault]\ncredential_process = {script}\n"
        f"[profile from-process]\nrole_arn = {arn}\nsource_profile = vault\n{device}"
    )
    code = [either.device.code()] if mfa else []

    refused = either.run("exec", "from-process", *code, "--", "true", MINE="no")
    done = either.run("exec", "from-process", *code, "--", "printenv", "AWSENV_ROLE", MINE="yes")

    assert (125, 0, "from-process\n") == (refused.returncode, done.returncode, done.stdout)
    assert "credential_process failed with status 9" in refused.stderr


def test_an_unused_mfa_device_is_reported_before_the_prompt(
    world: World, environ: dict[str, str], terminal: Callable[..., Terminal]
) -> None:
    """Before it prompts for a code, awsenv says that it does not use the mfa_serial of a role behind another role."""
    account = world.sandbox.account
    world.configure(
        f"[profile far]\nrole_arn = arn:aws:iam::{account}:role/far\nsource_profile = power-user\n"
        f"mfa_serial = arn:aws:iam::{account}:mfa/phone\n"
    )

    shown = terminal(["awsenv", "exec", "far", "--", "true"], environ)
    shown.see("MFA code for alice .*: ")
    shown.send("\x04")
    shown.gone()

    note, _, _ = shown.transcript.partition("MFA code for")
    assert re.search(r"awsenv: the MFA device is not used; .* never meets a condition on MFA\r\n  in ", note), note


def test_min_remaining_renews_credentials(aging: World) -> None:
    """The agent renews credentials with less time left than --min-remaining or AWSENV_MIN_REMAINING demands."""
    aging.run("login", aging.device.code())
    words = ["credential-process", "power-user"]

    def key(*options: str, **environ: str) -> str:
        answer = aging.run(*words, *options, **environ)
        assert (0, "") == (answer.returncode, answer.stderr)
        return str(json.loads(answer.stdout)["AccessKeyId"])

    first = key()
    aging.sandbox.clock.elapse(30 * MINUTE)
    assert first == key("--min-remaining", "20m")
    second = key("--min-remaining", "40m")
    aging.sandbox.clock.elapse(30 * MINUTE)
    third = key(AWSENV_MIN_REMAINING="40m")

    assert len({first, second, third}) == 3
    assert aging.actions().count("AssumeRole") == 3


def test_an_agent_killed_during_a_request_causes_one_note(world: World, until: Until) -> None:
    """If the agent dies during a request, awsenv assumes the role itself with one note; the next run prints nothing."""
    words = ["read-only", "--", "printenv", "AWSENV_ROLE"]

    done = killed_at_work(world, until, *words)
    again = world.run("exec", *words)

    assert (0, "read-only\n", 1) == (done.returncode, done.stdout, done.stderr.count("awsenv: the agent"))
    assert (0, "") == (again.returncode, again.stderr)


def test_a_killed_agent_causes_one_note(world: World, until: Until, has_ended: Callable[[int], bool]) -> None:
    """The first command after the death of the agent says so, and later commands print nothing."""
    agent = login(world)
    os.kill(agent, signal.SIGKILL)
    until(lambda: has_ended(agent))

    notes = [world.run("exec", "read-only", "--", "true").stderr for _ in range(2)]

    note = "awsenv: the agent has died, and with it what it held\n  try      awsenv login starts it again\n"
    assert [note, ""] == notes


@pytest.fixture
def impostor(world: World) -> Iterator[Callable[[bytes | None], None]]:
    """Return a function that starts a false agent, which replies with these bytes, or never if they are None."""
    folder = runtime_directory.make(world.environ)
    taken: list[socket.socket] = []
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{folder}/{runtime_directory.SOCKET}")

        def start(answer: bytes | None) -> None:
            def serve() -> None:
                while True:
                    try:
                        connection, _ = listening.accept()
                    except OSError:
                        return
                    taken.append(connection)
                    # A client may connect only to see whether an agent listens, and the test may be over.
                    with suppress(client.NotAMessage, OSError):
                        if answer is not None:
                            client.receive(connection, time.monotonic() + 60)
                            connection.sendall(answer)
                            connection.shutdown(socket.SHUT_WR)

            listening.listen()
            threading.Thread(target=serve, daemon=True).start()

        yield start
        listening.shutdown(socket.SHUT_RDWR)
    for connection in taken:
        connection.close()


@pytest.mark.parametrize(
    ("answer", "note"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", r"cannot be talked to: a message of \d+ bytes, where \d+ are the most"),
        (b"\x40\0\0\0" + b"x" * 9, "cannot be talked to: a message of 1073741824 bytes, where .*"),
        (b"\0\0\0\x09half", "cannot be talked to: the connection was closed before a message was whole"),
        (b"", "cannot be talked to: the connection was closed before a message was whole"),
        (client.pack([]), "sent an unexpected reply"),
        (client.pack([b"ok"]), "'s reply cannot be read"),
        (client.pack([b"ok", b"print"]), "'s reply cannot be read"),
        (client.pack([b"ok", b"exec", b"", b"9", b"true"]), "'s reply cannot be read"),
        (client.pack([b"ok", b"exec", b"", b"x"]), "'s reply cannot be read"),
        (client.pack([b"ok", b"surprise", b"", b""]), "'s reply cannot be read"),
        (client.pack([b"failed", b"\x1b[31mKeyError"]), r"failed: \?\[31mKeyError"),
        (client.pack([b"version", b"0.0.1"]), r"is of awsenv 0\.0\.1, this is .*\n  try      awsenv login replaces it"),
        (None, r" \(process \d+\) is stuck"),
    ],
    ids=["http", "a-gibibyte", "half", "nothing", "empty", "ok", "print", "too-few", "no-count", "unknown", "failed",
         "version", "silent"],
)  # fmt: skip
def test_an_invalid_reply_causes_one_note(
    world: World, impostor: Callable[[bytes | None], None], answer: bytes | None, note: str
) -> None:
    """If the agent's reply is invalid or missing, awsenv runs the command without the agent, and prints one note."""
    impostor(answer)

    done = world.run("exec", "read-only", "--", "printenv", "AWSENV_ROLE")

    assert (0, "read-only\n") == (done.returncode, done.stdout)
    assert re.fullmatch(rf"awsenv: the agent ?{note}\n", done.stderr), done.stderr


@pytest.fixture
def older(world: World, tmp_path: Path) -> int:
    """Return the process id of an agent of an older version, which holds an MFA session."""
    copy = tmp_path / "older"
    shutil.copytree(Path(awsenv.__file__).parent, copy / "awsenv", ignore=shutil.ignore_patterns("__pycache__"))
    text = (copy / "awsenv" / "__init__.py").read_text()
    (copy / "awsenv" / "__init__.py").write_text(text.replace(awsenv.__version__, "0.0.1"))
    run = "import sys; sys.path.insert(0, sys.argv.pop(1)); from awsenv.__main__ import main; main()"
    done = world.command([sys.executable, "-I", "-c", run, str(copy), "login", world.device.code()])
    assert done.returncode == 0, done.stderr
    agent = world.agent()
    assert agent is not None
    return agent


def test_an_agent_of_another_version_is_replaced(world: World, older: int) -> None:
    """An agent of another version is not used: awsenv names the version, and the next login replaces the agent."""
    notes = [world.run("exec", "read-only", "--", "true").stderr for _ in range(2)]
    world.sandbox.clock.elapse(30)
    agent = login(world)

    note = f"awsenv: the agent is of awsenv 0.0.1, this is {awsenv.__version__}\n  try      awsenv login replaces it\n"
    assert {note} == set(notes)
    assert older != agent
    assert world.run("exec", "power-user", "--", "true").stderr == ""


@pytest.mark.parametrize("word", ["lock", "logout"])
def test_lock_and_logout_end_an_agent_of_another_version(
    world: World,
    older: int,
    word: str,
    until: Until,
    has_ended: Callable[[int], bool],
) -> None:
    """`lock` and `logout` end an agent of another version, so that no MFA session stays in its memory."""
    answer = world.run(word)

    assert (0, "") == (answer.returncode, answer.stderr)
    assert (
        answer.stdout
        == {
            "lock": "Locked: the agent, which was of another version of awsenv, has ended.\n",
            "logout": "Logged out: the agent has ended.\n",
        }[word]
    )
    until(lambda: has_ended(older))


def test_status_names_the_version_of_another_agent(world: World, older: int) -> None:
    """`awsenv status` names the version of an agent of another version, and leaves that agent running."""
    answer = world.run("status")

    assert (0, "", older) == (answer.returncode, answer.stdout, world.agent())
    assert answer.stderr.startswith("awsenv: the agent is of awsenv 0.0.1, ")


@pytest.mark.parametrize("what", ["file", "symlink", "open"])
def test_an_unsafe_runtime_directory_is_not_used(world: World, tmp_path: Path, what: str) -> None:
    """In a runtime directory that others may control, awsenv uses no agent and starts none; it names the directory."""
    folder = Path(world.environ[runtime_directory.VARIABLE])
    if what == "symlink":
        folder.symlink_to(tmp_path)
        (tmp_path / runtime_directory.SOCKET).touch()
    else:
        folder.mkdir(mode=0o755 if what == "open" else 0o700)
        (folder / runtime_directory.SOCKET).touch()

    answer = world.run("exec", "read-only", "--", "true")
    refused = world.run("login", world.device.code())

    assert answer.returncode == 0
    assert re.match(rf"awsenv: the agent is not used: {folder}.*\n  in       {folder}.*\n  try ", answer.stderr)
    assert refused.returncode == 8
    assert str(folder) in refused.stderr


@pytest.mark.parametrize("words", ["read-only --shell sh", "exec read-only -- true", "credential-process read-only"])
def test_new_credentials_below_min_remaining_cause_a_note(either: World, words: str) -> None:
    """If even new credentials last less than --min-remaining, awsenv provides them with a note, and does not fail."""
    first, _, rest = words.partition("read-only")

    short = either.run(*first.split(), "read-only", "--duration", "15m", "--min-remaining", "20m", *rest.split())
    enough = either.run(*first.split(), "read-only", "--duration", "30m", "--min-remaining", "20m", *rest.split())

    assert (0, 0, "") == (short.returncode, enough.returncode, enough.stderr)
    assert re.fullmatch(
        r"awsenv: read-only has 1[45]m left, less than --min-remaining: AWS grants no more\n", short.stderr
    )


def test_a_prompt_renews_the_role(aging: World, interactive: Interactive, shell: Spelling) -> None:
    """The hook renews an expiring role at a prompt; without the agent it changes nothing."""
    aging.run("login", aging.device.code())
    terminal = interactive(hook=True)
    terminal.run("awsenv power-user")
    before = terminal.environment()
    aging.sandbox.clock.elapse(50 * MINUTE)

    terminal.run(shell.export.format("AWSENV_EXPIRES_EPOCH", int(time.time()) + 100))
    after = terminal.environment()

    assert {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CREDENTIAL_EXPIRATION"} < {
        name for name in after if before.get(name) != after[name]
    }
    assert before["AWSENV_RENEW"] == after["AWSENV_RENEW"]
    assert ["GetSessionToken", "AssumeRole", "AssumeRole"] == aging.actions()

    aging.run("lock")
    shown = terminal.run(shell.export.format("AWSENV_EXPIRES_EPOCH", int(time.time()) + 100))
    assert "awsenv:" not in shown
    assert after["AWS_ACCESS_KEY_ID"] == terminal.environment()["AWS_ACCESS_KEY_ID"]
    assert ["GetSessionToken", "AssumeRole", "AssumeRole"] == aging.actions()
    terminal.run("awsenv off")
    assert "AWS_ACCESS_KEY_ID" not in terminal.environment()

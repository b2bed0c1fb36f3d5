"""The functions in programs: their own environment, Ctrl-C, and the processes that they start."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import World


def test_a_program_has_the_environment_of_its_process(world: World) -> None:
    """The functions read `os.environ` when they are called; a session keeps the environment that it was made in."""
    script = (
        "import os, awsenv\n"
        "print(awsenv.credentials('read-only').account)\n"
        "session = awsenv.session('read-only')\n"
        "os.environ |= awsenv.environment('arn:aws:iam::' + awsenv.roles()[1].account + ':role/read-only')\n"
        "os.environ |= {'AWS_PROFILE': 'nobody', 'AWS_CONFIG_FILE': '/none', 'AWS_ENDPOINT_URL': 'http://127.0.0.1:9'}\n"
        "print(session.client('sts').get_caller_identity()['Account'], session.region_name)\n"
        "session.get_credentials()._refresh_using()\n"
        "print(awsenv.roles())\n"
    )
    shown = world.command([sys.executable, "-c", script], AWS_PROFILE="default", AWSENV_REGION="eu-west-1")

    account = world.sandbox.account
    assert (f"{account}\n{account} eu-west-1\n()\n", "") == (shown.stdout, shown.stderr)


def test_a_program_stays_its_author_s(world: World) -> None:
    """What takes the place of stdout need be no file, and a program that has passed a code can be traced and dumped."""
    script = (
        "import awsenv, ctypes, sys\n"
        "class Log: write = flush = lambda self, *_: None\n"
        "sys.stdout = Log()\n"
        f"awsenv.credentials('power-user', code='{world.device.code()}')\n"
        "sys.stderr.write(str(ctypes.CDLL(None).prctl(3) if sys.platform == 'linux' else 1))\n"
    )
    shown = world.command([sys.executable, "-c", script])

    assert ("", "1") == (shown.stdout, shown.stderr)


def test_ctrl_c_is_no_error_of_ours(world: World) -> None:
    """A program that handles our errors, and goes on, still ends at Ctrl-C while it waits for AWS."""
    script = (
        "import awsenv, os, signal, socket, threading\n"
        "listening = socket.create_server(('127.0.0.1', 0))\n"
        "def interrupt():\n"
        "    accepted = listening.accept()[0]\n"
        "    accepted.recv(1)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    accepted.recv(1 << 20, socket.MSG_PEEK)\n"
        "    threading.Event().wait(60)\n"
        "threading.Thread(target=interrupt, daemon=True).start()\n"
        "os.environ['AWS_ENDPOINT_URL'] = f'http://127.0.0.1:{listening.getsockname()[1]}'\n"
        "try:\n"
        "    awsenv.credentials('read-only')\n"
        "except awsenv.AwsenvError as error:\n"
        "    print('lost', error)\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')\n"
    )
    shown = world.command([sys.executable, "-c", script])

    assert ("interrupted\n", "") == (shown.stdout, shown.stderr)


PROGRAM = """
import multiprocessing, sys, threading, warnings
import awsenv

def work(code):
    return awsenv.credentials("power-user", code=code).access_key_id

def act(session):
    return session.client("sts").get_caller_identity()["Arn"]

if __name__ == "__main__":
    warnings.simplefilter("ignore", DeprecationWarning)  # of a fork where there are threads, from Python 3.12 on
    how, *codes = sys.argv[1:]
    first = work(codes[0])
    session = awsenv.session("power-user")
    inside, over = threading.Event(), threading.Event()

    def slow(question):
        inside.set()
        over.wait(60)
        raise SystemExit

    # It keeps what it has locked while the process forks.
    waits = threading.Thread(target=lambda: awsenv.credentials("long", duration=7200, code=slow), daemon=True)
    waits.start()
    assert inside.wait(60)
    context = multiprocessing.get_context(how)
    with context.Pool(1) as pool:
        second = pool.apply(work, [codes[1]])
    over.set()
    waits.join(60)
    if how == "fork":
        child = context.Process(target=lambda: sys.exit(act(session) != act(session)))
        child.start()
        child.join(60)
        assert child.exitcode == 0
    print(first == work(None), first == second, act(session).partition("/")[2].partition("/")[0])
"""


@pytest.mark.parametrize("how", ["fork", "spawn"])
def test_a_child_process_holds_nothing(world: World, tmp_path: Path, how: str) -> None:
    """A child begins anew, and waits for no lock of its parent; a session that it inherits works in both."""
    arn = world.sandbox.create_role("long", world.sandbox.trust(world.user_arn, mfa=True), max_session_duration=7200)
    world.configure(f"[profile long]\nrole_arn = {arn}\nsource_profile = default\nmfa_serial = {world.device.serial}\n")
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    first = world.device.code()
    world.sandbox.clock.elapse(30)

    shown = world.command([sys.executable, str(program), how, world.device.code(), first])

    assert ("True False power-user\n", "") == (shown.stdout, shown.stderr)

"""Tests of the IPython extension: in a real kernel, which one frontend talks to, and in IPython at a terminal."""

from __future__ import annotations

import ast
import json
import re
import shlex
import sqlite3
import sys
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pexpect
import pytest
from jupyter_client.manager import KernelManager
from quotes import ROOT, blocks

from awsenv import variables
from role_requests import ROLE_REQUESTS, prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from jupyter_client.blocking.client import BlockingKernelClient

    from conftest import World

TIMEOUT = 120
"""Seconds after which a kernel counts as stuck."""

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")

CANARY = "canary-typed-here"
"""An external id that is typed in a cell."""


@dataclass
class Ran:
    """What a frontend gets when a cell has run."""

    reply: dict[str, Any]
    out: str = ""
    err: str = ""
    shown: list[dict[str, Any]] = field(default_factory=list)
    """Everything that the frontend shows and keeps of the run."""
    asked: list[dict[str, Any]] = field(default_factory=list)
    """What the frontend was to ask the user."""

    @property
    def traceback(self) -> str:
        """Return what the frontend shows of the error."""
        return "".join(f"{line}\n" for line in self.reply.get("traceback", ()))


class Kernel:
    """A kernel and its frontend.

    Args:
        environ: The environment that the kernel starts in.
        folder: Where its files are.
    """

    def __init__(self, environ: Mapping[str, str], folder: Path) -> None:
        self.history = folder / "profile_default" / "history.sqlite"
        self.manager = KernelManager(connection_file=str(folder / "kernel.json"), transport="ipc")
        self.manager.start_kernel(env={**environ, "IPYTHONDIR": str(folder)}, cwd=str(folder))
        self.client: BlockingKernelClient = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=TIMEOUT)

    def close(self) -> None:
        """End the kernel."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def run(self, source: str, *answers: str | Callable[[], object], cell: str | None = None, **asks: Any) -> Ran:
        """Run a cell.

        Args:
            source: Its source.
            answers: What the user answers to the questions, or does instead. Without any, nobody can be asked.
            cell: The id of the cell in its notebook; None: it is not in one.
            asks: Names to expressions, whose values `reply` gets.
        """
        left, ran = list(answers), Ran({})

        def show(message: dict[str, Any]) -> None:
            content = message["content"]
            if message["msg_type"] != "execute_input":
                ran.shown.append(content)
            if message["msg_type"] == "stream":
                text = content["text"]
                ran.out, ran.err = (
                    (ran.out + text, ran.err) if content["name"] == "stdout" else (ran.out, ran.err + text)
                )

        def answer(message: dict[str, Any]) -> None:
            ran.asked.append(message["content"])
            answer = left.pop(0)
            self.client.input(answer) if isinstance(answer, str) else answer()

        self.client.session.metadata = {} if cell is None else {"cellId": cell}
        reply = self.client.execute_interactive(
            source,
            user_expressions=asks,
            allow_stdin=bool(answers),
            stdin_hook=answer,
            output_hook=show,
            timeout=TIMEOUT,
        )
        ran.reply = reply["content"]
        assert not left, "not everything was asked"
        return ran

    def value(self, expression: str) -> Any:
        """Return the value of an expression in the kernel."""
        found = self.run("", value=expression).reply["user_expressions"]["value"]
        assert "ok" == found["status"], found
        return ast.literal_eval(found["data"]["text/plain"])

    def environ(self) -> dict[str, str]:
        """Return the environment of the kernel."""
        return dict(self.value("dict(os.environ)"))

    def fails(self, source: str, *answers: str | Callable[[], object]) -> str:
        """Run a cell that fails, and return what the frontend shows of the error."""
        ran = self.run(source, *answers)
        assert "error" == ran.reply["status"], ran
        return ran.traceback

    def complete(self, line: str) -> list[str]:
        """Return what Tab offers at the end of *line*."""
        return list(self.client.complete(line, reply=True, timeout=TIMEOUT)["content"]["matches"])


@pytest.fixture(scope="module")
def loaded(shared_world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """Return a kernel that has loaded the extension and boto3."""
    prepare(shared_world)
    kernel = Kernel(shared_world.environ, tmp_path_factory.mktemp("ipython"))
    try:
        assert (
            "ok"
            == kernel.run("import os, time, boto3, awsenv\nclean = dict(os.environ)\n%load_ext awsenv").reply["status"]
        )
        yield kernel
    finally:
        kernel.close()


@pytest.fixture
def kernel(loaded: Kernel, shared_world: World) -> Kernel:
    """Return the kernel as it was at first, with nothing in its memory."""
    loaded.run(
        "%awsenv off\nawsenv.forget()\nboto3.DEFAULT_SESSION = None\nos.environ.clear()\nos.environ.update(clean)"
    )
    shared_world.sandbox.clock.elapse(30)
    return loaded


def _arn(kernel: Kernel, expression: str = "boto3.client('sts')") -> str:
    return str(kernel.value(f"{expression}.get_caller_identity()['Arn']"))


def test_the_kernel_has_the_role_until_it_is_left(kernel: Kernel, shared_world: World) -> None:
    """`os.environ`, what the kernel starts and boto3's default session get the role; `off` restores all of it."""
    before = kernel.environ()
    ran = kernel.run(
        f"old = boto3.client('sts', region_name='eu-west-1')\n%awsenv power-user {shared_world.device.code()}"
    )
    assert ran.out.startswith(f"power-user in {shared_world.sandbox.account} until ")
    after = kernel.environ()
    assert "power-user" == after[variables.ROLE]
    assert before.items() <= after.items()
    assert "/power-user/" in _arn(kernel)
    assert _arn(kernel, "old").endswith("user/alice")
    listed = kernel.run("!echo $AWS_ACCESS_KEY_ID $AWS_REGION").out.split()
    assert [after["AWS_ACCESS_KEY_ID"], "eu-central-1"] == listed
    assert after["AWS_ACCESS_KEY_ID"] == kernel.value("boto3.DEFAULT_SESSION.get_credentials().access_key")
    assert ran.out == kernel.run("%awsenv").out
    assert "" == kernel.run("%awsenv off").out
    assert before == kernel.environ()
    assert _arn(kernel).endswith("user/alice")
    assert "no role is active\n" == kernel.run("%awsenv").out


def test_what_the_user_has_set_since_remains(kernel: Kernel) -> None:
    """`off` keeps a key and a default session that the user has made after the role, and returns to the one before."""
    kernel.run(
        "mine = boto3.DEFAULT_SESSION = boto3.Session(region_name='us-west-1')\n%awsenv read-only\n%awsenv -q read-only"
    )
    kernel.run("%awsenv off")
    assert kernel.value("boto3.DEFAULT_SESSION is mine")
    kernel.run("%awsenv read-only\nboto3.setup_default_session(region_name='us-west-2')")
    kernel.run("os.environ['AWS_SECRET_ACCESS_KEY'] = 's'\nos.environ['AWS_ACCESS_KEY_ID'] = 'AKIAIOSFODNN7EXAMPLE'")
    kernel.run("%awsenv off")
    assert "us-west-2" == kernel.value("boto3.DEFAULT_SESSION.region_name")
    assert "AKIAIOSFODNN7EXAMPLE" == kernel.environ()["AWS_ACCESS_KEY_ID"]


def test_a_request_gives_what_the_command_line_gives(
    kernel: Kernel, shared_world: World, agent_in: Callable[[Mapping[str, str]], AbstractContextManager[None]]
) -> None:
    """The kernel and boto3 get the very keys, region, settings and labels that the command line gives."""
    with agent_in(shared_world.environ):
        for case in (each.of(shared_world) for each in ROLE_REQUESTS):
            shared_world.sandbox.clock.elapse(30)
            code = [shared_world.device.code()] * case.needs_code
            ran = kernel.run(f"%awsenv {shlex.join([case.role, *code, *case.words])}")
            environ = kernel.environ()
            keys = kernel.value("boto3.DEFAULT_SESSION.get_credentials().get_frozen_credentials()[:3]")
            region = kernel.value("boto3.DEFAULT_SESSION.region_name")
            kernel.run("%awsenv off")
            printed = shared_world.run(case.role, *case.words, "--shell=json", "--print").stdout

            assert "ok" == ran.reply["status"], case.name
            given = json.loads(printed)
            assert given == {name: environ.get(name) for name in given}, case.name
            assert keys == tuple(map(environ.get, KEYS)), case.name
            assert region == environ["AWS_REGION"], case.name


def test_a_client_of_an_agent_holds_nothing(
    kernel: Kernel, shared_world: World, agent_in: Callable[[Mapping[str, str]], AbstractContextManager[None]]
) -> None:
    """With an agent, the code of one role serves the others, in any process; what the agent holds is not asked for."""
    code = shared_world.device.code()
    with agent_in(shared_world.environ):
        assert "ok" == kernel.run(f"%awsenv power-user {code}").reply["status"]
        kernel.run("%awsenv off\nawsenv.forget()")
        assert "ok" == kernel.run("%awsenv power-user").reply["status"]
        assert 0 == shared_world.run("exec", "power-user", "true").returncode


@pytest.mark.python
def test_the_code_is_asked_for(kernel: Kernel, shared_world: World) -> None:
    """Without a code the frontend asks, as for a password: what is typed is no output. Wrong ones are asked again."""
    answers = ("12345", "000000", shared_world.device.code())
    ran = kernel.run("%awsenv power-user", *answers)
    assert "ok" == ran.reply["status"]
    assert [True] * 3 == [each["password"] for each in ran.asked]
    question = f"MFA code for alice ({shared_world.sandbox.account}): "
    first, second, third = (each["prompt"] for each in ran.asked)
    assert [question, f"an MFA code is six digits. {question}"] == [first, second]
    assert third.startswith("AWS rejected that MFA code")
    assert third.endswith(question)
    assert [] == [each for each in answers if each in str(ran.shown)]
    assert "/power-user/" in _arn(kernel)


def test_the_external_id_is_asked_for(kernel: Kernel, shared_world: World) -> None:
    """`--external-id -` asks for it, and the renewals of the role have it, too."""
    line = "%awsenv power-user --external-id -"
    ran = kernel.run(line, shared_world.external_id, shared_world.device.code())
    assert ["External id: ", True] == list(ran.asked[0].values())
    assert "/power-user/" in _arn(kernel)
    assert "AccessDenied" not in kernel.run("%awsenv power-user --external-id -", shared_world.external_id).traceback


def test_a_note_is_shown(kernel: Kernel, shared_world: World) -> None:
    """What a command notes on its terminal, the cell shows."""
    arn = f"arn:aws:iam::{shared_world.sandbox.account}:role/chained"
    lines = (f"role_arn = {arn}", "source_profile = read-only", "duration_seconds = 7200")
    shared_world.configure("\n".join(("\n[profile too-long]", *lines, "")))
    ran = kernel.run("%awsenv too-long")
    assert "ok" == ran.reply["status"]
    assert ran.err.startswith("awsenv: ")


def test_nobody_can_be_asked(kernel: Kernel) -> None:
    """Where the frontend cannot ask, as in a notebook that runs in a job, the cell fails and says what to do."""
    before = kernel.environ()
    shown = [kernel.fails(line) for line in ("%awsenv power-user", "%awsenv read-only --external-id -")]
    assert shown == [each for each in shown if "this frontend cannot ask for it\n  try      " in each]
    assert "guarded is protected" in kernel.fails("%awsenv guarded")
    assert before == kernel.environ()


def test_a_protected_role_is_confirmed(kernel: Kernel) -> None:
    """The user types the name of a protected role, or --yes."""
    assert "was not confirmed" in kernel.fails("%awsenv guarded", "read-only")
    ran = kernel.run("%awsenv guarded", "guarded")
    assert "guarded" == kernel.environ()[variables.ROLE]
    assert ran.asked[0]["prompt"].endswith("Type guarded to assume it: ")
    kernel.run("%awsenv off")
    assert "ok" == kernel.run("%awsenv -y guarded").reply["status"]


def test_an_interrupted_question_changes_nothing(kernel: Kernel) -> None:
    """Ctrl-C at the question fails the cell, without a traceback, and leaves the environment as it is."""
    before = kernel.environ()
    assert "awsenv: interrupted\n" == kernel.fails("%awsenv power-user", kernel.manager.interrupt_kernel)
    assert before == kernel.environ()


SECRETS = [
    "%awsenv power-user {code}",
    "awsenv power-user {code}",
    "x = %awsenv power-user {code} --external-id={canary}",
    "%awsenv power-user {code} --external-id {canary}\n1/0",
    "1/0\n%awsenv power-user {code} --external-id {canary}",
    "%%time\n%awsenv power-user {code} --external-id '{canary}'",
    "%awsenv power-user {code} --externalid {canary}",
    "%awsenv power-user --external-id \\\n  {canary} {code}",
    "import asyncio\nawait asyncio.sleep(0)\n%awsenv power-user {code} --external-id {canary}",
    "def f(:\n%awsenv power-user {code} --external-id {canary}",
    "!awsenv exec power-user {code} --external-id {canary} -- true",
]


@pytest.mark.python
def test_no_secret_is_kept(kernel: Kernel, shared_world: World, tmp_path: Path) -> None:
    """Whatever the cell does, its code and its external id are neither in a history, a log nor a traceback."""
    kernel.run(f"%logstart -r {tmp_path}/raw.log over\nkept = []")
    code = shared_world.device.code()
    shown = [kernel.run(each.format(code=code, canary=CANARY)).shown for each in SECRETS]
    kernel.run("kept += [In[:], _i, _ii, _iii, dict(globals())]")
    kept = kernel.run("%history -g\n%history -t").out + kernel.run("%logstop\n%tb").traceback
    kept += kernel.value("repr(kept)") + (tmp_path / "raw.log").read_text() + str(shown)
    assert [] == re.findall(f"{code}|{CANARY}", kept)
    assert "%awsenv power-user --external-id -\n1/0" in kernel.value(
        "In and get_ipython().history_manager.input_hist_raw"
    )
    kernel.run("get_ipython().history_manager.writeout_cache()")
    files = [path for path in kernel.history.parent.iterdir() if path.name.startswith(kernel.history.name)]
    assert files
    for path in files:
        assert [] == re.findall(f"{code}|{CANARY}".encode(), path.read_bytes())
    with closing(sqlite3.connect(f"file:{kernel.history}?mode=ro", uri=True)) as database:
        stored = [raw for (raw,) in database.execute("select source_raw from history")]
    assert "awsenv power-user" in stored


@pytest.mark.python
def test_the_notebook_is_asked_to_replace_the_source(kernel: Kernel, shared_world: World) -> None:
    """A cell of a notebook gets the source without the secrets, and is otherwise as it was. A console is left alone."""
    code = shared_world.device.code()
    source = "a = 1\n%awsenv power-user {}\nb = 2"
    replaced = {"source": "set_next_input", "text": source.format("").replace("user ", "user"), "replace": True}
    assert [replaced] == kernel.run(source.format(code), cell="c1").reply["payload"]
    assert [] == kernel.run("%awsenv power-user", cell="c1").reply["payload"]
    assert [] == kernel.run("%awsenv read-only --external-id x").reply["payload"]


def test_the_keys_are_renewed_before_a_cell(kernel: Kernel) -> None:
    """The keys of `os.environ` are renewed before their end, and nothing else that the user may have changed."""
    kernel.run("%awsenv read-only\nos.environ['AWS_REGION'] = 'us-west-2'")
    before = kernel.environ()
    kernel.run("awsenv.forget()\nos.environ['AWSENV_EXPIRES_EPOCH'] = str(int(time.time()) + 200)")
    after = kernel.environ()
    assert after["AWS_ACCESS_KEY_ID"] == before["AWS_ACCESS_KEY_ID"]
    kernel.run("pass")
    after = kernel.environ()
    assert after["AWS_ACCESS_KEY_ID"] != before["AWS_ACCESS_KEY_ID"]
    assert not [name for name in KEYS if after[name] == before[name]]
    assert "us-west-2" == after["AWS_REGION"]


def test_a_failed_renewal_is_a_note(kernel: Kernel, shared_world: World) -> None:
    """Where a renewal needs a code, the cell runs, and a note says what to do: once."""
    kernel.run(f"%awsenv power-user {shared_world.device.code()}\nawsenv.forget()")
    kernel.run("os.environ['AWSENV_EXPIRES_EPOCH'] = str(int(time.time()) + 200)")
    ran = kernel.run("print('ran')")
    assert "ran\n" == ran.out
    assert "  try      %awsenv power-user\n" in ran.err
    assert "" == kernel.run("pass").err


MISTAKES = [
    "power-uesr",
    "use power-user 12345",
    "power-user 123456 654321",
    "123456",
    "power-user --durration 2h",
    "power-user --duration=",
    "power-user --duration 2x",
    "--profile defualt read-only",
    "ls",
    "123456789012/none",
    "-",
]


def test_a_mistake_is_refused_as_on_the_command_line(kernel: Kernel, shared_world: World) -> None:
    """The message is that of the command line, and the cell fails."""
    for words in MISTAKES:
        shown = shared_world.run(*words.split(), "--print").stderr.replace(" --print", "")
        assert shown == kernel.fails(f"%awsenv {words}").replace("%awsenv", "awsenv")


def test_commands_for_a_shell_are_refused(kernel: Kernel) -> None:
    """What a kernel cannot do is refused, and it says where it can be done."""
    assert "  try      in a shell: awsenv login\n" in kernel.fails("%awsenv login 123456")
    assert "of no use here" in kernel.fails("%awsenv read-only --shell fish")
    assert "quotation mark" in kernel.fails("%awsenv read-only 'x")


def test_what_shows_something(kernel: Kernel, shared_world: World) -> None:
    """`list` shows what it shows in a shell; the help and `%awsenv?` say how the magic is called."""
    assert shared_world.run("list").stdout == kernel.run("%awsenv list").out
    assert kernel.run("%awsenv").out == kernel.run("%awsenv status").out
    assert kernel.run("%awsenv --help").out == kernel.run("%awsenv help").out
    assert kernel.value("get_ipython().find_line_magic('awsenv').__doc__") == kernel.run("%awsenv help").out


OFFERED = {
    "%awsenv po": ["power-user"],
    "awsenv st": ["status"],
    "x = %awsenv -y re": ["read-only"],
    "%awsenv use re": ["read-only"],
    "%awsenv power-user --re": ["--read-only", "--region"],
    "%awsenv power-user --region eu-central-": ["eu-central-1", "eu-central-2"],
    "%awsenv --profile d": ["default"],
    "%awsenv x --duration 1": ["15m", "1h", "12h"],
}


@pytest.mark.python
def test_tab(kernel: Kernel) -> None:
    """Tab offers what completion in a shell does, and no file and no name of Python."""
    offered = {line: kernel.complete(line) for line in OFFERED}
    assert {line: sorted(each) for line, each in OFFERED.items()} == {n: sorted(each) for n, each in offered.items()}


@pytest.mark.python
def test_unload_takes_back_everything(kernel: Kernel) -> None:
    """Unloading leaves the role; loading again, or twice, adds the magic once."""
    before = kernel.environ()
    kernel.run("%load_ext awsenv\n%reload_ext awsenv\n%awsenv read-only")
    assert "read-only" == kernel.environ()[variables.ROLE]
    kernel.run("%unload_ext awsenv")
    assert before == kernel.environ()
    assert kernel.value("boto3.DEFAULT_SESSION is None and 'awsenv' not in get_ipython().magics_manager.magics['line']")
    kernel.run("s = get_ipython()")
    changed = (
        "vars(s.compile).get('cache')",
        "vars(s.logger).get('log')",
        "vars(s.history_manager).get('store_inputs')",
    )
    assert [None] * 3 == [kernel.value(each) for each in changed]
    assert [] == kernel.value("[str(each) for each in s.Completer.custom_matchers]")
    assert "ok" == kernel.run("%load_ext awsenv\n%awsenv read-only").reply["status"]


def test_the_example_of_the_document_runs(kernel: Kernel, shared_world: World) -> None:
    """The lines of docs/python.md work as they stand, with the code of the device."""
    (example,) = blocks((ROOT / "docs" / "python.md").read_text(encoding="utf-8"), "ipython")
    ran = [kernel.run(line.replace("123456", shared_world.device.code())) for line in example.splitlines()]
    assert ["ok"] * 6 == [each.reply["status"] for each in ran]
    assert ran[2].out.startswith("power-user in ")
    assert "'Buckets': []" in str(ran[4].shown)
    assert variables.ROLE not in kernel.environ()


def test_at_a_terminal(shared_world: World, tmp_path: Path) -> None:
    """IPython at a terminal asks without echo, completes with Tab, and recalls the line without its code."""
    shared_world.sandbox.clock.elapse(30)
    code = shared_world.device.code()
    words = ["-m", "IPython", "--no-banner", "--simple-prompt", "--colors=NoColor", "--ext=awsenv"]
    environ = {**shared_world.environ, "IPYTHONDIR": str(tmp_path), "TERM": "dumb"}
    child = pexpect.spawn(sys.executable, words, env=environ, encoding="utf-8", timeout=TIMEOUT, cwd=str(tmp_path))
    child.expect_exact("In [1]: ")
    child.sendline("%awsenv power-user")
    child.expect_exact("MFA code for alice")
    child.waitnoecho()
    child.sendline(code)
    child.expect_exact("power-user in")
    child.expect_exact("In [2]: ")
    assert code not in child.before
    child.sendline("%awsenv nobody-knows 123456 --profile nobody")
    child.expect_exact("awsenv: ")
    child.expect_exact("In [3]: ")
    assert "Traceback" not in child.before
    child.sendline("%history -g")
    child.expect_exact("In [4]: ")
    assert "123456" not in child.before
    child.sendline("exit")
    child.expect(pexpect.EOF)

"""From an empty account and an administrator's key to a role in the shell, and from a partial to a complete set-up."""

from __future__ import annotations

import os
import re
import resource
import signal
import stat
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pyte
import pytest
from cookbook import recipe
from pyotp import TOTP, parse_uri

from awsenv.agent import runtime_directory
from awsenv.sandbox import Fault, Sandbox
from spelling import SPELLINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Until
    from e2e.conftest import Terminal

USER = "awsenv-alice"
ACCEPT = "Apply this plan? [y/N] "
FIRST = "MFA code that the app shows now: "
SECOND = "The next one, in up to 30 seconds: "

NO_MFA = "read-only:ReadOnlyAccess"


@dataclass
class Account:
    """An empty account, its administrator at a terminal, and the phone that scans QR codes."""

    sandbox: Sandbox
    environ: dict[str, str] = field(repr=False)
    start: Callable[..., Terminal]
    read: Callable[[str], str]
    telephone: TOTP | None = field(default=None, repr=False)

    @property
    def folder(self) -> Path:
        """Return ~/.aws."""
        return Path(self.environ["HOME"], ".aws")

    def type(self, *words: str) -> Terminal:
        """Type `awsenv setup` with *words*."""
        return self.start([str(self.program), "setup", "--profile", "admin", *words], self.environ)

    @property
    def program(self) -> str:
        """Return the path of awsenv."""
        return str(Path(self.environ["PATH"].partition(os.pathsep)[0], "awsenv"))

    def accepted(self, *words: str) -> Terminal:
        """Type the same, and accept the plan."""
        terminal = self.type(*words)
        terminal.see(re.escape(ACCEPT))
        terminal.send("y\r")
        return terminal

    def asked_in_a_window(self, columns: int, rows: int) -> Terminal:
        """Type it in a window of that size, accept the plan, and wait for the first question for a code."""
        terminal = self.type()
        terminal.resize(columns, rows)
        terminal.see(re.escape(ACCEPT))
        terminal.send("y\r")
        terminal.see(FIRST)
        return terminal

    def code(self) -> str:
        """Wait for the next code of the phone: AWS accepts each code only once."""
        assert self.telephone is not None
        self.sandbox.clock.elapse(30)
        return self.telephone.at(self.sandbox.clock.now())

    def scan(self, terminal: Terminal) -> None:
        """Scan the QR code on the screen, as the app on a phone does."""
        totp = parse_uri(self.read(terminal.transcript.rpartition(ACCEPT)[2]))
        assert isinstance(totp, TOTP)
        self.telephone = totp

    def enable(self, terminal: Terminal) -> None:
        """Scan the QR code, and type the two codes; the prompt for the first is already on the screen."""
        self.scan(terminal)
        self.type_codes(terminal)

    def type_codes(self, terminal: Terminal) -> None:
        """Type two consecutive codes of the phone, however long the terminal takes for the first."""
        assert self.telephone is not None
        now = self.sandbox.clock.now()
        terminal.send(f"{self.telephone.at(now)}\r")
        terminal.see(SECOND)
        terminal.send(f"{self.telephone.at(now, counter_offset=1)}\r")
        self.sandbox.clock.elapse(30)

    def complete(self) -> str:
        """Run setup again, which continues to its end, and return the transcript."""
        terminal = self.accepted()
        if terminal.see(f"{FIRST}|Done\\.")[0] == FIRST:
            self.enable(terminal)
        assert 0 == terminal.gone(), terminal.transcript
        return terminal.transcript

    @property
    def iam(self) -> Any:
        """Return an IAM client with the administrator's key."""
        admin = self.sandbox.admin
        return boto3.client(
            "iam",
            region_name="us-east-1",
            endpoint_url=self.sandbox.url,
            aws_access_key_id=admin.access_key_id,
            aws_secret_access_key=admin.secret_access_key,
        )

    def changes(self) -> list[str]:
        """Return the calls so far that change something."""
        return [call.action for call in self.sandbox.calls if not call.action.startswith(("Get", "List"))]

    def check_that_it_is_whole(self) -> None:
        """Check that each resource exists once, and that the files name it."""
        iam, text = self.iam, (self.folder / "credentials").read_text()
        (key,) = iam.list_access_keys(UserName=USER)["AccessKeyMetadata"]
        (device,) = iam.list_mfa_devices(UserName=USER)["MFADevices"]
        roles = {role["RoleName"] for role in iam.list_roles()["Roles"]}
        assert {"power-user", "read-only"} == roles
        assert 1 == text.count(f"aws_access_key_id = {key['AccessKeyId']}\n")
        assert 2 == (self.folder / "config").read_text().count(f"mfa_serial = {device['SerialNumber']}\n")
        assert "Nothing to do" in self.nothing_to_do()

    def nothing_to_do(self) -> str:
        """Run setup once more, check that it changes nothing, and return the transcript."""
        before = [path.read_bytes() for path in sorted(self.folder.iterdir())]
        self.sandbox.clear_calls()
        terminal = self.type()
        assert 0 == terminal.gone(), terminal.transcript
        assert [path.read_bytes() for path in sorted(self.folder.iterdir())] == before
        assert self.changes() == []
        return terminal.transcript


@pytest.fixture
def account(
    program: str,
    clean_environ: dict[str, str],
    terminal: Callable[..., Terminal],
    decode: Callable[[str], str],
) -> Iterator[Account]:
    """Return an account that is empty except for an administrator, whose key is in ~/.aws/credentials."""
    with Sandbox() as sandbox, tempfile.TemporaryDirectory(prefix="awsenv-", dir="/tmp") as runtime:
        sandbox.clock.elapse(5 - sandbox.clock.now().timestamp() % 30)
        folder = Path(clean_environ["HOME"], ".aws")
        folder.mkdir(mode=0o700)
        key = sandbox.admin
        (folder / "credentials").write_text(
            f"# mine\n[admin]\naws_access_key_id={key.access_key_id}\naws_secret_access_key={key.secret_access_key}"
        )
        path = os.pathsep.join((str(Path(program).parent), clean_environ["PATH"]))
        environ = (
            clean_environ
            | sandbox.environ()
            | {"LOGNAME": "alice", "PATH": path, runtime_directory.VARIABLE: f"{runtime}/run"}
        )
        yield Account(sandbox, environ, terminal, decode)


def test_from_nothing_to_a_role(account: Account) -> None:
    """Setup prepares an empty account, the user scans the QR code, and a real shell assumes the role."""
    setup = account.start(["bash", "-ec", recipe("setup")], account.environ)
    setup.see(re.escape(ACCEPT))
    setup.send("y\r")
    setup.see(FIRST)
    account.enable(setup)
    assert 0 == setup.gone(), setup.transcript
    shell = SPELLINGS["bash"]
    shell.furnish(Path(account.environ["HOME"]), hook=False)

    typed = account.start([shell.name, "-i"], account.environ | {"TERM": "dumb"}, status=shell.status)
    typed.prompt()
    typed.run(f'eval "$(awsenv power-user {account.code()})"')
    shown = typed.run("awsenv status --verify")

    assert f"arn:aws:sts::{account.sandbox.account}:assumed-role/power-user/" in shown
    account.check_that_it_is_whole()


def test_roles_of_other_names_have_the_policies_that_are_named(account: Account) -> None:
    """The plan has the roles of the recipe, their policies and an external id, and no other role."""
    setup = account.start(["bash", "-ec", recipe("setup-roles")], account.environ)
    setup.see(re.escape(ACCEPT))
    setup.send("n\r")

    assert 0 != setup.gone()
    shown = setup.transcript
    assert ["deploy", "audit"] == re.findall(r"role/([\w-]+)", shown), shown


def test_a_role_without_mfa_needs_no_code(account: Account) -> None:
    """Setup creates only the roles that are named, and says what a role without MFA means."""
    setup = account.accepted(NO_MFA)
    assert 0 == setup.gone(), setup.transcript
    assert "the role read-only demands no MFA code: a stolen access key is enough" in setup.transcript

    done = account.start([account.program, "exec", "read-only", "--", "awsenv", "status", "--verify"], account.environ)

    assert 0 == done.gone()
    assert "assumed-role/read-only/" in done.transcript
    assert "CreateVirtualMFADevice" not in [call.action for call in account.sandbox.calls]


def test_setup_only_adds_to_the_files(account: Account) -> None:
    """Setup keeps every byte of the files, and makes the one with the key readable by its owner alone."""
    before = (account.folder / "credentials").read_text()
    (account.folder / "credentials").chmod(0o644)
    (account.folder / "config").write_text("[profile  mine]  \r\nregion : eu-west-1\r\n")

    assert 0 == account.accepted(NO_MFA).gone()

    path = account.folder / "credentials"
    assert path.read_text().startswith(before)
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert (account.folder / "config").read_bytes().startswith(b"[profile  mine]  \r\nregion : eu-west-1\r\n")
    assert ["config", "credentials"] == sorted(each.name for each in account.folder.iterdir())


@pytest.mark.parametrize(("name", "mode", "shown"), [(".", 0o777, "~/.aws"), ("config", 0o666, "~/.aws/config")])
def test_no_key_is_created_where_others_can_write(account: Account, name: str, mode: int, shown: str) -> None:
    """If others can write a file or its folder, setup says how to prevent that, and changes nothing."""
    (account.folder / "config").touch()
    (account.folder / name).chmod(mode)

    terminal = account.type(NO_MFA)

    assert 3 == terminal.gone()
    assert f"others can write {shown}: its mode is {mode:04o}" in terminal.transcript
    assert f"chmod go-w {shown}" in terminal.transcript
    assert account.changes() == []


def test_unwritable_files_stop_setup_before_any_change(account: Account) -> None:
    """Setup checks first that it can write the key, because AWS shows the secret only once."""
    account.environ["AWS_CONFIG_FILE"] = os.devnull

    terminal = account.type(NO_MFA)

    assert 3 == terminal.gone()
    assert "cannot write /dev/null: it is not a regular file" in terminal.transcript
    assert account.changes() == []


def fifo(account: Account, setup: Terminal) -> None:
    """Replace the credentials file with a FIFO."""
    del setup
    (account.folder / "credentials").unlink()
    os.mkfifo(account.folder / "credentials")


def limit(account: Account, setup: Terminal) -> None:
    """Let the program write no more than 8 bytes to a file."""
    del account
    resource.prlimit(setup.process.pid, resource.RLIMIT_FSIZE, (8, 8))


@pytest.mark.parametrize(
    ("break_it", "reason"),
    [
        (fifo, "is a pipe, and can be read only once"),
        pytest.param(
            limit,
            "file too large",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process from outside"),
        ),
    ],
)
def test_a_key_that_cannot_be_written_is_deleted(
    account: Account, break_it: Callable[[Account, Terminal], None], reason: str
) -> None:
    """If setup cannot write the new key, it deletes the key: no active key remains whose secret is lost."""
    setup = account.type(NO_MFA)
    setup.see(re.escape(ACCEPT))
    break_it(account, setup)
    setup.send("y\r")

    assert 3 == setup.gone(), setup.transcript
    assert reason in setup.transcript
    assert re.search(r"the new access key AKIA\w+ could not be kept: it is deleted again", setup.transcript)
    assert [] == account.iam.list_access_keys(UserName=USER)["AccessKeyMetadata"]
    assert [] == [path.name for path in account.folder.iterdir() if ".awsenv-" in path.name]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_a_signal_does_not_interrupt_the_write_of_the_key(
    account: Account, number: int, require: Callable[[str], str]
) -> None:
    """On Ctrl-C and Ctrl-Backslash setup first finishes writing the key."""
    # At the fsync of the copy. The two before it belong to the checks of both files.
    inject = f"inject=fsync:signal={number:d}:when=3"
    argv = [require("strace"), "-f", "-D", "-o", os.devnull, "-e", "trace=fsync", "-e", inject]
    words = [account.program, "setup", "--profile", "admin", "--yes", NO_MFA]
    setup = account.start([*argv, *words], account.environ)

    assert 130 == setup.gone(), setup.transcript
    (key,) = account.iam.list_access_keys(UserName=USER)["AccessKeyMetadata"]
    assert f"aws_access_key_id = {key['AccessKeyId']}\n" in (account.folder / "credentials").read_text()
    assert "setup stopped at step" in setup.transcript


# The last one opens a pipe, and waits until its reader has ended.
@pytest.mark.parametrize(
    ("before", "where", "reason", "key"),
    [
        ("", ">&-", "stdout is closed", "nothing"),
        ("", ">/dev/full", "No space left on device", "deleted"),
        ("mkfifo pipe; : <pipe & exec 8>pipe; wait; ", ">&8", "nobody reads stdout", "nothing"),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux's")
def test_a_key_that_cannot_be_printed_does_not_remain(
    account: Account, before: str, where: str, reason: str, key: str
) -> None:
    """Setup creates no key if stdout is closed or has no reader, and deletes the key if stdout is full."""
    command = f"{before}{account.program} setup --profile admin {NO_MFA} --yes --print-key {where}; echo end"
    terminal = account.start(["sh", "-c", command], account.environ)
    terminal.see("end")
    terminal.gone()

    assert reason in terminal.transcript
    assert ("it is deleted again" in terminal.transcript) == (key == "deleted")
    assert ("CreateAccessKey" in account.changes()) == (key == "deleted")
    assert account.changes() == [] or not account.iam.list_access_keys(UserName=USER)["AccessKeyMetadata"]


def test_a_full_pipe_stops_setup_before_any_change(account: Account, tmp_path: Path) -> None:
    """If stdout accepts nothing for ten seconds, setup says so and ends."""
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(tmp_path / "pipe", os.O_WRONLY | os.O_NONBLOCK)
    try:
        with suppress(BlockingIOError):
            while os.write(writer, bytes(4096)):
                pass
        words = f"{account.program} setup --profile admin {NO_MFA} --yes --print-key >{tmp_path / 'pipe'}"
        terminal = account.start(["sh", "-c", words], account.environ)

        assert 1 == terminal.gone()
        assert "stdout takes nothing for 10 seconds" in terminal.transcript
        assert account.changes() == []
    finally:
        os.close(reader)
        os.close(writer)


def test_a_plan_that_is_not_accepted_is_not_applied(account: Account) -> None:
    """Setup takes every answer except yes for a no, and changes nothing."""
    for answer in ("\r", "n\r", "nay\r", "\x04"):
        terminal = account.type()
        terminal.see(re.escape(ACCEPT))
        terminal.send(answer)
        assert 6 == terminal.gone()
        assert terminal.transcript.endswith(" nothing was changed: you did not accept the plan\r\n")
    assert account.changes() == []


def test_the_qr_code_is_not_left_in_the_scrollback(account: Account) -> None:
    """Setup shows the QR code on the alternate screen, and leaves that before it shows anything else."""
    setup = account.accepted()
    setup.see(FIRST)
    account.enable(setup)
    assert 0 == setup.gone()

    assert account.telephone is not None
    before, _, rest = setup.transcript.partition("\x1b[?1049h")
    shown, _, after = rest.partition("\x1b[?1049l")
    seed = account.telephone.secret
    assert (False, True, False) == (seed in before, seed in shown, seed in after)


def test_the_whole_qr_code_is_visible_at_the_first_prompt(account: Account) -> None:
    """Setup reads the size of the window, and leaves room for the question."""
    columns, rows = 80, 24
    setup = account.asked_in_a_window(columns, rows)
    screen = pyte.Screen(columns, rows)
    pyte.Stream(screen).feed(setup.transcript.rpartition("\x1b[?1049h")[2])

    assert all(sum(map(line.count, "\u2580\u2584\u2588")) > 2 for line in screen.display[4:16])
    account.enable(setup)
    assert 0 == setup.gone()


def test_a_window_too_small_for_the_qr_code_shows_its_secret(account: Account) -> None:
    """If the QR code does not fit the window, setup shows its secret as text, and no part of the code."""
    setup = account.asked_in_a_window(40, 50)

    assert "\u2588" not in setup.transcript
    (seed,) = re.findall("\n([A-Z2-7]{60,})\r", setup.transcript)
    account.telephone = TOTP(seed)
    account.type_codes(setup)
    assert 0 == setup.gone(), setup.transcript


def test_a_user_in_use_elsewhere_is_not_taken_over(account: Account) -> None:
    """Setup refuses its default user name if another machine uses it: many machines have the login name root."""
    assert 0 == account.accepted(NO_MFA).gone()
    used = account.start([account.program, "exec", "read-only", "--", "true"], account.environ)
    assert 0 == used.gone()
    text = (account.folder / "credentials").read_text()
    (account.folder / "credentials").write_text(text.partition(f"[{USER}]")[0])
    (account.folder / "config").unlink()
    account.sandbox.clear_calls()

    again = account.type("audit:ReadOnlyAccess")

    assert 3 == again.gone()
    assert "in use elsewhere" in again.transcript
    assert f"--user {USER} if it is yours" in again.transcript
    assert account.changes() == []


def test_a_key_is_not_deleted_without_confirmation(account: Account) -> None:
    """Setup asks before it deletes a key, even with --yes: another machine may have the key."""
    account.sandbox.fail("CreateAccessKey", Fault.DROP_AFTER)
    assert 7 == account.accepted(NO_MFA).gone()

    again = account.type(NO_MFA, "--yes")
    again.see(re.escape(ACCEPT))
    again.send("n\r")

    assert 6 == again.gone()
    assert "answer no if it is kept elsewhere" in again.transcript.replace("\r\n", "")
    assert 1 == len(account.iam.list_access_keys(UserName=USER)["AccessKeyMetadata"])


def test_the_plan_is_shown_with_the_question(account: Account) -> None:
    """If stderr is redirected, setup shows the plan at the terminal, where it asks for acceptance."""
    command = f"{account.program} setup --profile admin {NO_MFA} 2>{os.devnull}"
    terminal = account.start(["sh", "-c", command], account.environ)
    terminal.see(re.escape(ACCEPT))
    assert "create the role read-only" in terminal.transcript
    terminal.send("n\r")
    assert 6 == terminal.gone()


def test_setup_can_be_completed_after_sigkill(account: Account, until: Until) -> None:
    """If SIGKILL ends setup during a change, a second run completes the set-up."""
    account.sandbox.fail("CreateAccessKey", Fault.HANG)
    setup = account.accepted()
    setup.see(FIRST)
    account.enable(setup)
    until(lambda: not account.sandbox.faults_left("CreateAccessKey"))
    os.kill(setup.process.pid, signal.SIGKILL)
    setup.gone()

    account.complete()

    account.check_that_it_is_whole()


def test_setup_can_be_completed_after_a_lost_response(account: Account) -> None:
    """After a lost response setup names the step that it reached, and a second run completes the set-up."""
    account.sandbox.fail("CreateVirtualMFADevice", Fault.DROP_AFTER)
    setup = account.accepted()

    assert 7 == setup.gone(), setup.transcript
    assert "setup stopped at step" in setup.transcript
    assert "run awsenv setup again:" in setup.transcript
    account.complete()
    account.check_that_it_is_whole()

"""Each next step that the doctor gives can be followed as it stands, and then the finding is gone.

What depends on AWS is in `tests/e2e/test_doctor.py`, the prompts of real shells are in `tests/shell/test_prompt.py`.
"""

from __future__ import annotations

import ast
import json
import re
import shlex
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest

import awsenv.doctor
import steps
from awsenv.agent.runtime_directory import VARIABLE
from awsenv.changes import original
from awsenv.doctor.files import chain, files
from awsenv.doctor.installation import LOADED, agent, hook
from awsenv.doctor.model import Finding, Verdict
from awsenv.doctor.variables import variables
from awsenv.errors import TYPED
from awsenv.model import RoleRequest
from awsenv.variables import PROMPT
from config.test_differences import move
from e2e.test_doctor import SET_UPS as OF_AWS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from doctor.conftest import Account

NOW = 1_700_000_000
KEYS = "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = canary-secret\n"
ROLE = "role_arn = arn:aws:iam::123456789012:role/{0}\nsource_profile = default\n"
CONFIG = f"[default]\nregion = eu-central-1\n[profile deploy]\n{ROLE.format('deploy')}"
ALONE = {
    "AWSENV_ROLE": "deploy",
    "AWSENV_ACCESS_KEY_ID": "ASIAEXAMPLE",
    "AWS_ACCESS_KEY_ID": "ASIAEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "canary-secret",
}
_BAD = (Verdict.WARNING, Verdict.WRONG)

INCLUDES = "include_profile takes settings from another profile: awsenv and aws-vault read it, the AWS CLI does not"
NOT_LOADED = "~/.bashrc does not load it, so awsenv ROLE cannot change the shell"
KEY = "an access key is set: without --profile, AWS tools prefer it to the files"


@dataclass
class Bench(steps.Bench):
    """What the doctor looks at."""

    role: str | None = None

    def look(self) -> list[Finding]:
        """Return what the doctor finds without AWS."""
        return list(self._look())

    def _look(self) -> Iterator[Finding]:
        environ = original(self.environ)
        profiles = yield from files(environ, None)
        yield from variables(self.environ, NOW, (), None if profiles is None else profiles.names)
        yield from hook(self.environ, "bash", self.program)
        yield from filter(None, [agent(self.environ)])
        if profiles is not None:
            yield from chain(RoleRequest(self.role or ""), profiles, environ)


STEPS: Mapping[str, steps.Step[Bench]] = {
    **steps.STEPS,
    "awsenv .*": lambda bench, _, hint: bench.shell(hint[0]),
    "correct (AWS_.*)": lambda bench, _, hint: bench.environ.update({hint[1]: str(bench.config)}),
    "begin the line with the #": lambda bench, origin, _: bench.edit(origin, str.lstrip),
    r"set region in \[(.*)\]": lambda bench, _, hint: bench.config.write_text(
        bench.config.read_text().replace(f"[{hint[1]}]\n", f"[{hint[1]}]\nregion = eu-west-1\n")
    ),
    "pass --region": lambda bench, _, __: bench.environ.update(AWS_REGION="eu-west-1"),
    "correct region.*": lambda bench, origin, _: bench.edit(origin, lambda _: "region = eu-west-1"),
    "set (AWS_[A-Z_]+) too": lambda bench, _, hint: bench.environ.update({hint[1]: "canary-secret"}),
    r"move (awsenv_\w+) to (.*)": lambda bench, origin, _: bench.edit(origin, lambda _: ""),
    "correct role_arn": lambda bench, origin, _: bench.edit(
        origin, lambda line: line.replace("123456789012", "210987654321")
    ),
    "correct awsenv_account": lambda bench, _, __: bench.config.write_text(
        bench.config.read_text().replace("210987654321", "123456789012")
    ),
    "set new keys": lambda bench, _, __: bench.environ.update(AWS_CREDENTIAL_EXPIRATION="2099-01-01T00:00:00Z"),
    "move what the first lacks to it, and remove the second.*": lambda bench, origin, _: bench.edit(
        origin, lambda _: ""
    ),
    r"move what \[(.*)\] lacks to it, and remove \[(.*)\]": lambda bench, _, hint: bench.config.write_text(
        move(bench.config.read_text().split("\n"), hint[1], hint[2])
    ),
    "remove one of the two.*|remove it": lambda bench, origin, _: bench.edit(origin, lambda _: ""),
    "uninstall one of them": lambda bench, _, __: Path(bench.environ["PATH"].partition(":")[0], "awsenv").unlink(),
    "keep the line that loads the hook the last of .*": lambda bench, _, __: bench.environ.update({PROMPT: "awsenv"}),
    "write in place of this line the one of: (.*)": lambda bench, _, hint: bench.shell(f"{hint[1]} >~/.bashrc"),
    "write in this line, instead of awsenv: (.*)": lambda bench, origin, hint: bench.edit(
        origin, lambda line: line.replace("awsenv", hint[1], 1)
    ),
    f"correct the folder|name another that is yours alone: {VARIABLE}": lambda bench, _, __: bench.environ.update(
        {VARIABLE: f"{bench.home}/run"}
    ),
}
"""What to do for a next step, by a pattern of it."""

ONLY_SHOWN = re.compile(
    "leave it, if .*|check what is in it.*|start a new shell, if .*|eval .*|print the role in .*|awsenv deploy"
)
"""Steps that look at something or leave it as it is, or that need another shell or a role."""


_WIDTH = 80 - len("  try      ")
"""Columns that a next step may have, unless a value in it is longer."""


@dataclass(frozen=True)
class SetUp:
    """A set-up with one thing that is not as it should be."""

    fact: str
    """The fact of the finding; `{home}` stands for the home."""
    break_it: Callable[[Bench], object]
    then: str = ""
    """What may be found instead: it was there before, behind this."""


def _text(text: str) -> Callable[[Bench], object]:
    return lambda bench: bench.write(text)


def _variables(role: str | None = None, **named: str) -> Callable[[Bench], object]:
    def break_it(bench: Bench) -> None:
        bench.role = role
        bench.environ.update(named)

    return break_it


def _role(name: str, text: str) -> Callable[[Bench], object]:
    def break_it(bench: Bench) -> None:
        bench.role = name
        bench.write(text)

    return break_it


def _mode(name: str, mode: int) -> Callable[[Bench], object]:
    return lambda bench: (bench.home / name).chmod(mode)


def _instead(old: str, new: str) -> Callable[[Bench], object]:
    return lambda bench: bench.config.write_text(bench.config.read_text().replace(old, new))


def _rc(text: str, path: str | None = None) -> Callable[[Bench], object]:
    def break_it(bench: Bench) -> None:
        (bench.home / ".bashrc").write_text(text)
        bench.environ.pop(LOADED)
        bench.environ.update({} if path is None else {"PATH": path})

    return break_it


def _another(bench: Bench) -> None:
    path = bench.home / "other" / "awsenv"
    path.parent.mkdir()
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    bench.environ["PATH"] = f"{path.parent}:{bench.environ['PATH']}"


def _another_hook(bench: Bench) -> None:
    path = bench.home / "old/share/awsenv/awsenv.bash"
    path.parent.mkdir(parents=True)
    path.write_text("# of another version\n")
    _rc(f". {path}\n")(bench)


def _prompt(state: str) -> Callable[[Bench], object]:
    return _variables(**{PROMPT: state})


SET_UPS = (
    # The files and the chain.
    SetUp("section [default] appears twice, in lines 1 and 6", _text("[default]\n")),
    SetUp(
        "key 'region' appears twice in this section, in lines 2 and 3",
        _instead("eu-central-1", "us-east-1\nregion = us-west-2"),
    ),
    SetUp("~/gone does not exist", _variables(AWS_CONFIG_FILE="~/gone")),
    SetUp("~/.aws is not a regular file", _variables(AWS_CONFIG_FILE="~/.aws")),
    SetUp(
        "users other than you have access to the keys: the mode of ~/.aws/credentials is 0644",
        _mode(".aws/credentials", 0o644),
    ),
    SetUp("others can write ~/.aws: its mode is 0777", _mode(".aws", 0o777)),
    SetUp("others can write ~: its mode is 0777", _mode("", 0o777)),
    SetUp("others can write ~/.aws/config: its mode is 0666", _mode(".aws/config", 0o666)),
    SetUp(
        "the AWS CLI and awsenv ignore [ssosession a]: no section begins with 'ssosession'",
        _text("[ssosession a]\nsso_region = eu-west-1\n"),
    ),
    SetUp(
        "the AWS CLI and awsenv ignore [Profile three]: no section begins with 'Profile'",
        _text("[Profile three]\nregion = eu-west-1\n"),
    ),
    SetUp(
        "the AWS CLI and awsenv ignore [default], and read [profile default]",
        _text("[profile default]\noutput = json\n"),
    ),
    SetUp(
        "this comment is indented: the AWS CLI ignores it, other AWS SDKs add it to the value above",
        _text("  # mine\n"),
    ),
    SetUp(
        '[profile "a"] works in the AWS CLI, but not in every other AWS SDK',
        _text('[profile "a"]\nregion = eu-west-1\n'),
    ),
    SetUp(
        "include_profile names profile 'depoly', which does not exist",
        _role("a", f"[profile a]\ninclude_profile = depoly\n{ROLE.format('a')}"),
        then=INCLUDES,
    ),
    SetUp(
        "parent_profile names profile 'gone', which does not exist",
        _role("a", f"[profile a]\nparent_profile = gone\n{ROLE.format('a')}"),
    ),
    SetUp(
        "the AWS CLI and awsenv ignore [profile a b]: a name with spaces needs quotes",
        _text("[profile a b]\nregion = eu-west-1\n"),
        then='[profile "a b"] works in the AWS CLI, but not in every other AWS SDK',
    ),
    SetUp(
        "there is no profile 'defualt' in ~/.aws/config or ~/.aws/credentials",
        _role("a", "[profile a]\n" + ROLE.format("a").replace("default", "defualt")),
    ),
    SetUp(
        "none is configured: AWS gives the role without one, but most commands need one",
        _instead("region = eu-central-1\n", ""),
    ),
    SetUp(
        "'eu-central-9' looks like a region, but this version of botocore does not know it",
        _instead("eu-central-1", "eu-central-9"),
    ),
    # The guard rails.
    SetUp("awsenv does not know the key awsenv_protcted", _text("awsenv_protcted = true\n")),
    SetUp("'rde' is not a colour", _text("[profile family]\nawsenv_color = rde\n")),
    SetUp(
        "include_profile names profile 'famly', which does not exist, and so brings no guard rails",
        _text("[profile x]\ninclude_profile = famly\n[profile family]\nawsenv_protected = true\n"),
        then=INCLUDES,
    ),
    SetUp(
        "awsenv_protected guards nothing: [sso-session work] is not a profile",
        _text("[sso-session work]\nsso_region = eu-west-1\nawsenv_protected = true\n"),
    ),
    SetUp(
        "profile 'deploy' is in account 123456789012, and must be in 210987654321",
        _text("awsenv_account = 210987654321\n"),
    ),
    # The variables.
    SetUp(
        "the keys in this shell are not those of its role 'deploy': they were changed after it",
        _variables(**ALONE | {"AWSENV_ACCESS_KEY_ID": "ASIAOTHER"}, AWSENV_EXPIRES_EPOCH=str(NOW + 60)),
        then=KEY,
    ),
    SetUp("the role 'deploy' of this shell has expired", _variables(**ALONE, AWSENV_EXPIRES_EPOCH=str(NOW))),
    SetUp(KEY, _variables(AWS_ACCESS_KEY_ID="AKIAEXAMPLE", AWS_SECRET_ACCESS_KEY="canary")),
    SetUp(
        "AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY: the AWS CLI and boto3 fail",
        _variables("deploy", AWS_ACCESS_KEY_ID="AKIAEXAMPLE"),
        then=KEY,
    ),
    SetUp(
        "AWS_SECRET_ACCESS_KEY is set without AWS_ACCESS_KEY_ID: AWS tools ignore it",
        _variables(AWS_SECRET_ACCESS_KEY="canary"),
        then=KEY,
    ),
    SetUp(
        "AWS_SECURITY_TOKEN is set: the AWS CLI and boto3 prefer it to AWS_SESSION_TOKEN",
        _variables(AWS_SECURITY_TOKEN="canary"),
    ),
    SetUp("AWS_SESSION_TOKEN is set without the access key that it belongs to", _variables(AWS_SESSION_TOKEN="canary")),
    SetUp(
        "a profile was set after the role: some tools prefer it to the role's keys",
        _variables(**ALONE, AWSENV_EXPIRES_EPOCH=str(NOW + 60), AWS_PROFILE="deploy"),
    ),
    SetUp(
        "the AWS CLI takes profile 'default', and other tools 'deploy'",
        _variables(AWS_DEFAULT_PROFILE="default", AWS_PROFILE="deploy"),
    ),
    SetUp(
        "there is no profile 'gone': without --profile, the AWS CLI and boto3 fail",
        _variables("deploy", AWS_DEFAULT_PROFILE="gone"),
    ),
    SetUp(
        "the name of the profile is empty, and the AWS CLI looks for a profile of that name", _variables(AWS_PROFILE="")
    ),
    SetUp(
        "boto3 takes the region 'us-east-1', and other SDKs 'eu-west-1'",
        _variables(AWS_REGION="eu-west-1", AWS_DEFAULT_REGION="us-east-1"),
    ),
    SetUp(
        "ALL_PROXY is set, and botocore ignores it: calls of AWS go without a proxy",
        _variables(ALL_PROXY="http://proxy:3128"),
    ),
    SetUp(
        "all_proxy is set, and botocore ignores it: calls of AWS go without a proxy",
        _variables(all_proxy="socks5://proxy:1080", http_proxy="http://proxy:3128"),
    ),
    SetUp("calls do not go to the local AWS of awsenv demo", _variables(AWSENV_DEMO="http://localhost:1")),
    SetUp("calls go to an endpoint other than AWS's own", _variables(AWS_ENDPOINT_URL_STS="http://localhost:1")),
    SetUp(
        "a web identity token is set: the AWS CLI and boto3 prefer it to a key in the files",
        _variables("deploy", AWS_WEB_IDENTITY_TOKEN_FILE="/token", AWS_ROLE_ARN="arn:aws:iam::123456789012:role/ci"),
    ),
    SetUp(
        "a web identity token is set without AWS_ROLE_ARN: the AWS CLI and boto3 fail if they need it",
        _variables(AWS_WEB_IDENTITY_TOKEN_FILE="/token"),
    ),
    SetUp(
        "AWS tools get keys from the endpoint of a container if no variable or file has any",
        _variables(AWS_CONTAINER_CREDENTIALS_FULL_URI="http://127.0.0.1:1"),
    ),
    SetUp(
        "these variables apply to every role, like the options of the same names", _variables(AWSENV_SESSION_NAME="me")
    ),
    SetUp(
        "AWS_CREDENTIAL_EXPIRATION is not a time of ISO 8601: boto3 may reject the key beside it",
        _variables(AWS_CREDENTIAL_EXPIRATION="soon"),
    ),
    SetUp(
        "AWS_CREDENTIAL_EXPIRATION has no time zone: boto3 fails with a key beside it",
        _variables(AWS_CREDENTIAL_EXPIRATION="2099-01-01T00:00:00"),
    ),
    SetUp(
        "AWS_CREDENTIAL_EXPIRATION is past: prompts show it, and boto3 takes a key beside it for expired",
        _variables(AWS_CREDENTIAL_EXPIRATION="2020-01-01T00:00:00Z"),
    ),
    SetUp(
        "PYTHONPATH has an empty or relative entry: Python programs run code from the current folder",
        _variables(PYTHONPATH=":/opt/my lib"),
    ),
    SetUp(
        "PYTHONHOME has an empty or relative entry: Python programs run code from the current folder",
        _variables(PYTHONHOME="here"),
    ),
    # The hook, the prompt and the agent.
    SetUp("awsenv knows no shell 'nosh'", _variables(AWSENV_SHELL="nosh"), then=NOT_LOADED),
    SetUp("the first awsenv on PATH is {home}/other/awsenv, and this one is {program}", _another),
    SetUp(NOT_LOADED, _rc("# mine\n")),
    SetUp("the file that this line loads is not there", _rc(". ~/gone/share/awsenv/awsenv.bash\n")),
    SetUp("this line loads the hook of another awsenv", _another_hook),
    SetUp("awsenv is not on PATH, where this line looks for it", _rc('eval "$(awsenv init bash)"\n', "/usr/bin:/bin")),
    SetUp("the hook did not run at the last prompt: a role there may be missing or out of date", _prompt("stopped")),
    SetUp("the last prompt did not show the role: something has set the prompt after the hook", _prompt("replaced")),
    SetUp(f"{VARIABLE} is not an absolute path: relative", _variables(**{VARIABLE: "relative"})),
)


@pytest.fixture
def bench(tmp_path: Path, program: str) -> Bench:
    """Return a set-up in which nothing is wrong."""
    (tmp_path / ".aws").mkdir(mode=0o700)
    (tmp_path / ".aws" / "config").write_text(CONFIG)
    (tmp_path / ".aws" / "credentials").write_text(KEYS)
    (tmp_path / ".aws" / "credentials").chmod(0o600)
    path = f"{Path(program).parent}:/usr/bin:/bin"
    environ = {"HOME": str(tmp_path), "PATH": path, LOADED: "bash", VARIABLE: str(tmp_path / "run")}
    bench = Bench(tmp_path, environ, program)
    assert [] == [each for each in bench.look() if each.verdict in _BAD]
    return bench


@pytest.mark.parametrize("set_up", SET_UPS, ids=lambda set_up: set_up.fact[:60].replace(" ", "-"))
def test_each_next_step_mends_what_was_found(bench: Bench, set_up: SetUp) -> None:
    """After each next step alone, the finding is gone and nothing else is wrong that was not before."""
    set_up.break_it(bench)
    fact = set_up.fact.format(home=bench.home, program=bench.program)
    before = [each for each in bench.look() if each.verdict in _BAD]
    (finding,) = (
        (each for each in before if each.fact == fact) if fact in [each.fact for each in before] else before[:0]
    )
    assert 1 <= len(finding.hints) <= 2
    assert [] == [hint for hint in finding.hints if len(hint) > _WIDTH and bench.program not in hint]
    kept = {path: (path.read_bytes(), path.stat().st_mode) for path in bench.home.rglob("*") if path.is_file()}
    folders = {path: path.stat().st_mode for path in (bench.home, *bench.home.rglob("*")) if path.is_dir()}
    environ = dict(bench.environ)
    for hint in finding.hints:
        if ONLY_SHOWN.fullmatch(hint):
            continue
        steps.follow(STEPS, hint, bench, next(iter(finding.origins), TYPED))
        after = [each for each in bench.look() if each.verdict in _BAD]
        assert fact not in [each.fact for each in after], hint
        assert {each.fact for each in after} <= {set_up.then, *(each.fact for each in before)}, hint
        # The next one begins where this one began.
        bench.environ = dict(environ)
        for path, (data, mode) in kept.items():
            path.write_bytes(data)
            path.chmod(mode)
        for path, mode in folders.items():
            path.chmod(mode)


def _deny(account: Account) -> Callable[[], object]:
    account.role("denied")
    iam, name = boto3.client("iam", **account.admin), "denied"
    before = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    deny = {**before["Statement"][0], "Effect": "Deny"}
    iam.update_assume_role_policy(
        RoleName=name, PolicyDocument=json.dumps({**before, "Statement": [*before["Statement"], deny]})
    )
    return lambda: iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(before))


def _device_of_a_role(account: Account) -> Callable[[], object]:
    first = account.role("first")
    arn = account.sandbox.create_role("denied", account.sandbox.trust(first))
    sts = boto3.client(
        "sts",
        **account.admin
        | {"aws_access_key_id": account.alice.access_key_id, "aws_secret_access_key": account.alice.secret_access_key},
    )
    keys = sts.assume_role(RoleArn=first, RoleSessionName="me")["Credentials"]
    account.configure(
        f"[profile session]\naws_access_key_id = {keys['AccessKeyId']}\n"
        f"aws_secret_access_key = {keys['SecretAccessKey']}\naws_session_token = {keys['SessionToken']}\n"
        f"[profile denied]\nrole_arn = {arn}\nsource_profile = session\nmfa_serial = {account.device.serial}\n"
    )
    path = Path(account.environ["AWS_CONFIG_FILE"])
    return lambda: path.write_text(path.read_text().replace(f"mfa_serial = {account.device.serial}\n", ""))


OF_ACCOUNTS = (
    ("the trust policy of role denied denies user alice", "aws iam get-role --role-name denied", _deny),
    ("role first is not a user, and has no MFA device", "remove mfa_serial", _device_of_a_role),
)
"""The fact, the first next step, and what breaks the profile `denied` and returns its cure."""


@pytest.mark.parametrize(("fact", "hint", "break_it"), OF_ACCOUNTS, ids=["deny", "device"])
def test_what_aws_would_refuse(
    account: Account, fact: str, hint: str, break_it: Callable[[Account], Callable[[], object]]
) -> None:
    """The finding comes before anything is refused, and its cure makes the role work."""
    cure = break_it(account)
    found = [each for checks in account.examine("denied", iam_profile="admin").values() for each in checks]
    (finding,) = (each for each in found if each.verdict is Verdict.WRONG)
    assert (fact, hint) == (finding.fact, finding.hints[0])
    cure()
    found = [each for checks in account.examine("denied", iam_profile="admin").values() for each in checks]
    assert [] == [each for each in found if each.verdict in _BAD]


def test_the_missing_permission_is_one_command(account: Account) -> None:
    """The next step holds the whole policy, and makes the role work."""
    arn = account.sandbox.create_role("whole", account.sandbox.trust(account.sandbox.account))
    account.configure(f"[profile whole]\nrole_arn = {arn}\nsource_profile = default\n")
    (finding,) = account.examine("whole", iam_profile="admin")["identity policy"]
    *command, user, _, name, _, document = shlex.split(finding.hints[0])
    assert ["aws", "iam", "put-user-policy", "--user-name"] == command
    boto3.client("iam", **account.admin).put_user_policy(UserName=user, PolicyName=name, PolicyDocument=document)
    (finding,) = account.examine("whole", iam_profile="admin")["role"]
    assert Verdict.FINE is finding.verdict


_MAKERS = {"warning": 1, "wrong": 1, "_warning": 1, "_to_unset": 1, "_refused": 1}
"""The functions that make a bad finding, and the place of the fact among their arguments."""


def _facts(path: Path) -> Iterator[list[str]]:
    """Yield the literal parts of each fact that the functions of a module give a bad finding."""
    for function in ast.walk(ast.parse(path.read_text())):
        if not isinstance(function, ast.FunctionDef) or function.name in _MAKERS:
            continue
        assigned = [each for each in ast.walk(function) if isinstance(each, ast.Assign)]
        for call in ast.walk(function):
            if not isinstance(call, ast.Call) or getattr(call.func, "id", None) not in _MAKERS:
                continue
            found: list[ast.expr] = [call.args[_MAKERS[call.func.id]]]  # type: ignore[attr-defined] # a name, as above
            if isinstance(found[0], ast.Name):
                name = found[0].id
                found = [each.value for each in assigned if getattr(each.targets[0], "id", None) == name]
            for fact in found:
                parts = fact.values if isinstance(fact, ast.JoinedStr) else [fact]
                yield [
                    str(part.value)
                    for part in parts
                    if isinstance(part, ast.Constant) and len(str(part.value)) > len(" is ")
                ]


OF_ROOT = "these are the keys of the root user of account "
"""The local AWS has no root user: `test_source.py` has its answer."""

MODULES = sorted(Path(awsenv.doctor.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_each_fact_is_in_a_table(path: Path) -> None:
    """A new finding needs a row here, or in the table of those that depend on AWS."""
    known = [
        *(each.fact for each in SET_UPS),
        *(fact for fact, *_ in OF_ACCOUNTS),
        *(row.says for row in OF_AWS),
        OF_ROOT,
    ]
    for parts in _facts(path):
        assert not parts or any(_common(part, fact) >= min(len(part), _ENOUGH) for part in parts for fact in known), (
            parts
        )


_ENOUGH = 12
"""Characters that a fact must have in common with a row of a table."""


def _common(one: str, other: str) -> int:
    return SequenceMatcher(None, one, other, autojunk=False).find_longest_match().size

"""Broken set-ups: `awsenv doctor` names the true cause first, and its cure makes the role work."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from awsenv.model import Credentials
from awsenv.sandbox import Fault

if TYPE_CHECKING:
    import subprocess

    from conftest import World

Cure = Callable[[], object]

ADMIN = ("--iam-profile", "admin")
"""Lets the doctor read IAM, which the user of the README is not allowed to do."""

ELSEWHERE = "210987654321"


@dataclass(frozen=True)
class Broken:
    """The README's world with one thing broken."""

    name: str
    words: str
    """Arguments of `awsenv doctor`; `{code}` is a valid MFA code."""
    check: str
    """The check of the first wrong finding."""
    says: str
    """A regular expression for its fact or its cause."""
    cure: str
    """A regular expression for its hint."""
    break_it: Callable[[World], Cure]
    """Breaks it, and returns a function that does what the hint says."""
    admin: bool = True
    """Whether the doctor may read IAM."""


def _file(world: World, name: str) -> Path:
    return Path(world.environ["HOME"]) / ".aws" / name


def _key(world: World) -> Credentials:
    """Return the user's own key."""
    return Credentials(*re.findall("= (.+)", _file(world, "credentials").read_text())[:2])


def _edited(old: str, new: str, name: str = "config") -> Callable[[World], Cure]:
    """Return a function that replaces the regular expression *old* in a file; restoring the file is the cure."""

    def break_it(world: World) -> Cure:
        path = _file(world, name)
        before = path.read_bytes()
        after, count = re.subn(old.encode(), new.encode(), before)
        assert count, old
        path.write_bytes(after)
        return lambda: path.write_bytes(before)

    return break_it


def _environ(**variables: str) -> Callable[[World], Cure]:
    """Return a function that sets variables; restoring them is the cure."""

    def break_it(world: World) -> Cure:
        before = dict(world.environ)
        world.environ.update(variables)

        def cure() -> None:
            world.environ.clear()
            world.environ.update(before)

        return cure

    return break_it


def _trusting(
    role: str, change: Callable[[World, dict[str, Any]], None], prepare: Callable[[World], object] = lambda _: None
) -> Callable[[World], Cure]:
    """Return a function that changes the statement of a role's trust policy; restoring it is the cure."""

    def break_it(world: World) -> Cure:
        prepare(world)
        iam = world.client("iam")
        before = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
        after = json.loads(json.dumps(before))
        change(world, after["Statement"][0])
        iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(after))
        return lambda: iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(before))

    return break_it


def _both(*breaks: Callable[[World], Cure]) -> Callable[[World], Cure]:
    """Return a function that makes several changes; the last one is wrong, and the cure repairs it."""

    def break_it(world: World) -> Cure:
        return [each(world) for each in breaks][-1]

    return break_it


def _principal(arn: str) -> Callable[[World, dict[str, Any]], None]:
    def change(world: World, statement: dict[str, Any]) -> None:
        statement["Principal"] = {"AWS": arn.format(account=world.sandbox.account)}

    return change


def _condition(**operators: dict[str, str]) -> Callable[[World, dict[str, Any]], None]:
    def change(_: World, statement: dict[str, Any]) -> None:
        statement["Condition"] = operators

    return change


def _set(**fields: Any) -> Callable[[World, dict[str, Any]], None]:
    return lambda _, statement: statement.update(fields)


def _bob(world: World) -> None:
    world.sandbox.create_user("bob")
    world.sandbox.create_mfa_device("bob")


def _deny(world: World) -> Cure:
    """Create a role that denies requests without MFA, as many organizations do."""
    trust = world.sandbox.trust(world.user_arn)
    (allow,) = trust["Statement"]
    deny = {**allow, "Effect": "Deny", "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}}
    # BoolIfExists is true if the condition key is missing, as in a request with a user's access key.
    arn = world.sandbox.create_role("careful", {**trust, "Statement": [allow, deny]})
    serial = f"mfa_serial = {world.device.serial}\n"
    profile = f"\n[profile careful]\nrole_arn = {arn}\nsource_profile = default\n"
    world.configure(profile)
    return lambda: world.configure(serial)


def _deleted(world: World) -> Cure:
    """Create a role that trusts a deleted user: AWS then shows an id instead of the ARN."""
    arn = world.sandbox.create_role("old", world.sandbox.trust("AIDAQ3EGRMEXAMPLE42X"))
    world.configure(f"\n[profile old]\nrole_arn = {arn}\nsource_profile = default\n")
    trust = json.dumps(world.sandbox.trust(world.user_arn))
    return lambda: world.client("iam").update_assume_role_policy(RoleName="old", PolicyDocument=trust)


def _behind_a_role(*, device: bool) -> Callable[[World], Cure]:
    """Return a function that creates a role with MFA behind another role; the cure removes the MFA condition."""

    def break_it(world: World) -> Cure:
        sandbox = world.sandbox
        first = sandbox.create_role("first", sandbox.trust(world.user_arn))
        arn = sandbox.create_role("deep", sandbox.trust(first, mfa=True))
        world.configure(f"\n[profile first]\nrole_arn = {first}\nsource_profile = default\n")
        serial = f"mfa_serial = {world.device.serial}\n" if device else ""
        world.configure(f"\n[profile deep]\nrole_arn = {arn}\nsource_profile = first\n{serial}")
        trust = json.dumps(sandbox.trust(first))
        return lambda: world.client("iam").update_assume_role_policy(RoleName="deep", PolicyDocument=trust)

    return break_it


def _allow(world: World, kind: str, name: str, action: str, resource: str, effect: str = "Allow") -> Cure:
    statement = {"Effect": effect, "Action": action, "Resource": resource}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    holder = {f"{kind.capitalize()}Name": name}
    iam = world.client("iam")
    getattr(iam, f"put_{kind}_policy")(**holder, PolicyName="one", PolicyDocument=document)
    return lambda: getattr(iam, f"delete_{kind}_policy")(**holder, PolicyName="one")


def _other_account(world: World) -> Cure:
    arn = world.sandbox.create_role("far", world.sandbox.trust(world.user_arn), account=ELSEWHERE)
    world.configure(f"\n[profile far]\nrole_arn = {arn}\nsource_profile = default\n")
    return lambda: _allow(world, "user", "alice", "sts:AssumeRole", arn)


def _account_as_a_whole(world: World) -> Cure:
    arn = world.sandbox.create_role("whole", world.sandbox.trust(world.sandbox.account))
    world.configure(f"\n[profile whole]\nrole_arn = {arn}\nsource_profile = default\n")
    return lambda: _allow(world, "user", "alice", "sts:AssumeRole", arn)


def _denied(world: World) -> Cure:
    return _allow(world, "user", "alice", "sts:*", "*", effect="Deny")


def _path(world: World) -> Cure:
    sandbox = world.sandbox
    arn = sandbox.create_role("ops", sandbox.trust(world.user_arn), path="/team/")
    world.configure(f"\n[profile ops]\nrole_arn = {arn.replace('/team', '')}\nsource_profile = default\n")
    return lambda: _edited("role/ops", "role/team/ops")(world)


def _clock(world: World) -> Cure:
    world.sandbox.clock.advance(3600)
    return lambda: world.sandbox.clock.advance(-3600)


def _expired(world: World) -> Cure:
    """Replace the keys of the source with expired temporary credentials."""
    path = _file(world, "credentials")
    before = path.read_text()
    keys = world.client("sts", _key(world)).get_session_token(DurationSeconds=900)["Credentials"]
    admin = before.partition("[admin]")[2]
    path.write_text(
        f"[default]\naws_access_key_id = {keys['AccessKeyId']}\naws_secret_access_key = {keys['SecretAccessKey']}\n"
        f"aws_session_token = {keys['SessionToken']}\n[admin]{admin}"
    )
    world.sandbox.clock.elapse(1000)
    return lambda: path.write_text(before)


def _inactive(world: World) -> Cure:
    iam = world.client("iam")
    key = _key(world)

    def turn(status: str) -> object:
        return iam.update_access_key(UserName="alice", AccessKeyId=key.access_key_id, Status=status)

    turn("Inactive")
    return lambda: turn("Active")


def _keys_in_the_environment(world: World) -> Cure:
    key = _key(world)
    return _environ(AWS_ACCESS_KEY_ID=key.access_key_id, AWS_SECRET_ACCESS_KEY=key.secret_access_key)(world)


def _security_token(world: World) -> Cure:
    """Set an old AWS_SECURITY_TOKEN of boto 2, which takes precedence over AWS_SESSION_TOKEN."""
    keys = world.client("sts", _key(world)).get_session_token()["Credentials"]
    _environ(
        AWS_ACCESS_KEY_ID=keys["AccessKeyId"],
        AWS_SECRET_ACCESS_KEY=keys["SecretAccessKey"],
        AWS_SESSION_TOKEN=keys["SessionToken"],
    )(world)
    return _environ(AWS_SECURITY_TOKEN="canary-of-last-week")(world)


def _used_code(world: World) -> Cure:
    assert world.run("exec", "power-user", world.device.code(), "--", "true").returncode == 0
    return lambda: world.sandbox.clock.elapse(60)


def _unreadable(world: World) -> Cure:
    path = _file(world, "credentials")
    path.chmod(0)
    return lambda: path.chmod(0o600)


def _portal(world: World) -> Cure:
    world.sandbox.fail("GetCallerIdentity", Fault.HTML, times=1)
    return lambda: None


def _external_id(world: World) -> Cure:
    return _edited("external_id = .*\n", "")(world)


POWER_USER, READ_ONLY = "power-user {code}", "read-only"
NO_MFA = _edited("mfa_serial = .*\n", "")

SET_UPS = (
    # The files.
    Broken(
        "a section twice",
        READ_ONLY,
        "files",
        "default",
        "move what",
        _edited(r"\[profile read", "[default]\n[profile read"),
    ),
    Broken(
        "a key twice",
        READ_ONLY,
        "files",
        "role_arn",
        "remove",
        _edited("role_arn = (.*power.*)", r"role_arn = x\nrole_arn = \1"),
    ),
    Broken(
        "a byte order mark", READ_ONLY, "files", "byte order mark", "UTF-8", _edited(r"^\[default", "\ufeff[default")
    ),
    Broken("an unreadable file", READ_ONLY, "files", "[Pp]ermission denied", "chmod|readable", _unreadable),
    # The plan.
    Broken(
        "a comment behind an ARN",
        READ_ONLY,
        "chain",
        "comment after a value",
        "on its own line",
        _edited("(role/read-only)", r"\1 # for audits"),
    ),
    Broken("a FIDO serial", POWER_USER, "chain", "FIDO key", "authenticator app", _edited(":mfa/", ":u2f/user/")),
    Broken(
        "no such source profile",
        READ_ONLY,
        "chain",
        "no profile 'defualt'",
        "write source_profile = default",
        _edited("(?s)(read-only.*source_profile = )default", r"\1defualt"),
    ),
    Broken(
        "a loop",
        READ_ONLY,
        "chain",
        "leads back to itself",
        "profile with credentials",
        _edited("(?s)(read-only.*source_profile = )default", r"\1read-only"),
    ),
    Broken(
        "half a key",
        READ_ONLY,
        "chain",
        "half an access key",
        "aws_secret_access_key",
        _edited("(?s)\naws_secret_access_key = [^\n]*(\n\\[admin)", r"\1", "credentials"),
    ),
    Broken(
        "a region of another partition",
        READ_ONLY,
        "chain",
        "another partition",
        "--region",
        _edited("eu-central-1", "cn-north-1"),
    ),
    Broken(
        "an invalid region",
        READ_ONLY,
        "chain",
        "not an AWS region",
        "eu-central-1",
        _edited("eu-central-1", "Frankfurt"),
    ),
    Broken(
        "AWS_PROFILE of no profile",
        "arn:aws:iam::{account}:role/read-only",
        "chain",
        "no profile 'gone'",
        "awsenv list",
        _environ(AWS_PROFILE="gone"),
    ),
    # The network, the source, the clock.
    Broken(
        "no network",
        READ_ONLY,
        "network",
        "127.0.0.1:1 cannot be reached",
        "check AWS_ENDPOINT_URL",
        _environ(AWS_ENDPOINT_URL="http://127.0.0.1:1"),
    ),
    Broken("a captive portal", READ_ONLY, "network", "not from AWS", "sign-in page", _portal),
    Broken("a clock an hour behind", READ_ONLY, "clock", "1h00m behind", "timedatectl", _clock),
    Broken("an expired source", READ_ONLY, "source", "have expired", "replace the keys", _expired),
    Broken("an inactive key", READ_ONLY, "source", "does not know the access key", "is active", _inactive),
    Broken(
        "a wrong secret key",
        READ_ONLY,
        "source",
        "secret key does not belong",
        "whole secret",
        _edited("(?s)(secret_access_key = )(.)(.*admin)", r"\1canary\3", "credentials"),
    ),
    Broken(
        "a stale AWS_SECURITY_TOKEN",
        "arn:aws:iam::{account}:role/read-only",
        "source",
        "AWS_SECURITY_TOKEN is not the token",
        "^unset AWS_SECURITY_TOKEN$",
        _security_token,
    ),
    Broken(
        "a stale AWS_SESSION_TOKEN",
        "arn:aws:iam::{account}:role/read-only",
        "source",
        "AWS_SESSION_TOKEN is not the token",
        "^unset AWS_SESSION_TOKEN$",
        _both(_keys_in_the_environment, _environ(AWS_SESSION_TOKEN="canary-of-last-week")),
    ),
    Broken(
        "a credential_process that fails",
        READ_ONLY,
        "source",
        "credential_process failed",
        "by itself",
        _both(
            _edited(
                "(?s)(read-only.*source_profile = )default", r"\1process\n[profile process]\ncredential_process = false"
            )
        ),
    ),
    # The device.
    Broken(
        "the device of another user",
        POWER_USER,
        "MFA device",
        "user alice has no MFA device .*mfa/bob",
        "mfa_serial = .*mfa/alice",
        _both(lambda world: lambda: _bob(world), _edited("mfa/alice", "mfa/bob")),
    ),
    Broken(
        "the device of another user, unseen",
        POWER_USER,
        "MFA device",
        "user has no MFA device .*mfa/bob",
        "aws iam list-mfa-devices",
        _edited("mfa/alice", "mfa/bob"),
        admin=False,
    ),
    Broken(
        "the device of another account",
        "power-user",
        "MFA device",
        f"it belongs to account {ELSEWHERE}",
        "mfa_serial",
        _edited(r"\d{12}:mfa", f"{ELSEWHERE}:mfa"),
        admin=False,
    ),
    Broken("a used code", "power-user {used}", "MFA code", "it is wrong or already used", "next code", _used_code),
    # The trust policy.
    Broken(
        "no external id",
        POWER_USER,
        "trust policy",
        "demands an external id, and none",
        "ask the owner of the role.*set external_id in .profile power-user",
        _external_id,
    ),
    Broken(
        "no external id, unseen",
        POWER_USER,
        "role",
        "to let .* assume role power-user; no trust policy statement allows .* no role trust policy allows",
        "^if the role demands an external id, set external_id",
        _external_id,
        admin=False,
    ),
    Broken(
        "another external id",
        POWER_USER,
        "trust policy",
        "another external id than the one",
        "correct external_id",
        _edited("canary-external-id", "canary-other"),
    ),
    Broken(
        "another external id, unseen",
        POWER_USER,
        "role",
        "to let .* assume role power-user; no trust policy statement allows .* no role trust policy allows",
        "ask the owner of the role whom it trusts, and with which external id",
        _edited("canary-external-id", "canary-other"),
        admin=False,
    ),
    Broken(
        "no device", "power-user", "trust policy", "demands MFA, and no MFA device", "mfa_serial = .*mfa/alice", NO_MFA
    ),
    Broken(
        "no device, unseen",
        READ_ONLY,
        "role",
        "to let .* assume role read-only; no trust policy statement allows .* no role trust policy allows",
        "^if the role demands MFA, set mfa_serial",
        _trusting("read-only", _condition(Bool={"aws:MultiFactorAuthPresent": "true"})),
        admin=False,
    ),
    Broken(
        "trust in another user",
        READ_ONLY,
        "trust policy",
        "does not trust user alice: it trusts .*user/bob",
        "user/alice into its trust policy",
        _trusting("read-only", _principal("arn:aws:iam::{account}:user/bob"), _bob),
    ),
    Broken(
        "trust in a user who was deleted",
        "old",
        "trust policy",
        "AIDAQ3EGRMEXAMPLE42X, which was deleted",
        "user/alice into its trust policy",
        _deleted,
    ),
    Broken(
        "trust for another action",
        READ_ONLY,
        "trust policy",
        "does not allow sts:AssumeRole, only sts:AssumeRoleWithSAML",
        "allow sts:AssumeRole in it",
        _trusting("read-only", _set(Action="sts:AssumeRoleWithSAML")),
    ),
    Broken(
        "tags that are not allowed",
        "read-only --tag team=blue",
        "trust policy",
        "does not allow sts:TagSession",
        "--tag",
        _trusting("read-only", _set(Action="sts:AssumeRole")),
    ),
    Broken(
        "a condition on the session name",
        READ_ONLY,
        "trust policy",
        "not met: sts:RoleSessionName",
        "aws iam get-role.*set role_session_name to the name that it demands",
        _trusting("read-only", _condition(StringEquals={"sts:RoleSessionName": "bob"})),
    ),
    Broken(
        "a Deny without MFA",
        "careful",
        "trust policy",
        "demands MFA, and no MFA device",
        "mfa_serial",
        _deny,
    ),
    Broken(
        "MFA behind a role",
        "deep",
        "trust policy",
        "role deep demands MFA, which role first cannot have",
        "source_profile",
        _behind_a_role(device=False),
    ),
    Broken(
        "MFA behind a role, unseen",
        "deep {code}",
        "role",
        "to let .* assume role deep; no trust policy statement allows .* no role trust policy allows",
        "^a role that demands MFA cannot be reached through another role",
        _behind_a_role(device=True),
        admin=False,
    ),
    # The role, and the policies of the caller.
    Broken(
        "no such role",
        READ_ONLY,
        "role",
        "has no role raed-only",
        "set role_arn = .*role/read-only",
        _edited("role/read-only", "role/raed-only"),
    ),
    Broken("another path", "ops", "role", "another path", "set role_arn = .*role/team/ops", _path),
    Broken(
        "too long a duration",
        "power-user {code}",
        "duration",
        "the request is for 2h, and role power-user grants 1h at most",
        "duration_seconds",
        _edited("(external_id = .*)", r"\1\nduration_seconds = 7200"),
    ),
    Broken(
        "too long a duration, unseen",
        "power-user {code}",
        "role",
        "DurationSeconds",
        "duration_seconds",
        _edited("(external_id = .*)", r"\1\nduration_seconds = 7200"),
        admin=False,
    ),
    Broken(
        "a role of another account",
        "far",
        "identity policy",
        "user alice is not allowed sts:AssumeRole on role far",
        "role/far",
        _other_account,
    ),
    Broken(
        "trust in the whole account",
        "whole",
        "identity policy",
        "trusts its account as a whole",
        "role/whole",
        _account_as_a_whole,
    ),
    Broken(
        "a Deny in the policies of the user",
        READ_ONLY,
        "identity policy",
        "denies sts:AssumeRole",
        "aws iam list-user-policies",
        _denied,
    ),
)


@pytest.fixture
def world(world: World) -> World:
    """Return the world of the README, with the hook loaded, and a profile that is allowed to read IAM."""
    Path(world.environ["HOME"], ".bashrc").write_text(f'eval "$({world.program} init bash)"\n')
    # Otherwise it is the shell that started the tests.
    world.environ["AWSENV_SHELL"] = "bash"
    world.add_administrator()
    return world


def _doctor(world: World, broken: Broken, *more: str, used: str = "") -> subprocess.CompletedProcess[str]:
    if "{code}" in broken.words:
        # Each run needs a new code: AWS accepts each code only once.
        world.sandbox.clock.elapse(60)
    line = broken.words.format(code=world.device.code(), account=world.sandbox.account, used=used)
    words = ["doctor", *line.split(), *(ADMIN if broken.admin else ()), *more]
    if broken.break_it is _unreadable and os.geteuid() == 0:
        # Root can read every file unless it drops these capabilities.
        as_others = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
        return world.command([*as_others, world.program, *words])
    return world.run(*words)


@pytest.mark.parametrize("broken", SET_UPS, ids=lambda broken: broken.name.replace(" ", "-"))
def test_the_true_cause_comes_first(world: World, broken: Broken) -> None:
    """The first wrong finding is the true cause, and its hint is the cure: then the doctor finds nothing wrong."""
    used = world.device.code()
    cure = broken.break_it(world)

    answer = _doctor(world, broken, "--json", used=used)

    assert "" == answer.stderr
    shown = json.loads(answer.stdout)
    first = next((each for each in shown["findings"] if each["verdict"] == "wrong"), None)
    assert first is not None, answer.stdout
    assert (broken.check, 1, True) == (first["check"], answer.returncode, shown["wrong"]), answer.stdout
    assert re.search(broken.says, f"{first['fact']}; {first['because']}"), first
    assert re.search(broken.cure, first["hint"]), first
    assert "canary" not in answer.stdout

    cure()
    healthy = _doctor(world, broken, used=world.device.code())
    assert (0, "") == (healthy.returncode, healthy.stderr), healthy.stdout
    assert "✗" not in healthy.stdout


def test_a_working_role_is_reported_as_working(world: World) -> None:
    """A role that AWS provides works, even if IAM cannot be read; the only warning is that AWS is a local one."""
    answer = world.run("doctor", "read-only")
    assert (0, "") == (answer.returncode, answer.stderr)
    assert answer.stdout.endswith("\nread-only works, with 1 warning\n")


def test_a_role_with_mfa_is_not_tried_without_a_code(world: World) -> None:
    """Without a code the doctor does not try a role with MFA, and does not run its mfa_process."""
    path = Path(world.environ["HOME"]) / "was-run"
    _edited("(external_id = .*)", rf"\1\nmfa_process = touch {path}")(world)

    answer = world.run("doctor", "power-user", *ADMIN)

    assert (0, "") == (answer.returncode, answer.stderr)
    assert answer.stdout.endswith("\nnothing is wrong, but there is 1 warning; power-user was not tried\n")
    assert "awsenv doctor power-user CODE" in answer.stdout
    assert not path.exists()
    assert "AssumeRole" not in world.actions()


def test_the_agent_provides_the_role(world: World) -> None:
    """After a login the doctor gets a role with MFA from the agent, without a code."""
    assert world.run("login", world.device.code()).returncode == 0
    answer = world.run("doctor", "power-user")
    assert answer.returncode == 0
    assert "the agent provides power-user until" in answer.stdout
    assert answer.stdout.endswith("\npower-user works, with 1 warning\n")


def test_the_mfa_session_of_the_agent_may_be_too_old(world: World) -> None:
    """If a role demands a fresh MFA code, the doctor says so, and suggests a run with a code."""
    trust = world.sandbox.trust(world.user_arn, mfa=True, mfa_max_age=60)
    arn = world.sandbox.create_role("fresh", trust)
    world.configure(
        f"\n[profile fresh]\nrole_arn = {arn}\nsource_profile = default\nmfa_serial = {world.device.serial}\n"
    )
    assert world.run("login", world.device.code()).returncode == 0
    world.sandbox.clock.elapse(600)

    answer = world.run("doctor", "fresh", *ADMIN)

    assert answer.returncode == 0
    assert "with an MFA code of the last 60 s" in answer.stdout
    assert "it may need a fresh code (aws:MultiFactorAuthAge)" in answer.stdout
    assert "awsenv doctor fresh CODE" in answer.stdout


def test_the_last_line_is_the_summary(world: World) -> None:
    """The last line says that the role does not work, and names the first wrong finding."""
    _external_id(world)
    answer = world.run("doctor", "power-user", *ADMIN)
    last = answer.stdout.splitlines()[-1]
    fact = "role power-user demands an external id, and none is configured"
    assert (1, f"power-user does not work: trust policy: {fact}") == (answer.returncode, last)


def test_the_doctor_without_a_role(world: World) -> None:
    """Without a role the doctor checks the files and the source, and counts the roles with a complete chain."""
    world.configure("\n[profile half]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = default\n")
    answer = world.run("doctor")
    assert (0, "") == (answer.returncode, answer.stderr)
    assert "its account has 1 digit instead of 12" in answer.stdout
    assert "2 of 3 have a complete chain" in answer.stdout
    assert "user alice of account" in answer.stdout


def test_a_word_that_is_not_a_code_is_not_shown(world: World) -> None:
    """The error about an invalid MFA code does not repeat it, because it may be a password."""
    answer = world.run("doctor", "power-user", "canary-password")
    assert (2, "") == (answer.returncode, answer.stdout)
    assert "canary" not in answer.stderr


def test_an_unusable_iam_profile_is_a_warning(world: World) -> None:
    """An --iam-profile that cannot be used is a warning, and the doctor still checks the role."""
    answer = world.run("doctor", "read-only", "--iam-profile", "nobody")
    assert (0, "") == (answer.returncode, answer.stderr)
    assert "'nobody'" in answer.stdout
    assert answer.stdout.endswith("\nread-only works, with 2 warnings\n")


def test_roles_of_one_name_in_two_accounts_are_told_apart(world: World) -> None:
    """The doctor does not take a role of the administrator's account for a role of another account."""
    sandbox = world.sandbox
    arn = sandbox.create_role("read-only", sandbox.trust(world.user_arn), account=ELSEWHERE)
    world.configure(f"\n[profile far]\nrole_arn = {arn}\nsource_profile = default\n")
    _allow(world, "user", "alice", "sts:AssumeRole", arn)
    _trusting("read-only", _principal("arn:aws:iam::{account}:user/sandbox-admin"))(world)

    answer = world.run("doctor", "far", *ADMIN)

    assert (0, "") == (answer.returncode, answer.stderr), answer.stdout

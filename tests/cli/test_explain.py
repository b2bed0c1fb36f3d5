"""`awsenv explain`: the page and the JSON, both compared with what awsenv and the agent do."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from awsenv.sandbox import Fault

if TYPE_CHECKING:
    from conftest import World


def explained(world: World, *words: str, **environ: str) -> Any:
    """Return what `awsenv explain --json` prints."""
    done = world.run("explain", "--json", *words, **environ)
    assert (0, "") == (done.returncode, done.stderr)
    return json.loads(done.stdout)


def planned(plan: Any) -> list[tuple[str, list[str]]]:
    """Return the calls of a plan with the names of their parameters."""
    return [(call["action"], sorted(each["name"] for each in call["parameters"])) for call in plan["calls"]]


def received(world: World) -> list[tuple[str, list[str]]]:
    """Return the calls that AWS received with the names of their parameters, without the code."""
    return [
        (f"{call.service}:{call.action}", sorted(name for name in call.parameters if name != "TokenCode"))
        for call in world.sandbox.calls
    ]


def test_the_page_shows_the_plan(world: World) -> None:
    """The page shows the plan on one screen, each value with its place, and calls nothing."""
    account = world.sandbox.account
    done = world.run("explain", "power-user", USER="jane", AWS_PROFILE="default")

    assert (0, "", []) == (done.returncode, done.stderr, world.actions())
    assert (
        f"""\
power-user: arn:aws:iam::{account}:role/power-user

Source    the access key of profile default  ~/.aws/credentials:2
Device    alice ({account})               ~/.aws/config:7
MFA       asked each time (run awsenv login to enter it once a day)
Lifetime  1h, AWS's default
Region    eu-central-1                       ~/.aws/config:2
STS       {world.sandbox.url}

1. sts:AssumeRole, with the source and an MFA code
   RoleArn          arn:aws:iam::{account}:role/power-user  ~/.aws/config:5
   RoleSessionName  jane                                       USER
   ExternalId       (not shown)                                ~/.aws/config:8
   SerialNumber     arn:aws:iam::{account}:mfa/alice        ~/.aws/config:7

Sets      AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
          AWS_CREDENTIAL_EXPIRATION AWS_REGION AWS_DEFAULT_REGION AWS_VAULT
          AWSENV_ROLE AWSENV_LABEL AWSENV_ACCOUNT AWSENV_ROLE_NAME
          AWSENV_EXPIRES_EPOCH AWSENV_ACCESS_KEY_ID
Unsets    AWS_PROFILE
Keeps     AWS_PROFILE, for awsenv off
"""
        == done.stdout
    )


def test_the_guard_rails_are_explained(world: World) -> None:
    """The page and the JSON name each guard rail with its line, and the variable for the prompt."""
    account = world.sandbox.account
    world.configure(
        f"\n[profile family]\nawsenv_protected = true\nawsenv_color = #F80\nawsenv_account = {account}\n"
        "awsenv_confirm = 15m\n"
        f"[profile prod]\ninclude_profile = family\nrole_arn = arn:aws:iam::{account}:role/x\n"
        "source_profile = default\n"
    )
    page = world.run("explain", "prod").stdout
    rows = [
        re.split("  +", line) for line in page.splitlines() if line.startswith(("Asks", "Confirms", "Account", "Color"))
    ]
    plan = explained(world, "prod")
    rails = plan["guard_rails"]

    assert [
        ["Asks", "before a command gets the role", "~/.aws/config:15"],
        ["Confirms", "before a program gets the role, again after 15m", "~/.aws/config:18"],
        ["Account", f"must be {account}", "~/.aws/config:17"],
        ["Color", "#ff8800", "~/.aws/config:16"],
    ] == rows
    assert (True, "38;2;255;136;0", account) == (rails["protected"], rails["color"], rails["required_account"])
    assert 900 == rails["confirm_seconds"]
    assert {"protected", "confirm_seconds", "color", "required_account", "assistants"} == rails["from"].keys()
    assert "AWSENV_COLOR" in plan["variables"]["sets"]


@pytest.mark.parametrize("words", [("power-user",), ("power-user", "--json"), ("power-user", "--external-id", "-")])
def test_no_secret_is_shown(world: World, words: tuple[str, ...]) -> None:
    """The plan lists the external id without its value, and `explain` does not prompt for it."""
    done = world.run("explain", *words)

    assert (0, "") == (done.returncode, done.stderr)
    assert "ExternalId" in done.stdout
    home = Path(world.environ["HOME"], ".aws", "credentials").read_text()
    secrets = (world.external_id, home.split()[-1], "asked-for-without-echo")
    assert not [secret for secret in secrets if secret in done.stdout]


def test_a_role_in_another_account_has_a_note(world: World) -> None:
    """The note says that a policy in each of the two accounts must allow the role."""
    world.configure(
        "\n[profile abroad]\nrole_arn = arn:aws:iam::111122223333:role/x\nsource_profile = default\n"
        f"mfa_serial = {world.device.serial}\n"
    )
    done = world.run("explain", "abroad")

    (note,) = explained(world, "abroad")["notes"]
    assert (
        f"abroad is in account 111122223333, and is assumed from {world.sandbox.account}: its trust policy and a "
        "policy in that account must both allow it"
    ) == note
    assert "\nNote      abroad is in account 111122223333" in done.stdout


def test_a_shortened_duration_is_explained(world: World) -> None:
    """If a profile sets more than an hour behind another role, the page names the limit of role chaining."""
    world.configure(
        f"\n[profile behind]\nrole_arn = arn:aws:iam::{world.sandbox.account}:role/read-only\n"
        "source_profile = power-user\nduration_seconds = 7200\n"
    )
    done = world.run("explain", "behind")

    assert "Lifetime  1h, the most that role chaining allows\n" in done.stdout
    assert "2. sts:AssumeRole, with the credentials of power-user\n" in done.stdout
    assert "DurationSeconds  3600 (1h)" in done.stdout
    assert "\nNote      ~/.aws/config:" in done.stdout


@pytest.mark.parametrize(
    ("policies", "maximum", "text"),
    [
        ([], 7200, "2h, as requested; the maximum of the role is not known"),
        (["ReadOnlyAccess"], 7200, "2h, as requested; the maximum of the role is 2h"),
        (["ReadOnlyAccess"], 3600, "2h, as requested; the maximum of the role is 1h: AWS will refuse"),
    ],
)
def test_the_maximum_duration_is_read_only_if_it_matters(
    world: World, policies: list[str], maximum: int, text: str
) -> None:
    """The maximum is read from IAM only for more than an hour, and is unknown if IAM refuses."""
    key = world.sandbox.create_user("bob", policies=policies)
    world.sandbox.create_role("long", world.sandbox.trust(str(key.arn)), max_session_duration=maximum)
    environ = {"AWS_ACCESS_KEY_ID": key.access_key_id, "AWS_SECRET_ACCESS_KEY": key.secret_access_key}

    short = world.run("explain", "long", **environ)
    calls_for_short = world.actions()
    done = world.run("explain", "long", "--duration", "2h", **environ)

    assert ("Lifetime  1h, AWS's default\n" in short.stdout, []) == (True, calls_for_short)
    assert f"Lifetime  {text}\n" in done.stdout
    # botocore repeats the call if the response is slow.
    assert {"GetRole"} == {*world.actions()}


def test_explain_does_not_wait_for_iam(world: World) -> None:
    """If IAM does not answer, the page says that the maximum is not known."""
    world.sandbox.fail("GetRole", Fault.HANG, times=9)

    done = world.run("explain", "read-only", "--duration", "2h")

    assert (0, "") == (done.returncode, done.stderr)
    assert "the maximum of the role is not known\n" in done.stdout


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("power-user",), True),
        (("power-user", "--duration", "30m", "--tag", "a=b"), True),
        (("read-only", "--session-name", "me"), False),
        (("read-only", "--min-remaining", "2h"), False),
        (("read-only", "--policy-arn", "arn:aws:iam::aws:policy/ReadOnlyAccess"), False),
    ],
)
def test_the_plan_matches_what_the_agent_does(world: World, words: tuple[str, ...], *, code: bool) -> None:
    """The plan announces each call and variable, before and after the agent holds the role."""
    assert world.run("login", world.device.code()).returncode == 0
    for held in (False, True):
        plan = explained(world, *words)
        world.sandbox.clear_calls()
        done = world.run(*words, "--shell", "json")

        assert 0 == done.returncode
        assert _flat(planned(plan)) == received(world)
        assert (held, held) == (plan["agent"]["hands_out_the_role"], plan["agent"]["role"] is not None)
        assert (code, False) == (
            plan["agent"]["session_in_place_of_a_code"],
            bool(plan["mfa"]) and plan["mfa"]["code_needed"],
        )
        changed = json.loads(done.stdout)
        assert (plan["variables"]["sets"], plan["variables"]["unsets"]) == (
            [name for name, value in changed.items() if value is not None and not name.startswith("AWSENV_SAVED_")],
            [name for name, value in changed.items() if value is None],
        )


@pytest.mark.parametrize(
    ("settings", "lives"),
    [
        ("aws_access_key_id = a\naws_secret_access_key = b", "the key does not expire"),
        ("aws_access_key_id = a\naws_secret_access_key = b\naws_session_token = c", "as long as"),
        ("credential_process = unknown", "as long as"),
    ],
)
def test_only_the_key_of_a_user_does_not_expire(world: World, settings: str, lives: str) -> None:
    """The plan says so of no other source: what a process prints is not known before it runs."""
    world.configure(f"\n[profile source]\n{settings}\n")

    assert f"Lifetime  {lives}" in world.run("explain", "source").stdout


@pytest.mark.parametrize("role", ["default", "by-process", "behind-process", "read-only"])
def test_the_plan_matches_the_change_with_an_agent(world: World, role: str) -> None:
    """The plan lists the variables of a renewable role only if the agent can renew it."""
    key_id, secret = Path(world.environ["HOME"], ".aws", "credentials").read_text().split()[3::3]
    printed = json.dumps({"Version": 1, "AccessKeyId": key_id, "SecretAccessKey": secret})
    world.configure(
        f"\n[profile by-process]\ncredential_process = echo '{printed}'\n\n[profile behind-process]\n"
        f"role_arn = arn:aws:iam::{world.sandbox.account}:role/read-only\nsource_profile = by-process\n"
    )
    assert world.run("login", world.device.code(), "--profile", "default").returncode == 0
    plan = explained(world, role, AWS_PROFILE="default", AWS_SESSION_EXPIRATION="x")
    done = world.run(role, "--shell", "json", AWS_PROFILE="default", AWS_SESSION_EXPIRATION="x")

    assert (0, "") == (done.returncode, done.stderr)
    changed = json.loads(done.stdout)
    assert plan["variables"] == {
        "sets": [name for name, value in changed.items() if value is not None and "_SAVED_" not in name],
        "unsets": [name for name, value in changed.items() if value is None],
        "keeps": [name.removeprefix("AWSENV_SAVED_") for name in changed if "_SAVED_" in name],
    }


@pytest.mark.parametrize("more", [(), ("--duration", "1h")])
def test_a_profile_with_an_mfa_device_uses_the_mfa_session(world: World, more: tuple[str, ...]) -> None:
    """The plan uses the agent's MFA session, unless a requested duration needs a code."""
    keys = Path(world.environ["HOME"], ".aws", "credentials").read_text().partition("\n")[2]
    world.configure(f"\n[profile with-mfa]\n{keys}mfa_serial = {world.device.serial}\n")
    assert world.run("login", world.device.code(), "--profile", "with-mfa").returncode == 0
    plan = explained(world, "with-mfa", *more)
    world.sandbox.clear_calls()
    world.sandbox.clock.elapse(30)
    words = ["with-mfa", *([world.device.code()] if more else []), *more, "--shell", "json"]
    done = world.run(*words)

    assert (0, "") == (done.returncode, done.stderr)
    assert (planned(plan), plan["mfa"]["code_needed"]) == (received(world), bool(more))


def test_the_mfa_session_of_an_unconfigured_device_is_used(world: World) -> None:
    """If no MFA device is configured, the plan uses the agent's MFA session, as the agent does."""
    key_id, secret = Path(world.environ["HOME"], ".aws", "credentials").read_text().split()[3::3]
    keys = {"AWS_ACCESS_KEY_ID": key_id, "AWS_SECRET_ACCESS_KEY": secret}
    assert world.run("login", world.device.code(), **keys).returncode == 0
    page = world.run("explain", "read-only").stdout
    plan = explained(world, "read-only")
    world.sandbox.clear_calls()
    assert world.run("read-only", "--shell", "json").returncode == 0

    assert planned(plan) == received(world)
    assert (True, "the MFA session") == (
        plan["agent"]["session_in_place_of_a_code"],
        plan["calls"][0]["signed_with"],
    )
    assert re.search(r"\nAgent     holds an MFA session, 1[12]h\d\dm left, and uses it\n", page)


def _flat(calls: list[tuple[str, list[str]]]) -> list[tuple[str, list[str]]]:
    """Return *calls* with lists named as in the query protocol."""
    members = {"Tags": ["Tags.member.1.Key", "Tags.member.1.Value"], "PolicyArns": ["PolicyArns.member.1.arn"]}
    return [(action, sorted(part for name in names for part in members.get(name, [name]))) for action, names in calls]


def test_without_a_session_a_code_is_needed_each_time(world: World) -> None:
    """A code is needed after `awsenv lock`, and for more than an hour even with an MFA session."""
    assert world.run("login", world.device.code()).returncode == 0
    by_duration = world.run("explain", "power-user", "--duration", "2h").stdout
    assert world.run("lock").returncode == 0
    plan = explained(world, "power-user")
    page = world.run("explain", "power-user").stdout

    assert re.search(
        r"holds an MFA session, 1[12]h\d\dm left, but AWS grants more than an hour only with a code\n", by_duration
    )
    assert "MFA       asked each time\n" in by_duration
    assert (True, None, None) == (plan["mfa"]["code_needed"], plan["agent"]["role"], plan["agent"]["session"])
    assert "Agent     holds neither the role nor an MFA session\n" in page
    assert "MFA       asked each time (run awsenv login to enter it once a day)\n" in page


def test_the_page_shows_what_the_agent_holds(world: World) -> None:
    """The page shows that the MFA session signs the call, and how long the role in memory stays valid."""
    assert world.run("login", world.device.code()).returncode == 0
    before = world.run("explain", "power-user").stdout
    assert world.run("power-user", "--shell", "json").returncode == 0
    after = world.run("explain", "power-user").stdout

    assert "MFA       no code is needed now\n" in before
    assert re.search(r"\nAgent     holds an MFA session, 1[12]h\d\dm left, which replaces a code\n", before)
    assert "\n1. sts:AssumeRole, with the MFA session\n" in before
    held = r"Agent     holds the role, (1h00m|5\dm) left, and hands it out\nLifetime  \1 left\n"
    assert re.search(held, after)
    assert "sts:" not in after


@pytest.mark.parametrize(
    ("text", "title", "source"),
    [
        (
            "sso_start_url = https://x.y\nsso_region = eu-west-1\nsso_account_id = 111122223333\nsso_role_name = R\n",
            "the credentials of the source as they are",
            "IAM Identity Center of profile other",
        ),
        (
            "credential_process = /bin/false\n",
            "the credentials of the source as they are",
            "credential_process of profile other",
        ),
        (
            "role_arn = arn:aws:iam::111122223333:role/x\ncredential_source = Ec2InstanceMetadata\n",
            "arn:aws:iam::111122223333:role/x",
            "the role of this EC2 instance",
        ),
    ],
)
def test_other_sources_are_named_but_not_used(world: World, text: str, title: str, source: str) -> None:
    """A source is explained without running a command or opening a connection."""
    world.configure(f"\n[profile other]\n{text}")
    done = world.run("explain", "other")

    assert (0, "") == (done.returncode, done.stderr)
    assert done.stdout.startswith(f"other: {title}\n\nSource    {source}  ~/.aws/config:"), done.stdout


def test_a_mistake_fails_as_with_use(world: World) -> None:
    """The error is that of `use`, but without `false;`, since no shell evaluates the output."""
    done = world.run("explain", "power-user", "--profile", "nowhere")

    assert (3, "") == (done.returncode, done.stdout)
    assert done.stderr.startswith("awsenv: there is no profile 'nowhere'")


def test_the_settings_of_a_role_are_shown_and_set(world: World) -> None:
    """The page shows each setting with its place, and `exec` sets it, with keys and with an endpoint."""
    world.configure(
        f"\n[profile far]\nrole_arn = arn:aws:iam::{world.sandbox.account}:role/read-only\nsource_profile = default\n"
        "max_attempts = 4\nretry_mode = legacy\n"
    )
    line = Path(world.environ["HOME"], ".aws", "config").read_text().splitlines().index("max_attempts = 4") + 1
    page = world.run("explain", "far", AWS_RETRY_MODE="adaptive").stdout
    plan = explained(world, "far", AWS_RETRY_MODE="adaptive")

    assert re.search(rf"^Setting +AWS_MAX_ATTEMPTS +~/.aws/config:{line}$", page, re.MULTILINE)
    assert ["AWS_MAX_ATTEMPTS"] == [each["name"] for each in plan["settings"]]
    assert line == plan["settings"][0]["from"]["line"]
    assert "AWS_MAX_ATTEMPTS" in plan["variables"]["sets"]
    for refresh in ([], ["--refresh"]):
        shown = world.run("exec", *refresh, "far", "--", "env", AWS_RETRY_MODE="adaptive").stdout.splitlines()
        assert {"AWS_MAX_ATTEMPTS=4", "AWS_RETRY_MODE=adaptive", "AWSENV_SETTINGS=AWS_MAX_ATTEMPTS"} <= {*shown}

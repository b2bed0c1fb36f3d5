"""Options, their variables, and the role request that they make."""

from __future__ import annotations

import os
import pwd
from typing import TYPE_CHECKING

import pytest

from awsenv.cli.arguments import RoleOptions
from awsenv.cli.options import request, seconds
from awsenv.errors import Origin, UsageError
from awsenv.model import RoleRequest

if TYPE_CHECKING:
    from pathlib import Path

ORIGIN = Origin("--duration")
JANE = {"USER": "jane"}


def test_the_system_names_the_user_if_no_variable_does() -> None:
    """The password database names the user if no variable does, as under cron and in containers."""
    name = pwd.getpwuid(os.geteuid()).pw_name

    assert name == request("power-user", None, RoleOptions(), {"USER": ""}).user
    assert request("power-user", None, RoleOptions(), {"USERNAME": "jane"}).user is None


def test_an_omitted_option_is_none() -> None:
    """Without options, the role request leaves everything to the profile."""
    assert RoleRequest("power-user") == request("power-user", None, RoleOptions(), JANE)


def test_every_option_reaches_the_request() -> None:
    """Each option sets its field of the role request."""
    options = RoleOptions(
        profile="p",
        external_id="e",
        mfa_serial="m",
        duration="1h30m",
        region="r",
        session_name="s",
        source_identity="i",
        tag=["team=ops", "empty="],
        transitive_tag=["team"],
        policy="{}",
        policy_arn=["a", "b"],
    )

    expected = RoleRequest(
        role="power-user",
        code="123456",
        profile="p",
        external_id="e",
        mfa_serial="m",
        duration=5400,
        region="r",
        session_name="s",
        source_identity="i",
        tags=(("team", "ops"), ("empty", "")),
        transitive_tags=("team",),
        policy="{}",
        policy_arns=("a", "b"),
    )
    assert expected == request("power-user", "123456", options, JANE)


def test_every_option_has_a_variable() -> None:
    """The variable is `AWSENV_` and the option's name; a repeatable option takes a list with commas."""
    environ = {
        "AWSENV_SESSION_NAME": "s",
        "AWSENV_DURATION": "900",
        **JANE,
        "AWSENV_TAG": "a=1,b=2",
        "AWSENV_POLICY_ARN": "x,y",
    }

    expected = RoleRequest("r", session_name="s", duration=900, tags=(("a", "1"), ("b", "2")), policy_arns=("x", "y"))
    assert expected == request("r", None, RoleOptions(), environ)


def test_an_option_overrides_its_variable() -> None:
    """The value comes from the option, and messages name the option as its place."""
    made = request("r", None, RoleOptions(region="eu-west-1"), {"AWSENV_REGION": "us-east-1"})

    assert ("eu-west-1", "--region") == (made.region, str(made.origins["region"]))


def test_a_variable_is_the_origin_of_its_value() -> None:
    """Messages name the variable that a value comes from."""
    made = request("r", None, RoleOptions(), {"AWSENV_REGION": "us-east-1"})

    assert str(made.origins["region"]) == "AWSENV_REGION"


def test_no_secret_is_in_the_repr_of_a_request() -> None:
    """The repr, which could end up in a log, shows neither the MFA code nor the external id."""
    made = request("r", "123456", RoleOptions(external_id="canary"), {})

    assert not [secret for secret in ("123456", "canary") if secret in repr(made)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("3600", 3600), ("1h", 3600), ("90m", 5400), ("1h30m", 5400), ("900s", 900), (" 12H ", 43200), ("1h1m1s", 3661)],
)
def test_a_duration_is_parsed(text: str, expected: int) -> None:
    """A duration is a number of seconds, or hours, minutes and seconds with units."""
    assert expected == seconds(text, ORIGIN)


@pytest.mark.parametrize("text", ["", "h", "1d", "-1", "1.5h", "1h30", "abc", "٣٦٠٠", "1m1h", "9999999h"])
def test_an_invalid_duration_is_refused(text: str) -> None:
    """The error quotes the text and names the option."""
    with pytest.raises(UsageError) as caught:
        seconds(text, ORIGIN)

    assert (f"not a duration: {text!r}", "--duration") == (caught.value.fact, caught.value.where)


def test_a_tag_without_a_value_is_refused() -> None:
    """A session tag must have the form KEY=VALUE."""
    with pytest.raises(UsageError, match="not a session tag: 'team'"):
        request("r", None, RoleOptions(tag=["team"]), {})


def test_a_policy_is_read_from_a_file(tmp_path: Path) -> None:
    """`--policy` accepts file://PATH, as the AWS CLI does."""
    path = tmp_path / "policy.json"
    path.write_text('{"Version": "2012-10-17"}')

    assert request("r", None, RoleOptions(policy=f"file://{path}"), {}).policy == '{"Version": "2012-10-17"}'


@pytest.mark.parametrize("content", ["", " \n"])
def test_an_empty_policy_file_is_refused(tmp_path: Path, content: str) -> None:
    """A policy file without content narrows nothing: the error says so, whatever the role is."""
    (tmp_path / "policy.json").write_text(content)

    with pytest.raises(UsageError, match=r"the file 'policy\.json' is empty"):
        request("r", None, RoleOptions(policy="file://policy.json"), {}, str(tmp_path))


def test_a_missing_policy_file_is_named() -> None:
    """The error names the file, and says why it cannot be read."""
    with pytest.raises(UsageError, match="cannot read the policy '/no/such': No such file or directory"):
        request("r", None, RoleOptions(policy="file:///no/such"), {})

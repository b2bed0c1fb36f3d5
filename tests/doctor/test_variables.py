"""Which variables override the files, or each other."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from awsenv import changes
from awsenv.cli.arguments import RoleOptions
from awsenv.cli.declarations import declared
from awsenv.doctor.model import Finding, Verdict
from awsenv.doctor.variables import variables
from awsenv.model import Chain, Credentials, Source

NOW = 1_700_000_000
KEY = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "canary-secret"}
ROLE = {
    "AWS_ACCESS_KEY_ID": "ASIAEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "canary-secret",
    "AWS_SESSION_TOKEN": "canary-token",
    "AWS_REGION": "eu-central-1",
    "AWSENV_ROLE": "power-user",
    "AWSENV_ACCESS_KEY_ID": "ASIAEXAMPLE",
    "AWSENV_EXPIRES_EPOCH": str(NOW + 60),
}


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"HOME": "/home/alice", "AWS_PROFILE": "power-user"},
        {"AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "eu-central-1"},
        {"AWSENV_DISABLE_PROMPT": "1", "AWSENV_AUTO_REFRESH": "0"},
        {"AWS_ENDPOINT_URL": "http://localhost", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
        {"AWS_ENDPOINT_URL": "http://127.0.0.1:5", "AWSENV_DEMO": "http://127.0.0.1:5"},
        {"AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/ci"},
        {"AWS_CREDENTIAL_EXPIRATION": "2099-01-01T00:00:00Z"},
        {"PYTHONPATH": ""},
        {"PYTHONPATH": "/opt/x:/opt/y"},
        {"AWS_CREDENTIAL_EXPIRATION": "2099-01-01T00:00:00.123+0000"},
        ROLE,
    ],
)
def test_no_finding(environ: dict[str, str]) -> None:
    """A profile, one region, the hook's settings and what a role has set are no findings."""
    (finding,) = variables(environ, NOW)
    assert (Verdict.FINE, (), ()) == (finding.verdict, finding.origins, finding.hints)


@pytest.mark.parametrize(
    ("name", "profiles", "is_found"),
    [
        ("AWS_PROFILE", ("default",), True),
        ("AWS_DEFAULT_PROFILE", (), True),
        ("AWS_PROFILE", ("gone",), False),
        ("AWS_PROFILE", None, False),
    ],
)
def test_a_profile_that_does_not_exist(name: str, profiles: tuple[str, ...] | None, *, is_found: bool) -> None:
    """Botocore fails with it, even for a command that needs no profile; awsenv unsets it with a role."""
    (finding,) = variables({name: "gone"}, NOW, (), profiles)
    assert is_found is (Verdict.WARNING is finding.verdict)
    fact = "there is no profile 'gone': without --profile, the AWS CLI and boto3 fail"
    assert is_found is ((fact, (f"unset {name}",)) == (finding.fact, finding.hints))


@pytest.mark.parametrize(
    ("environ", "names", "fact", "hint"),
    [
        (
            KEY,
            "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY",
            "without --profile, AWS tools prefer it to the files",
            "unset AWS_ACCESS_KEY_ID AWS_SEC",
        ),
        ({"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE"}, "AWS_ACCESS_KEY_ID", "the AWS CLI and boto3 fail", "set AWS_SECRET"),
        (
            {"AWS_SECRET_ACCESS_KEY": "canary"},
            "AWS_SECRET_ACCESS_KEY",
            "AWS tools ignore it",
            "unset AWS_SECRET_ACCESS_KEY",
        ),
        (
            {"AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/ci"},
            "AWS_ROLE_ARN, AWS_WEB_IDENTITY_TOKEN_FILE",
            "prefer it to a key in the files",
            "unset AWS_ROLE_ARN AWS_WEB_IDENTITY_TOKEN_FILE",
        ),
        (
            {"AWS_WEB_IDENTITY_TOKEN_FILE": "/token"},
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "without AWS_ROLE_ARN",
            "unset AWS_WEB_IDENTITY_TOKEN_FILE",
        ),
        (
            {"AWS_CREDENTIAL_EXPIRATION": "2099-01-01T00:00:00"},
            "AWS_CREDENTIAL_EXPIRATION",
            "has no time zone",
            "unset AWS_CREDENTIAL_EXPIRATION",
        ),
        (ROLE | {"AWS_PROFILE": "other"}, "AWS_PROFILE", "was set after the role", "unset AWS_PROFILE"),
        (
            ROLE | {"AWS_DEFAULT_REGION": "us-east-1"},
            "AWS_REGION, AWS_DEFAULT_REGION",
            "boto3 takes the region 'us-east-1'",
            "unset AWS_DEFAULT_REGION\nunset AWS_REGION",
        ),
        (
            {"AWS_SECURITY_TOKEN": "canary"},
            "AWS_SECURITY_TOKEN",
            "prefer it to AWS_SESSION_TOKEN",
            "unset AWS_SECURITY",
        ),
        ({"AWS_SESSION_TOKEN": "canary"}, "AWS_SESSION_TOKEN", "without the access key", "unset AWS_SESSION_TOKEN"),
        (
            {"AWS_DEFAULT_PROFILE": "a", "AWS_PROFILE": "b"},
            "AWS_PROFILE, AWS_DEFAULT_PROFILE",
            "takes profile 'a', and other tools 'b'",
            "unset AWS_DEFAULT_PROFILE",
        ),
        ({"AWS_PROFILE": ""}, "AWS_PROFILE", "the name of the profile is empty", "unset AWS_PROFILE"),
        (
            {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-east-1"},
            "AWS_REGION, AWS_DEFAULT_REGION",
            "boto3 takes the region 'us-east-1'",
            "unset AWS_DEFAULT_REGION\nunset AWS_REGION",
        ),
        (
            {"AWS_ENDPOINT_URL_STS": "http://canary@localhost"},
            "AWS_ENDPOINT_URL_STS",
            "an endpoint other than",
            "unset AWS_ENDPOINT_URL_STS",
        ),
        (
            {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://canary"},
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "if no variable or file has any",
            "unset AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ),
        (
            {"AWSENV_EXTERNAL_ID": "canary", "AWSENV_DURATION": "2h"},
            "AWSENV_EXTERNAL_ID, AWSENV_DURATION",
            "apply to every role",
            "unset AWSENV_EXTERNAL_ID AWSENV_DURATION",
        ),
        (
            {"AWS_CREDENTIAL_EXPIRATION": "2020-01-01T00:00:00Z"},
            "AWS_CREDENTIAL_EXPIRATION",
            "is past",
            "unset AWS_CREDENTIAL_EXPIRATION",
        ),
        (
            {"AWS_CREDENTIAL_EXPIRATION": "soon"},
            "AWS_CREDENTIAL_EXPIRATION",
            "not a time of ISO 8601",
            "unset AWS_CREDENTIAL_EXP",
        ),
        ({"PYTHONPATH": ":"}, "PYTHONPATH", "an empty or relative entry", "unset PYTHONPATH"),
        ({"PYTHONHOME": "here"}, "PYTHONHOME", "an empty or relative entry", "unset PYTHONHOME"),
        ({"PYTHONPATH": "."}, "PYTHONPATH", "an empty or relative entry", "unset PYTHONPATH"),
        ({"PYTHONPATH": ":/opt/x"}, "PYTHONPATH", "run code from the current folder", "export PYTHONPATH=/opt/x"),
        (
            {"PYTHONPATH": "/a b::lib:/c"},
            "PYTHONPATH",
            "run code from the current folder",
            "export PYTHONPATH='/a b:/c'",
        ),
        (ROLE | {"AWSENV_EXPIRES_EPOCH": str(NOW)}, "AWSENV_ROLE", "has expired", "awsenv power-user"),
        (ROLE | {"AWSENV_ACCESS_KEY_ID": "ASIAOTHER"}, "AWS_ACCESS_KEY_ID", "were changed after it", "awsenv off"),
    ],
)
def test_a_variable_that_overrides(environ: dict[str, str], names: str, fact: str, hint: str) -> None:
    """Each finding names the variable, its effect and the next step, and shows no secret."""
    finding, *_ = variables(environ, NOW)

    assert (Verdict.WARNING, names) == (finding.verdict, _names(finding))
    assert fact in finding.fact
    assert hint in "\n".join(finding.hints)
    assert not [each for each in variables(environ, NOW) if "canary" in repr(each)]


def _names(finding: Finding) -> str:
    return ", ".join(map(str, finding.origins))


def _of_a_role(environ: dict[str, str]) -> dict[str, str]:
    """Return *environ* with a role put on, as `use` does it."""
    chain = Chain(Source("static", "default"), (), role="the role", label="the-role", region="eu-central-1")
    expiration = datetime.fromtimestamp(NOW + 60, timezone.utc)
    credentials = Credentials("ASIAEXAMPLE", "canary-secret", "canary-token", expiration)
    return changes.change(chain, credentials, environ).applied_to(environ)


@pytest.mark.parametrize(
    ("environ", "hint"),
    [
        ({}, "export AWS_ENDPOINT_URL=http://127.0.0.1:5"),
        ({"AWS_ENDPOINT_URL": ""}, "export AWS_ENDPOINT_URL=http://127.0.0.1:5"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:6"}, "export AWS_ENDPOINT_URL=http://127.0.0.1:5"),
        (
            {"AWS_ENDPOINT_URL": "http://127.0.0.1:5", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "TRUE"},
            "unset AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
        ),
    ],
)
def test_what_leads_out_of_the_demo(environ: dict[str, str], hint: str) -> None:
    """In the demo, a shell whose calls go elsewhere is led back to its local AWS, and never to that of the user."""
    (finding,) = variables({"AWSENV_DEMO": "http://127.0.0.1:5"} | environ, NOW)

    assert "calls do not go to the local AWS of awsenv demo" == finding.fact
    assert (Verdict.WARNING, (hint,)) == (finding.verdict, finding.hints)


def test_what_a_role_has_saved_is_fine() -> None:
    """What a role has saved for `off` overrides nothing."""
    before = KEY | {"AWS_SECURITY_TOKEN": "canary", "AWS_PROFILE": "", "AWS_REGION": "us-east-1"}
    assert len(list(variables(before, NOW))) > 1
    (finding,) = variables(_of_a_role(before | {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://canary"}), NOW)
    assert Verdict.FINE is finding.verdict


def test_a_key_set_after_the_role_is_one_finding() -> None:
    """The role in the next step is quoted for a shell."""
    (finding,) = variables(_of_a_role({}) | KEY, NOW)
    assert ("AWS_ACCESS_KEY_ID", ("awsenv 'the role'", "awsenv off")) == (_names(finding), finding.hints)


def test_an_endpoint_set_after_that_of_the_role() -> None:
    """A role with an endpoint instead of keys is no finding, unless the endpoint was changed."""
    environ = {
        "AWSENV_ROLE": "power-user",
        "AWSENV_REFRESH": "http://127.0.0.1:1",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1",
    }
    (finding,) = variables(environ, NOW)
    assert Verdict.FINE is finding.verdict
    finding, *_ = variables(environ | {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:2"}, NOW)
    assert "AWS_CONTAINER_CREDENTIALS_FULL_URI" == _names(finding)


def test_every_option_that_has_a_variable_is_known() -> None:
    """The variable of every option of a role is found."""
    environ = {f"AWSENV_{name.rstrip('_').upper()}": "x" for name in declared(RoleOptions)}
    (finding,) = variables(environ, NOW)
    assert sorted(environ) == sorted(_names(finding).split(", "))


def test_several_at_once() -> None:
    """Several findings come in a fixed order."""
    environ = KEY | {"AWS_SECURITY_TOKEN": "x", "AWS_ENDPOINT_URL": "http://localhost"}
    assert ["AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY", "AWS_SECURITY_TOKEN", "AWS_ENDPOINT_URL"] == [
        _names(finding) for finding in variables(environ, NOW)
    ]

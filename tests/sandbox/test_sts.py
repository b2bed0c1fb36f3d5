"""STS: sessions, durations and parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from awsenv.model import Credentials
    from awsenv.sandbox import Sandbox

MAXIMUM = (
    "ValidationError",
    "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
)
CHAINED = (
    "ValidationError",
    "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
)
PATTERN = "Member must satisfy regular expression pattern: "
AT_LEAST = "Member must have length greater than or equal to "
AT_MOST = "Member must have length less than or equal to "
NAME_PATTERN = r"[\w+=,.@-]*"
DEVICE = {"SerialNumber": "GAHT12345678"}
ARN_PATTERN = r"[\u0009\u000A\u000D\u0020-\u007E\u0085\u00A0-\uD7FF\uE000-\uFFFD\u10000-\u10FFFF]+"


@pytest.fixture
def session(client: Any, alice: Credentials, credentials_of: Callable[[Any], Credentials]) -> Credentials:
    """Return credentials from GetSessionToken for alice, without MFA."""
    return credentials_of(client("sts", alice).get_session_token())


@pytest.fixture
def mfa_session(
    sandbox: Sandbox, client: Any, alice: Credentials, credentials_of: Callable[[Any], Credentials]
) -> Credentials:
    """Return credentials from GetSessionToken for alice, with MFA."""
    device = sandbox.create_mfa_device("alice")
    sts = client("sts", alice)
    return credentials_of(sts.get_session_token(SerialNumber=device.serial, TokenCode=device.code()))


def test_session_is_the_user(client: Any, alice: Credentials, session: Credentials) -> None:
    """A session of a user has the identity of the user."""
    assert client("sts", session).get_caller_identity()["Arn"] == alice.arn


@pytest.mark.parametrize("fixture", ["session", "assumed"])
@pytest.mark.parametrize("call", ["get_session_token", "get_federation_token"])
def test_no_sessions_of_sessions(
    client: Any, refusal: Any, request: pytest.FixtureRequest, fixture: str, call: str
) -> None:
    """Temporary credentials cannot call GetSessionToken."""
    sts = client("sts", request.getfixturevalue(fixture))
    name = "".join(word.capitalize() for word in call.split("_"))
    refused = refusal(getattr(sts, call), **({"Name": "name"} if "federation" in call else {}))
    assert refused == ("AccessDenied", f"Cannot call {name} with session credentials")


def test_other_calls_of_sts(client: Any, refusal: Any, alice: Credentials, session: Credentials) -> None:
    """STS refuses every other action, to everyone."""
    for who in (alice, session):
        refused = refusal(client("sts", who).get_access_key_info, AccessKeyId=alice.access_key_id)
        assert refused[0] == "AccessDenied"


def test_iam_demands_mfa_from_sessions(
    sandbox: Sandbox, client: Any, refusal: Any, session: Credentials, mfa_session: Credentials
) -> None:
    """IAM refuses a session without MFA, whatever its user is allowed."""
    policy = "arn:aws:iam::aws:policy/AdministratorAccess"
    client("iam", sandbox.admin).attach_user_policy(UserName="alice", PolicyArn=policy)
    assert refusal(client("iam", session).list_users)[0] == "InvalidClientTokenId"
    assert client("ec2", session).describe_regions()["Regions"]
    assert "alice" in [user["UserName"] for user in client("iam", mfa_session).list_users()["Users"]]


@pytest.mark.parametrize(("parameters", "seconds"), [({}, 43200), ({"DurationSeconds": 129600}, 129600)])
def test_session_duration(
    sandbox: Sandbox, client: Any, alice: Credentials, parameters: dict[str, int], seconds: int
) -> None:
    """GetSessionToken returns twelve hours by default, and up to thirty-six."""
    response = client("sts", alice).get_session_token(**parameters)
    left = (response["Credentials"]["Expiration"] - sandbox.clock.now()).total_seconds()
    assert seconds - 30 < left <= seconds


@pytest.mark.parametrize("seconds", [899, 129601, 0, -1])
def test_session_duration_out_of_range(client: Any, refusal: Any, alice: Credentials, seconds: int) -> None:
    """GetSessionToken refuses less than fifteen minutes, and more than thirty-six hours."""
    order, limit = ("less", 129600) if seconds > 900 else ("greater", 900)
    code, text = refusal(client("sts", alice).get_session_token, DurationSeconds=seconds)
    at = f"Value '{seconds}' at 'durationSeconds' failed to satisfy constraint: "
    rule = f"Member must have value {order} than or equal to {limit}"
    assert (code, text) == ("ValidationError", f"1 validation error detected: {at}{rule}")


@pytest.mark.parametrize(("parameters", "seconds"), [({}, 3600), ({"DurationSeconds": 7200}, 7200)])
def test_role_duration(
    sandbox: Sandbox, client: Any, alice: Credentials, role: str, parameters: dict[str, int], seconds: int
) -> None:
    """AssumeRole returns one hour by default, and up to the maximum of the role."""
    response = client("sts", alice).assume_role(RoleArn=role, RoleSessionName="session", **parameters)
    left = (response["Credentials"]["Expiration"] - sandbox.clock.now()).total_seconds()
    assert seconds - 30 < left <= seconds


def test_role_maximum(client: Any, refusal: Any, alice: Credentials, role: str) -> None:
    """AssumeRole refuses more than the maximum of the role."""
    sts = client("sts", alice)
    refused = refusal(sts.assume_role, RoleArn=role, RoleSessionName="session", DurationSeconds=7201)
    assert refused == MAXIMUM


@pytest.mark.parametrize("seconds", [899, 43201])
def test_role_duration_out_of_range(client: Any, refusal: Any, alice: Credentials, role: str, seconds: int) -> None:
    """AssumeRole refuses less than fifteen minutes, and more than twelve hours."""
    sts = client("sts", alice)
    code, text = refusal(sts.assume_role, RoleArn=role, RoleSessionName="session", DurationSeconds=seconds)
    assert (code, f"Value '{seconds}' at 'durationSeconds'" in text) == ("ValidationError", True)


def test_chained_from_a_role(sandbox: Sandbox, client: Any, refusal: Any, assumed: Credentials, role: str) -> None:
    """A chained role lasts at most one hour, whatever its maximum."""
    arn = sandbox.create_role("next", sandbox.trust(role), max_session_duration=43200)
    sts = client("sts", assumed)
    assert refusal(sts.assume_role, RoleArn=arn, RoleSessionName="session", DurationSeconds=3601) == CHAINED
    assert sts.assume_role(RoleArn=arn, RoleSessionName="session", DurationSeconds=3600)["Credentials"]


def test_chained_from_a_session(client: Any, refusal: Any, mfa_session: Credentials, role: str) -> None:
    """The credentials of GetSessionToken count as chained too."""
    sts = client("sts", mfa_session)
    assert refusal(sts.assume_role, RoleArn=role, RoleSessionName="session", DurationSeconds=3601) == CHAINED


@pytest.mark.parametrize(
    ("parameters", "problems"),
    [
        ({"RoleSessionName": "a b"}, [("a b", "roleSessionName", PATTERN + NAME_PATTERN)]),
        ({"RoleSessionName": "müller"}, [("müller", "roleSessionName", PATTERN + NAME_PATTERN)]),
        ({"RoleSessionName": "x"}, [("x", "roleSessionName", AT_LEAST + "2")]),
        ({"RoleSessionName": "x" * 65}, [("x" * 65, "roleSessionName", AT_MOST + "64")]),
        ({"RoleArn": ""}, [("", "roleArn", PATTERN + ARN_PATTERN), ("", "roleArn", AT_LEAST + "20")]),
        ({"RoleArn": "x" * 2049}, [("x" * 2049, "roleArn", AT_MOST + "2048")]),
        ({"ExternalId": "a b"}, [("a b", "externalId", PATTERN + r"[\w+=,.@:\/-]*")]),
        ({"ExternalId": "x"}, [("x", "externalId", AT_LEAST + "2")]),
        (DEVICE | {"TokenCode": "12345"}, [("12345", "tokenCode", AT_LEAST + "6")]),
        (DEVICE | {"TokenCode": "1234567"}, [("1234567", "tokenCode", AT_MOST + "6")]),
        (DEVICE | {"TokenCode": "١٢٣٤٥٦"}, [("١٢٣٤٥٦", "tokenCode", PATTERN + r"[\d]*")]),
        ({"SerialNumber": "short", "TokenCode": "123456"}, [("short", "serialNumber", AT_LEAST + "9")]),
        ({"SourceIdentity": "a b"}, [("a b", "sourceIdentity", PATTERN + NAME_PATTERN)]),
        (
            {"Tags": [{"Key": "team!", "Value": "blue"}]},
            [("team!", "tags.1.member.key", PATTERN + r"[\p{L}\p{Z}\p{N}_.:/=+\-@]+")],
        ),
        ({"Tags": [{"Key": "team"}]}, [(None, "tags.1.member.value", "Member must not be null")]),
        (
            {"Tags": [{"Key": "k" * 129, "Value": "v" * 257}]},
            [
                ("k" * 129, "tags.1.member.key", AT_MOST + "128"),
                ("v" * 257, "tags.1.member.value", AT_MOST + "256"),
            ],
        ),
    ],
)
def test_parameters(
    client: Any,
    refusal: Any,
    alice: Credentials,
    role: str,
    parameters: dict[str, Any],
    problems: list[tuple[str | None, str, str]],
) -> None:
    """STS lists every broken rule of the API model at once, in AWS's words."""
    sts = client("sts", alice)
    refused = refusal(sts.assume_role, **({"RoleArn": role, "RoleSessionName": "session"} | parameters))
    many = "1 validation error" if len(problems) == 1 else f"{len(problems)} validation errors"
    words = [
        f"Value {'null' if value is None else repr(value)} at '{at}' failed to satisfy constraint: {rule}"
        for value, at, rule in problems
    ]
    assert refused == ("ValidationError", f"{many} detected: " + "; ".join(words))


@pytest.mark.parametrize("key", ["équipe", "チーム", "a b", "ns:team/x=1", "٣"])
def test_tag_keys(client: Any, alice: Credentials, role: str, key: str) -> None:
    """A tag can have letters and digits of any script."""
    tags = [{"Key": key, "Value": ""}]
    response = client("sts", alice).assume_role(RoleArn=role, RoleSessionName="session", Tags=tags)
    assert response["Credentials"]


@pytest.mark.parametrize("missing", ["RoleArn", "RoleSessionName"])
def test_missing_parameter(client: Any, refusal: Any, alice: Credentials, role: str, missing: str) -> None:
    """STS reports a missing required parameter as null."""
    parameters = {"RoleArn": role, "RoleSessionName": "session"}
    del parameters[missing]
    code, text = refusal(client("sts", alice).assume_role, **parameters)
    at = missing[0].lower() + missing[1:]
    assert (code, text) == (
        "ValidationError",
        f"1 validation error detected: Value null at '{at}' failed to satisfy constraint: Member must not be null",
    )


def test_too_many_tags(client: Any, refusal: Any, alice: Credentials, role: str) -> None:
    """STS accepts at most fifty tags."""
    tags = [{"Key": f"key{number}", "Value": ""} for number in range(51)]
    sts = client("sts", alice)
    code, text = refusal(sts.assume_role, RoleArn=role, RoleSessionName="session", Tags=tags)
    assert code == "ValidationError"
    assert text.endswith(f" at 'tags' failed to satisfy constraint: {AT_MOST}50")
    assert sts.assume_role(RoleArn=role, RoleSessionName="session", Tags=tags[:50])["Credentials"]


@pytest.mark.parametrize("name", ["me@example.com", "a=b,c.d-e_f+g", "x" * 64])
def test_session_names(client: Any, alice: Credentials, role: str, name: str) -> None:
    """STS accepts every session name that AWS accepts."""
    response = client("sts", alice).assume_role(RoleArn=role, RoleSessionName=name)
    assert response["AssumedRoleUser"]["Arn"].endswith(f"/{name}")

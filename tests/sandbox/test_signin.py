"""The federation endpoint: it signs in what AWS signs in, by plain HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import pytest

from awsenv.sandbox import Fault

if TYPE_CHECKING:
    from awsenv.model import Credentials
    from awsenv.sandbox import Sandbox
    from sandbox.conftest import Client

Ask = Callable[..., tuple[int, dict[str, str], str]]

HOME = "https://console.aws.amazon.com/"


@pytest.fixture
def ask(sandbox: Sandbox) -> Ask:
    """Return what asks the endpoint for something, and returns the status, the headers and the body."""

    def get(*, method: str = "GET", **parameters: str) -> tuple[int, dict[str, str], str]:
        connection = HTTPConnection(urlsplit(sandbox.url).netloc, timeout=10)
        query = urlencode(parameters)
        if method == "POST":
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            connection.request(method, "/federation", query, form)
        else:
            connection.request(method, f"/federation?{query}")
        with connection.getresponse() as answer:
            told = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()
        connection.close()
        return told

    return get


def session(key: Credentials, **other: str | None) -> str:
    """Return what the endpoint takes for a session."""
    parts = {
        "sessionId": key.access_key_id,
        "sessionKey": key.secret_access_key,
        "sessionToken": key.session_token or "",
    }
    return json.dumps({**parts, **other})


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_role_signs_in(ask: Ask, assumed: Credentials, method: str, sandbox: Sandbox) -> None:
    """Give a token for the keys of a role, and for the token the way to the page that was asked for."""
    status, _, body = ask(method=method, Action="getSigninToken", Session=session(assumed), SessionDuration="43200")
    token = json.loads(body)["SigninToken"]
    login = ask(Action="login", Destination=HOME, SigninToken=token)

    assert (200, 302, HOME) == (status, login[0], login[1]["location"])
    called = [(call.service, call.action, call.caller, call.status) for call in sandbox.calls[-2:]]
    assert [
        ("signin", "GetSigninToken", f"arn:aws:sts::{sandbox.account}:assumed-role/power-user/session", 200),
        ("signin", "ConsoleLogin", f"arn:aws:sts::{sandbox.account}:assumed-role/power-user/session", 302),
    ] == called


def test_a_token_holds_once_and_for_a_quarter_of_an_hour(ask: Ask, assumed: Credentials, sandbox: Sandbox) -> None:
    """Sign nobody in with a URL that was used, or that is too old."""
    tokens = [json.loads(ask(Action="getSigninToken", Session=session(assumed))[2])["SigninToken"] for _ in range(2)]

    def login(token: str) -> int:
        return ask(Action="login", Destination=HOME, SigninToken=token)[0]

    assert [302, 400] == [login(tokens[0]), login(tokens[0])]
    sandbox.clock.elapse(15 * 60)
    assert 400 == login(tokens[1])


@pytest.mark.parametrize("duration", ["899", "43201", "1h", ""])
def test_a_duration_is_of_a_quarter_of_an_hour_to_twelve(ask: Ask, assumed: Credentials, duration: str) -> None:
    """Refuse any other, with a page that does not say why."""
    status, headers, body = ask(Action="getSigninToken", Session=session(assumed), SessionDuration=duration)

    assert (400, True) == (status, headers["content-type"].startswith("text/html"))
    assert "<html>" in body


def test_a_chained_role_has_no_duration(
    ask: Ask, assumed: Credentials, client: Client, credentials_of: Any, sandbox: Sandbox
) -> None:
    """Refuse a duration for a role that temporary credentials have assumed; sign it in without one."""
    arn = sandbox.create_role("behind", sandbox.trust(f"arn:aws:iam::{sandbox.account}:role/power-user"))
    chained = credentials_of(client("sts", assumed).assume_role(RoleArn=arn, RoleSessionName="again"))

    answers = [
        ask(Action="getSigninToken", Session=session(chained), **more)[0] for more in ({"SessionDuration": "900"}, {})
    ]

    assert [400, 200] == answers


def test_only_a_role_signs_in(ask: Ask, alice: Credentials, client: Client, credentials_of: Any) -> None:
    """Refuse the key of a user, and a session of it."""
    of_session = credentials_of(client("sts", alice).get_session_token())

    assert [400, 400] == [ask(Action="getSigninToken", Session=session(each))[0] for each in (alice, of_session)]


@pytest.mark.parametrize(
    "wrong",
    [{"sessionKey": "wrong"}, {"sessionToken": "wrong"}, {"sessionId": "ASIAUNKNOWN000000000"}, {"sessionId": None}],
)
def test_wrong_keys_do_not_sign_in(ask: Ask, assumed: Credentials, wrong: dict[str, str | None]) -> None:
    """Check every part of a key."""
    assert 400 == ask(Action="getSigninToken", Session=session(assumed, **wrong))[0]


def test_expired_keys_do_not_sign_in(ask: Ask, assumed: Credentials, sandbox: Sandbox) -> None:
    """Check that they are still good."""
    sandbox.clock.elapse(3600)

    assert 400 == ask(Action="getSigninToken", Session=session(assumed))[0]


@pytest.mark.parametrize("text", ["", "[]", "{", "null", '{"sessionId": 1}'])
def test_what_is_no_session_is_refused(ask: Ask, text: str) -> None:
    """Take nothing but the three parts of a key."""
    assert 400 == ask(Action="getSigninToken", Session=text)[0]


def test_an_unknown_action_and_a_page_elsewhere_are_refused(ask: Ask, assumed: Credentials) -> None:
    """Lead nowhere but to a page by HTTPS."""
    token = json.loads(ask(Action="getSigninToken", Session=session(assumed))[2])["SigninToken"]

    answers = ask(Action="logout"), ask(Action="login", Destination="http://console.test/", SigninToken=token)

    assert [400, 400] == [answer[0] for answer in answers]


def test_no_secret_is_kept_in_the_log(ask: Ask, assumed: Credentials, sandbox: Sandbox) -> None:
    """Leave keys and tokens out of it."""
    token = json.loads(ask(Action="getSigninToken", Session=session(assumed))[2])["SigninToken"]
    ask(Action="login", Destination=HOME, SigninToken=token)

    assert assumed.session_token is not None
    assert not [
        secret for secret in (assumed.secret_access_key, assumed.session_token, token) if secret in repr(sandbox.calls)
    ]


def test_it_fails_on_demand(ask: Ask, assumed: Credentials, sandbox: Sandbox) -> None:
    """Answer as a captive portal, or not at all."""
    sandbox.fail("GetSigninToken", Fault.HTML)
    status, _, body = ask(Action="getSigninToken", Session=session(assumed))

    assert (200, True) == (status, "Guest network" in body)


def test_a_bucket_of_that_name_is_a_bucket(client: Client, sandbox: Sandbox) -> None:
    """Leave what is signed for S3 to S3."""
    s3 = client("s3", sandbox.admin)
    s3.create_bucket(Bucket="federation")

    assert ["federation"] == [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    s3.delete_bucket(Bucket="federation")

"""The federation endpoint, by plain HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit
from urllib.request import ProxyHandler, build_opener

import pytest

from awsenv.model import Credentials
from awsenv.sandbox import Fault, Sandbox

if TYPE_CHECKING:
    import boto3

    from sandbox.conftest import Client

Fetch = Callable[..., tuple[int, dict[str, str], str]]

HOME = "https://console.aws.amazon.com/"


@pytest.fixture
def fetch(sandbox: Sandbox) -> Fetch:
    """Return a function that calls the endpoint, and returns the status, the headers and the body."""

    def get(*, method: str = "GET", **parameters: str) -> tuple[int, dict[str, str], str]:
        connection = HTTPConnection(urlsplit(sandbox.url).netloc, timeout=10)
        query = urlencode(parameters)
        if method == "POST":
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            connection.request(method, "/federation", query, form)
        else:
            connection.request(method, f"/federation?{query}")
        with connection.getresponse() as response:
            headers = {name.lower(): value for name, value in response.getheaders()}
            result = response.status, headers, response.read().decode()
        connection.close()
        return result

    return get


def session(key: Credentials, **other: str | None) -> str:
    """Return a session as the endpoint reads it."""
    parts = {
        "sessionId": key.access_key_id,
        "sessionKey": key.secret_access_key,
        "sessionToken": key.session_token or "",
    }
    return json.dumps({**parts, **other})


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_role_signs_in(fetch: Fetch, assumed: Credentials, method: str, sandbox: Sandbox) -> None:
    """The endpoint returns a token for the keys of a role, and a redirect to the console for the token."""
    status, _, body = fetch(method=method, Action="getSigninToken", Session=session(assumed), SessionDuration="43200")
    token = json.loads(body)["SigninToken"]
    login = fetch(Action="login", Destination=HOME, SigninToken=token)

    assert (200, 302, HOME) == (status, login[0], login[1]["location"])
    calls = [(call.service, call.action, call.caller, call.status) for call in sandbox.calls[-2:]]
    assert [
        ("signin", "GetSigninToken", f"arn:aws:sts::{sandbox.account}:assumed-role/power-user/session", 200),
        ("signin", "ConsoleLogin", f"arn:aws:sts::{sandbox.account}:assumed-role/power-user/session", 302),
    ] == calls


def test_a_sign_in_can_end_at_the_sandbox(boto: boto3.Session) -> None:
    """A sandbox that does not redirect shows a page instead of the console of AWS, which does not know the role."""
    with Sandbox(redirects=False) as local:
        alice = local.create_user("alice")
        arn = local.create_role("deploy", local.trust(str(alice.arn)))
        keys = {"aws_access_key_id": alice.access_key_id, "aws_secret_access_key": alice.secret_access_key}
        sts = boto.client("sts", region_name="us-east-1", endpoint_url=local.url, **keys)
        with closing(sts):
            made = sts.assume_role(RoleArn=arn, RoleSessionName="me")["Credentials"]
        role = Credentials(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])

        def get(**parameters: str) -> str:
            opener = build_opener(ProxyHandler({}))
            with opener.open(f"{local.url}/federation?{urlencode(parameters)}", timeout=10) as response:
                return str(response.read().decode())

        token = json.loads(get(Action="getSigninToken", Session=session(role)))["SigninToken"]
        page = get(Action="login", Destination=f"{HOME}?a=<b>", SigninToken=token)

    who = f"arn:aws:sts::{local.account}:assumed-role/deploy/me"
    assert f"<h1>{who} is signed in. At AWS, {HOME}?a=&lt;b&gt; would open now.</h1>" in page


def test_a_token_works_once_and_for_fifteen_minutes(fetch: Fetch, assumed: Credentials, sandbox: Sandbox) -> None:
    """The endpoint refuses a token that was used, or that is too old."""
    tokens = [json.loads(fetch(Action="getSigninToken", Session=session(assumed))[2])["SigninToken"] for _ in range(2)]

    def login(token: str) -> int:
        return fetch(Action="login", Destination=HOME, SigninToken=token)[0]

    assert [302, 400] == [login(tokens[0]), login(tokens[0])]
    sandbox.clock.elapse(15 * 60)
    assert 400 == login(tokens[1])


@pytest.mark.parametrize("duration", ["899", "43201", "1h", "", "9" * 5000, "\N{ARABIC-INDIC DIGIT NINE}" * 4])
def test_a_duration_outside_fifteen_minutes_to_twelve_hours_is_refused(
    fetch: Fetch, assumed: Credentials, duration: str
) -> None:
    """The endpoint refuses with a page that gives no reason."""
    status, headers, body = fetch(Action="getSigninToken", Session=session(assumed), SessionDuration=duration)

    assert (400, True) == (status, headers["content-type"].startswith("text/html"))
    assert "<html>" in body


def test_a_chained_role_has_no_duration(
    fetch: Fetch, assumed: Credentials, client: Client, credentials_of: Any, sandbox: Sandbox
) -> None:
    """The endpoint refuses a duration for a chained role, and signs it in without one."""
    arn = sandbox.create_role("behind", sandbox.trust(f"arn:aws:iam::{sandbox.account}:role/power-user"))
    chained = credentials_of(client("sts", assumed).assume_role(RoleArn=arn, RoleSessionName="again"))

    statuses = [
        fetch(Action="getSigninToken", Session=session(chained), **more)[0] for more in ({"SessionDuration": "900"}, {})
    ]

    assert [400, 200] == statuses


def test_only_a_role_signs_in(fetch: Fetch, alice: Credentials, client: Client, credentials_of: Any) -> None:
    """The endpoint refuses the key of a user, and a session of the user."""
    of_session = credentials_of(client("sts", alice).get_session_token())

    assert [400, 400] == [fetch(Action="getSigninToken", Session=session(each))[0] for each in (alice, of_session)]


@pytest.mark.parametrize(
    "wrong",
    [{"sessionKey": "wrong"}, {"sessionToken": "wrong"}, {"sessionId": "ASIAUNKNOWN000000000"}, {"sessionId": None}],
)
def test_wrong_keys_do_not_sign_in(fetch: Fetch, assumed: Credentials, wrong: dict[str, str | None]) -> None:
    """The endpoint checks every part of a key."""
    assert 400 == fetch(Action="getSigninToken", Session=session(assumed, **wrong))[0]


def test_expired_keys_do_not_sign_in(fetch: Fetch, assumed: Credentials, sandbox: Sandbox) -> None:
    """The endpoint refuses expired keys."""
    sandbox.clock.elapse(3600)

    assert 400 == fetch(Action="getSigninToken", Session=session(assumed))[0]


@pytest.mark.parametrize("text", ["", "[]", "{", "null", '{"sessionId": 1}'])
def test_a_malformed_session_is_refused(fetch: Fetch, text: str) -> None:
    """The endpoint accepts only the three parts of a key."""
    assert 400 == fetch(Action="getSigninToken", Session=text)[0]


def test_an_unknown_action_and_a_destination_without_https_are_refused(fetch: Fetch, assumed: Credentials) -> None:
    """The endpoint redirects only to HTTPS pages."""
    token = json.loads(fetch(Action="getSigninToken", Session=session(assumed))[2])["SigninToken"]

    responses = fetch(Action="logout"), fetch(Action="login", Destination="http://console.test/", SigninToken=token)

    assert [400, 400] == [response[0] for response in responses]


def test_the_log_has_no_secret(fetch: Fetch, assumed: Credentials, sandbox: Sandbox) -> None:
    """The log has no keys or tokens."""
    token = json.loads(fetch(Action="getSigninToken", Session=session(assumed))[2])["SigninToken"]
    fetch(Action="login", Destination=HOME, SigninToken=token)

    assert assumed.session_token is not None
    assert not [
        secret for secret in (assumed.secret_access_key, assumed.session_token, token) if secret in repr(sandbox.calls)
    ]


def test_it_fails_on_demand(fetch: Fetch, assumed: Credentials, sandbox: Sandbox) -> None:
    """The endpoint sends the page of a captive portal on demand."""
    sandbox.fail("GetSigninToken", Fault.HTML)
    status, _, body = fetch(Action="getSigninToken", Session=session(assumed))

    assert (200, True) == (status, "Guest network" in body)


def test_a_bucket_of_that_name_is_a_bucket(client: Client, sandbox: Sandbox) -> None:
    """A signed request for the bucket `federation` goes to S3."""
    s3 = client("s3", sandbox.admin)
    s3.create_bucket(Bucket="federation")

    assert ["federation"] == [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    s3.delete_bucket(Bucket="federation")

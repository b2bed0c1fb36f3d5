"""The first credentials of a chain, from every place that they can come from; and nothing is written."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pexpect
import pytest

import awsenv
from awsenv import config
from awsenv.aws.session import AwsSession
from awsenv.aws.source import source_credentials
from awsenv.cli.process import FAILURE
from awsenv.errors import AwsenvError, Origin, RefusedError, SourceError, UnreachableError
from awsenv.model import Credentials, Source
from servers import answering

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws.conftest import Endpoint, Home, Rotating

ORIGIN = Origin("~/.aws/config", 3, "profile p")
WHERE = str(ORIGIN)
KEYS = {"AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "canary-secret", "SessionToken": "canary-token"}

SSO = """
[profile p]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = Reader

[sso-session corp]
sso_start_url = https://corp.awsapps.com/start
sso_region = eu-west-1
"""


def stamp(delta: timedelta) -> str:
    """Return a time as AWS's tools write it into their files."""
    return (datetime.now(timezone.utc) + delta).strftime("%Y-%m-%dT%H:%M:%SZ")


def fetch(home: Home, kind: str, config: str = "[profile p]\n", *, profile: str | None = "p") -> Credentials:
    """Fetch the credentials of a source."""
    profiles = home.configure(config)
    source = Source(kind, profile, ORIGIN)
    return source_credentials(source, home.session(profiles, profile))


def refused(home: Home, kind: str, config: str = "[profile p]\n", *, profile: str | None = "p") -> AwsenvError:
    """Return why there are none; no secret is in it, and the place is."""
    with pytest.raises(AwsenvError) as caught:
        fetch(home, kind, config, profile=profile)
    place = "~/config:2, [profile p], credential_process" if kind == "process" and "process" in config else WHERE
    assert caught.value.where == place
    assert "canary" not in f"{caught.value!r} {caught.value.fact} {caught.value.hints} {caught.value.__cause__!r}"
    return caught.value


def files(folder: str) -> dict[Path, bytes]:
    """Return every file below *folder* with its content."""
    return {path: path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


# Files and the environment


def test_keys_of_a_file(home: Home) -> None:
    """Read the token and the account beside them."""
    config = (
        "[profile p]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = canary-secret\n"
        "aws_session_token = canary-token\naws_account_id = 123456789012\n"
    )
    expected = Credentials("AKIAIOSFODNN7EXAMPLE", "canary-secret", "canary-token", account="123456789012")
    assert expected == fetch(home, "static", config)


def test_keys_of_the_environment(home: Home) -> None:
    """Prefer the token of the older name, as botocore does."""
    home.environ.update(
        AWS_ACCESS_KEY_ID="AKIAIOSFODNN7EXAMPLE",
        AWS_SECRET_ACCESS_KEY="canary-secret",
        AWS_SESSION_TOKEN="new",
        AWS_SECURITY_TOKEN="old",
        AWS_ACCOUNT_ID="123456789012",
    )
    expected = Credentials("AKIAIOSFODNN7EXAMPLE", "canary-secret", "old")
    assert expected == fetch(home, "environment", profile=None)


def test_a_secret_instead_of_the_key_id_is_not_shown(home: Home) -> None:
    """Refuse it: AWS would repeat it in a message, which the terminal and logs show."""
    secret = "canary/8uuAfts2xXNBe4ViT/sNR4xoTqW0zHSN1"
    error = refused(
        home, "static", f"[profile p]\naws_access_key_id = {secret}\naws_secret_access_key = AKIAIOSFODNN7EXAMPLE\n"
    )
    assert isinstance(error, SourceError)
    assert error.fact == "the access key id looks like a secret"


@pytest.mark.parametrize(("key", "name"), [("SessionToken", "session token"), ("AccessKeyId", "access key id")])
def test_a_line_break_in_a_key_is_refused(home: Home, key: str, name: str) -> None:
    """The error names the key and does not show it: a value from a Windows file ends with a carriage return."""
    keys = {"Version": 1, "AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "x", "SessionToken": "t"}
    (Path(home.environ["HOME"]) / "keys").write_text(json.dumps({**keys, key: "canary\r"}))
    printing = f"cat {home.environ['HOME']}/keys"
    with pytest.raises(SourceError, match=f"^the {name} has a line break$"):
        fetch(home, "process", f"[profile p]\ncredential_process = {printing}\n")


def test_a_token_of_the_environment_with_a_carriage_return(home: Home) -> None:
    """The error names the variable."""
    home.environ.update(
        AWS_ACCESS_KEY_ID="AKIAIOSFODNN7EXAMPLE", AWS_SECRET_ACCESS_KEY="canary-secret", AWS_SESSION_TOKEN="canary\r"
    )
    with pytest.raises(SourceError, match="the session token has a line break"):
        fetch(home, "environment", profile=None)


@pytest.mark.parametrize("key_id", ["test", "testing", "minioadmin", "000000000000", "a" * 39])
def test_a_key_id_of_an_emulator_is_taken(home: Home, key_id: str) -> None:
    """Refuse no key id that cannot be a secret."""
    config = f"[profile p]\naws_access_key_id = {key_id}\naws_secret_access_key = canary-secret\n"
    home.environ.update(AWS_ACCESS_KEY_ID=key_id, AWS_SECRET_ACCESS_KEY="canary-secret")

    assert Credentials(key_id, "canary-secret") == fetch(home, "static", config)
    assert Credentials(key_id, "canary-secret") == fetch(home, "environment", profile=None)


@pytest.mark.parametrize(
    "key_id",
    [
        "canary" * 7,
        "canary/+" * 5,
        "canary-token/=" * 40,
        "AKIAIOSFODNN7EXAMPLE\n  secret = canary",
        "AKIA canary",
        "\u0663",
    ],
)
def test_a_key_id_that_may_hold_a_secret_is_refused(home: Home, key_id: str) -> None:
    """Refuse a secret key, a session token, and the next line of the file."""
    error = refused(
        home, "static", f"[profile p]\naws_access_key_id = {key_id}\naws_secret_access_key = canary-secret\n"
    )

    assert isinstance(error, SourceError)


# credential_process


def printing(answer: object) -> str:
    """Return a profile whose command prints *answer*."""
    text = answer if isinstance(answer, str) else json.dumps(answer)
    return f"[profile p]\ncredential_process = printf %s '{text}'\n"


def test_a_command_gives_credentials(home: Home) -> None:
    """Read their account and their end."""
    ends = stamp(timedelta(hours=2))
    answer = {"Version": 1, **KEYS, "Expiration": ends, "AccountId": "123456789012"}
    made = fetch(home, "process", printing(answer))
    assert (made.access_key_id, made.session_token, made.account) == ("ASIAEXAMPLE", "canary-token", "123456789012")
    assert ends == f"{made.expiration:%Y-%m-%dT%H:%M:%SZ}"


def fields(**changed: object) -> str:
    """Return a command that prints keys with other fields; None: without the field."""
    answer = {"Version": 1, "AccessKeyId": "canary-id", "SecretAccessKey": "canary-key", **changed}
    return f"echo '{json.dumps({name: value for name, value in answer.items() if value is not None})}'"


BY_ITSELF = "run the credential_process by itself to see what it prints"
ARGUMENT = "no shell runs it, so {} is an argument"
NO_SHELL = "let a shell run it: credential_process = sh -c '...'"


@pytest.mark.parametrize(
    ("command", "does", "because", "hint"),
    [
        # Not started
        (
            "/no/such/vault --canary",
            "cannot be run: command not found: /no/such/vault",
            None,
            "write the whole path",
        ),
        ("/etc/passwd", "cannot be run: /etc/passwd is not executable", None, "chmod +x /etc/passwd"),
        ("/etc", "cannot be run: /etc is a folder", None, "write the whole path of the program"),
        ("{folder}/empty", "cannot be run: {folder}/empty is no program", None, "begin a script with #!/bin/sh"),
        (
            "{folder}/lost",
            "cannot be run: the interpreter of {folder}/lost does not exist",
            None,
            "correct the first",
        ),
        ("PIN=canary vault", "begins with the assignment PIN=", None, "set the variable by env"),
        ("~/bin/vault", "cannot be run: command not found: ~/bin/vault", ARGUMENT.format("~"), NO_SHELL),
        (
            "$HOME/vault",
            "cannot be run: command not found: $HOME/vault",
            "no shell runs it, so $HOME is an argument",
            NO_SHELL,
        ),
        ("$(vault)", "cannot be run: command not found: $(vault)", ARGUMENT.format("$("), NO_SHELL),
        ("`vault x`", "cannot be run: command not found: `vault", ARGUMENT.format("`"), NO_SHELL),
        ("'' canary", "begins with an empty word", None, "write the program first"),
        ("echo 'canary", "has an unclosed quote", None, "close the quote"),
        # Failed
        ("sh -c 'echo canary >&2; exit 3'", "failed with status 3", None, "run the command by itself to see"),
        ("sh -c 'kill -9 $$'", "was ended by SIGKILL", None, "run the command by itself to see"),
        ("cat /no/such | jq .", "failed with status 1", ARGUMENT.format("|"), NO_SHELL),
        ("cat /no/such/*.json *.canary", "failed with status 1", ARGUMENT.format("*"), NO_SHELL),
        ("yes canary", "printed more than 1024 KiB", None, "run the command by itself to see"),
        # Printed something else
        ("true", "printed nothing", None, BY_ITSELF),
        ("echo canary", "printed something that is not JSON", None, BY_ITSELF),
        ("printf '\\xff'", "printed something that is not JSON", None, BY_ITSELF),
        (
            "echo '{{}}' > $HOME/keys",
            "printed something that is not JSON",
            "no shell runs it, so > is an argument",
            NO_SHELL,
        ),
        ("echo $KEYS", "printed something that is not JSON", ARGUMENT.format("$KEYS"), NO_SHELL),
        ("echo '[\"canary\"]'", "printed JSON, but a list instead of an object", None, BY_ITSELF),
        ("echo null", "printed JSON, but null instead of an object", None, BY_ITSELF),
        ("echo '{{}}'", "printed no Version: it must be the number 1", None, BY_ITSELF),
        (fields(Version=2), "printed Version 2: it must be the number 1", None, BY_ITSELF),
        (fields(Version="1"), "printed a Version that is a string: it must be the number 1", None, BY_ITSELF),
        (fields(AccessKeyId=None), "printed no AccessKeyId", None, BY_ITSELF),
        (fields(AccessKeyId=""), "printed an empty AccessKeyId", None, BY_ITSELF),
        (fields(SecretAccessKey=None), "printed no SecretAccessKey", None, BY_ITSELF),
        (fields(SecretAccessKey=1), "printed SecretAccessKey as a number instead of a string", None, BY_ITSELF),
        (fields(SessionToken=["canary"]), "printed SessionToken as a list instead of a string", None, BY_ITSELF),
        (
            fields(SecretAccessKey="a\0b"),
            "printed SecretAccessKey with a character that no variable can hold",
            None,
            BY_ITSELF,
        ),
        (
            fields(SessionToken="\ud800"),
            "printed SessionToken with a character that no variable can hold",
            None,
            BY_ITSELF,
        ),
        (fields(AccountId=123456789012), "printed AccountId as a number instead of a string", None, BY_ITSELF),
        (
            fields(Expiration=""),
            "printed an empty Expiration: leave it out if the keys do not expire",
            None,
            BY_ITSELF,
        ),
        (
            fields(Expiration="canary"),
            "printed an Expiration that is a string, and not a time: leave it out if the keys do not expire",
            None,
            BY_ITSELF,
        ),
        (
            fields(Expiration=True),
            "printed an Expiration that is true or false, and not a time: leave it out if the keys do not expire",
            None,
            BY_ITSELF,
        ),
        (
            fields(Expiration="2020-01-02T03:04:05Z"),
            "printed keys that expired at 2020-01-02 03:04:05 UTC",
            None,
            BY_ITSELF,
        ),
    ],
)
def test_a_command_that_fails_is_named(
    home: Home, tmp_path: Path, command: str, does: str, because: str | None, hint: str
) -> None:
    """Say which part failed, with its status or its field, and never what was printed."""
    for name, text in (("empty", "true\n"), ("lost", "#!/no/such/interpreter\n")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o700)
    if not command.startswith("echo '{\""):
        command, does = command.format(folder=tmp_path), does.format(folder=tmp_path)

    error = refused(home, "process", f"[profile p]\ncredential_process = {command}\n")

    assert isinstance(error, SourceError)
    assert (f"credential_process {does}", because, True) == (error.fact, error.because, error.hints[0].startswith(hint))


def test_expired_credentials_of_a_command_are_refused(home: Home) -> None:
    """Refuse them before AWS does."""
    answer = {"Version": 1, **KEYS, "Expiration": stamp(-timedelta(hours=1))}
    assert "printed keys that expired at " in refused(home, "process", printing(answer)).fact


def test_a_command_runs_in_the_environment_of_the_caller(home: Home) -> None:
    """Pass the variables of the caller on."""
    home.environ["CANARY"] = "ASIAFROMCALLER"
    command = """sh -c 'echo "{\\"Version\\":1,\\"AccessKeyId\\":\\"$CANARY\\",\\"SecretAccessKey\\":\\"x\\"}"'"""
    made = fetch(home, "process", f"[profile p]\ncredential_process = {command}\n")
    assert made.access_key_id == "ASIAFROMCALLER"


def test_a_command_knows_its_profile(home: Home, tmp_path: Path) -> None:
    """Append the profile to the running ones, so that awsenv in the command does not read it again."""
    home.environ["_AWSENV_WITHIN"] = "other"
    path = tmp_path / "path"

    refused(home, "process", f"[profile p]\ncredential_process = sh -c 'printenv _AWSENV_WITHIN >{path}'\n")

    assert ["other", "p"] == path.read_text().splitlines()


def test_a_command_can_prompt(home: Home, tmp_path: Path) -> None:
    """Connect it to standard error and the terminal, and leave standard input alone."""
    program = tmp_path / "keys"
    program.write_text(
        '#!/bin/sh\nprintf "pin: " >&2; read pin\n'
        'echo "{\\"Version\\":1,\\"AccessKeyId\\":\\"PIN$pin\\",\\"SecretAccessKey\\":\\"x\\"}"\n'
    )
    program.chmod(0o700)
    home.configure(f"[profile p]\ncredential_process = {program}\n")
    script = tmp_path / "script.py"
    script.write_text(
        f"import sys; sys.path.insert(0, {str(Path(awsenv.__file__).parents[1])!r})\n"
        "from awsenv import config\n"
        "from awsenv.aws.session import AwsSession\n"
        "from awsenv.aws.source import source_credentials\n"
        "from awsenv.model import Source\n"
        f"environ = {home.environ!r}\n"
        "profiles = config.read(environ)\n"
        "source = Source('process', 'p')\n"
        "made = source_credentials(source, AwsSession(profiles, environ))\n"
        "print(made.access_key_id, sys.stdin.read().strip())\n"
    )
    words = f"echo piped | {sys.executable} -I {script}"
    child = pexpect.spawn("sh", ["-c", words], encoding="utf-8", timeout=60)
    child.expect_exact("pin: ")
    child.sendline("1234")
    child.expect_exact("PIN1234 piped")
    child.close()


# SSO


@pytest.fixture
def signed_in(home: Home, endpoint: Endpoint) -> Callable[..., Path]:
    """Return a function that writes the file of a token, as `aws sso login` does."""
    home.environ["AWS_ENDPOINT_URL_SSO"] = home.environ["AWS_ENDPOINT_URL_SSO_OIDC"] = endpoint.url
    role = {**{name[0].lower() + name[1:]: value for name, value in KEYS.items()}, "expiration": 4_000_000_000_000}
    endpoint.answers["GET", "/federation/credentials"] = (200, {"roleCredentials": role})
    endpoint.answers["POST", "/token"] = (
        200,
        {"accessToken": "canary-new", "expiresIn": 28800, "tokenType": "Bearer", "refreshToken": "canary-refresh-2"},
    )

    def write(expires: timedelta, *, name: str = "corp", **more: str) -> Path:
        folder = Path(home.environ["HOME"], ".aws", "sso", "cache")
        folder.mkdir(parents=True)
        path = folder / f"{hashlib.sha1(name.encode()).hexdigest()}.json"  # noqa: S324 - the name that AWS's tools give it
        token = {"accessToken": "canary-old", "expiresAt": stamp(expires), "startUrl": "https://corp", **more}
        path.write_text(json.dumps(token))
        return path

    return write


REGISTRATION = {
    "refreshToken": "canary-refresh",
    "clientId": "client",
    "clientSecret": "canary-client",
    "registrationExpiresAt": stamp(timedelta(days=30)),
}


def test_sso_gives_the_credentials_of_the_role(home: Home, endpoint: Endpoint, signed_in: Callable[..., Path]) -> None:
    """Return the account, which the profile names."""
    signed_in(timedelta(hours=8))
    made = fetch(home, "sso", SSO)
    assert (made.access_key_id, made.account) == ("ASIAEXAMPLE", "123456789012")
    assert made.expiration is not None
    assert endpoint.requests[0][1] == "/federation/credentials?role_name=Reader&account_id=123456789012"
    assert endpoint.requests[0][2]["x-amz-sso_bearer_token"] == "canary-old"


def test_a_refreshed_sso_token_is_saved(home: Home, endpoint: Endpoint, signed_in: Callable[..., Path]) -> None:
    """Rewrite the file of the AWS CLI, and no other."""
    path = signed_in(-timedelta(hours=1), **REGISTRATION)
    home.configure(SSO)
    before = files(home.environ["HOME"])

    assert fetch(home, "sso", SSO).access_key_id == "ASIAEXAMPLE"

    assert endpoint.paths() == ["/token", "/federation/credentials"]
    assert endpoint.requests[1][2]["x-amz-sso_bearer_token"] == "canary-new"
    token = json.loads(path.read_text())
    assert ("canary-new", "canary-refresh-2") == (token["accessToken"], token["refreshToken"])
    assert 0o600 == path.stat().st_mode & 0o777
    assert before == {**files(home.environ["HOME"]), path: before[path]}


def test_sso_of_the_older_kind(home: Home, endpoint: Endpoint, signed_in: Callable[..., Path]) -> None:
    """Find the session by its URL, which stands in the profile."""
    config = (
        "[profile p]\nsso_start_url = https://old\nsso_region = eu-west-1\n"
        "sso_account_id = 123456789012\nsso_role_name = Reader\n"
    )
    signed_in(timedelta(hours=8), name="https://old")
    assert fetch(home, "sso", config).access_key_id == "ASIAEXAMPLE"
    assert endpoint.paths() == ["/federation/credentials"]


@pytest.mark.parametrize(
    ("state", "fact"),
    [
        ("nobody", "you are not signed in to AWS IAM Identity Center"),
        ("no token", "you are not signed in to AWS IAM Identity Center"),
        ("expired", "your session of AWS IAM Identity Center has ended"),
        ("refresh refused", "your session of AWS IAM Identity Center has ended"),
        ("portal refuses", "your session of AWS IAM Identity Center has ended"),
    ],
)
def test_nobody_is_signed_in(
    home: Home,
    endpoint: Endpoint,
    signed_in: Callable[..., Path],
    state: str,
    fact: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Tell a session that has ended from none; suggest the same command, and keep botocore's log quiet."""
    if state == "expired":
        signed_in(-timedelta(hours=1))
    elif state == "refresh refused":
        signed_in(-timedelta(hours=1), **REGISTRATION)
        endpoint.answers["POST", "/token"] = (400, {"error": "invalid_grant", "error_description": "canary"})
    elif state == "no token":
        signed_in(timedelta(hours=8)).write_text("canary")
    elif state == "portal refuses":
        signed_in(timedelta(hours=8))
        endpoint.answers["GET", "/federation/credentials"] = (
            401,
            {"__type": "UnauthorizedException", "message": "canary"},
        )
    error = refused(home, "sso", SSO)
    assert isinstance(error, SourceError)
    assert (fact, ("aws sso login --profile p",)) == (error.fact, error.hints)
    assert capfd.readouterr() == ("", "")


def test_sso_gives_no_such_role(home: Home, endpoint: Endpoint, signed_in: Callable[..., Path]) -> None:
    """Suggest a look at the settings: another sign-in changes nothing."""
    signed_in(timedelta(hours=8))
    endpoint.answers["GET", "/federation/credentials"] = (403, {"__type": "ForbiddenException", "message": "No access"})
    error = refused(home, "sso", SSO)
    assert isinstance(error, RefusedError)
    assert "AWS said: No access" == error.because
    assert "sso_role_name" in str(error.hints)


@pytest.mark.parametrize(
    ("number", "answer", "fact"),
    [
        (200, "<html>canary</html>", "sent a response that is not from AWS"),
        (200, {}, "sent a response that is not from AWS"),
        (200, {"roleCredentials": None}, "sent a response that is not from AWS"),
        (403, "<html>canary</html>", "sent a response that is not from AWS (HTTP 403)"),
        (429, {"__type": "TooManyRequestsException"}, "is throttling"),
        (500, {}, "is failing (HTTP 500)"),
    ],
)
def test_sso_refuses_nothing(
    home: Home, endpoint: Endpoint, signed_in: Callable[..., Path], number: int, answer: object, fact: str
) -> None:
    """A page, a failure and throttling are no matter of the sign-in."""
    signed_in(timedelta(hours=8))
    home.environ["AWS_MAX_ATTEMPTS"] = "1"
    endpoint.answers["GET", "/federation/credentials"] = (number, answer)
    error = refused(home, "sso", SSO)
    assert (UnreachableError, f"AWS IAM Identity Center {fact}") == (type(error), error.fact)


@pytest.mark.parametrize("token", [{"expiresAt": "soon"}, {"expiresAt": 5}, {"accessToken": 5}, {"accessToken": []}])
def test_a_token_that_cannot_be_read_is_no_sign_in(
    home: Home, signed_in: Callable[..., Path], token: dict[str, object]
) -> None:
    """The file is at fault: nothing has been sent."""
    path = signed_in(timedelta(hours=8))
    path.write_text(json.dumps({**json.loads(path.read_text()), **token}))
    error = refused(home, "sso", SSO)
    assert ("you are not signed in to AWS IAM Identity Center", ("aws sso login --profile p",)) == (
        error.fact,
        error.hints,
    )


def test_sso_that_cannot_be_reached_is_named(home: Home, signed_in: Callable[..., Path]) -> None:
    """Name its host, and do not blame the token."""
    signed_in(timedelta(hours=8))
    home.environ.update(AWS_ENDPOINT_URL_SSO="http://127.0.0.1:1", AWS_MAX_ATTEMPTS="1")
    with pytest.raises(UnreachableError) as caught:
        fetch(home, "sso", SSO)
    assert ("127.0.0.1:1 cannot be reached", "AWS_ENDPOINT_URL_SSO") == (caught.value.fact, caught.value.where)


# aws login


def test_login_without_its_package_says_which(home: Home, program: str) -> None:
    """Name awscrt, which boto3 does not install, and which a variable can disable."""
    home.configure("[profile p]\nlogin_session = arn:aws:iam::123456789012:user/alice\n")

    answer = subprocess.run(
        [program, "p", "--shell", "sh"],
        env={**home.environ, "BOTO_DISABLE_CRT": "true"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (answer.returncode, answer.stdout) == (4, FAILURE)
    assert "awscrt" in answer.stderr
    assert "botocore[crt]" in answer.stderr


LOGIN = "[profile p]\nregion = eu-west-1\nlogin_session = arn:aws:iam::123456789012:user/alice\n"


@pytest.fixture
def logged_in(home: Home, endpoint: Endpoint) -> Callable[[timedelta], Path]:
    """Return a function that writes the file of the keys, as `aws login` does."""
    home.environ["AWS_ENDPOINT_URL_SIGNIN"] = endpoint.url
    new = {"accessKeyId": "ASIANEW", "secretAccessKey": "canary-secret", "sessionToken": "canary-token"}
    endpoint.answers["POST", "/v1/token"] = (
        200,
        {"accessToken": new, "tokenType": "aws_sigv4", "expiresIn": 900, "refreshToken": "canary-refresh-2"},
    )

    def write(expires: timedelta) -> Path:
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - with awscrt only
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - the same

        folder = Path(home.environ["HOME"], ".aws", "login", "cache")
        folder.mkdir(parents=True)
        key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        old: dict[str, Any] = {
            "accessToken": {
                **new,
                "accessKeyId": "ASIAOLD",
                "accountId": "123456789012",
                "expiresAt": stamp(expires),
            },
            "tokenType": "aws_sigv4",
            "refreshToken": "canary-refresh",
            "idToken": "canary-id",
            "clientId": "arn:aws:signin:::devtools/same-device",
            "dpopKey": key.decode(),
        }
        name = hashlib.sha256(b"arn:aws:iam::123456789012:user/alice").hexdigest()
        path = folder / f"{name}.json"
        path.write_text(json.dumps(old))
        return path

    return write


def test_login_gives_the_keys_of_its_file(
    home: Home, endpoint: Endpoint, logged_in: Callable[[timedelta], Path]
) -> None:
    """Send no request while they are valid."""
    logged_in(timedelta(minutes=14, hours=1))
    made = fetch(home, "login", LOGIN)
    assert (made.access_key_id, made.account, endpoint.requests) == ("ASIAOLD", "123456789012", [])


def test_refreshed_keys_of_login_are_saved(
    home: Home, endpoint: Endpoint, logged_in: Callable[[timedelta], Path]
) -> None:
    """Rewrite the file of the AWS CLI, and no other."""
    path = logged_in(-timedelta(minutes=1))
    home.configure(LOGIN)
    before = files(home.environ["HOME"])

    assert fetch(home, "login", LOGIN).access_key_id == "ASIANEW"

    assert endpoint.paths() == ["/v1/token"]
    assert "canary-refresh-2" == json.loads(path.read_text())["refreshToken"]
    assert 0o600 == path.stat().st_mode & 0o777
    assert before == {**files(home.environ["HOME"]), path: before[path]}


def test_nobody_is_logged_in(home: Home, logged_in: Callable[[timedelta], Path]) -> None:
    """Suggest the command."""
    assert callable(logged_in)
    assert refused(home, "login", LOGIN).hints == ("aws login --profile p",)


# A sign-in survives its use: AWS takes each refresh token once.


@pytest.fixture(params=["sso", "login"])
def rotating(
    request: pytest.FixtureRequest,
    home: Home,
    endpoint: Endpoint,
    signed_in: Callable[..., Path],
    logged_in: Callable[[timedelta], Path],
    rotate: Callable[[int], Rotating],
) -> tuple[str, Callable[[int], Rotating], Path]:
    """Return a kind of source whose token is about to end, a function that starts its server, and the token file."""
    kind = request.param
    path = signed_in(timedelta(minutes=1), **REGISTRATION) if kind == "sso" else logged_in(timedelta(minutes=1))
    home.configure(SSO if kind == "sso" else LOGIN)

    def serve(lives: int) -> Rotating:
        server = rotate(lives)
        endpoint.answers["POST", "/token" if kind == "sso" else "/v1/token"] = server
        return server

    return kind, serve, path


BOTOCORE = "import botocore.session as s; print(s.Session(profile='p').get_credentials().get_frozen_credentials()[0])"


@pytest.mark.slow
def test_a_sign_in_survives_two_runs_and_botocore_after_them(
    home: Home, rotating: tuple[str, Callable[[int], Rotating], Path], program: str
) -> None:
    """Refresh it each time, since its token is always about to end."""
    server = rotating[1](60)

    for words in ([program, "p", "--shell", "sh"], [program, "p", "--shell", "sh"], [sys.executable, "-c", BOTOCORE]):
        done = subprocess.run(words, env=home.environ, capture_output=True, text=True, check=False)
        assert (0, True) == (done.returncode, "ASIA" in done.stdout), done.stderr

    assert 3 == server.refreshed


@pytest.mark.slow
def test_a_sign_in_survives_the_aws_cli_after_awsenv(
    home: Home,
    endpoint: Endpoint,
    signed_in: Callable[..., Path],
    rotate: Callable[[int], Rotating],
    program: str,
    require: Callable[[str], str],
) -> None:
    """Leave a file that the AWS CLI reads and refreshes."""
    endpoint.answers["POST", "/token"] = server = rotate(60)
    signed_in(timedelta(minutes=1), **REGISTRATION)
    home.configure(SSO)

    home.environ.update(AWS_ENDPOINT_URL_STS=endpoint.url, AWS_DEFAULT_REGION="eu-west-1")
    answer = "<Arn>ASIAEXAMPLE</Arn>"
    for name in ("GetCallerIdentityResult", "GetCallerIdentityResponse"):
        answer = f"<{name}>{answer}</{name}>"
    endpoint.answers["POST", "/"] = (200, answer)
    aws = [require("aws"), "sts", "get-caller-identity", "--profile", "p"]

    for words in ([program, "p", "--shell", "sh"], aws):
        done = subprocess.run(words, env=home.environ, capture_output=True, text=True, check=False)
        assert (0, True) == (done.returncode, "ASIAEXAMPLE" in done.stdout), done.stderr

    assert 2 == server.refreshed


def test_many_at_once_refresh_a_sign_in_once(home: Home, rotating: tuple[str, Callable[[int], Rotating], Path]) -> None:
    """Wait for the process that refreshes it, and use its token."""
    kind, serve, _path = rotating
    server = serve(3600)
    profiles = config.read(home.environ)

    def fetch_it(_number: int) -> str:
        return source_credentials(Source(kind, "p"), home.session(profiles, "p")).access_key_id

    with ThreadPoolExecutor(8) as pool:
        assert 1 == len(set(pool.map(fetch_it, range(8))))

    assert 1 == server.refreshed


def test_a_token_that_cannot_be_saved_is_kept_in_memory(
    home: Home, rotating: tuple[str, Callable[[int], Rotating], Path]
) -> None:
    """Use it for the life of the process, and leave no partial file."""
    kind, serve, path = rotating
    server = serve(60)
    before = files(str(path.parent))
    script = (
        "import resource\n"
        "from awsenv import config\n"
        "from awsenv.aws.session import AwsSession\n"
        "from awsenv.aws.source import source_credentials\n"
        "from awsenv.model import Source\n"
        f"environ = {home.environ!r}\n"
        "profiles = config.read(environ)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        "for _ in range(2):\n"
        "    session = AwsSession(profiles, environ, profile='p')\n"
        f"    print(source_credentials(Source({kind!r}, 'p'), session).access_key_id)\n"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert 2 == len(done.stdout.split()), done.stderr
    assert 2 == server.refreshed
    assert before == files(str(path.parent))


# Web identity


def web_identity(home: Home, content: str | None = "canary-web-token") -> str:
    """Return the profile of a web identity."""
    path = Path(home.environ["HOME"], "token")
    if content is not None:
        path.write_text(content)
    return (
        "[profile p]\nregion = eu-west-1\nrole_arn = arn:aws:iam::123456789012:role/web\nrole_session_name = me\n"
        f"web_identity_token_file = {path}\n"
    )


XML = """<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIAWEB</AccessKeyId>
<SecretAccessKey>canary-secret</SecretAccessKey><SessionToken>canary-token</SessionToken>
<Expiration>2035-01-01T00:00:00Z</Expiration></Credentials><AssumedRoleUser>
<Arn>arn:aws:sts::123456789012:assumed-role/web/me</Arn><AssumedRoleId>AROA:me</AssumedRoleId></AssumedRoleUser>
</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"""


def test_a_web_identity_of_a_profile(home: Home, endpoint: Endpoint) -> None:
    """Send the token in an unsigned request."""
    home.environ["AWS_ENDPOINT_URL_STS"] = endpoint.url
    endpoint.answers["POST", "/"] = (200, XML)
    made = fetch(home, "web-identity", web_identity(home))
    assert (made.access_key_id, made.account) == ("ASIAWEB", "123456789012")
    assert b"WebIdentityToken=canary-web-token" in endpoint.requests[0][3]
    assert b"RoleSessionName=me" in endpoint.requests[0][3]
    assert "authorization" not in endpoint.requests[0][2]


def test_relative_paths_begin_at_the_callers_folder(home: Home, endpoint: Endpoint, tmp_path: Path) -> None:
    """Find a command and a token there: an agent has another folder."""
    home.environ["AWS_ENDPOINT_URL_STS"] = endpoint.url
    endpoint.answers["POST", "/"] = (200, XML)
    folder = tmp_path / "project"
    folder.mkdir()
    answer = json.dumps({"Version": 1, **KEYS})
    (folder / "keys").write_text(f"#!/bin/sh\nprintf %s '{answer}'\n")
    (folder / "keys").chmod(0o700)
    (folder / "token").write_text("canary-web-token")
    web = re.sub("(?<=web_identity_token_file = ).*", "token", web_identity(home))
    for kind, text in (("process", "[profile p]\ncredential_process = ./keys\n"), ("web-identity", web)):
        Path(home.environ["AWS_CONFIG_FILE"]).write_text(text)
        profiles = config.read(home.environ, str(folder))
        session = AwsSession(profiles, home.environ, profile="p")

        made = source_credentials(Source(kind, "p", ORIGIN), session)

        assert made.access_key_id.startswith("ASIA"), kind


def test_relative_paths_of_variables_begin_at_the_callers_folder(
    home: Home, endpoint: Endpoint, logged_in: Callable[[timedelta], Path], tmp_path: Path
) -> None:
    """A relative token file of a container or cache of `aws login` begins at the caller's folder, not the agent's."""
    folder = tmp_path / "project"
    folder.mkdir()
    logged_in(timedelta(minutes=14, hours=1)).parent.rename(folder / "cache")
    (folder / "token").write_text("canary-auth")
    answer = {"AccessKeyId": "ASIABOX", "SecretAccessKey": "x", "Token": "t", "Expiration": stamp(timedelta(hours=1))}
    endpoint.answers["GET", "/keys"] = (200, answer)
    home.environ.update(
        AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{endpoint.url}/keys",
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE="token",
        AWS_LOGIN_CACHE_DIRECTORY="cache",
    )
    Path(home.environ["AWS_CONFIG_FILE"]).write_text(LOGIN)
    session = AwsSession(config.read(home.environ, str(folder)), home.environ, profile="p")

    made = [source_credentials(source, session) for source in (Source("container"), Source("login", "p"))]

    assert ["ASIABOX", "ASIAOLD"] == [each.access_key_id for each in made]
    assert endpoint.requests[0][2]["authorization"] == "canary-auth"


def test_a_web_identity_of_the_environment(home: Home, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the variables of the caller and not of the process."""
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/another")
    web_identity(home)
    home.environ.update(
        AWS_ENDPOINT_URL_STS=endpoint.url,
        AWS_WEB_IDENTITY_TOKEN_FILE=str(Path(home.environ["HOME"], "token")),
        AWS_ROLE_ARN="arn:aws:iam::123456789012:role/web",
    )
    endpoint.answers["POST", "/"] = (200, XML)
    assert fetch(home, "web-identity", "", profile=None).access_key_id == "ASIAWEB"
    assert b"role%2Fweb" in endpoint.requests[0][3]


@pytest.mark.parametrize(
    ("content", "fact"), [(None, "cannot be read: {path} (No such file or directory)"), ("", "is empty: {path}")]
)
@pytest.mark.parametrize("of_profile", [False, True])
def test_a_token_file_of_no_use_is_named(home: Home, content: str | None, fact: str, *, of_profile: bool) -> None:
    """Blame the file and its setting, and not AWS."""
    text, path = web_identity(home, content), str(Path(home.environ["HOME"], "token"))
    home.environ.update(AWS_WEB_IDENTITY_TOKEN_FILE=path, AWS_ROLE_ARN="arn:aws:iam::123456789012:role/web")
    profiles = home.configure(text)
    with pytest.raises(SourceError) as caught:
        source_credentials(Source("web-identity", "p" if of_profile else None, ORIGIN), home.session(profiles, "p"))

    name = "web_identity_token_file" if of_profile else "AWS_WEB_IDENTITY_TOKEN_FILE"
    place = f"~/config:5, [profile p], {name}" if of_profile else name
    assert (f"the file of {name} {fact.format(path=path)}", place) == (caught.value.fact, caught.value.where)


WEB, DENY = "sts:AssumeRoleWithWebIdentity", "with an explicit deny in a service control policy"


@pytest.mark.parametrize(
    ("code", "message", "kind", "because"),
    [
        (
            "ExpiredTokenException",
            "Token expired: current date/time 1 must be before it",
            SourceError,
            None,
        ),
        ("InvalidIdentityToken", "No OpenIDConnect provider found in your account for https://x", SourceError, None),
        ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", RefusedError, None),
        ("IDPRejectedClaim", "The identity provider reported that authentication failed", RefusedError, None),
        ("IDPCommunicationError", "The identity provider could not be reached", UnreachableError, None),
        (
            "AccessDenied",
            f"User: arn:aws:iam::123456789012:user/x is not authorized to perform: {WEB} on resource: r {DENY}",
            RefusedError,
            f"a service control policy denies {WEB} in account 123456789012 (AWS said: {DENY})",
        ),
    ],
)
def test_aws_is_heard_on_a_web_identity(
    home: Home, endpoint: Endpoint, code: str, message: str, kind: type[AwsenvError], because: str | None
) -> None:
    """Pass on why AWS refuses the token."""
    home.environ["AWS_ENDPOINT_URL_STS"] = endpoint.url
    answer = f"<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
    endpoint.answers["POST", "/"] = (400, answer)

    error = refused(home, "web-identity", web_identity(home))

    assert (kind, because or f"AWS said: {message}") == (type(error), error.because)
    assert code in error.fact


# Container and EC2


def test_the_endpoint_of_a_container(home: Home, endpoint: Endpoint) -> None:
    """Send the token of the container."""
    answer = {"AccessKeyId": "ASIABOX", "SecretAccessKey": "x", "Token": "t", "Expiration": stamp(timedelta(hours=1))}
    endpoint.answers["GET", "/keys"] = (200, answer)
    home.environ.update(
        AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{endpoint.url}/keys", AWS_CONTAINER_AUTHORIZATION_TOKEN="canary-auth"
    )
    assert fetch(home, "container", profile=None).access_key_id == "ASIABOX"
    assert endpoint.requests[0][2]["authorization"] == "canary-auth"


FULL = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
TEMPORARY = {"AccessKeyId": "x", "SecretAccessKey": "x", "Token": "x", "Expiration": "2099-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("status", "body", "does", "hint"),
    [
        (200, "canary", "sent text that is not JSON", f"check {FULL}"),
        (200, ["canary"], "sent a list instead of an object", f"check {FULL}"),
        (200, {}, "sent no AccessKeyId", f"check {FULL}"),
        (200, {"AccessKeyId": "canary", "SecretAccessKey": "canary"}, "sent no Token", f"check {FULL}"),
        (200, {**TEMPORARY, "AccessKeyId": ""}, "sent an empty AccessKeyId", f"check {FULL}"),
        (200, {**TEMPORARY, "AccessKeyId": 5}, "sent AccessKeyId as a number instead of a string", f"check {FULL}"),
        (200, {**TEMPORARY, "Token": "a\0b"}, "sent Token with a character that no variable can hold", f"check {FULL}"),
        (200, {**TEMPORARY, "Expiration": "soon"}, "sent an Expiration that is not a time", f"check {FULL}"),
        (200, {**TEMPORARY, "Expiration": 5}, "sent Expiration as a number instead of a string", f"check {FULL}"),
        (401, "canary", "answers with HTTP 401", f"check {FULL}"),
        (403, "canary", "answers with HTTP 403", f"check {FULL}"),
        (404, "canary", "answers with HTTP 404", f"check {FULL}"),
    ],
)
def test_an_endpoint_without_credentials_is_named(
    home: Home, endpoint: Endpoint, status: int, body: object, does: str, hint: str
) -> None:
    """Say what the endpoint answered, and name its variable."""
    endpoint.answers["GET", "/keys"] = (status, body)
    home.environ[FULL] = f"{endpoint.url}/keys"

    error = named(home, "container")

    assert (f"the credentials endpoint of the container {does}", FULL, hint) == (
        error.fact,
        error.where,
        error.hints[0],
    )


@pytest.mark.parametrize(
    ("variables", "fact", "place"),
    [
        (
            {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/no/such"},
            "the file of AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE cannot be read: /no/such (No such file or directory)",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        ),
        (
            {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/"},
            "the file of AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE cannot be read: / (Is a directory)",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        ),
        (
            {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/dev/null"},
            "the file of AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE is empty: /dev/null",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        ),
        (
            {"AWS_CONTAINER_AUTHORIZATION_TOKEN": "canary\n"},
            "the token of AWS_CONTAINER_AUTHORIZATION_TOKEN has a line break, and no SDK sends it",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        ),
        (
            {"AWS_CONTAINER_AUTHORIZATION_TOKEN": "canary€"},
            "the token of AWS_CONTAINER_AUTHORIZATION_TOKEN has a character that no SDK sends",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        ),
        (
            {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": sys.executable},
            f"the file of AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE holds no text: {sys.executable}",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        ),
        ({FULL: "ftp://127.0.0.1/x"}, f"{FULL} is 'ftp://127.0.0.1/x': it must be a URL of http or https", FULL),
        ({FULL: "https://a..b/x"}, f"{FULL} is 'https://a..b/x': it must be a URL of http or https", FULL),
        ({FULL: ""}, "no variable names the credentials endpoint of a container", ""),
        ({FULL: "http://192.0.2.1/keys"}, f"{FULL} names a host that no SDK calls without TLS", FULL),
        ({FULL: "http://example.test/keys"}, f"{FULL} names a host that no SDK calls without TLS", FULL),
    ],
)
def test_a_container_that_is_not_asked(home: Home, variables: dict[str, str], fact: str, place: str) -> None:
    """Name the variable that keeps the request from being sent."""
    home.environ.update({FULL: "http://127.0.0.1:1/keys", **variables})

    error = named(home, "container")

    assert (fact, place) == (error.fact, error.where)


@pytest.mark.parametrize("name", ["AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"])
@pytest.mark.parametrize("number", [401, 403])
def test_a_token_that_a_container_refuses_is_named(home: Home, endpoint: Endpoint, name: str, number: int) -> None:
    """Name the variable of the token if it is set."""
    endpoint.answers["GET", "/keys"] = (number, "")
    token = Path(home.environ["HOME"], "token")
    token.write_text("canary")
    home.environ.update({FULL: f"{endpoint.url}/keys", name: str(token)})

    error = named(home, "container")

    assert (f"check {name}", "the same command again") == error.hints


def named(home: Home, kind: str) -> AwsenvError:
    """Return why a source of the environment has no credentials; no secret is in it."""
    with pytest.raises(AwsenvError) as caught:
        source_credentials(Source(kind), home.session(home.configure("")))
    assert "canary" not in f"{caught.value!r} {caught.value.hints} {caught.value.__cause__!r}"
    return caught.value


def test_a_container_that_cannot_be_reached(home: Home) -> None:
    """Name the host and the variable, and no region."""
    home.environ[FULL] = "http://127.0.0.1:1/keys"

    error = named(home, "container")

    fact, step = "127.0.0.1:1 cannot be reached", f"check {FULL}, and that its host can be reached"
    assert (fact, "nothing listens there", FULL, (step,)) == (error.fact, error.because, error.where, error.hints)


@pytest.mark.parametrize(
    ("answer", "does"),
    [
        (b"SSH-2.0-OpenSSH_9.9\r\n", "does not speak HTTP"),
        (b"\x16\x03\x01", "does not speak HTTP"),
        (b"HTTP/1.1 2OO OK\r\n\r\n", "does not speak HTTP"),
        (None, "closed the connection"),
    ],
)
def test_a_container_that_is_not_one(home: Home, answer: bytes | None, does: str) -> None:
    """An endpoint that is reached and sends no response of HTTP is not called silent."""
    with answering(answer) as host:
        home.environ[FULL] = f"http://{host}/"
        error = named(home, "container")

    assert (f"{host} {does}", FULL, (f"check {FULL}", "the same command again")) == (
        error.fact,
        error.where,
        error.hints,
    )


ROLES = "/latest/meta-data/iam/security-credentials/"
SERVICE = "the metadata service of EC2"
CHECK_SERVICE = "check AWS_EC2_METADATA_SERVICE_ENDPOINT"


@pytest.mark.parametrize(
    ("answers", "fact", "hint"),
    [
        (
            {"token": (200, "t"), "roles": (200, "<html>sign in</html>")},
            f"{SERVICE} sent something else instead of the name of a role",
            "the same command again",
        ),
        (
            {"token": (200, "t"), "roles": (404, "canary")},
            "this EC2 instance has no role",
            "aws ec2 associate-iam",
        ),
        ({"token": (200, "t"), "roles": (200, "")}, "this EC2 instance has no role", "aws ec2 associate-iam-instance"),
        (
            {"token": (403, ""), "roles": (403, "")},
            f"{SERVICE} is turned off (HTTP 403)",
            "aws ec2 modify",
        ),
        ({"token": (404, ""), "roles": (401, "")}, f"{SERVICE} demands a token, and gives none", CHECK_SERVICE),
        (
            {"token": (200, "t"), "roles": (200, "web"), "role": (404, "")},
            f"{SERVICE} sent HTTP 404 instead of the keys of role web",
            "check that the role trusts ec2.amazonaws.com",
        ),
        (
            {"token": (200, "t"), "roles": (200, "web"), "role": (200, {"Code": "AssumeRoleUnauthorizedAccess"})},
            f"{SERVICE} sent no AccessKeyId instead of the keys of role web",
            "check that the role trusts ec2.amazonaws.com",
        ),
        (
            {"token": (200, "t"), "roles": (200, "web"), "role": (200, "canary")},
            f"{SERVICE} sent text that is not JSON instead of the keys of role web",
            "check that the role trusts ec2.amazonaws.com",
        ),
    ],
)
def test_a_machine_without_credentials_is_named(
    home: Home, endpoint: Endpoint, answers: dict[str, tuple[int, Any]], fact: str, hint: str
) -> None:
    """Say what the metadata service lacks, and suggest no other try where none helps."""
    paths = {"token": ("PUT", "/latest/api/token"), "roles": ("GET", ROLES), "role": ("GET", f"{ROLES}web")}
    endpoint.answers.update({paths[name]: answer for name, answer in answers.items()})
    home.environ.update(AWS_EC2_METADATA_DISABLED="false", AWS_EC2_METADATA_SERVICE_ENDPOINT=endpoint.url)

    error = named(home, "instance")

    assert (fact, True) == (error.fact, error.hints[0].startswith(hint))


@pytest.mark.parametrize(
    ("variables", "fact", "hint"),
    [
        (
            {"AWS_EC2_METADATA_DISABLED": "true"},
            f"{SERVICE} is disabled by AWS_EC2_METADATA_DISABLED",
            "unset AWS_EC2_METADATA_DISABLED",
        ),
        ({}, f"{SERVICE} does not answer", CHECK_SERVICE),
        (
            {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "no url"},
            "AWS_EC2_METADATA_SERVICE_ENDPOINT is 'no url': it must be a URL",
            "unset AWS_EC2_METADATA_SERVICE_ENDPOINT",
        ),
        (
            {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "both"},
            "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE is 'both': it must be ipv4 or ipv6",
            "unset AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
        ),
        (
            {"AWS_METADATA_SERVICE_TIMEOUT": "long"},
            "AWS_METADATA_SERVICE_TIMEOUT is 'long': it must be a whole number",
            "unset AWS_METADATA_SERVICE_TIMEOUT",
        ),
        (
            {"AWS_METADATA_SERVICE_TIMEOUT": "0"},
            "AWS_METADATA_SERVICE_TIMEOUT is '0': it must be 1 or more",
            "unset AWS_METADATA_SERVICE_TIMEOUT",
        ),
    ],
)
def test_a_machine_that_is_not_asked(home: Home, variables: dict[str, str], fact: str, hint: str) -> None:
    """Name the variable, or say that nothing answers."""
    service = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1"}
    if "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE" in variables:
        service = {}
    home.environ.update({"AWS_EC2_METADATA_DISABLED": "false", **service, **variables})

    error = named(home, "instance")

    assert (fact, True) == (error.fact, error.hints[0].startswith(hint))


@pytest.mark.parametrize(
    ("answer", "does"), [(b"SSH-2.0-OpenSSH_9.9\r\n", "does not speak HTTP"), (None, "closed the connection")]
)
def test_a_machine_that_is_none(home: Home, answer: bytes | None, does: str) -> None:
    """A service that is reached and sends no response of HTTP is not called silent."""
    with answering(answer) as host:
        home.environ.update(AWS_EC2_METADATA_DISABLED="false", AWS_EC2_METADATA_SERVICE_ENDPOINT=f"http://{host}")
        error = named(home, "instance")

    assert (f"{SERVICE} {does}", CHECK_SERVICE) == (error.fact, error.hints[0])


def test_the_role_of_a_machine(home: Home, endpoint: Endpoint) -> None:
    """Use the second version of the metadata service."""
    role = "/latest/meta-data/iam/security-credentials/"
    answer = {"AccessKeyId": "ASIAEC2", "SecretAccessKey": "x", "Token": "t", "Expiration": stamp(timedelta(hours=6))}
    endpoint.answers["PUT", "/latest/api/token"] = (200, "imds-token")
    endpoint.answers["GET", role] = (200, "machine")
    endpoint.answers["GET", f"{role}machine"] = (200, answer)
    home.environ["AWS_EC2_METADATA_DISABLED"] = "false"
    home.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = endpoint.url
    assert fetch(home, "instance").access_key_id == "ASIAEC2"
    assert endpoint.requests[-1][2]["x-aws-ec2-metadata-token"] == "imds-token"


# Nothing else


def test_only_the_kind_of_the_chain_is_used(home: Home, endpoint: Endpoint) -> None:
    """Never call the metadata service, where botocore's chain of providers ends."""
    home.environ["AWS_EC2_METADATA_DISABLED"] = "false"
    home.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = endpoint.url
    home.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = f"{endpoint.url}/keys"
    for kind in ("static", "process", "sso", "web-identity"):
        refused(home, kind)
    assert endpoint.requests == []


def test_keys_of_a_source_are_good_for_a_call(home: Home) -> None:
    """Sign a call with the keys of the file."""
    config = (
        f"[profile p]\naws_access_key_id = {home.user.access_key_id}\n"
        f"aws_secret_access_key = {home.user.secret_access_key}\n"
    )
    assert home.principal(fetch(home, "static", config)).arn == home.user.arn

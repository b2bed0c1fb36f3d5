"""`awsenv list`: the roles and the sources, as a table and as JSON."""

from __future__ import annotations

import json
import re
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pexpect
import pytest

from awsenv.cli import report
from awsenv.cli.arguments import ListArguments
from awsenv.cli.list import run
from awsenv.cli.options import Caller
from awsenv.cli.prompts import Prompts
from awsenv.provider import Provider
from terminal import shown_by

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from awsenv.cli.action import Print
    from conftest import World

    List = Callable[..., Print]

CONFIG = """\
[default]
region = eu-central-1
[profile deploy]
role_arn = arn:aws:iam::123456789012:role/team/DeployRole
source_profile = default
mfa_serial = arn:aws:iam::999988887777:mfa/alice
[profile acme-production-payments-administrator]
role_arn = arn:aws:iam::210987654321:role/OrganizationAccountAccessRole
source_profile = work
[profile acme-production-platform-administrator]
role_arn = arn:aws:iam::210987654321:role/OrganizationAccountAccessRole
source_profile = work
[profile work]
sso_session = work
sso_account_id = 999988887777
sso_role_name = Developer
[profile robot]
credential_process = print-keys
"""
CREDENTIALS = "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = canary\n"


@pytest.fixture
def listed(clean_environ: dict[str, str], tmp_path: Path) -> List:
    """Return a function that lists the profiles of a config file."""

    def run_it(
        config: str = CONFIG, columns: int = 0, environ: dict[str, str] | None = None, **options: object
    ) -> Print:
        folder = tmp_path / "home" / ".aws"
        folder.mkdir(exist_ok=True)
        (folder / "config").write_text(config)
        (folder / "credentials").write_text(CREDENTIALS)
        environ = clean_environ | (environ or {})
        prompts = Prompts(environ)
        provider = Provider(None, prompts, lambda _: None)
        caller = Caller(environ, "/bin/awsenv", provider, prompts.secret, columns=columns)
        return run(caller, ListArguments(**options))

    return run_it


def test_roles_and_sources_stand_apart(listed: List) -> None:
    """On 80 columns each profile has a line; the active role has a star, a role with MFA a mark."""
    expected = """\
  PROFILE                ACCOUNT       ROLE                    MFA  REGION
* deploy                 123456789012  DeployRole              ✓    eu-central-1
  acme-…s-administrator  210987654321  Organizatio…AccessRole  -    -
  acme-…m-administrator  210987654321  Organizatio…AccessRole  -    -

  SOURCE   ACCOUNT       KIND        MFA  REGION
  default  -             access key  -    eu-central-1
  work     999988887777  SSO         -    -
  robot    -             process     -    -
"""
    assert expected == listed(columns=80, environ={"AWSENV_ROLE": "deploy"}).text


@pytest.mark.parametrize("columns", [5, 10, 20, 30, 39, 40, 41, 48, 60, 80, 100, 200])
def test_the_list_fits_the_terminal(listed: List, columns: int) -> None:
    """A line of the list is never wider than the terminal, and each profile has one."""
    wide = "[profile 長い名前のプロファイルたくさん]\nrole_arn = é́ü\nsource_profile = default\n"
    lines = listed(CONFIG + wide, columns).text.splitlines()

    assert max(map(report.cells, lines)) <= columns
    assert 10 == len(lines)


@pytest.mark.parametrize("as_json", [False, True])
def test_a_file_that_a_variable_names_in_vain_is_noted(listed: List, as_json: bool) -> None:  # noqa: FBT001 - as text or as JSON
    """Without the note nothing would say why the roles are missing."""
    shown = listed(environ={"AWS_CONFIG_FILE": "/no/such/file"}, as_json=as_json)

    expected = ("/no/such/file does not exist", "AWS_CONFIG_FILE", ("correct AWS_CONFIG_FILE", "unset AWS_CONFIG_FILE"))
    (note,) = shown.notes
    assert expected == (note.fact, str(*note.origins), note.hints)
    assert "default" in shown.text


def test_a_list_that_goes_elsewhere_is_not_cut(listed: List) -> None:
    """Where the output is no terminal, each line has the whole names."""
    text = listed().text

    assert "…" not in text
    assert re.search("(?m)^  acme-production-payments-administrator +210987654321 +Organ", text)


def test_a_wide_list_has_the_rest(listed: List) -> None:
    """`--wide` adds ARNs, sources, devices and lines, and cuts nothing on any terminal."""
    lines = [re.split("  +", line[2:]) for line in listed(columns=40, wide=True).text.splitlines()]

    arn = "arn:aws:iam::123456789012:role/team/DeployRole"
    serial = "arn:aws:iam::999988887777:mfa/alice"
    rest = ["✓", "eu-central-1", arn, "default", serial, "~/.aws/config:3"]
    assert ["deploy", "123456789012", "DeployRole", *rest] in lines
    assert ["work", "999988887777", "SSO", "-", "-", "-", "~/.aws/config:13"] in lines


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("deploy", ["deploy"]),
        ("DEPLOY", ["deploy"]),
        ("payments", ["acme-production-payments-administrator"]),
        ("acme-*-administrator", ["acme-production-payments-administrator", "acme-production-platform-administrator"]),
        ("2109", ["acme-production-payments-administrator", "acme-production-platform-administrator"]),
        ("deployrole", ["deploy"]),
        ("*Role", ["deploy", "acme-production-payments-administrator", "acme-production-platform-administrator"]),
        ("arn:aws:iam::123456789012:role/team/DeployRole", ["deploy"]),
        ("99998888777?", ["work"]),
        ("[rw]o[br]*", ["work", "robot"]),
        ("role", ["deploy", "acme-production-payments-administrator", "acme-production-platform-administrator"]),
        ("iam", []),
        ("nothing", []),
    ],
)
def test_a_pattern_selects_by_name_account_and_role(listed: List, pattern: str, names: list[str]) -> None:
    """PATTERN is a part of a name, an account or a role, or a glob for one of them, in any case."""
    shown = json.loads(listed(pattern=pattern, as_json=True).text)

    assert names == [each["profile"] for each in (*shown["roles"], *shown["sources"])]


@pytest.mark.parametrize(
    ("environ", "word", "kind", "variable"),
    [
        (
            {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "canary"},
            "environment",
            "environment",
            "AWS_ACCESS_KEY_ID",
        ),
        (
            {"AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/ci"},
            "web identity",
            "web-identity",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
        ),
        (
            {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1/"},
            "container",
            "container",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ),
    ],
)
def test_a_source_of_the_environment_is_listed(
    listed: List, environ: dict[str, str], word: str, kind: str, variable: str
) -> None:
    """What the environment describes is a source without a profile, named by its variable."""
    environ = environ | {"AWS_REGION": "us-east-2"}

    last = listed(environ=environ, wide=True).text.splitlines()[-1]
    source = json.loads(listed("", environ=environ, as_json=True).text)["sources"][-1]

    assert ["-", "-", word, "-", "us-east-2", "-", variable] == re.split("  +", last.strip())
    assert (None, kind, {"name": variable}) == (source["profile"], source["kind"], source["from"])


def test_half_a_key_is_no_source(listed: List) -> None:
    """A list is made of what there is, whatever is wrong with the rest."""
    shown = json.loads(listed(environ={"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE"}, as_json=True).text)

    assert ["default", "work", "robot"] == [each["profile"] for each in shown["sources"]]


def test_a_pattern_without_a_match_has_a_next_step(listed: List) -> None:
    """Nothing is printed, and a note says why."""
    action = listed(pattern="nothing")

    assert "" == action.text
    (note,) = action.notes
    assert "no profile, account or role matches 'nothing'" == note.fact


def test_the_list_is_there_for_programs(listed: List) -> None:
    """`list --json` has every value whole, and null for what is missing."""
    shown = json.loads(listed(as_json=True, environ={"AWSENV_ROLE": "work"}).text)

    assert {
        "profile": "deploy",
        "active": False,
        "account": "123456789012",
        "role": "DeployRole",
        "arn": "arn:aws:iam::123456789012:role/team/DeployRole",
        "source": "default",
        "region": "eu-central-1",
        "mfa_serial": "arn:aws:iam::999988887777:mfa/alice",
        "protected": False,
        "color": None,
        "required_account": None,
        "assistants": None,
        "from": {"name": "~/.aws/config", "line": 3, "section": "profile deploy"},
    } == shown["roles"][0]
    assert {
        "profile": "work",
        "active": True,
        "account": "999988887777",
        "kind": "sso",
        "region": None,
        "mfa_serial": None,
        "protected": False,
        "color": None,
        "required_account": None,
        "assistants": None,
        "from": {"name": "~/.aws/config", "line": 13, "section": "profile work"},
    } == shown["sources"][1]
    assert {"roles": [], "sources": []} == json.loads(listed("", as_json=True, pattern="nothing").text)


RAILS = """\
[profile family]
awsenv_protected = true
awsenv_color = bright-red
awsenv_account = 123456789012
[profile prod]
include_profile = family
role_arn = arn:aws:iam::123456789012:role/admin
source_profile = default
[profile dev]
awsenv_color = rde
role_arn = arn:aws:iam::123456789012:role/dev
source_profile = default
"""


def test_the_list_shows_the_guard_rails(listed: List) -> None:
    """A column marks what is protected, a name has its colour, and a wrong value breaks no list."""
    shown = json.loads(listed(RAILS, as_json=True).text)["roles"]

    assert (
        """\
  PROFILE  ACCOUNT       ROLE   MFA  REGION  PROTECTED
  \x1b[91mprod\x1b[m     123456789012  admin  -    -       ✓
  dev      123456789012  dev    -    -       -
"""
        in listed(RAILS).text
    )
    assert [(True, "91", "123456789012"), (False, None, None)] == [
        (each["protected"], each["color"], each["required_account"]) for each in shown
    ]


def test_a_narrow_list_marks_what_is_protected(listed: List) -> None:
    """Where the column does not fit, an exclamation mark stands before the name."""
    expected = """\
  PROFILE  ACCOUNT       ROLE   MFA …
*!\x1b[91mprod\x1b[m     123456789012  admin  -
  dev      123456789012  dev    -
"""
    assert expected in listed(RAILS, columns=40, environ={"AWSENV_ROLE": "prod"}).text


def test_a_name_with_spaces_has_its_colour_as_a_whole(listed: List) -> None:
    """A profile may be called anything."""
    config = "[profile 'a  b']\nawsenv_color = 31\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = me\n"

    assert "  \x1b[38;5;31ma  b\x1b[m     1234" in listed(config).text


@pytest.mark.parametrize("agent", [False, True])
@pytest.mark.parametrize(("environ", "colour"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_only_a_terminal_with_colours_gets_the_color_of_a_profile(
    world: World,
    agent_in: Callable[[dict[str, str]], AbstractContextManager[None]],
    environ: dict[str, str],
    *,
    colour: bool,
    agent: bool,
) -> None:
    """A file, a pipe, NO_COLOR and a dumb terminal get plain text, also from an agent."""
    world.configure(RAILS)
    with agent_in(world.environ) if agent else nullcontext():
        child = pexpect.spawn(
            world.program, ["list"], env=world.environ | {"TERM": "xterm"} | environ, encoding="utf-8", timeout=60
        )
        child.expect(pexpect.EOF)
        piped = world.run("list").stdout

    assert colour == ("\x1b[91mprod\x1b[m" in child.before)
    assert "\x1b" not in piped


def test_a_list_of_nothing_names_the_files(world: World, clean_environ: dict[str, str]) -> None:
    """Without profiles, `list` prints nothing to stdout and says on stderr which files it read."""
    answer = world.run("list", HOME=f"{clean_environ['HOME']}/elsewhere")

    assert (0, "") == (answer.returncode, answer.stdout)
    assert "~/.aws/config (missing)" in answer.stderr
    without = world.run("list", AWS_CONFIG_FILE="", AWS_SHARED_CREDENTIALS_FILE="")
    assert "the empty path (missing) or the empty path (missing)" in without.stderr
    device = world.run("list", AWS_CONFIG_FILE="/dev/null", AWS_SHARED_CREDENTIALS_FILE="")
    assert "/dev/null (not a regular file) or the empty path (missing)" in device.stderr


def test_five_hundred_profiles_stay_apart_on_a_narrow_terminal(listed: List) -> None:
    """Names that share their begin and their end are cut where they differ."""
    role = "role_arn = arn:aws:iam::123456789012:role/admin\nsource_profile = default\n"
    config = "".join(
        f"[profile acme-corporation-{number:03}-production-administrator]\n{role}" for number in range(500)
    )

    names = [line.split()[0] for line in listed(config, 40).text.splitlines()[1:501]]

    assert 500 == len(set(names))


def test_control_characters_do_not_reach_the_terminal(world: World) -> None:
    """Control characters in the configuration are spelled out, and each profile stays on one line."""
    world.configure("[profile x]\nrole_arn = \x1b[31mred\n\tgo on\nsource_profile = default\n")

    answer = world.run("list")

    assert "\x1b" not in answer.stdout
    assert 7 == len(answer.stdout.splitlines())


@pytest.mark.parametrize("agent", [False, True])
@pytest.mark.parametrize("columns", [40, 80, 200])
def test_a_wide_list_is_the_same_on_every_terminal(
    world: World,
    agent_in: Callable[[dict[str, str]], AbstractContextManager[None]],
    columns: int,
    *,
    agent: bool,
) -> None:
    """The terminal wraps a line that is too long, as with other tools: what is copied or searched is one line."""
    world.configure("[profile 長い名前]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = default\n")
    with agent_in(world.environ) if agent else nullcontext():
        words = ["list", "--wide"]
        child = pexpect.spawn(
            world.program, words, env=world.environ, encoding="utf-8", timeout=60, dimensions=(24, columns)
        )
        shown = shown_by(child)

    assert world.run(*words).stdout == shown.replace("\r\n", "\n")


@pytest.mark.parametrize("agent", [False, True])
def test_the_list_is_as_wide_as_the_terminal_that_shows_it(
    world: World, agent_in: Callable[[dict[str, str]], AbstractContextManager[None]], *, agent: bool
) -> None:
    """Also an agent, which has no terminal, cuts the list to that of its client."""
    name = "a-name-that-is-much-too-long-for-a-terminal-of-forty-columns"
    world.configure(f"[profile {name}]\nrole_arn = arn:aws:iam::123456789012:role/{name}\nsource_profile = default\n")
    with agent_in(world.environ) if agent else nullcontext():
        child = pexpect.spawn(
            world.program, ["list"], env=world.environ, encoding="utf-8", timeout=60, dimensions=(24, 40)
        )
        lines = shown_by(child).splitlines()

    assert 7 == len(lines)
    assert 40 >= max(map(len, lines))
    assert "  a-na…mns  123456789012  a-n…mns" in "\n".join(lines)


def test_a_profile_that_calls_awsenv_for_a_role_is_left_out(listed: List) -> None:
    """It is the same role once more, for other tools; one that calls awsenv for anything else is a source."""
    calls = "credential_process = /opt/awsenv credential-process"
    config = f"""{CONFIG}[profile x-deploy]
{calls} --yes --region eu-west-1 --tag=a=b deploy
[profile odd]
{calls} 123456789012/audit
[profile other]
{calls} --profile deploy audit
[profile role]
role_arn = arn:aws:iam::123456789012:role/r
source_profile = default
{calls} deploy
"""
    shown = json.loads(listed(config, as_json=True).text)
    assert ["default", "work", "robot", "odd", "other"] == [each["profile"] for each in shown["sources"]]
    assert "role" == shown["roles"][-1]["profile"]

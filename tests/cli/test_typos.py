"""Mistyped words and words of other tools: what is refused before anything is sent, and what is meant."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import pytest

from awsenv import shells
from awsenv.cli import app, reader
from awsenv.cli.arguments import ARGUMENTS
from awsenv.cli.commands import COMMANDS, named
from awsenv.cli.options import Caller
from awsenv.cli.process import FAILURE
from awsenv.cli.prompts import Prompts
from awsenv.cli.typos import MEANT
from awsenv.errors import AwsenvError, ExitCode, UsageError
from awsenv.provider import Provider

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from conftest import World

CONFIG = """
[default]
region = eu-central-1
aws_access_key_id = AKIAIOSFODNN7EXAMPLE
aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY
[profile power-user]
role_arn = arn:aws:iam::123456789012:role/power-user
source_profile = default
mfa_serial = arn:aws:iam::123456789012:mfa/alice
[profile read-only]
role_arn = arn:aws:iam::123456789012:role/read-only
source_profile = default
"""

OWN = ("whoami", "lists")
"""Profiles that are called like a word of another tool, and almost like a command."""
GONE = "arn:aws:iam::123456789012:role/gone"
_RUN = ("awsenv ROLE [CODE]", "awsenv exec ROLE -- COMMAND runs a command")


@pytest.fixture
def mistake(tmp_path: Path) -> Callable[[str], UsageError]:
    """Return a function that returns the error of a command line. Nothing is sent, for nothing would answer."""
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text(CONFIG)
    environ = {"HOME": str(tmp_path), "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    prompts = Prompts(environ)

    def error_of(line: str) -> UsageError:
        args = shlex.split(line)
        provider = Provider(None, prompts, lambda _: None)
        caller = Caller(environ, "/bin/awsenv", provider, prompts.secret, args=tuple(args), prints_to_terminal=True)
        with pytest.raises(UsageError) as caught:
            app.invoke(args, lambda: caller)
        return caught.value

    return error_of


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("staus", "awsenv status"),
        ("stauts --verify", "awsenv status --verify"),
        ("lst", "awsenv list"),
        ("logn 123456", "awsenv login"),
        ("logn '123 456'", "awsenv login"),
        ("logn 12345", "awsenv login"),
        ("offf", "awsenv off"),
        ("renw", "awsenv renew"),
        ("exce power-user -- ls -l", "awsenv exec power-user -- ls -l"),
        ("exce power-user 123456 -- kill 123456", "awsenv exec power-user -- kill 123456"),
        ("exce", "awsenv exec ROLE"),
        ("exce 123456", "awsenv exec ROLE"),
        ("exce power-user -- exce", "awsenv exec power-user -- exce"),
        ("hook", "awsenv init"),
        ("ues power-user", "awsenv power-user"),
        ("docter power-user 123456", "awsenv doctor power-user"),
        ("inti bash", "awsenv init bash"),
        ("hlep exec", "awsenv help exec"),
        ("verison", "awsenv --version"),
        ("--profile default login", "awsenv login"),
        ("--json list", "awsenv list"),
        ("-- staus", "awsenv status"),
        ("staus --profile default", "awsenv status"),
        ("staus --duration=2h --json", "awsenv status --json"),
        ("renw -q --region eu-west-1", "awsenv renew -q"),
        ("logn --profile default --region eu-west-1", "awsenv login --profile default"),
        ("lst prod --print", "awsenv list prod"),
        ("logot power-user", "awsenv logout"),
        ("offf --shell zsh --external-id x", "awsenv off --shell zsh"),
        ("staus --help", "awsenv status --help"),
        ("'profile power-usr' 123456", "awsenv power-user"),
        ("123456 power-user", "awsenv power-user"),
        ("exec 123456 power-user -- true", "awsenv exec power-user -- true"),
        ("exec 123456", "awsenv exec ROLE [CODE] [-- COMMAND...]"),
        ("doctor 123456", "awsenv doctor [ROLE] [CODE]"),
        ("explain 1234567", "awsenv explain ROLE"),
        ("12345", "awsenv ROLE [CODE]"),
        ("use 123456789012", "awsenv ROLE [CODE]"),
        ("console power-user 12345", "awsenv console ROLE [CODE]"),
        ("exec power-user 1234567 -- true", "awsenv exec ROLE [CODE] [-- COMMAND...]"),
        ("power-user -- -x", "awsenv ROLE [CODE]"),
        ("exec pöwer-user -- true", "awsenv exec power-user -- true"),
        ("login power-usr", "awsenv login --profile power-user"),
        ("-v", "awsenv --version"),
        ("--hlep", "awsenv --help"),
        ("power-usr", "awsenv power-user"),
        ("power-usr 123456", "awsenv power-user"),
        ("ReadOnly --duration 129600", "awsenv read-only --duration 129600"),
        ("power-usr 123456 --external-id canary", "awsenv power-user --external-id -"),
        ("power-usr --external-id 123456 654321", "awsenv power-user --external-id -"),
        ("power-usr --external-id=canary --tag a=b", "awsenv power-user --external-id=- --tag a=b"),
        ("exec power-usr 123456 -- terraform plan", "awsenv exec power-user -- terraform plan"),
        ("exec lst -- true", "awsenv list"),
        ("explain read-onyl", "awsenv explain read-only"),
        ("doctor power_usr 123456", "awsenv doctor power-user"),
        ("console power-usr --open", "awsenv console power-user --open"),
        ("credential-process poweruser", "awsenv credential-process power-user"),
        ("login --profile defualt", "awsenv login --profile default"),
        ("power-user --profile=defalt", "awsenv power-user --profile=default"),
        ("doctor power-user --profile defualt", "awsenv doctor power-user --profile default"),
        ("eks blue power-user", "awsenv token eks blue power-user"),
        ("eks", "awsenv token eks CLUSTER ROLE [CODE]"),
        ("rds db:5432 bob power-user 123456", "awsenv token rds db:5432 bob power-user"),
        ("get-token --cluster-name blue", "awsenv token eks CLUSTER ROLE [CODE]"),
        ("tokn eks blue power-user", "awsenv token eks blue power-user"),
        ("tokn", "awsenv token eks CLUSTER ROLE [CODE] | rds HOST:PORT USER ROLE [CODE]"),
    ],
)
def test_a_typo_is_refused_with_the_line_that_was_meant(
    mistake: Callable[[str], UsageError], line: str, meant: str
) -> None:
    """The first step is the whole line, with its options, but without the code and the external id."""
    assert meant == mistake(line).hints[0]


@pytest.mark.parametrize(
    "line",
    [
        *("staus", "stauts --verify", "lst", "logn 123456", "exce power-user -- ls -l", "exce", "ues power-user"),
        *(
            "inti zsh",
            "docter power-user 123456",
            "power-usr 123456 --tag a=b",
            "exec power-usr 123456 -- terraform plan",
        ),
        *("console power-usr --open", "login --profile defualt", "login power-usr", "status --verfy", "setup --dryrun"),
        *("staus --profile x --duration 1h", "logot --print x", "lst --region x", "stats -q 123456", "offf 12h -q"),
        *("staus -y", "stauts --yes power-user", "exce -qy power-user"),
        *("power-user --reg x", "power-user --role-session-name x", "setup read-onyl", "setup --profile defualt"),
        *MEANT,
    ],
)
def test_the_line_that_is_meant_can_be_read(mistake: Callable[[str], UsageError], line: str) -> None:
    """Each step is a command line that its command takes: nothing in it is wrong again."""
    step = mistake(line).hints[0]
    if step.startswith("awsenv ") and step != "awsenv --version":
        name, *words = named(shlex.split(step)[1:])
        assert reader.read(ARGUMENTS[name], words) is not None
    else:
        assert re.match("awsenv --version$|aws (sso|iam) |delete the section of ", step)


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ("power-user 123456 654321", " after the code"),
        ("explain power-user 654321", ""),
        ("login me 654321", ""),
        ("off 654321", ""),
    ],
)
def test_a_number_that_is_too_much_is_not_shown(mistake: Callable[[str], UsageError], line: str, after: str) -> None:
    """It may be a code."""
    assert f"unexpected argument{after}: a number" == mistake(line).fact


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("read-only -- ls", ("awsenv exec read-only -- ls",)),
        ("read-only -- ls -l --print", ("awsenv exec read-only -- ls -l --print",)),
        ("use read-only --print -- ls", ("awsenv exec read-only -- ls",)),
        ("power-user 123456 --region x -- ls", ("awsenv exec power-user --region x -- ls",)),
        ("power-user 123456 --external-id x -- ls -l", ("awsenv exec power-user --external-id - -- ls -l",)),
        ("read-only canary -- ls", _RUN),
        ("read-only canary", _RUN),
        ("read-only -- 12345", _RUN),
    ],
)
def test_a_command_after_a_role_is_run_by_exec(
    mistake: Callable[[str], UsageError], line: str, meant: tuple[str, ...]
) -> None:
    """The next step is the whole line of `exec`, without what may be a password or a code."""
    assert meant == mistake(line).hints


@pytest.mark.parametrize(
    ("line", "insists"),
    [
        ("staus", "awsenv use staus treats it as a role"),
        ("power-usr 123456", "awsenv use power-usr treats it as a role"),
        ("exec lst -- true", "awsenv exec 123456789012/lst treats it as a role"),
        ("doctor power-usr", "awsenv doctor 123456789012/power-usr treats it as a role"),
        ("console power-usr", "awsenv console 123456789012/power-usr treats it as a role"),
    ],
)
def test_a_role_of_such_a_name_can_be_insisted_on(
    mistake: Callable[[str], UsageError], line: str, insists: str
) -> None:
    """The second step says how: with `use`, or with the account of the user."""
    assert insists == mistake(line).hints[1]


@pytest.mark.parametrize("line", ["power-user --external-id -", "credential-process power-user --external-id -"])
def test_no_secret_is_asked_for_in_vain(mistake: Callable[[str], UsageError], line: str) -> None:
    """On a terminal that would show the keys, nothing is done, and no external id is asked for first."""
    assert mistake(line).fact.startswith("nothing was done: ")


@pytest.mark.parametrize("word", MEANT)
def test_a_word_of_another_tool_leads_to_ours(mistake: Callable[[str], UsageError], word: str) -> None:
    """The table has a command of ours, or a step of another tool, for each."""
    error = mistake(f"{word} power-user")

    name = MEANT[word].split()[0]
    expected = {
        "use": "awsenv power-user",
        **{each: f"awsenv {each} power-user" for each in ("exec", "console")},
        "token": f"awsenv {MEANT[word]} power-user",
    }
    known = f"awsenv {MEANT[word]}" if name in {*COMMANDS, "--version"} else MEANT[word]
    assert (f"there is no command or profile {word!r}", expected.get(name, known)) == (error.fact, error.hints[0])


@pytest.mark.parametrize("word", MEANT)
def test_no_word_of_another_tool_is_a_command(word: str) -> None:
    """A word of the table could not be reached if it were a command."""
    assert word not in COMMANDS


@pytest.mark.parametrize(
    ("line", "fact", "meant"),
    [
        ("power-user --durations 1h", "there is no option --durations", "awsenv power-user --duration 1h"),
        ("--lst", "there is no option --lst", "awsenv list"),
        ("power-user --DURATION=1h", "there is no option --DURATION", "awsenv power-user --duration=1h"),
        ("power-user --externalid x", "there is no option --externalid", "awsenv power-user --external-id -"),
        ("-profile default power-user", "there is no option -profile", "awsenv --profile default power-user"),
        ("power-user --source-profile x", "there is no option --source-profile", "awsenv power-user --profile x"),
        (
            "power-user --role-session-name x",
            "there is no option --role-session-name",
            "awsenv power-user --session-name x",
        ),
        (
            "power-user --duration-seconds 900",
            "there is no option --duration-seconds",
            "awsenv power-user --duration 900",
        ),
        ("power-user --serial-number x", "there is no option --serial-number", "awsenv power-user --mfa-serial x"),
        ("power-user --reg x", "there is no option --reg", "awsenv power-user --region x"),
        ("exec power-user --refesh -- x", "there is no option --refesh", "awsenv exec power-user --refresh -- x"),
        ("status --verfy", "there is no option --verfy", "awsenv status --verify"),
        ("setup --dryrun", "there is no option --dryrun", "awsenv setup --dry-run"),
        ("--mfa 123456 power-user", "there is no option --mfa", "awsenv ROLE CODE: the MFA code is the second word"),
        (
            "power-user --mfa-code 123456",
            "there is no option --mfa-code",
            "awsenv ROLE CODE: the MFA code is the second word",
        ),
        ("power-user --code=123456", "there is no option --code", "awsenv ROLE CODE: the MFA code is the second word"),
        ("login --otp 123456", "there is no option --otp", "awsenv login CODE"),
        (
            "--role-arn arn:x",
            "there is no option --role-arn",
            "awsenv ROLE: the role is the first word, a profile or an ARN",
        ),
        ("list --region x", "there is no option --region", "awsenv list --help"),
        ("token eks --cluster-name c r", "there is no option --cluster-name", "awsenv token eks CLUSTER ROLE [CODE]"),
        ("token eks c --role-arn r", "there is no option --role-arn", "awsenv token eks CLUSTER ROLE [CODE]"),
        (
            "token rds db:1 u r --mfa-code 1",
            "there is no option --mfa-code",
            "awsenv token rds HOST:PORT USER ROLE [CODE]",
        ),
        ("token eks c r --reg x", "there is no option --reg", "awsenv token eks c r --region x"),
        ("--foo", "there is no option --foo", "awsenv --help"),
        ("power-user --foo", "there is no option --foo", "awsenv use --help"),
        ("power-user -p x", "there is no option -p", "awsenv use --help"),
        ("power-user --duration", "--duration needs a value", "--duration TIME"),
        ("power-user -=", "there is no option -=", "awsenv use --help"),
        ("power-user --=x", "there is no option --=", "awsenv use --help"),
    ],
)
def test_an_option_that_does_not_exist_leads_to_one_that_does(
    mistake: Callable[[str], UsageError], line: str, fact: str, meant: str
) -> None:
    """Its name is near, shares a word, or is what AWS and other tools call it. No code is repeated."""
    error = mistake(line)

    assert (fact, meant) == (error.fact, error.hints[0])


@pytest.mark.parametrize(
    ("line", "fact", "meant"),
    [
        ("list --json=true", "--json takes no value", "awsenv list --json"),
        ("exec --sealed=x power-user", "--sealed takes no value but strict", "awsenv exec --sealed power-user"),
        (
            "exec --sealed strict power-user",
            "--sealed strict is written --sealed=strict",
            "awsenv exec --sealed=strict power-user",
        ),
        ("power-user --quiet=", "--quiet takes no value", "awsenv power-user --quiet"),
        ("exec -yq=1 power-user -- x=1", "-q takes no value", "awsenv exec -yq power-user -- x=1"),
        ("list --help=x", "--help takes no value", "awsenv list --help"),
        ("list -h=x", "-h takes no value", "awsenv list -h"),
    ],
)
def test_a_flag_takes_no_value(mistake: Callable[[str], UsageError], line: str, fact: str, meant: str) -> None:
    """The hint is the line without the value."""
    error = mistake(line)

    assert (fact, (meant,)) == (error.fact, error.hints)


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("power-user --shell zhs", "--shell zsh"),
        ("off --shell Fsh", "--shell fish"),
        ("off --shell rc", f"--shell with one of {', '.join(shells.names())}"),
        ("init bsh", "awsenv init bash"),
        ("init fihs", "awsenv init fish"),
        ("init rc", f"awsenv init with one of {', '.join(shell.name for shell in shells.hooked())}"),
        ("setup --format terrafrom", "--format terraform"),
        ("setup --format CloudFormation", "--format cloudformation"),
        ("setup --format yaml", "--format cloudformation or --format terraform"),
        ("setup read-onyl", "awsenv setup read-only"),
        ("setup --profile defualt", "awsenv setup --profile default"),
    ],
)
def test_a_mistyped_value_leads_to_one_that_there_is(
    mistake: Callable[[str], UsageError], line: str, meant: str
) -> None:
    """The hint is the nearest value, else all of them."""
    assert meant == mistake(line).hints[0]


@pytest.mark.parametrize(
    ("line", "meant"),
    [("help staus", "awsenv help status"), ("help ls", "awsenv help list"), ("help lgin", "awsenv help login")],
)
def test_help_about_a_mistyped_command(mistake: Callable[[str], UsageError], line: str, meant: str) -> None:
    """`awsenv help WORD` names the command that is meant."""
    assert (meant,) == mistake(line).hints


@pytest.mark.parametrize(
    ("line", "status"),
    [
        *(
            (line, ExitCode.REFUSED)
            for line in ("use staus", "use ls", "use power-usr", "deploy", "list-reader", "admin")
        ),
        *((line, ExitCode.REFUSED) for line in ("whoami", "lists", "OrganizationAccountAccessRole")),
        *((line, ExitCode.REFUSED) for line in ("123456789012/power-usr", "arn:aws:iam::123456789012:role/power-usr")),
        *((line, ExitCode.EXEC_FAILED) for line in ("exec 123456789012/lst", "exec deploy -- true")),
    ],
)
def test_what_is_certain_is_sent(shared_world: World, tmp_path: Path, line: str, status: ExitCode) -> None:
    """A profile, `use`, an ARN, an account and another name are no typos, and reach AWS."""
    shared_world.sandbox.clear_calls()
    config = tmp_path / "config"
    config.write_text(
        CONFIG + "".join(f"[profile {name}]\nrole_arn = {GONE}\nsource_profile = default\n" for name in OWN)
    )
    done = shared_world.run(*line.split(), AWS_CONFIG_FILE=str(config))

    assert (status, "AssumeRole") == (done.returncode, shared_world.actions()[-1])


def test_a_config_file_that_is_not_there_is_named(shared_world: World) -> None:
    """AWS knows no role of the name of a profile whose file is not read: the step names the files."""
    done = shared_world.run("deploy", AWS_CONFIG_FILE="/no/such")

    step = "awsenv list shows the profiles: 'deploy' is not one in /no/such (missing) or ~/.aws/credentials"
    assert f"  try      {step}\n" in done.stderr


@pytest.mark.parametrize("with_agent", [False, True])
@pytest.mark.parametrize("line", ["power-usr CODE", "logn CODE", "exec power-usr CODE -- true", "staus", "ls"])
def test_nothing_is_sent_for_a_typo(
    shared_world: World,
    agent_in: Callable[[Mapping[str, str]], AbstractContextManager[None]],
    line: str,
    with_agent: bool,  # noqa: FBT001 - with or without
) -> None:
    """With and without an agent, AWS hears nothing, a shell fails, and the code is not shown."""
    shared_world.sandbox.clear_calls()
    code = shared_world.device.code()
    words = line.replace("CODE", code).split()
    if with_agent:
        with agent_in(shared_world.environ):
            done = shared_world.run(*words)
    else:
        done = shared_world.run(*words)

    is_exec = words[0] == "exec"
    status = ExitCode.EXEC_FAILED if is_exec else ExitCode.USAGE
    assert (status, "" if is_exec else FAILURE, []) == (done.returncode, done.stdout, shared_world.actions())
    assert code not in done.stderr


def test_a_misspelt_section_is_the_better_reason(tmp_path: Path) -> None:
    """A section whose header is wrong is told of, rather than a profile that is near."""
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text(f"{CONFIG}[Profile prod]\n[profile prdo]\n")
    environ = {"HOME": str(tmp_path)}
    prompts = Prompts(environ)
    caller = Caller(environ, "/bin/awsenv", Provider(None, prompts, lambda _: None), prompts.secret, args=("prod",))
    with pytest.raises(AwsenvError) as caught:
        app.invoke(["prod"], lambda: caller)

    assert (
        "the AWS CLI and awsenv ignore [Profile prod]: no section begins with 'Profile'",
        ("write [profile prod]",),
    ) == (
        caught.value.fact,
        caught.value.hints,
    )

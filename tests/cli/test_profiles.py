"""`awsenv profiles --as PREFIX`: profiles that call awsenv, which AWS's tools read alike."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from awsenv.cli.arguments import CredentialProcessArguments, HelpOption, ProfilesArguments
from awsenv.cli.declarations import options
from awsenv.cli.options import Caller
from awsenv.cli.profiles import run
from awsenv.cli.prompts import Prompts
from awsenv.config.recursion import FLAGS
from awsenv.errors import AwsenvError, ConfigError, UsageError
from awsenv.provider import Provider

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from awsenv.cli.action import Print
    from conftest import World

    Made = Callable[..., Print]

ARN = "role_arn = arn:aws:iam::123456789012:role/r\n"
PROCESS = "credential_process = awsenv credential-process"
BACK = "source_profile = x-prod"
CONFIG = f"""\
[default]
region = eu-central-1
aws_access_key_id = AKIAIOSFODNN7EXAMPLE
aws_secret_access_key = canary
[profile prod]
{ARN}source_profile = default
external_id = canary
[profile staging]
{ARN}source_profile = default
region = us-east-1
"""
WHO = "import boto3, sys; print(boto3.Session(profile_name=sys.argv[1]).client('sts').get_caller_identity()['Arn'])"
JAVASCRIPT = """
import { STSClient, GetCallerIdentityCommand } from "@aws-sdk/client-sts";
console.log((await new STSClient({}).send(new GetCallerIdentityCommand({}))).Arn);
"""


@pytest.fixture
def made(clean_environ: dict[str, str], tmp_path: Path) -> Made:
    """Return a function that makes the profiles of a config file."""

    def make(
        config: str = CONFIG,
        *patterns: str,
        prefix: str | None = "x-",
        program: str = "/bin/awsenv",
        environ: Mapping[str, str] | None = None,
    ) -> Print:
        folder = tmp_path / "home" / ".aws"
        folder.mkdir(exist_ok=True)
        (folder / "config").write_text(config)
        environ = clean_environ | dict(environ or {})
        prompts = Prompts(environ)
        words = ("profiles", "--as", prefix or "", *patterns)
        caller = Caller(environ, program, Provider(None, prompts, lambda _: None), prompts.secret, args=words)
        return run(caller, ProfilesArguments(prefix=prefix, patterns=patterns))

    return make


def test_each_role_gets_a_profile(made: Made) -> None:
    """A source gets none, a region of the shell is none of the file's, and no secret is printed."""
    expected = """
# By awsenv profiles --as x- >>~/.aws/config
# which adds what is missing: run it again when there are new roles.
[profile x-prod]
credential_process = /bin/awsenv credential-process prod
region = eu-central-1

[profile x-staging]
credential_process = /bin/awsenv credential-process staging
region = us-east-1
"""
    printed = made(CONFIG, environ={"AWS_REGION": "ap-south-1"})
    assert (expected, []) == (printed.text, printed.notes)


def test_patterns_choose_roles(made: Made) -> None:
    """A pattern is a part of a name, or a glob; without a match a note says so."""
    assert "[profile x-staging]" in made(CONFIG, "stag", "nothing").text
    assert "x-prod" not in made(CONFIG, "st*").text
    printed = made(CONFIG, "nothing", "no*")
    assert ("", ["no role matches 'nothing' or 'no*'"]) == (printed.text, [each.fact for each in printed.notes])


def test_a_second_run_adds_only_what_is_missing(made: Made) -> None:
    """A profile that calls awsenv for its role stays as the user has changed it, and is printed no more."""
    config = CONFIG + made().text.replace("process prod", "process --yes prod")
    again = made(config)
    assert ("", [], "Each role has its profile already.") == (again.text, again.notes, again.success)
    printed = made(f"{config}[profile new]\n{ARN}source_profile = default\n").text
    assert ["[profile x-new]"] == [line for line in printed.splitlines() if line.startswith("[")]


def test_options_without_a_value_are_known() -> None:
    """The role that a profile calls awsenv for is the first word that is not the value of an option."""
    known = options(CredentialProcessArguments) | options(HelpOption)
    assert FLAGS == {"--", *(name for name, each in known.items() if each.is_flag and name.startswith("--"))}


@pytest.mark.parametrize("text", ["region = us-east-1", f"{PROCESS} staging", f"{PROCESS} --profile prod other"])
def test_another_profile_of_that_name_stays(made: Made, text: str) -> None:
    """A profile of another content is not printed: a second section of its name would break the file."""
    printed = made(f"{CONFIG}[profile x-prod]\n{text}\n", "prod")
    (note,) = printed.notes
    assert ("", "profile 'x-prod' exists, and does not call awsenv for 'prod'") == (printed.text, note.fact)
    assert "~/.aws/config:13, [profile x-prod]" == str(note.origins[0])


@pytest.mark.parametrize(
    "config",
    [
        f"[profile prod]\n{ARN}source_profile = x-prod\n",
        f"[profile prod]\n{ARN}source_profile = a\n[profile a]\n{PROCESS} x-prod\n",
        f"[profile prod]\n{ARN}source_profile = x-b\n[profile x-b]\n{PROCESS} b\n[profile b]\n{ARN}{BACK}",
    ],
)
def test_no_profile_leads_back_to_itself(made: Made, config: str) -> None:
    """A role whose credentials would come from its own profile gets none, whatever lies between."""
    printed = made(config, "prod")
    assert ("", ["profile 'x-prod' would be a source of the role that it is for"]) == (
        printed.text,
        [each.fact for each in printed.notes],
    )


@pytest.mark.parametrize("name", ["a b", '"a\'b"', "a#b", "a;b", "a$b", "a\\\\b", "a+b", "a:b", "é", "-a", "a]b"])
def test_a_name_that_sdks_read_differently_gets_no_profile(made: Made, name: str) -> None:
    """A note names the profile and its line."""
    header = name if name.startswith('"') else f'"{name}"'
    printed = made(f"{CONFIG}[profile {header}]\n{ARN}source_profile = default\n")
    (note,) = printed.notes
    assert 2 == printed.text.count("[profile ")
    assert note.fact.startswith("not every AWS SDK can read the name ")
    assert "~/.aws/config:13" in str(note.origins[0])


@pytest.mark.parametrize(
    ("prefix", "fact"), [(None, "which prefix?"), ("", "which prefix?"), ("a b", "'a b'"), ("-x", "'-x'")]
)
def test_a_prefix_must_be_part_of_a_name(made: Made, prefix: str | None, fact: str) -> None:
    """Without one a profile would name itself; with a space, SDKs would read it differently; none is an option."""
    with pytest.raises(UsageError) as caught:
        made(prefix=prefix)
    assert caught.value.fact.endswith(fact)


@pytest.mark.parametrize(
    "path", ["/a b/awsenv", "/it's/awsenv", "/python@3.12/awsenv", "/ü/awsenv", "/a&b|c(d)*/awsenv"]
)
def test_a_path_is_one_word_to_a_shell_and_to_botocore(made: Made, path: str) -> None:
    """The quotes are those of the documentation of AWS."""
    line = made(program=path).text.splitlines()[4]
    command = line.partition(" = ")[2]
    split = "import sys; from botocore.compat import compat_shell_split as split; print(*split(sys.argv[1]), sep='\\n')"
    by_botocore = subprocess.run([sys.executable, "-c", split, command], capture_output=True, text=True, check=True)
    by_shell = subprocess.run(["sh", "-c", f"printf '%s\\n' {command}"], capture_output=True, text=True, check=True)
    expected = f"{path}\ncredential-process\nprod\n"
    assert (expected, expected) == (by_botocore.stdout, by_shell.stdout)


@pytest.mark.parametrize("path", ["/a#b/awsenv", '/a"b/awsenv', "/$HOME/awsenv", "/a\\b/awsenv", "/a\nb/awsenv"])
def test_a_path_that_tools_read_differently_is_an_error(made: Made, path: str) -> None:
    """Go's SDK ends a line at any #, and a shell expands $ in quotes."""
    with pytest.raises(ConfigError, match="AWS's tools cannot call awsenv where it is"):
        made(program=path)


def test_a_file_without_roles_is_said(made: Made) -> None:
    """The note is that of `list`."""
    (note,) = made("[default]\nregion = eu-central-1\n").notes
    assert isinstance(note, AwsenvError)


def test_real_clients_get_the_role(
    world: World,
    agent_in: Callable[[Mapping[str, str]], AbstractContextManager[None]],
    require: Callable[[str], str],
    node_package: Callable[[str], Path],
) -> None:
    """Appended to the file, they give boto3, the AWS CLI and the JavaScript SDK the role that the agent holds."""
    assert 0 == world.command(["sh", "-c", f'{world.program} profiles --as x- >>"$HOME/.aws/config"']).returncode
    assert "" == world.run("profiles", "--as", "x-").stdout
    script = node_package("@aws-sdk/client-sts@3.1173.0").parents[2] / f"profiles-{os.getpid()}.mjs"
    script.write_text(JAVASCRIPT)
    # Without the PATH of the user's shell, as in an editor that a desktop has started.
    environ = {"AWS_PROFILE": "x-power-user", "PATH": "/usr/bin:/bin"}
    with agent_in(world.environ):
        assert 0 == world.run("login", world.device.code()).returncode
        world.sandbox.clear_calls()
        arns = {
            world.command([sys.executable, "-c", WHO, "x-power-user"], **environ).stdout.strip(),
            json.loads(world.command([require("aws"), "sts", "get-caller-identity"], **environ).stdout)["Arn"],
            world.command([require("node"), "--no-warnings", str(script)], **environ).stdout.strip(),
        }
    assert [f"arn:aws:sts::{world.sandbox.account}:assumed-role/power-user/root"] == sorted(arns)
    assert {"AssumeRole", "GetCallerIdentity"} == set(world.actions())

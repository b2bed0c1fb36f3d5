"""What the doctor says of the two files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from awsenv.doctor.files import files
from awsenv.doctor.model import Finding, Verdict
from awsenv.errors import Origin
from awsenv.wording import printable

if TYPE_CHECKING:
    from pathlib import Path

KEYS = "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = canary-secret\n"
CONFIG = "[default]\nregion = eu-central-1\n[profile one]\nregion = eu-west-1\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a home with two files that are as they should be."""
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text(CONFIG)
    (tmp_path / ".aws" / "credentials").write_text(KEYS)
    (tmp_path / ".aws" / "credentials").chmod(0o600)
    return tmp_path


def found(home: Path, **variables: str) -> list[Finding]:
    """Return the findings in this home."""
    return list(files({"HOME": str(home), **variables}, str(home)))


def test_files_without_a_fault(home: Path) -> None:
    """If nothing is wrong, the finding names the files and the number of profiles."""
    fact = "~/.aws/config and ~/.aws/credentials: 2 profiles"
    assert [Finding("files", Verdict.FINE, fact)] == found(home)


def test_one_file_is_enough(home: Path) -> None:
    """A missing credentials file is fine, as with SSO."""
    (home / ".aws" / "credentials").unlink()
    (finding,) = found(home)
    assert Verdict.FINE is finding.verdict
    assert "~/.aws/config and ~/.aws/credentials (missing): 2 profiles" == finding.fact


def test_none_is_no_fault(tmp_path: Path) -> None:
    """The environment may hold the credentials; if it does not, the finding on the chain says so."""
    (finding,) = found(tmp_path)
    assert Verdict.FINE is finding.verdict
    assert "~/.aws/config (missing) and ~/.aws/credentials (missing): 0 profiles" == finding.fact


@pytest.mark.parametrize(
    ("data", "fact", "line"),
    [
        (b"[default]\n[default]\n", "appears twice, in lines 1 and 2", ":2"),
        (b"[default]\na = 1\nA = 2\n", "appears twice in this section, in lines 2 and 3", ":3, [default]"),
        (b"\xef\xbb\xbf[default]\n", "byte order mark", ":1"),
        (b"[default]\n# gr\xfc\xdfe\n", "not UTF-8", ":2"),
    ],
)
def test_what_botocore_refuses_is_wrong(home: Path, data: bytes, fact: str, line: str) -> None:
    """A file that botocore refuses is the only finding, with its origin and a next step."""
    (home / ".aws" / "config").write_bytes(data)
    (finding,) = found(home)
    assert Verdict.WRONG is finding.verdict
    assert fact in finding.fact
    assert [f"~/.aws/config{line}"] == [str(origin) for origin in finding.origins]
    assert finding.hints


def test_a_file_that_cannot_be_read_is_wrong(home: Path) -> None:
    """A loop of links cannot be read by anyone, root included."""
    path = home / ".aws" / "config"
    path.unlink()
    path.symlink_to(path)
    (finding,) = found(home)
    assert (Verdict.WRONG, (Origin("~/.aws/config"),)) == (finding.verdict, finding.origins)
    assert finding.fact.startswith("cannot read ~/.aws/config: ")
    assert ("replace the link with a regular file",) == finding.hints


@pytest.mark.parametrize("variable", ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"])
@pytest.mark.parametrize(("path", "what"), [("~/nowhere", "does not exist"), ("~/.aws", "is not a regular file")])
def test_a_variable_that_leads_to_no_file_is_a_warning(home: Path, variable: str, path: str, what: str) -> None:
    """AWS tools ignore a variable that names a missing file; the doctor does not."""
    (finding,) = found(home, **{variable: path})
    assert (Verdict.WARNING, (Origin(variable),)) == (finding.verdict, finding.origins)
    assert f"{path} {what}" == finding.fact
    assert (f"correct {variable}", f"unset {variable}") == finding.hints


@pytest.mark.parametrize("name", ["config", "credentials"])
def test_a_folder_in_place_of_a_file_is_a_warning(home: Path, name: str) -> None:
    """Docker makes a folder if a mounted file does not exist; AWS tools ignore it."""
    path = home / ".aws" / name
    path.unlink()
    path.mkdir()
    (finding,) = found(home)
    assert (Verdict.WARNING, f"~/.aws/{name} is not a regular file") == (finding.verdict, finding.fact)
    assert ((f"replace ~/.aws/{name} with a regular file",), (Origin(f"~/.aws/{name}"),)) == (
        finding.hints,
        finding.origins,
    )


@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True)])
def test_keys_that_others_can_read_are_a_warning(home: Path, mode: int, *, warned: bool) -> None:
    """The next step is the command that hides the keys."""
    (home / ".aws" / "credentials").chmod(mode)
    (finding,) = found(home)
    assert warned is (finding.verdict is Verdict.WARNING)
    assert (("chmod 600 ~/.aws/credentials",) if warned else ()) == finding.hints


@pytest.mark.parametrize(
    ("path", "mode", "hint"),
    [
        (".aws", 0o777, "chmod go-w ~/.aws"),
        (".aws", 0o722, "chmod go-w ~/.aws"),
        (".aws/config", 0o666, "chmod go-w ~/.aws/config"),
        (".aws/config", 0o602, "chmod go-w ~/.aws/config"),
        (".aws/sso/cache", 0o777, "chmod go-w ~/.aws/sso/cache"),
        (".aws/sso", 0o777, "chmod go-w ~/.aws/sso"),
        (".aws/cli/cache", 0o772, "chmod go-w ~/.aws/cli/cache"),
        (".aws/login/cache", 0o777, "chmod go-w ~/.aws/login/cache"),
    ],
)
def test_what_others_can_write_is_a_warning(home: Path, path: str, mode: int, hint: str) -> None:
    """A folder of both files that others can write is one finding; so is a cache of sign-ins."""
    for cache in ("sso", "cli", "login"):
        (home / ".aws" / cache / "cache").mkdir(parents=True)
    (home / path).chmod(mode)
    fact = f"others can write ~/{path}: its mode is {mode:04o}"
    hints = (hint, "check what is in it: someone else may have changed it")
    assert [Finding("files", Verdict.WARNING, fact, (Origin(f"~/{path}"),), hints)] == found(home)


def test_a_credentials_file_that_others_can_write_is_one_warning(home: Path) -> None:
    """One command hides the keys and keeps others from writing."""
    (home / ".aws" / "credentials").chmod(0o666)
    (finding,) = found(home)
    assert ("chmod 600 ~/.aws/credentials",) == finding.hints


def test_a_device_is_no_file_that_others_can_write(home: Path) -> None:
    """`/dev/null` as config file is no finding about its mode."""
    (finding,) = found(home, AWS_CONFIG_FILE="/dev/null")
    assert "/dev/null is not a regular file" == finding.fact


def test_a_path_that_a_shell_would_divide_is_quoted(home: Path) -> None:
    """The command in the next step can be pasted."""
    path = home / "my keys"
    path.write_text(KEYS)
    path.chmod(0o644)
    (finding,) = found(home, AWS_SHARED_CREDENTIALS_FILE="~/my keys")
    assert ("chmod 600 ~/'my keys'",) == finding.hints


def test_a_section_that_was_meant_to_be_a_profile_is_a_warning(home: Path) -> None:
    """Each misspelt profile is a finding; sections of another kind are not."""
    with (home / ".aws" / "config").open("a") as file:
        file.write("[two]\n[Profile three]\n[sso-session four]\n[services five]\n[plugins]\n")
    assert [
        (5, "the AWS CLI and awsenv ignore [two]: it does not begin with profile", "write [profile two]"),
        (6, "the AWS CLI and awsenv ignore [Profile three]: no section begins with 'Profile'", "write [profile three]"),
    ] == [(finding.origins[0].line, finding.fact, *finding.hints) for finding in found(home)]


@pytest.mark.parametrize(
    ("header", "title"),
    [
        ("[SSO-Session a]", "sso-session a"),
        ("[sso_session a]", "sso-session a"),
        ("[ssosession a]", "sso-session a"),
        ("[service a]", "services a"),
        ("[profil a]", "profile a"),
        ("[ proflie a ]", "profile a"),
    ],
)
def test_a_misspelt_kind_of_section_is_a_warning(home: Path, header: str, title: str) -> None:
    """No tool reads such a section, or says so. botocore takes `[profiles b]` for a profile, which others do not."""
    with (home / ".aws" / "config").open("a") as file:
        file.write(f"{header}\n[profiles b]\n")
    finding, other = found(home)
    assert "[profiles b] works in the AWS CLI, but not in every other AWS SDK" == other.fact
    assert finding.fact.startswith(f"the AWS CLI and awsenv ignore {header}: no section begins with")
    assert (f"write [{title}]",) == finding.hints


@pytest.mark.parametrize(
    ("header", "reason", "title"),
    [
        ("[profile x y]", ": a name with spaces needs quotes", 'profile "x y"'),
        ("[sso-session x y]", ": a name with spaces needs quotes", 'sso-session "x y"'),
        ("[services x  y]", ": a name with spaces needs quotes", 'services "x  y"'),
        ("[profile]", ": it has no name", "profile NAME"),
        ("[sso-session ]", ": it has no name", "sso-session NAME"),
        ("[x y]", ": it does not begin with profile", 'profile "x y"'),
        ("[profile 'x]", "", "profile x"),
        ("[profile\u00a0x]", ": it has an invisible character that is not a space", "profile x"),
        ("[sso-session\u3000x]", ": it has an invisible character that is not a space", "sso-session x"),
    ],
)
def test_a_section_that_botocore_ignores_is_a_warning(home: Path, header: str, reason: str, title: str) -> None:
    """The AWS CLI says nothing of such a section, and the name is that of no profile there."""
    with (home / ".aws" / "config").open("a") as file:
        file.write(f"{header}\nregion = eu-west-1\n")
    (finding,) = found(home)
    assert (f"the AWS CLI and awsenv ignore {printable(header)}{reason}", (f"write [{title}]",)) == (
        finding.fact,
        finding.hints,
    )


@pytest.mark.parametrize(
    ("headers", "fact", "hint"),
    [
        (
            ("[default]", "[profile default]"),
            "the AWS CLI and awsenv ignore [default], and read [profile default]",
            "move what [profile default] lacks to it, and remove [default]",
        ),
        (
            ("[profile default]", "[default]"),
            "the AWS CLI and awsenv ignore [profile default], and read [default]",
            "move what [default] lacks to it, and remove [profile default]",
        ),
        (
            ("[Default]", "[default]"),
            "the AWS CLI and awsenv ignore [Default], and read [default]",
            "move what [default] lacks to it, and remove [Default]",
        ),
        (
            ("[profile a]", "[a]"),
            "the AWS CLI and awsenv ignore [a], and read [profile a]",
            "move what [profile a] lacks to it, and remove [a]",
        ),
    ],
)
def test_a_section_beside_the_one_that_counts(home: Path, headers: tuple[str, str], fact: str, hint: str) -> None:
    """The next step makes no second section of the same header, which no tool could read."""
    text = "".join(f"{header}\nregion = eu-west-1\n" for header in headers)
    (home / ".aws" / "config").write_text(text)
    (finding,) = found(home)
    assert (fact, (hint,)) == (finding.fact, finding.hints)


def test_each_difference_between_the_tools_is_a_warning_up_to_five(home: Path) -> None:
    """The fifth finding counts the rest."""
    (home / ".aws" / "config").write_text("[default]\n" + "".join(f"k{n} = canary # x\n" for n in range(8)))
    findings = found(home)
    assert [(Origin("~/.aws/config", n),) for n in range(2, 7)] == [finding.origins for finding in findings]
    assert {Verdict.WARNING} == {finding.verdict for finding in findings}
    assert findings[-1].fact.endswith(", and 3 more such lines")
    assert "canary" not in f"{findings}"


def test_what_leaks_out_of_the_default_section_is_a_warning(home: Path) -> None:
    """A key of [DEFAULT] is a finding, as the AWS CLI gives it to every profile."""
    (home / ".aws" / "config").write_text(f"[DEFAULT]\nrole_arn = x\n{CONFIG}")
    (finding,) = found(home)
    assert (Origin("~/.aws/config", 1),) == finding.origins
    assert finding.fact.startswith("[DEFAULT] applies to every section")

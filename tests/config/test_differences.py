"""Differences are found exactly where botocore and the specification disagree."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awsenv.config import ini
from awsenv.config.differences import differences
from awsenv.errors import ConfigError, Origin

if TYPE_CHECKING:
    from config.conftest import Home

DATA = Path(__file__).parent / "data"
CASES: list[dict[str, Any]] = json.loads((DATA / "profile-parser-tests.json").read_bytes())["tests"]
IDS = [case["name"] for case in CASES]

README = """[default]
region = eu-central-1

[profile power-user]
role_arn       = arn:aws:iam::123456789012:role/power-user
source_profile = default
mfa_serial     = arn:aws:iam::123456789012:mfa/alice
external_id    = my-external-id
"""


def found(config_text: str = "", credentials_text: str = "") -> list[ConfigError]:
    """Return the differences of the two files."""
    return [
        *differences(config_text, "config", "config"),
        *differences(credentials_text, "credentials", "credentials"),
    ]


def specified(case: dict[str, Any]) -> Any:
    """Return the answer of the specification; None where it refuses."""
    if "config" not in case["output"]:
        return None
    return {
        name: {key: ini.nested(text) if text.startswith("\n") else text for key, text in values.items()}
        for name, values in case["output"]["config"]["profiles"].items()
    }


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_exactly_the_cases_that_are_read_differently_are_found(case: dict[str, Any], home: Home) -> None:
    """A case that botocore reads as specified has no difference; a case that it refuses is an error."""
    texts = case["input"].get("configFile", ""), case["input"].get("credentialsFile", "")
    try:
        read = home.read(*texts).for_botocore()["profiles"]
    except ConfigError as error:
        with pytest.raises(ConfigError, match=re.escape(error.fact)):
            found(*texts)
    else:
        assert (read != specified(case)) is bool(found(*texts))


def test_an_ordinary_file_has_no_difference(keys: str) -> None:
    """The documented example, nested settings and sections that are not profiles are the same for all."""
    more = "[sso-session one]\nsso_region = eu-west-1\n[services s]\ns3 =\n  endpoint_url = http://localhost:1\n"
    assert [] == found(README + more, f"# mine\n[default]\n{keys}\n[other]\n{keys}")


@pytest.mark.parametrize(
    ("text", "line", "fact", "hint"),
    [
        ("[profile a]\n  region = x", 2, "region is indented", "begin the line"),
        ("[profile a]\nregion = 'x'", 2, "quotes", "remove"),
        ("[profile a]\nregion = x # y", 2, "but not for Terraform", "on its own line"),
        ("[profile a]\nregion : x", 2, "colon", "write ="),
        ("[profile a!]", 1, "works in the AWS CLI", "letters"),
        ('[profile "a b"]', 1, "works in the AWS CLI", "letters"),
        ("[ profile a]", 1, "but not for the AWS CLI", "[profile a]"),
        ("[profile a] # [b]", 1, "but not for the AWS CLI", "[profile a]"),
        ("[profile a]\n[DEFAULT]\nregion = x", 3, "region of [DEFAULT] applies to every section", "[default]"),
        ("[profile default]\n[default]", 1, "the AWS CLI reads the latter alone", "merge"),
    ],
)
def test_a_difference_has_a_line_and_a_hint(text: str, line: int, fact: str, hint: str) -> None:
    """The fact names the tools, and the hint a spelling that all tools read alike."""
    (difference,) = found(text)
    assert (Origin("config", line),) == difference.origins
    assert fact in difference.fact
    assert hint in difference.hints[0]


def test_a_prefix_in_the_credentials_file() -> None:
    """In that file, the whole header is the name."""
    (difference,) = found(credentials_text="[profile foo]")
    assert "a profile named 'profile foo'" in difference.fact
    assert ("write [foo]: in the credentials file there is no prefix",) == difference.hints


SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYcanarykey1"


@pytest.mark.parametrize(
    "line", ["{} = x", "{}==", "{}: x", "aws_secret_access_key {} = x", "k = {} # x", "k : {}", "k = '{}'", " k = {}"]
)
@pytest.mark.parametrize("kind", ["config", "credentials"])
def test_no_secret_is_shown(line: str, kind: Literal["config", "credentials"]) -> None:
    """A secret in the place of a key is not shown either."""
    found = differences(f"[default]\n{line.format(SECRET)}\n[DEFAULT]\n{SECRET} = x\n[b]", "file", kind)
    shown = [(error.fact, error.hints) for error in found]
    assert shown
    assert SECRET.lower() not in f"{shown}".lower()


@given(st.text("[]profile default=:#;'\" \t\nab!", max_size=60), st.sampled_from(["config", "credentials"]))
def test_any_text_is_read_or_refused(text: str, kind: Literal["config", "credentials"]) -> None:
    """No other exception is raised, and each line exists in the text."""
    try:
        lines = [difference.origins[0].line or 0 for difference in differences(text, "file", kind)]
    except ConfigError:
        return
    assert lines == sorted(lines)
    assert all(1 <= line <= text.count("\n") + 1 for line in lines)


@pytest.mark.parametrize("key", ["include_profile", "parent_profile"])
def test_a_key_of_aws_vault_is_a_difference(key: str) -> None:
    """The AWS CLI ignores it, and assumes the role without the included settings."""
    (difference,) = found(f"[profile a]\nregion = x\n{key} = base\n")

    assert (3, f"{key} takes settings from another profile: awsenv and aws-vault read it, the AWS CLI does not") == (
        difference.origins[0].line,
        difference.fact,
    )

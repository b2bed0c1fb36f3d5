"""The AWS shared-config conformance cases, with the results that differ on purpose.

`aws` and boto3 read like botocore, Terraform and Go like the specification. awsenv reads like botocore, so that what
works in `aws` works here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from awsenv.config import ini
from awsenv.config.files import config_file, credentials_file
from awsenv.errors import ConfigError

if TYPE_CHECKING:
    from config.conftest import Home

DATA = Path(__file__).parent / "data"
PARSER: list[dict[str, Any]] = json.loads((DATA / "profile-parser-tests.json").read_bytes())["tests"]
LOCATION: list[dict[str, Any]] = json.loads((DATA / "file-location-tests.json").read_bytes())["tests"]

REFUSED = "refused"

NAMES = "botocore accepts any name"
COMMENTS = "in botocore, a comment begins only at the beginning of a line"
TWICE = "botocore refuses a file with a duplicate section or key"

DEVIATIONS: dict[str, tuple[Any, str]] = {
    "Profile names support alphanumeric characters and - / . % @ _ : +": (
        {"some-thing:long/the_one%only.foo@bar+": {}, "foo!bar": {}},
        NAMES,
    ),
    "Property definitions must contain an equals sign.": (
        {"foo": {"key": "value"}},
        "in botocore, a colon separates key and value too",
    ),
    "Pound sign comments are ignored.": ({"foo": {"name": "value # Comment with # sign"}}, COMMENTS),
    "Semicolon sign comments are ignored.": ({"foo": {"name": "value ; Comment with ; sign"}}, COMMENTS),
    "All comment types can be used together.": ({"foo": {"name": "value # Comment with ; sign"}}, COMMENTS),
    "Comments can be empty.": ({"foo": {"name": "value ;"}}, COMMENTS),
    "Duplicate profiles in the same file merge properties.": (REFUSED, TWICE),
    "Duplicate properties in a profile use the last one defined.": (REFUSED, TWICE),
    "Duplicate properties in duplicate profiles use the last one defined.": (REFUSED, TWICE),
    "Duplicate properties in duplicate profiles use the last one defined (case insensitive).": (REFUSED, TWICE),
    "Default profiles with mixed prefixes in the config file ignore the one without prefix when merging.": (
        REFUSED,
        TWICE,
    ),
    "Default profiles with mixed prefixes merge with credentials": (REFUSED, TWICE),
    "Default profile with profile prefix overrides default profile without prefix when profile prefix is first.": (
        {"default": {"name2": "value2"}},
        "in botocore, the later of [profile default] and [default] counts",
    ),
    "Invalid profile names are ignored.": ({"in valid 2": {"name2": "value2"}}, NAMES),
    "Invalid property names are ignored.": ({"foo": {"in valid": "value"}}, NAMES),
    "Sub-property definitions cannot have an empty name.": ({"foo": {"s3": {"": "value"}}}, NAMES),
    "Credentials profiles with prefix are ignored.": (
        {"profile foo": {"name": "value"}},
        "in botocore, the whole header is the name in the credentials file",
    ),
    "profile name with extra whitespace": (
        {"bar": {}},
        "in botocore, a header that begins with a space is not a profile",
    ),
    "profile name with extra whitespace in credentials": (
        {"   foo    ": {"name": "value"}, "profile bar": {}},
        "in botocore, the whole header is the name in the credentials file",
    ),
}


def expected(case: dict[str, Any]) -> Any:
    """Return the result in the table of deviations, else that of the specification."""
    if case["name"] in DEVIATIONS:
        return DEVIATIONS[case["name"]][0]
    output = case["output"]
    if "errorContaining" in output:
        return REFUSED
    return {
        name: {key: ini.nested(text) if text.startswith("\n") else text for key, text in values.items()}
        for name, values in output["config"]["profiles"].items()
    }


@pytest.mark.parametrize("case", PARSER, ids=[case["name"] for case in PARSER])
def test_the_parser_follows_the_specification_except_for_the_table(case: dict[str, Any], home: Home) -> None:
    """Each case of the parser suite has the specified result, or the one in the table with its reason."""
    try:
        profiles = home.read(case["input"].get("configFile", ""), case["input"].get("credentialsFile", ""))
    except ConfigError:
        actual: Any = REFUSED
    else:
        actual = profiles.for_botocore()["profiles"]
        sessions = case["output"].get("config", {}).get("sso_sessions", {})
        assert sessions == profiles.for_botocore()["sso_sessions"]

    assert expected(case) == actual


@pytest.mark.parametrize("case", LOCATION, ids=[f"{n} {case['name']}" for n, case in enumerate(LOCATION)])
def test_the_files_are_found_where_specified(case: dict[str, Any]) -> None:
    """Each case for POSIX has the specified result; awsenv does not run on Windows."""
    found = config_file(case["environment"]).path, credentials_file(case["environment"]).path

    specified = (case["configLocation"], case["credentialsLocation"])
    assert (specified == found) is (case["platform"] == "linux")


def test_the_table_of_deviations_names_existing_cases() -> None:
    """A deviation without a case, or with the specified result, must be removed."""
    assert set(DEVIATIONS) <= {case["name"] for case in PARSER}
    assert len(DEVIATIONS) == 19
    assert (65, 9) == (len(PARSER), len(LOCATION))

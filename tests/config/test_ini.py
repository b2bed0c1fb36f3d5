"""The parser returns the results of botocore, and records the lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore import configloader
from botocore.exceptions import ConfigParseError
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from awsenv import config
from awsenv.config import ini
from awsenv.errors import ConfigError, Origin

if TYPE_CHECKING:
    from pathlib import Path

HEADERS = (
    'default|DEFAULT|a||x]y|profile a|profile  b |profile\tc|profile "a b"|profile o\'x|profile a b|Profile a|'
    "profilea|profiles a| profile a |profile a\\ b|sso-session s|services t"
)
NAMES = st.sampled_from(HEADERS.split("|"))
LINES = st.one_of(
    NAMES.map(lambda name: f"[{name}]"),
    NAMES.map(lambda name: f"[{name}] # after"),
    st.builds(
        lambda indent, key, divider, value: f"{indent}{key}{divider}{value}",
        st.sampled_from(["", "", "", " ", "\t", "   ", "\u00a0"]),
        st.sampled_from(["region", "Region", "role_arn", "s3", "a b", "ä", "#c", ";c", "[x", "]", ""]),
        st.sampled_from([" = ", "=", ":", " : ", "= ", ""]),
        st.sampled_from(["", "v", "v # c", "v ; c", "a=b", "a:b", "x\u2019y", "x\x00y", "\x1c", "'q'", "[z]", "\x0b"]),
    ),
    st.sampled_from(["", " ", "\t", "# c", "  ; c", " -more", "\x85", "\ufeff", "\u2028k=v", "\x0c"]),
)
TEXTS = st.builds(
    lambda lines, ends: "".join(line + end for line, end in zip(lines, ends, strict=False)),
    st.lists(LINES, max_size=14),
    st.lists(st.sampled_from(["\n", "\n", "\n", "\r\n", "\r"]), min_size=14, max_size=14),
)
HEAD = st.sampled_from(["", "[default]\n", "[profile a]\n"])


def by_botocore(config_path: Path, credentials_path: Path) -> dict[str, Any] | None:
    """Read as `botocore.session.Session.full_config` does; None: botocore refuses."""
    try:
        full: dict[str, Any] = configloader.load_config(str(config_path))
        for name, values in configloader.raw_config_parse(str(credentials_path)).items():
            full["profiles"].setdefault(name, {}).update(values)
    except ConfigParseError:
        return None
    return full


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(config_text=st.builds(str.__add__, HEAD, TEXTS), credentials_text=st.builds(str.__add__, HEAD, TEXTS))
@example(config_text="[default]\n[profile default]\na=1\n", credentials_text="")
@example(config_text="[DEFAULT]\na=1\n[profile x]\nb=2\n[DEFAULT]\nc=3\n", credentials_text="[x]\na=2\n[DEFAULT]\n")
@example(config_text="[profile a]\ns3 =\n  a = 1\n\n  b = 2\n", credentials_text="")
@example(config_text="[profile a]\nb\n = c", credentials_text="")
def test_the_parser_accepts_the_same_texts_as_botocore_with_the_same_result(
    config_text: str, credentials_text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The two parsers agree on generated texts, including those that they refuse."""
    folder = tmp_path_factory.getbasetemp()
    paths = folder / "config", folder / "credentials"
    for path, text in zip(paths, (config_text, credentials_text), strict=True):
        path.write_bytes(text.encode())
    environ = {"AWS_CONFIG_FILE": str(paths[0]), "AWS_SHARED_CREDENTIALS_FILE": str(paths[1])}
    expected = by_botocore(*paths)
    try:
        actual = config.read(environ).for_botocore()
    except ConfigError:
        actual = None

    assert expected == actual


@settings(max_examples=300, deadline=None)
@given(
    # A NUL among the first two bytes is UTF-16 to awsenv, which refuses it by name.
    text=st.text(st.sampled_from("[]=:#; \t\n\rab'\"\\é\x00\x1f\u2028"), max_size=60).filter(
        lambda text: "\x00" not in text[:2]
    )
)
def test_any_text_has_the_result_of_botocore(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The parser returns or refuses, as botocore does."""
    folder = tmp_path_factory.getbasetemp()
    path, none = folder / "config", folder / "none"
    path.write_bytes(text.encode())
    none.write_bytes(b"")
    try:
        actual = config.read({"AWS_CONFIG_FILE": str(path), "AWS_SHARED_CREDENTIALS_FILE": str(none)}).for_botocore()
    except ConfigError:
        actual = None

    assert by_botocore(path, none) == actual


def test_every_section_and_key_has_its_line() -> None:
    """Lines are counted from one, including comments and continuations."""
    sections = ini.parse("# hello\n\n[profile a]\nx = 1\n  more\n# c\ny = 2\n", "f")

    assert sections["profile a"] == ini.Section(
        Origin("f", 3, "profile a"),
        {
            "x": ini.Setting("1\nmore", Origin("f", 4, "profile a", "x")),
            "y": ini.Setting("2", Origin("f", 7, "profile a", "y")),
        },
    )


@pytest.mark.parametrize(
    ("text", "fact", "where"),
    [
        ("[a]\n[b]\n[a]\n", "section [a] appears twice, in lines 1 and 3", "f:3"),
        ("[a]\nx=1\n\nX = 2\n", "key 'x' appears twice in this section, in lines 2 and 4", "f:4, [a]"),
        ("x = 1\n", "there is no [section] above this line", "f:1"),
        ("[a]\ncanary\n", "this line is neither [section] nor `key = value`", "f:2, [a]"),
        ("[a]\n= canary\n", "this line is neither [section] nor `key = value`", "f:2, [a]"),
        ("[a]\ns3 =\n  canary\n", "an indented line below this key is not `key = value`", "f:2, [a], s3"),
        ("[profile a\nx = 1\n", "the closing ] is missing", "f:1"),
        ("[a]\nx = 1\n[profile a\ny = 1\n", "the closing ] is missing", "f:3"),
        ("[]\n", "the section has no name", "f:1"),
        ("[a\x1b]\n[a\x1b]\n", "section [a\\x1b] appears twice, in lines 1 and 2", "f:2"),
    ],
)
def test_a_text_that_botocore_refuses_is_refused_with_its_line(text: str, fact: str, where: str) -> None:
    """The error names the fault and the line, but does not show the line, which may hold a secret."""
    with pytest.raises(ConfigError) as caught:
        ini.parse(text, "f")

    assert (caught.value.fact, caught.value.where) == (fact, where)
    assert caught.value.hints
    assert "canary" not in f"{caught.value.fact}{caught.value.hints}"


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("[profile a", "write [profile a]"),
        ("[profile a # prod", "write [profile a]"),
        ("[ \x1b", "write [\\x1b]"),
        ("[", "write [default]"),
        ("[]", "write [default]"),
    ],
)
@pytest.mark.parametrize("before", ["", "[default]\nregion = eu-west-1\n"])
def test_the_hint_completes_a_header(before: str, line: str, hint: str) -> None:
    """The hint is the whole header, on the first line and on any other."""
    with pytest.raises(ConfigError) as caught:
        ini.parse(f"{before}{line}\nrole_arn = x\n", "f")

    assert ((hint,), f"f:{before.count(chr(10)) + 1}") == (caught.value.hints, caught.value.where)

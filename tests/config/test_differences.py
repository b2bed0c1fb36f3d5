"""Differences are found exactly where botocore and the specification disagree."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from awsenv.config import ini
from awsenv.config.differences import differences
from awsenv.config.files import File
from awsenv.config.profiles import KINDS, Profiles
from awsenv.errors import ConfigError, Origin
from awsenv.wording import printable

if TYPE_CHECKING:
    from collections.abc import Callable

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


class RefusedError(ValueError):
    """The specification refuses the file."""


def raw_sections(text: str) -> dict[str, dict[str, str]]:
    """Divide a file into headers, keys and values, as the specification says.

    Raises:
        RefusedError: The file is an error.
    """
    raw: dict[str, dict[str, str]] = {}
    settings: dict[str, str] | None = None
    key = ""
    for line in text.replace("\r\n", "\n").split("\n"):
        bare = line.strip(" \t")
        if not bare or line[0] in "#;":
            continue
        if line[0] == "[":
            header = re.split("[#;]", bare)[0].strip(" \t")
            if not header.endswith("]"):
                raise RefusedError
            settings, key = raw.setdefault(header[1:-1], {}), ""
        elif settings is None or (line[0] in " \t" and not key):
            raise RefusedError
        elif line[0] in " \t":
            if settings[key][:1] in ("", "\n"):
                pair(bare)
            settings[key] += f"\n{bare}"
        else:
            key, value = pair(bare)
            key = key.lower()
            settings[key] = value
    return raw


def specified(text: str, kind: Literal["config", "credentials"] = "config") -> dict[str, Any]:
    """Read a file as the specification says, and return its sections as `for_botocore` has them.

    A test below compares it with the cases of the specification.

    Raises:
        RefusedError: The file is an error.
    """
    found: dict[str, Any] = {"profiles": {}, "sso_sessions": {}, "services": {}}
    raw = raw_sections(text)
    headers = {header: re.split("[ \t]+", header.strip(" \t")) for header in raw}
    for header, words in headers.items():
        name = [*words]
        if kind == "credentials" or words == ["default"]:
            name.insert(0, "profile")
        is_beaten = words == ["default"] and kind == "config" and ["profile", "default"] in headers.values()
        if len(name) == len(["prefix", "name"]) and name[0] in KINDS and is_name(name[1]) and not is_beaten:
            section = found[KINDS[name[0]]].setdefault(name[1], {})
            section.update({key: nest(value) for key, value in raw[header].items() if is_name(key)})
    return found


def pair(line: str) -> tuple[str, str]:
    """Divide `key = value # comment`."""
    key, separator, value = re.split(r"(?<=\s)[#;]", line)[0].partition("=")
    if not separator or not key.strip(" \t"):
        raise RefusedError
    return key.strip(" \t"), value.strip(" \t")


def is_name(word: str) -> bool:
    """Return whether a profile or a key may have this name."""
    return re.fullmatch(r"[A-Za-z0-9_\-/.%@:+]+", word) is not None


def nest(text: str) -> Any:
    """Return nested settings as a dictionary, as botocore does."""
    return ini.nested(text) if text.startswith("\n") else text


def merged(config_text: str, credentials_text: str) -> dict[str, Any] | None:
    """Return what the specification reads in both files; None: it refuses one of them."""
    try:
        found, keys = specified(config_text), specified(credentials_text, "credentials")["profiles"]
    except RefusedError:
        return None
    for name, values in keys.items():
        found["profiles"][name] = {**found["profiles"].get(name, {}), **values}
    return found


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_the_oracle_reads_the_cases_as_specified(case: dict[str, Any]) -> None:
    """What the property test compares with is itself compared with the cases of the specification."""
    actual = merged(case["input"].get("configFile", ""), case["input"].get("credentialsFile", ""))
    output = case["output"].get("config")
    if output is None or actual is None:
        assert output is actual
        return
    profiles = {name: {key: nest(text) for key, text in values.items()} for name, values in output["profiles"].items()}
    assert profiles == actual["profiles"]
    assert output.get("sso_sessions", actual["sso_sessions"]) == actual["sso_sessions"]


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
        expected = merged(*texts)
        assert (expected is None or read != expected["profiles"]) is bool(found(*texts))


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
        ('[profile "a"]', 1, "works in the AWS CLI", "write [profile a]"),
        ("[profiles a]", 1, "works in the AWS CLI", "write [profile a]"),
        ('[sso-session "a"]', 1, "works in the AWS CLI", "write [sso-session a]"),
        ("[ sso-session a]", 1, "is an SSO session for Terraform", "write [sso-session a]"),
        ("[services a] # [b]", 1, "is a services section for Terraform", "write [services a]"),
        ("[ default]", 1, "is a profile for Terraform", "write [default]"),
        ('[sso-session "a"]\n[sso-session a]\n[sso-session "b"]', 3, "works in the AWS CLI", "[sso-session b]"),
        ('[profile a]\n[profile "a"]', 1, "are one profile", 'lacks to it, and remove [profile "a"]'),
        (" [profile a]", 1, "is indented", "begin the line with the ["),
        ("[profile a] b", 1, "text follows", "remove what follows"),
        ("[profile a]\nb = c\n  # d\ne = f", 3, "this comment is indented", "begin the line with the #"),
        ("[profile a]\n\t; d\ne = f", 2, "this comment is indented", "begin the line with the ;"),
        ("[profile a]\rb = c\rd = e", 1, "carriage return", "line ends of Unix"),
        ("[profile a]\r\nb = c\rd = e", 2, "carriage return", "line ends of Unix"),
        ("[profile a]\nb = c\u00a0", 2, "invisible character", "ordinary spaces"),
        ("[profile a]\nb\u00a0= c", 2, "invisible character", "ordinary spaces"),
        ("[profile a]\nb = c\n\n  d", 2, "blank line in the value of b", "remove the blank line"),
        ("[profile a]\nb =\n  c #d = e\n  f = g", 2, "has no key", "write `key = value`"),
        ("[ profile a]", 1, "but not for the AWS CLI", "[profile a]"),
        ("[profile a] # [b]", 1, "but not for the AWS CLI", "[profile a]"),
        ("[profile a]\n[DEFAULT]\nregion = x", 2, "[DEFAULT] applies to every section", "the profiles that need them"),
        ("[profile default]\n[default]", 1, "the AWS CLI reads the latter alone", "[default] lacks"),
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
    assert ("write [foo]",) == difference.hints


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


BLANKS = st.text(" \t", max_size=2)
HEADERS = st.sampled_from(
    [
        *("default", "profile a", 'profile "a"', "profile a b", "profile default", "profile  a", "profiles a", "a"),
        *("sso-session a", 'sso-session "a"', "sso-session  a", "services a", "services 'a'", "servicesx a", "DEFAULT"),
        *("foo!", "profile a]", "profile a#b", "plugins", "profile \u00a0a"),
    ]
)
TAILS = st.sampled_from(["", "", "", " # c", "# c", " ;", " x", " # ]", "\u00a0"])
VALUES = st.sampled_from(["", "", "v", "v", "v # c", "v#c", "#c", "\u00a0v", "v\x0c", "a = b", "a: b", "a\u00a0# b"])
LINES = st.one_of(
    st.tuples(BLANKS, HEADERS, BLANKS, TAILS).map(lambda each: "{0}[{2}{1}]{3}".format(*each)),
    HEADERS.map("[{}]".format),
    st.tuples(st.sampled_from(["k", "k", "l", "M", "k\u00a0", "n n", "k:l"]), BLANKS, VALUES).map(
        lambda each: "{0}{1}={1}{2}".format(*each)
    ),
    st.tuples(st.sampled_from("klm"), st.just(" = "), VALUES).map("".join),
    st.tuples(st.sampled_from([" ", "\t", "  ", "\u00a0"]), VALUES).map("".join),
    st.sampled_from(
        ["", "", "# c", " # c", "  ; c", "\t# a = b", "x : y", "  a = b # c", "  = b", "  a #b = c", "\x0c"]
    ),
)
FILES = st.builds(
    lambda first, lines, end: first + end + end.join(lines),
    st.sampled_from(["[default]", "[profile a]", "[sso-session a]", "# c", "[a]"]),
    st.lists(LINES, max_size=7),
    st.sampled_from(["\n", "\n", "\n", "\n", "\r\n", "\r"]),
)


@given(FILES, st.sampled_from(["config", "credentials"]))
@settings(max_examples=600)
def test_no_difference_is_missed(text: str, kind: Literal["config", "credentials"]) -> None:
    """Where botocore and the specification read a file differently, a difference is found."""
    file, none = File("file", "file", text), File("", "", None)
    try:
        read = (Profiles(file, none) if kind == "config" else Profiles(none, file)).for_botocore()
    except ConfigError:
        return
    expected = merged(text, "") if kind == "config" else merged("", text)
    if expected is None or any(read[each] != expected[each] for each in KINDS.values()):
        assert list(differences(text, "file", kind)), (read, expected)


def follow(text: str, difference: ConfigError) -> str:
    """Do what the next step of a difference says, and return the new text."""
    hint, number = difference.hints[0], difference.origins[0].line - 1
    if hint == "save the file with the line ends of Unix":
        return text.replace("\r\n", "\n").replace("\r", "\n")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    line = lines[number]
    moved = re.fullmatch(r"move what \[(.+)\] lacks to it, and remove \[(.+)\]", hint)
    if moved or hint.startswith("move its settings"):
        return move(lines, *(moved.groups() if moved else ("default", "DEFAULT")))
    edits: dict[str, Callable[[], str]] = {
        r"write \[.+\]": lambda: hint.removeprefix("write "),
        r"begin the line with the (\[|key|#|;)": line.lstrip,
        r"remove what follows the \]": lambda: line[: line.rindex("]") + 1],
        "rename it: .*": lambda: (
            f"[profile x{number}]" if line.strip()[0] == "[" else f"x{number} = {line.partition('=')[2]}"
        ),
        "retype the line with ordinary spaces": lambda: re.sub(r"[^\S \t]", " ", line),
        "write = instead of the colon": lambda: line.replace(":", "=", 1),
        "put the comment on its own line": lambda: re.sub(r"\s([#;])", r"\n\1", line, count=1),
        "write a value in the place of the comment": lambda: re.sub(r"\s[#;].*", " x", line),
        "remove the quotes": lambda: re.sub("""(['"])(.*)\\1""", r"\2", line),
        "write `key = value` on that line, or remove it|remove the blank line": lambda: line,
    }
    (edit,) = (edit for pattern, edit in edits.items() if re.fullmatch(pattern, hint))
    lines[number] = edit()
    if "on that line, or remove it" in hint or hint == "remove the blank line":
        # The lines that continue the value, with the comments between.
        end = next((n for n in range(number + 1, len(lines)) if re.match(r"[^\s#;]", lines[n])), len(lines))
        below = [
            each for each in lines[number + 1 : end] if re.match("#|;|[^=]+=", re.split(r"\s[#;]", each.strip())[0])
        ]
        if "blank" in hint:
            below = list(filter(str.strip, lines[number + 1 : end]))
        lines[number + 1 : end] = below
    return "\n".join(lines)


def move(lines: list[str], to: str, gone: str) -> str:
    """Move the keys that one section lacks to it, and remove the other."""
    starts = {section.origin.line - 1: header for header, section in ini.parse("\n".join(lines), "file").items()}
    starts |= {n: "DEFAULT" for n, line in enumerate(lines) if line.strip().startswith("[DEFAULT]")}
    bounds = [0, *sorted({*starts} - {0}), len(lines)]
    parts = ["".join(f"{line}\n" for line in lines[one:next_]) for one, next_ in pairwise(bounds)]
    names = [printable(starts.get(bound, "")) for bound in bounds[:-1]]
    bodies = dict(zip(names, parts, strict=True))
    keys = [re.split(r"\s*[=:]", line)[0].lower() for line in bodies.get(to, "").split("\n")]
    kept: list[str] = []
    takes = False
    for line in bodies[gone].split("\n")[1:]:
        if line[:1].strip():
            takes = re.split(r"\s*[=:]", line)[0].lower() not in keys
        kept += [line] * takes
    if to not in names:
        parts.append(f"[{to}]\n")
        names.append(to)
    shown = [
        part.rstrip("\n") + "\n" + "".join(f"{each}\n" for each in kept) if name == to else part
        for name, part in zip(names, parts, strict=True)
        if name != gone
    ]
    return "".join(shown)


@given(FILES, st.sampled_from(["config", "credentials"]))
@example("[default]\nk = #c\n [default]", "config")
@settings(max_examples=300)
def test_the_next_steps_lead_to_a_file_that_all_read_alike(text: str, kind: Literal["config", "credentials"]) -> None:
    """Whoever follows one step after the other ends with a readable file without differences."""
    try:
        found = list(differences(text, "file", kind))
    except ConfigError:
        return
    for _ in range(40):
        if not found:
            return
        text = follow(text, found[0])
        found = list(differences(text, "file", kind))
    pytest.fail(f"{text!r}: {found}")

"""The values of a hop: where each comes from, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from awsenv.config import limits
from awsenv.errors import ConfigError, Origin
from awsenv.model import AssumeRole, RoleRequest

if TYPE_CHECKING:
    from awsenv.model import Chain
    from config.conftest import Home

ARN = "arn:aws:iam::123456789012:role/a"
KEYS = "[me]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = canary-secret\n"
ALL = """external_id = canary-external
duration_seconds = 1800
role_session_name = from-profile
source_identity = jane@example
session_tags = team = blue , cost=
transitive_session_tags = team, cost
"""


def profile(lines: str, name: str = "a", source: str = "me") -> str:
    """Return a profile that describes a role."""
    return f"[profile {name}]\nrole_arn = {ARN}\nsource_profile = {source}\n{lines}"


def last(chain: Chain) -> AssumeRole:
    """Return the hop of the requested role."""
    hop = chain.hops[-1]
    assert isinstance(hop, AssumeRole)
    return hop


def test_a_profile_sets_every_value_of_a_hop(home: Home) -> None:
    """The keys of AWS and of aws-vault, each with its place."""
    hop = last(home.resolve("a", profile(ALL), KEYS))

    assert "canary-external" == hop.external_id
    assert (1800, "from-profile", "jane@example") == (hop.duration, hop.session_name, hop.source_identity)
    assert ((("team", "blue"), ("cost", "")), ("team", "cost")) == (hop.tags, hop.transitive_tags)
    assert "~/.aws/config:5, [profile a], duration_seconds" == str(hop.origins["duration"])
    assert {"role", "external_id", "duration", "session_name", "source_identity", "tags", "transitive_tags"} == {
        *hop.origins
    }


def test_the_request_outranks_the_profile(home: Home) -> None:
    """Field by field, and its origin is the option or the variable."""
    requested = RoleRequest(
        "a",
        external_id="requested",
        duration=900,
        session_name="requested",
        source_identity="requested",
        tags=(("k", "v"),),
        transitive_tags=("k",),
        policy="{}",
        policy_arns=("arn:aws:iam::aws:policy/ReadOnlyAccess",),
        origins={"duration": Origin("AWSENV_DURATION")},
    )

    hop = last(home.resolve(requested, profile(ALL), KEYS))

    assert ("requested", 900, "requested", "requested") == (
        hop.external_id,
        hop.duration,
        hop.session_name,
        hop.source_identity,
    )
    assert ((("k", "v"),), ("k",), "{}") == (hop.tags, hop.transitive_tags, hop.policy)
    assert ("AWSENV_DURATION", "--external-id", "--tag") == tuple(
        str(hop.origins[name]) for name in ("duration", "external_id", "tags")
    )


def test_the_request_applies_to_the_last_hop_only(home: Home) -> None:
    """The other roles keep the values of their profiles."""
    text = profile("external_id = own\n", "b") + profile("", "a", "b")
    requested = RoleRequest("a", external_id="requested", session_name="requested", duration=900)

    first, second = home.resolve(requested, text, KEYS).hops

    assert isinstance(first, AssumeRole)
    assert isinstance(second, AssumeRole)
    assert ("own", "jane", None) == (first.external_id, first.session_name, first.duration)
    assert ("requested", "requested", 900) == (second.external_id, second.session_name, second.duration)


@pytest.mark.parametrize(
    ("line", "fact"),
    [
        ("external_id = c", "the external id has 1 character; AWS accepts 2 to 1224"),
        ("external_id = canary x", "the external id holds a character that AWS does not accept"),
        (
            "external_id = canary # c",
            "the external id holds a character that AWS does not accept (a comment after a value",
        ),
        (
            "external_id = canary\n  x",
            "the external id holds a character that AWS does not accept (the indented line",
        ),
        ("role_session_name = jane doe", "the role session name 'jane doe' holds ' ', which AWS does not accept"),
        ("role_session_name = j", "the role session name 'j' has 1 character; AWS accepts 2 to 64"),
        ("role_session_name =", "the role session name is empty"),
        ("role_session_name = j\u00e4ne", "the role session name 'j\u00e4ne' holds '\u00e4'"),
        ("source_identity = aws:x", "the source identity 'aws:x' holds ':'"),
        ("duration_seconds = abc", "duration_seconds is 'abc', which is not a whole number of seconds"),
        (
            "duration_seconds = 3600 ; an hour",
            "not a whole number of seconds (a comment after a value is part of the value)",
        ),
        ("duration_seconds = \u0663\u0666\u0660\u0660", "which is not a whole number"),
        ("duration_seconds = 10", "AWS does not grant a session of 10 seconds"),
        ("duration_seconds = 99999", "AWS does not grant a session of 99999 seconds"),
        ("session_tags = team", "'team' is not a session tag"),
        ("session_tags = a=1,A=2", "session tag 'A' appears twice: to AWS it is the same as 'a'"),
        ("session_tags = a=1,a=2", "session tag 'a' appears twice"),
        ("session_tags = =1", "'' cannot be the key of a session tag"),
        ("session_tags = aws:x=1", "'aws:x' cannot be the key of a session tag"),
        ("session_tags = a=b*c", "AWS does not accept the value of session tag 'a'"),
        ("transitive_session_tags = a*", "'a*' cannot be the key of a session tag"),
        ("mfa_serial = short", "'short' is not the ARN or serial number of an MFA device"),
        ("mfa_serial = arn:aws:iam::123456789012:u2f/user/jane/key", "is a FIDO key, which shows no codes"),
        ("mfa_serial = arn:aws:iam::123456789012:mfa/jane\nmfa_process = a\n b", "mfa_process holds a line break"),
        ("region = nope-1", "'nope-1' is not an AWS region"),
        ("region = eu-west-1 # home", "is not an AWS region (a comment after a value is part of the value)"),
    ],
)
def test_a_value_that_aws_would_refuse_is_refused_with_its_origin(line: str, fact: str, home: Home) -> None:
    """Before a request is made or a code is spent. An external id is not shown."""
    with pytest.raises(ConfigError) as caught:
        home.resolve("a", profile(f"{line}\n"), KEYS)

    assert fact in caught.value.fact
    assert "canary" not in f"{caught.value.fact}{caught.value.hints}"
    assert f"[profile a], {line.partition(' ')[0]}" in (caught.value.where or "") or "mfa_process" in fact


@pytest.mark.parametrize(
    ("seconds", "origin", "message", "hint"),
    [
        (300, Origin("--duration"), "AWS does not grant a session of 5m", "ask for 15m to 12h"),
        (46800, Origin("AWSENV_DURATION"), "AWS does not grant a session of 13h", "ask for 15m to 12h"),
        (5399, Origin("--duration"), None, None),
        (
            10,
            Origin("f", 1, "p", "duration_seconds"),
            "AWS does not grant a session of 10 seconds",
            "write duration_sec",
        ),
    ],
)
def test_a_duration_comes_back_as_it_was_typed(
    seconds: int, origin: Origin, message: str | None, hint: str | None
) -> None:
    """Options take `5m`, and files only seconds."""
    error = None
    try:
        limits.in_range(seconds, limits.MAX_ROLE_DURATION, origin)
    except ConfigError as caught:
        error = caught

    assert (message, hint) == (error and error.fact, error and error.hints[0][: len(hint or "")])


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        (f'mfa_serial = "{ARN}"', "remove the quotes"),
        ("region = 'eu-west-1'", "remove the quotes"),
        ('external_id = "canary"', "remove the quotes"),
        ('session_tags = "a=b"', "remove the quotes"),
        ("region = eu-west-1 # home", "put the comment on its own line"),
        ("duration_seconds = 3600 ; an hour", "put the comment on its own line"),
        ("external_id = canary # c", "put the comment on its own line"),
        ("external_id = canary\n  x", "put the value on one line, and do not indent the line below it"),
        ("mfa_serial = alice", "write it as arn:aws:iam::123456789012:mfa/alice; aws iam list-mfa-devices shows yours"),
        ("duration_seconds = 10", "write duration_seconds = 900 to 43200"),
        ("role_session_name = jane doe", "use 2 to 64 of A-Z a-z 0-9 _ +=,.@-"),
    ],
)
def test_the_hint_says_what_to_write(line: str, hint: str, home: Home) -> None:
    """Each trap of the file format has its own hint."""
    with pytest.raises(ConfigError) as caught:
        home.resolve("a", profile(f"{line}\n"), KEYS)

    assert hint == "; ".join(caught.value.hints)


@pytest.mark.parametrize(
    ("role_arn", "hint"),
    [
        (f'"{ARN}"', "remove the quotes"),
        (f"'{ARN}'", "remove the quotes"),
        (f"{ARN} # prod", "put the comment on its own line"),
        (f'"{ARN}" # prod', "put the comment on its own line"),
        ("power-user", "write it as arn:aws:iam::123456789012:role/NAME"),
    ],
)
def test_the_hint_corrects_a_role_arn(role_arn: str, hint: str, home: Home) -> None:
    """Quotes and comments are part of a value."""
    with pytest.raises(ConfigError) as caught:
        home.resolve("a", f"[profile a]\nrole_arn = {role_arn}\nsource_profile = me\n", KEYS)

    assert (hint,) == caught.value.hints


@pytest.mark.parametrize(
    ("origins", "hint"),
    [
        ({}, "to read it from a file: --policy file://policy.json"),
        ({"policy": Origin("AWSENV_POLICY")}, "to read it from a file: AWSENV_POLICY=file://policy.json"),
    ],
)
def test_the_hint_shows_how_to_read_a_policy_file(origins: dict[str, Origin], hint: str, home: Home) -> None:
    """For the option and for the variable."""
    with pytest.raises(ConfigError, match="the session policy is not JSON") as caught:
        home.resolve(RoleRequest("a", policy="policy.json", origins=origins), profile(""), KEYS)

    assert (hint,) == caught.value.hints


@pytest.mark.parametrize(
    ("role_arn", "fact"),
    [
        (f"{ARN} # admin", "is not the ARN of a role (a comment after a value is part of the value)"),
        (f"{ARN}\n  b", "is not the ARN of a role (the indented line below it is part of the value)"),
        ("", "'' is not the ARN of a role"),
        ("power-user", "'power-user' is not the ARN of a role"),
        (f"{ARN}\x00", "is not the ARN of a role"),
        ("arn:aws:iam::12345678901:role/a", "its account has 11 digits instead of 12"),
    ],
)
def test_a_role_arn_of_a_profile_is_a_whole_arn(role_arn: str, fact: str, home: Home) -> None:
    """The traps of the file format are named."""
    with pytest.raises(ConfigError) as caught:
        home.resolve("a", f"[profile a]\nrole_arn = {role_arn}\nsource_profile = me\n", KEYS)

    assert fact in caught.value.fact
    assert "~/.aws/config:2, [profile a], role_arn" == caught.value.where


@pytest.mark.parametrize(
    ("changes", "fact"),
    [
        ({"policy": ""}, "the session policy is empty"),
        ({"policy": "{"}, "the session policy is not JSON"),
        ({"policy": "[]"}, "the session policy is not a JSON object"),
        ({"policy": '{"a": "\u0142"}'}, "the session policy holds a character that AWS does not accept"),
        ({"policy": "[" * 2000}, "the session policy is not JSON"),
        ({"policy": " " * 2049}, "the session policy has 2049 characters; AWS accepts at most 2048"),
        ({"policy_arns": ("x",)}, "'x' is not the ARN of a managed policy"),
        ({"policy_arns": ("arn:aws:iam::aws:policy/X",) * 11}, "11 session policy ARNs; AWS accepts at most 10"),
        ({"tags": tuple((f"k{n}", "") for n in range(51))}, "51 session tags; AWS accepts at most 50"),
        ({"tags": (("k" * 129, ""),)}, "cannot be the key of a session tag"),
        ({"tags": (("k", "v" * 257),)}, "AWS does not accept the value of session tag 'k'"),
        ({"transitive_tags": tuple(f"k{n}" for n in range(51))}, "51 transitive tags; AWS accepts at most 50"),
        ({"external_id": ""}, "the external id is empty"),
        ({"duration": 899}, "AWS does not grant a session of 14m59s"),
        ({"mfa_serial": "x\x1b" * 9}, "is not the ARN or serial number of an MFA device"),
        ({"region": ""}, "'' is not an AWS region"),
    ],
)
def test_an_option_that_aws_would_refuse_is_refused(changes: dict[str, Any], fact: str, home: Home) -> None:
    """With the option as its place."""
    with pytest.raises(ConfigError) as caught:
        home.resolve(replace(RoleRequest("a"), **changes), profile(""), KEYS)

    assert fact in caught.value.fact
    assert (caught.value.where or "").startswith("--")


@pytest.mark.parametrize(
    "source",
    [
        "[profile me]\nsso_account_id = 1\nsso_role_name = r\nsso_start_url = u\nsso_region = r\n",
        f"[profile me]\nweb_identity_token_file = /t\nrole_arn = {ARN}\n",
        "[profile me]\nlogin_session = s\n",
        "[profile me]\naws_access_key_id = A\naws_secret_access_key = b\naws_session_token = c\n",
        profile("", "me", "own") + KEYS.replace("[me]", "[profile own]"),
    ],
)
def test_a_role_with_temporary_credentials_lasts_an_hour_at_most(source: str, home: Home) -> None:
    """The duration of a profile is cut, with a note; a longer requested one is refused, with the limit."""
    text = source + profile("duration_seconds = 7200\n")

    hop = last(home.resolve("a", text))
    with pytest.raises(ConfigError, match=r"2h is too long: .* at most 1h"):
        home.resolve(RoleRequest("a", duration=7200), text)

    assert 3600 == hop.duration
    (note,) = hop.notes
    assert "[profile a], duration_seconds: 2h cut to 1h" in str(note)


@pytest.mark.parametrize(
    ("lines", "variables"),
    [
        ("source_profile = me\n", {}),
        ("credential_source = Ec2InstanceMetadata\n", {}),
        ("credential_source = Environment\n", {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "b"}),
    ],
)
def test_a_role_with_a_long_term_key_or_from_ec2_lasts_as_long_as_configured(
    lines: str, variables: dict[str, str], home: Home
) -> None:
    """EC2's role does not count as chaining (IAM guide)."""
    text = f"[profile a]\nrole_arn = {ARN}\nduration_seconds = 43200\n{lines}"

    hop = last(home.resolve("a", text, KEYS, **variables))

    assert (43200, ()) == (hop.duration, hop.notes)


def test_a_token_in_the_environment_makes_a_role_chained(home: Home) -> None:
    """The key of a session is a temporary one."""
    keys = {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "b", "AWS_SESSION_TOKEN": "c"}

    with pytest.raises(ConfigError, match="role chaining"):
        home.resolve(RoleRequest(ARN, duration=7200), **keys)


@pytest.mark.parametrize(
    ("request_", "lines", "where"),
    [
        (RoleRequest("a", transitive_tags=("team",)), "", "--transitive-tag"),
        (RoleRequest("a", transitive_tags=("team",), tags=(("cost", "1"),)), "", "--transitive-tag"),
        (
            RoleRequest("a", tags=(("cost", "1"),)),
            "session_tags = team=1\ntransitive_session_tags = team\n",
            "[profile a]",
        ),
        (RoleRequest("a"), "transitive_session_tags = team\n", "[profile a]"),
    ],
)
def test_a_transitive_tag_is_one_of_the_tags(request_: RoleRequest, lines: str, where: str, home: Home) -> None:
    """AWS refuses it otherwise, after a code is spent."""
    with pytest.raises(ConfigError, match="transitive tag 'team' is not one of the session tags") as caught:
        home.resolve(request_, profile(lines), KEYS)

    assert where in caught.value.where


def test_the_case_of_a_transitive_tag_does_not_matter(home: Home) -> None:
    """To AWS `Team` and `team` are one key."""
    request_ = RoleRequest("a", transitive_tags=("team",), tags=(("Team", "1"),))

    assert ("team",) == last(home.resolve(request_, profile(""), KEYS)).transitive_tags

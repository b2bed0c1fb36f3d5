"""Narrowed roles: what AWS gets, and that it allows no more than the role, and no more than each option alone."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moto.iam.aws_managed_policies import aws_managed_policies_data

from awsenv import config
from awsenv.config import read_only
from awsenv.config.narrowing import actions, joined
from awsenv.config.scoping import from_held, is_listed, narrowed
from awsenv.errors import ConfigError, Origin
from awsenv.iam.policy import Context, Policies, Verdict, matches
from awsenv.model import AssumeRole, Chain, Narrowing, RoleArn, RoleRequest, Source

if TYPE_CHECKING:
    from config.conftest import Home

MANAGED: Any = json.loads(aws_managed_policies_data)["ReadOnlyAccess"]["Document"]
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
S3_FULL = "arn:aws:iam::aws:policy/AmazonS3FullAccess"
# Only what is asked about below: the rest takes seconds to judge.
SERVICES = ("s3:", "ec2:", "iam:", "logs:", "glue:", "sts:")
SOME = {
    "Version": "2012-10-17",
    "Statement": [
        {**each, "Action": [action for action in each["Action"] if action.startswith(SERVICES)]}
        for each in MANAGED["Statement"]
    ],
}
DOCUMENTS = {READ_ONLY: SOME, S3_FULL: json.loads(aws_managed_policies_data)["AmazonS3FullAccess"]["Document"]}
ROLE = RoleArn("aws", "123456789012", "power-user")
ORIGINS = {name: Origin(f"--{name}") for name in ("read_only", "actions", "resources", "seconds", "because")}
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}

PATTERNS = ["s3:*", "s3:Get*", "s3:GetObject", "S3:*Object", "s3:?etObject", "ec2:Describe*", "ec2:*", "iam:Pass*"]
ACTIONS = ["s3:GetObject", "s3:PutObject", "s3:ListBucket", "ec2:DescribeRegions", "ec2:RunInstances", "iam:PassRole",
           "iam:GetUser", "logs:StartQuery", "glue:GetTable", "sts:GetScopedCredentials"]  # fmt: skip
ARNS = ["arn:aws:s3:::logs/*", "arn:aws:s3:::logs*", "arn:*:s3:::*", "arn:aws:s3:::*/x"]
RESOURCES = ["arn:aws:s3:::logs/x", "arn:aws:s3:::logs", "arn:aws:s3:::other/x", "*"]

lists = st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=3, unique=True).map(tuple)
arns = st.lists(st.sampled_from(ARNS), min_size=1, max_size=2, unique=True).map(tuple)
narrowings = st.builds(
    Narrowing,
    read_only=st.booleans(),
    actions=st.lists(lists, max_size=2).map(tuple),
    resources=st.lists(arns, max_size=2).map(tuple),
    seconds=st.none() | st.sampled_from([60, 600, 900, 1800, 7200]),
    origins=st.just(ORIGINS),
)
statements = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Allow", "Deny"]),
        "Action": st.sampled_from([*PATTERNS, "*"]),
        "Resource": st.sampled_from([*ARNS, "*"]),
    }
)
documents = st.fixed_dictionaries(
    {
        "Version": st.sampled_from(["2012-10-17", "2008-10-17"]),
        "Statement": statements | st.lists(statements, min_size=1, max_size=4),
    }
)
hops = st.builds(
    AssumeRole,
    role=st.just(ROLE),
    session_name=st.just("jane"),
    duration=st.none() | st.sampled_from([900, 3600, 7200]),
    policy=st.none() | documents.map(json.dumps),
    policy_arns=st.sampled_from([(), (READ_ONLY,), (S3_FULL,), (S3_FULL, READ_ONLY)]),
)
requests = st.tuples(st.sampled_from(ACTIONS), st.sampled_from(RESOURCES))


def chain_of(*hops: AssumeRole, kind: str = "static") -> Chain:
    """Return the chain of these hops."""
    return Chain(Source(kind, "default"), hops, "power-user", "power-user")


def allows(chain: Chain, request: tuple[str, str], role: Any = None) -> bool:
    """Return whether the credentials at the end of *chain* allow a request, where the role may do what *role* says."""
    context = Context({})
    allowed = []
    last = chain.last
    session = []
    if isinstance(last, AssumeRole):
        session = [DOCUMENTS[arn] for arn in last.policy_arns]
        session += [] if last.policy is None else [json.loads(last.policy)]
    own = ({"Version": "2012-10-17", "Statement": [EVERYTHING]} if role is None else role,)
    allowed.append(Policies(own, session=tuple(session)).evaluate(*request, context).cautious)
    if chain.scoped is not None and chain.scoped.policy is not None:
        scope = (json.loads(chain.scoped.policy),)
        allowed.append(Policies(scope).evaluate(*request, context).cautious)
    return {Verdict.ALLOW} == set(allowed)


@cache
def is_read_only(action: str, resource: str) -> bool:
    """Return whether AWS's managed policy allows a request."""
    return Policies((SOME,)).evaluate(action, resource, Context({})).cautious is Verdict.ALLOW


def is_asked_for(narrowing: Narrowing, request: tuple[str, str], *, by_table: bool) -> bool:
    """Return whether each option alone lets a request through, by what the options mean."""
    action, resource = request
    listed = any(fnmatchcase(action.lower(), pattern.lower()) for pattern in read_only.ACTIONS)
    return (
        all(any(matches(each.lower(), action.lower()) for each in patterns) for patterns in narrowing.actions)
        and all(any(matches(each, resource, in_segments=True) for each in own) for own in narrowing.resources)
        and (not narrowing.read_only or (listed if by_table else is_read_only(*request)))
    )


@settings(max_examples=150, deadline=None)
@given(hops, narrowings, st.lists(requests, min_size=6, max_size=12), documents)
def test_a_narrowed_role_may_do_what_both_the_role_and_the_options_allow(
    hop: AssumeRole, narrowing: Narrowing, asked: list[tuple[str, str]], role: Any
) -> None:
    """Whatever else narrows the role, and whichever call narrows it: it is exactly what both allow."""
    wide = chain_of(hop)
    try:
        chain = narrowed(wide, narrowing)
    except ConfigError:  # nothing would be left
        assert not [each for each in asked if is_asked_for(narrowing, each, by_table=True)]
        return

    assert chain.scoped is None or (isinstance(chain.last, AssumeRole) and chain.last.policy == hop.policy)
    for request in asked:
        expected = allows(wide, request, role) and is_asked_for(narrowing, request, by_table=is_listed(chain))
        assert expected == allows(chain, request, role), request


@settings(max_examples=100, deadline=None)
@given(narrowings, st.lists(requests, min_size=6, max_size=12), documents)
def test_what_sso_or_the_agent_gives_is_narrowed_by_one_policy(
    narrowing: Narrowing, asked: list[tuple[str, str]], role: Any
) -> None:
    """The policy of one call carries all options, whether the source or a role that is held is narrowed by it."""
    try:
        chain = narrowed(chain_of(kind="sso"), narrowing)
    except ConfigError:  # nothing would be left
        assert not [each for each in asked if is_asked_for(narrowing, each, by_table=True)]
        return
    held = narrowed(chain_of(AssumeRole(ROLE, "jane", policy_arns=(S3_FULL,))), narrowing)

    assert chain.scoped == from_held(held).scoped
    for request in asked:
        expected = allows(chain_of(), request, role) and is_asked_for(narrowing, request, by_table=True)
        assert expected == allows(chain, request, role), request


@given(hops, narrowings)
def test_a_narrowed_role_lives_no_longer_than_the_role_and_than_was_asked_for(
    hop: AssumeRole, narrowing: Narrowing
) -> None:
    """sts:AssumeRole grants no less than fifteen minutes; another call makes that shorter."""
    narrowing = replace(narrowing, read_only=False, actions=())
    chain = narrowed(chain_of(hop), narrowing)
    last = chain.last

    assert isinstance(last, AssumeRole)
    life = (chain.scoped and chain.scoped.duration) or last.seconds
    assert min(hop.seconds, narrowing.seconds or hop.seconds) == life
    assert 900 <= last.seconds <= hop.seconds


def test_the_table_of_actions_is_a_part_of_the_managed_policy() -> None:
    """ReadOnlyAccess allows each of its patterns, and it leaves room in a policy for ARNs."""
    by_aws = [pattern for statement in MANAGED["Statement"] if "Condition" not in statement
              for pattern in statement["Action"]]  # fmt: skip
    # A pattern with a `*` at the end covers another if it matches the text of that other.
    lacking = [each for each in read_only.ACTIONS if not any(matches(pattern, each) for pattern in by_aws)]
    scoped = narrowed(chain_of(kind="sso"), Narrowing(read_only=True, origins=ORIGINS)).scoped

    assert [] == lacking
    assert [] == [each for each in (*by_aws, *read_only.ACTIONS) if set("*?") & set(each[:-1])]
    assert scoped is not None
    assert scoped.policy is not None
    assert len(scoped.policy) < 1800


FILES = """
[default]
region = eu-central-1
[profile user]
source_profile = default
role_arn = arn:aws:iam::123456789012:role/power-user
[profile narrow]
source_profile = default
role_arn = arn:aws:iam::123456789012:role/power-user
awsenv_read_only = true
awsenv_only = s3:*, ec2:Describe*
awsenv_on = arn:aws:s3:::logs/*
awsenv_for = 30m
[profile alone]
source_profile = default
role_arn = arn:aws:iam::123456789012:role/alone
awsenv_only = s3:Get*
[profile sso]
sso_start_url = https://example.awsapps.com/start
sso_region = eu-central-1
sso_account_id = 123456789012
sso_role_name = admin
"""
KEYS = "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = canary-secret\n"


def resolved(home: Home, role: str, files: str = FILES, **options: Any) -> Chain:
    """Return the chain of a request that narrows a role."""
    asked = Narrowing(**options, origins={name: ORIGINS[name] for name in options}) if options else None
    return config.resolve(RoleRequest(role, narrowing=asked), home.read(files, KEYS), home.environ())


def last_of(chain: Chain) -> AssumeRole:
    """Return the role that a chain ends with."""
    assert isinstance(chain.last, AssumeRole)
    return chain.last


def test_read_only_alone_is_the_policy_of_aws(home: Home) -> None:
    """It is named by its ARN, in the partition of the role."""
    chain = resolved(home, "user", read_only=True)
    china = resolved(home, "user", FILES.replace("arn:aws:", "arn:aws-cn:").replace("eu-central", "cn-north"),
                     read_only=True)  # fmt: skip

    assert ((READ_ONLY,), None) == (last_of(chain).policy_arns, last_of(chain).policy)
    assert ("arn:aws-cn:iam::aws:policy/ReadOnlyAccess",) == last_of(china).policy_arns
    assert ORIGINS["read_only"] == last_of(chain).origins["policy_arns"]
    assert not is_listed(chain)
    assert chain.scoped is None


def test_actions_and_arns_are_one_session_policy(home: Home) -> None:
    """It denies what is not named, so that no policy of a resource passes it."""
    chain = resolved(home, "user", actions=(("s3:Get*",),), resources=(("arn:aws:s3:::logs/*",),))

    assert {
        "Version": "2012-10-17",
        "Statement": [
            EVERYTHING,
            {"Effect": "Deny", "NotAction": ["s3:Get*"], "Resource": "*"},
            {"Effect": "Deny", "Action": "*", "NotResource": ["arn:aws:s3:::logs/*"]},
        ],
    } == json.loads(last_of(chain).policy or "")
    assert ORIGINS["actions"] == last_of(chain).origins["policy"]
    assert chain.wide == resolved(home, "user")


def test_a_command_line_narrows_a_profile_further_and_never_widens_it(home: Home) -> None:
    """An action must be in both lists, an ARN too, and the shorter time counts."""
    chain = resolved(home, "narrow", actions=(("s3:Get*", "iam:*"),), resources=(("arn:aws:s3:::*/x",),), seconds=3600)
    statements = json.loads(last_of(chain).policy or "")["Statement"]

    assert (READ_ONLY,) == last_of(chain).policy_arns
    assert [
        {"Effect": "Deny", "NotAction": ["s3:Get*"], "Resource": "*"},
        {"Effect": "Deny", "Action": "*", "NotResource": ["arn:aws:s3:::logs/*"]},
        {"Effect": "Deny", "Action": "*", "NotResource": ["arn:aws:s3:::*/x"]},
    ] == statements
    assert 1800 == last_of(chain).duration
    assert "awsenv_for" == last_of(chain).origins["duration"].key
    assert chain.narrowing is not None
    assert (
        "read-only, only s3:* and ec2:Describe*, only s3:Get* and iam:*, on arn:aws:s3:::logs/*, "
        "on arn:aws:s3:::*/x, for 30m"
    ) == str(chain.narrowing)


def test_a_typed_role_is_narrowed_as_its_only_profile_says(home: Home) -> None:
    """A role that another profile has in full is not narrowed: that profile is there to be used."""
    alone = resolved(home, "arn:aws:iam::123456789012:role/alone")
    both = resolved(home, "arn:aws:iam::123456789012:role/power-user")

    assert alone.narrowing == resolved(home, "alone").narrowing != None  # noqa: E711
    assert both.narrowing is None


def test_a_life_below_fifteen_minutes_takes_a_second_call(home: Home) -> None:
    """It carries the whole narrowing: narrowed credentials may not be allowed to make it."""
    chain = resolved(home, "user", read_only=True, seconds=600, because="JIRA-12")

    assert (900, (), None) == (last_of(chain).duration, last_of(chain).policy_arns, last_of(chain).policy)
    assert chain.scoped is not None
    assert (600, "JIRA-12") == (chain.scoped.duration, chain.scoped.description)
    assert is_listed(chain)


def test_a_policy_that_leaves_no_room_takes_a_second_call(home: Home) -> None:
    """The session policy of the command line stays as it is."""
    policy = json.dumps({"Version": "2012-10-17", "Statement": [EVERYTHING | {"Sid": "x" * 1800}]})
    asked = Narrowing(read_only=True, origins=ORIGINS)
    request = RoleRequest("user", policy=policy, narrowing=asked)
    chain = config.resolve(request, home.read(FILES, KEYS), home.environ())

    assert policy == last_of(chain).policy
    assert chain.scoped is not None


def test_longer_than_the_role_is_noted(home: Home) -> None:
    """--for makes no role live longer; --duration does."""
    chain = resolved(home, "user", seconds=7200)

    assert last_of(chain).duration is None
    assert ["--seconds cannot make the role live longer than 1h"] == [each.fact for each in chain.notes]


def test_a_reason_alone_narrows_nothing(home: Home) -> None:
    """It is kept for the log of the agent; sts:AssumeRole has no field for it."""
    for role in ("user", "sso", "default"):
        chain = resolved(home, role, because="JIRA-12")

        assert (resolved(home, role).hops, None) == (chain.hops, chain.scoped)
        assert chain.narrowing is not None


def test_the_options_on_sso_make_one_call_with_the_reason(home: Home) -> None:
    """Its duration and its description go with the policy."""
    chain = resolved(home, "sso", actions=(("s3:Get*",),), seconds=600, because="JIRA-12")

    assert chain.scoped is not None
    assert (600, "JIRA-12") == (chain.scoped.duration, chain.scoped.description)
    assert ["s3:Get*"] == json.loads(chain.scoped.policy or "")["Statement"][1]["NotAction"]


@pytest.mark.parametrize(
    ("role", "options", "fact"),
    [
        ("default", {"read_only": True}, "the access key of a user cannot be narrowed"),
        ("sso", {"read_only": True, "actions": (("iam:PassRole",),)}, "nothing is left of 'iam:PassRole'"),
        ("narrow", {"actions": (("iam:*",),)}, "nothing is left of 's3:*', 'ec2:Describe*' and 'iam:*'"),
        ("user", {"resources": (("arn:aws-cn:s3:::x",),)}, "'arn:aws-cn:s3:::x' is in another partition than the role"),
        ("sso", {"actions": (tuple(f"s3:Get{number:0100}" for number in range(20)),)}, "has 2312 characters"),
    ],
)
def test_what_cannot_be_narrowed_is_refused_before_a_code(
    home: Home, role: str, options: dict[str, Any], fact: str
) -> None:
    """The message names the option."""
    with pytest.raises(ConfigError, match=re.escape(fact)) as caught:
        resolved(home, role, **options)

    assert caught.value.origins[0].name.startswith("--") or role == "narrow"
    assert caught.value.hints


@pytest.mark.parametrize(
    ("line", "fact"),
    [
        ("awsenv_read_only = yes", "'yes' is not true or false"),
        ("awsenv_only = GetObject", "'GetObject' is not an action"),
        ("awsenv_only = *:Get*", "'*:Get*' is not an action"),
        ("awsenv_only = s3:Get*,", "'s3:Get*,' has a comma too many"),
        ("awsenv_only =", "awsenv_only is empty"),
        ("awsenv_only = *", "'*' narrows nothing"),
        ("awsenv_on = logs", "'logs' is not the ARN of a resource"),
        ("awsenv_on =", "awsenv_on is empty"),
        ("awsenv_on = *", "'*' narrows nothing"),
        ("awsenv_for = soon", "'soon' is not a duration"),
        ("awsenv_for = 59s", "a role cannot be narrowed to 59s"),
        ("awsenv_for = 37h", "a role cannot be narrowed to 37h"),
        ("awsenv_readonly = true", "awsenv does not know the key awsenv_readonly"),
    ],
)
def test_a_key_of_a_profile_that_narrows_nothing_is_an_error(home: Home, line: str, fact: str) -> None:
    """Its place is named."""
    with pytest.raises(ConfigError, match=re.escape(fact)) as caught:
        resolved(home, "user", f"{FILES}[profile x]\nrole_arn = {ROLE}\nsource_profile = user\n{line}\n".replace(
            "[profile user]", f"[profile user]\n{line}"))  # fmt: skip

    assert 5 == caught.value.origins[0].line


def test_a_policy_comes_from_the_line_that_asks_for_it(home: Home) -> None:
    """AWS's policy is from one line of a profile, and the inline policy beside it from another."""
    lines = "awsenv_read_only = true\nawsenv_only = s3:Get*"
    chain = resolved(home, "user", FILES.replace("[profile user]", f"[profile user]\n{lines}"))

    found = {name: last_of(chain).origins[name].key for name in ("policy", "policy_arns")}
    assert {"policy": "awsenv_only", "policy_arns": "awsenv_read_only"} == found


def test_two_lists_that_exclude_each_other_are_to_blame(home: Home) -> None:
    """And not what else narrows the role."""
    with pytest.raises(ConfigError) as caught:
        resolved(home, "user", read_only=True, actions=(("s3:Get*",), ("sqs:*",)))

    assert ["--actions"] == [origin.name for origin in caught.value.origins]


def test_a_comma_too_many_is_shown_how_to_write() -> None:
    """What is left without it."""
    with pytest.raises(ConfigError) as caught:
        actions("s3:Get*, ,s3:List*", Origin("--only"))

    assert ("write it as s3:Get*,s3:List*",) == caught.value.hints


@pytest.mark.parametrize(
    ("origin", "hint"),
    [
        (Origin("--only"), "leave --only out"),
        (Origin("AWSENV_ONLY"), "unset AWSENV_ONLY"),
        (Origin("/f", 2, section="profile x", key="awsenv_only"), "remove awsenv_only"),
    ],
)
def test_what_narrows_nothing_is_to_be_left_out(origin: Origin, hint: str) -> None:
    """A star allows every action, as no option does."""
    with pytest.raises(ConfigError) as caught:
        actions("s3:Get*,*", origin)

    assert (hint,) == caught.value.hints


def test_a_session_policy_that_cannot_be_extended_is_refused(home: Home) -> None:
    """A key that is there twice has no one meaning."""
    facts = []
    for policy in ('{"Version": "2012-10-17"}', '{"Statement": [], "Statement": [{"Effect": "Deny"}]}'):
        request = RoleRequest("user", policy=policy, narrowing=Narrowing(actions=(("s3:*",),), origins=ORIGINS))
        with pytest.raises(ConfigError) as caught:
            config.resolve(request, home.read(FILES, KEYS), home.environ())
        facts.append(caught.value.fact)

    assert ["the session policy has no Statement", "the session policy has a key twice in one place"] == facts


@given(narrowings, narrowings)
def test_two_narrowings_are_joined_in_any_order(one: Narrowing, other: Narrowing) -> None:
    """Both count, and each once."""
    assert set(joined(one, other).actions) == set(joined(other, one).actions) == {*one.actions, *other.actions}
    assert joined(one, one) == replace(one, actions=tuple(dict.fromkeys(one.actions)),
                                       resources=tuple(dict.fromkeys(one.resources)))  # fmt: skip

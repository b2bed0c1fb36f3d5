"""Assistants: which variables name one, what its profile lets it have, and how AWS tells it from its user."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awsenv import config
from awsenv.aws.request import remedies
from awsenv.config.assistants import GENERIC, KNOWN, description, detect, refuse
from awsenv.config.files import File
from awsenv.config.narrowing import because, narrowing
from awsenv.config.scoping import from_held
from awsenv.errors import Origin, UsageError
from awsenv.model import Assistant, AssumeRole, Chain, RoleRequest
from awsenv.variables import ASSISTANT, having

if TYPE_CHECKING:
    from config.conftest import Home

SOURCE = "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = canary-secret\n"
ROLE = "role_arn = arn:aws:iam::123456789012:role/admin\nsource_profile = default\n"
PROD = f"{SOURCE}[profile prod]\n{ROLE}"
CLAUDE = {"CLAUDECODE": "1"}


def name_of(chain: Chain | None) -> str:
    """Return the role session name of the last hop."""
    assert chain is not None
    assert isinstance(chain.last, AssumeRole)
    return chain.last.session_name


def test_the_agent_gets_the_variable_of_each_assistant() -> None:
    """The marks of the table of variables and the table of assistants name the same ones, each with a source."""
    assert {*having(ASSISTANT)} == {*GENERIC, *KNOWN}
    assert all(url.startswith("https://") for url in (*GENERIC.values(), *(url for _, url in KNOWN.values())))


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, None),
        ({"CLAUDECODE": ""}, None),
        ({"CLAUDECODE": "0", "CURSOR_AGENT": "false"}, None),
        (CLAUDE, ("claude-code", "CLAUDECODE")),
        ({"CODEX_THREAD_ID": "019d1afb-b2c7"}, ("codex", "CODEX_THREAD_ID")),
        ({"AI_AGENT": "claude-code_2.1.120_cli", **CLAUDE}, ("claude-code", "AI_AGENT")),
        ({"AI_AGENT": "devin@1"}, ("devin", "AI_AGENT")),
        ({"AI_AGENT": "github_copilot_vscode_agent"}, ("github-copilot-vscode-agent", "AI_AGENT")),
        ({"AI_AGENT": "1"}, ("assistant", "AI_AGENT")),
        ({"AI_AGENT": "$(touch x)\n"}, ("touch-x", "AI_AGENT")),
        ({"AGENT": "amp", **CLAUDE}, ("amp", "AGENT")),
        ({"AGENT": "1", "OPENCODE": "1"}, ("opencode", "OPENCODE")),
        ({"AGENT": "1"}, ("assistant", "AGENT")),
        ({"AGENT": "jenkins-node-3"}, None),
        ({"AGENT": "0", "AI_AGENT": "  "}, None),
    ],
)
def test_the_variables_name_the_assistant(environ: dict[str, str], expected: tuple[str, str] | None) -> None:
    """A name counts first; a value that switches off, and one that means something else, do not count."""
    assert (None if expected is None else Assistant(*expected)) == detect(environ)


@pytest.mark.parametrize(("variable", "name"), [(variable, name) for variable, (name, _) in KNOWN.items()])
def test_each_assistant_is_named_beside_its_user(home: Home, variable: str, name: str) -> None:
    """The role session name has both, and its origin both variables."""
    chain = home.resolve("prod", PROD, **{variable: "1"})

    assert f"jane+{name}" == name_of(chain)
    assert chain.last is not None
    assert Origin(f"USER, {variable}") == chain.last.origins["session_name"]


reasons = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"], exclude_characters="\xa0"), min_size=2)


@given(st.text(max_size=80), st.text(max_size=80), st.none() | reasons | st.just("x" * 256))
def test_aws_accepts_what_is_made_of_any_name(user: str, assistant: str, reason: str | None) -> None:
    """The role session name and the description have characters and lengths that AWS takes."""
    environ = {"USER": user, "AI_AGENT": assistant}
    profiles = config.Profiles(File("~/.aws/config", "", PROD), File("~/.aws/credentials", "", ""))

    name, found = name_of(config.resolve(RoleRequest("prod"), profiles, environ)), detect(environ)

    assert re.fullmatch(r"[\w+=,.@-]{2,64}", name, re.ASCII)
    assert name.endswith("" if found is None else f"+{found.name}")
    if found is not None:
        assert found.name in because(description(reason, found), Origin("--because"))


@pytest.mark.parametrize(
    ("text", "request_", "environ", "expected"),
    [
        ("role_session_name = audited\n", RoleRequest("prod"), {}, "audited"),
        ("", RoleRequest("prod", session_name="typed"), {}, "typed"),
        ("", RoleRequest("prod"), {"AWS_ROLE_SESSION_NAME": "exported"}, "exported"),
    ],
)
def test_a_name_that_the_user_has_set_stays(
    home: Home, text: str, request_: RoleRequest, environ: dict[str, str], expected: str
) -> None:
    """A profile, an option and a variable that set the role session name are the way out of a trust policy."""
    assert expected == name_of(home.resolve(request_, PROD + text, **CLAUDE, **environ))


def test_each_role_of_a_chain_names_the_assistant(home: Home) -> None:
    """CloudTrail logs each call."""
    text = f"{PROD}[profile next]\nrole_arn = arn:aws:iam::123456789012:role/next\nsource_profile = prod\n"
    chain = home.resolve("next", text, **CLAUDE)

    assert ["jane+claude-code"] * 2 == [hop.session_name for hop in chain.hops if isinstance(hop, AssumeRole)]


def test_an_assistant_has_a_role_of_its_own(home: Home) -> None:
    """What the agent holds for the user under their name never serves the assistant, nor the reverse."""
    profiles, environ = home.read(PROD), home.environ()
    keys = [
        config.role_key(config.resolve(RoleRequest("prod"), profiles, each), profiles, each)
        for each in (environ, environ | CLAUDE, environ | {"GEMINI_CLI": "1"}, environ | {"AI_AGENT": "claude-code"})
    ]

    assert keys[1] == keys[3]
    assert 3 == len({*keys})


@pytest.mark.parametrize("environ", [{}, CLAUDE])
@pytest.mark.parametrize("rule", ["read-only", "confirm", "refuse"])
def test_what_a_profile_says_of_assistants_concerns_no_person(home: Home, rule: str, environ: dict[str, str]) -> None:
    """Each rule counts if a variable names an assistant, and only then; its line is the origin of what follows."""
    chain = home.resolve("prod", f"{PROD}awsenv_assistants = {rule}\n", **environ)
    is_asked = bool(environ)
    narrowed = chain.narrowing

    assert rule == chain.rails.assistants
    assert (is_asked and rule == "read-only") == (narrowed is not None and narrowed.read_only)
    assert (0 if is_asked and rule == "confirm" else None) == chain.rails.confirm
    for origins in (narrowed.origins if narrowed else {}, chain.rails.origins):
        assert {"awsenv_assistants"} >= {each.key for each in origins.values()}
    if is_asked and rule == "refuse":
        with pytest.raises(UsageError, match="'prod' is not for assistants: CLAUDECODE is set") as raised:
            refuse(chain)
        assert "awsenv_assistants" in raised.value.where
    else:
        refuse(chain)


def test_an_assistant_is_narrowed_beside_what_narrows_everybody(home: Home) -> None:
    """Read-only counts beside the keys of the profile and the command line, and never widens them."""
    request = RoleRequest("prod", narrowing=narrowing({"actions": ("s3:*", Origin("--only"))}))
    chain = home.resolve(request, f"{PROD}awsenv_assistants = read-only\nawsenv_for = 30m\n", **CLAUDE)

    assert "read-only, only s3:*, for 30m" == str(chain.narrowing)


def test_what_is_narrowed_is_held_under_the_name_of_the_user(home: Home) -> None:
    """So the agent narrows for the assistant what it holds for the user, and the description names the assistant."""
    request = RoleRequest("prod", narrowing=narrowing({"because": ("JIRA-12", Origin("--because"))}))
    chain = home.resolve(request, f"{PROD}awsenv_assistants = read-only\n", **CLAUDE)
    held = from_held(chain)

    assert ("jane+claude-code", "jane", "jane") == (name_of(chain), name_of(chain.wide), name_of(held))
    assert held.scoped is not None
    assert "JIRA-12 (claude-code)" == held.scoped.description


@pytest.mark.parametrize("typed", ["admin", "123456789012/admin"])
def test_a_typed_role_has_the_strictest_rule_of_its_profiles(home: Home, typed: str) -> None:
    """No profile without a rule, or with a laxer one, lets an assistant have more of a role that it types."""
    rules = ("color = red", "assistants = read-only", "assistants = refuse", "assistants = confirm")
    text = SOURCE + "".join(f"[profile p{n}]\nawsenv_{rule}\n{ROLE}" for n, rule in enumerate(rules))
    chain = home.resolve(typed, text, **CLAUDE)

    assert ("refuse", "31") == (chain.rails.assistants, chain.rails.color)
    assert "profile p2" == chain.rails.origins["assistants"].section


@pytest.mark.parametrize(
    ("text", "typed", "step"),
    [
        ("", "prod", "set role_session_name"),
        ("", "123456789012/other", "set AWS_ROLE_SESSION_NAME"),
        ("role_session_name = audited\n", "prod", None),
    ],
)
def test_a_refused_assistant_learns_of_its_name(home: Home, text: str, typed: str, step: str | None) -> None:
    """A trust policy may demand the name that people have there; a name that the user has set is not the cause."""
    first, *_ = remedies(home.resolve(typed, PROD + text, **CLAUDE), 0)

    assert (step is not None) == first.startswith("if the role demands a role session name (not jane+claude-code)")
    assert first.endswith(step or first)

"""Which words are typos of a name, and which are other names."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from awsenv.cli.commands import COMMANDS
from awsenv.distance import nearest

PROFILES = (
    *("prod", "prod-ro", "eu-prod", "team-a", "role1", "deploy", "deployer", "power-user", "read-only", "admin"),
    *("dev", "stage", "us-east", "default", "db2", "KafkaAdmin"),
)

ROLES = (
    *("Administrator", "AdministratorAccess", "PowerUserAccess", "ReadOnlyAccess", "ViewOnly", "ViewOnlyAccess"),
    *("SecurityAudit", "Billing", "OrganizationAccountAccessRole", "AWSControlTowerExecution"),
    *("AWSReservedSSO_Admin_0123456789abcdef", "stacksets-exec-123", "ci", "cd", "deployment", "deploys-all"),
    *("terraform", "github-actions", "jenkins", "ecsTaskExecutionRole", "list-reader", "log-reader", "logs"),
    *("logger", "login-service", "developer", "develop", "ops", "sre", "audit", "auditor", "root", "user"),
    *("users", "test", "data", "docker", "unit", "lint", "look", "block", "clock", "demo-app", "console-user"),
    *("setup-bot", "status-page", "exec-role", "init-role", "logic", "layout", "lockout", "review", "rest"),
    *("prod-rw", "us-prod", "team-b", "team-x", "team", "role2", "role", "us-west", "dav", "app", "infra"),
    *("network", "backup", "restore", "finance", "support", "reader", "writer"),
)

LETTERS = "abcdefghijklmnopqrstuvwxyz"


@pytest.mark.parametrize(
    ("word", "name"),
    [
        *(("staus", "status"), ("stauts", "status"), ("statsu", "status"), ("lst", "list"), ("lsit", "list")),
        *(("listt", "list"), ("lisr", "list"), ("LIST", "list"), ("logn", "login"), ("lgoin", "login")),
        *(("ogin", "login"), ("offf", "off"), ("of", "off"), ("ofF", "off"), ("ues", "use"), ("exce", "exec")),
        *(("docter", "doctor"), ("explian", "explain"), ("cosnole", "console"), ("setpu", "setup")),
        *(("credential_process", "credential-process"), ("credentail-proces", "credential-process")),
    ],
)
def test_a_mistyped_command_is_recognised(word: str, name: str) -> None:
    """A letter is missing, added, wrong or swapped, or the case or a separator differs."""
    assert name == nearest(word, COMMANDS)


@pytest.mark.parametrize(
    ("word", "name"),
    [
        *(("power-usr", "power-user"), ("powr-usr", "power-user"), ("pwoer-user", "power-user")),
        *(("poweruser", "power-user"), ("PowerUser", "power-user"), ("power_user", "power-user")),
        *(("poweruesr", "power-user"), ("read-onyl", "read-only"), ("ReadOnly", "read-only"), ("prd", "prod")),
        *(("prodd", "prod"), ("amdin", "admin"), ("Admin", "admin"), ("dve", "dev"), ("stag", "stage")),
        *(("defualt", "default"), ("kafka-admin", "KafkaAdmin"), ("DB2", "db2"), ("eu-prdo", "eu-prod")),
    ],
)
def test_a_mistyped_profile_is_recognised(word: str, name: str) -> None:
    """The names of a user are compared part by part, as their separators and capitals divide them."""
    assert name == nearest(word, PROFILES)


@pytest.mark.parametrize("role", ROLES)
def test_the_name_of_a_role_is_no_typo(role: str) -> None:
    """Roles that exist in real accounts are near no command, and near no profile that somebody keeps beside them."""
    assert (None, None) == (nearest(role, COMMANDS), nearest(role, PROFILES))


@given(st.text(LETTERS, min_size=6, max_size=20), st.data())
def test_one_mistake_in_a_long_word_is_always_recognised(name: str, data: st.DataObject) -> None:
    """Whichever letter of six or more is missing, added, wrong or swapped with the next, the word is still near."""
    place, letter = data.draw(st.integers(0, len(name) - 2)), data.draw(st.sampled_from(LETTERS))
    before, after = name[:place], name[place:]
    for word in (
        before + after[1:],
        before + letter + after,
        before + letter + after[1:],
        before + after[1::-1] + after[2:],
    ):
        assert name == nearest(word, [name])


@given(st.text(LETTERS, min_size=1, max_size=12), st.integers(0, 99), st.integers(0, 99))
def test_numbers_tell_names_apart(name: str, one: int, other: int) -> None:
    """`role1` is never a typo of `role2`."""
    assume(one != other)

    assert nearest(f"{name}{one}", [f"{name}{other}"]) is None


@given(st.lists(st.text(min_size=1, max_size=12), max_size=5), st.text(max_size=12))
def test_the_nearest_is_one_of_the_names(names: list[str], word: str) -> None:
    """It never fails, whatever the texts hold, and returns one of the names or nothing."""
    assert nearest(word, names) in {None, *names}


def test_the_nearest_of_several_is_returned() -> None:
    """Fewer mistakes come first, then the order of the names."""
    assert "stage-user" == nearest("stage-usr", ["stages-users", "stage-user", "stage-user2"])
    assert "prod_ro" == nearest("prodro", ["prod_ro", "prod-ro"])

"""Whether the files give a chain to the role, and a region."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from awsenv import config as files
from awsenv.doctor.files import chain
from awsenv.doctor.model import Finding, Verdict
from awsenv.errors import Origin
from awsenv.model import RoleRequest

if TYPE_CHECKING:
    from pathlib import Path

    from awsenv.resolved import Resolved

KEYS = "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = canary-secret\n"
ROLE = "[profile deploy]\nrole_arn = arn:aws:iam::123456789012:role/deploy\nsource_profile = default\n"
CONFIG = f"[default]\nregion = eu-central-1\n{ROLE}"


def _chain(
    home: Path, config: str, role: str = "", keys: str = KEYS
) -> tuple[dict[str, list[Finding]], Resolved | None]:
    """Return the findings by check, and the chain."""
    (home / ".aws").mkdir()
    (home / ".aws" / "config").write_text(config)
    (home / ".aws" / "credentials").write_text(keys)
    environ = {"HOME": str(home)}
    found: dict[str, list[Finding]] = {}
    generator = chain(RoleRequest(role), files.read(environ), environ)
    while True:
        try:
            finding = next(generator)
        except StopIteration as end:
            return found, end.value
        found.setdefault(finding.check, []).append(finding)


def test_a_chain_is_one_line(tmp_path: Path) -> None:
    """The chain is one line with the source, each role and its account."""
    found, resolved = _chain(tmp_path, CONFIG, "deploy")
    fact = "the access key of profile default → deploy (123456789012)"
    assert [Finding("chain", Verdict.FINE, fact)] == found["chain"]
    assert resolved is not None
    assert "canary" not in repr(resolved)


def test_the_region_says_where_it_comes_from(tmp_path: Path) -> None:
    """The finding on the region has its partition and its origin."""
    found, _ = _chain(tmp_path, CONFIG, "deploy")
    origin = Origin("~/.aws/config", 2, "default", "region")
    assert [Finding("region", Verdict.FINE, "eu-central-1, in partition aws", (origin,))] == found["region"]


@pytest.mark.parametrize(
    ("config", "fact", "hints"),
    [
        (ROLE, "none is configured", ("set region in [profile deploy]", "pass --region")),
        (
            f"[default]\nregion = eu-central-9\n{ROLE}",
            "'eu-central-9' looks like a region, but this version of botocore does not know it",
            ("correct region, or --region, unless it is a new one",),
        ),
    ],
)
def test_a_region_that_is_missing_or_unknown_is_a_warning(
    tmp_path: Path, config: str, fact: str, hints: tuple[str, ...]
) -> None:
    """Without a known region the role still works, so the finding is a warning."""
    found, resolved = _chain(tmp_path, config, "deploy")
    (region,) = found["region"]
    assert (Verdict.WARNING, True, hints) == (region.verdict, region.fact.startswith(fact), region.hints)
    assert resolved is not None


def test_a_note_is_a_warning_with_its_origin(tmp_path: Path) -> None:
    """Each difference from the configuration is a warning."""
    config = f"{CONFIG}duration_seconds = 7200\n[profile behind]\nrole_arn = arn:aws:iam::123456789012:role/behind\n"
    found, _ = _chain(tmp_path, f"{config}source_profile = deploy\nduration_seconds = 7200\n", "behind")
    warnings = [finding for finding in found["chain"] if finding.verdict is Verdict.WARNING]
    assert warnings
    for finding in warnings:
        assert ("awsenv explain behind",) == finding.hints
        assert ["duration_seconds"] == [origin.key for origin in finding.origins]


def test_without_a_role_each_role_is_resolved(tmp_path: Path) -> None:
    """Without a role in the request, a role without a chain is only a warning."""
    broken = "[profile half]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = default\n"
    found, resolved = _chain(tmp_path, f"{CONFIG}{broken}")
    warning, fine = found["roles"]
    assert (Verdict.WARNING, (Origin("~/.aws/config", 7, "profile half", "role_arn"),)) == (
        warning.verdict,
        warning.origins,
    )
    assert Finding("roles", Verdict.FINE, "1 of 2 have a complete chain") == fine
    assert resolved is not None


def test_roles_of_which_none_has_a_chain_are_wrong(tmp_path: Path) -> None:
    """If no role can be assumed, the doctor does not end with "nothing is wrong"."""
    found, _ = _chain(tmp_path, "[profile half]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = default\n")
    assert [Verdict.WRONG] == [finding.verdict for finding in found["roles"]]


def test_roles_with_several_devices_are_a_warning_about_login(tmp_path: Path) -> None:
    """If the roles of a source have different MFA devices, each role works, and only a login must choose one."""
    roles = (
        "".join(
            f"[profile {name}]\nrole_arn = arn:aws:iam::{account}:role/{name}\nsource_profile = default\n"
            f"mfa_serial = arn:aws:iam::{account}:mfa/alice\n"
            for name, account in (("one", 1), ("two", 2))
        )
        .replace("::1:", "::111111111111:")
        .replace("::2:", "::222222222222:")
    )
    found, resolved = _chain(tmp_path, roles)
    (login,) = found["login"]
    assert (Verdict.WARNING, ("choose one: awsenv login --mfa-serial ARN",)) == (login.verdict, login.hints)
    assert [Verdict.FINE] == [finding.verdict for finding in found["chain"]]
    assert resolved is not None


def test_a_role_without_a_chain_is_wrong(tmp_path: Path) -> None:
    """The finding is the error that every command ends with."""
    found, resolved = _chain(tmp_path, CONFIG.replace("source_profile = default", "source_profile = defualt"), "deploy")
    (chain,) = found["chain"]
    assert (Verdict.WRONG, None) == (chain.verdict, resolved)
    assert ("write source_profile = default",) == chain.hints


@pytest.mark.parametrize("role", ["deploy", "terraform"])
@pytest.mark.parametrize(
    "header",
    [
        *("profile terraform", "Profile terraform", "profile  terraform", "profile 'terraform'", "profiles terraform"),
        *("[terraform]", " terraform", "terraform ", '"terraform"', " profile terraform "),
    ],
)
def test_a_source_whose_header_is_wrong_is_the_cause(tmp_path: Path, header: str, role: str) -> None:
    """In the credentials file, the whole header is the name: the role fails until the header is right."""
    config = CONFIG.replace("source_profile = default", "source_profile = terraform")
    found, _ = _chain(tmp_path, config, role, KEYS.replace("default", header))
    (chain,) = found["chain"]
    assert (Verdict.WRONG, 1) == (chain.verdict, len(chain.hints))
    assert "write [terraform]" == chain.hints[0].removesuffix(" in ~/.aws/credentials:1")


@pytest.mark.parametrize(
    ("role", "is_shown"), [("nowhere", True), ("deploy", False), ("arn:aws:iam::123456789012:role/x", False)]
)
def test_a_name_that_is_no_profile_is_named_as_such(tmp_path: Path, role: str, *, is_shown: bool) -> None:
    """A word that is no profile is a role of the source's account, which a reader of the chain may not expect."""
    found, _ = _chain(tmp_path, CONFIG, role)
    fact = "'nowhere' is not a profile; it is treated as a role in the account of the source"
    assert is_shown is (Finding("chain", Verdict.FINE, fact) in found["chain"])

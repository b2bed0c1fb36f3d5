"""The form of a request, equal to botocore's, and the remedies of an AccessDenied, the likeliest first."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
from botocore.awsrequest import AWSRequest
from botocore.serialize import create_serializer
from hypothesis import given
from hypothesis import strategies as st

from awsenv import config
from awsenv.aws.denial import read
from awsenv.aws.request import denied_hint, form, remedies
from awsenv.config.profiles import NO_PROFILES
from awsenv.errors import Origin
from awsenv.model import AssumeRole, Chain, GetSessionToken, Mfa, RoleArn, RoleRequest, Source

if TYPE_CHECKING:
    from pathlib import Path

MINE, THEIRS = "123456789012", "210987654321"
DEVICE = Mfa(f"arn:aws:iam::{MINE}:mfa/alice")
SECRET = "canary-external-id"
EXTERNAL_ID, MFA, TRUST, PERMISSION = "external id", "MFA", "trust policy", "your own policies"
"""A phrase of each remedy."""


def _hop(name: str = "deploy", account: str = MINE, **changes: object) -> AssumeRole:
    origins = {"role": Origin("~/.aws/config", 5, f"profile {name}", "role_arn")}
    plain = AssumeRole(RoleArn("aws", account, name), "me", profile=name, origins=origins)
    return replace(plain, **changes)  # type: ignore[arg-type] # the fields are those of the table


def _named(found: list[str]) -> list[str]:
    """Return the phrase of each remedy."""
    return [phrase for text in found for phrase in (EXTERNAL_ID, MFA, TRUST, PERMISSION) if phrase in text]


def _chain(*hops: AssumeRole | GetSessionToken, kind: str = "static") -> Chain:
    return Chain(Source(kind, "default"), hops, "deploy", "deploy")


@pytest.mark.parametrize(
    ("chain", "expected"),
    [
        pytest.param(_chain(_hop()), [MFA, EXTERNAL_ID, TRUST], id="neither"),
        pytest.param(_chain(_hop(mfa=DEVICE)), [EXTERNAL_ID, TRUST], id="MFA"),
        pytest.param(_chain(_hop(external_id=SECRET)), [MFA, TRUST, EXTERNAL_ID], id="external id"),
        pytest.param(_chain(_hop(external_id=SECRET, mfa=DEVICE)), [TRUST, EXTERNAL_ID], id="both"),
        pytest.param(
            _chain(_hop(account=THEIRS, mfa=DEVICE)),
            [EXTERNAL_ID, TRUST, PERMISSION],
            id="another account",
        ),
        pytest.param(_chain(_hop(), kind="sso"), [EXTERNAL_ID, TRUST, MFA], id="a role as source"),
    ],
)
def test_what_is_missing_comes_first(chain: Chain, expected: list[str]) -> None:
    """Name missing values first: a configured one is less likely to be wrong."""
    assert expected == _named(remedies(chain, 0))


def test_a_typed_external_id_is_likelier_to_be_wrong_than_a_configured_one() -> None:
    """A configured one has worked before."""
    hop = _hop(external_id=SECRET, mfa=DEVICE)
    typed = replace(hop, origins={**hop.origins, "external_id": Origin("--external-id")})
    assert [EXTERNAL_ID, TRUST] == _named(remedies(_chain(typed), 0))


def test_the_account_of_the_caller_matters() -> None:
    """Expect an external id for another account, and a permission."""
    chain = _chain(_hop())
    assert [MFA, EXTERNAL_ID, TRUST] == _named(remedies(chain, 0, MINE))
    assert [EXTERNAL_ID, MFA, TRUST, PERMISSION] == _named(remedies(chain, 0, THEIRS))


def test_a_name_is_a_role_of_the_callers_own_account() -> None:
    """A typed name has no account in the chain."""
    named = replace(_hop(), role=RoleArn("aws", None, "deploy"))
    assert [MFA, EXTERNAL_ID, TRUST] == _named(remedies(_chain(named), 0, MINE))


def test_a_permission_that_is_there_is_no_cause() -> None:
    """Leave out what the doctor has read in the policies of the caller."""
    assert [EXTERNAL_ID, MFA, TRUST] == _named(remedies(_chain(_hop()), 0, THEIRS, is_permitted=True))


@pytest.mark.parametrize("first", ["", f"mfa_serial = {DEVICE.serial}\n"])
def test_a_device_behind_a_role_has_no_effect(tmp_path: Path, first: str) -> None:
    """Name MFA first: the user who configured the device expects it."""
    config_file = tmp_path / "config"
    config_file.write_text(
        "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n"
        f"[profile first]\nrole_arn = arn:aws:iam::{MINE}:role/first\nsource_profile = default\n{first}"
        f"[profile deploy]\nrole_arn = arn:aws:iam::{MINE}:role/deploy\nsource_profile = first\n"
        f"mfa_serial = {DEVICE.serial}\n"
    )
    environ = {"HOME": str(tmp_path), "AWS_CONFIG_FILE": str(config_file)}
    first, *_ = remedies(config.resolve(RoleRequest("deploy"), config.read(environ), environ), 1)
    assert "a role that demands MFA cannot be reached through another role" in first


def test_a_session_may_be_too_old() -> None:
    """Name MFA first: a role can demand a code of the last minutes."""
    first, *_ = remedies(_chain(GetSessionToken(DEVICE), _hop(external_id=SECRET)), 1)
    assert "more recent MFA code" in first


def test_the_second_hint_is_the_doctor_and_shows_no_secret() -> None:
    """Quote the name of the role for the shell."""
    chain = replace(_chain(_hop(external_id=SECRET)), role="a b")
    hints = denied_hint(chain, 0, NO_PROFILES, None)
    assert ("awsenv doctor 'a b'",) == hints[1:]
    assert SECRET not in hints[0]


@pytest.mark.parametrize("reason", ["", " because no role trust policy allows the sts:TagSession action"])
def test_a_denial_of_tags_is_no_matter_of_mfa(reason: str) -> None:
    """AWS names the action: what a role may demand for AssumeRole mends nothing."""
    user = "User: arn:aws:iam::123456789012:user/alice is not authorized to perform: sts:TagSession on resource: r"
    hints = denied_hint(_chain(_hop()), 0, NO_PROFILES, read(user + reason))
    assert hints[0].startswith("ask the owner of the role")
    assert "demands" not in str(hints)


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        (
            "deploy",
            [
                "if the role demands MFA, set mfa_serial in profile 'deploy'",
                "if the role demands an external id, set external_id in profile 'deploy'",
            ],
        ),
        (
            None,
            [
                "if the role demands MFA, pass a code as the second word",
                "if the role demands an external id, pass --external-id",
            ],
        ),
    ],
)
def test_a_remedy_names_what_can_be_set_there(profile: str | None, expected: list[str]) -> None:
    """A role that is typed as an ARN or ACCOUNT/ROLE has options, and no keys."""
    assert expected == remedies(_chain(_hop(profile=profile)), 0)[:2]


STS = botocore.session.Session().get_service_model("sts")


def _values(shape: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for the values that botocore accepts for a shape."""
    if shape.type_name == "structure":
        members = {name: _values(member) for name, member in shape.members.items()}
        return st.fixed_dictionaries({}, optional=members)
    if shape.type_name == "list":
        return st.lists(_values(shape.member), max_size=3)
    return {"string": st.text(), "integer": st.integers()}[shape.type_name]


@pytest.mark.parametrize("action", STS.operation_names)
@given(data=st.data())
def test_a_form_equals_botocores(action: str, data: st.DataObject) -> None:
    """Encode any parameters of every action of STS as botocore does."""
    operation = STS.operation_model(action)
    parameters = data.draw(_values(operation.input_shape))
    sent = create_serializer("query", include_validation=False).serialize_to_request(parameters, operation)
    assert AWSRequest("POST", "", data=sent["body"]).body == form(action, parameters)

"""The plan of `explain`, compared with the log of a local AWS."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from awsenv import changes, config, explain
from awsenv.aws.chain import credentials
from awsenv.cli.arguments import RoleOptions
from awsenv.cli.options import request
from awsenv.cli.prompts import Prompts
from awsenv.errors import AwsenvError, MfaError, RefusedError
from awsenv.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from awsenv.explain import Call, Explanation
    from awsenv.model import Chain, Credentials
    from awsenv.sandbox import MfaDevice

OTHER = "111122223333"
ROLES = ("first", "second", "third")


@dataclass(frozen=True)
class Account:
    """Two accounts with the same three roles, and a user of the first who may assume any of them."""

    sandbox: Sandbox
    user: Credentials
    device: MfaDevice

    def arn(self, role: str, *, other: bool = False) -> str:
        """Return the ARN of a role."""
        return f"arn:aws:iam::{OTHER if other else self.sandbox.account}:role/{role}"

    @cached_property
    def temporary(self) -> Credentials:
        """Return temporary credentials of the user, which outlive the test: each example takes half a minute."""
        environ = {**self.sandbox.environ(), **_exported(self.user)}
        options = RoleOptions(duration="12h")
        chain = config.resolve(request(self.arn("first"), None, options, environ), _nothing(), environ)
        return credentials(chain, _nothing(), environ)


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    """Return the accounts."""
    with Sandbox() as sandbox:
        user = sandbox.create_user("alice", policies=["AdministratorAccess"])
        device = sandbox.create_mfa_device("alice")
        for role in ROLES:
            for owner in (sandbox.account, OTHER):
                sandbox.create_role(
                    role,
                    sandbox.trust(sandbox.account, OTHER),
                    policies=["AdministratorAccess"],
                    max_session_duration=43_200,
                    account=owner,
                )
        yield Account(sandbox, user, device)


@dataclass(frozen=True)
class Setup:
    """The files and variables of a user, and the command line."""

    config: str
    credentials: str
    environ: Mapping[str, str] = field(repr=False)
    role: str
    options: RoleOptions


DURATIONS = st.sampled_from([None, "900", "3600", "7200"])


@st.composite
def setups(draw: st.DrawFn, account: Account, temporary: Credentials) -> Setup:
    """Return any set-up of a role: chains, devices, durations, regions, kinds of source, names and ARNs."""
    key = draw(st.sampled_from([account.user, account.user, account.user, temporary]), label="key")
    source = draw(st.sampled_from(["profile", "profile", "environment", "credential_source"]), label="source")
    base = _lines(
        {
            "region": draw(st.sampled_from([None, "eu-central-1"])),
            "mfa_serial": draw(st.sampled_from([None, None, account.device.serial])),
            "aws_account_id": draw(st.sampled_from([None, account.sandbox.account])),
            "duration_seconds": draw(DURATIONS),
        }
    )
    text, below = f"[profile base]\n{base}", "base"
    for number in range(draw(st.integers(0, 3), label="roles")):
        first_by_environment = number == 0 and source == "credential_source"
        text += f"[profile role{number}]\n" + _lines(
            {
                "role_arn": account.arn(ROLES[number], other=draw(st.booleans())),
                "credential_source": "Environment" if first_by_environment else None,
                "source_profile": None if first_by_environment else below,
                "mfa_serial": draw(st.sampled_from([None, None, account.device.serial, ""])),
                "external_id": draw(st.sampled_from([None, "canary-id"])),
                "duration_seconds": draw(DURATIONS),
                "region": draw(st.sampled_from([None, "eu-west-1"])),
                "role_session_name": draw(st.sampled_from([None, "somebody"])),
                "session_tags": draw(st.sampled_from([None, f"tag{number}=x"])),
            }
        )
        below = f"role{number}"
    typed = [account.arn("third"), account.arn("third", other=True), f"{OTHER}/third", "third"]
    role = draw(st.sampled_from([below, below, *typed]), label="typed")
    by_name = draw(st.sampled_from(["AWS_PROFILE", "--profile"]))
    environ = {
        "USER": "jane",
        **(_exported(key) if source != "profile" or not draw(st.booleans()) else {}),
        **({"AWS_PROFILE": below} if by_name == "AWS_PROFILE" else {}),
        **draw(st.sampled_from([{}, {"AWS_REGION": "us-east-2"}, {"AWS_SESSION_EXPIRATION": "x", "AWS_VAULT": "y"}])),
        **draw(st.sampled_from([{}, {"AWS_ACCOUNT_ID": OTHER}])),
    }
    options = RoleOptions(
        profile=draw(st.sampled_from([None, below])) if by_name == "--profile" and role != below else None,
        duration=draw(st.sampled_from([None, None, "30m", "2h"])),
        session_name=draw(st.sampled_from([None, "by-option"])),
        external_id=draw(st.sampled_from([None, None, "other-canary"])),
        mfa_serial=draw(st.sampled_from([None, None, account.device.serial])),
        source_identity=draw(st.sampled_from([None, "jane"])),
        tag=draw(st.sampled_from([None, ["a=b", "c=d"]])),
        policy_arn=draw(st.sampled_from([None, ["arn:aws:iam::aws:policy/ReadOnlyAccess"]])),
        min_remaining=None,
    )
    credentials = "[base]\n" + _lines(
        {
            "aws_access_key_id": key.access_key_id,
            "aws_secret_access_key": key.secret_access_key,
            "aws_session_token": key.session_token,
        }
    )
    return Setup(text, credentials, environ, role, options)


@pytest.mark.slow
@settings(max_examples=100)
@given(data=st.data())
def test_the_calls_are_those_of_the_plan(account: Account, data: st.DataObject) -> None:
    """In any set-up, awsenv makes the calls of the plan, with its parameters, and changes the listed variables."""
    setup = data.draw(setups(account, account.temporary))
    with TemporaryDirectory() as home:
        environ = {**setup.environ, **account.sandbox.environ(), "HOME": home}
        folder = Path(home, ".aws")
        folder.mkdir()
        (folder / "config").write_text(setup.config)
        (folder / "credentials").write_text(setup.credentials)
        profiles = config.read(environ)
        try:
            chain = config.resolve(request(setup.role, None, setup.options, environ), profiles, environ)
        except AwsenvError as error:
            event(f"refused: {type(error).__name__}")
            return
        plan = explain.explain(chain, profiles)
        change = explain.change(chain, environ, profiles, renewable=False)
        # AWS accepts each code once.
        account.sandbox.clock.elapse(30)
        account.sandbox.clear_calls()

        code = account.device.code() if plan.needs_code else None
        credentials, refused = _obtained(chain, profiles, environ, code)

    made = [(_action(call.service, call.action), _sent(call.parameters)) for call in account.sandbox.calls]
    planned = [(call.action, _planned(call)) for call in plan.calls]
    _check_signers(plan, account)
    event(f"{len(planned)} calls, {'refused' if refused else 'done'}")
    if refused:
        # AWS refuses by a rule that no file states, and not because a code is missing.
        assert account.sandbox.calls[-1].error is not None
        assert [_known(*pair) for pair in zip(made, planned, strict=False)] == made
        return
    assert [_known(*pair) for pair in zip(made, planned, strict=True)] == made
    assert credentials is not None
    assert change == {
        name: value is not None for name, value in changes.change(chain, credentials, environ).variables.items()
    }


def _obtained(
    chain: Chain, profiles: config.Profiles, environ: Mapping[str, str], code: str | None
) -> tuple[Credentials | None, bool]:
    try:
        return credentials(chain, profiles, environ, code=code, prompts=Prompts(environ, "/no/such/terminal")), False
    except (MfaError, RefusedError):
        return None, True


def _check_signers(plan: Explanation, account: Account) -> None:
    """Check that the source signs the calls that the plan says, and each role the call after its own."""
    source, before = None, ""
    for call, expected in zip(account.sandbox.calls, plan.calls, strict=False):
        assert call.caller is not None
        if expected.signer == "the source":
            source = source or call.caller
            assert source == call.caller
        else:
            assert f":assumed-role/{before}/" in call.caller
        before = call.parameters.get("RoleArn", "").rpartition("/")[2] or before


def _action(service: str, action: str) -> str:
    return f"{service}:{action}"


def _sent(parameters: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters of a call in the log, without the code."""
    return {name: value for name, value in parameters.items() if name != "TokenCode"}


def _planned(call: Call) -> dict[str, str | None]:
    """Return the parameters as AWS's query protocol spells them."""
    sent: dict[str, str | None] = {}
    count: dict[str, int] = {}
    for each in call.parameters:
        count[each.name] = number = count.get(each.name, 0) + 1
        at = f"{each.name}.member.{number}"
        if each.name == "Tags":
            sent[f"{at}.Key"], _, sent[f"{at}.Value"] = (each.value or "").partition("=")
        elif each.name == "PolicyArns":
            sent[f"{at}.arn"] = each.value
        elif each.name == "TransitiveTagKeys":
            sent[at] = each.value
        else:
            sent[each.name] = "(hidden)" if each.name == "ExternalId" else each.value
    return sent


def _known(
    made: tuple[str, dict[str, str]], planned: tuple[str, dict[str, str | None]]
) -> tuple[str, dict[str, str | None]]:
    """Return a planned call with the one value that only AWS knows: the ARN of a role whose account is not known."""
    action, sent = planned
    if sent.get("RoleArn", "") is None:
        arn = made[1]["RoleArn"]
        assert re.fullmatch(r"arn:aws:iam::\d{12}:role/third", arn)
        return action, {**sent, "RoleArn": arn}
    return planned


def _exported(key: Credentials) -> dict[str, str]:
    token = {} if key.session_token is None else {"AWS_SESSION_TOKEN": key.session_token}
    return {"AWS_ACCESS_KEY_ID": key.access_key_id, "AWS_SECRET_ACCESS_KEY": key.secret_access_key, **token}


def _nothing() -> config.Profiles:
    return config.read({"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull})


def _lines(settings: Mapping[str, str | None]) -> str:
    return "".join(f"{key} = {value}\n" for key, value in settings.items() if value is not None) + "\n"

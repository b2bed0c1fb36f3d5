"""The plan: every requested part that does not exist yet, and every obstacle."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from awsenv import config
from awsenv.cli.setup import described
from awsenv.config.limits import external_id
from awsenv.config.sources import KEYS
from awsenv.errors import AwsenvError, ConfigError, Origin, SourceError
from awsenv.iam.trust import trust_policy
from awsenv.setup import KeyDestination, SetupRequest, parse_roles
from awsenv.setup.plan import Plan, draw_up, new_external_id, user_policy
from awsenv.setup.state import Key, Role, State, User

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from awsenv.iam.policy import Document

ACCOUNT, OTHER = "123456789012", "210987654321"
NAME = "awsenv-alice"
USER = f"arn:aws:iam::{ACCOUNT}:user/{NAME}"
SERIAL = f"arn:aws:iam::{ACCOUNT}:mfa/{NAME}"
POWER_USER, READ_ONLY = (f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("power-user", "read-only"))
POLICY = "arn:aws:iam::aws:policy/"
SECRET = "canary-external-id"
KEY = "AKIAIOSFODNN7EXAMPLE"
REQUEST = SetupRequest(NAME, ACCOUNT, ACCOUNT, parse_roles([]), region="eu-central-1")
CROSS = replace(REQUEST, role_account=OTHER)
CREDENTIALS = f"[{NAME}]\naws_access_key_id = {KEY}\naws_secret_access_key = canary\n"
CONFIG = f"""\
[profile power-user]
role_arn = {POWER_USER}
source_profile = {NAME}
mfa_serial = {SERIAL}
external_id = {SECRET}
region = eu-central-1

[profile read-only]
role_arn = {READ_ONLY}
source_profile = {NAME}
mfa_serial = {SERIAL}
region = eu-west-1
"""


def key(key_id: str = KEY, *, active: bool = True, used: bool = True) -> Key:
    """Return an access key of the user."""
    return Key(key_id, active=active, used=used, created=datetime(2026, 11, 1, tzinfo=timezone.utc))


def operations(plan: Plan) -> list[tuple[str, Mapping[str, object]]]:
    """Return the action and the parameters of each task."""
    return [(task.action, task.parameters) for task in plan.tasks]


CREATE_DEVICE = ("create_virtual_mfa_device", {"VirtualMFADeviceName": NAME})
CREATE_KEY = ("create_access_key", {"UserName": NAME})


def put_user_policy(document: Document) -> tuple[str, Mapping[str, object]]:
    """Return the operation that sets the inline policy of the user."""
    return "put_user_policy", {"UserName": NAME, "PolicyName": "assume-roles", "PolicyDocument": document}


def create_role(role: str, trust: Document) -> tuple[str, Mapping[str, object]]:
    """Return the operation that creates a role."""
    return "create_role", {"RoleName": role, "AssumeRolePolicyDocument": trust}


def attach_policy(role: str, name: str) -> tuple[str, Mapping[str, object]]:
    """Return the operation that attaches an AWS managed policy to a role."""
    return "attach_role_policy", {"RoleName": role, "PolicyArn": f"{POLICY}{name}"}


def delete_key(key_id: str) -> tuple[str, Mapping[str, object]]:
    """Return the operation that deletes an access key."""
    return "delete_access_key", {"UserName": NAME, "AccessKeyId": key_id}


def write_profiles(sections: Mapping[str, object]) -> tuple[str, Mapping[str, object]]:
    """Return the operation that writes profiles."""
    return "write_profiles", sections


ROLES = {
    "power-user": Role(
        POWER_USER, trust_policy(USER, mfa=True, external_id=SECRET), frozenset({f"{POLICY}PowerUserAccess"})
    ),
    "read-only": Role(READ_ONLY, trust_policy(USER, mfa=True), frozenset({f"{POLICY}ReadOnlyAccess"})),
}
COMPLETE = State(User(USER, keys=(key(),), devices=(SERIAL,)), roles=ROLES)


def user(**changes: object) -> State:
    """Return the complete state with changes to its user."""
    assert COMPLETE.user is not None
    return replace(COMPLETE, user=replace(COMPLETE.user, **changes))  # type: ignore[arg-type]


@pytest.fixture
def plan(tmp_path: Path) -> Callable[..., Plan]:
    """Return a function that draws up a plan from two files with these texts."""
    environ = {"AWS_CONFIG_FILE": str(tmp_path / "config"), "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "keys")}

    def draw(
        state: State = COMPLETE, conf: str = CONFIG, credentials: str = CREDENTIALS, request: SetupRequest = REQUEST
    ) -> Plan:
        Path(environ["AWS_CONFIG_FILE"]).write_text(conf)
        Path(environ["AWS_SHARED_CREDENTIALS_FILE"]).write_text(credentials)
        return draw_up(request, state, config.read(environ), lambda: SECRET)

    return draw


def refusal(draw: Callable[[], Plan]) -> AwsenvError:
    """Return the error of *draw*, and check that it has a next step and no secret."""
    with pytest.raises(AwsenvError) as caught:
        draw()
    error = caught.value
    assert isinstance(error, ConfigError | SourceError)
    assert error.hints
    assert SECRET not in f"{error.fact} {error.where} {error.hints}{error.because}"
    return error


def test_everything_is_created_in_order(plan: Callable[..., Plan]) -> None:
    """The user comes first, then the roles and the key; the profiles come last, when all that they name exists."""
    drawn = plan(State(), "", "")
    assert [
        ("create_user", {"UserName": NAME}),
        CREATE_DEVICE,
        create_role("power-user", trust_policy(USER, mfa=True, external_id=SECRET)),
        attach_policy("power-user", "PowerUserAccess"),
        create_role("read-only", trust_policy(USER, mfa=True)),
        attach_policy("read-only", "ReadOnlyAccess"),
        CREATE_KEY,
        write_profiles(
            {
                "profile power-user": {
                    "role_arn": POWER_USER,
                    "source_profile": NAME,
                    "mfa_serial": SERIAL,
                    "external_id": SECRET,
                    "region": "eu-central-1",
                },
                "profile read-only": {
                    "role_arn": READ_ONLY,
                    "source_profile": NAME,
                    "mfa_serial": SERIAL,
                    "region": "eu-central-1",
                },
            }
        ),
    ] == operations(drawn)
    assert not drawn.notes


def test_a_complete_set_up_needs_no_task(plan: Callable[..., Plan]) -> None:
    """A profile may have another region."""
    assert Plan(()) == plan()


def test_a_plan_is_shown_with_its_policies_and_settings(plan: Callable[..., Plan]) -> None:
    """The tasks are numbered; below them are each policy as JSON and the settings as the file will have them."""
    lines = described(plan(State(), "", ""))
    text = "\n".join(lines)
    assert lines[0] == f"1. create the user {NAME}, with no permissions"
    begin = lines.index("   trust policy:")
    shown = lines[begin + 1 : next(n for n, line in enumerate(lines) if line.startswith("4. "))]
    assert trust_policy(USER, mfa=True, external_id="...") == json.loads("\n".join(shown))
    assert "4. attach the policy PowerUserAccess to the role power-user" in lines
    assert f"     [profile power-user]\n     role_arn = {POWER_USER}\n" in text
    assert "     external_id = ...\n" in text


def test_no_external_id_is_shown(plan: Callable[..., Plan]) -> None:
    """Neither the text of a plan nor its repr contains the external id."""
    drawn = plan(State(), "", "")
    assert SECRET not in "\n".join(described(drawn))
    assert SECRET not in repr(drawn)
    assert any(SECRET in str(parameters) for _, parameters in operations(drawn))


def test_each_external_id_is_new_and_legal() -> None:
    """It has 32 characters."""
    made = {new_external_id() for _ in range(50)}
    assert len(made) == 50
    assert {32} == {len(external_id(text, Origin("test"))) for text in made}


def test_a_user_with_another_purpose_is_refused(plan: Callable[..., Plan]) -> None:
    """Setup refuses a user with permissions of its own: its key would allow more than to assume the roles."""
    error = refusal(lambda: plan(user(permissions=("a console password", "the policy 's3'"))))
    assert f"the user '{NAME}' serves another purpose: it has a console password and the policy 's3'" == error.fact
    assert "--user" in str(error.hints)


def test_a_role_and_the_user_cannot_share_a_profile(plan: Callable[..., Plan]) -> None:
    """A role with the name of the user is refused, because its profile would be its own source."""
    request = replace(REQUEST, roles=parse_roles([f"{NAME}:ReadOnlyAccess"]))
    assert "--user" in str(refusal(lambda: plan(State(), "", "", request)).hints)


def test_the_user_is_allowed_the_roles_of_another_account(plan: Callable[..., Plan]) -> None:
    """The user's policy allows exactly the requested roles, because AWS demands that of both accounts."""
    drawn = plan(State(), "", "", CROSS)
    arns = [arn.replace(ACCOUNT, OTHER) for arn in (POWER_USER, READ_ONLY)]
    assert put_user_policy(user_policy(arns)) in operations(drawn)
    assert "   inline policy assume-roles:" in described(drawn)
    assert ["create_user", "create_virtual_mfa_device", "put_user_policy", "create_role"] == drawn.actions[:4]
    assert f"create the role power-user in account {OTHER}" in [task.title for task in drawn.tasks]


def test_earlier_permissions_stay(plan: Callable[..., Plan]) -> None:
    """A request for other roles keeps the user's permission for the earlier ones."""
    before = f"arn:aws:iam::{OTHER}:role/deploy"
    there = User(USER, allowed=(before,), devices=(SERIAL,))
    drawn = plan(State(there), "", "", CROSS)
    arns = [arn.replace(ACCOUNT, OTHER) for arn in (POWER_USER, READ_ONLY)]
    assert put_user_policy(user_policy([before, *arns])) in operations(drawn)
    allowed = replace(there, allowed=(*arns, before))
    assert "put_user_policy" not in plan(State(allowed), "", "", CROSS).actions
    assert Plan(()) == plan(user(allowed=(before,)))


def test_a_device_without_a_user_is_created_again(plan: Callable[..., Plan]) -> None:
    """The plan replaces a device that an interrupted run created but did not enable."""
    drawn = plan(replace(user(devices=()), has_lost_device=True))
    assert [("delete_virtual_mfa_device", {"SerialNumber": SERIAL}), CREATE_DEVICE] == operations(drawn)


def test_without_a_role_with_mfa_no_device_is_created(plan: Callable[..., Plan]) -> None:
    """No profile names one either."""
    drawn = plan(State(), "", "", replace(REQUEST, roles=parse_roles(["read-only:ReadOnlyAccess"])))
    assert ["create_user", "create_role", "attach_role_policy", "create_access_key", "write_profiles"] == drawn.actions
    assert not any("mfa_serial" in line for line in described(drawn))


@pytest.mark.parametrize(
    ("devices", "serial"),
    [
        ((f"{SERIAL}-phone",), f"{SERIAL}-phone"),
        ((f"{SERIAL}-phone", SERIAL), SERIAL),
        (("GAHT12345678", f"{SERIAL}-phone"), "GAHT12345678"),
    ],
)
def test_an_existing_device_is_used(plan: Callable[..., Plan], devices: tuple[str, ...], serial: str) -> None:
    """The profiles name an existing device of the user, preferably the one with the user's name."""
    without = CONFIG.replace(f"mfa_serial = {SERIAL}\n", "")
    drawn = plan(user(devices=devices), without)
    both = {f"profile {name}": {"mfa_serial": serial} for name in ROLES}
    assert [write_profiles(both)] == operations(drawn)


def test_a_profile_may_name_any_device_of_the_user(plan: Callable[..., Plan]) -> None:
    """A profile that names any device of the user stays as it is."""
    phone = f"{SERIAL}-phone"
    assert Plan(()) == plan(user(devices=(SERIAL, phone)), CONFIG.replace(SERIAL, phone))


def test_a_profile_that_names_an_unknown_device_is_refused(plan: Callable[..., Plan]) -> None:
    """Setup refuses a profile with a device that the user does not have, because it changes no existing line."""
    error = refusal(lambda: plan(conf=CONFIG.replace(SERIAL, f"{SERIAL}-gone")))
    assert "mfa_serial" in error.fact
    assert ":4, [profile power-user], mfa_serial" in str(error.where)


def test_a_role_with_another_trust_policy_is_refused(plan: Callable[..., Plan]) -> None:
    """Setup refuses a role with another trust policy and names the differences, and never overwrites it."""
    roles = {**ROLES, "power-user": replace(ROLES["power-user"], trust=trust_policy(USER, mfa=False))}
    error = refusal(lambda: plan(replace(COMPLETE, roles=roles)))
    assert "it demands no external id; it demands no MFA code" in str(error.because)
    assert POWER_USER == error.where
    assert "my-power-user:PowerUserAccess,mfa,external-id" in str(error.hints)


@pytest.mark.parametrize(
    ("demands", "word"),
    [
        ({"mfa": False}, "read-only:ReadOnlyAccess"),
        ({"mfa": True, "external_id": SECRET}, "read-only:ReadOnlyAccess,mfa,external-id"),
        ({"mfa": False, "external_id": SECRET}, "read-only:ReadOnlyAccess,external-id"),
    ],
)
def test_the_hint_names_the_argument_of_an_existing_role(
    plan: Callable[..., Plan], demands: dict[str, Any], word: str
) -> None:
    """The hint names the ROLE argument with which setup uses the existing role as it is."""
    roles = {**ROLES, "read-only": replace(ROLES["read-only"], trust=trust_policy(USER, **demands))}
    error = refusal(lambda: plan(replace(COMPLETE, roles=roles)))
    assert error.hints[0] == f"use it as it is, with the ROLE {word}"
    assert Plan(()) == plan(
        replace(COMPLETE, roles=roles),
        CONFIG + f"external_id = {SECRET}\n" * ("external" in word),
        request=replace(REQUEST, roles=parse_roles(["power-user", word])),
    )


def test_a_role_that_trusts_a_deleted_user_is_refused(plan: Callable[..., Plan]) -> None:
    """The error says that the trust is left of a deleted user, because a new user of the name is not the same."""
    roles = {"read-only": Role(READ_ONLY, trust_policy("AIDACKCEVSQ6C2EXAMPLE", mfa=True))}
    assert "left of a deleted user" in str(refusal(lambda: plan(State(roles=roles), "", "")).because)


def test_missing_policies_are_attached_and_further_ones_are_noted(plan: Callable[..., Plan]) -> None:
    """Setup detaches nothing, but says that a read-only role is an administrator."""
    roles = {**ROLES, "read-only": replace(ROLES["read-only"], policies=frozenset({f"{POLICY}AdministratorAccess"}))}
    drawn = plan(replace(COMPLETE, roles=roles))
    assert [attach_policy("read-only", "ReadOnlyAccess")] == operations(drawn)
    assert ("the role read-only has policies beyond the request: AdministratorAccess",) == drawn.notes
    assert described(drawn)[-1] == f"note: {drawn.notes[0]}"


def test_a_new_role_without_mfa_is_noted(plan: Callable[..., Plan]) -> None:
    """The note says what that means; a role that exists gets none."""
    request = replace(REQUEST, roles=parse_roles(["power-user", "audit:ReadOnlyAccess"]))
    drawn = plan(replace(COMPLETE, roles={"power-user": ROLES["power-user"]}), request=request)
    assert ("the role audit demands no MFA code: a stolen access key is enough to use it",) == drawn.notes
    roles = {**ROLES, "audit": Role(f"{READ_ONLY}-audit", trust_policy(USER, mfa=False), ROLES["read-only"].policies)}
    assert () == plan(replace(COMPLETE, roles=roles), request=request).notes


def test_the_external_id_of_an_existing_role_is_read_from_it(plan: Callable[..., Plan]) -> None:
    """After a run that was killed before it wrote the profile, only the role has it."""
    drawn = plan(conf=CONFIG.replace(f"external_id = {SECRET}\n", ""))
    assert [write_profiles({"profile power-user": {"external_id": SECRET}})] == operations(drawn)


def test_the_external_id_of_an_existing_profile_is_used(plan: Callable[..., Plan]) -> None:
    """The new role demands it."""
    state = replace(COMPLETE, roles={"read-only": ROLES["read-only"]})
    drawn = plan(state, CONFIG.replace(SECRET, "from-the-profile"))
    trust = trust_policy(USER, mfa=True, external_id="from-the-profile")
    assert create_role("power-user", trust) == operations(drawn)[0]
    assert ["create_role", "attach_role_policy"] == drawn.actions


@pytest.mark.parametrize("state", [COMPLETE, replace(COMPLETE, roles={})])
@pytest.mark.parametrize("written", ["", "x", "with blank"])
def test_an_illegal_external_id_is_refused(plan: Callable[..., Plan], state: State, written: str) -> None:
    """It is neither the role's nor one that AWS would accept."""
    error = refusal(lambda: plan(state, CONFIG.replace(SECRET, written)))
    assert "external" in error.fact
    assert "[profile power-user], external_id" in str(error.where)


def test_a_mismatch_shows_no_external_id(plan: Callable[..., Plan]) -> None:
    """The error about different external ids shows neither that of the role nor that of the profile."""
    error = refusal(lambda: plan(conf=CONFIG.replace(SECRET, "canary-of-the-profile")))
    assert "canary" not in f"{error.fact}{error.where}{error.hints}{error.because}"


@pytest.mark.parametrize(
    ("old", "new", "fact"),
    [
        (POWER_USER, f"arn:aws:iam::{OTHER}:role/power-user", f"role_arn is not {POWER_USER}"),
        (f"source_profile = {NAME}", "source_profile = default", f"source_profile is not {NAME}"),
        (f"source_profile = {NAME}", "credential_source = Environment", "it has credential_source"),
        *((f"role_arn = {POWER_USER}", f"{key} = x", f"it has {key}") for key in KEYS),
    ],
)
def test_a_profile_in_other_use_is_refused(plan: Callable[..., Plan], old: str, new: str, fact: str) -> None:
    """Setup refuses a profile that has another role, another source or credentials of its own."""
    error = refusal(lambda: plan(conf=CONFIG.replace(old, new, 1)))
    assert fact in error.fact
    assert "[profile power-user]" in str(error.where)


def test_a_profile_is_completed_under_its_own_header(plan: Callable[..., Plan]) -> None:
    """Missing settings go under the profile's existing header, however it is spelled."""
    drawn = plan(conf=f'[profile  "read-only"]\nregion = eu-west-1\n{CONFIG.partition("[profile read-only]")[0]}')
    missing = {"role_arn": READ_ONLY, "source_profile": NAME, "mfa_serial": SERIAL}
    assert [write_profiles({'profile  "read-only"': missing})] == operations(drawn)


def test_a_role_and_a_user_keep_their_paths(plan: Callable[..., Plan]) -> None:
    """Policies and profiles have the ARNs of AWS's responses."""
    there = f"arn:aws:iam::{ACCOUNT}:user/team/{NAME}"
    role = Role(f"arn:aws:iam::{ACCOUNT}:role/team/read-only", trust_policy(there, mfa=True))
    drawn = plan(State(User(there), roles={"read-only": role}), "", "")
    assert CREATE_KEY in operations(drawn)
    assert create_role("power-user", trust_policy(there, mfa=True, external_id=SECRET)) == operations(drawn)[1]
    assert f"     role_arn = {role.arn}" in described(drawn)


def test_a_lost_key_that_was_never_used_is_replaced(plan: Callable[..., Plan]) -> None:
    """It belongs to a run that was killed, and the plan says why it goes."""
    drawn = plan(user(keys=(key(used=False),)), conf="", credentials="")
    assert [delete_key(KEY), CREATE_KEY] == operations(drawn)[:2]
    assert drawn.tasks[0].title == (
        "delete the access key AKIAIOSFODNN7EXAMPLE of 2026-11-01: it was never used and is not here; "
        "answer no if it is kept elsewhere"
    )
    assert not drawn.notes


def test_after_a_complete_run_no_key_is_deleted(plan: Callable[..., Plan]) -> None:
    """The profiles are written last: by then the key was kept or printed, and may be in use."""
    drawn = plan(user(keys=(key(used=False),)), credentials="")
    assert ["create_access_key"] == drawn.actions
    assert ("the access key AKIAIOSFODNN7EXAMPLE of 2026-11-01 stays: it may be in use elsewhere",) == drawn.notes


def test_a_key_that_was_used_stays(plan: Callable[..., Plan]) -> None:
    """Another machine may have it; a note says so."""
    drawn = plan(user(keys=(key(),)), credentials="")
    assert [CREATE_KEY] == operations(drawn)
    assert ("the access key AKIAIOSFODNN7EXAMPLE of 2026-11-01 stays: it may be in use elsewhere",) == drawn.notes


def test_a_key_that_another_profile_holds_stays(plan: Callable[..., Plan]) -> None:
    """A key whose secret is in another profile is not deleted, and a note says so."""
    drawn = plan(user(keys=(key(used=False),)), credentials=CREDENTIALS.replace(f"[{NAME}]", "[old]"))
    assert ["create_access_key"] == drawn.actions
    assert ("the access key AKIAIOSFODNN7EXAMPLE of 2026-11-01 stays: another profile has it",) == drawn.notes


def test_a_third_key_is_not_created(plan: Callable[..., Plan]) -> None:
    """Two used keys are an error, because only the user knows which can be deleted; an unused one is replaced."""
    error = refusal(lambda: plan(user(keys=(key("AKIA1"), key("AKIA2"))), credentials=""))
    assert "two access keys" in error.fact
    assert f"aws iam list-access-keys --user-name {NAME}" in str(error.hints)
    drawn = plan(user(keys=(key("AKIA1"), key("AKIA2", used=False))), conf="", credentials="")
    assert [delete_key("AKIA2"), CREATE_KEY] == operations(drawn)[:2]


@pytest.mark.parametrize(
    ("keys", "credentials", "fact"),
    [
        ((key("AKIA1"),), CREDENTIALS, "does not belong to the user"),
        ((), CREDENTIALS, "does not belong to the user"),
        ((key(active=False),), CREDENTIALS, "is deactivated"),
        ((key(),), CREDENTIALS.replace("aws_secret_access_key = canary\n", ""), "holds half an access key"),
        ((), f"[{NAME}]\ncredential_process = get\n", "no active one"),
        ((key(active=False),), f"[{NAME}]\ncredential_process = get\n", "no active one"),
        ((key(),), f"[{NAME}]\nrole_arn = {READ_ONLY}\n", "it has role_arn"),
        *(
            ((key(),), f"[{NAME}]\n{other} = x\n", f"it has {other}")
            for other in KEYS
            if other not in {"aws_access_key_id", "aws_secret_access_key", "credential_process"}
        ),
    ],
)
def test_a_source_profile_in_other_use_is_refused(
    plan: Callable[..., Plan], keys: tuple[Key, ...], credentials: str, fact: str
) -> None:
    """Setup refuses a source profile without a complete, active key of the user, and keeps its content."""
    error = refusal(lambda: plan(user(keys=keys), credentials=credentials))
    assert fact in error.fact
    assert f"[{NAME}]" in str(error.where)


def test_a_key_in_a_keyring_counts(plan: Callable[..., Plan]) -> None:
    """Only the keyring knows which key it is."""
    assert Plan(()) == plan(user(keys=(key(used=False),)), credentials=f"[{NAME}]\ncredential_process = get\n")


def test_a_printed_key_is_not_replaced(plan: Callable[..., Plan]) -> None:
    """The profiles, which are written after it, show that it was printed."""
    request = replace(REQUEST, key_destination=KeyDestination.STDOUT)
    state = user(keys=(key(used=False),))
    assert Plan(()) == plan(state, CONFIG, "", request)
    assert ["delete_access_key", "create_access_key", "write_profiles"] == plan(state, "", "", request).actions
    assert ["create_access_key"] == plan(user(keys=()), CONFIG, "", request).actions


@pytest.mark.parametrize(
    ("destination", "shown"),
    [(KeyDestination.FILE, "keys"), (KeyDestination.KEYRING, "keyring"), (KeyDestination.STDOUT, "print it once")],
)
def test_the_plan_says_where_the_key_goes(plan: Callable[..., Plan], destination: KeyDestination, shown: str) -> None:
    """The task that creates the key says where its secret is going to be kept."""
    title = plan(State(), "", "", replace(REQUEST, key_destination=destination)).tasks[-2].title
    assert title.startswith(f"create an access key of the user {NAME}, and ")
    assert shown in title

"""Each template creates what the plan would: the tools' own parsers read it, and the tests evaluate it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hcl2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from awsenv import config
from awsenv.aws.iam import Iam
from awsenv.aws.session import AwsSession
from awsenv.iam.trust import trust_policy
from awsenv.sandbox import Sandbox
from awsenv.setup import SetupRequest, parse_roles
from awsenv.setup.plan import draw_up, user_policy
from awsenv.setup.state import read as read_state
from awsenv.setup.templates import cloudformation, terraform

if TYPE_CHECKING:
    from collections.abc import Callable

    from awsenv.iam.policy import Document

USER = "awsenv-jane"
HERE, THERE = "1" * 12, "2" * 12
EXTERNAL_ID = "canary-external-id"
WORDS = [
    [],
    ["read-only"],
    ["deploy:ViewOnlyAccess,mfa,arn:aws:iam::123456789012:policy/team/x", "a.b:x/y,external-id", "a-b:Z,mfa"],
    ["1st:PowerUserAccess", "-:ReadOnlyAccess", "_:ReadOnlyAccess", "null:ReadOnlyAccess", "A-1:X", "A1:X", "a+1:X"],
]
NAMES = st.text(st.sampled_from("abZ019_+=,.@-"), min_size=1, max_size=8).map(lambda name: name.replace(",", "."))


@dataclass
class Made:
    """The resources that a template creates."""

    user: str
    allowed: Document | None = None
    """The user's inline policy."""
    roles: dict[str, tuple[Document, set[str]]] = field(default_factory=dict)
    """Name → trust policy, and the ARNs of the managed policies."""


def request(words: list[str], there: str = HERE, here: str = HERE) -> SetupRequest:
    """Return a request with the roles in the account *there*."""
    return SetupRequest(USER, here, there, parse_roles(words))


def by_plan(spec: SetupRequest) -> Made:
    """Return the resources that `awsenv setup` itself would create."""
    roles: dict[str, tuple[Document, set[str]]] = {
        role.name: (
            trust_policy(spec.user_arn, mfa=role.mfa, external_id=EXTERNAL_ID if role.external_id else None),
            set(role.policy_arns("aws")),
        )
        for role in spec.roles
    }
    allowed = user_policy(map(spec.role_arn, spec.roles)) if spec.crosses_accounts else None
    return Made(spec.user, allowed, roles)


def decoded(text: str) -> tuple[Any, list[Any]]:
    """Read a template as CloudFormation's linter does, and return it and the problems."""
    from cfnlint import decode  # type: ignore[import-untyped] # noqa: PLC0415 - a second, which each worker would take

    document, problems = decode.decode_str(text)
    return document, problems


def by_cloudformation(spec: SetupRequest) -> Made:
    """Evaluate the template as CloudFormation does, in each of the accounts."""
    document, problems = decoded(cloudformation(spec))
    assert isinstance(document, dict)
    assert [] == problems
    made = Made("")
    for account in {spec.account, spec.role_account}:
        stack = Stack(document, spec, account)
        for resource in document["Resources"].values():
            if "Condition" in resource and not stack.value(document["Conditions"][resource["Condition"]]):
                continue
            properties = stack.value(resource["Properties"])
            if resource["Type"] == "AWS::IAM::User":
                made.user = properties["UserName"]
                for policy in properties.get("Policies", []):
                    assert "assume-roles" == policy["PolicyName"]
                    made.allowed = policy["PolicyDocument"]
            else:
                assert "AWS::IAM::Role" == resource["Type"]
                trust, policies = properties["AssumeRolePolicyDocument"], properties["ManagedPolicyArns"]
                made.roles[properties["RoleName"]] = (trust, set(policies))
    return made


@dataclass
class Stack:
    """A template in an account, with its parameters given."""

    document: Any
    spec: SetupRequest
    account: str

    def value(self, item: Any) -> Any:
        """Evaluate the functions in *item*."""
        if isinstance(item, list):
            return [self.value(each) for each in item]
        return self.mapping(item) if isinstance(item, dict) else item

    def mapping(self, item: dict[str, Any]) -> Any:
        """Evaluate *item* as a function, or the functions in its values."""
        match list(item.items()):
            case [("Ref", name)]:
                return self.named(name)
            case [("Fn::Sub", text)]:
                return re.sub(r"\$\{(.*?)\}", lambda match: self.named(match[1]), text)
            case [("Fn::Equals", [one, other])]:
                return self.value(one) == self.value(other)
            case [("Fn::GetAtt", [resource, "Arn"])]:
                assert "AWS::IAM::User" == self.document["Resources"][resource]["Type"]
                return self.spec.user_arn
        return {name: self.value(each) for name, each in item.items()}

    def named(self, name: str) -> str:
        """Return a parameter, of the template or of CloudFormation itself."""
        own = {"AWS::AccountId": self.account, "AWS::Partition": "aws"}
        if name in own:
            return own[name]
        assert name in self.document["Parameters"]
        accounts = {"UserAccount": self.spec.account, "RoleAccount": self.spec.role_account}
        return accounts.get(name, EXTERNAL_ID)


def by_terraform(spec: SetupRequest) -> Made:
    """Evaluate the configuration as Terraform does."""
    module = Module(terraform(spec), spec)
    (user,) = module.resources["aws_iam_user"].values()
    made = Made(module.value(user["name"]))
    for policy in module.resources.get("aws_iam_user_policy", {}).values():
        assert ("assume-roles", spec.user) == (module.value(policy["name"]), module.value(policy["user"]))
        made.allowed = module.value(policy["policy"])
    for role in module.resources["aws_iam_role"].values():
        assert ("${aws.roles}" if spec.crosses_accounts else None) == role.get("provider")
        made.roles[module.value(role["name"])] = (module.value(role["assume_role_policy"]), set())
    for attachment in module.resources["aws_iam_role_policy_attachment"].values():
        made.roles[module.value(attachment["role"])][1].add(module.value(attachment["policy_arn"]))
    return made


class Module:
    """A Terraform configuration, with its variables given."""

    def __init__(self, text: str, spec: SetupRequest) -> None:
        self.document = hcl2.loads(text)
        self.spec = spec
        self.resources: dict[str, dict[str, Any]] = {}
        for block in self.document["resource"]:
            ((kind, named),) = block.items()
            ((name, settings),) = named.items()
            found = self.resources.setdefault(kind.strip('"'), {})
            assert name.strip('"') not in found, "two resources have one name"
            found[name.strip('"')] = settings

    def value(self, item: Any) -> Any:
        """Evaluate the expressions in *item*."""
        if isinstance(item, list):
            return [self.value(each) for each in item]
        if isinstance(item, dict):
            return {name.strip('"'): self.value(each) for name, each in item.items() if not name.startswith("__")}
        if item.startswith('"'):
            return re.sub(r"\$\{(.*?)\}", lambda match: str(self.worked_out(match[1])), json.loads(item))
        assert item.startswith("${")
        return self.worked_out(item[2:-1])

    def worked_out(self, expression: str) -> Any:
        """Evaluate one expression."""
        if expression.startswith("jsonencode("):
            inner = expression.removeprefix("jsonencode(").removesuffix(")")
            return self.value(hcl2.loads(f"x = {inner}\n")["x"])
        match expression.split("."):
            case ["data", "aws_partition", "current", "partition"]:
                return "aws"
            case ["var", name]:
                (variable,) = (block[f'"{name}"'] for block in self.document["variable"] if f'"{name}"' in block)
                assert variable["sensitive"] is True
                return EXTERNAL_ID
            case [kind, name, "name"]:
                return self.value(self.resources[kind][name]["name"])
            case ["aws_iam_user", "this", "arn"]:
                return self.spec.user_arn
            case ["aws_iam_role", name, "arn"]:
                role = self.value(self.resources["aws_iam_role"][name]["name"])
                return f"arn:aws:iam::{self.spec.role_account}:role/{role}"
        raise AssertionError(expression)


@pytest.mark.parametrize("read", [by_cloudformation, by_terraform])
@pytest.mark.parametrize("there", [HERE, THERE], ids=["one account", "two accounts"])
@pytest.mark.parametrize("words", WORDS, ids=lambda words: f"{len(words)} roles")
def test_a_template_creates_what_the_plan_creates(
    words: list[str], there: str, read: Callable[[SetupRequest], Made]
) -> None:
    """A template creates the same user, trust policies and permissions as the plan, whatever the roles are named."""
    spec = request(words, there)

    assert by_plan(spec) == read(spec)


@pytest.mark.parametrize("read", [by_cloudformation, by_terraform])
@settings(max_examples=30, deadline=None)
@given(names=st.lists(NAMES, min_size=1, max_size=5, unique_by=str.lower), across=st.booleans())
def test_similar_names_are_kept_apart(names: list[str], read: Callable[[SetupRequest], Made], *, across: bool) -> None:
    """Two role names that differ only in a dot are two resources."""
    spec = request([f"{name}:ReadOnlyAccess,external-id" for name in names], THERE if across else HERE)

    assert by_plan(spec) == read(spec)


def test_cfn_lint_finds_nothing(tmp_path: Path) -> None:
    """cfn-lint reports no error, no warning and no remark about any template."""
    for words, (name, there) in product(WORDS, {"one account": HERE, "two accounts": THERE}.items()):
        (tmp_path / f"{len(words)} roles, {name}.yaml").write_text(cloudformation(request(words, there)))
    paths = sorted(tmp_path.iterdir())
    # One process for all: cfn-lint takes longer to load its rules than to apply them.
    ended = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), "--include-checks", "I", "--", *paths],
        capture_output=True,
        text=True,
        check=False,
    )

    assert 2 * len(WORDS) == len(paths)
    assert (0, "") == (ended.returncode, ended.stdout)


@pytest.mark.parametrize("words", WORDS, ids=lambda words: f"{len(words)} roles")
def test_terraform_fmt_has_nothing_to_do(words: list[str], require: Callable[[str], str], tmp_path: Path) -> None:
    """The configuration has the standard format of Terraform, whose own parser accepts it."""
    program = require("terraform")
    for there in (HERE, THERE):
        ended = subprocess.run(
            [program, "fmt", "-check", "-diff", "-"],
            input=terraform(request(words, there)),
            env={"HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )

        assert (0, "") == (ended.returncode, ended.stdout), ended.stderr


@pytest.mark.parametrize("template", [cloudformation, terraform])
@pytest.mark.parametrize("there", [HERE, THERE])
def test_the_comment_names_the_command_that_completes_setup(
    there: str, template: Callable[[SetupRequest], str]
) -> None:
    """The command in the comment has the same roles and user; the template contains no account id."""
    spec = request(["power-user", "deploy:ViewOnlyAccess,x,mfa", "b:x,external-id"], there)
    text = template(spec)
    line = next(line for line in text.splitlines() if line.startswith("#   awsenv setup "))
    words, _, options = line.removeprefix("#   awsenv setup ").partition(" --")

    assert spec.roles == parse_roles(words.split())
    assert f"user {USER} --profile ADMINISTRATOR" in options
    assert spec.crosses_accounts == ("--role-profile" in options)
    assert not any(account in text for account in (HERE, THERE))


def test_the_outputs_are_the_arns_of_the_roles() -> None:
    """Each role has its ARN as an output, and the external id is a parameter that cannot be read back."""
    spec = request([])
    document, _ = decoded(cloudformation(spec))
    module = hcl2.loads(terraform(spec))

    assert {
        "RolePowerUserArn": {"Fn::GetAtt": ["RolePowerUser", "Arn"]},
        "RoleReadOnlyArn": {"Fn::GetAtt": ["RoleReadOnly", "Arn"]},
    } == {name: output["Value"] for name, output in document["Outputs"].items()}
    assert {'"power_user_arn"', '"read_only_arn"'} == {name for block in module["output"] for name in block}
    assert [("ExternalIdPowerUser", True)] == [(k, v["NoEcho"]) for k, v in document["Parameters"].items()]
    assert "Default" not in document["Parameters"]["ExternalIdPowerUser"]


@pytest.mark.parametrize("read", [by_cloudformation, by_terraform])
@pytest.mark.parametrize("across", [False, True])
def test_setup_completes_a_template(read: Callable[[SetupRequest], Made], tmp_path: Path, *, across: bool) -> None:
    """After a template, setup accepts the user and the roles, and adds the device, the key and the profiles."""
    with Sandbox() as sandbox:
        environ = sandbox.environ() | {"HOME": str(tmp_path)}
        session = AwsSession(None, environ)
        admin = role_admin = Iam(session, sandbox.admin)
        if across:
            role_admin = Iam(
                session, sandbox.create_user("role-admin", policies=["AdministratorAccess"], account=THERE)
            )
        spec = request([], THERE if across else sandbox.account, sandbox.account)
        make(read(spec), admin, role_admin)
        plan = draw_up(spec, read_state(admin, role_admin, spec), config.read(environ))

    assert ["create_virtual_mfa_device", "create_access_key", "write_profiles"] == plan.actions


def make(made: Made, admin: Iam, role_admin: Iam) -> None:
    """Create the resources, as CloudFormation and Terraform do."""
    admin.change("create_user", UserName=made.user)
    if made.allowed is not None:
        document = json.dumps(made.allowed)
        admin.change("put_user_policy", UserName=made.user, PolicyName="assume-roles", PolicyDocument=document)
    for name, (trust, policies) in made.roles.items():
        role_admin.change("create_role", RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        for arn in policies:
            role_admin.change("attach_role_policy", RoleName=name, PolicyArn=arn)

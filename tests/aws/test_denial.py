"""The reasons of an AccessDenied, in the texts of the IAM guide, "Troubleshoot access denied error messages"."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError
from botocore.session import Session

from awsenv.aws.denial import DeniedError, Policy, read
from awsenv.aws.request import Request, steps
from awsenv.aws.translate import translate
from awsenv.cli import report

if TYPE_CHECKING:
    from awsenv.aws.denial import Denial
    from awsenv.errors import AwsenvError

JOHN = "User: arn:aws:iam::123456789012:user/John is not authorized to perform: "
ROLE = "User: arn:aws:iam::123456789012:role/HR is not authorized to perform: "
SESSION = "User: arn:aws:sts::123456789012:assumed-role/HR/me is not authorized to perform: "
DEPLOYMENTS = "codedeploy:ListDeployments on resource: arn:aws:codedeploy:us-east-1:123456789012:deploymentgroup:* "
SECRET = "secretsmanager:GetSecretValue"
SECRET_OF_JOHN = f"{SECRET} on resource: arn:aws:secretsmanager:us-east-1:123456789012:secret:* "
LIST = "codecommit:ListRepositories"
ASSUME = "sts:AssumeRole"
LISTED = f"{LIST} in account 123456789012"

TRANSITIVE = "with an explicit deny in a VPC endpoint policy transitively through a service control policy"

GUIDE = [
    # A service control policy; the second name of the action is misspelt in the guide.
    (
        f"{JOHN}{LIST} because no service control policy allows the codecommit:ListRespositories action",
        f"no service control policy allows {LISTED}",
    ),
    (f"{JOHN}{LIST} with an explicit deny in a service control policy", f"a service control policy denies {LISTED}"),
    # A resource control policy
    (
        f"{JOHN}{SECRET_OF_JOHN}with an explicit deny in a resource control policy",
        f"a resource control policy denies {SECRET}",
    ),
    (
        f"{JOHN}{SECRET_OF_JOHN}because no resource control policy allows the {SECRET} action",
        f"no resource control policy allows {SECRET}",
    ),
    # A VPC endpoint policy
    (
        f"{JOHN}{LIST} because no VPC endpoint policy allows the {LIST} action",
        f"the policy of the VPC endpoint does not allow {LIST}",
    ),
    (
        f"{JOHN}{DEPLOYMENTS}with an explicit deny in a VPC endpoint policy",
        "the policy of the VPC endpoint denies codedeploy:ListDeployments",
    ),
    (
        f"{SESSION}SNS:Publish on resource: arn:aws:sns:us-east-1:444455556666:role-name-2\n{TRANSITIVE}",
        "a service control policy denies SNS:Publish in account 123456789012",
    ),
    # A permissions boundary
    (
        f"{JOHN}{DEPLOYMENTS}because no permissions boundary allows the codedeploy:ListDeployments action",
        "the permissions boundary of user John does not allow codedeploy:ListDeployments",
    ),
    (
        f"{JOHN}sagemaker:ListModels with an explicit deny in a permissions boundary",
        "the permissions boundary of user John denies sagemaker:ListModels",
    ),
    # A session policy
    (
        f"{SESSION}{LIST} because no session policy allows the {LIST} action",
        f"the session policy of role HR does not allow {LIST}",
    ),
    (
        f"{JOHN}{DEPLOYMENTS}with an explicit deny in a sessions policy",
        "the session policy of user John denies codedeploy:ListDeployments",
    ),
    (
        f"{JOHN}{DEPLOYMENTS}with an explicit deny in a session policy",
        "the session policy of user John denies codedeploy:ListDeployments",
    ),
    # A resource-based policy
    (
        f"{JOHN}{SECRET} because no resource-based policy allows the {SECRET} action",
        f"no policy of the resource allows user John {SECRET}",
    ),
    (
        f"{JOHN}{SECRET_OF_JOHN}with an explicit deny in a resource-based policy",
        f"the policy of the resource denies user John {SECRET}",
    ),
    # A trust policy
    (
        f"{JOHN}{ASSUME} because no role trust policy allows the {ASSUME} action",
        "no trust policy statement allows user John, or the role does not exist",
    ),
    (
        f"{JOHN}{ASSUME} on resource: r because no resource-based policy allows the {ASSUME} action",
        "no trust policy statement allows user John, or the role does not exist",
    ),
    (
        f"{JOHN}sts:TagSession on resource: r because no role trust policy allows the sts:TagSession action",
        "no trust policy statement allows user John sts:TagSession, or the role does not exist",
    ),
    (
        f"{JOHN}{ASSUME} with an explicit deny in the role trust policy",
        "the trust policy of the role denies user John",
    ),
    # An identity-based policy
    (
        f"{ROLE}{LIST} because no identity-based policy allows the {LIST} action",
        f"no policy of role HR allows {LIST}",
    ),
    (
        f"{ROLE}{DEPLOYMENTS}with an explicit deny in an identity-based policy",
        "a policy of role HR denies codedeploy:ListDeployments",
    ),
    # Other principals and partitions
    (
        (
            f"User: arn:aws-cn:iam::123456789012:root is not authorized to perform: {LIST} "
            f"because no service control policy allows the {LIST} action"
        ),
        f"no service control policy allows {LISTED}",
    ),
    (
        (
            f"User: arn:aws-us-gov:sts::123456789012:federated-user/Bob is not authorized to perform: {LIST} "
            "with an explicit deny in an identity-based policy"
        ),
        f"a policy of federated user Bob denies {LIST}",
    ),
    (
        (
            f"User: arn:aws:sts::123456789012:assumed-role/HR/José de Sá is not authorized to perform: {LIST} "
            "with an explicit deny in a session policy"
        ),
        f"the session policy of role HR denies {LIST}",
    ),
    (
        f"{JOHN}{LIST} with an explicit deny in a permissions boundary. Encoded authorization failure message: aB-_9",
        f"the permissions boundary of user John denies {LIST}",
    ),
]

ID = "EXAMPLE1a2b3c4d5e6f7g8h9i0j"
ADDRESS = f"https://us-east-1.console.aws.amazon.com/iam/home?region=us-east-1#/authorization-details/{ID}"
ARN = f"arn:aws:iam::123456789012:policy/{'a/' * 200}ExampleDenyPolicy"
NAMED = (
    f"{JOHN}iam:CreateInstanceProfile on resource: arn:aws:iam::123456789012:instance-profile/my-instance-profile "
    f"with an explicit deny in an identity-based policy: {ARN}"
)
WITH_ID = (
    f"{NAMED}. Go to {ADDRESS} for complete details, or call the GetRequestAuthorizationDetails API with the following "
    f"authorization id: {ID}"
)
"""The example of "Troubleshoot access denied error messages with authorization ID", with a long path."""

ORGANIZATION = "arn:aws:organizations::123456789012:policy/o-exampleorgid"
CONSOLES = (
    "https://us-east-1.console.aws.amazon.com/iam/home?region=us-east-1#",
    "https://us-gov-west-1.console.amazonaws-us-gov.com/iam/home?region=us-gov-west-1#",
    "https://cn-north-1.console.amazonaws.cn/iam/home?region=cn-north-1#",
)
POLICIES = (
    (Policy.IDENTITY, ARN),
    (Policy.SERVICE_CONTROL, f"{ORGANIZATION}/service_control_policy/p-examplepolicyid111"),
    (Policy.RESOURCE_CONTROL, f"{ORGANIZATION}/resource_control_policy/p-examplepolicyid111"),
    (Policy.BOUNDARY, "arn:aws-us-gov:iam::123456789012:policy/with-an-explicit-deny-in-a-session-policy"),
    (Policy.SESSION, "arn:aws-cn:iam::123456789012:policy/ends.with.dots"),
)
"""Kinds of policies, each with the ARN of one."""


def _read(message: str) -> Denial:
    found = read(" ".join(message.split()))
    assert found is not None
    return found


def _refusal(message: str) -> ClientError:
    return ClientError({"Error": {"Code": "AccessDenied", "Message": message}}, "AssumeRole")


@pytest.mark.parametrize(("message", "cause"), GUIDE, ids=[cause for _, cause in GUIDE])
def test_each_documented_reason_is_heard(message: str, cause: str) -> None:
    """Each example of the guide, and each kind of policy, has its cause and names who can mend it."""
    found = _read(message)
    assert (cause, True) == (found.cause, found.reason in " ".join(message.split()))
    assert 69 >= len(str(found.step)), "it fits a line"


def test_every_reason_is_in_the_table() -> None:
    """The table has both reasons of each kind of policy, and no two of them have the same cause."""
    kinds = {(found.policy, found.explicit) for found in (_read(message) for message, _ in GUIDE)}
    every = {(kind, explicit) for kind in Policy for explicit in (False, True)}
    causes = {_read(f"{JOHN}s3:Get {kind.reason('s3:Get', explicit=explicit)}").cause for kind, explicit in every}
    assert (every, len(every)) == (kinds, len(causes))


@pytest.mark.parametrize(
    "message",
    [
        f"{JOHN}{ASSUME} on resource: arn:aws:iam::210987654321:role/deploy",
        f"{JOHN}{ASSUME} on resource: arn:aws:iam::123456789012:role/because-no-identity-based-policy-allows",
        f"{JOHN}{ASSUME} on resource: r because of a new kind of policy",
    ],
)
def test_without_a_reason_there_is_no_cause(message: str) -> None:
    """A refusal without a documented reason still says who was refused what."""
    found = _read(message)
    assert ("user John", ASSUME, None, None) == (found.principal.title, found.action, found.because, found.step)


@pytest.mark.parametrize("message", ["", "Access Denied", "User: x is not authorized to perform: y", "No access"])
def test_another_message_is_no_denial(message: str) -> None:
    """What has not the form of the guide is shown as it is."""
    assert read(message) is None


@pytest.mark.parametrize("console", [None, *CONSOLES])
@pytest.mark.parametrize(("policy", "arn"), POLICIES, ids=lambda each: each.name if isinstance(each, Policy) else "")
def test_the_policy_and_the_address_stay_whole(policy: Policy, arn: str, console: str | None) -> None:
    """The ARN, the address and the id are longer than a line: they are neither cut nor broken at any width."""
    named = f"{JOHN}{ASSUME} on resource: r {policy.reason(ASSUME, explicit=True)}: {arn}"
    address = f"{console}/authorization-details/{ID}"
    message = named if console is None else WITH_ID.replace(NAMED, named).replace(ADDRESS, address)
    error = translate(_refusal(message), Request(ASSUME))
    assert isinstance(error, DeniedError)
    assert (policy, True) == (error.denial.policy, error.denial.explicit)
    assert str(error.because).startswith(f"{error.denial.cause} (AWS said: with an explicit deny in ")
    for width in (40, 80):
        shown = report.wrapped(report.described(error), width).split()
        assert any(word.rstrip(".)") == arn for word in shown)
        assert (address in shown) == (console is not None)
        assert any(ID == word.rstrip(")") for word in shown) == (console is not None)


def test_an_authorization_id_has_a_command() -> None:
    """The command that shows the statement is the second step, if botocore has the service, as the AWS CLI has it."""
    has_service = "iam-toolbox" in Session().get_available_services()
    words = shlex.split(steps(_read(WITH_ID), "awsenv doctor x")[1])
    if not has_service:
        assert ["awsenv", "doctor", "x"] == words
        return
    operation = Session().get_service_model("iam-toolbox").operation_model("GetRequestAuthorizationDetails")
    assert ["aws", "iam-toolbox", "get-request-authorization-details", "--authorization-id", ID] == words
    assert ["authorizationId"] == operation.input_shape.required_members


@pytest.mark.parametrize(
    ("message", "fact", "step"),
    [
        ("Roles may not be assumed by root accounts.", "the root user can assume no role", "awsenv setup"),
        ("Cannot call GetSessionToken with session credentials", "these credentials are temporary", "mfa_serial"),
    ],
)
def test_credentials_that_can_never_do_it(message: str, fact: str, step: str) -> None:
    """What AWS says of a root user and of temporary credentials is the fact, and no policy is blamed."""
    error: AwsenvError = translate(_refusal(message), Request(ASSUME))
    assert (True, True, 0) == (fact in error.fact, step in error.hints[0], "polic" in str(error.hints))

"""Who reads IAM for the doctor: the profile of `--iam-profile`, then the caller of each hop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from awsenv import config, provider
from awsenv.aws.iam import Iam, iam_as
from awsenv.doctor.model import Finding, Verdict, of_error
from awsenv.errors import AwsenvError, RefusedError
from awsenv.model import RoleRequest
from awsenv.origin import Origin

if TYPE_CHECKING:
    from collections.abc import Generator

    from awsenv.doctor.model import Inputs
    from awsenv.doctor.plan import Plan
    from awsenv.doctor.source import Signer


class Readers(NamedTuple):
    """The clients of IAM, in the order in which they are tried. Each reads its own account."""

    all: tuple[tuple[str, Iam], ...]

    def of(self, account: str) -> list[Iam]:
        """Return those of *account*. A role of the same name in another account is another role."""
        return [iam for own, iam in self.all if own == account]

    def and_of(self, signer: Signer) -> Readers:
        """Return these, and *signer* after them."""
        if any(iam.signer == signer.credentials for _, iam in self.all):
            return self
        return Readers((*self.all, (signer.principal.account, Iam(signer.sts.session, signer.credentials))))

    def read(self, account: str, action: str, **parameters: Any) -> dict[str, Any] | None:
        """Return the answer of IAM in *account*; None: nobody here is allowed to read it.

        Raises:
            RefusedError: What was asked for does not exist.
        """
        answers = (_read(iam, action, parameters) for iam in self.of(account))
        return next((answer for answer in answers if answer is not None), None)


def reader(plan: Plan, inputs: Inputs, signer: Signer) -> Generator[Finding, None, Readers]:
    """Return the readers of IAM."""
    readers = Readers(())
    if inputs.iam_profile is not None:
        request = RoleRequest(inputs.iam_profile, origins={"role": Origin("--iam-profile")})
        try:
            chain = config.resolve(request, plan.profiles, plan.environ)
            credentials = provider.credentials(chain, plan.profiles, plan.environ)
            iam, identity = iam_as(
                credentials, plan.profiles, plan.environ, profile=chain.settings_profile, region=chain.region
            )
        except AwsenvError as error:
            error.origins = error.origins or (request.origin("role"),)
            yield of_error("IAM profile", error, Verdict.WARNING)
        else:
            readers = Readers(((identity.account, iam),))
    return readers.and_of(signer)


def _read(iam: Iam, action: str, parameters: dict[str, Any]) -> dict[str, Any] | None:
    try:
        return iam.read(action, **parameters)
    except RefusedError as error:
        if error.code == "NoSuchEntity":
            raise
    except AwsenvError:
        pass
    return None

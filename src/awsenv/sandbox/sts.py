"""STS: AssumeRole, GetSessionToken and GetCallerIdentity, with what AWS demands of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from awsenv.sandbox import session_policy, trust, validation
from awsenv.sandbox.answers import ServiceError, result
from awsenv.sandbox.identity import Caller, Kind, with_session

if TYPE_CHECKING:
    from awsenv.model import Credentials
    from awsenv.sandbox.answers import Answer
    from awsenv.sandbox.clock import Clock
    from awsenv.sandbox.directory import Directory
    from awsenv.sandbox.identity import Keys
    from awsenv.sandbox.mfa import Devices

CHAINED = 3600
"""Seconds of a role that is assumed with temporary credentials, those of GetSessionToken among them."""

DEFAULT_ROLE_SECONDS = 3600
DEFAULT_SESSION_SECONDS = 43200

Parameters = Mapping[str, Any]


class Sts:
    """Answers the calls of STS that come with a good signature."""

    def __init__(self, directory: Directory, keys: Keys, devices: Devices, clock: Clock) -> None:
        self._directory = directory
        self._keys = keys
        self._devices = devices
        self._clock = clock

    def answer(self, action: str, form: Mapping[str, str], caller: Caller) -> Answer:
        """Do what *action* asks for.

        Raises:
            ServiceError: AWS would refuse.
        """
        if caller.temporary and action in ("GetSessionToken", "GetFederationToken"):
            raise ServiceError("AccessDenied", f"Cannot call {action} with session credentials", 403)
        parameters = validation.read(action, form)
        actions: dict[str, Callable[[Parameters, Caller], dict[str, Any]]] = {
            "AssumeRole": self._assume_role,
            "GetCallerIdentity": self._get_caller_identity,
            "GetSessionToken": self._get_session_token,
        }
        if action not in actions:
            raise ServiceError("AccessDenied", f"The sandbox does not serve sts:{action}", 403)
        return result(action, actions[action](parameters, caller))

    @staticmethod
    def _get_caller_identity(_: Parameters, caller: Caller) -> dict[str, Any]:
        return {"Arn": caller.arn, "UserId": caller.user_id, "Account": caller.account}

    def _get_session_token(self, parameters: Parameters, caller: Caller) -> dict[str, Any]:
        with_mfa = self._take_code(parameters, caller)
        session = with_session(caller, self._clock.now() if with_mfa else None)
        seconds = parameters.get("DurationSeconds", DEFAULT_SESSION_SECONDS)
        return {"Credentials": _credentials(self._keys.issue(session, seconds))}

    def _assume_role(self, parameters: Parameters, caller: Caller) -> dict[str, Any]:
        arn = parameters["RoleArn"]
        trust.check_arn(arn)
        account = arn.split(":")[4]
        tags, transitive = session_policy.read_tags(parameters, caller)
        source_identity = session_policy.read_source_identity(parameters, caller)
        with_mfa = self._take_code(parameters, caller)
        self._authorize(parameters, caller, with_mfa=with_mfa, tags=tags, source_identity=source_identity)
        policies, packed = session_policy.read_policies(self._directory, account, parameters)
        role = self._directory.role(arn)
        if role is None:  # deleted since it was authorized
            raise ServiceError("AccessDenied", f"{arn} is gone", 403)
        seconds = parameters.get("DurationSeconds", DEFAULT_ROLE_SECONDS)
        _check_duration(seconds, int(role.max_session_duration or DEFAULT_ROLE_SECONDS), chained=caller.temporary)
        name = parameters["RoleSessionName"]
        session = Caller(
            Kind.ROLE,
            account,
            role.name,
            f"arn:aws:sts::{account}:assumed-role/{role.name}/{name}",
            arn,
            f"{role.id}:{name}",
            session_policies=policies,
            tags=tags,
            transitive=transitive,
            source_identity=source_identity,
            chained=caller.temporary,
        )
        return {
            "AssumedRoleUser": {"AssumedRoleId": session.user_id, "Arn": session.arn},
            "Credentials": _credentials(self._keys.issue(session, seconds)),
            **({"PackedPolicySize": packed} if packed else {}),
            **({"SourceIdentity": source_identity} if source_identity else {}),
        }

    def _take_code(self, parameters: Parameters, caller: Caller) -> bool:
        """Spend the MFA code of a request; False: there is none in it."""
        serial, code = parameters.get("SerialNumber"), parameters.get("TokenCode")
        if (serial is None) is not (code is None):
            raise ServiceError("ValidationError", "Both SerialNumber and TokenCode must be provided, or neither.")
        if serial is None or code is None:
            return False
        self._devices.validate(caller, serial, code)
        return True

    def _authorize(
        self,
        parameters: Parameters,
        caller: Caller,
        *,
        with_mfa: bool,
        tags: Mapping[str, str],
        source_identity: str | None,
    ) -> None:
        now = self._clock.now()
        age = None
        if with_mfa:
            age = 0
        elif caller.mfa_at is not None:
            age = int((now - caller.mfa_at).total_seconds())
        keys = session_policy.condition_keys(parameters, list(tags))
        context = trust.context(caller, now.isoformat(), age, keys)
        actions = ["sts:AssumeRole"]
        # Inherited ones count too: without the permission the plain call is refused (measured by others on AWS).
        actions += ["sts:TagSession"] if tags else []
        actions += ["sts:SetSourceIdentity"] if source_identity else []
        for action in actions:
            trust.authorize(self._directory, caller, action, parameters["RoleArn"], context)


def _check_duration(seconds: int, maximum: int, *, chained: bool) -> None:
    if seconds > maximum:
        raise ServiceError(
            "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        )
    if chained and seconds > CHAINED:
        raise ServiceError(
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
        )


def _credentials(credentials: Credentials) -> dict[str, Any]:
    return {
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
        "SessionToken": credentials.session_token,
        "Expiration": f"{credentials.expiration:%Y-%m-%dT%H:%M:%SZ}",
    }

"""Requests for roles, which the command line, the Python API and IPython must answer alike."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conftest import World


@dataclass(frozen=True)
class Case:
    """A request in two spellings. `{account}` and `{device}` stand for those of the world.

    Its roles are those of the world, and of `prepare`.
    """

    name: str
    role: str
    words: tuple[str, ...] = ()
    """The options on a command line."""
    arguments: dict[str, Any] = field(default_factory=dict)
    """The same as keyword arguments of the functions."""
    needs_code: bool = False

    def of(self, world: World) -> Case:
        """Return the request in *world*."""

        def filled(text: str) -> str:
            return text.replace("{account}", world.sandbox.account).replace("{device}", world.device.serial)

        arguments = {name: filled(each) if isinstance(each, str) else each for name, each in self.arguments.items()}
        return Case(self.name, filled(self.role), tuple(map(filled, self.words)), arguments, self.needs_code)


_POLICY = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}
_READ = json.dumps({**_POLICY, "Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}})

ROLE_REQUESTS = (
    Case("a profile", "read-only"),
    Case("an MFA code and an external id", "power-user", needs_code=True),
    Case(
        "the device and the external id as options",
        "bare",
        ("--mfa-serial", "{device}", "--external-id=canary-external-id"),
        {"mfa_serial": "{device}", "external_id": "canary-external-id"},
        needs_code=True,
    ),
    Case("a chain", "chained"),
    Case("a chain behind a code", "behind", needs_code=True),
    Case(
        "session tags",
        "read-only",
        ("--tag", "team=blue", "--tag", "cost center=a=b", "--transitive-tag=team"),
        {"tags": {"team": "blue", "cost center": "a=b"}, "transitive_tags": ["team"]},
    ),
    Case("a session policy", "read-only", ("--policy", json.dumps(_POLICY)), {"policy": _POLICY}),
    Case("a session policy as text", "read-only", ("--policy", _READ), {"policy": _READ}),
    Case(
        "a managed policy",
        "read-only",
        ("--policy-arn", "arn:aws:iam::aws:policy/ReadOnlyAccess"),
        {"policy_arns": ("arn:aws:iam::aws:policy/ReadOnlyAccess",)},
    ),
    Case("what only reads", "read-only", ("--read-only",), {"read_only": True}),
    Case("some actions", "read-only", ("--only", "s3:Get*,s3:List*"), {"only": "s3:Get*,s3:List*"}),
    Case(
        "lists of actions and ARNs",
        "read-only",
        ("--only=s3:Get*", "--only=s3:List*", "--on=arn:aws:s3:::logs/*"),
        {"only": ["s3:Get*", "s3:List*"], "on": ("arn:aws:s3:::logs/*",)},
    ),
    Case(
        "a short life",
        "read-only",
        ("--for=10m", "--because=JIRA-12"),
        {"for_": timedelta(minutes=10), "because": "JIRA-12"},
    ),
    Case("a role session name", "read-only", ("--session-name=-dash-",), {"session_name": "-dash-"}),
    Case("a source identity", "read-only", ("--source-identity", "alice"), {"source_identity": "alice"}),
    Case("a region", "read-only", ("--region", "eu-west-3"), {"region": "eu-west-3"}),
    Case("seconds", "read-only", ("--duration", "30m"), {"duration": 1800}),
    Case("a time", "read-only", ("--duration", "20m"), {"duration": timedelta(minutes=20)}),
    Case("a long time behind a code", "long", ("--duration=2h",), {"duration": timedelta(hours=2)}, needs_code=True),
    Case("the time left", "read-only", ("--min-remaining", "55m"), {"min_remaining": 3300}),
    Case("an ARN", "arn:aws:iam::{account}:role/read-only", ("--profile=default",), {"profile": "default"}),
    Case("an account and a name", "{account}/read-only"),
    Case("settings of a profile", "settled"),
    Case("a protected role", "guarded", ("--yes",), {"confirm": True}),
    Case("a source", "default"),
)
"""A row for each kind of request."""


def prepare(world: World) -> None:
    """Create the roles of the table that a world lacks."""
    trust, user = world.sandbox.trust, world.user_arn
    reader = f"arn:aws:iam::{world.sandbox.account}:role/read-only"
    power = f"arn:aws:iam::{world.sandbox.account}:role/power-user"
    about = {
        "bare": (trust(user, external_id=world.external_id, mfa=True), "default", ()),
        "chained": (trust(reader), "read-only", ()),
        "behind": (trust(power), "power-user", ()),
        "long": (trust(user, mfa=True), "default", (f"mfa_serial = {world.device.serial}",)),
        "settled": (trust(user), "default", ("retry_mode = adaptive", "ca_bundle = /none.pem", "region = eu-west-2")),
        "guarded": (trust(user), "default", ("awsenv_protected = true",)),
    }
    for name, (trusted, source, own) in about.items():
        arn = world.sandbox.create_role(name, trusted, policies=["ReadOnlyAccess"], max_session_duration=43_200)
        world.configure("\n".join((f"\n[profile {name}]", f"role_arn = {arn}", f"source_profile = {source}", *own, "")))

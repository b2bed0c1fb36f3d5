"""What AWS says: of the source, of the clock, of the device, and of the role."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from awsenv.doctor import device as devices
from awsenv.doctor.attempt import Patient
from awsenv.doctor.finding import Verdict
from awsenv.doctor.iam import reader
from awsenv.doctor.role import role
from awsenv.doctor.source import source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from awsenv.doctor.finding import Finding
    from awsenv.doctor.plan import Plan
    from awsenv.doctor.subject import Subject


def examine(plan: Plan, subject: Subject) -> Iterator[Finding]:
    """Look at what only AWS can tell of *plan*."""
    signer = yield from source(plan, subject)
    if signer is None or (subject.request is None and not plan.chain.hops):
        return
    readers = yield from reader(plan, subject, signer)
    owned = devices.devices(readers, signer.principal)
    finding = devices.device(plan.chain, signer.principal, owned)
    if subject.request is None or finding.verdict is Verdict.WRONG:
        yield finding
        return
    rest = list(role(Patient(plan, subject, readers, owned), signer))
    if finding.verdict is Verdict.UNKNOWN:
        finding = _seen(finding, rest)
    yield finding
    yield from rest


def _seen(finding: Finding, rest: list[Finding]) -> Finding:
    """Return what is known of the device now that AWS has taken a code of it."""
    if not any(each.check == "role" and each.verdict is Verdict.FINE for each in rest):
        return finding
    device, _, _ = finding.fact.partition(";")
    return replace(finding, verdict=Verdict.FINE, fact=f"{device}, of which AWS takes codes")

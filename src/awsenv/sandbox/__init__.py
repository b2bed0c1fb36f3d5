"""A local AWS that refuses what AWS refuses, for the demo and for tests. It needs the extra `demo`.

moto serves IAM, S3, EC2 and what else is installed of it, behind a gate that enforces what moto lets pass:
signatures and their time, keys that expire, trust policies, MFA codes that are good once, durations, permissions.
STS is answered by the gate itself.

Importing this raises ImportError where the extra is not installed.
"""

from __future__ import annotations

from awsenv.sandbox.calls import Call
from awsenv.sandbox.faults import Fault
from awsenv.sandbox.mfa import MfaDevice
from awsenv.sandbox.sandbox import Sandbox

__all__ = ["Call", "Fault", "MfaDevice", "Sandbox"]

"""A local AWS that refuses what AWS refuses, for the demo and for tests. It needs the extra `demo`.

moto serves IAM, S3, EC2 and its other installed services. A gate in front of it makes the checks that moto lacks:
signatures and their time, keys that expire, trust policies, MFA codes that work once, durations, permissions. The gate
serves STS itself.

The import raises ImportError if the extra is not installed.
"""

from __future__ import annotations

from awsenv.sandbox.faults import Fault
from awsenv.sandbox.gate import Call
from awsenv.sandbox.mfa import MfaDevice
from awsenv.sandbox.sandbox import Sandbox

__all__ = ["Call", "Fault", "MfaDevice", "Sandbox"]

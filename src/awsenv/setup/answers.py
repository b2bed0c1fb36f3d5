"""How an answer of IAM is read: what must be in it, or else it is none of AWS's."""

from __future__ import annotations

from typing import Any

from awsenv.errors import UnreachableError


def part(answer: Any, *path: str) -> Any:
    """Return what stands in *answer* below the names of *path*.

    Raises:
        UnreachableError: It is not there: something else than AWS answered with a 200, such as a captive portal.
    """
    for name in path:
        if not isinstance(answer, dict) or answer.get(name) is None:
            raise UnreachableError(
                f"IAM sent an answer without {path[-1]}: it is not one of AWS",
                hint="try again; check that no sign-in page of the network is in the way",
            )
        answer = answer[name]
    return answer

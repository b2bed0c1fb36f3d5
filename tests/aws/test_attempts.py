"""The attempts of a call of STS, compared with those of botocore."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.retries import standard
from botocore.retryhandler import create_checker_from_retry_config
from botocore.session import Session
from botocore.translate import build_retry_config

from awsenv.aws.attempts import LEGACY, Attempts
from awsenv.aws.http import Deadline

CODES = [
    *sorted({*standard.ThrottledRetryableChecker._THROTTLED_ERROR_CODES}),  # noqa: SLF001 - the list itself
    *standard.TransientRetryableChecker._TRANSIENT_ERROR_CODES,  # noqa: SLF001 - the same
    "IDPCommunicationError",
    "AccessDenied",
    "SignatureDoesNotMatch",
    "ValidationError",
    "Unknown",
]
STATUSES = [400, 403, 408, 413, 429, 500, 501, 502, 503, 504, 505, 509, 511]


@pytest.fixture(scope="module")
def client() -> Any:
    """Return a client of STS, which knows the errors of its operations."""
    return Session().create_client("sts", "us-east-1", aws_access_key_id="x", aws_secret_access_key="x")


def attempts(mode: str, made: int, most: int = 9, number: float = 0.5) -> Attempts:
    """Return the attempts of a call with an hour of time."""
    deadline = Deadline(3600)
    deadline.begin()
    found = Attempts(most, mode, deadline, random=lambda: number)
    found.made = made
    return found


def of_botocore(client: Any, code: str, status: int, headers: dict[str, str]) -> standard.RetryContext:
    """Return a first attempt in the form that botocore judges."""
    model = client.meta.service_model.operation_model("AssumeRole")
    parsed = {"Error": {"Code": code}, "ResponseMetadata": {}}
    response = SimpleNamespace(status_code=status, headers=headers)
    return standard.RetryContext(1, model, parsed, response, None, {})


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("code", CODES)
def test_an_error_is_repeated_as_botocore_does(client: Any, code: str, status: int) -> None:
    """Repeat after the same codes and statuses, with the same pause."""
    context = of_botocore(client, code, status, {})
    detector = standard.ThrottlingErrorDetector(standard.RetryEventAdapter())
    backoff = standard.ExponentialBackoff(random=lambda: 0.5, throttling_detector=detector)
    expected = backoff.delay_amount(context) if standard.StandardRetryConditions(9).is_retryable(context) else None

    assert expected == attempts("standard", 1).pause_after_error(code, status, {})


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("code", CODES)
def test_the_mode_legacy_equals_botocores(code: str, status: int) -> None:
    """Repeat after the codes and statuses of botocore's own table."""
    data = Session().get_component("data_loader").load_data("_retry")
    config = build_retry_config("sts", data["retry"], data["definitions"])
    checker = create_checker_from_retry_config(config)
    response = SimpleNamespace(status_code=status), {"Error": {"Code": code}}
    is_repeated = bool(checker(attempt_number=1, response=response, caught_exception=None, retries_context={}))

    assert is_repeated is (attempts(LEGACY, 1).pause_after_error(code, status, {}) is not None)


@pytest.mark.parametrize("asked", ["0", "700", "4000", "99999", "-1", "x", "²"])
def test_a_response_may_ask_for_a_longer_pause(client: Any, asked: str) -> None:
    """Raise the pause to the milliseconds of the header, at most by five seconds."""
    headers = {"x-amz-retry-after": asked}
    backoff = standard.ExponentialBackoff(random=lambda: 0.5)
    expected = backoff.delay_amount(of_botocore(client, "InternalError", 500, headers))

    assert expected == attempts("standard", 1).pause_after_error("InternalError", 500, headers)


@pytest.mark.parametrize(("mode", "pauses"), [("standard", [0.5, 1, 2, 4, 8, 10]), ("legacy", [0.5, 1, 2, 4, 8, 16])])
def test_pauses_double(mode: str, pauses: list[float]) -> None:
    """Double the pause after each attempt; the newer modes stop at twenty seconds."""
    made = [attempts(mode, number).pause_after_error("Throttling", 400, {}) for number in range(1, 7)]

    assert pauses == made


def test_the_last_attempt_is_the_last() -> None:
    """Allow no more attempts than the settings do."""
    assert attempts("standard", 3, most=3).pause_after_error("Throttling", 400, {}) is None


def test_no_pause_outlasts_the_call() -> None:
    """Allow no attempt that would start after the end of the call."""
    deadline = Deadline(2)
    deadline.begin()
    found = Attempts(9, "standard", deadline, random=lambda: 0.9)
    found.made = 3

    assert found.pause_after_error("Throttling", 400, {}) is None

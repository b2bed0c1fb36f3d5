"""What all tests of the functions share: the memory of this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import awsenv

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _nothing_held() -> Iterator[None]:
    """Hold nothing before a test and after it."""
    awsenv.forget()
    yield
    awsenv.forget()

"""Run a command for each of many roles, some at a time, and hand on whole lines of what they print."""

from __future__ import annotations

from awsenv.each.jobs import FRESH, Job, Ready, Result, filled, placeholders
from awsenv.each.preparation import THREADS
from awsenv.each.runner import GRACE, LINGER, Runner
from awsenv.each.running import LONGEST_LINE

__all__ = [
    "FRESH",
    "GRACE",
    "LINGER",
    "LONGEST_LINE",
    "THREADS",
    "Job",
    "Ready",
    "Result",
    "Runner",
    "filled",
    "placeholders",
]

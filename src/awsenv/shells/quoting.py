r"""A value as a literal: one rule a family of shells.

The rules differ: inside single quotes `\\` and `\'` are escapes for fish and are not for the others, so that POSIX
quoting corrupts a value in fish, and a backslash at its end leaves the string open (measured on fish 3.6).
"""

from __future__ import annotations


def posix(value: str) -> str:
    """Quote for bash, zsh, dash and every other shell of that family."""
    # What shlex.quote does, without its import of `re`, which `awsenv init` would wait for.
    return "'" + value.replace("'", "'\"'\"'") + "'"


def fish(value: str) -> str:
    """Quote for fish."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"

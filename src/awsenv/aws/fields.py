"""Checks of what other programs hand over: fields of JSON, times, and tokens in files."""

from __future__ import annotations

import re
from datetime import datetime, timezone

from awsenv.errors import SourceError
from awsenv.wording import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from awsenv.config.ini import Setting


_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|([+-]\d\d:\d\d))", re.ASCII)


def instant(value: Any) -> datetime:
    """Parse a time as AWS and its SDKs write it. The result is in UTC, without a fraction of a second.

    Raises:
        ValueError: It is not a time.
    """
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if found is not None:
        return datetime.fromisoformat(f"{found[1]}{found[2] or '+00:00'}").astimezone(timezone.utc)
    from botocore.utils import parse_timestamp  # noqa: PLC0415 - 100 ms, for the other forms that botocore reads

    try:
        read: datetime = parse_timestamp(value).astimezone(timezone.utc)
    except (TypeError, OverflowError) as error:
        raise ValueError(str(type(error))) from None
    return read


def kind_of(value: object) -> str:
    """Return the type of a JSON value, for messages."""
    kinds = {
        bool: "true or false",
        dict: "an object",
        float: "a number",
        int: "a number",
        list: "a list",
        str: "a string",
    }
    return kinds.get(type(value), "null")


def wrong_field(fields: Mapping[str, Any], needed: tuple[str, ...], more: tuple[str, ...] = ()) -> str | None:
    """Return what is wrong with the strings in a JSON object; None: nothing.

    Args:
        fields: The object.
        needed: The keys of required strings.
        more: The keys of optional strings.
    """
    for name in (*needed, *more):
        value = fields.get(name)
        if name in needed and value in (None, ""):
            return f"no {name}" if value is None else f"an empty {name}"
        if value is not None and not isinstance(value, str):
            return f"{name} as {kind_of(value)} instead of a string"
        if value is not None and re.search("[\0\ud800-\udfff]", value):
            return f"{name} with a character that no variable can hold"
    return None


def token_of(setting: Setting) -> bytes:
    """Return the token in a file.

    Args:
        setting: The path, resolved from the folder of the caller.

    Raises:
        SourceError: It cannot be read, or is empty.
    """
    path, origin = setting.value, setting.origin
    name = origin.key or origin.name
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - text
            token = file.read()
    except OSError as error:
        fact = f"the file of {name} cannot be read: {printable(path)} ({error.strerror})"
        raise SourceError(fact, origin, hint=f"correct {name}") from None
    try:
        token.decode()
    except UnicodeDecodeError:
        fact = f"the file of {name} holds no text: {printable(path)}"
        raise SourceError(fact, origin, hint=f"correct {name}") from None
    if not token.strip():
        raise SourceError(f"the file of {name} is empty: {printable(path)}", origin, hint="write the token into it")
    return token

r"""What AWS accepts, checked here so that a mistake costs neither a request nor an MFA code.

The patterns and lengths are those of the STS and IAM service models (botocore `data/sts/2011-06-15` and
`data/iam/2010-05-08`); AWS's `\w` and `\d` are ASCII. botocore checks minimum lengths and ranges only: it sends a
session name with a space, a code of letters, or an ARN with a line end.

Every check returns the value, or raises ConfigError with the origin of the value. No message shows an external id or a
code.
"""

from __future__ import annotations

import re

from awsenv.duration import exact
from awsenv.errors import ConfigError, MfaError, Origin
from awsenv.model import RoleArn
from awsenv.wording import printable, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from awsenv.errors import Hint


MIN_DURATION = 900
"""Seconds: the shortest session of AssumeRole and of GetSessionToken."""

MAX_ROLE_DURATION = 43_200
"""Seconds: twelve hours, the most that a role's MaxSessionDuration can be."""

MAX_SESSION_DURATION = 129_600
"""Seconds: 36 hours, the longest session of GetSessionToken."""

_NAME = r"[\w+=,.@-]"
LONGEST_NAME = 64
"""Characters of a role session name."""
_MAX_TAGS = 50
_MAX_TAG_KEY = 128
_MAX_TAG_VALUE = 256
MAX_POLICY = 2048
"""Characters: the longest session policy."""

_MAX_POLICY_ARNS = 10

_ACCOUNT = r"[0-9]{12}"
_ROLE_NAME = rf"{_NAME}{{1,64}}"
_PATH_AND_NAME = rf"(?:[!-.0-~][!-~]{{0,509}}/)?{_ROLE_NAME}"
_ARN = rf"arn:(?P<partition>[a-z]+(?:-[a-z]+)*):iam::(?P<account>{_ACCOUNT}):role/(?P<rest>{_PATH_AND_NAME})"
_SESSION = rf"arn:([a-z-]+):sts::({_ACCOUNT}):assumed-role/({_ROLE_NAME})/.*"


def matches(pattern: str, text: str) -> bool:
    """Return whether the whole of *text* matches, as AWS means its patterns: in ASCII."""
    return re.fullmatch(pattern, text, re.ASCII) is not None


def is_bare_name(word: str) -> bool:
    """Return whether *word* can be the name of a role, as IAM names roles."""
    return matches(_ROLE_NAME, word)


def role(word: str, partition: str, origin: Origin) -> RoleArn:
    """Return the role that *word* names: an ARN, `ACCOUNT/ROLE` with or without a path, or the name of a role.

    Args:
        word: The ROLE of the command line.
        partition: The partition of a role that is not given as an ARN.
        origin: Where the word comes from.

    Raises:
        ConfigError: The word has another form.
    """
    if word.startswith("arn:"):
        return role_arn(word, origin)
    if is_bare_name(word):
        return RoleArn(partition, None, word)
    account, slash, rest = word.partition("/")
    if slash and matches(_ACCOUNT, account) and matches(_PATH_AND_NAME, rest):
        return RoleArn(partition, account, rest)
    if slash and matches("[0-9]+", account) and len(account) != 12:  # noqa: PLR2004 - AWS's number
        raise ConfigError(
            f"{quoted(account)} is not an account ID: it has {len(account)} digits instead of 12",
            origin,
            hint=("give ACCOUNT/ROLE with twelve digits", "aws sts get-caller-identity shows your own account"),
        )
    raise ConfigError(
        f"{quoted(word)} is not a profile, and not a valid role name",
        origin,
        hint="give a profile, a role's ARN, ACCOUNT/ROLE, or the name of a role",
    )


def role_arn(text: str, origin: Origin) -> RoleArn:
    """Return the role that an ARN names.

    Raises:
        ConfigError: The text is not the ARN of a role. If it is the ARN of a session, the message says so.
    """
    match = re.fullmatch(_ARN, text, re.ASCII)
    if match is not None:
        return RoleArn(match["partition"], match["account"], match["rest"])
    session = re.fullmatch(_SESSION, text, re.ASCII)
    account = re.match(r"arn:[a-z-]+:iam::([0-9]*):role/", text)
    hint = "write it as arn:aws:iam::123456789012:role/NAME"
    reason = ""
    if session is not None:
        partition, number, name = session.groups()
        reason = ": it is the ARN of a session"
        hint = f"its role may be arn:{partition}:iam::{number}:role/{name}"
    elif account is not None and not matches(_ACCOUNT, account[1]):
        digits = len(account[1])
        reason = f": its account has {digits} digit{'' if digits == 1 else 's'} instead of 12"
    raise refused(f"{quoted(text)} is not the ARN of a role{reason}", text, origin, hint)


def partition_of(arn: str) -> str | None:
    """Return the partition of an ARN; None for anything else, such as the serial number of a device."""
    return arn.split(":", 2)[1] if arn.startswith("arn:") else None


def external_id(text: str, origin: Origin) -> str:
    """Check an external id. Some treat it as a shared secret, so the message does not show it."""
    return _checked("external id", text, r"[\w+=,.@:/-]", (2, 1224), origin, secret=True)


def session_name(text: str, origin: Origin) -> str:
    """Check a configured role session name: an illegal one is refused, not altered."""
    return _checked("role session name", text, _NAME, (2, 64), origin)


def legal_session_name(text: str) -> str | None:
    """Return *text* as a role session name, or None if it has no letter or digit."""
    name = re.sub(r"[^\w+=,.@-]", "-", text, flags=re.ASCII)[:LONGEST_NAME]
    if not any(letter.isalnum() for letter in name):
        return None
    return name if len(name) > 1 else f"{name}-awsenv"


def source_identity(text: str, origin: Origin) -> str:
    """Check a source identity."""
    return _checked("source identity", text, _NAME, (2, 64), origin)


def mfa_serial(text: str, origin: Origin) -> str:
    """Check the ARN or serial number of an MFA device that shows codes."""
    if not matches(r"[\w+=/:,.@-]{9,256}", text):
        fact = f"{quoted(text)} is not the ARN or serial number of an MFA device"
        hint = ("write it as arn:aws:iam::123456789012:mfa/alice", "aws iam list-mfa-devices shows yours")
        raise refused(fact, text, origin, hint)
    if ":u2f/" in text:
        raise ConfigError(
            f"{quoted(text)} is a FIDO key, which shows no codes",
            origin,
            hint="add an authenticator app to the user, and name that device here",
        )
    return text


def mfa_code(text: str) -> str:
    """Return the six digits of an MFA code as users paste it: ` 123 456` is `123456`.

    Raises:
        MfaError: The text is not six ASCII digits. The message does not show it.
    """
    code = "".join(text.split())
    if not matches("[0-9]{6}", code):
        raise MfaError("an MFA code is six digits", hint="type the code that the device shows now")
    return code


def duration(text: str, origin: Origin) -> int:
    """Return the duration of a profile in seconds. `in_range` checks the range.

    Raises:
        ConfigError: The text is not a whole number. (botocore silently ignores such a value.)
    """
    if not matches("[0-9]{1,9}", text):
        fact = f"duration_seconds is {quoted(text)}, which is not a whole number of seconds"
        raise refused(fact, text, origin, f"write a number from {MIN_DURATION} to {MAX_ROLE_DURATION}")
    return int(text)


def in_range(seconds: int, most: int, origin: Origin) -> int:
    """Check that a duration is one that AWS grants.

    Args:
        seconds: The duration.
        most: `MAX_ROLE_DURATION` or `MAX_SESSION_DURATION`.
        origin: Where it is set.
    """
    if not MIN_DURATION <= seconds <= most:
        # As it was typed: an option takes `15m`, a file only seconds.
        shown, hint = exact(seconds), f"ask for {exact(MIN_DURATION)} to {exact(most)}"
        if origin.key is not None:
            shown, hint = f"{seconds} seconds", f"write {origin.key} = {MIN_DURATION} to {most}"
        raise ConfigError(f"AWS does not grant a session of {shown}", origin, hint=hint)
    return seconds


def tags(pairs: Sequence[tuple[str, str]], origin: Origin) -> tuple[tuple[str, str], ...]:
    """Check session tags: their number, lengths and characters, and that no key appears twice."""
    _at_most(len(pairs), _MAX_TAGS, "session tags", origin)
    seen: dict[str, str] = {}
    for key, value in pairs:
        tag_key(key, origin)
        if len(value) > _MAX_TAG_VALUE or not _is_tag_text(value):
            hint = f"at most {_MAX_TAG_VALUE} letters, digits, spaces and _.:/=+-@"
            raise refused(f"AWS does not accept the value of session tag {quoted(key)}", value, origin, hint)
        other = seen.get(key.lower())
        if other is not None:
            raise ConfigError(
                f"session tag {quoted(key)} appears twice"
                + ("" if key == other else f": to AWS it is the same as {quoted(other)}"),
                origin,
                hint="keep one of the two",
            )
        seen[key.lower()] = key
    return tuple(pairs)


def transitive_tags(keys: Sequence[str], origin: Origin) -> tuple[str, ...]:
    """Check the keys of transitive tags."""
    _at_most(len(keys), _MAX_TAGS, "transitive tags", origin)
    return tuple(tag_key(key, origin) for key in keys)


def transitive_of(keys: Sequence[str], pairs: Sequence[tuple[str, str]], origin: Origin | None) -> None:
    """Check that every transitive tag is a session tag of the same request, as AWS requires. Case does not matter."""
    sent = {key.lower() for key, _ in pairs}
    for key in keys:
        if key.lower() not in sent:
            raise ConfigError(
                f"transitive tag {quoted(key)} is not one of the session tags",
                origin,
                hint=(f"add the tag: --tag {printable(key)}=VALUE", "add it to session_tags in the profile"),
            )


def tag_key(key: str, origin: Origin) -> str:
    """Check the key of a session tag."""
    if not 1 <= len(key) <= _MAX_TAG_KEY or not _is_tag_text(key) or key.lower().startswith("aws:"):
        hint = f"1 to {_MAX_TAG_KEY} letters, digits, spaces and _.:/=+-@, not beginning with aws:"
        raise refused(f"{quoted(key)} cannot be the key of a session tag", key, origin, hint)
    return key


def policy(text: str, origin: Origin) -> str:
    """Check that a session policy is a JSON object and not too long."""
    import json  # noqa: PLC0415 - only where a policy is given

    if not text:
        raise ConfigError("the session policy is empty", origin, hint=f"give it a policy, or leave {origin} out")
    if len(text) > MAX_POLICY:
        raise ConfigError(
            f"the session policy has {len(text)} characters; AWS accepts at most {MAX_POLICY}",
            origin,
            hint=("shorten it", "use a managed policy: --policy-arn"),
        )
    try:
        is_object = isinstance(json.loads(text), dict)
    except (ValueError, RecursionError) as error:
        line = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise ConfigError(
            "the session policy is not JSON",
            Origin(f"{origin}{line}"),
            hint=f"to read it from a file: {origin.name}{' ' if origin.name.startswith('-') else '='}file://policy.json",
        ) from None
    if not is_object:
        raise ConfigError(
            "the session policy is not a JSON object", origin, hint='such as {"Version": "2012-10-17", …}'
        )
    if not matches(r"[\t\n\r\x20-\xff]+", text):
        raise ConfigError(
            "the session policy holds a character that AWS does not accept",
            origin,
            hint=("use characters of Latin-1 only", "use escapes such as \\u0142"),
        )
    return text


def policy_arns(arns: Sequence[str], origin: Origin) -> tuple[str, ...]:
    """Check the ARNs of managed session policies."""
    _at_most(len(arns), _MAX_POLICY_ARNS, "session policy ARNs", origin)
    for arn in arns:
        if not matches(r"arn:[a-z-]+:iam::(?:[0-9]{12}|aws):policy/(?:[!-~]+/)?[\w+=,.@-]{1,128}", arn):
            hint = "write it as arn:aws:iam::aws:policy/ReadOnlyAccess"
            raise refused(f"{quoted(arn)} is not the ARN of a managed policy", arn, origin, hint)
    return tuple(arns)


def _at_most(number: int, most: int, what: str, origin: Origin) -> None:
    if number > most:
        raise ConfigError(f"there are {number} {what}; AWS accepts at most {most}", origin, hint="remove some of them")


def _checked(
    what: str, text: str, characters: str, length: tuple[int, int], origin: Origin, *, secret: bool = False
) -> str:
    low, high = length
    if low <= len(text) <= high and matches(f"{characters}*", text):
        return text
    shown = "" if secret else f" {quoted(text)}"
    if not text:
        shown, reason = "", "is empty"
    elif not low <= len(text) <= high:
        reason = f"has {len(text)} character{'' if len(text) == 1 else 's'}; AWS accepts {low} to {high}"
    elif secret:
        reason = "holds a character that AWS does not accept"
    else:
        bad = next(letter for letter in text if not matches(characters, letter))
        reason = f"holds {quoted(bad)}, which AWS does not accept"
    hint = f"use {low} to {high} of A-Z a-z 0-9 _ {printable(characters[3:-1])}"
    raise refused(f"the {what}{shown} {reason}", text, origin, hint)


_TRAPS = (
    (
        r"\n",
        " (the indented line below it is part of the value)",
        "put the value on one line, and do not indent the line below it",
    ),
    (" [#;]", " (a comment after a value is part of the value)", "put the comment on its own line"),
    (r"""\A['"]|['"]\Z""", "", "remove the quotes"),
)
"""What an INI file reads as part of a value: a pattern, the explanation, the next step."""


def refused(fact: str, text: str, origin: Origin, hint: Hint | Callable[[], Hint]) -> ConfigError:
    """Return the error for the value *text*. If a trap of the INI format caused it, the error explains the trap."""
    traps = (trap for trap in _TRAPS if re.search(trap[0], text))
    _, reason, remedy = next(traps, ("", "", hint))
    return ConfigError(f"{fact}{reason}", origin, hint=remedy)


def _is_tag_text(text: str) -> bool:
    r"""Match AWS's `[\p{L}\p{Z}\p{N}_.:/=+\-@]*`."""
    import unicodedata  # noqa: PLC0415 - only where there are tags

    return all(letter in "_.:/=+-@" or unicodedata.category(letter)[0] in "LZN" for letter in text)

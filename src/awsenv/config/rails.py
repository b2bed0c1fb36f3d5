"""The guard rails of a profile: its colour, account and protection, what narrows its roles, and what assistants get.

Other tools ignore keys that they do not know. A guard rail with a typo guards nothing, so a key that looks like one of
ours and is none is an error.
"""

from __future__ import annotations

import re
from functools import lru_cache

from awsenv import duration
from awsenv.config import limits
from awsenv.distance import nearest
from awsenv.errors import ConfigError, Origin
from awsenv.model import Rails
from awsenv.record import replace
from awsenv.wording import listed, printable, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from awsenv.config.ini import Setting

_COLORS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
"""In the order of their SGR parameters, from 30 on; the bright ones begin at 90 (ECMA-48, and aixterm's)."""

_NAMES = {
    **{name: str(30 + number) for number, name in enumerate(_COLORS)},
    **{f"bright-{name}": str(90 + number) for number, name in enumerate(_COLORS)},
}

_MOST = 255

_FOR_ASSISTANTS = ("read-only", "confirm", "refuse")
"""What an assistant may get, the strictest last."""


def color(text: str, origin: Origin) -> str:
    """Return a colour as SGR parameters: `31`, `38;5;208`, `38;2;255;128;0`.

    Args:
        text: A name from black to white or bright-black to bright-white, a number from 0 to 255, `#rrggbb` or `#rgb`.
        origin: Where it comes from.

    Raises:
        ConfigError: It is no colour.
    """
    name = text.lower().replace("_", "-")
    if name in _NAMES:
        return _NAMES[name]
    if limits.matches("0|[1-9][0-9]{0,2}", name) and int(name) <= _MOST:
        return f"38;5;{name}"
    if limits.matches("#[0-9a-f]{3}", name):
        name = "#" + "".join(digit * 2 for digit in name[1:])
    if limits.matches("#[0-9a-f]{6}", name):
        return ";".join(["38", "2", *(str(int(name[at : at + 2], 16)) for at in (1, 3, 5))])
    meant = nearest(name, _NAMES)
    raise _unusable("a colour", text, origin, f"write {origin.key} = {meant or 'red, 208 or #ff8700'}")


def spelled(sgr: str) -> str:
    """Return the shortest text from which `color` makes these SGR parameters: `red`, `208`, `#ff8800`."""
    kind, _, rest = sgr.removeprefix("38;").partition(";")
    if kind == "5":
        return rest
    if kind == "2":
        return "#" + "".join(f"{int(part):02x}" for part in rest.split(";"))
    return next(name for name, parameters in _NAMES.items() if parameters == sgr)


def _protected(text: str, origin: Origin) -> bool:
    if text.lower() not in {"true", "false"}:
        meant = "false" if text.lower() in {"0", "no", "off"} else "true"
        raise _unusable("true or false", text, origin, f"write {origin.key} = {meant}")
    return text.lower() == "true"


def _confirm(text: str, origin: Origin) -> int:
    if text.lower() == "always":
        return 0
    try:
        if seconds := duration.parse(text):
            return seconds
    except ValueError:
        pass
    raise _unusable("always or a duration", text, origin, f"write {origin.key} = always, or 15m")


def _account(text: str, origin: Origin) -> str:
    if not limits.matches("[0-9]{12}", text):
        digits = re.sub("[^0-9]", "", text)
        hint = f"write the twelve digits of the account in {origin.key}"
        if len(digits) == len("123456789012"):
            hint = f"write {origin.key} = {digits}"
        raise _unusable("an account ID", text, origin, hint)
    return text


def _assistants(text: str, origin: Origin) -> str:
    if text.lower() not in _FOR_ASSISTANTS:
        meant = nearest(text.lower(), _FOR_ASSISTANTS) or "read-only"
        raise _unusable("read-only, confirm or refuse", text, origin, f"write {origin.key} = {meant}")
    return text.lower()


def _unusable(what: str, text: str, origin: Origin, hint: str) -> ConfigError:
    if not text:
        return ConfigError(f"{origin.key} is empty", origin, hint=(hint, "remove it"))
    if re.search(r"\s[#;]", text):
        hint = "put the comment on a line of its own: here it is a part of the value"
    return ConfigError(f"{quoted(text)} is not {what}", origin, hint=hint)


_RULES: Mapping[str, tuple[str, Callable[[str, Origin], Any]]] = {
    "awsenv_color": ("color", color),
    "awsenv_protected": ("is_protected", _protected),
    "awsenv_confirm": ("confirm", _confirm),
    "awsenv_account": ("account", _account),
    "awsenv_assistants": ("assistants", _assistants),
}
"""The field of `Rails` and the check of each key."""

_NARROWING = {
    "awsenv_read_only": "read_only",
    "awsenv_only": "actions",
    "awsenv_on": "resources",
    "awsenv_for": "seconds",
}
"""The field of `Narrowing` of each key."""

KEYS = (*_RULES, *_NARROWING)
"""The keys of a profile that are guard rails."""


def rails(settings: Mapping[str, Setting]) -> Rails:
    """Return the guard rails among the *settings* of a profile.

    Raises:
        ConfigError: A value is wrong, or a key is meant for a guard rail and is none.
    """
    values: dict[str, Any] = {}
    origins: dict[str, Origin] = {}
    narrowed: dict[str, tuple[str, Origin]] = {}
    for key, setting in settings.items():
        for line in setting.value.split("\n")[1:]:
            if is_meant(own := re.split("[=:]", line)[0].strip().lower()):
                fact = f"{printable(own)} is indented, and so belongs to the value of {printable(key)}"
                raise ConfigError(fact, setting.origin, hint=f"begin the line with {printable(own)}")
        if key in _RULES:
            field, check = _RULES[key]
            values[field], origins[field] = check(setting.value, setting.origin), setting.origin
        elif key in _NARROWING:
            narrowed[_NARROWING[key]] = setting.value, setting.origin
        elif is_meant(key):
            raise _unknown(key, setting)
    if narrowed:
        from awsenv.config.narrowing import narrowing  # noqa: PLC0415 - few profiles narrow their roles

        values["narrowing"] = narrowing(narrowed)
    return Rails(**values, origins=origins)


def with_strictest(first: Rails, others: Iterable[Rails]) -> Rails:
    """Return *first* with the least that one of the *others* lets assistants have."""
    order = ("", *_FOR_ASSISTANTS)
    strictest = max((first, *others), key=lambda own: order.index(own.assistants))
    origins = {"assistants": strictest.origins["assistants"]} if strictest.assistants else {}
    return replace(first, assistants=strictest.assistants, origins={**first.origins, **origins})


@lru_cache(maxsize=4096)  # the same keys in each of perhaps thousands of profiles
def is_meant(key: str) -> bool:
    """Return whether *key* is a guard rail, or is meant for one."""
    return key.startswith("awsenv") or nearest(key, KEYS) is not None


def _unknown(key: str, setting: Setting) -> ConfigError:
    meant, value = nearest(key, KEYS), quoted(setting.value)[1:-1]
    hint = f"awsenv knows {listed([*KEYS])}" if meant is None else f"write {meant} = {value}"
    return ConfigError(f"awsenv does not know the key {printable(key)}", setting.origin, hint=(hint, "remove it"))

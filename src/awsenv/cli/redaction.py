"""The source of a cell without the MFA codes and external ids in it: for what keeps it, history and notebooks.

A line that runs awsenv becomes the line that asks for them: `%awsenv power-user`, `%awsenv power-user --external-id -`.
What cannot be read as a command line of awsenv may be a secret in the wrong place, and is left out, too.
"""

from __future__ import annotations

import re

from awsenv.cli.arguments import ARGUMENTS, HelpOption
from awsenv.cli.commands import COMMANDS, DEFAULT
from awsenv.cli.declarations import Word, declared, options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from awsenv.cli.declarations import Option

_MAGIC = re.compile(
    r"""(?mx)
    ^(?P<head>
        (?: [^'"\n]*? | [^\n=]*=[ \t]* ) %[ \t]*awsenv\??[ \t]+
        # Without the sign, where IPython adds it; but no expression with a name awsenv in it.
        | [ \t]*[;,/]?awsenv[ \t]+ (?=[\w'"{$-]) (?!(?:and|as|else|for|if|in|is|not|or)\b)
    )
    (?P<words>(?:\\\n|[^\n])*)
    """
)
_CALL = re.compile(
    r"""(?x)
    (?P<head> (?:magic|system|getoutput)\([ \t]*
        (?: ["']awsenv["'][ \t]*,[ \t]*\w?(?P<first>["']) | \w?(?P<second>["'])[!%]?awsenv[ \t]+ ) )
    (?P<words>[^\n]*?) (?=(?(first)(?P=first)|(?P=second)))
    """
)
"""What a magic and a line of a shell become in Python: `run_line_magic("awsenv", "power-user")`."""
_LOGICAL_LINE = re.compile(r"(?:\\\n|[^\n])+")
_SHELL_CELL = re.compile(r"\s*%%(?:\w*sh|script|sx|system|!)(?!\w)")
_SHELL_LINE = re.compile(r"""(?:[^'"\n]*?|[^\n=]*=[ \t]*)(?:!(?!=)|%(?:sx|system)\b)""")
_COMMAND = re.compile(
    r"""(?x)
    (?: ^ | [;&|(`!] | -c[ \t]+["'] | (?<![\w-])(?:do|then|else|env|eval|exec|sudo|sx|system|time|-m)(?=[ \t]) )
    (?:[ \t]+-\S+)* (?:[ \t]*\w+=\S*(?=[ \t]))* [ \t]* (?:[^\s'";&|()]*/)? awsenv[ \t]+
    """
)
"""What comes before the words, where a shell runs awsenv: in `pip install awsenv` it does not."""
_WORD = re.compile(r"""(?:[^\s'"\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*"|['"\\])+""", re.DOTALL)
_SHELL_WORD = re.compile(r"""(?:\$\([^()]*\)|[^\s'"\\;&|()`]|\\.|'[^']*'|"(?:[^"\\]|\\.)*"|['"\\])+""", re.DOTALL)
_VARIABLE = re.compile(r"""["']?(?:\{(?!['"0-9]).*\}|\$\{?\w+\}?|\$\(.*\))["']?""", re.DOTALL)
"""A word that names a secret, and holds none."""
_OPERATOR = re.compile(r"[;&|<>#].*|[0-9]?>.*")
"""Where a command line ends in a shell."""


def without_secrets(source: str) -> str:
    """Return *source*, the text of a cell, without the MFA codes and external ids of its command lines."""
    if _SHELL_CELL.match(source) is None:
        source = _MAGIC.sub(lambda found: found["head"] + _redacted(found["words"]), source)
        source = _CALL.sub(lambda found: found["head"] + _redacted(found["words"]), source)
        return _LOGICAL_LINE.sub(lambda line: _of_shell(line[0]) if _SHELL_LINE.match(line[0]) else line[0], source)
    return _LOGICAL_LINE.sub(lambda line: _of_shell(line[0]), source)


def _of_shell(line: str) -> str:
    """Return a line of a shell without the secrets behind each `awsenv`."""
    found = _COMMAND.search(line)
    return line if found is None else line[: found.end()] + _redacted(line[found.end() :], in_shell=True)


def _redacted(line: str, *, in_shell: bool = False) -> str:
    """Return the words after `awsenv` without the secrets among them."""
    words = list((_SHELL_WORD if in_shell else _WORD).finditer(line))
    texts = [word[0].replace("\\\n", "") for word in words]
    if in_shell:
        starts = [0, *(word.end() for word in words)]
        ends = (
            number
            for number, (text, word) in enumerate(zip(texts, words, strict=True))
            if _OPERATOR.fullmatch(text) or line[starts[number] : word.start()].strip()
        )
        texts = texts[: next(ends, None)]
    shown, end = "", 0
    for word, text in zip(words, _replaced(texts), strict=False):
        if text is None:
            end = word.end()
        elif text != word[0].replace("\\\n", ""):
            shown += line[end : word.start()] + text
            end = word.end()
        else:
            shown += line[end : word.end()]
            end = word.end()
    return shown + (_of_shell(line[end:]) if in_shell else line[end:])


def _replaced(words: list[str]) -> Iterator[str | None]:
    """Yield what to show in place of each of *words*; None: nothing. What is left out at the end is shown."""
    name = words[0] if words and words[0] in COMMANDS else ""
    arguments = ARGUMENTS[name or DEFAULT]
    known = {**options(arguments), **options(HelpOption)}
    places = [each for each in declared(arguments).values() if isinstance(each, Word)]
    runs = bool(places) and places[-1].name == "command"
    # `each` takes it as the last of its patterns.
    takes_code = runs or any(each.name == "code" for each in places)
    if name:
        yield name
    rest = words[bool(name) :]
    while rest:
        word = rest.pop(0)
        text = _unquoted(word)
        if text == "--" and runs:
            return
        if text.startswith("-") and text != "-":
            yield from _option(word, rest, known)
            continue
        is_number = re.fullmatch("[0-9]+", text) is not None
        place = places.pop(0) if places else None
        if runs and place is not None and place.name in {"code", "command"} and not is_number:
            return
        if place is not None and place.is_list:
            places.insert(0, place)
        is_shown = place is not None and place.name != "code" and not (is_number and takes_code)
        yield word if is_shown or _VARIABLE.fullmatch(word) else None


def _option(word: str, rest: list[str], known: dict[str, Option]) -> Iterator[str | None]:
    """Yield what to show of the option *word*, and of its value if that is the first of *rest*, which it takes.

    The value of an unknown option is left out: it may be that of a mistyped one.
    """
    name, has_value, value = _unquoted(word).partition("=")
    option = known.get(name)
    is_hidden = option is None or option.name == "external_id"
    if has_value:
        is_shown = not is_hidden or _VARIABLE.fullmatch(value)
        yield word if is_shown else name if option is None else f"{name}=-"
        return
    yield word
    is_flag = all(f"-{letter}" in known for letter in name[1:]) if option is None else option.is_flag
    if not is_flag and rest and not _unquoted(rest[0]).startswith("--"):
        value = rest.pop(0)
        yield value if not is_hidden or _VARIABLE.fullmatch(value) else None if option is None else "-"


def _unquoted(word: str) -> str:
    return re.sub(r"""["'\\]""", "", word)

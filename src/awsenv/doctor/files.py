"""What is wrong with the two files of the AWS tools, before anyone asks what they mean."""

from __future__ import annotations

import os
import shlex
import stat
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from awsenv import config, environment
from awsenv.config.differences import differences
from awsenv.config.files import File, config_file, credentials_file
from awsenv.config.profiles import misspelt
from awsenv.doctor.finding import Finding, Verdict, wrong
from awsenv.errors import ConfigError
from awsenv.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from awsenv.config import Profiles
    from awsenv.model import Environ

CHECK = "files"

_MOST = 5
"""So many differences are shown, of both files."""


def files(environ: Environ, folder: str | None) -> Iterator[Finding]:
    """Look at the config file and the credentials file.

    Args:
        environ: The environment of the caller, as it is.
        folder: Where a relative path begins; None: at the working directory of the process.

    Yields:
        What is found; `FINE` only where nothing else is.
    """
    environ = environment.original(environ)
    try:
        profiles = config.read(environ, folder)
        conf, keys = config_file(environ, folder), credentials_file(environ, folder)
    except ConfigError as error:
        yield wrong(CHECK, error)
        return
    found = [*_missing(conf, keys, environ), *_open_to_others(keys), *_misspelt(profiles)]
    told = {finding.place for finding in found}
    found += [finding for finding in _differences(conf, keys) if finding.place not in told]
    if found:
        yield from found
    else:
        number = len(profiles.names)
        fact = f"{profiles.where}: {number} profile{'' if number == 1 else 's'}"
        yield Finding(CHECK, Verdict.FINE, fact)


def _warning(fact: str, place: str | None, hint: str) -> Finding:
    return Finding(CHECK, Verdict.WARNING, fact, place, hint)


def _missing(conf: File, keys: File, environ: Environ) -> Iterator[Finding]:
    named = False
    for variable, file in (("AWS_CONFIG_FILE", conf), ("AWS_SHARED_CREDENTIALS_FILE", keys)):
        if file.text is None and variable in environ:
            named = True
            what = "is no regular file" if Path(file.path).exists() else "is not there"
            yield _warning(f"{file.name or 'the empty path'} {what}", variable, f"correct {variable}, or unset it")
    if conf.text is None and keys.text is None and not named:
        fact = f"neither {conf.name} nor {keys.name} is there"
        yield _warning(fact, None, "awsenv setup makes both, and so does aws configure")


def _open_to_others(keys: File) -> Iterator[Finding]:
    if keys.text is None:
        return
    mode = stat.S_IMODE(os.stat(keys.path).st_mode)  # noqa: PTH116 - the path as botocore opens it
    if mode & 0o077:
        path = keys.name if keys.name.startswith("~/") and shlex.quote(keys.name[2:]) == keys.name[2:] else None
        hint = f"chmod 600 {path or shlex.quote(printable(keys.path))}"
        yield _warning(f"others than you may get at the keys: its mode is {mode:04o}", keys.name, hint)


def _misspelt(profiles: Profiles) -> Iterator[Finding]:
    """Find the headers of the config file that look like a profile's, and that botocore takes for none."""
    seen = set()
    for header in chain(profiles.config_sections, profiles.credentials_sections):
        words = header.strip("[] \t").split()
        if words[:1] and words[0].lower() == "profile":
            words = words[1:]
        elif words[:1] in (["sso-session"], ["services"], ["plugins"], ["preview"]):
            continue
        section = misspelt(" ".join(words), profiles)
        if section is not None and section.origin not in seen:
            seen.add(section.origin)
            yield _warning(section.fact, str(section.origin), section.hint)


def _differences(conf: File, keys: File) -> Iterator[Finding]:
    found = [
        *((conf, each) for each in differences(conf.text or "", conf.name, "config")),
        *((keys, each) for each in differences(keys.text or "", keys.name, "credentials")),
    ]
    more = len(found) - _MOST
    for number, (file, each) in enumerate(found[:_MOST], start=1):
        fact = f"{each.fact}, and {more} more such lines" if number == _MOST and more > 0 else each.fact
        yield _warning(fact, f"{file.name}:{each.line}", each.hint)

"""How this awsenv was installed, and so which command adds to it; what to say if it does not work.

A hint must work as it stands: `pip install` does nothing for an awsenv that pipx or uv keeps in its own environment.
"""

from __future__ import annotations

import json
import os
import re
import resource
import shlex
import site
import sys
import sysconfig
import traceback
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from awsenv import __version__
from awsenv.errors import Failure, Origin, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "awsenv-shell"
"""The name of the distribution."""

EXTRAS = ("demo", "keyring", "setup")
"""What a user may add to it."""


@dataclass(frozen=True)
class Installation:
    """Where a distribution is installed, and from what."""

    prefix: Path
    """The environment: `sys.prefix`."""
    executable: str
    """Its Python."""
    source: dict[str, Any]
    """The content of `direct_url.json` (PEP 610); empty: an index."""
    is_environment: bool = True
    """Whether the environment is a virtual one."""
    is_of_user: bool = False
    """Whether it is in the folder of `pip install --user`."""
    has_pip: bool = True
    extras: tuple[str, ...] = ()
    """Those that are there."""
    is_managed: bool = False
    """Whether pip refuses to install there by itself, as in Debian's own Python (PEP 668)."""

    def with_extra(self, extra: str) -> str:
        """Return the command that adds an extra."""
        return self._install(self._specified(extra))

    def with_package(self, requirement: str) -> str:
        """Return the command that adds a package."""
        if self._is_of_pipx:
            return shlex.join(["pipx", "inject", "--force", self.prefix.name, requirement])
        if self._is_of_uv:
            return self._install(["--with", requirement, *self._specified()])
        return self._install([requirement])

    def again(self) -> str:
        """Return the command that installs it anew."""
        if self._is_of_pipx:
            return shlex.join(["pipx", "reinstall", self.prefix.name])
        if self._is_of_uv:
            return shlex.join(["uv", "tool", "upgrade", "--reinstall", self.prefix.name])
        return self._install(["--force-reinstall", *self._specified()])

    @property
    def _is_of_pipx(self) -> bool:
        return (self.prefix / "pipx_metadata.json").exists()

    @property
    def _is_of_uv(self) -> bool:
        return (self.prefix / "uv-receipt.toml").exists()

    def _specified(self, *new: str) -> list[str]:
        """Return what was installed, with *new* extras, as the words of a command.

        pipx and uv make the environment anew, so that an extra that is not named again is gone.
        """
        names = {*new, *(self.extras if self._is_of_pipx or self._is_of_uv else ())}
        extras = f"[{','.join(sorted(names))}]" if names else ""
        url, folder = self.source.get("url", ""), self.source.get("dir_info")
        if not url:
            return [NAME + extras]
        if folder is not None:
            option = ["--editable"] if folder.get("editable") else []
            return [*option, unquote(urlsplit(url).path) + extras]
        version_control = self.source.get("vcs_info")
        if version_control:
            revision = version_control.get("requested_revision") or version_control.get("commit_id")
            url = f"{version_control['vcs']}+{url}" + (f"@{revision}" if revision else "")
        return [f"{NAME}{extras} @ {url}"]

    def _beside(self) -> list[str]:
        """Return the options for what `uv tool install --with` has added: uv removes what is not named again.

        uv writes one line for each, and Python 3.10 reads no TOML.
        """
        options = []
        receipt = (self.prefix / "uv-receipt.toml").read_text(encoding="utf-8").partition("\nentrypoints")[0]
        for name, rest in re.findall(rf'\{{ name = "(?!{NAME}")([^"]+)"(.*) \}}', receipt):
            known = {key: json.loads(value) for key, value in re.findall(r'(\w+) = ("[^"]*"|\[[^]]*\])', rest)}
            url = known.get("url") or known.get("directory") or known.get("path")
            if "git" in known:
                url = "git+" + known["git"].replace("?rev=", "@")
            if "editable" in known:
                options += ["--with-editable", known["editable"]]
            else:
                extras = f"[{','.join(known['extras'])}]" if "extras" in known else ""
                options += ["--with", name + extras + (f" @ {url}" if url else known.get("specifier", ""))]
        return options

    def _install(self, words: list[str]) -> str:
        if self._is_of_pipx:
            return shlex.join(["pipx", "install", "--force", *words])
        if self._is_of_uv:
            return shlex.join(["uv", "tool", "install", "--force", *self._beside(), *words])
        if not self.has_pip:
            return shlex.join(["uv", "pip", "install", "--python", self.executable, *words])
        command = [self.executable, "-m", "pip", "install"]
        if self.is_of_user:
            command.append("--user")
        if self.is_managed and not self.is_environment:
            command.append("--break-system-packages")
        return shlex.join([*command, *words])


def this() -> Installation:
    """Return how the awsenv that runs was installed."""
    try:
        distribution = metadata.distribution(NAME)
        source = json.loads(distribution.read_text("direct_url.json") or "{}")
        path = Path(str(distribution.locate_file("")))
    except (metadata.PackageNotFoundError, ValueError):
        source, path = {}, Path(__file__)
    return Installation(
        Path(sys.prefix),
        sys.executable,
        source,
        is_environment=sys.prefix != sys.base_prefix,
        is_of_user=path.is_relative_to(site.getusersitepackages()),
        has_pip=util.find_spec("pip") is not None,
        extras=tuple(extra for extra in EXTRAS if all(map(_version, dict(_requirements(extra))))),
        is_managed=Path(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED").exists(),
    )


def lacking(what: str, extra: str, error: ImportError, origin: Origin | None = None) -> UsageError:
    """Return the error for something that an extra brings, and that cannot be imported.

    A package that is there may be too old, so that an import inside of it fails.

    Args:
        what: What needs the package: `the demo`.
        extra: The extra.
        error: What the import raised.
        origin: The option that asked for it.

    Raises:
        ImportError: *error*, if each package of the extra is there, and new enough.
    """
    for package, needed in _requirements(extra):
        version = _version(package)
        if version is None:
            fact = f"{what} needs the package {package}, which is not installed"
            break
        if _as_numbers(version) < _as_numbers(needed):
            fact = f"{what} needs {package} {needed} or later, and {version} is installed"
            break
    else:
        if not isinstance(error, ModuleNotFoundError):
            raise error
        fact = f"{what} needs the package {error.name}, which is not installed"
    return UsageError(fact, origin, hint=this().with_extra(extra))


def fault(error: BaseException) -> Failure:
    """Return the error for what neither the user nor AWS has caused: no memory, a broken install, or a fault of ours.

    Of a fault it shows only the kind and the line: the text may hold a key.
    """
    if isinstance(error, MemoryError):
        is_limited = resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY
        hint = "raise the limit: ulimit -v" if is_limited else "end other programs"
        return Failure("there is not enough memory", hint=hint)
    if isinstance(error, ImportError | SyntaxError):
        name = getattr(error, "name", None)
        what = f"the module {name}" if name else "a module"
        return Failure(f"{what} cannot be loaded", Origin(_place(error)), hint=this().again())
    python, system = ".".join(map(str, sys.version_info[:3])), os.uname()
    place = f"{_place(error)}, awsenv {__version__}, Python {python}, {system.sysname} {system.release}"
    return Failure(
        f"a fault of awsenv's own: {type(error).__name__}", Origin(place), hint=f"report these two lines{_issues()}"
    )


def _place(error: BaseException) -> str:
    """Return the line of awsenv that *error* has passed last."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "awsenv" in PurePath(frame.filename).parts]
    return f"{PurePath(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "an unknown line"


def _issues() -> str:
    """Return where faults are reported, if the installed package names a page."""
    with suppress(metadata.PackageNotFoundError):
        for entry in metadata.metadata(NAME).get_all("Project-URL") or ():
            label, _, url = entry.partition(", ")
            if label.lower() in {"issues", "bug tracker", "tracker"}:
                return f": {url}"
    return ""


def _requirements(extra: str) -> Iterator[tuple[str, str]]:
    """Yield the packages of an extra, each with its lowest version; none if awsenv runs without being installed."""
    try:
        lines = metadata.requires(NAME) or ()
    except metadata.PackageNotFoundError:
        return
    for line in lines:
        found = re.match(rf"""([\w.-]+)(?:\[.*\])?\s*>=\s*([\w.]+).*;\s*extra == ['"]{re.escape(extra)}['"]$""", line)
        if found:
            yield found[1], found[2]


def _version(package: str) -> str | None:
    """Return the version of a package; None: it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _as_numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)))

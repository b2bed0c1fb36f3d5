"""The IPython extension: `%load_ext awsenv`, and then `%awsenv ROLE [CODE]`, as on the command line.

    magic.py       what `%awsenv` does
    line.py        what may be typed after it
    cells.py       keeps MFA codes and external ids out of history, logs, tracebacks and notebooks
    completion.py  what Tab offers

IPython loads it into the process of the user, so each module imports little, and the rest where it is needed.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

from awsenv.ipython.magic import Magic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_loaded: WeakKeyDictionary[Any, Magic] = WeakKeyDictionary()


def load(shell: Any) -> None:
    """Add the magic to *shell*."""
    if shell not in _loaded:
        _loaded[shell] = Magic(shell)


def unload(shell: Any) -> None:
    """Remove the magic from *shell*, and leave the role that it has assumed."""
    magic = _loaded.pop(shell, None)
    if magic is not None:
        magic.close()

"""Keeps MFA codes and external ids out of what IPython keeps of a cell. The cell itself runs as it was typed.

IPython hands the source of a cell to its history (`In`, `_i`, `%history`, the database), to its log (`%logstart`), to
the cache that tracebacks show lines of, and to the functions of `pre_run_cell`. A notebook is a file of the frontend:
a kernel can only ask the frontend to replace the source of the cell, which it does if the cell succeeds.
"""

from __future__ import annotations

from functools import wraps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def redact(shell: Any) -> Callable[[], None]:
    """Let *shell* keep its cells without secrets from now on, and return what takes this back."""

    def store(original: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(original)
        def store_inputs(line_num: int, source: str, source_raw: str | None = None) -> Any:
            return original(line_num, *_kept(shell, source, source if source_raw is None else source_raw))

        return store_inputs

    def log(original: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(original)
        def log(line_mod: str, line_ori: str) -> Any:
            return original(*_kept(shell, line_mod, line_ori))

        return log

    def cache(original: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(original)
        def cache(transformed_code: str, number: int = 0, raw_code: str | None = None) -> Any:
            source = transformed_code if raw_code is None else raw_code
            # The name of the cell follows from its source, and the frontend knows only the typed one.
            return original(_kept(shell, transformed_code, source)[0], number, raw_code)

        return cache

    changed = [
        _replace(owner, name, wrap)
        for owner, name, wrap in (
            (shell.history_manager, "store_inputs", store),
            (shell.logger, "log", log),
            (shell.compile, "cache", cache),
        )
        if owner is not None
    ]

    def take_back() -> None:
        for each in changed:
            each()

    return take_back


def hide(shell: Any, info: Any) -> None:
    """Hide the secrets of the cell that is about to run from those who look at it next, and from the notebook."""
    source, raw = _kept(shell, "", info.raw_cell)
    if raw == info.raw_cell:
        return
    info.raw_cell = raw
    if getattr(info, "transformed_cell", None) is not None:
        info.transformed_cell = source
    # Only a notebook names its cells. A console would show the text at its next prompt.
    if getattr(info, "cell_id", None) is not None:
        shell.set_next_input(raw, replace=True)


def _kept(shell: Any, source: str, raw: str) -> tuple[str, str]:
    """Return what to keep of a cell: of its Python *source*, and of the *raw* text that was typed."""
    if "awsenv" not in raw:
        return source, raw
    from awsenv.cli.redaction import without_secrets  # noqa: PLC0415 - few cells run awsenv

    kept = without_secrets(raw)
    if kept == raw:
        return source, raw
    try:
        return shell.transform_cell(kept), kept
    except Exception:  # noqa: BLE001 - the cell is no Python, as typed
        return kept, kept


def _replace(owner: Any, name: str, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Callable[[], None]:
    """Replace the method *name* of *owner*, and return what takes this back, unless another has replaced ours."""
    before = vars(owner).get(name)
    ours = wrap(getattr(owner, name))
    setattr(owner, name, ours)

    def take_back() -> None:
        if vars(owner).get(name) is ours:
            delattr(owner, name)
            if before is not None:
                setattr(owner, name, before)

    return take_back

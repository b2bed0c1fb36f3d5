"""The entry point: the fast lane for what needs no command line parser, else the command line."""

from __future__ import annotations

import sys

from awsenv.cli import process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def main() -> NoReturn:
    """Run `awsenv` with the arguments and the environment of this process, and end it."""
    # Each lane imports only what it needs: typer alone costs four times Python's own start.
    status = None
    if len(sys.argv) == 3 and sys.argv[1] == "init":  # noqa: PLR2004 - awsenv init SHELL
        from awsenv.cli.init import fast  # noqa: PLC0415 - see above

        status = fast(sys.argv[2])
    if status is None:
        from awsenv.cli.main import run  # noqa: PLC0415 - see above

        status = run(sys.argv[1:])
    process.leave(status)


if __name__ == "__main__":
    main()

"""Assume AWS roles: in your shell by the command `awsenv`, in a program by the functions of this package.

    awsenv.session("power-user")        a boto3.Session whose credentials are renewed
    awsenv.credentials("power-user")    the keys, and when they end
    awsenv.environment("power-user")    the environment of a process that is to have the role
    awsenv.roles()                      the roles of the AWS configuration
    awsenv.forget()                     drop what this process holds

The functions are in `awsenv.api`, which is loaded when the first of them is used, and the errors in `awsenv.errors`.
`%load_ext awsenv` brings `%awsenv` to IPython (`awsenv.ipython`).
"""

__version__ = "0.1.0"

__all__ = ["AwsenvError", "Credentials", "Role", "credentials", "environment", "forget", "roles", "session"]

# Each command line loads this module, so it loads nothing itself. A type checker sees only the names that there are.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsenv.api import AwsenvError, Credentials, Role, credentials, environment, forget, roles, session
else:

    def __getattr__(name: str) -> object:
        """Load the functions when one is used.

        Raises:
            AttributeError: There is no such name.
        """
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from awsenv import api  # noqa: PLC0415 - see above

        found: object = getattr(api, name)
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load_ipython_extension(shell: object) -> None:
    """Add `%awsenv` to an IPython shell: `%load_ext awsenv` calls this."""
    from awsenv import ipython  # noqa: PLC0415 - see above

    ipython.load(shell)


def unload_ipython_extension(shell: object) -> None:
    """Remove it, and leave the role that it has assumed: `%unload_ext awsenv` calls this."""
    from awsenv import ipython  # noqa: PLC0415 - see above

    ipython.unload(shell)

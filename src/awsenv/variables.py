"""The one table of environment variables, and what awsenv and the AWS tools do with each.

Imports nothing: the fast path reads it to find the variables that the agent needs.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

EXPORTED = "exported"
"""A role sets it."""

REMOVED = "removed"
"""A role unsets it, and never sets it to an empty value instead."""

FILE = "file"
"""It names a file whose credentials can outrank an endpoint: `exec --refresh` points it at the null device."""

SECRET = "secret"  # noqa: S105 - the name of a mark
"""Its value lets anyone act as its owner."""

REGION = "region"
PROFILE = "profile"
SETTING = "setting"
"""A profile can set it too, in lower case without `AWS_`. A role sets it if its profile does."""

CONNECTION = "connection"
"""How AWS is called depends on it, and not what AWS returns."""

USER = "user"
"""It can hold the name of the user."""

STATE = "state"
"""awsenv sets it with a role, for the prompt, `status`, `renew` and `off`."""

ASSISTANT = "assistant"
"""A coding agent sets it in the commands that it runs (see `config.assistants`)."""

OPTION = "option"
"""It sets the option of that name for every role."""

# A source of this kind reads it (see `config.sources.KINDS`).
KEY = "environment"
"""It is part of an access key, and is never combined with another key."""
ENDPOINT = "container"
WEB_IDENTITY = "web-identity"
INSTANCE = "instance"
SSO = "sso"
LOGIN = "login"
PROCESS = "process"

ROLE = "AWSENV_ROLE"
PREVIOUS = "AWSENV_PREVIOUS"
"""The role that this one replaced, as it was typed: `awsenv -` returns to it."""
PREVIOUS_NARROWED = "AWSENV_PREVIOUS_NARROWED"
"""What that role was narrowed to, for people."""
LABEL = "AWSENV_LABEL"
ACCOUNT = "AWSENV_ACCOUNT"
ROLE_NAME = "AWSENV_ROLE_NAME"
"""The role's name at AWS, which the profile need not share."""
EXPIRES_EPOCH = "AWSENV_EXPIRES_EPOCH"
KEY_ID = "AWSENV_ACCESS_KEY_ID"
"""The id of the role's key: the user may have exported another key since."""
RENEW = "AWSENV_RENEW"
"""The name under which the agent holds the role."""
REFRESH = "AWSENV_REFRESH"
"""The URL of the role's endpoint."""
SETTINGS = "AWSENV_SETTINGS"
"""The names of the settings that the role has set, separated by spaces."""
COLOR = "AWSENV_COLOR"
"""The colour of the role in the prompt, as SGR parameters: only digits and semicolons."""
NARROWED = "AWSENV_NARROWED"
"""What the role is narrowed to, for people."""
DEMO = "AWSENV_DEMO"
"""The URL of the local AWS of `awsenv demo`; set in the demo alone."""
KUBERNETES = "KUBERNETES_EXEC_INFO"
"""What client-go tells an exec plugin, as JSON."""
PROMPT = "_AWSENV_PROMPT"
"""The hook says in it who draws the prompt or, where that is the hook itself, what the last one showed."""
SERVICE_ENDPOINT = "AWS_ENDPOINT_URL_"
"""The prefix of the variable for the endpoint of one service. Only botocore lists all services."""
SAVED = "AWSENV_SAVED_"
"""The prefix of a variable that holds a value from before the first role."""

VARIABLES: Mapping[str, tuple[str, ...]] = {
    "AWS_ACCESS_KEY_ID": (EXPORTED, KEY),
    "AWS_SECRET_ACCESS_KEY": (EXPORTED, KEY, SECRET),
    "AWS_SESSION_TOKEN": (EXPORTED, KEY, SECRET),
    # RFC 3339 with a zone: without one, boto3 raises a TypeError.
    "AWS_CREDENTIAL_EXPIRATION": (EXPORTED, KEY),
    # Both: boto3 reads the second, the other SDKs the first.
    "AWS_REGION": (EXPORTED, REGION),
    "AWS_DEFAULT_REGION": (EXPORTED, REGION),
    # Most prompts show it, and no SDK reads it.
    "AWS_VAULT": (EXPORTED,),
    # SDKs read it (account-based endpoints): corrected if it is set, never added.
    "AWS_ACCOUNT_ID": (EXPORTED,),
    # The JavaScript SDK ignores keys beside a profile (aws-sdk-js-v3#2549). botocore reads the second name first.
    "AWS_PROFILE": (REMOVED, PROFILE),
    "AWS_DEFAULT_PROFILE": (REMOVED, PROFILE),
    # botocore prefers it to AWS_SESSION_TOKEN.
    "AWS_SECURITY_TOKEN": (REMOVED, KEY, SECRET),
    # Starship reads it where AWS_CREDENTIAL_EXPIRATION is not set.
    "AWS_SESSION_EXPIRATION": (REMOVED,),
    # Other sources of credentials, which SDKs would use after the role has expired.
    "AWS_ROLE_ARN": (REMOVED, WEB_IDENTITY),
    "AWS_ROLE_SESSION_NAME": (REMOVED, WEB_IDENTITY),
    "AWS_WEB_IDENTITY_TOKEN_FILE": (REMOVED, WEB_IDENTITY),
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": (REMOVED, ENDPOINT),
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": (REMOVED, ENDPOINT),
    "AWS_CONTAINER_AUTHORIZATION_TOKEN": (REMOVED, ENDPOINT, SECRET),
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": (REMOVED, ENDPOINT),
    # It outranks keys for one service (botocore, `AWS_BEARER_TOKEN_<SERVICE>`).
    "AWS_BEARER_TOKEN_BEDROCK": (REMOVED, SECRET),
    # Labels of other tools, which starship and powerlevel10k would show in place of ours.
    "AWSU_PROFILE": (REMOVED,),
    "AWSUME_PROFILE": (REMOVED,),
    "AWSUME_EXPIRATION": (REMOVED,),
    "AWS_SSO_PROFILE": (REMOVED,),
    "AWS_SHARED_CREDENTIALS_FILE": (FILE,),
    # It holds other settings too, so it is hidden only if it outranks the endpoint.
    "AWS_CONFIG_FILE": (FILE,),
    # The file of boto 2, which botocore still reads.
    "BOTO_CONFIG": (FILE,),
    **dict.fromkeys((ROLE, PREVIOUS, PREVIOUS_NARROWED, LABEL, ACCOUNT, ROLE_NAME, COLOR, NARROWED), (STATE,)),
    **dict.fromkeys((EXPIRES_EPOCH, KEY_ID, RENEW, REFRESH, SETTINGS), (STATE,)),
    **dict.fromkeys(
        (
            "AWSENV_PROFILE",
            "AWSENV_EXTERNAL_ID",
            "AWSENV_MFA_SERIAL",
            "AWSENV_DURATION",
            "AWSENV_REGION",
            "AWSENV_SESSION_NAME",
            "AWSENV_SOURCE_IDENTITY",
            "AWSENV_TAG",
            "AWSENV_TRANSITIVE_TAG",
            "AWSENV_POLICY",
            "AWSENV_POLICY_ARN",
            "AWSENV_READ_ONLY",
            "AWSENV_ONLY",
            "AWSENV_ON",
            "AWSENV_FOR",
            "AWSENV_BECAUSE",
            "AWSENV_MIN_REMAINING",
        ),
        (OPTION,),
    ),
    # kubectl says in it which form of a token it reads.
    KUBERNETES: (),
    # How long a call of AWS may take, and what lists the roles.
    "AWSENV_TIMEOUT": (CONNECTION,),
    "AWSENV_PICKER": (),
    # Those of botocore's `configprovider.py` and of the SDKs and Tools Reference Guide that concern every service.
    **dict.fromkeys(
        (
            "AWS_ENDPOINT_URL",
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
            "AWS_CA_BUNDLE",
            "AWS_USE_FIPS_ENDPOINT",
            "AWS_USE_DUALSTACK_ENDPOINT",
            "AWS_STS_REGIONAL_ENDPOINTS",
            "AWS_RETRY_MODE",
            "AWS_MAX_ATTEMPTS",
            "AWS_DEFAULTS_MODE",
            "AWS_ACCOUNT_ID_ENDPOINT_MODE",
            "AWS_SIGV4A_SIGNING_REGION_SET",
            "AWS_AUTH_SCHEME_PREFERENCE",
            "AWS_REQUEST_CHECKSUM_CALCULATION",
            "AWS_RESPONSE_CHECKSUM_VALIDATION",
            "AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES",
            "AWS_DISABLE_REQUEST_COMPRESSION",
            "AWS_DISABLE_HOST_PREFIX_INJECTION",
            "AWS_S3_DISABLE_EXPRESS_SESSION_AUTH",
            "AWS_ENDPOINT_DISCOVERY_ENABLED",
            "AWS_SDK_UA_APP_ID",
        ),
        (SETTING,),
    ),
    DEMO: (),
    # The file of a job of GitHub Actions for `--shell github`.
    "GITHUB_ENV": (),
    "AWS_EC2_METADATA_SERVICE_ENDPOINT": (INSTANCE,),
    "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": (INSTANCE,),
    "AWS_LOGIN_CACHE_DIRECTORY": (LOGIN,),
    # A `credential_process` may read any variable. HOME is the same in all shells of one user.
    "HOME": (SSO, LOGIN, PROCESS),
    # Who the user is, and what their shell is and reads.
    **dict.fromkeys(("LOGNAME", "USER", "USERNAME"), (USER,)),
    **dict.fromkeys(("SHELL", "ENV", "ZDOTDIR"), ()),
    # Where the names for completion and the recently used roles are kept.
    **dict.fromkeys(("AWSENV_CACHE", "XDG_CACHE_HOME"), ()),
    # Which coding agent runs the command.
    **dict.fromkeys(
        (
            "AI_AGENT",
            "AGENT",
            "ANTIGRAVITY_AGENT",
            "CLAUDECODE",
            "CLINE_ACTIVE",
            "CODEX_SANDBOX",
            "CODEX_THREAD_ID",
            "COPILOT_AGENT",
            "COPILOT_CLI",
            "CRUSH",
            "CURSOR_AGENT",
            "GEMINI_CLI",
            "GOOSE_TERMINAL",
            "OPENCODE",
            "QWEN_CODE",
        ),
        (ASSISTANT,),
    ),
    # How to connect to AWS. If `REQUEST_METHOD` is set, `HTTP_PROXY` is not trusted (CVE-2016-1000110).
    **dict.fromkeys(("REQUESTS_CA_BUNDLE", "REQUEST_METHOD"), (CONNECTION,)),
}
"""The marks of each variable that awsenv reads or changes, in the order in which a role prints them."""

MISLEADING = ("PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE", "PYTHONPYCACHEPREFIX", "PYTHONEXECUTABLE")
"""An empty or relative entry makes Python load code from the current folder. The hooks call awsenv without it."""

_FAMILIES = ("AWS_", "AWSENV_", "_AWSENV_")
"""Prefixes of more variables that botocore or awsenv reads."""


def having(mark: str) -> tuple[str, ...]:
    """Return the variables with this mark, in the order of the table."""
    return tuple(name for name, marks in VARIABLES.items() if mark in marks)


def connecting(environ: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    """Return the variables of *environ* that decide how AWS is called: the time limit, the proxies, the CA bundle.

    Those that also decide what AWS returns, such as the endpoint, are not among them.
    """
    return frozenset(
        (name, value)
        for name, value in environ.items()
        if CONNECTION in VARIABLES.get(name, ()) or name.lower().endswith("_proxy")
    )


def relevant(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of *environ* that a command depends on. The client sends no others to the agent.

    Python reads a proxy from every name that ends with `_proxy` in any case. The path of a file may contain variables
    (`$XDG_CONFIG_HOME/aws/config`).
    """
    files = "".join(environ.get(name, "") for name in having(FILE))
    return {
        name: value
        for name, value in environ.items()
        if name in VARIABLES or name.startswith(_FAMILIES) or name.lower().endswith("_proxy")
        or f"${name}" in files or f"${{{name}}}" in files
    }  # fmt: skip


def home(environ: Mapping[str, str]) -> str:
    """Return the home folder of the user, as botocore and the shells find it: `HOME`, else the password database's."""
    if "HOME" in environ:
        return environ["HOME"]
    import os  # noqa: PLC0415 - only where HOME is not set
    import pwd  # noqa: PLC0415 - the same

    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return "~"


def with_home(path: str, environ: Mapping[str, str]) -> str:
    """Expand the `~` of a path as Python does, with the variables of *environ*."""
    if not path.startswith("~"):
        return path
    if path == "~" or path.startswith("~/"):
        return (home(environ).rstrip("/") + path[1:]) or "/"
    import os  # noqa: PLC0415 - only for the home folder of another user

    return os.path.expanduser(path)  # noqa: PTH111 - pathlib costs an import


KEY_PAIR = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
"""The two halves of an access key. A profile sets them in lower case."""

CONTAINER_URIS = ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI")
"""The variables of a container's credentials endpoint, in botocore's order."""

TOKENS = ("AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN")
"""The variables of a session token, in botocore's order: the first that is not empty counts."""


def session_token(environ: Mapping[str, str]) -> str | None:
    """Return the session token that goes with the access key in *environ*, or None."""
    return next((environ[name] for name in TOKENS if environ.get(name)), None)

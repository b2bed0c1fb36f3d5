"""Which files hold credentials that an SDK would take in place of a container credentials endpoint."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from awsenv.config import files

if TYPE_CHECKING:
    from awsenv.config.profiles import Profiles
    from awsenv.model import Environ

_DESCRIBING = frozenset(
    {
        "aws_access_key_id",
        "aws_secret_access_key",
        "credential_process",
        "credential_source",
        "login_session",
        "role_arn",
        "web_identity_token_file",
    }
)
_BOTO_KEY = re.compile(r"^aws_access_key_id\s*[:=]", re.MULTILINE | re.IGNORECASE)


def outranking(profiles: Profiles, environ: Environ) -> tuple[str, ...]:
    """Return the variables of the files that have to be hidden from a command, so that an endpoint serves it.

    In every SDK the profile comes before the endpoint, and without a name the profile is `[default]`. The credentials
    file is none of what is returned: it holds nothing but credentials, and is hidden always.

    Args:
        profiles: What the files say.
        environ: The environment of the caller without what awsenv itself has put there.

    Returns:
        `AWS_CONFIG_FILE` if `[default]` of the config file describes credentials; its other settings go with it.
        `BOTO_CONFIG` if the file of boto 2 holds a key: botocore 1.44 reads it still, but others (gsutil) do too.
    """
    keys = profiles.config_keys("default")
    describes = bool(keys & _DESCRIBING) or any(key.startswith("sso_") for key in keys)
    of_boto = files.boto_texts(environ, profiles.folder)
    return (
        *(("AWS_CONFIG_FILE",) if describes else ()),
        *(("BOTO_CONFIG",) if any(_BOTO_KEY.search(text) for text in of_boto) else ()),
    )

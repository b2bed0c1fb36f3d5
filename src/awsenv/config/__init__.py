"""What the files say, and what a request means by them.

`read` the files once, `resolve` a request into a chain: both are functions of their arguments and of two files. Nothing
in here connects to anything.
"""

from __future__ import annotations

from awsenv.config.cache_key import role_id, session_id, source_id
from awsenv.config.limits import mfa_code
from awsenv.config.listing import Entry, roles
from awsenv.config.login import resolve_login
from awsenv.config.mfa import through_session
from awsenv.config.profiles import Profile, Profiles, Setting, did_you_mean, forget, read
from awsenv.config.resolution import resolve
from awsenv.config.settings import outranks_endpoint, without_config_file
from awsenv.config.sources import access_key, check_source, entered, static_keys

__all__ = [
    "Entry",
    "Profile",
    "Profiles",
    "Setting",
    "access_key",
    "check_source",
    "did_you_mean",
    "entered",
    "forget",
    "mfa_code",
    "outranks_endpoint",
    "read",
    "resolve",
    "resolve_login",
    "role_id",
    "roles",
    "session_id",
    "source_id",
    "static_keys",
    "through_session",
    "without_config_file",
]

"""The AWS config files, and the chain that a role request resolves to in them.

`read` reads the two files; `resolve` turns a request into a chain and depends on its arguments only. Nothing here opens
a connection.
"""

from __future__ import annotations

from awsenv.config.cache_key import mfa_session_key, role_key, source_key, way_key
from awsenv.config.entries import Entry, roles
from awsenv.config.headers import did_you_mean
from awsenv.config.hops import through_session
from awsenv.config.ini import Setting
from awsenv.config.limits import mfa_code
from awsenv.config.links import nothing
from awsenv.config.profiles import Profile, Profiles, forget, read
from awsenv.config.recursion import check_source, entered
from awsenv.config.resolution import login_command, resolve, resolve_login
from awsenv.config.settings import outranks_endpoint, timeout, without_config_file
from awsenv.config.sources import access_key, static_keys

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
    "login_command",
    "mfa_code",
    "mfa_session_key",
    "nothing",
    "outranks_endpoint",
    "read",
    "resolve",
    "resolve_login",
    "role_key",
    "roles",
    "source_key",
    "static_keys",
    "through_session",
    "timeout",
    "way_key",
    "without_config_file",
]

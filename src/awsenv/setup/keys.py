"""The access key of the user: whether it is here, and what to do about those that are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awsenv.config.text import quoted
from awsenv.errors import ConfigError
from awsenv.setup.local import check_source
from awsenv.setup.plan import CreateKey, DeleteKey, KeyPlace, Step

if TYPE_CHECKING:
    from awsenv.config import Profile
    from awsenv.setup.local import Local
    from awsenv.setup.plan import Wanted
    from awsenv.setup.state import Key, User

_MOST = 2
"""Access keys that AWS lets a user have."""


def steps(wanted: Wanted, user: User | None, local: Local) -> tuple[list[Step], list[str]]:
    """Return the steps to an access key whose secret is kept here, and what to say of keys that stay.

    A key that was never used and is in no profile, while no profile begins with the source either, is most likely of a
    run that was killed before it could keep the secret: it is deleted. Any other may be another machine's, and stays.

    Raises:
        ConfigError: The source profile holds something else than an active key of the user, or the user has two keys
            that are used elsewhere: AWS allows no third.
    """
    there = user.keys if user is not None else ()
    if local.source is not None:
        check_source(local.source)
    if _is_kept(wanted, there, local):
        return [], []
    lost = [key for key in there if not (key.used or key.key_id in local.key_ids or local.source_is_named)]
    stay = [key for key in there if key not in lost]
    if len(stay) >= _MOST:
        raise ConfigError(
            f"the user {quoted(wanted.user)} has two access keys, and neither is here; AWS allows no more",
            hint=f"copy one of them to [{wanted.source_profile}] of {local.credentials_name}, or delete one: "
            f"aws iam list-access-keys --user-name {wanted.user} shows them",
        )
    arn = user.arn if user is not None else wanted.user_arn
    return [
        *(
            Step(
                f"delete {_named(key)}: it was never used, and is not here; if it is kept elsewhere, say no",
                DeleteKey(wanted.user, key.key_id),
            )
            for key in lost
        ),
        Step(
            f"create an access key of the user {wanted.user}, and {_kept(wanted, local)}", CreateKey(wanted.user, arn)
        ),
    ], [_stays(key, local) for key in stay]


def _stays(key: Key, local: Local) -> str:
    where = "another profile has it" if key.key_id in local.key_ids else "it may be in use elsewhere"
    return f"{_named(key)} stays: {where}"


def _is_kept(wanted: Wanted, there: tuple[Key, ...], local: Local) -> bool:
    """Tell whether a key of the user is kept where the source profile finds it, or a person does."""
    active = any(key.active for key in there)
    source = local.source
    if source is not None and source.value("aws_access_key_id") is not None:
        _check_own(wanted, source, there)
        return True
    if source is not None and source.value("credential_process") is not None:
        if not active:
            raise ConfigError(
                f"the profile {quoted(source.name)} gets its access key from a command, "
                f"but the user {quoted(wanted.user)} has no active one",
                source.settings["credential_process"].origin,
                hint="remove the line, and run awsenv setup again: it makes a key",
            )
        return True
    # The profiles are written last: they tell that the key was printed, and not lost.
    return wanted.key_place is KeyPlace.PRINTED and local.source_is_named and active


def _check_own(wanted: Wanted, source: Profile, there: tuple[Key, ...]) -> None:
    setting = source.settings["aws_access_key_id"]
    key = next((key for key in there if key.key_id == setting.value), None)
    if key is None:
        raise ConfigError(
            f"the access key …{setting.value[-4:]} of the profile {quoted(source.name)} "
            f"is not one of the user {quoted(wanted.user)}",
            setting.origin,
            hint="name another user with --user: its profile has the same name; or remove the key from the profile",
        )
    if not key.active:
        raise ConfigError(
            f"the access key …{key.key_id[-4:]} of the user {quoted(wanted.user)} is deactivated",
            setting.origin,
            hint=f"activate it: aws iam update-access-key --status Active --user-name {wanted.user} "
            f"--access-key-id {key.key_id}",
        )


def _named(key: Key) -> str:
    return f"the access key …{key.key_id[-4:]} of {key.created:%Y-%m-%d}"


def _kept(wanted: Wanted, local: Local) -> str:
    return {
        KeyPlace.FILE: f"keep it under [{wanted.source_profile}] in {local.credentials_name}",
        KeyPlace.KEYRING: f"keep it in the system keyring, where the profile {wanted.source_profile} finds it",
        KeyPlace.PRINTED: "print it once: it is kept nowhere",
    }[wanted.key_place]

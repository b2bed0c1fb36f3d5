"""The hops of a chain: each value with its origin, each limit checked; and which hop uses an MFA device, and which.

Only the first hop can: the credentials of AssumeRole carry no MFA (IAM guide, "Configuring MFA-protected API access"),
and AWS accepts a code once. botocore prompts again for each `mfa_serial` of a chain, and the second call fails.
"""

from __future__ import annotations

from awsenv.config import limits, sources
from awsenv.config.ini import Setting
from awsenv.duration import exact
from awsenv.errors import ConfigError, Origin
from awsenv.model import MAX_CHAINED_DURATION, Assistant, AssumeRole, GetSessionToken, Mfa, Note
from awsenv.record import dataclass, replace
from awsenv.variables import ASSISTANT, USER, having
from awsenv.wording import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any

    from awsenv.config.links import Link, Links
    from awsenv.config.profiles import Profile
    from awsenv.model import Chain, Environ, Hop, RoleRequest

_ONLY_FIRST = (
    "only the first role of a chain can be assumed with an MFA code; a later role never meets a condition on MFA"
)
_PASSWORDS, _DEFAULT = "the password database", "the default of awsenv"
"""Origins of a role session name that is not configured."""
PROGRAMS: Mapping[str, str] = {
    "aider": "aider",
    "amp": "amp",
    "claude": "claude-code",
    "codex": "codex",
    "crush": "crush",
    "cursor-agent": "cursor",
    "gemini": "gemini-cli",
    "opencode": "opencode",
    "qwen": "qwen-code",
}
"""The assistants by their programs. Other names are ambiguous: `goose` also migrates databases, `copilot` deploys."""
_ROLES_HAVE_NONE = "the source credentials are those of a role, which has no MFA device"


def assume_role(
    link: Link, request: RoleRequest | None, *, chained: bool, default_name: tuple[str, Origin], partition: str
) -> AssumeRole:
    """Return the hop for *link*, without MFA.

    Args:
        link: The role.
        request: The request, if this is its role; it outranks the profile.
        chained: Whether the role is assumed with temporary credentials.
        default_name: The role session name if none is configured.
        partition: The partition of the region.

    Raises:
        ConfigError: AWS would refuse one of the values.
    """
    profile = link.profile
    if profile is None:
        role = limits.role(link.role.value, partition, link.role.origin)
    else:
        role = limits.role_arn(link.role.value, link.role.origin)
    name, name_origin = default_name
    values: dict[str, Any] = {"session_name": name}
    origins = {"role": link.role.origin, "session_name": name_origin}
    for field, rule in _RULES.items():
        given = _given(field, request, profile)
        if given is not None:
            value, origins[field] = given
            values[field] = rule.check(value, origins[field])
    limits.transitive_of(values.get("transitive_tags", ()), values.get("tags", ()), origins.get("transitive_tags"))
    hop = AssumeRole(role, profile=None if profile is None else profile.name, origins=origins, **values)
    if not chained:
        return hop
    if hop.seconds > MAX_CHAINED_DURATION and _was_typed(hop):
        raise ConfigError(
            f"{exact(hop.seconds)} is too long",
            origins["duration"],
            because=f"with temporary credentials, AWS grants a role for at most {exact(MAX_CHAINED_DURATION)} "
            "(role chaining)",
            hint=(f"ask for {exact(MAX_CHAINED_DURATION)} or less", "start from the access key of a user"),
        )
    return _within_an_hour(hop, "with temporary credentials (role chaining)")


def _given(field: str, request: RoleRequest | None, profile: Profile | None) -> tuple[Any, Origin] | None:
    """Return the value of a field of a hop, and its origin. The request outranks the profile; None: neither sets it."""
    value = None if request is None else getattr(request, field)
    if request is not None and value not in {None, ()}:
        return value, request.origin(field)
    rule, settings = _RULES[field], {} if profile is None else profile.settings
    setting = settings.get(rule.key)
    return None if setting is None else (rule.parse(setting.value, setting.origin), setting.origin)


def _within_an_hour(hop: AssumeRole, how: str) -> AssumeRole:
    """Return *hop* with its duration cut to the longest of a role that is assumed *how*, and a note if it is cut."""
    if hop.seconds <= MAX_CHAINED_DURATION:
        return hop
    fact = f"{exact(hop.seconds)} cut to {exact(MAX_CHAINED_DURATION)}, the most that AWS grants a role {how}"
    notes = (*hop.notes, Note(fact, hop.origins["duration"]))
    return replace(hop, duration=MAX_CHAINED_DURATION, notes=notes)


def _was_typed(hop: Hop) -> bool:
    """Return whether an option or a variable set the duration. Only an origin in a file has a line.

    `--for` does not count: it only says how long the role lives at most, so a shorter life is right, too.
    """
    origin = hop.origins.get("duration")
    return origin is not None and not origin.line and origin.name not in {"--for", "AWSENV_FOR"}


def _keys(text: str, _: Origin) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",")) if text else ()


def _tags(text: str, origin: Origin) -> tuple[tuple[str, str], ...]:
    """Parse the `k1=v1,k2=v2` of aws-vault."""
    pairs = [part.partition("=") for part in text.split(",")] if text else []
    for key, divider, _ in pairs:
        if not divider:
            raise ConfigError(
                f"{quoted(key.strip())} is not a session tag",
                origin,
                hint="write session_tags = key1=value1,key2=value2",
            )
    return tuple((key.strip(), value.strip()) for key, _, value in pairs)


def _as_is(text: str, _: Origin) -> str:
    return text


def _duration(seconds: int, origin: Origin) -> int:
    return limits.in_range(seconds, limits.MAX_ROLE_DURATION, origin)


@dataclass(frozen=True, slots=True)
class _Rule:
    """How a value gets into a hop."""

    key: str
    """The key of a profile; empty: no profile sets it."""
    check: Callable[[Any, Origin], Any]
    parse: Callable[[str, Origin], Any] = _as_is
    """Parses the text of a profile."""


_RULES: Mapping[str, _Rule] = {
    "session_name": _Rule("role_session_name", limits.session_name),
    "external_id": _Rule("external_id", limits.external_id),
    "duration": _Rule("duration_seconds", _duration, limits.duration),
    "source_identity": _Rule("source_identity", limits.source_identity),
    "tags": _Rule("session_tags", limits.tags, _tags),
    "transitive_tags": _Rule("transitive_session_tags", limits.transitive_tags, _keys),
    "policy": _Rule("", limits.policy),
    "policy_arns": _Rule("", limits.policy_arns),
}
"""By the field of a request and of a hop."""

FIELDS = tuple(_RULES)
"""The fields of a request that apply to a role."""


def default_session_name(environ: Environ, user: str | None) -> tuple[str, Origin]:
    """Return the role session name if none is configured, and its origin.

    It is `AWS_ROLE_SESSION_NAME`, else the name of the user made legal, else `awsenv`. The environment names the user;
    if it does not, as under cron and in containers, *user* does.

    Raises:
        ConfigError: AWS would refuse the value of `AWS_ROLE_SESSION_NAME`, which is never altered.
    """
    given = environ.get("AWS_ROLE_SESSION_NAME")
    if given:
        origin = Origin("AWS_ROLE_SESSION_NAME")
        return limits.session_name(given, origin), origin
    names = [(environ.get(variable), variable) for variable in having(USER)] + [(user, _PASSWORDS)]
    for text, origin_name in names:
        name = limits.legal_session_name(text or "")
        if name is not None:
            return name, Origin(origin_name)
    return "awsenv", Origin(_DEFAULT)


def assistant(environ: Environ, program: str | None) -> Assistant | None:
    """Return the coding agent that asks for a role, as *environ* says, or that is the program which gets it."""
    name = None if program is None else PROGRAMS.get(program.rpartition("/")[2])
    if name is None and environ.keys().isdisjoint(having(ASSISTANT)):
        return None
    from awsenv.config.assistants import detect  # noqa: PLC0415 - most commands are those of people

    return detect(environ) or (None if name is None else Assistant(name, str(program)))


def named(chain: Chain) -> Chain:
    """Return *chain* with the name of the assistant in each role session name that awsenv has chosen itself.

    What the user has set stays. `wide` keeps the name of the user, whose role an agent holds, and narrows.
    """
    asking = chain.assistant
    return chain if asking is None else replace(chain, hops=tuple(_named(hop, asking) for hop in chain.hops))


def _named(hop: Hop, asking: Assistant) -> Hop:
    origin = hop.origins.get("session_name")
    if not isinstance(hop, AssumeRole) or origin is None or origin.line:
        return hop
    if origin.name not in {*having(USER), _PASSWORDS, _DEFAULT}:
        return hop
    after = f"+{asking.name}"
    name = f"{hop.session_name[: limits.LONGEST_NAME - len(after)]}{after}"
    return replace(hop, session_name=name, origins={**hop.origins, "session_name": Origin(f"{origin}, {asking.sign}")})


def device_of(links: Links, request: RoleRequest) -> Mfa:
    """Return the device of a chain, not checked yet: the one rule, for a role, a login and a list of roles.

    It is the requested one, else that of the first role's profile, else that of the source profile (where users of
    aws-vault keep it), else that of a later role if the source may be the access key of a user. An empty `mfa_serial`
    means that the role needs no device.
    """
    nearest = (*(link.profile for link in links.roles[:1]), links.source_profile)
    owners = tuple(profile for profile in nearest if profile is not None)
    if request.mfa_serial is not None:
        return device(Setting(request.mfa_serial, request.origin("mfa_serial")), owners)
    own = next((each.settings["mfa_serial"] for each in owners if "mfa_serial" in each.settings), None)
    if own is None and sources.may_be_long_term(links.source):
        for link in links.roles[1:]:
            if link.profile is not None and link.profile.value("mfa_serial"):
                return device(link.mfa_serial, (link.profile, *owners))
    return device(own, owners)


def device(serial: Setting | None, owners: Iterable[Profile]) -> Mfa:
    """Return a device, with the command that the first of *owners* sets for its codes. Nothing is checked."""
    process = next((each.settings["mfa_process"] for each in owners if each.value("mfa_process")), None)
    settings = {"mfa_serial": serial, "mfa_process": process}
    return Mfa(
        "" if serial is None else serial.value,
        None if process is None else process.value,
        {name: setting.origin for name, setting in settings.items() if setting is not None and setting.value},
    )


def with_mfa(hops: tuple[AssumeRole, ...], links: Links, request: RoleRequest) -> tuple[AssumeRole, ...]:
    """Return *hops* with the MFA device on the first, and a note for each configured device that is not used.

    Raises:
        ConfigError: The device shows no codes.
    """
    device, unused, used = device_of(links, request), [], None
    if sources.KINDS[links.source.kind].is_of_a_role:
        unused += [("device", device.origins["mfa_serial"])] if device.serial else []
        unused += [("code", request.origin("code"))] if request.code else []
    else:
        used = _checked(device, request)
    notes = tuple(Note(f"the MFA {what} is not used; {_ROLES_HAVE_NONE}", origin) for what, origin in unused)
    first = replace(hops[0], mfa=used, notes=(*hops[0].notes, *notes))
    later = zip(hops[1:], links.roles[1:], strict=True)
    return (first, *(replace(hop, notes=(*hop.notes, *_of_later(link, used))) for hop, link in later))


def _of_later(link: Link, used: Mfa | None) -> Iterator[Note]:
    """Yield a note on the device of a later role, which may require MFA."""
    own = link.mfa_serial
    if own is None or not own.value:
        return
    how = "not used"
    if used is not None and own.value == used.serial:
        how = f"used for the first role {'instead' if own.origin == used.origins['mfa_serial'] else 'only'}"
    yield Note(f"the MFA device is {how}; {_ONLY_FIRST}", own.origin)


def session_hops(device: Mfa, source: Profile | None, request: RoleRequest) -> tuple[GetSessionToken, ...]:
    """Return the hop that opens the MFA session of a user; none without a device and a code.

    Args:
        device: The device, as `device_of` returns it.
        source: The profile that holds the access key; None: the environment holds it.
        request: The request.

    Raises:
        ConfigError: AWS does not grant that duration, or the device shows no codes.
    """
    mfa = _checked(device, request)
    if mfa is None:
        return ()
    given = _given("duration", request, source)
    if given is None:
        return (GetSessionToken(mfa),)
    duration, origin = given
    limits.in_range(duration, limits.MAX_SESSION_DURATION, origin)
    return (GetSessionToken(mfa, duration, origins={"duration": origin}),)


def _checked(device: Mfa, request: RoleRequest) -> Mfa | None:
    """Return the device; None: the request has neither a device nor a code.

    Raises:
        ConfigError: The device shows no codes, or `mfa_process` is not one printable line.
    """
    if device.serial:
        limits.mfa_serial(device.serial, device.origins["mfa_serial"])
    elif request.code is None:
        return None
    if device.process is not None and not device.process.isprintable():
        fact, hint = "mfa_process holds a line break or a control character", "write the whole command on one line"
        raise limits.refused(fact, device.process, device.origins["mfa_process"], hint)
    return device


def through_session(chain: Chain) -> Chain | None:
    """Return the same chain through an MFA session, which needs no code while the session lasts.

    The duration of a profile is cut to an hour, with a note. A role without a configured device uses any session of its
    source that is held, because the role may still require MFA.

    Args:
        chain: A result of `resolve`.

    Returns:
        The chain; None if no session serves it: there is no hop; the device of its code is not known; or it is to live
        longer than AWS grants with a session, without a code or because an option or a variable says so.
    """
    first = chain.hops[0] if chain.hops else None
    if first is None or (first.mfa is not None and not first.mfa.serial):
        return None
    if isinstance(first, GetSessionToken):
        return None if _was_typed(first) else chain
    if first.seconds > MAX_CHAINED_DURATION and (first.mfa is None or _was_typed(first)):
        return None
    role = _within_an_hour(replace(first, mfa=None), "through an MFA session; awsenv renews it")
    return replace(chain, hops=(GetSessionToken(first.mfa or Mfa()), role, *chain.hops[1:]))

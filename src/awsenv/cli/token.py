"""`awsenv token eks CLUSTER ROLE`, `awsenv token rds HOST:PORT USER ROLE`: print a token that is signed with a role."""

from __future__ import annotations

import json
import shlex
from datetime import datetime, timezone
from urllib.parse import urlsplit

from awsenv.aws import presigned
from awsenv.aws.chain import session_of
from awsenv.aws.settings import client_settings
from awsenv.cli.action import Print
from awsenv.cli.commands import PREVIOUS, usage
from awsenv.cli.options import Caller, resolve
from awsenv.cli.typos import typed_again
from awsenv.cli.use import check_that_it_is_read
from awsenv.config.limits import matches
from awsenv.config.partitions import partition as partition_of
from awsenv.errors import Origin, UsageError
from awsenv.model import Note
from awsenv.record import replace
from awsenv.variables import KUBERNETES
from awsenv.wording import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from awsenv.aws.settings import ClientSettings
    from awsenv.cli.arguments import TokenArguments
    from awsenv.model import Chain, Environ
    from awsenv.resolved import Resolved

_QUESTION = "Sign a token with it?"

_CUSHION = 60
"""Seconds before the end of a token at which kubectl asks for the next one, as with the AWS CLI."""

_API = "client.authentication.k8s.io/"
_VERSIONS = {f"{_API}v1", f"{_API}v1beta1"}
_DEPRECATED = f"{_API}v1alpha1"
_DEFAULT = f"{_API}v1beta1"
"""What every client reads that says nothing."""

_CLUSTER = r"[0-9A-Za-z][0-9A-Za-z_-]{0,99}"
"""EKS API, `CreateCluster`; for a local cluster on an Outpost, its id."""

_HOST = r"[0-9A-Za-z_]([0-9A-Za-z_.-]{0,253}[0-9A-Za-z])?"
_LAST_PORT = 65_535


def run(caller: Caller, arguments: TokenArguments) -> Print:
    """Return the token of a service, signed with a role.

    Raises:
        AwsenvError: Of every kind but `LaunchError`.
    """
    return (_eks if arguments.service == "eks" else _rds)(caller, arguments)


def _eks(caller: Caller, arguments: TokenArguments) -> Print:
    """Return the `ExecCredential` that kubectl reads from an exec plugin."""
    cluster = arguments.cluster or ""
    if not matches(_CLUSTER, cluster):
        name = cluster.rpartition(":cluster/")[2]
        shows = f"{_with(arguments.role)} aws eks list-clusters shows the names"
        hint = f"the name alone: {name}" if cluster.startswith("arn:") else shows
        raise UsageError(f"{quoted(cluster)} is not the name of a cluster", hint=hint)
    resolved = _resolved(caller, arguments, "in the kubeconfig, as an exec plugin: {}")
    session = session_of(resolved.chain, resolved.profiles, resolved.environ)
    client = client_settings(session)
    version, notes = _version(caller.environ)
    signer = caller.provider.lease(resolved).credentials
    now = caller.now()
    ends = int(now) + presigned.ACCEPTED - _CUSHION
    if signer.expiration is not None:
        # A token ends with its keys, which the AWS CLI leaves out.
        ends = min(ends, int(signer.expiration.timestamp()))
    token = presigned.eks(client, signer, cluster, now)
    answer = {
        "kind": "ExecCredential",
        "apiVersion": version,
        "spec": {},
        "status": {
            "expirationTimestamp": f"{datetime.fromtimestamp(ends, timezone.utc):%Y-%m-%dT%H:%M:%SZ}",
            "token": token,
        },
    }
    return Print(json.dumps(answer, indent=2) + "\n", (*notes, *_doubts(client, token)))


def _doubts(client: ClientSettings, token: str) -> Iterator[Note]:
    """Yield why a cluster may refuse a token: it answers only that the user is not authorized."""
    host = urlsplit(client.url).hostname or ""
    # The local AWS has no certificate.
    if client.configured is not None and client.url.startswith("https:") and not host.startswith(("sts.", "sts-fips.")):
        fact = f"a cluster accepts a token for AWS's own endpoints of STS only, and {host} is another one"
        yield Note(fact, client.configured, ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true leaves it out",))
    if len(token) > presigned.LONGEST:
        fact = f"the token has {len(token)} characters, and a cluster may refuse more than {presigned.LONGEST}"
        because = "it contains the session token of the role, which is long"
        yield Note(fact, hints=("fewer session tags, or a shorter session policy",), because=because)


def _version(environ: Environ) -> tuple[str, tuple[Note, ...]]:
    """Return the version of `ExecCredential` that the client asks for, by the rules of `aws eks get-token`."""
    text = environ.get(KUBERNETES)
    if not text:
        return _DEFAULT, ()
    try:
        info = json.loads(text)
    except ValueError:
        info = None
    asked = info.get("apiVersion") if isinstance(info, dict) else None
    if asked in _VERSIONS:
        return asked, ()
    if asked == _DEPRECATED:
        fact = f"kubectl 1.24 and later refuse {_DEPRECATED}"
        return asked, (Note(fact, Origin(KUBERNETES), (f"in the kubeconfig, apiVersion: {_DEFAULT}",)),)
    return _DEFAULT, (Note(f"there is no apiVersion that awsenv knows: the token has {_DEFAULT}", Origin(KUBERNETES)),)


def _rds(caller: Caller, arguments: TokenArguments) -> Print:
    """Return the password of a user of a database."""
    address, user = arguments.address or "", arguments.user or ""
    host = _host(address, arguments.role)
    if not user:
        raise UsageError("the user of the database is empty", hint=usage("token", ("rds",)))
    resolved = _resolved(caller, arguments, 'TOKEN="$({})" && PGPASSWORD="$TOKEN" psql')
    region = _region(resolved.chain, host)
    signer = caller.provider.lease(resolved).credentials
    notes = []
    if "rds" not in host.lower().split("."):
        # A tunnel or an alias has such a name, and the database refuses the token as a wrong password.
        fact = f"a database accepts a token for its endpoint only, and {host} is not the name of one"
        notes.append(Note(fact, hints=("sign for the endpoint, even if you connect to another address",)))
    return Print(presigned.rds(signer, address, user, region, caller.now()) + "\n", notes)


def _with(role: str) -> str:
    """Return the beginning of a command line with *role*: the user's own key may do nothing but assume roles."""
    return f"awsenv exec {shlex.quote(role)} --"


def _host(address: str, role: str) -> str:
    """Return the host of `HOST:PORT`.

    Raises:
        UsageError: It is something else.
    """
    host, _, port = address.rpartition(":")
    if matches(_HOST, host) and matches("[0-9]{1,5}", port) and 0 < int(port) <= _LAST_PORT:
        return host
    shows = f"{_with(role)} aws rds describe-db-instances shows the endpoints"
    if matches(_HOST, address):
        raise UsageError(f"{quoted(address)} has no port", hint=(f"such as {address}:5432", shows))
    example = "such as mydb.abcdefghijkl.eu-central-1.rds.amazonaws.com:5432"
    raise UsageError(f"{quoted(address)} is not HOST:PORT", hint=(example, shows))


def _region(chain: Chain, host: str) -> str:
    """Return the region of the database: a token for another is useless.

    Raises:
        UsageError: It is not known, or neither `--region` nor the role is that of the database.
    """
    option = Origin("--region")
    typed = chain.region if chain.origins.get("region") == option else None
    region = presigned.region_of(host)
    if region is None:
        if chain.region is None:
            raise UsageError(f"the region of {host} is not known", hint="name it: --region REGION")
        return chain.region
    fact = f"the database {host} is in {region}"
    if typed not in {None, region}:
        raise UsageError(f"{fact}, and accepts no token for {typed}", option, hint="leave --region out")
    if (partition := partition_of(region, option)) != chain.partition:
        fact = f"{fact}, and accepts no token of {chain.role}"
        because = f"the role is in partition {chain.partition}, and the database in {partition}"
        raise UsageError(fact, because=because, hint="awsenv list --wide shows the ARNs of the roles")
    return region


def _resolved(caller: Caller, arguments: TokenArguments, hint: str) -> Resolved:
    """Return the role request, if a program reads the token. *hint* shows how one does, with the command line in it."""

    def check() -> None:
        if not arguments.anywhere:
            # They may look like a code.
            words = {word: [word] for word in (arguments.cluster, arguments.user) if word is not None}
            shown = hint.format(typed_again(caller.args, {PREVIOUS: [arguments.role], **words}))
            check_that_it_is_read(caller, shown, what="token", instead=shown)

    resolved = resolve(caller, arguments.role, arguments.code, arguments, check)
    return replace(resolved, question=_QUESTION)

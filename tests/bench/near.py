"""The rows of a local AWS without a network: what the programs themselves take."""

from __future__ import annotations

import json
import os
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from table import Row, Target, bare
from world import EXTERNAL_ID, run

from awsenv import shells

if TYPE_CHECKING:
    from world import Environ, World

BARE = """\
import sys
import boto3
arguments = dict(zip(("RoleArn", "SerialNumber", "ExternalId", "TokenCode"), sys.argv[1:]))
if "SerialNumber" in arguments:
    arguments.setdefault("TokenCode", None)
    arguments["TokenCode"] = arguments["TokenCode"] or input("MFA code: ")
keys = boto3.client("sts").assume_role(RoleSessionName="bare", **arguments)["Credentials"]
print("export AWS_ACCESS_KEY_ID=" + keys["AccessKeyId"])
print("export AWS_SECRET_ACCESS_KEY=" + keys["SecretAccessKey"])
print("export AWS_SESSION_TOKEN=" + keys["SessionToken"])
"""
"""What a user would write instead of awsenv. Without a code on the command line it asks for one."""
BOTO3 = "bare boto3"
BARE_SHELLS = {"bash": ["--norc", "--noprofile"], "zsh": ["-f"], "fish": ["--no-config"]}
"""The options that keep a shell from reading files: the bench measures these shells."""
WITH_AGENT, WITHOUT_AGENT = Target(3), Target(5)
"""Commands that print without calling AWS."""

_names = count()


def new_role(*words: str) -> list[str]:
    """Add a new role session name, so that the role is not held."""
    return [*words, "--session-name", f"bench{next(_names)}"]


def others(world: World) -> list[Row]:
    """Return the rows of the other programs, for a role without MFA."""
    path, environ = world.programs.path, world.environ
    aws = [path("aws", "aws"), "sts", "assume-role", "--role-session-name", "aws", "--role-arn", world.read_only]
    ratio = (Target(base=BOTO3),)
    return [
        Row("aws sts assume-role", aws, environ, "ASIA", ratio, world),
        Row("awsume", [path("awsume", "awsumepy"), "read-only"], environ, "ASIA", ratio, world),
    ]


def role_rows(world: World) -> list[Row]:
    """Return the rows of a role without MFA."""
    environ, target = world.environ, (Target(0.35, BOTO3),)
    boto3 = [world.python, "-c", BARE, world.read_only]
    return [
        bare(world),
        Row(BOTO3, boto3, environ, "ASIA"),
        Row("awsenv ROLE", [world.awsenv, "read-only", "--shell", "sh"], environ, "ASIA", target),
        Row("awsenv exec ROLE -- env", [world.awsenv, "exec", "read-only", "--", "env"], environ, "ASIA", target),
        *others(world),
    ]


def code_rows(world: World) -> list[Row]:
    """Return the rows of a role with an MFA code and an external id."""
    path, environ, code = world.programs.path, world.environ, world.new_code
    boto3 = [world.python, "-c", BARE, world.power_user, world.serial, EXTERNAL_ID]
    aws = [path("aws", "aws"), "sts", "assume-role", "--role-session-name", "aws", "--role-arn", world.power_user]
    aws += ["--serial-number", world.serial, "--external-id", EXTERNAL_ID, "--token-code"]
    # Without --refresh, its cache would be measured.
    awsume = [path("awsume", "awsumepy"), "power-user", "--refresh", "--mfa-token"]
    with_code = [world.awsenv, "power-user", "--shell", "sh"]
    return [
        bare(world),
        Row(BOTO3, lambda: [*boto3, code()], environ, "ASIA"),
        Row("awsenv ROLE CODE", lambda: [*with_code, code()], environ, "ASIA", (Target(0.35, BOTO3),)),
        Row("aws sts assume-role", lambda: [*aws, code()], environ, "ASIA", (Target(base=BOTO3),)),
        Row("awsume", lambda: [*awsume, code()], environ, "ASIA", (Target(base=BOTO3),)),
    ]


def printing_rows(world: World) -> list[Row]:
    """Return the rows of commands that do not call AWS."""
    awsenv, environ = world.awsenv, world.environ
    printed = run([awsenv, "read-only", "--shell", "json"], environ)
    active = environ | {name: value for name, value in json.loads(printed).items() if value is not None}
    return [
        bare(world),
        *(
            Row(f"awsenv init {shell.name}", [awsenv, "init", shell.name], environ, awsenv, (Target(2),))
            for shell in shells.hooked()
        ),
        Row("awsenv off", [awsenv, "off", "--shell", "sh"], active, "unset", (Target(),)),
        *_shown(world, environ, active, WITHOUT_AGENT, "no agent"),
    ]


def _shown(world: World, environ: Environ, active: Environ, target: Target, name: str) -> list[Row]:
    words = {"list": "power-user", "status": "", "--help": "ROLE", "--version": "awsenv"}
    return [
        Row(f"awsenv {word}, {name}", [world.awsenv, word], active if word == "status" else environ, proof, (target,))
        for word, proof in words.items()
    ]


def start_rows(world: World) -> list[Row]:
    """Return the rows of shells that start."""
    environ = world.environ | {"PATH": f"{Path(world.awsenv).parent}:{os.defpath}"}
    rows = [bare(world)]
    for name, options in BARE_SHELLS.items():
        start = [name, *options, "-i", "-c"]
        shell = shells.find(name)
        rows.append(Row(name, [*start, "echo"], environ))
        for what, line in (("file", shell.load_from(world.awsenv, environ)), ("evaluated", shell.load)):
            script = [*start, f"{line}\necho $_AWSENV_BIN"]
            rows.append(Row(f"{name}, hook {what}", script, environ, world.awsenv, (Target(base=name),)))
    return rows


def token_rows(world: World, environ: Environ) -> list[Row]:
    """Return the rows of tokens: of a role that the agent holds and, for the AWS CLI, of the user's own key."""
    awsenv, aws = world.awsenv, world.programs.path("aws", "aws")
    host, target = "db.abcdefghijkl.eu-central-1.rds.amazonaws.com", (Target(1.6),)
    eks, rds = [aws, "eks", "get-token", "--cluster-name", "blue"], [aws, "rds", "generate-db-auth-token"]
    rds += ["--hostname", host, "--port", "5432", "--username", "bob"]
    of_rds = [awsenv, "token", "rds", f"{host}:5432", "bob", "power-user"]
    return [
        Row("awsenv token eks", [awsenv, "token", "eks", "blue", "power-user"], environ, "ExecCredential", target),
        Row("awsenv token rds", of_rds, environ, "X-Amz-Signature", target),
        Row("aws eks get-token", eks, environ, "ExecCredential", (Target(),)),
        Row("aws rds generate-db-auth-token", rds, environ, "X-Amz-Signature", (Target(),)),
    ]


def held_rows(world: World) -> list[Row]:
    """Return the rows of roles that the agent holds, and those of elhaz, which also has a daemon."""
    environ, awsenv, elhaz = world.with_agent(), world.awsenv, world.programs.path("elhaz", "elhaz")
    run([awsenv, "login", world.new_code()], environ)
    run([awsenv, "exec", "power-user", "--", "true"], environ)
    config = Path(environ["HOME"], ".elhaz", "configs", "read-only.yaml")
    config.parent.mkdir(parents=True)
    config.write_text(f"AssumeRole:\n  RoleArn: {world.read_only}\n  RoleSessionName: elhaz\n")
    run([elhaz, "daemon", "start"], environ)
    world.callbacks.append(lambda: run([elhaz, "daemon", "stop"], environ))
    run([elhaz, "daemon", "add", "-n", "read-only"], environ)
    first = [awsenv, "exec", "power-user", "--", "true"]
    return [
        bare(world),
        Row("awsenv exec ROLE -- true", first, environ, "", (Target(1.6),)),
        Row("awsenv exec --sealed ROLE -- true", [*first[:2], "--sealed", *first[2:]], environ, "", (Target(3),)),
        Row("awsenv ROLE", [awsenv, "power-user", "--shell", "sh"], environ, "ASIA", (Target(1.5),)),
        Row("awsenv credential-process", [awsenv, "credential-process", "power-user"], environ, "ASIA", (Target(1.5),)),
        Row(
            "first use of a role",
            lambda: [*new_role(awsenv, "exec", "power-user"), "--", "true"],
            environ,
            "",
            (Target(2.4),),
        ),
        *token_rows(world, environ),
        *_shown(world, environ, environ, WITH_AGENT, "agent"),
        Row("elhaz exec", [elhaz, "exec", "-n", "read-only", "--", "true"], environ, "", (Target(),)),
    ]

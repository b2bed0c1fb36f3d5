"""The words and options of every command.

There is a class for each command, whose docstring is the help below the summary. This module imports as little as
possible: it is used to read a command line and to print help before any command is loaded.
"""

from __future__ import annotations

from awsenv import shells
from awsenv.cli.declarations import Arguments, flag, option, word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_SHELLS = f"{', '.join(shells.names())}; by default the calling shell."
_ANYWHERE = flag("Print to a terminal, a file or a pipe, secrets and all.", "--print")
_JSON = flag("Print JSON.", "--json")


class ProgramArguments(Arguments):
    """Assume AWS roles in your shell.

    `awsenv ROLE [CODE]` is short for `awsenv use ROLE [CODE]`. ROLE is a profile in ~/.aws/config, a role ARN,
    ACCOUNT/ROLE, or the name of a role in your own account; `-` is the previous role. CODE is the six digits of your
    MFA device. Without ROLE, `use`, `exec`, `console` and `explain` let you pick one from a list.

    A name that is close to a command or a profile is refused as a typo. `awsenv use ROLE` treats it as a role.
    """

    version: bool = flag("Print the version.", "--version")


class HelpOption(Arguments):
    """The option of every command. Typer adds it without being told."""

    help: bool = flag("Show this message and exit.", "-h", "--help")


class QuietOption(Arguments):
    """The option of the commands that report success."""

    quiet: bool = flag("Print only results and errors.", "-q", "--quiet")


class YesOption(Arguments):
    """The option of the commands that hand out a role."""

    yes: bool = flag("Confirm a protected role without being asked.", "-y", "--yes")


class ShellOptions(Arguments):
    """The options of the commands whose output a shell evaluates."""

    shell: str | None = option("SHELL", _SHELLS)
    anywhere: bool = _ANYWHERE


class RoleOptions(Arguments):
    """The options about a role, as typed; None: left out."""

    is_last = True
    profile: str | None = option("PROFILE", "Source profile, instead of the role's own.")
    external_id: str | None = option("ID", "External id, or - to type it without echo.")
    mfa_serial: str | None = option("ARN", "MFA device of the source user.")
    duration: str | None = option("TIME", "15m to 12h, or seconds; by default 1h.")
    region: str | None = option("REGION", "Region, instead of the role's own.")
    session_name: str | None = option("NAME", "Role session name, as CloudTrail shows it.")
    source_identity: str | None = option("NAME", "Source identity, which a chain passes on.")
    tag: list[str] | None = option("KEY=VALUE", "Session tag; may be repeated.", is_list=True)
    transitive_tag: list[str] | None = option(
        "KEY", "Session tag that a chain passes on; may be repeated.", is_list=True
    )
    policy: str | None = option("JSON", "Session policy, or file://PATH, to narrow the role.")
    policy_arn: list[str] | None = option("ARN", "Managed policy to narrow the role; may be repeated.", is_list=True)
    read_only: bool = flag("Narrow the role to what only reads.", "--read-only")
    only: list[str] | None = option("ACTION,...", "Narrow the role to these actions, such as 's3:Get*'.", is_list=True)
    on: list[str] | None = option("ARN,...", "Narrow the role to these resources.", is_list=True)
    for_: str | None = option("TIME", "End the credentials after this time, and do not renew them.", "--for")
    because: str | None = option("TEXT", "What the narrowed role is for, as CloudTrail may show it.")
    min_remaining: str | None = option("TIME", "Renew what the agent holds if less time is left.")


class UseArguments(ShellOptions, QuietOption, YesOption, RoleOptions):
    """Without the hook of `awsenv init`, use eval "$(awsenv ROLE [CODE])".

    If the role needs a CODE and there is none, awsenv asks on the terminal.
    """

    role: str = word(is_required=True)
    code: str | None = word()


class ExecArguments(QuietOption, YesOption, RoleOptions):
    """COMMAND replaces awsenv, so its exit status and signals are its own.

    Without COMMAND, your shell starts with the role in its prompt.
    """

    role: str = word(is_required=True)
    code: str | None = word()
    command: Sequence[str] | None = word(is_list=True)
    refresh: bool = flag("Serve renewed keys to COMMAND for as long as it runs.", "--refresh")
    sealed: bool = flag("Give COMMAND, and all that it starts, this role and no other.", "--sealed")
    strict: bool = flag("The same, or fail if this system cannot do all of it.", "--sealed=strict")


class EachArguments(QuietOption, YesOption, RoleOptions):
    """PATTERN is a profile or a glob such as 'prod-*', a role ARN, ACCOUNT/ROLE, @FILE or - (standard input).

    A FILE has one of these a line. One CODE serves all roles. In COMMAND, {profile}, {account}, {role} and {region} are
    replaced. The exit status is the highest of all; that of a role that cannot be assumed is 125.
    """

    patterns: Sequence[str] | None = word(is_list=True)
    command: Sequence[str] | None = word(is_list=True)
    account: list[str] | None = option("ID", "Only roles of this account; may be repeated.", is_list=True)
    exclude: list[str] | None = option("PATTERN", "Leave roles out; may be repeated.", "-x", "--exclude", is_list=True)
    regions: str | None = option("REGION,...", "Run once for each of these regions.")
    jobs: str | None = option("N", "Commands at a time; by default 8.", "-j", "--jobs")
    group: bool = flag("Print the output of each command together, when it ends.", "--group")
    as_json: bool = flag("Print a line of JSON for each command.", "--json")
    fail_fast: bool = flag("End all after the first failure.", "--fail-fast")
    dry_run: bool = flag("Show what would run, and assume no role.", "--dry-run")


class LoginArguments(Arguments):
    """An agent keeps the MFA session and the roles in memory. Without a CODE, awsenv asks on the terminal.

    A role with a --duration of more than an hour still needs a code of its own.
    """

    code: str | None = word()
    profile: str | None = option("SOURCE", "Source profile; by default AWS_PROFILE, else default.")
    mfa_serial: str | None = option("ARN", "MFA device of the source user.")
    duration: str | None = option("TIME", "15m to 36h; by default 12h.")
    idle: str | None = option("TIME", "End the agent after this time without a request; by default 4h.")
    confirm: bool = flag("Ask before a role is handed out, where awsenv approve runs.", "--confirm")


class ApproveArguments(Arguments):
    """Run it in the shell that ran `awsenv login`, and leave it there; Ctrl-C ends it.

    It asks before the agent hands out a role: each one after `awsenv login --confirm`, else those whose profile has
    awsenv_confirm. Where it does not run, and SSH_ASKPASS names no program that asks, the answer is no.
    """


class LogoutArguments(Arguments):
    """Roles in your shells stay active until they expire; awsenv off leaves them."""


class LockArguments(Arguments):
    """The agent keeps running. The next role asks for a code again."""


class RenewArguments(ShellOptions, QuietOption):
    """The agent assumes it again with the same options, without a code. The hook does this by itself."""


class OffArguments(ShellOptions):
    """Every variable returns to its value from before the first role."""


class StatusArguments(Arguments):
    """It shows no secret. Times are local.

    --verify shows who you are, not what you may do: AWS answers any valid key.
    """

    verify: bool = flag("Ask AWS whose keys these are.", "--verify")
    masked: bool = flag("Show the keys, masked as by `aws configure list`.", "--masked")
    as_json: bool = _JSON


class LogArguments(Arguments):
    """The agent keeps the log in memory, without secrets. Times are local.

    Programs, folders and terminals are what the system says about the process that asked, not what it says itself.
    """

    follow: bool = flag("Go on with new entries, until Ctrl-C.", "-f", "--follow")
    as_json: bool = flag("Print a line of JSON for each.", "--json")


class ListArguments(Arguments):
    """The active role has a star; MFA and PROTECTED (or !) mark what needs a code and a yes. Nothing is sent to AWS.

    PATTERN is a part of a profile, account or role name, in any case; it may contain *, ? and [...]. A profile that
    calls awsenv for one of these roles is left out.
    """

    pattern: str | None = word()
    wide: bool = flag("Show ARNs, source profiles, MFA devices and lines, and cut nothing.", "--wide")
    as_json: bool = _JSON


class ExplainArguments(QuietOption, RoleOptions):
    """It sends nothing to AWS, except to read the maximum session duration of a role with a --duration above 1h."""

    role: str = word(is_required=True)
    as_json: bool = _JSON


class DoctorArguments(QuietOption, RoleOptions):
    """It changes no file and never asks for a code.

    Without a CODE, it tries a role that needs one only if an agent holds the MFA session. The exit status is 1 if
    something is wrong.
    """

    role: str | None = word()
    code: str | None = word()
    iam_profile: str | None = option("PROFILE", "Profile that may read IAM, besides the source.")
    as_json: bool = _JSON


class ConsoleArguments(QuietOption, YesOption, RoleOptions):
    """Anyone who has the URL can sign in with it for fifteen minutes."""

    role: str = word(is_required=True)
    code: str | None = word()
    service: str | None = option("NAME", "Start page: s3, ec2.")
    session_duration: str | None = option("TIME", "How long the sign-in lasts: 15m to 12h.")
    opens: bool = flag("Open the URL in the browser.", "--open")
    anywhere: bool = flag("Print to a file or a pipe, secret and all.", "--print")


class SetupArguments(Arguments):
    """It creates only what is missing.

    A ROLE is power-user, read-only or NAME:ITEM[,ITEM...], where an ITEM is a managed policy, mfa or external-id.
    Without a ROLE, awsenv creates power-user and read-only.
    """

    roles: Sequence[str] | None = word(is_list=True)
    profile: str | None = option("ADMIN", "Profile that may administer IAM; else the AWS CLI's.")
    role_profile: str | None = option("ADMIN", "The same in another account, which gets the roles.")
    user: str | None = option("NAME", "The user that may assume the roles.")
    region: str | None = option("REGION", "Region of the profiles.")
    dry_run: bool = flag("Show the plan, and change nothing.", "--dry-run")
    template: str | None = option("FORMAT", "Print the plan as cloudformation or terraform.", "--format")
    keyring: bool = flag("Keep the access key in the system's keyring.", "--keyring")
    print_key: bool = flag("Print the access key, and keep no copy.", "--print-key")
    yes: bool = flag("Do not ask, unless a key is to be deleted.", "--yes")


class CredentialProcessArguments(QuietOption, YesOption, RoleOptions):
    """Add this line to a profile in ~/.aws/config whose name is not ROLE.

    credential_process = awsenv credential-process ROLE
    """

    role: str = word(is_required=True)
    code: str | None = word()
    anywhere: bool = _ANYWHERE


class ProfilesArguments(Arguments):
    """Each profile calls awsenv for its role, and is called PREFIX and the name of the role. It holds no secret.

    awsenv profiles --as x- >>~/.aws/config

    It prints only what the files lack, so you can run it again. A PATTERN chooses roles, as for `awsenv list`.
    """

    patterns: Sequence[str] | None = word(is_list=True)
    prefix: str | None = option("PREFIX", "What the names of the profiles begin with; required.", "--as")


class TokenArguments(QuietOption, YesOption, RoleOptions):
    """Each token is valid for fifteen minutes, or until ROLE ends. Nothing is sent to make one, except to assume ROLE.

    kubectl runs `awsenv token eks CLUSTER ROLE` as the exec plugin of a user in the kubeconfig, and reads its JSON.

    `awsenv token rds HOST:PORT USER ROLE` prints the password of USER. HOST is the endpoint of the database or its
    proxy, no other name. It names the region; for another host, that is --region, else the region of ROLE.
    """

    service: str = word(is_required=True)
    cluster: str | None = word(is_required=True, after="eks")
    address: str | None = word(is_required=True, after="rds")
    user: str | None = word(is_required=True, after="rds")
    role: str = word(is_required=True)
    code: str | None = word()
    anywhere: bool = _ANYWHERE


class InitArguments(Arguments):
    """Type awsenv init: it shows the line for the startup file of your shell.

    Where awsenv is on the PATH, these lines work too, more slowly:

    ~/.bashrc: eval "$(awsenv init bash)"

    ~/.zshrc: eval "$(awsenv init zsh)"

    ~/.config/fish/config.fish: awsenv init fish | source

    ~/.tcshrc: eval "`awsenv init tcsh`"

    ~/.config/elvish/rc.elv: eval (awsenv init elvish | slurp)

    ~/.config/xonsh/rc.xsh: exec($(awsenv init xonsh))

    ~/.config/nushell/config.nu: mkdir ($nu.data-dir)/vendor/autoload;
    awsenv init nu | save -f ($nu.data-dir)/vendor/autoload/awsenv.nu

    ~/.shinit: eval "$(awsenv init sh)"

    For dash and ash, ENV names that file. mksh reads ~/.mkshrc, ksh ~/.kshrc, yash ~/.yashrc.

    oh-my-posh, starship, tide or tmux in place of SHELL prints what shows the role there.
    """

    shell: str | None = word()
    line: bool = flag("Print the line for the startup file.", "--line")


class CompletionArguments(Arguments):
    """The hook of `awsenv init` brings it, so you need this only to package awsenv, or to use completion alone.

    nushell, elvish and xonsh complete by their hook alone.

    Profiles and regions come from a file in ~/.cache/awsenv, which Tab lets awsenv write again when ~/.aws has changed.
    """

    shell: str | None = word()
    refresh: bool = flag("Write that file now, and print it.", "--refresh")


class DemoArguments(Arguments):
    """The local AWS has a user, an MFA device and two roles. `mfa-code [DEVICE]` prints an MFA code there.

    Without a COMMAND, a subshell starts. Your own files stay untouched; the local AWS ends with the command.
    """

    command: Sequence[str] | None = word(is_list=True)


ARGUMENTS: dict[str, type[Arguments]] = {
    "": ProgramArguments,
    "use": UseArguments,
    "exec": ExecArguments,
    "each": EachArguments,
    "login": LoginArguments,
    "approve": ApproveArguments,
    "logout": LogoutArguments,
    "lock": LockArguments,
    "renew": RenewArguments,
    "off": OffArguments,
    "status": StatusArguments,
    "log": LogArguments,
    "list": ListArguments,
    "explain": ExplainArguments,
    "doctor": DoctorArguments,
    "console": ConsoleArguments,
    "setup": SetupArguments,
    "credential-process": CredentialProcessArguments,
    "profiles": ProfilesArguments,
    "token": TokenArguments,
    "init": InitArguments,
    "completion": CompletionArguments,
    "demo": DemoArguments,
}
"""The class of each command; the empty name stands for `awsenv` itself."""

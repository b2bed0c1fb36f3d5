# awsenv for xonsh 0.13 and later: `awsenv ROLE` acts on this shell, and the prompt shows the role and its time left.
# `awsenv init` prints the line for rc.xsh that loads this file, or what it contains.
# $AWSENV_DISABLE_PROMPT = 1 leaves the prompt alone; $NO_COLOR = 1 leaves it without colour.
# After `awsenv login` a role is renewed before it ends, at a prompt; $AWSENV_AUTO_REFRESH = 0 leaves that to you.


def _awsenv_hook(program, folder):
    """Define everything in a scope of its own: what the user calls `json` or `time` stays theirs."""
    import json
    import os
    import re
    import shutil
    import signal
    import subprocess
    import time

    from xonsh.built_ins import XSH, subproc_captured_hiddenobject
    from xonsh.completer import Completer
    from xonsh.completers.completer import add_one_completer
    from xonsh.completers.tools import RichCompletion, contextual_command_completer
    from xonsh.events import events
    from xonsh.parsers.completion_context import CompletionContext

    # Until the next load of the hook, which replaces it.
    state = {"tried": None}
    # `awsenv init` sets the path of the program, `awsenv exec` exports it, and an installed file finds it from its own path.
    prefix, is_installed, _ = os.path.expanduser(_awsenv_hook.__code__.co_filename).rpartition("/share/awsenv/")
    folder = folder or os.path.dirname(os.path.expanduser(_awsenv_hook.__code__.co_filename))
    program = program or (f"{prefix}/bin/awsenv" if is_installed else shutil.which("awsenv") or "awsenv")
    texts = {"approve", "completion", "console", "credential-process", "demo", "doctor", "each", "exec", "explain"}
    texts |= {"help", "init"}
    texts |= {"list", "lock", "log", "login", "logout", "profiles", "setup", "status", "token"}

    def value_of(name):
        """Return a variable as other programs see it; empty where it is not set."""
        value = XSH.env.get(name, "")
        return value if isinstance(value, str) else XSH.env.detype().get(name, "")

    def prints(words):
        """Return whether awsenv, called with these words, prints text to read rather than data."""
        if words[:1] and words[0] in texts:
            return True
        options = {word.partition("=")[0] for word in (words[:words.index("--")] if "--" in words else words)}
        return not options.isdisjoint(("-h", "--help", "--print", "--shell", "--version"))

    def isolated(words):
        """Return the command that calls the program without what makes Python load code from the current folder.

        An empty or a relative entry can; an entry of PYTHONPATH is of no use to the program in any case. The program
        restores these variables for the commands that it runs.
        """
        settings = []
        for name in ("PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE", "PYTHONPYCACHEPREFIX", "PYTHONEXECUTABLE"):
            value = value_of(name)
            if value and (name == "PYTHONPATH" or re.search(r":([^/]|$)", f":{value}")):
                settings += [f"_AWSENV_{name}={value}", f"{name}="]
        return [*(["/usr/bin/env", *settings] if settings else []), program, *words]

    def output(words, **options):
        """Run the program, and return what it prints and its status. Ctrl-Z would make xonsh wait for ever."""
        start = 'trap "" TSTP; exec "$0" "$@"'
        environ = {**XSH.env.detype(), "AWSENV_SHELL": "xonsh", "_AWSENV_PROMPT": shown()}
        done = subprocess.run(
            ["/bin/sh", "-c", start, *isolated(words)], env=environ, stdout=subprocess.PIPE, check=False, **options
        )
        return done.stdout, done.returncode

    def make(text):
        """Make all of a change or, where a variable has a type that refuses the value, none of it."""
        change = json.loads(text)
        before = {name: XSH.env[name] if name in XSH.env else None for name in change}
        try:
            assign(change)
        except Exception:
            assign(before)
            # The message of the type may contain a secret.
            raise ValueError("nothing was changed: a variable that must change has a type that refuses the value") from None

    def assign(variables):
        """Set variables, and unset those without a value."""
        for name, value in variables.items():
            if value is None:
                XSH.env.pop(name, None)
            else:
                XSH.env[name] = value

    def awsenv(words, stdin=None, stdout=None, stderr=None, spec=None):
        """Assume an AWS role in this shell."""
        # The command, a login above all, may have removed the reason why the role was not renewed.
        state["tried"] = None
        if prints(words):
            # The program cannot find out by itself that this hook is loaded, and what the prompt shows. A command of
            # exec inherits neither.
            hints = {"AWSENV_SHELL": "xonsh", "_AWSENV_PROMPT": shown()} if words[:1] in (["doctor"], ["init"]) else {}
            if stdout is not None and not stdout.isatty():
                environ = {**XSH.env.detype(), **hints}
                return subprocess.run(isolated(words), env=environ, stdout=stdout, stderr=stderr, check=False).returncode
            # As a job of xonsh, which Ctrl-Z can stop, and with the terminal, where xonsh would give it one of its own.
            with XSH.env.swap(hints, THREAD_SUBPROCS=False):
                return subproc_captured_hiddenobject(isolated(words)).returncode
        try:
            text, status = output(words)
        except KeyboardInterrupt:
            return 128 + signal.SIGINT
        if status == 0 and text.startswith(b"{"):
            make(text)
        elif status == 0:
            print(text.decode(), end="")
        return status

    def described():
        """Return the text of the role, its colour and the seconds left."""
        # A label has no other characters unless the user set it by hand: no escape sequence may reach the terminal.
        label = re.sub(r"[^A-Za-z0-9_.@+=,/-]", "", value_of("AWSENV_LABEL"))
        own = value_of("AWSENV_COLOR")
        # The colour of the profile is on all the time, and gives way to nothing but the end of the role.
        color = own if re.fullmatch("[0-9;]{1,16}", own) else ""
        end = value_of("AWSENV_EXPIRES_EPOCH")
        if not label:
            return "", "", None
        if not re.fullmatch("[1-9][0-9]{0,10}", end):
            return f"[{label}]", color, None
        left = int(end) - int(time.time())
        if left <= 0:
            return f"[{label} expired]", "1;31", left
        if left < 60:
            text = f"{left}s"
        elif left < 3600:
            text = f"{left // 60}m"
        else:
            text = f"{left // 3600}h{left // 60 % 60:02}m"
        return f"[{label} {text}]", color or ("31" if left < 300 else "33" if left < 900 else ""), left

    def renew():
        """Renew the role, and say nothing if that fails.

        It tries once in each of the last five minutes and once after the end. The new end counts as tried as well, so a
        wrong clock causes no second attempt.
        """

        def mark():
            left = described()[2]
            return value_of("AWSENV_EXPIRES_EPOCH"), None if left is None else max(left // 60, -1)

        if state["tried"] == mark():
            return
        state["tried"] = mark()
        text, status = output(["renew"], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if status == 0 and text.startswith(b"{"):
            make(text)
            state["tried"] = mark()

    def owner():
        """Return who draws the prompt: some frameworks show AWS_VAULT themselves."""
        name = getattr(XSH.env.get("PROMPT"), "__name__", "")
        if "starship" in name:
            return "starship"
        if "_omp_" in name:
            return "oh-my-posh"
        return "disabled" if value_of("AWSENV_DISABLE_PROMPT") else "awsenv"

    def shown():
        """Return, for the doctor, who draws the prompt, or what the last one showed."""
        who = owner()
        return "idle" if who == "awsenv" and not value_of("AWSENV_LABEL") else who

    def field():
        """Return what the prompt shows."""
        demo = "(demo)" if value_of("AWSENV_DEMO") else ""
        who = owner()
        if who != "awsenv":
            # A framework shows the role, but not that it is of the demo. Its own line leaves the width of the others as
            # it is.
            return f"{demo}\n" if demo and who != "disabled" else ""
        text, color, _ = described()
        text = " ".join(filter(None, (demo, text)))
        if not color or value_of("NO_COLOR") or (value_of("TERM") or "dumb") == "dumb":
            return f"{text} " if text else ""
        # readline takes what is between \001 and \002 for text without width; prompt_toolkit knows by itself.
        before, after = ("\001", "\002") if XSH.env.get("SHELL_TYPE") == "readline" else ("", "")
        return f"{before}\033[{color}m{after}{text}{before}\033[0m{after} "

    def formatter(previous):
        """Return a formatter of prompts that puts the role in front, behind blank lines.

        The prompt itself stays as it is: xonsh exports $PROMPT.
        """

        def format_prompt(container):
            text = previous(container)
            if container.template == XSH.env.get("PROMPT"):
                return re.sub(r"^[\r\n]*", lambda lines: lines[0] + field(), text, count=1)
            return text

        format_prompt.awsenv = previous
        return format_prompt

    def refresh(**_):
        """Run before each prompt."""
        if value_of("AWSENV_RENEW") and value_of("AWSENV_AUTO_REFRESH") != "0":
            left = described()[2]
            if left is not None and left < 300:
                renew()
        present = XSH.env.get("PROMPT_TOKENS_FORMATTER")
        if not hasattr(present, "awsenv"):
            XSH.env["PROMPT_TOKENS_FORMATTER"] = formatter(present)

    def awsenv_prompt_info(words=()):
        """Print the text of the prompt, for themes; nothing if no role is active."""
        if described()[0]:
            print(described()[0])

    def names():
        """Return the lines of the names, each split: those in the cache if they are of the two files.

        The program writes them again in the background if they are stale, and prints them if they are of other files.
        """
        environ = XSH.env.detype()

        def ask(end):
            start = '"$@" </dev/null 2>/dev/null ' + end
            words = ["/bin/sh", "-c", start, "sh", *isolated(["completion", "--refresh"])]
            return subprocess.run(words, env=environ, stdout=subprocess.PIPE, check=False).stdout.decode("utf-8", "replace")

        def split(text):
            return [line.split("\t", 3) for line in text.split("\n")]

        home = value_of("XDG_CACHE_HOME")
        cache = (home if home.startswith("/") else os.path.expanduser("~/.cache")) + "/awsenv/names-1"
        try:
            if environ.get("AWSENV_CACHE") == "0":
                raise OSError
            with open(cache, encoding="utf-8", newline="\n") as file:
                lines = split(file.read())
        except (OSError, ValueError):
            lines = []
        defaults = {"AWS_CONFIG_FILE": "config", "AWS_SHARED_CREDENTIALS_FILE": "credentials"}
        values = [environ.get(name, f"{environ.get('HOME', '')}/.aws/{file}") for name, file in defaults.items()]
        files = [line for line in lines if line[0] == "file" and len(line) == 4]
        if [line[1] for line in files] != values:
            return split(ask(""))
        if any(time_of(line[2]) != line[3].rpartition("-")[2] for line in files):
            ask(">/dev/null &")
        return lines

    def time_of(path):
        """Return when a file was changed last, as the cache of names has it; 0: it is not there."""
        try:
            return str(os.stat(path).st_mtime_ns)
        except OSError:
            return "0"

    def offered(kind, command, table):
        """Return what a kind of the table stands for: values, each with its description."""
        if kind == "first":
            return offered("commands", command, table) + offered("roles", command, table)
        if kind in ("roles", "profiles", "regions"):
            kinds = ("region",) if kind == "regions" else ("role", "source")
            return [(line[1], line[2]) for line in names() if line[0] in kinds]
        if kind == "commands":
            return [(row[0], row[2]) for row in table if len(row) == 3]
        if kind == "options":
            return [(row[1], row[3]) for row in table if len(row) == 4 and command in row[0].split(",")]
        return [(word, "") for word in kind.split("/")] if "/" in kind else []

    def position(words, table):
        """Return the command, and the kind of what follows *words*; a number: the rest is a command from there on."""
        fields = {row[0]: row[1].split() for row in table if len(row) == 3}
        forms = {row[0]: row[1].split() for row in table if len(row) == 2}
        values = {(name, row[1]): row[2] for row in table if len(row) == 4 for name in row[0].split(",")}
        command = words[0] if words and words[0] in fields else "use"
        kinds = list(fields[command]) if words else ["first"]
        at = 1 if words and words[0] in fields else 0
        while at < len(words):
            word, value = words[at], values.get((command, words[at]))
            if word == "--":
                return command, at + 1
            if value:
                if at + 1 == len(words):
                    return command, value
                at += 1
            elif not word.startswith("-") and "..." not in "".join(kinds[:1]):
                if kinds[:1] == ["command"] or kinds[:2] == ["-", "command"] and not word.isdigit():
                    return command, at
                kinds = forms.get(f"{command} {word}", kinds[1:]) if "/" in "".join(kinds[:1]) else kinds[1:]
            at += 1
        return command, len(words) if kinds[:1] == ["command"] else "".join(kinds[:1]).removesuffix("...")

    def complete(context):
        """Offer commands, options, roles and regions, and leave a command of `exec` to its own completer."""
        if not context.args or context.args[0].value != "awsenv" or context.arg_index == 0:
            return None
        try:
            with open(f"{folder}/completions/awsenv.table", encoding="ascii") as file:
                table = [line.rstrip("\n").split("|") for line in file]
        except OSError:
            return None
        words = [word.value for word in context.args[1:context.arg_index]]
        command, kind = position(words, table)
        prefix = context.prefix
        if isinstance(kind, int):
            rest = context._replace(args=context.args[kind + 1:], arg_index=context.arg_index - kind - 1)
            return Completer().complete_from_context(CompletionContext(rest))
        if prefix.startswith("-"):
            kind = "options"
        return {
            RichCompletion(
                value if re.fullmatch(r"[\w.@+=,/-]+", value, re.ASCII) else repr(value),
                prefix_len=len(context.raw_prefix),
                description=description,
                append_space=True,
            )
            for value, description in offered(kind, command, table)
            if value.startswith(prefix)
        }

    def look(cmd="", **_):
        """Before a command line: a thread has no terminal, which `exec` needs, and nothing but a thread is in a pipe."""
        XSH.aliases["awsenv"].__xonsh_threadable__ = "|" in cmd or not XSH.env.get("XONSH_INTERACTIVE")

    def listen(event, handler):
        for other in [each for each in event if each.__qualname__ == handler.__qualname__]:
            event.discard(other)
        event(handler)

    XSH.aliases["awsenv"] = awsenv
    XSH.aliases["awsenv_prompt_info"] = awsenv_prompt_info
    add_one_completer("awsenv", contextual_command_completer(complete), "start")
    look()
    listen(events.on_precommand, look)
    listen(events.on_pre_prompt_format, refresh)
    # In the subshell of exec, after the files of the user.
    make(XSH.env.pop("_AWSENV_CHANGE", "{}"))


_awsenv_hook(globals().get("_AWSENV_BIN"), globals().get("_awsenv_folder"))

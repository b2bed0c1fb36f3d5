# `awsenv exec ROLE` starts xonsh with this file in place of those of the user. It reads those, and then loads the hook,
# which sets the role again, because they may have set keys or a profile.


def _awsenv_arrive():
    from pathlib import Path

    from xonsh.built_ins import XSH
    from xonsh.environ import xonshrc_context

    change = XSH.env.pop("_AWSENV_CHANGE", "{}")
    program = XSH.env.pop("_AWSENV_BIN", None)
    xonshrc_context(
        rcfiles=XSH.env.get("XONSHRC"),
        rcdirs=XSH.env.get("XONSHRC_DIR"),
        execer=XSH.execer,
        ctx=XSH.ctx,
        env=XSH.env,
        login=XSH.env.get("XONSH_LOGIN", False),
    )
    XSH.env["_AWSENV_CHANGE"] = change
    XSH.ctx["_AWSENV_BIN"] = program
    hook = Path(__file__).parent.parent / "awsenv.xsh"
    exec(compile(hook.read_text(), str(hook), "exec"), XSH.ctx)


_awsenv_arrive()

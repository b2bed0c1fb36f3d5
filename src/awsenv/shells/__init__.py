"""How each shell spells what awsenv says to it.

    quoting   a value as a literal of the shell, the only way in which a value reaches one
    render    a change of environment: one row a shell
    hook      what `awsenv init` prints
    subshell  how a shell is started with the role in its prompt

Nothing is imported here: a shell that starts waits for `hook`.
"""

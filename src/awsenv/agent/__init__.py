"""The agent: one process for each user, like ssh-agent, that holds the MFA session and the roles in memory.

    runtime_directory  where its socket is, and whether that folder is safe
    client             send it a request, as a frame of byte strings
    start              start it, exactly once; or a private one for a single command
    harden             keep other processes from its memory
    events             what the system wakes it for: the end of a process, a time, the loss of a file
    server             the event loop: who may send requests, how long it lives
    memory             what it holds, until when, and one call of AWS for a role, however many clients ask
    endpoint           the container credentials endpoint of `exec --refresh`

It does not know what a request means: `awsenv.cli.handler` runs the command, and `awsenv.provider` makes the calls.
Nothing is imported here, because the fast path loads this package.
"""

"""The memory: one process for a user, like ssh-agent, that holds the MFA session and the roles, and never a file.

    runtime_directory  where its socket is, and whether that folder is safe
    protocol           frames of byte strings
    client             send it a request; what can go wrong is a note, never a failure
    start              start it, exactly once; or a private one for a single command
    harden             what keeps other processes from its memory
    server             who may send requests, and how long it lives
    connection         one connection: a request, signs of life, a reply
    memory             what it holds, until when, and one request to AWS for a key, however many clients ask
    endpoint           the container credentials endpoint of `exec --refresh`
    process_end        says when a process has ended

It does not know what a request means: `awsenv.cli.agent` runs the command, and `awsenv.provider` makes the calls.
Nothing is imported here, because the fast path loads this package.
"""

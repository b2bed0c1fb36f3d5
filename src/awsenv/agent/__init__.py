"""The memory: one process a person, like ssh-agent, that holds the MFA session and the roles, and never a file.

    place         where its socket is, and whether that place is safe
    protocol      frames of byte strings
    client        ask it; what can go wrong is a note, never a failure
    start         start it, exactly once; or a private one for a single command
    harden        what keeps other processes from its memory
    server        who may ask, for how long it lives
    conversation  one connection: a request, signs of life, an answer
    memory        what it holds, until when, and one request to AWS for a key, whoever asks
    endpoint      the container credentials endpoint of `exec --refresh`
    watch         tells when a process has ended

Nothing is imported here: the fast path waits for what it needs and no more.
"""

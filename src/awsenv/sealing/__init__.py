"""Seal a process, so that the command that it becomes gets no other role from awsenv: `exec --sealed`. Linux only.

    plan.hidden(environ, …)    what the command will not see, and why
    process.seal(plan)         seal this process; what the kernel refuses comes back as a value

A seal has these parts, and each holds without the others:

- A user namespace marks the command and all that it starts. Nothing inside sheds that mark, and the agent reads it from
  the kernel. It also keeps ptrace(2), and `/proc/PID/mem`, `environ`, `root` and `fd`, from the user's other processes:
  they take CAP_SYS_PTRACE in the namespace of those.
- A mount namespace hides files and sockets. It belongs to a second user namespace, so that its mounts are locked: not
  even root inside can remove them.
- no_new_privs: a program such as sudo would leave the seal with its new user.
- A Landlock domain: a sealed process ends only sealed processes, and connects to no abstract socket outside. Linux has
  this from 6.12 on; before, a domain only stands in for namespaces that are refused.
- A seccomp filter: a program could otherwise type into its terminal what the shell runs later (TIOCSTI), or end the
  agent by setting its limits (prlimit).
- The process adopts orphans, so that the agent finds all of them below the command.

A cgroup adds nothing: a user can leave any that the user can make. The groups that systemd delegates belong to the
user, and a process can move itself to any of them (measured). To make one that it cannot leave takes root.

What no seal stops: a program outside that reads what the sealed one wrote (`~/.bashrc`), or that takes commands over a
socket or a port that the plan does not cover.
"""

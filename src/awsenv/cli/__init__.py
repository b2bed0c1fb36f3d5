"""The command line: a module a command. Only this package reads the environment of the process, prints or exits."""

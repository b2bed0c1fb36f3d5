"""What a person types: a file a command. Only here is the environment of the process read, printed to, or left."""

"""What is wrong with the machine, the files and a role, in the order in which things fail."""

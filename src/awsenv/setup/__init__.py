"""From nothing to a role: the plan of what an account needs, what of it is there, and the steps that are left."""

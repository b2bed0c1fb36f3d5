"""From nothing to a role: what an account lacks of a user, its MFA device, its key and its roles; and making it."""

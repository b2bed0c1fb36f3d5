"""An AWS role in your shell, in one word."""

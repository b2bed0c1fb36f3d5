"""An AWS role in your shell, in one word."""

__version__ = "0.1.0"

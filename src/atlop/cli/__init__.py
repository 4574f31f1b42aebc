"""The command line, the only part of atlop that prints."""

from atlop.cli.app import app

__all__ = ["app"]

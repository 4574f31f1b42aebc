"""The command line: the one place that prints.

Commands import what they need when they run, so that ``atlop --help`` does not wait for torch.
"""

from atlop.cli.app import app

__all__ = ["app"]

"""What is odd in an annotation, to look at before training on it."""

from atlop.checking.report import Finding, Report, check

__all__ = ["Finding", "Report", "check"]

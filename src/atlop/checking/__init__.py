"""What is odd in annotated documents, to look at before training on them."""

from atlop.checking.report import Finding, Report, check

__all__ = ["Finding", "Report", "check"]

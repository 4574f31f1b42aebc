"""Graphs in the forms that other programs read; files and folders are written whole or not at all."""

from atlop.knowledge.export.registry import FOLDERS, FORMS, check_target, write, write_graph

__all__ = ["FOLDERS", "FORMS", "check_target", "write", "write_graph"]

"""Lets the docstrings' ``:class:`Document` `` become links in the API reference."""

from __future__ import annotations

import re
from typing import Any

import griffe

ROLE = re.compile(r":(?:attr|class|data|exc|func|meth|mod):`(~?)([\w.]+)`")


def _link(found: re.Match[str]) -> str:
    shortened, target = found.groups()
    text = target.rpartition(".")[2] if shortened else target
    return f"[`{text}`][{target}]"


class Roles(griffe.Extension):
    """Rewrites the roles in each docstring that is collected."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite one docstring."""
        if obj.docstring:
            obj.docstring.value = ROLE.sub(_link, obj.docstring.value)

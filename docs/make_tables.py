"""Generate the tables of the pages from the program itself, so that the two cannot disagree.

    python docs/make_tables.py

A page says where a table goes and what it shows; everything between the two comments is generated:

    <!-- table: command predict -->
    <!-- end -->

``command NAME`` lists the arguments and options of a command, such as ``graph add``, ``settings CLASS`` the fields of a
configuration, and ``schema NAME`` the keys of an object of the JSONL format (``document`` for a whole line).
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import typer

from atlop import config
from atlop.cli import app
from atlop.formats import schema

PLACE = re.compile(r"<!-- table: (?P<kind>\w+) (?P<name>[\w -]+?) -->\n.*?<!-- end -->", re.DOTALL)
"""Where a table goes."""


def fill(page: str) -> str:
    """Return a page with all of its tables generated again."""
    return PLACE.sub(_filled, page)


def _filled(place: re.Match[str]) -> str:
    kind, name = place["kind"], place["name"]
    return f"<!-- table: {kind} {name} -->\n\n{MAKERS[kind](name)}\n\n<!-- end -->"


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Format a table in Markdown."""
    header = list(header)
    lines = [header, ["---"] * len(header), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def commands() -> dict[str, Any]:
    """Return every command by name; those of a group are two words, such as ``graph add``."""
    found = {}
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", None)
        found.update({f"{name} {part}": inner[part] for part in inner} if inner else {name: command})
    return found


def command_table(name: str) -> str:
    """Show the usage of a command and list its arguments and options."""
    command = commands()[name]
    rows = [(f"`{_written(part)}`", part.help, _default_value(part)) for part in command.params]
    usage = " ".join(["atlop", name, *_usage(command.params)])
    options = f"\n\n{table(('', 'Meaning', 'Default'), rows)}" if rows else ""
    return f"{command.help}\n\n    {usage}{options}"


def _usage(parts: list[Any]) -> list[str]:
    """Return the required parts of a command line and, in brackets, the optional ones."""
    needed = [_written(part) for part in parts if part.required]
    optional = [_written(part) for part in parts if part.param_type_name == "argument" and not part.required]
    options = any(part.param_type_name == "option" and not part.required for part in parts)
    return [*needed, *(f"[{name}]" for name in optional), *["[OPTIONS]"] * options]


def _written(part: Any) -> str:
    """Return an argument or option as it is typed."""
    if part.param_type_name == "argument":
        return part.metavar or part.name.upper()
    kind = "PATH" if "Path" in part.bare_type() else "NAME"
    return part.opts[0] if part.is_flag else f"{part.opts[0]} {part.metavar or kind}"


def _default_value(part: Any) -> str:
    if part.required:
        return "required"
    return "" if part.default is None or part.default is False else f"`{part.default}`"


def settings_table(name: str) -> str:
    """List the fields of a configuration."""
    kind = getattr(config, name)
    meanings = _field_docstrings(kind)
    rows = [
        (f"`{entry.name}`", meanings[entry.name], entry.metadata["rule"].expected, _default(entry.default))
        for entry in dataclasses.fields(kind)
        if entry.name != "model"  # it has a table of its own
    ]
    return table(("Setting", "Meaning", "Expected", "Default"), rows)


def _field_docstrings(kind: type) -> dict[str, str]:
    """Return the docstring below each field of a class."""
    body = ast.parse(inspect.getsource(kind)).body[0].body  # type: ignore[attr-defined]
    return {
        field.target.id: " ".join(text.value.value.replace("``", "`").split())
        for field, text in pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr)
    }


def _default(value: Any) -> str:
    """Return a default as it is written in YAML."""
    if value is dataclasses.MISSING:
        return "required"
    written = "null" if value is None else list(value) if isinstance(value, tuple) else value
    return f"`{written}`"


def schema_table(name: str) -> str:
    """List the keys of an object of the JSONL format."""
    stored = schema()
    node = stored if name == "document" else stored["$defs"][name]
    rows = [
        (f"`{key}`", _type(value), "yes" if key in node["required"] else "", value["description"])
        for key, value in node["properties"].items()
    ]
    return table(("Key", "Type", "Required", "Meaning"), rows)


def _type(value: dict[str, Any], plural: str = "") -> str:
    """Return the name of a type, in the plural if ``plural`` is ``s``."""
    if "$ref" in value:
        return value["$ref"].rpartition("/")[2] + " objects"
    kinds = value["type"] if isinstance(value["type"], list) else [value["type"]]
    names = [kind.replace("array", "list") + (plural if kind != "null" else "") for kind in kinds]
    if "items" in value:
        names[0] += f" of {_type(value['items'], 's')}"
    return " or ".join(names)


MAKERS = {"command": command_table, "settings": settings_table, "schema": schema_table}
"""The function that makes each kind of table."""


def main() -> None:
    """Generate the tables of every page again."""
    for path in Path(__file__).parent.rglob("*.md"):
        path.write_text(fill(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()

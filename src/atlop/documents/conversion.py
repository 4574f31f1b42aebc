"""Conversion of the parts of a document from and to decoded JSON; ``formats/schema.json`` describes the keys."""

from __future__ import annotations

from typing import Any

from atlop.documents.entity import Entity, Mention
from atlop.documents.fields import Field
from atlop.documents.relation import Relation

_MENTION = ("sentence", "start", "end", "type", "name")
_FACT, _RELATION = ("head", "tail", "relation"), ("name", "evidence", "confidence")


def entity_from(stored: Field) -> Entity:
    """Read an entity.

    Raises:
        DataError: if it is malformed.
    """
    identifier = stored.object(["mentions"], ["identifier"]).get("identifier")
    return stored.build(Entity, mentions=tuple(map(_mention_from, stored["mentions"].items())), identifier=identifier)


def _mention_from(stored: Field) -> Mention:
    return stored.build(Mention, **stored.object(_MENTION, ()))


def entity_to_dict(entity: Entity) -> dict[str, Any]:
    """Convert an entity to a JSON object."""
    return {"mentions": list(map(_mention_to_dict, entity.mentions)), **given(identifier=entity.identifier)}


def _mention_to_dict(mention: Mention) -> dict[str, Any]:
    place = {"sentence": mention.sentence, "start": mention.start, "end": mention.end}
    return {**place, "type": mention.type, "name": mention.name}


def relation_from(stored: Field) -> Relation:
    """Read a relation.

    Raises:
        DataError: if it is malformed.
    """
    values = stored.object(_FACT, _RELATION)
    evidence = stored.get("evidence")
    return stored.build(Relation, **{**values, "evidence": None if evidence is None else tuple(evidence.elements())})


def relation_to_dict(relation: Relation) -> dict[str, Any]:
    """Convert a relation to a JSON object."""
    fact = {"head": relation.head, "tail": relation.tail, "relation": relation.relation}
    evidence = None if relation.evidence is None else list(relation.evidence)
    return {**fact, **given(name=relation.name, evidence=evidence, confidence=relation.confidence)}


def rows_from(stored: Field | None) -> tuple[Any, ...] | None:
    """Read an optional list of lists, whose elements the document checks."""
    return None if stored is None else tuple(tuple(row.elements()) for row in stored.items())


def given(**values: Any) -> dict[str, Any]:
    """Return the values that are not ``None``."""
    return {key: value for key, value in values.items() if value is not None}

"""Document-level relation extraction: texts in, entities and the relations between them out.

    >>> import atlop
    >>> extractor = atlop.load()
    >>> extractor.extract("Bedřich Smetana was born in Litomyšl.").relations
    >>> for document in extractor.predict(atlop.read("documents.jsonl")):  # whose entities are marked
    ...     print(document.title, document.relations)

Names are imported on first use, so that importing the package does not import torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from atlop.documents import Document, Entity, Mention, Relation, to_records
    from atlop.errors import AtlopError
    from atlop.evaluation import Scores, evaluate
    from atlop.extractor import PairScores, RelationExtractor, load
    from atlop.formats import read, write
    from atlop.labels import LabelMap

__version__ = "0.1.0"

_HOMES = {
    "AtlopError": "errors",
    "Document": "documents",
    "Entity": "documents",
    "LabelMap": "labels",
    "Mention": "documents",
    "PairScores": "extractor",
    "Relation": "documents",
    "RelationExtractor": "extractor",
    "Scores": "evaluation",
    "evaluate": "evaluation",
    "load": "extractor",
    "read": "formats",
    "to_records": "documents",
    "write": "formats",
}
"""The module of each public name."""

__all__ = [
    "AtlopError",
    "Document",
    "Entity",
    "LabelMap",
    "Mention",
    "PairScores",
    "Relation",
    "RelationExtractor",
    "Scores",
    "evaluate",
    "load",
    "read",
    "to_records",
    "write",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'atlop' has no attribute {name!r}")
    return getattr(importlib.import_module(f"atlop.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])

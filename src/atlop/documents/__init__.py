"""Documents with marked entities and the relations between them: the type that every other module works with."""

from atlop.documents.document import Document
from atlop.documents.entity import Entity, Mention
from atlop.documents.records import to_records
from atlop.documents.relation import Relation
from atlop.documents.texts import documents_of

__all__ = ["Document", "Entity", "Mention", "Relation", "documents_of", "to_records"]

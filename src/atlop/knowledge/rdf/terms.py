"""The names of things in RDF: namespaces, the vocabulary, and the IRIs of nodes, documents and relations."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple
from urllib.parse import quote, unquote

from pyoxigraph import NamedNode

_WIKIDATA = "http://www.wikidata.org/"
_PROPERTY = re.compile(r"P[1-9]\d*", re.ASCII)

PREFIXES = {
    "atlop": "urn:atlop:vocabulary:",
    "cluster": "urn:atlop:cluster:",
    "dcterms": "http://purl.org/dc/terms/",
    "direct": "urn:atlop:relation:direct:",
    "document": "urn:atlop:document:",
    "entity": "urn:atlop:entity:",
    "oa": "http://www.w3.org/ns/oa#",
    "p": f"{_WIKIDATA}prop/",
    "passage": "urn:atlop:passage:",
    "ps": f"{_WIKIDATA}prop/statement/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "stated": "urn:atlop:relation:stated:",
    "statement": "urn:atlop:statement:",
    "value": "urn:atlop:relation:value:",
    "wdt": f"{_WIKIDATA}prop/direct/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
"""The namespaces and their usual prefixes. Ours are URNs, since no server would answer at their URLs."""


def iri(prefix: str, name: str) -> NamedNode:
    """Return the IRI of a name in a namespace.

    Args:
        prefix: a key of :data:`PREFIXES`.
        name: the rest of the IRI.
    """
    return NamedNode(PREFIXES[prefix] + name)


def name_of(prefix: str, found: NamedNode) -> str:
    """Return the name of an IRI in a namespace; the inverse of :func:`iri`."""
    return found.value.removeprefix(PREFIXES[prefix])


class Properties(NamedTuple):
    """The three properties of a relation, after Wikidata's pattern."""

    direct: NamedNode
    """From head to tail."""
    stated: NamedNode
    """From the head to a statement."""
    value: NamedNode
    """From a statement to the tail."""


@cache
def properties(relation: str) -> Properties:
    """Return the properties of a relation: Wikidata's if it is named like one, such as ``P27``, else ours."""
    prefixes = ("wdt", "p", "ps") if _PROPERTY.fullmatch(relation) else ("direct", "stated", "value")
    name = quote(relation, safe="").replace(".", "%2E")  # rdflib cannot read a name in Turtle that ends in a dot
    return Properties(*(iri(prefix, name) for prefix in prefixes))


def relation_of(direct: NamedNode) -> str:
    """Return the name of the relation that a direct property belongs to."""
    return unquote(direct.value.removeprefix(PREFIXES["wdt"]).removeprefix(PREFIXES["direct"]))


TYPE = iri("rdf", "type")
LABEL, ALTERNATIVE, TITLE = iri("rdfs", "label"), iri("skos", "altLabel"), iri("dcterms", "title")
HAS_SOURCE, HAS_SELECTOR, POSITION = iri("oa", "hasSource"), iri("oa", "hasSelector"), iri("oa", "TextPositionSelector")
START, END = iri("oa", "start"), iri("oa", "end")
DOCUMENT, ENTITY, CLUSTER, STATEMENT, MENTION, SENTENCE = (
    iri("atlop", name) for name in ("Document", "Entity", "Cluster", "Statement", "Mention", "Sentence")
)
IN_DOCUMENT, IN_ENTITY, HAS_MENTION, EVIDENCE, NEAREST = (
    iri("atlop", name) for name in ("document", "entity", "mention", "evidence", "nearest")
)
HEAD, TAIL, RELATION, CONFIDENCE = (iri("atlop", name) for name in ("head", "tail", "relation", "confidence"))
ENTITY_TYPE, IDENTIFIER, TEXT, SENTENCE_NUMBER = (
    iri("atlop", name) for name in ("entityType", "identifier", "text", "sentence")
)

DIRECT_GRAPH = NamedNode("urn:atlop:graph:direct")
"""The named graph of the direct triples in a store, in which queries find facts."""
INDEX_GRAPH = NamedNode("urn:atlop:graph:index")
"""The named graph of a store that finds entities by normalized name; no export contains it."""
NORMALIZED = iri("atlop", "normalizedName")


def number_of(iri: str) -> int:
    """Return the index at the end of the IRI of a cluster or a mention."""
    return int(iri.rpartition("-")[2])

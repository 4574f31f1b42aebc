"""The graph as RDF 1.1: terms, triples of documents and of merged entities, and documents read back from triples."""

"""Document-level relation extraction: documents with marked entities in, scored relations out."""

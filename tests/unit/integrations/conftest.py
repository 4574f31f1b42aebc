"""Pipelines without a trained component: rules find the entities."""

from __future__ import annotations

import pytest
import spacy
from spacy.language import Language

TEXT = "Ada Lovelace was born in London. She met Babbage. Ada Lovelace died in London."
NAMES = {"PERSON": ["Ada Lovelace", "Babbage"], "GPE": ["London"]}


@pytest.fixture
def nlp() -> Language:
    """An English pipeline that finds the entities of ``TEXT``."""
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": label, "pattern": name} for label, names in NAMES.items() for name in names])  # type: ignore[attr-defined]
    return nlp

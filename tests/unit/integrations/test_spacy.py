from __future__ import annotations

import dataclasses
import json
import logging
import os
import pickle
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import spacy
import torch
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.util import ignore_error
from tests.unit.integrations.conftest import TEXT

from atlop.checkpoint import Checkpoint, save
from atlop.errors import AtlopError, CheckpointError, DataError
from atlop.extractor import load
from atlop.integrations import spacy as module
from atlop.integrations.docs import to_document
from atlop.integrations.spacy import RelationComponent
from atlop.labels import LabelMap
from atlop.type_constraints import TypeConstraints

pytestmark = pytest.mark.usefixtures("one_thread")

ROOT = Path(__file__).resolve().parents[3]
TEXTS = [TEXT, "Babbage left London.", "nobody", "", "London is a city of Babbage and Ada Lovelace."] * 2


@pytest.fixture(scope="module")
def folder(make_checkpoint: Callable[..., Checkpoint], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved tiny model; it knows the types PER and LOC and finds evidence."""
    folder = tmp_path_factory.mktemp("model") / "model"
    types = TypeConstraints({kind: frozenset({"PER", "LOC"}) for kind in ("PER", "LOC")})
    labels = LabelMap(("P1", "P2", "P3"), {"P1": "first relation"}, type_constraints=types)
    save(dataclasses.replace(make_checkpoint(heads=("evidence",)), labels=labels), folder)
    return folder


@pytest.fixture
def pipeline(nlp: Language, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Language:
    """A pipeline that ends with the component, in the precision in which batches change nothing."""
    monkeypatch.setenv("ATLOP_DISABLE", "bf16")
    nlp.add_pipe("atlop", config={"model": str(folder)})
    return nlp


def relations(docs: Any) -> list[list[dict[str, Any]]]:
    return [doc._.relations for doc in docs]


def rounded(found: list[list[dict[str, Any]]]) -> list[list[dict[str, Any]]]:
    return [[{**row, "confidence": round(row["confidence"], 4)} for row in rows] for rows in found]


def test_relations_are_those_of_the_extractor(pipeline: Language, folder: Path) -> None:
    doc = pipeline(TEXT)
    document = to_document(doc, spans=None, clusters="coref_clusters", types={"PERSON": "PER", "GPE": "LOC"})
    expected = load(folder).predict(document).relations
    assert expected
    found = [(row["head"]["text"], row["tail"]["text"], row["relation"]) for row in doc._.relations]
    names = [entity.name for entity in document.entities]
    assert found == [(names[relation.head], names[relation.tail], relation.relation) for relation in expected]
    assert [row["confidence"] for row in doc._.relations] == [relation.confidence for relation in expected]


def test_a_relation_points_into_the_text(pipeline: Language) -> None:
    rows = pipeline(TEXT)._.relations
    assert {row["name"] for row in rows} <= {"first relation", "P2", "P3"}
    for row in rows:
        assert list(row) == ["head", "tail", "relation", "name", "confidence", "evidence"]
        for end in (row["head"], row["tail"]):
            assert TEXT[end["start_char"] : end["end_char"]] == end["text"]
            assert {TEXT[start:end] for start, end in end["mentions"]} == {end["text"]}
            assert end["label"] == ("GPE" if end["text"] == "London" else "PERSON")
        assert row["evidence"]
        assert all(TEXT[start:end].endswith(".") and TEXT[start].isupper() for start, end in row["evidence"])


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_batches_give_what_single_texts_give(pipeline: Language, batch_size: int) -> None:
    alone = [pipeline(text)._.relations for text in TEXTS]
    assert rounded(relations(pipeline.pipe(TEXTS, batch_size=batch_size))) == rounded(alone)
    assert [bool(rows) for rows in alone] == [True, True, False, False, True] * 2


def test_texts_of_a_batch_are_predicted_together(pipeline: Language, monkeypatch: pytest.MonkeyPatch) -> None:
    component, sizes = pipeline.get_pipe("atlop"), list[int]()
    predict = RelationComponent.predict
    monkeypatch.setattr(component, "predict", lambda docs: sizes.append(len(docs)) or predict(component, docs))
    assert len(list(pipeline.pipe(TEXTS, batch_size=4))) == 10
    assert sizes == [4, 4, 2]


def test_a_batch_is_yielded_before_the_next_is_taken(pipeline: Language) -> None:
    taken = list[int]()

    def texts() -> Any:
        for number in range(100):
            taken.append(number)
            yield "Babbage left London."

    next(iter(pipeline.pipe(texts(), batch_size=2)))
    assert len(taken) <= 4


def test_predicting_does_not_change_the_text(pipeline: Language) -> None:
    component = pipeline.get_pipe("atlop")
    with pipeline.select_pipes(disable="atlop"):
        doc = pipeline(TEXT)
    assert component.predict([doc])[0]
    assert doc._.relations == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # Python 3.12 warns of any fork beside threads
def test_two_processes_give_what_one_gives(pipeline: Language) -> None:
    """After this process has used the model, too, so that its threads are there when it forks."""
    torch.set_num_threads(2)
    alone = relations(pipeline.pipe(TEXTS))
    assert pipeline.get_pipe("atlop")._loaded is not None
    assert rounded(relations(pipeline.pipe(TEXTS, n_process=2, batch_size=2))) == rounded(alone)


def test_a_forked_process_loads_its_own_model_on_one_thread(
    pipeline: Language, monkeypatch: pytest.MonkeyPatch
) -> None:
    component = pipeline.get_pipe("atlop")
    torch.set_num_threads(2)
    first = component.extractor
    assert component.extractor is first
    assert torch.get_num_threads() == 2
    monkeypatch.setattr(module.os, "getpid", lambda: -1)
    monkeypatch.setattr(module.multiprocessing, "parent_process", object)
    monkeypatch.delenv("TOKENIZERS_PARALLELISM", raising=False)
    assert component.extractor is not first
    assert torch.get_num_threads() == 1
    assert os.environ.pop("TOKENIZERS_PARALLELISM") == "false"


def test_a_spawned_process_gets_no_model(pipeline: Language) -> None:
    component = pipeline.get_pipe("atlop")
    assert component.extractor is not None
    copied = pickle.loads(pickle.dumps(component))
    assert copied._loaded is None
    assert (copied.name, copied.model, copied.clusters) == ("atlop", component.model, "coref_clusters")


def test_a_pipeline_is_saved_with_its_model(pipeline: Language, folder: Path, tmp_path: Path) -> None:
    expected = pipeline(TEXT)._.relations
    pipeline.to_disk(tmp_path / "saved")
    pipeline.config["components"]["atlop"]["model"] = "gone"
    config = (tmp_path / "saved" / "config.cfg").read_text().replace(str(folder), "gone")
    (tmp_path / "saved" / "config.cfg").write_text(config)
    loaded = spacy.load(tmp_path / "saved")
    assert loaded(TEXT)._.relations == expected
    loaded.to_disk(tmp_path / "saved")
    loaded.to_disk(tmp_path / "again")
    (tmp_path / "saved").rename(tmp_path / "moved")
    for place in ("moved", "again"):
        assert spacy.load(tmp_path / place)(TEXT)._.relations == expected


def test_a_pipeline_with_the_bundled_model_is_saved_without_it(nlp: Language, tmp_path: Path) -> None:
    nlp.add_pipe("atlop", config={"min_confidence": 0.9})
    nlp.to_disk(tmp_path)
    assert not (tmp_path / "atlop").exists()
    loaded = spacy.load(tmp_path).get_pipe("atlop")
    assert (loaded.model, loaded.min_confidence) == (None, 0.9)


def test_saving_over_another_model_replaces_it(pipeline: Language, tmp_path: Path) -> None:
    pipeline.get_pipe("atlop").to_disk(tmp_path)
    assert (tmp_path / "model").is_dir()
    component = spacy.blank("en").add_pipe("atlop")
    component.to_disk(tmp_path)
    assert component.from_disk(tmp_path).model is None
    assert not (tmp_path / "model").exists()


def test_a_model_that_is_missing_leaves_nothing_behind(nlp: Language, tmp_path: Path) -> None:
    component = nlp.add_pipe("atlop", config={"model": str(tmp_path / "none")})
    with pytest.raises(CheckpointError):
        component.to_disk(tmp_path)
    assert not list(tmp_path.iterdir())


def test_relations_survive_in_a_doc_bin(pipeline: Language) -> None:
    docs = list(pipeline.pipe(TEXTS))
    stored = DocBin(docs=docs, store_user_data=True).to_bytes()
    loaded = list(DocBin().from_bytes(stored).get_docs(pipeline.vocab))
    assert json.dumps(relations(loaded)) == json.dumps(relations(docs))  # DocBin returns lists as tuples
    assert any(relations(docs))
    assert Doc(pipeline.vocab).from_bytes(docs[0].to_bytes())._.relations == docs[0]._.relations


def test_what_is_assigned_and_required_is_declared(pipeline: Language) -> None:
    meta = pipeline.get_pipe_meta("atlop")
    assert (meta.assigns, meta.requires) == (["doc._.relations"], ["doc.ents"])
    assert pipeline.analyze_pipes()["problems"]["atlop"] == []
    bare = spacy.blank("en")
    bare.add_pipe("atlop")
    assert bare.analyze_pipes()["problems"]["atlop"] == ["doc.ents"]


def test_a_span_group_takes_the_place_of_the_entities(nlp: Language, folder: Path) -> None:
    ruler = nlp.add_pipe("span_ruler", config={"spans_key": "mine"})
    ruler.add_patterns([{"label": "PER", "pattern": "Babbage"}, {"label": "LOC", "pattern": "London"}])  # type: ignore[attr-defined]
    nlp.add_pipe("atlop", config={"model": str(folder), "spans": "mine"})
    rows = nlp(TEXT)._.relations
    assert {row["head"]["text"] for row in rows} | {row["tail"]["text"] for row in rows} == {"Babbage", "London"}


def test_relations_of_low_confidence_are_left_out(nlp: Language, pipeline: Language, folder: Path) -> None:
    confidences = sorted(row["confidence"] for row in pipeline(TEXT)._.relations)
    pipeline.get_pipe("atlop").min_confidence = confidences[-1]
    assert [row["confidence"] for row in pipeline(TEXT)._.relations] == confidences[-1:]


def test_labels_without_a_type_are_told_once(nlp: Language, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    nlp.get_pipe("entity_ruler").add_patterns([{"label": "GENE", "pattern": "BRCA1"}])  # type: ignore[attr-defined]
    nlp.add_pipe("atlop", config={"model": str(folder)})
    with caplog.at_level(logging.WARNING):
        list(nlp.pipe(["Babbage found BRCA1 in London.", "BRCA1 and London."], batch_size=1))
    expected = "finds few or no relations of other types"
    assert caplog.messages == [f"entities of type GENE: the model was trained on LOC, PER and {expected}"]


def test_types_of_labels_can_be_chosen(nlp: Language, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    nlp.get_pipe("entity_ruler").add_patterns([{"label": "GENE", "pattern": "BRCA1"}])  # type: ignore[attr-defined]
    nlp.add_pipe("atlop", config={"model": str(folder), "types": {"GENE": "PER"}})
    labels = {row["head"]["label"] for row in nlp("Babbage found BRCA1 in London.")._.relations}
    assert "GENE" in labels
    assert caplog.messages == []


def test_an_error_goes_to_the_handler_of_the_pipeline(nlp: Language, folder: Path) -> None:
    nlp.add_pipe("atlop", config={"model": str(folder), "spans": "mine"})
    with pytest.raises(DataError):
        nlp("Ada")
    with pytest.raises(DataError):
        list(nlp.pipe(["Ada"]))
    nlp.set_error_handler(ignore_error)
    assert list(nlp.pipe(["Ada"])) == []
    assert nlp.get_pipe("atlop").get_error_handler() is ignore_error


def test_a_wrong_setting_is_refused(nlp: Language, folder: Path) -> None:
    with pytest.raises(Exception, match="min_confidence"):
        nlp.add_pipe("atlop", config={"min_confidence": "high"})
    nlp.add_pipe("atlop", config={"model": str(folder), "min_confidence": 2})
    with pytest.raises(AtlopError) as caught:
        nlp("Ada")
    assert str(caught.value) == "min_confidence: got 2 (int), expected a number from 0 to 1"


def test_spacy_finds_the_component_by_its_entry_point(tmp_path: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    ((name, value),) = project["entry-points"]["spacy_factories"].items()
    info = tmp_path / "installed-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: installed\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[spacy_factories]\n{name} = {value}\n")
    code = (
        "import sys, spacy; component = spacy.blank('en').add_pipe('atlop'); "
        "print(type(component).__name__, 'transformers' in sys.modules or 'atlop.extractor' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT / "src")])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == "RelationComponent False\n", done.stderr


@pytest.mark.slow
def test_the_bundled_model_relates_entities_with_ontonotes_labels(nlp: Language) -> None:
    nlp.add_pipe("atlop")
    rows = nlp("Ada Lovelace was born in London.")._.relations
    assert [(row["head"]["text"], row["name"], row["tail"]["text"]) for row in rows] == [
        ("Ada Lovelace", "place of birth", "London")
    ]

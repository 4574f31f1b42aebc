"""The spaCy component ``atlop``, which relates the entities of a ``Doc``.

    >>> nlp = spacy.load("en_core_web_sm")
    >>> nlp.add_pipe("atlop")
    >>> nlp("Ada Lovelace was born in London.")._.relations

spaCy finds the component by the entry point ``spacy_factories``. Relations are plain values, so that ``Doc`` and
``DocBin`` store them.
"""

import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import raise_error

from atlop.folder import MODEL_FILES, find_folder
from atlop.integrations.docs import mentions_of, to_dict, to_document, types_for

if TYPE_CHECKING:  # spaCy imports this module whenever it makes a pipeline, with or without the component
    from atlop.extractor import RelationExtractor

MODEL = "model"
"""The folder of a saved component that contains its model."""
ErrorHandler = Callable[[str, Any, list[Doc], Exception], Any]

if not Doc.has_extension("relations"):
    Doc.set_extension("relations", default=[])


@Language.factory(
    "atlop",
    assigns=["doc._.relations"],
    requires=["doc.ents"],
    default_config={
        "model": None,
        "spans": None,
        "clusters": "coref_clusters",
        "types": {},
        "min_confidence": 0.0,
        "device": "auto",
    },
)
def make_component(
    nlp: Language,
    name: str,
    model: str | None,
    spans: str | None,
    clusters: str,
    types: dict[str, str],
    min_confidence: float,
    device: str,
) -> "RelationComponent":
    """Make the component; spaCy calls this in ``nlp.add_pipe("atlop", config={...})``.

    Args:
        nlp: the pipeline.
        name: the name of the component in it.
        model: a model folder, the name of one on the Hugging Face Hub, or ``None`` for the bundled model.
        spans: the span group whose spans are the mentions; ``None`` for ``doc.ents``.
        clusters: where coreferring mentions are: ``coref_clusters`` stands for the span groups ``coref_clusters_1`` and
            so on, and for the extension attribute ``doc._.coref_clusters``.
        types: the entity type of the model for labels that it would not know otherwise.
        min_confidence: leave out relations of lower confidence.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
    """
    return RelationComponent(
        name, model, spans=spans, clusters=clusters, types=types, min_confidence=min_confidence, device=device
    )


class RelationComponent:
    """Sets ``doc._.relations``. The model is loaded for the first text, in the process that handles it.

    Args:
        name: the name in the pipeline.
        model: a model folder, the name of one on the Hugging Face Hub, or ``None`` for the bundled model.
        spans: the span group whose spans are the mentions; ``None`` for ``doc.ents``.
        clusters: prefix of the span groups, and name of the extension attribute, with coreferring mentions.
        types: the entity type of the model for labels that it would not know otherwise.
        min_confidence: leave out relations of lower confidence.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
    """

    def __init__(
        self,
        name: str,
        model: str | Path | None = None,
        *,
        spans: str | None = None,
        clusters: str = "coref_clusters",
        types: dict[str, str] | None = None,
        min_confidence: float = 0.0,
        device: str = "auto",
    ) -> None:
        self.name, self.model, self.device = name, model, device
        self.spans, self.clusters, self.types = spans, clusters, types or {}
        self.min_confidence = min_confidence
        self._error_handler: ErrorHandler = raise_error
        self._loaded: tuple[int, RelationExtractor] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Return the state for another process, which loads the model itself."""
        return {**self.__dict__, "_loaded": None}

    @property
    def extractor(self) -> "RelationExtractor":
        """The model of this process; a forked process cannot use the threads of its parent."""
        from atlop.extractor import load

        if self._loaded is None or self._loaded[0] != os.getpid():
            if multiprocessing.parent_process() is not None:
                _compute_on_one_thread()
            self._loaded = os.getpid(), load(self.model, device=self.device)
        return self._loaded[1]

    def __call__(self, doc: Doc) -> Doc:
        """Set the relations of one text."""
        self.set_annotations([doc], self.predict([doc]))
        return doc

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 64) -> Iterator[Doc]:
        """Yield texts with their relations, which are predicted in batches."""
        stream = iter(stream)
        while docs := list(islice(stream, batch_size)):
            try:
                self.set_annotations(docs, self.predict(docs))
            except Exception as error:
                self._error_handler(self.name, self, docs, error)
            else:
                yield from docs

    def predict(self, docs: Sequence[Doc]) -> list[list[dict[str, Any]]]:
        """Return the relations of texts, each as plain values; the texts are not changed."""
        types = types_for(self.extractor.backend.labels.entity_types, self.types)
        documents = [to_document(doc, spans=self.spans, clusters=self.clusters, types=types) for doc in docs]
        predicted = self.extractor.predict(documents, min_confidence=self.min_confidence)
        found = []
        for doc, document in zip(docs, predicted, strict=True):
            mentions = mentions_of(doc, self.spans)
            labels = {(m.start_char, m.end_char, types.get(m.label_, m.label_)): m.label_ for m in mentions}
            found.append([to_dict(document, relation, labels) for relation in document.relations])
        return found

    def set_annotations(self, docs: Iterable[Doc], relations: Iterable[list[dict[str, Any]]]) -> None:
        """Store the relations of texts.

        Args:
            docs: the texts.
            relations: what :meth:`predict` returned for them.
        """
        for doc, found in zip(docs, relations, strict=True):
            doc._.relations = found

    def set_error_handler(self, error_handler: ErrorHandler) -> None:
        """Set the function that is called with the texts of a batch that fails."""
        self._error_handler = error_handler

    def get_error_handler(self) -> ErrorHandler:
        """Return the function that is called with the texts of a batch that fails."""
        return self._error_handler

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Save the model with the pipeline, unless it is the bundled one; the pipeline's config has the settings."""
        target = Path(path) / MODEL
        source = None if self.model is None else find_folder(self.model)
        if source is not None and target.exists() and target.samefile(source):
            return
        shutil.rmtree(target, ignore_errors=True)
        if source is not None:
            _copy_model(source, target)

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> "RelationComponent":
        """Use the model that was saved with the pipeline, if there is one."""
        if (Path(path) / MODEL).is_dir():
            self.model, self._loaded = Path(path) / MODEL, None
        return self


def _copy_model(source: Path, target: Path) -> None:
    target.mkdir(parents=True)
    for part in (source / name for name in MODEL_FILES):
        if part.exists():
            (shutil.copytree if part.is_dir() else shutil.copy2)(part, target / part.name)


def _compute_on_one_thread() -> None:
    """Make a process that works beside others use one thread, which is also safe after a fork."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        import torch
    except ModuleNotFoundError:  # an exported model is used
        return
    torch.set_num_threads(1)

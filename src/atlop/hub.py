"""The Hugging Face Hub, from which models are downloaded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from atlop.errors import CheckpointError, reason

HUB_SECONDS = 10
"""How long to wait for an answer from the Hub."""


def download(name: str, revision: str | None, *, files: Sequence[str]) -> Path:
    """Return the folder of a model on the Hub, its files downloaded unless the cache has them.

    Args:
        name: a name such as ``org/name``.
        revision: branch, tag or commit; ``None`` for the main branch.
        files: the files to download, with ``*`` for any name.

    Raises:
        CheckpointError: if the Hub has no such model, or does not answer and the cache has no copy.
    """
    # Imported here, as the client takes a while to import and most models are local.
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    answers = _answers(name, revision)
    try:
        found = snapshot_download(
            name,
            revision=revision,
            allow_patterns=list(files),
            etag_timeout=HUB_SECONDS,
            local_files_only=not answers,
        )
    # The client also raises the errors of its HTTP library, which is not always the same.
    except Exception as error:
        silence = "is switched off by HF_HUB_OFFLINE" if constants.HF_HUB_OFFLINE else "does not answer"
        uncached = f"{silence}, and there is no copy in the local cache"
        problem = f"returned an error: {reason(error)}" if answers else uncached
        if isinstance(error, RevisionNotFoundError):
            problem = f"has no revision {revision!r} of it"
        elif isinstance(error, RepositoryNotFoundError):
            problem = "has no model of this name that you can access"
        raise CheckpointError(f"model {name!r}: no such folder, and the Hugging Face Hub {problem}") from error
    return Path(found)


def _answers(name: str, revision: str | None) -> bool:
    """Return whether the Hub answers in time, as the client itself would wait forever; a refusal is an answer."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    try:
        HfApi().model_info(name, revision=revision, timeout=HUB_SECONDS)
    except HfHubHTTPError:
        return True
    except Exception:
        return False
    return True

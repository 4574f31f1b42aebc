"""Names and short descriptions of Debian packages, as features, and their tags, as labels.

N is the number of packages, C that of tags, D that of features.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

DATA = Path(__file__).with_name("packages.tsv.gz")
BUCKETS, FEATURES = 2**12, 256


class Row(NamedTuple):
    """A package of the data file."""

    source: str
    name: str
    description: str
    tags: frozenset[str]


class Part(NamedTuple):
    """Examples of one part of the data: inputs [N, D] and labels [N, C]."""

    inputs: Tensor
    labels: Tensor


class Data(NamedTuple):
    """The three parts of the data."""

    train: Part
    dev: Part
    test: Part


def read_rows() -> list[Row]:
    """Read the data file."""
    with gzip.open(DATA, "rt", encoding="utf-8") as lines:
        cells = [line.rstrip("\n").split("\t") for line in lines]
    return [Row(source, name, text, frozenset(tags.split())) for source, name, text, tags in cells]


def split(rows: list[Row]) -> list[list[Row]]:
    """Split packages into train (3/5), dev (1/5) and test (1/5) by a hash of their source package.

    Packages that are built from the same source have nearly the same description, so they stay together.
    """
    parts: list[list[Row]] = [[], [], []]
    for row in rows:
        digest = hashlib.sha256(row.source.encode()).digest()
        parts[max(0, int.from_bytes(digest[:4], "big") % 5 - 2)].append(row)
    return parts


def buckets(row: Row) -> list[int]:
    """Return the hash buckets of the words of name and description, and of their character 3- to 5-grams."""
    grams = set()
    for field, text in (("name", row.name), ("description", row.description)):
        for word in re.findall(r"[^\W_]+", text.lower()):
            marked = f"<{word}>"
            pieces = {marked[at : at + size] for size in (3, 4, 5) for at in range(len(marked) - size + 1)}
            grams |= {f"{field} {piece}" for piece in pieces | {marked}}
    return sorted({zlib.crc32(gram.encode()) % BUCKETS for gram in grams})


def inverse_frequencies(found: list[list[int]]) -> NDArray[np.float32]:
    """Return the logarithm of the inverse document frequency of each bucket, [BUCKETS]."""
    counts = np.bincount(np.concatenate(found), minlength=BUCKETS)
    return np.log((1 + len(found)) / (1 + counts)).astype(np.float32)


def vectors(found: list[list[int]], weights: NDArray[np.float32]) -> Tensor:
    """Return the tf-idf vectors of packages, of length 1: [N, BUCKETS]."""
    rows, columns = np.repeat(np.arange(len(found)), [len(each) for each in found]), np.concatenate(found)
    dense = torch.zeros(len(found), BUCKETS)
    dense[rows, columns] = torch.from_numpy(weights[columns])
    return nn.functional.normalize(dense)


def featurize(parts: list[list[Row]]) -> list[Tensor]:
    """Return the inputs [N, D] of each part: tf-idf vectors projected to their main directions in the first part."""
    found = [[buckets(row) for row in rows] for rows in parts]
    weights = inverse_frequencies(found[0])
    torch.manual_seed(0)  # the decomposition starts from random directions
    directions = torch.svd_lowrank(vectors(found[0], weights), q=FEATURES)[2]
    projected = [vectors(each, weights) @ directions for each in found]
    return [each / projected[0].std(0) for each in projected]


def load_data(facets: list[str]) -> Data:
    """Return inputs and labels; the labels are all tags of the file, or only those of some facets."""
    parts = split(read_rows())
    every = {tag for rows in parts for row in rows for tag in row.tags}
    tags = sorted(tag for tag in every if not facets or tag.partition("::")[0] in facets)
    if not tags:
        raise SystemExit(f"no tags of {facets}; facets: {sorted({tag.partition('::')[0] for tag in every})}")
    labels = [torch.tensor([[tag in row.tags for tag in tags] for row in rows]) for rows in parts]
    return Data(*map(Part, featurize(parts), labels))

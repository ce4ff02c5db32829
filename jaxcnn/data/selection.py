"""Selections of examples: rows of one or several sources, one after another."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float32, Int32, Int64, Integer

from jaxcnn.data.random_crops import RandomCrops

_CHUNK = 256
"""The number of images that are read at a time when only labels are needed."""

Rows = Integer[np.ndarray, " n"]


class Examples(Protocol):
    """Labelled images that can be read in any order, from memory or from files."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """``(h, w, c)`` of every image that `read` gives."""

    def __len__(self) -> int:
        """The number of examples."""

    def read(
        self, rows: Rows, crops: RandomCrops | None = None
    ) -> tuple[Float32[np.ndarray, "n h w c"], Int32[np.ndarray, " n"]]:
        """Images in [0, 1], or parts of them, and labels; from any thread."""


@dataclass(frozen=True, eq=False)
class Selection:
    """An ordered selection of rows from one or several sources.

    Attributes:
        pieces: pairs of a source and its selected rows.
    """

    pieces: tuple[tuple[Examples, Int64[np.ndarray, " n"]], ...]

    @classmethod
    def of(cls, examples: Examples, rows: Rows | None = None) -> "Selection":
        """Select rows of one source; all of them if ``rows`` is not given."""
        return cls(((examples, np.arange(len(examples)) if rows is None else np.asarray(rows)),))

    def __len__(self) -> int:
        return sum(len(rows) for _, rows in self.pieces)

    def __add__(self, other: "Selection") -> "Selection":
        return Selection(self.pieces + other.pieces)

    def between(self, start: int, stop: int) -> "Selection":
        """The examples from ``start`` up to ``stop``, as a selection."""
        kept, begin = [], 0
        for examples, rows in self.pieces:
            first, last = max(start - begin, 0), max(stop - begin, 0)
            kept.append((examples, rows[first:last]))
            begin += len(rows)
        return Selection(tuple(kept))

    def at(self, rows: Rows) -> "Selection":
        """The examples at ``rows`` of this selection; ``rows`` must be sorted."""
        ends = np.cumsum([len(its_rows) for _, its_rows in self.pieces])
        parts = np.split(np.asarray(rows, np.int64), np.searchsorted(rows, ends[:-1]))
        begins = ends - [len(its_rows) for _, its_rows in self.pieces]
        pieces = zip(self.pieces, parts, begins, strict=True)
        return Selection(tuple((its, rows[part - begin]) for (its, rows), part, begin in pieces))

    def labels(self) -> Int32[np.ndarray, " n"]:
        """The labels of all examples, in that order."""
        parts = []
        for examples, rows in self.pieces:
            known = getattr(examples, "labels", None)
            if known is not None:
                parts.append(np.asarray(known)[rows].astype(np.int32))
            else:  # of files that have the labels beside the images; a chunk at a time
                chunks = np.split(rows, range(_CHUNK, len(rows), _CHUNK))
                parts += [examples.read(chunk)[1] for chunk in chunks]
        return np.concatenate(parts)

    def shared_with(self, other: "Selection") -> int:
        """The number of examples that are in both selections."""
        mine, its = _by_source(self), _by_source(other)
        return sum(
            len(np.intersect1d(mine[source], its[source])) for source in mine.keys() & its.keys()
        )

    def read(
        self, rows: Rows | Sequence[int], crops: RandomCrops | None = None
    ) -> tuple[Float32[np.ndarray, "n h w c"], Int32[np.ndarray, " n"]]:
        """The images, or parts of them, and labels at ``rows`` of this selection, in that order."""
        rows = np.asarray(rows, np.int64)
        images = np.empty((len(rows), *self.pieces[0][0].image_shape), np.float32)
        labels, begin = np.empty(len(rows), np.int32), 0
        for examples, its_rows in self.pieces:
            here = np.flatnonzero((rows >= begin) & (rows < begin + len(its_rows)))
            if here.size:
                parts = None if crops is None else crops.at(here)
                images[here], labels[here] = examples.read(its_rows[rows[here] - begin], parts)
            begin += len(its_rows)
        return images, labels


def _by_source(selection: Selection) -> dict[int, Int64[np.ndarray, " n"]]:
    """The rows of each source, by its identity."""
    found: dict[int, list[np.ndarray]] = {}
    for examples, rows in selection.pieces:
        found.setdefault(id(examples), []).append(rows)
    return {source: np.concatenate(rows) for source, rows in found.items()}

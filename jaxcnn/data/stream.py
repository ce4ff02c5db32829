"""Reads batches of a split from disk, in advance, with Grain's threads."""

import functools
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Integer

from jaxcnn.data.dataset import Split, StreamedSplit
from jaxcnn.data.random_crops import drawn

THREADS = min(4, os.cpu_count() or 1)
"""The number of reading threads; decoding a picture releases Python's lock."""


@dataclass(frozen=True, eq=False)
class _Batches:
    """The batches of one epoch, by index; Grain calls this a source."""

    split: StreamedSplit
    order: Integer[np.ndarray, " n"]
    size: int
    own: Callable[[int], slice]

    def __len__(self) -> int:
        return -(-len(self.order) // self.size)

    def __getitem__(self, number: int) -> Split:
        rows = self.order[number * self.size : (number + 1) * self.size]
        own, least = self.own(len(rows)), self.split.random_crop
        crops = None if least is None else drawn((self._seed, number), len(rows), least).at(own)
        return self.split.read(rows[own], crops)

    @functools.cached_property
    def _seed(self) -> int:
        """Draws the random parts of images; an epoch has one of its own, as it has an order."""
        digest = hashlib.blake2b(np.asarray(self.order, np.int64).tobytes(), digest_size=16)
        return int.from_bytes(digest.digest())


class Stream:
    """The batches of a split in a given order, starting at any batch.

    The order of an epoch depends on the seed and the number of the epoch only, and the random parts
    of its images on the order and the number of the batch. So a checkpoint that stores the step
    determines the next batch, and `at` continues with it.

    >>> from jaxcnn.data.stream import Stream
    >>> stream = Stream(jc.data.open_dataset("digits").train, batch_size=3)
    >>> order = np.array([5, 0, 1, 2])
    >>> [batch.labels.tolist() for batch in stream.at(order, 0)]
    [[5, 0, 1], [2]]
    >>> [batch.labels.tolist() for batch in stream.at(order, 1)]
    [[2]]
    """

    def __init__(
        self,
        split: StreamedSplit,
        batch_size: int,
        *,
        own: Callable[[int], slice] = slice,
        threads: int = THREADS,
    ) -> None:
        """Read ``split`` in batches; the last batch of an epoch may be smaller.

        Args:
            split: what to read.
            batch_size: examples per full batch.
            own: which examples of a batch of so many are read here, where several processes read
                parts of each; left out, all of them.
            threads: how many of them read.
        """
        # Three seconds, which a run on data in memory need not wait for.
        import grain

        self._grain = grain
        self._split, self._size = split, batch_size
        self._own, self._threads = own, threads
        self._order: np.ndarray | None = None
        self._reader: Any = None

    @property
    def position(self) -> int:
        """The index of the next batch within the epoch."""
        return 0 if self._reader is None else self._reader.get_state()["next_index"]

    def at(self, order: Integer[np.ndarray, " n"], batch: int) -> Iterator[Split]:
        """The batches of an epoch, starting at index ``batch``.

        Args:
            order: the rows of the split in the order of this pass.
            batch: the first batch that is wanted.

        Returns:
            An iterator over this process's parts of the batches, which may be left at any batch;
            a later call for the batch after it goes on with what was read ahead.

        Raises:
            DataError: on the way, if an image is damaged.
        """
        if self._order is not order or self.position != batch:
            self.close()
            batches = _Batches(self._split, np.asarray(order), self._size, self._own)
            self._order, self._reader = order, self._opened(batches)
            self._reader.set_state({"next_index": batch})
        return self._reader

    def close(self) -> None:
        """Stop the reading threads."""
        if self._reader is not None:
            self._reader.close()
        self._order = self._reader = None

    def _opened(self, batches: _Batches) -> Any:
        options = self._grain.ReadOptions(
            num_threads=self._threads, prefetch_buffer_size=self._threads
        )
        return iter(self._grain.MapDataset.source(batches).to_iter_dataset(options))

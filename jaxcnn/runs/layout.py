"""Names, dtypes and shapes of the arrays in a checkpoint, compared before memory is used."""

import math
import os
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp

from jaxcnn.errors import UserError

_RATIO = 100
"""The most bytes of arrays for a byte on the disk; arrays of zeros are stored in little space."""

_ALWAYS = 2**26
"""So many bytes are never too many."""


def layout(arrays: Any) -> list[str]:
    """What each array is called, and its dtype and shape, one line each.

    Args:
        arrays: a tree of arrays, or of their shapes.

    Returns:
        A line for each array.

    >>> from jaxcnn.runs.layout import layout
    >>> layout({"bias": np.zeros(3, np.float32)})
    ['bias float32 [3]']
    """
    return [
        f"{jax.tree_util.keystr(path, simple=True, separator='/')} {leaf.dtype} {list(leaf.shape)}"
        for path, leaf in jax.tree_util.tree_leaves_with_path(arrays)
    ]


def check_layout(found: list[str], wanted: list[str], where: str) -> None:
    """Refuse the arrays of another model.

    Args:
        found: the layout of a checkpoint, as its header says.
        wanted: the layout of the model's state.
        where: begins the sentence of the error.

    Raises:
        UserError: naming the first array that differs.

    >>> from jaxcnn.runs.layout import check_layout
    >>> check_layout(["bias float32 [3]"], ["bias float32 [4]"], "7")
    Traceback (most recent call last):
    jaxcnn.errors.UserError: 7 is of another model: it has bias float32 [3], expected ...
    """
    if found == wanted:
        return
    for its, ours in zip(found, wanted, strict=False):
        if its != ours:
            raise UserError(f"{where} is of another model: it has {its}, expected {ours}")
    raise UserError(
        f"{where} is of another model: it has {len(found)} arrays, expected {len(wanted)}"
    )


def check_stored(folder: Path, lines: list[str]) -> None:
    """Refuse stored arrays that are not what their header says, or need far more memory than disk.

    Args:
        folder: where Orbax keeps the arrays of a checkpoint.
        lines: the layout that the header names.

    Raises:
        ValueError: in one clause.
        Exception: of many kinds, from Orbax.
    """
    stored = ocp.StandardCheckpointHandler().metadata(folder).tree
    if sorted(layout(stored)) != sorted(lines):
        raise ValueError("its arrays are not those that its header names")
    for array in jax.tree.leaves(stored):
        chunk = array.storage.chunk_shape if array.storage else array.shape
        if math.prod(chunk) > math.prod(array.shape):
            raise ValueError(f"it stores an array of {array.shape} in pieces of {tuple(chunk)}")
    _check_size(folder, jax.tree.leaves(stored))


def _check_size(folder: Path, arrays: list[Any]) -> None:
    needed = sum(math.prod(array.shape) * array.dtype.itemsize for array in arrays)
    files = (Path(place) / name for place, _, names in os.walk(folder) for name in names)
    held = sum(path.lstat().st_size for path in files)
    if needed > max(_RATIO * held, _ALWAYS):
        raise ValueError(f"its arrays need {needed:,} bytes of memory, but its files have {held:,}")

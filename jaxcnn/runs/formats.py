"""What the JSON files of a run folder hold, and how they are read when the folder is a stranger's.

Each file has one table of what must be in it. It is checked as a whole before any of it is used.
Settings (``config``) are checked further by `jaxcnn.runs.settings`, which knows their types.
"""

from pathlib import Path
from typing import Any

from jaxcnn.data.documents import LARGEST_JSON, read_json
from jaxcnn.data.schema import (
    Anything,
    FileName,
    ListOf,
    Nullable,
    Number,
    OneOf,
    Schema,
    Table,
    TableOf,
    Text,
    Whole,
)

LARGEST_SIDE = 2**15 - 1
LARGEST_IMAGE = 2**26
MOST_CLASSES = 100_000
LARGEST_CONFIG = 2**23
LARGEST_METRICS = 2**26
LARGEST_SWEEP = 2**27
"""The most bytes of ``config.json``, ``metrics.jsonl`` and ``sweep.json``."""

_COUNT = Whole(0, 2**53)
_STEP = Whole(0, 2**31)
_SIDE = Whole(1, LARGEST_SIDE)
_SHA256 = Text(64)
_TEXTS = TableOf(Text(1000), most=100)

_CHANGE = Table({"step": _STEP, "epoch": _STEP, "batch": _STEP, "from": _TEXTS, "to": _TEXTS})
_DATA = Table(
    {},
    {
        "source": Text(),
        "train_images": _COUNT,
        "validation_images": _COUNT,
        "test_images": _COUNT,
        "image_shape": ListOf(_SIDE, 3, 3),
        "class_names": ListOf(Text(1000), 1, MOST_CLASSES),
        "sample_sha256": ListOf(_SHA256, 2, 3),
    },
    others=Anything(),
)
_TRANSFORM = Table(
    {},
    {"size": Nullable(ListOf(_SIDE, 2, 2)), "scale": Number(), "shorter": Nullable(_SIDE)},
)
_PER_CHANNEL = ListOf(Number(), 1, LARGEST_SIDE)
_NORMALIZATION = Table({"mean": _PER_CHANNEL, "std": _PER_CHANNEL})
_OWN = Table(
    {}, {"optimizer": Text(100), "loss": Text(1000), "metrics": ListOf(Text(1000), most=100)}
)
_FACTS: dict[str, Schema] = {
    "data": _DATA,
    "transform": _TRANSFORM,
    "normalization": _NORMALIZATION,
    "versions": _TEXTS,
    "git": Nullable(Text(1000)),
    "parameters": Text(1000),
    "model_sha256": Nullable(_SHA256),
    "own": _OWN,
    "devices": ListOf(Text(1000), most=100_000),
    "engine": Nullable(_TEXTS),
    "engine_changes": ListOf(_CHANGE),
    "started": Text(100),
    "resumed": ListOf(Text(100)),
}
SAVED = Table({"config": TableOf(Anything(), most=200)}, _FACTS, others=Anything())
"""``config.json``; what runs of older releases lack may be missing."""

DESCRIBED = Table(
    {
        "data": Table({"image_shape": Anything(), "class_names": Anything()}, others=Anything()),
        "transform": Anything(),
    },
    others=Anything(),
)
"""What a run must say of its data for its model to be used without them."""

_FIGURE = Number(null=True, nonfinite=True)
_ROW = Table({"epoch": Whole(1, 2**31)}, others=_FIGURE)
_MEMBER = Table(
    {
        "seed": Whole(0, 2**32),
        "lr": Number(),
        "diverged": Nullable(Whole(1, 2**31)),
        "rows": ListOf(_ROW),
    },
    {"final": Nullable(_ROW)},
)
_OUTCOME: dict[str, Schema] = {
    "epochs": Whole(0, 2**31),
    "compile_seconds": Number(),
    "seconds": Number(),
    "vectorized": Whole(1, 2**31),
    "members": ListOf(_MEMBER, most=100_000),
}
SWEEP = Table({"config": TableOf(Anything(), most=200)}, _FACTS | _OUTCOME, others=Anything())
"""``sweep.json``."""

EPOCH = Table(
    {"epoch": Whole(1, 2**31), "images_per_second": Number(nonfinite=True)},
    others=Anything(),
)
"""A line of ``metrics.jsonl``: what is needed to go on, and to tell the speed."""

HEADER = Table(
    {
        "sha256": _SHA256,
        "content": Table(
            {
                "format": OneOf((1,)),
                "step": _STEP,
                "epoch": Whole(1, 2**31),
                "batch": _STEP,
                "keys": TableOf(Anything(), most=100),
                "metrics": TableOf(Number(nonfinite=True), most=1000),
                "arrays": ListOf(Text(1000), most=100_000),
                "arrays_sha256": _SHA256,
            },
            {"model_sha256": _SHA256},
        ),
    }
)
"""The header of a checkpoint."""

WANDB = Table({"id": FileName()})
"""``wandb.json``."""


def read_saved(path: Path) -> dict[str, Any]:
    """What ``config.json`` or ``sweep.json`` of a run folder holds.

    Args:
        path: the file.

    Returns:
        Its content, checked.

    Raises:
        UserError: if it cannot be read, or holds what no run has written.
    """
    if path.name == "sweep.json":
        return read_json(path, SWEEP, most=LARGEST_SWEEP)
    return read_json(path, SAVED, most=LARGEST_CONFIG)


def read_header(path: Path) -> dict[str, Any]:
    """What the header of a checkpoint holds.

    Args:
        path: the file.

    Returns:
        Its content and digest, checked.

    Raises:
        UserError: if it cannot be read, or holds what no run has written.
    """
    return read_json(path, HEADER, most=LARGEST_JSON, nonfinite=True)

"""IDX files small enough to be written by every test."""

import gzip
from pathlib import Path

import numpy as np

IMAGES = {
    "train": np.arange(4 * 3 * 2, dtype=np.uint8).reshape(4, 3, 2) * 10,
    "t10k": np.arange(2 * 3 * 2, dtype=np.uint8).reshape(2, 3, 2) + 244,
}
LABELS = {"train": np.array([3, 0, 9, 3], np.uint8), "t10k": np.array([9, 1], np.uint8)}


def encoded(array: np.ndarray, magic: int | None = None) -> bytes:
    """The bytes of an IDX file that holds ``array``."""
    header = np.array([magic or 0x800 + array.ndim, *array.shape], ">u4")
    return header.tobytes() + array.tobytes()


def write_folder(folder: Path, *, dotted: bool = False, zipped: bool = False) -> Path:
    """The four files, in one of their spellings."""
    folder.mkdir(parents=True, exist_ok=True)
    for split in ("train", "t10k"):
        for kind, arrays in (("images-idx3", IMAGES), ("labels-idx1", LABELS)):
            name = f"{split}-{kind}-ubyte".replace("-idx", ".idx" if dotted else "-idx")
            data = encoded(arrays[split])
            path = folder / (name + ".gz" if zipped else name)
            path.write_bytes(gzip.compress(data) if zipped else data)
    return folder

"""Folders of pictures small enough to be made by every test."""

from pathlib import Path

import numpy as np
from PIL import Image


def write(folder: Path, counts: dict[str, int], size=(5, 4), mode="L", suffix=".png") -> Path:
    """A subfolder per class, its pictures all of one grey: 10 × the class + the picture."""
    for label, (name, count) in enumerate(counts.items()):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            level = np.full(size, 10 * label + number, np.uint8)
            Image.fromarray(level).convert(mode).save(folder / name / f"{number}{suffix}")
    return folder


def of_several_sizes(folder: Path, train: int) -> Path:
    """Colour pictures of two classes, so many in ``train`` of each and one in ``test``."""
    counts = {"train": train, "test": 1}
    places = [(split, name) for split in counts for name in ("cats", "dogs")]
    for place, (split, name) in enumerate(places):
        (folder / split / name).mkdir(parents=True)
        for index in range(counts[split]):
            path = folder / split / name / f"{index}.png"
            noise(path, (20 + index, 31), seed=(place, index))
    return folder


def truncate(path: Path) -> Path:
    """Half of a file."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return path


def noise(path: Path, size=(40, 30), seed=0) -> Path:
    """A colour picture that takes some bytes."""
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path

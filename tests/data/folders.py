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


def truncate(path: Path) -> Path:
    """Half of a file."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return path


def noise(path: Path, size=(40, 30)) -> Path:
    """A colour picture that takes some bytes."""
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path

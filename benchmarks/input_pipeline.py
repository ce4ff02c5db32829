"""Times reading an epoch of pictures from disk, beside torchvision's `ImageFolder` and DataLoader.

``python -m benchmarks.input_pipeline`` writes 20,000 JPEG files of about 160 pixels into a
temporary folder, and reads them in random order, resized to 160 × 160, in batches of 64. Nothing
is computed with them. torchvision is left out where it is not installed.
"""

import argparse
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.comparison import compared
from jaxcnn.data import DataOptions, open_dataset
from jaxcnn.data.stream import Stream

BATCH, SIZE, CLASSES = 64, 160, 10


def write_pictures(folder: Path, count: int) -> None:
    """Write JPEG files of photographs' smoothness, half of them wider and half higher than 160."""
    random = np.random.default_rng(0)
    for number in range(count):
        shape = (SIZE, 213) if number % 2 else (213, SIZE)
        coarse = random.integers(0, 256, (9, 9, 3), np.uint8)
        smooth = Image.fromarray(coarse).resize(shape[::-1], Image.Resampling.BICUBIC)
        grain = random.normal(0, 6, (*shape, 1))
        pixels = np.clip(np.asarray(smooth) + grain, 0, 255).astype(np.uint8)
        place = folder / f"class{number % CLASSES}"
        place.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(place / f"{number:06}.jpg", quality=75)


def by_jaxcnn(folder: Path) -> Callable[[], Any]:
    """Read an epoch as a run with ``--streaming`` does."""
    options = DataOptions(split="all[:-1]", test_split="all[-1:]", image_size=SIZE)
    split = open_dataset("image_folder", data_dir=folder, options=options).train
    stream, random = Stream(split, BATCH), np.random.default_rng(0)

    def read() -> int:
        count = sum(len(batch) for batch in stream.at(random.permutation(len(split)), 0))
        stream.close()
        return count

    return read


def by_torchvision(folder: Path, workers: int) -> Callable[[], Any]:
    """Read an epoch with as many worker processes."""
    # Lets torchvision be imported beside a torch that its C++ library was not built for.
    from tests.models.twins import torchvision_models

    torchvision_models()
    from torch.utils.data import DataLoader
    from torchvision import datasets, transforms

    prepared = transforms.Compose([transforms.Resize((SIZE, SIZE)), transforms.ToTensor()])
    images = datasets.ImageFolder(folder, prepared)
    loader = DataLoader(images, BATCH, shuffle=True, num_workers=workers)
    return lambda: sum(len(labels) for _, labels in loader)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=20_000, help="%(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="%(default)s")
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_pictures(Path(folder), flags.images)
        calls = {"jaxcnn": by_jaxcnn(Path(folder))}
        try:
            calls["torchvision"] = by_torchvision(Path(folder), os.cpu_count() or 1)
        except ModuleNotFoundError:
            print("torchvision is not installed")
        row = compared(calls, flags.rounds)
    for library in calls:
        print(f"{library}: {1e3 * flags.images / row[library]:,.0f} images/s")
    if "torchvision" in calls:
        print(f"ratio {row['torchvision ratio']:.2f} ± {row['torchvision spread'] or 0:.2f}")


if __name__ == "__main__":
    main()

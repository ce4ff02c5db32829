"""``jaxcnn predict``: classifies image files with the model of a run."""

import dataclasses
import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from jaxcnn.cli.flags import Operand
from jaxcnn.data import read_input
from jaxcnn.errors import shown
from jaxcnn.runs import RunFolder, UserError, load_trained
from jaxcnn.runs.config import Platform
from jaxcnn.runs.devices import use_platform
from jaxcnn.runs.model import given_maker


@dataclasses.dataclass(frozen=True)
class PredictConfig:
    """Classify image files with the model of a run.

    Attributes:
        run: The run folder.
        images: Image files of any size (PNG, JPEG, GIF, BMP, TIFF, WebP, …). They are not
            inverted: a run on MNIST, Fashion-MNIST or the digits knows white on black.
        top: How many classes to name, the likeliest first.
        json: Print a JSON list, one object for each image.
        best: Use the best checkpoint by the run's --best-by, not the last one.
        model: FILE.py:function, the model of the run, where it is one of your own.
        platform: cpu, gpu or tpu; left out, the best that JAX finds.
    """

    run: Annotated[Path, Operand("RUN")]
    images: Annotated[tuple[Path, ...], Operand("IMAGE")]
    top: int = 3
    json: bool = False
    best: bool = False
    model: str | None = None
    platform: Platform | None = None


def predict_command(command: PredictConfig) -> None:
    """Run ``jaxcnn predict``, and print its predictions."""
    if command.top < 1:
        raise UserError(f"--top must be at least 1, got {command.top}")
    use_platform(command.platform)
    maker = given_maker(command.model)
    trained = load_trained(RunFolder(command.run), best=command.best, maker=maker)
    facts = trained.facts
    shape, shorter = facts.image_shape, facts.transform.shorter
    images = np.stack([read_input(path, shape, shorter=shorter) for path in command.images])
    rows = [
        {"image": str(path), "predictions": likeliest(row, facts.class_names, command.top)}
        for path, row in zip(command.images, trained.probabilities(images), strict=True)
    ]
    print(json.dumps(rows, indent=2) if command.json else "\n".join(map(line, rows)))


def likeliest(row: np.ndarray, names: tuple[str, ...], top: int) -> list[dict[str, Any]]:
    """The ``top`` classes of one image with the largest probabilities, the largest first."""
    return [
        {"class": names[label], "label": int(label), "probability": float(row[label])}
        for label in np.argsort(-row, kind="stable")[:top]
    ]


def line(row: dict[str, Any]) -> str:
    """One line of output, ``image: class 0.9312, class 0.0421``, safe to print."""
    return f"{shown(row['image'])}: " + ", ".join(
        f"{shown(guess['class'])} {guess['probability']:.4f}" for guess in row["predictions"]
    )

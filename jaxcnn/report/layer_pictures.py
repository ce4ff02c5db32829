"""Pictures of a network: its first kernels, and the output of each layer for one test image."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxcnn.layers import Params, SummaryRow, outputs, summary
from jaxcnn.ops.geometry import ReceptiveField
from jaxcnn.report import pictures
from jaxcnn.report.predictions import Predictions
from jaxcnn.runs import Facts, TrainConfig, Trained
from jaxcnn.runs.model import ModelMaker, check_shapes, find_model

_MOST_STAGES = 24
_MOST_MAPS = 8
_MOST_UNITS = 512
_MOST_KERNELS = 64
_MOST_NAMES = 20


class Box(NamedTuple):
    """A rectangle, in pixels of the image or feature map that it is drawn on."""

    x: float
    y: float
    width: float
    height: float


class Kernels(NamedTuple):
    """The kernels of the first convolution.

    Attributes:
        layer: its name.
        shape: ``(kh, kw, in, out)``.
        largest: the absolute value that is drawn in full colour.
        pictures: one image for each output channel.
        note: a sentence about what is omitted, or an empty text.
    """

    layer: str
    shape: tuple[int, ...]
    largest: float
    pictures: list[str]
    note: str


class LayerOutput(NamedTuple):
    """The output of one layer for the test image.

    Attributes:
        row: the row of the layer in the summary.
        size: ``(width, height)`` of a feature map; ``None`` if the output is a vector.
        maps: images of the first channels, or one strip for a vector.
        unit: the pixel of a map whose receptive field is drawn.
        field: that receptive field, on the test image; ``None`` if it is not known.
        low: the smallest value of the output.
        high: the largest value.
        names: the classes, if a vector has one value for each class; else empty.
    """

    row: SummaryRow
    size: tuple[int, int] | None
    maps: list[str]
    unit: Box | None
    field: Box | None
    low: float
    high: float
    names: tuple[str, ...] = ()


class ClassProbability(NamedTuple):
    """A class and its probability."""

    name: str
    probability: float
    actual: bool


class Activations(NamedTuple):
    """The output of every layer for one test image.

    Attributes:
        picture: the image.
        size: its width and height.
        place: its index in the test set.
        actual: its true class.
        stages: the outputs of the layers.
        omitted: how many layers are omitted.
        likeliest: the classes with the largest probabilities, the largest first.
        view: the rectangle that drawings of receptive fields show: the image, and the part of
            the padding around it that a field reaches.
    """

    picture: str
    size: tuple[int, int]
    place: int
    actual: str
    stages: list[LayerOutput]
    omitted: int
    likeliest: list[ClassProbability]
    view: Box


def rows_of(
    config: TrainConfig, facts: Facts, maker: ModelMaker | None = None
) -> Sequence[SummaryRow]:
    """The summary of a run's network for one image.

    Raises:
        UserError: if there is no network of this name, or it cannot take such images.
    """
    classes = len(facts.class_names)
    model = find_model(config.model, classes, maker, options=config.model_options)
    check_shapes(model, config.model, facts.image_shape, classes, 1)
    return summary(model, (1, *facts.image_shape))


def first_kernels(params: Params, rows: Sequence[SummaryRow]) -> Kernels | None:
    """The kernels of the first convolution; ``None`` if there is none."""
    for row in rows:
        kernel = _parameters(params, row.path).get("kernel")
        if kernel is not None and np.ndim(kernel) == 4:
            return _kernels(row.path, np.asarray(kernel, np.float32))
    return None


def _parameters(params: Params, name: str) -> dict[str, Any]:
    found: Any = params
    for part in name.split("/"):
        found = found.get(part, {})
    return found


def _kernels(name: str, kernel: np.ndarray) -> Kernels:
    channels, count = kernel.shape[2:]
    largest = float(np.abs(np.nan_to_num(kernel)).max())
    notes = []
    if channels > 1:
        notes.append(f"Each is the mean over its {channels} input channels.")
    if count > _MOST_KERNELS:
        notes.append(f"The first {_MOST_KERNELS} of {count} are shown.")
    planes = kernel.mean(2)[..., :_MOST_KERNELS]
    scale = float(np.abs(np.nan_to_num(planes)).max())
    drawn = [pictures.signed(plane, scale) for plane in np.moveaxis(planes, -1, 0)]
    return Kernels(name, kernel.shape, scale if channels > 1 else largest, drawn, " ".join(notes))


def choose_sample(predictions: Predictions) -> int:
    """The first test image that is classified correctly; the first of all if none is."""
    right = np.flatnonzero(predictions.predicted == predictions.labels)
    return int(right[0]) if len(right) else 0


def activations_of(
    trained: Trained,
    layers: Sequence[SummaryRow],
    images: np.ndarray,
    predictions: Predictions,
    index: int,
) -> Activations:
    """The output of every layer for test image ``index``."""
    image = images[index]
    apply = jax.jit(lambda x: outputs(trained.model, trained.params, trained.model_state, x))
    found = {
        name: np.asarray(y, np.float32)[0] for name, y in apply(jnp.asarray(image)[None]).items()
    }
    rows = _worth_showing(layers, found)
    kept = _evenly(rows, _MOST_STAGES)
    stages = [_stage(row, found[row.path]) for row in kept]
    names = trained.facts.class_names
    if _tells_classes(stages, rows, found, names):
        stages[-1] = stages[-1]._replace(names=names)
    label = int(predictions.labels[index])
    return Activations(
        pictures.photograph(image),
        (image.shape[1], image.shape[0]),
        index,
        names[label],
        stages,
        len(rows) - len(kept),
        _likeliest(predictions.probabilities[index], names, label),
        _view(image.shape, stages),
    )


def _tells_classes(
    stages: list[LayerOutput],
    rows: Sequence[SummaryRow],
    found: dict[str, np.ndarray],
    names: tuple[str, ...],
) -> bool:
    """Whether the last output has a value for each class, and few enough to name them."""
    last = found[rows[-1].path].shape if stages else ()
    return last == (len(names),) and len(names) <= _MOST_NAMES


def _worth_showing(
    rows: Sequence[SummaryRow], found: dict[str, np.ndarray]
) -> Sequence[SummaryRow]:
    """All layers but those that only flatten their input, which would show nothing new."""
    before = [None, *rows]
    return [
        row
        for row, previous in zip(rows, before, strict=False)
        if found[row.path].ndim == 3
        or (found[row.path].ndim == 1 and not _flattened(row, previous, found))
    ]


def _flattened(row: SummaryRow, previous: SummaryRow | None, found: dict[str, np.ndarray]) -> bool:
    return previous is not None and np.array_equal(
        found[row.path], found[previous.path].ravel(), equal_nan=True
    )


def _evenly(rows: Sequence[SummaryRow], most: int) -> Sequence[SummaryRow]:
    if len(rows) <= most:
        return rows
    return [rows[position] for position in np.linspace(0, len(rows) - 1, most).astype(int)]


def _stage(row: SummaryRow, output: np.ndarray) -> LayerOutput:
    finite = output[np.isfinite(output)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (math.nan, math.nan)
    if output.ndim == 1:
        strip = pictures.grey(output[np.newaxis, :_MOST_UNITS])
        return LayerOutput(row, None, [strip], None, _field(row, (0, 0)), low, high)
    height, width = output.shape[:2]
    maps = [pictures.grey(plane) for plane in np.moveaxis(output, -1, 0)[:_MOST_MAPS]]
    centre = (height // 2, width // 2)
    unit = Box(centre[1], centre[0], 1, 1)
    return LayerOutput(row, (width, height), maps, unit, _field(row, centre), low, high)


def _field(row: SummaryRow, at: tuple[int, int]) -> Box | None:
    """The receptive field of the output at row and column ``at``."""
    field = row.receptive_field
    if field is None or len(field.size) != 2:
        return None
    top, left = (
        offset + step * place
        for offset, step, place in zip(field.offset, field.stride, at, strict=True)
    )
    return Box(left, top, field.size[1], field.size[0])


def _view(shape: tuple[int, ...], stages: list[LayerOutput]) -> Box:
    """The image, and at most a quarter of it on each side."""
    height, width = shape[:2]
    over = max((_overhang(stage.field, width, height) for stage in stages), default=0.0)
    margin = min(over, max(width, height) / 4) + max(width, height) / 40
    return Box(-margin, -margin, width + 2 * margin, height + 2 * margin)


def _overhang(box: Box | None, width: int, height: int) -> float:
    """How far a receptive field reaches out of the image, in pixels."""
    if box is None:
        return 0.0
    right, bottom = box.x + box.width - width, box.y + box.height - height
    return max(0.0, -box.x, -box.y, right, bottom)


def _likeliest(
    probabilities: np.ndarray, names: tuple[str, ...], label: int
) -> list[ClassProbability]:
    order = np.argsort(-np.nan_to_num(probabilities), kind="stable")[:5]
    return [ClassProbability(names[i], float(probabilities[i]), int(i) == label) for i in order]


def describe_field(field: ReceptiveField | None) -> str:
    """The size of a receptive field as text: ``5 × 5``, ``all`` or a dash."""
    if field is None:
        return "–"
    if not any(field.stride):
        return "all"
    return " × ".join(map(str, field.size))

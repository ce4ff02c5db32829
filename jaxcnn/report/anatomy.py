"""A network layer by layer: its table, its first kernels, one image on its way through it."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxcnn.layers import Params, SummaryRow, outputs, summary
from jaxcnn.ops.geometry import ReceptiveField
from jaxcnn.report import pictures
from jaxcnn.report.scores import Scores
from jaxcnn.runs import Facts, TrainConfig, Trained
from jaxcnn.runs.model import ModelMaker, check_shapes, find_model

_MOST_STAGES = 24
_MOST_MAPS = 8
_MOST_UNITS = 512
_MOST_KERNELS = 64
_MOST_NAMES = 20


class Box(NamedTuple):
    """A rectangle, in pixels of the image or the map that it is drawn on."""

    x: float
    y: float
    width: float
    height: float


class Kernels(NamedTuple):
    """The kernels of the first convolution.

    Attributes:
        layer: its name.
        shape: ``(kh, kw, in, out)``.
        largest: the magnitude that is drawn in full colour.
        pictures: one image per output channel.
        note: what is left out, as a sentence; empty where nothing is.
    """

    layer: str
    shape: tuple[int, ...]
    largest: float
    pictures: list[str]
    note: str


class Stage(NamedTuple):
    """What one layer makes of the sample.

    Attributes:
        row: the layer in the summary.
        size: ``(width, height)`` of a map; ``None`` for a layer that gives a vector.
        maps: images of its first channels, or one strip for a vector.
        unit: the output whose field is drawn, on a map.
        field: what that output sees, on the sample; ``None`` where nobody knows.
        low: the smallest number of the output.
        high: the largest.
        names: the classes that a strip's numbers stand for; empty where they stand for none.
    """

    row: SummaryRow
    size: tuple[int, int] | None
    maps: list[str]
    unit: Box | None
    field: Box | None
    low: float
    high: float
    names: tuple[str, ...] = ()


class Guess(NamedTuple):
    """A class and its probability."""

    name: str
    probability: float
    actual: bool


class Walk(NamedTuple):
    """One test image on its way through the network.

    Attributes:
        picture: the image.
        size: its width and height.
        place: where it stands in the test set.
        actual: what it shows.
        stages: what the layers make of it.
        omitted: how many stages are left out.
        guesses: the likeliest classes, first the likeliest.
        view: what the drawings of the fields show: the image, and as much of the padding around
            it as a field reaches into.
    """

    picture: str
    size: tuple[int, int]
    place: int
    actual: str
    stages: list[Stage]
    omitted: int
    guesses: list[Guess]
    view: Box


def rows_of(
    config: TrainConfig, facts: Facts, maker: ModelMaker | None = None
) -> Sequence[SummaryRow]:
    """The summary of a run's network for one image.

    Raises:
        UserError: if the network is not known here, or cannot take such images.
    """
    classes = len(facts.class_names)
    model = find_model(config.model, classes, maker)
    check_shapes(model, config.model, facts.image_shape, classes, 1)
    return summary(model, (1, *facts.image_shape))


def first_kernels(params: Params, rows: Sequence[SummaryRow]) -> Kernels | None:
    """The kernels of the first layer that has spatial ones; ``None`` where there is none."""
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


def choose_sample(scores: Scores) -> int:
    """The first test image that is classified rightly; the first of all where none is."""
    right = np.flatnonzero(scores.predicted == scores.labels)
    return int(right[0]) if len(right) else 0


def walk_through(
    trained: Trained, layers: Sequence[SummaryRow], images: np.ndarray, scores: Scores, index: int
) -> Walk:
    """What every layer makes of test image ``index``."""
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
    label = int(scores.labels[index])
    return Walk(
        pictures.photograph(image),
        (image.shape[1], image.shape[0]),
        index,
        names[label],
        stages,
        len(rows) - len(kept),
        _guesses(scores.probabilities[index], names, label),
        _view(image.shape, stages),
    )


def _tells_classes(
    stages: list[Stage],
    rows: Sequence[SummaryRow],
    found: dict[str, np.ndarray],
    names: tuple[str, ...],
) -> bool:
    """Whether the last strip has a number for each class, and few enough to name them."""
    last = found[rows[-1].path].shape if stages else ()
    return last == (len(names),) and len(names) <= _MOST_NAMES


def _worth_showing(
    rows: Sequence[SummaryRow], found: dict[str, np.ndarray]
) -> Sequence[SummaryRow]:
    """All but the maps that are only laid flat: they would show nothing new."""
    before = [None, *rows]
    return [
        row
        for row, previous in zip(rows, before, strict=False)
        if found[row.path].ndim == 3
        or (found[row.path].ndim == 1 and not _laid_flat(row, previous, found))
    ]


def _laid_flat(row: SummaryRow, previous: SummaryRow | None, found: dict[str, np.ndarray]) -> bool:
    return previous is not None and np.array_equal(
        found[row.path], found[previous.path].ravel(), equal_nan=True
    )


def _evenly(rows: Sequence[SummaryRow], most: int) -> Sequence[SummaryRow]:
    if len(rows) <= most:
        return rows
    return [rows[position] for position in np.linspace(0, len(rows) - 1, most).astype(int)]


def _stage(row: SummaryRow, output: np.ndarray) -> Stage:
    finite = output[np.isfinite(output)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (math.nan, math.nan)
    if output.ndim == 1:
        strip = pictures.grey(output[np.newaxis, :_MOST_UNITS])
        return Stage(row, None, [strip], None, _field(row, (0, 0)), low, high)
    height, width = output.shape[:2]
    maps = [pictures.grey(plane) for plane in np.moveaxis(output, -1, 0)[:_MOST_MAPS]]
    centre = (height // 2, width // 2)
    unit = Box(centre[1], centre[0], 1, 1)
    return Stage(row, (width, height), maps, unit, _field(row, centre), low, high)


def _field(row: SummaryRow, at: tuple[int, int]) -> Box | None:
    """What the output at row and column ``at`` sees of the image."""
    field = row.receptive_field
    if field is None or len(field.size) != 2:
        return None
    top, left = (
        offset + step * place
        for offset, step, place in zip(field.offset, field.stride, at, strict=True)
    )
    return Box(left, top, field.size[1], field.size[0])


def _view(shape: tuple[int, ...], stages: list[Stage]) -> Box:
    """The image, and at most a quarter of it on each side."""
    height, width = shape[:2]
    over = max((_overhang(stage.field, width, height) for stage in stages), default=0.0)
    margin = min(over, max(width, height) / 4) + max(width, height) / 40
    return Box(-margin, -margin, width + 2 * margin, height + 2 * margin)


def _overhang(box: Box | None, width: int, height: int) -> float:
    """How far a field reaches out of the image."""
    if box is None:
        return 0.0
    right, bottom = box.x + box.width - width, box.y + box.height - height
    return max(0.0, -box.x, -box.y, right, bottom)


def _guesses(probabilities: np.ndarray, names: tuple[str, ...], label: int) -> list[Guess]:
    order = np.argsort(-np.nan_to_num(probabilities), kind="stable")[:5]
    return [Guess(names[i], float(probabilities[i]), int(i) == label) for i in order]


def describe_field(field: ReceptiveField | None) -> str:
    """A receptive field in a word: ``5 × 5``, ``all`` or a dash."""
    if field is None:
        return "–"
    if not any(field.stride):
        return "all"
    return " × ".join(map(str, field.size))

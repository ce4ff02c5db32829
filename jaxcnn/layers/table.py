"""The summary table of a model, and what each of its layers gives for an image.

Layers are closures, so that nobody can look into them. While a model is traced they note what
they do: a name and an output (`note`), a window (`sees`), multiplications (`multiplies`).
"""

import contextlib
import contextvars
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax

from jaxcnn.layers.layer import Layer, Params, State
from jaxcnn.ops.arguments import Padding, Window, dilated, parse_padding, per_axis
from jaxcnn.ops.geometry import ReceptiveField, receptive_field


class Row(NamedTuple):
    """One layer in a `summary`.

    Attributes:
        name: where its parameters are found, e.g. ``conv1``, or ``body/conv`` when nested.
        output_shape: the shape of its output, the batch axis included.
        parameters: the number of scalars that it learns.
        flops: floating point operations of convolutions and dense layers for the whole batch,
            two for each multiply-add; biases, activations and pools are not counted.
        receptive_field: what one output sees of the input. Where that is every pixel, the size
            is the input's and the stride 0; where no layer said (a function that changes the
            size of an image), it is ``None``.
    """

    name: str
    output_shape: tuple[int, ...]
    parameters: int
    flops: int
    receptive_field: ReceptiveField | None


class _Survey:
    """What is noted while one model is traced."""

    def __init__(self, input_shape: Sequence[int]) -> None:
        self.rows: list[Row] = []
        self.outputs: dict[str, jax.Array] = {}
        self._input = tuple(input_shape)
        self._before = tuple(input_shape)
        self._windows: list[dict[str, Any]] = []
        self._known, self._everything, self._told = True, False, False
        self._flops = 0

    def see(self, window: dict[str, Any]) -> None:
        self._windows.append(window)
        self._told = True

    def see_everything(self) -> None:
        self._everything = self._told = True

    def multiply(self, times: int) -> None:
        self._flops += 2 * times

    def layer(self, name: str, output: jax.Array, params: Params) -> None:
        # A layer made of layers has no row of its own.
        if any(row.name.startswith(f"{name}/") for row in self.rows):
            return
        self._look_at_size(output.shape)
        parameters = count_parameters(params)
        self.rows.append(Row(name, tuple(output.shape), parameters, self._flops, self._field()))
        self.outputs[name] = output
        self._before, self._told, self._flops = tuple(output.shape), False, 0

    def _look_at_size(self, shape: tuple[int, ...]) -> None:
        """A function says nothing of its window, but its output's size may say that it has one."""
        before, spatial = self._before, self._before[1:-1]
        if self._told or shape[1:-1] == spatial or math.prod(shape) == math.prod(before):
            return
        if len(shape) == 2 and shape[-1] == before[-1]:
            self._everything = True  # one number per channel: global pooling
        else:
            self._known = False

    def _field(self) -> ReceptiveField | None:
        spatial = self._input[1:-1]
        rank = len(spatial)
        if not self._known:
            return None
        if self._everything:
            return ReceptiveField(spatial, (0,) * rank, (0,) * rank)
        if not self._windows:
            return ReceptiveField((1,) * rank, (1,) * rank, (0,) * rank)
        return receptive_field(self._windows)[-1]


_survey: contextvars.ContextVar[_Survey | None] = contextvars.ContextVar("_survey", default=None)
_path: contextvars.ContextVar[tuple[str, ...]] = contextvars.ContextVar("_path", default=())


def count_parameters(params: Params) -> int:
    """The number of scalars in a tree of parameters."""
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(params))


def summary(layer: Layer, input_shape: Sequence[int]) -> list[Row]:
    """Every layer's name, output, parameters, FLOPs and view, without computing anything.

    Args:
        layer: a layer made of named layers, a model for example.
        input_shape: the shape of a batch, the batch axis included.

    Returns:
        One row per layer in the order of computation. A layer made of layers has no row of its
        own, only its parts have, so that the rows add up.

    >>> from jaxcnn.models import lenet
    >>> rows = summary(lenet(), (1, 28, 28, 1))
    >>> rows[0][:4]
    ('conv1', (1, 28, 28, 6), 156, 235200)
    >>> rows[0].receptive_field
    ReceptiveField(size=(5, 5), stride=(1, 1), offset=(-2, -2))
    >>> sum(row.parameters for row in rows)
    61706
    """
    params, state = jax.eval_shape(lambda key: layer.init(key, input_shape), jax.random.key(0))
    x = jax.ShapeDtypeStruct(tuple(input_shape), "float32")
    with _noting(input_shape) as survey:
        # A new function each time: JAX would not trace one again that it knows already.
        jax.eval_shape(lambda *arguments: layer.apply(*arguments), params, state, x)
    return survey.rows


def outputs(layer: Layer, params: Params, state: State, x: jax.Array) -> dict[str, jax.Array]:
    """What every layer of a model gives for a batch, by the names of `summary`.

    Args:
        layer: a layer made of named layers, a model for example.
        params: its parameters.
        state: its state.
        x: a batch, ``(n, h, w, c)`` for a model of images.

    Returns:
        Each layer's output, in the order of computation, as at evaluation (``train=False``).

    >>> from jaxcnn.models import lenet
    >>> params, state = lenet().init(jax.random.key(0), (1, 28, 28, 1))
    >>> outputs(lenet(), params, state, jnp.zeros((2, 28, 28, 1)))["pool2"].shape
    (2, 5, 5, 16)
    """
    with _noting(x.shape) as survey:
        layer.apply(params, state, x)
    return survey.outputs


@contextlib.contextmanager
def _noting(input_shape: Sequence[int]) -> Iterator[_Survey]:
    survey = _Survey(input_shape)
    token = _survey.set(survey)
    try:
        yield survey
    finally:
        _survey.reset(token)


@contextlib.contextmanager
def note(name: str) -> Iterator[Callable[[jax.Array, Params], None]]:
    """Write down a layer's output when a survey is being made; nothing otherwise.

    It runs while a layer is traced and leaves no trace in the computation itself.
    """
    path = (*_path.get(), name)
    token = _path.set(path)

    def write(output: jax.Array, params: Params) -> None:
        survey = _survey.get()
        if survey is not None:
            survey.layer("/".join(path), output, params)

    try:
        yield write
    finally:
        _path.reset(token)


def sees(
    x: jax.Array, window: Window, *, stride: Window = 1, padding: Padding = 0, dilation: Window = 1
) -> None:
    """Note that the layer looks at ``x`` through a window; the options are `jaxcnn.conv2d`'s."""
    survey = _survey.get()
    if survey is None:
        return
    op, rank, sizes = "sees", len(x.shape) - 2, x.shape[1:-1]
    size = per_axis(op, "window", window, rank, minimum=1)
    step = per_axis(op, "stride", stride, rank, minimum=1)
    gap = per_axis(op, "dilation", dilation, rank, minimum=1)
    # "same" with a stride depends on the size of the input, which is known only here.
    pairs = parse_padding(op, padding, sizes, dilated(size, gap), step, crops=True)
    survey.see({"window": size, "stride": step, "padding": pairs, "dilation": gap})


def sees_everything() -> None:
    """Note that each of the layer's outputs depends on all of its input."""
    survey = _survey.get()
    if survey is not None:
        survey.see_everything()


def multiplies(times: Any) -> None:
    """Note that the layer multiplies and adds so many times: an int, or `jax.export`'s symbol."""
    survey = _survey.get()
    if survey is not None:
        survey.multiply(times)

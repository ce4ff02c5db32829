"""The summary table of a model, and the output of each of its layers for a batch."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax

from jaxcnn.layers.layer import Description, Layer, Params, State
from jaxcnn.layers.receptive_fields import SAME, AxisField, receptive_field_of, union
from jaxcnn.layers.summary_rules import LayerUse, axis_fields_of, flops_of
from jaxcnn.layers.wiring import LayerNode, SplitSizes, divided, joined, walk
from jaxcnn.ops.any_layout import parse_any_layout
from jaxcnn.ops.geometry import ReceptiveField


class SummaryRow(NamedTuple):
    """One row of a `summary`: a layer, or the join of branches.

    Attributes:
        path: where its parameters are found, e.g. ``conv1``, or ``body/conv`` when nested. For
            branches that come together, the place of the layer that they belong to.
        kind: its constructor's name, or ``"add"``, ``"multiply"`` or ``"concat"``.
        output_shape: the shape of its output, the batch axis included.
        parameters: the number of scalars that it learns.
        flops: floating point operations of convolutions and dense layers for the whole batch,
            two for each multiply-add, padding counted as pixels; biases, normalizations,
            activations and pools are not counted. ``None`` where they are not known.
        receptive_field: the size, stride and offset of the input region that one output depends
            on; that of branches is the hull of each. An output that depends on a whole axis
            has the stride 0. ``None`` where it is not known.
        branch: the lines that show its branch in the table, ``"│├"``; empty outside of branches.
    """

    path: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int
    flops: int | None
    receptive_field: ReceptiveField | None
    branch: str = ""


class Summary(tuple[SummaryRow, ...]):
    """The rows of a summary; ``print`` shows them as a table."""

    __slots__ = ()

    def __str__(self) -> str:
        """The table, one line per row, and a line with the sums."""
        header = ("layer", "kind", "output", "parameters", "FLOPs", "field", "stride")
        depth = max((len(row.branch) for row in self), default=0)
        lines = [header, *(_cells(row, depth) for row in self), _sums(self)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(_line(line, widths) for line in lines)


def count_parameters(params: Params) -> int:
    """The number of scalars in a tree of parameters."""
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(params))


def summary(layer: Layer, input_shape: Sequence[int], *, layout: str | None = None) -> Summary:
    """List the layers of a model with output shape, parameters, FLOPs and receptive field.

    Args:
        layer: a model, or any layer.
        input_shape: the shape of a batch, the batch axis included.
        layout: the axes of the input; channels last where it is left out.

    Returns:
        One row per layer in the order of computation, and one wherever branches come together.
        A layer made of layers has no row of its own, only its parts have, so that the rows add
        up.

    >>> from jaxcnn.models import lenet
    >>> rows = summary(lenet(), (1, 28, 28, 1))
    >>> rows[0][:5]
    ('conv1', 'Conv2d', (1, 28, 28, 6), 156, 235200)
    >>> rows[0].receptive_field
    ReceptiveField(size=(5, 5), stride=(1, 1), offset=(-2, -2))
    >>> sum(row.parameters for row in rows)
    61706
    >>> from jaxcnn.layers import Conv2d, Residual
    >>> print(summary(Residual(Conv2d(3, 3, padding=1), activation="relu"), (1, 8, 8, 3)))
      layer       kind        output     parameters   FLOPs  field  stride
    ╭ body        Conv2d      1×8×8×3            84  10,368  3 × 3   1 × 1
    ╰ (all)       add         1×8×8×3             0       0  3 × 3   1 × 1
      activation  Activation  1×8×8×3             0       0  3 × 3   1 × 1
      total                                      84  10,368
    """
    shape = tuple(input_shape)
    params, state = jax.eval_shape(lambda key: layer.init(key, shape), jax.random.key(0))
    sizes = _spatial(shape, layout)
    visitor = _Surveyor(sizes)
    fields: list[AxisField] | None = [SAME] * len(sizes)
    walk(
        layer,
        params,
        state,
        _Traced(jax.ShapeDtypeStruct(shape, "float32"), sizes, fields),
        visitor,
    )
    marks = _marks(visitor.places)
    rows = zip(visitor.rows, marks, strict=True)
    return Summary(row._replace(branch=mark) for row, mark in rows)


def outputs(layer: Layer, params: Params, state: State, x: jax.Array) -> dict[str, jax.Array]:
    """Compute the output of every layer of a model for a batch, by the paths of `summary`.

    Args:
        layer: a model, or any layer.
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
    recorder = _Recorder()
    walk(layer, params, state, x, recorder)
    return recorder.found


class _Recorder:
    """Computes each layer's output and keeps it."""

    def __init__(self) -> None:
        self.found: dict[str, jax.Array] = {}

    def layer(self, node: LayerNode, x: jax.Array) -> jax.Array:
        y, _ = node.layer.apply(node.params, node.state, x)
        self.found[node.name] = y
        return y

    def join(
        self, node: LayerNode, how: str, values: Sequence[jax.Array], layout: str | None
    ) -> jax.Array:
        y = joined(_name(node.layer), how, values, layout)
        self.found["/".join(node.place)] = y
        return y

    def split(
        self, node: LayerNode, x: jax.Array, sizes: SplitSizes, layout: str | None
    ) -> list[jax.Array]:
        return divided(_name(node.layer), x, sizes, layout)


class _Traced(NamedTuple):
    """A value between two layers while the rows are written.

    Attributes:
        array: its shape and dtype.
        sizes: its spatial sizes, or those that it had before it was flattened.
        fields: its receptive field on each axis; ``None`` where that is not known.
    """

    array: Any
    sizes: tuple[int, ...]
    fields: Sequence[AxisField] | None


class _Surveyor:
    """Writes the row of each layer, and remembers its place."""

    def __init__(self, sizes: tuple[int, ...]) -> None:
        self.rows: list[SummaryRow] = []
        self.places: list[tuple[tuple[str, ...], bool]] = []
        self._sizes = sizes

    def layer(self, node: LayerNode, x: _Traced) -> _Traced:
        layer = node.layer
        y, _ = jax.eval_shape(layer.apply, node.params, node.state, x.array)
        options = (layer.description or Description()).options
        use = LayerUse(options, node.params, x.array.shape, y.shape, x.sizes)
        local = axis_fields_of(layer, use)
        fields, sizes = None, x.sizes
        if len(y.shape) == len(x.sizes) + 2:
            sizes = _spatial(y.shape, options.get("layout"))
        if x.fields is not None and local is not None:
            fields = [field.after(first) for field, first in zip(local, x.fields, strict=True)]
        traced = _Traced(y, sizes, fields)
        self._row(node.path, node.place, _name(layer), traced, node.params, flops_of(layer, use))
        return traced

    def join(
        self, node: LayerNode, how: str, values: Sequence[_Traced], layout: str | None
    ) -> _Traced:
        arrays = [value.array for value in values]
        y = jax.eval_shape(lambda *given: joined(_name(node.layer), how, given, layout), *arrays)
        known = [value.fields for value in values if value.fields is not None]
        fields: Sequence[AxisField | None] = []
        if len(known) == len(values):
            fields = [
                union(axes, size)
                for axes, size in zip(zip(*known, strict=True), self._sizes, strict=True)
            ]
        sizes = max((value.sizes for value in values), key=math.prod)
        certain = [field for field in fields if field is not None]
        complete = len(certain) == len(self._sizes)
        traced = _Traced(y, sizes, certain if complete else None)
        self._row(node.place, node.place, how, traced, {}, 0, joins=True)
        return traced

    def split(
        self, node: LayerNode, x: _Traced, sizes: SplitSizes, layout: str | None
    ) -> list[_Traced]:
        op = _name(node.layer)
        pieces = jax.eval_shape(lambda array: divided(op, array, sizes, layout), x.array)
        return [x._replace(array=piece) for piece in pieces]

    def _row(
        self,
        path: tuple[str, ...],
        place: tuple[str, ...],
        kind: str,
        y: _Traced,
        params: Params,
        flops: int | None,
        *,
        joins: bool = False,
    ) -> None:
        seen = None if y.fields is None else receptive_field_of(y.fields, self._sizes)
        shape, count = tuple(y.array.shape), count_parameters(params)
        self.rows.append(SummaryRow("/".join(path), kind, shape, count, flops, seen))
        self.places.append((place, joins))


def _name(layer: Layer) -> str:
    return (layer.description or Description()).name


def _spatial(shape: Sequence[int], layout: str | None) -> tuple[int, ...]:
    """The spatial sizes of a shape; none if it is not the shape of images."""
    if not 3 <= len(shape) <= 5:
        return ()
    return parse_any_layout("summary", layout, len(shape)).sizes(shape)


def _marks(places: Sequence[tuple[tuple[str, ...], bool]]) -> list[str]:
    """The marks before each row: ``╭`` or ``├`` where a branch begins, ``╰`` at the end."""
    ends = {place: index for index, (place, joins) in enumerate(places) if joins}
    met: dict[tuple[str, ...], set[str]] = {}
    marks = []
    for index, (place, joins) in enumerate(places):
        mark = ""
        for depth in range(len(place)):
            around, branch = place[:depth], place[depth]
            if ends.get(around, -1) > index:
                begun = met.setdefault(around, set())
                mark += "│" if branch in begun else "├" if begun else "╭"
                begun.add(branch)
        marks.append(mark + ("╰" if joins else ""))
    return marks


def _cells(row: SummaryRow, depth: int) -> tuple[str, ...]:
    seen, unknown = row.receptive_field, "?"
    size = unknown if seen is None else " × ".join(map(str, seen.size))
    stride = unknown if seen is None else " × ".join(f"{step:g}" for step in seen.stride)
    return (
        f"{row.branch:<{depth}} {row.path or '(all)'}" if depth else row.path or "(all)",
        row.kind,
        "×".join(map(str, row.output_shape)),
        f"{row.parameters:,}",
        unknown if row.flops is None else f"{row.flops:,}",
        size,
        stride,
    )


def _sums(rows: Sequence[SummaryRow]) -> tuple[str, ...]:
    known = [row.flops for row in rows if row.flops is not None]
    flops = f"{sum(known):,}" + ("" if len(known) == len(rows) else " + ?")
    return ("total", "", "", f"{sum(row.parameters for row in rows):,}", flops, "", "")


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    texts = [f"{cell:<{width}}" for cell, width in zip(cells[:3], widths[:3], strict=True)]
    numbers = [f"{cell:>{width}}" for cell, width in zip(cells[3:], widths[3:], strict=True)]
    return "  ".join([*texts, *numbers]).rstrip()

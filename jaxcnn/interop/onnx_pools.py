"""Writes pooling and resizing as ONNX operators."""

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxcnn import ops
from jaxcnn.interop.export_graph import GraphStep
from jaxcnn.interop.onnx_nodes import Nodes, padded, pads, sums
from jaxcnn.ops.argument_types import Pairs


def max_pool(to: Nodes, step: GraphStep, inputs: list[str]) -> str:
    """Write max pooling; the border that ``ceil_mode`` adds never wins."""
    its, pairs = step.options, step.options["pairs"]
    x = inputs[0]
    if its["mode"] != "zeros":
        x, pairs = padded(to, x, pairs, its["mode"]), ((0, 0),) * step.rank
    pairs = sums(pairs, its["over"])
    if any(side >= size for pair, size in zip(pairs, its["window"], strict=True) for side in pair):
        x, pairs = padded(to, x, pairs, value=-math.inf), ((0, 0),) * step.rank
    given = {"kernel_shape": its["window"], "strides": its["stride"], "pads": pads(pairs)}
    return to.node("MaxPool", [x], dilations=its["dilation"], **given)


def avg_pool(to: Nodes, step: GraphStep, inputs: list[str]) -> str:
    """Write average pooling, as the mean of whole windows times a correction of the divisor."""
    its = step.options
    x, pairs = inputs[0], its["pairs"]
    if its["mode"] != "zeros":
        x, pairs = padded(to, x, pairs, its["mode"]), ((0, 0),) * step.rank
    y, covered = _window_means(to, step, x, pairs)
    ones = _of_ones(step)
    factor = np.divide(ones, covered, out=np.ones_like(ones), where=covered > 0)
    if np.allclose(factor, 1, rtol=1e-6):
        return y
    return to.node("Mul", [y, to.constant("factor", factor[None, None])])


def lp_pool(to: Nodes, step: GraphStep, inputs: list[str]) -> str:
    """Write power pooling; ONNX's own operator would use magnitudes."""
    p = step.options["p"]
    if math.isinf(p):
        return max_pool(to, step, [to.node("Abs", inputs)])
    y = to.node("Pow", [*inputs, to.constant("p", p)])
    y, covered = _window_means(to, step, y, step.options["pairs"])
    factor = _of_ones(step) ** p / covered
    y = to.node("Mul", [y, to.constant("factor", factor[None, None])])
    return to.node("Pow", [y, to.constant("root", 1 / p)])


def _window_means(to: Nodes, step: GraphStep, x: str, pairs: Pairs) -> tuple[str, np.ndarray]:
    """The mean of each window with a border of zeros, and the same for an image of ones."""
    its = step.options
    sizes = list(step.before[2:])
    if its["mode"] != "zeros":
        sizes = [size + sum(pair) for size, pair in zip(sizes, its["pairs"], strict=True)]
    counts = []
    for size, count, window, stride, (low, _) in zip(
        sizes, step.after[2:], its["window"], its["stride"], pairs, strict=True
    ):
        start = np.arange(count) * stride - low
        counts.append((np.clip(start + window, 0, size) - np.clip(start, 0, size)) / window)
    covered = np.ones(())
    for axis in counts:
        covered = np.multiply.outer(covered, axis)
    pairs = sums(pairs, its["over"])
    given = {"kernel_shape": its["window"], "strides": its["stride"], "pads": pads(pairs)}
    return to.node("AveragePool", [x], count_include_pad=1, **given), covered


def _of_ones(step: GraphStep) -> np.ndarray:
    """The output of a pool for one channel of ones, without the axes of batch and channels."""
    its = step.layer.description
    assert its is not None
    last = its.options["layout"].endswith("C")
    sizes = step.before[2:]
    ones = jnp.ones((1, *sizes, 1) if last else (1, 1, *sizes))
    y, _ = step.layer.apply({}, {}, ones)
    return np.asarray(y, np.float64).reshape(step.after[2:])


def adaptive(to: Nodes, step: GraphStep, inputs: list[str]) -> str:
    """Write adaptive pooling axis by axis; ONNX has pools of equal windows only."""
    x, mean = inputs[0], step.options["how"] == "mean"
    for axis, (size, count) in enumerate(zip(step.before[2:], step.after[2:], strict=True), 2):
        first = [i * size // count for i in range(count)]
        stop = [-(-(i + 1) * size // count) for i in range(count)]
        if size == count:
            continue
        if mean:
            positions = np.arange(size)
            inside = [(positions >= a) & (positions < b) for a, b in zip(first, stop, strict=True)]
            x = _product(to, x, axis, step.rank, np.array(inside) / np.sum(inside, 1)[:, None])
            continue
        # Bins of the same length, the last element of the shorter ones twice.
        longest = max(b - a for a, b in zip(first, stop, strict=True))
        index = np.minimum(
            np.array(first)[:, None] + np.arange(longest), np.array(stop)[:, None] - 1
        )
        x = to.node("Gather", [x, to.constant("bins", index, np.int64)], axis=axis)
        axes = to.constant("axes", [axis + 1], np.int64)
        x = to.node("ReduceMax", [x, axes], keepdims=0)
    return x


def global_pool(to: Nodes, step: GraphStep, inputs: list[str]) -> str:
    """Write global pooling."""
    operator = "ReduceMean" if step.options["how"] == "mean" else "ReduceMax"
    axes = to.constant("axes", range(2, len(step.before)), np.int64)
    return to.node(operator, [*inputs, axes], keepdims=0)


def resize(to: Nodes, step: GraphStep, inputs: list[str]) -> str:
    """Write resizing, by ONNX's operator if it computes the same, else by matrix products."""
    its = step.options
    modes = {"bilinear": "linear", "bicubic": "cubic"}
    usual = its["method"] in modes and its["scale"] is None and not its["antialias"]
    if usual and step.rank == 2:
        shape = to.node("Shape", inputs, start=0, end=1)
        sizes = to.node("Concat", [shape, to.constant("sizes", step.after[1:], np.int64)], axis=0)
        mapping = "align_corners" if its["align_corners"] else "half_pixel"
        return to.node(
            "Resize",
            [*inputs, "", "", sizes],
            mode=modes[its["method"]],
            coordinate_transformation_mode=mapping,
            cubic_coeff_a=-0.75,
        )
    x = inputs[0]
    for axis, (old, new) in enumerate(zip(step.before[2:], step.after[2:], strict=True), 2):
        weights = _resizing(step, axis - 2, old)
        if "nearest" in its["method"]:
            index = weights.argmax(1)
            if old != new or (index != np.arange(old)).any():
                x = to.node("Gather", [x, to.constant("index", index, np.int64)], axis=axis)
        elif weights.shape != (old, old) or (weights != np.eye(old)).any():
            x = _product(to, x, axis, step.rank, weights)
    return x


def _resizing(step: GraphStep, axis: int, old: int) -> np.ndarray:
    """The matrix ``(new, old)`` that resizes one axis."""
    its = step.options
    options: dict[str, Any] = {name: its[name] for name in ("method", "align_corners", "antialias")}
    if its["scale"] is None:
        options["size"] = step.after[2 + axis]
    else:
        scale = its["scale"]
        options["scale"] = scale[axis] if isinstance(scale, Sequence) else scale
    return np.asarray(ops.resize(jnp.eye(old)[None], **options)[0])


def _product(to: Nodes, x: str, axis: int, rank: int, weights: np.ndarray) -> str:
    """The product with a matrix ``(new, old)`` along an axis."""
    matrix = to.constant("weights", weights.T)
    if axis == rank + 1:
        return to.node("MatMul", [x, matrix])
    order = list(range(rank + 2))
    order[axis], order[-1] = order[-1], order[axis]
    y = to.node("MatMul", [to.node("Transpose", [x], perm=order), matrix])
    return to.node("Transpose", [y], perm=order)

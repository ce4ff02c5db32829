"""Writes each kind of step as ONNX operators."""

from collections.abc import Mapping

import numpy as np

from jaxcnn.interop import onnx_pools
from jaxcnn.interop.export_graph import GraphStep
from jaxcnn.interop.onnx_activations import activation
from jaxcnn.interop.onnx_nodes import Nodes, Rule, padded, pads


def _convolution(to: Nodes, step: GraphStep, inputs: list[str]) -> str:
    its, pairs = step.options, step.options["pairs"]
    if its["mode"] != "zeros" or min(map(min, pairs)) < 0:
        inputs, pairs = [padded(to, inputs[0], pairs, its["mode"])], ((0, 0),) * step.rank
    return to.node(
        "Conv",
        [*inputs, *to.constants(step.weights)],
        kernel_shape=its["window"],
        strides=its["stride"],
        pads=pads(pairs),
        dilations=its["dilation"],
        group=its["groups"],
    )


def _transposed(to: Nodes, step: GraphStep, inputs: list[str]) -> str:
    its = step.options
    return to.node(
        "ConvTranspose",
        [*inputs, *to.constants(step.weights)],
        kernel_shape=its["window"],
        strides=its["stride"],
        pads=pads([(low, max(high, 0)) for low, high in its["crops"]]),
        output_padding=[max(-high, 0) for _, high in its["crops"]],
        dilations=its["dilation"],
        group=its["groups"],
    )


def _dense(to: Nodes, step: GraphStep, inputs: list[str]) -> str:
    if step.rank == 0:
        return to.node("Gemm", [*inputs, *to.constants(step.weights)], transB=1)
    kernel, *bias = to.constants({**step.weights, "weight": step.weights["weight"].T})
    y = to.node("MatMul", [*inputs, kernel])
    return to.node("Add", [y, *bias]) if bias else y


def _scale(to: Nodes, step: GraphStep, inputs: list[str]) -> str:
    return to.node("Mul", [*inputs, to.constant("scale", step.weights[""])])


def _normalize(to: Nodes, step: GraphStep, inputs: list[str]) -> str:
    mean, std = (_per_channel(step, name) for name in ("mean", "std"))
    shifted = to.node("Sub", [*inputs, to.constant("mean", mean)])
    return to.node("Div", [shifted, to.constant("std", std)])


def _per_channel(step: GraphStep, name: str) -> np.ndarray:
    """The numbers of an option, which are one for each channel, ready to be broadcast."""
    return np.asarray(step.options[name]).reshape(-1, *[1] * step.rank)


def _batch_norm(to: Nodes, step: GraphStep, inputs: list[str]) -> str:
    arrays = step.arrays
    statistics = {name: arrays[name] for name in ("running_mean", "running_var")}
    given = {**_both(step, len(arrays["running_mean"])), **statistics}
    numbers = {"epsilon": step.options["epsilon"]}
    return to.node("BatchNormalization", [*inputs, *to.constants(given)], **numbers)


def _instance_norm(to: Nodes, step: GraphStep, inputs: list[str]) -> str:
    given = to.constants(_both(step, step.before[1]))
    return to.node("InstanceNormalization", [*inputs, *given], epsilon=step.options["epsilon"])


def _group_norm(to: Nodes, step: GraphStep, inputs: list[str]) -> str:
    """Normalize each group as if it were one channel; then apply the learned scale and bias."""
    groups = step.options["groups"]
    shape = to.constant("groups", [0, groups, -1], np.int64)
    plain = to.constants({"ones": np.ones(groups), "zeros": np.zeros(groups)})
    y = to.node("Reshape", [*inputs, shape])
    y = to.node("InstanceNormalization", [y, *plain], epsilon=step.options["epsilon"])
    y = to.node("Reshape", [y, to.constant("shape", [0, *step.before[1:]], np.int64)])
    for name, operator in (("weight", "Mul"), ("bias", "Add")):
        if name in step.weights:
            each = step.weights[name].reshape(-1, *[1] * step.rank)
            y = to.node(operator, [y, to.constant(name, each)])
    return y


def _layer_norm(to: Nodes, step: GraphStep, inputs: list[str]) -> str:
    over = step.options["over"]
    ordered = {"weight": np.ones(step.before[-over:]), **step.weights}
    numbers = {"axis": -over, "epsilon": step.options["epsilon"]}
    return to.node("LayerNormalization", [*inputs, *to.constants(ordered)], **numbers)


def _rms_norm(to: Nodes, step: GraphStep, inputs: list[str]) -> str:
    axes = to.constant("axes", range(-step.options["over"], 0), np.int64)
    epsilon = step.options["epsilon"]
    epsilon = np.finfo(np.float32).eps if epsilon is None else epsilon
    square = to.node("ReduceMean", [to.node("Mul", inputs * 2), axes], keepdims=1)
    root = to.node("Sqrt", [to.node("Add", [square, to.constant("epsilon", epsilon)])])
    y = to.node("Div", [*inputs, root])
    return to.node("Mul", [y, *to.constants(step.weights)]) if step.weights else y


def _local_response_norm(to: Nodes, step: GraphStep, inputs: list[str]) -> str:
    size, alpha, beta, k = (step.options[name] for name in ("size", "alpha", "beta", "k"))
    if size % 2 and k:
        return to.node("LRN", inputs, size=size, alpha=alpha, beta=beta, bias=k)
    # ONNX has an even window one channel further on: here it is a convolution over channels.
    channels = np.arange(step.before[1])
    distance = channels - channels[:, None]
    band = (distance >= -(size // 2)) & (distance <= (size - 1) // 2)
    kernel = (alpha / size * band).reshape(*band.shape, *[1] * step.rank)
    given = to.constants({"band": kernel, "k": np.full(len(channels), k)})
    energy = to.node("Conv", [to.node("Mul", inputs * 2), *given])
    return to.node("Div", [*inputs, to.node("Pow", [energy, to.constant("beta", beta)])])


def _both(step: GraphStep, channels: int) -> dict[str, np.ndarray]:
    """Scale and bias, ones and zeros where there are none."""
    usual = {"weight": np.ones(channels, np.float32), "bias": np.zeros(channels, np.float32)}
    return {name: step.arrays.get(name, array) for name, array in usual.items()}


def _pad(to: Nodes, step: GraphStep, inputs: list[str]) -> str:
    its = step.options
    return padded(to, inputs[0], its["pairs"], its["mode"], its["value"])


def _pixel_shuffle(to: Nodes, step: GraphStep, inputs: list[str]) -> str:
    return to.node("DepthToSpace", inputs, blocksize=step.options["factor"], mode="CRD")


def _channel_shuffle(to: Nodes, step: GraphStep, inputs: list[str]) -> str:
    groups, (channels, *sizes) = step.options["groups"], step.before[1:]
    shape = to.constant("groups", [0, groups, channels // groups, *sizes], np.int64)
    order = [0, 2, 1, *range(3, len(sizes) + 3)]
    y = to.node("Transpose", [to.node("Reshape", [*inputs, shape])], perm=order)
    return to.node("Reshape", [y, to.constant("shape", [0, channels, *sizes], np.int64)])


def _flatten(to: Nodes, step: GraphStep, inputs: list[str]) -> str:
    return to.node("Flatten", inputs, axis=1)


def _reorder(to: Nodes, step: GraphStep, inputs: list[str]) -> str:
    image = step.options["image"]
    shape = to.constant("image", [0, *image], np.int64)
    order = [0, *range(2, len(image) + 1), 1]
    y = to.node("Transpose", [to.node("Reshape", [*inputs, shape])], perm=order)
    return to.node("Flatten", [y], axis=1)


def _transpose(to: Nodes, step: GraphStep, inputs: list[str]) -> str:
    return to.node("Transpose", inputs, perm=step.options["axes"])


def _join(to: Nodes, step: GraphStep, inputs: list[str]) -> str:
    if step.options["how"] == "concat":
        return to.node("Concat", inputs, axis=1)
    operator = "Add" if step.options["how"] == "add" else "Mul"
    whole = inputs[0]
    for other in inputs[1:]:
        whole = to.node(operator, [whole, other])
    return whole


def _split(to: Nodes, step: GraphStep, inputs: list[str]) -> list[str]:
    sizes = step.options["sizes"]
    given = [*inputs, to.constant("sizes", sizes, np.int64)]
    names = to.node("Split", given, outputs=len(sizes), axis=1)
    return [names] if isinstance(names, str) else names


def _same(to: Nodes, step: GraphStep, inputs: list[str]) -> str:
    return inputs[0]


RULES: Mapping[str, Rule] = {
    "activation": activation,
    "adaptive": onnx_pools.adaptive,
    "avg_pool": onnx_pools.avg_pool,
    "batch_norm": _batch_norm,
    "channel_dropout": _same,
    "channel_shuffle": _channel_shuffle,
    "convolution": _convolution,
    "dense": _dense,
    "dropout": _same,
    "flatten": _flatten,
    "global": onnx_pools.global_pool,
    "group_norm": _group_norm,
    "identity": _same,
    "instance_norm": _instance_norm,
    "join": _join,
    "layer_norm": _layer_norm,
    "local_response_norm": _local_response_norm,
    "lp_pool": onnx_pools.lp_pool,
    "max_pool": onnx_pools.max_pool,
    "normalize": _normalize,
    "pad": _pad,
    "pixel_shuffle": _pixel_shuffle,
    "reorder": _reorder,
    "resize": onnx_pools.resize,
    "rms_norm": _rms_norm,
    "scale": _scale,
    "split": _split,
    "transpose": _transpose,
    "transposed": _transposed,
}
"""The rule for each kind of step, at evaluation."""

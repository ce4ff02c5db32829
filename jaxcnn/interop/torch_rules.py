"""Writes each kind of step as torch code."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from jaxcnn.interop.export_graph import GraphStep
from jaxcnn.ops.argument_types import Pairs


class Code(NamedTuple):
    """The Python code of a step.

    Attributes:
        call: the expression that computes it; ``{0}``, ``{1}``, … stand for its inputs and
            ``{layer}`` for the layer.
        layer: the expression that builds the layer; none for a step that needs no layer.
        parameter: the shape of a parameter that is not part of such a layer.
    """

    call: str
    layer: str | None = None
    parameter: tuple[int, ...] | None = None


Rule = Callable[[GraphStep], Code]


def _convolution(step: GraphStep) -> Code:
    its, rank = step.options, step.rank
    out, per_group = step.weights["weight"].shape[:2]
    even = all(low == high >= 0 for low, high in its["pairs"])
    mode = its["mode"] if even and any(low for low, _ in its["pairs"]) else "zeros"
    given = "{0}" if even else _padded("{0}", its["pairs"], its["mode"])
    layer = _built(
        f"Conv{rank}d",
        per_group * its["groups"],
        out,
        its["window"],
        stride=(its["stride"], (1,) * rank),
        padding=(tuple(low if even else 0 for low, _ in its["pairs"]), (0,) * rank),
        dilation=(its["dilation"], (1,) * rank),
        groups=(its["groups"], 1),
        bias=("bias" in step.weights, True),
        padding_mode=(mode, "zeros"),
    )
    return Code(f"{{layer}}({given})", layer)


def _transposed(step: GraphStep) -> Code:
    its, rank = step.options, step.rank
    into, per_group = step.weights["weight"].shape[:2]
    limits = (max(pair) for pair in zip(its["stride"], its["dilation"], strict=True))
    native = all(
        0 <= low - high < limit for (low, high), limit in zip(its["crops"], limits, strict=True)
    )
    layer = _built(
        f"ConvTranspose{rank}d",
        into,
        per_group * its["groups"],
        its["window"],
        stride=(its["stride"], (1,) * rank),
        padding=(tuple(low if native else 0 for low, _ in its["crops"]), (0,) * rank),
        output_padding=(
            tuple(low - high if native else max(-high, 0) for low, high in its["crops"]),
            (0,) * rank,
        ),
        groups=(its["groups"], 1),
        bias=("bias" in step.weights, True),
        dilation=(its["dilation"], (1,) * rank),
    )
    if native:
        return Code("{layer}({0})", layer)
    cuts = ", ".join(f"{low}:{-high if high > 0 else ''}" for low, high in its["crops"])
    return Code(f"{{layer}}({{0}})[:, :, {cuts}]", layer)


def _dense(step: GraphStep) -> Code:
    out, size = step.weights["weight"].shape
    return _layer(_built("Linear", size, out, bias=("bias" in step.weights, True)))


def _scale(step: GraphStep) -> Code:
    return Code("{0} * {layer}", parameter=step.weights[""].shape)


def _normalize(step: GraphStep) -> Code:
    shape = (-1, *[1] * step.rank)
    mean, std = (
        f"torch.tensor({[float(number) for number in step.options[name]]}).view{shape}.to({{0}})"
        for name in ("mean", "std")
    )
    return Code(f"({{0}} - {mean}) / {std}")


def _batch_norm(step: GraphStep) -> Code:
    its = step.options
    layer = _built(
        f"BatchNorm{max(step.rank, 1)}d",
        step.before[1],
        eps=(its["epsilon"], 1e-5),
        momentum=(its["momentum"], 0.1),
        affine=("weight" in step.arrays, True),
    )
    return _layer(layer)


def _group_norm(step: GraphStep) -> Code:
    its = step.options
    numbers = {"eps": (its["epsilon"], 1e-5), "affine": ("weight" in step.arrays, True)}
    return _layer(_built("GroupNorm", its["groups"], step.before[1], **numbers))


def _instance_norm(step: GraphStep) -> Code:
    numbers = {
        "eps": (step.options["epsilon"], 1e-5),
        "affine": ("weight" in step.arrays, False),
    }
    return _layer(_built(f"InstanceNorm{step.rank}d", step.before[1], **numbers))


def _layer_norm(step: GraphStep) -> Code:
    its, learned = step.options, "weight" in step.arrays
    layer = _built(
        "LayerNorm",
        step.before[-its["over"] :],
        eps=(its["epsilon"], 1e-5),
        elementwise_affine=(learned, True),
        bias=("bias" in step.arrays or not learned, True),
    )
    return _layer(layer)


def _rms_norm(step: GraphStep) -> Code:
    its = step.options
    layer = _built(
        "RMSNorm",
        step.before[-its["over"] :],
        eps=(its["epsilon"], None),
        elementwise_affine=("weight" in step.arrays, True),
    )
    return _layer(layer)


def _local_response_norm(step: GraphStep) -> Code:
    its = step.options
    numbers = {name: (its[name], usual) for name, usual in (("alpha", 1e-4), ("beta", 0.75))}
    return _layer(_built("LocalResponseNorm", its["size"], **numbers, k=(its["k"], 1.0)))


def _max_pool(step: GraphStep) -> Code:
    its, rank = step.options, step.rank
    pairs, spans = its["pairs"], _spans(step)
    own = its["mode"] == "zeros" and _fits(pairs, spans)
    given = "{0}"
    if not own:
        mode, border = its["mode"], "lowest"
        given = _padded(given, pairs, border if mode == "zeros" else mode)
        given = _padded(given, its["over"], border)
    layer = _built(
        f"MaxPool{rank}d",
        its["window"],
        stride=(its["stride"], its["window"]),
        padding=(tuple(low if own else 0 for low, _ in pairs), (0,) * rank),
        dilation=(its["dilation"], (1,) * rank),
        ceil_mode=(its["ceil_mode"] and own, False),
    )
    return Code(f"{{layer}}({given})", layer)


def _avg_pool(step: GraphStep) -> Code:
    its, rank = step.options, step.rank
    pairs, divisor = its["pairs"], its["divisor"]
    own = its["mode"] == "zeros" and _fits(pairs, its["window"])
    counts = its["count_include_pad"] or its["mode"] != "zeros" or not any(map(any, pairs))
    if not own and not counts and divisor is None:
        raise step.refusal("an uneven border that does not count has no counterpart in torch")
    given = "{0}" if own else _padded("{0}", pairs, its["mode"])
    whole = divisor is not None and rank == 1  # torch has no divisor for one axis
    if whole:
        given = _padded(given, its["over"], "zeros")
    layer = _built(
        f"AvgPool{rank}d",
        its["window"],
        stride=(its["stride"], its["window"]),
        padding=(tuple(low if own else 0 for low, _ in pairs), (0,) * rank),
        ceil_mode=(its["ceil_mode"] and not whole, False),
        count_include_pad=(counts or whole, True),
        divisor_override=(None if whole else divisor, None),
    )
    factor = f" * {its['window'][0]} / {divisor}" if whole else ""
    return Code(f"{{layer}}({given}){factor}", layer)


def _lp_pool(step: GraphStep) -> Code:
    its, window = step.options, step.options["window"]
    if math.isinf(its["p"]):
        return Code("{layer}({0}.abs())", _max_pool(step).layer)
    layer = _built(
        "LPPool2d",
        its["p"],
        window,
        stride=(its["stride"], window),
        ceil_mode=(its["ceil_mode"], False),
    )
    return _layer(layer)


def _adaptive(step: GraphStep) -> Code:
    kind = "Avg" if step.options["how"] == "mean" else "Max"
    return _layer(_built(f"Adaptive{kind}Pool2d", step.after[2:]))


def _global(step: GraphStep) -> Code:
    name = "mean" if step.options["how"] == "mean" else "amax"
    return Code(f"{{0}}.{name}({tuple(range(2, len(step.before)))})")


def _pad(step: GraphStep) -> Code:
    its = step.options
    return Code(_padded("{0}", its["pairs"], its["mode"], its["value"]))


def _resize(step: GraphStep) -> Code:
    its, rank = step.options, step.rank
    method, linear = its["method"], ("linear", "bilinear", "trilinear")[rank - 1]
    if rank != 2 and (method == "bicubic" or its["antialias"]):
        raise step.refusal("bicubic and antialias are for images only in torch")
    mode = {"bilinear": linear, "nearest_exact": "nearest-exact"}.get(method, method)
    given = [f"size={step.after[2:]}"]
    if its["scale"] is not None:
        scale = its["scale"]
        given = [f"scale_factor={tuple(scale) if isinstance(scale, Sequence) else scale}"]
    given += [f"mode={mode!r}"]
    given += [f"{name}=True" for name in ("align_corners", "antialias") if its[name]]
    return Code(f"F.interpolate({{0}}, {', '.join(given)})")


def _reorder(step: GraphStep) -> Code:
    image = step.options["image"]
    order = (0, *range(2, len(image) + 1), 1)
    return Code(f"{{0}}.unflatten(1, {image}).permute{order}.flatten(1)")


def _transpose(step: GraphStep) -> Code:
    return Code(f"{{0}}.permute{step.options['axes']}")


def _join(step: GraphStep) -> Code:
    names = [f"{{{i}}}" for i in range(len(step.inputs))]
    if step.options["how"] == "concat":
        return Code(f"torch.cat([{', '.join(names)}], 1)")
    return Code((" + " if step.options["how"] == "add" else " * ").join(names))


def _split(step: GraphStep) -> Code:
    return Code(f"torch.split({{0}}, {list(step.options['sizes'])}, 1)")


def _activation(step: GraphStep) -> Code:
    return _layer(f"nn.{_ACTIVATIONS[step.options['name']]}")


def _plain(name: str, *options: str) -> Rule:
    """The rule for a torch layer that takes some of the step's options in their order."""
    return lambda step: _layer(_built(name, *(step.options[option] for option in options)))


def _channel_dropout(step: GraphStep) -> Code:
    return _layer(_built(f"Dropout{max(step.rank, 1)}d", step.options["rate"]))


_ACTIVATIONS = {
    "celu": "CELU()",
    "elu": "ELU()",
    "gelu": "GELU()",
    "gelu_tanh": "GELU(approximate='tanh')",
    "hard_sigmoid": "Hardsigmoid()",
    "hard_swish": "Hardswish()",
    "hard_tanh": "Hardtanh()",
    "leaky_relu": "LeakyReLU()",
    "log_sigmoid": "LogSigmoid()",
    "mish": "Mish()",
    "relu": "ReLU()",
    "relu6": "ReLU6()",
    "selu": "SELU()",
    "sigmoid": "Sigmoid()",
    "silu": "SiLU()",
    "softplus": "Softplus()",
    "softsign": "Softsign()",
    "tanh": "Tanh()",
}

RULES: Mapping[str, Rule] = {
    "activation": _activation,
    "adaptive": _adaptive,
    "avg_pool": _avg_pool,
    "batch_norm": _batch_norm,
    "channel_dropout": _channel_dropout,
    "channel_shuffle": _plain("ChannelShuffle", "groups"),
    "convolution": _convolution,
    "dense": _dense,
    "dropout": _plain("Dropout", "rate"),
    "flatten": _plain("Flatten"),
    "global": _global,
    "group_norm": _group_norm,
    "identity": _plain("Identity"),
    "instance_norm": _instance_norm,
    "join": _join,
    "layer_norm": _layer_norm,
    "local_response_norm": _local_response_norm,
    "lp_pool": _lp_pool,
    "max_pool": _max_pool,
    "normalize": _normalize,
    "pad": _pad,
    "pixel_shuffle": _plain("PixelShuffle", "factor"),
    "reorder": _reorder,
    "resize": _resize,
    "rms_norm": _rms_norm,
    "scale": _scale,
    "split": _split,
    "transpose": _transpose,
    "transposed": _transposed,
}
"""The rule for each kind of step."""


def _layer(built: str) -> Code:
    return Code("{layer}({0})", built)


def _built(name: str, *values: Any, **options: tuple[Any, Any]) -> str:
    """The code of a layer; an option is its value and torch's default, which is left out."""
    given = [f"{key}={value!r}" for key, (value, usual) in options.items() if value != usual]
    return f"nn.{name}({', '.join([*map(repr, values), *given])})"


def _padded(x: str, pairs: Pairs, mode: str, value: float = 0) -> str:
    """The code of padding; torch lists the last axis first."""
    if all(pair == (0, 0) for pair in pairs):
        return x
    sides = tuple(side for pair in reversed(pairs) for side in pair)
    if mode == "lowest":
        return f"F.pad({x}, {sides}, value=float('-inf'))"
    if mode == "zeros":
        return f"F.pad({x}, {sides}{f', value={value!r}' if value else ''})"
    return f"F.pad({x}, {sides}, mode={mode!r})"


def _spans(step: GraphStep) -> list[int]:
    its = step.options
    pairs = zip(its["window"], its["dilation"], strict=True)
    return [(size - 1) * gap + 1 for size, gap in pairs]


def _fits(pairs: Pairs, spans: Sequence[int]) -> bool:
    """Whether a pool of torch can pad like this by itself."""
    return all(low == high <= span // 2 for (low, high), span in zip(pairs, spans, strict=True))

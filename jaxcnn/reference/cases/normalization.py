"""Cases of the normalizations."""

from collections.abc import Mapping, Sequence
from typing import Any

from jaxcnn.reference.cases.case import Case, Draw, normal, uniform


def _far(*shape: int) -> Draw:
    """Numbers whose mean is a hundred times their deviation."""
    return lambda rng: 100 + rng.standard_normal(shape)


def _spread(*shape: int) -> Draw:
    """Numbers of which a few are far beyond the others, so that some go beyond 6."""
    return lambda rng: rng.standard_normal(shape) ** 5


def _constant(*shape: int) -> Draw:
    """Equal numbers, whose variance is zero."""
    return lambda rng: 0.1 + 0 * rng.standard_normal(shape)


def _channels(c: int) -> tuple[Draw, ...]:
    """Scale and bias."""
    return normal(c), normal(c)


def _batch(label: str, x: Draw, c: int, affine: bool = True, **options: Any) -> Case:
    """Running statistics, and scale and bias where they are wanted."""
    arrays = (x, normal(c), uniform(c, low=0.5, high=2.0), *(_channels(c) if affine else ()))
    every = tuple(range(len(arrays)))
    return Case("batch_norm", label, arrays, options, differentiable=every, batched=every)


def _active(label: str, x: Draw, c: int, shape: Sequence[int] = (), **options: Any) -> Case:
    """As `_batch`, with an activation, and a residual of a shape where one is given."""
    own = _batch(label, x, c, **options)
    inputs = (*own.inputs, *((normal(*shape),) if shape else ()))
    every = tuple(range(len(inputs)))
    return Case(
        "batch_norm_activation",
        label,
        inputs,
        own.options,
        differentiable=every,
        batched=every,
        images=(0, 5) if shape else (0,),
    )


def _affine(op: str, label: str, options: Mapping[str, Any], *arrays: Draw) -> Case:
    """A case whose arrays all have gradients and may all be mapped over."""
    every = tuple(range(len(arrays)))
    return Case(op, label, arrays, options, differentiable=every, batched=every)


CASES = (
    _batch("train", normal(3, 2, 3, 2), 2, train=True),
    _batch("train-nchw", normal(2, 3, 2, 2), 3, train=True, layout="NCHW"),
    _batch("train-plain", normal(2, 3, 2), 2, affine=False, train=True),
    _batch("train-options", normal(2, 2, 2), 2, train=True, momentum=0.3, epsilon=0.1),
    _batch("train-momentum-one", normal(3, 2, 2), 2, train=True, momentum=1),
    _batch("train-volumes", normal(2, 1, 2, 2, 2), 2, train=True),
    _batch("train-two-values", normal(2, 1, 1, 3), 3, train=True, epsilon=0.1),
    _batch("train-far", _far(3, 2, 2), 2, train=True),
    _batch("train-constant", _constant(3, 2, 2), 2, train=True, epsilon=0.1),
    _batch("train-empty", normal(0, 2, 2, 3), 3, train=True),
    _batch("train-no-channels", normal(2, 2, 2, 0), 0, affine=False, train=True),
    _batch("eval", normal(2, 2, 3, 2), 2, train=False),
    _batch("eval-nchw", normal(2, 2, 2, 3), 2, train=False, epsilon=0.1, layout="NCHW"),
    _batch("eval-plain", normal(2, 3, 2), 2, affine=False, train=False),
    _batch("eval-one-value", normal(1, 1, 1, 2), 2, train=False),
    _batch("eval-empty", normal(0, 2, 2, 3), 3, train=False),
    _active("train", normal(3, 2, 3, 2), 2, train=True),
    _active("train-nchw", normal(2, 3, 2, 2), 3, train=True, layout="NCHW"),
    _active("train-six", _spread(2, 3, 2), 2, train=True, activation="relu6"),
    _active("train-residual", normal(2, 2, 3, 2), 2, (2, 2, 3, 2), train=True),
    _active("train-residual-six", _spread(2, 3, 2), 2, (2, 3, 2), train=True, activation="relu6"),
    _active("train-options", normal(3, 2, 2), 2, train=True, epsilon=0.1, momentum=0.3),
    _active("train-empty", normal(0, 2, 2, 3), 3, train=True),
    _active("eval", normal(2, 2, 3, 2), 2, train=False),
    _active("eval-residual", normal(2, 3, 2), 2, (2, 3, 2), train=False, activation="relu6"),
    _affine("layer_norm", "last", {"axes": -1}, normal(2, 3, 4), normal(4), normal(4)),
    _affine("layer_norm", "plain", {"axes": 1}, normal(3, 4)),
    _affine("layer_norm", "image", {"axes": (1, 2, 3)}, normal(2, 2, 3, 2), *[normal(2, 3, 2)] * 2),
    _affine("layer_norm", "unordered", {"axes": (-1, -3)}, normal(2, 3, 2, 2), *[normal(3, 2)] * 2),
    _affine("layer_norm", "first", {"axes": [0]}, normal(3, 2), normal(3)),
    _affine("layer_norm", "whole", {"axes": (0, 1), "epsilon": 0.1}, normal(2, 3)),
    _affine("layer_norm", "one-feature", {"axes": -1, "epsilon": 1}, normal(2, 1), normal(1)),
    _affine("layer_norm", "constant", {"axes": -1, "epsilon": 0.1}, _constant(2, 3)),
    _affine("layer_norm", "far", {"axes": -1}, _far(2, 5)),
    _affine("layer_norm", "empty", {"axes": -1}, normal(0, 3), normal(3), normal(3)),
    _affine("layer_norm", "no-features", {"axes": -1}, normal(2, 0), normal(0), normal(0)),
    _affine("rms_norm", "last", {"axes": -1}, normal(2, 3, 4), normal(4)),
    _affine("rms_norm", "plain", {"axes": 1, "epsilon": 1e-3}, normal(3, 4)),
    _affine("rms_norm", "image", {"axes": (1, -1)}, normal(2, 2, 3, 2), normal(2, 2)),
    _affine("rms_norm", "one-feature", {"axes": -1, "epsilon": 1}, normal(2, 1), normal(1)),
    _affine("rms_norm", "zeros", {"axes": -1, "epsilon": 0.1}, lambda rng: 0 * rng.random((2, 3))),
    _affine("rms_norm", "empty", {"axes": -1}, normal(0, 3), normal(3)),
    _affine("group_norm", "images", {"groups": 2}, normal(2, 2, 2, 4), *_channels(4)),
    _affine(
        "group_norm", "nchw", {"groups": 2, "layout": "NCHW"}, normal(2, 4, 2, 1), *_channels(4)
    ),
    _affine("group_norm", "plain", {"groups": 3, "epsilon": 0.1}, normal(2, 2, 6)),
    _affine("group_norm", "one-group", {"groups": 1}, normal(2, 3, 2), *_channels(2)),
    _affine("group_norm", "groups-of-one", {"groups": 2}, normal(2, 3, 2), *_channels(2)),
    _affine("group_norm", "volumes", {"groups": 2}, normal(1, 2, 1, 2, 4), *_channels(4)),
    _affine("group_norm", "one-value", {"groups": 2, "epsilon": 1}, normal(2, 1, 2)),
    _affine("group_norm", "far", {"groups": 2}, _far(1, 3, 4)),
    _affine("group_norm", "empty", {"groups": 2}, normal(0, 2, 2, 4), *_channels(4)),
    _affine("group_norm", "no-channels", {"groups": 2}, normal(2, 2, 2, 0), *_channels(0)),
    _affine("instance_norm", "images", {}, normal(2, 3, 2, 2), *_channels(2)),
    _affine("instance_norm", "nchw", {"layout": "NCHW"}, normal(2, 2, 3, 2), *_channels(2)),
    _affine("instance_norm", "plain", {"epsilon": 0.1}, normal(2, 4, 3)),
    _affine("instance_norm", "volumes", {}, normal(2, 1, 2, 3, 2), *_channels(2)),
    _affine("instance_norm", "far", {}, _far(2, 5, 2)),
    _affine("instance_norm", "empty", {}, normal(0, 2, 2, 3), *_channels(3)),
    _affine("instance_norm", "no-pixels", {}, normal(2, 0, 2, 3), *_channels(3)),
    _affine("local_response_norm", "odd", {"size": 3, "alpha": 0.5}, normal(2, 2, 2, 5)),
    _affine("local_response_norm", "even", {"size": 2, "alpha": 0.5}, normal(1, 2, 5)),
    _affine(
        "local_response_norm",
        "alexnet",
        {"size": 5, "alpha": 5e-4, "beta": 0.75, "k": 2},
        normal(1, 2, 2, 7),
    ),
    _affine("local_response_norm", "defaults", {"size": 5}, normal(1, 1, 2, 6)),
    _affine("local_response_norm", "one", {"size": 1, "alpha": 2, "beta": 1}, normal(1, 2, 3)),
    _affine("local_response_norm", "wide", {"size": 9, "alpha": 1, "beta": 0.5}, normal(2, 2, 3)),
    _affine(
        "local_response_norm",
        "nchw",
        {"size": 4, "alpha": 0.5, "k": 0.5, "layout": "NCHW"},
        normal(2, 5, 2, 1),
    ),
    _affine("local_response_norm", "volumes", {"size": 3, "alpha": 1}, normal(1, 1, 2, 1, 4)),
    _affine("local_response_norm", "empty", {"size": 3}, normal(0, 2, 2, 4)),
)

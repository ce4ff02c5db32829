"""Checks each property that all layers share on every example layer."""

import inspect
import operator

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxcnn import layers
from jaxcnn.layers import Layer, rebuild, summary
from jaxcnn.layers.layer import Description
from tests.layers.cases import CASES, case_id, started
from tests.ops.properties import quick, strictly
from tests.outcomes import proving

KEY = jax.random.key(7)
KINDS = [
    name
    for name, value in vars(layers).items()
    if name[0].isupper() and inspect.isfunction(value) and hasattr(value, "__wrapped__")
]


EXPENSIVE = {"test_jit", "test_members", "test_second_derivatives", "test_receptive_field"}
"""What `make test` and `make slow` prove of the first case of each layer only, `make deep` of all."""

SLOW = {"test_members", "test_receptive_field"}
"""What `make test` leaves to `make slow`."""


def pytest_generate_tests(metafunc):
    if "case" in metafunc.fixturenames:
        name = metafunc.function.__name__
        cases = [pytest.param(case, id=case_id(case), marks=marks(name, case)) for case in CASES]
        metafunc.parametrize("case", cases)


def marks(test, case):
    """Whether a test of a case is left to `make slow` or `make deep`."""
    if test in EXPENSIVE and not case_id(case).endswith("-0"):
        return pytest.mark.deep
    return pytest.mark.slow if test in SLOW else ()


@pytest.fixture
def prove(record_property, case):
    """Record that a property held, for the table in docs/layers.md."""
    return lambda name: proving(record_property, case.kind, name)


def close(found, wanted, **tolerances):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, **tolerances), found, wanted)


def test_every_layer_has_a_case():
    assert set(KINDS) == {case.kind for case in CASES}
    assert len(KINDS) >= 44


@pytest.mark.slow
def test_runs(case, prove):
    """It starts, and runs at evaluation and in training, with shapes that stay the same."""
    layer, params, state, x = started(case)

    @quick
    def results(params, state, x):
        first = layer.apply(params, state, x[:1])[0]
        return (
            layer.apply(params, state, x),
            first,
            layer.apply(params, state, x, train=True, key=KEY),
        )

    with strictly(x64=False):
        (y, same), first, (trained, after) = results(params, state, x)
    with prove("eval"):
        assert y.dtype == jnp.float32
        assert np.isfinite(y).all()
        close(same, state)
        close(first, y[:1], rtol=1e-5, atol=1e-5)  # no example depends on the others
    with prove("train"):
        assert (trained.shape, trained.dtype) == (y.shape, y.dtype)
        assert np.isfinite(trained).all()
        assert jax.tree.map(jnp.shape, after) == jax.tree.map(jnp.shape, state)


@pytest.mark.slow
def test_is_rebuilt(case, prove):
    """The description suffices: the rebuilt layer draws and computes the same."""
    layer, params, state, x = started(case)
    with prove("rebuild"):
        again = rebuild(layer)
        assert layer.description.name == case.kind
        assert repr(again) == repr(layer)
        start, wanted = (it.init(KEY, case.shape) for it in (again, layer))
        assert jax.tree.structure(start) == jax.tree.structure(wanted)
        close(start, wanted, rtol=0)
        options = {"train": True, "key": KEY}
        close(again.apply(params, state, x, **options), layer.apply(params, state, x, **options))


def test_jit(case, prove):
    layer, params, state, x = started(case)
    with prove("jit"):
        run = jax.jit(layer.apply, static_argnames="train")
        for options in ({}, {"train": True, "key": KEY}):
            eager = layer.apply(params, state, x, **options)
            close(run(params, state, x, **options), eager, rtol=1e-4, atol=1e-5)


def test_members(case, prove):
    """Several seeds at once, as a sweep trains them, each equal to itself alone."""
    layer, _, _, x = started(case)
    with prove("vmap"):
        keys = jax.random.split(KEY, 2)
        starts = jax.vmap(lambda key: layer.init(key, case.shape))(keys)

        def run(start, key):
            return layer.apply(*start, x, train=True, key=key)

        found, single = quick(jax.vmap(run))(starts, keys), quick(run)
        for member in range(2):
            alone = layer.init(keys[member], case.shape)
            start, mine = jax.tree.map(operator.itemgetter(member), (starts, found))
            close(start, alone, rtol=1e-6)
            close(mine, single(alone, keys[member]), rtol=1e-4, atol=1e-5)


@pytest.mark.deep
def test_second_derivatives(case, prove):
    """The gradient's derivative along a direction, beside the difference of two gradients."""
    with prove("hessian"), strictly(x64=True):
        layer, params, state, x = started(case, jnp.float64)
        rng = np.random.default_rng(3)
        y = layer.apply(params, state, x, train=True, key=KEY)[0]
        weights = jnp.asarray(rng.normal(size=y.shape))
        along = jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape)), (params, x))

        def value(params, x):
            y, _ = layer.apply(params, state, x, train=True, key=KEY)
            return (weights * y).sum()

        gradient = quick(jax.grad(value, argnums=(0, 1)))

        def moved(step):
            return gradient(*jax.tree.map(lambda a, b: a + step * b, (params, x), along))

        pushed = jax.jvp(gradient, (params, x), along)[1]
        step = 1e-6
        difference = jax.tree.map(lambda a, b: (a - b) / (2 * step), moved(step), moved(-step))
        scale = max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(pushed)) + 1
        close(pushed, difference, rtol=1e-4, atol=1e-6 * scale)


def plainly(layer: Layer, params, x):
    """A convolution or a dense layer as one plain lax program over an input with its padding."""
    its = layer.description.options
    if layer.description.name == "Dense":
        return x @ params["kernel"]
    kernel = params.get("kernel", params.get("depthwise_kernel"))
    rank = kernel.ndim - 2
    spatial = "DHW"[-rank:]
    first = its["layout"].endswith("C")
    images = f"N{spatial}C" if first else f"NC{spatial}"
    each = {name: its.get(name, 1) for name in ("stride", "dilation")}
    each = {name: (size,) * rank if isinstance(size, int) else size for name, size in each.items()}
    names = (images, f"{spatial}IO", images)
    if "Transpose" in layer.description.name:
        flipped, groups = jnp.flip(kernel, range(rank)), its["groups"]
        # lax has the groups on the kernel's last axis.
        flipped = jnp.concatenate(jnp.split(flipped, groups, -2), -1)
        span = [(size - 1) * gap for size, gap in zip(kernel.shape, each["dilation"], strict=False)]
        return lax.conv_general_dilated(
            x, flipped, (1,) * rank, [(size, size) for size in span], lhs_dilation=each["stride"],
            rhs_dilation=each["dilation"], dimension_numbers=names, feature_group_count=groups,
        )  # fmt: skip
    channels = x.shape[-1 if first else 1]
    y = lax.conv_general_dilated(
        x, kernel, each["stride"], "VALID", rhs_dilation=each["dilation"],
        dimension_numbers=names, feature_group_count=channels // kernel.shape[-2],
    )  # fmt: skip
    if "pointwise_kernel" in params:
        y = lax.conv_general_dilated(y, params["pointwise_kernel"], (1, 1), "VALID", dimension_numbers=names)  # fmt: skip
    return y


def test_flops(case, prove):
    """What the summary counts is what XLA counts of the plain program, whose input is padded."""
    layer, params, state, x = started(case)
    options = layer.description.options
    if not case.kind.startswith(("Conv", "Depthwise", "Separable", "Dense")):
        rows = summary(layer, case.shape, layout=case.layout)
        assert all(row.flops is not None for row in rows)
        return
    with prove("flops"):
        if "padding" in options and "Transpose" not in case.kind:
            y = layer.apply(params, state, x)[0]
            spatial = [i for i, axis in enumerate(options["layout"]) if axis not in "NC"]
            kernel = next(leaf for leaf in jax.tree.leaves(params) if leaf.ndim > 2)
            shape = list(case.shape)
            for axis, size in zip(spatial, kernel.shape, strict=False):
                at = axis - spatial[0]
                stride, gap = (
                    value if isinstance(value, int) else value[at]
                    for value in (options["stride"], options.get("dilation", 1))
                )
                shape[axis] = (y.shape[axis] - 1) * stride + (size - 1) * gap + 1
        else:
            shape, layer = case.shape, rebuild(layer, **({"padding": 0, "output_padding": 0} if "padding" in options else {}))  # fmt: skip
        plain = jax.jit(lambda params, x: plainly(layer, params, x))
        program = plain.lower(params, jnp.zeros(shape)).compile()
        (row,) = summary(layer, case.shape, layout=case.layout)
        assert row.flops == program.cost_analysis()["flops"]


def dependence(layer, params, state, shape, layout):
    """For each position of the output the box of input positions that it depends on."""
    samples = 48
    x = jax.random.normal(KEY, (samples, *shape[1:]))
    y = jax.eval_shape(layer.apply, params, state, x)[0]
    channel = 1 if layout in ("NCW", "NCHW") else -1
    spatial_in = [axis for axis in range(1, x.ndim) if axis != channel % x.ndim]
    keeps = y.ndim == x.ndim

    def positions(x):
        y = layer.apply(params, state, x[None])[0]
        # The squares, so that equal numbers of opposite signs do not cancel.
        return (y**2).sum((0, channel)) if keeps else y.reshape(-1) ** 2

    gradients = jax.jit(lambda x: jnp.abs(jax.lax.map(jax.jacrev(positions), x)).sum(0))(x)
    rank = len(spatial_in)
    seen = np.asarray(gradients > 0).any(-1 if channel == -1 else gradients.ndim - rank - 1)
    return seen, gradients.ndim - 1 - rank


def test_receptive_field(case, prove):
    """Its size, stride and offset are those of the pixels that have a gradient."""
    if len(case.shape) == 2:
        return
    layer, params, state, _ = started(case)
    field = summary(layer, case.shape, layout=case.layout)[-1].receptive_field
    with prove("field"):
        seen, rank_out = dependence(layer, params, state, case.shape, case.layout)
        sizes = seen.shape[rank_out:]
        for axis, size in enumerate(sizes):
            others = tuple(rank_out + i for i in range(len(sizes)) if i != axis)
            along = seen.any(others) if others else seen
            if rank_out == len(sizes):
                middle = tuple(n // 2 if i != axis else slice(None) for i, n in enumerate(seen.shape[:rank_out]))  # fmt: skip
                along = along[middle]
            else:
                along = along.reshape(-1, size)
            boxes = [(int(row.argmax()), int(size - 1 - row[::-1].argmax())) if row.any() else None for row in along]  # fmt: skip
            lengths = [high - low + 1 for low, high in filter(None, boxes)]
            assert max(lengths) == min(field.size[axis], size)
            if rank_out == len(sizes):
                agrees(boxes, size, field.size[axis], field.stride[axis], field.offset[axis])


def agrees(boxes, size, extent, stride, offset):
    """Where a field lies within the image, it is the box; in between, it is near."""
    if stride != int(stride):
        near = [abs(box[0] - offset - place * stride) for place, box in enumerate(boxes) if box]
        assert max(near) <= extent + 1
        return
    lows = {place: offset + place * stride for place in range(len(boxes))}
    inside = {place: low for place, low in lows.items() if low >= 0 and low + extent <= size}
    assert inside
    assert {place: boxes[place] for place in inside} == {
        place: (low, low + extent - 1) for place, low in inside.items()
    }


def test_what_is_not_described_is_unknown():
    layer = layers.Conv2d(3, 3)._replace(description=Description())
    (row,) = summary(layer, (1, 8, 8, 2))
    assert (row.kind, row.flops, row.receptive_field) == ("Layer", None, None)
    with pytest.raises(ValueError, match="rebuild: the layer has no description"):
        rebuild(layer)

"""`layer_norm`, `rms_norm`, `group_norm`, `instance_norm` and `local_response_norm`."""

import math
import re
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxcnn as jc
from jaxcnn.reference.register import reference
from tests.ops.properties import strictly

images = jnp.ones((2, 3, 3, 4))
vectors = jnp.ones((2, 6))

REFUSED: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "layer_norm list": (
        lambda: jc.layer_norm([1.0], axes=0),
        TypeError,
        "layer_norm: `x` must be an array, got list",
    ),
    "layer_norm integers": (
        lambda: jc.layer_norm(jnp.arange(3), axes=0),
        TypeError,
        "layer_norm: `x` must be floating point, got int32; `x.astype(jnp.float32)` makes them real",
    ),
    "layer_norm no axes": (
        lambda: jc.layer_norm(vectors, axes=()),
        ValueError,
        "layer_norm: `axes` must name at least one axis, got ()",
    ),
    "layer_norm axis above": (
        lambda: jc.layer_norm(vectors, axes=2),
        ValueError,
        "layer_norm: `axes` must be below 2, the axes of `x`, got 2",
    ),
    "layer_norm axis below": (
        lambda: jc.layer_norm(vectors, axes=(-3,)),
        ValueError,
        "layer_norm: `axes` must be at least -2, got -3",
    ),
    "layer_norm axis twice": (
        lambda: jc.layer_norm(vectors, axes=(1, -1)),
        ValueError,
        "layer_norm: `axes` must be different axes, got (1, -1)",
    ),
    "layer_norm axis name": (
        lambda: jc.layer_norm(vectors, axes="c"),
        TypeError,
        "layer_norm: `axes` must be an int, got 'c'",
    ),
    "layer_norm scale shape": (
        lambda: jc.layer_norm(vectors, jnp.ones(2), axes=-1),
        ValueError,
        "layer_norm: `scale` must have shape (6,) for an `x` of shape (2, 6), got (2,)",
    ),
    "layer_norm bias kind": (
        lambda: jc.layer_norm(vectors, None, 0.0, axes=-1),
        TypeError,
        "layer_norm: `bias` must be an array, got float",
    ),
    "layer_norm bias dtype": (
        lambda: jc.layer_norm(vectors, None, jnp.ones(6, jnp.bfloat16), axes=-1),
        TypeError,
        "layer_norm: `bias` must be float32 for an `x` of float32, got bfloat16",
    ),
    "layer_norm scale of other half": (
        lambda: jc.layer_norm(vectors.astype(jnp.bfloat16), jnp.ones(6, jnp.float16), axes=-1),
        TypeError,
        "layer_norm: `scale` must be bfloat16 or float32 for an `x` of bfloat16, got float16",
    ),
    "layer_norm epsilon kind": (
        lambda: jc.layer_norm(vectors, axes=-1, epsilon=jnp.ones(())),
        TypeError,
        "layer_norm: `epsilon` must be a real number, got Array(1., dtype=float32)",
    ),
    "layer_norm epsilon bool": (
        lambda: jc.layer_norm(vectors, axes=-1, epsilon=True),
        TypeError,
        "layer_norm: `epsilon` must be a real number, got True",
    ),
    "layer_norm epsilon": (
        lambda: jc.layer_norm(vectors, axes=-1, epsilon=-1e-5),
        ValueError,
        "layer_norm: `epsilon` must be a finite number in [0, inf], got -1e-05",
    ),
    "layer_norm epsilon nan": (
        lambda: jc.layer_norm(vectors, axes=-1, epsilon=math.nan),
        ValueError,
        "layer_norm: `epsilon` must be a finite number in [0, inf], got nan",
    ),
    "rms_norm integers": (
        lambda: jc.rms_norm(jnp.arange(3), axes=0),
        TypeError,
        "rms_norm: `x` must be floating point, got int32; `x.astype(jnp.float32)` makes them real",
    ),
    "rms_norm axes": (
        lambda: jc.rms_norm(vectors, axes=2),
        ValueError,
        "rms_norm: `axes` must be below 2, the axes of `x`, got 2",
    ),
    "rms_norm scale": (
        lambda: jc.rms_norm(vectors, jnp.ones((6, 1)), axes=-1),
        ValueError,
        "rms_norm: `scale` must have shape (6,) for an `x` of shape (2, 6), got (6, 1)",
    ),
    "rms_norm epsilon": (
        lambda: jc.rms_norm(vectors, axes=-1, epsilon=math.inf),
        ValueError,
        "rms_norm: `epsilon` must be a finite number in [0, inf], got inf",
    ),
    "group_norm rank": (
        lambda: jc.group_norm(jnp.ones(4), groups=2),
        ValueError,
        "group_norm: `x` must have a batch axis, 1 to 3 spatial axes and a channel axis, "
        "got 1 axes",
    ),
    "group_norm layout": (
        lambda: jc.group_norm(images, groups=2, layout="NWC"),
        ValueError,
        "group_norm: `layout` must be one of ('NHWC', 'NCHW'), got 'NWC'",
    ),
    "group_norm layout of vectors": (
        lambda: jc.group_norm(vectors, groups=2, layout="NHWC"),
        ValueError,
        "group_norm: `layout` must be 'NC' for an `x` of 2 axes, got 'NHWC'",
    ),
    "group_norm groups": (
        lambda: jc.group_norm(images, groups=3),
        ValueError,
        "group_norm: `groups` 3 must divide the 4 channels of `x` (layout NHWC)",
    ),
    "group_norm groups kind": (
        lambda: jc.group_norm(images, groups=2.0),
        TypeError,
        "group_norm: `groups` must be an int, got 2.0",
    ),
    "group_norm no groups": (
        lambda: jc.group_norm(images, groups=0),
        ValueError,
        "group_norm: `groups` must be at least 1, got 0",
    ),
    "group_norm one value": (
        lambda: jc.group_norm(jnp.ones((1, 1, 1, 4)), groups=4),
        ValueError,
        "group_norm: needs more than 1 value per group, got `x` of shape (1, 1, 1, 4) "
        "in 4 groups (layout NHWC)",
    ),
    "group_norm scale": (
        lambda: jc.group_norm(images, jnp.ones(3), groups=2, layout="NCHW"),
        ValueError,
        "group_norm: `groups` 2 must divide the 3 channels of `x` (layout NCHW)",
    ),
    "group_norm bias": (
        lambda: jc.group_norm(images, None, jnp.ones(3), groups=2),
        ValueError,
        "group_norm: `bias` must have shape (4,) for an `x` of shape (2, 3, 3, 4), got (3,)",
    ),
    "group_norm epsilon": (
        lambda: jc.group_norm(images, groups=2, epsilon="1e-5"),
        TypeError,
        "group_norm: `epsilon` must be a real number, got '1e-5'",
    ),
    "instance_norm rank": (
        lambda: jc.instance_norm(vectors),
        ValueError,
        "instance_norm: `x` must have a batch axis, 1 to 3 spatial axes and a channel axis, "
        "got 2 axes",
    ),
    "instance_norm one pixel": (
        lambda: jc.instance_norm(jnp.ones((5, 1, 1, 3))),
        ValueError,
        "instance_norm: needs more than 1 position, got `x` of shape (5, 1, 1, 3) (layout NHWC)",
    ),
    "instance_norm layout": (
        lambda: jc.instance_norm(images, layout="CHWN"),
        ValueError,
        "instance_norm: `layout` must be one of ('NHWC', 'NCHW'), got 'CHWN'",
    ),
    "instance_norm scale": (
        lambda: jc.instance_norm(images, jnp.ones(4), layout="NCHW"),
        ValueError,
        "instance_norm: `scale` must have shape (3,) for an `x` of shape (2, 3, 3, 4), got (4,)",
    ),
    "instance_norm epsilon": (
        lambda: jc.instance_norm(images, epsilon=-1),
        ValueError,
        "instance_norm: `epsilon` must be a finite number in [0, inf], got -1.0",
    ),
    "local_response_norm rank": (
        lambda: jc.local_response_norm(vectors, size=2),
        ValueError,
        "local_response_norm: `x` must have a batch axis, 1 to 3 spatial axes and a channel "
        "axis, got 2 axes",
    ),
    "local_response_norm integers": (
        lambda: jc.local_response_norm(jnp.ones((1, 2, 3), int), size=2),
        TypeError,
        "local_response_norm: `x` must be floating point, got int32; `x.astype(jnp.float32)` makes them real",
    ),
    "local_response_norm layout": (
        lambda: jc.local_response_norm(images, size=2, layout="NC"),
        ValueError,
        "local_response_norm: `layout` must be one of ('NHWC', 'NCHW'), got 'NC'",
    ),
    "local_response_norm size": (
        lambda: jc.local_response_norm(images, size=0),
        ValueError,
        "local_response_norm: `size` must be at least 1, got 0",
    ),
    "local_response_norm size kind": (
        lambda: jc.local_response_norm(images, size=2.5),
        TypeError,
        "local_response_norm: `size` must be an int, got 2.5",
    ),
    "local_response_norm alpha": (
        lambda: jc.local_response_norm(images, size=2, alpha=-1.0),
        ValueError,
        "local_response_norm: `alpha` must be a finite number in [0, inf], got -1.0",
    ),
    "local_response_norm beta": (
        lambda: jc.local_response_norm(images, size=2, beta=math.inf),
        ValueError,
        "local_response_norm: `beta` must be a finite number, got inf",
    ),
    "local_response_norm k": (
        lambda: jc.local_response_norm(images, size=2, k=None),
        TypeError,
        "local_response_norm: `k` must be a real number, got None",
    ),
}


@pytest.mark.parametrize("label", REFUSED)
def test_refuses(label: str) -> None:
    call, error, message = REFUSED[label]
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        call()


@pytest.mark.slow
def test_plain_vectors_have_groups_too() -> None:
    x = np.random.default_rng(0).standard_normal((3, 6))
    with strictly(x64=True):
        for layout in (None, "NC"):
            got = jc.group_norm(x, np.arange(6.0), np.ones(6), groups=2, layout=layout)
            as_signals = jc.group_norm(x[:, None], np.arange(6.0), np.ones(6), groups=2)
            np.testing.assert_allclose(got, as_signals[:, 0], rtol=1e-13)


def _far(*shape: int) -> np.ndarray:
    """Float32 numbers of mean 1e4 and deviation 1."""
    return (1e4 + np.random.default_rng(1).standard_normal(shape)).astype(np.float32)


@pytest.mark.parametrize(
    ("op", "x", "options"),
    [
        ("layer_norm", _far(4, 20_000), {"axes": -1}),
        ("group_norm", _far(2, 50, 50, 8), {"groups": 2}),
        ("instance_norm", _far(2, 8, 90, 90), {"layout": "NCHW"}),
    ],
)
def test_a_large_mean_costs_no_digits(op: str, x: np.ndarray, options: dict[str, Any]) -> None:
    exact = reference(op)
    assert exact is not None
    np.testing.assert_allclose(getattr(jc, op)(x, **options), exact(x, **options), atol=5e-6)


@pytest.mark.parametrize("count", [3, 77, 1000])
def test_equal_numbers_become_zeros(count: int) -> None:
    """Also where their mean is rounded, and the variance is nothing but that rounding."""
    constants = 10 ** np.random.default_rng(4).uniform(-5, 18, 300)
    x = jnp.asarray(np.repeat(constants[:, None], count, 1), jnp.float32)
    np.testing.assert_allclose(jax.jit(lambda x: jc.layer_norm(x, axes=1))(x), 0, atol=1e-2)


@pytest.mark.slow
def test_halves_do_not_overflow() -> None:
    x = jnp.array([[60_000.0, -60_000.0, 0.0]], jnp.float16)
    np.testing.assert_allclose(jc.layer_norm(x, axes=-1), [[1.2247, -1.2247, 0]], atol=1e-3)
    np.testing.assert_allclose(jc.rms_norm(x, axes=-1), [[1.2247, -1.2247, 0]], atol=1e-3)
    y = jc.local_response_norm(x[None], size=1, alpha=1.0, beta=0.5)
    np.testing.assert_allclose(y, [[[1, -1, 0]]], atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_halves_may_come_with_float32_parameters(dtype: Any) -> None:
    rng = np.random.default_rng(2)
    x = jnp.asarray(rng.standard_normal((2, 3, 4)), dtype)
    scale, bias = jnp.asarray(rng.standard_normal((2, 4)), jnp.float32)
    for op in (
        lambda x: jc.layer_norm(x, scale, bias, axes=-1),
        lambda x: jc.rms_norm(x, scale, axes=-1),
        lambda x: jc.group_norm(x, scale, bias, groups=2),
        lambda x: jc.instance_norm(x, scale, bias),
    ):
        with strictly(x64=False):
            y, wide = op(x), op(x.astype(jnp.float32))
        assert y.dtype == dtype
        np.testing.assert_array_equal(y, wide.astype(dtype))


@pytest.mark.parametrize(
    ("dtype", "epsilon"),
    [(jnp.float32, 2.0**-23), (jnp.bfloat16, 2.0**-23), (jnp.float64, 2.0**-52)],
)
def test_rms_norm_epsilon_is_the_machine_epsilon_of_the_mean(dtype: Any, epsilon: float) -> None:
    with strictly(x64=True):
        x = jnp.full(4, 2.0**-13, dtype)
        want = jnp.asarray(2.0**-13 / math.sqrt(2.0**-26 + epsilon), dtype)
        np.testing.assert_allclose(jc.rms_norm(x, axes=0), jnp.full(4, want), rtol=1e-6)


def test_local_response_norm_is_alexnets() -> None:
    """The sums of Krizhevsky's paper, whose alpha is not divided by the size."""
    a = np.random.default_rng(3).standard_normal((1, 2, 2, 9)) * 30
    b = np.zeros_like(a)
    for i in range(9):
        window = a[..., max(0, i - 2) : min(8, i + 2) + 1]
        b[..., i] = a[..., i] / (2 + 1e-4 * (window**2).sum(-1)) ** 0.75
    with strictly(x64=True):
        y = jc.local_response_norm(a, size=5, alpha=5 * 1e-4, beta=0.75, k=2)
    np.testing.assert_allclose(y, b, rtol=1e-12)


def test_local_response_norm_without_k_is_nan_for_zeros_as_in_torch() -> None:
    assert np.isnan(jc.local_response_norm(jnp.zeros((1, 1, 2)), size=3, k=0.0)).all()

"""The sizes of results and the receptive fields."""

from typing import Any

import hypothesis
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import strategies as st

import jaxcnn as jc
from tests.sweep import sweep


@pytest.mark.parametrize(
    ("arguments", "options", "shape"),
    [
        ((28, 5), {"padding": 2}, (28,)),
        (((28, 28), 2), {"stride": 2}, (14, 14)),
        (((7, 8), 3), {"stride": 2, "padding": "same"}, (4, 4)),
        (((7, 8), (3, 2)), {"padding": "full"}, (9, 9)),
        (((9, 9, 9), 3), {"dilation": (1, 2, 3)}, (7, 5, 3)),
        (((5, 6), 2), {"stride": 2}, (2, 3)),
        (((5, 6), 2), {"stride": 2, "ceil_mode": True}, (3, 3)),
        # A window that would start in the high padding is not counted.
        ((4, 1), {"stride": 3, "padding": 1, "ceil_mode": True}, (2,)),
        ((5, 2), {"stride": 3, "padding": 1, "ceil_mode": True}, (2,)),
    ],
)
def test_conv_output_shape(arguments: Any, options: Any, shape: Any) -> None:
    assert jc.conv_output_shape(*arguments, **options) == shape


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("28", 5), {}, "conv_output_shape: `input_shape` must be 1 to 3 spatial sizes, got '28'"),
        (((1, 2, 3, 4), 5), {}, "`input_shape` must be 1 to 3 spatial sizes"),
        ((0, 1), {}, "`input_shape` must be at least 1, got 0"),
        ((4, 1), {"padding": ((-5, 6),)}, r"`padding` \(-5, 6\) crops more than there is"),
        ((4, 5), {}, r"the window spans \(5,\), but the padded input is only \(4,\)"),
        ((4, 2), {"stride": 0}, "`stride` must be at least 1"),
        ((4, 0), {}, "`window` must be at least 1"),
    ],
)
def test_conv_output_shape_refuses(arguments: Any, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        jc.conv_output_shape(*arguments, **options)


def test_transposed_refuses() -> None:
    with pytest.raises(ValueError, match="conv_transpose_output_shape: the result would have"):
        jc.conv_transpose_output_shape(2, 2, padding=2)
    with pytest.raises(ValueError, match="`output_padding` must be smaller than"):
        jc.conv_transpose_output_shape(2, 2, output_padding=1)


small = st.tuples(st.integers(1, 3), st.integers(1, 3))


@sweep(30)
@hypothesis.given(
    st.tuples(st.integers(8, 10), st.integers(8, 10)),
    small,
    small,
    small,
    st.sampled_from([0, 1, (0, 2), ((0, 1), (2, 0)), ((-2, 1), (0, -1)), "valid", "same", "full"]),
)
def test_shapes_are_those_of_the_ops(
    sizes: Any, window: Any, stride: Any, dilation: Any, padding: Any
) -> None:
    options = {"stride": stride, "dilation": dilation, "padding": padding}
    x = jax.ShapeDtypeStruct((1, *sizes, 1), jnp.float32)
    kernel = jax.ShapeDtypeStruct((*window, 1, 1), jnp.float32)
    y = jax.eval_shape(lambda x, k: jc.conv2d(x, k, **options), x, kernel)
    assert jc.conv_output_shape(sizes, window, **options) == y.shape[1:3]
    y = jax.eval_shape(lambda x, k: jc.conv_transpose2d(x, k, **options), x, kernel)
    assert jc.conv_transpose_output_shape(sizes, window, **options) == y.shape[1:3]


LENET = (
    {"window": 5, "padding": 2},
    {"window": 2, "stride": 2},
    {"window": 5},
    {"window": 2, "stride": 2},
)


def test_receptive_field_of_lenet() -> None:
    fields = jc.receptive_field(LENET)
    assert [f.size for f in fields] == [(5,), (6,), (14,), (16,)]
    assert [f.stride for f in fields] == [(1,), (2,), (2,), (4,)]
    assert [f.offset for f in fields] == [(-2,)] * 4


def test_receptive_field_begins_behind_what_is_cropped() -> None:
    layers = [{"window": 3, "padding": ((-2, 0),)}, {"window": 3, "padding": ((-1, 1),)}]
    assert [f.offset for f in jc.receptive_field(layers)] == [(2,), (3,)]


def test_receptive_field_of_nothing() -> None:
    assert jc.receptive_field([]) == ()


def test_receptive_field_is_what_the_gradient_reaches() -> None:
    layers: list[dict[str, Any]] = [
        {"window": (3, 2), "padding": ((1, 0), (0, 0)), "stride": (1, 2)},
        {"window": 3, "dilation": (2, 1), "padding": "same"},
        {"window": 2, "stride": 2},
    ]

    def network(x: jax.Array) -> jax.Array:
        for layer in layers:
            options = dict(layer)
            window = options.pop("window")
            window = (window, window) if isinstance(window, int) else window
            x = jc.conv2d(x, jnp.ones((*window, 1, 1)), **options)
        return x

    field = jc.receptive_field(layers)[-1]
    for output in ((0, 0), (2, 1), (4, 3)):
        seen = jax.grad(lambda x, at=output: network(x)[0, at[0], at[1], 0])(
            jnp.ones((1, 16, 24, 1))
        )
        for axis in range(2):
            first = field.offset[axis] + output[axis] * field.stride[axis]
            touched = np.flatnonzero(np.asarray(seen)[0, :, :, 0].any(1 - axis))
            size = seen.shape[1 + axis]
            assert touched[0] == max(first, 0)
            assert touched[-1] == min(first + field.size[axis], size) - 1


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([{"stride": 2}], "receptive_field: a layer must have a `window`, got {'stride': 2}"),
        ([{"window": 2, "strides": 2}], "a layer's keys must be among .* got 'strides'"),
        ([{"window": (2, 2)}, {"window": (2,)}], r"agree in their spatial axes, got \[1, 2\]"),
        (
            [{"window": 3, "stride": 2, "padding": "same"}],
            r"`padding` 'same' with stride \(2,\) depends on the size of the input",
        ),
        ([{"window": 0}], "`window` must be at least 1"),
    ],
)
def test_receptive_field_refuses(layers: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        jc.receptive_field(layers)


def test_receptive_field_refuses_other_things() -> None:
    with pytest.raises(TypeError, match="each of `layers` must be a dict, got tuple"):
        jc.receptive_field([(3, 1)])  # type: ignore[list-item]

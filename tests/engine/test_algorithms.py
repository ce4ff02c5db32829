"""Every algorithm against XLA's convolution, in whatever case it accepts."""

import functools

import hypothesis
import jax
import numpy as np
import pytest
from hypothesis import strategies as st
from jax import lax

import jaxcnn as jc
from jaxcnn.engine import ALGORITHMS
from jaxcnn.engine.algorithm import Algorithm
from jaxcnn.engine.choice import BY_NAME, part_by, refuses
from jaxcnn.engine.lowering import carry_out
from jaxcnn.engine.problem import as_task
from tests.engine.programs import draw
from tests.sweep import sweep

NAMES = [name for name in ALGORITHMS if name not in ("auto", "lax")]


def test_algorithms_are_values_under_their_names():
    assert (
        *("auto", "direct", "winograd_tiles", "tap_products", "shifted_taps", "im2col"),
        *("banded", "row_bands", "winograd", "lax"),
    ) == ALGORITHMS
    for name, algorithm in BY_NAME.items():
        assert isinstance(algorithm, Algorithm)
        assert algorithm.name == name


def by(name, fn, args):
    """``fn(*args)`` with its one convolution computed by an algorithm, or None where it refuses."""
    traced = jax.make_jaxpr(fn)(*args)
    task = next(
        as_task(*(atom.aval for atom in e.invars), e.params)
        for e in traced.jaxpr.eqns
        if e.primitive is lax.conv_general_dilated_p
    )
    if refuses(task.problem, name):
        return None
    return jax.jit(functools.partial(replaced, name, traced, task))(*args)


def replaced(name, traced, task, *args):
    """A traced function, its one convolution computed by an algorithm."""
    values = dict(zip(traced.jaxpr.invars, args, strict=True))
    for equation in traced.jaxpr.eqns:
        operands = [values[atom] for atom in equation.invars]
        if equation.primitive is lax.conv_general_dilated_p:
            choose = functools.partial(part_by, name)
            result = carry_out(task, choose, *operands, operands[0].dtype)
        else:
            result = equation.primitive.bind(*operands, **equation.params)
        values[equation.outvars[0]] = result
    return values[traced.jaxpr.outvars[0]]


@pytest.mark.slow
@sweep(8)
@hypothesis.given(seed=st.integers(0, 10**6))
def test_every_algorithm_equals_xla(seed):
    with jax.enable_x64(True):
        drawn = draw(seed)
        tried = 0
        if 0 in jax.eval_shape(drawn, drawn.x, drawn.kernel).shape:
            return
        for kind, (fn, args) in drawn.tasks().items():
            expected = np.asarray(jax.jit(lambda *args, fn=fn: fn(*args))(*args))
            scale = max(1.0, np.abs(expected).max(initial=0))
            for name in NAMES:
                result = by(name, fn, args)
                if result is None:
                    continue
                tried += 1
                assert result.shape == expected.shape
                error = np.abs(np.asarray(result) - expected).max(initial=0)
                assert error <= 1e-12 * scale, (kind, name)
        assert tried >= 3


IMAGES = np.random.default_rng(0).standard_normal((2, 20, 20, 32)).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("winograd", "conv2d: `algorithm` 'winograd' cannot do this convolution: the window is"),
        ("shifted_taps", "conv2d: .* cannot do this convolution: the groups have more than one"),
    ],
)
def test_says_what_an_algorithm_cannot_do(name, message):
    with pytest.raises(ValueError, match=message):
        jc.conv2d(IMAGES, np.ones((2, 2, 32, 4), np.float32), algorithm=name)


def test_winograd_keeps_the_digits():
    """Its errors in float32 are a few units in the last place of the largest result."""
    kernel = np.random.default_rng(1).standard_normal((3, 3, 32, 16)).astype(np.float32)
    with jax.enable_x64(True):
        exact = np.asarray(jc.conv2d(IMAGES.astype(float), kernel.astype(float), algorithm="lax"))
    y = jc.conv2d(IMAGES, kernel, algorithm="winograd")
    assert np.abs(np.asarray(y) - exact).max() <= 2e-6 * np.abs(exact).max()


def test_an_algorithm_that_cannot_do_a_derivative_leaves_it_to_auto():
    kernel = np.ones((3, 3, 1, 32), np.float32)

    def loss(kernel, algorithm):
        y = jc.conv2d(IMAGES, kernel, stride=2, groups=32, algorithm=algorithm)
        return (y * y).sum()

    expected = jax.grad(loss)(kernel, "lax")
    np.testing.assert_allclose(jax.grad(loss)(kernel, "shifted_taps"), expected, rtol=1e-4)
